package directory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/directory/roster"
	"cohort/models"
)

// MemberQuery says which members of a group a list shows and in which order.
type MemberQuery struct {
	Relation models.MembershipRelation
	Filter   *models.UserFilter
	Sort     models.UserSort
}

func (q MemberQuery) hash() models.ListHash { return models.HashList("members", q) }

// Detail says how much a list tells of how a membership comes about.
type Detail bool

const (
	// Direct tells whether there is a row in this very group, and nothing else.
	Direct Detail = false
	// Paths tells the groups it comes via and the shortest path as well.
	Paths Detail = true
)

// MembersOf reads a page of the members of each of the groups, with how each comes to be one. Admins. The
// errors of PageArgs.Check and of the filter. The pages don't count: see CountMembers.
func (d *Directory) MembersOf(ctx context.Context, who auth.Caller, groups []models.GroupID, q MemberQuery, args models.PageArgs, detail Detail) ([]*models.GroupMemberConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	pages, ok := fromRoster(ctx, d, who, "Group.members", func() ([]*models.GroupMemberConnection, error) {
		return d.membersByName(ctx, who, groups, q, page, detail)
	})
	if ok {
		return pages, nil
	}
	return glance(ctx, d, who, "Group.members", func(s *snapshot) ([]*models.GroupMemberConnection, error) {
		filter, err := userFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := userOrders[q.Sort]
		rows, more, err := userList.read(s.DB, s.account(), memberScopes(s.account(), groups, q.Relation), filter, o, page)
		if err != nil {
			return nil, err
		}
		pages := make([]*models.GroupMemberConnection, len(rows))
		for i, users := range rows {
			pages[i] = &models.GroupMemberConnection{Edges: make([]*models.GroupMemberEdge, len(users))}
			cursors := make([]string, len(users))
			for j, found := range users {
				cursors[j] = userList.cursor(o, q.hash(), &found.Row)
				pages[i].Edges[j] = &models.GroupMemberEdge{Cursor: cursors[j], Node: &found.Row, How: models.Membership{Direct: found.Direct}}
			}
			pages[i].PageInfo = pageInfo(page, cursors, more[i])
		}
		if detail == Direct {
			return pages, nil
		}
		return pages, s.findPaths(groups, pages)
	})
}

// findPaths completes how the members come to be there.
func (s *snapshot) findPaths(groups []models.GroupID, pages []*models.GroupMemberConnection) error {
	if err := s.several(); err != nil {
		return err
	}
	var ids []models.UserID
	for _, page := range pages {
		for _, edge := range page.Edges {
			ids = append(ids, edge.Node.ID)
		}
	}
	direct, version, err := directGroups(s.DB, s.account(), unique(ids))
	if err != nil {
		return err
	}
	graph, err := s.graph(version)
	if err != nil {
		return err
	}
	for i, page := range pages {
		below := graph.Below(groups[i])
		for _, edge := range page.Edges {
			edge.How = graph.MembershipBelow(direct[edge.Node.ID], groups[i], below)
		}
	}
	return nil
}

// CountMembers counts what MembersOf lists. Admins.
func (d *Directory) CountMembers(ctx context.Context, who auth.Caller, groups []models.GroupID, relation models.MembershipRelation, filter *models.UserFilter) ([]int, error) {
	counts, ok := fromRoster(ctx, d, who, "Group.memberCount", func() ([]int, error) {
		if filter != nil {
			return nil, errNotHeld
		}
		return counted(ctx, d, who, groups, func(r *roster.Roster, id models.GroupID) int { return r.Count(id, relation) })
	})
	if ok {
		return counts, nil
	}
	return glance(ctx, d, who, "Group.memberCount", func(s *snapshot) ([]int, error) {
		where, err := userFilter(s.account(), filter)
		if err != nil {
			return nil, err
		}
		return userList.count(s.DB, s.account(), memberScopes(s.account(), groups, relation), where)
	})
}

func memberScopes(account models.AccountID, groups []models.GroupID, relation models.MembershipRelation) []scope {
	scopes := make([]scope, len(groups))
	for i, id := range groups {
		scopes[i] = scope{usersIn(account, id, relation), usersIn(account, id, models.MembershipRelationDirect)}
	}
	return scopes
}

