package directory

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// readMembers checks the rows of memberships.csv one by one, and stages those whose group is there.
func (im *importer) readMembers(ctx context.Context) error {
	return im.readRows(ctx, membershipsFile, func(row *csvRow) error {
		m, wrong := readMemberRow(row)
		if len(wrong) > 0 {
			return im.refuseAll(membershipsFile, m.line, wrong)
		}
		g := im.groups.byKey[m.groupKey]
		switch {
		case g == nil:
			reason := fmt.Sprintf("group: there is no group %s, neither in %s nor in the account", shown(m.group), groupsFile)
			return im.stage.refuse(membershipsFile, m.line, complaint{m.groupAt, reason})
		case !g.known():
			return im.refuseDependent(m.line, complaint{m.groupAt, "group: " + g.refusedBecause()})
		}
		return im.stage.exec("INSERT INTO named VALUES (?, ?, ?, ?)", g.n, m.userKey, m.line, m.emailAt.number())
	})
}

// refuseDependent notes a membership that is refused for the sake of another row, where that is worth telling.
func (im *importer) refuseDependent(line int, c complaint) error {
	if !im.in.KeepGood {
		return nil
	}
	return im.stage.refuse(membershipsFile, line, c)
}

// planMembers finds the users of the memberships, refuses those without one and those that are there twice,
// and marks those that the account has.
func (im *importer) planMembers(ctx context.Context) error {
	err := im.stage.exec(`INSERT INTO users (key, state)
		SELECT DISTINCT user_key, ? FROM named WHERE NOT EXISTS (SELECT 1 FROM users WHERE key = user_key)`, stateNamed)
	if err != nil {
		return err
	}
	err = im.stage.exec(`INSERT INTO members
		SELECT grp, (SELECT n FROM users WHERE key = user_key ORDER BY line LIMIT 1), line, email_at, ? FROM named ORDER BY 1, 2, 3`, statePending)
	if err != nil {
		return err
	}
	if err := im.findNamed(ctx); err != nil {
		return err
	}
	if err := im.refuseMembers(); err != nil {
		return err
	}
	return im.compareMembers(ctx)
}

// findNamed looks up the users that only memberships name.
func (im *importer) findNamed(ctx context.Context) error {
	for n := 0; ; {
		page, err := im.stagedUsers("line IS NULL", n, rowBatch)
		if err != nil || len(page) == 0 {
			return err
		}
		stored, err := im.storedUsers(ctx, page)
		if err != nil {
			return err
		}
		for _, u := range page {
			if found := stored[u.key]; found != nil {
				if err := im.stage.exec("UPDATE users SET id = ? WHERE n = ?", found.ID[:], u.n); err != nil {
					return err
				}
			}
		}
		n = page[len(page)-1].n
	}
}

// refuseMembers refuses the memberships that are there twice, and those of users who won't be there.
func (im *importer) refuseMembers() error {
	const again = `FROM members WHERE line > (SELECT MIN(line) FROM members first WHERE first.grp = members.grp AND first.usr = members.usr)`
	err := im.stage.exec(`INSERT INTO refusals
		SELECT ?, line, email_at, 'email: the same membership as in line ' ||
			(SELECT MIN(line) FROM members first WHERE first.grp = members.grp AND first.usr = members.usr) `+again, int(membershipsFile))
	if err != nil {
		return err
	}
	const absent = `FROM members JOIN users ON n = usr WHERE users.state IN (?, ?) AND id IS NULL`
	err = im.stage.each(`SELECT members.line, members.email_at, key, users.line `+absent, func(row *sqlite3.Stmt) error {
		line, at, key := row.ColumnInt(0), placeOf(row.ColumnInt(1)), shown(row.ColumnText(2))
		if row.ColumnType(3) == sqlite3.NULL {
			reason := fmt.Sprintf("email: there is no user %s, neither in %s nor in the account", key, usersFile)
			return im.stage.refuse(membershipsFile, line, complaint{at, reason})
		}
		return im.refuseDependent(line, complaint{at, fmt.Sprintf("email: the user %s is refused: %s:%d", key, usersFile, row.ColumnInt(3))})
	}, stateRefused, stateNamed)
	if err != nil {
		return err
	}
	return im.stage.exec(`UPDATE members SET state = ? WHERE line IN (SELECT line `+again+` UNION SELECT members.line `+absent+`)`,
		stateRefused, stateRefused, stateNamed)
}

// stagedMember is a row of the staging table, with the user's id; nil for a user who isn't there yet.
type stagedMember struct {
	grp, usr, line int
	emailAt        place
	user           *models.UserID
}

