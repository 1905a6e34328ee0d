package graph

import (
	"encoding/json"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"cohort/graph/generated"
)

func TestComplexity(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	ids := []any{"a", "b", "c"}
	const anInput, aList = `query ($n: Int) { users(first: $n) { nodes { id } } }`, `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Group { parents(first: 1) { nodes { id } } } } }`
	for name, tt := range map[string]struct {
		query     string
		variables map[string]any
		want      int
	}{
		"an object, and values for nothing":  {`{ viewer { role viewerCanCreateUsers } }`, nil, 1},
		"objects in each other":              {`{ viewer { account { id } user { id } } }`, nil, 3},
		"a page, with and without edges":     {`{ users(first: 7) { nodes { id } edges { node { id } } pageInfo { endCursor } totalCount } }`, nil, 1 + 7 + 7*2 + 1},
		"a page of the usual size":           {`{ users { nodes { id email role } } }`, nil, 1 + 20},
		"a page from the end":                {`{ users(last: 3) { nodes { id } } }`, nil, 1 + 3},
		"a page too large":                   {`{ users(first: 1000000) { nodes { id } } }`, nil, 1 + 100},
		"a page of none":                     {`{ users(first: 0) { nodes { id } } }`, nil, 1 + 20},
		"a page of less":                     {`{ users(first: -5) { nodes { id } } }`, nil, 1 + 20},
		"a page of both":                     {`{ users(first: 3, last: 5) { nodes { id } } }`, nil, 1 + 5},
		"a page that is only counted":        {`{ users(first: 100) { totalCount } }`, nil, 1},
		"pages in a page":                    {`{ groups(first: 5) { nodes { members(first: 4) { nodes { id } } } } }`, nil, 1 + 5*(1+1+4)},
		"pages in edges":                     {`{ groups(first: 5) { edges { node { members(first: 4) { edges { node { id } } } } } } }`, nil, 1 + 5*(1+1+1+4*2)},
		"a size in a variable":               {anInput, map[string]any{"n": json.Number("9")}, 1 + 9},
		"one that is null":                   {anInput, map[string]any{"n": nil}, 1 + 20},
		"one that is left out":               {anInput, nil, 1 + 20},
		"one that is no number":              {anInput, map[string]any{"n": "x"}, 1 + 20},
		"one that is no whole number":        {anInput, map[string]any{"n": json.Number("9.5")}, 1 + 20},
		"one with a default":                 {`query ($n: Int = 9) { users(first: $n) { nodes { id } } }`, nil, 1 + 9},
		"a list that doesn't say its length": {`{ group(by: {id: "x"}) { breadcrumbs { name } } }`, nil, 1 + 1},
		"pages in such a list":               {`{ group(by: {id: "x"}) { breadcrumbs { parents(first: 2) { nodes { id } } } } }`, nil, 1 + 1 + 20*(1+2)},
		"a list by ids":                      {`{ nodes(ids: ["a", "b", "c"]) { id } }`, nil, 1},
		"pages in a list by ids":             {`{ nodes(ids: ["a", "b"]) { ... on Group { parents(first: 1) { nodes { id } } } } }`, nil, 1 + 2*(1+1)},
		"ids in a variable":                  {aList, map[string]any{"ids": ids}, 1 + 3*(1+1)},
		"no ids":                             {aList, map[string]any{"ids": []any{}}, 1 + 20*(1+1)},
		"every id with every other": {
			`query ($ids: [ID!]!) { membershipChecks(userIds: $ids, groupIds: ["a", "b"]) { isMember path { name } } }`,
			map[string]any{"ids": ids},
			1 + 3*2,
		},
		"a fragment of a page, at two sizes": {
			`{ a: users(first: 2) { ...F } b: users(first: 3) { ...F } } fragment F on UserConnection { nodes { id } }`, nil, 1 + 2 + 1 + 3,
		},
		"a fragment twice":            {`{ viewer { ...F ...F } } fragment F on Viewer { user { id } }`, nil, 1 + 2},
		"a fragment that isn't there": {`{ viewer { ...F } }`, nil, 1},
		"a field that isn't there":    {`{ unknown { users { nodes { id } } } }`, nil, 1 + 1 + 1},
		"the schema itself":           {`{ __schema { types { fields { args { name } } } } viewer { role } }`, nil, 1},
		"a mutation":                  {`mutation { userCreate(input: {email: "x"}) { user { id } groups { id } errors { code } } }`, nil, 1 + 3},
		"fragments that double without end": {
			`{ viewer { ...F0 } }` + numbered(60, ` fragment F% on Viewer { ...F%N ...F%N }`) + ` fragment F60 on Viewer { user { id } }`, nil, countless,
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := parser.ParseQuery(&ast.Source{Input: tt.query})
			if err != nil {
				t.Fatal(err)
			}
			_, found := (Limits{Complexity: tt.want}).checkComplexity(schema, doc, doc.Operations[0], tt.variables)
			_, less := (Limits{Complexity: tt.want - 1}).checkComplexity(schema, doc, doc.Operations[0], tt.variables)
			if found != nil || less == nil {
				t.Errorf("not %d: %v, %v", tt.want, found, less)
			}
		})
	}
}
