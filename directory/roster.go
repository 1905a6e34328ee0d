package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cohort/auth"
	"cohort/directory/roster"
	"cohort/models"
)

// What is asked about members most is answered from the account's roster in memory: lists by name without a
// filter, their counts, and checks. Everything else, and what the roster can't answer, is asked of the database
// by the closure. A property test holds the two together.

// errNotHeld says that the database must be asked.
var errNotHeld = errors.New("not in memory")

// fromRoster runs a use case whose answer the roster has, for a caller who may see all of it. ok is false where
// the database must be asked instead, which then also says what is wrong.
func fromRoster[T any](ctx context.Context, d *Directory, who auth.Caller, action auth.Action, fn func() (T, error)) (result T, ok bool) {
	if answer, err := who.May(action); err != nil || answer != auth.Allow {
		return result, false
	}
	result, err := fn()
	if err != nil && !errors.Is(err, errNotHeld) && ctx.Err() == nil {
		d.log.WarnContext(ctx, "answered by the database instead of from memory", "action", action, "error", err)
	}
	return result, err == nil
}

// InMemory says of how many accounts the users and memberships are held in memory, and about how many bytes they
// take.
func (d *Directory) InMemory() (accounts int, bytes int64) { return d.rosters.Held() }

// present runs look on the roster as it is now.
func (d *Directory) present(ctx context.Context, account models.AccountID, look func(*roster.Roster)) error {
	seq, err := d.store.FeedSeq(ctx, account)
	if err != nil {
		return err
	}
	return d.view(ctx, account, seq, look)
}

func (d *Directory) view(ctx context.Context, account models.AccountID, seq int64, look func(*roster.Roster)) error {
	held, err := d.rosters.View(ctx, account, seq, look)
	if err == nil && !held {
		err = errNotHeld
	}
	return err
}

// windowOf is the part of a list by name that a page shows, with one entry more, which tells whether there are
// others. ok is false for a cursor that no such list has handed out.
func windowOf(page models.Page, descending bool) (w roster.Window, ok bool) {
	w = roster.Window{FromHigh: descending != page.Backward, Most: page.Size + 1}
	for _, end := range []struct {
		at *models.Cursor
		to **roster.Place
	}{{page.After, &w.Low}, {page.Before, &w.High}} {
		if end.at == nil {
			continue
		}
		key, err := decodeKey(end.at.Key, "")
		if err != nil {
			return w, false
		}
		*end.to = &roster.Place{Key: key.(string), ID: end.at.ID}
	}
	if descending {
		w.Low, w.High = w.High, w.Low
	}
	return w, true
}

// cutPage brings what a window found into the order of the list, without the entry too many.
func cutPage[T any](found []T, page models.Page) (entries []T, more bool) {
	if more = len(found) > page.Size; more {
		found = found[:page.Size]
	}
	if page.Backward {
		slices.Reverse(found)
	}
	return found, more
}

// memberPages are pages of members as the roster has them, with what tells how they came to be there.
type memberPages struct {
	as    roster.Window
	lists [][]roster.Member
	how   [][]models.Membership // with paths; nil where nobody asks
	seq   int64
}

func (m *memberPages) read(r *roster.Roster, groups []models.GroupID, relation models.MembershipRelation, detail Detail) {
	m.lists, m.how, m.seq = make([][]roster.Member, len(groups)), make([][]models.Membership, len(groups)), r.Seq
	for i, id := range groups {
		m.lists[i] = r.Members(id, relation, m.as)
		if detail == Direct {
			continue
		}
		below := r.Graph.Below(id)
		for _, member := range m.lists[i] {
			m.how[i] = append(m.how[i], r.Graph.MembershipBelow(r.Direct(member.User), id, below))
		}
	}
}

// same tells whether two readings found the same members in the same way.
func (m *memberPages) same(other *memberPages) bool {
	alike := func(a, b models.Membership) bool { return slices.Equal(a.Via, b.Via) && slices.Equal(a.Path, b.Path) }
	for i := range m.lists {
		if !slices.Equal(m.lists[i], other.lists[i]) || !slices.EqualFunc(m.how[i], other.how[i], alike) {
			return false
		}
	}
	return true
}

func (m *memberPages) users() []models.UserID {
	var ids []models.UserID
	for _, list := range m.lists {
		for _, member := range list {
			ids = append(ids, member.User)
		}
	}
	return unique(ids)
}

// asListed tells whether the rows are those that the lists were made of.
func (m *memberPages) asListed(rows map[models.UserID]*models.User) bool {
	for _, list := range m.lists {
		for _, member := range list {
			if row := rows[member.User]; row == nil || row.NameSort != member.Key {
				return false
			}
		}
	}
	return true
}

// membersByName is MembersOf from the roster, with the users' rows from the database. The lists are made first,
// and hold when nothing has happened by the time the rows are read, or nothing that they show.
func (d *Directory) membersByName(ctx context.Context, who auth.Caller, groups []models.GroupID, q MemberQuery, page models.Page, detail Detail) ([]*models.GroupMemberConnection, error) {
	o := userOrders[q.Sort]
	window, ok := windowOf(page, o.descending)
	if q.Filter != nil || o.name != byUserName.name || !ok {
		return nil, errNotHeld
	}
	pages := memberPages{as: window}
	seq := int64(0)
	const tries = 5
	for range tries {
		if err := d.view(ctx, who.Account, seq, func(r *roster.Roster) { pages.read(r, groups, q.Relation, detail) }); err != nil {
			return nil, err
		}
		rows, now, err := d.usersAsOf(ctx, who.Account, pages.users())
		if err != nil {
			return nil, err
		}
		if seq = now; now != pages.seq {
			later := memberPages{as: window}
			err := d.view(ctx, who.Account, now, func(r *roster.Roster) { later.read(r, groups, q.Relation, detail) })
			if err != nil {
				return nil, err
			}
			if !pages.same(&later) {
				continue
			}
		}
		if pages.asListed(rows) {
			return pages.connections(o, q.hash(), page, rows), nil
		}
	}
	return nil, errNotHeld
}

