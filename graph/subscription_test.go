package graph_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"cohort/auth"
)

// events are those of an answer, one after the other.
type events struct {
	t       testing.TB
	scanner *bufio.Scanner
}

// follow subscribes as somebody, over a server of its own, for as long as the test runs.
func (h *house) follow(r request) *events {
	h.t.Helper()
	who, ok := h.callers[r.as]
	if !ok {
		who = h.callers["super"]
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.handler.ServeHTTP(w, r.WithContext(auth.WithCaller(r.Context(), who)))
	}))
	ctx, cancel := context.WithCancel(context.Background())
	h.t.Cleanup(func() {
		cancel()
		server.Close()
	})
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/graphql", strings.NewReader(`{"query": `+strconv.Quote(h.fill(r.query))+`}`))
	if err != nil {
		h.t.Fatal(err)
	}
	asked.Header.Set("Content-Type", "application/json")
	asked.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(asked)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = response.Body.Close() })
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream; charset=utf-8" {
		h.t.Fatalf("%s as %s", response.Status, got)
	}
	return &events{h.t, bufio.NewScanner(response.Body)}
}

// next is the next event, with its data without spaces; `complete` for the last.
func (e *events) next() string {
	e.t.Helper()
	for e.scanner.Scan() {
		if line := e.scanner.Text(); line == "event: complete" {
			return "complete"
		} else if data, ok := strings.CutPrefix(line, "data: "); ok {
			return compact(data)
		}
	}
	e.t.Fatalf("no more events: %v", e.scanner.Err())
	return ""
}

// begins fails unless a subscription to $sales begins and hears of it.
func (h *house) begins(r request) {
	h.t.Helper()
	came := h.follow(r)
	if strings.Contains(r.query, "jobProgress") {
		if got := came.next(); !strings.HasPrefix(got, `{"data":{"jobProgress":{"id":"`+h.ids["job"]) {
			h.t.Errorf("event %s", got)
		}
		return
	}
	if strings.Contains(r.query, "changes(") {
		if got := came.next(); !strings.HasPrefix(got, `{"data":{"changes":{"cursor":"`) {
			h.t.Errorf("event %s", got)
		}
		return
	}
	h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "description": "new"})
	if got := came.next(); !strings.HasPrefix(got, `{"data":{"groupChanged":{"changed":["DETAILS"]`) {
		h.t.Errorf("event %s", got)
	}
}

// What an event tells, and that each is asked for anew: nothing of the one before is kept.
func TestGroupChanged(t *testing.T) {
	h := newHouse(t)
	came := h.follow(request{as: "admin", query: `subscription S {
		groupChanged(id: "$sales") { changed deletedGroupId group { name memberCount children { nodes { name } } parents { nodes { name } } } } }`})
	group := func(changed, rest string) string {
		return `{"data":{"groupChanged":{"changed":[` + changed + `],"deletedGroupId":null,"group":` + rest + `}}}`
	}
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{
			"its name", func() { h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "name": "Vente"}) },
			group(`"DETAILS"`, `{"name":"Vente","memberCount":4,"children":{"nodes":[{"name":"EMEA"}]},"parents":{"nodes":[]}}`),
		},
		{"a member more", func() {
			h.done("groupMembersAdd", "results { outcome }", vars{"groupIds": []string{h.ids["sales"]}, "userIds": []string{h.ids["ann"]}})
		}, group(`"MEMBERS"`, `{"name":"Vente","memberCount":4,"children":{"nodes":[{"name":"EMEA"}]},"parents":{"nodes":[]}}`)},
		{"a parent more", func() {
			h.done("groupNest", "outcome", vars{"parentId": h.ids["alone"], "childId": h.ids["sales"]})
		}, group(`"PARENTS"`, `{"name":"Vente","memberCount":4,"children":{"nodes":[{"name":"EMEA"}]},"parents":{"nodes":[{"name":"Alone"}]}}`)},
		{"a child less", func() {
			h.done("groupUnnest", "outcome", vars{"parentId": h.ids["sales"], "childId": h.ids["emea"]})
		}, group(`"CHILDREN"`, `{"name":"Vente","memberCount":4,"children":{"nodes":[]},"parents":{"nodes":[{"name":"Alone"}]}}`)},
		{"another group, and then a member who is deleted", func() {
			h.done("groupUpdate", "group { id }", vars{"id": h.ids["emea"], "name": "Europe"})
			h.done("userDelete", "deletedUserId", vars{"id": h.ids["ann"]})
		}, group(`"MEMBERS"`, `{"name":"Vente","memberCount":3,"children":{"nodes":[]},"parents":{"nodes":[{"name":"Alone"}]}}`)},
		{"much at once", func() {
			h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "name": "Ventes", "removeMemberIds": []string{h.ids["member"]}, "removeParentIds": []string{h.ids["alone"]}})
		}, group(`"DETAILS","MEMBERS","PARENTS"`, `{"name":"Ventes","memberCount":2,"children":{"nodes":[]},"parents":{"nodes":[]}}`)},
		{
			"its end", func() { h.done("groupDelete", "deletedGroupId", vars{"id": h.ids["sales"]}) },
			`{"data":{"groupChanged":{"changed":[],"deletedGroupId":"` + h.ids["sales"] + `","group":null}}}`,
		},
	} {
		step.do()
		if got := came.next(); got != step.want {
			t.Errorf("%s:\n%s\nwant\n%s", step.what, got, step.want)
		}
	}
	if got := came.next(); got != "complete" {
		t.Errorf("after the end: %s", got)
	}
}

