package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// CreateGroup creates a group with its first parents and members, all or nothing. Admins. REQUIRED,
// TOO_LONG, INVALID_CHARACTERS, INVALID priority, NAME_TAKEN, NOT_FOUND, TOO_DEEP, TOO_MANY, MISSING_PERMISSION for parents whose
// members hold what the caller doesn't, and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED, TOO_LONG.
func (d *Directory) CreateGroup(ctx context.Context, who auth.Caller, in models.GroupCreateInput) (*models.GroupCreatePayload, error) {
	const action = auth.Action("Mutation.groupCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	draft := &models.Group{Priority: in.Priority}
	checkGroup(&errs, draft, &in.Name, &in.Description)
	checkList(&errs, len(in.ParentIds), 0, "input", "parentIds")
	checkList(&errs, len(in.MemberIds), 0, "input", "memberIds")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.GroupCreatePayload, error) {
		var made models.GroupID
		if known, err := once.made(c, &made); err != nil {
			return nil, err
		} else if known {
			return createdGroup(c, made, in)
		}
		group := new(*draft) // each try begins with the draft
		if err := checkName(c, group); err != nil {
			return nil, err
		}
		staged := staged{addMembers: in.MemberIds, addParents: in.ParentIds, membersField: "memberIds", parentsField: "parentIds"}
		if err := staged.check(c); err != nil {
			return nil, err
		}
		c.options.NotifyUsers = in.NotifyUsers
		group.AccountID, group.ID, group.CreatedAt, group.UpdatedAt = c.account(), models.NewID[models.GroupID](), c.Now, c.Now
		if err := insertGroups(c, []*models.Group{group}); err != nil {
			return nil, err
		}
		parents, _, err := staged.apply(c, group.ID)
		if err != nil {
			return nil, err
		}
		if group, err = findGroup(c.DB, c.account(), group.ID); err != nil {
			return nil, err
		}
		if err := once.remember(c, group.ID); err != nil {
			return nil, err
		}
		return &models.GroupCreatePayload{Group: group, GroupEdge: newGroupEdge(group), Parents: parents}, nil
	})
}

// createdGroup is what CreateGroup has made before under the same idempotency key, as it is now.
func createdGroup(c *change, id models.GroupID, in models.GroupCreateInput) (*models.GroupCreatePayload, error) {
	parents, err := groupsByID(c.DB, c.account(), in.ParentIds)
	if err != nil {
		return nil, err
	}
	payload := &models.GroupCreatePayload{Parents: pick(parents, unique(in.ParentIds))}
	if payload.Group, err = findGroup(c.DB, c.account(), id); err != nil || payload.Group == nil {
		return payload, err
	}
	payload.GroupEdge = newGroupEdge(payload.Group)
	return payload, nil
}

// newGroupEdge is a group as an entry of the list of groups, or of a group's children, in its usual order.
func newGroupEdge(group *models.Group) *models.GroupEdge {
	q := GroupQuery{Sort: models.GroupSortNameAsc}
	return &models.GroupEdge{Cursor: groupList.cursor(groupOrders[q.Sort], q.hash(), group), Node: group}
}

// UpdateGroup changes a group's fields, members and parents, all or nothing. Admins. NOT_FOUND, STALE (with
// the group as it is now), REQUIRED, TOO_LONG, INVALID_CHARACTERS, INVALID priority, NAME_TAKEN, CYCLE,
// TOO_DEEP, TOO_MANY, CONFLICT for what is both to be added and to be removed, MISSING_PERMISSION for members and parents by
// which somebody would get what the caller doesn't hold, and for admins among the members to be removed from a group that
// gives such.
func (d *Directory) UpdateGroup(ctx context.Context, who auth.Caller, in models.GroupUpdateInput) (*models.GroupUpdatePayload, error) {
	const action = auth.Action("Mutation.groupUpdate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	staged := staged{
		addMembers: in.AddMemberIds, removeMembers: in.RemoveMemberIds, addParents: in.AddParentIds, removeParents: in.RemoveParentIds,
		membersField: "addMemberIds", parentsField: "addParentIds",
	}
	var errs models.Errors
	for _, l := range []struct {
		n     int
		field string
	}{
		{len(in.AddMemberIds), "addMemberIds"},
		{len(in.RemoveMemberIds), "removeMemberIds"},
		{len(in.AddParentIds), "addParentIds"},
		{len(in.RemoveParentIds), "removeParentIds"},
	} {
		checkList(&errs, l.n, 0, "input", l.field)
	}
	checkApart(&errs, in.AddMemberIds, in.RemoveMemberIds, "removeMemberIds")
	checkApart(&errs, in.AddParentIds, in.RemoveParentIds, "removeParentIds")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.GroupUpdatePayload, error) {
		group, err := c.targetGroup(in.ID, in.IfMatch)
		payload := &models.GroupUpdatePayload{Group: group}
		if err != nil {
			return payload, err
		}
		edited := *group
		if err := editGroup(c, &edited, in); err != nil {
			return payload, err
		}
		if err := staged.check(c); err != nil {
			return payload, err
		}
		if err := saveGroup(c, group, &edited); err != nil {
			return payload, err
		}
		parents, results, err := staged.apply(c, group.ID)
		if err != nil {
			return payload, err
		}
		now, err := findGroup(c.DB, c.account(), group.ID)
		return &models.GroupUpdatePayload{Group: now, Parents: parents, Results: results}, err
	})
}

