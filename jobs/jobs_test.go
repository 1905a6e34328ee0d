package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

func TestEnqueue(t *testing.T) {
	w := newWorld(t)
	actor, before := somebody(), models.NewID[models.JobID]()
	made := w.must(func(tx *store.Tx) (*models.Job, error) {
		return jobs.Enqueue(tx, jobs.New{
			Kind: w.kind, Input: map[string]any{"add": []string{"a"}}, Actor: actor, RequestID: "r", DryRun: true, Reverts: &before,
		})
	})
	got := w.find(made.ID)
	got.Input = strings.ReplaceAll(got.Input, " ", "") // MySQL writes JSON its own way
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("job (-made +stored):\n%s", diff)
	}
	want := &models.Job{
		AccountID: w.account, ID: made.ID, Seq: 1, Kind: w.kind, Input: `{"add":["a"]}`, State: models.JobStateQueued, DryRun: true,
		Actor: actor, RequestID: "r", OperationID: made.OperationID, RevertsJobID: &before, CreatedAt: made.CreatedAt,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("job (-want +made):\n%s", diff)
	}
	if second := w.enqueue(0); second.Seq != 2 {
		t.Errorf("the second job is number %d", second.Seq)
	}
	if _, err := jobs.Find(w.Read, w.neighbour().account, made.ID); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("from another account: error %v", err)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	w := newWorld(t)
	for name, n := range map[string]jobs.New{
		"an input that is no JSON": {Kind: w.kind, Input: make(chan int)},
		"too long a kind":          {Kind: strings.Repeat("k", 65)},
	} {
		if _, err := in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Enqueue(tx, n) }); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestInOneTransaction carries a job out within the transaction that makes it.
func TestInOneTransaction(t *testing.T) {
	w := newWorld(t)
	job := w.must(func(tx *store.Tx) (*models.Job, error) {
		job, err := enqueue(tx, w.kind, 3)
		must(t, err)
		must(t, jobs.Start(tx, job))
		rows, err := jobs.Pending(tx, job, 10)
		must(t, err)
		rows[0].Effect, rows[0].Outcome = models.JobRowEffectChanged, "CHANGED"
		rows[1].Effect, rows[1].Outcome = models.JobRowEffectUnchanged, "REMAINS_VIA_GROUP"
		rows[2].Effect, rows[2].Outcome = models.JobRowEffectFailed, "FORBIDDEN"
		must(t, jobs.Settle(tx, job, rows))
		must(t, jobs.MoveCursor(tx, job, 3))
		return job, jobs.Finish(tx, job)
	})
	now := w.find(job.ID)
	if diff := cmp.Diff(job.StartedAt, now.StartedAt); diff != "" || now.FinishedAt == nil {
		t.Errorf("times (-returned +stored):\n%s", diff)
	}
	if now.State != models.JobStatePartlyFailed || now.Total != 3 || now.Done != 3 || now.Changed != 1 || now.Failed != 1 || *now.Cursor != "3" {
		t.Errorf("job %+v", now)
	}
}

func TestSettleRefuses(t *testing.T) {
	tests := map[string]func(rows []models.JobRow) []models.JobRow{
		"a row twice":            func(rows []models.JobRow) []models.JobRow { return append(rows[:1], rows[0]) },
		"a row before its turn":  func(rows []models.JobRow) []models.JobRow { return rows[1:] },
		"a row of another job":   func(rows []models.JobRow) []models.JobRow { rows[0].JobID = models.JobID{}; return rows },
		"a row that is done":     func(rows []models.JobRow) []models.JobRow { rows[0].Position = 0; return rows },
		"a row that isn't there": func(rows []models.JobRow) []models.JobRow { rows[0].Position = 99; return rows },
		"a row without outcome":  func(rows []models.JobRow) []models.JobRow { rows[0].Outcome = ""; return rows },
		"a row still pending":    func(rows []models.JobRow) []models.JobRow { rows[0].Effect = models.JobRowEffectPending; return rows },
	}
	refuses := func(sort string, spoil func(rows []models.JobRow) []models.JobRow) func(*testing.T) {
		return func(t *testing.T) {
			w := newWorld(t)
			job := w.enqueueAs(sort, 3)
			claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
			must(t, err)
			_, err = apply(t.Context(), w.Store, claims[0], 1, nil)
			must(t, err)
			_, err = in(w, func(tx *store.Tx) (any, error) {
				job, err := jobs.Held(tx, claims[0])
				must(t, err)
				rows, err := jobs.Pending(tx, job, 2)
				must(t, err)
				for i := range rows {
					rows[i].Effect, rows[i].Outcome = models.JobRowEffectChanged, "CHANGED"
				}
				return nil, jobs.Settle(tx, job, spoil(rows))
			})
			if err == nil || w.find(job.ID).Done != 1 {
				t.Errorf("error %v, job %+v", err, w.find(job.ID))
			}
			w.checkOnce(job.ID)
		}
	}
	for name, spoil := range tests {
		t.Run(name, refuses("rows", spoil))
		t.Run(name+", in a block", refuses("blocks", spoil))
	}
}

func TestAddRefuses(t *testing.T) {
	tests := map[string][]models.JobRow{
		"done behind one that is pending": {{}, {Effect: models.JobRowEffectChanged, Outcome: "CHANGED"}},
		"done, and nobody knows how":      {{Effect: models.JobRowEffectChanged}},
		"an effect that isn't one":        {{Effect: "WELL", Outcome: "CHANGED"}},
	}
	for name, rows := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := in(w, func(tx *store.Tx) (any, error) {
				job, err := enqueue(tx, w.kind, 0)
				must(t, err)
				for i, subject := range subjects(len(rows)) {
					rows[i].SubjectType, rows[i].SubjectID = subject.SubjectType, subject.SubjectID
				}
				return nil, jobs.Add(tx, job, rows)
			})
			if err == nil {
				t.Error("it is taken")
			}
		})
	}
}

