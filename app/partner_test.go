package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/auth"
	"cohort/models"
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

func TestPartnerSecrets(t *testing.T) {
	p := newPartnership(t)
	create := `mutation { partnerClientCreate(input: {name: "Billing", scopes: [USERS_READ], idempotencyKey: "k"}) { partnerClient { id clientId } clientSecret errors { code } } }`
	first := p.ask(p.admin, create)["partnerClientCreate"].(map[string]any)
	again := p.ask(p.admin, create)["partnerClientCreate"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"partnerClient": first["partnerClient"], "clientSecret": nil, "errors": []any{}}, again); diff != "" {
		t.Errorf("the same key again (-want +got):\n%s", diff)
	}
	client := first["partnerClient"].(map[string]any)
	c := made{client["id"].(string), client["clientId"].(string), first["clientSecret"].(string)}
	if raw, err := base64.RawURLEncoding.DecodeString(c.secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret has %d bytes, %v", len(raw), err)
	}
	token := p.tokenOf(c)

	rotated := p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientRotate(input: {id: %q}) { clientSecret partnerClient { rotatedAt } errors { code } } }`, c.id))["partnerClientRotate"].(map[string]any)
	if answer, body := p.post(credentials(c.clientID, c.secret), nil); answer.StatusCode != http.StatusUnauthorized || body["error"] != "invalid_client" {
		t.Errorf("the old secret: %s %v", answer.Status, body)
	}
	p.tokenOf(made{c.id, c.clientID, rotated["clientSecret"].(string)})
	p.ask(token, `{ viewer { scopes } }`) // goes on

	p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientRevoke(input: {id: %q}) { deletedPartnerClientId errors { code } } }`, c.id))
	revoked := time.Now()
	if answer, body := p.post(credentials(c.clientID, rotated["clientSecret"].(string)), nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the revoked client's secret: %s %v", answer.Status, body)
	}
	for {
		status, code, _ := p.try(token, `{ viewer { scopes } }`)
		if status == http.StatusUnauthorized && code == "UNAUTHENTICATED" {
			break
		}
		if time.Since(revoked) > 5*time.Second {
			t.Fatal("the token is still good 5 s after the revocation")
		}
	}
	for _, secret := range []string{c.secret, rotated["clientSecret"].(string), token} {
		if strings.Contains(p.stderr.String()+p.stdout.String(), secret) {
			t.Error("a secret stands in the log")
		}
	}
}

