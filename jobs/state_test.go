package jobs_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

var states = []models.JobState{
	models.JobStateQueued, models.JobStateRunning, models.JobStateSucceeded,
	models.JobStatePartlyFailed, models.JobStateFailed, models.JobStateCanceled,
}

func TestTransitions(t *testing.T) {
	legal := map[models.JobState]string{
		models.JobStateQueued:       "RUNNING CANCELED",
		models.JobStateRunning:      "RUNNING SUCCEEDED PARTLY_FAILED FAILED CANCELED",
		models.JobStateSucceeded:    "",
		models.JobStatePartlyFailed: "",
		models.JobStateFailed:       "",
		models.JobStateCanceled:     "",
	}
	for _, from := range states {
		for _, to := range states {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				w := newWorld(t)
				job := w.enqueue(1)
				must(t, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, job.ID).Update("state", from).Error)
				job = w.find(job.ID)
				_, err := in(w, func(tx *store.Tx) (any, error) { return nil, jobs.Transition(tx, job, to) })
				now := w.find(job.ID)
				if !slices.Contains(strings.Fields(legal[from]), string(to)) {
					if err == nil || errors.Is(err, jobs.ErrLost) || job.State != from || now.State != from {
						t.Errorf("error %v, now %s, stored %s", err, job.State, now.State)
					}
					return
				}
				final := to != models.JobStateRunning
				if err != nil || job.State != to || now.State != to || (now.FinishedAt != nil) != final || (now.StartedAt != nil) == final {
					t.Errorf("error %v, now %+v, stored %+v", err, job, now)
				}
			})
		}
	}
}

func TestTransitionOfAnotherMoment(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(1)
	for name, outdated := range map[string]models.Job{
		"another took it": {State: models.JobStateQueued, Fence: job.Fence + 1},
		"it went on":      {State: models.JobStateRunning, Fence: job.Fence},
	} {
		outdated.AccountID, outdated.ID = job.AccountID, job.ID
		_, err := in(w, func(tx *store.Tx) (any, error) { return nil, jobs.Transition(tx, &outdated, models.JobStateCanceled) })
		if now := w.find(job.ID); !errors.Is(err, jobs.ErrLost) || now.State != models.JobStateQueued {
			t.Errorf("%s: error %v, stored %s", name, err, now.State)
		}
	}
}

func TestFinish(t *testing.T) {
	tests := map[string]struct {
		effects []models.JobRowEffect
		want    models.JobState
		code    string
		refused bool
	}{
		"no rows":            {want: models.JobStateSucceeded},
		"all well":           {effects: []models.JobRowEffect{"CHANGED", "UNCHANGED"}, want: models.JobStateSucceeded},
		"one failed":         {effects: []models.JobRowEffect{"UNCHANGED", "FAILED"}, want: models.JobStatePartlyFailed},
		"all failed":         {effects: []models.JobRowEffect{"FAILED", "FAILED"}, want: models.JobStateFailed, code: jobs.CodeAllRowsFailed},
		"one is not yet due": {effects: []models.JobRowEffect{"CHANGED", ""}, want: models.JobStateRunning, refused: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var refusal error
			job := w.must(func(tx *store.Tx) (*models.Job, error) {
				job, err := enqueue(tx, w.kind, 0)
				must(t, err)
				must(t, jobs.Start(tx, job))
				rows := subjects(len(tt.effects))
				for i, effect := range tt.effects {
					rows[i].Effect, rows[i].Outcome = effect, string(effect)
				}
				must(t, jobs.Add(tx, job, rows))
				refusal = jobs.Finish(tx, job)
				return job, nil
			})
			now := w.find(job.ID)
			code := ""
			if now.ErrorCode != nil {
				code = *now.ErrorCode
			}
			if (refusal != nil) != tt.refused || now.State != tt.want || job.State != tt.want || code != tt.code {
				t.Errorf("error %v, %s %q, stored %+v", refusal, job.State, code, now)
			}
		})
	}
}
