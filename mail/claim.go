package mail

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// claim is a worker's right to some mails of an account, until the lease ends. Whoever takes one of them later draws
// another token, so the statement that writes what became of it fits no row any more.
type claim struct {
	account models.AccountID
	token   string
	mails   []models.Mail
	until   time.Time // by our clock, reckoned from before the claim was made: never later than by the database's
}

// accounts is how many accounts are looked at together.
const accounts = 10_000

// take claims up to a batch of mails that are due, of one account. Of none it returns an empty claim.
func take(ctx context.Context, s *store.Store, most int, lease time.Duration) (claim, error) {
	c := claim{token: uuid.NewString(), until: time.Now().Add(lease)}
	var found bool
	var err error
	if c.account, found, err = dueAccount(ctx, s); err != nil || !found {
		return c, err
	}
	c.mails, err = store.InTx(ctx, s, func(tx *gorm.DB) ([]models.Mail, error) {
		now := store.Clock(tx, 0)
		var ids []models.MailID
		err := tx.Table(store.Through(tx, "mails", "mails_due")).Where("account_id = ? AND state = ? AND due_at <= ?", c.account, models.MailStateQueued, now).
			Order("due_at, id").Limit(most).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		// Said so that SQLite doesn't look for them by their time.
		err = tx.Model(&models.Mail{}).Where("account_id = ? AND id IN ? AND state = ? AND NOT (due_at > ?)", c.account, ids, models.MailStateQueued, now).
			Updates(map[string]any{"claimed_by": c.token, "due_at": store.Clock(tx, lease)}).Error
		if err != nil {
			return nil, err
		}
		var rows []models.Mail
		return rows, tx.Where("account_id = ? AND id IN ? AND claimed_by = ?", c.account, ids, c.token).Order("id").Find(&rows).Error
	})
	if err != nil {
		return c, fmt.Errorf("claim mails: %w", err)
	}
	return c, nil
}

// dueAccount is an account with mails that are due. Which of several is left to chance, so that one with many doesn't
// keep the others waiting, and that servers don't crowd at one.
func dueAccount(ctx context.Context, s *store.Store) (models.AccountID, bool, error) {
	ids, err := accountsDue(ctx, s, models.MailStateQueued)
	if err != nil {
		return models.AccountID{}, false, fmt.Errorf("look for mails: %w", err)
	}
	if len(ids) == 0 {
		return models.AccountID{}, false, nil
	}
	return ids[rand.N(len(ids))], true, nil
}

// accountsDue are accounts with mails in a state that are due.
func accountsDue(ctx context.Context, s *store.Store, state models.MailState) (ids []models.AccountID, err error) {
	db := s.Read.WithContext(store.AcrossAccounts(ctx))
	// Each account costs one look into the index, which begins with what is due first. For MIN, or in an order, MySQL would read all of it.
	err = db.Raw("SELECT a.id FROM accounts a WHERE EXISTS (SELECT 1 FROM "+store.Through(db, "mails m", "mails_due")+
		" WHERE m.account_id = a.id AND m.state = ? AND m.due_at <= ?) LIMIT ?", state, store.Clock(db, 0), accounts).Scan(&ids).Error
	return ids, err
}

// errLost says that a mail is another worker's.
var errLost = errors.New("the mail is somebody else's")

// own are the rows of mails that are still the claim's.
func (c *claim) own(tx *gorm.DB, ids []models.MailID) *gorm.DB {
	return tx.Model(&models.Mail{}).Where("account_id = ? AND id IN ? AND state = ? AND claimed_by = ?", c.account, ids, models.MailStateQueued, c.token)
}

// update writes what became of mails, and returns errLost when some of them were not the claim's any more.
func (c *claim) update(ctx context.Context, s *store.Store, ids []models.MailID, set func(tx *gorm.DB) map[string]any) error {
	if len(ids) == 0 {
		return nil
	}
	written, err := store.InTx(ctx, s, func(tx *gorm.DB) (int64, error) {
		done := c.own(tx, ids).Updates(set(tx))
		return done.RowsAffected, done.Error
	})
	if err != nil {
		return fmt.Errorf("write what became of mails: %w", err)
	}
	if written < int64(len(ids)) {
		return errLost
	}
	return nil
}

