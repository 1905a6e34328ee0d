package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cohort/models"
)

// Query reads by a statement that is prepared once and kept, for the few that are asked all the time. The text
// must be one of a small number, so no list of any length may stand in it.
func (s *Store) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	rows, err := stmt.QueryContext(ctx, args...)
	s.observed(ctx, Select, begin, err)
	return rows, err
}

func (s *Store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, ok := s.prepared.Load(query); ok {
		return known.(*sql.Stmt), nil
	}
	stmt, err := s.Read.ConnPool.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	kept, loaded := s.prepared.LoadOrStore(query, stmt)
	if loaded { // somebody was faster
		_ = stmt.Close()
	}
	return kept.(*sql.Stmt), nil
}

// FeedSeq is the number of the last change of an account: whoever has seen that one has seen all. It costs one
// short statement. ErrNoAccount when there is no such account.
func (s *Store) FeedSeq(ctx context.Context, account models.AccountID) (seq int64, err error) {
	stmt, err := s.prepare(ctx, "SELECT feed_seq FROM accounts WHERE id = ?")
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	err = stmt.QueryRowContext(ctx, account).Scan(&seq)
	if !errors.Is(err, sql.ErrNoRows) {
		s.observed(ctx, Select, begin, err)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, ErrNoAccount
	case err != nil:
		return 0, fmt.Errorf("read the feed's number: %w", err)
	}
	return seq, nil
}
