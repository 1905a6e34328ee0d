package store_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// A fault is what the proxy does to the first packet of a client with some bytes in it.
type fault struct {
	packet  string
	cut     storetest.Cut
	forever bool   // nobody gets through afterwards
	then    func() // called when it is done
}

const commit = "\x03COMMIT" // the command "query" and its text

// proxy passes connections on to the tests' server, with one fault, and returns the URL to use.
func proxy(t *testing.T, f fault) string {
	t.Helper()
	var once sync.Once
	return storetest.OpenProxy(t, storetest.Faults{
		Packet: func(packet []byte) (cut storetest.Cut) {
			if bytes.Contains(packet, []byte(f.packet)) {
				once.Do(func() { cut = f.cut })
			}
			return cut
		},
		Done: func(p *storetest.Proxy) {
			if f.forever {
				p.Refuse()
			}
			if f.then != nil {
				f.then()
			}
		},
	}).URL
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
		"the answer to the commit is lost":    {fault{packet: commit, cut: storetest.LoseAnswer}, 1},
		"half the answer to it is lost":       {fault{packet: commit, cut: storetest.TearAnswer}, 1},
		"the commit itself is lost":           {fault{packet: commit, cut: storetest.Lose}, 2},
		"the connection breaks before it":     {fault{packet: "INSERT INTO", cut: storetest.Lose}, 2},
		"the connection breaks at the lock":   {fault{packet: "FOR UPDATE", cut: storetest.Lose}, 1},
		"half the locked row is lost":         {fault{packet: "FOR UPDATE", cut: storetest.TearAnswer}, 1},
		"the connection breaks at the start":  {fault{packet: "START TRANSACTION", cut: storetest.Lose}, 1},
		"it breaks while writing the numbers": {fault{packet: "UPDATE accounts", cut: storetest.Lose}, 2},
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
		through := another(t, store.Options{URL: proxy(t, fault{packet: commit, cut: storetest.Lose, forever: true, then: cancel})})
		_, err := store.InAccount(ctx, through, id, record)
		if !errors.Is(err, store.ErrCommitUnknown) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("and so does who waits", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		through := another(t, store.Options{URL: proxy(t, fault{packet: commit, cut: storetest.Lose, then: cancel})})
		_, err := store.InTx(ctx, through, func(tx *gorm.DB) (any, error) { return nil, tx.Exec("SELECT 1").Error })
		if !errors.Is(err, store.ErrCommitUnknown) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no account, no operation to look for", func(t *testing.T) {
		through := another(t, store.Options{URL: proxy(t, fault{packet: commit, cut: storetest.LoseAnswer})})
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
		through := another(t, store.Options{URL: proxy(t, fault{packet: "SELECT 41", cut: storetest.Lose})})
		got, err := store.InSnapshot(t.Context(), through, func(tx *gorm.DB) (n int, err error) {
			err = tx.Raw("SELECT 41 + 1").Scan(&n).Error
			return n, err
		})
		if err != nil || got != 42 {
			t.Errorf("got %d, error %v", got, err)
		}
	})
}
