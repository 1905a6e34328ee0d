package graph

import (
	"bytes"
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"cohort/models"
)

var plainReason = &plainType[models.AccessReason]{[]string{"AccessReason"}, map[string]plainField[models.AccessReason]{
	"kind":         plainText(func(r *models.AccessReason) string { return string(r.Kind) }),
	"counts":       plainBool(func(r *models.AccessReason) bool { return r.Counts }),
	"hiddenGroups": plainHidden,
	"value":        plainOptional(plainSettingValue, func(r *models.AccessReason) *models.SettingValue { return r.Value }),
	"locked":       plainBool(func(r *models.AccessReason) bool { return r.Locked }),
	"action":       plainOptional(plainAction, func(r *models.AccessReason) *models.AccessAction { return r.Action }),
}}

var plainAction = &plainType[models.AccessAction]{[]string{"AccessAction"}, map[string]plainField[models.AccessAction]{
	"mutation": plainText(func(a *models.AccessAction) string { return a.Mutation }),
	"input": plain(func(to []byte, a *models.AccessAction) []byte {
		var b bytes.Buffer
		a.Input.MarshalGQL(&b)
		return append(to, b.Bytes()...)
	}),
	"permitted": plainMay(accessActionResolver{}.Permitted),
}}

func init() { // since reasons lead to groups
	plainReason.fields["path"] = plainGroups(pathOf)
}

func pathOf(r *models.AccessReason) []models.GroupID { return r.Path }

// plainHidden loads the groups of all ways; where that fails, gqlgen's way tells how.
func plainHidden(ctx context.Context, _ graphql.CollectedField, reasons []*models.AccessReason) rowWriter {
	seen, err := groupsByID(ctx, reasons, pathOf)
	if err != nil {
		return nil
	}
	return func(to []byte, row int) []byte {
		return strconv.AppendInt(to, int64(len(reasons[row].Path)-len(seen[row])), 10)
	}
}
