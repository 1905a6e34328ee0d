package directory

import (
	"fmt"
	"maps"
	"slices"

	"cohort/models"
)

// membersOf are all who are in one of the groups, each once.
func (c *change) membersOf(groups []models.GroupID) ([]models.UserID, error) {
	in := map[models.UserID]bool{}
	err := chunks(groups, func(part []models.GroupID) error {
		ids, err := readIDs[models.UserID](c.DB, "memberships m JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id",
			sqlf("m.account_id = ? AND c.ancestor_id IN ?", c.account(), part), "m.user_id")
		for _, id := range ids {
			in[id] = true
		}
		return err
	})
	return sortedIDs(in), err
}

// membersHolding are those of them who hold a value of one of the settings themselves.
func (c *change) membersHolding(groups []models.GroupID, keys []string) ([]models.UserID, error) {
	in := map[models.UserID]bool{}
	err := chunks(groups, func(part []models.GroupID) error {
		ids, err := readIDs[models.UserID](c.DB, "user_settings s JOIN memberships m ON m.account_id = s.account_id AND m.user_id = s.user_id "+
			"JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id",
			sqlf("s.account_id = ? AND s.setting_key IN ? AND c.ancestor_id IN ?", c.account(), keys, part), "s.user_id")
		for _, id := range ids {
			in[id] = true
		}
		return err
	})
	return sortedIDs(in), err
}

// reach says whom the settings of groups reach, and who has other values all the same.
func (c *change) reach(groups []models.GroupID, keys []string) error {
	definitions, err := settingsNamed(keys)
	if err != nil {
		return err
	}
	graph, err := c.graph()
	if err != nil {
		return err
	}
	members, err := c.membersOf(groups)
	if err != nil {
		return err
	}
	if c.effects.impact.Settings == nil {
		c.effects.impact.Settings = &models.SettingsImpact{}
	}
	impact := c.effects.impact.Settings
	impact.Reached = int32(len(members)) //nolint:gosec // far fewer users than that
	for _, d := range definitions {
		impact.ByKey = append(impact.ByKey, &models.SettingsImpactForKey{Key: d.Key})
	}
	values, err := readSettings(c.DB, c.account(), graph, definitions, nil)
	if err != nil {
		return err
	}
	changed := make(map[models.GroupID]bool, len(groups))
	for _, id := range groups {
		changed[id] = true
	}
	if alone, err := c.alone(values, changed); err != nil || alone {
		for _, one := range impact.ByKey {
			one.Following = impact.Reached
		}
		return err
	}
	return values.each(c.DB, c.account(), members, func(_ models.UserID, reasons []models.SettingReason) {
		others, locked := false, false
		for i, reason := range reasons {
			one := impact.ByKey[i]
			switch follows := reason.GroupID != nil && changed[*reason.GroupID]; {
			case follows:
				one.Following++
			case reason.Locked:
				one.Locked++
				locked = true
			case reason.Source == models.SettingSourceUser:
				one.Own++
			case reason.Source == models.SettingSourceGroup:
				one.Others++
				others = true
			default:
				one.Above++
			}
		}
		if others {
			impact.Others++
		}
		if locked {
			impact.Locked++
		}
	})
}

// alone tells whether nobody but the changed groups holds a value of the settings that could count instead of theirs, each
// of them one of every setting: then there is no need to look at each member.
func (c *change) alone(values *settingValues, changed map[models.GroupID]bool) (bool, error) {
	for id, g := range values.groups {
		if !changed[id] || len(g.held) < len(values.definitions) {
			return false, nil
		}
	}
	locks := slices.ContainsFunc(slices.Collect(maps.Values(values.account)), func(held models.HeldSetting) bool { return held.Locked })
	if locks || len(values.groups) < len(changed) {
		return false, nil
	}
	var own []string
	err := c.Raw("SELECT setting_key FROM user_settings WHERE account_id = ? AND setting_key IN ? LIMIT 1", c.account(), keysOf(values.definitions)).Scan(&own).Error
	if err != nil {
		return false, fmt.Errorf("look for users with settings: %w", err)
	}
	return len(own) == 0, nil
}
