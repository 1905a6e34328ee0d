package directory

import (
	"maps"
	"slices"

	"cohort/models"
)

// revertSettings takes back what a job has changed of the settings of groups, and gives their members back what it has
// taken from them.
func (c *change) revertSettings(job *models.Job) error {
	raw, positions, err := c.changedBy(job, groupSubject)
	if err != nil {
		return err
	}
	details, err := c.details(job.ID, positions)
	if err != nil {
		return err
	}
	ids := make([]models.GroupID, len(raw))
	for i := range raw {
		ids[i] = models.GroupID(raw[i])
	}
	there, err := groupsByID(c.DB, c.account(), ids)
	if err != nil {
		return err
	}
	of := func(id [16]byte) []*models.SettingChange { return details[id].Settings }
	now, err := c.heldNow(groupHolds, plainIDs(ids), of)
	if err != nil {
		return err
	}
	first, same := make([]*subject, len(ids)), []models.GroupID(nil)
	for i, id := range ids {
		first[i] = &subject{kind: groupSubject, id: id}
		switch {
		case there[id] == nil:
			first[i].outcome = models.JobOutcomeNotFound
		case !settingsAsLeft(of(id), now[id]):
			first[i].outcome = models.JobOutcomeChangedSince
		default:
			same = append(same, id)
		}
	}
	restored, err := c.restore(groupHolds, plainIDs(same), of)
	if err != nil {
		return err
	}
	for _, s := range first {
		if s.outcome == "" {
			s.outcome, s.detail.Settings = models.JobOutcomeChanged, restored[s.id]
		}
	}
	if err := c.revertUsers(job); err != nil {
		return err
	}
	c.done = append(first, c.done...)
	return nil
}

// settingsAsLeft tells whether what is held is what changes have left.
func settingsAsLeft(changes []*models.SettingChange, held map[string]models.StoredSetting) bool {
	return !slices.ContainsFunc(changes, func(change *models.SettingChange) bool {
		now, is := held[change.Key]
		return is != (change.After != nil) || is && now != *change.After
	})
}

// heldNow is what holders now hold of the settings that were changed.
func (c *change) heldNow(h holder, ids [][16]byte, of func([16]byte) []*models.SettingChange) (map[[16]byte]map[string]models.StoredSetting, error) {
	keys := keysChanged(ids, of)
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // nobody holds any of none
	}
	return c.heldBy(h, ids, keys)
}

// restore has holders hold what they held before they were changed, those settings that there still are.
func (c *change) restore(h holder, ids [][16]byte, of func([16]byte) []*models.SettingChange) (map[[16]byte][]*models.SettingChange, error) {
	keys := keysChanged(ids, of)
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // nothing was changed
	}
	return c.hold(h, ids, keys, func(id [16]byte) []wanted {
		var settings []wanted
		for _, change := range of(id) {
			if models.Setting(change.Key) != nil {
				settings = append(settings, wanted{Key: change.Key, Held: change.Before})
			}
		}
		return settings
	})
}

func keysChanged(ids [][16]byte, of func([16]byte) []*models.SettingChange) []string {
	keys := map[string]bool{}
	for _, id := range ids {
		for _, change := range of(id) {
			keys[change.Key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
