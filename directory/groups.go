package directory

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

var groupList = list[models.Group]{table: "user_groups", alias: "g", id: func(g *models.Group) [16]byte { return g.ID }}

var (
	byGroupName    = column[models.Group]{"name_sort", func(g *models.Group) any { return g.NameSort }}
	byPriority     = column[models.Group]{"priority", func(g *models.Group) any { return g.Priority }}
	byMemberCount  = column[models.Group]{"direct_member_count", func(g *models.Group) any { return g.DirectMemberCount }}
	byGroupCreated = column[models.Group]{"created_at", func(g *models.Group) any { return g.CreatedAt }}
)

var groupOrders = map[models.GroupSort]order[models.Group]{
	models.GroupSortNameAsc:               {byGroupName, false},
	models.GroupSortNameDesc:              {byGroupName, true},
	models.GroupSortPriorityAsc:           {byPriority, false},
	models.GroupSortPriorityDesc:          {byPriority, true},
	models.GroupSortDirectMemberCountAsc:  {byMemberCount, false},
	models.GroupSortDirectMemberCountDesc: {byMemberCount, true},
	models.GroupSortCreatedAtAsc:          {byGroupCreated, false},
	models.GroupSortCreatedAtDesc:         {byGroupCreated, true},
}

// GroupQuery says which groups a list shows and in which order.
type GroupQuery struct {
	Filter *models.GroupFilter
	Sort   models.GroupSort
}

func (q GroupQuery) hash() models.ListHash { return models.HashList("groups", q) }

// Kin is a way in which groups are related to one.
type Kin string

// The ways, which are also the fields of a group that list them.
const (
	Parents     Kin = "parents"
	Children    Kin = "children"
	Ancestors   Kin = "ancestors"
	Descendants Kin = "descendants"
)

func (k Kin) of(account models.AccountID, group models.GroupID) clause {
	switch k {
	case Parents:
		return groupsAbove(account, group, models.MembershipRelationDirect)
	case Ancestors:
		return groupsAbove(account, group, models.MembershipRelationAll)
	case Children:
		return groupsBelow(account, group, models.MembershipRelationDirect)
	default:
		return groupsBelow(account, group, models.MembershipRelationAll)
	}
}

// Groups reads a page of the account's groups. Admins. The errors of PageArgs.Check and of the filter.
func (d *Directory) Groups(ctx context.Context, who auth.Caller, q GroupQuery, args models.PageArgs) (*models.GroupConnection, error) {
	pages, err := d.groupPages(ctx, who, "Query.groups", q, args, func(models.AccountID) []scope { return []scope{{}} })
	if err != nil {
		return nil, err
	}
	pages[0].Count = func(ctx context.Context) (int, error) {
		counts, err := d.countGroups(ctx, who, "Query.groups", q.Filter, func(models.AccountID) []scope { return []scope{{}} })
		if err != nil {
			return 0, err
		}
		return counts[0], nil
	}
	return pages[0], nil
}

// Relatives reads a page of the parents, children, ancestors or descendants of each of the groups. Admins.
// The errors of PageArgs.Check and of the filter. The pages don't count: see CountRelatives.
func (d *Directory) Relatives(ctx context.Context, who auth.Caller, groups []models.GroupID, kin Kin, q GroupQuery, args models.PageArgs) ([]*models.GroupConnection, error) {
	return d.groupPages(ctx, who, auth.Action("Group."+kin), q, args, kinOf(kin, groups))
}

// CountRelatives counts what Relatives lists. Admins.
func (d *Directory) CountRelatives(ctx context.Context, who auth.Caller, groups []models.GroupID, kin Kin, filter *models.GroupFilter) ([]int, error) {
	return d.countGroups(ctx, who, auth.Action("Group."+kin), filter, kinOf(kin, groups))
}

func kinOf(kin Kin, groups []models.GroupID) func(models.AccountID) []scope {
	return func(account models.AccountID) []scope {
		scopes := make([]scope, len(groups))
		for i, id := range groups {
			scopes[i].where = kin.of(account, id)
		}
		return scopes
	}
}

