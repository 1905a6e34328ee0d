package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"cohort/graph/generated"
)

// numbered repeats a text, with a number in it.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(format, "%N", fmt.Sprint(i+1)), "%", fmt.Sprint(i)))
	}
	return b.String()
}

func clique(n int) string {
	var b strings.Builder
	b.WriteString(`{ __schema { ...F0 } }`)
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on __Schema {%s }", i, numbered(n, " ...F%"))
	}
	return b.String()
}

// costly are documents that take the validator, or a count that follows every spread, far longer than their
// length: seconds for the first ones as they stand, ages for some others. Each has the limit that refuses it,
// and the one that does when it may have as many tokens as it likes.
var costly = map[string]struct{ query, limit, unlimited string }{
	"3,000 fields of the same alias": {
		`{` + strings.Repeat(` a: viewer { role }`, 3000) + ` }`, "tokens", "fields",
	},
	"as many as the tokens allow": {`{ viewer {` + strings.Repeat(` a: role`, 660) + ` } }`, "aliases", "aliases"},
	"the same without alias":      {`{ viewer {` + strings.Repeat(` role`, 990) + ` } }`, "aliases", "aliases"},
	"a chain of 2,000 fragments": {
		`{ viewer { ...F0 } }` + numbered(2000, ` fragment F% on Viewer { ...F%N }`) + ` fragment F2000 on Viewer { role }`, "tokens", "fragments",
	},
	"25 fragments that spread each other twice": {
		`{ viewer { ...F0 } }` + numbered(25, ` fragment F% on Viewer { ...F%N ...F%N }`) + ` fragment F25 on Viewer { role }`, "fields", "fields",
	},
	"the same to an end that isn't there": {
		`{ __schema { ...F0 } }` + numbered(25, ` fragment F% on __Schema { ...F%N ...F%N }`), "fields", "fields",
	},
	"2,000 unknown directives": {`{ viewer { role` + strings.Repeat(` @x`, 2000) + ` } }`, "tokens", "directives"},
	"as many as the tokens allow, of directives": {
		`{ viewer { role` + strings.Repeat(` @x`, 990) + ` } }`, "directives", "directives",
	},
	"inline fragments in each other": {
		`{ viewer {` + strings.Repeat(` ... { role role`, 320) + strings.Repeat(` }`, 320) + ` } }`, "depth", "depth",
	},
	"inline fragments side by side": {`{ viewer {` + strings.Repeat(` ... { role }`, 480) + ` } }`, "aliases", "aliases"},
	"a deep value":                  {`{ users(filter:` + strings.Repeat(` { not:`, 480) + ` {}` + strings.Repeat(` }`, 480) + `) { totalCount } }`, "depth", "depth"},
	"fragments that all spread all": {clique(20), "", ""},
}

// counted is a handler that counts what it validates.
func counted(limits Limits) (http.Handler, *int) {
	validated := new(int)
	return New(Options{Limits: limits, rules: func() *rules.Rules {
		*validated++
		return rules.NewDefaultRules()
	}}), validated
}

func firstError(t *testing.T, h http.Handler, query string) (code, limit, message string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code, Limit string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Errors) == 0 {
		t.Fatalf("%v: %.300s", err, w.Body)
	}
	if w.Body.Len() > 1000 {
		t.Errorf("the refusal has %d bytes", w.Body.Len())
	}
	e := answer.Errors[0]
	return e.Extensions.Code, e.Extensions.Limit, e.Message
}

func TestCostlyDocumentsAreNotValidated(t *testing.T) {
	t.Parallel()
	for name, tt := range costly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				limits Limits
				want   string
			}{{Limits{}, tt.limit}, {Limits{Tokens: 1 << 20}, tt.unlimited}} {
				h, validated := counted(c.limits)
				code, limit, message := firstError(t, h, tt.query)
				if c.want != "" && (code != codeLimitExceeded || limit != c.want) {
					t.Errorf("answered %s %s %s, want the limit of %s", code, limit, message, c.want)
				}
				if c.want == "" && (code != "GRAPHQL_VALIDATION_FAILED" || !strings.Contains(message, "within itself")) {
					t.Errorf("answered %s %s %s", code, limit, message)
				}
				if *validated != 0 {
					t.Errorf("validated %d times", *validated)
				}
			}
		})
	}
	h, validated := counted(Limits{}) // the counter counts
	if code, _, _ := firstError(t, h, `{ unknown }`); code != "GRAPHQL_VALIDATION_FAILED" || *validated != 1 {
		t.Errorf("a document within the limits: %s, validated %d times", code, *validated)
	}
}

// Counting looks at nothing more often than it stands in the document.
func TestCountingIsLinear(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for name, tt := range costly {
		doc, err := parser.ParseQuery(&ast.Source{Input: tt.query})
		if err != nil {
			t.Fatal(err)
		}
		m := newMeasuring(doc)
		_, _ = m.document()
		if most := strings.Count(tt.query, " "); m.steps > most {
			t.Errorf("%s: %d steps for less than %d selections", name, m.steps, most)
		}
		if tt.limit == "" {
			continue // refused before its cost is worked out
		}
		c := newCosting(schema, doc, doc.Operations[0], nil)
		c.set(schema.Query, doc.Operations[0].SelectionSet)
		if c.steps > m.steps {
			t.Errorf("%s: %d steps for the complexity", name, c.steps)
		}
	}
}