func TestTokenRequests(t *testing.T) {
	p := newPartnership(t)
	c := p.create("Billing", "GROUPS_READ")
	good := credentials(c.clientID, c.secret)
	with := func(name, value string) url.Values {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(name, value)
		return form
	}
	other := models.FormatClientID(models.AccountID{1}, models.PartnerClientID{2})
	tests := map[string]struct {
		form   url.Values
		edit   func(*http.Request)
		status int
		code   string
	}{
		"good": {form: good, status: 200},
		"a type with a charset": {form: good, edit: func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}, status: 200},
		"GET":                         {form: good, edit: func(r *http.Request) { r.Method = http.MethodGet }, status: 405, code: "invalid_request"},
		"PUT":                         {form: good, edit: func(r *http.Request) { r.Method = http.MethodPut }, status: 405, code: "invalid_request"},
		"no content type":             {form: good, edit: func(r *http.Request) { r.Header.Del("Content-Type") }, status: 400, code: "invalid_request"},
		"JSON":                        {form: good, edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, status: 400, code: "invalid_request"},
		"a body too large":            {form: with("x", strings.Repeat("x", 9<<10)), status: 413, code: "invalid_request"},
		"parameters in the address":   {form: good, edit: func(r *http.Request) { r.URL.RawQuery = "scope=groups%3Aread" }, status: 400, code: "invalid_request"},
		"a malformed body":            {form: good, edit: func(r *http.Request) { body(r, "grant_type=%zz") }, status: 400, code: "invalid_request"},
		"something twice":             {form: good, edit: func(r *http.Request) { body(r, good.Encode()+"&client_id=x") }, status: 400, code: "invalid_request"},
		"no grant":                    {form: with("grant_type", ""), status: 400, code: "invalid_request"},
		"another grant":               {form: with("grant_type", "password"), status: 400, code: "unsupported_grant_type"},
		"both ways":                   {form: good, edit: func(r *http.Request) { r.SetBasicAuth(c.clientID, c.secret) }, status: 400, code: "invalid_request"},
		"a scope that it has not":     {form: with("scope", "groups:read users:read"), status: 400, code: "invalid_scope"},
		"a scope that there is not":   {form: with("scope", "groups:write"), status: 400, code: "invalid_scope"},
		"a scope by GraphQL's name":   {form: with("scope", "GROUPS_READ"), status: 400, code: "invalid_scope"},
		"no client":                   {form: with("client_id", ""), status: 401, code: "invalid_client"},
		"no secret":                   {form: with("client_secret", ""), status: 401, code: "invalid_client"},
		"another scheme":              {form: url.Values{"grant_type": {"client_credentials"}}, edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, status: 401, code: "invalid_client"},
		"a wrong secret":              {form: with("client_secret", c.secret[1:]+"x"), status: 401, code: "invalid_client"},
		"the hash for a secret":       {form: with("client_secret", string(models.HashClientSecret(c.secret))), status: 401, code: "invalid_client"},
		"an unknown client":           {form: with("client_id", other), status: 401, code: "invalid_client"},
		"the id in place of the name": {form: with("client_id", c.id), status: 401, code: "invalid_client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answer, got := p.post(tt.form, tt.edit)
			code, _ := got["error"].(string)
			if answer.StatusCode != tt.status || code != tt.code || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %v %v, want %d %s", answer.Status, answer.Header, got, tt.status, tt.code)
			}
			if tt.status == 401 && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("no challenge: %v", answer.Header)
			}
		})
	}
	_, wrong := p.post(with("client_secret", "x"), nil)
	_, unknown := p.post(with("client_id", other), nil)
	if diff := cmp.Diff(wrong, unknown); diff != "" {
		t.Errorf("a wrong secret and an unknown client are told apart:\n%s", diff)
	}
}

// body replaces a request's.
func body(r *http.Request, text string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
}

// Whoever guesses is stopped, and nobody else.
func TestTokenFailuresAreCounted(t *testing.T) {
	p := newPartnership(t)
	victim, other := p.create("Victim", "GROUPS_READ"), p.create("Other", "GROUPS_READ")
	limited := 0
	for range 12 {
		answer, _ := p.post(credentials(victim.clientID, "guess"), nil)
		if answer.StatusCode == http.StatusTooManyRequests && answer.Header.Get("Retry-After") != "" {
			limited++
		}
	}
	if limited == 0 {
		t.Error("12 wrong secrets are not too many")
	}
	if answer, body := p.post(credentials(victim.clientID, victim.secret), nil); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the right one after them: %s %v", answer.Status, body)
	}
	p.tokenOf(other)
}

