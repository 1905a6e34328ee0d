package graph

import (
	"context"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"cohort/models"
)

// plainChanges writes the entries of a page of the change feed, each by the type that it has.
func plainChanges(ctx context.Context, changes []models.Change) graphql.Marshaler {
	const usual = 300 // bytes of an entry
	rows := make([]*models.ChangeEntry, len(changes))
	for i, change := range changes {
		rows[i] = change.Entry()
	}
	of := graphql.GetFieldContext(ctx).Field
	writers := make(map[models.ChangeKind]rowWriter, len(plainChange))
	for kind, k := range plainChange {
		if writers[kind] = k.writer(ctx, of, rows); writers[kind] == nil {
			return nil
		}
	}
	to := append(make([]byte, 0, 2+usual*len(rows)), '[')
	for i, row := range rows {
		if i > 0 {
			to = append(to, ',')
		}
		to = writers[row.Kind](to, i)
	}
	return written(append(to, ']'))
}

var plainChange = map[models.ChangeKind]*plainType[models.ChangeEntry]{
	models.ChangeKindUser: changeType("UserChange", map[string]plainField[models.ChangeEntry]{
		"userId": plainSubject[models.UserID],
		"after":  plainAfter(models.ChangeKindUser, plainChangedUser, func(e *models.ChangeEntry) (*models.ChangedUser, error) { return (*models.UserChange)(e).After() }),
	}),
	models.ChangeKindUserStatus: changeType("UserStatusChange", map[string]plainField[models.ChangeEntry]{
		"userId": plainSubject[models.UserID], "status": plainStatus("status"), "statusReasons": plainStatus("statusReasons"),
	}),
	models.ChangeKindUserProduct: changeType("UserProductChange", map[string]plainField[models.ChangeEntry]{
		"userId": plainSubject[models.UserID], "productId": plainObject[models.ProductID],
	}),
	models.ChangeKindGroup: changeType("GroupChange", map[string]plainField[models.ChangeEntry]{
		"groupId": plainSubject[models.GroupID],
		"after":   plainAfter(models.ChangeKindGroup, plainChangedGroup, func(e *models.ChangeEntry) (*models.ChangedGroup, error) { return (*models.GroupChange)(e).After() }),
	}),
	models.ChangeKindMembership: changeType("MembershipChange", map[string]plainField[models.ChangeEntry]{
		"userId": plainSubject[models.UserID], "groupId": plainObject[models.GroupID],
	}),
	models.ChangeKindNesting: changeType("NestingChange", map[string]plainField[models.ChangeEntry]{
		"childId": plainSubject[models.GroupID], "parentId": plainObject[models.GroupID],
	}),
}

// changeType adds the fields that all changes have.
func changeType(name string, fields map[string]plainField[models.ChangeEntry]) *plainType[models.ChangeEntry] {
	fields["number"] = plain(func(to []byte, e *models.ChangeEntry) []byte { return strconv.AppendInt(to, int64(e.Number), 10) })
	fields["time"] = plainTime(func(e *models.ChangeEntry) time.Time { return e.Time })
	fields["operationId"] = plainText(func(e *models.ChangeEntry) string { return e.OperationID.String() })
	fields["action"] = plainText(func(e *models.ChangeEntry) string { return string(e.Action) })
	return &plainType[models.ChangeEntry]{[]string{name, "Change"}, fields}
}

// changeID is an id that knows how it is written.
type changeID interface {
	~[16]byte
	String() string
}

func plainSubject[ID changeID](ctx context.Context, f graphql.CollectedField, rows []*models.ChangeEntry) rowWriter {
	return plainText(func(e *models.ChangeEntry) string { return ID(e.Subject).String() })(ctx, f, rows)
}

func plainObject[ID changeID](ctx context.Context, f graphql.CollectedField, rows []*models.ChangeEntry) rowWriter {
	return plainText(func(e *models.ChangeEntry) string { return ID(e.Object).String() })(ctx, f, rows)
}

// afterwards reads what the entries of a kind tell, and has nil for those of others and for what is removed. ok is false where that
// can't be read: gqlgen's way tells how.
func afterwards[T any](kind models.ChangeKind, rows []*models.ChangeEntry, read func(*models.ChangeEntry) (*T, error)) (after []*T, ok bool) {
	after = make([]*T, len(rows))
	for i, row := range rows {
		if row.Kind != kind {
			continue
		}
		var err error
		if after[i], err = read(row); err != nil {
			return nil, false
		}
	}
	return after, true
}

// plainAfter is for a field that leads to what the thing is after the change, or to null.
func plainAfter[T any](kind models.ChangeKind, k *plainType[T], read func(*models.ChangeEntry) (*T, error)) plainField[models.ChangeEntry] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*models.ChangeEntry) rowWriter {
		after, ok := afterwards(kind, rows, read)
		if !ok {
			return nil
		}
		write := k.writer(ctx, f, after)
		if write == nil {
			return nil
		}
		return func(to []byte, row int) []byte {
			if after[row] == nil {
				return append(to, "null"...)
			}
			return write(to, row)
		}
	}
}

// plainStatus is for a field of a status, which is written as that of a user.
func plainStatus(name string) plainField[models.ChangeEntry] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*models.ChangeEntry) rowWriter {
		after, ok := afterwards(models.ChangeKindUserStatus, rows, func(e *models.ChangeEntry) (*models.ChangedUser, error) {
			status, err := (*models.UserStatusChange)(e).Status()
			if err != nil {
				return nil, err
			}
			reasons, err := (*models.UserStatusChange)(e).StatusReasons()
			return &models.ChangedUser{Status: status, StatusReasons: reasons}, err
		})
		if !ok {
			return nil
		}
		return plainChangedUser.fields[name](ctx, f, after)
	}
}

var plainChangedUser = &plainType[models.ChangedUser]{[]string{"ChangedUser"}, map[string]plainField[models.ChangedUser]{
	"email":       plainText(func(u *models.ChangedUser) string { return u.Email }),
	"givenName":   plainText(func(u *models.ChangedUser) string { return u.GivenName }),
	"familyName":  plainText(func(u *models.ChangedUser) string { return u.FamilyName }),
	"displayName": plainText(func(u *models.ChangedUser) string { return u.DisplayName }),
	"locale":      plainText(func(u *models.ChangedUser) string { return string(u.Locale) }),
	"role":        plainText(func(u *models.ChangedUser) string { return string(u.Role) }),
	"status":      plainText(func(u *models.ChangedUser) string { return string(u.Status) }),
	"statusReasons": plain(func(to []byte, u *models.ChangedUser) []byte {
		to = append(to, '[')
		for i, reason := range u.StatusReasons {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendText(to, string(reason))
		}
		return append(to, ']')
	}),
}}

var plainChangedGroup = &plainType[models.ChangedGroup]{[]string{"ChangedGroup"}, map[string]plainField[models.ChangedGroup]{
	"name":        plainText(func(g *models.ChangedGroup) string { return g.Name }),
	"description": plainText(func(g *models.ChangedGroup) string { return g.Description }),
	"priority":    plainInt(func(g *models.ChangedGroup) int32 { return g.Priority }),
}}
