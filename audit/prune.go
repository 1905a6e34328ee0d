package audit

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// Fresh is how old an event must be to be pruned: whether a commit took effect whose answer was lost is read off the log.
const Fresh = 24 * time.Hour

// pruneBatch is how many events are deleted in one transaction.
const pruneBatch = 1000

// Oldest tells whether the account has an event from before a time.
func Oldest(tx *gorm.DB, account models.AccountID, before time.Time) (there bool, err error) {
	err = tx.Raw("SELECT EXISTS (SELECT 1 FROM audit_events WHERE account_id = ? AND id < ?)", account, models.FirstEventID(before)).Scan(&there).Error
	if err != nil {
		return false, fmt.Errorf("look for old audit events: %w", err)
	}
	return there, nil
}

// Prune deletes the account's events from before a time, the oldest first, a thousand to a transaction, none of which takes the
// account's lock. It returns how many are gone, also with an error, after which it may be called again. The feed of changes has
// rows of its own and keeps all of them.
func Prune(ctx context.Context, s *store.Store, account models.AccountID, before time.Time) (gone int, err error) {
	end := models.FirstEventID(before)
	for {
		n, err := store.InTx(ctx, s, func(tx *gorm.DB) (int, error) {
			var ids []models.EventID
			err := tx.Model(&Event{}).Where("account_id = ? AND id < ?", account, end).Order("id").Limit(pruneBatch).Pluck("id", &ids).Error
			if err != nil || len(ids) == 0 {
				return 0, err
			}
			done := tx.Where("account_id = ? AND id <= ?", account, ids[len(ids)-1]).Delete(&Event{})
			return int(done.RowsAffected), done.Error
		})
		gone += n
		if err != nil {
			return gone, fmt.Errorf("prune the audit log: %w", err)
		}
		if n == 0 {
			return gone, nil
		}
	}
}
