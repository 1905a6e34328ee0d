package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store"
)

// AddMembers makes each of the users a direct member of each of the groups, and says for each pair what
// happened. Admins. REQUIRED for an empty list, TOO_MANY over 250; MISSING_PERMISSION for groups whose members hold what the
// caller doesn't: nobody comes into those.
func (d *Directory) AddMembers(ctx context.Context, who auth.Caller, in models.GroupMembersAddInput) (*models.GroupMembersAddPayload, error) {
	const action = auth.Action("Mutation.groupMembersAdd")
	if err := checkSides(who, action, in.GroupIds, in.UserIds); err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.GroupMembersAddPayload, error) {
		change, err := changeMembers(c, in.GroupIds, in.UserIds, addMembers)
		return &models.GroupMembersAddPayload{MembersChange: change}, err
	})
}

// RemoveMembers ends the direct membership of each of the users in each of the groups, and says for each
// pair what happened. Admins. REQUIRED for an empty list, TOO_MANY over 250; MISSING_PERMISSION for groups whose members hold
// what the caller doesn't: no admin goes out of those.
func (d *Directory) RemoveMembers(ctx context.Context, who auth.Caller, in models.GroupMembersRemoveInput) (*models.GroupMembersRemovePayload, error) {
	const action = auth.Action("Mutation.groupMembersRemove")
	if err := checkSides(who, action, in.GroupIds, in.UserIds); err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.GroupMembersRemovePayload, error) {
		change, err := changeMembers(c, in.GroupIds, in.UserIds, removeMembers)
		return &models.GroupMembersRemovePayload{MembersChange: change}, err
	})
}

// step is addMembers or removeMembers: what happened to each pair, in their order. It keeps present up to date.
type step func(c *change, pairs []models.Pair, present *present) ([]models.MembershipOutcome, error)

// present says which users, groups and memberships there are.
type present struct {
	users  map[models.UserID]bool
	groups map[models.GroupID]bool
	pairs  map[models.Pair]bool
}

// without are the pairs that could become members.
func (p *present) without(pairs []models.Pair) []models.Pair {
	var left []models.Pair
	for _, pair := range pairs {
		if p.users[pair.User] && p.groups[pair.Group] && !p.pairs[pair] {
			left = append(left, pair)
		}
	}
	return left
}

// checkSides refuses what can be refused before the lock.
func checkSides(who auth.Caller, action auth.Action, groupIDs []models.GroupID, userIDs []models.UserID) error {
	if _, err := who.May(action); err != nil {
		return err
	}
	var errs models.Errors
	checkList(&errs, len(groupIDs), 1, "input", "groupIds")
	checkList(&errs, len(userIDs), 1, "input", "userIds")
	return errs.OrNil()
}

// changeMembers runs a step for each of the users with each of the groups.
func changeMembers(c *change, groupIDs []models.GroupID, userIDs []models.UserID, do step) (models.MembersChange, error) {
	given := groupIDs
	groupIDs, userIDs = unique(groupIDs), unique(userIDs)
	pairs := make([]models.Pair, 0, len(groupIDs)*len(userIDs))
	for _, group := range groupIDs {
		for _, user := range userIDs {
			pairs = append(pairs, models.Pair{User: user, Group: group})
		}
	}
	c.bulk = len(pairs) > 1
	change, err := membersChange(c, pairs, do)
	if err != nil {
		return change, err
	}
	wrong, rest := models.UserErrors(c.insist(change.Results, func(r *models.MembershipResult) []string {
		return []string{"input", "groupIds", strconv.Itoa(slices.Index(given, r.GroupID))}
	}))
	c.wrong = append(c.wrong, wrong...)
	return change, rest
}

// membersChange runs a step and gathers what the payload tells of it.
func membersChange(c *change, pairs []models.Pair, do step) (models.MembersChange, error) {
	var none models.MembersChange
	userIDs, groupIDs := sides(pairs)
	users, err := usersByID(c.DB, c.account(), userIDs)
	if err != nil {
		return none, err
	}
	groups, err := groupsByID(c.DB, c.account(), groupIDs)
	if err != nil {
		return none, err
	}
	direct, _, err := directGroups(c.DB, c.account(), userIDs)
	if err != nil {
		return none, err
	}
	there := present{users: map[models.UserID]bool{}, groups: map[models.GroupID]bool{}, pairs: map[models.Pair]bool{}}
	for id := range users {
		there.users[id] = true
	}
	for id := range groups {
		there.groups[id] = true
	}
	for _, pair := range pairs {
		there.pairs[pair] = slices.Contains(direct[pair.User], pair.Group)
	}
	outcomes, err := do(c, pairs, &there)
	if err != nil {
		return none, err
	}
	for i, pair := range pairs {
		switch outcomes[i] {
		case models.MembershipOutcomeAdded:
			direct[pair.User] = append(direct[pair.User], pair.Group)
			groups[pair.Group].DirectMemberCount++
		case models.MembershipOutcomeRemoved:
			direct[pair.User] = slices.DeleteFunc(direct[pair.User], func(id models.GroupID) bool { return id == pair.Group })
			groups[pair.Group].DirectMemberCount--
		}
	}
	graph, err := c.graph()
	if err != nil {
		return none, err
	}
	settled, err := c.settle()
	if err != nil {
		return none, err
	}
	for id, user := range settled.users {
		if users[id] != nil {
			users[id] = user
		}
	}
	return models.MembersChange{
		Results: memberResults(pairs, outcomes, users, direct, graph), Groups: pick(groups, groupIDs), Users: pick(users, userIDs),
	}, nil
}

