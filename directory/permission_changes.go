package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// SetGroupPermissions replaces, adds or removes the permissions that a group grants to its members and to those of the groups
// in it, who hold them at once. Admins. NOT_FOUND for the group or a key, CONFLICT for a key that stands there twice, REQUIRED
// for no key unless all are replaced, TOO_MANY, MISSING_PERMISSION for keys to be granted or ended that the caller doesn't hold,
// and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED, TOO_LONG, INVALID_CHARACTERS.
func (d *Directory) SetGroupPermissions(ctx context.Context, who auth.Caller, in models.GroupPermissionsSetInput) (*models.GroupPermissionsSetPayload, error) {
	const action = auth.Action("Mutation.groupPermissionsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	if err := checkPermissionKeys(in); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.GroupPermissionsSetPayload, error) {
		var made permissionsMade
		known, err := once.made(c, &made)
		if err != nil {
			return nil, err
		}
		group, err := findGroup(c.DB, c.account(), in.GroupID)
		if err != nil || known {
			return made.payload(group), err
		}
		if group == nil {
			return nil, notFound("group").At("input", "groupId")
		}
		if made, err = c.grantPermissions(group, in); err != nil {
			return nil, err
		}
		return made.payload(group), once.remember(c, made)
	})
}

// checkPermissionKeys refuses what can be refused before the lock.
func checkPermissionKeys(in models.GroupPermissionsSetInput) error {
	var errs models.Errors
	least := 1
	if in.Mode == models.PermissionModeReplace {
		least = 0
	}
	checkList(&errs, len(in.PermissionKeys), least, "input", "permissionKeys")
	if len(errs) > 0 {
		return errs
	}
	for i, key := range in.PermissionKeys {
		switch {
		case models.PermissionByKey(key) == nil:
			_ = errs.Add(models.Errorf(models.CodeNotFound, "there is no such permission in the catalogue"), "input", "permissionKeys", strconv.Itoa(i))
		case slices.Index(in.PermissionKeys, key) < i:
			_ = errs.Add(models.Errorf(models.CodeConflict, "the permission %s stands there twice", key), "input", "permissionKeys", strconv.Itoa(i))
		}
	}
	return errs.OrNil()
}

// permissionsMade is what an idempotency key of SetGroupPermissions holds.
type permissionsMade struct {
	Granted []string `json:"granted"`
	Ended   []string `json:"ended"`
}

func (m permissionsMade) payload(group *models.Group) *models.GroupPermissionsSetPayload {
	return &models.GroupPermissionsSetPayload{Group: group, Granted: defined(m.Granted), Ended: defined(m.Ended)}
}

// defined are the entries of the catalogue with these keys, in its order.
func defined(keys []string) []*models.PermissionDefinition {
	var found []*models.PermissionDefinition
	for _, definition := range models.PermissionDefinitions() {
		if slices.Contains(keys, definition.Key) {
			found = append(found, definition)
		}
	}
	return found
}

// grantPermissions changes what a group grants, and answers with what was not so before.
func (c *change) grantPermissions(group *models.Group, in models.GroupPermissionsSetInput) (permissionsMade, error) {
	var made permissionsMade
	held, err := c.holds()
	if err != nil {
		return made, err
	}
	graph, err := c.graph()
	if err != nil {
		return made, err
	}
	before := graph.Permissions(group.ID)
	for _, definition := range models.PermissionDefinitions() {
		key := definition.Key
		is, named := slices.Contains(before, key), slices.Contains(in.PermissionKeys, key)
		switch {
		case named && !is && in.Mode != models.PermissionModeRemove:
			made.Granted = append(made.Granted, key)
		case is && named == (in.Mode == models.PermissionModeRemove) && in.Mode != models.PermissionModeAdd:
			made.Ended = append(made.Ended, key)
		}
	}
	if keys := held.lacks(slices.Concat(made.Granted, made.Ended)); len(keys) > 0 {
		return made, missingFor(keys, group.Name, "you don't hold ").At("input", "permissionKeys")
	}
	after := slices.Concat(made.Granted, before)
	after = slices.DeleteFunc(after, func(key string) bool { return slices.Contains(made.Ended, key) })
	return made, c.setPermissions(group.ID, before, after, made)
}

// permissionFacts are what the log keeps of what a group grants.
type permissionFacts struct {
	Permissions []string `json:"permissions"`
}

// setPermissions stores what is different about what a group grants, if anything is, and notes it.
func (c *change) setPermissions(group models.GroupID, before, after []string, made permissionsMade) error {
	if len(made.Granted)+len(made.Ended) == 0 {
		return nil
	}
	graph, err := c.graph() // which reads the grants, and must not do so between the writing of them and its end
	if err != nil {
		return err
	}
	if len(made.Ended) > 0 {
		err := c.Where("account_id = ? AND group_id = ? AND permission_key IN ?", c.account(), group, made.Ended).Delete(&models.GroupPermissionRow{}).Error
		if err != nil {
			return fmt.Errorf("delete granted permissions: %w", err)
		}
	}
	if len(made.Granted) > 0 {
		rows := make([]models.GroupPermissionRow, len(made.Granted))
		for i, key := range made.Granted {
			rows[i] = models.GroupPermissionRow{AccountID: c.account(), GroupID: group, PermissionKey: key, CreatedAt: c.Now}
		}
		if err := c.Create(rows).Error; err != nil {
			return fmt.Errorf("insert granted permissions: %w", err)
		}
	}
	c.current = graph.Permitting(group, after)
	c.Account.GraphVersion = c.current.Version
	subject := audit.Subject{Type: audit.Permission, ID: group}
	if len(before) > 0 {
		subject.Before = permissionFacts{before}
	}
	if len(after) > 0 {
		subject.After = permissionFacts{c.current.Permissions(group)}
	}
	return c.log.Recorded(subject)
}

// endPermissions takes everything from groups that they grant, also what has left the catalogue.
func (c *change) endPermissions(groups []models.GroupID) error {
	graph, err := c.graph()
	if err != nil {
		return err
	}
	for _, id := range groups {
		if before := graph.Permissions(id); len(before) > 0 {
			if err := c.setPermissions(id, before, nil, permissionsMade{Ended: before}); err != nil {
				return err
			}
		}
	}
	return deleteGroupRows(c.DB, models.GroupPermissionRow{}.TableName(), "group_id", c.account(), groups)
}
