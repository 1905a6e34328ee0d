package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"

	"cohort/bench/load"
	"cohort/models"
)

// Each slot of writes adds its own pairs of these many groups with as many users as it gets to.
const (
	quietGroups = 40
	quietUsers  = 500
)

// additions are pairs that are not there, user by user, each to be added once. More than one connection draws
// from them.
type additions struct {
	groups []models.GroupID
	users  []models.UserID
	next   atomic.Int64
}

func (b *bench) additions(ctx context.Context, r *rand.Rand, users int) (*additions, error) {
	groups, free, err := b.world.quiet(ctx, r, quietGroups, users)
	return &additions{groups: groups, users: free}, err
}

// draw makes the requests; c says to whom.
func (a *additions) draw(b *bench, s side, c *cell) func(int) (*load.Ask, bool) {
	return func(int) (*load.Ask, bool) {
		n := int(a.next.Add(1)) - 1
		if n >= len(a.users)*len(a.groups) {
			return nil, false
		}
		q := addition(a.users[n/len(a.groups)], a.groups[n%len(a.groups)])
		return &load.Ask{Request: b.request(s, c, q), Part: []byte(`"outcome":"ADDED"`)}, true
	}
}

func addition(user models.UserID, group models.GroupID) question {
	return question{
		variables: map[string]any{"user": user.String(), "group": group.String()},
		path:      "/members", body: map[string]any{"userId": user.String(), "groupId": group.String()},
	}
}

// undo removes what was added, through Cohort, so that the feed tells of it.
func (a *additions) undo(b *bench) error {
	used := min(len(a.users), (int(a.next.Load())+len(a.groups)-1)/len(a.groups))
	for users := a.users[:used]; len(users) > 0; {
		n := min(len(users), 50)
		var removed struct{ GroupMembersRemove struct{ Errors []any } }
		err := b.askCohort(removeOperation, map[string]any{"groups": texts(a.groups), "users": texts(users[:n])}, &removed)
		if err != nil {
			return fmt.Errorf("remove what was added: %w", err)
		}
		if len(removed.GroupMembersRemove.Errors) > 0 {
			return fmt.Errorf("remove what was added: %v", removed.GroupMembersRemove.Errors)
		}
		users = users[n:]
	}
	return nil
}

func texts[T fmt.Stringer](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = v.String()
	}
	return all
}

// compareWrites has each side add the same membership and fails when the answers differ, or the rows that
// they have written. Then it compares what they answer where nothing is to be added.
func (b *bench) compareWrites(ctx context.Context, c *cell, sides []side, r *rand.Rand) error {
	for range 10 {
		var first []any
		a, err := b.additions(ctx, r, 1)
		if err != nil {
			return err
		}
		a.groups = a.groups[:1]
		for i, s := range sides {
			got, err := b.addOnce(ctx, c, a, s, sides)
			if err != nil {
				return err
			}
			if i == 0 {
				first = got
			} else if !reflect.DeepEqual(first, got) {
				return fmt.Errorf("%s: what is written differs\n%s: %s\n%s: %s", c.name, sides[0].name, toJSON(first), s.name, toJSON(got))
			}
		}
	}
	user, group := b.world.user(r), b.world.group(r).id
	for _, q := range []question{
		addition(models.NewID[models.UserID](), group),
		addition(user, models.NewID[models.GroupID]()),
		addition(models.NewID[models.UserID](), models.NewID[models.GroupID]()),
	} {
		if _, err := b.same(c, q, sides); err != nil {
			return err
		}
	}
	return nil
}

// addOnce adds the first of the pairs by one side, and returns the answer and the rows that are new. All sides
// are asked to do it again, and it is undone.
func (b *bench) addOnce(ctx context.Context, c *cell, a *additions, s side, sides []side) (got []any, err error) {
	q := addition(a.users[0], a.groups[0])
	before, err := b.world.state(ctx)
	if err != nil {
		return nil, err
	}
	a.next.Store(1)
	defer func() { err = errors.Join(err, a.undo(b)) }()
	added, err := b.same(c, q, []side{s})
	if err != nil {
		return nil, err
	}
	answer, err := normal(added[0])
	if err != nil {
		return nil, err
	}
	rows, err := b.world.written(ctx, before, a.users[0], a.groups[0])
	if err != nil {
		return nil, err
	}
	_, err = b.same(c, q, sides)
	return []any{answer, rows}, err
}

// written are the rows that have come since, as texts, without ids and times that differ each time.
func (w *world) written(ctx context.Context, since state, user models.UserID, group models.GroupID) ([]string, error) {
	var all []string
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"SELECT CONCAT_WS(' ', 'membership', created_at > NOW() - INTERVAL 1 MINUTE) FROM memberships WHERE account_id = ? AND group_id = ? AND user_id = ?", []any{w.account[:], group[:], user[:]}},
		{"SELECT CONCAT_WS(' ', 'count', direct_member_count) FROM user_groups WHERE account_id = ? AND id = ?", []any{w.account[:], group[:]}},
		{
			`SELECT CONCAT_WS(' ', 'event', action, actor_kind, HEX(actor_id), LENGTH(request_id), subject_type, COALESCE(HEX(subject_id), '-'), COALESCE(HEX(object_id), '-'),
				COALESCE(before_data, '-'), COALESCE(after_data, '-'), operation_id = (SELECT operation_id FROM changes WHERE account_id = e.account_id ORDER BY seq DESC LIMIT 1))
			FROM audit_events e WHERE account_id = ? AND id > ? ORDER BY subject_type, id`, []any{w.account[:], since.event},
		},
		{
			`SELECT CONCAT_WS(' ', 'change', seq - ?, entity, change_type, HEX(subject_id), COALESCE(HEX(object_id), '-'), COALESCE(payload, '-'))
			FROM changes WHERE account_id = ? AND seq > ? ORDER BY seq`, []any{since.seq, w.account[:], since.seq},
		},
		{"SELECT CONCAT_WS(' ', 'seq', feed_seq - ?) FROM accounts WHERE id = ?", []any{since.seq, w.account[:]}},
	} {
		rows, err := column[string](ctx, w.db, step.query, step.args...)
		if err != nil {
			return nil, fmt.Errorf("read what was written: %w", err)
		}
		all = append(all, rows...)
	}
	return all, nil
}
