package graph_test

import (
	"fmt"
	"testing"
)

// A database that tries out every order of what a filter reads doesn't end in time, and the answer is an error.
func TestTheLargestFiltersAreAnswered(t *testing.T) {
	a := newAPI(t)
	group := a.group("Group", nil, a.admin.UserID)
	for i := range 4 {
		a.group(fmt.Sprint("Other ", i), nil)
	}
	part := map[string]any{"group": map[string]any{"id": group.String()}, "search": "s su sup supe super e ex exa exam examp"}
	var parts []any
	for range 49 {
		parts = append(parts, part)
	}
	for name, filter := range map[string]map[string]any{
		"every part": {"and": parts},
		"any part":   {"or": parts},
		"no part":    {"not": map[string]any{"or": parts[:48]}},
	} {
		for list, query := range map[string]string{
			"a list":       `query($f:UserFilter){users(filter:$f){nodes{id}}}`,
			"nested lists": `query($f:UserFilter){groups{nodes{members(filter:$f){nodes{id}}}}}`,
		} {
			if r := a.ask(a.admin, query, map[string]any{"f": filter}); len(r.Errors) > 0 {
				t.Errorf("%s, %s: %s", name, list, r.Text)
			}
		}
	}
}
