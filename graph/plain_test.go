package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/graph"
	"cohort/models"
)

const explained = `explainAccess(userId: $user, `

// plainSources are where lists of each type come from; %[1]s stands for what is asked of each row.
var plainSources = map[string][]string{
	"User":            {`users(first: 9) { nodes { %s } }`, `group(by: {name: "Top"}) { members(first: 9) { nodes { %s } } }`},
	"Group":           {`groups(first: 9) { nodes { %s } }`, `user(by: {email: "super@example.org"}) { groups { nodes { %s } } }`, `group(by: {name: "Inner"}) { breadcrumbs { %s } }`},
	"UserEdge":        {`users(first: 9) { edges { %s } }`},
	"GroupEdge":       {`groups(first: 9) { edges { %s } }`, `group(by: {name: "Top"}) { children { edges { %s } } }`},
	"GroupMemberEdge": {`group(by: {name: "Top"}) { members(first: 9) { edges { %s } } }`},
	"UserGroupEdge":   {`user(by: {email: "super@example.org"}) { groups { edges { %s } } }`},
	"Product":         {`products { %s }`},

	"PermissionDefinition": {`permissionDefinitions { %s }`, `viewer { permissions { permission { %s } } }`},
	"UserPermission":       {`viewer { permissions { %s } }`, `users(first: 9) { nodes { id permissions { %s } } }`},
	"PermissionSource":     {`users(first: 9) { nodes { permissions { sources { %s } } } }`},
	"GroupPermission":      {`groups(first: 9) { nodes { permissions { %s } } }`, `group(by: {name: "Inner"}) { permissions { %s } }`},
	"SettingDefinition":    {`settingDefinitions { %s }`, `users(first: 9) { nodes { settings { definition { %s } } } }`},
	"EffectiveSetting": {
		`users(first: 9) { nodes { settings(keys: ["meeting.chat", "phone.caller.id"]) { %s } } }`, `groups(first: 9) { nodes { settings(keys: $keys) { %s } } }`,
		`account { settings { %s } }`, `users(first: 9) { nodes { settings(keys: []) { %s } } }`,
	},
	"SettingReason": {`users(first: 9) { nodes { settings(keys: ["meeting.chat"]) { overrides { %s } } } }`},
	"SettingValue":  {`users(first: 9) { nodes { settings { value { %[1]s } ownValue { %[1]s } } } }`},
	"UserProduct":   {`users(first: 9) { nodes { products(source: INHERITED) { %s } } }`, `users(first: 2) { nodes { products { %s } } }`},
	"AccessReason":  {explained + `productKey: "few") { reasons { %s } }`, explained + `settingKey: "meeting.chat") { reasons { %s } }`, explained + `permissionKey: "reports.view") { reasons { %s } }`},
	"AccessAction":  {explained + `productKey: "few") { reasons { action { %s } } }`, explained + `settingKey: "meeting.chat") { reasons { action { %s } } }`},

	"UserChange":        {`changes { entries { ... on UserChange { %s } } }`, `changes(kinds: [USER, GROUP]) { entries { number ... on UserChange { %s } } }`},
	"UserStatusChange":  {`changes { entries { action ... on UserStatusChange { %s } } }`},
	"UserProductChange": {`changes { entries { ... on UserProductChange { %s } } }`},
	"GroupChange":       {`changes { entries { ... on Change { time } ... on GroupChange { %s } } }`},
	"MembershipChange":  {`changes { entries { ... on MembershipChange { %s } ... on GroupChange { after { name } } } }`},
	"NestingChange":     {`changes { entries { operationId ... on NestingChange { %s } } }`},
	"ChangedUser":       {`changes { entries { ... on UserChange { after { %s } } } }`},
	"ChangedGroup":      {`changes { entries { ... on GroupChange { after { %s } } } }`},
	"MembershipCheck":   {`membershipChecks(userIds: $users, groupIds: $groups) { %s }`},
}

