package models

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SettingDefinition says what a setting is about and which values it takes. The definitions are part of the program: see
// SettingDefinitions.
type SettingDefinition struct {
	Key         string // such as "meeting.recording"; the same for ever, at most 64 characters
	Area        string
	ProductKey  *string // nil when it is about no product
	Name        string
	Description string
	Type        SettingType
	Default     SettingValue

	Min, Max  *int32          // of an INTEGER, both ends included
	Unit      *string         // of an INTEGER, such as "minutes"
	MaxLength *int32          // of a STRING, in characters
	Pattern   *string         // of a STRING, which all of it has to match
	Choices   []SettingChoice // of a CHOICE
}

// SettingChoice is one of the values of a CHOICE.
type SettingChoice struct{ Value, Name string }

// SettingValue is a value of a setting. Two are the same when they are equal.
type SettingValue struct {
	Type SettingType
	Text string // as it is stored: true or false, a number in decimals, or the text
}

// Boolean is the value of a BOOLEAN, nil for others.
func (v SettingValue) Boolean() *bool {
	if v.Type != SettingTypeBoolean {
		return nil
	}
	return new(v.Text == "true")
}

// Integer is the value of an INTEGER, nil for others.
func (v SettingValue) Integer() *int32 {
	if v.Type != SettingTypeInteger {
		return nil
	}
	n, err := strconv.ParseInt(v.Text, 10, 32)
	if err != nil {
		return nil
	}
	return new(int32(n))
}

// AsString is the value of a STRING, nil for others.
func (v SettingValue) AsString() *string { return v.textOf(SettingTypeString) }

// Choice is the value of a CHOICE, nil for others.
func (v SettingValue) Choice() *string { return v.textOf(SettingTypeChoice) }

func (v SettingValue) textOf(t SettingType) *string {
	if v.Type != t {
		return nil
	}
	return &v.Text
}

func booleanValue(is bool) SettingValue {
	return SettingValue{SettingTypeBoolean, strconv.FormatBool(is)}
}

func integerValue(n int32) SettingValue {
	return SettingValue{SettingTypeInteger, strconv.Itoa(int(n))}
}
func stringValue(text string) SettingValue  { return SettingValue{SettingTypeString, text} }
func choiceValue(value string) SettingValue { return SettingValue{SettingTypeChoice, value} }

// SettingValueInput is a value as somebody gives it: exactly one field is set.
type SettingValueInput struct {
	Boolean *bool   `json:",omitempty"`
	Integer *int32  `json:",omitempty"`
	String  *string `json:",omitempty"`
	Choice  *string `json:",omitempty"`
}

// value is what was given, whether or not the setting takes it. INVALID unless exactly one field is set.
func (in *SettingValueInput) value() (SettingValue, error) {
	var given []SettingValue
	if in.Boolean != nil {
		given = append(given, booleanValue(*in.Boolean))
	}
	if in.Integer != nil {
		given = append(given, integerValue(*in.Integer))
	}
	if in.String != nil {
		given = append(given, stringValue(*in.String))
	}
	if in.Choice != nil {
		given = append(given, choiceValue(*in.Choice))
	}
	if len(given) != 1 {
		return SettingValue{}, Errorf(CodeInvalid, "give exactly one: boolean or integer or string or choice")
	}
	return given[0], nil
}

// Check turns what somebody gave into a value of the setting. INVALID for another type, a number out of range, a choice
// that there is not and a text that doesn't match; TOO_LONG and INVALID_CHARACTERS for a text. The path begins at the
// value.
func (d *SettingDefinition) Check(in *SettingValueInput) (SettingValue, error) {
	v, err := in.value()
	if err != nil {
		return v, err
	}
	if v.Type != d.Type {
		return v, Errorf(CodeInvalid, "%s takes %s, not %s", d.Key, d.wants(), strings.ToLower(string(v.Type))).With("key", d.Key)
	}
	if d.Type == SettingTypeString {
		if v.Text, err = Line(v.Text, int(*d.MaxLength), false); err != nil {
			return v, err
		}
	}
	if !d.takes(v) {
		return v, Errorf(CodeInvalid, "%s takes %s", d.Key, d.wants()).With("key", d.Key)
	}
	return v, nil
}

