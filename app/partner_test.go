package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

// partnership is a server with data, its super admin, and what a test makes of partner clients.
type partnership struct {
	*server
	t     *testing.T
	w     *world
	admin string
	group string // the id of a group
	user  string
}

func newPartnership(t *testing.T) *partnership {
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "ada@example.org")
	s := w.start("serve")
	p := &partnership{server: s, t: t, w: w, admin: strings.TrimSpace(w.must("token", "--user", "ada@example.org", "--account", "Acme"))}
	p.user = p.ask(p.admin, `mutation { userCreate(input: {email: "bo@example.org", displayName: "Bo"}) { user { id } } }`)["userCreate"].(map[string]any)["user"].(map[string]any)["id"].(string)
	p.group = p.ask(p.admin, fmt.Sprintf(`mutation { groupCreate(input: {name: "Sales", memberIds: [%q]}) { group { id } } }`, p.user))["groupCreate"].(map[string]any)["group"].(map[string]any)["id"].(string)
	return p
}

// made is a partner client with its secret.
type made struct{ id, clientID, secret string }

func (p *partnership) create(name, scopes string) made {
	p.t.Helper()
	done := p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientCreate(input: {name: %q, scopes: [%s]}) { partnerClient { id clientId } clientSecret errors { code } } }`, name, scopes))["partnerClientCreate"].(map[string]any)
	client := done["partnerClient"].(map[string]any)
	return made{client["id"].(string), client["clientId"].(string), done["clientSecret"].(string)}
}

// post sends a form to /oauth/token.
func (p *partnership) post(form url.Values, edit func(*http.Request)) (*http.Response, map[string]any) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(request)
	}
	answer, text := do(p.t, request)
	var parsed map[string]any
	if err := json.Unmarshal(text, &parsed); err != nil {
		p.t.Fatalf("%s: %s", answer.Status, text)
	}
	return answer, parsed
}

func credentials(client, secret string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}
}

func (p *partnership) tokenOf(c made) string {
	p.t.Helper()
	answer, body := p.post(credentials(c.clientID, c.secret), nil)
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("no token: %s %v", answer.Status, body)
	}
	return body["access_token"].(string)
}

// try sends an operation and returns the status, the first error's code, and the answer.
func (p *partnership) try(token, query string) (status int, code, text string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		p.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, raw := do(p.t, request)
	var parsed struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(raw, &parsed); err != nil {
		p.t.Fatalf("%s: %s", answer.Status, raw)
	}
	if len(parsed.Errors) > 0 {
		code = parsed.Errors[0].Extensions.Code
	}
	return answer.StatusCode, code, string(raw)
}

func TestPartnerReads(t *testing.T) {
	p := newPartnership(t)
	c := p.create("Billing", "GROUPS_READ, MEMBERS_READ")
	basic := func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(c.clientID), url.QueryEscape(c.secret)) }
	answer, body := p.post(url.Values{"grant_type": {"client_credentials"}, "scope": {"members:read"}}, basic)
	if answer.StatusCode != http.StatusOK || body["scope"] != "members:read" || body["token_type"] != "Bearer" || body["expires_in"] != 900.0 || answer.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("a token by Basic: %s %v %v", answer.Status, answer.Header, body)
	}
	narrow, wide := body["access_token"].(string), p.tokenOf(c)

	want := map[string]any{"viewer": map[string]any{
		"user": nil, "partnerClient": map[string]any{"id": c.id, "name": "Billing", "scopes": []any{"GROUPS_READ", "MEMBERS_READ"}},
		"scopes": []any{"MEMBERS_READ"}, "account": map[string]any{"name": "Acme"},
	}}
	got := p.ask(narrow, `{ viewer { user { id } partnerClient { id name scopes } scopes account { name } } }`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("viewer (-want +got):\n%s", diff)
	}
	members := `members(sort: CREATED_AT_ASC) { totalCount edges { direct node { id } } }`
	wantMembers := map[string]any{"totalCount": 1.0, "edges": []any{map[string]any{"direct": true, "node": map[string]any{"id": p.user}}}}
	got = p.ask(wide, `{ group(by: {name: "Sales"}) { id name `+members+` } }`)
	if diff := cmp.Diff(map[string]any{"group": map[string]any{"id": p.group, "name": "Sales", "members": wantMembers}}, got); diff != "" {
		t.Errorf("a group (-want +got):\n%s", diff)
	}
	got = p.ask(narrow, fmt.Sprintf(`{ node(id: %q) { ... on Group { %s } } }`, p.group, members))
	if diff := cmp.Diff(map[string]any{"node": map[string]any{"members": wantMembers}}, got); diff != "" {
		t.Errorf("members alone (-want +got):\n%s", diff)
	}
	if _, code, text := p.try(narrow, `{ groups { nodes { id } } }`); code != "FORBIDDEN" {
		t.Errorf("more than the token was asked for: %s", text)
	}
}

// opened are the root fields that each scope opens; all others are refused.
var opened = map[string][]string{
	"":              {"Query.node", "Query.nodes", "Query.rateLimit", "Query.viewer"},
	"USERS_READ":    {"Query.user", "Query.users"},
	"GROUPS_READ":   {"Query.group", "Query.groups"},
	"MEMBERS_READ":  {"Query.membershipChecks"},
	"PRODUCTS_READ": {"Query.product", "Query.products"},
	"CHANGES_READ":  {"Query.changes", "Query.changesCursor", "Subscription.changes"},
}

func TestPartnerRootFields(t *testing.T) {
	p := newPartnership(t)
	schema := theSchema(t)
	before := p.counts(p.admin)
	every := `USERS_READ, GROUPS_READ, MEMBERS_READ, PRODUCTS_READ, CHANGES_READ`
	tokens := map[string]string{every: p.tokenOf(p.create("All", every))}
	for scope := range opened {
		if scope != "" {
			tokens[scope] = p.tokenOf(p.create(scope, scope))
		}
	}
	for scope, token := range tokens {
		var got, want []string
		want = append(want, opened[""]...)
		for one, fields := range opened {
			if one != "" && strings.Contains(scope, one) {
				want = append(want, fields...)
			}
		}
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
			for _, field := range root.Fields {
				if strings.HasPrefix(field.Name, "__") {
					continue
				}
				if text := p.first(token, sampleOf(schema, root, field)); !strings.Contains(text, `"code":"FORBIDDEN"`) {
					got = append(got, root.Name+"."+field.Name)
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("root fields open to %s (-want +got):\n%s", scope, diff)
		}
	}
	if after := p.counts(p.admin); after != before {
		t.Errorf("a partner changed something: %s, before %s", after, before)
	}
}

// sampleOf is a valid request for a root field, with values for what it requires.
func sampleOf(schema *ast.Schema, root *ast.Definition, field *ast.FieldDefinition) string {
	query := map[string]string{"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}[root.Name] + " { " + field.Name
	if arguments := required(schema, field.Arguments); arguments != "" {
		query += "(" + arguments + ")"
	}
	if !schema.Types[field.Type.Name()].IsLeafType() {
		query += " { __typename }"
	}
	return query + " }"
}

func required(schema *ast.Schema, arguments ast.ArgumentDefinitionList) string {
	var parts []string
	for _, a := range arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			parts = append(parts, a.Name+": "+valueOf(schema, a.Type))
		}
	}
	return strings.Join(parts, ", ")
}

func valueOf(schema *ast.Schema, kind *ast.Type) string {
	if kind.Elem != nil {
		return "[" + valueOf(schema, kind.Elem) + "]"
	}
	t := schema.Types[kind.NamedType]
	switch {
	case t.Kind == ast.Enum:
		return t.EnumValues[0].Name
	case t.Kind == ast.InputObject:
		var parts []string
		for _, f := range t.Fields {
			if f.Type.NonNull && f.DefaultValue == nil || t.Directives.ForName("oneOf") != nil && len(parts) == 0 {
				parts = append(parts, f.Name+": "+valueOf(schema, f.Type))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case t.Name == "Boolean":
		return "true"
	case t.Name == "Int":
		return "1"
	case t.Name == "ID":
		return `"user_00000000000000000000000000"`
	}
	return `"x"`
}

// What a scope opens must not be a way round to what it doesn't.
func TestPartnerWaysRound(t *testing.T) {
	p := newPartnership(t)
	tests := map[string]struct{ scopes, query string }{
		"names by members":                  {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { members(sort: CREATED_AT_ASC) { nodes { displayName } } } } }`},
		"e-mails by members and groups":     {"MEMBERS_READ, GROUPS_READ", `{ groups { nodes { members(sort: CREATED_AT_ASC) { nodes { email } } } } }`},
		"e-mails by node":                   {"GROUPS_READ", `{ node(id: "$user") { ... on User { email } } }`},
		"e-mails by nodes and a fragment":   {"MEMBERS_READ", `{ nodes(ids: ["$user"]) { ...F } } fragment F on Node { ... on User { e: email } }`},
		"the order of names":                {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { members { nodes { id } } } } }`},
		"the order of e-mails":              {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { members(sort: EMAIL_ASC) { nodes { id } } } } }`},
		"a search among members":            {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { members(sort: CREATED_AT_ASC, filter: {search: "bo"}) { totalCount } } } }`},
		"a search inside of others":         {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { members(sort: CREATED_AT_ASC, filter: {and: [{not: {search: "bo"}}]}) { totalCount } } } }`},
		"membership by a filter of users":   {"USERS_READ", `{ users(filter: {group: {id: "$group"}}) { totalCount } }`},
		"products by a filter of users":     {"USERS_READ", `{ users(filter: {product: {id: "$product"}}) { totalCount } }`},
		"counts by the order of groups":     {"GROUPS_READ", `{ groups(sort: DIRECT_MEMBER_COUNT_DESC) { nodes { id } } }`},
		"counts by neighbours":              {"GROUPS_READ", `{ groups { nodes { adjacent(sort: DIRECT_MEMBER_COUNT_DESC) { next { id } } } } }`},
		"membership by a filter of groups":  {"GROUPS_READ", `{ groups(filter: {or: [{member: {id: "$user"}}]}) { totalCount } }`},
		"counts by groups":                  {"GROUPS_READ", `{ groups { nodes { memberCount } } }`},
		"nesting by members":                {"MEMBERS_READ", `{ node(id: "$group") { ... on Group { parents { totalCount } } } }`},
		"names of groups by via":            {"PRODUCTS_READ", `{ node(id: "$user") { ... on User { products { via { name } } } } }`},
		"names of groups by a user's":       {"MEMBERS_READ, USERS_READ", `{ users { nodes { groups { nodes { id } } } } }`},
		"the catalogue by node":             {"USERS_READ", `{ node(id: "$product") { ... on Product { name } } }`},
		"products by users":                 {"USERS_READ", `{ users { nodes { products { state } } } }`},
		"settings":                          {"USERS_READ", `{ users { nodes { settings { source } } } }`},
		"permissions":                       {"USERS_READ, GROUPS_READ", `{ groups { nodes { permissions { direct } } } }`},
		"the account's counts":              {"USERS_READ", `{ viewer { account { userCount } } }`},
		"rights of a role that there isn't": {"USERS_READ", `{ viewer { role } }`},
		"a mutation beside a typename":      {"USERS_READ", `mutation { __typename userDelete(input: {id: "$user"}) { errors { code } } }`},
		"a dry run":                         {"PRODUCTS_READ", `mutation { usersProductsSet(input: {selection: {all: true}, productKeys: [], mode: ADD, dryRun: true}) { preview { rows { userId } } } }`},
		"names by the feed":                 {"CHANGES_READ, GROUPS_READ", `{ changes { entries { ... on UserChange { userId after { displayName } } } } }`},
		"membership by the feed":            {"CHANGES_READ, USERS_READ", `{ changes(kinds: [MEMBERSHIP]) { entries { ...F } } } fragment F on Change { number ... on MembershipChange { groupId } }`},
		"the feed without its scope":        {"USERS_READ, MEMBERS_READ", `{ changes { cursor } }`},
		"a subscription":                    {"GROUPS_READ", `subscription { groupChanged(id: "$group") { __typename } }`},
	}
	ids := strings.NewReplacer("$group", p.group, "$user", p.user, "$product",
		p.ask(p.admin, `{ products { id } }`)["products"].([]any)[0].(map[string]any)["id"].(string))
	tokens := map[string]string{}
	for name, tt := range tests {
		if tokens[tt.scopes] == "" {
			tokens[tt.scopes] = p.tokenOf(p.create(tt.scopes, tt.scopes))
		}
		if text := p.first(tokens[tt.scopes], ids.Replace(tt.query)); !strings.Contains(text, `"code":"FORBIDDEN"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
	got := p.ask(tokens["USERS_READ"], fmt.Sprintf(`{ users { nodes { displayName email } } nodes(ids: [%q, %q]) { id } }`, p.user, tokensOwn(p)))
	want := map[string]any{
		"users": map[string]any{"nodes": []any{map[string]any{"displayName": "ada@example.org", "email": "ada@example.org"}, map[string]any{"displayName": "Bo", "email": "bo@example.org"}}},
		"nodes": []any{map[string]any{"id": p.user}, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with the scope (-want +got):\n%s", diff)
	}
}

// tokensOwn is the id of a partner client, which partners don't see.
func tokensOwn(p *partnership) string {
	return p.ask(p.admin, `{ partnerClients { id } }`)["partnerClients"].([]any)[0].(map[string]any)["id"].(string)
}