// memberResults says for each pair what happened, with the entry of the group's list for a new member, which is
// worked out if somebody asks, when the account is no longer locked.
func memberResults(pairs []models.Pair, outcomes []models.MembershipOutcome, users map[models.UserID]*models.User, direct map[models.UserID][]models.GroupID, graph *nesting.Graph) []*models.MembershipResult {
	q := MemberQuery{Relation: models.MembershipRelationAll, Sort: models.UserSortNameAsc}
	below := map[models.GroupID]func() map[models.GroupID]int{}
	results := make([]*models.MembershipResult, len(pairs))
	for i, pair := range pairs {
		results[i] = &models.MembershipResult{GroupID: pair.Group, UserID: pair.User, Outcome: outcomes[i]}
		if outcomes[i] != models.MembershipOutcomeAdded {
			continue
		}
		if below[pair.Group] == nil {
			below[pair.Group] = sync.OnceValue(func() map[models.GroupID]int { return graph.Below(pair.Group) })
		}
		user, ids, below := users[pair.User], direct[pair.User], below[pair.Group]
		results[i].Edge = func() *models.GroupMemberEdge {
			return &models.GroupMemberEdge{
				Cursor: userList.cursor(userOrders[q.Sort], q.hash(), user), Node: user,
				How: graph.MembershipBelow(ids, pair.Group, below()),
			}
		}
	}
	return results
}

// UpdateUserGroups adds a user to groups and removes them from groups, all or nothing. Admins. NOT_FOUND,
// TOO_MANY, CONFLICT for a group to be both added and removed, MISSING_PERMISSION for a group whose members hold what the caller
// doesn't.
func (d *Directory) UpdateUserGroups(ctx context.Context, who auth.Caller, in models.UserGroupsUpdateInput) (*models.UserGroupsUpdatePayload, error) {
	const action = auth.Action("Mutation.userGroupsUpdate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	checkList(&errs, len(in.AddGroupIds), 0, "input", "addGroupIds")
	checkList(&errs, len(in.RemoveGroupIds), 0, "input", "removeGroupIds")
	checkApart(&errs, in.AddGroupIds, in.RemoveGroupIds, "removeGroupIds")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.UserGroupsUpdatePayload, error) {
		user, err := findUser(c.DB, c.account(), in.UserID)
		if err != nil {
			return nil, err
		}
		var errs models.Errors
		if user == nil {
			_ = errs.Add(notFound("user"), "input", "userId")
		}
		add, remove := unique(in.AddGroupIds), unique(in.RemoveGroupIds)
		groups, err := groupsByID(c.DB, c.account(), slices.Concat(add, remove))
		if err != nil {
			return nil, err
		}
		checkPresent(&errs, groups, in.AddGroupIds, "group", "addGroupIds")
		checkPresent(&errs, groups, in.RemoveGroupIds, "group", "removeGroupIds")
		if err := errs.OrNil(); err != nil {
			return nil, err
		}
		pairs := func(ids []models.GroupID) (pairs []models.Pair) {
			for _, id := range ids {
				pairs = append(pairs, models.Pair{User: user.ID, Group: id})
			}
			return pairs
		}
		removed, err := membersChange(c, pairs(remove), removeMembers)
		if err != nil {
			return nil, err
		}
		added, err := membersChange(c, pairs(add), addMembers)
		if err != nil {
			return nil, err
		}
		err = c.insist(append(added.Results, removed.Results...), func(r *models.MembershipResult) []string {
			if i := slices.Index(in.RemoveGroupIds, r.GroupID); i >= 0 {
				return []string{"input", "removeGroupIds", strconv.Itoa(i)}
			}
			return []string{"input", "addGroupIds", strconv.Itoa(slices.Index(in.AddGroupIds, r.GroupID))}
		})
		if err != nil {
			return nil, err
		}
		return &models.UserGroupsUpdatePayload{
			User: user, Groups: append(added.Groups, removed.Groups...), Results: append(added.Results, removed.Results...),
		}, nil
	})
}

