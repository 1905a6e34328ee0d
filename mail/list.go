package mail

import (
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// List reads a page of the account's mails, the newest first, all or those in a state, and whether there are more on its
// far side. The Key of a cursor is the mail's id. INVALID for another.
func List(db *gorm.DB, account models.AccountID, state *models.MailState, page models.Page) (found []models.Mail, more bool, err error) {
	rows := in(db, account, state)
	for _, bound := range []struct {
		at *models.Cursor
		op string
	}{{page.After, "<"}, {page.Before, ">"}} {
		if bound.at == nil {
			continue
		}
		id, err := models.ParseMailID(bound.at.Key)
		if err != nil {
			return nil, false, models.Errorf(models.CodeInvalid, "this is not a cursor that a list has handed out")
		}
		rows = rows.Where("id "+bound.op+" ?", id)
	}
	order := "id DESC"
	if page.Backward {
		order = "id"
	}
	if err := rows.Order(order).Limit(page.Size + 1).Find(&found).Error; err != nil {
		return nil, false, fmt.Errorf("read a page of mails: %w", err)
	}
	if more = len(found) > page.Size; more {
		found = found[:page.Size]
	}
	if page.Backward {
		slices.Reverse(found)
	}
	return found, more, nil
}

// Count counts the account's mails, all or those in a state.
func Count(db *gorm.DB, account models.AccountID, state *models.MailState) (int, error) {
	var n int64
	if err := in(db, account, state).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count mails: %w", err)
	}
	return int(n), nil
}

func in(db *gorm.DB, account models.AccountID, state *models.MailState) *gorm.DB {
	if state == nil {
		return db.Table("mails").Where("account_id = ?", account)
	}
	return db.Table(store.Through(db, "mails", "mails_state")).Where("account_id = ? AND state = ?", account, *state)
}

// ErrNotFailed says that a mail is not FAILED, or not any more.
var ErrNotFailed = errors.New("the mail is not failed")

// Retry queues mails that are FAILED, each at most once, as if they had never been tried; what went wrong last stays to be
// read until they are sent. It returns them in their order as they are now. ErrNotFailed when one of them isn't, and then the transaction must be
// rolled back. Call Worker.Wake after the commit.
func Retry(tx *store.Tx, ids []models.MailID) ([]*models.Mail, error) {
	done := tx.Model(&models.Mail{}).Where("account_id = ? AND id IN ? AND state = ?", tx.Account.ID, ids, models.MailStateFailed).
		Updates(map[string]any{"state": models.MailStateQueued, "attempts": 0, "due_at": store.Clock(tx.DB, 0)})
	if done.Error != nil {
		return nil, fmt.Errorf("queue mails again: %w", done.Error)
	}
	if done.RowsAffected != int64(len(ids)) {
		return nil, ErrNotFailed
	}
	return Find(tx.DB, tx.Account.ID, ids)
}

// Find reads mails, in the order of the ids, nil for those that the account hasn't got.
func Find(db *gorm.DB, account models.AccountID, ids []models.MailID) ([]*models.Mail, error) {
	var rows []*models.Mail
	if err := db.Where("account_id = ? AND id IN ?", account, ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read mails: %w", err)
	}
	found := map[models.MailID]*models.Mail{}
	for _, m := range rows {
		found[m.ID] = m
	}
	ordered := make([]*models.Mail, len(ids))
	for i, id := range ids {
		ordered[i] = found[id]
	}
	return ordered, nil
}
