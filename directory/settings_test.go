package directory_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// TestSettingPrecedence reads like the definition: who holds which value, with a lock where it ends in "!" and a priority
// where it says so, and what that comes to for ann, the first that counts first.
//
// ann is in team and in club, and in guild, which was made after club. team lies in dept, and dept in company.
func TestSettingPrecedence(t *testing.T) {
	tests := map[string]struct{ held, want string }{
		"nobody says anything":                       {"", "DEFAULT"},
		"the account before the default":             {"account=a", "ACCOUNT a, DEFAULT"},
		"a group before the account":                 {"account=a company=c", "GROUP company c, ACCOUNT a, DEFAULT"},
		"the user before groups and the account":     {"account=a team=t ann=o", "USER o, GROUP team t, ACCOUNT a, DEFAULT"},
		"the nearer group before what it lies in":    {"company=c dept=d team=t", "GROUP team t, GROUP dept d, GROUP company c, DEFAULT"},
		"a gap doesn't matter":                       {"company=c team=t", "GROUP team t, GROUP company c, DEFAULT"},
		"a group that ann is not in":                 {"other=x", "DEFAULT"},
		"the account's lock before everything":       {"account=a! company=c! team=t ann=o", "ACCOUNT_LOCK a, GROUP_LOCK company c, USER o, GROUP team t, DEFAULT"},
		"a group's lock before the user":             {"dept=d! ann=o", "GROUP_LOCK dept d, USER o, DEFAULT"},
		"a group's lock before a nearer group":       {"dept=d! team=t", "GROUP_LOCK dept d, GROUP team t, DEFAULT"},
		"the topmost lock":                           {"company=c! dept=d! team=t!", "GROUP_LOCK company c, GROUP_LOCK dept d, GROUP_LOCK team t, DEFAULT"},
		"a lock of the account is none of a group":   {"account=a team=t!", "GROUP_LOCK team t, ACCOUNT a, DEFAULT"},
		"the higher priority of groups side by side": {"team=t club@1=x", "GROUP club x, GROUP team t, DEFAULT"},
		"also when it is farther":                    {"company@1=c club=x", "GROUP company c, GROUP club x, DEFAULT"},
		"then the shorter way":                       {"company=c club=x", "GROUP club x, GROUP company c, DEFAULT"},
		"then the older group":                       {"guild=y club=x", "GROUP club x, GROUP guild y, DEFAULT"},
		"a negative priority":                        {"guild=y club@-1=x", "GROUP guild y, GROUP club x, DEFAULT"},
		"nearness before priority":                   {"company@9=c team=t", "GROUP team t, GROUP company c, DEFAULT"},
		"the upper lock before priority":             {"company=c! team@9=t!", "GROUP_LOCK company c, GROUP_LOCK team t, DEFAULT"},
		"priority among locks side by side":          {"company=c! club@1=x!", "GROUP_LOCK club x, GROUP_LOCK company c, DEFAULT"},
		"one that leaves itself out leaves no other": {"company=c dept=d club@-1=x", "GROUP dept d, GROUP company c, GROUP club x, DEFAULT"},
		"an empty value is one":                      {"account=a team=", "GROUP team , ACCOUNT a, DEFAULT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newOffice(t)
			w.hold(t, tt.held)
			if diff := cmp.Diff(tt.want, w.told(t, "ann")); diff != "" {
				t.Errorf("what %q comes to (-want +got):\n%s", tt.held, diff)
			}
		})
	}
}

const settingOfTests = "phone.caller.id"

// office is an account with a few groups and users, by name.
type office struct {
	d      *directory.Directory
	who    auth.Caller
	groups map[string]models.GroupID
	users  map[string]models.UserID
	names  map[models.GroupID]string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s := storetest.Open(t)
	d, err := directory.New(s, directory.Options{})
	must(t, err)
	w := &office{d: d, who: auth.OperatorOf(storetest.Account(t, s)), groups: map[string]models.GroupID{}, users: map[string]models.UserID{}, names: map[models.GroupID]string{}}
	for _, group := range []string{"company", "dept in company", "team in dept", "club", "guild", "other"} {
		name, above, _ := strings.Cut(group, " in ")
		in := models.GroupCreateInput{Name: name}
		if above != "" {
			in.ParentIds = []models.GroupID{w.groups[above]}
		}
		p, err := d.CreateGroup(context.Background(), w.who, in)
		must(t, err)
		w.groups[name], w.names[p.Group.ID] = p.Group.ID, name
	}
	w.add(t, "ann", models.RoleMember, "team", "club", "guild")
	w.add(t, "bob", models.RoleMember, "dept")
	w.add(t, "eve", models.RoleAdmin, "team")
	return w
}

