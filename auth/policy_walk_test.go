package auth

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// actionsOf lists the fields of a schema that need a row in the table: every root field, and every field
// that leads to an entity, an object that implements Node. What passes only entities on to whoever has got as
// far needs none: the fields of payloads and results, `edges` and `nodes` of connections, `node` of edges.
func actionsOf(schema *ast.Schema) []Action {
	var found []Action
	for _, t := range objectsOf(schema) {
		root := t == schema.Query || t == schema.Mutation || t == schema.Subscription
		for _, field := range t.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			if root || !passesOn(t.Name, field.Name) && leads(schema, field.Type.Name(), nil) {
				found = append(found, Action(t.Name+"."+field.Name))
			}
		}
	}
	slices.Sort(found)
	return found
}

func objectsOf(schema *ast.Schema) []*ast.Definition {
	var objects []*ast.Definition
	for _, t := range schema.Types {
		if t.Kind == ast.Object && !t.BuiltIn {
			objects = append(objects, t)
		}
	}
	return objects
}

func passesOn(object, field string) bool {
	switch {
	case strings.HasSuffix(object, "Payload"), strings.HasSuffix(object, "Result"), strings.HasSuffix(object, "Results"):
		return true
	case strings.HasSuffix(object, "Connection"):
		return field == "edges" || field == "nodes"
	case strings.HasSuffix(object, "Edge"):
		return field == "node"
	}
	return false
}

// leads tells whether a value of the type is an entity or has one somewhere below it.
func leads(schema *ast.Schema, name string, above []string) bool {
	t := schema.Types[name]
	if t == nil || slices.Contains(above, name) {
		return false
	}
	above = append(slices.Clone(above), name)
	switch t.Kind {
	case ast.Interface, ast.Union:
		return name == "Node" || slices.ContainsFunc(schema.PossibleTypes[name], func(possible *ast.Definition) bool {
			return leads(schema, possible.Name, above)
		})
	case ast.Object:
		return slices.Contains(t.Interfaces, "Node") || slices.ContainsFunc(t.Fields, func(field *ast.FieldDefinition) bool {
			return !strings.HasPrefix(field.Name, "__") && leads(schema, field.Type.Name(), above)
		})
	}
	return false
}

// without lists the actions of a schema that have no row.
func without(schema *ast.Schema, table map[Action]Rule) []Action {
	return slices.DeleteFunc(actionsOf(schema), func(a Action) bool {
		_, ok := table[a]
		return ok
	})
}

// strays lists the rows about a field that the schema hasn't got. Those of the operator are about none.
func strays(schema *ast.Schema, table map[Action]Rule) []Action {
	var found []Action
	for action := range table {
		object, name, _ := strings.Cut(string(action), ".")
		t := schema.Types[object]
		if object != "Operator" && (t == nil || t.Kind != ast.Object || t.Fields.ForName(name) == nil) {
			found = append(found, action)
		}
	}
	slices.Sort(found)
	return found
}

// leavesFor lists the fields of an object that lead nowhere and that the table doesn't keep from a role.
func leavesFor(schema *ast.Schema, table map[Action]Rule, object string, answer func(Rule) Answer) []string {
	var found []string
	for _, field := range schema.Types[object].Fields {
		rule, ok := table[Action(object+"."+field.Name)]
		if schema.Types[field.Type.Name()].IsLeafType() && (!ok || answer(rule) != Deny) {
			found = append(found, field.Name)
		}
	}
	return found
}
