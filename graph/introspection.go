package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// introspection shows the schema to callers, and to nobody else.
type introspection struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = introspection{}

func (introspection) ExtensionName() string { return "Introspection" }

func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

func (introspection) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if _, known := auth.CallerFrom(ctx); known {
		op.DisableIntrospection = false
		return nil
	}
	return eachField(op.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{}, func(f *ast.Field) *gqlerror.Error {
		if f.Name != "__schema" && f.Name != "__type" {
			return nil
		}
		err := gqlerror.ErrorPosf(f.Position, "the schema is shown to callers with a token only")
		err.Extensions = code(codeUnauthenticated)
		return err
	})
}
