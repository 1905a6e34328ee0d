package graph

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"cohort/directory"
	"cohort/models"
)

// Most of an answer are lists of rows, and for each field of each row gqlgen makes a goroutine or two contexts,
// which costs more than all the rest. A list of which nothing is asked but what the rows hold, or what the caller
// may do with them, is therefore written as text at once; every other goes gqlgen's way. A test holds the two
// together byte by byte.

// plainLists stands around the resolvers of all fields.
func plainLists(ctx context.Context, next graphql.Resolver) (any, error) {
	result, err := next(ctx)
	if err != nil {
		return result, err
	}
	var text graphql.Marshaler
	switch rows := result.(type) {
	case []*models.User:
		text = plainUser.list(ctx, rows)
	case []*models.Product:
		text = plainProduct.list(ctx, rows)
	case []*models.Group:
		text = plainGroup.list(ctx, rows)
	case []*models.UserEdge:
		text = plainUserEdge.list(ctx, rows)
	case []*models.GroupEdge:
		text = plainGroupEdge.list(ctx, rows)
	case []*models.GroupMemberEdge:
		text = plainGroupMemberEdge.list(ctx, rows)
	case []*models.UserGroupEdge:
		text = plainUserGroupEdge.list(ctx, rows)
	case []*models.PermissionDefinition:
		text = plainPermissionDefinition.list(ctx, rows)
	case []*models.UserPermission:
		text = plainUserPermission.list(ctx, rows)
	case []*models.PermissionSource:
		text = plainPermissionSource.list(ctx, rows)
	case []*models.GroupPermission:
		text = plainGroupPermission.list(ctx, rows)
	case []*models.SettingDefinition:
		text = plainSettingDefinition.list(ctx, rows)
	case []*models.EffectiveSetting:
		text = plainSetting.list(ctx, rows)
	case []*models.SettingReason:
		text = plainSettingReason.list(ctx, rows)
	case []*models.UserProduct:
		text = plainUserProduct.list(ctx, rows)
	case []*models.AccessReason:
		text = plainReason.list(ctx, rows)
	case []models.Change:
		text = plainChanges(ctx, rows)
	case []*models.MembershipCheck:
		text = plainCheck.list(ctx, rows)
	}
	if text != nil {
		return text, nil
	}
	return result, nil
}

// plainType is an object type with those of its fields that can be written at once.
type plainType[T any] struct {
	names  []string // of the type and its interfaces
	fields map[string]plainField[T]
}

// plainField makes the writer of a field for all rows of a list; nil when it turns out not to be plain.
type plainField[T any] func(ctx context.Context, f graphql.CollectedField, rows []*T) rowWriter

// rowWriter appends what belongs to one row of a list.
type rowWriter func(to []byte, row int) []byte

// written is an answer's part that is text already.
type written []byte

// MarshalGQL writes it.
func (w written) MarshalGQL(to io.Writer) { _, _ = to.Write(w) }

func (k *plainType[T]) list(ctx context.Context, rows []*T) graphql.Marshaler {
	const usual = 200 // bytes of a row
	write := k.writer(ctx, graphql.GetFieldContext(ctx).Field, rows)
	if write == nil {
		return nil
	}
	to := append(make([]byte, 0, 2+usual*len(rows)), '[')
	for row := range rows {
		if row > 0 {
			to = append(to, ',')
		}
		to = write(to, row)
	}
	return written(append(to, ']'))
}

// writer writes what is selected of the rows; nil when that is not all plain.
func (k *plainType[T]) writer(ctx context.Context, of graphql.CollectedField, rows []*T) rowWriter {
	type part struct {
		name  string
		write rowWriter
	}
	fields := graphql.CollectFields(graphql.GetOperationContext(ctx), of.Selections, k.names)
	parts := make([]part, len(fields))
	for i, f := range fields {
		var write rowWriter
		switch field := k.fields[f.Name]; {
		case f.IsDeferred():
		case f.Name == "__typename":
			write = func(to []byte, _ int) []byte { return append(append(append(to, '"'), k.names[0]...), '"') }
		case field != nil:
			write = field(ctx, f, rows)
		}
		if write == nil {
			return nil
		}
		parts[i] = part{`"` + f.Alias + `":`, write}
	}
	return func(to []byte, row int) []byte {
		to = append(to, '{')
		for i := range parts {
			if i > 0 {
				to = append(to, ',')
			}
			to = parts[i].write(append(to, parts[i].name...), row)
		}
		return append(to, '}')
	}
}

