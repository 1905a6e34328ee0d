package directory

import (
	"fmt"
	"slices"
	"strconv"

	"cohort/audit"
	"cohort/models"
	"cohort/store"
)

// holder is a kind of rows that hold values of settings.
type holder struct {
	table, column string
	locks         bool
	subject       string // what the log calls it
}

var (
	accountHolds = holder{"account_settings", "account_id", true, audit.AccountSetting}
	groupHolds   = holder{"group_settings", "group_id", true, audit.GroupSetting}
	userHolds    = holder{"user_settings", "user_id", false, audit.UserSetting}
)

// wanted is a value that is to be held, or that none is.
type wanted struct {
	Key  string                `json:"key"`
	Held *models.StoredSetting `json:"held,omitempty"`
}

// wantedSettings checks the settings of an input: REQUIRED, TOO_MANY, INVALID, CONFLICT, TOO_LONG and INVALID_CHARACTERS.
func wantedSettings(inputs []*models.SettingInput) ([]wanted, error) {
	var errs models.Errors
	checkList(&errs, len(inputs), 1, "input", "settings")
	if len(errs) > 0 {
		return nil, errs
	}
	seen, all := map[string]bool{}, make([]wanted, 0, len(inputs))
	for i, in := range inputs {
		at := []string{"input", "settings", strconv.Itoa(i)}
		w := wanted{Key: in.Key}
		d := models.Setting(in.Key)
		switch {
		case d == nil:
			_ = errs.Add(unknownSetting(), append(at, "key")...)
			continue
		case seen[in.Key]:
			_ = errs.Add(models.Errorf(models.CodeConflict, "%s is named twice", in.Key), append(at, "key")...)
			continue
		case in.Value == nil && in.Locked:
			_ = errs.Add(models.Errorf(models.CodeInvalid, "a lock needs a value"), append(at, "locked")...)
			continue
		}
		seen[in.Key] = true
		if in.Value != nil {
			value, err := d.Check(in.Value)
			if err := errs.Add(err, append(at, "value")...); err != nil {
				return nil, err
			}
			w.Held = &models.StoredSetting{Value: value.Text, Locked: in.Locked}
		}
		all = append(all, w)
	}
	return all, errs.OrNil()
}

// wantedOfUsers is wantedSettings for values that users hold.
func wantedOfUsers(inputs []*models.UserSettingInput) ([]wanted, error) {
	alike := make([]*models.SettingInput, len(inputs))
	for i, in := range inputs {
		alike[i] = &models.SettingInput{Key: in.Key, Value: in.Value}
	}
	return wantedSettings(alike)
}

func keysWanted(settings []wanted) []string {
	keys := make([]string, len(settings))
	for i, w := range settings {
		keys[i] = w.Key
	}
	return keys
}

// heldBy are the values that are held as they are stored.
func (c *change) heldBy(h holder, ids [][16]byte, keys []string) (map[[16]byte]map[string]models.StoredSetting, error) {
	locked := "locked"
	if !h.locks {
		locked = "FALSE AS locked"
	}
	held := make(map[[16]byte]map[string]models.StoredSetting, len(ids))
	return held, chunks(ids, func(part [][16]byte) error {
		var rows []settingRow
		err := c.Raw("SELECT "+h.column+" AS holder_id, setting_key, value, "+locked+" FROM "+h.table+" WHERE account_id = ? AND "+h.column+" IN ? AND setting_key IN ?",
			c.account(), rawIDs(part), keys).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read %s: %w", h.table, err)
		}
		for _, row := range rows {
			id := [16]byte(row.HolderID)
			if held[id] == nil {
				held[id] = map[string]models.StoredSetting{}
			}
			held[id][row.SettingKey] = models.StoredSetting{Value: row.Value, Locked: row.Locked}
		}
		return nil
	})
}

func rawIDs(ids [][16]byte) [][]byte {
	raw := make([][]byte, len(ids))
	for i := range ids {
		raw[i] = ids[i][:]
	}
	return raw
}

