package graph

import (
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"cohort/models"
)

// FieldByField is for a handler that writes no list at once.
func FieldByField(o Options) Options {
	o.fieldByField = true
	return o
}

// IsPlain tells whether a field of a type can be written at once.
func IsPlain(of, field string) bool {
	return map[string]func() bool{
		"User":            func() bool { return plainUser.fields[field] != nil },
		"Group":           func() bool { return plainGroup.fields[field] != nil },
		"UserEdge":        func() bool { return plainUserEdge.fields[field] != nil },
		"GroupEdge":       func() bool { return plainGroupEdge.fields[field] != nil },
		"GroupMemberEdge": func() bool { return plainGroupMemberEdge.fields[field] != nil },
		"UserGroupEdge":   func() bool { return plainUserGroupEdge.fields[field] != nil },
		"Product":         func() bool { return plainProduct.fields[field] != nil },
		"MembershipCheck": func() bool { return plainCheck.fields[field] != nil },

		"UserChange":        func() bool { return plainChange[models.ChangeKindUser].fields[field] != nil },
		"UserStatusChange":  func() bool { return plainChange[models.ChangeKindUserStatus].fields[field] != nil },
		"UserProductChange": func() bool { return plainChange[models.ChangeKindUserProduct].fields[field] != nil },
		"GroupChange":       func() bool { return plainChange[models.ChangeKindGroup].fields[field] != nil },
		"MembershipChange":  func() bool { return plainChange[models.ChangeKindMembership].fields[field] != nil },
		"NestingChange":     func() bool { return plainChange[models.ChangeKindNesting].fields[field] != nil },
		"ChangedUser":       func() bool { return plainChangedUser.fields[field] != nil },
		"ChangedGroup":      func() bool { return plainChangedGroup.fields[field] != nil },

		"PermissionDefinition": func() bool { return plainPermissionDefinition.fields[field] != nil },
		"UserPermission":       func() bool { return plainUserPermission.fields[field] != nil },
		"PermissionSource":     func() bool { return plainPermissionSource.fields[field] != nil },
		"GroupPermission":      func() bool { return plainGroupPermission.fields[field] != nil },
		"SettingDefinition":    func() bool { return plainSettingDefinition.fields[field] != nil },
		"SettingValue":         func() bool { return plainSettingValue.fields[field] != nil },
		"SettingReason":        func() bool { return plainSettingReason.fields[field] != nil },
		"EffectiveSetting":     func() bool { return plainSetting.fields[field] != nil },
		"UserProduct":          func() bool { return plainUserProduct.fields[field] != nil },
		"AccessReason":         func() bool { return plainReason.fields[field] != nil },
		"AccessAction":         func() bool { return plainAction.fields[field] != nil },
	}[of]()
}

// AppendText and GqlgenText write a string.
func AppendText(text string) string { return string(appendText(nil, text)) }

// GqlgenText is how gqlgen writes it.
func GqlgenText(text string) string {
	var b strings.Builder
	graphql.MarshalString(text).MarshalGQL(&b)
	return b.String()
}