// takes tells whether the setting has the value.
func (d *SettingDefinition) takes(v SettingValue) bool {
	if v.Type != d.Type {
		return false
	}
	switch d.Type {
	case SettingTypeBoolean:
		return v.Text == "true" || v.Text == "false"
	case SettingTypeInteger:
		n := v.Integer()
		return n != nil && *n >= *d.Min && *n <= *d.Max
	case SettingTypeString:
		return utf8.RuneCountInString(v.Text) <= int(*d.MaxLength) && (d.Pattern == nil || patterns[*d.Pattern].MatchString(v.Text))
	case SettingTypeChoice:
		for _, c := range d.Choices {
			if c.Value == v.Text {
				return true
			}
		}
	}
	return false
}

// wants says in words what the setting takes.
func (d *SettingDefinition) wants() string {
	switch d.Type {
	case SettingTypeBoolean:
		return "a boolean"
	case SettingTypeInteger:
		return "an integer from " + itoa(int(*d.Min)) + " to " + itoa(int(*d.Max))
	case SettingTypeChoice:
		values := make([]string, len(d.Choices))
		for i, c := range d.Choices {
			values[i] = c.Value
		}
		return "one of the choices " + strings.Join(values, ", ")
	default:
		if d.Pattern != nil {
			return "a string that matches " + *d.Pattern
		}
		return "a string"
	}
}

// Stored reads a value as it is stored; false when the setting takes no such value any more.
func (d *SettingDefinition) Stored(text string) (SettingValue, bool) {
	v := SettingValue{d.Type, text}
	return v, d.takes(v)
}

// patterns are the patterns of all definitions, ready to be used.
var patterns = map[string]*regexp.Regexp{}

// settingsByKey finds a definition, and its place among all.
var settingsByKey = map[string]int{}

func init() { //nolint:gochecknoinits // what follows from a constant
	for i, d := range SettingDefinitions {
		settingsByKey[d.Key] = i
		if d.Pattern != nil {
			patterns[*d.Pattern] = regexp.MustCompile(`\A(?:` + *d.Pattern + `)\z`)
		}
	}
}

// Setting is the definition of a key, nil when there is none.
func Setting(key string) *SettingDefinition {
	if i, known := settingsByKey[key]; known {
		return SettingDefinitions[i]
	}
	return nil
}

// SettingOrder is the place of a key among all definitions, by which lists are sorted.
func SettingOrder(key string) int { return settingsByKey[key] }

// HeldSetting is a value that the account, a group or a user holds.
type HeldSetting struct {
	Value  SettingValue
	Locked bool
}

// StoredSetting is a held value in the details of a job.
type StoredSetting struct {
	Value  string `json:"value"`
	Locked bool   `json:"locked,omitempty"`
}

// AccountSettingRow is a value that the account holds.
type AccountSettingRow struct {
	AccountID  AccountID
	SettingKey string
	Value      string
	Locked     bool
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"`
}

func (AccountSettingRow) TableName() string { return "account_settings" }

// GroupSettingRow is a value that a group holds.
type GroupSettingRow struct {
	AccountID  AccountID
	GroupID    GroupID
	SettingKey string
	Value      string
	Locked     bool
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"`
}

func (GroupSettingRow) TableName() string { return "group_settings" }

// UserSettingRow is a value that a user holds.
type UserSettingRow struct {
	AccountID  AccountID
	UserID     UserID
	SettingKey string
	Value      string
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"`
}

func (UserSettingRow) TableName() string { return "user_settings" }

// SettingReason is a value that somebody has, or would have if it weren't overridden, and where it comes from.
type SettingReason struct {
	Source  SettingSource
	GroupID *GroupID // of a value of a group
	Value   SettingValue
	Locked  bool
}

// EffectiveSetting is what a setting comes to for somebody, and why.
type EffectiveSetting struct {
	Definition *SettingDefinition
	SettingReason
	Own  *HeldSetting            // what the user, the group or the account itself holds, whether or not it has an effect
	Rest func() []*SettingReason // what Overrides finds out
}

// Overrides are the other values that there are, the next that would count first.
func (s *EffectiveSetting) Overrides() []*SettingReason { return s.Rest() }

// OwnValue is the value that it holds itself, nil when it holds none.
func (s *EffectiveSetting) OwnValue() *SettingValue {
	if s.Own == nil {
		return nil
	}
	return &s.Own.Value
}

// OwnLocked tells whether the own value is locked.
func (s *EffectiveSetting) OwnLocked() bool { return s.Own != nil && s.Own.Locked }