// checkApart is CONFLICT for what is both to be added and to be removed.
func checkApart[T comparable](errs *models.Errors, add, remove []T, field string) {
	for i, id := range remove {
		if slices.Contains(add, id) {
			_ = errs.Add(models.Errorf(models.CodeConflict, "this is both to be added and to be removed"), "input", field, strconv.Itoa(i))
		}
	}
}

// checkPresent is NOT_FOUND for each of the ids without a row.
func checkPresent[ID comparable, T any](errs *models.Errors, found map[ID]*T, ids []ID, what, field string) {
	for i, id := range ids {
		if found[id] == nil {
			_ = errs.Add(notFound(what), "input", field, strconv.Itoa(i))
		}
	}
}

// sides are the users and the groups of pairs, each once.
func sides(pairs []models.Pair) (users []models.UserID, groups []models.GroupID) {
	for _, pair := range pairs {
		users, groups = append(users, pair.User), append(groups, pair.Group)
	}
	return unique(users), unique(groups)
}

// addMembers writes the memberships that are not there yet, with the counts of their groups, and says what
// happened to each pair.
func addMembers(c *change, pairs []models.Pair, there *present) ([]models.MembershipOutcome, error) {
	withheld, err := c.withheld(there.without(pairs), true)
	if err != nil {
		return nil, err
	}
	outcomes := make([]models.MembershipOutcome, len(pairs))
	var rows []models.MembershipRow
	for i, pair := range pairs {
		switch {
		case !there.users[pair.User] || !there.groups[pair.Group]:
			outcomes[i] = models.MembershipOutcomeNotFound
		case there.pairs[pair]:
			outcomes[i] = models.MembershipOutcomeAlreadyMember
		case withheld[pair]:
			outcomes[i] = models.MembershipOutcomeMissingPermission
		default:
			there.pairs[pair] = true
			outcomes[i] = models.MembershipOutcomeAdded
			rows = append(rows, models.MembershipRow{AccountID: c.account(), GroupID: pair.Group, UserID: pair.User, CreatedAt: c.Now})
		}
	}
	if len(rows) == 0 {
		return outcomes, nil
	}
	into := store.Into(c.DB, models.MembershipRow{}.TableName(), "account_id, group_id, user_id, created_at")
	for i := range rows {
		r := &rows[i]
		if err := into.Row(r.AccountID[:], r.GroupID[:], r.UserID[:], r.CreatedAt); err != nil {
			return nil, err
		}
	}
	if err := into.End(); err != nil {
		return nil, err
	}
	return outcomes, noteMembers(c, rows, true)
}

// removeMembers deletes the memberships that are there, with the counts of their groups, and says what
// happened to each pair.
func removeMembers(c *change, pairs []models.Pair, there *present) ([]models.MembershipOutcome, error) {
	withheld, err := c.withheld(pairs, false)
	if err != nil {
		return nil, err
	}
	outcomes := make([]models.MembershipOutcome, len(pairs))
	var rows []models.MembershipRow
	byGroup := map[models.GroupID][]models.UserID{}
	for i, pair := range pairs {
		switch {
		case !there.users[pair.User] || !there.groups[pair.Group]:
			outcomes[i] = models.MembershipOutcomeNotFound
		case !there.pairs[pair]:
			outcomes[i] = models.MembershipOutcomeNotMember
		case withheld[pair]:
			outcomes[i] = models.MembershipOutcomeMissingPermission
		default:
			there.pairs[pair] = false
			outcomes[i] = models.MembershipOutcomeRemoved
			rows = append(rows, models.MembershipRow{GroupID: pair.Group, UserID: pair.User})
			byGroup[pair.Group] = append(byGroup[pair.Group], pair.User)
		}
	}
	for group, ids := range byGroup {
		err := chunks(ids, func(part []models.UserID) error {
			return c.Where("account_id = ? AND group_id = ? AND user_id IN ?", c.account(), group, part).Delete(&models.MembershipRow{}).Error
		})
		if err != nil {
			return nil, fmt.Errorf("delete memberships: %w", err)
		}
	}
	return outcomes, noteMembers(c, rows, false)
}

// presentSides reads which of the users, groups and memberships there are, and no more of them.
func presentSides(c *change, pairs []models.Pair) (there *present, err error) {
	userIDs, groupIDs := sides(pairs)
	there = &present{}
	if there.users, err = presentIDs[models.UserID](c, "users", userIDs); err != nil {
		return nil, err
	}
	if there.groups, err = presentIDs[models.GroupID](c, "user_groups", groupIDs); err != nil {
		return nil, err
	}
	there.pairs, err = presentPairs(c.DB, c.account(), pairs)
	return there, err
}

