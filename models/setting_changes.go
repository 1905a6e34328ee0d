package models

// SettingInput is a value to be held by the account or a group; one without a value ends it.
type SettingInput struct {
	Key    string
	Value  *SettingValueInput `json:",omitempty"`
	Locked bool
}

// UserSettingInput is a value to be held by users; one without a value ends it.
type UserSettingInput struct {
	Key   string
	Value *SettingValueInput `json:",omitempty"`
}

// SettingChange is what became of a value that somebody held.
type SettingChange struct {
	Key    string         `json:"key"`
	Before *StoredSetting `json:"before,omitempty"`
	After  *StoredSetting `json:"after,omitempty"`
}

// Definition is what the setting is; nil when it is no more.
func (c *SettingChange) Definition() *SettingDefinition { return Setting(c.Key) }

// ValueBefore is what was held, nil when nothing was.
func (c *SettingChange) ValueBefore() *SettingValue { return c.value(c.Before) }

// ValueAfter is what is held, nil when nothing is.
func (c *SettingChange) ValueAfter() *SettingValue { return c.value(c.After) }

func (c *SettingChange) value(held *StoredSetting) *SettingValue {
	d := Setting(c.Key)
	if held == nil || d == nil {
		return nil
	}
	return &SettingValue{d.Type, held.Value}
}

// SettingsImpact says whom a change of the settings of groups reaches, and who has other values all the same.
type SettingsImpact struct {
	Reached int32                   `json:"reached"` // users who are in the groups
	Cleared int32                   `json:"cleared"` // of them, whose own values were taken away
	Skipped int32                   `json:"skipped"` // of them, whose own values the caller may not take away
	Others  int32                   `json:"others"`  // of them, who follow another group in one of the settings
	Locked  int32                   `json:"locked"`  // of them, who follow a lock from elsewhere in one of the settings
	ByKey   []*SettingsImpactForKey `json:"byKey,omitempty"`
}

// SettingsImpactForKey is what became of one setting. The four numbers make up all who are reached.
type SettingsImpactForKey struct {
	Key       string `json:"key"`
	Following int32  `json:"following"` // the groups that were changed
	Own       int32  `json:"own"`       // their own value
	Others    int32  `json:"others"`    // another group
	Locked    int32  `json:"locked"`    // a lock of the account or of another group
	Above     int32  `json:"above"`     // the account's value or the default: no group says anything any more
}

// Definition is what the setting is.
func (s *SettingsImpactForKey) Definition() *SettingDefinition { return Setting(s.Key) }

// SettingsCounts says how many of a selection met with what.
type SettingsCounts struct{ Total, Changed, Unchanged, Locked, Failed int32 }

// SettingsResult is what became of the own settings of one user.
type SettingsResult struct {
	UserID  UserID
	User    *User
	Outcome JobOutcome
}

// SettingsPreview is what a change of settings would do.
type SettingsPreview struct {
	Counts SettingsCounts
	Impact *SettingsImpact // nil unless groups were named
	Rows   []*ProductsPreviewRow
}

// SettingsEffects is what the payload of a mutation of settings tells of what follows from it.
type SettingsEffects struct{ effects Effects }

// Following is where it is told.
func (e *SettingsEffects) Following() *Effects { return &e.effects }

// Job is the job that the change is; nil for a refusal.
func (e *SettingsEffects) Job() *Job { return e.effects.Job }

// Preview is what a dry run has found; nil for another.
func (e *SettingsEffects) Preview() *SettingsPreview {
	p := e.effects.Preview
	if p == nil {
		return nil
	}
	preview := &SettingsPreview{Impact: p.Settings, Rows: p.Rows}
	if c := p.Counts; c != nil {
		preview.Counts = SettingsCounts{Total: c.Total, Changed: c.Changed, Unchanged: c.Unchanged, Locked: p.Locked, Failed: c.Failed}
	}
	return preview
}

type AccountSettingsSetInput struct{ Settings []*SettingInput }

type AccountSettingsSetPayload struct {
	Account *Account
	Refused
}

// GroupSettingsSetInput says which values a group is to hold.
type GroupSettingsSetInput struct {
	GroupID         GroupID
	Settings        []*SettingInput
	MemberOverrides MemberOverrides
	EffectOptions
}

type GroupSettingsSetPayload struct {
	Group  *Group
	Impact *SettingsImpact
	SettingsEffects
	Refused
}

type GroupsSettingsSetInput struct {
	Selection       *GroupSelection
	Settings        []*SettingInput
	MemberOverrides MemberOverrides
	ExpectedCount   *int32
	EffectOptions
}

type GroupsSettingsSetPayload struct {
	Groups []*Group
	Impact *SettingsImpact
	SettingsEffects
	Refused
}

type UserSettingsSetInput struct {
	UserID   UserID
	Settings []*UserSettingInput
	EffectOptions
}

type UserSettingsSetPayload struct {
	User *User
	SettingsEffects
	Refused
}

type UsersSettingsSetInput struct {
	Selection     *UserSelection
	Settings      []*UserSettingInput
	ExpectedCount *int32
	EffectOptions
}

type UsersSettingsSetPayload struct {
	Results []*SettingsResult
	Counts  *SettingsCounts
	SettingsEffects
	Refused
}

// SettingsSummary says what many users have.
type SettingsSummary struct {
	Users    int32
	Settings []*SettingSummary
}

// SettingSummary says how many of the users have which value of one setting.
type SettingSummary struct {
	Definition *SettingDefinition
	Values     []*SettingValueCount // the most frequent first
}

// Value is what all of them have, nil when they differ.
func (s *SettingSummary) Value() *SettingValue {
	if len(s.Values) != 1 {
		return nil
	}
	return &s.Values[0].Value
}

// Mixed tells whether they differ.
func (s *SettingSummary) Mixed() bool { return len(s.Values) > 1 }

// SettingValueCount says how many have a value, and how many of them hold it themselves.
type SettingValueCount struct {
	Value      SettingValue
	Users, Own int32
}
