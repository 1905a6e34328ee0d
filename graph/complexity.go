package graph

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/models"
)

// usualEntries is how many entries a list is taken to have that doesn't say: those of a page by default.
const usualEntries = models.DefaultPage

// fewer are lists that are taken to have other entries than that, so that what a screen shows of a page of users is not too much.
var fewer = map[string]int{"User.permissions": 10, "Viewer.permissions": 10, "UserPermission.sources": 1}

// complexity is what an operation amounts to, worked out on the document as it came. An object costs 1 and a
// plain value nothing, nor does an object without a row behind it. What lies in a list is multiplied by its entries: those
// that `first` or `last` of a connection ask for; as many as there are ids in the lists that a field takes; else 20, or what
// fewer says; ten entries of the change feed cost 1. The schema's own description costs nothing, it is bounded by the number of fields.
func (l Limits) checkComplexity(schema *ast.Schema, doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) (int, *gqlerror.Error) {
	c := newCosting(schema, doc, op, variables)
	root := map[ast.Operation]*ast.Definition{ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription}
	found := c.set(root[op.Operation], op.SelectionSet)
	if found.once > l.Complexity {
		return found.once, over("complexity", "its complexity is %d", l.Complexity, found.once)
	}
	return found.once, nil
}

// cost is that of a part of a document: once, and for each entry of the connection in which it stands. So a
// fragment costs the same wherever it is spread, and is worked out once.
type cost struct{ once, each int }

func (c cost) plus(other cost) cost {
	return cost{once: add(c.once, other.once), each: add(c.each, other.each)}
}

type costing struct {
	schema    *ast.Schema
	doc       *ast.QueryDocument
	op        *ast.OperationDefinition
	variables map[string]any
	known     map[string]cost // of fragments
	steps     int             // selections looked at
}

func newCosting(schema *ast.Schema, doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) *costing {
	return &costing{schema: schema, doc: doc, op: op, variables: variables, known: map[string]cost{}}
}

func (c *costing) set(parent *ast.Definition, set ast.SelectionSet) cost {
	var whole cost
	for _, selected := range set {
		c.steps++
		switch s := selected.(type) {
		case *ast.Field:
			if len(s.SelectionSet) > 0 && !strings.HasPrefix(s.Name, "__") {
				whole = whole.plus(c.field(parent, s))
			}
		case *ast.InlineFragment:
			inner := parent
			if s.TypeCondition != "" {
				inner = c.schema.Types[s.TypeCondition]
			}
			whole = whole.plus(c.set(inner, s.SelectionSet))
		case *ast.FragmentSpread:
			whole = whole.plus(c.fragment(s.Name))
		}
	}
	return whole
}

func (c *costing) fragment(name string) cost {
	if known, ok := c.known[name]; ok {
		return known
	}
	var worked cost // nothing for one that isn't there
	if fragment := c.doc.Fragments.ForName(name); fragment != nil {
		worked = c.set(c.schema.Types[fragment.TypeCondition], fragment.SelectionSet)
	}
	c.known[name] = worked
	return worked
}

// field is the cost of a field that has fields. One that the schema doesn't know is taken for an object: the
// validator has yet to refuse it.
func (c *costing) field(parent *ast.Definition, f *ast.Field) cost {
	var definition *ast.FieldDefinition
	var result *ast.Definition
	if parent != nil {
		definition = parent.Fields.ForName(f.Name)
	}
	if definition != nil {
		result = c.schema.Types[definition.Type.Name()]
	}
	inner := c.set(result, f.SelectionSet)
	switch {
	case result != nil && free[result.Name]:
		return cost{}
	case result != nil && result.Name == "ChangePage":
		// Nothing lies behind its entries, which are written in one go: ten of them cost as much as an object.
		return cost{once: add(1, c.sized(f, models.DefaultChanges, models.MaxChanges)/10)}
	case isConnection(result):
		return cost{once: add(1+inner.once, times(c.page(f), inner.each))}
	case definition == nil || definition.Type.Elem == nil:
		return cost{once: add(1, inner.once)}
	case isConnection(parent):
		return cost{each: add(1, inner.once)}
	default:
		entries, few := fewer[parent.Name+"."+f.Name]
		if !few {
			entries = c.entries(f)
		}
		return cost{once: add(1, times(entries, inner.once))}
	}
}

// free are the objects behind which there are no rows: what they have is part of the program, or of the object around them.
var free = map[string]bool{"SettingDefinition": true, "SettingChoice": true, "SettingValue": true, "SettingChange": true, "PermissionDefinition": true}

func isConnection(definition *ast.Definition) bool {
	return definition != nil && strings.HasSuffix(definition.Name, "Connection")
}

// page is how many entries a connection is asked for.
func (c *costing) page(f *ast.Field) int { return c.sized(f, usualEntries, models.MaxPage) }

func (c *costing) sized(f *ast.Field, usual, most int) int {
	asked := 0
	for _, name := range []string{"first", "last"} {
		if argument := f.Arguments.ForName(name); argument != nil {
			asked = max(asked, c.number(argument.Value))
		}
	}
	if asked < 1 {
		return usual
	}
	return min(asked, most) // who asks for more gets an error and no page
}

// number reads a value as far as it is one; what is no number is refused later.
func (c *costing) number(value *ast.Value) int {
	text := value.Raw
	if value.Kind == ast.Variable {
		given, ok := c.variables[value.Raw]
		if !ok {
			if definition := c.op.VariableDefinitions.ForName(value.Raw); definition != nil && definition.DefaultValue != nil {
				return c.number(definition.DefaultValue)
			}
			return 0
		}
		number, isNumber := given.(json.Number)
		if !isNumber {
			return 0
		}
		text = number.String()
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// entries is how many entries a list has that is no connection.
func (c *costing) entries(f *ast.Field) int {
	product := 0
	for _, argument := range f.Arguments {
		if n, ok := c.length(argument.Value); ok {
			product = times(max(product, 1), n)
		}
	}
	if product == 0 {
		return usualEntries
	}
	return product
}

func (c *costing) length(value *ast.Value) (int, bool) {
	switch value.Kind {
	case ast.ListValue:
		return len(value.Children), true
	case ast.Variable:
		list, ok := c.variables[value.Raw].([]any)
		return len(list), ok
	}
	return 0, false
}
