package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// house is a small account. The admin ada holds reports.view by the group Readers, and nothing else. Payers grants
// billing.manage, Cashiers lies in it, and Fixers grants devices.manage; nobody is in Fixers. Plain grants nothing.
type house struct {
	*testing.T
	d      *directory.Directory
	sue    auth.Caller            // the super admin
	people map[string]auth.Caller // ada and bob, admins, and the members max and mia
	groups map[string]models.GroupID
}

func newHouse(t *testing.T) *house {
	t.Helper()
	d, err := directory.New(storetest.Open(t), directory.Options{})
	must(t, err)
	h := &house{T: t, d: d, sue: foundAccount(t, d), people: map[string]auth.Caller{}, groups: map[string]models.GroupID{}}
	h.people["sue"] = h.sue
	for name, role := range map[string]models.Role{"ada": models.RoleAdmin, "bob": models.RoleAdmin, "max": models.RoleMember, "mia": models.RoleMember} {
		h.people[name] = hire(t, d, h.sue, name+"@example.org", role)
	}
	for _, name := range []string{"Readers", "Payers", "Cashiers", "Fixers", "Plain"} {
		h.groups[name] = found(t, d, h.sue, name)
	}
	h.nest(h.sue, "Cashiers", "Payers")
	for group, key := range map[string]string{"Readers": "reports.view", "Payers": "billing.manage", "Fixers": "devices.manage"} {
		must(t, h.grant(h.sue, group, models.PermissionModeAdd, key))
	}
	for group, names := range map[string][]string{"Readers": {"ada"}, "Payers": {"bob", "sue"}, "Cashiers": {"max"}} {
		must(t, h.add(h.sue, group, names...))
	}
	return h
}

func (h *house) users(names ...string) (ids []models.UserID) {
	for _, name := range names {
		ids = append(ids, h.people[name].UserID)
	}
	return ids
}

func (h *house) ids(names ...string) (ids []models.GroupID) {
	for _, name := range names {
		ids = append(ids, h.groups[name])
	}
	return ids
}

func (h *house) grant(who auth.Caller, group string, mode models.PermissionMode, keys ...string) error {
	_, err := h.d.SetGroupPermissions(h.Context(), who, models.GroupPermissionsSetInput{GroupID: h.groups[group], PermissionKeys: keys, Mode: mode})
	return err
}

// add has rows, of which those that are refused are told as errors.
func (h *house) add(who auth.Caller, group string, names ...string) error {
	p, err := h.d.AddMembers(h.Context(), who, models.GroupMembersAddInput{GroupIds: h.ids(group), UserIds: h.users(names...)})
	if err != nil {
		return err
	}
	return models.Errors(p.Errors).OrNil()
}

func (h *house) remove(who auth.Caller, group string, names ...string) error {
	p, err := h.d.RemoveMembers(h.Context(), who, models.GroupMembersRemoveInput{GroupIds: h.ids(group), UserIds: h.users(names...)})
	if err != nil {
		return err
	}
	return models.Errors(p.Errors).OrNil()
}

func (h *house) nest(who auth.Caller, child, parent string) error {
	_, err := h.d.Nest(h.Context(), who, models.GroupNestInput{ChildID: h.groups[child], ParentID: h.groups[parent]})
	return err
}

func (h *house) update(who auth.Caller, in models.GroupUpdateInput) error {
	_, err := h.d.UpdateGroup(h.Context(), who, in)
	return err
}

func (h *house) usersGroups(who auth.Caller, name string, add, remove []models.GroupID) error {
	_, err := h.d.UpdateUserGroups(h.Context(), who, models.UserGroupsUpdateInput{UserID: h.people[name].UserID, AddGroupIds: add, RemoveGroupIds: remove})
	return err
}

func (h *house) hire(who auth.Caller, groups ...string) error {
	_, err := h.d.CreateUser(h.Context(), who, models.UserCreateInput{Email: "new@example.org", Locale: models.LocaleEn, Role: models.RoleMember, GroupIds: h.ids(groups...)})
	return err
}

func (h *house) found(who auth.Caller, parent string, members ...string) error {
	_, err := h.d.CreateGroup(h.Context(), who, models.GroupCreateInput{Name: "New", ParentIds: h.ids(parent), MemberIds: h.users(members...)})
	return err
}

