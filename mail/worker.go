package mail

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"cohort/store"
)

// Options say where mails go and what an installation may choose. What isn't set has its default.
type Options struct {
	From   Sender
	SMTP   *SMTP  // nil for Folder
	Folder Folder // where mails become files

	Connections int           // batches at the same time in this process; 4
	Batch       int           // mails over one connection; 50
	Lease       time.Duration // after which the mails of a dead worker are free; 5 min, at least 8 times the server's Timeout
	Poll        time.Duration // between two looks for mails that others have posted or put off; 5 s, with jitter
	Backoff     time.Duration // before the second try of a mail, doubled for each further one up to an hour; 30 s
	MaxAttempts int           // failures after which a mail is FAILED; 78, which takes about three days
	Down        time.Duration // before the next connection when the server wasn't reached, doubled up to a minute; 1 s
	Keep        time.Duration // how long mails are kept that were sent; 30 days
	Grace       time.Duration // for the current mails when Run is asked to end; 20 s
	Did         func(Outcome) // is told what has become of each mail that this worker had; nil tells nobody
	Log         *slog.Logger  // nil discards. It gets no addresses and no names
}

// Outcome is what becomes of a mail that a worker has.
type Outcome string

// The outcomes. One that can't be sent now is put off, and comes again.
const (
	Delivered Outcome = "sent"
	PutOff    Outcome = "put_off"
	Refused   Outcome = "failed"
	Dropped   Outcome = "dropped" // its user is no more
)

// Outcomes are all of them.
var Outcomes = []Outcome{Delivered, PutOff, Refused, Dropped}

const (
	longestBackoff = time.Hour
	longestDown    = time.Minute
	cleanEvery     = time.Hour
)

// Worker delivers what is queued. Any number of servers share the work.
type Worker struct {
	store *store.Store
	to    carrier
	o     Options
	wake  chan struct{}
}

// NewWorker makes the worker of a process.
func NewWorker(s *store.Store, o Options) *Worker {
	o.Connections = orElse(o.Connections, 4)
	o.Batch = orElse(o.Batch, 50)
	o.Lease = orElse(o.Lease, 5*time.Minute)
	o.Poll = orElse(o.Poll, 5*time.Second)
	o.Backoff = orElse(o.Backoff, 30*time.Second)
	o.MaxAttempts = orElse(o.MaxAttempts, 78)
	o.Down = orElse(o.Down, time.Second)
	o.Keep = orElse(o.Keep, 30*24*time.Hour)
	o.Grace = orElse(o.Grace, 20*time.Second)
	if o.Did == nil {
		o.Did = func(Outcome) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	w := &Worker{store: s, to: o.Folder, o: o, wake: make(chan struct{}, 1)}
	if o.SMTP != nil {
		w.to = o.SMTP
		// To connect takes up to two of them, a mail one: half a lease is enough for both, and so is never begun with less.
		w.o.Lease = max(w.o.Lease, 8*o.SMTP.timeout())
	}
	return w
}

func orElse[T int | time.Duration](chosen, otherwise T) T {
	if chosen > 0 {
		return chosen
	}
	return otherwise
}

// Wake has the worker look for mails at once. Call it after the commit of what Post or Release did. It never waits.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends. Then each mail that is being sent is finished, for as long as Grace allows, and the
// others are given back. Call it once.
func (w *Worker) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() {
		patience := time.AfterFunc(w.o.Grace, cut)
		context.AfterFunc(sending, func() { patience.Stop() })
	})
	defer stop()

	finished, running := make(chan result), 0
	var cleaned, pausedUntil time.Time
	down := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		more := w.releaseHeld(ctx)
		if time.Since(cleaned) > cleanEvery {
			more = w.clean(ctx) || more
			if !more {
				cleaned = time.Now()
			}
		}
		connections, most := w.o.Connections, w.o.Batch
		if down > 0 {
			connections, most = 1, 1 // to see whether the server is there again
		}
		for running < connections && !time.Now().Before(pausedUntil) {
			c, ok := w.take(ctx, sending, most)
			if !ok {
				break
			}
			running++
			go func() { finished <- w.batch(ctx, sending, &c) }()
		}
		pause := w.o.Poll/2 + rand.N(w.o.Poll)
		if left := time.Until(pausedUntil); left > 0 {
			pause = left
		} else if more {
			pause = 0
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		case r := <-finished:
			running--
			switch {
			case r.tried && !r.reached:
				down++
				pausedUntil = time.Now().Add(jitter(doubled(w.o.Down, down, longestDown)))
			case r.reached:
				down, pausedUntil = 0, time.Time{}
			}
		}
	}
	for ; running > 0; running-- {
		<-finished
	}
}

// doubled is a pause that doubles with each failure, up to a limit.
func doubled(pause time.Duration, failures int, most time.Duration) time.Duration {
	for range failures - 1 {
		pause = min(2*pause, most)
	}
	return pause
}

func jitter(pause time.Duration) time.Duration { return pause/2 + rand.N(pause) }

// claimWait bounds the wait for rows that somebody else holds.
const claimWait = 5 * time.Second

// take claims a batch, as a whole even if the worker is asked to end meanwhile, so that it can be given back.
func (w *Worker) take(ctx, sending context.Context, most int) (claim, bool) {
	limited, cancel := context.WithTimeout(sending, claimWait)
	defer cancel()
	c, err := take(limited, w.store, most, w.o.Lease)
	if err != nil && ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "claim mails", "error", err)
	}
	return c, len(c.mails) > 0
}

// releaseHeld queues a batch of the mails that are left of operations that were released, and returns whether there may be more.
func (w *Worker) releaseHeld(ctx context.Context) bool {
	more, err := releaseHeld(ctx, w.store)
	if err != nil && ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "release mails", "error", err)
	}
	return more
}

// clean removes a batch of mails that were sent long ago, and returns whether there may be more.
func (w *Worker) clean(ctx context.Context) bool {
	more, err := clean(ctx, w.store)
	if err != nil && ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "remove mails that were sent", "error", err)
	}
	return more
}

// String names where mails go.
func (w *Worker) String() string {
	if w.o.SMTP != nil {
		return w.o.SMTP.String()
	}
	return fmt.Sprintf("files in %s", w.o.Folder)
}