func TestCancel(t *testing.T) {
	cancel := func(w *world, id models.JobID) (*models.Job, error) {
		return in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Cancel(tx, id) })
	}
	t.Run("a job that waits", func(t *testing.T) {
		w := newWorld(t)
		job, next := w.enqueue(2), w.enqueue(1)
		got, err := cancel(w, job.ID)
		if err != nil || got.State != models.JobStateCanceled || got.FinishedAt == nil {
			t.Errorf("job %+v, error %v", got, err)
		}
		w.run(w.Store, counting(w.Store, 1), quick)
		w.ended(next.ID)
		if got := w.find(job.ID); got.State != models.JobStateCanceled || got.Done != 0 || got.StartedAt != nil {
			t.Errorf("job %+v", got)
		}
		if again, err := cancel(w, job.ID); err != nil || !again.FinishedAt.Equal(*got.FinishedAt) {
			t.Errorf("a second time: job %+v, error %v", again, err)
		}
	})
	t.Run("a job that runs", func(t *testing.T) {
		w := newWorld(t)
		job := w.enqueue(6)
		between, goOn := make(chan struct{}), make(chan struct{})
		var calls atomic.Int32
		_, stop := w.run(w.Store, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
			if calls.Add(1) == 2 {
				close(between)
				<-goOn
			}
			return apply(ctx, w.Store, c, 2, nil)
		}}, quick)
		<-between
		got, err := cancel(w, job.ID)
		close(goOn)
		stop()
		if now := w.find(job.ID); err != nil || got.State != models.JobStateCanceled || now.State != got.State || now.Done != 2 || now.LeaseOwner != nil || calls.Load() != 2 {
			t.Errorf("%d calls, error %v, job %+v", calls.Load(), err, now)
		}
		w.checkOnce(job.ID)
	})
	t.Run("a job that has ended", func(t *testing.T) {
		w := newWorld(t)
		job := w.enqueue(1)
		w.run(w.Store, counting(w.Store, 1), quick)
		w.ended(job.ID)
		if _, err := cancel(w, job.ID); !errors.Is(err, jobs.ErrEnded) || w.find(job.ID).State != models.JobStateSucceeded {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no job", func(t *testing.T) {
		w := newWorld(t)
		if _, err := cancel(w, w.neighbour().enqueue(1).ID); !errors.Is(err, jobs.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRetry(t *testing.T) {
	outcomes := func(w *world, state models.JobState, effects string) *models.Job {
		job := w.must(func(tx *store.Tx) (*models.Job, error) {
			job, err := enqueue(tx, w.kind, 0)
			must(t, err)
			rows := subjects(len(effects))
			for i, effect := range effects {
				if i%2 == 1 {
					rows[i].Detail = new(fmt.Sprintf(`{"row":%d}`, i))
				}
				if effect != '.' {
					rows[i].Effect = map[rune]models.JobRowEffect{'c': "CHANGED", 'u': "UNCHANGED", 'f': "FAILED"}[effect]
					rows[i].Outcome = string(rows[i].Effect)
				}
			}
			return job, jobs.Add(tx, job, rows)
		})
		must(t, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, job.ID).Update("state", state).Error)
		return job
	}
	tests := map[string]struct {
		state   models.JobState
		effects string
		want    []int
		err     error
	}{
		"rows that failed":              {models.JobStatePartlyFailed, "cfuf", []int{1, 3}, nil},
		"rows that were never begun":    {models.JobStateFailed, "cf..", []int{1, 2, 3}, nil},
		"what was canceled stays so":    {models.JobStateCanceled, "cf..", []int{1}, nil},
		"nothing failed":                {models.JobStateSucceeded, "cu", nil, jobs.ErrNothingToRetry},
		"a job that has not yet ended":  {models.JobStateRunning, "cf", nil, jobs.ErrOpen},
		"a job that has not even begun": {models.JobStateQueued, "..", nil, jobs.ErrOpen},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, actor := outcomes(w, tt.state, tt.effects), somebody()
			job, err := in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Retry(tx, first.ID, actor, "again") })
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v", err)
			}
			if tt.err != nil {
				return
			}
			if job.Kind != w.kind || job.Input != w.find(first.ID).Input || *job.RetriesJobID != first.ID || int(job.Total) != len(tt.want) || job.RequestID != "again" || *job.Actor.UserID != *actor.UserID {
				t.Errorf("job %+v", job)
			}
			old, rows := w.rows(first.ID), w.rows(job.ID)
			for i, at := range tt.want {
				if string(rows[i].SubjectID) != string(old[at].SubjectID) || int(rows[i].Position) != i || rows[i].Outcome != models.JobRowPending {
					t.Errorf("row %d: %+v", i, rows[i])
				}
				if detail := rows[i].Detail; (detail == nil) != (at%2 == 0) || detail != nil && *detail != *old[at].Detail {
					t.Errorf("row %d has the detail %v", i, detail)
				}
			}
			if tt.state.Final() {
				w.run(w.Store, counting(w.Store, 2), quick)
				w.ended(job.ID)
				w.checkOnce(job.ID)
			}
		})
	}
	t.Run("no job", func(t *testing.T) {
		w := newWorld(t)
		if _, err := in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Retry(tx, models.JobID{}, somebody(), "") }); !errors.Is(err, jobs.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}