func plain[T any](value func(to []byte, row *T) []byte) plainField[T] {
	return func(_ context.Context, _ graphql.CollectedField, rows []*T) rowWriter {
		return func(to []byte, row int) []byte { return value(to, rows[row]) }
	}
}

func plainText[T any](value func(*T) string) plainField[T] {
	return plain(func(to []byte, row *T) []byte { return appendText(to, value(row)) })
}

func plainBool[T any](value func(*T) bool) plainField[T] {
	return plain(func(to []byte, row *T) []byte { return strconv.AppendBool(to, value(row)) })
}

func plainInt[T any](value func(*T) int32) plainField[T] {
	return plain(func(to []byte, row *T) []byte { return strconv.AppendInt(to, int64(value(row)), 10) })
}

func plainTime[T any](value func(*T) time.Time) plainField[T] {
	return plain(func(to []byte, row *T) []byte { return appendTime(to, value(row)) })
}

func appendTime(to []byte, at time.Time) []byte {
	var b bytes.Buffer
	models.MarshalDateTime(at).MarshalGQL(&b)
	return append(to, b.Bytes()...)
}

// plainOr writes null for what isn't there.
func plainOr[T, V any](value func(*T) *V, write func([]byte, V) []byte) plainField[T] {
	return plain(func(to []byte, row *T) []byte {
		v := value(row)
		if v == nil {
			return append(to, "null"...)
		}
		return write(to, *v)
	})
}

func plainOptionalText[T any](value func(*T) *string) plainField[T] {
	return plainOr(value, appendText)
}

func plainOptionalTime[T any](value func(*T) *time.Time) plainField[T] {
	return plainOr(value, appendTime)
}

func plainOptionalInt[T any](value func(*T) *int32) plainField[T] {
	return plainOr(value, func(to []byte, n int32) []byte { return strconv.AppendInt(to, int64(n), 10) })
}

// plainMay is for a resolver that asks nothing but the policy table.
func plainMay[T any](may func(context.Context, *T) (bool, error)) plainField[T] {
	return func(ctx context.Context, _ graphql.CollectedField, rows []*T) rowWriter {
		answers := make([]bool, len(rows))
		for i, row := range rows {
			var err error
			if answers[i], err = may(ctx, row); err != nil {
				return nil
			}
		}
		return func(to []byte, row int) []byte { return strconv.AppendBool(to, answers[row]) }
	}
}

// plainNode is for a field that leads to another object, which is always there.
func plainNode[E, T any](k *plainType[T], node func(*E) *T) plainField[E] {
	return func(ctx context.Context, f graphql.CollectedField, edges []*E) rowWriter {
		rows := make([]*T, len(edges))
		for i, edge := range edges {
			rows[i] = node(edge)
		}
		return k.writer(ctx, f, rows)
	}
}

// plainOptional is for a field that leads to another object or is null.
func plainOptional[E, T any](k *plainType[T], node func(*E) *T) plainField[E] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*E) rowWriter {
		var there []*T
		at := make([]int, len(rows))
		for i, row := range rows {
			at[i] = -1
			if one := node(row); one != nil {
				at[i], there = len(there), append(there, one)
			}
		}
		write := k.writer(ctx, f, there)
		if write == nil {
			return nil
		}
		return func(to []byte, row int) []byte {
			if at[row] < 0 {
				return append(to, "null"...)
			}
			return write(to, at[row])
		}
	}
}