// moveMembers is a step of which only the outcomes matter.
func moveMembers(c *change, pairs []models.Pair, do step) ([]models.MembershipOutcome, error) {
	there, err := presentSides(c, pairs)
	if err != nil {
		return nil, err
	}
	return do(c, pairs, there)
}

// presentPairs reads which of the memberships there are.
func presentPairs(tx *gorm.DB, account models.AccountID, pairs []models.Pair) (map[models.Pair]bool, error) {
	present := map[models.Pair]bool{}
	find := func(where clause) error {
		var rows []models.MembershipRow
		if err := tx.Where(where.sql, where.args...).Find(&rows).Error; err != nil {
			return fmt.Errorf("read memberships: %w", err)
		}
		for _, row := range rows {
			present[models.Pair{User: row.UserID, Group: row.GroupID}] = true
		}
		return nil
	}
	users, groups := sides(pairs)
	if 2*len(pairs) >= len(users)*len(groups) { // about every user with every group
		return present, chunks(groups, func(groups []models.GroupID) error {
			return chunks(users, func(users []models.UserID) error {
				return find(sqlf("account_id = ? AND group_id IN ? AND user_id IN ?", account, groups, users))
			})
		})
	}
	return present, chunks(pairs, func(part []models.Pair) error {
		byGroup := map[models.GroupID][]models.UserID{}
		for _, pair := range part {
			byGroup[pair.Group] = append(byGroup[pair.Group], pair.User)
		}
		some := make([]clause, 0, len(byGroup))
		for group, users := range byGroup {
			// SQLite looks up the branches of an OR one by one when each of them alone has a key.
			some = append(some, sqlf("account_id = ? AND group_id = ? AND user_id IN ?", account, group, users))
		}
		return find(any1(some...))
	})
}

func presentIDs[ID comparable](c *change, table string, ids []ID) (map[ID]bool, error) {
	present := make(map[ID]bool, len(ids))
	err := chunks(ids, func(part []ID) error {
		found, err := readIDs[ID](c.DB, table, sqlf("account_id = ? AND id IN ?", c.account(), part), "id")
		for _, id := range found {
			present[id] = true
		}
		return err
	})
	return present, err
}

// noteMembers moves the counts of the groups by the rows written or deleted, in one statement for each
// number of them, and notes each row.
func noteMembers(c *change, rows []models.MembershipRow, added bool) error {
	graph, err := c.graph()
	if err != nil {
		return err
	}
	granted, delta := map[models.GroupID]bool{}, map[models.GroupID]int{}
	c.losing = c.losing || !added
	c.noteMoves(rows, added)
	for _, row := range rows {
		subject := audit.Subject{Type: audit.Membership, ID: row.UserID, Object: (*[16]byte)(&row.GroupID)}
		if added {
			delta[row.GroupID]++
			subject.After = member{true}
		} else {
			delta[row.GroupID]--
			subject.Before = member{true}
		}
		if err := c.log.Changed(subject); err != nil {
			return err
		}
		is, known := granted[row.GroupID]
		if !known {
			is = graph.Granted(row.GroupID)
			granted[row.GroupID] = is
		}
		if is {
			c.touch(row.UserID)
		}
	}
	byDelta := map[int][]models.GroupID{}
	for id, n := range delta {
		byDelta[n] = append(byDelta[n], id)
	}
	for n, ids := range byDelta {
		err := c.Model(&models.Group{}).Where("account_id = ? AND id IN ?", c.account(), ids).
			UpdateColumn("direct_member_count", gorm.Expr("direct_member_count + ?", n)).Error
		if err != nil {
			return fmt.Errorf("count members: %w", err)
		}
	}
	return nil
}

// member is what the log keeps of a membership.
type member struct {
	Direct bool `json:"direct"`
}

// noteMoves says what became of the users, for the job that this may be told as.
func (c *change) noteMoves(rows []models.MembershipRow, added bool) {
	if !c.defers {
		return
	}
	subjects := byUser(c.done)
	for _, row := range rows {
		s := subjects[row.UserID]
		if s == nil {
			s = &subject{kind: userSubject, id: row.UserID, outcome: models.JobOutcomeChanged}
			subjects[row.UserID], c.done = s, append(c.done, s)
		}
		if added {
			s.detail.Joined = append(s.detail.Joined, row.GroupID)
		} else {
			s.detail.Left = append(s.detail.Left, row.GroupID)
		}
		c.groups = append(c.groups, row.GroupID)
	}
}
