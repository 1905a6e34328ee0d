package directory_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// ward is a world with permissions: what is granted, by name, who has which role, and the rules of who may hand on what.
type ward struct {
	*world
	other  *directory.Directory // another server
	grants map[[2]string]bool   // group, key
	roles  map[string]models.Role
	by     string       // who acts; "" for the operator
	last   models.JobID // the last job that can be taken back
}

var wardKeys = map[string]bool{"reports.view": true, "devices.manage": true, "billing.manage": true, "people.view": true}

// TestPropertyPermissions drives a random history of all that permissions depend on, by admins, super admins and the operator.
// What is refused and what is not is what the rules say; no step of an admin gives anybody what the admin does not hold; and
// after each step everybody holds, of the very causes, what a plain recomputation from the history says.
func TestPropertyPermissions(t *testing.T) {
	s := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		const limit = 4
		d, err := directory.New(s, directory.Options{MaxGroupDepth: limit})
		ok(rt, err)
		other, err := directory.New(s, directory.Options{MaxGroupDepth: limit})
		ok(rt, err)
		w := &ward{
			world: &world{
				oracle: oracle{map[string]bool{}, map[string]bool{}, map[[2]string]bool{}, map[[2]string]bool{}, limit},
				d:      d, db: s.Read, who: auth.OperatorOf(storetest.Account(t, s)),
				userID: map[string]models.UserID{}, groupID: map[string]models.GroupID{}, name: map[[16]byte]string{},
			},
			other: other, grants: map[[2]string]bool{}, roles: map[string]models.Role{},
		}
		for i, role := range []models.Role{models.RoleSuperAdmin, models.RoleAdmin, models.RoleAdmin} {
			w.createUser(rt)
			w.setRoleOf(rt, fmt.Sprintf("u%03d", i+1), role)
		}
		for range 4 {
			w.createGroup(rt)
		}
		w.endow(rt)
		steps := map[string]func(*rapid.T){"": w.check, "endow": w.endow, "endow again": w.endow, "set role": w.setRole}
		for name, step := range map[string]func(*rapid.T){
			"hire": w.hire, "fire": w.fire, "found": w.found, "delete groups": w.dissolve,
			"add": func(t *rapid.T) { w.move(t, true) }, "add more": func(t *rapid.T) { w.move(t, true) },
			"remove": func(t *rapid.T) { w.move(t, false) }, "user's groups": w.usersGroups,
			"nest": w.place, "nest more": w.place, "unnest": w.unnest, "staged edit": w.staged,
			"grant": w.grant, "grant more": w.grant, "take back": w.takeBack,
		} {
			steps[name] = func(t *rapid.T) {
				for range 3 {
					w.acting(t, step)
				}
			}
		}
		rt.Repeat(steps)
	})
}

// endow has each group grant one thing, and takes everybody out of some groups: without that the admins soon hold everything,
// and nothing is refused.
func (w *ward) endow(t *rapid.T) {
	ctx := context.Background()
	for _, g := range slices.Sorted(maps.Keys(w.groups)) {
		key := rapid.SampledFrom(slices.Sorted(maps.Keys(wardKeys))).Draw(t, "endowment")
		_, err := w.d.SetGroupPermissions(ctx, w.who, models.GroupPermissionsSetInput{GroupID: w.groupID[g], PermissionKeys: []string{key}, Mode: models.PermissionModeReplace})
		ok(t, err)
		maps.DeleteFunc(w.grants, func(grant [2]string, _ bool) bool { return grant[0] == g })
		w.grants[[2]string{g, key}] = true
		if rapid.Bool().Draw(t, "kept") {
			continue
		}
		_, err = w.d.RemoveMembers(ctx, w.who, models.GroupMembersRemoveInput{GroupIds: w.ids([]string{g}), UserIds: w.userIDs(slices.Collect(maps.Keys(w.users)))})
		ok(t, err)
		maps.DeleteFunc(w.member, func(m [2]string, _ bool) bool { return m[1] == g })
	}
}

