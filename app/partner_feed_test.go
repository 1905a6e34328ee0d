package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/auth"
)

func theSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// inEntries are the scopes that the fields of the feed's entries need beside CHANGES_READ; none for those of the interface.
var inEntries = map[string]string{
	"UserChange.userId": "", "UserChange.after": "USERS_READ",
	"UserStatusChange.userId": "USERS_READ", "UserStatusChange.status": "USERS_READ", "UserStatusChange.statusReasons": "USERS_READ",
	"UserProductChange.userId": "PRODUCTS_READ", "UserProductChange.productId": "PRODUCTS_READ",
	"GroupChange.groupId": "", "GroupChange.after": "GROUPS_READ",
	"MembershipChange.userId": "MEMBERS_READ", "MembershipChange.groupId": "MEMBERS_READ",
	"NestingChange.childId": "GROUPS_READ", "NestingChange.parentId": "GROUPS_READ",
}

// Every field of every kind of entry, with every scope beside the feed's own: open with the right one, and else refused by name. Nobody
// is shown fewer entries for want of a scope.
func TestPartnerFeedFields(t *testing.T) {
	p := newPartnership(t)
	schema := theSchema(t)
	tokens := map[string]string{"": p.tokenOf(p.create("Feed", "CHANGES_READ"))}
	for _, scope := range []string{"USERS_READ", "GROUPS_READ", "MEMBERS_READ", "PRODUCTS_READ"} {
		tokens[scope] = p.tokenOf(p.create(scope, "CHANGES_READ, "+scope))
	}
	const heads = `{ changes(first: 1000) { cursor hasMore entries { __typename number time operationId action } } }`
	all := p.ask(p.admin, heads)
	if entries := all["changes"].(map[string]any)["entries"].([]any); len(entries) < 4 {
		t.Fatalf("%d entries", len(entries))
	}
	for scope, token := range tokens {
		if diff := cmp.Diff(all, p.ask(token, heads)); diff != "" {
			t.Errorf("the feed with %q (-admin +partner):\n%s", scope, diff)
		}
	}
	walked := 0
	for _, kind := range schema.PossibleTypes["Change"] {
		for _, field := range kind.Fields {
			name := kind.Name + "." + field.Name
			need, known := inEntries[name]
			if schema.Types["Change"].Fields.ForName(field.Name) != nil {
				known = true
			}
			if !known {
				t.Errorf("%s: say which scope it needs", name)
			}
			walked++
			selection := field.Name
			if t := schema.Types[field.Type.Name()]; !t.IsLeafType() {
				selection += " { __typename"
				for _, inner := range t.Fields {
					selection += " " + inner.Name
				}
				selection += " }"
			}
			for scope, token := range tokens {
				_, code, text := p.try(token, fmt.Sprintf(`{ changes { entries { ... on %s { %s } } } }`, kind.Name, selection))
				switch {
				case need == "" || need == scope:
					if code != "" {
						t.Errorf("%s with %q: %s", name, scope, text)
					}
				case code != "FORBIDDEN" || !strings.Contains(text, `"field":"`+name+`"`) || !strings.Contains(text, strings.ReplaceAll(strings.ToLower(need), "_", ":")):
					t.Errorf("%s with %q is not refused by the name of %s: %s", name, scope, need, text)
				}
			}
		}
	}
	if walked < len(inEntries) {
		t.Errorf("%d fields", walked)
	}
}