// MembershipQuery says which groups of a user a list shows and in which order.
type MembershipQuery struct {
	Relation models.MembershipRelation
	Filter   *models.GroupFilter
	Sort     models.GroupSort
}

func (q MembershipQuery) hash() models.ListHash { return models.HashList("memberships", q) }

// GroupsOf reads a page of the groups of each of the users, with how each comes to be in them. Admins, and
// members for themselves: FORBIDDEN about others. The errors of PageArgs.Check and of the filter. The pages
// don't count: see CountGroupsOf.
func (d *Directory) GroupsOf(ctx context.Context, who auth.Caller, users []models.UserID, q MembershipQuery, args models.PageArgs, detail Detail) ([]*models.UserGroupConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	pages, ok := fromRoster(ctx, d, who, "User.groups", func() ([]*models.UserGroupConnection, error) {
		return d.groupsOfByName(ctx, who, users, q, page, detail)
	})
	if ok {
		return pages, nil
	}
	return glance(ctx, d, who, "User.groups", func(s *snapshot) ([]*models.UserGroupConnection, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		if err := s.onlyVisible(q.Filter, q.Sort); err != nil {
			return nil, err
		}
		filter, err := groupFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := groupOrders[q.Sort]
		rows, more, err := groupList.read(s.DB, s.account(), groupScopes(s.account(), users, q.Relation), filter, o, page)
		if err != nil {
			return nil, err
		}
		pages := make([]*models.UserGroupConnection, len(rows))
		for i, groups := range rows {
			pages[i] = &models.UserGroupConnection{Edges: make([]*models.UserGroupEdge, len(groups))}
			cursors := make([]string, len(groups))
			for j, found := range groups {
				cursors[j] = groupList.cursor(o, q.hash(), &found.Row)
				pages[i].Edges[j] = &models.UserGroupEdge{Cursor: cursors[j], Node: &found.Row, How: models.Membership{Direct: found.Direct}}
			}
			pages[i].PageInfo = pageInfo(page, cursors, more[i])
		}
		if detail == Direct {
			return pages, nil
		}
		if err := s.several(); err != nil {
			return nil, err
		}
		direct, version, err := directGroups(s.DB, s.account(), users)
		if err != nil {
			return nil, err
		}
		graph, err := s.graph(version)
		if err != nil {
			return nil, err
		}
		for i, page := range pages {
			for _, edge := range page.Edges {
				edge.How = graph.Membership(direct[users[i]], edge.Node.ID)
			}
		}
		return pages, nil
	})
}

// CountGroupsOf counts what GroupsOf lists. Admins, and members for themselves.
func (d *Directory) CountGroupsOf(ctx context.Context, who auth.Caller, users []models.UserID, relation models.MembershipRelation, filter *models.GroupFilter) ([]int, error) {
	counts, ok := fromRoster(ctx, d, who, "User.groups", func() ([]int, error) {
		if filter != nil {
			return nil, errNotHeld
		}
		return counted(ctx, d, who, users, func(r *roster.Roster, id models.UserID) int { return r.CountGroupsOf(id, relation) })
	})
	if ok {
		return counts, nil
	}
	return glance(ctx, d, who, "User.groups", func(s *snapshot) ([]int, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		if err := s.onlyVisible(filter, models.GroupSortNameAsc); err != nil {
			return nil, err
		}
		where, err := groupFilter(s.account(), filter)
		if err != nil {
			return nil, err
		}
		return groupList.count(s.DB, s.account(), groupScopes(s.account(), users, relation), where)
	})
}

func groupScopes(account models.AccountID, users []models.UserID, relation models.MembershipRelation) []scope {
	scopes := make([]scope, len(users))
	for i, id := range users {
		scopes[i] = scope{groupsOf(account, id, relation), groupsOf(account, id, models.MembershipRelationDirect)}
	}
	return scopes
}

// onlyOwn refuses users other than the caller's own where the table says so.
func (s *snapshot) onlyOwn(users []models.UserID) error {
	if s.answer == auth.Allow {
		return nil
	}
	for _, id := range users {
		if !s.who.Is(id) {
			return fmt.Errorf("groups of somebody else: %w", auth.ErrForbidden)
		}
	}
	return nil
}

