package graph

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql/errcode"
)

// countless is where counting stops adding up: fragments that double each other reach any number.
const countless = 1 << 30

func add(a, b int) int { return min(a+b, countless) }

func times(a, b int) int {
	if a == 0 || b <= countless/a {
		return a * b
	}
	return countless
}

// extent is how much a part of a document asks for.
type extent struct{ depth, fields, aliases, directives int }

// beside is the extent of two parts that stand side by side.
func (e extent) beside(other extent) extent {
	return extent{
		depth: max(e.depth, other.depth), fields: add(e.fields, other.fields),
		aliases: add(e.aliases, other.aliases), directives: add(e.directives, other.directives),
	}
}

// measuring takes the extents of a document that nobody has validated. Each fragment is measured once, however
// often it is spread.
type measuring struct {
	doc       *ast.QueryDocument
	fragments map[string]*ast.FragmentDefinition // the first of each name, as the validator finds it
	known     map[*ast.FragmentDefinition]extent
	begun     map[*ast.FragmentDefinition]bool
	steps     int // selections looked at
}

func newMeasuring(doc *ast.QueryDocument) *measuring {
	m := &measuring{
		doc: doc, fragments: map[string]*ast.FragmentDefinition{},
		known: map[*ast.FragmentDefinition]extent{}, begun: map[*ast.FragmentDefinition]bool{},
	}
	for _, fragment := range doc.Fragments {
		if m.fragments[fragment.Name] == nil {
			m.fragments[fragment.Name] = fragment
		}
	}
	return m
}

// document is the most of everything that any of the definitions has. A fragment that spreads itself is
// refused: many a rule of the validator walks through such a document in every possible way.
func (m *measuring) document() (extent, *gqlerror.Error) {
	var largest extent
	note := func(e extent) {
		largest = extent{
			depth: max(largest.depth, e.depth), fields: max(largest.fields, e.fields),
			aliases: max(largest.aliases, e.aliases), directives: max(largest.directives, e.directives),
		}
	}
	for _, operation := range m.doc.Operations {
		whole, err := m.set(operation.SelectionSet)
		if err != nil {
			return extent{}, err
		}
		whole = whole.beside(directives(operation.Directives))
		for _, variable := range operation.VariableDefinitions {
			whole = whole.beside(directives(variable.Directives)).beside(extent{depth: valueDepth(variable.DefaultValue)})
		}
		note(whole)
	}
	for _, fragment := range m.doc.Fragments {
		whole, err := m.fragment(fragment)
		if err != nil {
			return extent{}, err
		}
		note(whole)
	}
	return largest, nil
}

func (m *measuring) fragment(f *ast.FragmentDefinition) (extent, *gqlerror.Error) {
	if whole, ok := m.known[f]; ok {
		return whole, nil
	}
	if m.begun[f] {
		err := gqlerror.ErrorPosf(f.Position, "Cannot spread fragment %q within itself.", f.Name)
		errcode.Set(err, errcode.ValidationFailed)
		return extent{}, err
	}
	m.begun[f] = true
	whole, err := m.set(f.SelectionSet)
	if err != nil {
		return extent{}, err
	}
	whole = whole.beside(directives(f.Directives))
	m.known[f] = whole
	return whole, nil
}

// set is the extent of a selection set; its depth is 1 for one of nothing but plain fields.
func (m *measuring) set(set ast.SelectionSet) (extent, *gqlerror.Error) {
	return m.part(set, make(map[string]bool, len(set)))
}

// part is that of a set that adds to another one, whose fields have been seen: an inline fragment's.
func (m *measuring) part(set ast.SelectionSet, seen map[string]bool) (extent, *gqlerror.Error) {
	whole := extent{depth: 1}
	for _, selected := range set {
		m.steps++
		one, err := m.selection(selected, seen)
		if err != nil {
			return extent{}, err
		}
		one.fields = add(one.fields, 1)
		whole = whole.beside(one)
	}
	return whole, nil
}

func (m *measuring) selection(selected ast.Selection, seen map[string]bool) (own extent, err *gqlerror.Error) {
	var inner extent
	switch s := selected.(type) {
	case *ast.Field:
		own = directives(s.Directives)
		for _, argument := range s.Arguments {
			own.depth = max(own.depth, valueDepth(argument.Value))
		}
		if s.Alias != s.Name || seen[s.Alias] {
			own.aliases = 1
		}
		seen[s.Alias] = true
		if len(s.SelectionSet) > 0 {
			inner, err = m.set(s.SelectionSet)
			inner.depth++
		}
	case *ast.InlineFragment:
		own = directives(s.Directives)
		inner, err = m.part(s.SelectionSet, seen)
		inner.depth++
	case *ast.FragmentSpread:
		own = directives(s.Directives)
		if fragment := m.fragments[s.Name]; fragment != nil {
			inner, err = m.fragment(fragment)
		}
	}
	return inner.beside(own), err
}

func directives(list ast.DirectiveList) extent {
	e := extent{directives: len(list)}
	for _, directive := range list {
		for _, argument := range directive.Arguments {
			e.depth = max(e.depth, valueDepth(argument.Value))
		}
	}
	return e
}

// valueDepth is how many lists and objects lie in each other in a value.
func valueDepth(value *ast.Value) int {
	if value == nil || value.Kind != ast.ListValue && value.Kind != ast.ObjectValue {
		return 0
	}
	deepest := 0
	for _, child := range value.Children {
		deepest = max(deepest, valueDepth(child.Value))
	}
	return deepest + 1
}
