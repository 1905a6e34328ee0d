package roster

import (
	"database/sql"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/models"
)

const (
	// mostChanges are read one by one; behind more of them all is read anew.
	mostChanges = 20_000
	batch       = 500
)

// numbers are the account's, as of the snapshot.
func numbers(tx *gorm.DB, account models.AccountID) (row struct{ FeedSeq, GraphVersion int64 }, err error) {
	done := tx.Raw("SELECT feed_seq, graph_version FROM accounts WHERE id = ?", account).Scan(&row)
	if done.Error == nil && done.RowsAffected == 0 {
		return row, gorm.ErrRecordNotFound
	}
	return row, done.Error
}

// estimate is about how many bytes the roster will take.
func estimate(tx *gorm.DB, account models.AccountID) (int64, error) {
	var n struct{ Users, Groups, Memberships int64 }
	err := tx.Raw("SELECT (SELECT COUNT(*) FROM users WHERE account_id = ?) AS users, COUNT(*) AS `groups`, "+
		"COALESCE(SUM(direct_member_count), 0) AS memberships FROM user_groups WHERE account_id = ?", account, account).Scan(&n).Error
	return size(n.Users, n.Groups, n.Memberships), err
}

// load reads all of the account.
func (c *Cache) load(tx *gorm.DB, account models.AccountID) (*Roster, error) {
	at, err := numbers(tx, account)
	if err != nil {
		return nil, err
	}
	d := Difference{Seq: at.FeedSeq}
	if d.Graph, err = c.graphs.Load(tx, account, at.GraphVersion); err != nil {
		return nil, err
	}
	if err := tx.Where("account_id = ?", account).Find(&d.Groups).Error; err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	var id, other, key sql.RawBytes
	err = each(tx, "SELECT id, name_sort FROM users WHERE account_id = ?", []any{account}, []any{&id, &key}, func() {
		d.Users = append(d.Users, Person{models.UserID(id), string(key)})
	})
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	r := New()
	r.applyGroups(d.Groups, nil)
	r.applyUsers(d.Users, nil)
	err = each(tx, "SELECT user_id, group_id FROM memberships WHERE account_id = ?", []any{account}, []any{&id, &other}, func() {
		r.step(Step{models.Pair{User: models.UserID(id), Group: models.GroupID(other)}, true})
	})
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	r.Seq, r.Graph = d.Seq, d.Graph
	r.nest(d.Graph)
	return r, nil
}

// since is what has happened since the roster was brought forward last. known is false where it is too much, or
// the feed doesn't tell all of it.
func (c *Cache) since(tx *gorm.DB, account models.AccountID, r *Roster) (d Difference, known bool, err error) {
	now, err := numbers(tx, account)
	if err != nil {
		return d, false, err
	}
	if now.FeedSeq < r.Seq || now.FeedSeq-r.Seq > mostChanges {
		return d, false, nil
	}
	d.Seq = now.FeedSeq
	if d.Graph, err = c.graphs.Load(tx, account, now.GraphVersion); err != nil {
		return d, false, err
	}
	var entity, kind string
	var subject, object sql.RawBytes
	n, users, groups := int64(0), map[models.UserID]bool{}, map[models.GroupID]bool{}
	err = each(tx, "SELECT entity, change_type, subject_id, object_id FROM changes WHERE account_id = ? AND seq > ? ORDER BY seq",
		[]any{account, r.Seq}, []any{&entity, &kind, &subject, &object}, func() {
			n++
			switch entity {
			case audit.User:
				users[models.UserID(subject)] = true
			case audit.Group:
				groups[models.GroupID(subject)] = true
			case audit.Membership:
				d.Memberships = append(d.Memberships, Step{models.Pair{User: models.UserID(subject), Group: models.GroupID(object)}, kind == audit.Set})
			}
		})
	if err != nil {
		return d, false, fmt.Errorf("read changes: %w", err)
	}
	if err := d.readUsers(tx, account, users); err != nil {
		return d, false, err
	}
	if err := d.readGroups(tx, account, groups); err != nil {
		return d, false, err
	}
	return d, n == d.Seq-r.Seq, nil
}

func (d *Difference) readUsers(tx *gorm.DB, account models.AccountID, changed map[models.UserID]bool) error {
	var id, key sql.RawBytes
	for part := range slices.Chunk(keys(changed), batch) {
		err := each(tx, "SELECT id, name_sort FROM users WHERE account_id = ? AND id IN ?", []any{account, part}, []any{&id, &key}, func() {
			d.Users = append(d.Users, Person{models.UserID(id), string(key)})
			delete(changed, models.UserID(id))
		})
		if err != nil {
			return fmt.Errorf("read users: %w", err)
		}
	}
	d.UsersGone = keys(changed)
	return nil
}

func (d *Difference) readGroups(tx *gorm.DB, account models.AccountID, changed map[models.GroupID]bool) error {
	for part := range slices.Chunk(keys(changed), batch) {
		var rows []*models.Group
		if err := tx.Where("account_id = ? AND id IN ?", account, part).Find(&rows).Error; err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		for _, row := range rows {
			delete(changed, row.ID)
		}
		d.Groups = append(d.Groups, rows...)
	}
	d.GroupsGone = keys(changed)
	return nil
}

func keys[K comparable](set map[K]bool) []K {
	list := make([]K, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	return list
}

// each runs a query and calls do for each row, which has been read into to.
func each(tx *gorm.DB, query string, args, to []any, do func()) error {
	rows, err := tx.Raw(query, args...).Rows()
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		do()
	}
	return rows.Err()
}
