package store

import (
	"context"
	"database/sql"
	"fmt"

	"cohort/models"
)

// FeedSeq is the number of the last change of an account: whoever has seen that one has seen all. It costs one
// short statement. ErrNoAccount when there is no such account.
func (s *Store) FeedSeq(ctx context.Context, account models.AccountID) (seq int64, err error) {
	const query = "SELECT feed_seq FROM accounts WHERE id = ?"
	stmt := s.feedSeq.Load()
	if stmt == nil {
		made, err := s.Read.ConnPool.PrepareContext(ctx, query)
		if err != nil {
			return 0, fmt.Errorf("prepare: %w", err)
		}
		if !s.feedSeq.CompareAndSwap(nil, made) {
			_ = made.Close()
		}
		stmt = s.feedSeq.Load()
	}
	switch err := stmt.QueryRowContext(ctx, account).Scan(&seq); {
	case err == sql.ErrNoRows: //nolint:errorlint // it is never wrapped
		return 0, ErrNoAccount
	case err != nil:
		return 0, fmt.Errorf("read the feed's number: %w", err)
	}
	return seq, nil
}
