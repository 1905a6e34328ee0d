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

// Identify finds the user whom a provider's token is about: the one of its id, else the one who is linked to the
// issuer and subject, else the one with the e-mail that the provider has verified, who is linked by that, which
// stands in the audit log. An account that the token doesn't name is the only one there is.
//
// auth.ErrUnauthenticated, with a reason, when there is no such user, and when the user of the e-mail is suspended or
// has another identity of the same issuer: an address that was given to somebody else must not take over its former
// owner's account. No right is asked for: the token is what proves who it is.
func (d *Directory) Identify(ctx context.Context, c auth.Claims) (models.AccountID, models.UserID, error) {
	account := c.Account
	if account == (models.AccountID{}) {
		var err error
		if account, err = d.onlyAccount(ctx); err != nil {
			return account, models.UserID{}, err
		}
	}
	if c.User != (models.UserID{}) {
		return account, c.User, nil
	}
	db := d.store.Read.WithContext(ctx)
	linked, err := linkedUser(db, account, c.Visitor)
	if err != nil || linked != nil {
		return account, orZero(linked), err
	}
	// Nothing of this is believed under the lock, but most who can't be linked are seen here.
	if _, err := linkable(db, account, c.Visitor); err != nil {
		return account, models.UserID{}, err
	}
	user, err := d.link(ctx, account, c.Visitor)
	return account, user, err
}

func (d *Directory) onlyAccount(ctx context.Context) (id models.AccountID, err error) {
	var found []*models.Account
	if err := d.store.Read.WithContext(store.AcrossAccounts(ctx)).Select("id").Limit(2).Find(&found).Error; err != nil {
		return id, fmt.Errorf("read accounts: %w", err)
	}
	if len(found) != 1 {
		return id, auth.Refusal("the token names no account")
	}
	return found[0].ID, nil
}

// link links a visitor to the user of the e-mail. Of several who come at once the first does it.
func (d *Directory) link(ctx context.Context, account models.AccountID, v auth.Visitor) (models.UserID, error) {
	id, err := store.InAccount(ctx, d.store, account, func(tx *store.Tx) (models.UserID, error) {
		linked, err := linkedUser(tx.DB, account, v)
		if err != nil || linked != nil {
			return orZero(linked), err
		}
		user, err := linkable(tx.DB, account, v)
		if err != nil {
			return models.UserID{}, err
		}
		row := &models.Identity{AccountID: account, Issuer: v.Issuer, Subject: v.Subject, UserID: user.ID, LinkedAt: tx.Now}
		if err := tx.Create(row).Error; err != nil {
			return user.ID, fmt.Errorf("insert identity: %w", err)
		}
		who := auth.Caller{Account: account, UserID: user.ID, Role: user.Role, Kind: auth.Person, RequestID: auth.RequestIDFrom(ctx)}
		log := audit.Begin(tx, who, "User.identityLink")
		if err := log.Recorded(audit.Subject{Type: audit.Identity, ID: user.ID, After: identityFacts{v.Issuer, v.Subject}}); err != nil {
			return user.ID, err
		}
		return user.ID, log.Write()
	})
	if errors.Is(err, store.ErrNoAccount) {
		err = errNoIdentity
	}
	return id, err
}

// identityFacts are what the log keeps of an identity.
type identityFacts struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

var errNoIdentity = auth.Refusal("no user of the account is linked to the token's sub, or has an e-mail that the token gives as verified")

// linkedUser is the user who is linked to a visitor; nil when nobody is.
func linkedUser(tx *gorm.DB, account models.AccountID, v auth.Visitor) (*models.UserID, error) {
	var rows []*models.Identity
	err := tx.Where("account_id = ? AND issuer = ? AND subject = ?", account, v.Issuer, v.Subject).Limit(1).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil //nolint:nilnil // absence is an answer here, and every caller asks for it
	}
	return &rows[0].UserID, nil
}

// linkable is the user of a visitor's verified e-mail, if that may link them.
func linkable(tx *gorm.DB, account models.AccountID, v auth.Visitor) (*models.User, error) {
	if v.Email == "" {
		return nil, errNoIdentity
	}
	user, err := firstUser(tx.Where("account_id = ? AND email_key = ?", account, models.Key(v.Email)))
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, errNoIdentity
	case user.Status == models.UserStatusSuspended:
		return nil, auth.Refusal("the user is suspended")
	}
	var others int64 // and not the visitor's own, which may have been made since it was looked for
	err = tx.Model(&models.Identity{}).
		Where("account_id = ? AND user_id = ? AND issuer = ? AND subject <> ?", account, user.ID, v.Issuer, v.Subject).Count(&others).Error
	if err != nil {
		return nil, fmt.Errorf("count identities: %w", err)
	}
	if others > 0 {
		return nil, auth.Refusal("the user of this e-mail has another identity at the provider")
	}
	return user, nil
}
