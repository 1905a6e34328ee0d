package graph_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/auth"
	"cohort/models"
)

func of(fields string) string { return strings.ReplaceAll(ownGroup, "%FIELDS%", fields) }

// governed are the fields of the schema that the policy table has a row for.
func governed(t testing.TB) []string {
	t.Helper()
	var rows []string
	for _, definition := range contract(t).Types {
		if definition.Kind != ast.Object || definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			if _, ok := auth.RuleFor(auth.Action(definition.Name + "." + field.Name)); ok {
				rows = append(rows, definition.Name+"."+field.Name)
			}
		}
	}
	slices.Sort(rows)
	return rows
}

// A new row of the table gets its sample, or this fails.
func TestEveryRowHasASample(t *testing.T) {
	if diff := cmp.Diff(governed(t), slices.Sorted(mapKeys(samples))); diff != "" {
		t.Errorf("rows of the table (-table +samples):\n%s", diff)
	}
}

// rightsHouse is a house with $idle, a member who is suspended, for whoever asks as role; $me is they.
func rightsHouse(t testing.TB, role string) *house {
	h := newHouse(t)
	h.ids["idle"], h.ids["me"] = h.person("idle@example.org", models.RoleMember).UserID.String(), h.ids[role]
	h.done("usersSuspend", "counts { changed }", vars{"selection": vars{"ids": []string{h.ids["idle"]}}})
	h.done("groupPermissionsSet", "granted { key }", vars{"groupId": h.ids["sales"], "permissionKeys": []string{"reports.view"}})
	return h
}

// readyFor makes what a mutation needs and others would wait for.
func (h *house) readyFor(action string) {
	h.t.Helper()
	switch action {
	case "Mutation.mailRetry":
		h.ids["mail"] = h.deadMail(h.admin.UserID).ID.String()
	case "Mutation.webhookResume":
		h.pauseWebhook()
	case "Mutation.tableViewDelete":
		h.setUpTables()
	case "Mutation.jobCancel":
		h.ids["open"] = h.openJob().String()
	case "Mutation.jobRevert":
		given := h.done("usersProductsSet", "job { id }", vars{"selection": vars{"ids": []string{h.ids["ann"]}}, "productKeys": []string{"goto-meeting"}, "mode": "ADD"})
		h.ids["given"] = get(given, "job.id").(string)
	}
}

var roles = map[string]models.Role{"super": models.RoleSuperAdmin, "admin": models.RoleAdmin, "member": models.RoleMember}

// The matrix: every row of the table with every role. Who is denied gets FORBIDDEN and changes nothing; who is
// allowed, be it under a condition that the sample meets, gets an answer without a mistake and, for a mutation,
// a change.
func TestRights(t *testing.T) {
	for name, role := range roles {
		t.Run(name, func(t *testing.T) {
			reading := rightsHouse(t, name)
			reading.done("productUpdate", "product { id }", vars{"id": reading.ids["room"], "seats": 50})
			reading.setUpTables()
			reading.pastExport()
			reading.done("groupProductsSet", "impact { gaining }", vars{"groupId": reading.ids["sales"], "productKeys": []string{"goto-room"}})
			reading.done("accountSettingsSet", "account { id }", vars{"settings": []vars{{"key": "meeting.audio", "value": vars{"choice": "PHONE"}, "locked": true}}})
			reading.done("groupSettingsSet", "job { id }", vars{"groupId": reading.ids["sales"], "settings": []vars{
				{"key": "meeting.chat", "value": vars{"choice": "OFF"}}, {"key": "meeting.audio", "value": vars{"choice": "COMPUTER"}},
			}})
			for _, action := range governed(t) {
				t.Run(action, func(t *testing.T) {
					rule, _ := auth.RuleFor(auth.Action(action))
					h := reading.in(t)
					if strings.HasPrefix(action, "Mutation.") {
						h = rightsHouse(t, name)
						h.readyFor(action)
					}
					r := samples[action]
					r.as = name
					if rule.For(role) == auth.Deny {
						h.forbidden(r)
						return
					}
					if strings.HasPrefix(action, "Subscription.") {
						h.begins(r)
						return
					}
					before := h.dump()
					got := h.send(r)
					if wrong, first := complaints(got); wrong != "" {
						t.Fatalf("refused: %s: %s", wrong, first)
					}
					absent := strings.Contains(action, "adjacent") || strings.HasPrefix(action, "GroupAdjacent") || action == "Group.pendingJob" || action == "Query.rateLimit" || action == "AuditEvent.object" || // of whom comes without a token
						action == "Job.settingsImpact" || action == "SettingReason.group" || action == "PermissionSource.group" || action == "Viewer.partnerClient"
					if strings.Contains(got.Text, "null") && !absent {
						t.Errorf("something is missing: %s", got.Text)
					}
					if strings.HasPrefix(action, "ProductsPreview") || strings.HasPrefix(action, "SettingsPreview") { // which is a job of its own
						return
					}
					if changed := !reflect.DeepEqual(before, h.dump()); changed != strings.HasPrefix(action, "Mutation.") {
						t.Errorf("changed: %v", changed)
					}
				})
			}
		})
	}
}

