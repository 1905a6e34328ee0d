package directory

import (
	"context"
	"errors"
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
		account, err := accountRow(s.DB, s.account())
		return &account, err
	})
}

func accountRow(tx *gorm.DB, id models.AccountID) (account models.Account, err error) {
	if err := tx.Where("id = ?", id).Take(&account).Error; err != nil {
		return account, fmt.Errorf("read account: %w", err)
	}
	return account, nil
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
	account, admin, err := draftAccount(in, true)
	if err != nil {
		return nil, nil, err
	}
	if err := d.insertAccount(ctx, account, admin); err != nil {
		return nil, nil, err
	}
	return account, admin, nil
}

// draftAccount checks what can be checked without the database. The super admin is nil unless wanted.
func draftAccount(in NewAccount, withAdmin bool) (*models.Account, *models.User, error) {
	var errs models.Errors
	name, err := models.Line(in.Name, models.MaxName, true)
	_ = errs.Add(err, "name")
	account := &models.Account{ID: models.NewID[models.AccountID](), Name: name, NameKey: models.Key(name)}
	if !withAdmin {
		return account, nil, errs.OrNil()
	}
	in.Admin.Role = models.RoleSuperAdmin
	admin := draftUser(&errs, in.Admin, "admin")
	admin.ID = models.NewID[models.UserID]()
	return account, admin, errs.OrNil()
}

// checkAccountName is NAME_TAKEN when another account has the name.
func checkAccountName(tx *gorm.DB, account *models.Account) error {
	var taken int64
	if err := tx.Model(&models.Account{}).Where("name_key = ?", account.NameKey).Count(&taken).Error; err != nil {
		return fmt.Errorf("look for the account's name: %w", err)
	}
	if taken > 0 {
		return accountTaken(account.Name)
	}
	return nil
}

// insertAccount stores an account and its super admin. NAME_TAKEN.
func (d *Directory) insertAccount(ctx context.Context, account *models.Account, admin *models.User) error {
	_, err := store.InTx(ctx, d.store, func(tx *gorm.DB) (struct{}, error) {
		if err := checkAccountName(tx, account); err != nil {
			return struct{}{}, err
		}
		account.CreatedAt, account.UpdatedAt = d.store.Now(), d.store.Now()
		account.FeedSeq = 0
		err := tx.Create(account).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) { // by somebody at the same moment: no lock is held
			return struct{}{}, accountTaken(account.Name)
		}
		if err != nil {
			return struct{}{}, fmt.Errorf("insert account: %w", err)
		}
		t := &store.Tx{DB: tx, Account: account, Operation: models.NewID[models.OperationID](), Now: account.CreatedAt}
		who := auth.OperatorOf(account.ID)
		c := d.begin(t, who, "Operator.accountCreate", auth.Allow)
		subject := audit.Subject{Type: audit.Account, ID: account.ID, After: map[string]string{"name": account.Name}}
		if err := c.log.Recorded(subject); err != nil {
			return struct{}{}, err
		}
		admin.AccountID, admin.CreatedAt, admin.UpdatedAt = account.ID, t.Now, t.Now
		if err := insertUsers(c, []*models.User{admin}); err != nil {
			return struct{}{}, err
		}
		if err := insertFirstCatalogue(c); err != nil {
			return struct{}{}, err
		}
		if err := c.log.Write(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Model(&models.Account{}).Where("id = ?", account.ID).Update("feed_seq", account.FeedSeq).Error
	})
	return err
}

func accountTaken(name string) *models.Error {
	return models.Errorf(models.CodeNameTaken, "another account has the name %s", name).With("name", name).At("name")
}

// Accounts lists all accounts by name, for the operator alone: it is no part of the API.
func (d *Directory) Accounts(ctx context.Context) ([]*models.Account, error) {
	var accounts []*models.Account
	if err := d.store.Read.WithContext(ctx).Order("name_key").Find(&accounts).Error; err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return accounts, nil
}
