package directory

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// importOutcome is what becomes of a user, a group or a membership.
type importOutcome int

const (
	importUnchanged importOutcome = iota
	importCreated
	importUpdated
	importRefused
)

func (c *ImportCounts) add(o importOutcome, n int) {
	switch o {
	case importUnchanged:
		c.Unchanged += n
	case importCreated:
		c.Created += n
	case importUpdated:
		c.Updated += n
	case importRefused: // which countRefusals counts, by rows
	}
}

// readUsers checks the rows of users.csv one by one and stages them.
func (im *importer) readUsers(ctx context.Context) error {
	err := im.readRows(ctx, usersFile, func(row *csvRow) error {
		u, wrong := readUserRow(row)
		state := statePending
		if len(wrong) > 0 {
			state = stateRefused
		}
		if u.key != "" { // also a refused row, since memberships may name it
			err := im.stage.exec(`INSERT INTO users (line, key, email, given, family, role, locale, email_at, role_at, state)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				u.line, u.key, u.email, u.given, u.family, string(u.role), string(u.locale), u.emailAt.number(), u.roleAt.number(), state)
			if err != nil {
				return err
			}
		}
		return im.refuseAll(usersFile, u.line, wrong)
	})
	if err != nil {
		return err
	}
	if err := im.stage.exec(`CREATE INDEX users_key ON users (key, line)`); err != nil {
		return err
	}
	const again = `FROM users WHERE line > (SELECT MIN(line) FROM users first WHERE first.key = users.key)`
	err = im.stage.exec(`INSERT INTO refusals
		SELECT ?, line, email_at, 'email: the same as in line ' || (SELECT MIN(line) FROM users first WHERE first.key = users.key) `+again, int(usersFile))
	if err != nil {
		return err
	}
	return im.stage.exec(`UPDATE users SET state = ? WHERE n IN (SELECT n `+again+`)`, stateRefused)
}

// stagedUser is a row of the staging table.
type stagedUser struct {
	userRow
	n, state int
}

const pendingSuperAdmins = "state = " + pending + " AND role = 'SUPER_ADMIN'"

const stagedUserColumns = "n, line, key, email, given, family, role, locale, email_at, role_at, state"

// stagedUsers reads the next users behind n that fit.
func (im *importer) stagedUsers(where string, n, limit int) ([]stagedUser, error) {
	var users []stagedUser
	err := im.stage.each("SELECT "+stagedUserColumns+" FROM users WHERE n > ? AND "+where+" ORDER BY n LIMIT ?", func(row *sqlite3.Stmt) error {
		u := stagedUser{n: row.ColumnInt(0), state: row.ColumnInt(10)}
		u.line, u.key, u.email, u.given, u.family = row.ColumnInt(1), row.ColumnText(2), row.ColumnText(3), row.ColumnText(4), row.ColumnText(5)
		u.role, u.locale = models.Role(row.ColumnText(6)), models.Locale(row.ColumnText(7))
		u.emailAt, u.roleAt = placeOf(row.ColumnInt(8)), placeOf(row.ColumnInt(9))
		users = append(users, u)
		return nil
	}, n, limit)
	return users, err
}

// apply is the user with what the row says, and whether that makes a difference.
func (u stagedUser) apply(account models.AccountID, stored *models.User) (*models.User, importOutcome) {
	after := models.User{AccountID: account, Email: u.email, Role: u.role, Locale: u.locale}
	chosen := ""
	if stored != nil {
		after, chosen = *stored, stored.ChosenName()
		after.Email, after.Role, after.Locale = u.email, u.role, u.locale
	}
	after.Rename(u.given, u.family, chosen)
	after.Settle()
	switch {
	case stored == nil:
		return &after, importCreated
	case userFacts(stored).equal(userFacts(&after)):
		return &after, importUnchanged
	default:
		return &after, importUpdated
	}
}

// rules tells whether the user counts for the rule that an account keeps a super admin.
func rules(u *models.User) bool {
	return u != nil && u.Role == models.RoleSuperAdmin && u.Status != models.UserStatusSuspended
}

// planUsers compares the staged users with the account's, and refuses the row that would leave the account
// without a super admin.
func (im *importer) planUsers(ctx context.Context) error {
	if err := im.chooseFounder(); err != nil {
		return err
	}
	left, err := im.countSuperAdmins(ctx)
	if err != nil {
		return err
	}
	total, err := im.stage.number("SELECT COUNT(*) FROM users")
	if err != nil {
		return err
	}
	var last *stagedUser // of those who are to be super admins no more
	var lastBefore *models.User
	for n, done := 0, 0; ; {
		page, err := im.stagedUsers("line IS NOT NULL", n, rowBatch)
		if err != nil || len(page) == 0 {
			if err == nil && last != nil && left < 1 {
				im.countUser(importUpdated, lastBefore, -1)
				err = im.refuseLastSuperAdmin(*last)
			}
			return err
		}
		stored, err := im.storedUsers(ctx, page)
		if err != nil {
			return err
		}
		for _, u := range page {
			before := stored[u.key]
			if before != nil {
				if err := im.stage.exec("UPDATE users SET id = ? WHERE n = ?", before.ID[:], u.n); err != nil {
					return err
				}
			}
			if u.state == stateRefused {
				continue
			}
			after, outcome := u.apply(im.account(), before)
			switch {
			case rules(before) && !rules(after):
				left, last, lastBefore = left-1, &u, before
			case !rules(before) && rules(after):
				left++
			}
			if outcome == importUnchanged && !im.founded(before) {
				if err := im.stage.exec("UPDATE users SET state = ? WHERE n = ?", stateUnchanged, u.n); err != nil {
					return err
				}
			}
			im.countUser(outcome, before, 1)
		}
		n, done = page[len(page)-1].n, done+len(page)
		im.progress(ImportChecks, usersFile, done, total)
	}
}

func (im *importer) refuseLastSuperAdmin(u stagedUser) error {
	if err := im.stage.exec("UPDATE users SET state = ? WHERE n = ?", stateRefused, u.n); err != nil {
		return err
	}
	return im.stage.refuse(usersFile, u.line, complaint{u.roleAt, "role: " + lastSuperAdmin().Message})
}

// chooseFounder takes the first super admin of users.csv where an account is to be made and none is given.
func (im *importer) chooseFounder() error {
	if !im.isNew || im.founder != nil {
		return nil
	}
	first, err := im.stagedUsers(pendingSuperAdmins, 0, 1)
	if len(first) > 0 {
		im.founder, _ = first[0].apply(im.account(), nil)
		im.founder.ID = models.NewID[models.UserID]()
	}
	return err
}

// founded tells the user that the import makes together with the account.
func (im *importer) founded(u *models.User) bool {
	return u != nil && im.founder != nil && u.ID == im.founder.ID
}

// countUser counts what became of a user; before is nil for one that there was not.
func (im *importer) countUser(o importOutcome, before *models.User, n int) {
	if im.founded(before) {
		o = importCreated // a moment ago
	}
	im.report.Users.add(o, n)
}

func (im *importer) countSuperAdmins(ctx context.Context) (int, error) {
	if im.isNew {
		if im.founder == nil {
			return 0, nil
		}
		return 1, nil
	}
	return store.InSnapshot(ctx, im.d.store, func(tx *gorm.DB) (int, error) { return superAdmins(tx, im.account()) })
}

// storedUsers are the users of the account that the rows name, by key.
func (im *importer) storedUsers(ctx context.Context, rows []stagedUser) (map[string]*models.User, error) {
	keys := userKeys(rows)
	if im.isNew {
		stored := map[string]*models.User{}
		if im.founder != nil {
			stored[im.founder.EmailKey] = im.founder
		}
		return stored, nil
	}
	return store.InSnapshot(ctx, im.d.store, func(tx *gorm.DB) (map[string]*models.User, error) {
		return usersByEmail(tx, im.account(), keys)
	})
}

func userKeys(rows []stagedUser) []string {
	keys := make([]string, len(rows))
	for i, u := range rows {
		keys[i] = u.key
	}
	return keys
}

// writeUsers writes the users that are pending. Super admins come first, so that at no moment the account is
// without one.
func (im *importer) writeUsers(ctx context.Context) error {
	total, err := im.stage.number("SELECT COUNT(*) FROM users WHERE state = " + pending)
	if err != nil {
		return err
	}
	pace, done := pace{size: 500, most: 2000}, 0
	im.progress(ImportWrites, usersFile, 0, total)
	for _, where := range []string{pendingSuperAdmins, "state = " + pending} {
		for n := 0; ; {
			page, err := im.stagedUsers(where, n, pace.size)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			written, err := inChunk(ctx, im, &pace, func(c *change) ([]writtenUser, error) { return writeUsers(c, page) })
			if err != nil {
				return err
			}
			if err := im.noteUsers(page, written); err != nil {
				return err
			}
			n, done = page[len(page)-1].n, done+len(page)
			im.progress(ImportWrites, usersFile, done, total)
		}
	}
	return nil
}

// writtenUser is what became of a staged user.
type writtenUser struct {
	before  *models.User
	id      models.UserID
	outcome importOutcome
}

// writeUsers creates and updates users as the rows say; one is refused whose change would leave the account
// without a super admin.
func writeUsers(c *change, rows []stagedUser) ([]writtenUser, error) {
	stored, err := usersByEmail(c.DB, c.account(), userKeys(rows))
	if err != nil {
		return nil, err
	}
	written := make([]writtenUser, len(rows))
	var fresh []*models.User
	for i, u := range rows {
		w := &written[i]
		w.before = stored[u.key]
		var after *models.User
		after, w.outcome = u.apply(c.account(), w.before)
		switch w.outcome {
		case importCreated:
			after.ID, after.CreatedAt, after.UpdatedAt = models.NewID[models.UserID](), c.Now, c.Now
			fresh = append(fresh, after)
		case importUpdated:
			err := updateUser(c, w.before, after)
			if isLastSuperAdmin(err) {
				w.outcome, err = importRefused, nil
			}
			if err != nil {
				return nil, err
			}
		case importUnchanged, importRefused:
		}
		w.id = after.ID
	}
	return written, insertUsers(c, fresh)
}

// updateUser stores a change of a user. LAST_SUPER_ADMIN.
func updateUser(c *change, before, after *models.User) error {
	if rules(before) && !rules(after) {
		if err := c.spareSuperAdmin(before, "role"); err != nil {
			return err
		}
	}
	return saveUser(c, before, after)
}

func isLastSuperAdmin(err error) bool {
	found, _ := models.UserErrors(err)
	return len(found) == 1 && found[0].Code == models.CodeLastSuperAdmin
}

func (im *importer) noteUsers(page []stagedUser, written []writtenUser) error {
	for i, w := range written {
		state := stateWritten
		if w.outcome == importRefused {
			state = stateRefused
			if err := im.refuseLastSuperAdmin(page[i]); err != nil {
				return err
			}
		}
		if err := im.stage.exec("UPDATE users SET state = ?, id = ? WHERE n = ?", state, w.id[:], page[i].n); err != nil {
			return fmt.Errorf("note what was written: %w", err)
		}
		im.countUser(w.outcome, w.before, 1)
	}
	return nil
}