// forbidden sends what must be refused as a whole, without a word of data and without a change.
func (h *house) forbidden(r request) {
	h.t.Helper()
	h.unchanged(func() {
		got := h.send(r)
		h.discreet(got)
		if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN" || got.Data != nil {
			h.t.Errorf("not forbidden: %s", got.Text)
		}
	})
}

// A field is no more allowed for being asked for in another way.
func TestHiddenFields(t *testing.T) {
	h := newHouse(t)
	for name, query := range map[string]string{
		"under another name":             of(`name: memberCount`),
		"beside what is allowed":         of(`name description members { nodes { id } }`),
		"in an inline fragment":          of(`... { memberCount }`),
		"in an inline fragment of Node":  `{ node(id: "$sales") { ... on Node { ... on Group { memberCount } } } }`,
		"in a fragment":                  of(`...F`) + ` fragment F on Group { memberCount }`,
		"in a fragment of a fragment":    of(`...E`) + ` fragment E on Group { ...F } fragment F on Group { priority }`,
		"in a fragment that comes twice": of(`...F name ...F`) + ` fragment F on Group { etag }`,
		"behind another operation":       `query A ` + of(`etag`),
		"skipped":                        of(`name etag @skip(if: true)`),
		"by nodes":                       `{ nodes(ids: ["$sales"]) { ... on Group { parents { nodes { id } } } } }`,
		"by the viewer's groups":         `{ viewer { user { groups { nodes { directMemberCount } } } } }`,
		"by an edge of them":             `{ viewer { user { groups { edges { node { createdAt } } } } } }`,
		"by their path":                  `{ viewer { user { groups { edges { path { updatedAt } } } } } }`,
		"by a check":                     `{ membershipChecks(userIds: ["$member"], groupIds: ["$sales"]) { path { depth } } }`,
		"by a second root":               `{ viewer { role } more: users { nodes { id } } }`,
		"in the middle of a mutation":    `mutation { userUpdate(input: {id: "$member", givenName: "X"}) { user { id } } }`,
		"of an account by node":          `{ node(id: "$account") { ... on Account { userCount } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			h.in(t).forbidden(request{as: "member", query: query})
		})
	}
}

// What members see of the account, and nothing else.
func TestMembersSeeTheirOwn(t *testing.T) {
	h := newHouse(t)
	h.ids["secret"] = h.group("Secret", nil, h.admin.UserID).String()
	member := h.callers["member"]
	see := func(query string) string { return compact(h.ask(member, h.fill(query), nil).Text) }
	const nobody = `{"data":{"user":null}}`
	for name, tt := range map[string]struct{ query, want string }{
		"the own user, by id":          {`{ user(by: {id: "$member"}) { email } }`, `{"data":{"user":{"email":"member@example.org"}}}`},
		"the own user, by e-mail":      {`{ user(by: {email: "MEMBER@example.org"}) { email } }`, `{"data":{"user":{"email":"member@example.org"}}}`},
		"another user":                 {`{ user(by: {id: "$ann"}) { id } }`, nobody},
		"another user, by e-mail":      {`{ user(by: {email: "ann@example.org"}) { id } }`, nobody},
		"nobody":                       {`{ user(by: {id: "$absentUser"}) { id } }`, nobody},
		"a user as a node":             {`{ node(id: "$ann") { id } }`, `{"data":{"node":null}}`},
		"the own group":                {`{ group(by: {id: "$sales"}) { name description } }`, `{"data":{"group":{"name":"Sales","description":""}}}`},
		"another group":                {`{ group(by: {id: "$secret"}) { id } }`, `{"data":{"group":null}}`},
		"another group, by name":       {`{ group(by: {name: "Secret"}) { id } }`, `{"data":{"group":null}}`},
		"a group below the own":        {`{ group(by: {name: "EMEA"}) { id } }`, `{"data":{"group":null}}`},
		"several of each":              {`{ nodes(ids: ["$member", "$secret", "$ann", "$sales"]) { __typename } }`, `{"data":{"nodes":[{"__typename":"User"},null,null,{"__typename":"Group"}]}}`},
		"the own groups":               {`{ viewer { user { groups { totalCount nodes { name } } } } }`, `{"data":{"viewer":{"user":{"groups":{"totalCount":1,"nodes":[{"name":"Sales"}]}}}}}`},
		"by a search":                  {`{ viewer { user { groups(filter: {search: "sec"}) { totalCount } } } }`, `{"data":{"viewer":{"user":{"groups":{"totalCount":0}}}}}`},
		"by searches in each other":    {`{ viewer { user { groups(filter: {or: [{search: "sa"}, {not: {search: "s"}}]}, sort: NAME_DESC) { totalCount } } } }`, `{"data":{"viewer":{"user":{"groups":{"totalCount":1}}}}}`},
		"the account's name":           {`{ node(id: "$account") { id ... on Account { name } } }`, ""},
		"a check of the own":           {`{ membershipChecks(userIds: ["$member"], groupIds: ["$sales", "$secret", "$absentGroup"]) { isMember } }`, `{"data":{"membershipChecks":[{"isMember":true},{"isMember":false},{"isMember":false}]}}`},
		"what they may":                {`{ viewer { viewerCanCreateUsers viewerCanCreateGroups viewerCanSetRoles viewerCanCreateProducts viewerCanSaveTableViews user { viewerCanUpdate viewerCanDelete viewerCanSuspend viewerCanSetRole viewerCanManageGroups viewerCanSetProducts } } }`, `{"data":{"viewer":{"viewerCanCreateUsers":false,"viewerCanCreateGroups":false,"viewerCanSetRoles":false,"viewerCanCreateProducts":false,"viewerCanSaveTableViews":false,"user":{"viewerCanUpdate":false,"viewerCanDelete":false,"viewerCanSuspend":false,"viewerCanSetRole":false,"viewerCanManageGroups":false,"viewerCanSetProducts":false}}}}`},
		"what they may with the group": {of(`viewerCanUpdate viewerCanDelete viewerCanManageMembers viewerCanNest viewerCanSetProducts`), `{"data":{"group":{"viewerCanUpdate":false,"viewerCanDelete":false,"viewerCanManageMembers":false,"viewerCanNest":false,"viewerCanSetProducts":false}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := see(tt.query)
			if tt.want == "" {
				if strings.Contains(got, "errors") || strings.Contains(got, "null") {
					t.Errorf("answer %s", got)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
	// A filter or a sort would tell what the fields may not.
	for name, args := range map[string]string{
		"another's groups":        `filter: {member: {id: "$ann"}}`,
		"what lies in a group":    `filter: {within: {id: "$secret"}}`,
		"whether it has a parent": `filter: {hasParent: true}`,
		"when it was created":     `filter: {createdAt: {from: "2026-01-01T00:00:00Z"}}`,
		"inside and":              `filter: {and: [{search: "s"}, {hasParent: false}]}`,
		"inside or":               `filter: {or: [{createdAt: {until: "2026-01-01T00:00:00Z"}}]}`,
		"inside not":              `filter: {not: {not: {member: {id: "$member"}}}}`,
		"sorted by priority":      `sort: PRIORITY_ASC`,
		"sorted by members":       `sort: DIRECT_MEMBER_COUNT_DESC`,
		"sorted by age":           `sort: CREATED_AT_ASC`,
	} {
		for _, fields := range []string{"nodes { id }", "totalCount", "edges { cursor }", "pageInfo { endCursor }"} {
			t.Run(name+" "+fields, func(t *testing.T) {
				got := h.ask(member, h.fill(`{ viewer { user { groups(`+args+`) { `+fields+` } } } }`), nil)
				wrong, _ := complaints(got)
				if wrong != "FORBIDDEN viewer.user.groups" || strings.Contains(got.Text, h.ids["sales"]) {
					t.Errorf("answer %s", got.Text)
				}
			})
		}
	}
	t.Run("a check about somebody else", func(t *testing.T) {
		got := h.ask(member, h.fill(`{ membershipChecks(userIds: ["$member", "$ann"], groupIds: ["$sales"]) { isMember } }`), nil)
		if wrong, _ := complaints(got); wrong != "FORBIDDEN membershipChecks" || got.Data != nil {
			t.Errorf("answer %s", got.Text)
		}
	})
}

// Without anybody there is nothing.
func TestNobody(t *testing.T) {
	h := newHouse(t)
	h.callers["nobody"] = auth.Caller{}
	h.callers["a role that there is not"] = auth.Caller{Account: h.account, UserID: h.admin.UserID, Kind: auth.Person, Role: "OWNER"}
	for who := range h.callers {
		if _, ok := roles[who]; ok {
			continue
		}
		for _, action := range governed(t) {
			t.Run(who+" "+action, func(t *testing.T) {
				r := samples[action]
				r.as = who
				h.in(t).forbidden(r)
			})
		}
	}
	schema, err := json.Marshal(h.ask(auth.Caller{}, `{ __schema { types { name } } __typename }`, nil).Data)
	if err != nil || !strings.Contains(string(schema), "UserConnection") {
		t.Errorf("the schema: %s, %v", schema, err)
	}
}
