// Package jobs is the engine of bulk changes: it stores a job with its rows, gives it to one worker at a time,
// lets another resume it when that one dies, tries again what failed, and remembers idempotency keys. What a job
// does is known to the Handler of its kind alone.
//
// Functions that take a *store.Tx are steps of the caller's transaction, which holds the account's lock. A job that
// is finished within the mutation takes the same steps as one that a Runner works on: Enqueue, Add or AddIDs, Start, then for
// each chunk Pending and Settle, then Finish.
package jobs

import (
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

var (
	// ErrNotFound says that the account has no such job.
	ErrNotFound = errors.New("no such job")

	// ErrLost says that the job isn't the worker's any more: another has taken it, or it has ended. The transaction
	// that meets it must be rolled back.
	ErrLost = errors.New("the job is somebody else's, or has ended")

	// ErrOpen says that a job has not ended yet.
	ErrOpen = errors.New("the job has not ended")

	// ErrEnded says that a job has ended already.
	ErrEnded = errors.New("the job has ended")

	// ErrNothingToRetry says that none of a job's rows has failed.
	ErrNothingToRetry = errors.New("the job has no failed rows")
)

const batch = 1000

// New describes a job to be made.
type New struct {
	Kind      string // at most 64 characters, the same for ever
	Input     any    // what the handler needs beside the rows; stored as JSON
	Actor     models.JobActor
	RequestID string // of the request that asks for it, at most 64 characters
	DryRun    bool
	Reverts   *models.JobID // the job that this one takes back
}

// Enqueue makes a job that is QUEUED and has no rows yet. A Runner takes it after the commit, once the account's
// older jobs have ended; call Runner.Wake then, or it waits for the next look.
func Enqueue(tx *store.Tx, n New) (*models.Job, error) {
	input, err := json.Marshal(n.Input)
	if err != nil {
		return nil, fmt.Errorf("encode the job's input: %w", err)
	}
	return insert(tx, models.Job{
		Kind: n.Kind, Input: string(input), Actor: n.Actor, RequestID: n.RequestID, DryRun: n.DryRun, RevertsJobID: n.Reverts,
	})
}

// Record makes a job that has been carried out in this transaction, with its rows, each of which says its effect and
// outcome, and with what MoveCursor would store. It is in the state that Finish would give it; one without rows has
// SUCCEEDED.
func Record(tx *store.Tx, n New, rows []models.JobRow, cursor any) (*models.Job, error) {
	input, err := json.Marshal(n.Input)
	if err != nil {
		return nil, fmt.Errorf("encode the job's input: %w", err)
	}
	kept, err := json.Marshal(cursor)
	if err != nil {
		return nil, fmt.Errorf("encode the job's cursor: %w", err)
	}
	job := models.Job{
		Kind: n.Kind, Input: string(input), Actor: n.Actor, RequestID: n.RequestID, DryRun: n.DryRun, RevertsJobID: n.Reverts,
		Cursor: new(string(kept)), Total: int32(len(rows)), StartedAt: &tx.Now, FinishedAt: &tx.Now, //nolint:gosec // an account has fewer
	}
	for _, r := range rows {
		if err := count(&job, r); err != nil {
			return nil, err
		}
	}
	state, code := outcome(&job)
	if code != "" {
		job.ErrorCode = &code
	}
	recorded, err := insertIn(tx, job, state)
	if err != nil || len(rows) == 0 {
		return recorded, err
	}
	for i := range rows {
		rows[i].AccountID, rows[i].JobID, rows[i].Position = recorded.AccountID, recorded.ID, int32(i) //nolint:gosec // an account has fewer
	}
	return recorded, insertRows(tx, rows)
}

func insert(tx *store.Tx, job models.Job) (*models.Job, error) {
	return insertIn(tx, job, models.JobStateQueued)
}

func insertIn(tx *store.Tx, job models.Job, state models.JobState) (*models.Job, error) {
	// Not the id's time: the clocks of two servers may disagree about who was first, the lock doesn't.
	err := tx.Raw("SELECT COALESCE(MAX(seq), 0) + 1 FROM jobs WHERE account_id = ?", tx.Account.ID).Scan(&job.Seq).Error
	if err != nil {
		return nil, fmt.Errorf("number the job: %w", err)
	}
	job.AccountID, job.ID, job.OperationID = tx.Account.ID, models.NewID[models.JobID](), tx.Operation
	job.State, job.CreatedAt = state, tx.Now
	if err := tx.Create(&job).Error; err != nil {
		return nil, fmt.Errorf("insert the job: %w", err)
	}
	return &job, nil
}

// Start makes a queued job RUNNING within the transaction that has just made it, to be carried out there and then.
// It doesn't wait for older jobs of the account; whether it must is for the caller to know. If that transaction commits
// without Finish, a Runner goes on with it.
func Start(tx *store.Tx, job *models.Job) error {
	return transition(tx.DB, job, models.JobStateRunning, change{at: tx.Now})
}

// Finish ends a job whose rows are all done: SUCCEEDED, PARTLY_FAILED when some failed, FAILED with
// ALL_ROWS_FAILED when all did. Rows that are still pending are an error.
func Finish(tx *store.Tx, job *models.Job) error {
	if job.Done != job.Total {
		return fmt.Errorf("finish the job: %d of %d rows are done", job.Done, job.Total)
	}
	state, code := outcome(job)
	return transition(tx.DB, job, state, change{at: tx.Now, code: code})
}

// outcome is the state in which a job ends whose rows are all done, and its code.
func outcome(job *models.Job) (models.JobState, string) {
	switch {
	case job.Failed == 0:
		return models.JobStateSucceeded, ""
	case job.Failed < job.Total:
		return models.JobStatePartlyFailed, ""
	}
	return models.JobStateFailed, CodeAllRowsFailed
}

// Cancel ends a job that hasn't ended: nobody begins another chunk of it, and what is done stays. ErrNotFound, and
// ErrEnded when it was too late; of a job that was canceled before it returns the job and changes nothing.
func Cancel(tx *store.Tx, id models.JobID) (*models.Job, error) {
	job, err := Find(tx.DB, tx.Account.ID, id)
	if err != nil || job.State == models.JobStateCanceled {
		return job, err
	}
	if job.State.Final() {
		return job, ErrEnded
	}
	// A worker's claim takes no account's lock, so it may come between: then once more, with the job as it is now.
	if err = transition(tx.DB, job, models.JobStateCanceled, change{at: tx.Now}); errors.Is(err, ErrLost) {
		return Cancel(tx, id)
	}
	return job, err
}

// Retry makes a job of the same kind and input over the rows of a job that failed, or that it never got to when it
// ended FAILED, with their detail, on behalf of whoever asks now. ErrNotFound; ErrOpen while the job has not ended; ErrNothingToRetry,
// also for a dry run, which has changed nothing. On an error the transaction must be rolled back.
func Retry(tx *store.Tx, id models.JobID, actor models.JobActor, requestID string) (*models.Job, error) {
	first, err := Find(tx.DB, tx.Account.ID, id)
	if err != nil {
		return nil, err
	}
	switch {
	case !first.State.Final():
		return nil, ErrOpen
	case first.DryRun:
		return nil, ErrNothingToRetry
	}
	effects := []models.JobRowEffect{models.JobRowEffectFailed}
	if first.State == models.JobStateFailed {
		effects = append(effects, models.JobRowEffectPending)
	}
	job, err := insert(tx, models.Job{Kind: first.Kind, Input: first.Input, Actor: actor, RequestID: requestID, RetriesJobID: &first.ID})
	if err != nil {
		return nil, err
	}
	err = addAgain(tx, job, id, effects)
	if err == nil && first.State == models.JobStateFailed {
		err = addUndone(tx, job, first)
	}
	if err == nil && job.Total == 0 {
		err = ErrNothingToRetry
	}
	if err != nil {
		return nil, err
	}
	return job, nil
}

// Find returns a job. ErrNotFound when the account has none of this id.
func Find(db *gorm.DB, account models.AccountID, id models.JobID) (*models.Job, error) {
	var job models.Job
	err := db.Where("account_id = ? AND id = ?", account, id).Take(&job).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("find the job: %w", err)
	}
	return &job, nil
}
