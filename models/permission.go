package models

import "time"

// PermissionDefinition is an entry of the catalogue of permissions, which is the same for all accounts.
type PermissionDefinition struct {
	Key         string // at most 64 characters, and never changed
	Area        string // the product or the part of the console that it is about
	Name        string
	Description string
}

// PermissionByKey is an entry of the catalogue; nil for a key that is none of its.
func PermissionByKey(key string) *PermissionDefinition { return permissionByKey[key] }

// PermissionDefinitions is the catalogue, by area, in the order of the screens. The caller must not change it.
func PermissionDefinitions() []*PermissionDefinition { return permissionDefinitions }

var permissionByKey = func() map[string]*PermissionDefinition {
	byKey := make(map[string]*PermissionDefinition, len(permissionDefinitions))
	for _, definition := range permissionDefinitions {
		byKey[definition.Key] = definition
	}
	return byKey
}()

// GroupPermissionRow is a permission granted to the group.
type GroupPermissionRow struct {
	AccountID     AccountID
	GroupID       GroupID
	PermissionKey string
	CreatedAt     time.Time `gorm:"autoCreateTime:false"`
}

func (GroupPermissionRow) TableName() string { return "group_permissions" }

// UserPermission is a permission that a user holds, with all that gives it.
type UserPermission struct {
	Permission *PermissionDefinition
	Sources    []*PermissionSource // what the role gives first, then by the age of the groups
}

// PermissionSource is one cause of which a user holds a permission.
type PermissionSource struct {
	Kind    PermissionSourceKind
	GroupID *GroupID   // the group that it is granted to; nil for a role
	How     Membership // of the user in that group
}

// Direct is true where the user has a row in the very group that it is granted to.
func (s *PermissionSource) Direct() bool { return s.How.Direct }

// GroupPermission is a permission that a group gives to its members.
type GroupPermission struct {
	Permission *PermissionDefinition
	Direct     bool
	Via        []GroupID // the groups above that it is granted to, the oldest first
}

// GroupPermissionsSetInput says what is to become of the permissions that a group grants.
type GroupPermissionsSetInput struct {
	GroupID        GroupID
	PermissionKeys []string
	Mode           PermissionMode

	IdempotencyKey *string `json:"-"`
}

type GroupPermissionsSetPayload struct {
	Group   *Group
	Granted []*PermissionDefinition
	Ended   []*PermissionDefinition
	Refused
}
