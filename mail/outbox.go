// Package mail is the outbox and its delivery. Post and Release are steps of the caller's transaction, so that nothing
// is sent for what was rolled back, and nothing is lost of what was committed; a Worker delivers what is queued, at
// least once and always with the same Message-ID.
package mail

import (
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"cohort/models"
	"cohort/store"
)

// batch is how many rows a statement has.
const batch = 1000

// posted is how many mails are inserted at once: few enough for one statement, which leaves nothing when one of them is there.
const posted = 250

// Post puts mails into the outbox. A mail needs UserID, Kind, State (QUEUED, or HELD until Release) and Content; a
// WELCOME also ProductID. OperationID is the transaction's where it is not given.
//
// There is one NOTICE for an operation and user. One that is there and HELD takes in what the new one has to tell
// (MailContent.Then) and stays HELD; it is taken out when nothing is left to tell. One that is there and not HELD is an
// error, and so is a WELCOME that is there: then the transaction must be rolled back.
//
// Call Worker.Wake after the commit, or the mails wait for the next look.
func Post(tx *store.Tx, mails []models.Mail) error {
	for part := range slices.Chunk(mails, posted) {
		rows := slices.Clone(part)
		for i := range rows {
			if err := prepare(tx, &rows[i]); err != nil {
				return err
			}
		}
		err := insert(tx, rows)
		if errors.Is(err, gorm.ErrDuplicatedKey) { // rarely: only what a later part of a job has to add
			err = merge(tx, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare fills in what the outbox itself knows.
func prepare(tx *store.Tx, m *models.Mail) error {
	var none models.ProductID
	switch {
	case m.State != models.MailStateHeld && m.State != models.MailStateQueued:
		return fmt.Errorf("post a mail: it is %q", m.State)
	case !m.Kind.IsValid() || (m.Kind == models.MailKindWelcome) != (m.ProductID != none):
		return fmt.Errorf("post a mail: a %q with product %s", m.Kind, m.ProductID)
	}
	m.AccountID, m.ID, m.CreatedAt = tx.Account.ID, models.NewID[models.MailID](), tx.Now
	if m.OperationID == (models.OperationID{}) {
		m.OperationID = tx.Operation
	}
	return nil
}

// insert writes rows.
func insert(tx *store.Tx, rows []models.Mail) error {
	into := store.Into(tx.DB, models.Mail{}.TableName(), "account_id, id, operation_id, user_id, kind, product_id, state, content, attempts, created_at").
		Also("due_at", store.Clock(tx.DB, 0))
	for i := range rows {
		m := &rows[i]
		content, err := m.Content.Value()
		if err != nil {
			return fmt.Errorf("encode a mail: %w", err)
		}
		err = into.Row(m.AccountID[:], m.ID[:], m.OperationID[:], m.UserID[:], string(m.Kind), m.ProductID[:], string(m.State), content, int64(0), m.CreatedAt)
		if err != nil {
			return err
		}
	}
	return into.End()
}

// merge writes rows of which some may be there.
func merge(tx *store.Tx, rows []models.Mail) error {
	type key struct {
		operation models.OperationID
		user      models.UserID
		kind      models.MailKind
		product   models.ProductID
	}
	keyOf := func(m *models.Mail) key { return key{m.OperationID, m.UserID, m.Kind, m.ProductID} }
	var operations []models.OperationID
	var users []models.UserID
	for i := range rows {
		operations, users = append(operations, rows[i].OperationID), append(users, rows[i].UserID)
	}
	slices.SortFunc(operations, func(a, b models.OperationID) int { return slices.Compare(a[:], b[:]) })
	var found []models.Mail
	err := tx.Where("account_id = ? AND operation_id IN ? AND user_id IN ?", tx.Account.ID, slices.Compact(operations), users).Find(&found).Error
	if err != nil {
		return fmt.Errorf("read mails: %w", err)
	}
	there := map[key]*models.Mail{}
	for i := range found {
		there[keyOf(&found[i])] = &found[i]
	}
	var fresh []models.Mail
	var grown []*models.Mail
	for i := range rows {
		old, ok := there[keyOf(&rows[i])]
		switch {
		case !ok:
			fresh = append(fresh, rows[i])
		case old.Kind != models.MailKindNotice || old.State != models.MailStateHeld:
			return fmt.Errorf("post a mail: a %s for operation %s and user %s is there, and %s", old.Kind, old.OperationID, old.UserID, old.State)
		default:
			old.Content = old.Content.Then(rows[i].Content)
			grown = append(grown, old)
		}
	}
	if err := insert(tx, fresh); err != nil {
		return err
	}
	for _, m := range grown {
		if err := rewrite(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// rewrite writes the content of a mail that is HELD.
func rewrite(tx *store.Tx, m *models.Mail) error {
	row := tx.Where("account_id = ? AND id = ? AND state = ?", m.AccountID, m.ID, models.MailStateHeld)
	var done *gorm.DB
	if m.Content.Empty() {
		done = row.Delete(&models.Mail{})
	} else {
		done = row.Model(&models.Mail{}).Updates(map[string]any{"content": m.Content})
	}
	if done.Error != nil {
		return fmt.Errorf("rewrite a mail: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return fmt.Errorf("rewrite a mail: %s is not held any more", m.ID)
	}
	return nil
}

// release is an operation whose mails are not all queued yet.
type release struct {
	AccountID   models.AccountID
	OperationID models.OperationID
}

func (release) TableName() string { return "mail_releases" }

// Release queues the mails of an operation that are HELD: the first thousand now, and if there are more, a Worker sees
// to them after the commit, so that a large job doesn't end with a long statement under the account's lock.
func Release(tx *store.Tx, operation models.OperationID) error {
	moved, err := enqueue(tx.DB, tx.Account.ID, operation)
	if err != nil || moved < batch {
		return err
	}
	err = tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&release{tx.Account.ID, operation}).Error
	if err != nil {
		return fmt.Errorf("release the mails of an operation: %w", err)
	}
	return nil
}

// enqueue queues at most a batch of an operation's mails that are HELD, and returns how many it found.
func enqueue(db *gorm.DB, account models.AccountID, operation models.OperationID) (int, error) {
	var ids []models.MailID
	// Not through those of the operation, most of which may be queued by now.
	err := db.Table(store.Through(db, "mails", "mails_state")).Where("account_id = ? AND operation_id = ? AND state = ?", account, operation, models.MailStateHeld).
		Order("id").Limit(batch).Pluck("id", &ids).Error
	if err != nil {
		return 0, fmt.Errorf("read the held mails of an operation: %w", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	err = db.Model(&models.Mail{}).Where("account_id = ? AND id IN ? AND state = ?", account, ids, models.MailStateHeld).
		Updates(map[string]any{"state": models.MailStateQueued, "due_at": store.Clock(db, 0)}).Error
	if err != nil {
		return 0, fmt.Errorf("queue the mails of an operation: %w", err)
	}
	return len(ids), nil
}
