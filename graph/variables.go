package graph

import (
	"context"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// variables refuses what the executor would take though GraphQL doesn't: a variable that is null where a value
// must be, an enum value in another case, a number for a text, and more or less than one field of a @oneOf.
type variables struct{ schema *ast.Schema }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = &variables{}

func (*variables) ExtensionName() string { return "Variables" }

func (v *variables) Validate(s graphql.ExecutableSchema) error {
	v.schema = s.Schema()
	return nil
}

func (v *variables) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	for _, definition := range op.Operation.VariableDefinitions {
		path := ast.Path{ast.PathName("variable"), ast.PathName(definition.Variable)}
		if err := v.check(definition.Type, reflect.ValueOf(op.Variables[definition.Variable]), path); err != nil {
			return err
		}
	}
	return eachField(op.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{}, func(f *ast.Field) *gqlerror.Error {
		for _, argument := range f.Arguments {
			if err := checkNull(argument.Value, argument.Name, op.Variables); err != nil {
				return err
			}
		}
		return nil
	})
}

// check looks at a value that the parser's own check has passed already; nulls are settled there.
func (v *variables) check(t *ast.Type, value reflect.Value, path ast.Path) *gqlerror.Error {
	for value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	if !value.IsValid() {
		return nil
	}
	below := func(step ast.PathElement) ast.Path { return append(path[:len(path):len(path)], step) }
	if t.Elem != nil {
		if value.Kind() != reflect.Slice { // one value stands for a list of one
			return v.check(t.Elem, value, path)
		}
		for i := range value.Len() {
			if err := v.check(t.Elem, value.Index(i), below(ast.PathIndex(i))); err != nil {
				return err
			}
		}
		return nil
	}
	definition := v.schema.Types[t.NamedType]
	text, isText := value.Interface().(string)
	switch {
	case definition.Kind == ast.Enum && (!isText || definition.EnumValues.ForName(text) == nil):
		return badVariable(path, "is not a value of "+t.NamedType)
	case t.NamedType == "String" && !isText:
		return badVariable(path, "is not a String")
	case definition.Kind == ast.InputObject && definition.Directives.ForName("oneOf") != nil && !isOne(value):
		return badVariable(path, "must have exactly one field, and that not null: "+fieldNames(definition))
	case definition.Kind == ast.InputObject:
		for _, field := range definition.Fields {
			if err := v.check(field.Type, value.MapIndex(reflect.ValueOf(field.Name)), below(ast.PathName(field.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}

func isOne(object reflect.Value) bool {
	fields := object.MapRange()
	return object.Len() == 1 && fields.Next() && !fields.Value().IsNil()
}

func fieldNames(definition *ast.Definition) string {
	names := make([]string, len(definition.Fields))
	for i, field := range definition.Fields {
		names[i] = field.Name
	}
	return strings.Join(names, " or ")
}

// checkNull refuses a null variable where the field, the argument or the entry has a default but is not
// nullable: only leaving the variable out means the default.
func checkNull(value *ast.Value, name string, given map[string]any) *gqlerror.Error {
	if value.Kind == ast.Variable && value.ExpectedType != nil && value.ExpectedType.NonNull {
		if found, is := given[value.Raw]; is && found == nil {
			return badVariable(ast.Path{ast.PathName("variable"), ast.PathName(value.Raw)}, "cannot be null where "+name+" takes it: leave it out for the default")
		}
	}
	for _, child := range value.Children {
		part := child.Name
		if part == "" {
			part = name
		}
		if err := checkNull(child.Value, part, given); err != nil {
			return err
		}
	}
	return nil
}

func badVariable(path ast.Path, message string) *gqlerror.Error {
	err := gqlerror.ErrorPathf(path, "%s", message)
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

// eachField visits every field of a selection and of what it spreads, each fragment once.
func eachField(set ast.SelectionSet, seen map[*ast.FragmentDefinition]bool, visit func(*ast.Field) *gqlerror.Error) *gqlerror.Error {
	for _, selected := range set {
		var err *gqlerror.Error
		switch s := selected.(type) {
		case *ast.Field:
			if err = visit(s); err == nil {
				err = eachField(s.SelectionSet, seen, visit)
			}
		case *ast.InlineFragment:
			err = eachField(s.SelectionSet, seen, visit)
		case *ast.FragmentSpread:
			if !seen[s.Definition] {
				seen[s.Definition] = true
				err = eachField(s.Definition.SelectionSet, seen, visit)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
