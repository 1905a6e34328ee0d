package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"cohort/audit"
	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

const actionJob auth.Action = "Query.job"

// Job finds one job; nil when the account has none of this id. Admins.
func (d *Directory) Job(ctx context.Context, who auth.Caller, id models.JobID) (*models.Job, error) {
	return glance(ctx, d, who, actionJob, func(s *snapshot) (*models.Job, error) {
		job, err := jobs.Find(s.DB, s.account(), id)
		if errors.Is(err, jobs.ErrNotFound) {
			return nil, nil //nolint:nilnil // as of everything that is looked up by its id
		}
		return job, err
	})
}

// JobsByID finds jobs, in the order of the ids, nil for those that the account hasn't got. Admins.
func (d *Directory) JobsByID(ctx context.Context, who auth.Caller, ids []models.JobID) ([]*models.Job, error) {
	return glance(ctx, d, who, actionJob, func(s *snapshot) ([]*models.Job, error) {
		var rows []*models.Job
		if err := s.Where("account_id = ? AND id IN ?", s.account(), ids).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read jobs: %w", err)
		}
		found := map[models.JobID]*models.Job{}
		for _, job := range rows {
			found[job.ID] = job
		}
		ordered := make([]*models.Job, len(ids))
		for i, id := range ids {
			ordered[i] = found[id]
		}
		return ordered, nil
	})
}

// Jobs reads a page of the account's jobs, the newest first. Admins. TOO_MANY kinds, and the errors of PageArgs.Check.
func (d *Directory) Jobs(ctx context.Context, who auth.Caller, f jobs.Filter, args models.PageArgs) (*models.JobConnection, error) {
	if len(f.Kinds) > models.MaxList {
		return nil, models.Errorf(models.CodeTooMany, "%d kinds, at most %d are allowed", len(f.Kinds), models.MaxList).
			With("limit", strconv.Itoa(models.MaxList)).At("kinds")
	}
	hash := models.HashList("jobs", f)
	page, err := args.Check(hash)
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, "Query.jobs", func(s *snapshot) (*models.JobConnection, error) {
		found, more, err := jobs.List(s.DB, s.account(), f, page)
		if err != nil {
			return nil, err
		}
		connection := &models.JobConnection{Edges: make([]*models.JobEdge, len(found))}
		cursors := make([]string, len(found))
		for i := range found {
			cursors[i] = hash.Cursor(models.Cursor{Key: strconv.FormatInt(found[i].Seq, 10)})
			connection.Edges[i] = &models.JobEdge{Cursor: cursors[i], Node: &found[i]}
		}
		connection.PageInfo = pageInfo(page, cursors, more)
		connection.Count = func(ctx context.Context) (int, error) {
			return glance(ctx, d, who, "Query.jobs", func(s *snapshot) (int, error) { return jobs.Count(s.DB, s.account(), f) })
		}
		return connection, nil
	})
}

// JobResults reads the same page of what became of the rows of each of the jobs, in the order in which they are done,
// in two statements. The connections count nothing. Admins. The errors of PageArgs.Check.
func (d *Directory) JobResults(ctx context.Context, who auth.Caller, ids []models.JobID, outcomes []models.JobOutcome, args models.PageArgs) ([]*models.JobResultConnection, error) {
	hash := models.HashList("jobResults", outcomes)
	page, err := args.Check(hash)
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, "Job.results", func(s *snapshot) ([]*models.JobResultConnection, error) {
		pages, err := jobs.Rows(s.DB, s.account(), ids, outcomes, page)
		if err != nil {
			return nil, err
		}
		connections := make([]*models.JobResultConnection, len(ids))
		for i, found := range pages {
			if connections[i], err = resultsPage(hash, page, found); err != nil {
				return nil, err
			}
		}
		return connections, nil
	})
}

func resultsPage(hash models.ListHash, page models.Page, found jobs.RowPage) (*models.JobResultConnection, error) {
	connection := &models.JobResultConnection{Edges: make([]*models.JobResultEdge, len(found.Rows))}
	cursors := make([]string, len(found.Rows))
	for i := range found.Rows {
		row := &found.Rows[i]
		result, err := row.Result()
		if err != nil {
			return nil, err
		}
		cursors[i] = hash.Cursor(models.Cursor{Key: strconv.Itoa(int(row.Position))})
		connection.Edges[i] = &models.JobResultEdge{Cursor: cursors[i], Node: result}
	}
	connection.PageInfo = pageInfo(page, cursors, found.More)
	return connection, nil
}

