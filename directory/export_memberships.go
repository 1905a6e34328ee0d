package directory

import (
	"cmp"
	"fmt"
	"slices"

	"cohort/models"
)

// EachMembership hands on the memberships of an export of memberships, or those of the groups of an export of groups, some at a time.
func (e *Export) EachMembership(fn func([]*models.ExportedMembership) error) error {
	if o := e.What.Memberships; o != nil {
		columns := columnsOf(o.Columns)
		if o.Users != nil {
			return e.membershipsOfUsers(o.Users, o.Relation, columns, fn)
		}
		return e.membershipsIn(o.Groups, models.GroupSortNameAsc, o.Relation, columns, e.run.did, fn)
	}
	o := e.What.Groups
	told := func(int) error { return e.run.did(0) } // the groups are counted already
	return e.membershipsIn(o.Selection, *o.Sort, models.MembershipRelationAll, columnsOf(models.DefaultMembershipColumns), told, fn)
}

// membershipsIn are the memberships in groups, by group and then by user.
func (e *Export) membershipsIn(
	selection *models.GroupSelection, sort models.GroupSort, relation models.MembershipRelation, columns columnSet, did func(int) error, fn func([]*models.ExportedMembership) error,
) error {
	names, err := e.groupNames()
	if err != nil {
		return err
	}
	roll, err := e.readRoll()
	if err != nil {
		return err
	}
	return e.eachGroup(selection, sort, func(groups []models.Group) error {
		for _, group := range groups {
			below := e.graph.Below(group.ID)
			for part := range slices.Chunk(roll.in(group.ID, below, relation), exportPage) {
				users, err := e.usersOf(roll, part)
				if err == nil {
					err = e.fillUsers(users, columns)
				}
				if err != nil {
					return err
				}
				rows := make([]*models.ExportedMembership, len(users))
				for i, user := range users {
					rows[i] = names.membership(group.ID, user, e.graph.MembershipBelow(roll.groups[part[i]], group.ID, below))
				}
				if err := fn(rows); err != nil {
					return err
				}
			}
			if err := did(1); err != nil {
				return err
			}
		}
		return nil
	})
}

// usersOf reads users in the order of the roll.
func (e *Export) usersOf(r *roll, places []int32) ([]*models.ExportedUser, error) {
	ids := make([]models.UserID, len(places))
	for i, place := range places {
		ids[i] = r.users[place]
	}
	found, err := e.readUsers(sqlf("u.id IN ?", ids), "", 0)
	if err != nil {
		return nil, err
	}
	if len(found) != len(ids) {
		return nil, fmt.Errorf("read users: %d of %d are there", len(found), len(ids))
	}
	slices.SortFunc(found, func(a, b *models.ExportedUser) int { return cmp.Compare(r.place[a.ID], r.place[b.ID]) })
	return found, nil
}

// roll is who is in what directly: the users by name, of each the groups, and of each group the places of its users, in order. It takes about
// a hundred bytes for each user and thirty for each membership.
type roll struct {
	users   []models.UserID
	place   map[models.UserID]int32
	groups  [][]models.GroupID
	members map[models.GroupID][]int32
}

func (e *Export) readRoll() (*roll, error) {
	r := &roll{place: map[models.UserID]int32{}, members: map[models.GroupID][]int32{}}
	users, err := e.s.Raw("SELECT id FROM users WHERE account_id = ? ORDER BY name_sort, id", e.s.account()).Rows()
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer users.Close() //nolint:errcheck // users.Err tells
	for users.Next() {
		var id models.UserID
		if err := users.Scan(&id); err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		r.place[id] = int32(len(r.users)) //nolint:gosec // an account has fewer
		r.users = append(r.users, id)
	}
	if err := users.Err(); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	r.groups = make([][]models.GroupID, len(r.users))
	rows, err := e.s.Raw("SELECT user_id, group_id FROM memberships WHERE account_id = ?", e.s.account()).Rows()
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var user models.UserID
		var group models.GroupID
		if err := rows.Scan(&user, &group); err != nil {
			return nil, fmt.Errorf("read memberships: %w", err)
		}
		place := r.place[user]
		r.groups[place] = append(r.groups[place], group)
		r.members[group] = append(r.members[group], place)
	}
	return r, rows.Err()
}

// in are the places of a group's members, by name.
func (r *roll) in(group models.GroupID, below map[models.GroupID]int, relation models.MembershipRelation) []int32 {
	if relation == models.MembershipRelationDirect {
		return slices.Sorted(slices.Values(r.members[group]))
	}
	var places []int32
	for id := range below {
		places = append(places, r.members[id]...)
	}
	if _, itself := below[group]; !itself {
		places = append(places, r.members[group]...)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	if relation == models.MembershipRelationInherited {
		places = slices.DeleteFunc(places, func(place int32) bool { return slices.Contains(r.groups[place], group) })
	}
	return places
}

func (n *groupNames) membership(group models.GroupID, user *models.ExportedUser, how models.Membership) *models.ExportedMembership {
	return &models.ExportedMembership{
		GroupID: group, GroupName: n.title[group], User: user, IsDirect: how.Direct, Via: n.of(how.Via), Path: n.inOrder(how.Path),
	}
}

// membershipsOfUsers are the memberships of users, by user and then by group.
func (e *Export) membershipsOfUsers(selection *models.UserSelection, relation models.MembershipRelation, columns columnSet, fn func([]*models.ExportedMembership) error) error {
	names, err := e.groupNames()
	if err != nil {
		return err
	}
	up := e.graph.Upward()
	return e.eachUser(selection, models.UserSortNameAsc, func(users []*models.ExportedUser) error {
		if err := e.fillUsers(users, columns); err != nil {
			return err
		}
		ids := make([]models.UserID, len(users))
		for i, user := range users {
			ids[i] = user.ID
		}
		direct, _, err := directGroups(e.s.DB, e.s.account(), ids)
		if err != nil {
			return fmt.Errorf("read memberships: %w", err)
		}
		var rows []*models.ExportedMembership
		for _, user := range users {
			for _, group := range names.above(direct[user.ID]) {
				how := up.Membership(direct[user.ID], group)
				if relation == models.MembershipRelationAll || how.Direct == (relation == models.MembershipRelationDirect) {
					rows = append(rows, names.membership(group, user, how))
				}
			}
		}
		if err := fn(rows); err != nil {
			return err
		}
		return e.run.did(len(users))
	})
}