func (d *Directory) groupPages(ctx context.Context, who auth.Caller, action auth.Action, q GroupQuery, args models.PageArgs, scopes func(models.AccountID) []scope) ([]*models.GroupConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, action, func(s *snapshot) ([]*models.GroupConnection, error) {
		filter, err := groupFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := groupOrders[q.Sort]
		rows, more, err := groupList.read(s.DB, s.account(), scopes(s.account()), filter, o, page)
		if err != nil {
			return nil, err
		}
		pages := make([]*models.GroupConnection, len(rows))
		for i := range rows {
			pages[i] = &models.GroupConnection{Edges: make([]*models.GroupEdge, len(rows[i]))}
			cursors := make([]string, len(rows[i]))
			for j, found := range rows[i] {
				cursors[j] = groupList.cursor(o, q.hash(), &found.Row)
				pages[i].Edges[j] = &models.GroupEdge{Cursor: cursors[j], Node: &found.Row}
			}
			pages[i].PageInfo = pageInfo(page, cursors, more[i])
		}
		return pages, nil
	})
}

func (d *Directory) countGroups(ctx context.Context, who auth.Caller, action auth.Action, filter *models.GroupFilter, scopes func(models.AccountID) []scope) ([]int, error) {
	return glance(ctx, d, who, action, func(s *snapshot) ([]int, error) {
		where, err := groupFilter(s.account(), filter)
		if err != nil {
			return nil, err
		}
		return groupList.count(s.DB, s.account(), scopes(s.account()), where)
	})
}

// Group finds one group; nil when there is none, or the caller may not see it. Admins, and members for the
// groups they are in.
func (d *Directory) Group(ctx context.Context, who auth.Caller, by models.GroupBy) (*models.Group, error) {
	if (by.ID == nil) == (by.Name == nil) {
		return nil, oneOf("id", "name").At("by")
	}
	return glance(ctx, d, who, "Query.group", func(s *snapshot) (*models.Group, error) {
		where := s.Where("account_id = ? AND id = ?", s.account(), by.ID)
		if by.Name != nil {
			where = s.Where("account_id = ? AND name_key = ?", s.account(), models.Key(*by.Name))
		}
		group, err := firstGroup(where)
		if err != nil || group == nil {
			return nil, err
		}
		visible, err := visibleGroups(s, map[models.GroupID]*models.Group{group.ID: group})
		if err != nil {
			return nil, err
		}
		return visible[group.ID], nil
	})
}

// GroupsByID finds groups; nil in the place of one that there is not, or that the caller may not see.
// Admins, and members for the groups they are in.
func (d *Directory) GroupsByID(ctx context.Context, who auth.Caller, ids []models.GroupID) ([]*models.Group, error) {
	return glance(ctx, d, who, "Query.nodes", func(s *snapshot) ([]*models.Group, error) {
		found, err := groupsByID(s.DB, s.account(), ids)
		if err != nil {
			return nil, err
		}
		if found, err = visibleGroups(s, found); err != nil {
			return nil, err
		}
		groups := make([]*models.Group, len(ids))
		for i, id := range ids {
			groups[i] = found[id]
		}
		return groups, nil
	})
}

// visibleGroups leaves out the groups that the caller is not in, where only those may be seen.
func visibleGroups(s *snapshot, groups map[models.GroupID]*models.Group) (map[models.GroupID]*models.Group, error) {
	if s.answer == auth.Allow || len(groups) == 0 {
		return groups, nil
	}
	if err := s.several(); err != nil {
		return nil, err
	}
	direct, version, err := directGroups(s.DB, s.account(), []models.UserID{s.who.UserID})
	if err != nil {
		return nil, err
	}
	graph, err := s.graph(version)
	if err != nil {
		return nil, err
	}
	visible := map[models.GroupID]*models.Group{}
	for id, group := range groups {
		if graph.Membership(direct[s.who.UserID], id).IsMember() {
			visible[id] = group
		}
	}
	return visible, nil
}

// presentGraph is the nesting where nothing else has read its version.
func (s *snapshot) presentGraph() (*nesting.Graph, error) {
	var version int64
	if err := s.Raw("SELECT graph_version FROM accounts WHERE id = ?", s.account()).Scan(&version).Error; err != nil {
		return nil, fmt.Errorf("read graph version: %w", err)
	}
	return s.graph(version)
}

