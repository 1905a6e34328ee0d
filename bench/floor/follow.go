package floor

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync/atomic"

	"cohort/models"
)

// Each takes the account; sqlChanges the number of the last change known as well.
const (
	sqlVersion     = `SELECT feed_seq, graph_version FROM accounts WHERE id = ?`
	sqlUsers       = `SELECT id, name_sort FROM users WHERE account_id = ? ORDER BY name_sort, id`
	sqlGroups      = `SELECT id, name_sort, name FROM user_groups WHERE account_id = ? ORDER BY name_sort, id`
	sqlEdges       = `SELECT parent_id, child_id FROM group_edges WHERE account_id = ?`
	sqlMemberships = `SELECT group_id, user_id FROM memberships WHERE account_id = ?`
	sqlChanges     = `SELECT entity, change_type, subject_id, object_id FROM changes WHERE account_id = ? AND seq > ? ORDER BY seq`
)

// index is the account's, loaded when it is asked for first.
func (f *Floor) index(ctx context.Context, account models.AccountID) (*index, error) {
	known, ok := f.indexes.Load(account)
	if !ok {
		known, _ = f.indexes.LoadOrStore(account, &index{seq: -1})
	}
	x := known.(*index)
	x.mu.RLock()
	loaded := x.seq >= 0
	x.mu.RUnlock()
	if loaded {
		return x, nil
	}
	return x, f.follow(ctx, account, x, 0)
}

// follow brings the index to the feed's number or beyond.
func (f *Floor) follow(ctx context.Context, account models.AccountID, x *index, seq int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seq >= seq && x.seq >= 0 {
		return nil
	}
	tx, err := f.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("follow the feed: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var now, graph int64
	if err := tx.StmtContext(ctx, f.statements.version).QueryRowContext(ctx, account[:]).Scan(&now, &graph); err != nil {
		return fmt.Errorf("read the feed's number: %w", err)
	}
	done := false
	if x.seq >= 0 && now-x.seq <= 10_000 {
		if done, err = f.apply(ctx, tx, account, x, now-x.seq); err != nil {
			return err
		}
	}
	if !done {
		if err := f.load(ctx, tx, account, x); err != nil {
			return err
		}
	}
	x.seq, x.graphVersion = now, graph
	return nil
}

// apply makes the changes to memberships that the feed tells; not done when it tells of anything else, or
// doesn't tell all of them.
func (f *Floor) apply(ctx context.Context, tx *sql.Tx, account models.AccountID, x *index, want int64) (done bool, err error) {
	var got int64
	done = true
	err = scan(ctx, tx.StmtContext(ctx, f.statements.changes), 4, func(c []sql.RawBytes) {
		got++
		user, known := x.rankOf[[16]byte(c[2])]
		if string(c[0]) != "MEMBERSHIP" || !known || len(c[3]) != 16 {
			done = false
			return
		}
		group, known := x.groupOf[[16]byte(c[3])]
		if done = done && known; done {
			x.set(user, group, string(c[1]) == "SET")
		}
	}, account[:], x.seq)
	return done && got == want, err
}

func (x *index) set(user, group int32, member bool) {
	put := func(list []int32, n int32) []int32 {
		at, found := slices.BinarySearch(list, n)
		switch {
		case member && !found:
			return slices.Insert(list, at, n)
		case !member && found:
			return slices.Delete(list, at, at+1)
		}
		return list
	}
	before := len(x.direct[group])
	x.direct[group], x.groupsOf[user] = put(x.direct[group], user), put(x.groupsOf[user], group)
	for _, above := range x.above[group] {
		x.size[above] += len(x.direct[group]) - before
		x.counts[above].Store(-1)
	}
}

// load reads all of the account.
func (f *Floor) load(ctx context.Context, tx *sql.Tx, account models.AccountID, x *index) error {
	s := &f.statements
	x.users, x.groups = nil, nil
	x.rankOf, x.groupOf = map[[16]byte]int32{}, map[[16]byte]int32{}
	err := scan(ctx, tx.StmtContext(ctx, s.users), 2, func(c []sql.RawBytes) {
		x.rankOf[[16]byte(c[0])] = int32(len(x.users))
		x.users = append(x.users, row{id: [16]byte(c[0]), key: string(c[1])})
	}, account[:])
	if err != nil {
		return err
	}
	err = scan(ctx, tx.StmtContext(ctx, s.groups), 3, func(c []sql.RawBytes) {
		x.groupOf[[16]byte(c[0])] = int32(len(x.groups))
		x.groups = append(x.groups, row{id: [16]byte(c[0]), key: string(c[1]), name: string(c[2])})
	}, account[:])
	if err != nil {
		return err
	}
	parents := make([][]int32, len(x.groups))
	err = scan(ctx, tx.StmtContext(ctx, s.edges), 2, func(c []sql.RawBytes) {
		child := x.groupOf[[16]byte(c[1])]
		parents[child] = append(parents[child], x.groupOf[[16]byte(c[0])])
	}, account[:])
	if err != nil {
		return err
	}
	x.direct, x.groupsOf = make([][]int32, len(x.groups)), make([][]int32, len(x.users))
	err = scan(ctx, tx.StmtContext(ctx, s.memberships), 2, func(c []sql.RawBytes) {
		group, user := x.groupOf[[16]byte(c[0])], x.rankOf[[16]byte(c[1])]
		x.direct[group] = append(x.direct[group], user)
		x.groupsOf[user] = append(x.groupsOf[user], group)
	}, account[:])
	if err != nil {
		return err
	}
	for _, lists := range [][][]int32{x.direct, x.groupsOf} {
		for _, list := range lists {
			slices.Sort(list)
		}
	}
	x.close(parents)
	return nil
}

// close computes what lies above and below each group.
func (x *index) close(parents [][]int32) {
	n := len(parents)
	x.above, x.below = make([][]int32, n), make([]set, n)
	x.size, x.counts = make([]int, n), make([]atomic.Int32, n)
	for g := range n {
		x.below[g] = newSet(n)
		x.counts[g].Store(-1)
	}
	for g := range n {
		seen := newSet(n)
		queue := []int32{int32(g)}
		for seen.add(int32(g)); len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			x.above[g] = append(x.above[g], at)
			x.below[at].add(int32(g))
			x.size[at] += len(x.direct[g])
			for _, parent := range parents[at] {
				if !seen.has(parent) {
					seen.add(parent)
					queue = append(queue, parent)
				}
			}
		}
		slices.Sort(x.above[g])
	}
}

// scan runs a query and hands each row over; the bytes are good until the next one.
func scan(ctx context.Context, s *sql.Stmt, columns int, do func([]sql.RawBytes), args ...any) error {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return each(rows, columns, do)
}

func each(rows *sql.Rows, columns int, do func([]sql.RawBytes)) error {
	defer rows.Close()
	raw, to := make([]sql.RawBytes, columns), make([]any, columns)
	for i := range raw {
		to[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		do(raw)
	}
	return rows.Err()
}
