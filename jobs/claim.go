package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// Claim is a worker's right to a job. It ends when another worker takes the job or the job ends; the fencing number
// tells, whatever the worker believes.
type Claim struct {
	Account models.AccountID
	Job     models.JobID
	Kind    string
	Fence   int64
	Lease   time.Duration // how long it holds from each renewal on
}

// Held begins a chunk: it renews the lease and returns the job as it is now. Until the transaction ends nobody can
// take the job. ErrLost when the job is not the claim's any more: then nothing may be written.
func Held(tx *store.Tx, c Claim) (*models.Job, error) {
	// The update locks the row before it is read.
	if err := renew(tx.DB.Where("account_id = ?", tx.Account.ID), c); err != nil {
		return nil, err
	}
	return Find(tx.DB, tx.Account.ID, c.Job)
}

// renew prolongs the lease. ErrLost when the claim has ended.
func renew(db *gorm.DB, c Claim) error {
	return ofClaim(db, c, map[string]any{"lease_until": store.Clock(db, c.Lease)})
}

// release gives the job back to whoever comes first. ErrLost when the claim has ended.
func release(db *gorm.DB, c Claim) error {
	return ofClaim(db, c, map[string]any{"lease_owner": nil, "lease_until": nil})
}

// postpone gives the job back, to be tried again after a pause that depends on how often it has failed in a row, and
// counts the failure. It returns the pause. ErrLost as ever.
func postpone(db *gorm.DB, c Claim, backoff func(failures int) time.Duration) (time.Duration, error) {
	job, err := Find(db, c.Account, c.Job)
	if err != nil {
		return 0, err
	}
	pause := backoff(int(job.Attempts) + 1)
	return pause, ofClaim(db, c, map[string]any{
		"lease_owner": nil, "lease_until": nil, "available_at": store.Clock(db, pause), "attempts": job.Attempts + 1,
	})
}

func ofClaim(db *gorm.DB, c Claim, set map[string]any) error {
	done := db.Model(&models.Job{}).
		Where("account_id = ? AND id = ? AND fence = ? AND state = ?", c.Account, c.Job, c.Fence, models.JobStateRunning).Updates(set)
	if done.Error != nil {
		return fmt.Errorf("keep the claim: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return ErrLost
	}
	return nil
}

// claimable finds jobs that a worker may take: of each account the oldest that hasn't ended, and nothing younger, so
// that an account's jobs run one at a time and in order. Those that have waited longest come first.
func claimable(ctx context.Context, s *store.Store, kinds []string, most int) ([]models.Job, error) {
	// The accounts come first and each costs one look into the index, however many jobs have ended.
	const open = `SELECT h.* FROM (
			SELECT a.id AS account_id, (
				SELECT MIN(j.seq) FROM jobs j WHERE j.account_id = a.id AND j.state IN ('QUEUED', 'RUNNING')
			) AS seq FROM accounts a
		) oldest
		JOIN jobs h ON h.account_id = oldest.account_id AND h.seq = oldest.seq
		WHERE h.kind IN ? AND ` + free + `
		ORDER BY h.created_at, h.id LIMIT ?`
	db := s.Read.WithContext(store.AcrossAccounts(ctx))
	now := store.Clock(db, 0)
	var found []models.Job
	if err := db.Raw(open, kinds, now, now, most).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	return found, nil
}

// free is the condition that nobody has the job and that its time has come; it takes the database's clock twice.
const free = `(lease_until IS NULL OR lease_until <= ?) AND (available_at IS NULL OR available_at <= ?)`

// claim takes a job that claimable has found. ErrLost when somebody was faster. A job whose last holder didn't give it
// back has died with it, which counts as a failure.
func claim(ctx context.Context, s *store.Store, job *models.Job, owner string, lease time.Duration) (Claim, error) {
	return store.InTx(ctx, s, func(tx *gorm.DB) (Claim, error) {
		taken, now := *job, store.Clock(tx, 0)
		c := Claim{Account: job.AccountID, Job: job.ID, Kind: job.Kind, Fence: job.Fence + 1, Lease: lease}
		err := transition(tx, &taken, models.JobStateRunning, change{
			at: s.Now(),
			take: map[string]any{
				"fence": c.Fence, "lease_owner": owner, "lease_until": store.Clock(tx, lease), "available_at": nil,
				// MySQL computes this from the owner before it sets the new one: GORM sets columns in the order of
				// their names.
				"attempts": gorm.Expr("CASE WHEN lease_owner IS NULL THEN attempts ELSE attempts + 1 END"),
			},
			only: free, values: []any{now, now},
		})
		if err != nil && !errors.Is(err, ErrLost) {
			err = fmt.Errorf("claim a job: %w", err)
		}
		return c, err
	})
}
