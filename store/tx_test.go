package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

func account(t *testing.T, s *store.Store, id models.AccountID) models.Account {
	t.Helper()
	var row models.Account
	if err := s.Read.Where("id = ?", id).Take(&row).Error; err != nil {
		t.Fatal(err)
	}
	return row
}

func TestInAccount(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	s = another(t, store.Options{Inspect: storetest.Guard, Now: func() time.Time { now = now.Add(time.Second); return now }})
	got, err := store.InAccount(t.Context(), s, id, func(tx *store.Tx) (string, error) {
		if tx.Account.ID != id || tx.Operation == (models.OperationID{}) {
			t.Errorf("account %s, operation %s", tx.Account.ID, tx.Operation)
		}
		if tx.NowFunc() != tx.Now || !tx.Now.Equal(now) {
			t.Errorf("two times in a transaction: %s, %s", tx.Now, tx.NowFunc())
		}
		tx.Account.GraphVersion += 2
		tx.Account.FeedSeq += 3
		tx.Account.Name = "not written"
		// A statement of its own each: conditions don't gather in tx.
		for range 2 {
			if err := tx.Model(&models.Account{}).Where("id = ?", id).Update("name", "renamed").Error; err != nil {
				return "", err
			}
		}
		return "done", nil
	})
	if err != nil || got != "done" {
		t.Fatalf("got %q, error %v", got, err)
	}
	row := account(t, s, id)
	want := models.Account{ID: id, Name: "renamed", NameKey: row.NameKey, GraphVersion: 2, FeedSeq: 3, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

func TestWhatRollsBack(t *testing.T) {
	refused := errors.New("refused")
	tests := map[string]struct {
		end  func(cancel func()) (int, error)
		want error
	}{
		"an error":               {func(func()) (int, error) { return 7, refused }, refused},
		"an error of GORM":       {func(func()) (int, error) { return 7, gorm.ErrDuplicatedKey }, gorm.ErrDuplicatedKey},
		"the end of its context": {func(cancel func()) (int, error) { cancel(); return 7, nil }, context.Canceled},
		"a panic":                {func(func()) (int, error) { panic("oh") }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			id := storetest.Account(t, s)
			runs := 0
			in := func(ctx context.Context, cancel func()) (got int, panicked any, err error) {
				defer func() { panicked = recover() }()
				got, err = store.InAccount(ctx, s, id, func(tx *store.Tx) (int, error) {
					runs++
					tx.Account.FeedSeq++
					if err := tx.Exec("UPDATE accounts SET name = 'changed' WHERE id = ?", id).Error; err != nil {
						return 0, err
					}
					return tt.end(cancel)
				})
				return got, nil, err
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, panicked, err := in(ctx, cancel)
			if got != 0 || !errors.Is(err, tt.want) || runs != 1 {
				t.Errorf("got %d, error %v, %d runs; want 0, %v, 1", got, err, runs, tt.want)
			}
			if (panicked != nil) != (tt.want == nil) {
				t.Errorf("panicked: %v", panicked)
			}
			if row := account(t, s, id); row.Name == "changed" || row.FeedSeq != 0 {
				t.Errorf("left behind: %+v", row)
			}
			// The lock and the connection are free again.
			if _, err := store.InAccount(t.Context(), s, id, func(*store.Tx) (int, error) { return 0, nil }); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestNoAccount(t *testing.T) {
	s := storetest.Open(t)
	_, err := store.InAccount(t.Context(), s, models.NewID[models.AccountID](), func(*store.Tx) (any, error) {
		t.Error("ran without an account")
		return nil, nil
	})
	if !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("error %v", err)
	}
}

// Two servers with several writers each take numbers under the lock: none is lost, none is taken twice.
func TestOneWriterAnAccount(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	const writers, times = 4, 10
	var mu sync.Mutex
	var taken []int64
	var wg sync.WaitGroup
	for _, s := range []*store.Store{another(t, store.Options{}), another(t, store.Options{})} {
		for range writers {
			wg.Go(func() {
				for range times {
					seq, err := store.InAccount(t.Context(), s, id, func(tx *store.Tx) (int64, error) {
						tx.Account.FeedSeq++
						return tx.Account.FeedSeq, nil
					})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					taken = append(taken, seq)
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	slices.Sort(taken)
	var want []int64
	for n := range int64(2 * writers * times) {
		want = append(want, n+1)
	}
	if diff := cmp.Diff(want, taken); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// What is read after the lock is what the last writer has committed, also when the transaction began
// before that.
func TestReadsUnderTheLockAreCurrent(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	waits := make(chan struct{})
	other := another(t, store.Options{Inspect: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "FOR UPDATE") {
			close(waits)
		}
		return nil
	}})
	result := make(chan string, 1)
	_, err := store.InAccount(t.Context(), s, id, func(tx *store.Tx) (any, error) {
		go func() {
			name, err := store.InAccount(t.Context(), other, id, func(tx *store.Tx) (name string, err error) {
				return name, tx.Raw("SELECT name FROM accounts WHERE id = ?", id).Scan(&name).Error
			})
			result <- fmt.Sprint(name, err)
		}()
		if s.Engine != store.SQLite { // where BEGIN already waits
			<-waits
		}
		return nil, tx.Exec("UPDATE accounts SET name = 'new' WHERE id = ?", id).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-result; got != "new<nil>" {
		t.Errorf("read %s", got)
	}
}

func TestAccountsWriteInParallel(t *testing.T) {
	s := storetest.Open(t)
	onServer(t, s)
	one, two := storetest.Account(t, s), storetest.Account(t, s)
	_, err := store.InAccount(t.Context(), s, one, func(*store.Tx) (any, error) {
		return store.InAccount(t.Context(), s, two, func(tx *store.Tx) (any, error) {
			tx.Account.FeedSeq++
			return nil, nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// More writers of a busy account than there are connections leave some for other accounts.
func TestBusyAccountLeavesConnections(t *testing.T) {
	s := storetest.Open(t)
	onServer(t, s)
	busy, other := storetest.Account(t, s), storetest.Account(t, s)
	nothing := func(*store.Tx) (any, error) { return nil, nil }
	var wg sync.WaitGroup
	defer wg.Wait()
	_, err := store.InAccount(t.Context(), s, busy, func(*store.Tx) (any, error) {
		for range store.Writers + 4 {
			wg.Go(func() {
				if _, err := store.InAccount(t.Context(), s, busy, nothing); err != nil {
					t.Error(err)
				}
			})
		}
		for s.InLine(busy) < store.Writers+5 {
			runtime.Gosched()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return store.InAccount(ctx, s, other, nothing)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWaitingHeedsTheContext(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	for name, waiter := range map[string]*store.Store{"in the same process": s, "in another": another(t, store.Options{})} {
		t.Run(name, func(t *testing.T) {
			_, err := store.InAccount(t.Context(), s, id, func(*store.Tx) (any, error) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				defer cancel()
				return store.InAccount(ctx, waiter, id, func(*store.Tx) (any, error) { return nil, nil })
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if n := s.InLine(id); n != 0 {
				t.Errorf("%d still in line", n)
			}
		})
	}
}

func TestTransactionsGiveTheirConnectionBack(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	refused := errors.New("refused")
	_, _ = store.InSnapshot(t.Context(), s, func(*gorm.DB) (any, error) { return nil, nil })
	_, _ = store.InSnapshot(t.Context(), s, func(*gorm.DB) (any, error) { return nil, refused })
	_, _ = store.InTx(t.Context(), s, func(*gorm.DB) (any, error) { return nil, refused })
	_, _ = store.InAccount(t.Context(), s, id, func(*store.Tx) (any, error) { return nil, refused })
	for name, db := range map[string]*gorm.DB{"Read": s.Read, "Write": s.Write} {
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		if n := pool.Stats().InUse; n != 0 {
			t.Errorf("%s has %d in use", name, n)
		}
	}
}
