package directory_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// tuned is a world with settings, told in the plainest way: who holds what, by name.
type tuned struct {
	*world
	store   *store.Store
	account map[string]told
	groups  map[[2]string]told // group, key
	own     map[[2]string]told // user, key
	rank    map[string]int32   // of groups
	drain   func(*rapid.T)
}

// told is a value that is held.
type told struct {
	value  string
	locked bool
}

var tunable = []string{"meeting.duration.limit", "meeting.lock", "phone.caller.id"}

// drawValue is a value of a setting, and how it is given.
func drawValue(t *rapid.T, key string) (string, *models.SettingValueInput) {
	n := rapid.IntRange(0, 2).Draw(t, "value")
	switch key {
	case "meeting.lock":
		return fmt.Sprint(n > 0), &models.SettingValueInput{Boolean: new(n > 0)}
	case "meeting.duration.limit":
		return fmt.Sprint(15 + n), &models.SettingValueInput{Integer: new(int32(15 + n))}
	}
	return string(rune('a' + n)), &models.SettingValueInput{String: new(string(rune('a' + n)))}
}

// TestPropertySettings drives a random history of everything that settings depend on. After each step what each setting comes
// to, for each user and group, is what the definition says, read word by word.
func TestPropertySettings(t *testing.T) { settings(t, 0) }

// TestPropertySettingsByJobs has jobs take away what more than one member holds, one member at a time.
func TestPropertySettingsByJobs(t *testing.T) { settings(t, 1) }

func settings(t *testing.T, inPlace int) {
	s := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		d, err := directory.New(s, directory.Options{MaxGroupDepth: 5, InPlace: inPlace})
		ok(rt, err)
		account := storetest.Account(t, s)
		drain, stop := working(rt, s, d, account)
		defer stop()
		w := &tuned{
			world: &world{
				oracle: oracle{map[string]bool{}, map[string]bool{}, map[[2]string]bool{}, map[[2]string]bool{}, 5},
				d:      d, db: s.Read, who: auth.OperatorOf(account),
				userID: map[string]models.UserID{}, groupID: map[string]models.GroupID{}, name: map[[16]byte]string{},
			},
			store: s, account: map[string]told{}, groups: map[[2]string]told{}, own: map[[2]string]told{}, rank: map[string]int32{}, drain: drain,
		}
		for range 3 {
			w.createUser(rt)
			w.createGroup(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create user":    w.createUser,
			"delete user":    w.deleteUser,
			"create group":   w.createGroup,
			"delete groups":  w.deleteGroups,
			"add members":    w.addMembers,
			"remove members": w.removeMembers,
			"nest":           w.nest,
			"set priority":   w.setPriority,
			"set account":    w.setAccount,
			"set group":      w.setGroup,
			"set more":       w.setGroup,
			"set groups":     w.setGroups,
			"set user":       w.setUser,
			"set users":      w.setUsers,
			"":               w.check,
		})
	})
}

func (w *tuned) setPriority(t *rapid.T) {
	g, rank := w.group(t), rapid.Int32Range(-1, 1).Draw(t, "priority")
	_, err := w.d.UpdateGroup(context.Background(), w.who, models.GroupUpdateInput{ID: w.groupID[g], Priority: graphql.OmittableOf(&rank)})
	ok(t, err)
	w.rank[g] = rank
}

// drawSettings are some settings as an input has them, and as they are told; nil where none is to be held.
func drawSettings(t *rapid.T, locks bool) ([]*models.SettingInput, map[string]*told) {
	var in []*models.SettingInput
	want := map[string]*told{}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(tunable), 1, 2, rapid.ID).Draw(t, "keys") {
		one := &models.SettingInput{Key: key}
		want[key] = nil
		if rapid.IntRange(0, 3).Draw(t, "held") > 0 {
			one.Locked = locks && rapid.IntRange(0, 2).Draw(t, "locked") == 0
			text, value := drawValue(t, key)
			one.Value, want[key] = value, &told{text, one.Locked}
		}
		in = append(in, one)
	}
	return in, want
}

