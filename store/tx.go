package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"cohort/models"
)

// Tx is a write transaction that holds the lock of an account.
type Tx struct {
	*gorm.DB

	// Account is the account's row as it was when it was locked. What is changed of GraphVersion and
	// FeedSeq is written before the commit; the other columns are the caller's to update.
	Account *models.Account

	// Operation identifies the call of InAccount, the same in each of its tries. Whatever writes must
	// leave an audit event with it: that row tells whether a commit took effect whose answer was lost.
	Operation models.OperationID

	// Now is the one time of the transaction.
	Now time.Time
}

// InAccount runs fn in a write transaction that holds the account's lock, so that nobody else changes
// anything of the account meanwhile, and returns what fn returned. An error or a panic of fn rolls back.
// fn may run several times: the transaction begins anew after a deadlock, a lock timeout, a busy
// database or a lost connection, about ten times, as long as ctx lives. Inside fn use tx and nothing of
// s; a transaction within another one hangs.
//
// Returns ErrNoAccount when there is no such account, and ErrCommitUnknown when the database stays away
// after a commit whose answer was lost.
func InAccount[T any](ctx context.Context, s *Store, account models.AccountID, fn func(tx *Tx) (T, error)) (T, error) {
	asked := time.Now()
	leave, err := s.lines.enter(ctx, account)
	s.observed(ctx, Turn, asked, err)
	if err != nil {
		var none T
		return none, err
	}
	defer leave()

	operation := models.NewID[models.OperationID]()
	var unsure *T // what fn returned before a commit whose answer was lost
	again := func(err error) bool { return transient(err) || errors.Is(err, ErrCommitUnknown) }
	value, err := retry(ctx, s, again, func() (T, error) {
		value, err := write(ctx, s, func(tx *gorm.DB) (value T, err error) {
			row, err := lock(tx, account)
			if err != nil {
				return value, err
			}
			// The lock is free again, so the lost commit has been decided.
			if unsure != nil {
				done, err := committed(tx, account, operation)
				if done || err != nil {
					return *unsure, err
				}
				unsure = nil
			}
			now := s.Now()
			t := &Tx{
				DB:      tx.Session(&gorm.Session{NewDB: true, NowFunc: func() time.Time { return now }}),
				Account: &row, Operation: operation, Now: now,
			}
			before := row
			if value, err = fn(t); err != nil {
				return value, err
			}
			return value, advance(tx, before, *t.Account)
		})
		if errors.Is(err, ErrCommitUnknown) {
			unsure = &value
		}
		return value, err
	})
	if err != nil && unsure != nil && !errors.Is(err, ErrCommitUnknown) {
		err = fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	}
	return orZero(value, err)
}

// lock takes the account's lock and reads its row. On SQLite the transaction itself is the lock.
func lock(tx *gorm.DB, account models.AccountID) (row models.Account, err error) {
	err = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", account).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, ErrNoAccount
	}
	if err != nil {
		return row, fmt.Errorf("lock the account: %w", err)
	}
	return row, nil
}

// advance writes the counters that fn has moved.
func advance(tx *gorm.DB, before, after models.Account) error {
	if after.GraphVersion == before.GraphVersion && after.FeedSeq == before.FeedSeq {
		return nil
	}
	done := tx.Exec("UPDATE accounts SET graph_version = ?, feed_seq = ? WHERE id = ?", after.GraphVersion, after.FeedSeq, before.ID)
	if done.Error == nil && done.RowsAffected != 1 {
		return fmt.Errorf("write the account's counters: %d rows", done.RowsAffected)
	}
	if done.Error != nil {
		return fmt.Errorf("write the account's counters: %w", done.Error)
	}
	return nil
}

func committed(tx *gorm.DB, account models.AccountID, operation models.OperationID) (done bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM audit_events WHERE account_id = ? AND operation_id = ?)", account, operation).Scan(&done).Error
	if err != nil {
		return false, fmt.Errorf("look for the lost commit: %w", err)
	}
	return done, nil
}

// InTx runs fn in a write transaction that locks no account: for what belongs to none, like a new
// account. Otherwise it is as InAccount, except that it doesn't try again after a commit whose answer
// was lost: it returns ErrCommitUnknown.
func InTx[T any](ctx context.Context, s *Store, fn func(tx *gorm.DB) (T, error)) (T, error) {
	again := func(err error) bool { return transient(err) && !errors.Is(err, ErrCommitUnknown) }
	return orZero(retry(ctx, s, again, func() (T, error) {
		return write(ctx, s, func(tx *gorm.DB) (T, error) {
			now := s.Now()
			return fn(tx.Session(&gorm.Session{NewDB: true, NowFunc: func() time.Time { return now }}))
		})
	}))
}

// InSnapshot runs fn in a read-only transaction in which all queries see the same state of the database.
// It waits for no writer. Otherwise it is as InTx.
func InSnapshot[T any](ctx context.Context, s *Store, fn func(tx *gorm.DB) (T, error)) (T, error) {
	return orZero(retry(ctx, s, transient, func() (value T, err error) {
		begin := time.Now()
		defer func() { s.observed(ctx, Snapshot, begin, failed(err)) }()
		tx := s.Read.WithContext(ctx).Begin(&sql.TxOptions{ReadOnly: s.Engine != TiDB}) // which knows no such transaction
		if tx.Error != nil {
			return value, fmt.Errorf("begin: %w", tx.Error)
		}
		defer tx.Rollback()
		return fn(tx.Session(&gorm.Session{NewDB: true}))
	}))
}

// write runs fn in a transaction and commits it. Together with ErrCommitUnknown it returns fn's value.
func write[T any](ctx context.Context, s *Store, fn func(tx *gorm.DB) (T, error)) (value T, err error) {
	begin := time.Now()
	defer func() { s.observed(ctx, Transaction, begin, failed(err)) }()
	tx := s.Write.WithContext(ctx).Begin()
	if tx.Error != nil {
		return value, fmt.Errorf("begin: %w", tx.Error)
	}
	ended := false
	defer func() { // also when fn panics
		if !ended {
			tx.Rollback()
		}
	}()
	if value, err = fn(tx); err != nil {
		return value, err
	}
	ended = true
	switch err := tx.Commit().Error; {
	case err == nil:
		return value, nil
	case lost(err):
		return value, fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	default:
		return value, fmt.Errorf("commit: %w", err)
	}
}

const (
	tries      = 10
	firstPause = 5 * time.Millisecond
	longPause  = time.Second
)

// retry runs fn until it succeeds, or fails with an error that again doesn't accept, or has failed too
// often. The pauses grow and have jitter, so that those who clashed don't do so again in step.
func retry[T any](ctx context.Context, s *Store, again func(error) bool, fn func() (T, error)) (T, error) {
	pause := firstPause
	for try := 1; ; try++ {
		value, err := fn()
		if err == nil || !again(err) {
			return value, interrupted(ctx, err)
		}
		if try == tries {
			return value, fmt.Errorf("given up after %d tries: %w", tries, err)
		}
		failedAt := time.Now()
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return value, interrupted(ctx, err)
		}
		s.observed(ctx, Retry, failedAt, err)
		pause = min(2*pause, longPause)
	}
}

func orZero[T any](value T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}
