package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"cohort/bench/floor"
	"cohort/models"
)

// world is what the account holds, as far as questions are drawn from it.
type world struct {
	db      *sql.DB
	account models.AccountID
	users   []models.UserID
	groups  []group // in the order of names
	roots   []models.GroupID
	admin   string // the super admin's e-mail
}

type group struct {
	id     models.GroupID
	key    string
	direct int
}

// openWorld connects. found is false when the account is not there.
func openWorld(ctx context.Context, database, account string) (w *world, found bool, err error) {
	config, err := floor.Database(database)
	if err != nil {
		return nil, false, err
	}
	config.MultiStatements = false
	db, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		return nil, false, err
	}
	w = &world{db: db}
	err = db.QueryRowContext(ctx, "SELECT id FROM accounts WHERE name_key = ?", models.Key(account)).Scan(&w.account)
	if err != nil {
		return w, false, nil //nolint:nilerr // no row, no table or no database: what is missing is made
	}
	return w, true, w.read(ctx)
}

func (w *world) read(ctx context.Context) error {
	var err error
	if w.users, err = column[models.UserID](ctx, w.db, "SELECT id FROM users WHERE account_id = ? ORDER BY email_key", w.account[:]); err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	rows, err := w.db.QueryContext(ctx, "SELECT id, name_sort, direct_member_count FROM user_groups WHERE account_id = ? ORDER BY name_sort, id", w.account[:])
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g group
		if err := rows.Scan(&g.id, &g.key, &g.direct); err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		w.groups = append(w.groups, g)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	// The tops with at least a fifth of all groups below them.
	w.roots, err = column[models.GroupID](ctx, w.db, `SELECT c.ancestor_id FROM group_closure c
		LEFT JOIN group_edges e ON e.account_id = c.account_id AND e.child_id = c.ancestor_id
		WHERE c.account_id = ? AND e.parent_id IS NULL GROUP BY c.ancestor_id HAVING COUNT(*) >= ? ORDER BY c.ancestor_id`,
		w.account[:], len(w.groups)/5)
	if err != nil {
		return fmt.Errorf("read the tops: %w", err)
	}
	err = w.db.QueryRowContext(ctx, "SELECT email FROM users WHERE account_id = ? AND role = 'SUPER_ADMIN' ORDER BY id LIMIT 1", w.account[:]).Scan(&w.admin)
	if err != nil {
		return fmt.Errorf("look for a super admin: %w", err)
	}
	if len(w.users) < 100 || len(w.groups) < 20 || len(w.roots) == 0 {
		return fmt.Errorf("the account is too small to be measured: %d users in %d groups", len(w.users), len(w.groups))
	}
	return nil
}

func column[T any](ctx context.Context, db *sql.DB, query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

func (w *world) user(r *rand.Rand) models.UserID { return w.users[r.IntN(len(w.users))] }
func (w *world) group(r *rand.Rand) group        { return w.groups[r.IntN(len(w.groups))] }

// groupOf is one of the groups that the user is effectively in; false for somebody in none.
func (w *world) groupOf(ctx context.Context, r *rand.Rand, user models.UserID) (models.GroupID, bool, error) {
	groups, err := column[models.GroupID](ctx, w.db, `SELECT DISTINCT c.ancestor_id FROM memberships m
		JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
		WHERE m.account_id = ? AND m.user_id = ? ORDER BY c.ancestor_id`, w.account[:], user[:])
	if err != nil || len(groups) == 0 {
		return models.GroupID{}, false, err
	}
	return groups[r.IntN(len(groups))], true, nil
}

// state is what writing changes, to be the same after the run as before.
type state struct {
	memberships string // a sum over all, and over the counts
	seq         int64
	event       []byte // the newest of the audit log
}

func (w *world) state(ctx context.Context) (s state, err error) {
	err = w.db.QueryRowContext(ctx, `SELECT
		CONCAT((SELECT CONCAT(COUNT(*), ' ', COALESCE(BIT_XOR(CRC32(CONCAT(group_id, user_id))), 0)) FROM memberships WHERE account_id = a.id), ' ',
			(SELECT CONCAT(SUM(direct_member_count), ' ', BIT_XOR(CRC32(CONCAT(id, direct_member_count)))) FROM user_groups WHERE account_id = a.id)),
		a.feed_seq, COALESCE((SELECT MAX(id) FROM audit_events WHERE account_id = a.id), '')
		FROM accounts a WHERE a.id = ?`, w.account[:]).Scan(&s.memberships, &s.seq, &s.event)
	if err != nil {
		err = fmt.Errorf("look at the account's state: %w", err)
	}
	return s, err
}

// restore takes back what the writes have left in the log and in the feed. The memberships have been removed
// by then: it fails when they are not as they were. Nobody else may use the account meanwhile, since whoever
// follows the feed would miss what it takes away.
func (w *world) restore(ctx context.Context, before state) error {
	now, err := w.state(ctx)
	if err != nil {
		return err
	}
	if now.memberships != before.memberships {
		return fmt.Errorf("the memberships are not as they were before the run: make the account anew")
	}
	for _, step := range []struct {
		query string
		arg   any
	}{
		{"DELETE FROM changes WHERE account_id = ? AND seq > ? LIMIT 10000", before.seq},
		{"DELETE FROM audit_events WHERE account_id = ? AND id > ? LIMIT 10000", before.event},
	} {
		for {
			done, err := w.db.ExecContext(ctx, step.query, w.account[:], step.arg)
			if err != nil {
				return fmt.Errorf("restore: %s: %w", step.query, err)
			}
			if n, err := done.RowsAffected(); err != nil || n == 0 {
				break
			}
		}
	}
	if _, err := w.db.ExecContext(ctx, "UPDATE accounts SET feed_seq = ? WHERE id = ?", before.seq, w.account[:]); err != nil {
		return fmt.Errorf("restore the feed's number: %w", err)
	}
	return nil
}

// quiet are groups from the half with fewer direct members, and users who are in none of them, so that each
// pair of the two can be added and removed again.
func (w *world) quiet(ctx context.Context, r *rand.Rand, groups, users int) ([]models.GroupID, []models.UserID, error) {
	bySize := slices.Clone(w.groups)
	slices.SortStableFunc(bySize, func(a, b group) int { return cmp.Compare(a.direct, b.direct) })
	var small []models.GroupID
	for _, i := range r.Perm(len(bySize) / 2) {
		if len(small) < groups {
			small = append(small, bySize[i].id)
		}
	}
	args := []any{w.account[:]}
	for _, id := range small {
		args = append(args, id[:])
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(small)), ",")
	taken, err := column[models.UserID](ctx, w.db, "SELECT user_id FROM memberships WHERE account_id = ? AND group_id IN ("+marks+")", args...)
	if err != nil {
		return nil, nil, err
	}
	in := map[models.UserID]bool{}
	for _, id := range taken {
		in[id] = true
	}
	var free []models.UserID
	for _, i := range r.Perm(len(w.users)) {
		if id := w.users[i]; !in[id] && len(free) < users {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		return nil, nil, errors.New("everybody is in one of the groups to which members were to be added")
	}
	return small, free, nil
}
