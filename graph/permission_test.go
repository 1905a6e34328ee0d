package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

// permittingHouse is a house in which Sales, where all three callers are, permits to view reports, Alone to manage devices, and
// EMEA, which lies in Sales, to manage rooms.
func permittingHouse(t *testing.T) *house {
	h := newHouse(t)
	for group, key := range map[string]string{"sales": "reports.view", "alone": "devices.manage", "emea": "rooms.manage"} {
		h.done("groupPermissionsSet", "granted { key }", vars{"groupId": h.ids[group], "permissionKeys": []string{key}})
	}
	return h
}

// see is an answer without what varies.
func (h *house) see(as, query string) string {
	h.t.Helper()
	text := compact(h.ask(h.callers[as], h.fill(query), nil).Text)
	return strings.TrimSuffix(strings.TrimPrefix(text, `{"data":`), "}")
}

func TestPermissions(t *testing.T) {
	h := permittingHouse(t)
	const sources = `permissions { permission { key } sources { kind direct group { name } via { name } path { name } } }`
	for name, tt := range map[string]struct{ as, query, want string }{
		"a member by a nested group": {"admin", `{ user(by: {id: "$ann"}) { ` + sources + ` } }`, `{"user":{"permissions":[` +
			`{"permission":{"key":"reports.view"},"sources":[{"kind":"GROUP","direct":false,"group":{"name":"Sales"},"via":[{"name":"EMEA"}],"path":[{"name":"EMEA"},{"name":"Sales"}]}]},` +
			`{"permission":{"key":"rooms.manage"},"sources":[{"kind":"GROUP","direct":true,"group":{"name":"EMEA"},"via":[],"path":[{"name":"EMEA"}]}]}]}}`},
		"a member about themselves": {"member", `{ viewer { user { ` + sources + ` } } }`, `{"viewer":{"user":{"permissions":[` +
			`{"permission":{"key":"reports.view"},"sources":[{"kind":"GROUP","direct":true,"group":{"name":"Sales"},"via":[],"path":[{"name":"Sales"}]}]}]}}}`},
		"the viewer's": {
			"member", `{ viewer { permissions { permission { key area name } } } }`,
			`{"viewer":{"permissions":[{"permission":{"key":"reports.view","area":"Reports","name":"View reports"}}]}}`,
		},
		"a group's, its own and from above": {"admin", `{ group(by: {id: "$emea"}) { permissions { permission { key } direct via { name } } } }`, `{"group":{"permissions":[` +
			`{"permission":{"key":"reports.view"},"direct":false,"via":[{"name":"Sales"}]},{"permission":{"key":"rooms.manage"},"direct":true,"via":[]}]}}`},
		"what an admin may with groups": {"admin", `{ groups { nodes { name viewerCanAddMembers viewerCanDelete viewerCanSetPermissions } } }`, `{"groups":{"nodes":[` +
			`{"name":"Alone","viewerCanAddMembers":false,"viewerCanDelete":false,"viewerCanSetPermissions":true},` +
			`{"name":"EMEA","viewerCanAddMembers":false,"viewerCanDelete":false,"viewerCanSetPermissions":true},` +
			`{"name":"North","viewerCanAddMembers":false,"viewerCanDelete":true,"viewerCanSetPermissions":true},` +
			`{"name":"Sales","viewerCanAddMembers":true,"viewerCanDelete":true,"viewerCanSetPermissions":true}]}}`},
		"what a super admin may": {
			"super", `{ group(by: {id: "$alone"}) { viewerCanAddMembers viewerCanDelete viewerCanSetPermissions } }`,
			`{"group":{"viewerCanAddMembers":true,"viewerCanDelete":true,"viewerCanSetPermissions":true}}`,
		},
		"what a member may": {
			"member", `{ group(by: {id: "$sales"}) { viewerCanAddMembers viewerCanDelete viewerCanSetPermissions } }`,
			`{"group":{"viewerCanAddMembers":false,"viewerCanDelete":false,"viewerCanSetPermissions":false}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, h.in(t).see(tt.as, tt.query)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a super admin holds the catalogue, by role and by groups", func(t *testing.T) {
		seen := h.in(t).must(`{ permissionDefinitions { key } viewer { user { permissions { permission { key } sources { kind } } } permissions { permission { key } } } }`, nil)
		keys := texts(seen, "permissionDefinitions.*.key")
		if diff := cmp.Diff(keys, texts(seen, "viewer.user.permissions.*.permission.key")); diff != "" || len(keys) != len(models.PermissionDefinitions()) {
			t.Errorf("of the user (-catalogue +got):\n%s", diff)
		}
		if diff := cmp.Diff(keys, texts(seen, "viewer.permissions.*.permission.key")); diff != "" {
			t.Errorf("of the viewer (-catalogue +got):\n%s", diff)
		}
		for _, p := range get(seen, "viewer.user.permissions").([]any) {
			want := "[ROLE]"
			if get(p, "permission.key") == "reports.view" {
				want = "[ROLE GROUP]"
			}
			if got := fmt.Sprint(texts(p, "sources.*.kind")); got != want {
				t.Errorf("%v by %s", get(p, "permission.key"), got)
			}
		}
	})
	t.Run("by a token of less, what the groups give", func(t *testing.T) {
		h := h.in(t)
		lesser := h.callers["super"]
		lesser.Role = models.RoleAdmin
		h.callers["lesser"] = lesser
		if got, want := h.see("lesser", `{ viewer { permissions { permission { key } } } }`), `{"viewer":{"permissions":[{"permission":{"key":"reports.view"}}]}}`; got != want {
			t.Errorf("answer %s", got)
		}
	})
}

// What the refusal of a permission looks like from outside.
func TestMissingPermission(t *testing.T) {
	h := permittingHouse(t)
	in := vars{"groupIds": []string{h.ids["sales"], h.ids["alone"]}, "userIds": []string{h.ids["ann"]}}
	got := h.as(h.callers["admin"]).do("groupMembersAdd", "results { outcome } groups { name directMemberCount } errors { code path message params { name values } }", in)
	want := vars{
		"results": []any{vars{"outcome": "ADDED"}, vars{"outcome": "MISSING_PERMISSION"}},
		"groups":  []any{vars{"name": "Sales", "directMemberCount": 4.0}, vars{"name": "Alone", "directMemberCount": 0.0}},
		"errors": []any{vars{
			"code": "MISSING_PERMISSION", "path": []any{"input", "groupIds", "1"}, "message": "the members of Alone hold what you don't: devices.manage",
			"params": []any{vars{"name": "keys", "values": []any{"devices.manage"}}, vars{"name": "group", "values": []any{"Alone"}}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	h.refuses(map[string]refusal{
		"a grant":          {request{as: "admin", mutation: "groupPermissionsSet", input: vars{"groupId": "$sales", "permissionKeys": []string{"reports.view", "rooms.manage"}}}, "MISSING_PERMISSION input.permissionKeys", "you don't hold rooms.manage"},
		"a nesting":        {request{as: "admin", mutation: "groupNest", input: vars{"parentId": "$emea", "childId": "$alone"}}, "MISSING_PERMISSION input.parentId", "rooms.manage"},
		"a deletion":       {request{as: "admin", mutation: "groupDelete", input: vars{"id": "$alone"}}, "MISSING_PERMISSION input.id", "devices.manage"},
		"a new user":       {request{as: "admin", mutation: "userCreate", input: vars{"email": "n@example.org", "groupIds": []string{"$alone"}}}, "MISSING_PERMISSION input.groupIds.0", "devices.manage"},
		"an absent group":  {request{mutation: "groupPermissionsSet", input: vars{"groupId": "$absentGroup", "permissionKeys": []string{}}}, "NOT_FOUND input.groupId", ""},
		"a foreign group":  {request{mutation: "groupPermissionsSet", input: vars{"groupId": "$foreignGroup", "permissionKeys": []string{}}}, "NOT_FOUND input.groupId", ""},
		"an unknown key":   {request{mutation: "groupPermissionsSet", input: vars{"groupId": "$sales", "permissionKeys": []string{"reports.view", "Reports.view"}}}, "NOT_FOUND input.permissionKeys.1", ""},
		"a key twice":      {request{mutation: "groupPermissionsSet", input: vars{"groupId": "$sales", "permissionKeys": []string{"reports.view", "reports.view"}}}, "CONFLICT input.permissionKeys.1", ""},
		"none to be added": {request{mutation: "groupPermissionsSet", input: vars{"groupId": "$sales", "permissionKeys": []string{}, "mode": "ADD"}}, "REQUIRED input.permissionKeys", ""},
	})
}

// What an admin may do with the groups of a page costs as much for 2 as for 50, and nothing that a super admin asks.
func TestStatementsOfRights(t *testing.T) {
	a := newAPI(t)
	admin := a.person("admin@example.org", models.RoleAdmin)
	top := a.group("Top", nil, admin.UserID)
	for i := range 50 {
		a.group(fmt.Sprintf("Group %02d", i), []models.GroupID{top})
	}
	a.done("groupPermissionsSet", "granted { key }", vars{"groupId": top.String(), "permissionKeys": []string{"reports.view"}})
	a, n := a.counted()
	cost := func(a *api, size int, fields string) func() int64 {
		return func() int64 {
			return a.statements(n, fmt.Sprintf(`{ groups(first: %d) { nodes { id %s } } }`, size, fields), nil)
		}
	}
	const rights = "viewerCanAddMembers viewerCanDelete"
	if few, many := agree(cost(a.as(admin), 2, rights), cost(a.as(admin), 50, rights)); few != many {
		t.Errorf("%d statements for 2, %d for 50", few, many)
	}
	if with, without := agree(cost(a, 50, rights), cost(a, 50, "")); with != without {
		t.Errorf("%d statements of a super admin, %d without", with, without)
	}
}
