package jobs_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// TestClean has jobs grow old: the oldest go, with their rows and keys, and nothing else does.
func TestClean(t *testing.T) {
	w := newWorld(t)
	now := time.Now().Truncate(time.Microsecond) // as databases keep it
	later := another(t, store.Options{Now: func() time.Time { return now }})
	many := w.enqueue(2500) // several batches of rows
	blocks := w.enqueueAs("rows, then blocks", 2500)
	canceled := w.enqueueAs("blocks", 7)
	open := w.enqueue(2)
	behind := w.enqueue(1) // ends before the one in front of it
	other := w.neighbour()
	theirs := other.enqueue(1)
	end := func(w *world, id models.JobID, ago time.Duration) {
		must(t, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, id).
			Updates(map[string]any{"state": models.JobStateCanceled, "finished_at": now.Add(-ago)}).Error)
	}
	key := jobs.Key{Actor: somebody(), Mutation: "m", Text: "k"}
	_, err := in(w, func(tx *store.Tx) (struct{}, error) {
		return struct{}{}, jobs.Remember(tx, key, sha256.Sum256(nil), many.ID)
	})
	must(t, err)
	end(w, many.ID, jobs.Life+time.Hour)
	end(w, blocks.ID, jobs.Life+time.Hour)
	end(w, canceled.ID, jobs.Life-time.Hour)
	end(w, behind.ID, jobs.Life+time.Hour)
	end(other, theirs.ID, jobs.Life)

	clean := func() {
		t.Helper()
		_, err := jobs.Clean(t.Context(), later)
		must(t, err)
	}
	check := func(what string, w *world, want map[models.JobID]int) {
		t.Helper()
		var left []models.Job
		must(t, w.Read.Where("account_id = ?", w.account).Find(&left).Error)
		for _, job := range left {
			if rows, ok := want[job.ID]; !ok || len(w.rows(job.ID)) != rows {
				t.Errorf("%s: job %d is left with %d rows", what, job.Seq, len(w.rows(job.ID)))
			}
		}
		if len(left) != len(want) {
			t.Errorf("%s: %d jobs are left, want %d", what, len(left), len(want))
		}
	}
	clean()
	check("the oldest", w, map[models.JobID]int{canceled.ID: 7, open.ID: 2, behind.ID: 1})
	check("of the neighbour, on the minute", other, map[models.JobID]int{})
	var keys int64
	must(t, w.Read.Table("idempotency_keys").Where("account_id = ?", w.account).Count(&keys).Error)
	if keys != 0 {
		t.Errorf("%d keys are left", keys)
	}
	for _, table := range []string{"job_rows", "job_blocks"} {
		var left int64
		must(t, w.Read.Table(table).Where("account_id = ? AND job_id IN ?", w.account, []models.JobID{many.ID, blocks.ID}).Count(&left).Error)
		if left != 0 {
			t.Errorf("%d rows are left in %s", left, table)
		}
	}
	now = now.Add(time.Hour)
	clean()
	check("an hour later", w, map[models.JobID]int{open.ID: 2, behind.ID: 1})
	end(w, open.ID, jobs.Life)
	clean()
	check("none is open any more", w, map[models.JobID]int{})
}

// TestRunnersClean has several servers find the same old jobs.
func TestRunnersClean(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		job := w.enqueue(1)
		must(t, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, job.ID).
			Updates(map[string]any{"state": models.JobStateSucceeded, "finished_at": time.Now().Add(-jobs.Life - time.Minute)}).Error)
	}
	o := quick
	o.Clean = time.Millisecond
	for range 3 {
		s := another(t, store.Options{})
		w.run(s, counting(s, 1), o)
	}
	until(t, func() bool {
		var left int64
		must(t, w.Read.Model(&models.Job{}).Where("account_id = ?", w.account).Count(&left).Error)
		return left == 0
	})
}

// TestWatchedRunner hears of each part and each end.
func TestWatchedRunner(t *testing.T) {
	w := newWorld(t)
	var rows, parts, failed atomic.Int64
	var mu sync.Mutex
	var ends []models.JobState
	o := quick
	o.Worked = func(kind string, took time.Duration, n int, err error) {
		if kind != w.kind || took <= 0 {
			t.Errorf("%s took %s", kind, took)
		}
		parts.Add(1)
		rows.Add(int64(n))
		if err != nil {
			failed.Add(1)
		}
	}
	o.Ended = func(_ string, state models.JobState) {
		mu.Lock()
		defer mu.Unlock()
		ends = append(ends, state)
	}
	first, second := w.enqueue(25), w.enqueue(10)
	var once sync.Once
	_, stop := w.run(w.Store, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
		if c.Job == second.ID {
			return false, jobs.Fail("OVER", errCrash)
		}
		crash := false
		once.Do(func() { crash = true })
		return apply(ctx, w.Store, c, 10, func(*models.Job) error {
			if crash {
				return errCrash
			}
			return nil
		})
	}}, o)
	w.ended(first.ID)
	w.ended(second.ID)
	stop()
	slices.Sort(ends) // one worker may tell of an end while another one ends the next job
	if rows.Load() != 25 || parts.Load() != 5 || failed.Load() != 2 || !slices.Equal(ends, []models.JobState{models.JobStateFailed, models.JobStateSucceeded}) {
		t.Errorf("%d rows in %d parts, %d of them failed, ends %v", rows.Load(), parts.Load(), failed.Load(), ends)
	}
}

func TestOpen(t *testing.T) {
	w := newWorld(t)
	w.neighbour().enqueue(1)
	before, err := jobs.Open(t.Context(), w.Store)
	must(t, err)
	w.must(func(tx *store.Tx) (*models.Job, error) {
		job, err := enqueue(tx, w.kind, 1)
		must(t, err)
		return job, jobs.Start(tx, job)
	})
	w.enqueue(1)
	w.enqueue(1)
	after, err := jobs.Open(t.Context(), w.Store)
	must(t, err)
	if after[models.JobStateQueued]-before[models.JobStateQueued] != 2 || after[models.JobStateRunning]-before[models.JobStateRunning] != 1 || len(after) != 2 {
		t.Errorf("before %v, after %v", before, after)
	}
}
