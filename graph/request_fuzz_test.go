package graph

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// Whatever is sent gets an answer in JSON, and never one about a fault of ours.
func FuzzBody(f *testing.F) {
	for _, file := range []string{"introspection", "relay"} {
		text, err := os.ReadFile("testdata/" + file + ".graphql")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(encode(map[string]any{"query": string(text)})))
	}
	for _, costs := range costly {
		f.Add(string(encode(map[string]any{"query": costs.query})))
	}
	for _, body := range []string{
		`{"query": "query A($n: Int = 3, $ids: [ID!]!) { users(first: $n) { nodes { id } } nodes(ids: $ids) { id } }", "variables": {"n": 1e3, "ids": ["x", null]}, "operationName": "A"}`,
		`{"query": "mutation { userCreate(input: {email: \"x\", groupIds: [[]]}) { user { ... on User { id @skip(if: $x) } } } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}`,
		`{"documentId": "x"}`, `{"query": null}`, `[]`, ``, `{"query": "subscription { x }"}`, `{"query": "{ a: __typename ...F } fragment F on Node { id } fragment F on User { id }"}`,
	} {
		f.Add(body)
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct {
			Data   any
			Errors []struct{ Extensions struct{ Code string } }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Data == nil && len(answer.Errors) == 0 {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if !slices.Contains([]int{http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge}, w.Code) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		for _, e := range answer.Errors {
			if e.Extensions.Code == codeInternal || e.Extensions.Code == "" {
				t.Errorf("%s", w.Body)
			}
		}
	})
}