func ofUsers(in []*models.SettingInput) []*models.UserSettingInput {
	of := make([]*models.UserSettingInput, len(in))
	for i, one := range in {
		of[i] = &models.UserSettingInput{Key: one.Key, Value: one.Value}
	}
	return of
}

func (w *tuned) setAccount(t *rapid.T) {
	in, want := drawSettings(t, true)
	_, err := w.d.SetAccountSettings(context.Background(), w.who, models.AccountSettingsSetInput{Settings: in})
	ok(t, err)
	for key, held := range want {
		if delete(w.account, key); held != nil {
			w.account[key] = *held
		}
	}
}

func (w *tuned) setGroup(t *rapid.T) {
	g := w.group(t)
	in, want := drawSettings(t, true)
	overrides := rapid.SampledFrom(models.AllMemberOverrides).Draw(t, "overrides")
	set := func(dry bool) (*models.Job, *models.SettingsImpact, *models.SettingsPreview) {
		p, err := w.d.SetGroupSettings(context.Background(), w.who, models.GroupSettingsSetInput{
			GroupID: w.groupID[g], Settings: in, MemberOverrides: overrides, EffectOptions: models.EffectOptions{DryRun: dry},
		})
		ok(t, err)
		return p.Job(), p.Impact, p.Preview()
	}
	w.inGroups(t, []string{g}, want, overrides, set)
}

func (w *tuned) setGroups(t *rapid.T) {
	some := w.someGroups(t)
	if len(some) == 0 {
		t.Skip()
	}
	in, want := drawSettings(t, true)
	overrides := rapid.SampledFrom(models.AllMemberOverrides).Draw(t, "overrides")
	set := func(dry bool) (*models.Job, *models.SettingsImpact, *models.SettingsPreview) {
		p, err := w.d.SetGroupsSettings(context.Background(), w.who, models.GroupsSettingsSetInput{
			Selection: &models.GroupSelection{Ids: w.ids(some)}, Settings: in, MemberOverrides: overrides,
			ExpectedCount: new(int32(len(some))), EffectOptions: models.EffectOptions{DryRun: dry},
		})
		ok(t, err)
		return p.Job(), p.Impact, p.Preview()
	}
	w.inGroups(t, some, want, overrides, set)
}

// inGroups tries a change of groups out, makes it, and takes some back at once.
func (w *tuned) inGroups(
	t *rapid.T, groups []string, want map[string]*told, overrides models.MemberOverrides,
	set func(dry bool) (*models.Job, *models.SettingsImpact, *models.SettingsPreview),
) {
	before := w.stored(t)
	_, _, tried := set(true)
	same(t, "what a dry run leaves", before, w.stored(t))
	job, impact, _ := set(false)
	beforeGroups, beforeOwn := maps.Clone(w.groups), maps.Clone(w.own)
	cleared := map[string]bool{}
	for key, held := range want {
		for _, g := range groups {
			if delete(w.groups, [2]string{g, key}); held != nil {
				w.groups[[2]string{g, key}] = *held
			}
		}
		for u := range w.users {
			_, holds := w.own[[2]string{u, key}]
			reached := slices.ContainsFunc(groups, func(g string) bool { return w.fits(u, g, models.MembershipRelationAll) })
			if holds && reached && held != nil && overrides == models.MemberOverridesClear {
				delete(w.own, [2]string{u, key})
				cleared[u] = true
			}
		}
	}
	w.drain(t)
	expected := w.impact(groups, want, len(cleared))
	if impact == nil {
		job, err := jobs.Find(w.db, w.who.Account, job.ID)
		ok(t, err)
		impact = job.SettingsImpact()
	}
	same(t, "impact", expected, impact)
	same(t, "impact of the dry run", expected, tried.Impact)
	same(t, "counts of the dry run", models.SettingsCounts{Total: int32(len(cleared)), Changed: int32(len(cleared))}, tried.Counts)
	w.perhapsBack(t, job, before, func() { w.groups, w.own = beforeGroups, beforeOwn })
}