var plainUser = &plainType[models.User]{[]string{"User", "Node"}, map[string]plainField[models.User]{
	"id":          plainText(func(u *models.User) string { return u.ID.String() }),
	"email":       plainText(func(u *models.User) string { return u.Email }),
	"givenName":   plainText(func(u *models.User) string { return u.GivenName }),
	"familyName":  plainText(func(u *models.User) string { return u.FamilyName }),
	"displayName": plainText(func(u *models.User) string { return u.DisplayName }),
	"locale":      plainText(func(u *models.User) string { return string(u.Locale) }),
	"role":        plainText(func(u *models.User) string { return string(u.Role) }),
	"status":      plainText(func(u *models.User) string { return string(u.Status) }),
	"statusReasons": plain(func(to []byte, u *models.User) []byte {
		to = append(to, '[')
		for i, reason := range u.StatusReasons() {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendText(to, string(reason))
		}
		return append(to, ']')
	}),
	"createdAt":             plainTime(func(u *models.User) time.Time { return u.CreatedAt }),
	"updatedAt":             plainTime(func(u *models.User) time.Time { return u.UpdatedAt }),
	"etag":                  plainText((*models.User).Etag),
	"hasNoProducts":         plainHasNoProducts,
	"viewerCanUpdate":       plainMay(userResolver{}.ViewerCanUpdate),
	"viewerCanDelete":       plainMay(userResolver{}.ViewerCanDelete),
	"viewerCanSuspend":      plainMay(userResolver{}.ViewerCanSuspend),
	"viewerCanSetRole":      plainMay(userResolver{}.ViewerCanSetRole),
	"viewerCanManageGroups": plainMay(userResolver{}.ViewerCanManageGroups),
	"viewerCanSetProducts":  plainMay(userResolver{}.ViewerCanSetProducts),
	"viewerCanSetSettings":  plainMay(userResolver{}.ViewerCanSetSettings),
}}