func (m *memberPages) connections(o order[models.User], hash models.ListHash, page models.Page, rows map[models.UserID]*models.User) []*models.GroupMemberConnection {
	pages := make([]*models.GroupMemberConnection, len(m.lists))
	for i, list := range m.lists {
		how := m.how[i]
		list, more := cutPage(list, page)
		how, _ = cutPage(how, page)
		edges, cursors := make([]models.GroupMemberEdge, len(list)), make([]string, len(list))
		pages[i] = &models.GroupMemberConnection{Edges: make([]*models.GroupMemberEdge, len(list))}
		for j, member := range list {
			row := rows[member.User]
			cursors[j] = userList.cursor(o, hash, row)
			edges[j] = models.GroupMemberEdge{Cursor: cursors[j], Node: row, How: models.Membership{Direct: member.Direct}}
			if how != nil {
				edges[j].How = how[j]
			}
			pages[i].Edges[j] = &edges[j]
		}
		pages[i].PageInfo = pageInfo(page, cursors, more)
	}
	return pages
}

// usersAsOf reads users with the number of the feed that the statement saw.
func (d *Directory) usersAsOf(ctx context.Context, account models.AccountID, ids []models.UserID) (found map[models.UserID]*models.User, seq int64, err error) {
	if len(ids) == 0 {
		seq, err = d.store.FeedSeq(ctx, account)
		return nil, seq, err
	}
	if len(ids) > chunk { // which one statement should not have
		return nil, 0, errNotHeld
	}
	// A few lengths for all lists keep the statements few; an id may stand there several times.
	places := 4
	for places < len(ids) {
		places *= 2
	}
	args := []any{account, account}
	for i := range places {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	rows, err := d.store.Query(ctx, "SELECT (SELECT a.feed_seq FROM accounts a WHERE a.id = ?), "+userColumns+
		" FROM users WHERE account_id = ? AND id IN (?"+strings.Repeat(", ?", places-1)+")", args...)
	if err != nil {
		return nil, 0, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	found, users := make(map[models.UserID]*models.User, len(ids)), make([]models.User, 0, len(ids))
	for rows.Next() {
		users = append(users, models.User{})
		user := &users[len(users)-1]
		if err := rows.Scan(append([]any{&seq}, userFields(user)...)...); err != nil {
			return nil, 0, fmt.Errorf("read users: %w", err)
		}
		found[user.ID] = user
	}
	if len(users) == 0 { // nobody says which number it was
		return nil, 0, errNotHeld
	}
	return found, seq, rows.Err()
}

// groupsOfByName is GroupsOf from the roster.
func (d *Directory) groupsOfByName(ctx context.Context, who auth.Caller, users []models.UserID, q MembershipQuery, page models.Page, detail Detail) ([]*models.UserGroupConnection, error) {
	o, hash := groupOrders[q.Sort], q.hash()
	window, ok := windowOf(page, o.descending)
	if q.Filter != nil || o.name != byGroupName.name || !ok {
		return nil, errNotHeld
	}
	pages := make([]*models.UserGroupConnection, len(users))
	err := d.present(ctx, who.Account, func(r *roster.Roster) {
		for i, id := range users {
			list, more := cutPage(r.GroupsOf(id, q.Relation, window), page)
			direct := r.Direct(id)
			rows, edges, cursors := make([]models.Group, len(list)), make([]models.UserGroupEdge, len(list)), make([]string, len(list))
			pages[i] = &models.UserGroupConnection{Edges: make([]*models.UserGroupEdge, len(list))}
			for j, found := range list {
				rows[j] = *found.Group
				rows[j].DirectMemberCount = found.Count
				cursors[j] = groupList.cursor(o, hash, &rows[j])
				edges[j] = models.UserGroupEdge{Cursor: cursors[j], Node: &rows[j], How: models.Membership{Direct: found.Direct}}
				if detail == Paths {
					edges[j].How = r.Graph.Membership(direct, rows[j].ID)
				}
				pages[i].Edges[j] = &edges[j]
			}
			pages[i].PageInfo = pageInfo(page, cursors, more)
		}
	})
	return pages, err
}

// counted counts each of the lists of a roster.
func counted[ID any](ctx context.Context, d *Directory, who auth.Caller, ids []ID, count func(*roster.Roster, ID) int) ([]int, error) {
	counts := make([]int, len(ids))
	err := d.present(ctx, who.Account, func(r *roster.Roster) {
		for i, id := range ids {
			counts[i] = count(r, id)
		}
	})
	return counts, err
}

// checked is Checks from the roster.
func (d *Directory) checked(ctx context.Context, who auth.Caller, users []models.UserID, groups []models.GroupID, detail Detail) ([]*models.MembershipCheck, error) {
	checks, rows := make([]*models.MembershipCheck, len(users)*len(groups)), make([]models.MembershipCheck, len(users)*len(groups))
	err := d.present(ctx, who.Account, func(r *roster.Roster) {
		for j, group := range groups {
			var below map[models.GroupID]int
			if detail == Paths {
				below = r.Graph.Below(group)
			}
			for i, user := range users {
				at := i*len(groups) + j
				rows[at] = models.MembershipCheck{UserID: user, GroupID: group, How: r.Membership(user, group)}
				if detail == Paths && rows[at].IsMember() {
					rows[at].How = r.Graph.MembershipBelow(r.Direct(user), group, below)
				}
				checks[at] = &rows[at]
			}
		}
	})
	return checks, err
}
