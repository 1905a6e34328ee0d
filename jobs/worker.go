package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// held is a claim, how often the job has failed in a row, and how far it is as far as the worker knows.
type held struct {
	Claim
	attempts int
	done     int32
}

// claimWait bounds the wait for a row that a worker holds which is slow, but not dead.
const claimWait = 5 * time.Second

// claim takes as many jobs as there are, at most so many. A claim is made as a whole even if the Runner is asked to
// end meanwhile, so that it can be given back.
func (r *Runner) claim(ctx, chunks context.Context, most int) []held {
	if most <= 0 || len(r.kinds) == 0 {
		return nil
	}
	found, err := claimable(ctx, r.store, r.kinds, most)
	if err != nil && ctx.Err() == nil {
		r.o.Log.ErrorContext(ctx, "look for jobs", "error", err)
	}
	var got []held
	for _, job := range found {
		limited, cancel := context.WithTimeout(chunks, claimWait)
		c, err := claim(limited, r.store, &job, r.owner, r.o.Lease)
		cancel()
		switch {
		case err == nil:
			attempts := int(job.Attempts)
			if job.LeaseOwner != nil {
				attempts++
				r.o.Log.WarnContext(ctx, "job taken over", "job", job.ID.String(), "from", *job.LeaseOwner, "attempts", attempts)
			}
			got = append(got, held{c, attempts, job.Done})
		case !errors.Is(err, ErrLost):
			r.o.Log.WarnContext(ctx, "claim a job", "job", job.ID.String(), "error", err)
		}
	}
	return got
}

// work does a job chunk by chunk until it ends, is lost, or fails, or ctx ends.
func (r *Runner) work(ctx, chunks context.Context, j held) {
	log := r.o.Log.With("account", j.Account.String(), "job", j.Job.String(), "kind", j.Kind)
	begin := time.Now()
	log.InfoContext(ctx, "job begun", "done", j.done)
	defer func() { r.tell(ctx, &j, log, begin) }()
	if j.attempts >= r.o.MaxAttempts {
		r.fail(chunks, j.Claim, log, Fail(CodeTooManyAttempts, errors.New("it failed, or whoever had it died, too often in a row")))
		return
	}
	run, lose := context.WithCancelCause(chunks)
	var renewal sync.WaitGroup
	renewal.Go(func() { r.keep(run, lose, j.Claim, log) })
	defer renewal.Wait()
	defer lose(nil)

	for ctx.Err() == nil {
		done, err := r.chunk(run, &j)
		switch {
		case errors.Is(err, ErrLost) || errors.Is(context.Cause(run), ErrLost):
			log.InfoContext(ctx, "job lost or canceled")
			return
		case run.Err() != nil: // the patience is over
			r.giveBack(ctx, j.Claim, log)
			return
		case err != nil:
			r.failed(chunks, j.Claim, log, err)
			return
		case done:
			r.ended(chunks, j.Claim, log)
			return
		}
	}
	r.giveBack(ctx, j.Claim, log)
}

// chunk calls the handler.
func (r *Runner) chunk(ctx context.Context, j *held) (done bool, err error) {
	begin := time.Now()
	defer func() {
		took, rows := time.Since(begin), 0
		if job, readErr := r.read(ctx, j); readErr == nil {
			rows, j.done = int(max(job.Done-j.done, 0)), job.Done
		}
		r.o.Worked(j.Kind, took, rows, err)
	}()
	defer caught(&err)
	return r.handlers[j.Kind].Chunk(ctx, j.Claim)
}

func (r *Runner) read(ctx context.Context, j *held) (*models.Job, error) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoWait)
	defer cancel()
	return Find(r.store.Read.WithContext(limited), j.Account, j.Job)
}

// tell says what the worker leaves behind.
func (r *Runner) tell(ctx context.Context, j *held, log *slog.Logger, begin time.Time) {
	job, err := r.read(ctx, j)
	if err != nil || job.Fence != j.Fence || !job.State.Final() {
		return
	}
	r.o.Ended(j.Kind, job.State)
	log.InfoContext(ctx, "job ended", "status", job.State, "rows", job.Total, "changed", job.Changed, "failed", job.Failed, "took", time.Since(begin))
}