// plainHasNoProducts loads the products of all users of the list; where that fails, gqlgen's way tells how.
func plainHasNoProducts(ctx context.Context, _ graphql.CollectedField, users []*models.User) rowWriter {
	ids := make([]models.UserID, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	lists, err := loadersOf(ctx).productsOf(models.ProductSourceAll).loadAll(ctx, ids)
	if err != nil {
		return nil
	}
	return func(to []byte, row int) []byte { return strconv.AppendBool(to, hasNone(lists[row])) }
}

var plainProduct = &plainType[models.Product]{[]string{"Product", "Node"}, map[string]plainField[models.Product]{
	"id":                   plainText(func(p *models.Product) string { return p.ID.String() }),
	"key":                  plainText(func(p *models.Product) string { return p.Key }),
	"name":                 plainText(func(p *models.Product) string { return p.Name }),
	"family":               plainText(func(p *models.Product) string { return p.Family }),
	"seats":                plainOptionalInt(func(p *models.Product) *int32 { return p.Seats }),
	"seatsUsed":            plainInt(func(p *models.Product) int32 { return p.SeatsUsed }),
	"waiting":              plainWaiting,
	"welcomeOnFirstEnable": plainBool(func(p *models.Product) bool { return p.WelcomeOnFirstEnable }),
	"createdAt":            plainTime(func(p *models.Product) time.Time { return p.CreatedAt }),
	"updatedAt":            plainTime(func(p *models.Product) time.Time { return p.UpdatedAt }),
	"etag":                 plainText((*models.Product).Etag),
	"viewerCanUpdate":      plainMay(productResolver{}.ViewerCanUpdate),
	"viewerCanDelete":      plainMay(productResolver{}.ViewerCanDelete),
}}

// plainWaiting loads how many wait for each product of the list; where that fails, gqlgen's way tells how.
func plainWaiting(ctx context.Context, _ graphql.CollectedField, products []*models.Product) rowWriter {
	ids := make([]models.ProductID, len(products))
	for i, product := range products {
		ids[i] = product.ID
	}
	counts, err := loadersOf(ctx).waiting().loadAll(ctx, ids)
	if err != nil {
		return nil
	}
	return func(to []byte, row int) []byte { return strconv.AppendInt(to, int64(counts[row]), 10) }
}

var plainGroup = &plainType[models.Group]{[]string{"Group", "Node"}, map[string]plainField[models.Group]{
	"id":                     plainText(func(g *models.Group) string { return g.ID.String() }),
	"name":                   plainText(func(g *models.Group) string { return g.Name }),
	"description":            plainText(func(g *models.Group) string { return g.Description }),
	"priority":               plainInt(func(g *models.Group) int32 { return g.Priority }),
	"directMemberCount":      plainInt(func(g *models.Group) int32 { return g.DirectMemberCount }),
	"memberCount":            plainMemberCount,
	"createdAt":              plainTime(func(g *models.Group) time.Time { return g.CreatedAt }),
	"updatedAt":              plainTime(func(g *models.Group) time.Time { return g.UpdatedAt }),
	"etag":                   plainText((*models.Group).Etag),
	"viewerCanUpdate":        plainMay(groupResolver{}.ViewerCanUpdate),
	"viewerCanDelete":        plainGroupRight(func(may directory.GroupRights) bool { return may.Delete }),
	"viewerCanManageMembers": plainMay(groupResolver{}.ViewerCanManageMembers),
	"viewerCanNest":          plainMay(groupResolver{}.ViewerCanNest),
	"viewerCanSetProducts":   plainMay(groupResolver{}.ViewerCanSetProducts),
	"viewerCanSetSettings":   plainMay(groupResolver{}.ViewerCanSetSettings),
	"viewerCanAddMembers":    plainGroupRight(func(may directory.GroupRights) bool { return may.AddMembers }),

	"viewerCanSetPermissions": plainMay(groupResolver{}.ViewerCanSetPermissions),
}}

// plainMemberCount loads the counts of all groups of the list; where that fails, gqlgen's way tells how.
func plainMemberCount(ctx context.Context, _ graphql.CollectedField, groups []*models.Group) rowWriter {
	ids := make([]models.GroupID, len(groups))
	for i, group := range groups {
		ids[i] = group.ID
	}
	counts, err := loadersOf(ctx).memberCounts(models.MembershipRelationAll, nil).loadAll(ctx, ids)
	if err != nil {
		return nil
	}
	return func(to []byte, row int) []byte { return strconv.AppendInt(to, int64(counts[row]), 10) }
}

var plainUserEdge = &plainType[models.UserEdge]{[]string{"UserEdge"}, map[string]plainField[models.UserEdge]{
	"cursor": plainText(func(e *models.UserEdge) string { return e.Cursor }),
	"node":   plainNode(plainUser, func(e *models.UserEdge) *models.User { return e.Node }),
}}

var plainGroupEdge = &plainType[models.GroupEdge]{[]string{"GroupEdge"}, map[string]plainField[models.GroupEdge]{
	"cursor": plainText(func(e *models.GroupEdge) string { return e.Cursor }),
	"node":   plainNode(plainGroup, func(e *models.GroupEdge) *models.Group { return e.Node }),
}}

var plainGroupMemberEdge = &plainType[models.GroupMemberEdge]{[]string{"GroupMemberEdge"}, map[string]plainField[models.GroupMemberEdge]{
	"cursor": plainText(func(e *models.GroupMemberEdge) string { return e.Cursor }),
	"node":   plainNode(plainUser, func(e *models.GroupMemberEdge) *models.User { return e.Node }),
	"direct": plainBool((*models.GroupMemberEdge).Direct),
}}

var plainUserGroupEdge = &plainType[models.UserGroupEdge]{[]string{"UserGroupEdge"}, map[string]plainField[models.UserGroupEdge]{
	"cursor": plainText(func(e *models.UserGroupEdge) string { return e.Cursor }),
	"node":   plainNode(plainGroup, func(e *models.UserGroupEdge) *models.Group { return e.Node }),
	"direct": plainBool((*models.UserGroupEdge).Direct),
}}

var plainCheck = &plainType[models.MembershipCheck]{[]string{"MembershipCheck"}, map[string]plainField[models.MembershipCheck]{
	"userId":   plainText(func(c *models.MembershipCheck) string { return c.UserID.String() }),
	"groupId":  plainText(func(c *models.MembershipCheck) string { return c.GroupID.String() }),
	"isMember": plainBool((*models.MembershipCheck).IsMember),
	"direct":   plainBool((*models.MembershipCheck).Direct),
}}

// appendText is a string in JSON as gqlgen writes it.
func appendText(to []byte, text string) []byte {
	const hex = "0123456789ABCDEF"
	to = append(to, '"')
	begin := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, text[begin:i]...)
		begin = i + 1
		switch c {
		case '\t':
			to = append(to, '\\', 't')
		case '\r':
			to = append(to, '\\', 'r')
		case '\n':
			to = append(to, '\\', 'n')
		case '"', '\\':
			to = append(to, '\\', c)
		default:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
	}
	return append(append(to, text[begin:]...), '"')
}
