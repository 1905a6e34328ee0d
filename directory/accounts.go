package directory

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

// Account is the caller's account. Everybody.
func (d *Directory) Account(ctx context.Context, who auth.Caller) (*models.Account, error) {
	return glance(ctx, d, who, "Viewer.account", func(s *snapshot) (*models.Account, error) {
		var account models.Account
		if err := s.Where("id = ?", s.account()).Take(&account).Error; err != nil {
			return nil, fmt.Errorf("read account: %w", err)
		}
		return &account, nil
	})
}

// CountGroups counts the account's groups that fit. Admins.
func (d *Directory) CountGroups(ctx context.Context, who auth.Caller, filter *models.GroupFilter) (int, error) {
	counts, err := d.countGroups(ctx, who, "Query.groups", filter, func(models.AccountID) []scope { return []scope{{}} })
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// NewAccount describes an account with its first super admin.
type NewAccount struct {
	Name  string
	Admin models.UserCreateInput // its role is SUPER_ADMIN whatever it says
}

// CreateAccount makes an account with its first super admin, for the operator alone: it is no part of the
// API. REQUIRED, TOO_LONG, INVALID_CHARACTERS, NAME_TAKEN, and the errors of CreateUser.
func (d *Directory) CreateAccount(ctx context.Context, in NewAccount) (*models.Account, *models.User, error) {
	var errs models.Errors
	name, err := models.Line(in.Name, models.MaxName, true)
	_ = errs.Add(err, "name")
	in.Admin.Role = models.RoleSuperAdmin
	user := draftUser(&errs, in.Admin, "admin")
	if err := errs.OrNil(); err != nil {
		return nil, nil, err
	}
	account := &models.Account{ID: models.NewID[models.AccountID](), Name: name, NameKey: models.Key(name)}
	_, err = store.InTx(ctx, d.store, func(tx *gorm.DB) (struct{}, error) {
		var taken int64
		if err := tx.Model(&models.Account{}).Where("name_key = ?", account.NameKey).Count(&taken).Error; err != nil {
			return struct{}{}, fmt.Errorf("look for the account's name: %w", err)
		}
		if taken > 0 {
			return struct{}{}, models.Errorf(models.CodeNameTaken, "another account has the name %s", name).With("name", name).At("name")
		}
		account.CreatedAt, account.UpdatedAt = d.store.Now(), d.store.Now()
		account.FeedSeq = 0
		if err := tx.Create(account).Error; err != nil {
			return struct{}{}, fmt.Errorf("insert account: %w", err)
		}
		t := &store.Tx{DB: tx, Account: account, Operation: models.NewID[models.OperationID](), Now: account.CreatedAt}
		who := auth.OperatorOf(account.ID)
		c := &change{Tx: t, who: who, answer: auth.Allow, log: audit.Begin(t, who, "Operator.accountCreate"), maxDepth: d.maxDepth, graphs: d.graphs}
		subject := audit.Subject{Type: audit.Account, ID: account.ID, After: map[string]string{"name": name}}
		if err := c.log.Recorded(subject); err != nil {
			return struct{}{}, err
		}
		user.AccountID, user.ID, user.CreatedAt, user.UpdatedAt = account.ID, models.NewID[models.UserID](), t.Now, t.Now
		if err := insertUsers(c, []*models.User{user}); err != nil {
			return struct{}{}, err
		}
		if err := c.log.Write(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Model(&models.Account{}).Where("id = ?", account.ID).Update("feed_seq", account.FeedSeq).Error
	})
	if err != nil {
		return nil, nil, err
	}
	return account, user, nil
}

// Accounts lists all accounts by name, for the operator alone: it is no part of the API.
func (d *Directory) Accounts(ctx context.Context) ([]*models.Account, error) {
	var accounts []*models.Account
	if err := d.store.Read.WithContext(ctx).Order("name_key").Find(&accounts).Error; err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return accounts, nil
}