// stagedMembers reads the next pending memberships behind one, by group and user.
func (im *importer) stagedMembers(behind stagedMember, limit int) ([]stagedMember, error) {
	var members []stagedMember
	err := im.stage.each(`SELECT grp, usr, m.line, m.email_at, id FROM members m JOIN users ON n = usr
		WHERE (grp, usr) > (?, ?) AND m.state = `+pending+` ORDER BY grp, usr LIMIT ?`, func(row *sqlite3.Stmt) error {
		m := stagedMember{grp: row.ColumnInt(0), usr: row.ColumnInt(1), line: row.ColumnInt(2), emailAt: placeOf(row.ColumnInt(3))}
		if id := row.ColumnRawBlob(4); len(id) > 0 {
			m.user = (*models.UserID)(append([]byte{}, id...))
		}
		members = append(members, m)
		return nil
	}, behind.grp, behind.usr, limit)
	return members, err
}

func (im *importer) setMember(m stagedMember, state int) error {
	return im.stage.exec("UPDATE members SET state = ? WHERE grp = ? AND usr = ? AND line = ?", state, m.grp, m.usr, m.line)
}

// compareMembers marks the memberships that the account has, and counts.
func (im *importer) compareMembers(ctx context.Context) error {
	total, err := im.stage.number("SELECT COUNT(*) FROM members WHERE state = " + pending)
	if err != nil {
		return err
	}
	im.report.Memberships.Created = total
	done := 0
	for last := (stagedMember{grp: -1}); ; {
		page, err := im.stagedMembers(last, 2000)
		if err != nil || len(page) == 0 {
			return err
		}
		var pairs []models.Pair
		for _, m := range page {
			if g := im.groups.list[m.grp]; g.stored != nil && m.user != nil {
				pairs = append(pairs, models.Pair{User: *m.user, Group: g.id})
			}
		}
		present, err := im.presentPairs(ctx, pairs)
		if err != nil {
			return err
		}
		for _, m := range page {
			if m.user == nil || !present[models.Pair{User: *m.user, Group: im.groups.list[m.grp].id}] {
				continue
			}
			if err := im.setMember(m, stateUnchanged); err != nil {
				return err
			}
			im.report.Memberships.Created--
			im.report.Memberships.Unchanged++
		}
		last, done = page[len(page)-1], done+len(page)
		im.progress(ImportChecks, membershipsFile, done, total)
	}
}

func (im *importer) presentPairs(ctx context.Context, pairs []models.Pair) (map[models.Pair]bool, error) {
	if len(pairs) == 0 {
		return nil, nil //nolint:nilnil // nothing asked, nothing there
	}
	return store.InSnapshot(ctx, im.d.store, func(tx *gorm.DB) (map[models.Pair]bool, error) {
		return presentPairs(tx, im.account(), pairs)
	})
}

// writeMembers writes the memberships that are pending, group by group.
func (im *importer) writeMembers(ctx context.Context) error {
	total, err := im.stage.number("SELECT COUNT(*) FROM members WHERE state = " + pending)
	if err != nil {
		return err
	}
	pace, done := pace{size: 1000, most: 5000}, 0
	im.progress(ImportWrites, membershipsFile, 0, total)
	for last := (stagedMember{grp: -1}); ; {
		page, err := im.stagedMembers(last, pace.size)
		if err != nil || len(page) == 0 {
			return err
		}
		var pairs []models.Pair
		var kept []stagedMember
		for _, m := range page {
			if m.user == nil || !im.groups.list[m.grp].known() {
				if err := im.refuseMember(m, "it depends on a row that is refused"); err != nil {
					return err
				}
				continue
			}
			kept = append(kept, m)
			pairs = append(pairs, models.Pair{User: *m.user, Group: im.groups.list[m.grp].id})
		}
		if len(pairs) == 0 {
			last, done = page[len(page)-1], done+len(page)
			continue
		}
		outcomes, err := inChunk(ctx, im, &pace, func(c *change) ([]models.MembershipOutcome, error) { return moveMembers(c, pairs, addMembers) })
		if err != nil {
			return err
		}
		for i, outcome := range outcomes {
			if err := im.noteMember(kept[i], outcome); err != nil {
				return err
			}
		}
		last, done = page[len(page)-1], done+len(page)
		im.progress(ImportWrites, membershipsFile, done, total)
	}
}

func (im *importer) noteMember(m stagedMember, outcome models.MembershipOutcome) error {
	switch outcome {
	case models.MembershipOutcomeAdded:
		im.report.Memberships.Created++
	case models.MembershipOutcomeAlreadyMember:
		im.report.Memberships.Unchanged++
	default:
		return im.refuseMember(m, "the user or the group has been deleted meanwhile")
	}
	return nil
}

func (im *importer) refuseMember(m stagedMember, reason string) error {
	if err := im.setMember(m, stateRefused); err != nil {
		return err
	}
	return im.stage.refuse(membershipsFile, m.line, complaint{m.emailAt, "email: " + reason})
}
