package directory

import (
	"context"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// SetAccountSettings has the account hold values of settings. Super admins. INVALID, CONFLICT, TOO_LONG, INVALID_CHARACTERS,
// REQUIRED, TOO_MANY.
func (d *Directory) SetAccountSettings(ctx context.Context, who auth.Caller, in models.AccountSettingsSetInput) (*models.AccountSettingsSetPayload, error) {
	const action = auth.Action("Mutation.accountSettingsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	settings, err := wantedSettings(in.Settings)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.AccountSettingsSetPayload, error) {
		_, err := c.hold(accountHolds, [][16]byte{c.account()}, keysWanted(settings), func([16]byte) []wanted { return settings })
		return &models.AccountSettingsSetPayload{Account: c.Account}, err
	})
}

// SetGroupSettings has a group hold values of settings, for its members and those of the groups in it, and takes from members
// what they hold themselves unless that is to be kept. Admins; from admins only super admins take. NOT_FOUND, and the
// errors of SetAccountSettings and of carryOut.
func (d *Directory) SetGroupSettings(ctx context.Context, who auth.Caller, in models.GroupSettingsSetInput) (*models.GroupSettingsSetPayload, error) {
	const action = auth.Action("Mutation.groupSettingsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	settings, err := wantedSettings(in.Settings)
	if err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.GroupSettingsSetPayload, error) {
		group, err := findGroup(c.DB, c.account(), in.GroupID)
		if err != nil {
			return nil, err
		}
		if group == nil {
			return nil, notFound("group").At("input", "groupId")
		}
		impact, err := c.setInGroups([]models.GroupID{group.ID}, settings, in.MemberOverrides)
		return &models.GroupSettingsSetPayload{Group: group, Impact: impact}, err
	})
}

// SetGroupsSettings is SetGroupSettings for a selection of groups, all or nothing. Admins. The errors of a selection as well,
// and NOT_FOUND for a group that is named and not there.
func (d *Directory) SetGroupsSettings(ctx context.Context, who auth.Caller, in models.GroupsSettingsSetInput) (*models.GroupsSettingsSetPayload, error) {
	const action = auth.Action("Mutation.groupsSettingsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	settings, err := wantedSettings(in.Settings)
	if err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.GroupsSettingsSetPayload, error) {
		groups, err := c.groupsSelected(in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		impact, err := c.setInGroups(groupIDs(groups), settings, in.MemberOverrides)
		return &models.GroupsSettingsSetPayload{Groups: groups[:min(len(groups), maxResults)], Impact: impact}, err
	})
}

// groupsSelected are the groups of a selection, every one of which must be there.
func (c *change) groupsSelected(selection *models.GroupSelection, expected *int32) ([]*models.Group, error) {
	ids, err := selectGroups(c.DB, c.account(), selection, expected)
	if err != nil {
		return nil, err
	}
	found, err := groupsByID(c.DB, c.account(), ids)
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	for i, id := range selection.Ids {
		if found[id] == nil && len(errs) < maxRejected {
			_ = errs.Add(notFound("group"), "input", "selection", "ids", strconv.Itoa(i))
		}
	}
	return pick(found, ids), errs.OrNil()
}

func groupIDs(groups []*models.Group) []models.GroupID {
	ids := make([]models.GroupID, len(groups))
	for i, group := range groups {
		ids[i] = group.ID
	}
	return ids
}

// setInGroups writes what groups hold, and does to their members what follows. The impact is nil when a job will do that.
func (c *change) setInGroups(groups []models.GroupID, settings []wanted, overrides models.MemberOverrides) (*models.SettingsImpact, error) {
	changed, err := c.hold(groupHolds, plainIDs(groups), keysWanted(settings), func([16]byte) []wanted { return settings })
	if err != nil {
		return nil, err
	}
	w := &configuring{Groups: keysWanted(settings)}
	for _, s := range settings {
		if s.Held != nil && overrides == models.MemberOverridesClear {
			w.Settings = append(w.Settings, wanted{Key: s.Key})
		}
	}
	var members []models.UserID
	if len(w.Settings) > 0 {
		if members, err = c.membersHolding(groups, keysWanted(w.Settings)); err != nil {
			return nil, err
		}
	}
	if err := c.perform(w, members); err != nil {
		return nil, err
	}
	c.noteSettings(groups, changed)
	if c.left != nil {
		return nil, nil //nolint:nilnil // the job will say it
	}
	err = c.reach(groups, w.Groups)
	return c.effects.impact.Settings, err
}

// noteSettings says what became of the groups, for the job that this is told as.
func (c *change) noteSettings(groups []models.GroupID, changed map[[16]byte][]*models.SettingChange) {
	first := make([]*subject, len(groups))
	for i, id := range groups {
		first[i] = &subject{kind: groupSubject, id: id, outcome: models.JobOutcomeUnchanged, detail: models.JobDetail{Settings: changed[id]}}
		if changed[id] != nil {
			first[i].outcome = models.JobOutcomeChanged
		}
	}
	c.done = append(first, c.done...)
}

// SetUserSettings has a user hold values of settings. Admins for members and themselves, super admins. NOT_FOUND, FORBIDDEN,
// and the errors of SetAccountSettings and of carryOut.
func (d *Directory) SetUserSettings(ctx context.Context, who auth.Caller, in models.UserSettingsSetInput) (*models.UserSettingsSetPayload, error) {
	const action = auth.Action("Mutation.userSettingsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	settings, err := wantedOfUsers(in.Settings)
	if err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.UserSettingsSetPayload, error) {
		user, err := c.targetIn("userId", in.UserID)
		if err != nil {
			return nil, err
		}
		return &models.UserSettingsSetPayload{User: user}, c.perform(&configuring{Settings: settings}, []models.UserID{user.ID})
	})
}

// SetUsersSettings has the users of a selection hold values of settings. Admins for members and themselves, super admins;
// each user gets an outcome. The errors of a selection, of SetAccountSettings and of carryOut.
func (d *Directory) SetUsersSettings(ctx context.Context, who auth.Caller, in models.UsersSettingsSetInput) (*models.UsersSettingsSetPayload, error) {
	const action = auth.Action("Mutation.usersSettingsSet")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	settings, err := wantedOfUsers(in.Settings)
	if err != nil {
		return nil, err
	}
	return carryOut(ctx, d, who, action, in, in.EffectOptions, func(c *change) (*models.UsersSettingsSetPayload, error) {
		ids, err := selectUsers(c.DB, c.account(), in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		if err := c.perform(&configuring{Settings: settings}, ids); err != nil {
			return nil, err
		}
		payload := &models.UsersSettingsSetPayload{}
		if c.left != nil || c.trial {
			return payload, nil
		}
		counts := c.tally.counts
		payload.Counts = &models.SettingsCounts{Total: counts.Total, Changed: counts.Changed, Unchanged: counts.Unchanged, Locked: c.tally.locked, Failed: counts.Failed}
		for _, s := range c.tally.first(maxResults) {
			payload.Results = append(payload.Results, &models.SettingsResult{UserID: s.userID(), User: s.user, Outcome: s.outcome})
		}
		return payload, nil
	})
}
