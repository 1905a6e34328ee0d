package graph

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"cohort/models"
)

// The siblings of a key are resolved side by side and come one shortly after the other. A batch goes off when
// none has come for gatherFor, however long all of them take on a busy machine, and at the latest after
// gatherAtMost: the number of statements depends on what is asked, not on how many rows a page has.
const (
	gatherFor    = 500 * time.Microsecond
	gatherAtMost = 20 * time.Millisecond
)

// gatherer answers one question about many keys in one go, and about each key once.
type gatherer[K comparable, V any] struct {
	fetch func(context.Context, []K) ([]V, error) // in the order of the keys

	mu       sync.Mutex
	batches  map[K]*batch[K, V] // the batch that each key is in
	gathered *batch[K, V]       // the one that still takes keys
}

type batch[K comparable, V any] struct {
	keys   []K
	place  map[K]int
	done   chan struct{}
	values []V
	err    error
}

func newGatherer[K comparable, V any](fetch func(context.Context, []K) ([]V, error)) *gatherer[K, V] {
	return &gatherer[K, V]{fetch: fetch, batches: map[K]*batch[K, V]{}}
}

// load is the answer for one key.
func (g *gatherer[K, V]) load(ctx context.Context, key K) (V, error) {
	values, err := g.loadAll(ctx, []K{key})
	if err != nil {
		var none V
		return none, err
	}
	return values[0], nil
}

// loadAll are the answers for several keys, in their order.
func (g *gatherer[K, V]) loadAll(ctx context.Context, keys []K) ([]V, error) {
	batches := make([]*batch[K, V], len(keys))
	g.mu.Lock()
	for i, key := range keys {
		batches[i] = g.join(ctx, key)
	}
	g.mu.Unlock()
	values := make([]V, len(keys))
	for i, b := range batches {
		select {
		case <-b.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if b.err != nil {
			return nil, b.err
		}
		values[i] = b.values[b.place[keys[i]]]
	}
	return values, nil
}

// join finds the batch that a key is in, or puts it into one.
func (g *gatherer[K, V]) join(ctx context.Context, key K) *batch[K, V] {
	if b := g.batches[key]; b != nil {
		return b
	}
	b := g.gathered
	if b == nil {
		b = &batch[K, V]{place: map[K]int{}, done: make(chan struct{})}
		g.gathered = b
		// The context is that of whoever came first; the others must not be cut off with it.
		go g.run(context.WithoutCancel(ctx), b)
	}
	g.batches[key], b.place[key] = b, len(b.keys)
	if b.keys = append(b.keys, key); len(b.keys) == models.MaxList {
		g.gathered = nil
	}
	return b
}

func (g *gatherer[K, V]) run(ctx context.Context, b *batch[K, V]) {
	defer close(b.done)
	defer func() {
		if value := recover(); value != nil {
			b.err = fmt.Errorf("panic in a loader: %v\n%s", value, debug.Stack())
		}
	}()
	for begin, seen := time.Now(), 0; !g.closed(b, &seen) && time.Since(begin) < gatherAtMost; {
		time.Sleep(gatherFor)
	}
	g.mu.Lock()
	if g.gathered == b {
		g.gathered = nil
	}
	g.mu.Unlock()
	if b.values, b.err = g.fetch(ctx, b.keys); b.err == nil && len(b.values) != len(b.keys) {
		b.err = fmt.Errorf("a loader answered %d of %d keys", len(b.values), len(b.keys))
	}
}

// closed tells whether the batch takes no more keys, or none has come since it was seen last.
func (g *gatherer[K, V]) closed(b *batch[K, V], seen *int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gathered != b || len(b.keys) == *seen {
		return true
	}
	*seen = len(b.keys)
	return false
}