func (w *office) add(t *testing.T, name string, role models.Role, groups ...string) {
	t.Helper()
	in := models.UserCreateInput{Email: name + "@example.org", Role: role, Locale: models.LocaleEn}
	for _, group := range groups {
		in.GroupIds = append(in.GroupIds, w.groups[group])
	}
	p, err := w.d.CreateUser(context.Background(), w.who, in)
	must(t, err)
	w.users[name] = p.User.ID
}

// hold has everybody hold what a text says.
func (w *office) hold(t *testing.T, text string) {
	t.Helper()
	for _, one := range strings.Fields(text) {
		name, value, _ := strings.Cut(one, "=")
		value, locked := strings.CutSuffix(value, "!")
		name, priority, ranked := strings.Cut(name, "@")
		in := &models.SettingInput{Key: settingOfTests, Value: &models.SettingValueInput{String: &value}, Locked: locked}
		if ranked {
			w.rank(t, name, priority)
		}
		var err error
		if name == "account" {
			_, err = w.d.SetAccountSettings(context.Background(), w.who, models.AccountSettingsSetInput{Settings: []*models.SettingInput{in}})
		} else if user, is := w.users[name]; is {
			_, err = w.d.SetUserSettings(context.Background(), w.who, models.UserSettingsSetInput{UserID: user, Settings: ofUsers([]*models.SettingInput{in})})
		} else {
			_, err = w.d.SetGroupSettings(context.Background(), w.who, models.GroupSettingsSetInput{
				GroupID: w.groups[name], Settings: []*models.SettingInput{in}, MemberOverrides: models.MemberOverridesKeep,
			})
		}
		must(t, err)
	}
}

// told is what the setting comes to for a user, and everything that it overrides.
func (w *office) told(t *testing.T, user string) string {
	t.Helper()
	found, err := w.d.SettingsOf(context.Background(), w.who, []models.UserID{w.users[user]}, []string{settingOfTests})
	must(t, err)
	one := found[0][0]
	var reasons []string
	for _, r := range append([]*models.SettingReason{&one.SettingReason}, one.Overrides()...) {
		text := string(r.Source)
		if r.GroupID != nil {
			text += " " + w.names[*r.GroupID]
		}
		if r.Source != models.SettingSourceDefault {
			text += " " + r.Value.Text
		}
		reasons = append(reasons, text)
	}
	return strings.Join(reasons, ", ")
}

// TestSettingDefinitions holds the definitions against what is promised of them.
func TestSettingDefinitions(t *testing.T) {
	keys := map[string]bool{}
	for _, d := range models.SettingDefinitions {
		if keys[d.Key] || len(d.Key) > 64 || d.Area == "" || d.Name == "" || !strings.HasSuffix(d.Description, ".") {
			t.Errorf("%+v", d)
		}
		keys[d.Key] = true
		if _, taken := d.Stored(d.Default.Text); !taken {
			t.Errorf("%s doesn't take its own default %q", d.Key, d.Default.Text)
		}
		bounds := map[models.SettingType]bool{
			models.SettingTypeBoolean: true,
			models.SettingTypeInteger: d.Min != nil && d.Max != nil && *d.Min < *d.Max && d.Unit != nil,
			models.SettingTypeString:  d.MaxLength != nil && *d.MaxLength <= 500,
			models.SettingTypeChoice:  len(d.Choices) > 1,
		}
		if !bounds[d.Type] {
			t.Errorf("%s has no bounds of a %s", d.Key, d.Type)
		}
	}
	if len(keys) < 30 {
		t.Errorf("only %d settings", len(keys))
	}
}

