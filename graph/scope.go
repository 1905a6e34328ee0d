package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// scopeWalk holds an operation of a partner client against its scopes: every field, and what lists are filtered and
// sorted by, defaults included, since an order tells as much as the values do.
type scopeWalk struct {
	who       auth.Caller
	schema    *ast.Schema
	variables map[string]any
	refused   func(auth.Caller, auth.Action) // told of what is refused; nil tells nobody
}

func (w scopeWalk) field(f *ast.Field) *gqlerror.Error {
	object := f.ObjectDefinition.Name
	if strings.HasPrefix(object, "__") || strings.HasPrefix(f.Name, "__") { // what the schema says is for everybody
		return nil
	}
	if err := w.check(f, auth.Action(object+"."+f.Name)); err != nil {
		return err
	}
	given := f.ArgumentMap(w.variables)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		argument := f.Definition.Arguments.ForName(name)
		if argument == nil {
			continue
		}
		if err := w.value(f, argument.Type.Name(), given[name]); err != nil {
			return err
		}
	}
	return nil
}

// value checks what an argument holds, all the way down.
func (w scopeWalk) value(f *ast.Field, kind string, value any) *gqlerror.Error {
	t := w.schema.Types[kind]
	if t == nil {
		return nil
	}
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			if err := w.value(f, kind, one); err != nil {
				return err
			}
		}
	case map[string]any:
		if t.Kind != ast.InputObject {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			field := t.Fields.ForName(name)
			if field == nil || v[name] == nil { // null asks nothing
				continue
			}
			if err := w.check(f, auth.Action(kind+"."+name)); err != nil {
				return err
			}
			if err := w.value(f, field.Type.Name(), v[name]); err != nil {
				return err
			}
		}
	case string:
		if t.Kind == ast.Enum && strings.HasSuffix(kind, "Sort") {
			return w.check(f, auth.Action(kind+"."+v))
		}
	}
	return nil
}

func (w scopeWalk) check(f *ast.Field, action auth.Action) *gqlerror.Error {
	if w.who.Can(action) {
		return nil
	}
	if root, _, _ := strings.Cut(string(action), "."); root == "Mutation" && w.refused != nil {
		w.refused(w.who, action)
	}
	opening := auth.ScopesFor(action)
	if opening == 0 {
		return denial(f.Position, action, "%s is closed to partner clients", action)
	}
	err := denial(f.Position, action, "%s needs a scope that this token has not: %s", action, strings.ReplaceAll(opening.String(), " ", " or "))
	err.Extensions["scopes"] = strings.Fields(fmt.Sprint(opening))
	return err
}
