package directory

import (
	"context"
	"fmt"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// DeleteGroup deletes a group; its members and its children stay. Admins. NOT_FOUND, STALE (with the group as
// it is now), MISSING_PERMISSION for one that itself grants what the caller doesn't hold.
func (d *Directory) DeleteGroup(ctx context.Context, who auth.Caller, in models.GroupDeleteInput) (*models.GroupDeletePayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupDelete", in, in.EffectOptions, func(c *change) (*models.GroupDeletePayload, error) {
		group, err := c.targetGroup(in.ID, in.IfMatch)
		payload := &models.GroupDeletePayload{Group: group}
		if err != nil {
			return payload, err
		}
		if err := c.checkDeletion([]*models.Group{group}); err != nil {
			return payload, errAt(err, "input", "id")
		}
		graph, err := c.graph()
		if err != nil {
			return nil, err
		}
		parentIDs, childIDs := graph.Parents(group.ID), graph.Children(group.ID)
		if err := deleteGroups(c, []*models.Group{group}); err != nil {
			return nil, err
		}
		parents, err := groupsByID(c.DB, c.account(), parentIDs)
		if err != nil {
			return nil, err
		}
		children, err := groupsByID(c.DB, c.account(), childIDs)
		return &models.GroupDeletePayload{DeletedGroupID: &group.ID, Parents: pick(parents, parentIDs), Children: pick(children, childIDs)}, err
	})
}

// DeleteGroups deletes the groups of a selection, all or nothing; those that are gone already are passed
// over. Admins. The errors of a selection, and MISSING_PERMISSION for groups that themselves grant what the caller doesn't
// hold.
func (d *Directory) DeleteGroups(ctx context.Context, who auth.Caller, in models.GroupsDeleteInput) (*models.GroupsDeletePayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupsDelete", in, in.EffectOptions, func(c *change) (*models.GroupsDeletePayload, error) {
		ids, err := selectGroups(c.DB, c.account(), in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		found, err := groupsByID(c.DB, c.account(), ids)
		if err != nil {
			return nil, err
		}
		graph, err := c.graph()
		if err != nil {
			return nil, err
		}
		groups := pick(found, ids)
		if err := c.checkDeletion(groups); err != nil {
			return nil, errAt(err, "input", "selection")
		}
		payload := &models.GroupsDeletePayload{DeletedGroupIds: make([]models.GroupID, len(groups))}
		var near []models.GroupID
		for i, group := range groups {
			payload.DeletedGroupIds[i] = group.ID
			near = append(append(near, graph.Parents(group.ID)...), graph.Children(group.ID)...)
		}
		if err := deleteGroups(c, groups); err != nil {
			return nil, err
		}
		near = unique(near)
		relatives, err := groupsByID(c.DB, c.account(), near)
		payload.Relatives = pick(relatives, near)
		return payload, err
	})
}

// deleteGroups takes the groups out of the nesting and deletes them with their memberships.
func deleteGroups(c *change, groups []*models.Group) error {
	graph, err := c.graph()
	if err != nil {
		return err
	}
	ids := make([]models.GroupID, len(groups))
	var edges []nesting.Edge
	for i, group := range groups {
		ids[i] = group.ID
		for _, parent := range graph.Parents(group.ID) {
			edges = append(edges, nesting.Edge{Parent: parent, Child: group.ID})
		}
		for _, child := range graph.Children(group.ID) {
			edges = append(edges, nesting.Edge{Parent: group.ID, Child: child})
		}
	}
	if _, err := c.nest(nil, unique(edges)); err != nil {
		return err
	}
	if err := noteLeavers(c, ids); err != nil {
		return err
	}
	if err := c.endGrants(ids); err != nil {
		return err
	}
	if err := c.endPermissions(ids); err != nil {
		return err
	}
	for _, rows := range []struct{ table, column string }{
		{"memberships", "group_id"},
		{"group_closure", "ancestor_id"},
		{"group_terms", "group_id"},
		{"group_settings", "group_id"},
		{"user_groups", "id"},
	} {
		if err := deleteGroupRows(c.DB, rows.table, rows.column, c.account(), ids); err != nil {
			return err
		}
	}
	for _, group := range groups {
		if err := c.log.Changed(audit.Subject{Type: audit.Group, ID: group.ID, Before: factsOf(group)}); err != nil {
			return err
		}
	}
	return nil
}

// noteLeavers notes the end of every membership in the groups. Their counts go with the groups.
func noteLeavers(c *change, ids []models.GroupID) error {
	return chunks(ids, func(part []models.GroupID) error {
		var rows []models.MembershipRow
		err := c.Where("account_id = ? AND group_id IN ?", c.account(), part).Order("group_id, user_id").Find(&rows).Error
		if err != nil {
			return fmt.Errorf("read memberships: %w", err)
		}
		for _, row := range rows {
			subject := audit.Subject{Type: audit.Membership, ID: row.UserID, Object: (*[16]byte)(&row.GroupID), Before: member{true}}
			if err := c.log.Changed(subject); err != nil {
				return err
			}
		}
		return nil
	})
}