// renew prolongs the lease of the mails that are left, and forgets those that somebody else has taken.
func (c *claim) renew(ctx context.Context, s *store.Store, left []models.Mail, lease time.Duration) ([]models.Mail, error) {
	until := time.Now().Add(lease)
	err := c.update(ctx, s, idsOf(left), func(tx *gorm.DB) map[string]any { return map[string]any{"due_at": store.Clock(tx, lease)} })
	if errors.Is(err, errLost) {
		var kept []models.MailID
		db := s.Write.WithContext(ctx)
		if err := c.own(db, idsOf(left)).Pluck("id", &kept).Error; err != nil {
			return nil, fmt.Errorf("renew a lease: %w", err)
		}
		left, err = slices.DeleteFunc(slices.Clone(left), func(m models.Mail) bool { return !slices.Contains(kept, m.ID) }), nil
	}
	if err == nil {
		c.until = until
	}
	return left, err
}

// sent marks mails as delivered; they are removed after keep.
func (c *claim) sent(ctx context.Context, s *store.Store, ids []models.MailID, keep time.Duration) error {
	return c.update(ctx, s, ids, func(tx *gorm.DB) map[string]any {
		return map[string]any{
			"state": models.MailStateSent, "sent_at": s.Now(), "due_at": store.Clock(tx, keep), "claimed_by": nil, "last_error": nil,
		}
	})
}

// postpone has a mail tried again after a pause, and counts the failure.
func (c *claim) postpone(ctx context.Context, s *store.Store, m *models.Mail, why string, pause time.Duration) error {
	return c.update(ctx, s, []models.MailID{m.ID}, func(tx *gorm.DB) map[string]any {
		return map[string]any{"attempts": m.Attempts + 1, "last_error": short(why), "due_at": store.Clock(tx, pause), "claimed_by": nil}
	})
}

// bury ends a mail as FAILED.
func (c *claim) bury(ctx context.Context, s *store.Store, m *models.Mail, why string) error {
	return c.update(ctx, s, []models.MailID{m.ID}, func(tx *gorm.DB) map[string]any {
		return map[string]any{"state": models.MailStateFailed, "attempts": m.Attempts + 1, "last_error": short(why), "due_at": store.Clock(tx, 0), "claimed_by": nil}
	})
}

// giveBack lets others take mails that were not tried.
func (c *claim) giveBack(ctx context.Context, s *store.Store, left []models.Mail) error {
	return c.update(ctx, s, idsOf(left), func(tx *gorm.DB) map[string]any {
		return map[string]any{"due_at": store.Clock(tx, 0), "claimed_by": nil}
	})
}

// drop removes a mail whose user is no more.
func (c *claim) drop(ctx context.Context, s *store.Store, m *models.Mail) error {
	_, err := store.InTx(ctx, s, func(tx *gorm.DB) (struct{}, error) {
		return struct{}{}, c.own(tx, []models.MailID{m.ID}).Delete(&models.Mail{}).Error
	})
	if err != nil {
		return fmt.Errorf("remove a mail: %w", err)
	}
	return nil
}

func idsOf(mails []models.Mail) []models.MailID {
	ids := make([]models.MailID, len(mails))
	for i := range mails {
		ids[i] = mails[i].ID
	}
	return ids
}

// short is a text as last_error can hold it.
func short(text string) string {
	const most = 1000
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}

// readers finds who the mails are for, by their users; who is no more is left out.
func (c *claim) readers(ctx context.Context, s *store.Store) (map[models.UserID]reader, error) {
	var users []models.UserID
	for i := range c.mails {
		users = append(users, c.mails[i].UserID)
	}
	var rows []struct {
		ID                                  models.UserID
		DisplayName, Email, Locale, Account string
	}
	err := s.Read.WithContext(ctx).Raw("SELECT u.id, u.display_name, u.email, u.locale, a.name AS account FROM users u JOIN accounts a ON a.id = u.account_id "+
		"WHERE u.account_id = ? AND u.id IN ?", c.account, users).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read who mails are for: %w", err)
	}
	readers := make(map[models.UserID]reader, len(rows))
	for _, row := range rows {
		readers[row.ID] = reader{Name: row.DisplayName, Address: row.Email, Locale: row.Locale, Account: row.Account}
	}
	return readers, nil
}
