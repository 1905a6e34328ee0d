package directory

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
)

// MemberQuery says which members of a group a list shows and in which order.
type MemberQuery struct {
	Relation models.MembershipRelation
	Filter   *models.UserFilter
	Sort     models.UserSort
}

func (q MemberQuery) hash() models.ListHash { return models.HashList("members", q) }

// MembersOf reads a page of the members of each of the groups, with how each comes to be one. Admins. The
// errors of PageArgs.Check and of the filter. The pages don't count: see CountMembers.
func (d *Directory) MembersOf(ctx context.Context, who auth.Caller, groups []models.GroupID, q MemberQuery, args models.PageArgs) ([]*models.GroupMemberConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "Group.members", func(s *snapshot) ([]*models.GroupMemberConnection, error) {
		filter, err := userFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := userOrders[q.Sort]
		rows, more, err := userList.read(s.DB, s.account(), memberScopes(s.account(), groups, q.Relation), filter, o, page)
		if err != nil {
			return nil, err
		}
		var ids []models.UserID
		for _, users := range rows {
			for _, user := range users {
				ids = append(ids, user.ID)
			}
		}
		direct, err := directGroups(s.DB, s.account(), ids)
		if err != nil {
			return nil, err
		}
		graph, err := s.graph()
		if err != nil {
			return nil, err
		}
		pages := make([]*models.GroupMemberConnection, len(rows))
		for i, users := range rows {
			pages[i] = &models.GroupMemberConnection{Edges: make([]*models.GroupMemberEdge, len(users))}
			cursors, rows := make([]string, len(users)), make([][]models.GroupID, len(users))
			for j, user := range users {
				cursors[j], rows[j] = userList.cursor(o, q.hash(), user), direct[user.ID]
			}
			how := graph.Memberships(rows, groups[i])
			for j, user := range users {
				pages[i].Edges[j] = &models.GroupMemberEdge{Cursor: cursors[j], Node: user, How: how[j]}
			}
			pages[i].PageInfo = pageInfo(page, cursors, more[i])
		}
		return pages, nil
	})
}

// CountMembers counts what MembersOf lists. Admins.
func (d *Directory) CountMembers(ctx context.Context, who auth.Caller, groups []models.GroupID, relation models.MembershipRelation, filter *models.UserFilter) ([]int, error) {
	return read(ctx, d, who, "Group.memberCount", func(s *snapshot) ([]int, error) {
		where, err := userFilter(s.account(), filter)
		if err != nil {
			return nil, err
		}
		return userList.count(s.DB, s.account(), memberScopes(s.account(), groups, relation), where)
	})
}

func memberScopes(account models.AccountID, groups []models.GroupID, relation models.MembershipRelation) []clause {
	scopes := make([]clause, len(groups))
	for i, id := range groups {
		scopes[i] = usersIn(account, id, relation)
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
func (d *Directory) GroupsOf(ctx context.Context, who auth.Caller, users []models.UserID, q MembershipQuery, args models.PageArgs) ([]*models.UserGroupConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "User.groups", func(s *snapshot) ([]*models.UserGroupConnection, error) {
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
		direct, err := directGroups(s.DB, s.account(), users)
		if err != nil {
			return nil, err
		}
		graph, err := s.graph()
		if err != nil {
			return nil, err
		}
		pages := make([]*models.UserGroupConnection, len(rows))
		for i, groups := range rows {
			pages[i] = &models.UserGroupConnection{Edges: make([]*models.UserGroupEdge, len(groups))}
			cursors := make([]string, len(groups))
			for j, group := range groups {
				cursors[j] = groupList.cursor(o, q.hash(), group)
				pages[i].Edges[j] = &models.UserGroupEdge{Cursor: cursors[j], Node: group, How: graph.Membership(direct[users[i]], group.ID)}
			}
			pages[i].PageInfo = pageInfo(page, cursors, more[i])
		}
		return pages, nil
	})
}

// CountGroupsOf counts what GroupsOf lists. Admins, and members for themselves.
func (d *Directory) CountGroupsOf(ctx context.Context, who auth.Caller, users []models.UserID, relation models.MembershipRelation, filter *models.GroupFilter) ([]int, error) {
	return read(ctx, d, who, "User.groups", func(s *snapshot) ([]int, error) {
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

func groupScopes(account models.AccountID, users []models.UserID, relation models.MembershipRelation) []clause {
	scopes := make([]clause, len(users))
	for i, id := range users {
		scopes[i] = groupsOf(account, id, relation)
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
func (d *Directory) Checks(ctx context.Context, who auth.Caller, users []models.UserID, groups []models.GroupID) ([]*models.MembershipCheck, error) {
	var errs models.Errors
	checkList(&errs, len(users), 1, "userIds")
	checkList(&errs, len(groups), 1, "groupIds")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	return read(ctx, d, who, "Query.membershipChecks", func(s *snapshot) ([]*models.MembershipCheck, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		direct, err := directGroups(s.DB, s.account(), users)
		if err != nil {
			return nil, err
		}
		graph, err := s.graph()
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

// directGroups are the groups that each of the users is a direct member of.
func directGroups(tx *gorm.DB, account models.AccountID, users []models.UserID) (map[models.UserID][]models.GroupID, error) {
	direct := make(map[models.UserID][]models.GroupID, len(users))
	err := chunks(users, func(part []models.UserID) error {
		var rows []models.MembershipRow
		err := tx.Select("group_id", "user_id").Where("account_id = ? AND user_id IN ?", account, part).
			Order("user_id, group_id").Find(&rows).Error
		if err != nil {
			return fmt.Errorf("read memberships: %w", err)
		}
		for _, row := range rows {
			direct[row.UserID] = append(direct[row.UserID], row.GroupID)
		}
		return nil
	})
	return direct, err
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
