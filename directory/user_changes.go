package directory

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// UpdateUser changes a user's own fields. Admins for members and themselves, and super admins. NOT_FOUND,
// FORBIDDEN, STALE (with the user as it is now), REQUIRED, TOO_LONG, INVALID_CHARACTERS, INVALID_EMAIL,
// EMAIL_TAKEN.
func (d *Directory) UpdateUser(ctx context.Context, who auth.Caller, in models.UserUpdateInput) (*models.UserUpdatePayload, error) {
	return write(ctx, d, who, "Mutation.userUpdate", func(c *change) (*models.UserUpdatePayload, error) {
		user, err := c.target(in.ID, in.IfMatch)
		payload := &models.UserUpdatePayload{User: user}
		if err != nil {
			return payload, err
		}
		before := *user
		edited := before
		if err := editUser(&edited, in); err != nil {
			return payload, err
		}
		if edited.EmailKey != before.EmailKey {
			taken, err := usersByEmail(c.DB, c.account(), []string{edited.EmailKey})
			if err != nil {
				return payload, err
			}
			if taken[edited.EmailKey] != nil {
				return payload, emailTaken(edited.Email).At("input", "email")
			}
		}
		payload.User = &edited
		return payload, saveUser(c, &before, &edited)
	})
}

func editUser(user *models.User, in models.UserUpdateInput) error {
	var errs models.Errors
	chosen, given, family := user.ChosenName(), user.GivenName, user.FamilyName
	if value, set := in.Email.ValueOK(); set {
		email, err := models.Email(orZero(value))
		_ = errs.Add(err, "input", "email")
		user.Email = email
	}
	for _, text := range []struct {
		field string
		value *string
		set   bool
		into  *string
	}{
		{"givenName", in.GivenName.Value(), in.GivenName.IsSet(), &given},
		{"familyName", in.FamilyName.Value(), in.FamilyName.IsSet(), &family},
		{"displayName", in.DisplayName.Value(), in.DisplayName.IsSet(), &chosen},
	} {
		if text.set {
			line, err := models.Line(orZero(text.value), models.MaxName, false)
			_ = errs.Add(err, "input", text.field)
			*text.into = line
		}
	}
	if locale, set := in.Locale.ValueOK(); set {
		user.Locale = models.LocaleEn
		if locale != nil {
			user.Locale = *locale
		}
	}
	user.Rename(given, family, chosen)
	user.Settle()
	return errs.OrNil()
}

func orZero[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// target is the user that a mutation is about. NOT_FOUND; FORBIDDEN when the table's condition does not hold;
// STALE, with the user, when ifMatch is another etag.
func (c *change) target(id models.UserID, ifMatch *string) (*models.User, error) {
	user, err := c.targetIn("id", id)
	if err == nil && ifMatch != nil && *ifMatch != user.Etag() {
		return user, stale("user")
	}
	return user, err
}

// targetIn is target for a user that another field of the input names. The user comes along with FORBIDDEN.
func (c *change) targetIn(field string, id models.UserID) (*models.User, error) {
	user, err := findUser(c.DB, c.account(), id)
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, notFound("user").At("input", field)
	case !c.answer.On(c.who, user.ID, user.Role):
		return user, models.Errorf(models.CodeForbidden, "only super admins may do this to somebody in the role %s", user.Role).At("input", field)
	}
	return user, nil
}

func stale(what string) *models.Error {
	return models.Errorf(models.CodeStale, "the %s has changed since it was read: look at it again", what).At("input", "ifMatch")
}

