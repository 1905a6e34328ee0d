package graph_test

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/graph"
)

// undescribed lists what of a schema says nothing about itself.
func undescribed(schema *ast.Schema) (names []string) {
	say := func(description string, name ...string) {
		if strings.TrimSpace(description) == "" {
			names = append(names, strings.Join(name, "."))
		}
	}
	for _, t := range schema.Types {
		if t.BuiltIn {
			continue
		}
		say(t.Description, t.Name)
		for _, f := range t.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			say(f.Description, t.Name, f.Name)
			for _, a := range f.Arguments {
				say(a.Description, t.Name, f.Name, a.Name)
			}
		}
		for _, v := range t.EnumValues {
			say(v.Description, t.Name, v.Name)
		}
	}
	return names
}

func TestSchemaDescribesItself(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: graph.Schema()})
	if names := undescribed(schema); len(names) > 0 {
		t.Errorf("without a description: %v", names)
	}
	silent := gqlparser.MustLoadSchema(&ast.Source{Input: `"Root" type Query { "F" f("A" a: Int, b: Int): E g: Int } enum E { "V" V W }`})
	want := map[string]bool{"Query.f.b": true, "Query.g": true, "E": true, "E.W": true}
	got := undescribed(silent)
	for _, name := range got {
		if !want[name] {
			t.Errorf("%s has a description", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
