package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// TestTwoServers has two servers work on the jobs of three accounts, with workers that fall asleep in the middle, are
// taken for dead, and go on when they wake up.
func TestTwoServers(t *testing.T) {
	all := []*world{newWorld(t)}
	all = append(all, all[0].neighbour(), all[0].neighbour())
	var made []*models.Job
	for _, w := range all {
		made = append(made, w.enqueue(60))
	}
	o := quick
	o.Workers, o.MaxAttempts = 2, 100 // a sleeper may take the lease from several in a row
	var lost, n, sleepers atomic.Int32
	for range 2 {
		s := another(t, store.Options{})
		all[0].run(s, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
			asleep := n.Add(1)%4 == 0
			if asleep {
				sleepers.Add(1)
				defer sleepers.Add(-1)
				w := all[slices.IndexFunc(all, func(w *world) bool { return w.account == c.Account })]
				until(t, func() bool { w.expire(c.Job); return w.find(c.Job).Fence != c.Fence })
				ctx = context.WithoutCancel(ctx)
			}
			done, err := apply(ctx, s, c, 5, nil)
			if errors.Is(err, jobs.ErrLost) {
				lost.Add(1)
			} else if asleep {
				t.Errorf("who has slept writes: error %v", err)
			}
			return done, err
		}}, o)
	}
	for i, job := range made {
		if got := all[i].ended(job.ID); got.State != models.JobStateSucceeded {
			t.Errorf("job %+v", got)
		}
		all[i].checkOnce(job.ID)
	}
	until(t, func() bool { return sleepers.Load() == 0 })
	t.Logf("%d chunks were begun, %d of them by who had lost the job", n.Load(), lost.Load())
}

// TestFence has a worker that was taken for dead come back in each way.
func TestFence(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(4)
	take := func() jobs.Claim {
		t.Helper()
		claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
		must(t, err)
		if len(claims) != 1 {
			t.Fatalf("claims %v", claims)
		}
		return claims[0]
	}
	zombie := take()
	if claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind); err != nil || len(claims) != 0 {
		t.Errorf("the lease runs: claims %v, error %v", claims, err)
	}
	w.expire(job.ID)
	present := take()
	for name, do := range map[string]func() error{
		"writes":     func() error { _, err := apply(t.Context(), w.Store, zombie, 1, nil); return err },
		"renews":     func() error { return jobs.Renew(t.Context(), w.Store, zombie) },
		"gives back": func() error { return jobs.Release(t.Context(), w.Store, zombie) },
	} {
		if err := do(); !errors.Is(err, jobs.ErrLost) {
			t.Errorf("who had the job before %s: error %v", name, err)
		}
	}
	done, err := apply(t.Context(), w.Store, present, 4, nil)
	if err != nil || !done {
		t.Errorf("done %v, error %v", done, err)
	}
	if _, err := apply(t.Context(), w.Store, present, 4, nil); !errors.Is(err, jobs.ErrLost) {
		t.Errorf("after the end: error %v", err)
	}
	w.checkOnce(job.ID)
}

// TestFenceOfAnotherAccount has a claim used in an account that it isn't of.
func TestFenceOfAnotherAccount(t *testing.T) {
	w := newWorld(t)
	w.enqueue(1)
	claims, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
	must(t, err)
	_, err = in(w.neighbour(), func(tx *store.Tx) (*models.Job, error) { return jobs.Held(tx, claims[0]) })
	if !errors.Is(err, jobs.ErrLost) {
		t.Errorf("error %v", err)
	}
}

// TestTakeover cuts a server off from the database in the middle of a chunk.
func TestTakeover(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(9)
	dying := another(t, store.Options{})
	began, cut := make(chan struct{}), make(chan struct{})
	var n atomic.Int32
	_, stop := w.run(dying, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
		if n.Add(1) == 2 {
			close(began)
			<-cut
		}
		return apply(ctx, dying, c, 2, nil)
	}}, quick)
	<-began
	must(t, dying.Close())
	at := time.Now()
	w.run(w.Store, counting(w.Store, 2), quick)
	got := w.ended(job.ID)
	if took := time.Since(at); took > 20*time.Second || took < quick.Lease/4 {
		t.Errorf("taken over after %s", took)
	}
	close(cut)
	stop()
	if got.State != models.JobStateSucceeded || got.Fence != 2 || got.Attempts != 0 {
		t.Errorf("job %+v", got)
	}
	w.checkOnce(job.ID)
}

