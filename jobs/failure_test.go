package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

func TestFailures(t *testing.T) {
	passing := errors.New("passing")
	tests := map[string]struct {
		fail  func(n int32) (done bool, err error) // in the nth call; afterwards the rest is done
		want  models.JobState
		code  string
		calls int32
	}{
		"a passing error": {
			fail: func(n int32) (bool, error) {
				if n == 1 {
					return false, passing
				}
				return false, nil
			},
			want: models.JobStateSucceeded, calls: 3,
		},
		"an error that doesn't pass": {
			fail: func(int32) (bool, error) { return false, passing },
			want: models.JobStateFailed, code: jobs.CodeTooManyAttempts, calls: 4,
		},
		"errors between chunks that succeed": { // no four in a row
			fail: func(n int32) (bool, error) {
				if n%3 != 0 {
					return false, passing
				}
				return false, nil
			},
			want: models.JobStateSucceeded, calls: 6,
		},
		"an error for good": {
			fail: func(int32) (bool, error) { return false, jobs.Fail("ACTOR_LOST_RIGHTS", errors.New("demoted")) },
			want: models.JobStateFailed, code: "ACTOR_LOST_RIGHTS", calls: 1,
		},
		"a mistake of the caller's": {
			fail: func(int32) (bool, error) { return false, models.Errorf(models.CodeLastSuperAdmin, "the last") },
			want: models.JobStateFailed, code: "LAST_SUPER_ADMIN", calls: 1,
		},
		"a panic": {
			fail: func(int32) (bool, error) { panic("ouch") },
			want: models.JobStateFailed, code: jobs.CodeInternal, calls: 1,
		},
		"a panic within the transaction": {
			fail: nil, want: models.JobStateFailed, code: jobs.CodeInternal, calls: 1,
		},
		"done without an end": {
			fail: func(int32) (bool, error) { return true, nil },
			want: models.JobStateFailed, code: jobs.CodeTooManyAttempts, calls: 4,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job, after := w.enqueue(4), w.enqueue(1)
			var calls, hooks atomic.Int32
			o := quick
			o.Lease = time.Hour // nothing here may wait for it
			w.run(w.Store, jobs.Handler{
				Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
					if c.Job != job.ID {
						return apply(ctx, w.Store, c, 1, nil)
					}
					n := calls.Add(1)
					if tt.fail == nil {
						return apply(ctx, w.Store, c, 2, func(*models.Job) error { panic("ouch") })
					}
					if done, err := tt.fail(n); err != nil || done {
						return done, err
					}
					return apply(ctx, w.Store, c, 2, nil)
				},
				Failed: func(tx *store.Tx, failed *models.Job) error {
					if failed.ID != job.ID || failed.State != models.JobStateFailed || *failed.ErrorCode != tt.code {
						t.Errorf("failed: %+v", failed)
					}
					hooks.Add(1)
					return nil
				},
			}, o)
			got := w.ended(job.ID)
			code := ""
			if got.ErrorCode != nil {
				code = *got.ErrorCode
			}
			if got.State != tt.want || code != tt.code || calls.Load() != tt.calls {
				t.Errorf("%d calls, job %+v, code %q", calls.Load(), got, code)
			}
			if called := hooks.Load() == 1; called != (tt.want == models.JobStateFailed) {
				t.Errorf("the step at the end was called %d times", hooks.Load())
			}
			if next := w.ended(after.ID); next.State != models.JobStateSucceeded { // the server lives
				t.Errorf("the next job %+v", next)
			}
			w.checkOnce(job.ID)
		})
	}
}

// TestFailedHookFails has the step at a job's end fail and panic: the end is tried again.
func TestFailedHookFails(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(2)
	var hooks atomic.Int32
	w.run(w.Store, jobs.Handler{
		Chunk: func(context.Context, jobs.Claim) (bool, error) { return false, jobs.Fail("GONE", errors.New("gone")) },
		Failed: func(*store.Tx, *models.Job) error {
			switch hooks.Add(1) {
			case 1:
				return errCrash
			case 2:
				panic("ouch")
			}
			return nil
		},
	}, quick)
	if got := w.ended(job.ID); got.State != models.JobStateFailed || *got.ErrorCode != "GONE" || hooks.Load() != 3 {
		t.Errorf("after %d tries job %+v", hooks.Load(), got)
	}
}

// TestDeadly has a job kill whoever takes it.
func TestDeadly(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(2)
	for range quick.MaxAttempts {
		if claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind); err != nil || len(claims) != 1 {
			t.Fatalf("claims %v, error %v", claims, err)
		}
		w.expire(job.ID)
	}
	w.run(w.Store, jobs.Handler{Chunk: func(context.Context, jobs.Claim) (bool, error) {
		t.Error("it was given to yet another")
		return false, errCrash
	}}, quick)
	if got := w.ended(job.ID); got.State != models.JobStateFailed || *got.ErrorCode != jobs.CodeTooManyAttempts {
		t.Errorf("job %+v", got)
	}
}

// TestProgressForgives has a job lose its worker again and again, but not at the same chunk.
func TestProgressForgives(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(8)
	for i := range 7 {
		claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
		must(t, err)
		if got := w.find(job.ID); int(got.Attempts) != min(i, 1) {
			t.Errorf("claim %d: job %+v", i, got)
		}
		_, err = apply(t.Context(), w.Store, claims[0], 1, nil)
		must(t, err)
		w.expire(job.ID)
	}
	w.run(w.Store, counting(w.Store, 1), quick)
	if got := w.ended(job.ID); got.State != models.JobStateSucceeded {
		t.Errorf("job %+v", got)
	}
}

// TestBackoff has a job fail and wait: nobody takes it, nor a younger one of the account, until its time has come.
func TestBackoff(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(2)
	w.enqueue(1)
	o := quick
	o.Backoff = time.Hour
	_, stop := w.run(w.Store, jobs.Handler{Chunk: func(context.Context, jobs.Claim) (bool, error) { return false, errCrash }}, o)
	until(t, func() bool { return w.find(job.ID).Attempts == 1 })
	stop()
	now := w.find(job.ID)
	if wait := time.Until(*now.AvailableAt); wait < 29*time.Minute || wait > 91*time.Minute {
		t.Errorf("it waits for %s", wait)
	}
	if claims, err := jobs.Take(t.Context(), w.Store, o, 9, w.kind); err != nil || len(claims) != 0 {
		t.Errorf("claims %v, error %v", claims, err)
	}
	must(t, w.Write.Model(&models.Job{}).Where("account_id = ? AND id = ?", w.account, job.ID).
		Update("available_at", store.Clock(w.Write, -time.Second)).Error)
	claims, err := jobs.Take(t.Context(), w.Store, o, 9, w.kind)
	if err != nil || len(claims) != 1 || claims[0].Job != job.ID || w.find(job.ID).AvailableAt != nil {
		t.Errorf("claims %v, error %v", claims, err)
	}
}
