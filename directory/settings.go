package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
)

// SettingsOf are what the settings come to for users, in the order of the definitions: all of them when keys is nil. Admins,
// and members for themselves: FORBIDDEN about others. INVALID for a key that there is not. The statements are as many for
// any number of users and settings.
func (d *Directory) SettingsOf(ctx context.Context, who auth.Caller, users []models.UserID, keys []string) ([][]*models.EffectiveSetting, error) {
	definitions, err := settingsNamed(keys)
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "User.settings", func(s *snapshot) ([][]*models.EffectiveSetting, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		direct, version, err := directGroups(s.DB, s.account(), users)
		if err != nil {
			return nil, err
		}
		own, err := ownSettings(s.DB, s.account(), users, definitions)
		if err != nil {
			return nil, err
		}
		values, err := s.settings(version, definitions, groupsOfAll(direct))
		if err != nil {
			return nil, err
		}
		lists := make([][]*models.EffectiveSetting, len(users))
		for i, user := range users {
			groups := values.reaching(direct[user])
			lists[i] = values.list(groups, func(key string) *models.HeldSetting { return own[user][key] }, true)
		}
		return lists, nil
	})
}

// SettingsOfGroups are what the settings come to for somebody who is in one of the groups and nowhere else, and holds no
// value; in the order of the definitions, all of them when keys is nil. Admins. INVALID for a key that there is not.
func (d *Directory) SettingsOfGroups(ctx context.Context, who auth.Caller, groups []models.GroupID, keys []string) ([][]*models.EffectiveSetting, error) {
	definitions, err := settingsNamed(keys)
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "Group.settings", func(s *snapshot) ([][]*models.EffectiveSetting, error) {
		account, err := accountRow(s.DB, s.account())
		if err != nil {
			return nil, err
		}
		values, err := s.settings(account.GraphVersion, definitions, groups)
		if err != nil {
			return nil, err
		}
		lists := make([][]*models.EffectiveSetting, len(groups))
		for i, id := range groups {
			own := func(key string) *models.HeldSetting {
				if g := values.groups[id]; g != nil {
					if held, holds := g.held[key]; holds {
						return &held
					}
				}
				return nil
			}
			lists[i] = values.list(values.reaching([]models.GroupID{id}), own, false)
		}
		return lists, nil
	})
}

// AccountSettings are what the settings come to for somebody who is in no group and holds no value; in the order of the
// definitions, all of them when keys is nil. Admins. INVALID for a key that there is not.
func (d *Directory) AccountSettings(ctx context.Context, who auth.Caller, keys []string) ([]*models.EffectiveSetting, error) {
	definitions, err := settingsNamed(keys)
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "Account.settings", func(s *snapshot) ([]*models.EffectiveSetting, error) {
		account, err := accountRow(s.DB, s.account())
		if err != nil {
			return nil, err
		}
		values, err := s.settings(account.GraphVersion, definitions, []models.GroupID{})
		if err != nil {
			return nil, err
		}
		return values.list(nil, func(key string) *models.HeldSetting {
			if held, holds := values.account[key]; holds {
				return &held
			}
			return nil
		}, false), nil
	})
}

// settings are the values that reach the members of groups, with the nesting in the version that a statement has read.
func (s *snapshot) settings(version int64, definitions []*models.SettingDefinition, direct []models.GroupID) (*settingValues, error) {
	graph, err := s.graph(version)
	if err != nil {
		return nil, err
	}
	return readSettings(s.DB, s.account(), graph, definitions, direct)
}

// list is what each of the settings comes to. What users hold themselves counts among the values, what a group or the account
// holds is there already.
func (v *settingValues) list(groups []near, own func(key string) *models.HeldSetting, ofUser bool) []*models.EffectiveSetting {
	list := make([]*models.EffectiveSetting, len(v.definitions))
	for i, d := range v.definitions {
		held := own(d.Key)
		users := held
		if !ofUser {
			users = nil
		}
		list[i] = &models.EffectiveSetting{
			Definition: d, SettingReason: v.effective(d, groups, users), Own: held,
			Rest: func() []*models.SettingReason { return v.reasons(d, groups, users)[1:] },
		}
	}
	return list
}