// TestLeaseIsRenewed has a chunk take several leases.
func TestLeaseIsRenewed(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(2)
	o := quick
	o.Lease = time.Second
	slow := func(ctx context.Context, c jobs.Claim) (bool, error) {
		wait := time.NewTimer(3 * o.Lease)
		<-wait.C
		return apply(ctx, w.Store, c, 2, nil)
	}
	w.run(w.Store, jobs.Handler{Chunk: slow}, o)
	w.run(another(t, store.Options{}), jobs.Handler{Chunk: slow}, o)
	if got := w.ended(job.ID); got.State != models.JobStateSucceeded || got.Fence != 1 {
		t.Errorf("job %+v", got)
	}
}

// TestOrder has the jobs of an account run one at a time and in order, and those of another beside them.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	other := w.neighbour()
	var mine []models.JobID
	for range 4 {
		mine = append(mine, w.enqueue(3).ID)
	}
	theirs := other.enqueue(3)
	done := make(chan struct{})
	var order []models.JobID
	var inside atomic.Int32
	for range 2 {
		s := another(t, store.Options{})
		w.run(s, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
			if c.Account == other.account {
				return apply(ctx, s, c, 1, nil)
			}
			if inside.Add(1) != 1 {
				t.Error("two jobs of one account at once")
			}
			defer inside.Add(-1)
			if len(order) == 0 {
				<-done // the others don't wait for it
			}
			if len(order) == 0 || order[len(order)-1] != c.Job {
				order = append(order, c.Job)
			}
			return apply(ctx, s, c, 1, nil)
		}}, quick)
	}
	other.ended(theirs.ID)
	close(done)
	w.ended(mine[3])
	for _, id := range mine {
		if got := w.find(id); got.State != models.JobStateSucceeded {
			t.Errorf("job %+v", got)
		}
		w.checkOnce(id)
	}
	if fmt.Sprint(order) != fmt.Sprint(mine) {
		t.Errorf("ran in the order %v, made in %v", order, mine)
	}
}

// TestStop asks a server to end in the middle of a chunk: the chunk is finished, and the job is free at once.
func TestStop(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(6)
	o := quick
	o.Lease = time.Hour
	began, goOn := make(chan struct{}), make(chan struct{})
	r := jobs.NewRunner(w.Store, map[string]jobs.Handler{w.kind: {Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
		close(began) // the second chunk would panic
		<-goOn
		return apply(ctx, w.Store, c, 2, nil)
	}}}, o)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); r.Run(ctx) }()
	<-began
	cancel()
	select {
	case <-over:
		t.Fatal("it has ended in the middle of a chunk")
	default:
	}
	close(goOn)
	<-over
	if got := w.find(job.ID); got.Done != 2 || got.State != models.JobStateRunning || got.LeaseOwner != nil || got.LeaseUntil != nil || got.Attempts != 0 {
		t.Errorf("job %+v", got)
	}
	w.run(w.Store, counting(w.Store, 2), o)
	w.ended(job.ID)
	w.checkOnce(job.ID)
}

// TestGrace has a chunk that doesn't come to its end cut off.
func TestGrace(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(2)
	o := quick
	o.Lease, o.Grace = time.Hour, 10*time.Millisecond
	began := make(chan struct{})
	_, stop := w.run(w.Store, jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) {
		close(began)
		<-ctx.Done()
		return false, ctx.Err()
	}}, o)
	<-began
	stop()
	if got := w.find(job.ID); got.Done != 0 || got.State != models.JobStateRunning || got.LeaseOwner != nil || got.Attempts != 0 {
		t.Errorf("job %+v", got)
	}
}

// TestWake has a server that hardly ever looks by itself take up a job at once.
func TestWake(t *testing.T) {
	w := newWorld(t)
	o := quick
	o.Poll = time.Hour
	r, _ := w.run(w.Store, counting(w.Store, 2), o)
	first := w.enqueue(2)
	r.Wake()
	w.ended(first.ID)
	second := w.enqueue(2)
	r.Wake()
	w.ended(second.ID)
}

// TestUnknownKind leaves what this server doesn't know to another.
func TestUnknownKind(t *testing.T) {
	w := newWorld(t)
	job := w.enqueue(1)
	claims, err := jobs.Take(t.Context(), w.Store, quick, 10, newKind())
	if err != nil || len(claims) != 0 {
		t.Errorf("claims %v, error %v", claims, err)
	}
	if got := w.find(job.ID); got.State != models.JobStateQueued {
		t.Errorf("job %+v", got)
	}
}