func editGroup(c *change, group *models.Group, in models.GroupUpdateInput) error {
	var errs models.Errors
	var name, description *string
	if value, set := in.Name.ValueOK(); set {
		text := orZero(value)
		name = &text
	}
	if value, set := in.Description.ValueOK(); set {
		text := orZero(value)
		description = &text
	}
	if value, set := in.Priority.ValueOK(); set {
		group.Priority = orZero(value)
	}
	key := group.NameKey
	checkGroup(&errs, group, name, description)
	if err := errs.OrNil(); err != nil {
		return err
	}
	if group.NameKey == key {
		return nil
	}
	return checkName(c, group)
}

// checkGroup checks and sets what can be checked without the database; nil leaves a text as it is.
func checkGroup(errs *models.Errors, group *models.Group, name, description *string) {
	var err error
	if name != nil {
		group.Name, err = models.Line(*name, models.MaxName, true)
		_ = errs.Add(err, "input", "name")
	}
	if description != nil {
		group.Description, err = models.Paragraph(*description, models.MaxDescription)
		_ = errs.Add(err, "input", "description")
	}
	_ = errs.Add(models.CheckPriority(group.Priority), "input", "priority")
	group.Settle()
}

// checkName is NAME_TAKEN when another group has the name.
func checkName(c *change, group *models.Group) error {
	other, err := firstGroup(c.Where("account_id = ? AND name_key = ?", c.account(), group.NameKey))
	if err != nil || other == nil || other.ID == group.ID {
		return err
	}
	return models.Errorf(models.CodeNameTaken, "another group has the name %s", other.Name).With("name", other.Name).At("input", "name")
}

// targetGroup is the group that a mutation is about. NOT_FOUND, or STALE, with the group, when ifMatch is
// another etag.
func (c *change) targetGroup(id models.GroupID, ifMatch *string) (*models.Group, error) {
	group, err := findGroup(c.DB, c.account(), id)
	switch {
	case err != nil:
		return nil, err
	case group == nil:
		return nil, notFound("group").At("input", "id")
	case ifMatch != nil && *ifMatch != group.Etag():
		return group, stale("group")
	}
	return group, nil
}

// staged is what the Save button of a group's page carries besides its fields.
type staged struct {
	addMembers, removeMembers  []models.UserID
	addParents, removeParents  []models.GroupID
	membersField, parentsField string
}

// check is NOT_FOUND for each user and group that there is not.
func (s staged) check(c *change) error {
	users, err := usersByID(c.DB, c.account(), slices.Concat(s.addMembers, s.removeMembers))
	if err != nil {
		return err
	}
	groups, err := groupsByID(c.DB, c.account(), slices.Concat(s.addParents, s.removeParents))
	if err != nil {
		return err
	}
	var errs models.Errors
	checkPresent(&errs, users, s.addMembers, "user", s.membersField)
	checkPresent(&errs, users, s.removeMembers, "user", "removeMemberIds")
	checkPresent(&errs, groups, s.addParents, "group", s.parentsField)
	checkPresent(&errs, groups, s.removeParents, "group", "removeParentIds")
	return errs.OrNil()
}

