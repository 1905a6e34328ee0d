package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"cohort/models"
)

var plainSettingDefinition = &plainType[models.SettingDefinition]{[]string{"SettingDefinition"}, map[string]plainField[models.SettingDefinition]{
	"key":         plainText(func(d *models.SettingDefinition) string { return d.Key }),
	"area":        plainText(func(d *models.SettingDefinition) string { return d.Area }),
	"productKey":  plainOptionalText(func(d *models.SettingDefinition) *string { return d.ProductKey }),
	"name":        plainText(func(d *models.SettingDefinition) string { return d.Name }),
	"description": plainText(func(d *models.SettingDefinition) string { return d.Description }),
	"type":        plainText(func(d *models.SettingDefinition) string { return string(d.Type) }),
	"default":     plainNode(plainSettingValue, func(d *models.SettingDefinition) *models.SettingValue { return &d.Default }),
	"min":         plainOptionalInt(func(d *models.SettingDefinition) *int32 { return d.Min }),
	"max":         plainOptionalInt(func(d *models.SettingDefinition) *int32 { return d.Max }),
	"unit":        plainOptionalText(func(d *models.SettingDefinition) *string { return d.Unit }),
	"maxLength":   plainOptionalInt(func(d *models.SettingDefinition) *int32 { return d.MaxLength }),
	"pattern":     plainOptionalText(func(d *models.SettingDefinition) *string { return d.Pattern }),
}}

var plainSettingValue = &plainType[models.SettingValue]{[]string{"SettingValue"}, map[string]plainField[models.SettingValue]{
	"boolean": plain(func(to []byte, v *models.SettingValue) []byte {
		if v.Type != models.SettingTypeBoolean {
			return append(to, "null"...)
		}
		return append(to, v.Text...)
	}),
	"integer": plainOptionalInt(func(v *models.SettingValue) *int32 { return v.Integer() }),
	"string":  plainOptionalText(func(v *models.SettingValue) *string { return v.AsString() }),
	"choice":  plainOptionalText(func(v *models.SettingValue) *string { return v.Choice() }),
}}

var plainSettingReason = &plainType[models.SettingReason]{[]string{"SettingReason"}, map[string]plainField[models.SettingReason]{
	"source": plainText(func(r *models.SettingReason) string { return string(r.Source) }),
	"value":  plainNode(plainSettingValue, func(r *models.SettingReason) *models.SettingValue { return &r.Value }),
	"locked": plainBool(func(r *models.SettingReason) bool { return r.Locked }),
}}

var plainSetting = &plainType[models.EffectiveSetting]{[]string{"EffectiveSetting"}, map[string]plainField[models.EffectiveSetting]{
	"definition": plainNode(plainSettingDefinition, func(s *models.EffectiveSetting) *models.SettingDefinition { return s.Definition }),
	"value":      plainNode(plainSettingValue, func(s *models.EffectiveSetting) *models.SettingValue { return &s.Value }),
	"source":     plainText(func(s *models.EffectiveSetting) string { return string(s.Source) }),
	"locked":     plainBool(func(s *models.EffectiveSetting) bool { return s.Locked }),
	"ownValue":   plainOptional(plainSettingValue, (*models.EffectiveSetting).OwnValue),
	"ownLocked":  plainBool((*models.EffectiveSetting).OwnLocked),
	"overrides":  plainNested(plainSettingReason, plainOverridesOf),
}}

func init() { // since users and groups have settings, and settings groups
	plainUser.fields["settings"] = plainSettings(plainSettingsOf)
	plainGroup.fields["settings"] = plainSettings(plainSettingsOfGroups)
	plainSetting.fields["group"] = plainGroupOf(func(s *models.EffectiveSetting) *models.GroupID { return s.GroupID })
	plainSettingReason.fields["group"] = plainGroupOf(func(r *models.SettingReason) *models.GroupID { return r.GroupID })
}

// plainSettings is for the settings of rows, all of them or those with the keys that are asked for.
func plainSettings[E any](lists func(ctx context.Context, rows []*E, keys []string) ([][]*models.EffectiveSetting, error)) plainField[E] {
	return func(ctx context.Context, f graphql.CollectedField, rows []*E) rowWriter {
		keys, err := asTexts(f.ArgumentMap(graphql.GetOperationContext(ctx).Variables)["keys"])
		if err != nil {
			return nil
		}
		return plainNested(plainSetting, func(ctx context.Context, rows []*E) ([][]*models.EffectiveSetting, error) {
			return lists(ctx, rows, keys)
		})(ctx, f, rows)
	}
}

// asTexts reads an argument that is a list of texts or null.
func asTexts(argument any) ([]string, error) {
	if argument == nil {
		return nil, nil
	}
	given := graphql.CoerceList(argument)
	texts := make([]string, len(given))
	for i, one := range given {
		var err error
		if texts[i], err = graphql.UnmarshalString(one); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func plainSettingsOf(ctx context.Context, users []*models.User, keys []string) ([][]*models.EffectiveSetting, error) {
	return loadersOf(ctx).settingsOf(keys).loadAll(ctx, idsOf(users, func(u *models.User) models.UserID { return u.ID }))
}

func plainSettingsOfGroups(ctx context.Context, groups []*models.Group, keys []string) ([][]*models.EffectiveSetting, error) {
	return loadersOf(ctx).settingsOfGroups(keys).loadAll(ctx, idsOf(groups, func(g *models.Group) models.GroupID { return g.ID }))
}

func plainOverridesOf(_ context.Context, settings []*models.EffectiveSetting) ([][]*models.SettingReason, error) {
	lists := make([][]*models.SettingReason, len(settings))
	for i, s := range settings {
		lists[i] = s.Overrides()
	}
	return lists, nil
}

func idsOf[T, ID any](rows []*T, id func(*T) ID) []ID {
	ids := make([]ID, len(rows))
	for i, row := range rows {
		ids[i] = id(row)
	}
	return ids
}
