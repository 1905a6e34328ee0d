package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
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
		if !open.Load() || rand.IntN(250) > 0 {
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

// TestWritersThroughKilledSessions has the server itself end sessions that are at work.
func TestWritersThroughKilledSessions(t *testing.T) {
	s := storetest.Open(t)
	if s.Engine == store.SQLite {
		t.Skip("there is no session to end")
	}
	c := newCrew(t, newDirectory(t, s), servers(t, 4))
	come := make(chan struct{})
	var requests atomic.Int64
	c.trouble = func(ctx context.Context) context.Context {
		if requests.Add(1)%5 == 0 {
			select {
			case come <- struct{}{}:
			default:
			}
		}
		return ctx
	}
	killed := 0
	var killer sync.WaitGroup
	killer.Go(func() {
		for range come {
			killed += killOne(t, s)
		}
	})
	c.run(t, 16, rounds(25, 500), nil)
	close(come)
	killer.Wait()
	c.check(t, s)
	t.Logf("%d sessions were ended", killed)
}

// killOne ends one session on the package's database that is at work.
func killOne(t testing.TB, s *store.Store) (killed int) {
	list := "SELECT processlist_id FROM performance_schema.threads WHERE processlist_db = DATABASE() AND processlist_command = 'Query' AND processlist_id <> CONNECTION_ID()"
	if s.Engine == store.MariaDB {
		list = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND command = 'Query' AND id <> CONNECTION_ID()"
	}
	var ids []int64
	if err := s.Write.WithContext(t.Context()).Raw(list).Scan(&ids).Error; err != nil {
		t.Errorf("look for sessions: %v", err)
	}
	if len(ids) == 0 {
		return 0
	}
	id := ids[rand.IntN(len(ids))]
	if err := s.Write.WithContext(t.Context()).Exec(fmt.Sprintf("KILL CONNECTION %d", id)).Error; err != nil {
		return 0 // gone by itself
	}
	return 1
}
