package floor

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"cohort/models"
)

// The feed's number comes with the rows, in one statement, so that both are as of one moment.
const (
	// sqlDetails takes the account twice and 50 ids.
	sqlDetails = `SELECT (SELECT feed_seq FROM accounts WHERE id = ?), id, display_name, email, status
		FROM users WHERE account_id = ? AND id IN (` + fiftyMarks + `)`
	// sqlGroupRows takes the account twice and a place: the key twice, the id.
	sqlGroupRows = `SELECT (SELECT feed_seq FROM accounts WHERE id = ?), id, name_sort, name, description, direct_member_count
		FROM user_groups WHERE account_id = ? AND name_sort >= ? AND (name_sort > ? OR id > ?) ORDER BY name_sort, id LIMIT 51`

	fiftyMarks = tenMarks + `,` + tenMarks + `,` + tenMarks + `,` + tenMarks + `,` + tenMarks
	tenMarks   = `?,?,?,?,?,?,?,?,?,?`
)

// current runs ask on the account's index until what it read of the database is as new as the index. ask
// returns the feed's number that it read.
func (f *Floor) current(ctx context.Context, who *session, ask func(x *index) (seq int64, err error)) error {
	x, err := f.index(ctx, who.account)
	if err != nil {
		return err
	}
	for range 100 {
		x.mu.RLock()
		known := x.seq
		seq, err := ask(x)
		x.mu.RUnlock()
		if err != nil || seq == known {
			return err
		}
		if err := f.follow(ctx, who.account, x, seq); err != nil {
			return err
		}
	}
	return fmt.Errorf("the account changed a hundred times while one answer was made")
}

// seqOf reads nothing but the feed's number.
func (f *Floor) seqOf(ctx context.Context, account models.AccountID) (seq int64, err error) {
	var graph int64
	err = f.statements.version.QueryRowContext(ctx, account[:]).Scan(&seq, &graph)
	return seq, err
}

// membersFromMemory answers the first 50 effective members of a group by name, behind a cursor.
func (f *Floor) membersFromMemory(who *session, r *http.Request, to []byte) ([]byte, error) {
	id, err := models.ParseGroupID(r.PathValue("id"))
	if err != nil {
		return to, errRefused
	}
	behind, err := after(r)
	if err != nil {
		return to, err
	}
	ctx := r.Context()
	start := len(to)
	err = f.current(ctx, who, func(x *index) (seq int64, err error) {
		to = to[:start]
		group, ok := x.groupOf[id]
		if !ok {
			to = append(to, `{"data":{"group":null}}`...)
			return f.seqOf(ctx, who.account)
		}
		ranks := x.members(group, behind, memberPage+1)
		more := len(ranks) > memberPage
		if more {
			ranks = ranks[:memberPage]
		}
		details := make([][]byte, len(ranks))
		if seq, err = f.details(ctx, who.account, x, ranks, details); err != nil {
			return seq, err
		}
		to = append(to, `{"data":{"group":{"members":{"edges":[`...)
		for i, rank := range ranks {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(to, `{"direct":`...)
			to = strconv.AppendBool(to, x.isDirect(rank, group))
			to = append(append(to, `,"node":`...), details[i]...)
			to = append(to, '}')
		}
		to = append(to, `],`...)
		to = appendPageInfo(to, more, len(ranks), lastOf(ranks, x.users))
		to = append(to, `}}}}`...)
		return seq, nil
	})
	return to, err
}

func lastOf(ranks []int32, rows []row) place {
	if len(ranks) == 0 {
		return place{}
	}
	last := rows[ranks[len(ranks)-1]]
	return place{last.key, last.id}
}

// details reads what a page shows of the users, each as JSON, and the feed's number.
func (f *Floor) details(ctx context.Context, account models.AccountID, x *index, ranks []int32, to [][]byte) (seq int64, err error) {
	if len(ranks) == 0 {
		return f.seqOf(ctx, account)
	}
	args := make([]any, 0, 2+memberPage)
	args = append(args, account[:], account[:])
	for i := range memberPage { // the last one fills the places that are left
		args = append(args, x.users[ranks[min(i, len(ranks)-1)]].id[:])
	}
	buffer := make([]byte, 0, 160*len(ranks))
	found := 0
	err = scan(ctx, f.statements.details, 5, func(c []sql.RawBytes) {
		seq, _ = strconv.ParseInt(string(c[0]), 10, 64)
		begin := len(buffer)
		buffer = appendUser(buffer, c[1], c[2], c[3], c[4])
		to[x.find(ranks, c[1])] = buffer[begin:]
		found++
	}, args...)
	if err == nil && found < len(ranks) { // one is deleted: the feed has moved
		return f.seqOf(ctx, account)
	}
	return seq, err
}

func appendUser(to, id, name, email, status []byte) []byte {
	to = appendID(append(to, `{"id":`...), "user", id)
	to = appendText(append(to, `,"displayName":`...), name)
	to = appendText(append(to, `,"email":`...), email)
	to = appendText(append(to, `,"status":`...), status)
	return append(to, '}')
}

