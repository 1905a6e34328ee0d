package directory_test

import (
	"context"
	"time"

	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// rest is what working needs of a test, or of a check of a property.
type rest interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// working starts a server's workers, and returns what waits until no job of the account is open, and what stops them.
func working[T rest](_ T, s *store.Store, d *directory.Directory, account models.AccountID) (drain func(T), stop func()) {
	r := jobs.NewRunner(s, d.Handlers(), jobs.Options{Poll: time.Second, Backoff: time.Millisecond})
	d.OnJob(r.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); r.Run(ctx) }()
	return func(t T) { t.Helper(); noneOpen(t, s, account) }, func() { cancel(); <-over }
}

// noneOpen waits until no job of the account is open.
func noneOpen(t rest, s *store.Store, account models.AccountID) {
	t.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		var open int64
		err := s.Read.Model(&models.Job{}).Where("account_id = ? AND state IN ?", account, []models.JobState{models.JobStateQueued, models.JobStateRunning}).Count(&open).Error
		if err != nil {
			t.Fatalf("look for open jobs: %v", err)
		}
		if open == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d jobs have been open for a minute", open)
		}
	}
}
