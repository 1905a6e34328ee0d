package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cohort/audit"
	"cohort/auth"
	"cohort/jobs"
	"cohort/mail"
	"cohort/models"
	"cohort/store"
)

// instruction is what the input of a job holds: how to tell the users, and the work.
type instruction struct {
	Notify bool               `json:"notify"`
	Settle bool               `json:"settle"` // what the sources were changed for, and no work of its own
	Work   json.RawMessage    `json:"work"`
	Reseat []models.ProductID `json:"reseat,omitempty"` // products with more seats than before
}

// The mutations that leave a work of their own to jobs, and those that change sources and leave the rest to be settled.
var (
	workingActions = []auth.Action{
		"Mutation.usersProductsSet", "Mutation.usersSuspend", "Mutation.usersResume", "Mutation.jobRevert", "Mutation.productDelete", "Mutation.userProductBlocksSet",
		"Mutation.groupSettingsSet", "Mutation.groupsSettingsSet", "Mutation.userSettingsSet", "Mutation.usersSettingsSet",
	}
	settlingActions = []auth.Action{
		"Mutation.groupProductsSet", "Mutation.groupsProductsSet", "Mutation.groupMembersAdd", "Mutation.groupMembersRemove",
		"Mutation.groupNest", "Mutation.groupUnnest", "Mutation.groupCreate", "Mutation.groupUpdate", "Mutation.groupDelete", "Mutation.groupsDelete",
		"Mutation.userGroupsUpdate", "Mutation.userRoleSet", "Mutation.userDelete", "Mutation.productUpdate",
	}
)

// workOf is the work of a kind of jobs, to be decoded into.
func workOf(kind string, settle bool) work {
	if settle {
		return &settling{}
	}
	switch kind {
	case "jobRevert":
		return &reverting{}
	case "usersProductsSet":
		return &assigning{}
	case "userProductBlocksSet":
		return &blocking{}
	case "productDelete":
		return &retiring{}
	case "usersSuspend", "usersResume":
		return &suspending{}
	case "groupSettingsSet", "groupsSettingsSet", "userSettingsSet", "usersSettingsSet":
		return &configuring{}
	default:
		return &settling{}
	}
}

// kindOf is the kind of the jobs that a mutation makes.
func kindOf(action auth.Action) string { return string(action[len("Mutation."):]) }

// Handlers are what the jobs of each kind do; a kind is the name of the mutation that makes such jobs. app gives them
// to the Runner.
func (d *Directory) Handlers() map[string]jobs.Handler {
	handlers := map[string]jobs.Handler{}
	for _, action := range slices.Concat(workingActions, settlingActions) {
		handlers[kindOf(action)] = jobs.Handler{Chunk: d.chunk, Failed: d.failed}
	}
	return handlers
}

// OnJob has wake called after the commit of each job that waits for a worker. Call it before the first request.
func (d *Directory) OnJob(wake func()) { d.wakeJobs = wake }

// CodeActorLostRights ends a job whose actor may not do any more what it does.
const CodeActorLostRights = "ACTOR_LOST_RIGHTS"

// chunk does the next part of a job.
func (d *Directory) chunk(ctx context.Context, claim jobs.Claim) (bool, error) {
	posted := false
	done, err := store.InAccount(ctx, d.store, claim.Account, func(tx *store.Tx) (bool, error) {
		job, err := jobs.Held(tx, claim)
		if err != nil {
			return false, err
		}
		c, w, err := d.resume(tx, job)
		if err != nil {
			return false, err
		}
		c.log.Noted() // by which a commit is known whose answer was lost
		if err := c.chunkOf(job, w); err != nil {
			return false, err
		}
		last := job.Done == job.Total
		if !last {
			c.queued = nil // the next part goes on along the lines
		} else if err := c.letGo(job); err != nil {
			return false, err
		}
		if f, ok := w.(finishing); ok && last {
			if err := f.finish(c); err != nil {
				return false, err
			}
		}
		if err := c.end(); err != nil {
			return false, err
		}
		posted = c.posted
		if last {
			if err := mail.Release(tx, job.OperationID); err != nil {
				return false, err
			}
		}
		if err := jobs.MoveCursor(tx, job, c.effects.impact); err != nil || !last {
			return false, err
		}
		return true, jobs.Finish(tx, job)
	})
	if err == nil {
		if posted {
			d.wakeMails()
		}
		d.feeds.wake(claim.Account)
		d.wakeWebhooks()
		d.jobMoved(claim.Account)
	}
	return done, err
}

