package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

const explain = `query ($id: ID!, $product: String, $setting: String, $permission: String) {
	explainAccess(userId: $id, productKey: $product, settingKey: $setting, permissionKey: $permission) {
		has state value { choice } user { email } product { key } setting { key } permission { key } reasonCount
		reasons { kind counts locked hiddenGroups path { name } value { choice } action { mutation input permitted } }
	}
}`

// explained is the explanation told in one line for each reason, and the reasons as they came.
func (h *house) explained(user, kind, key string) (told []string, reasons []any) {
	h.t.Helper()
	data := h.must(explain, vars{"id": h.ids[user], kind: key})
	e := get(data, "explainAccess")
	head := fmt.Sprintf("has %v", get(e, "has"))
	if state := get(e, "state"); state != nil {
		head += fmt.Sprintf(" %v", state)
	}
	if value := get(e, "value"); value != nil {
		head += fmt.Sprintf(" %v", get(value, "choice"))
	}
	reasons = get(e, "reasons").([]any)
	if n := get(e, "reasonCount"); n != float64(len(reasons)) || get(e, "user.email") == nil || get(e, kind+".key") != key {
		h.t.Errorf("%v reasons in %v", n, e)
	}
	told = []string{head}
	for _, r := range reasons {
		told = append(told, reasonTold(r))
	}
	return told, reasons
}

func reasonTold(r any) string {
	text := get(r, "kind").(string)
	if value := get(r, "value"); value != nil {
		text += fmt.Sprintf(" %v", get(value, "choice"))
	}
	var names []string
	for _, g := range get(r, "path").([]any) {
		names = append(names, get(g, "name").(string))
	}
	if len(names) > 0 {
		text += " by " + strings.Join(names, " < ")
	}
	if get(r, "counts") == false {
		text = "(" + text + ")"
	}
	return text
}

// TestExplainAccess tells why ann has things. Then each reason is ended by the action that it names: that reason is gone, and
// those that come by other memberships are still there.
func TestExplainAccess(t *testing.T) {
	type step struct {
		mutation string
		input    vars
	}
	set := func(value string) []vars { return []vars{{"key": "meeting.chat", "value": vars{"choice": value}}} }
	locked := func(value string) []vars {
		return []vars{{"key": "meeting.chat", "value": vars{"choice": value}, "locked": true}}
	}
	grant := func(group, key string) step {
		return step{"groupProductsSet", vars{"groupId": group, "productKeys": []string{key}, "mode": "ADD"}}
	}
	tests := map[string]struct {
		user, kind, key string
		steps           []step
		want            []string
	}{
		"nothing": {"ann", "product", "goto-room", nil, []string{"has false"}},
		"set on the user": {
			"ann", "product", "goto-room",
			[]step{{"usersProductsSet", vars{"selection": vars{"ids": []string{"$ann"}}, "productKeys": []string{"goto-room"}, "mode": "ADD"}}},
			[]string{"has true ENABLED", "DIRECT"},
		},
		"by groups, and set on the user": {
			"ann", "product", "goto-room",
			[]step{
				grant("$emea", "goto-room"), grant("$sales", "goto-room"),
				{"groupMembersAdd", vars{"groupIds": []string{"$north", "$alone"}, "userIds": []string{"$ann"}}},
				{"usersProductsSet", vars{"selection": vars{"ids": []string{"$ann"}}, "productKeys": []string{"goto-room"}, "mode": "ADD"}},
			},
			[]string{"has true ENABLED", "DIRECT", "GROUP by EMEA < Sales", "GROUP by North < EMEA < Sales", "GROUP by EMEA", "GROUP by North < EMEA"},
		},
		"blocked": {
			"ann", "product", "goto-room",
			[]step{grant("$sales", "goto-room"), {"userProductBlocksSet", vars{"userId": "$ann", "productKeys": []string{"goto-room"}, "blocked": true}}},
			[]string{"has false BLOCKED", "BLOCK", "(GROUP by EMEA < Sales)"},
		},
		"without a seat": {
			"ann", "product", "goto-room",
			[]step{
				{"productUpdate", vars{"id": "$room", "seats": 1}},
				{"usersProductsSet", vars{"selection": vars{"ids": []string{"$member"}}, "productKeys": []string{"goto-room"}, "mode": "ADD"}},
				{"usersProductsSet", vars{"selection": vars{"ids": []string{"$boss"}}, "productKeys": []string{"goto-room"}, "mode": "ADD"}},
				grant("$emea", "goto-room"),
			},
			[]string{"has false NO_SEAT", "GROUP by EMEA", "WAITING"},
		},
		"a default": {"ann", "setting", "meeting.chat", nil, []string{"has true EVERYBODY", "DEFAULT EVERYBODY"}},
		"values from everywhere": {
			"ann", "setting", "meeting.chat",
			[]step{
				{"accountSettingsSet", vars{"settings": set("ORGANIZERS")}},
				{"groupSettingsSet", vars{"groupId": "$sales", "settings": set("OFF")}},
				{"groupSettingsSet", vars{"groupId": "$emea", "settings": set("ORGANIZERS")}},
				{"userSettingsSet", vars{"userId": "$ann", "settings": set("OFF")}},
			},
			[]string{"has true OFF", "DIRECT OFF", "(GROUP ORGANIZERS by EMEA)", "(GROUP OFF by EMEA < Sales)", "(ACCOUNT ORGANIZERS)", "(DEFAULT EVERYBODY)"},
		},
		"locks": {
			"ann", "setting", "meeting.chat",
			[]step{
				{"accountSettingsSet", vars{"settings": locked("ORGANIZERS")}},
				{"groupSettingsSet", vars{"groupId": "$sales", "settings": locked("OFF")}},
				{"userSettingsSet", vars{"userId": "$ann", "settings": set("OFF")}},
			},
			[]string{"has true ORGANIZERS", "ACCOUNT_LOCK ORGANIZERS", "(GROUP_LOCK OFF by EMEA < Sales)", "(DIRECT OFF)", "(DEFAULT EVERYBODY)"},
		},
		"a permission by a group": {
			"ann", "permission", "reports.view",
			[]step{{"groupPermissionsSet", vars{"groupId": "$sales", "permissionKeys": []string{"reports.view"}}}},
			[]string{"has true", "GROUP by EMEA < Sales"},
		},
		"a permission by the role": {"boss", "permission", "reports.view", nil, []string{"has true", "ROLE"}},
		"no permission":            {"ann", "permission", "reports.view", nil, []string{"has false"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			made := func() *house {
				h := newHouse(t)
				h.ids["boss"] = h.person("boss@example.org", models.RoleSuperAdmin).UserID.String()
				for _, s := range tt.steps {
					if wrong, first := complaints(h.send(request{mutation: s.mutation, input: s.input})); wrong != "" {
						t.Fatalf("%s refused: %s: %s", s.mutation, wrong, first)
					}
				}
				return h
			}
			told, reasons := made().explained(tt.user, tt.kind, tt.key)
			if diff := cmp.Diff(tt.want, told); diff != "" {
				t.Fatalf("reasons (-want +got):\n%s", diff)
			}
			for i := range reasons {
				h := made()
				_, reasons := h.explained(tt.user, tt.kind, tt.key)
				action, ended := get(reasons[i], "action"), bare(told[i+1])
				if action == nil {
					if !strings.HasPrefix(ended, "DEFAULT") {
						t.Errorf("nothing ends %s", ended)
					}
					continue
				}
				r := request{mutation: get(action, "mutation").(string), input: vars(get(action, "input").(map[string]any))}
				if wrong, first := complaints(h.send(r)); wrong != "" || get(action, "permitted") != true {
					t.Fatalf("%v refused: %s: %s", action, wrong, first)
				}
				after, _ := h.explained(tt.user, tt.kind, tt.key)
				for _, before := range told[1:] {
					if before == "WAITING" && ended != before { // for what nobody gives any more
						continue
					}
					is := slices.ContainsFunc(after, func(text string) bool { return bare(text) == bare(before) })
					gone := bare(before) == ended || first(before) == first(ended) && first(ended) != ""
					if is == gone {
						t.Errorf("after the end of %s: %s is there: %v, all of it is %q", ended, before, is, after)
					}
				}
			}
		})
	}
}