// Whatever is asked of a list, the answer written at once is the one that gqlgen makes, byte by byte.
func TestPlainLists(t *testing.T) {
	a := newAPI(t)
	people := []models.UserID{a.admin.UserID}
	for i, name := range []string{"Ann", "Zoë \"Zo\" O'Neil", `back\slash`, "emoji 🙂", "<b>"} {
		email := fmt.Sprintf("u%d@example.org", i)
		person := a.person(email, []models.Role{models.RoleMember, models.RoleAdmin}[i%2])
		people = append(people, person.UserID)
		if _, err := a.directory.UpdateUser(context.Background(), auth.OperatorOf(a.account), models.UserUpdateInput{ID: person.UserID, DisplayName: graphql.OmittableOf(&name)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.directory.SuspendUsers(context.Background(), auth.OperatorOf(a.account), models.UsersSuspendInput{Selection: &models.UserSelection{Ids: people[1:2]}}); err != nil {
		t.Fatal(err)
	}
	top := a.group("Top", nil, people[:2]...)
	inner := a.group("Inner", []models.GroupID{top}, people[1:]...)
	a.group("Empty", nil)
	a.done("groupDelete", "deletedGroupId", vars{"id": a.group("Gone", []models.GroupID{top}, people[3]).String()})
	a.done("userDelete", "deletedUserId", vars{"id": a.person("gone@example.org", models.RoleMember).UserID.String()})
	a.product("unlimited")
	few := a.product("few")
	a.done("productUpdate", "product { id }", vars{"id": few.String(), "seats": 1, "name": "Fewer \"seats\"", "welcomeOnFirstEnable": true})
	a.done("groupProductsSet", "impact { withoutSeat }", vars{"groupId": top.String(), "productKeys": []string{"few"}})
	a.done("groupPermissionsSet", "granted { key }", vars{"groupId": top.String(), "permissionKeys": []string{"reports.view", "rooms.manage"}})
	a.done("groupPermissionsSet", "granted { key }", vars{"groupId": inner.String(), "permissionKeys": []string{"reports.view"}})
	chat := func(value any, locked bool) []vars {
		return []vars{{"key": "meeting.chat", "value": vars{"choice": value}, "locked": locked}}
	}
	a.done("accountSettingsSet", "account { id }", vars{"settings": []vars{{"key": "phone.caller.id", "value": vars{"string": "A & B"}}}})
	a.done("groupSettingsSet", "group { id }", vars{"groupId": top.String(), "settings": chat("OFF", true), "memberOverrides": "KEEP"})
	a.done("groupSettingsSet", "group { id }", vars{"groupId": inner.String(), "settings": chat("ORGANIZERS", false), "memberOverrides": "KEEP"})
	a.done("userSettingsSet", "user { id }", vars{"userId": people[1].String(), "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "EVERYBODY"}}}})
	a.done("usersProductsSet", "errors { code }", vars{"selection": vars{"ids": []string{people[1].String()}}, "mode": "ADD", "productKeys": []string{"few", "unlimited"}})
	a.done("userProductBlocksSet", "errors { code }", vars{"userId": people[2].String(), "productKeys": []string{"few"}, "blocked": true})
	slow := graph.New(graph.FieldByField(graph.Options{Directory: a.directory}))
	users, groups := []string{}, []string{top.String(), inner.String()}
	for _, id := range people {
		users = append(users, id.String())
	}
	variables := map[string]any{"users": users, "groups": groups, "no": false, "user": people[1].String(), "keys": []string{"phone.caller.id", "meeting.chat"}}
	ask := func(h http.Handler, query string) string {
		body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(auth.WithCaller(context.Background(), a.admin), http.MethodPost, "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	schema := contract(t)
	var selection func(t *rapid.T, of string, deep int) string
	selection = func(t *rapid.T, of string, deep int) string {
		var parts []string
		for _, f := range schema.Types[of].Fields {
			if strings.HasPrefix(f.Name, "__") || rapid.IntRange(0, 2).Draw(t, f.Name) != 0 {
				continue
			}
			part := f.Name
			if rapid.IntRange(0, 4).Draw(t, "alias") == 0 {
				part = "other_" + f.Name + ": " + f.Name
			}
			if named := schema.Types[f.Type.Name()]; len(named.Fields) > 0 {
				if plain := plainSources[named.Name] != nil && deep > 0; !plain || len(f.Arguments) > 0 {
					continue
				}
				part += " { " + selection(t, named.Name, deep-1) + " }"
			} else if rapid.IntRange(0, 6).Draw(t, "skip") == 0 {
				part += rapid.SampledFrom([]string{" @include(if: $no)", " @skip(if: true)", " @skip(if: $no)"}).Draw(t, "directive")
			}
			if rapid.IntRange(0, 6).Draw(t, "fragment") == 0 {
				part = "... on " + of + " { " + part + " }"
			}
			parts = append(parts, part)
		}
		return strings.Join(append(parts, rapid.SampledFrom([]string{"__typename", "type_: __typename"}).Draw(t, "typename")), " ")
	}
	for of, sources := range plainSources {
		t.Run(of, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				query := fmt.Sprintf(rapid.SampledFrom(sources).Draw(rt, "source"), selection(rt, of, 1))
				head := "query ($no: Boolean!) { __typename @skip(if: $no) "
				for name, kinds := range map[string]string{"$users,": "$users: [ID!]!, $groups: [ID!]!", "$user,": "$user: ID!", "$keys)": "$keys: [String!]"} {
					if strings.Contains(query, name) {
						head = "query ($no: Boolean!, " + kinds + ") { __typename @skip(if: $no) "
					}
				}
				query = head + query + " }"
				want, got := ask(slow, query), ask(a.handler, query)
				if want != got || strings.Contains(got, `"errors"`) {
					rt.Fatalf("%s\ngqlgen: %s\nhere:   %s", query, want, got)
				}
			})
		})
	}
}

// A list that is asked for plainly is indeed written at once: for every field without arguments that costs nothing.
func TestWhatIsPlain(t *testing.T) {
	schema := contract(t)
	for of := range plainSources {
		for _, f := range schema.Types[of].Fields {
			scalar := len(schema.Types[f.Type.Name()].Fields) == 0 && !strings.HasPrefix(f.Name, "__")
			if f.Name == "depth" { // of a group, which the nesting knows
				continue
			}
			if scalar && !graph.IsPlain(of, f.Name) {
				t.Errorf("%s.%s is a plain value, but makes its list go gqlgen's way", of, f.Name)
			}
		}
	}
}

func FuzzAppendText(f *testing.F) {
	for _, text := range []string{"", "a\"b\\c", "\x00\x1f\t\r\n", "é🙂\u2028", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if want, got := graph.GqlgenText(text), graph.AppendText(text); want != got {
			t.Errorf("gqlgen %q, here %q", want, got)
		}
	})
}