// impact is whom the settings of groups reach.
func (w *tuned) impact(groups []string, want map[string]*told, cleared int) *models.SettingsImpact {
	impact := &models.SettingsImpact{Cleared: int32(cleared)}
	others, locked := map[string]bool{}, map[string]bool{}
	for _, key := range tunable {
		if _, named := want[key]; !named {
			continue
		}
		one := &models.SettingsImpactForKey{Key: key}
		for u := range w.users {
			if !slices.ContainsFunc(groups, func(g string) bool { return w.fits(u, g, models.MembershipRelationAll) }) {
				continue
			}
			switch first := w.reasons(key, w.reach(u), w.holds(u, key))[0]; {
			case slices.Contains(groups, first.group):
				one.Following++
			case first.locked:
				one.Locked++
				locked[u] = true
			case first.source == models.SettingSourceUser:
				one.Own++
			case first.source == models.SettingSourceGroup:
				one.Others++
				others[u] = true
			default:
				one.Above++
			}
		}
		impact.Reached = one.Following + one.Locked + one.Own + one.Others + one.Above
		impact.ByKey = append(impact.ByKey, one)
	}
	impact.Others, impact.Locked = int32(len(others)), int32(len(locked))
	return impact
}

// perhapsBack takes a job back, or not: then everything is as it was.
func (w *tuned) perhapsBack(t *rapid.T, job *models.Job, before []string, forget func()) {
	w.drain(t)
	job, err := jobs.Find(w.db, w.who.Account, job.ID)
	ok(t, err)
	if !job.Revertible() || rapid.IntRange(0, 2).Draw(t, "back") > 0 {
		return
	}
	_, err = w.d.RevertJob(context.Background(), w.who, models.JobRevertInput{ID: job.ID})
	ok(t, err)
	w.drain(t)
	same(t, "what is taken back", before, w.stored(t))
	forget()
}

func (w *tuned) setUser(t *rapid.T) {
	u := w.user(t)
	in, want := drawSettings(t, false)
	before := w.stored(t)
	p, err := w.d.SetUserSettings(context.Background(), w.who, models.UserSettingsSetInput{UserID: w.userID[u], Settings: ofUsers(in)})
	ok(t, err)
	w.holdByUsers(t, []string{u}, want, p.Job(), before)
}

func (w *tuned) setUsers(t *rapid.T) {
	users := w.someUsers(t)
	if len(users) == 0 {
		t.Skip()
	}
	in, want := drawSettings(t, false)
	before := w.stored(t)
	p, err := w.d.SetUsersSettings(context.Background(), w.who, models.UsersSettingsSetInput{
		Selection: &models.UserSelection{Ids: w.userIDs(users)}, Settings: ofUsers(in), ExpectedCount: new(int32(len(users))),
	})
	ok(t, err)
	w.holdByUsers(t, users, want, p.Job(), before)
}

func (w *tuned) holdByUsers(t *rapid.T, users []string, want map[string]*told, job *models.Job, before []string) {
	beforeOwn := maps.Clone(w.own)
	for _, u := range users {
		for key, held := range want {
			if delete(w.own, [2]string{u, key}); held != nil {
				w.own[[2]string{u, key}] = *held
			}
		}
	}
	w.drain(t)
	results, err := w.d.JobResults(context.Background(), w.who, []models.JobID{job.ID}, nil, models.PageArgs{})
	ok(t, err)
	for _, r := range results[0].Nodes() {
		u := w.name[*r.SubjectID.User]
		locked, changed := false, false
		for key, held := range want {
			if held != nil && w.reasons(key, w.reach(u), w.holds(u, key))[0].locked {
				locked = true
			}
			was, holds := beforeOwn[[2]string{u, key}]
			changed = changed || holds != (held != nil) || held != nil && was != *held
		}
		outcome := models.JobOutcomeUnchanged
		switch {
		case locked:
			outcome = models.JobOutcomeLocked
		case changed:
			outcome = models.JobOutcomeChanged
		}
		same(t, "outcome for "+u, outcome, r.Outcome)
	}
	w.perhapsBack(t, job, before, func() { w.own = beforeOwn })
}