// What can't be subscribed to is refused in a stream that ends, or as JSON to those who read that rather.
func TestSubscriptionsRefused(t *testing.T) {
	h := newHouse(t)
	for name, tt := range map[string]struct{ query, want string }{
		"nothing":           {`subscription { __typename }`, "GRAPHQL_VALIDATION_FAILED"},
		"nothing in effect": {`subscription { groupChanged(id: "$sales") @skip(if: true) { changed } }`, "GRAPHQL_VALIDATION_FAILED"},
		"two at once":       {`subscription { a: groupChanged(id: "$sales") { changed } b: groupChanged(id: "$emea") { changed } }`, "GRAPHQL_VALIDATION_FAILED"},
		"too much":          {`subscription { groupChanged(id: "$sales") { group { members(first: 100) { nodes { groups(first: 100) { nodes { id } } } } } } }`, "LIMIT_EXCEEDED"},
		"no group":          {`subscription { groupChanged(id: "$absentGroup") { changed } }`, "NOT_FOUND"},
		"nobody's right":    {`subscription { groupChanged(id: "$sales") { changed } }`, "FORBIDDEN"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			r := request{query: tt.query}
			if tt.want == "FORBIDDEN" {
				r.as = "member"
			}
			came := h.follow(r)
			if got := came.next(); !strings.HasPrefix(got, `{"errors":[{`) || !strings.Contains(got, `"`+tt.want+`"`) || strings.Contains(got, `"data"`) {
				t.Errorf("event %s", got)
			}
			if got := came.next(); got != "complete" {
				t.Errorf("then %s", got)
			}
			if got := h.send(r); len(got.Errors) != 1 || !strings.Contains(got.Text, `"`+tt.want+`"`) || got.Data != nil {
				t.Errorf("as JSON: %s", got.Text)
			}
		})
	}
	for accept, want := range map[string]string{
		"application/json": "406 BAD_USER_INPUT", "application/graphql-response+json, text/event-stream;q=0": "406 response BAD_USER_INPUT", "text/html": "406 BAD_USER_INPUT",
	} {
		got := h.over(exchange{headers: http.Header{"Accept": {accept}}, body: h.fill(`{"query": "subscription { groupChanged(id: \"$sales\") { changed } }"}`)})
		if said := tells(t, got); said != want {
			t.Errorf("%s: %s, want %s", accept, said, want)
		}
	}
}

// Some clients name text/event-stream in every request, and mean it for subscriptions.
func TestStreamOnlyWherePreferred(t *testing.T) {
	a := newAPI(t)
	for accept, want := range map[string]string{
		"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed": "application/graphql-response+json; charset=utf-8",
		"application/json, text/event-stream":       "application/json; charset=utf-8",
		"text/event-stream;q=0.5, application/json": "application/json; charset=utf-8",
		"text/event-stream, application/json;q=0.9": "text/event-stream; charset=utf-8",
		"text/event-stream":                         "text/event-stream; charset=utf-8",
		"*/*":                                       "application/json; charset=utf-8",
	} {
		got := a.over(exchange{headers: http.Header{"Accept": {accept}}, body: `{"query": "{ viewer { role } }"}`})
		if media := got.Header.Get("Content-Type"); media != want {
			t.Errorf("%s is answered as %s, want %s", accept, media, want)
		}
	}
}

// However many follow an account, one statement each time reads what has come.
func TestManyFollowOneFeed(t *testing.T) {
	h := newHouse(t)
	var all []*events
	for range 8 {
		all = append(all, h.follow(request{query: `subscription { groupChanged(id: "$sales") { group { name } } }`}))
	}
	h.done("groupUpdate", "group { id }", vars{"id": h.ids["sales"], "name": "New"})
	for _, one := range all {
		if got := one.next(); got != `{"data":{"groupChanged":{"group":{"name":"New"}}}}` {
			t.Errorf("event %s", got)
		}
	}
}
