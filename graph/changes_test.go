package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

// What the feed tells of each kind of change, as it is asked for.
func TestChangesAreTold(t *testing.T) {
	h := newHouse(t)
	since := h.text(`{ changesCursor }`, "changesCursor")
	h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "name": "Vente", "priority": 3})
	h.done("groupMembersAdd", "results { outcome }", vars{"groupIds": []string{h.ids["alone"]}, "userIds": []string{h.ids["ann"]}})
	h.done("groupUnnest", "outcome", vars{"parentId": h.ids["sales"], "childId": h.ids["emea"]})
	h.done("groupSettingsSet", "impact { reached }", vars{"groupId": h.ids["alone"], "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}})
	h.done("usersSuspend", "job { id }", vars{"selection": vars{"ids": []string{h.ids["ann"]}}})
	h.done("groupDelete", "deletedGroupId", vars{"id": h.ids["alone"]})
	const query = `query ($since: String) { changes(since: $since) { hasMore entries {
		type: __typename action
		... on GroupChange { groupId after { name priority } }
		... on MembershipChange { userId groupId }
		... on NestingChange { childId parentId }
		... on UserStatusChange { userId status statusReasons }
	} } }`
	got := strings.TrimSpace(h.send(request{query: query, variables: vars{"since": since}}).Text)
	want := h.fill(`{"data":{"changes":{"hasMore":false,"entries":[` +
		`{"type":"GroupChange","action":"SET","groupId":"$sales","after":{"name":"Vente","priority":3}},` +
		`{"type":"MembershipChange","action":"SET","userId":"$ann","groupId":"$alone"},` +
		`{"type":"NestingChange","action":"REMOVED","childId":"$emea","parentId":"$sales"},` +
		`{"type":"UserStatusChange","action":"SET","userId":"$ann","status":"SUSPENDED","statusReasons":["MANUAL"]},` +
		`{"type":"MembershipChange","action":"REMOVED","userId":"$ann","groupId":"$alone"},` +
		`{"type":"GroupChange","action":"REMOVED","groupId":"$alone","after":null}]}}}`)
	if got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// text is one text of an answer.
func (h *house) text(query, field string) string {
	h.t.Helper()
	return h.send(request{query: query}).Data[field].(string)
}

// The subscription begins with a page at once, and goes on from any cursor; what can't be is refused.
func TestChangesAreFollowed(t *testing.T) {
	h := newHouse(t)
	const fields = `{ cursor entries { ... on GroupChange { after { name } } } }`
	since := h.text(`{ changesCursor }`, "changesCursor")
	came := h.follow(request{as: "admin", query: `subscription { changes ` + fields + ` }`})
	page := func(cursor, entries string) string {
		return `{"data":{"changes":{"cursor":"` + cursor + `","entries":[` + entries + `]}}}`
	}
	if got := came.next(); got != page(since, "") {
		t.Errorf("at first %s", got)
	}
	var names []string
	for i := range 3 {
		h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "name": fmt.Sprint("Name", i)})
		names = append(names, fmt.Sprintf(`{"after":{"name":"Name%d"}}`, i))
		now := h.text(`{ changesCursor }`, "changesCursor")
		if got := came.next(); got != page(now, names[i]) {
			t.Errorf("change %d: %s, want %s", i, got, page(now, names[i]))
		}
	}
	now := h.text(`{ changesCursor }`, "changesCursor")
	late := h.follow(request{query: `subscription { changes(since: "` + since + `") ` + fields + ` }`})
	if got := late.next(); got != page(now, strings.Join(names, ",")) {
		t.Errorf("from before: %s", got)
	}
	ahead := models.ChangeCursor(h.account, 1<<40)
	for query, want := range map[string]string{
		`changes(since: "` + ahead + `") { cursor }`: `"code":"CURSOR_EXPIRED"`,
		`changes(since: "") { cursor }`:              `"reason":"INVALID"`,
		`changes(first: 1001) { cursor }`:            `"reason":"INVALID"`,
		`changes(kinds: []) { cursor }`:              `"reason":"INVALID"`,
	} {
		if got := h.send(request{query: "{ " + query + " }"}); !strings.Contains(got.Text, want) || len(got.Errors) != 1 {
			t.Errorf("%s: %s, want %s", query, got.Text, want)
		}
		if got := h.follow(request{query: "subscription { " + query + " }"}).next(); !strings.Contains(got, want) || strings.Contains(got, `"data"`) {
			t.Errorf("subscription to %s: %s, want %s", query, got, want)
		}
	}
}

// everything is all that can be asked of an entry.
const everything = `{ cursor hasMore entries { __typename number time operationId action
	... on UserChange { userId after { email givenName familyName displayName locale role status statusReasons } }
	... on UserStatusChange { userId status statusReasons } ... on UserProductChange { userId productId }
	... on GroupChange { groupId after { name description priority } } ... on MembershipChange { userId groupId } ... on NestingChange { childId parentId } } }`

// BenchmarkChanges reads 50,000 changes of all kinds in pages of 1,000, with everything that can be asked, through all of the
// handler but the network.
func BenchmarkChanges(b *testing.B) {
	a := newAPI(b)
	const all, size = 50_000, 1000
	for range all / size {
		_, err := store.InAccount(context.Background(), a.store, a.account, func(tx *store.Tx) (struct{}, error) {
			l := audit.Begin(tx, auth.OperatorOf(a.account), "Mutation.benchmark")
			user := map[string]any{
				"email": "somebody@example.org", "givenName": "Some", "familyName": "Body", "displayName": "Some Body", "locale": models.LocaleEn,
				"role": "MEMBER", "status": "ACTIVE", "statusReasons": []string{},
			}
			for i := range size {
				object := [16]byte(models.NewID[models.GroupID]())
				s := audit.Subject{Type: []string{audit.Membership, audit.Product, audit.User, audit.Nesting, audit.Status}[i%5], ID: models.NewID[models.UserID](), After: user}
				if s.Type != audit.User && s.Type != audit.Status {
					s.Object, s.After = &object, vars{"direct": true}
				}
				if err := l.Changed(s); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, l.Write()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	read := 0
	begin := time.Now()
	for b.Loop() {
		for since := "null"; ; {
			body := `{"variables": {"since": ` + since + `}, "query": ` + strconv.Quote(strings.Join(strings.Fields(`query ($since: String) { changes(since: $since, first: 1000) `+everything+` }`), " ")) + `}`
			r := httptest.NewRequestWithContext(auth.WithCaller(context.Background(), a.admin), http.MethodPost, "/graphql", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			head, rest, ok := strings.Cut(w.Body.String(), `,"entries":[`)
			cursor, more, _ := strings.Cut(strings.TrimPrefix(head, `{"data":{"changes":{"cursor":`), ",")
			if !ok || strings.Contains(rest, `"errors"`) {
				b.Fatal(w.Body.String())
			}
			read += strings.Count(rest, `"__typename"`)
			if since = cursor; more == `"hasMore":false` {
				break
			}
		}
	}
	b.ReportMetric(float64(read)/time.Since(begin).Seconds(), "changes/s")
}