// caught makes a panic an error: what a job does wrong ends the job and not the server.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = Fail(CodeInternal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

// keep renews the lease until ctx ends, and ends ctx when the claim has.
func (r *Runner) keep(ctx context.Context, lose context.CancelCauseFunc, c Claim, log *slog.Logger) {
	tick := time.NewTicker(r.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := renew(r.store.Write.WithContext(ctx), c); {
		case errors.Is(err, ErrLost):
			lose(ErrLost)
			return
		case err != nil && ctx.Err() == nil: // the lease may outlive it, and if not, the fencing number holds
			log.WarnContext(ctx, "renew a lease", "error", err)
		}
	}
}

// giveBack lets the next worker take the job at once.
func (r *Runner) giveBack(ctx context.Context, c Claim, log *slog.Logger) {
	r.letGo(ctx, log, func(tx *gorm.DB) error { return release(tx, c) })
}

// putOff has the job tried again later, and returns whether it was still the worker's own.
func (r *Runner) putOff(ctx context.Context, c Claim, log *slog.Logger) bool {
	return r.letGo(ctx, log, func(tx *gorm.DB) error {
		pause, err := postpone(tx, c, r.backoff)
		if err == nil {
			log.InfoContext(ctx, "job put off", "for", pause)
		}
		return err
	})
}

// ended sees to it that a handler that says it is done has ended the job.
func (r *Runner) ended(ctx context.Context, c Claim, log *slog.Logger) {
	if r.putOff(ctx, c, log) {
		log.ErrorContext(ctx, "the handler calls the job done and has not finished it")
	}
}

// failed ends the job if the error is permanent, and puts it off if not.
func (r *Runner) failed(ctx context.Context, c Claim, log *slog.Logger, err error) {
	var permanent *failure
	mistakes, _ := models.UserErrors(err)
	switch {
	case errors.As(err, &permanent):
	case len(mistakes) > 0:
		err = Fail(string(mistakes[0].Code), err)
	default:
		log.WarnContext(ctx, "a chunk of a job failed", "error", err)
		r.putOff(ctx, c, log)
		return
	}
	r.fail(ctx, c, log, err)
}

// fail ends the job FAILED.
func (r *Runner) fail(ctx context.Context, c Claim, log *slog.Logger, why error) {
	var permanent *failure
	code := CodeInternal
	if errors.As(why, &permanent) {
		code = permanent.code
	}
	log.ErrorContext(ctx, "job failed", "code", code, "error", why)
	_, err := store.InAccount(ctx, r.store, c.Account, func(tx *store.Tx) (_ struct{}, err error) {
		defer caught(&err)
		job, err := Held(tx, c)
		if err == nil {
			err = transition(tx.DB, job, models.JobStateFailed, change{at: tx.Now, code: code})
		}
		if err == nil && r.handlers[c.Kind].Failed != nil {
			err = r.handlers[c.Kind].Failed(tx, job)
		}
		return struct{}{}, err
	})
	if err != nil && !errors.Is(err, ErrLost) {
		log.ErrorContext(ctx, "end a job as failed", "error", err)
		r.putOff(ctx, c, log)
	}
}

// letGoWait bounds the last word about a job; when the database doesn't hear it, the lease ends by itself.
const letGoWait = 5 * time.Second

// letGo tells the database that the worker has done with the job, and returns whether the job was still its own.
func (r *Runner) letGo(ctx context.Context, log *slog.Logger, say func(tx *gorm.DB) error) bool {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGoWait)
	defer cancel()
	_, err := store.InTx(limited, r.store, func(tx *gorm.DB) (struct{}, error) { return struct{}{}, say(tx) })
	if err != nil && !errors.Is(err, ErrLost) {
		log.WarnContext(ctx, "let go of a job", "error", err)
	}
	return err == nil
}

// backoff is the pause after so many failures in a row.
func (r *Runner) backoff(failures int) time.Duration {
	pause := r.o.Backoff
	for range failures - 1 {
		pause = min(2*pause, longestBackoff)
	}
	return pause/2 + rand.N(pause)
}
