package store_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// A fault is what the proxy does to the first packet of a client with some bytes in it.
type fault struct {
	packet    string
	delivered bool   // the server gets it, and only its answer is lost
	forever   bool   // nobody gets through afterwards
	then      func() // called when it is done
}

const commit = "\x03COMMIT" // the command "query" and its text

// proxy passes connections on to the tests' server, with one fault, and returns the URL to use.
func proxy(t *testing.T, f fault) string {
	t.Helper()
	u, err := url.Parse(storetest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var once sync.Once
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer client.Close()
				upstream, err := net.Dial("tcp", server)
				if err != nil {
					t.Error(err)
					return
				}
				defer upstream.Close()
				if !f.pass(client, upstream, &once) {
					return
				}
				if f.forever {
					listener.Close()
				}
				if f.then != nil {
					f.then()
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	u.Host = listener.Addr().String()
	return u.String()
}

// pass copies both ways until one side closes, or the client sends the packet for the first time: then
// the client is cut off, when the server has answered if it is to get the packet.
func (f fault) pass(client, upstream net.Conn, once *sync.Once) (broken bool) {
	var deaf atomic.Bool
	back := make(chan struct{})
	go func() {
		defer close(back)
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := upstream.Read(buffer)
			if err != nil || deaf.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	defer func() { <-back }()
	defer upstream.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return false
		}
		if bytes.Contains(buffer[:n], []byte(f.packet)) {
			once.Do(func() { broken = true })
		}
		if !broken || f.delivered {
			deaf.Store(broken)
			if _, err := upstream.Write(buffer[:n]); err != nil {
				return false
			}
		}
		if broken && f.delivered {
			<-back
		}
		if broken {
			return true
		}
	}
}

// record writes as an operation does: an audit event, and a number of the feed.
func record(tx *store.Tx) (int64, error) {
	tx.Account.FeedSeq++
	event := map[string]any{
		"account_id": tx.Account.ID, "id": models.NewID[models.OperationID](), "operation_id": tx.Operation, "at": tx.Now,
		"action": "TEST", "actor_kind": "", "request_id": "", "subject_type": "",
	}
	return tx.Account.FeedSeq, tx.Table("audit_events").Create(event).Error
}

func TestLostConnections(t *testing.T) {
	tests := map[string]struct {
		fault fault
		runs  int
	}{
		"nothing is lost":                     {fault{packet: "never"}, 1},
		"the answer to the commit is lost":    {fault{packet: commit, delivered: true}, 1},
		"the commit itself is lost":           {fault{packet: commit}, 2},
		"the connection breaks before it":     {fault{packet: "INSERT INTO"}, 2},
		"the connection breaks at the lock":   {fault{packet: "FOR UPDATE"}, 1},
		"the connection breaks at the start":  {fault{packet: "START TRANSACTION"}, 1},
		"it breaks while writing the numbers": {fault{packet: "UPDATE accounts"}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			onServer(t, s)
			id := storetest.Account(t, s)
			through := another(t, store.Options{URL: proxy(t, tt.fault)})
			runs := 0
			seq, err := store.InAccount(t.Context(), through, id, func(tx *store.Tx) (int64, error) {
				runs++
				return record(tx)
			})
			if err != nil || seq != 1 || runs != tt.runs {
				t.Errorf("got %d in %d runs, error %v; want 1 in %d", seq, runs, err, tt.runs)
			}
			var events int64
			if err := s.Read.Table("audit_events").Where("account_id = ?", id).Count(&events).Error; err != nil {
				t.Fatal(err)
			}
			if row := account(t, s, id); events != 1 || row.FeedSeq != 1 {
				t.Errorf("%d events, feed at %d; want one of each", events, row.FeedSeq)
			}
		})
	}
}

func TestCommitUnknown(t *testing.T) {
	s := storetest.Open(t)
	onServer(t, s)
	id := storetest.Account(t, s)
	t.Run("the database stays away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		through := another(t, store.Options{URL: proxy(t, fault{packet: commit, forever: true, then: cancel})})
		_, err := store.InAccount(ctx, through, id, record)
		if !errors.Is(err, store.ErrCommitUnknown) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no account, no operation to look for", func(t *testing.T) {
		through := another(t, store.Options{URL: proxy(t, fault{packet: commit, delivered: true})})
		runs := 0
		_, err := store.InTx(t.Context(), through, func(tx *gorm.DB) (any, error) {
			runs++
			return nil, tx.Exec("UPDATE accounts SET name = 'committed' WHERE id = ?", id).Error
		})
		if !errors.Is(err, store.ErrCommitUnknown) || runs != 1 {
			t.Errorf("%d runs, error %v", runs, err)
		}
		if !strings.Contains(err.Error(), "unknown whether it took effect") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a snapshot has nothing to lose", func(t *testing.T) {
		through := another(t, store.Options{URL: proxy(t, fault{packet: "SELECT 41"})})
		got, err := store.InSnapshot(t.Context(), through, func(tx *gorm.DB) (n int, err error) {
			err = tx.Raw("SELECT 41 + 1").Scan(&n).Error
			return n, err
		})
		if err != nil || got != 42 {
			t.Errorf("got %d, error %v", got, err)
		}
	})
}