// Depths are the depths of the groups. Admins.
func (d *Directory) Depths(ctx context.Context, who auth.Caller, ids []models.GroupID) ([]int32, error) {
	return glance(ctx, d, who, "Group.depth", func(s *snapshot) ([]int32, error) {
		graph, err := s.presentGraph()
		if err != nil {
			return nil, err
		}
		depths := make([]int32, len(ids))
		for i, id := range ids {
			depths[i] = int32(graph.Depth(id)) //nolint:gosec // bounded by MaxDepth
		}
		return depths, nil
	})
}

// Breadcrumbs are the ways from the top down to each of the groups. Admins.
func (d *Directory) Breadcrumbs(ctx context.Context, who auth.Caller, ids []models.GroupID) ([][]*models.Group, error) {
	return read(ctx, d, who, "Group.breadcrumbs", func(s *snapshot) ([][]*models.Group, error) {
		graph, err := s.presentGraph()
		if err != nil {
			return nil, err
		}
		ways := make([][]models.GroupID, len(ids))
		var needed []models.GroupID
		for i, id := range ids {
			ways[i] = graph.Breadcrumbs(id)
			needed = append(needed, ways[i]...)
		}
		found, err := groupsByID(s.DB, s.account(), needed)
		if err != nil {
			return nil, err
		}
		crumbs := make([][]*models.Group, len(ids))
		for i, way := range ways {
			crumbs[i] = pick(found, way)
		}
		return crumbs, nil
	})
}

// Adjacent are the neighbours of each of the groups in the list of groups; none for one that the filter
// leaves out. Admins.
func (d *Directory) Adjacent(ctx context.Context, who auth.Caller, groups []*models.Group, q GroupQuery) ([]*models.GroupAdjacent, error) {
	return read(ctx, d, who, "Group.adjacent", func(s *snapshot) ([]*models.GroupAdjacent, error) {
		filter, err := groupFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := groupOrders[q.Sort]
		neighbours := make([]*models.GroupAdjacent, len(groups))
		for i, backward := range []bool{false, true} {
			scopes := make([]scope, len(groups))
			for j, group := range groups {
				at := &models.Cursor{Key: encodeKey(o.value(group)), ID: group.ID}
				beyond, err := groupList.beyond(o, at, o.descending != backward)
				if err != nil {
					return nil, err
				}
				here := all(sqlf("g.id = ?", group.ID), filter)
				listed := sqlf("EXISTS (SELECT 1 FROM user_groups g WHERE g.account_id = ? AND "+here.sql+")", append([]any{s.account()}, here.args...)...)
				scopes[j].where = all(beyond, listed)
			}
			rows, _, err := groupList.read(s.DB, s.account(), scopes, filter, o, models.Page{Size: 1, Backward: backward})
			if err != nil {
				return nil, err
			}
			for j := range groups {
				if i == 0 {
					neighbours[j] = &models.GroupAdjacent{}
				}
				switch {
				case len(rows[j]) == 0:
				case backward:
					neighbours[j].Previous = &rows[j][0].Row
				default:
					neighbours[j].Next = &rows[j][0].Row
				}
			}
		}
		return neighbours, nil
	})
}

func firstGroup(query *gorm.DB) (*models.Group, error) {
	var group models.Group
	switch err := query.Take(&group).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, nil //nolint:nilnil // absence is an answer here, and every caller asks for it
	case err != nil:
		return nil, fmt.Errorf("read group: %w", err)
	}
	return &group, nil
}

func findGroup(tx *gorm.DB, account models.AccountID, id models.GroupID) (*models.Group, error) {
	return firstGroup(tx.Where("account_id = ? AND id = ?", account, id))
}

func groupsByID(tx *gorm.DB, account models.AccountID, ids []models.GroupID) (map[models.GroupID]*models.Group, error) {
	found := make(map[models.GroupID]*models.Group, len(ids))
	err := chunks(ids, func(part []models.GroupID) error {
		var groups []*models.Group
		if err := tx.Where("account_id = ? AND id IN ?", account, part).Find(&groups).Error; err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		for _, group := range groups {
			found[group.ID] = group
		}
		return nil
	})
	return found, err
}

// pick takes the rows in the order of the ids, leaving out those that there are not.
func pick[ID comparable, T any](found map[ID]*T, ids []ID) []*T {
	rows := make([]*T, 0, len(ids))
	for _, id := range ids {
		if row := found[id]; row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}
