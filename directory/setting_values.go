package directory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"cohort/directory/nesting"
	"cohort/models"
)

// settingValues are the values that the account and its groups hold of some settings, and what decides between them.
type settingValues struct {
	definitions []*models.SettingDefinition
	graph       *nesting.Graph
	account     map[string]models.HeldSetting
	groups      map[models.GroupID]*settingGroup
	holders     map[models.GroupID][]near // of each group that was asked about: those that it lies in and that hold values
}

// settingGroup is a group that holds values.
type settingGroup struct {
	held     map[string]models.HeldSetting
	priority int32
	above    map[models.GroupID]int
}

// near is a group that holds values and that somebody is in, at a distance.
type near struct {
	id       models.GroupID
	distance int
	*settingGroup
}

// settingsNamed are the definitions of keys, all of them when keys is nil, in their order. INVALID for one that there is not.
func settingsNamed(keys []string) ([]*models.SettingDefinition, error) {
	if keys == nil {
		return models.SettingDefinitions, nil
	}
	var errs models.Errors
	named := map[string]bool{}
	for i, key := range keys {
		if named[key] = true; models.Setting(key) == nil && len(errs) < maxRejected {
			_ = errs.Add(unknownSetting(), "keys", strconv.Itoa(i))
		}
	}
	return slices.DeleteFunc(slices.Clone(models.SettingDefinitions), func(d *models.SettingDefinition) bool { return !named[d.Key] }), errs.OrNil()
}

func unknownSetting() *models.Error {
	return models.Errorf(models.CodeInvalid, "there is no such setting: settingDefinitions has them all")
}

func keysOf(definitions []*models.SettingDefinition) []string {
	keys := make([]string, len(definitions))
	for i, d := range definitions {
		keys[i] = d.Key
	}
	return keys
}

// settingRow is a value as a statement reads it, whoever holds it; the account has no id here.
type settingRow struct {
	HolderID   []byte
	SettingKey string
	Value      string
	Locked     bool
	Priority   int32
}

// held is the value; false when the setting takes no such value any more.
func (r *settingRow) held() (models.HeldSetting, bool) {
	d := models.Setting(r.SettingKey)
	if d == nil {
		return models.HeldSetting{}, false
	}
	value, taken := d.Stored(r.Value)
	return models.HeldSetting{Value: value, Locked: r.Locked}, taken
}

// readSettings reads the values that the account holds, and those of the groups that somebody is in who is a direct member
// of the groups given; of all groups when they are nil. As a rule that is one statement.
func readSettings(tx *gorm.DB, account models.AccountID, graph *nesting.Graph, definitions []*models.SettingDefinition, direct []models.GroupID) (*settingValues, error) {
	v := &settingValues{
		definitions: definitions, graph: graph, account: map[string]models.HeldSetting{},
		groups: map[models.GroupID]*settingGroup{}, holders: map[models.GroupID][]near{},
	}
	keys := keysOf(definitions)
	const ofAccount = "SELECT NULL AS holder_id, setting_key, value, locked, 0 AS priority FROM account_settings WHERE account_id = ? AND setting_key IN ?"
	const ofGroups = "SELECT s.group_id AS holder_id, s.setting_key, s.value, s.locked, g.priority FROM group_settings s " +
		"JOIN user_groups g ON g.account_id = s.account_id AND g.id = s.group_id WHERE s.account_id = ? AND s.setting_key IN ?"
	const ofBoth = ofAccount + " UNION ALL " + ofGroups
	read := func(where clause) error {
		var rows []settingRow
		if err := tx.Raw(where.sql, where.args...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("read the settings of the account and of groups: %w", err)
		}
		for i := range rows {
			v.hold(&rows[i])
		}
		return nil
	}
	if direct == nil {
		return v, read(sqlf(ofBoth, account, keys, account, keys))
	}
	within := map[models.GroupID]bool{}
	for _, id := range direct {
		for above := range graph.Above(id) {
			within[above] = true
		}
	}
	groups := byAge(within)
	first := groups[:min(chunk, len(groups))]
	if err := read(sqlf(ofBoth+" AND s.group_id IN ?", account, keys, account, keys, first)); err != nil {
		return nil, err
	}
	return v, chunks(groups[len(first):], func(part []models.GroupID) error {
		return read(sqlf(ofGroups+" AND s.group_id IN ?", account, keys, part))
	})
}

func (v *settingValues) hold(row *settingRow) {
	held, taken := row.held()
	if !taken {
		return
	}
	if row.HolderID == nil {
		v.account[row.SettingKey] = held
		return
	}
	id := models.GroupID(row.HolderID)
	if v.groups[id] == nil {
		v.groups[id] = &settingGroup{held: map[string]models.HeldSetting{}, priority: row.Priority, above: v.graph.Above(id)}
	}
	v.groups[id].held[row.SettingKey] = held
}