// DeleteUser deletes a user with all memberships. Admins for members, and super admins. NOT_FOUND, FORBIDDEN,
// STALE (with the user as it is now), LAST_SUPER_ADMIN.
func (d *Directory) DeleteUser(ctx context.Context, who auth.Caller, in models.UserDeleteInput) (*models.UserDeletePayload, error) {
	return carryOut(ctx, d, who, "Mutation.userDelete", in, in.EffectOptions, func(c *change) (*models.UserDeletePayload, error) {
		user, err := c.target(in.ID, in.IfMatch)
		payload := &models.UserDeletePayload{User: user}
		if err != nil {
			return payload, err
		}
		if err := c.spareSuperAdmin(user, "id"); err != nil {
			return payload, err
		}
		direct, _, err := directGroups(c.DB, c.account(), []models.UserID{user.ID})
		if err != nil {
			return nil, err
		}
		pairs := make([]models.Pair, len(direct[user.ID]))
		for i, id := range direct[user.ID] {
			pairs[i] = models.Pair{User: user.ID, Group: id}
		}
		if _, err := moveMembers(c, pairs, removeMembers); err != nil {
			return nil, err
		}
		if err := c.dropProducts(user.ID); err != nil {
			return nil, err
		}
		if err := c.Exec("DELETE FROM user_terms WHERE account_id = ? AND user_id = ?", c.account(), user.ID).Error; err != nil {
			return nil, fmt.Errorf("delete search terms: %w", err)
		}
		if err := c.Exec("DELETE FROM user_settings WHERE account_id = ? AND user_id = ?", c.account(), user.ID).Error; err != nil {
			return nil, fmt.Errorf("delete settings: %w", err)
		}
		if err := c.Exec("DELETE FROM identities WHERE account_id = ? AND user_id = ?", c.account(), user.ID).Error; err != nil {
			return nil, fmt.Errorf("delete identities: %w", err)
		}
		if err := c.dropTableViews(user.ID); err != nil {
			return nil, err
		}
		if err := c.Where("account_id = ? AND id = ?", c.account(), user.ID).Delete(&models.User{}).Error; err != nil {
			return nil, fmt.Errorf("delete user: %w", err)
		}
		groups, err := groupsByID(c.DB, c.account(), direct[user.ID])
		if err != nil {
			return nil, err
		}
		return &models.UserDeletePayload{DeletedUserID: &user.ID, Groups: pick(groups, direct[user.ID])},
			c.log.Changed(audit.Subject{Type: audit.User, ID: user.ID, Before: userFacts(user)})
	})
}

// SetUserRole gives a user another role. Super admins, and nobody raises their own. NOT_FOUND, FORBIDDEN,
// LAST_SUPER_ADMIN.
func (d *Directory) SetUserRole(ctx context.Context, who auth.Caller, in models.UserRoleSetInput) (*models.UserRoleSetPayload, error) {
	return carryOut(ctx, d, who, "Mutation.userRoleSet", in, in.EffectOptions, func(c *change) (*models.UserRoleSetPayload, error) {
		user, err := c.target(in.ID, nil)
		payload := &models.UserRoleSetPayload{User: user}
		if err != nil {
			return payload, err
		}
		if c.who.Is(user.ID) && in.Role.Rank() > c.who.Role.Rank() {
			return payload, models.Errorf(models.CodeForbidden, "nobody raises their own role").At("input", "role")
		}
		if in.Role != models.RoleSuperAdmin {
			if err := c.spareSuperAdmin(user, "role"); err != nil {
				return payload, err
			}
		}
		before := *user
		user.Role = in.Role
		if err := saveUser(c, &before, user); err != nil {
			return payload, err
		}
		settled, err := c.settle()
		if err == nil && settled.users[user.ID] != nil {
			payload.User = settled.users[user.ID]
		}
		return payload, err
	})
}

// spareSuperAdmin is LAST_SUPER_ADMIN when the account would be left without one who is not suspended.
func (c *change) spareSuperAdmin(user *models.User, field string) error {
	if user.Role != models.RoleSuperAdmin || user.Status == models.UserStatusSuspended {
		return nil
	}
	n, err := superAdmins(c.DB, c.account())
	if err != nil || n > 1 {
		return err
	}
	return lastSuperAdmin().At("input", field)
}

func lastSuperAdmin() *models.Error {
	return models.Errorf(models.CodeLastSuperAdmin, "this is the account's last super admin who is not suspended: make another one first")
}

// superAdmins counts those who are not suspended.
func superAdmins(tx *gorm.DB, account models.AccountID) (int, error) {
	var n int64
	err := tx.Model(&models.User{}).Where("account_id = ? AND role = ? AND status <> ?", account, models.RoleSuperAdmin, models.UserStatusSuspended).Count(&n).Error
	if err != nil {
		return 0, fmt.Errorf("count super admins: %w", err)
	}
	return int(n), nil
}