// TestSettingValues has each type take what it should and refuse what it shouldn't.
func TestSettingValues(t *testing.T) {
	text := func(s string) *models.SettingValueInput { return &models.SettingValueInput{String: &s} }
	choice := func(s string) *models.SettingValueInput { return &models.SettingValueInput{Choice: &s} }
	number := func(n int32) *models.SettingValueInput { return &models.SettingValueInput{Integer: &n} }
	tests := map[string]struct {
		key  string
		in   *models.SettingValueInput
		want string // the value, or the code of the mistake and a part of its message
	}{
		"a boolean":                   {"meeting.lock", &models.SettingValueInput{Boolean: new(true)}, "true"},
		"a text for a boolean":        {"meeting.lock", text("true"), "INVALID takes a boolean, not string"},
		"nothing":                     {"meeting.lock", &models.SettingValueInput{}, "INVALID exactly one"},
		"two at once":                 {"meeting.lock", &models.SettingValueInput{Boolean: new(true), String: new("x")}, "INVALID exactly one"},
		"the least":                   {"meeting.duration.limit", number(15), "15"},
		"the most":                    {"meeting.duration.limit", number(1440), "1440"},
		"less":                        {"meeting.duration.limit", number(14), "INVALID from 15 to 1440"},
		"more":                        {"meeting.duration.limit", number(1441), "INVALID from 15 to 1440"},
		"below nothing":               {"meeting.duration.limit", number(-15), "INVALID from 15 to 1440"},
		"a choice":                    {"meeting.chat", choice("OFF"), "OFF"},
		"no choice":                   {"meeting.chat", choice("off"), "INVALID one of the choices OFF, ORGANIZERS, EVERYBODY"},
		"a choice as a text":          {"meeting.chat", text("OFF"), "INVALID not string"},
		"a number to call":            {"phone.forwarding.number", text("+33123456789"), "+33123456789"},
		"none":                        {"phone.forwarding.number", text(""), ""},
		"space around it":             {"phone.forwarding.number", text(" +33123456789 "), "+33123456789"},
		"a number without a country":  {"phone.forwarding.number", text("0123456789"), "INVALID matches"},
		"a number and more":           {"phone.forwarding.number", text("+33123456789x"), "INVALID matches"},
		"a number and a line":         {"phone.forwarding.number", text("+33123456789\n+3"), "INVALID_CHARACTERS"},
		"too long":                    {"phone.caller.id", text(strings.Repeat("a", 16)), "TOO_LONG at most 15"},
		"as long as allowed":          {"phone.caller.id", text(strings.Repeat("a", 15)), strings.Repeat("a", 15)},
		"a time zone":                 {"account.time.zone", text("America/Argentina/Buenos_Aires"), "America/Argentina/Buenos_Aires"},
		"a time zone that isn't one":  {"account.time.zone", text("Paris time"), "INVALID matches"},
		"a mark that turns direction": {"phone.caller.id", text("a\u202eb"), "INVALID_CHARACTERS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := models.Setting(tt.key).Check(tt.in)
			told := got.Text
			if found, _ := models.UserErrors(err); len(found) > 0 {
				told = string(found[0].Code) + " " + found[0].Message
				code, part, _ := strings.Cut(tt.want, " ")
				if string(found[0].Code) == code && strings.Contains(found[0].Message, part) {
					told = tt.want
				}
			}
			if told != tt.want {
				t.Errorf("got %q, want %q", told, tt.want)
			}
		})
	}
}

