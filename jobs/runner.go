package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"cohort/models"
	"cohort/store"
)

// Handler knows what the jobs of a kind do.
type Handler struct {
	// Chunk does the next part of a job in one transaction (store.InAccount), which begins with Held and ends, when
	// no row is left, with Finish; it then returns true. The transaction must leave an audit event.
	//
	// A mistake of the caller's (models.Error) and what Fail makes end the job FAILED with their code, a panic with
	// INTERNAL; ErrLost is handed on as it is. Any other error is taken as passing: the job is tried again after a
	// while, and ends FAILED with TOO_MANY_ATTEMPTS when that doesn't help.
	Chunk func(ctx context.Context, c Claim) (done bool, err error)

	// Failed, if there is one, is a step of the transaction in which the Runner ends a job FAILED; the job is as it
	// will be stored. An error rolls that back, and the job is claimed again later.
	Failed func(tx *store.Tx, job *models.Job) error
}

// failure is a permanent error.
type failure struct {
	code string
	err  error
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %v", f.code, f.err) }
func (f *failure) Unwrap() error { return f.err }

// Fail makes err one after which no other try makes sense: the job ends FAILED with the code, at most 64 characters.
// What is done stays.
func Fail(code string, err error) error { return &failure{code, err} }

// Options are what an installation may choose. The zero value has the defaults.
type Options struct {
	Workers     int           // jobs at the same time in this process; 4
	Lease       time.Duration // after which the job of a dead worker is free; 30 s
	Poll        time.Duration // between two looks for work of other servers; 3 s, with jitter
	Backoff     time.Duration // before the second try, doubled for each further one up to a minute; 1 s
	MaxAttempts int           // failures and deaths in a row at the same chunk; 10
	Grace       time.Duration // for the current chunks when Run is asked to end; 20 s
	Clean       time.Duration // between two removals of old jobs, with jitter; 1 h
	Log         *slog.Logger  // nil discards

	// Worked is told of each chunk: how long it took, how many rows it has done, and its error. Ended is told of
	// each job that ends while this Runner has it, Canceled ones included. Either may be nil.
	Worked func(kind string, took time.Duration, rows int, err error)
	Ended  func(kind string, state models.JobState)
}

const longestBackoff = time.Minute

// Runner is the workers of one process. Any number of them share a database.
type Runner struct {
	store    *store.Store
	handlers map[string]Handler
	kinds    []string
	o        Options
	owner    string
	wake     chan struct{}
}

// NewRunner makes the workers of a process for the kinds of jobs it knows; jobs of other kinds are left to others.
func NewRunner(s *store.Store, handlers map[string]Handler, o Options) *Runner {
	o.Workers = orElse(o.Workers, 4)
	o.Lease = orElse(o.Lease, 30*time.Second)
	o.Poll = orElse(o.Poll, 3*time.Second)
	o.Backoff = orElse(o.Backoff, time.Second)
	o.MaxAttempts = orElse(o.MaxAttempts, 10)
	o.Grace = orElse(o.Grace, 20*time.Second)
	o.Clean = orElse(o.Clean, time.Hour)
	if o.Worked == nil {
		o.Worked = func(string, time.Duration, int, error) {}
	}
	if o.Ended == nil {
		o.Ended = func(string, models.JobState) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{
		store: s, handlers: maps.Clone(handlers), kinds: slices.Sorted(maps.Keys(handlers)), o: o,
		owner: uuid.NewString(), wake: make(chan struct{}, 1),
	}
}

func orElse[T int | time.Duration](chosen, otherwise T) T {
	if chosen > 0 {
		return chosen
	}
	return otherwise
}

// Wake has the Runner look for work at once. Call it after the commit of what Enqueue made. It never waits.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run works, and removes old jobs, until ctx ends. Then the current chunks are finished, for as long as Grace allows, and the jobs are given
// back at once for others to go on with. Call it once.
func (r *Runner) Run(ctx context.Context) {
	chunks, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() {
		patience := time.AfterFunc(r.o.Grace, cut)
		context.AfterFunc(chunks, func() { patience.Stop() })
	})
	defer stop()

	var cleaning sync.WaitGroup
	cleaning.Go(func() { r.clean(ctx) })
	defer cleaning.Wait()

	finished, running := make(chan struct{}), 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		for _, j := range r.claim(ctx, chunks, r.o.Workers-running) {
			running++
			go func() {
				defer func() { finished <- struct{}{} }()
				r.work(ctx, chunks, j)
			}()
		}
		timer.Reset(r.o.Poll/2 + rand.N(r.o.Poll))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-finished: // perhaps the account has another
			running--
		case <-timer.C:
		}
	}
	for ; running > 0; running-- {
		<-finished
	}
}
