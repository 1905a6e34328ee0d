package graph

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

func (r queryResolver) PermissionDefinitions(ctx context.Context) ([]*models.PermissionDefinition, error) {
	return r.directory.PermissionDefinitions(caller(ctx))
}

func (r viewerResolver) Permissions(ctx context.Context, who *auth.Caller) ([]*models.UserPermission, error) {
	return r.directory.CallersPermissions(ctx, *who)
}

func (r userResolver) Permissions(ctx context.Context, user *models.User) ([]*models.UserPermission, error) {
	return load(loadersOf(ctx).permissionsOf(), ctx, directory.Holder{User: user.ID, Role: user.Role})
}

func (r groupResolver) Permissions(ctx context.Context, group *models.Group) ([]*models.GroupPermission, error) {
	return load(loadersOf(ctx).permissionsOfGroups(), ctx, group.ID)
}

func (r permissionSourceResolver) Group(ctx context.Context, source *models.PermissionSource) (*models.Group, error) {
	if source.GroupID == nil {
		return nil, nil //nolint:nilnil // a role is no group
	}
	return load(loadersOf(ctx).groups(), ctx, *source.GroupID)
}

func (r permissionSourceResolver) Via(ctx context.Context, source *models.PermissionSource) ([]*models.Group, error) {
	return groupsNamed(ctx, source.How.Via)
}

func (r permissionSourceResolver) Path(ctx context.Context, source *models.PermissionSource) ([]*models.Group, error) {
	return groupsNamed(ctx, source.How.Path)
}

func (r groupPermissionResolver) Via(ctx context.Context, permission *models.GroupPermission) ([]*models.Group, error) {
	return groupsNamed(ctx, permission.Via)
}

func (r groupResolver) ViewerCanSetPermissions(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupPermissionsSet"), nil
}

func (r groupResolver) ViewerCanAddMembers(ctx context.Context, group *models.Group) (bool, error) {
	may, err := load(loadersOf(ctx).groupRights(), ctx, group.ID)
	return may.AddMembers, err
}

func (r groupResolver) ViewerCanDelete(ctx context.Context, group *models.Group) (bool, error) {
	may, err := load(loadersOf(ctx).groupRights(), ctx, group.ID)
	return may.Delete, err
}

// plainGroupRight loads what the caller may do with all groups of the list; where that fails, gqlgen's way tells how.
func plainGroupRight(right func(directory.GroupRights) bool) plainField[models.Group] {
	return func(ctx context.Context, _ graphql.CollectedField, groups []*models.Group) rowWriter {
		ids := make([]models.GroupID, len(groups))
		for i, group := range groups {
			ids[i] = group.ID
		}
		rights, err := loadersOf(ctx).groupRights().loadAll(ctx, ids)
		if err != nil {
			return nil
		}
		return func(to []byte, row int) []byte { return strconv.AppendBool(to, right(rights[row])) }
	}
}

func (r mutationResolver) GroupPermissionsSet(ctx context.Context, input models.GroupPermissionsSetInput) (*models.GroupPermissionsSetPayload, error) {
	return answer(r.directory.SetGroupPermissions(ctx, caller(ctx), input))
}