// ownSettings are the values that users hold themselves.
func ownSettings(tx *gorm.DB, account models.AccountID, users []models.UserID, definitions []*models.SettingDefinition) (map[models.UserID]map[string]*models.HeldSetting, error) {
	own := map[models.UserID]map[string]*models.HeldSetting{}
	return own, chunks(users, func(part []models.UserID) error {
		var rows []settingRow
		err := tx.Raw("SELECT user_id AS holder_id, setting_key, value FROM user_settings WHERE account_id = ? AND user_id IN ? AND setting_key IN ?",
			account, part, keysOf(definitions)).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read the settings of users: %w", err)
		}
		for i := range rows {
			held, taken := rows[i].held()
			if !taken {
				continue
			}
			id := models.UserID(rows[i].HolderID)
			if own[id] == nil {
				own[id] = map[string]*models.HeldSetting{}
			}
			own[id][rows[i].SettingKey] = &held
		}
		return nil
	})
}

// groupsOfAll are the groups of all the users, each once.
func groupsOfAll(direct map[models.UserID][]models.GroupID) []models.GroupID {
	seen, ids := map[models.GroupID]bool{}, []models.GroupID{}
	for _, groups := range direct {
		for _, id := range groups {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// SummariseSettings says of each setting which values the selected users have and how many have each; of all settings when
// keys is nil. Admins. The errors of a selection, and INVALID for a key that there is not.
func (d *Directory) SummariseSettings(ctx context.Context, who auth.Caller, selection *models.UserSelection, keys []string) (*models.SettingsSummary, error) {
	definitions, err := settingsNamed(keys)
	if err != nil {
		return nil, err
	}
	return read(ctx, d, who, "Query.settingsSummary", func(s *snapshot) (*models.SettingsSummary, error) {
		ids, err := selectUsers(s.DB, s.account(), selection, nil)
		if err != nil {
			return nil, outsideInput(err)
		}
		account, err := accountRow(s.DB, s.account())
		if err != nil {
			return nil, err
		}
		values, err := s.settings(account.GraphVersion, definitions, nil)
		if err != nil {
			return nil, err
		}
		counts := make([]map[models.SettingValue]*models.SettingValueCount, len(definitions))
		for i := range counts {
			counts[i] = map[models.SettingValue]*models.SettingValueCount{}
		}
		summary := &models.SettingsSummary{}
		err = chunks(ids, func(part []models.UserID) error {
			present, err := readIDs[models.UserID](s.DB, "users u", sqlf("u.account_id = ? AND u.id IN ?", s.account(), part), "u.id")
			if err != nil {
				return err
			}
			summary.Users += int32(len(present)) //nolint:gosec // far fewer users than that
			return values.each(s.DB, s.account(), present, func(_ models.UserID, reasons []models.SettingReason) {
				for i, reason := range reasons {
					c := counts[i][reason.Value]
					if c == nil {
						c = &models.SettingValueCount{Value: reason.Value}
						counts[i][reason.Value] = c
					}
					if c.Users++; reason.Source == models.SettingSourceUser {
						c.Own++
					}
				}
			})
		})
		for i, definition := range definitions {
			summary.Settings = append(summary.Settings, &models.SettingSummary{Definition: definition, Values: byFrequency(counts[i])})
		}
		return summary, err
	})
}

func byFrequency(counts map[models.SettingValue]*models.SettingValueCount) []*models.SettingValueCount {
	all := make([]*models.SettingValueCount, 0, len(counts))
	for _, c := range counts {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *models.SettingValueCount) int {
		if a.Users != b.Users {
			return int(b.Users - a.Users)
		}
		return strings.Compare(a.Value.Text, b.Value.Text)
	})
	return all
}

// mostAlike bounds how many different sets of groups are remembered with what they lead to.
const mostAlike = 10_000

// each tells what the settings come to for each of many users. Those who are reached by the same groups, and hold nothing
// themselves, are worked out together.
func (v *settingValues) each(tx *gorm.DB, account models.AccountID, users []models.UserID, tell func(models.UserID, []models.SettingReason)) error {
	alike := map[string][]models.SettingReason{}
	return chunks(users, func(part []models.UserID) error {
		direct, _, err := directGroups(tx, account, part)
		if err != nil {
			return err
		}
		own, err := ownSettings(tx, account, part, v.definitions)
		if err != nil {
			return err
		}
		for _, user := range part {
			groups := v.reaching(direct[user])
			key := keyOfGroups(groups)
			reasons := alike[key]
			if held := own[user]; reasons == nil || held != nil {
				reasons = make([]models.SettingReason, len(v.definitions))
				for i, d := range v.definitions {
					reasons[i] = v.effective(d, groups, held[d.Key])
				}
				if held == nil && len(alike) < mostAlike {
					alike[key] = reasons
				}
			}
			tell(user, reasons)
		}
		return nil
	})
}

func keyOfGroups(groups []near) string {
	var key strings.Builder
	for _, n := range groups {
		key.Write(n.id[:])
		key.WriteString(strconv.Itoa(n.distance))
	}
	return key.String()
}