// reason is a value that somebody has for a reason.
type reason struct {
	source models.SettingSource
	group  string
	value  string
	locked bool
}

// reach are the groups that a user is in, with the distance to each.
func (w *tuned) reach(u string) map[string]int {
	in := map[string]int{}
	for g := range w.oracle.groups {
		if n := w.steps(u, g); n > 0 {
			in[g] = n - 1
		}
	}
	return in
}

// reachOf are a group and those that it lies in.
func (w *tuned) reachOf(g string) map[string]int {
	in := map[string]int{}
	for above := range w.oracle.groups {
		if n := w.distance(g, above); n >= 0 {
			in[above] = n
		}
	}
	return in
}

func (w *tuned) holds(u, key string) *told {
	if held, holds := w.own[[2]string{u, key}]; holds {
		return &held
	}
	return nil
}

// reasons are all values in the order in which they count, each found by hiding those before it.
func (w *tuned) reasons(key string, in map[string]int, own *told) []reason {
	account, held := w.account[key]
	hidden := map[string]bool{}
	ownHidden, accountHidden := false, false
	var all []reason
	for {
		values := map[string]told{}
		for g := range in {
			if v, holds := w.groups[[2]string{g, key}]; holds && !hidden[g] {
				values[g] = v
			}
		}
		locks := maps.Clone(values)
		maps.DeleteFunc(locks, func(_ string, v told) bool { return !v.locked })
		topmost := func(g string) bool {
			for other := range locks {
				if other != g && w.liesIn(g, other) {
					return false
				}
			}
			return true
		}
		nearest := func(g string) bool {
			for other := range values {
				if other != g && w.liesIn(other, g) {
					return false
				}
			}
			return true
		}
		switch {
		case held && account.locked && !accountHidden:
			all, accountHidden = append(all, reason{models.SettingSourceAccountLock, "", account.value, true}), true
		case len(locks) > 0:
			g := w.first(locks, in, topmost)
			all, hidden[g] = append(all, reason{models.SettingSourceGroupLock, g, locks[g].value, true}), true
		case own != nil && !ownHidden:
			all, ownHidden = append(all, reason{models.SettingSourceUser, "", own.value, false}), true
		case len(values) > 0:
			g := w.first(values, in, nearest)
			all, hidden[g] = append(all, reason{models.SettingSourceGroup, g, values[g].value, false}), true
		case held && !accountHidden:
			all, accountHidden = append(all, reason{models.SettingSourceAccount, "", account.value, false}), true
		default:
			return append(all, reason{models.SettingSourceDefault, "", models.Setting(key).Default.Text, false})
		}
	}
}

// first is the group that decides among those that are left in.
func (w *tuned) first(values map[string]told, in map[string]int, left func(string) bool) string {
	groups := slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(g string) bool { return !left(g) })
	slices.SortStableFunc(groups, func(a, b string) int { // younger groups have later names
		return cmp.Or(cmp.Compare(w.rank[b], w.rank[a]), cmp.Compare(in[a], in[b]))
	})
	return groups[0]
}

