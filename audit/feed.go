package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// Bounds are the numbers between which an account's feed can be read: that of the newest entry, and that of the last
// one which is no longer kept, 0 while all are. After is good to go on from when First <= after <= Last.
type Bounds struct{ First, Last int64 }

// ReadBounds reads them with one statement.
func ReadBounds(tx *gorm.DB, account models.AccountID) (Bounds, error) {
	var row struct {
		FeedSeq int64
		Oldest  *int64
	}
	err := tx.Raw("SELECT a.feed_seq, (SELECT MIN(c.seq) FROM changes c WHERE c.account_id = a.id) AS oldest FROM accounts a WHERE a.id = ?", account).Scan(&row).Error
	if err != nil {
		return Bounds{}, fmt.Errorf("read the ends of the change feed: %w", err)
	}
	if row.Oldest == nil { // nothing has happened, or nothing of it is kept
		return Bounds{row.FeedSeq, row.FeedSeq}, nil
	}
	return Bounds{*row.Oldest - 1, row.FeedSeq}, nil
}

// feedBatch is how many entries are removed at a time.
const feedBatch = 1000

// CleanFeeds removes from the feeds of all accounts the entries that are older than before, and returns how many. It begins with the
// oldest, in small transactions, so that nobody waits for long, and may be cut off anywhere: the rest is removed another
// time.
func CleanFeeds(ctx context.Context, s *store.Store, before time.Time) (removed int, err error) {
	for {
		// Each account costs one look into the index: its oldest entry.
		var due []models.AccountID
		err := s.Read.WithContext(store.AcrossAccounts(ctx)).Raw(`SELECT o.account_id FROM (
				SELECT a.id AS account_id, (SELECT MIN(c.seq) FROM changes c WHERE c.account_id = a.id) AS seq FROM accounts a
			) o
			JOIN changes h ON h.account_id = o.account_id AND h.seq = o.seq
			WHERE h.at < ? LIMIT ?`, before, feedBatch).Scan(&due).Error
		if err != nil {
			return removed, fmt.Errorf("look for old changes: %w", err)
		}
		if len(due) == 0 {
			return removed, nil
		}
		for _, account := range due {
			n, err := cleanFeed(ctx, s, account, before)
			if err != nil {
				return removed, fmt.Errorf("remove old changes: %w", err)
			}
			removed += n
		}
	}
}

// cleanFeed removes a batch. What goes is always what comes first, so that what is kept has no gaps.
func cleanFeed(ctx context.Context, s *store.Store, account models.AccountID, before time.Time) (int, error) {
	return store.InTx(ctx, s, func(tx *gorm.DB) (int, error) {
		var oldest []Change
		err := tx.Select("seq", "at").Where("account_id = ?", account).Order("seq").Limit(feedBatch).Find(&oldest).Error
		if err != nil {
			return 0, err
		}
		n := slices.IndexFunc(oldest, func(c Change) bool { return !c.At.Before(before) })
		if n < 0 {
			n = len(oldest)
		}
		if n == 0 { // another server was faster
			return 0, nil
		}
		return n, tx.Where("account_id = ? AND seq <= ?", account, oldest[n-1].Seq).Delete(&Change{}).Error
	})
}

// ReadChanges reads the entries of the entities behind the number after, up to the number until, at most so many, in
// their order. each is called with every entry in turn; the bytes in it are good until it returns.
func ReadChanges(tx *gorm.DB, account models.AccountID, after, until int64, most int, entities []string, each func(*Change) error) error {
	args := []any{account, after, until}
	for _, entity := range entities {
		args = append(args, entity)
	}
	rows, err := tx.Raw("SELECT seq, operation_id, at, entity, change_type, subject_id, object_id, payload FROM changes "+
		"WHERE account_id = ? AND seq > ? AND seq <= ? AND entity IN (?"+strings.Repeat(", ?", len(entities)-1)+") ORDER BY seq LIMIT ?", append(args, most)...).Rows()
	if err != nil {
		return fmt.Errorf("read the change feed: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var entity, kind, subject, object, payload sql.RawBytes
	for rows.Next() {
		var c Change
		if err := rows.Scan(&c.Seq, &c.OperationID, &c.At, &entity, &kind, &subject, &object, &payload); err != nil {
			return fmt.Errorf("read the change feed: %w", err)
		}
		c.AccountID, c.Entity, c.ChangeType, c.SubjectID, c.ObjectID = account, string(entity), string(kind), subject, object
		if payload != nil {
			text := string(payload)
			c.Payload = &text
		}
		if err := each(&c); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the change feed: %w", err)
	}
	return nil
}