// acting has somebody do a step, and sees that nobody gains what an admin lacks.
func (w *ward) acting(t *rapid.T, step func(*rapid.T)) {
	var admins, others []string // the first are drawn more often
	for _, u := range slices.Sorted(maps.Keys(w.users)) {
		switch w.roles[u] {
		case models.RoleAdmin:
			admins = append(admins, u)
		case models.RoleSuperAdmin:
			others = append(others, u)
		}
	}
	w.by = rapid.SampledFrom(slices.Concat(admins, admins, others, []string{""})).Draw(t, "caller")
	operator := w.who
	if w.by != "" {
		w.who = auth.Caller{Account: operator.Account, UserID: w.userID[w.by], Kind: auth.Person, Role: w.roles[w.by]}
	}
	defer func() { w.who, w.by = operator, "" }()
	before, held := w.everybody(), w.holds(w.by)
	step(t)
	for u, keys := range w.everybody() {
		for key := range keys {
			if !before[u][key] && !held[key] {
				t.Fatalf("%s has %s by %q, who doesn't hold it", u, key, w.by)
			}
		}
	}
}

func (w *ward) everybody() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for u := range w.users {
		all[u] = w.holds(u)
	}
	return all
}

// holds is what somebody holds; the operator everything.
func (w *ward) holds(u string) map[string]bool {
	if u == "" || w.roles[u] == models.RoleSuperAdmin {
		return wardKeys
	}
	keys := map[string]bool{}
	for grant := range w.grants {
		if w.groups[grant[0]] && w.fits(u, grant[0], models.MembershipRelationAll) {
			keys[grant[1]] = true
		}
	}
	return keys
}

// lacks tells whether the members of a group hold what somebody doesn't who holds that.
func (w *ward) lacks(held map[string]bool, g string) bool {
	for grant := range w.grants {
		if w.groups[grant[0]] && w.liesIn(g, grant[0]) && !held[grant[1]] {
			return true
		}
	}
	return false
}

func (w *ward) leads(u string) bool { return w.roles[u] != models.RoleMember }

// check asks two servers in turn what everybody and every group has, and of which causes.
func (w *ward) check(t *rapid.T) {
	ctx := context.Background()
	users, groups := slices.Sorted(maps.Keys(w.users)), slices.Sorted(maps.Keys(w.groups))
	holders := make([]directory.Holder, len(users))
	for i, u := range users {
		holders[i] = directory.Holder{User: w.userID[u], Role: w.roles[u]}
	}
	for _, d := range []*directory.Directory{w.d, w.other} {
		lists, err := d.PermissionsOf(ctx, w.who, holders)
		ok(t, err)
		for i, u := range users {
			got := map[string][]string{}
			for _, p := range lists[i] {
				if key := p.Permission.Key; wardKeys[key] {
					for _, source := range p.Sources {
						got[key] = append(got[key], w.source(t, u, source))
					}
				} else if w.roles[u] != models.RoleSuperAdmin {
					t.Fatalf("%s has %s", u, key)
				}
			}
			want := map[string][]string{}
			for key := range wardKeys {
				if w.roles[u] == models.RoleSuperAdmin {
					want[key] = append(want[key], "ROLE")
				}
				for _, g := range groups { // whose names grow with their age
					if w.grants[[2]string{g, key}] && w.fits(u, g, models.MembershipRelationAll) {
						want[key] = append(want[key], fmt.Sprint(g, w.member[[2]string{u, g}], w.via(u, g), w.steps(u, g)))
					}
				}
			}
			same(t, "permissions of "+u, want, got)
		}
		given, err := d.PermissionsOfGroups(ctx, w.who, w.ids(groups))
		ok(t, err)
		for i, g := range groups {
			got, want := map[string]string{}, map[string]string{}
			for _, p := range given[i] {
				via := []string{}
				for _, id := range p.Via {
					via = append(via, w.name[id])
				}
				got[p.Permission.Key] = fmt.Sprint(p.Direct, via)
			}
			for key := range wardKeys {
				via := []string{}
				for _, above := range groups {
					if above != g && w.liesIn(g, above) && w.grants[[2]string{above, key}] {
						via = append(via, above)
					}
				}
				if direct := w.grants[[2]string{g, key}]; direct || len(via) > 0 {
					want[key] = fmt.Sprint(direct, via)
				}
			}
			same(t, "permissions of "+g, want, got)
		}
	}
}

