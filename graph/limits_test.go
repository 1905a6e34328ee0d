package graph_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/graph"
)

// sized has, for each limit, a request that is good and has exactly n of it.
var sized = map[string]func(n int) string{
	"body": func(n int) string {
		body := operation(`{ viewer { role } }`)
		return body + strings.Repeat(" ", n-len(body))
	},
	"tokens": func(n int) string { return operation(`{ viewer { role } }` + strings.Repeat("\n#", n-6)) },
	"depth": func(n int) string {
		if n%2 == 1 {
			return operation(`{ groups(first: 1) { nodes {` + childrenIn((n-3)/2) + ` } } }`)
		}
		return operation(`{ group(by: { name: "None" }) {` + childrenIn((n-2)/2) + ` } }`)
	},
	"depth of a value": func(n int) string {
		return operation(`{ users(first: 1, filter: ` + strings.Repeat(`{ or: [`, n/2) + strings.Repeat(`{}`, n%2) + strings.Repeat(`] }`, n/2) + `) { totalCount } }`)
	},
	"depth of inline fragments": func(n int) string {
		return operation(`{ viewer {` + strings.Repeat(` ... {`, n-2) + ` role` + strings.Repeat(` }`, n-2) + ` } }`)
	},
	"fields": func(n int) string { // a spread and what is spread are two
		return operation(`{ viewer {` + strings.Repeat(` role`, 1-n%2) + strings.Repeat(` ...F`, (n-1)/2) + ` } } fragment F on Viewer { role }`)
	},
	"aliases": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: role", i)
		}
		return operation(`{ viewer { role` + b.String() + ` } }`)
	},
	"aliases, as fields of inline fragments": func(n int) string {
		return operation(`{ viewer { role` + strings.Repeat(` ... on Viewer { role }`, n) + ` } }`)
	},
	"aliases, as repeated fields": func(n int) string { return operation(`{ viewer { role` + strings.Repeat(` role`, n) + ` } }`) },
	"directives": func(n int) string {
		return operation(`{ viewer {` + strings.Repeat(` ...F @include(if: true)`, n) + ` } } fragment F on Viewer { role }`)
	},
	"fragments": func(n int) string {
		var spreads, definitions strings.Builder
		for i := range n {
			fmt.Fprintf(&spreads, " ...F%d", i)
			fmt.Fprintf(&definitions, " fragment F%d on Viewer { role }", i)
		}
		return operation(`{ viewer {` + spreads.String() + ` } }` + definitions.String())
	},
	"complexity": func(n int) string { // 14 x 102 + 1, and the rest
		return operation(fmt.Sprintf(`{ groups(first: 14) { nodes { children(last: 100) { nodes { id } } } } users(first: %d) { nodes { id } } }`, n-1430))
	},
	"complexity, by variables": func(n int) string {
		return fmt.Sprintf(`{"query": "query ($n: Int, $m: Int = 100) { groups(first: 14) { nodes { children(last: $m) { nodes { id } } } } users(first: $n) { nodes { id } } }", "variables": {"n": %d}}`, n-1430)
	},
}

func operation(query string) string {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func childrenIn(times int) string {
	return strings.Repeat(` children(first: 1) { nodes {`, times) + ` id` + strings.Repeat(` } }`, times)
}

// most are the limits by their names.
func most(l graph.Limits) map[string]int {
	return map[string]int{
		"body": l.Body, "tokens": l.Tokens, "depth": l.Depth, "fields": l.Fields, "aliases": l.Aliases, "directives": l.Directives,
		"fragments": l.Fragments, "complexity": l.Complexity,
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	limits := most(graph.DefaultLimits())
	tried := map[string]bool{}
	for name, request := range sized {
		kind, _, _ := strings.Cut(strings.Split(name, " ")[0], ",")
		tried[kind] = true
		limit := limits[kind]
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			if got := h.post(h.admin, request(limit)); len(got.Errors) > 0 && got.Errors[0].Extensions["reason"] != "TOO_MANY" { // the domain's own limit of filters
				t.Errorf("%d answered %s", limit, got.Text)
			}
			h.exceeds(request(limit+1), kind, limit, limit+1)
		})
	}
	for kind := range limits {
		if !tried[kind] {
			t.Errorf("the limit of %s isn't tried", kind)
		}
	}
}

// exceeds sends what must be refused for one of the limits.
func (a *api) exceeds(body, limit string, most, found int) {
	a.t.Helper()
	got := a.post(a.admin, body)
	if len(got.Errors) != 1 || strings.Contains(got.Text, `"data"`) {
		a.t.Fatalf("not refused: %s", got.Text)
	}
	want := map[string]any{"code": "LIMIT_EXCEEDED", "limit": limit, "most": float64(most), "found": float64(found)}
	if diff := cmp.Diff(want, got.Errors[0].Extensions); diff != "" {
		a.t.Errorf("extensions (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.Errors[0].Message, fmt.Sprint(most)) || !strings.Contains(got.Errors[0].Message, fmt.Sprint(found)) {
		a.t.Errorf("the message says neither %d nor %d: %s", most, found, got.Errors[0].Message)
	}
}

func TestLimitsAreConfigurable(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for kind, limit := range map[string]int{
		"body": 5000, "tokens": 60, "depth": 4, "fields": 20, "aliases": 3, "directives": 2, "fragments": 4, "complexity": 1440,
	} {
		limits := graph.Limits{Body: 5000, Tokens: 60, Depth: 4, Fields: 20, Aliases: 3, Directives: 2, Fragments: 4}
		if kind == "complexity" {
			limits = graph.Limits{Complexity: limit}
		}
		a.handler = graph.New(graph.Options{Directory: a.directory, Limits: limits})
		request := sized[kind]
		if got := a.post(a.admin, request(limit)); len(got.Errors) > 0 {
			t.Errorf("%d of %s: %s", limit, kind, got.Text)
		}
		a.exceeds(request(limit+1), kind, limit, limit+1)
	}
	a.handler = graph.New(graph.Options{Directory: a.directory, Limits: graph.Limits{Errors: 2}})
	if got := a.ask(a.admin, `{ a b c }`, nil); len(got.Errors) != 2 {
		t.Errorf("errors over 2: %s", got.Text)
	}
}

// What real clients send is within the limits.
func TestRealQueriesPass(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, variables := range map[string]vars{"introspection": nil, "relay": {"id": h.ids["emea"], "members": 50}} {
		text, err := os.ReadFile("testdata/" + name + ".graphql")
		if err != nil {
			t.Fatal(err)
		}
		got := h.ask(h.admin, string(text), variables)
		if len(got.Errors) > 0 || len(got.Text) < 1000 {
			t.Errorf("%s: %.1000s", name, got.Text)
		}
	}
}

// An answer has so many errors at most and says how many it leaves out, whether they are of the validator or
// of the fields.
func TestErrorsAreLimited(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	repeated := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: "+field, i)
		}
		return "{" + b.String() + "}"
	}
	for name, field := range map[string]string{"unknown fields": "unknown", "malformed ids": `node(id: "x") { id }`} {
		for n, left := range map[int]any{20: nil, 21: 1.0, 49: 29.0} {
			got := a.ask(a.admin, repeated(n, field), nil)
			var extensions struct{ Extensions map[string]any }
			if err := json.Unmarshal([]byte(got.Text), &extensions); err != nil {
				t.Fatal(err)
			}
			if len(got.Errors) != 20 || extensions.Extensions["errorsLeftOut"] != left {
				t.Errorf("%d %s: %d errors, %v", n, name, len(got.Errors), extensions)
			}
		}
	}
}