// held is what everybody holds, of the permissions of this house.
func (h *house) held() map[string]string {
	held := map[string]string{}
	for name, who := range h.people {
		lists, err := h.d.PermissionsOf(h.Context(), h.sue, []directory.Holder{{User: who.UserID, Role: who.Role}})
		must(h, err)
		var keys []string
		for _, p := range lists[0] {
			keys = append(keys, p.Permission.Key)
		}
		held[name] = strings.Join(keys, " ")
	}
	return held
}

// saying is what a refusal says: the place, and the missing keys.
func saying(err error) string {
	var errs models.Errors
	var one *models.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &errs):
	case errors.As(err, &one):
		errs = models.Errors{one}
	default:
		return err.Error()
	}
	var lines []string
	for _, e := range errs {
		line := strings.Join(e.Path, ".")
		if e.Code != models.CodeMissingPermission {
			line += " " + string(e.Code)
		}
		for _, p := range e.Params {
			if p.Name == "keys" {
				line += " lacks " + strings.Join(p.Values, " ")
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

const (
	add     = models.PermissionModeAdd
	remove  = models.PermissionModeRemove
	replace = models.PermissionModeReplace
)

// TestPermissionGuard says of what ada may do and may not; who holds what when she is refused is who held it before.
func TestPermissionGuard(t *testing.T) {
	type do = func(h *house, ada auth.Caller) error
	for name, tc := range map[string]struct {
		do    do
		want  string
		bySue bool
	}{
		"an admin grants what she holds": {func(h *house, ada auth.Caller) error { return h.grant(ada, "Plain", add, "reports.view") }, "", false},
		"nobody grants what they don't hold": {func(h *house, ada auth.Caller) error {
			return h.grant(ada, "Plain", add, "reports.view", "billing.manage")
		}, "input.permissionKeys lacks billing.manage", false},
		"nor ends it":              {func(h *house, ada auth.Caller) error { return h.grant(ada, "Payers", remove, "billing.manage") }, "input.permissionKeys lacks billing.manage", false},
		"nor ends it by replacing": {func(h *house, ada auth.Caller) error { return h.grant(ada, "Payers", replace, "reports.view") }, "input.permissionKeys lacks billing.manage", false},
		"what stays as it is needs nothing": {func(h *house, ada auth.Caller) error {
			return h.grant(ada, "Payers", replace, "reports.view", "billing.manage")
		}, "", false},
		"what is granted already is granted again by nobody": {func(h *house, ada auth.Caller) error { return h.grant(ada, "Payers", add, "billing.manage") }, "", false},
		"a super admin grants everything":                    {func(h *house, _ auth.Caller) error { return h.grant(h.sue, "Plain", add, "rooms.manage") }, "", true},
		"a super admin by a lesser token does not": {func(h *house, _ auth.Caller) error {
			sue := h.sue
			sue.Role = models.RoleAdmin
			return h.grant(sue, "Plain", add, "rooms.manage")
		}, "input.permissionKeys lacks rooms.manage", false},
		"but what her groups give": {func(h *house, _ auth.Caller) error {
			sue := h.sue
			sue.Role = models.RoleAdmin
			return h.grant(sue, "Plain", add, "billing.manage")
		}, "", true},

		"somebody comes into a group that gives what she holds": {func(h *house, ada auth.Caller) error { return h.add(ada, "Readers", "max", "bob") }, "", false},
		"nobody into one that gives what she lacks":             {func(h *house, ada auth.Caller) error { return h.add(ada, "Payers", "mia") }, "input.groupIds.0 lacks billing.manage", false},
		"nor into one that lies in such":                        {func(h *house, ada auth.Caller) error { return h.add(ada, "Cashiers", "mia") }, "input.groupIds.0 lacks billing.manage", false},
		"nor she herself":                                       {func(h *house, ada auth.Caller) error { return h.add(ada, "Fixers", "ada") }, "input.groupIds.0 lacks devices.manage", false},
		"nor whoever is in it by way of another group":          {func(h *house, ada auth.Caller) error { return h.add(ada, "Payers", "max") }, "input.groupIds.0 lacks billing.manage", false},
		"who is in it by a row of their own stays":              {func(h *house, ada auth.Caller) error { return h.add(ada, "Cashiers", "max") }, "", false},
		"the other rows are done":                               {func(h *house, ada auth.Caller) error { return h.add(ada, "Payers", "bob", "mia") }, "input.groupIds.0 lacks billing.manage", false},
		"from the user's page":                                  {func(h *house, ada auth.Caller) error { return h.usersGroups(ada, "mia", h.ids("Plain", "Payers"), nil) }, "input.addGroupIds.1 lacks billing.manage", false},
		"by a staged edit": {func(h *house, ada auth.Caller) error {
			return h.update(ada, models.GroupUpdateInput{ID: h.groups["Cashiers"], AddMemberIds: h.users("mia", "ada")})
		}, "input.addMemberIds lacks billing.manage", false},
		"with a new user":                        {func(h *house, ada auth.Caller) error { return h.hire(ada, "Readers", "Cashiers") }, "input.groupIds.1 lacks billing.manage", false},
		"with a new user in groups that she may": {func(h *house, ada auth.Caller) error { return h.hire(ada, "Readers", "Plain") }, "", false},
		"with many, row by row": {func(h *house, ada auth.Caller) error {
			row := func(email, group string) *models.UserCreateInput {
				return &models.UserCreateInput{Email: email, Locale: models.LocaleEn, Role: models.RoleMember, GroupIds: h.ids(group)}
			}
			p, err := h.d.CreateUsers(h.Context(), ada, models.UsersCreateInput{
				Users: []*models.UserCreateInput{row("a@example.org", "Plain"), row("b@example.org", "Payers")}, ErrorPolicy: models.ErrorPolicyRejectFailed,
			})
			must(h, err)
			if len(p.Users) != 1 {
				h.Errorf("%d users were created", len(p.Users))
			}
			return models.Errors(p.Errors).OrNil()
		}, "input.users.1.groupIds.0 lacks billing.manage", false},

		"a group under one that gives what she holds":  {func(h *house, ada auth.Caller) error { return h.nest(ada, "Plain", "Readers") }, "", false},
		"no group under one that gives what she lacks": {func(h *house, ada auth.Caller) error { return h.nest(ada, "Readers", "Payers") }, "input.parentId lacks billing.manage", false},
		"nor under one that lies in such":              {func(h *house, ada auth.Caller) error { return h.nest(ada, "Readers", "Cashiers") }, "input.parentId lacks billing.manage", false},
		"nor an empty one":                             {func(h *house, ada auth.Caller) error { return h.nest(ada, "Plain", "Fixers") }, "input.parentId lacks devices.manage", false},
		"nor a new one":                                {func(h *house, ada auth.Caller) error { return h.found(ada, "Payers", "mia") }, "input.parentIds.0 lacks billing.manage", false},
		"a new one where she may":                      {func(h *house, ada auth.Caller) error { return h.found(ada, "Readers", "mia") }, "", false},
		"nor by a staged edit": {func(h *house, ada auth.Caller) error {
			return h.update(ada, models.GroupUpdateInput{ID: h.groups["Plain"], AddParentIds: h.ids("Readers", "Payers")})
		}, "input.addParentIds.1 lacks billing.manage", false},
		"what lies there already": {func(h *house, ada auth.Caller) error { return h.nest(ada, "Cashiers", "Payers") }, "", false},
		"a group moved with its members": {func(h *house, ada auth.Caller) error {
			return h.update(ada, models.GroupUpdateInput{ID: h.groups["Cashiers"], AddParentIds: h.ids("Fixers"), RemoveParentIds: h.ids("Payers")})
		}, "input.addParentIds.0 lacks devices.manage", false},
		"a group taken out, and somebody put in, at once": {func(h *house, ada auth.Caller) error {
			return h.update(ada, models.GroupUpdateInput{ID: h.groups["Cashiers"], AddMemberIds: h.users("mia"), RemoveParentIds: h.ids("Payers")})
		}, "", false},
		"herself from one group into another of the same permissions": {func(h *house, ada auth.Caller) error {
			must(h, h.grant(h.sue, "Plain", add, "reports.view"))
			return h.usersGroups(ada, "ada", h.ids("Plain"), h.ids("Readers"))
		}, "", false},

		"members go out of any group":                     {func(h *house, ada auth.Caller) error { return h.remove(ada, "Cashiers", "max") }, "", false},
		"an admin doesn't, where she lacks what it gives": {func(h *house, ada auth.Caller) error { return h.remove(ada, "Payers", "bob") }, "input.groupIds.0 lacks billing.manage", false},
		"nor a super admin":                               {func(h *house, ada auth.Caller) error { return h.usersGroups(ada, "sue", nil, h.ids("Payers")) }, "input.removeGroupIds.0 lacks billing.manage", false},
		"nor by a staged edit of the group": {func(h *house, ada auth.Caller) error {
			return h.update(ada, models.GroupUpdateInput{ID: h.groups["Payers"], RemoveMemberIds: h.users("max", "bob")})
		}, "input.removeMemberIds.1 lacks billing.manage", false},
		"an admin out of a group that gives what she holds": {func(h *house, ada auth.Caller) error {
			must(h, h.add(h.sue, "Readers", "bob"))
			return h.remove(ada, "Readers", "bob")
		}, "", false},
		"a group out of another, also where admins are among them": {func(h *house, ada auth.Caller) error {
			must(h, h.add(h.sue, "Cashiers", "bob"))
			_, err := h.d.Unnest(h.Context(), ada, models.GroupUnnestInput{ParentID: h.groups["Payers"], ChildID: h.groups["Cashiers"]})
			return err
		}, "", false},

		"no group goes that grants what she lacks": {func(h *house, ada auth.Caller) error {
			_, err := h.d.DeleteGroup(h.Context(), ada, models.GroupDeleteInput{ID: h.groups["Payers"]})
			return err
		}, "input.id lacks billing.manage", false},
		"nor with others": {func(h *house, ada auth.Caller) error {
			_, err := h.d.DeleteGroups(h.Context(), ada, models.GroupsDeleteInput{Selection: &models.GroupSelection{All: new(true)}})
			return err
		}, "input.selection lacks billing.manage; input.selection lacks devices.manage", false},
		"one that only lies in such does": {func(h *house, ada auth.Caller) error {
			_, err := h.d.DeleteGroup(h.Context(), ada, models.GroupDeleteInput{ID: h.groups["Cashiers"]})
			return err
		}, "", false},

		"by taking back her own removal":  {func(h *house, ada auth.Caller) error { return h.takeBack(ada, "Cashiers", "mia", "max") }, "MISSING_PERMISSION MISSING_PERMISSION", false},
		"a super admin takes it back":     {func(h *house, ada auth.Caller) error { return h.takeBack(h.sue, "Cashiers", "mia", "max") }, "CHANGED CHANGED", true},
		"where she holds it, so does she": {func(h *house, ada auth.Caller) error { return h.takeBack(ada, "Readers", "mia", "max") }, "CHANGED CHANGED", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			before := h.held()
			if got := saying(tc.do(h, h.people["ada"])); got != tc.want {
				t.Fatalf("told %q, want %q", got, tc.want)
			}
			after := h.held()
			for _, name := range []string{"ada", "bob", "max", "mia"} {
				for _, key := range strings.Fields(after[name]) {
					if key != "reports.view" && !slices.Contains(strings.Fields(before[name]), key) && !tc.bySue {
						t.Errorf("%s now has %s", name, key)
					}
				}
			}
		})
	}
}

// takeBack puts people into a group, has ada take them out, and somebody revert that: the outcomes.
func (h *house) takeBack(who auth.Caller, group string, names ...string) error {
	must(h, h.add(h.sue, group, names...))
	p, err := h.d.RemoveMembers(h.Context(), h.people["ada"], models.GroupMembersRemoveInput{GroupIds: h.ids(group), UserIds: h.users(names...)})
	must(h, err)
	back, err := h.d.RevertJob(h.Context(), who, models.JobRevertInput{ID: p.Job.ID})
	must(h, err)
	results, err := h.d.JobResults(h.Context(), h.sue, []models.JobID{back.Job.ID}, nil, models.PageArgs{})
	must(h, err)
	var outcomes []string
	for _, r := range results[0].Nodes() {
		outcomes = append(outcomes, string(r.Outcome))
	}
	return errors.New(strings.Join(outcomes, " "))
}

// A dry run says of the same rows that they would be left out.
func TestMissingPermissionsInDryRuns(t *testing.T) {
	h := newHouse(t)
	p, err := h.d.AddMembers(h.Context(), h.people["ada"], models.GroupMembersAddInput{
		GroupIds: h.ids("Plain", "Payers"), UserIds: h.users("mia"), EffectOptions: models.EffectOptions{DryRun: true},
	})
	must(t, err)
	if got := saying(models.Errors(p.Errors)); got != "input.groupIds.1 lacks billing.manage" {
		t.Errorf("told %q", got)
	}
}

// What an admin was told may go, does not stay: what she holds is read under the lock, of the groups as they are then.
func TestPermissionsAreReadUnderTheLock(t *testing.T) {
	h := newHouse(t)
	ada := h.people["ada"]
	must(t, h.remove(h.sue, "Readers", "ada"))
	if got := saying(h.grant(ada, "Plain", add, "reports.view")); got != "input.permissionKeys lacks reports.view" {
		t.Errorf("when she is out of the group: %q", got)
	}
	must(t, h.add(h.sue, "Readers", "ada"))
	must(t, h.grant(ada, "Plain", add, "reports.view"))
	must(t, h.grant(h.sue, "Readers", remove, "reports.view"))
	if got := saying(h.grant(ada, "Plain", remove, "reports.view")); got != "input.permissionKeys lacks reports.view" {
		t.Errorf("when the group doesn't grant it any more: %q", got)
	}
	_, err := h.d.SetUserRole(h.Context(), h.sue, models.UserRoleSetInput{ID: ada.UserID, Role: models.RoleMember})
	must(t, err)
	if err := h.grant(ada, "Plain", remove, "reports.view"); !errors.Is(err, auth.ErrForbidden) {
		t.Errorf("as a member: %v", err)
	}
}

// A grant is done once under a key, and a group takes its grants with it.
func TestGrantedOnce(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	in := models.GroupPermissionsSetInput{GroupID: h.groups["Plain"], PermissionKeys: []string{"rooms.manage", "people.view"}, Mode: replace, IdempotencyKey: new("k")}
	for i := range 2 {
		p, err := h.d.SetGroupPermissions(ctx, h.sue, in)
		must(t, err)
		var keys []string
		for _, definition := range p.Granted {
			keys = append(keys, definition.Key)
		}
		if got := fmt.Sprint(keys, len(p.Ended)); got != "[people.view rooms.manage] 0" {
			t.Errorf("try %d: %s", i, got)
		}
	}
	in.Mode = remove
	_, err := h.d.SetGroupPermissions(ctx, h.sue, in)
	refusedWith(t, err, models.CodeIdempotencyKeyReused, "input.idempotencyKey")
	for _, tc := range []struct {
		keys []string
		mode models.PermissionMode
		want string
	}{
		{[]string{"people.view", "no.such"}, add, "input.permissionKeys.1 NOT_FOUND"},
		{[]string{"people.view", "people.view"}, add, "input.permissionKeys.1 CONFLICT"},
		{nil, add, "input.permissionKeys REQUIRED"},
		{nil, remove, "input.permissionKeys REQUIRED"},
		{slices.Repeat([]string{"people.view"}, 251), add, "input.permissionKeys TOO_MANY"},
		{nil, replace, ""},
	} {
		if got := saying(h.grant(h.sue, "Plain", tc.mode, tc.keys...)); got != tc.want {
			t.Errorf("%s %v: %q, want %q", tc.mode, tc.keys, got, tc.want)
		}
	}
	_, err = h.d.SetGroupPermissions(ctx, h.sue, models.GroupPermissionsSetInput{GroupID: models.NewID[models.GroupID](), Mode: replace})
	refusedWith(t, err, models.CodeNotFound, "input.groupId")
	_, err = h.d.DeleteGroup(ctx, h.sue, models.GroupDeleteInput{ID: h.groups["Payers"]})
	must(t, err)
	if held := h.held(); held["bob"] != "" || held["max"] != "" {
		t.Errorf("without the group: %v", held)
	}
}
