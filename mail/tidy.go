package mail

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// releaseHeld queues a batch of mails of each operation that was released, and returns whether there may be more.
func releaseHeld(ctx context.Context, s *store.Store) (more bool, err error) {
	db := s.Read.WithContext(store.AcrossAccounts(ctx))
	var open []release
	err = db.Raw("SELECT r.account_id, r.operation_id FROM accounts a JOIN mail_releases r ON r.account_id = a.id LIMIT ?", accounts).Scan(&open).Error
	if err != nil {
		return false, fmt.Errorf("look for released operations: %w", err)
	}
	for _, r := range open {
		moved, err := store.InTx(ctx, s, func(tx *gorm.DB) (int, error) {
			moved, err := enqueue(tx, r.AccountID, r.OperationID)
			if err == nil && moved < batch {
				err = tx.Where("account_id = ? AND operation_id = ?", r.AccountID, r.OperationID).Delete(&release{}).Error
			}
			return moved, err
		})
		if err != nil {
			return false, fmt.Errorf("queue mails: %w", err)
		}
		more = more || moved == batch
	}
	return more, nil
}

// clean removes a batch of mails of each account that were sent long ago, and returns whether there may be more.
func clean(ctx context.Context, s *store.Store) (more bool, err error) {
	ids, err := accountsDue(ctx, s, models.MailStateSent)
	if err != nil {
		return false, fmt.Errorf("look for old mails: %w", err)
	}
	for _, account := range ids {
		removed, err := store.InTx(ctx, s, func(tx *gorm.DB) (int, error) {
			old := tx.Table(store.Through(tx, "mails", "mails_due")).Where("account_id = ? AND state = ? AND due_at <= ?", account, models.MailStateSent, store.Clock(tx, 0))
			var ids []models.MailID
			if err := old.Order("due_at, id").Limit(batch).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
				return 0, err
			}
			return len(ids), tx.Where("account_id = ? AND id IN ? AND state = ?", account, ids, models.MailStateSent).Delete(&models.Mail{}).Error
		})
		if err != nil {
			return false, fmt.Errorf("remove old mails: %w", err)
		}
		more = more || removed == batch
	}
	return more || len(ids) == accounts, nil
}
