package floor

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cohort/models"
)

const (
	// sqlFewMembers takes the account, the group, the account and a place. Good where few rows lie below.
	sqlFewMembers = `SELECT u.id, u.display_name, u.email, u.status, u.name_sort, x.direct
		FROM (SELECT m.user_id, MAX(c.distance = 0) AS direct FROM group_closure c
			JOIN memberships m ON m.account_id = c.account_id AND m.group_id = c.descendant_id
			WHERE c.account_id = ? AND c.ancestor_id = ? GROUP BY m.user_id) x
		JOIN users u ON u.account_id = ? AND u.id = x.user_id
		WHERE u.name_sort >= ? AND (u.name_sort > ? OR u.id > ?) ORDER BY u.name_sort, u.id LIMIT 51`
	// sqlWalk takes the account twice, a place, how many users, the account: users by name, each as often as
	// it has groups. Good where many rows lie below, since soon enough of the users are members.
	sqlWalk = `SELECT (SELECT graph_version FROM accounts WHERE id = ?), u.id, u.display_name, u.email, u.status, u.name_sort, m.group_id
		FROM (SELECT id, display_name, email, status, name_sort FROM users FORCE INDEX (users_name)
			WHERE account_id = ? AND name_sort >= ? AND (name_sort > ? OR id > ?) ORDER BY name_sort, id LIMIT ?) u
		LEFT JOIN memberships m ON m.account_id = ? AND m.user_id = u.id`
	// sqlCheck takes the group, the account, the user.
	sqlCheck = `SELECT COUNT(*), COALESCE(MAX(c.distance = 0), 0) FROM memberships m
		JOIN group_closure c ON c.account_id = m.account_id AND c.ancestor_id = ? AND c.descendant_id = m.group_id
		WHERE m.account_id = ? AND m.user_id = ?`
	// sqlGroupsOf takes the account, the user, the account.
	sqlGroupsOf = `SELECT g.id, g.name_sort, g.name, x.nearest = 0
		FROM (SELECT c.ancestor_id, MIN(c.distance) AS nearest FROM memberships m
			JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
			WHERE m.account_id = ? AND m.user_id = ? GROUP BY c.ancestor_id) x
		JOIN user_groups g ON g.account_id = ? AND g.id = x.ancestor_id ORDER BY g.name_sort, g.id LIMIT 101`
	// sqlGroupCounts takes whether effective members are counted, the account and a place.
	sqlGroupCounts = `SELECT g.id, g.name_sort, g.name, g.description, g.direct_member_count, IF(? AND EXISTS (
			SELECT 1 FROM group_edges e WHERE e.account_id = g.account_id AND e.parent_id = g.id),
			(SELECT COUNT(DISTINCT m.user_id) FROM group_closure c
				JOIN memberships m ON m.account_id = c.account_id AND m.group_id = c.descendant_id
				WHERE c.account_id = g.account_id AND c.ancestor_id = g.id), g.direct_member_count)
		FROM user_groups g WHERE g.account_id = ? AND g.name_sort >= ? AND (g.name_sort > ? OR g.id > ?)
		ORDER BY g.name_sort, g.id LIMIT 51`
	sqlHasGroup = `SELECT 1 FROM user_groups WHERE account_id = ? AND id = ?`
	sqlHasUser  = `SELECT 1 FROM users WHERE account_id = ? AND id = ?`
)

// membersFromSQL is membersFromMemory without the members in memory, but with the nesting.
func (f *Floor) membersFromSQL(who *session, r *http.Request, to []byte) ([]byte, error) {
	id, err := models.ParseGroupID(r.PathValue("id"))
	if err != nil {
		return to, errRefused
	}
	behind, err := after(r)
	if err != nil {
		return to, err
	}
	x, err := f.index(r.Context(), who.account)
	if err != nil {
		return to, err
	}
	x.mu.RLock()
	group, known := x.groupOf[id]
	users, rows := len(x.users), 0
	if known {
		rows = x.size[group] // as of some moment: this only decides which way is quicker
	}
	x.mu.RUnlock()
	p := memberList{to: append(to, `{"data":{"group":{"members":{"edges":[`...)}
	if rows*rows < 150*users {
		err = f.fewMembers(r.Context(), who.account, id, behind, &p)
	} else {
		err = f.walk(r.Context(), who.account, x, id, behind, &p)
	}
	if err != nil {
		return to, err
	}
	if p.n == 0 {
		if there, err := f.exists(r.Context(), f.statements.hasGroup, who.account, id[:]); err != nil || !there {
			return append(to, `{"data":{"group":null}}`...), err
		}
	}
	return append(appendPageInfo(append(p.to, `],`...), p.n > memberPage, p.n, p.last), `}}}}`...), nil
}

// memberList is a page that is being written.
type memberList struct {
	to   []byte
	n    int // one more than a page has when there is more
	last place
}

func (p *memberList) add(direct bool, id, name, email, status, key []byte) {
	if p.n++; p.n > memberPage {
		return
	}
	if p.n > 1 {
		p.to = append(p.to, ',')
	}
	p.to = strconv.AppendBool(append(p.to, `{"direct":`...), direct)
	p.to = append(appendUser(append(p.to, `,"node":`...), id, name, email, status), '}')
	p.last = place{string(key), [16]byte(id)}
}