func (w *ward) source(t *rapid.T, u string, source *models.PermissionSource) string {
	if source.Kind == models.PermissionSourceKindRole {
		return "ROLE"
	}
	g, via := w.name[*source.GroupID], []string{}
	w.sameMembership(t, u, g, source.How)
	for _, id := range source.How.Via {
		via = append(via, w.name[id])
	}
	return fmt.Sprint(g, source.Direct(), via, len(source.How.Path))
}

// few are one or two of the names.
func few(t *rapid.T, names map[string]bool, label string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(names))), 1, min(2, len(names)), rapid.ID).Draw(t, label)
}

// missing expects the one refusal of this file.
func (w *ward) missing(t *rapid.T, err error) { refused(t, err, models.CodeMissingPermission) }

func (w *ward) setRoleOf(t *rapid.T, u string, role models.Role) {
	_, err := w.d.SetUserRole(context.Background(), auth.OperatorOf(w.who.Account), models.UserRoleSetInput{ID: w.userID[u], Role: role})
	ok(t, err)
	w.roles[u] = role
}

func (w *ward) setRole(t *rapid.T) {
	if u := w.user(t); u != "u001" { // the last super admin
		w.setRoleOf(t, u, rapid.SampledFrom([]models.Role{models.RoleAdmin, models.RoleMember, models.RoleSuperAdmin}).Draw(t, "role"))
	}
}

func (w *ward) hire(t *rapid.T) {
	if len(w.users) > 5 {
		return
	}
	groups := few(t, w.groups, "groups")
	w.made++
	name := fmt.Sprintf("u%03d", w.made)
	p, err := w.d.CreateUser(context.Background(), w.who, models.UserCreateInput{
		Email: name + "@example.org", Locale: models.LocaleEn, Role: models.RoleMember, GroupIds: w.ids(groups),
	})
	held := w.holds(w.by)
	if slices.ContainsFunc(groups, func(g string) bool { return w.lacks(held, g) }) {
		w.missing(t, err)
		return
	}
	ok(t, err)
	w.users[name], w.userID[name], w.name[p.User.ID], w.roles[name] = true, p.User.ID, name, models.RoleMember
	for _, g := range groups {
		w.member[[2]string{name, g}] = true
	}
}

func (w *ward) fire(t *rapid.T) {
	u := w.user(t)
	if w.leads(u) {
		return
	}
	_, err := w.d.DeleteUser(context.Background(), w.who, models.UserDeleteInput{ID: w.userID[u]})
	ok(t, err)
	delete(w.users, u)
	maps.DeleteFunc(w.member, func(m [2]string, _ bool) bool { return m[0] == u })
}

func (w *ward) found(t *rapid.T) {
	if len(w.groups) > 6 {
		return
	}
	w.made++
	name, parents, members := fmt.Sprintf("g%03d", w.made), few(t, w.groups, "parents"), few(t, w.users, "members")
	held := w.holds(w.by)
	p, err := w.d.CreateGroup(context.Background(), w.who, models.GroupCreateInput{Name: name, ParentIds: w.ids(parents), MemberIds: w.userIDs(members)})
	w.groups[name] = true
	for _, parent := range parents {
		w.inside[[2]string{name, parent}] = true
	}
	switch {
	case w.deepest() > w.limit:
		refused(t, err, models.CodeTooDeep)
		w.forget(name)
		return
	case w.lacks(held, name):
		w.missing(t, err)
		w.forget(name)
		return
	}
	ok(t, err)
	w.groupID[name], w.name[p.Group.ID] = p.Group.ID, name
	for _, u := range members {
		w.member[[2]string{u, name}] = true
	}
}

func (w *ward) dissolve(t *rapid.T) {
	some := few(t, w.groups, "groups")
	if len(w.groups) < 5 {
		return
	}
	held := w.holds(w.by)
	lacking := false
	for grant := range w.grants {
		lacking = lacking || slices.Contains(some, grant[0]) && !held[grant[1]]
	}
	var err error
	if len(some) == 1 {
		_, err = w.d.DeleteGroup(context.Background(), w.who, models.GroupDeleteInput{ID: w.groupID[some[0]]})
	} else {
		_, err = w.d.DeleteGroups(context.Background(), w.who, models.GroupsDeleteInput{Selection: &models.GroupSelection{Ids: w.ids(some)}})
	}
	if lacking {
		w.missing(t, err)
		return
	}
	ok(t, err)
	for _, g := range some {
		w.forget(g)
		maps.DeleteFunc(w.grants, func(grant [2]string, _ bool) bool { return grant[0] == g })
	}
}