// CountJobResults counts the rows of each of the jobs that have one of the outcomes; all of its rows when none is named.
// Admins.
func (d *Directory) CountJobResults(ctx context.Context, who auth.Caller, ids []models.JobID, outcomes []models.JobOutcome) ([]int, error) {
	return glance(ctx, d, who, "Job.results", func(s *snapshot) ([]int, error) { return jobs.CountRows(s.DB, s.account(), ids, outcomes) })
}

// CancelJob stops a job that has not ended, whoever made it; what is done stays. Admins. NOT_FOUND, JOB_ENDED (with the job
// as it is). Doing it twice is doing it once.
func (d *Directory) CancelJob(ctx context.Context, who auth.Caller, in models.JobCancelInput) (*models.JobCancelPayload, error) {
	payload, err := write(ctx, d, who, "Mutation.jobCancel", func(c *change) (*models.JobCancelPayload, error) {
		before, err := jobs.Find(c.DB, c.account(), in.ID)
		if err != nil {
			return nil, jobError(err)
		}
		if before.OnlyFollows() && !before.State.Final() {
			return &models.JobCancelPayload{Job: before}, models.Errorf(models.CodeJobOnlyFollows,
				"the change is made: what this job does only follows from it; take the change back instead").At("input", "id")
		}
		job, err := jobs.Cancel(c.Tx, in.ID)
		if err != nil || before.State == models.JobStateCanceled {
			return &models.JobCancelPayload{Job: job}, jobError(err)
		}
		if err := c.jobEnded(job); err != nil {
			return nil, err
		}
		c.log.Of(job.ID)
		err = c.log.Recorded(audit.Subject{Type: audit.Job, ID: job.ID, Before: jobFacts{before.State}, After: jobFacts{job.State}})
		return &models.JobCancelPayload{Job: job}, err
	})
	if err == nil {
		d.jobMoved(who.Account)
		d.wakeJobs() // the account's next one need not wait for it any more
	}
	return payload, err
}

// RetryJob makes a job of the rows of a job that failed, or were not reached when it ended FAILED, whoever made it; the new
// one works with the caller's rights. Admins. NOT_FOUND, JOB_OPEN, NOTHING_TO_RETRY, IDEMPOTENCY_KEY_REUSED, REQUIRED
// and TOO_LONG for the key.
func (d *Directory) RetryJob(ctx context.Context, who auth.Caller, in models.JobRetryFailedInput) (*models.JobRetryFailedPayload, error) {
	const action = auth.Action("Mutation.jobRetryFailed")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	key, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	payload, err := write(ctx, d, who, action, func(c *change) (*models.JobRetryFailedPayload, error) {
		job, known, err := key.job(c)
		if known || err != nil {
			return &models.JobRetryFailedPayload{Job: job}, err
		}
		if job, err = jobs.Retry(c.Tx, in.ID, actorOf(c.who), c.who.RequestID); err != nil {
			return nil, jobError(err)
		}
		if err := key.rememberJob(c, job); err != nil {
			return nil, err
		}
		c.log.Of(job.ID)
		err = c.log.Recorded(audit.Subject{Type: audit.Job, ID: job.ID, Object: new([16]byte(in.ID)), After: jobFacts{job.State}})
		return &models.JobRetryFailedPayload{Job: job}, err
	})
	if err == nil {
		d.wakeJobs()
	}
	return payload, err
}

// jobFacts are what the log keeps of a job.
type jobFacts struct {
	Status models.JobState `json:"status"`
}

// jobError is what the engine refuses as the caller's mistake.
func jobError(err error) error {
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		return notFound("job").At("input", "id")
	case errors.Is(err, jobs.ErrEnded):
		return models.Errorf(models.CodeJobEnded, "the job has ended already").At("input", "id")
	case errors.Is(err, jobs.ErrOpen):
		return models.Errorf(models.CodeJobOpen, "the job has not ended yet").At("input", "id")
	case errors.Is(err, jobs.ErrNothingToRetry):
		return models.Errorf(models.CodeNothingToRetry, "the job has no rows to try again").At("input", "id")
	}
	return err
}
