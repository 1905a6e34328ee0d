package directory

import (
	"context"
	"fmt"
	"slices"

	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

// following is what a change that can reach many leaves to follow: here when they are few, else by a job.
type following struct {
	options models.EffectOptions
	key     once
	input   [32]byte // the hash of what was asked for
	defers  bool     // what concerns many is left to a job
	losing  bool     // takes something away
	bulk    bool     // is told as a job also when nothing is left to one

	work     work             // nil when all that is left is to settle
	left     []models.UserID  // the subjects of the work that are left to a job
	selected [32]byte         // the hash of the subjects of the work
	reverts  *models.JobID    // the job that is taken back
	done     []*subject       // what has been changed here
	groups   []models.GroupID // whose members may wait for a job
	reserved []reservation    // seats that the job is to have
	tally    tally            // of the work done here
}

// payload is one that tells what follows.
type payload[P any] interface {
	*P
	Following() *models.Effects
	Refuse(models.Errors)
}

// carryOut is write for a use case that can change what many users have. It can be tried out, is stopped when it would
// suspend too many, leaves to a job what concerns more than Options.InPlace users, and is done once for an idempotency
// key. Besides the errors of fn: CONFIRMATION_REQUIRED, IDEMPOTENCY_KEY_REUSED, TOO_LONG and REQUIRED for the key.
func carryOut[P any, PP payload[P]](
	ctx context.Context, d *Directory, who auth.Caller, action auth.Action, in any, o models.EffectOptions, fn func(*change) (PP, error),
) (PP, error) {
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	key, err := onceFor(who, action, in, o.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	if o.DryRun {
		key = once{} // of which any number may be made
	}
	input, err := inputHash(action, in)
	if err != nil {
		return nil, err
	}
	result, err := write(ctx, d, who, action, func(c *change) (PP, error) {
		c.options, c.key, c.input, c.defers = o, key, input, true
		result := PP(new(P))
		job, known, err := key.job(c)
		if err != nil {
			return result, err
		}
		if known {
			result.Following().Job = job
			return result, nil
		}
		if o.DryRun {
			refused, err := PP(nil), error(nil)
			result.Following().Preview, err = c.preview(func(t *change) error {
				var err error
				refused, err = fn(t)
				c.wrong = t.wrong
				return err
			})
			if err != nil {
				return refused, err
			}
			result.Refuse(c.wrong)
			result.Following().Job, err = c.record(nil)
			return result, err
		}
		if result, err = fn(c); err != nil {
			return result, err
		}
		if len(c.wrong) > 0 {
			result.Refuse(c.wrong)
		}
		result.Following().Job, err = c.conclude()
		return result, err
	})
	if err == nil && result.Following().Job != nil && !result.Following().Job.State.Final() {
		d.wakeJobs()
	}
	return result, err
}

// perform carries out a work: here when there are few subjects and no job of the account would come after it that was
// asked for before, else conclude leaves it to one.
func (c *change) perform(w work, ids []models.UserID) error {
	c.work, c.bulk, c.selected = w, true, hashIDs(ids)
	if c.trial {
		return c.inParts(w, ids)
	}
	behind, err := c.behind()
	if err != nil {
		return err
	}
	if behind || len(ids) > c.d.inPlace {
		c.left = ids
		return nil
	}
	if c.done, err = c.prepared(w, ids, 0); err != nil {
		return err
	}
	if err := c.step(w, c.done); err != nil {
		return err
	}
	c.tally.add(c.done)
	return nil
}

// preparing is a work that knows something of each subject from the beginning.
type preparing interface {
	prepare(c *change, part []*subject, at int) error
}

// prepared are the subjects of a part of a work, which begins at an index of all its users.
func (c *change) prepared(w work, ids []models.UserID, at int) ([]*subject, error) {
	subjects := userSubjects(ids)
	if p, ok := w.(preparing); ok {
		return subjects, p.prepare(c, subjects, at)
	}
	return subjects, nil
}

// inParts tries a work out, and keeps no more of it than one part and the counts.
func (c *change) inParts(w work, ids []models.UserID) error {
	at := 0
	for part := range slices.Chunk(ids, c.d.part(len(ids))) {
		subjects, err := c.prepared(w, part, at)
		if err != nil {
			return err
		}
		at += len(part)
		if err := c.step(w, subjects); err != nil {
			return err
		}
		c.tally.add(subjects)
		if err := c.tell(); err != nil {
			return err
		}
	}
	return nil
}

// part is how many of so many users are changed in one transaction.
func (d *Directory) part(of int) int {
	return max(min(of, d.inPlace), 1)
}

// behind tells whether a job of the account has not ended that changes sources bit by bit: what is asked for now must
// not be done before it.
func (c *change) behind() (bool, error) {
	var open []*models.Job
	err := c.Where("account_id = ? AND state IN ?", c.account(), []models.JobState{models.JobStateQueued, models.JobStateRunning}).Find(&open).Error
	if err != nil {
		return false, fmt.Errorf("look for open jobs: %w", err)
	}
	return slices.ContainsFunc(open, func(job *models.Job) bool { return !job.OnlyFollows() && !job.OnlyReads() }), nil
}

// conclude settles what is left when that is little, or else makes the job that does. The job is nil when the change is
// told without one.
func (c *change) conclude() (*models.Job, error) {
	if c.left == nil && len(c.touched) > c.d.inPlace {
		c.left = sortedIDs(c.touched)
	}
	if c.left == nil {
		return c.finish()
	}
	if err := c.brakeBefore(); err != nil {
		return nil, err
	}
	return c.enqueue()
}

// finish settles here what is left, and tells it as a job where it is to be told so.
func (c *change) finish() (*models.Job, error) {
	if _, err := c.settleAll(); err != nil {
		return nil, err
	}
	c.complete()
	if err := c.tell(); err != nil {
		return nil, err
	}
	line, err := c.inLine()
	if err != nil {
		return nil, err
	}
	if len(line) > 0 {
		c.left, c.reseat, c.queued = line, c.queued, nil
		return c.enqueue()
	}
	if err := c.brakeAt(c); err != nil {
		return nil, err
	}
	if !c.bulk && c.options.IdempotencyKey == nil {
		return nil, nil //nolint:nilnil // no job is an answer here
	}
	return c.record(c.done)
}

// complete adds to what has been changed here what followed from it.
func (c *change) complete() {
	if c.work != nil {
		return // whose steps have done so
	}
	there := map[models.UserID]bool{}
	for _, s := range c.done {
		if s.kind != userSubject {
			continue
		}
		there[s.userID()] = true
		if u := c.effects.users[s.userID()]; u != nil {
			s.detail.Gained, s.detail.Lost, s.detail.Waiting, s.detail.NoProducts = u.Gained, u.Lost, u.Waiting, u.NoProducts
		}
	}
	for _, id := range c.effects.order {
		if u := c.effects.users[id]; !there[id] && changes(u) {
			c.done = append(c.done, &subject{kind: userSubject, id: id, outcome: outcomeOf(u), detail: *u})
		}
	}
}

// record tells what was done, or tried out, as a job that has ended.
func (c *change) record(subjects []*subject) (*models.Job, error) {
	all, err := rows(subjects)
	if err != nil {
		return nil, err
	}
	made, err := c.new(nil)
	if err != nil {
		return nil, err
	}
	job, err := jobs.Record(c.Tx, made, all, c.effects.impact)
	if err != nil {
		return nil, err
	}
	c.log.Of(job.ID)
	return job, c.key.rememberJob(c, job)
}

// checkKey refuses an idempotency key that is none. REQUIRED, TOO_LONG, INVALID_CHARACTERS.
func checkKey(key *string) error {
	switch {
	case key == nil:
		return nil
	case *key == "":
		return models.Errorf(models.CodeRequired, "an idempotency key has 1 to %d characters", jobs.MaxKey).At("input", "idempotencyKey")
	}
	if _, err := models.Line(*key, jobs.MaxKey, false); err != nil {
		var errs models.Errors
		if rest := errs.Add(err, "input", "idempotencyKey"); rest != nil {
			return rest
		}
		return errs
	}
	return nil
}
