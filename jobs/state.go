package jobs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"cohort/models"
)

// The codes with which the engine itself ends a job FAILED. A handler ends one with its own through Fail.
const (
	CodeAllRowsFailed   = "ALL_ROWS_FAILED"
	CodeInternal        = "INTERNAL"          // a panic
	CodeTooManyAttempts = "TOO_MANY_ATTEMPTS" // failed or died again and again at the same chunk
)

// next is the state machine. From RUNNING to RUNNING is a worker that takes over.
//
//	QUEUED ──> RUNNING <─┐ ──> SUCCEEDED
//	   │          │└─────┘ ──> PARTLY_FAILED
//	   │          │        ──> FAILED
//	   └──────────┴──────────> CANCELED
var next = map[models.JobState][]models.JobState{
	models.JobStateQueued: {models.JobStateRunning, models.JobStateCanceled},
	models.JobStateRunning: {
		models.JobStateRunning, models.JobStateSucceeded, models.JobStatePartlyFailed, models.JobStateFailed, models.JobStateCanceled,
	},
}

// change is what comes along with a change of state.
type change struct {
	at     time.Time
	code   string         // of a job that ends FAILED
	take   map[string]any // the columns of a worker's claim
	only   string         // a further condition
	values []any          // of the condition
}

// transition changes the state of a job, in the database and in job; nothing else does. The row must be in the state
// and at the fencing number that job has, else ErrLost and nothing is changed. A change that the machine doesn't know
// is an error.
func transition(db *gorm.DB, job *models.Job, to models.JobState, c change) error {
	if !slices.Contains(next[job.State], to) {
		return fmt.Errorf("a job doesn't go from %s to %s", job.State, to)
	}
	set := map[string]any{"state": to}
	maps.Copy(set, c.take)
	started, finished, code := job.StartedAt, job.FinishedAt, job.ErrorCode
	if to == models.JobStateRunning && started == nil {
		started = &c.at
		set["started_at"] = c.at
	}
	if to.Final() {
		finished = &c.at
		set["finished_at"], set["lease_owner"], set["lease_until"], set["available_at"] = c.at, nil, nil, nil
	}
	if c.code != "" {
		code = &c.code
		set["error_code"] = c.code
	}
	row := db.Model(&models.Job{}).
		Where("account_id = ? AND id = ? AND state = ? AND fence = ?", job.AccountID, job.ID, job.State, job.Fence)
	if c.only != "" {
		row = row.Where(c.only, c.values...)
	}
	done := row.Updates(set)
	if done.Error != nil {
		return fmt.Errorf("make the job %s: %w", to, done.Error)
	}
	if done.RowsAffected == 0 {
		return ErrLost
	}
	job.State, job.StartedAt, job.FinishedAt, job.ErrorCode = to, started, finished, code
	if to.Final() {
		job.LeaseOwner, job.LeaseUntil, job.AvailableAt = nil, nil, nil
	}
	return nil
}