func (f *Floor) fewMembers(ctx context.Context, account models.AccountID, group models.GroupID, behind place, p *memberList) error {
	return scan(ctx, f.statements.fewMembers, 6, func(c []sql.RawBytes) {
		p.add(c[5][0] == '1', c[0], c[1], c[2], c[3], c[4])
	}, account[:], group[:], account[:], behind.key, behind.key, behind.id[:])
}

// walked is a user that the walk came by.
type walked struct {
	id, name, email, status, key []byte
	member, direct               bool
}

func (f *Floor) walk(ctx context.Context, account models.AccountID, x *index, id models.GroupID, behind place, p *memberList) error {
	for p.n <= memberPage {
		found, behindThese, err := f.walkOn(ctx, account, x, id, behind)
		if err != nil {
			return err
		}
		for _, u := range found {
			if u.member && p.n <= memberPage {
				p.add(u.direct, u.id, u.name, u.email, u.status, u.key)
			}
		}
		if len(found) == 0 {
			return nil
		}
		behind = behindThese
	}
	return nil
}

// walkOn comes by as many users as a page probably takes, and says where it stopped.
func (f *Floor) walkOn(ctx context.Context, account models.AccountID, x *index, id models.GroupID, behind place) ([]*walked, place, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	group := x.groupOf[id]
	below := x.below[group]
	most := 20 + memberPage*len(x.users)*5/4/x.size[group]
	var found []*walked
	var version int64
	err := scan(ctx, f.statements.walk, 7, func(c []sql.RawBytes) {
		version, _ = strconv.ParseInt(string(c[0]), 10, 64)
		if len(found) == 0 || !bytes.Equal(found[len(found)-1].id, c[1]) {
			found = append(found, &walked{bytes.Clone(c[1]), bytes.Clone(c[2]), bytes.Clone(c[3]), bytes.Clone(c[4]), bytes.Clone(c[5]), false, false})
		}
		if len(c[6]) > 0 {
			g, known := x.groupOf[[16]byte(c[6])]
			u := found[len(found)-1]
			u.member = u.member || known && below.has(g)
			u.direct = u.direct || known && g == group
		}
	}, account[:], account[:], behind.key, behind.key, behind.id[:], most, account[:])
	if err != nil || len(found) == 0 {
		return nil, behind, err
	}
	if version != x.graphVersion {
		x.mu.RUnlock()
		err := f.follow(ctx, account, x, x.seq+1)
		x.mu.RLock()
		return nil, behind, err
	}
	// A join promises no order.
	slices.SortFunc(found, func(a, b *walked) int {
		if c := bytes.Compare(a.key, b.key); c != 0 {
			return c
		}
		return bytes.Compare(a.id, b.id)
	})
	last := found[len(found)-1]
	return found, place{string(last.key), [16]byte(last.id)}, nil
}

func (f *Floor) exists(ctx context.Context, s *sql.Stmt, account models.AccountID, id []byte) (bool, error) {
	found := false
	err := scan(ctx, s, 1, func([]sql.RawBytes) { found = true }, account[:], id)
	return found, err
}

// groupsOfFromSQL is groupsOfFromMemory by a join with the closure.
func (f *Floor) groupsOfFromSQL(who *session, r *http.Request, to []byte) ([]byte, error) {
	id, err := models.ParseUserID(r.PathValue("id"))
	if err != nil {
		return to, errRefused
	}
	page := append(to, `{"data":{"user":{"groups":{"edges":[`...)
	n, last := 0, place{}
	err = scan(r.Context(), f.statements.groupsOf, 4, func(c []sql.RawBytes) {
		if n++; n <= userGroupsPage {
			page = appendUserGroup(page, n-1, c[3][0] == '1', c[2])
			last = place{string(c[1]), [16]byte(c[0])}
		}
	}, who.account[:], id[:], who.account[:])
	if err != nil {
		return to, err
	}
	if n == 0 {
		if there, err := f.exists(r.Context(), f.statements.hasUser, who.account, id[:]); err != nil || !there {
			return append(to, `{"data":{"user":null}}`...), err
		}
	}
	return append(appendPageInfo(append(page, `],`...), n > userGroupsPage, n, last), `}}}}`...), nil
}

// checkFromSQL is checkFromMemory by a join with the closure.
func (f *Floor) checkFromSQL(who *session, r *http.Request, to []byte) ([]byte, error) {
	user, group, err := pair(r)
	if err != nil {
		return to, err
	}
	var ways, direct int
	err = f.statements.check.QueryRowContext(r.Context(), group[:], who.account[:], user[:]).Scan(&ways, &direct)
	return appendCheck(to, ways > 0, direct == 1), err
}

// groupsFromSQL is groupsFromMemory with the members counted by the database.
func (f *Floor) groupsFromSQL(who *session, r *http.Request, to []byte) ([]byte, error) {
	behind, err := after(r)
	if err != nil {
		return to, err
	}
	all := !strings.Contains(r.URL.RawQuery, "counts=direct")
	to = append(to, `{"data":{"groups":{"nodes":[`...)
	n, last := 0, place{}
	err = scan(r.Context(), f.statements.groupCounts, 6, func(c []sql.RawBytes) {
		if n++; n > groupPage {
			return
		}
		to = appendGroup(to, n, c[2], c[3], c[4])
		if all {
			to = append(append(to, `,"memberCount":`...), c[5]...)
		}
		to = append(to, '}')
		last = place{string(c[1]), [16]byte(c[0])}
	}, all, who.account[:], behind.key, behind.key, behind.id[:])
	return append(appendPageInfo(append(to, `],`...), n > groupPage, n, last), `}}}`...), err
}
