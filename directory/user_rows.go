package directory

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/models"
)

// rowBatch bounds the rows of one INSERT.
const rowBatch = 500

// term is a row by which a search finds a user.
type userTerm struct {
	AccountID models.AccountID
	Term      string
	UserID    models.UserID
}

func (userTerm) TableName() string { return "user_terms" }

// facts of a user are what the log and the feed keep.
type facts struct {
	Email         string                    `json:"email"`
	GivenName     string                    `json:"givenName"`
	FamilyName    string                    `json:"familyName"`
	DisplayName   string                    `json:"displayName"`
	Locale        models.Locale             `json:"locale"`
	Role          models.Role               `json:"role"`
	Status        models.UserStatus         `json:"status"`
	StatusReasons []models.SuspensionReason `json:"statusReasons"`
}

func userFacts(u *models.User) facts {
	return facts{u.Email, u.GivenName, u.FamilyName, u.DisplayName, u.Locale, u.Role, u.Status, append([]models.SuspensionReason{}, u.StatusReasons()...)}
}

type status struct {
	Status        models.UserStatus         `json:"status"`
	StatusReasons []models.SuspensionReason `json:"statusReasons"`
}

func statusOf(u *models.User) status {
	return status{u.Status, append([]models.SuspensionReason{}, u.StatusReasons()...)}
}

// userColumns are those of a user's row, and userFields where each of them is read into: what a list of many rows
// needs, which GORM finds out for each column of each row.
const userColumns = "account_id, id, email, email_key, given_name, family_name, display_name, name_sort, family_sort, locale, role, status, " +
	"suspended_manually, suspended_no_products, activated_at, created_at, updated_at"

func userFields(u *models.User) []any {
	return []any{
		&u.AccountID, &u.ID, &u.Email, &u.EmailKey, &u.GivenName, &u.FamilyName, &u.DisplayName, &u.NameSort, &u.FamilySort, &u.Locale, &u.Role, &u.Status,
		&u.SuspendedManually, &u.SuspendedNoProducts, &u.ActivatedAt, &u.CreatedAt, &u.UpdatedAt,
	}
}

// insertUsers stores new users with their search terms.
func insertUsers(c *change, users []*models.User) error {
	if len(users) == 0 {
		return nil
	}
	var terms []userTerm
	for _, user := range users {
		terms = append(terms, termsOf(user)...)
	}
	// In the order of their key many rows go to one page.
	slices.SortFunc(terms, func(a, b userTerm) int {
		return cmp.Or(strings.Compare(a.Term, b.Term), bytes.Compare(a.UserID[:], b.UserID[:]))
	})
	if err := c.CreateInBatches(users, rowBatch).Error; err != nil {
		return fmt.Errorf("insert users: %w", err)
	}
	if err := c.CreateInBatches(terms, rowBatch).Error; err != nil {
		return fmt.Errorf("insert search terms: %w", err)
	}
	for _, user := range users {
		if err := c.log.Changed(audit.Subject{Type: audit.User, ID: user.ID, After: userFacts(user)}); err != nil {
			return err
		}
	}
	return nil
}

func termsOf(user *models.User) []userTerm {
	var rows []userTerm
	for _, term := range user.Terms() {
		rows = append(rows, userTerm{user.AccountID, term, user.ID})
	}
	return rows
}

// saveUser stores what is different about a user, if anything is, and notes it.
func saveUser(c *change, before, after *models.User) error {
	after.Settle()
	if userFacts(before).equal(userFacts(after)) && (before.ActivatedAt == nil) == (after.ActivatedAt == nil) {
		return nil
	}
	after.UpdatedAt = c.Now
	err := c.Model(&models.User{}).Where("account_id = ? AND id = ?", c.account(), after.ID).Updates(map[string]any{
		"email": after.Email, "email_key": after.EmailKey, "given_name": after.GivenName, "family_name": after.FamilyName,
		"display_name": after.DisplayName, "name_sort": after.NameSort, "family_sort": after.FamilySort, "locale": after.Locale,
		"role": after.Role, "status": after.Status, "suspended_manually": after.SuspendedManually,
		"suspended_no_products": after.SuspendedNoProducts, "activated_at": after.ActivatedAt, "updated_at": after.UpdatedAt,
	}).Error
	if err != nil {
		return fmt.Errorf("update user: %w", err)
	}
	if !slices.Equal(before.Terms(), after.Terms()) {
		if err := c.Exec("DELETE FROM user_terms WHERE account_id = ? AND user_id = ?", c.account(), after.ID).Error; err != nil {
			return fmt.Errorf("delete search terms: %w", err)
		}
		if err := c.Create(termsOf(after)).Error; err != nil {
			return fmt.Errorf("insert search terms: %w", err)
		}
	}
	if before.Role != after.Role { // members alone need a product
		c.touch(after.ID)
		c.losing = true
	}
	return noteUser(c, before, after)
}

// noteUser writes a user's change to the log, and to the feed as what it is: the user, the status or both.
func noteUser(c *change, before, after *models.User) error {
	was, is := userFacts(before), userFacts(after)
	if before.Status != after.Status || !slices.Equal(was.StatusReasons, is.StatusReasons) {
		err := c.log.Changed(audit.Subject{Type: audit.Status, ID: after.ID, Before: statusOf(before), After: statusOf(after)})
		if err != nil {
			return err
		}
	}
	was.Status, was.StatusReasons = is.Status, is.StatusReasons
	if was.equal(is) {
		return nil
	}
	return c.log.Changed(audit.Subject{Type: audit.User, ID: after.ID, Before: userFacts(before), After: is})
}

func (f facts) equal(other facts) bool {
	return slices.Equal(f.StatusReasons, other.StatusReasons) && f.Email == other.Email && f.GivenName == other.GivenName && f.FamilyName == other.FamilyName &&
		f.DisplayName == other.DisplayName && f.Locale == other.Locale && f.Role == other.Role && f.Status == other.Status
}

func usersByEmail(tx *gorm.DB, account models.AccountID, keys []string) (map[string]*models.User, error) {
	found := make(map[string]*models.User, len(keys))
	err := chunks(keys, func(part []string) error {
		var users []*models.User
		if err := tx.Where("account_id = ? AND email_key IN ?", account, part).Find(&users).Error; err != nil {
			return fmt.Errorf("read users by e-mail: %w", err)
		}
		for _, user := range users {
			found[user.EmailKey] = user
		}
		return nil
	})
	return found, err
}
