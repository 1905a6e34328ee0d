package directory

import (
	"encoding/json"
	"fmt"
	"slices"

	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

// enqueue makes the job that does what is left, and marks the groups whose members wait for it.
func (c *change) enqueue() (*models.Job, error) {
	var reseat []models.ProductID
	for id := range c.reseat {
		reseat = append(reseat, id)
	}
	made, err := c.new(reseat)
	if err != nil {
		return nil, err
	}
	job, err := jobs.Enqueue(c.Tx, made)
	if err != nil {
		return nil, err
	}
	if err := c.addLeft(job); err != nil {
		return nil, err
	}
	if err := c.markPending(job); err != nil {
		return nil, err
	}
	if err := c.keepReserved(job); err != nil {
		return nil, err
	}
	c.touched, c.reseat, c.queuedJob = nil, nil, true // the job's
	c.log.Of(job.ID)
	c.log.Noted()
	return job, c.key.rememberJob(c, job)
}

// addLeft gives a job what has been done here, and behind it what is left.
func (c *change) addLeft(job *models.Job) error {
	first, known := c.done, map[models.UserID]*subject(nil)
	if len(first) > 0 {
		first, known = c.apart()
	}
	all, err := rows(first)
	if err == nil {
		err = jobs.Add(c.Tx, job, all)
	}
	if err != nil {
		return err
	}
	if _, ok := c.work.(preparing); !ok && len(known) == 0 {
		return jobs.AddIDs(c.Tx, job, userSubject, c.left)
	}
	at := 0
	for part := range slices.Chunk(c.left, rowBatch) {
		subjects, err := c.prepared(c.work, part, at)
		if err != nil {
			return err
		}
		at += len(part)
		for i, s := range subjects {
			if k := known[s.userID()]; k != nil {
				subjects[i].detail = k.detail
			}
		}
		all, err := rows(subjects)
		if err == nil {
			err = jobs.Add(c.Tx, job, all)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apart tells the subjects that are done from the users among what is left of whom something is known by now.
func (c *change) apart() (done []*subject, known map[models.UserID]*subject) {
	left := make(map[models.UserID]bool, len(c.left))
	for _, id := range c.left {
		left[id] = true
	}
	known = map[models.UserID]*subject{}
	for _, s := range c.done {
		if s.kind == userSubject && left[s.userID()] {
			known[s.userID()] = s
		} else {
			done = append(done, s)
		}
	}
	return done, known
}

func (c *change) new(reseat []models.ProductID) (jobs.New, error) {
	w := c.work
	settle := w == nil
	if settle {
		w = &settling{}
	}
	raw, err := json.Marshal(w)
	if err != nil {
		return jobs.New{}, fmt.Errorf("encode the work of a job: %w", err)
	}
	return jobs.New{
		Kind: kindOf(c.action), Input: instruction{Notify: c.options.NotifyUsers, Settle: settle, Work: raw, Reseat: reseat}, Actor: actorOf(c.who),
		RequestID: c.who.RequestID, DryRun: c.options.DryRun, Reverts: c.reverts,
	}, nil
}

func actorOf(who auth.Caller) models.JobActor {
	actor := models.JobActor{Kind: string(who.Kind), Role: who.Role}
	if who.Kind == auth.Person {
		actor.UserID = &who.UserID
	}
	return actor
}