func (w *ward) move(t *rapid.T, is bool) {
	groups, users := few(t, w.groups, "groups"), few(t, w.users, "users")
	held := w.holds(w.by)
	var change models.MembersChange
	var effects models.Effects
	var wrong []*models.Error
	if is {
		p, err := w.d.AddMembers(context.Background(), w.who, models.GroupMembersAddInput{GroupIds: w.ids(groups), UserIds: w.userIDs(users)})
		ok(t, err)
		change, effects, wrong = p.MembersChange, p.Effects, p.Errors
	} else {
		p, err := w.d.RemoveMembers(context.Background(), w.who, models.GroupMembersRemoveInput{GroupIds: w.ids(groups), UserIds: w.userIDs(users)})
		ok(t, err)
		change, effects, wrong = p.MembersChange, p.Effects, p.Errors
	}
	named := map[string]bool{}
	want, got := map[[2]string]models.MembershipOutcome{}, map[[2]string]models.MembershipOutcome{}
	for _, r := range change.Results {
		pair := [2]string{w.name[r.UserID], w.name[r.GroupID]}
		got[pair] = r.Outcome
		switch {
		case is && w.member[pair]:
			want[pair] = models.MembershipOutcomeAlreadyMember
		case !is && !w.member[pair]:
			want[pair] = models.MembershipOutcomeNotMember
		case w.lacks(held, pair[1]) && (is || w.leads(pair[0])):
			want[pair] = models.MembershipOutcomeMissingPermission
			named[pair[1]] = true
		case is:
			want[pair] = models.MembershipOutcomeAdded
		default:
			want[pair] = models.MembershipOutcomeRemoved
		}
	}
	same(t, "outcomes", want, got)
	same(t, "errors", len(named), len(wrong))
	for pair, outcome := range got {
		switch outcome {
		case models.MembershipOutcomeAdded:
			w.member[pair] = true
		case models.MembershipOutcomeRemoved:
			delete(w.member, pair)
		}
	}
	if effects.Job != nil {
		w.last = effects.Job.ID
	}
}

func (w *ward) usersGroups(t *rapid.T) {
	u, add, remove := w.user(t), few(t, w.groups, "groups"), few(t, w.groups, "groups")
	if overlap(add, remove) {
		return
	}
	held := w.holds(w.by)
	p, err := w.d.UpdateUserGroups(context.Background(), w.who, models.UserGroupsUpdateInput{UserID: w.userID[u], AddGroupIds: w.ids(add), RemoveGroupIds: w.ids(remove)})
	in := func(g string) bool { return !w.member[[2]string{u, g}] && w.lacks(held, g) }
	out := func(g string) bool { return w.member[[2]string{u, g}] && w.leads(u) && w.lacks(held, g) }
	if slices.ContainsFunc(add, in) || slices.ContainsFunc(remove, out) {
		w.missing(t, err)
		return
	}
	ok(t, err)
	for _, g := range remove {
		delete(w.member, [2]string{u, g})
	}
	for _, g := range add {
		w.member[[2]string{u, g}] = true
	}
	if p.Job != nil {
		w.last = p.Job.ID
	}
}

func (w *ward) place(t *rapid.T) {
	parent, child := w.group(t), w.group(t)
	edge := [2]string{child, parent}
	held := w.holds(w.by)
	_, err := w.d.Nest(context.Background(), w.who, models.GroupNestInput{ParentID: w.groupID[parent], ChildID: w.groupID[child]})
	if !w.inside[edge] && w.liesIn(parent, child) {
		refused(t, err, models.CodeCycle)
		return
	}
	was := w.inside[edge]
	w.inside[edge] = true
	switch {
	case was:
		ok(t, err)
	case w.deepest() > w.limit:
		delete(w.inside, edge)
		refused(t, err, models.CodeTooDeep)
	case w.lacks(held, parent):
		delete(w.inside, edge)
		w.missing(t, err)
	default:
		ok(t, err)
	}
}