// stored are all values that are held, by whom.
func (w *tuned) stored(t *rapid.T) (rows []string) {
	for _, from := range []string{
		"SELECT account_id AS id, setting_key, value, locked FROM account_settings", "SELECT group_id AS id, setting_key, value, locked FROM group_settings",
		"SELECT user_id AS id, setting_key, value, FALSE AS locked FROM user_settings",
	} {
		var found []struct {
			ID                []byte
			SettingKey, Value string
			Locked            bool
		}
		ok(t, w.db.Raw(from+" WHERE account_id = ? ORDER BY 1, 2", w.who.Account).Scan(&found).Error)
		for _, row := range found {
			rows = append(rows, fmt.Sprintf("%x %s %s %v", row.ID, row.SettingKey, row.Value, row.Locked))
		}
	}
	return rows
}

// check holds what everything comes to against the oracle.
func (w *tuned) check(t *rapid.T) {
	w.drain(t)
	maps.DeleteFunc(w.groups, func(of [2]string, _ told) bool { return !w.oracle.groups[of[0]] })
	maps.DeleteFunc(w.own, func(of [2]string, _ told) bool { return !w.users[of[0]] })
	ctx, users, groups := context.Background(), slices.Sorted(maps.Keys(w.users)), slices.Sorted(maps.Keys(w.oracle.groups))
	found, err := w.d.SettingsOf(ctx, w.who, w.userIDs(users), tunable)
	ok(t, err)
	counts := map[string]map[string][2]int32{}
	for i, u := range users {
		for _, s := range found[i] {
			want := w.reasons(s.Definition.Key, w.reach(u), w.holds(u, s.Definition.Key))
			w.sameReasons(t, u, want, s)
			if counts[s.Definition.Key] == nil {
				counts[s.Definition.Key] = map[string][2]int32{}
			}
			n := counts[s.Definition.Key][want[0].value]
			if n[0]++; want[0].source == models.SettingSourceUser {
				n[1]++
			}
			counts[s.Definition.Key][want[0].value] = n
		}
	}
	ofGroups, err := w.d.SettingsOfGroups(ctx, w.who, w.ids(groups), tunable)
	ok(t, err)
	for i, g := range groups {
		for _, s := range ofGroups[i] {
			w.sameReasons(t, g, w.reasons(s.Definition.Key, w.reachOf(g), nil), s)
			held, holds := w.groups[[2]string{g, s.Definition.Key}]
			same(t, "held by "+g, holds, s.OwnValue() != nil && s.OwnValue().Text == held.value && s.OwnLocked() == held.locked)
		}
	}
	ofAccount, err := w.d.AccountSettings(ctx, w.who, tunable)
	ok(t, err)
	for _, s := range ofAccount {
		w.sameReasons(t, "the account", w.reasons(s.Definition.Key, nil, nil), s)
	}
	w.checkWhy(t)
	if len(users) == 0 {
		return
	}
	summary, err := w.d.SummariseSettings(ctx, w.who, &models.UserSelection{Ids: w.userIDs(users)}, tunable)
	ok(t, err)
	same(t, "users", len(users), int(summary.Users))
	for _, s := range summary.Settings {
		got := map[string][2]int32{}
		for _, v := range s.Values {
			got[v.Value.Text] = [2]int32{v.Users, v.Own}
		}
		same(t, "values of "+s.Definition.Key, counts[s.Definition.Key], got)
		same(t, "one value", len(got) == 1, s.Value() != nil && !s.Mixed())
	}
}

func (w *tuned) sameReasons(t *rapid.T, name string, want []reason, s *models.EffectiveSetting) {
	t.Helper()
	var got []string
	for _, r := range append([]*models.SettingReason{&s.SettingReason}, s.Overrides()...) {
		group := ""
		if r.GroupID != nil {
			group = w.name[*r.GroupID]
		}
		got = append(got, fmt.Sprint(reason{r.Source, group, r.Value.Text, r.Locked}))
	}
	texts := make([]string, len(want))
	for i := range want {
		texts[i] = fmt.Sprint(want[i])
	}
	same(t, s.Definition.Key+" of "+name, texts, got)
}