// groupsOfFromMemory answers the first 100 groups that a user is effectively in, by name.
func (f *Floor) groupsOfFromMemory(who *session, r *http.Request, to []byte) ([]byte, error) {
	id, err := models.ParseUserID(r.PathValue("id"))
	if err != nil {
		return to, errRefused
	}
	start := len(to)
	err = f.current(r.Context(), who, func(x *index) (int64, error) {
		to = to[:start]
		user, ok := x.rankOf[id]
		if !ok {
			to = append(to, `{"data":{"user":null}}`...)
			return f.seqOf(r.Context(), who.account)
		}
		var groups []int32
		for _, g := range x.groupsOf[user] {
			groups = append(groups, x.above[g]...)
		}
		slices.Sort(groups)
		groups = slices.Compact(groups)
		more := len(groups) > userGroupsPage
		groups = groups[:min(userGroupsPage, len(groups))]
		to = append(to, `{"data":{"user":{"groups":{"edges":[`...)
		for i, g := range groups {
			to = appendUserGroup(to, i, x.isDirect(user, g), []byte(x.groups[g].name))
		}
		to = append(to, `],`...)
		to = appendPageInfo(to, more, len(groups), lastOf(groups, x.groups))
		to = append(to, `}}}}`...)
		return f.seqOf(r.Context(), who.account)
	})
	return to, err
}

func appendUserGroup(to []byte, i int, direct bool, name []byte) []byte {
	if i > 0 {
		to = append(to, ',')
	}
	to = strconv.AppendBool(append(to, `{"direct":`...), direct)
	to = appendText(append(to, `,"node":{"name":`...), name)
	return append(to, `}}`...)
}

// checkFromMemory answers whether a user is effectively, and directly, in a group.
func (f *Floor) checkFromMemory(who *session, r *http.Request, to []byte) ([]byte, error) {
	userID, groupID, err := pair(r)
	if err != nil {
		return to, err
	}
	start := len(to)
	err = f.current(r.Context(), who, func(x *index) (int64, error) {
		user, known := x.rankOf[userID]
		group, there := x.groupOf[groupID]
		known = known && there
		member := known && slices.ContainsFunc(x.groupsOf[user], x.below[group].has)
		to = appendCheck(to[:start], member, known && x.isDirect(user, group))
		return f.seqOf(r.Context(), who.account)
	})
	return to, err
}

func pair(r *http.Request) (user models.UserID, group models.GroupID, err error) {
	query := r.URL.Query()
	user, wrongUser := models.ParseUserID(query.Get("user"))
	group, wrongGroup := models.ParseGroupID(query.Get("group"))
	if wrongUser != nil || wrongGroup != nil {
		return user, group, errRefused
	}
	return user, group, nil
}

func appendCheck(to []byte, member, direct bool) []byte {
	to = strconv.AppendBool(append(to, `{"data":{"membershipChecks":[{"isMember":`...), member)
	to = strconv.AppendBool(append(to, `,"direct":`...), direct)
	return append(to, `}]}}`...)
}

// groupsFromMemory answers 50 groups by name behind a cursor: with their numbers of direct and, unless
// counts=direct, of effective members.
func (f *Floor) groupsFromMemory(who *session, r *http.Request, to []byte) ([]byte, error) {
	behind, err := after(r)
	if err != nil {
		return to, err
	}
	all := r.URL.Query().Get("counts") != "direct"
	start := len(to)
	err = f.current(r.Context(), who, func(x *index) (seq int64, err error) {
		to = append(to[:start], `{"data":{"groups":{"nodes":[`...)
		n, last := 0, place{}
		err = scan(r.Context(), f.statements.groupRows, 6, func(c []sql.RawBytes) {
			seq, _ = strconv.ParseInt(string(c[0]), 10, 64)
			if n++; n > groupPage {
				return
			}
			to = appendGroup(to, n, c[3], c[4], c[5])
			if group, ok := x.groupOf[[16]byte(c[1])]; ok && all { // one that is not there is new: the feed has moved
				to = strconv.AppendInt(append(to, `,"memberCount":`...), int64(x.count(group)), 10)
			}
			to = append(to, '}')
			last = place{string(c[2]), [16]byte(c[1])}
		}, who.account[:], who.account[:], behind.key, behind.key, behind.id[:])
		to = append(to, `],`...)
		to = appendPageInfo(to, n > groupPage, n, last)
		to = append(to, `}}}`...)
		if n == 0 && err == nil {
			return f.seqOf(r.Context(), who.account)
		}
		return seq, err
	})
	return to, err
}

func appendGroup(to []byte, n int, name, description, direct []byte) []byte {
	if n > 1 {
		to = append(to, ',')
	}
	to = appendText(append(to, `{"name":`...), name)
	to = appendText(append(to, `,"description":`...), description)
	return append(append(to, `,"directMemberCount":`...), direct...)
}