// bare is a reason whether or not it counts.
func bare(told string) string { return strings.Trim(told, "()") }

// first is the membership by which a reason comes, nothing where it comes by none.
func first(told string) string {
	_, way, _ := strings.Cut(bare(told), " by ")
	name, _, _ := strings.Cut(way, " < ")
	return name
}

func TestExplainAccessRefuses(t *testing.T) {
	h := newHouse(t)
	ask := func(arguments string) request {
		return request{query: `{ explainAccess(userId: "$ann", ` + arguments + `) { has } }`}
	}
	h.refuses(map[string]refusal{
		"two keys":            {ask(`productKey: "goto-room", settingKey: "meeting.chat"`), "BAD_USER_INPUT/INVALID explainAccess", "exactly one"},
		"an unknown product":  {ask(`productKey: "goto-moon"`), "BAD_USER_INPUT/NOT_FOUND explainAccess", "productKey: there is no such product"},
		"an unknown setting":  {ask(`settingKey: "x"`), "BAD_USER_INPUT/NOT_FOUND explainAccess", "settingKey: there is no such setting"},
		"an unknown permit":   {ask(`permissionKey: "x"`), "BAD_USER_INPUT/NOT_FOUND explainAccess", "permissionKey: there is no such permission"},
		"a member of another": {request{as: "member", query: `{ explainAccess(userId: "$ann", settingKey: "meeting.chat") { has } }`}, "FORBIDDEN explainAccess", "may not"},
		"a member and a product that the member has nothing to do with": {
			request{as: "member", query: `{ explainAccess(userId: "$member", productKey: "goto-meeting") { has } }`}, "BAD_USER_INPUT/NOT_FOUND explainAccess", "productKey: there is no such product",
		},
	})
	got := h.must(`{ explainAccess(userId: "`+h.ids["absentUser"]+`", settingKey: "meeting.chat") { has } }`, nil)
	if got["explainAccess"] != nil {
		t.Errorf("of nobody: %v", got)
	}
}

// TestStatementsOfExplanations asks about a user with few ways to a product, and about one with many.
func TestStatementsOfExplanations(t *testing.T) {
	a := newAPI(t)
	a.product("goto-room")
	people := a.people(2, "Crowd")
	top := a.group("Top", nil)
	for i := range 30 {
		members := people[:1]
		if i == 0 {
			members = people
		}
		a.group(fmt.Sprintf("Group %02d", i), []models.GroupID{top}, members...)
	}
	a.must(`mutation ($input: GroupProductsSetInput!) { groupProductsSet(input: $input) { errors { code } } }`, vars{"input": vars{"groupId": top.String(), "productKeys": []string{"goto-room"}}})
	a, n := a.counted()
	ask := func(user models.UserID) func() int64 {
		return func() int64 { return a.statements(n, explain, vars{"id": user.String(), "product": "goto-room"}) }
	}
	if many, few := agree(ask(people[0]), ask(people[1])); few != many || few == 0 || few > 8 {
		t.Errorf("%d statements for one way, %d for 30", few, many)
	}
}
