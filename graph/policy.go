package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
	"cohort/graph/generated"
)

// policy refuses an operation, before anything of it runs, when the policy table denies the caller one of its
// fields. Conditions that need rows are left to the domain.
type policy struct {
	refused func(auth.Caller, auth.Action) // hears of each refusal; nil for nobody
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = policy{}

func (policy) ExtensionName() string { return "Policy" }

func (policy) Validate(graphql.ExecutableSchema) error { return nil }

func (p policy) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	who := caller(ctx)
	visit := policyWalk{who, p.refused}.field
	if who.Kind == auth.Partner {
		visit = scopeWalk{who, generated.NewExecutableSchema(generated.Config{}).Schema(), op.Variables, p.refused}.field
	}
	return eachField(op.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{}, visit)
}

type policyWalk struct {
	who     auth.Caller
	refused func(auth.Caller, auth.Action)
}

func (w policyWalk) field(f *ast.Field) *gqlerror.Error {
	action := auth.Action(f.ObjectDefinition.Name + "." + f.Name)
	if !governed(f, action) || w.who.Can(action) {
		return nil
	}
	if w.refused != nil {
		w.refused(w.who, action)
	}
	return denial(f.Position, action, "the role %s may not use %s", w.who.Role, action)
}

func denial(at *ast.Position, action auth.Action, format string, args ...any) *gqlerror.Error {
	err := gqlerror.ErrorPosf(at, format, args...)
	err.Extensions = map[string]any{"code": codeForbidden, "field": fmt.Sprint(action)}
	return err
}

// governed tells whether the table must have a row for the field: it has one, it is a root field, or it leads
// from an entity to something that is no plain value. The fields that merely carry what another one led to
// are open.
func governed(f *ast.Field, action auth.Action) bool {
	if _, ok := auth.RuleFor(action); ok {
		return true
	}
	switch f.ObjectDefinition.Name {
	case "Query", "Mutation", "Subscription":
		return !strings.HasPrefix(f.Name, "__")
	case "Viewer":
		return len(f.SelectionSet) > 0
	}
	return len(f.SelectionSet) > 0 && slices.Contains(f.ObjectDefinition.Interfaces, "Node")
}
