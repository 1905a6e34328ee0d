package directory_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"cohort/store"
	"cohort/store/storetest"
)

// TestWritersThroughLostConnections cuts connections at random packets, before they reach the server, before
// the answer comes back, and in the middle of the answer.
func TestWritersThroughLostConnections(t *testing.T) {
	s := storetest.Open(t)
	if s.Engine == store.SQLite {
		t.Skip("there is no connection to lose")
	}
	var open atomic.Bool // the servers start in peace
	var cuts [4]atomic.Int64
	proxy := storetest.OpenProxy(t, storetest.Faults{Packet: func([]byte) storetest.Cut {
		if !open.Load() || rand.IntN(100) > 0 {
			return storetest.Pass
		}
		cut := []storetest.Cut{storetest.Lose, storetest.LoseAnswer, storetest.TearAnswer}[rand.IntN(3)]
		cuts[cut].Add(1)
		return cut
	}})
	c := newCrew(t, newDirectory(t, s), nil)
	for range 4 {
		c.at = append(c.at, server(t, store.Options{URL: proxy.URL}))
	}
	open.Store(true)
	c.run(t, 16, rounds(25, 500), nil)
	open.Store(false)
	c.check(t, s)
	t.Logf("%d connections were cut before a packet, %d after it, %d within the answer",
		cuts[storetest.Lose].Load(), cuts[storetest.LoseAnswer].Load(), cuts[storetest.TearAnswer].Load())
}