// above are the groups that hold values and that a group lies in, itself among them.
func (v *settingValues) above(id models.GroupID) []near {
	if known, ok := v.holders[id]; ok {
		return known
	}
	var holders []near
	for above, distance := range v.graph.Above(id) {
		if g := v.groups[above]; g != nil {
			holders = append(holders, near{above, distance, g})
		}
	}
	v.holders[id] = holders
	return holders
}

// reaching are the groups that hold values and that somebody is in who is a direct member of the groups given: the one
// that decides first, as far as they are as near.
func (v *settingValues) reaching(direct []models.GroupID) []near {
	if len(direct) == 1 {
		found := slices.Clone(v.above(direct[0]))
		slices.SortFunc(found, nearest)
		return found
	}
	least := map[models.GroupID]near{}
	for _, id := range direct {
		for _, n := range v.above(id) {
			if known, ok := least[n.id]; !ok || n.distance < known.distance {
				least[n.id] = n
			}
		}
	}
	found := make([]near, 0, len(least))
	for _, n := range least {
		found = append(found, n)
	}
	slices.SortFunc(found, nearest)
	return found
}

// nearest orders groups of which neither overrides the other by where it lies.
func nearest(a, b near) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.distance, b.distance), nesting.Older(a.id, b.id))
}

// candidates are what groups say to a setting, those with a lock before the others.
func candidates(d *models.SettingDefinition, groups []near) (locked, open []near) {
	for _, n := range groups {
		held, holds := n.held[d.Key]
		switch {
		case holds && held.Locked:
			locked = append(locked, n)
		case holds:
			open = append(open, n)
		}
	}
	return locked, open
}

// Of two groups one of which lies in the other, the lock of the upper one counts, and the value of the lower one.
func upper(a, b near) bool { _, above := b.above[a.id]; return above && a.id != b.id }
func lower(a, b near) bool { return upper(b, a) }

// best is the first that no other goes before.
func best(among []near, before func(a, b near) bool) int {
	return slices.IndexFunc(among, func(one near) bool {
		return !slices.ContainsFunc(among, func(other near) bool { return before(other, one) })
	})
}

// effective is what a setting comes to for somebody whom the groups reach, and who holds a value or none.
func (v *settingValues) effective(d *models.SettingDefinition, groups []near, own *models.HeldSetting) models.SettingReason {
	account, held := v.account[d.Key]
	if held && account.Locked {
		return models.SettingReason{Source: models.SettingSourceAccountLock, Value: account.Value, Locked: true}
	}
	locked, open := candidates(d, groups)
	switch {
	case len(locked) > 0:
		return locked[best(locked, upper)].reason(d)
	case own != nil:
		return models.SettingReason{Source: models.SettingSourceUser, Value: own.Value}
	case len(open) > 0:
		return open[best(open, lower)].reason(d)
	case held:
		return models.SettingReason{Source: models.SettingSourceAccount, Value: account.Value}
	}
	return models.SettingReason{Source: models.SettingSourceDefault, Value: d.Default}
}

func (n near) reason(d *models.SettingDefinition) models.SettingReason {
	held, source := n.held[d.Key], models.SettingSourceGroup
	if held.Locked {
		source = models.SettingSourceGroupLock
	}
	return models.SettingReason{Source: source, GroupID: &n.id, Value: held.Value, Locked: held.Locked}
}

// reasons are all values that there are of a setting, the one that counts first, each as if those before it were not.
func (v *settingValues) reasons(d *models.SettingDefinition, groups []near, own *models.HeldSetting) []*models.SettingReason {
	var all []*models.SettingReason
	add := func(r models.SettingReason) { all = append(all, &r) }
	account, held := v.account[d.Key]
	if held && account.Locked {
		add(models.SettingReason{Source: models.SettingSourceAccountLock, Value: account.Value, Locked: true})
	}
	locked, open := candidates(d, groups)
	for _, n := range ranked(locked, upper) {
		add(n.reason(d))
	}
	if own != nil {
		add(models.SettingReason{Source: models.SettingSourceUser, Value: own.Value})
	}
	for _, n := range ranked(open, lower) {
		add(n.reason(d))
	}
	if held && !account.Locked {
		add(models.SettingReason{Source: models.SettingSourceAccount, Value: account.Value})
	}
	add(models.SettingReason{Source: models.SettingSourceDefault, Value: d.Default})
	return all
}

// ranked puts groups in the order in which each would be the best of those behind it.
func ranked(groups []near, before func(a, b near) bool) []near {
	left, order := slices.Clone(groups), make([]near, 0, len(groups))
	for len(left) > 0 {
		i := best(left, before)
		order = append(order, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return order
}

// byAge are the groups, the oldest first.
func byAge(groups map[models.GroupID]bool) []models.GroupID {
	return slices.SortedFunc(maps.Keys(groups), nesting.Older)
}
