package models

import (
	"encoding/json"
	"io"
)

// AccessKey says what is asked about: exactly one field is set.
type AccessKey struct{ Product, Setting, Permission *string }

// AccessExplanation is why a user has something, or hasn't.
type AccessExplanation struct {
	UserID     UserID
	Product    *Product
	Setting    *SettingDefinition
	Permission *PermissionDefinition
	Has        bool
	State      *ProductState // of a product
	Value      *SettingValue // of a setting
	Reasons    []*AccessReason
	Count      int32 // of the reasons that there are
}

// MaxReasons bounds the reasons of an explanation.
const MaxReasons = 250

// AccessReason is one reason.
type AccessReason struct {
	Kind   AccessReasonKind
	Counts bool
	Path   []GroupID // from a group that the user is a direct member of up to the one that gives
	Value  *SettingValue
	Locked bool
	Action *AccessAction // nil when there is none
}

// AccessAction is what would end a reason, and nothing but what comes from the same membership, value or grant.
type AccessAction struct {
	Mutation string
	Input    JSONObject
}

// JSONObject is an object of a shape that depends on something else.
type JSONObject map[string]any

// MarshalGQL writes it.
func (o JSONObject) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(map[string]any(o)) }

// UnmarshalGQL reads it. INVALID for what is no object.
func (o *JSONObject) UnmarshalGQL(v any) error {
	object, is := v.(map[string]any)
	if !is {
		return Errorf(CodeInvalid, "a JSONObject is an object")
	}
	*o = object
	return nil
}
