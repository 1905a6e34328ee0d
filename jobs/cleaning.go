package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// Life is how long a job is kept after it has ended.
const Life = 90 * 24 * time.Hour

// errGone says that somebody else has removed the job meanwhile.
var errGone = errors.New("the job is gone")

// clean removes old jobs now and then, until ctx ends.
func (r *Runner) clean(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.o.Clean/2 + rand.N(r.o.Clean)): // not all servers at once
		}
		removed, err := Clean(ctx, r.store)
		if removed > 0 {
			r.o.Log.InfoContext(ctx, "old jobs removed", "jobs", removed)
		}
		if err != nil && ctx.Err() == nil {
			r.o.Log.WarnContext(ctx, "remove old jobs", "error", err)
		}
	}
}

// Clean removes the jobs of all accounts that ended longer than Life ago, with their rows and keys, and returns how many.
// Of each account it begins with the oldest, and stops at one that must stay. It writes in small transactions, so that
// nobody waits for long, and may be cut off anywhere: the rest is removed another time.
func Clean(ctx context.Context, s *store.Store) (removed int, err error) {
	for {
		found, err := removable(ctx, s, batch)
		if err != nil || len(found) == 0 {
			return removed, err
		}
		for _, job := range found {
			switch err := remove(ctx, s, job); {
			case err == nil:
				removed++
			case !errors.Is(err, errGone):
				return removed, err
			}
		}
	}
}

// removable finds of each account the oldest job, if its time has come.
func removable(ctx context.Context, s *store.Store, most int) ([]models.Job, error) {
	// As in claimable, each account costs one look into the index.
	const old = `SELECT h.account_id, h.id, h.total FROM (
			SELECT a.id AS account_id, (SELECT MIN(j.seq) FROM jobs j WHERE j.account_id = a.id) AS seq FROM accounts a
		) oldest
		JOIN jobs h ON h.account_id = oldest.account_id AND h.seq = oldest.seq
		WHERE h.finished_at <= ? LIMIT ?`
	var found []models.Job
	err := s.Read.WithContext(store.AcrossAccounts(ctx)).Raw(old, s.Now().Add(-Life), most).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("look for old jobs: %w", err)
	}
	return found, nil
}

// remove removes a job, its rows first.
func remove(ctx context.Context, s *store.Store, job models.Job) error {
	step := func(fn func(tx *store.Tx, of *gorm.DB) error) error {
		_, err := store.InAccount(ctx, s, job.AccountID, func(tx *store.Tx) (struct{}, error) {
			return struct{}{}, fn(tx, tx.Where("account_id = ? AND job_id = ?", job.AccountID, job.ID))
		})
		if err != nil && !errors.Is(err, errGone) {
			err = fmt.Errorf("remove an old job: %w", err)
		}
		return err
	}
	for from := int32(0); from < job.Total; from += batch {
		err := step(func(_ *store.Tx, of *gorm.DB) error {
			of = of.Where("position >= ? AND position < ?", from, from+batch).Session(&gorm.Session{})
			if err := of.Delete(&block{}).Error; err != nil {
				return err
			}
			return of.Delete(&models.JobRow{}).Error
		})
		if err != nil {
			return err
		}
	}
	return step(func(tx *store.Tx, of *gorm.DB) error {
		if err := of.Delete(&keyRow{}).Error; err != nil {
			return err
		}
		gone := tx.Where("account_id = ? AND id = ?", job.AccountID, job.ID).Delete(&models.Job{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return errGone
		}
		return gone.Error
	})
}

// Open counts the jobs of all accounts that are in each of the states in which a job has not ended.
func Open(ctx context.Context, s *store.Store) (map[models.JobState]int, error) {
	var rows []struct {
		State models.JobState
		N     int
	}
	err := s.Read.WithContext(store.AcrossAccounts(ctx)).
		Raw("SELECT j.state, COUNT(*) AS n FROM accounts a JOIN jobs j ON j.account_id = a.id WHERE j.state IN ('QUEUED', 'RUNNING') GROUP BY j.state").
		Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count open jobs: %w", err)
	}
	counts := map[models.JobState]int{models.JobStateQueued: 0, models.JobStateRunning: 0}
	for _, row := range rows {
		counts[row.State] = row.N
	}
	return counts, nil
}