// onlyVisible refuses, where the table says so, to filter and to sort by what the caller may not see of the
// groups: an answer or a cursor would give it away.
func (s *snapshot) onlyVisible(f *models.GroupFilter, sort models.GroupSort) error {
	if s.answer == auth.Allow {
		return nil
	}
	if sort != models.GroupSortNameAsc && sort != models.GroupSortNameDesc {
		return fmt.Errorf("sort groups by %s: %w", sort, auth.ErrForbidden)
	}
	if f == nil {
		return nil
	}
	if f.Member != nil || f.Within != nil || f.HasParent != nil || f.CreatedAt != nil {
		return fmt.Errorf("filter groups by more than a search: %w", auth.ErrForbidden)
	}
	for _, part := range slices.Concat(f.And, f.Or, []*models.GroupFilter{f.Not}) {
		if err := s.onlyVisible(part, sort); err != nil {
			return err
		}
	}
	return nil
}

// Checks says for each user and each group whether and how the one is an effective member of the other, user
// by user. Admins, and members about themselves: FORBIDDEN about others. REQUIRED for an empty list, TOO_MANY
// over 250.
func (d *Directory) Checks(ctx context.Context, who auth.Caller, users []models.UserID, groups []models.GroupID, detail Detail) ([]*models.MembershipCheck, error) {
	var errs models.Errors
	checkList(&errs, len(users), 1, "userIds")
	checkList(&errs, len(groups), 1, "groupIds")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	found, ok := fromRoster(ctx, d, who, "Query.membershipChecks", func() ([]*models.MembershipCheck, error) {
		return d.checked(ctx, who, users, groups, detail)
	})
	if ok {
		return found, nil
	}
	return glance(ctx, d, who, "Query.membershipChecks", func(s *snapshot) ([]*models.MembershipCheck, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		direct, version, err := directGroups(s.DB, s.account(), users)
		if err != nil {
			return nil, err
		}
		graph, err := s.graph(version)
		if err != nil {
			return nil, err
		}
		rows := make([][]models.GroupID, len(users))
		for i, id := range users {
			rows[i] = direct[id]
		}
		checks := make([]*models.MembershipCheck, len(users)*len(groups))
		for j, group := range groups {
			for i, how := range graph.Memberships(rows, group) {
				checks[i*len(groups)+j] = &models.MembershipCheck{UserID: users[i], GroupID: group, How: how}
			}
		}
		return checks, nil
	})
}

// directGroups are the groups that each of the users is a direct member of, with the version of the nesting that
// the statement saw.
func directGroups(tx *gorm.DB, account models.AccountID, users []models.UserID) (direct map[models.UserID][]models.GroupID, version int64, err error) {
	direct = make(map[models.UserID][]models.GroupID, len(users))
	// Without users the version is read all the same.
	parts := slices.Collect(slices.Chunk(users, chunk))
	if len(parts) == 0 {
		parts = [][]models.UserID{{models.UserID{}}}
	}
	for _, part := range parts {
		if version, err = readDirectGroups(tx, account, part, direct); err != nil {
			return nil, 0, fmt.Errorf("read memberships: %w", err)
		}
	}
	return direct, version, nil
}

// readDirectGroups adds the groups of some users. Exports read all of an account's, so it does without GORM's fields.
func readDirectGroups(tx *gorm.DB, account models.AccountID, users []models.UserID, direct map[models.UserID][]models.GroupID) (version int64, err error) {
	rows, err := tx.Raw("SELECT a.graph_version, m.user_id, m.group_id FROM accounts a LEFT JOIN memberships m ON m.account_id = a.id AND m.user_id IN ? "+
		"WHERE a.id = ? ORDER BY m.user_id, m.group_id", users, account).Rows()
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var user, group sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&version, &user, &group); err != nil {
			return 0, err
		}
		if len(user) == len(models.UserID{}) && len(group) == len(models.GroupID{}) {
			id := models.UserID(user)
			direct[id] = append(direct[id], models.GroupID(group))
		}
	}
	return version, rows.Err()
}

// checkList is TOO_MANY over 250 entries, REQUIRED under the least.
func checkList(errs *models.Errors, n, least int, path ...string) {
	switch {
	case n > models.MaxList:
		_ = errs.Add(models.Errorf(models.CodeTooMany, "%d at once, at most %d are allowed", n, models.MaxList).With("limit", fmt.Sprint(models.MaxList)), path...)
	case n < least:
		_ = errs.Add(models.Errorf(models.CodeRequired, "name at least %d", least), path...)
	}
}
