package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"cohort/bench/load"
)

// Requests that come at a steady rate, whether the last one has its answer or not.
const (
	reads      = "reads"  // pages of members, and of the groups of a user
	writes     = "writes" // additions of one user to one group
	readEvery  = 20 * time.Millisecond
	writeEvery = 100 * time.Millisecond
	warmFor    = 3 * time.Second
	idleFor    = 10 * time.Second
	askers     = 32 // connections
)

// latencies asks other things, first while nothing else is done and then while Cohort replaces everybody's product.
func (b *bench) latencies(ctx context.Context, rep *bulkReport, r *rand.Rand, replace func(int) error) error {
	if err := b.clearOutcome(ctx); err != nil {
		return err
	}
	warm, stop := context.WithTimeout(ctx, warmFor)
	defer stop()
	if _, err := b.askOther(warm, r); err != nil { // what the server then has in memory is not the question here
		return err
	}
	idle, stop := context.WithTimeout(ctx, idleFor)
	defer stop()
	var err error
	if rep.Idle, err = b.askOther(idle, r); err != nil {
		return err
	}
	busy, done := context.WithCancel(ctx)
	defer done()
	got := make(chan error, 1)
	go func() {
		begin := time.Now()
		got <- replace(0)
		rep.LatencyTurn = time.Since(begin).Seconds()
		done()
	}()
	rep.During, err = b.askOther(busy, r)
	if failed := <-got; failed != nil {
		return failed
	}
	return err
}

// askOther asks until ctx ends.
func (b *bench) askOther(ctx context.Context, r *rand.Rand) (map[string]latency, error) {
	cohort := side{cohortName, b.cohortServer, ""}
	questions, err := anyMembers(ctx, b, r)
	if err != nil {
		return nil, err
	}
	added, err := b.additions(context.WithoutCancel(ctx), r, quietUsers)
	if err != nil {
		return nil, err
	}
	cellOf := map[string]*cell{}
	for i := range cells {
		cellOf[cells[i].name] = &cells[i]
	}
	write := added.draw(b, cohort, cellOf["add"])
	connections := make(chan *load.Conn, askers)
	for range askers {
		c, err := load.Dial(b.cohortServer.address)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		connections <- c
	}
	var mu sync.Mutex
	times, errs := map[string][]time.Duration{}, map[string]int{}
	var asked sync.WaitGroup
	ask := func(kind string, request []byte, due time.Time) {
		asked.Go(func() {
			c := <-connections
			status, _, err := c.Do(request)
			took := time.Since(due)
			connections <- c
			mu.Lock()
			defer mu.Unlock()
			times[kind] = append(times[kind], took)
			if err != nil || status != 200 {
				errs[kind]++
			}
		})
	}
	read, wrote := time.NewTicker(readEvery), time.NewTicker(writeEvery)
	defer read.Stop()
	defer wrote.Stop()
	for n := 0; ctx.Err() == nil; {
		select {
		case due := <-read.C:
			q, c := questions[r.IntN(len(questions))], cellOf["members"]
			if n++; n%2 == 0 {
				id := b.world.user(r).String()
				q, c = question{variables: map[string]any{"id": id}}, cellOf["groupsof"]
			}
			ask(reads, b.request(cohort, c, q), due)
		case due := <-wrote.C:
			if a, more := write(0); more {
				ask(writes, a.Request, due)
			}
		case <-ctx.Done():
		}
	}
	asked.Wait()
	if err := added.undo(b); err != nil {
		return nil, err
	}
	all := map[string]latency{}
	for kind, took := range times {
		millis := func(share float64) float64 { return load.Percentile(took, share).Seconds() * 1000 }
		all[kind] = latency{Requests: len(took), P50Millis: millis(0.5), P99: millis(0.99), Most: millis(1), Errors: errs[kind]}
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("too short to ask anything meanwhile")
	}
	return all, nil
}