// Tokens that are not Cohort's own make nobody a partner.
func TestForgedPartnerTokens(t *testing.T) {
	p := newPartnership(t)
	c := p.create("Billing", "GROUPS_READ")
	token := p.tokenOf(c)
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != c.id || claims["scope"] != "groups:read" || claims["exp"].(float64)-claims["iat"].(float64) != 900 {
		t.Errorf("claims: %v", claims)
	}
	admin := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(p.admin, admin); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := tokens.Key("partner tokens")
	if err != nil {
		t.Fatal(err)
	}
	const kind = "cohort-partner+jwt"
	sign := func(method jwt.SigningMethod, typ string, key any, edit map[string]any) string {
		changed := jwt.MapClaims{}
		for name, value := range claims {
			changed[name] = value
		}
		for name, value := range edit {
			changed[name] = value
		}
		made := jwt.NewWithClaims(method, changed)
		made.Header["typ"] = typ
		text, err := made.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	past := float64(time.Now().Add(-20 * time.Minute).Unix())
	refused := map[string]string{
		"signed with the secret":        sign(jwt.SigningMethodHS256, kind, []byte(testSecret), nil),
		"the secret and the usual type": sign(jwt.SigningMethodHS256, "JWT", []byte(testSecret), nil),
		"the key under another type":    sign(jwt.SigningMethodHS256, "JWT", key, nil),
		"a user by the partners' key":   sign(jwt.SigningMethodHS256, kind, key, map[string]any{"sub": admin["sub"]}),
		"no algorithm":                  sign(jwt.SigningMethodNone, kind, jwt.UnsafeAllowNoneSignatureType, nil),
		"another algorithm":             sign(jwt.SigningMethodHS512, kind, key, nil),
		"expired":                       sign(jwt.SigningMethodHS256, kind, key, map[string]any{"iat": past, "exp": past + 900}),
		"a scope that there is not":     sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": "groups:write"}),
		"without a scope":               sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": ""}),
		"of another account":            sign(jwt.SigningMethodHS256, kind, key, map[string]any{"account": models.AccountID{1}.String()}),
		"a client that there is not":    sign(jwt.SigningMethodHS256, kind, key, map[string]any{"sub": models.PartnerClientID{1}.String()}),
		"another scope, old signature":  swapped(token, `"groups:read"`, `"users:read"`),
	}
	for name, text := range refused {
		if status, code, body := p.try(text, `{ viewer { scopes } }`); status != http.StatusUnauthorized || code != "UNAUTHENTICATED" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	// What the client itself hasn't got, no token of its gives.
	more := sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": "groups:read users:read", "role": "super_admin"})
	if _, code, body := p.try(more, `{ users { nodes { email } } }`); code != "FORBIDDEN" {
		t.Errorf("more than the client has: %s", body)
	}
	// A scope in a user's token is nothing.
	admin["scope"] = "users:read"
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, admin).SignedString([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := p.ask(text, `{ viewer { role scopes partnerClient { id } } }`)
	if diff := cmp.Diff(map[string]any{"viewer": map[string]any{"role": "SUPER_ADMIN", "scopes": []any{}, "partnerClient": nil}}, got); diff != "" {
		t.Errorf("a user with a scope (-want +got):\n%s", diff)
	}
}

// swapped replaces something in a token's claims and leaves the signature.
func swapped(token, old, changed string) string {
	parts := strings.Split(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(raw, []byte(old), []byte(changed), 1))
	return strings.Join(parts, ".")
}

// An unknown client costs what a wrong secret costs: the same statements on the database.
func TestUnknownClientsTakeAsLong(t *testing.T) {
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "ada@example.org")
	var statements atomic.Int64
	guard := w.inspect
	w.inspect = func(ctx context.Context, sql string) error {
		if strings.Contains(sql, "partner_clients") {
			statements.Add(1)
		}
		return guard(ctx, sql)
	}
	p := &partnership{server: w.start("serve"), t: t, w: w, admin: strings.TrimSpace(w.must("token", "--user", "ada@example.org", "--account", "Acme"))}
	c := p.create("Billing", "GROUPS_READ")
	account, _, _ := models.ParseClientID(c.clientID)
	for name, client := range map[string]string{
		"a wrong secret": c.clientID, "no such client": models.FormatClientID(account, models.PartnerClientID{1}),
		"no such account": models.FormatClientID(models.AccountID{1}, models.PartnerClientID{1}), "no client's name": "x",
	} {
		before := statements.Load()
		if answer, _ := p.post(credentials(client, "x"), nil); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, answer.Status)
		}
		if n := statements.Load() - before; n != 1 {
			t.Errorf("%s takes %d statements, not 1", name, n)
		}
	}
}