// apply makes the changes, and answers with the parents concerned and with what happened to each member.
func (s staged) apply(c *change, group models.GroupID) ([]*models.Group, []*models.MembershipResult, error) {
	var add, remove []nesting.Edge
	for _, id := range s.addParents {
		add = append(add, nesting.Edge{Parent: id, Child: group})
	}
	for _, id := range s.removeParents {
		remove = append(remove, nesting.Edge{Parent: id, Child: group})
	}
	changed, err := c.nest(add, remove, "input", s.parentsField)
	if err != nil {
		return nil, nil, err
	}
	pairs := func(ids []models.UserID) (pairs []models.Pair) {
		for _, id := range unique(ids) {
			pairs = append(pairs, models.Pair{User: id, Group: group})
		}
		return pairs
	}
	removed, err := membersChange(c, pairs(s.removeMembers), removeMembers)
	if err != nil {
		return nil, nil, err
	}
	added, err := membersChange(c, pairs(s.addMembers), addMembers)
	if err != nil {
		return nil, nil, err
	}
	err = c.insist(append(added.Results, removed.Results...), func(r *models.MembershipResult) []string {
		if i := slices.Index(s.removeMembers, r.UserID); i >= 0 {
			return []string{"input", "removeMemberIds", strconv.Itoa(i)}
		}
		return []string{"input", s.membersField} // whoever it is about
	})
	if err != nil {
		return nil, nil, err
	}
	parentIDs := make([]models.GroupID, len(changed))
	for i, e := range changed {
		parentIDs[i] = e.Parent
	}
	parents, err := groupsByID(c.DB, c.account(), parentIDs)
	return pick(parents, unique(parentIDs)), append(added.Results, removed.Results...), err
}

// groupFacts are what the log and the feed keep of a group.
type groupFacts struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Priority    int32  `json:"priority"`
}

func factsOf(g *models.Group) groupFacts { return groupFacts{g.Name, g.Description, g.Priority} }

type groupTerm struct {
	AccountID models.AccountID
	Term      string
	GroupID   models.GroupID
}

func (groupTerm) TableName() string { return "group_terms" }

func groupTerms(group *models.Group) (rows []groupTerm) {
	for _, term := range group.Terms() {
		rows = append(rows, groupTerm{group.AccountID, term, group.ID})
	}
	return rows
}

// insertGroups stores new groups with their search terms and their place in the closure.
func insertGroups(c *change, groups []*models.Group) error {
	if len(groups) == 0 {
		return nil
	}
	var terms []groupTerm
	var own []models.GroupClosureRow
	for _, group := range groups {
		terms = append(terms, groupTerms(group)...)
		own = append(own, models.GroupClosureRow{AccountID: group.AccountID, AncestorID: group.ID, DescendantID: group.ID})
		if err := c.log.Changed(audit.Subject{Type: audit.Group, ID: group.ID, After: factsOf(group)}); err != nil {
			return err
		}
	}
	if err := c.CreateInBatches(groups, rowBatch).Error; err != nil {
		return fmt.Errorf("insert groups: %w", err)
	}
	if err := c.CreateInBatches(own, rowBatch).Error; err != nil {
		return fmt.Errorf("insert closure: %w", err)
	}
	if len(terms) == 0 {
		return nil
	}
	if err := c.CreateInBatches(terms, rowBatch).Error; err != nil {
		return fmt.Errorf("insert search terms: %w", err)
	}
	return nil
}

// saveGroup stores what is different about a group, if anything is, and notes it.
func saveGroup(c *change, before, after *models.Group) error {
	after.Settle()
	if factsOf(before) == factsOf(after) {
		return nil
	}
	after.UpdatedAt = c.Now
	err := c.Model(&models.Group{}).Where("account_id = ? AND id = ?", c.account(), after.ID).Updates(map[string]any{
		"name": after.Name, "name_key": after.NameKey, "name_sort": after.NameSort, "description": after.Description,
		"priority": after.Priority, "updated_at": after.UpdatedAt,
	}).Error
	if err != nil {
		return fmt.Errorf("update group: %w", err)
	}
	if !slices.Equal(before.Terms(), after.Terms()) {
		if err := deleteGroupRows(c.DB, "group_terms", "group_id", c.account(), []models.GroupID{after.ID}); err != nil {
			return err
		}
		if terms := groupTerms(after); len(terms) > 0 {
			if err := c.Create(terms).Error; err != nil {
				return fmt.Errorf("insert search terms: %w", err)
			}
		}
	}
	return c.log.Changed(audit.Subject{Type: audit.Group, ID: after.ID, Before: factsOf(before), After: factsOf(after)})
}

func deleteGroupRows(tx *gorm.DB, table, column string, account models.AccountID, ids []models.GroupID) error {
	return chunks(ids, func(part []models.GroupID) error {
		if err := tx.Exec("DELETE FROM "+table+" WHERE account_id = ? AND "+column+" IN ?", account, part).Error; err != nil {
			return fmt.Errorf("delete from %s: %w", table, err)
		}
		return nil
	})
}
