package directory

import (
	"context"
	"slices"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// Holder is a user in a role, of whom it is asked what they hold.
type Holder struct {
	User models.UserID
	Role models.Role
}

// PermissionsOf are the permissions that users hold, in the order of the catalogue, each once with every source. Admins, and
// members for themselves: FORBIDDEN about others.
func (d *Directory) PermissionsOf(ctx context.Context, who auth.Caller, holders []Holder) ([][]*models.UserPermission, error) {
	return d.permissionsOf(ctx, who, "User.permissions", holders)
}

// CallersPermissions are what the caller holds now, in the order of the catalogue: in the lesser of the token's role and the
// stored one. Everybody; none for a caller that is no person unless the role gives them.
func (d *Directory) CallersPermissions(ctx context.Context, who auth.Caller) ([]*models.UserPermission, error) {
	lists, err := d.permissionsOf(ctx, who, "Viewer.permissions", []Holder{{who.UserID, who.Role}})
	if err != nil {
		return nil, err
	}
	return lists[0], nil
}

func (d *Directory) permissionsOf(ctx context.Context, who auth.Caller, action auth.Action, holders []Holder) ([][]*models.UserPermission, error) {
	users := make([]models.UserID, len(holders))
	for i, h := range holders {
		users[i] = h.User
	}
	return glance(ctx, d, who, action, func(s *snapshot) ([][]*models.UserPermission, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		direct, version, err := directGroups(s.DB, s.account(), unique(users))
		if err != nil {
			return nil, err
		}
		graph, err := s.graph(version)
		if err != nil {
			return nil, err
		}
		up := graph.Upward()
		lists := make([][]*models.UserPermission, len(holders))
		for i, h := range holders {
			lists[i] = permissionSources(graph, up, h.Role, direct[h.User])
		}
		return lists, nil
	})
}

// permissionSources is what somebody holds in a role and with these direct memberships, in the order of the catalogue, each
// permission with all its causes.
func permissionSources(graph *nesting.Graph, up *nesting.Upward, role models.Role, direct []models.GroupID) []*models.UserPermission {
	by := graph.PermittedBy(direct...)
	if len(by) == 0 && role != models.RoleSuperAdmin {
		return nil
	}
	how := map[models.GroupID]models.Membership{}
	var held []*models.UserPermission
	for _, definition := range models.PermissionDefinitions() {
		one := &models.UserPermission{Permission: definition}
		if role == models.RoleSuperAdmin {
			one.Sources = append(one.Sources, &models.PermissionSource{Kind: models.PermissionSourceKindRole})
		}
		for _, id := range by[definition.Key] {
			if _, known := how[id]; !known {
				how[id] = up.Membership(direct, id)
			}
			one.Sources = append(one.Sources, &models.PermissionSource{Kind: models.PermissionSourceKindGroup, GroupID: &id, How: how[id]})
		}
		if len(one.Sources) > 0 {
			held = append(held, one)
		}
	}
	return held
}

// PermissionsOfGroups are the permissions that groups give to their members, in the order of the catalogue: what is granted
// to them, and to the groups they lie in. Admins.
func (d *Directory) PermissionsOfGroups(ctx context.Context, who auth.Caller, groups []models.GroupID) ([][]*models.GroupPermission, error) {
	return glance(ctx, d, who, "Group.permissions", func(s *snapshot) ([][]*models.GroupPermission, error) {
		graph, err := s.presentGraph()
		if err != nil {
			return nil, err
		}
		lists := make([][]*models.GroupPermission, len(groups))
		for i, group := range groups {
			by := graph.PermittedBy(group)
			for _, definition := range models.PermissionDefinitions() {
				granting := by[definition.Key]
				if len(granting) == 0 {
					continue
				}
				own := func(id models.GroupID) bool { return id == group }
				lists[i] = append(lists[i], &models.GroupPermission{
					Permission: definition, Direct: slices.ContainsFunc(granting, own), Via: slices.DeleteFunc(granting, own),
				})
			}
		}
		return lists, nil
	})
}

// PermissionDefinitions is the catalogue of permissions. Admins.
func (d *Directory) PermissionDefinitions(who auth.Caller) ([]*models.PermissionDefinition, error) {
	if _, err := who.May("Query.permissionDefinitions"); err != nil {
		return nil, err
	}
	return models.PermissionDefinitions(), nil
}

// GroupRights are what the caller may do with a group as far as it depends on permissions.
type GroupRights struct {
	AddMembers bool // also to nest a group in it
	Delete     bool
}

// GroupRightsOf are the caller's rights on groups. Everybody may ask; members have none.
func (d *Directory) GroupRightsOf(ctx context.Context, who auth.Caller, groups []models.GroupID) ([]GroupRights, error) {
	rights := make([]GroupRights, len(groups))
	adds, deletes := who.Can("Mutation.groupMembersAdd"), who.Can("Mutation.groupDelete")
	if who.Role == models.RoleSuperAdmin || !adds && !deletes {
		for i := range rights {
			rights[i] = GroupRights{adds, deletes}
		}
		return rights, nil
	}
	return glance(ctx, d, who, "Mutation.groupMembersAdd", func(s *snapshot) ([]GroupRights, error) {
		direct, version, err := directGroups(s.DB, s.account(), []models.UserID{who.UserID})
		if err != nil {
			return nil, err
		}
		graph, err := s.graph(version)
		if err != nil {
			return nil, err
		}
		held := heldIn(graph, who, direct[who.UserID])
		for i, id := range groups {
			rights[i] = GroupRights{adds && len(held.lacksFor(graph, id)) == 0, deletes && len(held.lacks(graph.Permissions(id))) == 0}
		}
		return rights, nil
	})
}
