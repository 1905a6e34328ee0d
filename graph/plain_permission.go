package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"cohort/directory"
	"cohort/models"
)

// A page of users with what each of them holds, and why, is a list of lists of lists: written at once it costs a tenth.

var plainPermissionDefinition = &plainType[models.PermissionDefinition]{[]string{"PermissionDefinition"}, map[string]plainField[models.PermissionDefinition]{
	"key":         plainText(func(d *models.PermissionDefinition) string { return d.Key }),
	"area":        plainText(func(d *models.PermissionDefinition) string { return d.Area }),
	"name":        plainText(func(d *models.PermissionDefinition) string { return d.Name }),
	"description": plainText(func(d *models.PermissionDefinition) string { return d.Description }),
}}

var plainUserPermission = &plainType[models.UserPermission]{[]string{"UserPermission"}, map[string]plainField[models.UserPermission]{
	"permission": plainNode(plainPermissionDefinition, func(p *models.UserPermission) *models.PermissionDefinition { return p.Permission }),
	"sources":    plainNested(plainPermissionSource, plainSourcesOf),
}}

var plainPermissionSource = &plainType[models.PermissionSource]{[]string{"PermissionSource"}, map[string]plainField[models.PermissionSource]{
	"kind":   plainText(func(s *models.PermissionSource) string { return string(s.Kind) }),
	"direct": plainBool((*models.PermissionSource).Direct),
}}

var plainGroupPermission = &plainType[models.GroupPermission]{[]string{"GroupPermission"}, map[string]plainField[models.GroupPermission]{
	"permission": plainNode(plainPermissionDefinition, func(p *models.GroupPermission) *models.PermissionDefinition { return p.Permission }),
	"direct":     plainBool(func(p *models.GroupPermission) bool { return p.Direct }),
}}

func init() { // since groups have permissions, and permissions groups
	plainUser.fields["permissions"] = plainNested(plainUserPermission, plainPermissionsOf)
	plainGroup.fields["permissions"] = plainNested(plainGroupPermission, plainPermissionsOfGroups)
	plainPermissionSource.fields["group"] = plainGroupOf(func(s *models.PermissionSource) *models.GroupID { return s.GroupID })
	plainPermissionSource.fields["via"] = plainGroups(func(s *models.PermissionSource) []models.GroupID { return s.How.Via })
	plainPermissionSource.fields["path"] = plainGroups(func(s *models.PermissionSource) []models.GroupID { return s.How.Path })
	plainGroupPermission.fields["via"] = plainGroups(func(p *models.GroupPermission) []models.GroupID { return p.Via })
}

// plainNested is for a field that is a list itself; where the lists can't be had, gqlgen's way tells why.
func plainNested[E, T any](k *plainType[T], lists func(context.Context, []*E) ([][]*T, error)) plainField[E] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*E) rowWriter {
		found, err := lists(ctx, rows)
		if err != nil {
			return nil
		}
		var flat []*T
		begin := make([]int, len(rows)+1) // where each row's own begin
		for i, list := range found {
			flat = append(flat, list...)
			begin[i+1] = len(flat)
		}
		write := k.writer(ctx, f, flat)
		if write == nil {
			return nil
		}
		return func(to []byte, row int) []byte {
			to = append(to, '[')
			for at := begin[row]; at < begin[row+1]; at++ {
				if at > begin[row] {
					to = append(to, ',')
				}
				to = write(to, at)
			}
			return append(to, ']')
		}
	}
}

func plainPermissionsOf(ctx context.Context, users []*models.User) ([][]*models.UserPermission, error) {
	holders := make([]directory.Holder, len(users))
	for i, user := range users {
		holders[i] = directory.Holder{User: user.ID, Role: user.Role}
	}
	return loadersOf(ctx).permissionsOf().loadAll(ctx, holders)
}

func plainPermissionsOfGroups(ctx context.Context, groups []*models.Group) ([][]*models.GroupPermission, error) {
	ids := make([]models.GroupID, len(groups))
	for i, group := range groups {
		ids[i] = group.ID
	}
	return loadersOf(ctx).permissionsOfGroups().loadAll(ctx, ids)
}

func plainSourcesOf(_ context.Context, permissions []*models.UserPermission) ([][]*models.PermissionSource, error) {
	lists := make([][]*models.PermissionSource, len(permissions))
	for i, p := range permissions {
		lists[i] = p.Sources
	}
	return lists, nil
}

// plainGroupOf is for a group that a row may name; null when it names none, or one deleted meanwhile.
func plainGroupOf[E any](id func(*E) *models.GroupID) plainField[E] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*E) rowWriter {
		found, err := groupsByID(ctx, rows, func(row *E) []models.GroupID {
			if id := id(row); id != nil {
				return []models.GroupID{*id}
			}
			return nil
		})
		if err != nil {
			return nil
		}
		of := make(map[*E]*models.Group, len(rows))
		for i, list := range found {
			if len(list) > 0 {
				of[rows[i]] = list[0]
			}
		}
		return plainOptional(plainGroup, func(row *E) *models.Group { return of[row] })(ctx, f, rows)
	}
}

// plainGroups is for a list of groups that a row names; one deleted meanwhile is left out.
func plainGroups[E any](ids func(*E) []models.GroupID) plainField[E] {
	return plainNested(plainGroup, func(ctx context.Context, rows []*E) ([][]*models.Group, error) { return groupsByID(ctx, rows, ids) })
}

// groupsByID loads the groups that rows name, all at once.
func groupsByID[E any](ctx context.Context, rows []*E, ids func(*E) []models.GroupID) ([][]*models.Group, error) {
	at := map[models.GroupID]int{}
	var asked []models.GroupID
	for _, row := range rows {
		for _, id := range ids(row) {
			if _, known := at[id]; !known {
				at[id] = len(asked)
				asked = append(asked, id)
			}
		}
	}
	if len(asked) == 0 {
		return make([][]*models.Group, len(rows)), nil
	}
	found, err := loadersOf(ctx).groups().loadAll(ctx, asked)
	if err != nil {
		return nil, err
	}
	lists := make([][]*models.Group, len(rows))
	for i, row := range rows {
		for _, id := range ids(row) {
			if group := found[at[id]]; group != nil {
				lists[i] = append(lists[i], group)
			}
		}
	}
	return lists, nil
}
