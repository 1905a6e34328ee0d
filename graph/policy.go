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
	walk := policyWalk{caller(ctx), p.refused}
	return eachField(op.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{}, walk.field)
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
	err := gqlerror.ErrorPosf(f.Position, "the role %s may not use %s", w.who.Role, action)
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