// hold has each of the holders hold what is wanted of it, notes that and answers with what has changed.
func (c *change) hold(h holder, ids [][16]byte, keys []string, want func([16]byte) []wanted) (map[[16]byte][]*models.SettingChange, error) {
	held, err := c.heldBy(h, ids, keys)
	if err != nil {
		return nil, err
	}
	changed := map[[16]byte][]*models.SettingChange{}
	gone := map[string][][16]byte{}
	columns := "account_id, setting_key, value, updated_at"
	if h.locks {
		columns += ", locked"
	}
	if h.column != "account_id" {
		columns += ", " + h.column
	}
	rows := store.Into(c.DB, h.table, columns)
	type row struct {
		id   [16]byte
		key  string
		held models.StoredSetting
	}
	var come []row
	for _, id := range ids {
		before, after := map[string]models.StoredSetting{}, map[string]models.StoredSetting{}
		for _, w := range want(id) {
			was, is := held[id][w.Key]
			if is && w.Held != nil && was == *w.Held || !is && w.Held == nil {
				continue
			}
			one := &models.SettingChange{Key: w.Key, After: w.Held}
			if is {
				one.Before, before[w.Key] = &was, was
				gone[w.Key] = append(gone[w.Key], id)
			}
			if w.Held != nil {
				after[w.Key] = *w.Held
				come = append(come, row{id, w.Key, *w.Held})
			}
			changed[id] = append(changed[id], one)
		}
		if changed[id] == nil {
			continue
		}
		if err := c.log.Recorded(audit.Subject{Type: h.subject, ID: id, Before: keptOf(before), After: keptOf(after)}); err != nil {
			return nil, err
		}
	}
	for key, ids := range gone {
		err := chunks(ids, func(part [][16]byte) error {
			return c.Exec("DELETE FROM "+h.table+" WHERE account_id = ? AND setting_key = ? AND "+h.column+" IN ?", c.account(), key, rawIDs(part)).Error
		})
		if err != nil {
			return nil, fmt.Errorf("delete from %s: %w", h.table, err)
		}
	}
	for i := range come {
		values := []any{c.Account.ID[:], come[i].key, come[i].held.Value, c.Now}
		if h.locks {
			values = append(values, come[i].held.Locked)
		}
		if h.column != "account_id" {
			values = append(values, come[i].id[:])
		}
		if err := rows.Row(values...); err != nil {
			return nil, err
		}
	}
	return changed, rows.End()
}

// keptOf is what the log keeps of values, nil where there was none.
func keptOf(held map[string]models.StoredSetting) any {
	if len(held) == 0 {
		return nil
	}
	return held
}

// configuring is the work of usersSettingsSet, and what the settings of groups do to their members: users hold values of
// settings, or none any more.
type configuring struct {
	Settings []wanted `json:"settings"`
	Groups   []string `json:"groups,omitempty"` // the keys that groups hold now; then the job's first rows are those groups
}

func (w *configuring) do(c *change, part []*subject) error {
	users, err := c.allowed(part)
	if err != nil || len(users) == 0 {
		return err
	}
	changed, err := c.hold(userHolds, plainIDs(users), keysWanted(w.Settings), func([16]byte) []wanted { return w.Settings })
	if err != nil {
		return err
	}
	subjects := byUser(part)
	for id, changes := range changed {
		subjects[id].detail.Settings = changes
	}
	return nil
}

func plainIDs[ID ~[16]byte](ids []ID) [][16]byte {
	plain := make([][16]byte, len(ids))
	for i, id := range ids {
		plain[i] = id
	}
	return plain
}

func (w *configuring) conclude(c *change, part []*subject) error {
	if w.Groups == nil {
		if err := w.noteLocked(c, part); err != nil {
			return err
		}
	}
	concludeSources(part)
	if w.Groups == nil {
		return nil
	}
	if c.effects.impact.Settings == nil {
		c.effects.impact.Settings = &models.SettingsImpact{}
	}
	for _, s := range part {
		switch s.outcome {
		case models.JobOutcomeChanged:
			c.effects.impact.Settings.Cleared++
		case models.JobOutcomeForbidden:
			c.effects.impact.Settings.Skipped++
		}
	}
	return nil
}

// noteLocked says LOCKED of the users for whom a value that they are to hold has no effect.
func (w *configuring) noteLocked(c *change, part []*subject) error {
	set := slices.DeleteFunc(slices.Clone(w.Settings), func(s wanted) bool { return s.Held == nil })
	definitions, err := settingsNamed(keysWanted(set))
	if err != nil || len(set) == 0 {
		return err
	}
	graph, err := c.graph()
	if err != nil {
		return err
	}
	var users []models.UserID
	for _, s := range part {
		if s.outcome == "" {
			users = append(users, s.userID())
		}
	}
	direct, _, err := directGroups(c.DB, c.account(), users)
	if err != nil {
		return err
	}
	values, err := readSettings(c.DB, c.account(), graph, definitions, groupsOfAll(direct))
	if err != nil {
		return err
	}
	subjects := byUser(part)
	return values.each(c.DB, c.account(), users, func(user models.UserID, reasons []models.SettingReason) {
		if slices.ContainsFunc(reasons, func(r models.SettingReason) bool { return r.Locked }) {
			subjects[user].outcome = models.JobOutcomeLocked
		}
	})
}

// finish says whom the settings of the groups reach that are the job's first rows.
func (w *configuring) finish(c *change) error {
	if w.Groups == nil {
		return nil
	}
	groups, err := readIDs[models.GroupID](c.DB, "job_rows r", sqlf("r.account_id = ? AND r.job_id = ? AND r.subject_type = ?", c.account(), c.job.ID, groupSubject), "r.subject_id")
	if err != nil || len(groups) == 0 { // as in a job that only tries some rows again
		return err
	}
	return c.reach(groups, w.Groups)
}
