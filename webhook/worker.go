// Package webhook delivers the change feed: it sends what happens in an account to the addresses that its super admins have
// registered, signed, in order, and until it is taken. Any number of servers share the work.
package webhook

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/store"
)

// Options are what an installation may choose. What isn't set has its default.
type Options struct {
	Seal  auth.Seal      // opens the secrets that the directory has sealed
	Allow []netip.Prefix // nets in which addresses may be private, and plain HTTP will do

	Connections int                          // deliveries at the same time in this process; 8
	Timeout     time.Duration                // of an attempt; 10 s
	Lease       time.Duration                // after which the webhook of a dead worker is free; 1 min, at least 4 times Timeout
	Poll        time.Duration                // between two looks for what others have written; 2 s, with jitter
	Backoff     time.Duration                // before the second attempt, doubled for each further one up to an hour; 5 s
	Grace       time.Duration                // for the current deliveries when Run is asked to end; 12 s
	Agent       string                       // of the requests; "Cohort"
	Resolver    *net.Resolver                // nil for the system's
	Roots       *x509.CertPool               // who may vouch for receivers; nil for the system's
	Did         func(Outcome, time.Duration) // is told of each attempt; nil tells nobody
	Log         *slog.Logger                 // nil discards. Of URLs it gets the hosts
}

// Outcome is what has happened to a webhook.
type Outcome string

// The outcomes. What failed is tried again, unless the webhook is paused as well.
const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
	Paused    Outcome = "paused"
)

// Outcomes are all of them.
var Outcomes = []Outcome{Delivered, Failed, Paused}

const (
	longestBackoff = time.Hour
	cleanEvery     = time.Hour
	gathering      = 20 * time.Millisecond // after a change, for those that come with it
	claimWait      = 5 * time.Second       // for rows that somebody else holds
)

// Worker delivers to webhooks.
type Worker struct {
	store     *store.Store
	directory *directory.Directory
	sender    *sender
	o         Options
	wake      chan struct{}
}

// NewWorker makes the worker of a process.
func NewWorker(s *store.Store, d *directory.Directory, o Options) *Worker {
	o.Connections = orElse(o.Connections, 8)
	o.Timeout = orElse(o.Timeout, 10*time.Second)
	o.Lease = max(orElse(o.Lease, time.Minute), 4*o.Timeout)
	o.Poll = orElse(o.Poll, 2*time.Second)
	o.Backoff = orElse(o.Backoff, 5*time.Second)
	o.Grace = orElse(o.Grace, 12*time.Second)
	if o.Agent == "" {
		o.Agent = "Cohort"
	}
	if o.Did == nil {
		o.Did = func(Outcome, time.Duration) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Worker{store: s, directory: d, sender: newSender(o), o: o, wake: make(chan struct{}, 1)}
}

func orElse[T int | time.Duration](chosen, otherwise T) T {
	if chosen > 0 {
		return chosen
	}
	return otherwise
}

// Wake has the worker look for changes at once. Call it after a commit. It never waits.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends. Then each attempt that is under way is finished, for as long as Grace allows. Call it once.
func (w *Worker) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() {
		patience := time.AfterFunc(w.o.Grace, cut)
		context.AfterFunc(sending, func() { patience.Stop() })
	})
	defer stop()

	finished, running := make(chan struct{}), 0
	var cleaned time.Time
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if time.Since(cleaned) > cleanEvery {
			if err := clean(ctx, w.store); err != nil && ctx.Err() == nil {
				w.o.Log.WarnContext(ctx, "clean deliveries", "error", err)
			}
			cleaned = time.Now()
		}
		for running < w.o.Connections && ctx.Err() == nil {
			c := w.take(ctx, sending)
			if c == nil {
				break
			}
			running++
			go func() {
				defer func() { finished <- struct{}{} }()
				w.work(ctx, sending, c)
			}()
		}
		timer.Reset(w.o.Poll/2 + rand.N(w.o.Poll))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-finished:
			running--
		case <-w.wake:
			timer.Reset(gathering)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
	}
	for ; running > 0; running-- {
		<-finished
	}
}

// take claims a webhook, as a whole even if the worker is asked to end meanwhile, so that it can be given back.
func (w *Worker) take(ctx, sending context.Context) *claim {
	limited, cancel := context.WithTimeout(sending, claimWait)
	defer cancel()
	c, err := take(limited, w.store, w.o.Lease)
	if err != nil && ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "claim a webhook", "error", err)
	}
	return c
}