// TestSettingsOfAdmins has an admin set a group's settings: what other admins hold themselves stays, and is counted; what the
// admin holds goes.
func TestSettingsOfAdmins(t *testing.T) {
	w := newOffice(t)
	w.add(t, "ida", models.RoleAdmin, "team")
	w.hold(t, "ann=a eve=e ida=i bob=b")
	in := models.GroupSettingsSetInput{
		GroupID: w.groups["company"], MemberOverrides: models.MemberOverridesClear,
		Settings: []*models.SettingInput{{Key: settingOfTests, Value: &models.SettingValueInput{String: new("c")}}},
	}
	ida := auth.Caller{Account: w.who.Account, UserID: w.users["ida"], Role: models.RoleAdmin, Kind: auth.Person}
	p, err := w.d.SetGroupSettings(context.Background(), ida, in)
	must(t, err)
	want := &models.SettingsImpact{Reached: 4, Cleared: 3, Skipped: 1, ByKey: []*models.SettingsImpactForKey{{Key: settingOfTests, Following: 3, Own: 1}}}
	if diff := cmp.Diff(want, p.Impact); diff != "" {
		t.Errorf("impact (-want +got):\n%s", diff)
	}
	results, err := w.d.JobResults(context.Background(), w.who, []models.JobID{p.Job().ID}, nil, models.PageArgs{})
	must(t, err)
	outcomes := map[string]models.JobOutcome{}
	for _, r := range results[0].Nodes() {
		for name, id := range w.users {
			if r.SubjectID.User != nil && *r.SubjectID.User == id {
				outcomes[name] = r.Outcome
			}
		}
	}
	told := strings.TrimSpace(fmt.Sprintln(slices.Sorted(maps.Keys(outcomes)), outcomes["eve"], outcomes["ida"], p.Job().State))
	if told != "[ann bob eve ida] FORBIDDEN CHANGED PARTLY_FAILED" {
		t.Errorf("outcomes: %s", told)
	}
	for user, want := range map[string]string{
		"ann": "GROUP company c, DEFAULT", "eve": "USER e, GROUP company c, DEFAULT", "ida": "GROUP company c, DEFAULT", "bob": "GROUP company c, DEFAULT",
	} {
		if got := w.told(t, user); got != want {
			t.Errorf("%s has %q, want %q", user, got, want)
		}
	}
	_, err = w.d.SetUserSettings(context.Background(), ida, models.UserSettingsSetInput{UserID: w.users["eve"], Settings: []*models.UserSettingInput{{Key: settingOfTests}}})
	if found, _ := models.UserErrors(err); len(found) != 1 || found[0].Code != models.CodeForbidden {
		t.Errorf("an admin sets another's: %v", err)
	}
}

// TestSettingsChangedSince has somebody change what a job has left before it is taken back.
func TestSettingsChangedSince(t *testing.T) {
	w := newOffice(t)
	w.hold(t, "ann=a bob=b team=t")
	set := func(value string, groups ...string) *models.Job {
		var ids []models.GroupID
		for _, g := range groups {
			ids = append(ids, w.groups[g])
		}
		p, err := w.d.SetGroupsSettings(context.Background(), w.who, models.GroupsSettingsSetInput{
			Selection: &models.GroupSelection{Ids: ids}, MemberOverrides: models.MemberOverridesClear,
			Settings: []*models.SettingInput{{Key: settingOfTests, Value: &models.SettingValueInput{String: &value}}},
		})
		must(t, err)
		return p.Job()
	}
	job := set("x", "team", "dept", "club")
	w.hold(t, "team=later bob=again")
	p, err := w.d.RevertJob(context.Background(), w.who, models.JobRevertInput{ID: job.ID})
	must(t, err)
	results, err := w.d.JobResults(context.Background(), w.who, []models.JobID{p.Job.ID}, nil, models.PageArgs{})
	must(t, err)
	var told []string
	for _, r := range results[0].Nodes() {
		name := ""
		if r.SubjectID.Group != nil {
			name = w.names[*r.SubjectID.Group]
		} else {
			for user, id := range w.users {
				if id == *r.SubjectID.User {
					name = user
				}
			}
		}
		told = append(told, name+" "+string(r.Outcome))
	}
	slices.Sort(told)
	if diff := cmp.Diff([]string{"ann CHANGED", "bob CHANGED_SINCE", "club CHANGED", "dept CHANGED", "team CHANGED_SINCE"}, told); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for user, want := range map[string]string{"ann": "USER a, GROUP team later, DEFAULT", "bob": "USER again, DEFAULT"} {
		if got := w.told(t, user); got != want {
			t.Errorf("%s has %q, want %q", user, got, want)
		}
	}
}

func (w *office) rank(t *testing.T, group, priority string) {
	t.Helper()
	n, err := strconv.Atoi(priority)
	must(t, err)
	_, err = w.d.UpdateGroup(context.Background(), w.who, models.GroupUpdateInput{ID: w.groups[group], Priority: graphql.OmittableOf(new(int32(n)))})
	must(t, err)
}
