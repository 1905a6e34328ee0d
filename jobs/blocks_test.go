package jobs_test

import (
	"errors"
	"testing"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// ends gives a job of a sort so many rows, does the first of them as the letters say, and ends it in a state.
func (w *world) ends(sort, effects string, rows int, state models.JobState) *models.Job {
	w.Helper()
	first := w.enqueueAs(sort, rows)
	job := w.must(func(tx *store.Tx) (*models.Job, error) {
		rows, err := jobs.Pending(tx, first, len(effects))
		must(w, err)
		for i, effect := range effects {
			rows[i].Effect = map[rune]models.JobRowEffect{'c': "CHANGED", 'u': "UNCHANGED", 'f': "FAILED"}[effect]
			rows[i].Outcome = map[rune]string{'c': "CHANGED", 'u': "UNCHANGED", 'f': "FORBIDDEN"}[effect]
		}
		return first, jobs.Settle(tx, first, rows)
	})
	must(w, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, job.ID).Update("state", state).Error)
	return w.find(job.ID)
}

// TestAddIDs fills blocks to the brim, and reads across them.
func TestAddIDs(t *testing.T) {
	w := newWorld(t)
	ids := make([]models.UserID, 2001)
	for i := range ids {
		ids[i] = models.NewID[models.UserID]()
	}
	job := w.must(func(tx *store.Tx) (*models.Job, error) {
		job, err := enqueue(tx, w.kind, 0)
		must(t, err)
		must(t, jobs.AddIDs(tx, job, "USER", ids[:0]))
		return job, jobs.AddIDs(tx, job, "USER", ids)
	})
	w.checkStored(w.find(job.ID))
	claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
	must(t, err)
	for _, size := range []int{1, 998, 2, 999} { // to the first row of the third block
		_, err := apply(t.Context(), w.Store, claims[0], size, nil)
		must(t, err)
		w.checkOnce(job.ID)
	}
	if over, err := apply(t.Context(), w.Store, claims[0], 1000, nil); err != nil || !over {
		t.Errorf("over %v, error %v", over, err)
	}
	w.checkOnce(job.ID)
	rows := w.rows(job.ID)
	for i, id := range ids {
		if int(rows[i].Position) != i || string(rows[i].SubjectID) != string(id[:]) || rows[i].SubjectType != "USER" {
			t.Fatalf("row %d: %+v", i, rows[i])
		}
	}
}

// TestRetryBlocks tries again what failed, and behind it what a job that ended FAILED never got to.
func TestRetryBlocks(t *testing.T) {
	tests := map[string]struct {
		state   models.JobState
		effects string
		want    []int
		err     error
	}{
		"rows that were never begun":     {models.JobStateFailed, "", []int{0, 1, 2, 3, 4, 5, 6, 7}, nil},
		"up to the middle of a block":    {models.JobStateFailed, "cfuf", []int{1, 3, 4, 5, 6, 7}, nil},
		"up to the end of a block":       {models.JobStateFailed, "cff", []int{1, 2, 3, 4, 5, 6, 7}, nil},
		"nothing failed":                 {models.JobStateFailed, "cc", []int{2, 3, 4, 5, 6, 7}, nil},
		"what was canceled stays so":     {models.JobStateCanceled, "cfuf", []int{1, 3}, nil},
		"canceled before anything fails": {models.JobStateCanceled, "cu", nil, jobs.ErrNothingToRetry},
	}
	for name, tt := range tests {
		for _, sort := range []string{"blocks", "rows, then blocks"} {
			t.Run(name+" "+sort, func(t *testing.T) {
				w := newWorld(t)
				first := w.ends(sort, tt.effects, 8, tt.state)
				old := w.rows(first.ID)
				job, err := in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Retry(tx, first.ID, somebody(), "again") })
				if !errors.Is(err, tt.err) {
					t.Fatalf("error %v", err)
				}
				if tt.err != nil {
					return
				}
				rows := w.rows(job.ID)
				if int(job.Total) != len(tt.want) || len(rows) != len(tt.want) || len(w.rows(first.ID)) != 8 {
					t.Fatalf("job %+v, rows %+v", job, rows)
				}
				for i, at := range tt.want {
					if string(rows[i].SubjectID) != string(old[at].SubjectID) || int(rows[i].Position) != i || rows[i].Outcome != models.JobRowPending {
						t.Errorf("row %d: %+v", i, rows[i])
					}
				}
				w.checkStored(w.find(job.ID))
				w.run(w.Store, counting(w.Store, 2), quick)
				w.ended(job.ID)
				w.checkOnce(job.ID)
			})
		}
	}
}
