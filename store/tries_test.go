package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// failing lets the nth statement with a word in it fail, for each n in the map.
func failing(word string, failures map[int]error) func(context.Context, string) error {
	var mu sync.Mutex
	n := 0
	return func(_ context.Context, sql string) error {
		if !strings.Contains(sql, word) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		n++
		return failures[n]
	}
}

func TestRetries(t *testing.T) {
	number := func(n uint16) error { return &mysql.MySQLError{Number: n, Message: "forced"} }
	tests := map[string]struct {
		word     string // in the statements that fail
		failures map[int]error
		runs     int
		err      error
	}{
		"nothing fails":             {runs: 1},
		"a deadlock":                {word: "SET name", failures: map[int]error{1: number(1213)}, runs: 2},
		"a timeout at the lock":     {word: "SELECT", failures: map[int]error{1: number(1205)}, runs: 1},
		"twice TiDB's conflict":     {word: "SET name", failures: map[int]error{1: number(9007), 2: number(8022)}, runs: 3},
		"a busy file":               {word: "SET name", failures: map[int]error{1: sqlite3.BUSY}, runs: 2},
		"a lost connection":         {word: "SET name", failures: map[int]error{1: mysql.ErrInvalidConn}, runs: 2},
		"while writing the numbers": {word: "feed_seq = ?", failures: map[int]error{1: number(1213)}, runs: 2},
		"a mistake":                 {word: "SET name", failures: map[int]error{1: number(1064)}, runs: 1, err: number(1064)},
		"a duplicate":               {word: "SET name", failures: map[int]error{1: number(1062)}, runs: 1, err: gorm.ErrDuplicatedKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := storetest.Account(t, storetest.Open(t))
			s := another(t, store.Options{Inspect: failing(tt.word, tt.failures)})
			runs := 0
			var operations []models.OperationID
			seq, err := store.InAccount(t.Context(), s, id, func(tx *store.Tx) (int64, error) {
				runs++
				operations = append(operations, tx.Operation)
				tx.Account.FeedSeq++
				if err := tx.Exec("UPDATE accounts SET name = CONCAT(name, '+') WHERE id = ?", id).Error; err != nil {
					return 0, fmt.Errorf("rename: %w", err)
				}
				return tx.Account.FeedSeq, nil
			})
			if runs != tt.runs || !errors.Is(err, tt.err) {
				t.Errorf("%d runs, error %v; want %d, %v", runs, err, tt.runs, tt.err)
			}
			if operations = slices.Compact(operations); len(operations) != 1 {
				t.Errorf("operations %v", operations)
			}
			row := account(t, s, id)
			if want := strings.Count(row.Name, "+"); int(seq) != want || int(row.FeedSeq) != want || (err == nil) != (want == 1) {
				t.Errorf("took %d, account %+v", seq, row)
			}
		})
	}
}

func TestInTxRetries(t *testing.T) {
	id := storetest.Account(t, storetest.Open(t))
	s := another(t, store.Options{Inspect: failing("UPDATE", map[int]error{1: &mysql.MySQLError{Number: 1213}, 2: sqlite3.LOCKED})})
	runs := 0
	_, err := store.InTx(t.Context(), s, func(tx *gorm.DB) (any, error) {
		runs++
		return nil, tx.Exec("UPDATE accounts SET name = 'x' WHERE id = ?", id).Error
	})
	if err != nil || runs != 3 {
		t.Errorf("%d runs, error %v", runs, err)
	}
}

// Two transactions that lock two rows crosswise: the server fells one, which then succeeds.
func TestRealDeadlock(t *testing.T) {
	s := storetest.Open(t)
	onServer(t, s)
	rows := [2]models.AccountID{storetest.Account(t, s), storetest.Account(t, s)}
	has := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	var runs [2]int
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			_, err := store.InTx(t.Context(), s, func(tx *gorm.DB) (any, error) {
				add := func(id models.AccountID) error {
					return tx.Exec("UPDATE accounts SET feed_seq = feed_seq + 1 WHERE id = ?", id).Error
				}
				if err := add(rows[i]); err != nil {
					return nil, err
				}
				if runs[i]++; runs[i] == 1 {
					close(has[i])
					<-has[1-i]
				}
				return nil, add(rows[1-i])
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs[0]+runs[1] < 3 {
		t.Errorf("no deadlock: %v runs", runs)
	}
	for _, id := range rows {
		if row := account(t, s, id); row.FeedSeq != 2 {
			t.Errorf("counted to %d", row.FeedSeq)
		}
	}
}