// resume is a change in the name of a job's actor, with the actor's present rights, and the job's work.
func (d *Directory) resume(tx *store.Tx, job *models.Job) (*change, work, error) {
	var o instruction
	if err := json.Unmarshal([]byte(job.Input), &o); err != nil {
		return nil, nil, fmt.Errorf("decode the job's input: %w", err)
	}
	w := workOf(job.Kind, o.Settle)
	if err := json.Unmarshal(o.Work, w); err != nil {
		return nil, nil, fmt.Errorf("decode the job's work: %w", err)
	}
	who := auth.Caller{Account: job.AccountID, Kind: auth.Kind(job.Actor.Kind), Role: job.Actor.Role, RequestID: job.RequestID}
	if job.Actor.UserID != nil {
		who.UserID = *job.Actor.UserID
	}
	action, answer := auth.Action("Mutation."+job.Kind), auth.Deny
	if !job.OnlyFollows() { // which does nothing in anybody's name: the sources have changed
		var err error
		if who, err = presentRights(tx, who); err == nil {
			answer, err = who.May(action)
		}
		if errors.Is(err, auth.ErrUnauthenticated) || errors.Is(err, auth.ErrForbidden) {
			return nil, nil, jobs.Fail(CodeActorLostRights, err)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	c := d.begin(tx, who, action, answer)
	c.log.Of(job.ID)
	c.job, c.options.NotifyUsers = job, o.Notify
	if job.Cursor != nil {
		if err := json.Unmarshal([]byte(*job.Cursor), &c.effects.impact); err != nil {
			return nil, nil, fmt.Errorf("decode the job's cursor: %w", err)
		}
	}
	for _, id := range o.Reseat {
		c.queue(id)
	}
	c.reseat, c.queued = c.queued, nil
	return c, w, nil
}

// chunkOf does the next rows of a job and writes what became of them.
func (c *change) chunkOf(job *models.Job, w work) error {
	pending, err := jobs.Pending(c.Tx, job, c.d.courtesy.part(c.account(), c.d.inPlace))
	if err != nil {
		return err
	}
	part := make([]*subject, len(pending))
	for i, row := range pending {
		if part[i], err = subjectOf(row); err != nil {
			return err
		}
	}
	c.part = make(map[models.UserID]bool, len(part))
	for _, s := range part {
		c.part[s.userID()] = true
	}
	if err := c.step(w, part); err != nil {
		return err
	}
	for i, s := range part {
		row, err := s.row()
		if err != nil {
			return err
		}
		pending[i].Effect, pending[i].Outcome, pending[i].Detail = row.Effect, row.Outcome, row.Detail
	}
	return jobs.Settle(c.Tx, job, pending)
}

// failed is the last step of a job that ends FAILED.
func (d *Directory) failed(tx *store.Tx, job *models.Job) error {
	c := d.begin(tx, auth.OperatorOf(job.AccountID), auth.Action("Mutation."+job.Kind), auth.Allow)
	if err := c.jobEnded(job); err != nil {
		return err
	}
	c.log.Of(job.ID)
	err := c.log.Recorded(audit.Subject{Type: audit.Job, ID: job.ID, Before: jobFacts{models.JobStateRunning}, After: jobFacts{job.State}})
	if err != nil {
		return err
	}
	return c.end()
}

// jobEnded is the last step of a job that ends before its time.
func (c *change) jobEnded(job *models.Job) error {
	if job.Kind == models.KindExport {
		return dropExports(c.DB, job.AccountID, []models.JobID{job.ID})
	}
	if err := c.letGo(job); err != nil {
		return err
	}
	return mail.Release(c.Tx, job.OperationID)
}

// letGo ends what is kept for a job.
func (c *change) letGo(job *models.Job) error {
	if err := c.unmarkPending(job); err != nil {
		return err
	}
	return c.unreserve(job)
}