// A partner follows the feed by pages and live, over both transports, from its own cursor on; and hears nothing more within five seconds
// of being revoked.
func TestPartnerFollowsTheFeed(t *testing.T) {
	t.Parallel()
	p := newPartnership(t)
	c := p.create("Follower", "CHANGES_READ, MEMBERS_READ, GROUPS_READ")
	token := p.tokenOf(c)
	since := p.ask(token, `{ changesCursor }`)["changesCursor"].(string)
	query := fmt.Sprintf(`subscription { changes(since: %q) { entries { number ... on MembershipChange { userId action } ... on GroupChange { after { name } } } } }`, since)
	events, s := p.streamOf(token, query), p.connect(token)
	s.ask("s", query)
	if got := within(t, events, time.Minute); got != `{"data":{"changes":{"entries":[]}}}` {
		t.Errorf("at first %s", got)
	}
	s.hearsOf(`"entries":[]`)
	p.ask(p.admin, fmt.Sprintf(`mutation { groupMembersRemove(input: {groupIds: [%q], userIds: [%q]}) { errors { code } } }`, p.group, p.user))
	removed := fmt.Sprintf(`"userId":%q,"action":"REMOVED"`, p.user)
	if got := within(t, events, 2*time.Second); !strings.Contains(got, removed) {
		t.Errorf("the stream heard %s", got)
	}
	s.hearsOf(removed)
	got := p.ask(token, fmt.Sprintf(`{ changes(since: %q) { entries { ... on MembershipChange { userId groupId action } } } }`, since))["changes"].(map[string]any)["entries"]
	if diff := cmp.Diff([]any{map[string]any{"userId": p.user, "groupId": p.group, "action": "REMOVED"}}, got); diff != "" {
		t.Errorf("by a page (-want +got):\n%s", diff)
	}
	// What it may not see ends it at once, by the scope's name.
	s.ask("n", `subscription { changes { entries { ... on UserChange { after { email } } } } }`)
	s.hearsOf(`"id":"n","type":"error"`, "FORBIDDEN", "users:read")
	if got := within(t, p.streamOf(token, `subscription { changes { entries { ... on UserChange { after { email } } } } }`), time.Minute); !strings.Contains(got, "FORBIDDEN") || !strings.Contains(got, "users:read") {
		t.Errorf("a stream of names: %s", got)
	}

	p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientRevoke(input: {id: %q}) { deletedPartnerClientId errors { code } } }`, c.id))
	begin := time.Now()
	end := within(t, events, 6*time.Second)
	if !strings.Contains(end, "UNAUTHENTICATED") {
		t.Errorf("after the revocation the stream heard %s", end)
	}
	if got := within(t, events, time.Second); got != "complete" {
		t.Errorf("then %s", got)
	}
	s.hears("close 4401 Forbidden: there is no such partner client in the account")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A partner who stays is let stay as long as its token lives.
func TestPartnerStreamsEndWithTheToken(t *testing.T) {
	t.Parallel()
	p := newPartnership(t)
	c := p.create("Short", "CHANGES_READ")
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(p.tokenOf(c), claims); err != nil {
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
	claims["exp"] = time.Now().Add(4 * time.Second).Unix()
	made := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	made.Header["typ"] = "cohort-partner+jwt"
	token, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	events, s := p.streamOf(token, `subscription { changes { cursor } }`), p.connect(token)
	if got := within(t, events, time.Minute); !strings.HasPrefix(got, `{"data"`) {
		t.Errorf("at first %s", got)
	}
	got := within(t, events, 8*time.Second)
	if took := time.Since(begin); took < 2*time.Second || !strings.Contains(got, "the token has expired") {
		t.Errorf("after %s: %s", took, got)
	}
	s.hears("close 4403 Forbidden: the token has expired")
}

// Every mutation, over every transport and in every disguise, is refused to a partner who has all scopes, and changes nothing.
func TestPartnersChangeNothing(t *testing.T) {
	p := newPartnership(t)
	c := p.create("All", `USERS_READ, GROUPS_READ, MEMBERS_READ, PRODUCTS_READ, CHANGES_READ`)
	token := p.tokenOf(c)
	schema := theSchema(t)
	state := func() string {
		return p.text(p.admin, `{ users(first: 100) { nodes { id etag status } } groups(first: 100) { nodes { id etag memberCount } } jobs(first: 100) { totalCount }
			partnerClients { id name rotatedAt } changesCursor auditEvents(filter: {outcome: DONE}) { totalCount } viewer { account { name } } }`)
	}
	before := state()
	s := p.connect(token)
	for i, field := range schema.Mutation.Fields {
		query := sampleOf(schema, schema.Mutation, field)
		if _, code, text := p.try(token, query); code != "FORBIDDEN" {
			t.Errorf("%s by POST: %s", field.Name, text)
		}
		if status, text := p.send(token, http.MethodGet, "application/json", query); status != http.StatusMethodNotAllowed && !strings.Contains(text, "FORBIDDEN") {
			t.Errorf("%s by GET: %d %s", field.Name, status, text)
		}
		if _, text := p.send(token, http.MethodPost, "text/event-stream", query); !strings.Contains(text, "FORBIDDEN") || strings.Contains(text, `"data":{`) {
			t.Errorf("%s as a stream: %s", field.Name, text)
		}
		id := fmt.Sprint("m", i)
		s.ask(id, query)
		s.hearsOf(`"id":"`+id+`","type":"error"`, "FORBIDDEN")
	}
	for name, query := range map[string]string{
		"by a fragment":       `mutation { ...F } fragment F on Mutation { groupDelete(input: {id: "%s"}) { errors { code } } }`,
		"inline":              `mutation { ... on Mutation { groupDelete(input: {id: "%s"}) { errors { code } } } }`,
		"under another name":  `mutation { viewer: groupDelete(input: {id: "%s"}) { errors { code } } }`,
		"that may be skipped": `mutation { groupDelete(input: {id: "%s"}) @skip(if: false) { errors { code } } }`,
	} {
		if _, code, text := p.try(token, fmt.Sprintf(query, p.group)); code != "FORBIDDEN" {
			t.Errorf("%s: %s", name, text)
		}
	}
	if after := state(); after != before {
		t.Errorf("a partner changed something:\n%s\nbefore\n%s", after, before)
	}
	// The log tells who tried, and what.
	var refused []any
	for begin := time.Now(); len(refused) == 0; refused = p.ask(p.admin, `{ auditEvents(filter: {outcome: REFUSED}, first: 1) { nodes { actor { kind partnerClientId userId } } } }`)["auditEvents"].(map[string]any)["nodes"].([]any) {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("no refused attempt is recorded within 10 s")
		}
	}
	want := []any{map[string]any{"actor": map[string]any{"kind": "PARTNER_CLIENT", "partnerClientId": c.id, "userId": nil}}}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("in the log (-want +got):\n%s", diff)
	}
}

// text is an answer as it came.
func (p *partnership) text(token, query string) string {
	p.t.Helper()
	_, code, text := p.try(token, query)
	if code != "" {
		p.t.Fatalf("%s: %s", query, text)
	}
	return text
}

// first is the answer to an operation, or the first event of a subscription.
func (p *partnership) first(token, query string) string {
	p.t.Helper()
	if strings.HasPrefix(query, "subscription") {
		return within(p.t, p.streamOf(token, query), time.Minute)
	}
	_, text := p.send(token, http.MethodPost, "application/json", query)
	return text
}

// send asks by a method, and for a medium.
func (p *partnership) send(token, method, accept, query string) (status int, text string) {
	p.t.Helper()
	address := p.url + "/graphql"
	var content *bytes.Reader
	if method == http.MethodGet {
		address += "?query=" + url.QueryEscape(query)
		content = bytes.NewReader(nil)
	} else {
		raw, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			p.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), method, address, content)
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": accept} {
		request.Header.Set(name, value)
	}
	answer, raw := do(p.t, request)
	return answer.StatusCode, string(raw)
}