func (w *ward) staged(t *rapid.T) {
	g, addP, removeP, addM, removeM := w.group(t), w.someGroups(t), w.someGroups(t), w.someUsers(t), w.someUsers(t)
	if overlap(addP, removeP) || overlap(addM, removeM) {
		return
	}
	held := w.holds(w.by)
	_, err := w.d.UpdateGroup(context.Background(), w.who, models.GroupUpdateInput{
		ID: w.groupID[g], AddParentIds: w.ids(addP), RemoveParentIds: w.ids(removeP), AddMemberIds: w.userIDs(addM), RemoveMemberIds: w.userIDs(removeM),
	})
	before := maps.Clone(w.inside)
	for _, p := range removeP {
		delete(w.inside, [2]string{g, p})
	}
	want := map[models.ErrorCode]bool{}
	var fresh []string
	for _, p := range addP {
		edge := [2]string{g, p}
		switch {
		case w.inside[edge]:
		case w.liesIn(p, g):
			want[models.CodeCycle] = true
		default:
			if w.inside[edge] = true; w.deepest() > w.limit {
				delete(w.inside, edge)
				want[models.CodeTooDeep] = true
				continue
			}
			fresh = append(fresh, p)
		}
	}
	lacks := func(p string) bool { return w.lacks(held, p) }
	in := func(u string) bool { return !w.member[[2]string{u, g}] && lacks(g) }
	out := func(u string) bool { return w.member[[2]string{u, g}] && w.leads(u) && lacks(g) }
	if slices.ContainsFunc(fresh, lacks) || len(want) == 0 && (slices.ContainsFunc(addM, in) || slices.ContainsFunc(removeM, out)) {
		want[models.CodeMissingPermission] = true
	}
	got := map[models.ErrorCode]bool{}
	var errs models.Errors
	if errors.As(err, &errs) {
		for _, e := range errs {
			got[e.Code] = true
		}
	}
	same(t, "refusals of the staged edit", want, got)
	if len(want) > 0 {
		w.inside = before
		return
	}
	ok(t, err)
	for _, u := range removeM {
		delete(w.member, [2]string{u, g})
	}
	for _, u := range addM {
		w.member[[2]string{u, g}] = true
	}
}

func (w *ward) grant(t *rapid.T) {
	g, keys, mode := w.group(t), few(t, wardKeys, "keys"), rapid.SampledFrom(models.AllPermissionMode).Draw(t, "mode")
	held := w.holds(w.by)
	p, err := w.d.SetGroupPermissions(context.Background(), w.who, models.GroupPermissionsSetInput{GroupID: w.groupID[g], PermissionKeys: keys, Mode: mode})
	granted, ended := map[string]bool{}, map[string]bool{}
	lacking := false
	for key := range wardKeys {
		named, is := slices.Contains(keys, key), w.grants[[2]string{g, key}]
		will := is
		switch {
		case mode == models.PermissionModeReplace:
			will = named
		case named:
			will = mode == models.PermissionModeAdd
		}
		switch {
		case will && !is:
			granted[key] = true
		case is && !will:
			ended[key] = true
		default:
			continue
		}
		lacking = lacking || !held[key]
	}
	if lacking {
		w.missing(t, err)
		return
	}
	ok(t, err)
	keysOf := func(list []*models.PermissionDefinition) map[string]bool {
		keys := map[string]bool{}
		for _, p := range list {
			keys[p.Key] = true
		}
		return keys
	}
	same(t, "granted", granted, keysOf(p.Granted))
	same(t, "ended", ended, keysOf(p.Ended))
	for key := range granted {
		w.grants[[2]string{g, key}] = true
	}
	for key := range ended {
		delete(w.grants, [2]string{g, key})
	}
}

// takeBack reverts the last job of memberships. What it restores is read from the database: that nobody gains what an admin
// lacks is seen all the same.
func (w *ward) takeBack(t *rapid.T) {
	if w.last == (models.JobID{}) {
		return
	}
	p, err := w.d.RevertJob(context.Background(), w.who, models.JobRevertInput{ID: w.last})
	if err != nil {
		refused(t, err, models.CodeNotRevertible)
		return
	}
	var rows []models.MembershipRow
	ok(t, w.db.Where("account_id = ?", w.who.Account).Find(&rows).Error)
	clear(w.member)
	for _, row := range rows {
		w.member[[2]string{w.name[row.UserID], w.name[row.GroupID]}] = true
	}
	w.last = p.Job.ID
}
