package graph

import (
	"context"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/graph/generated"
)

// Operation is what may be told of an operation to those who count: what the schema knows of it, and nothing that
// a client can make up or that is about anybody.
type Operation struct{ definition *ast.OperationDefinition }

// Several stands for the root fields of an operation that has more than one.
const Several = "several"

// Kind is query, mutation or subscription, and none for what was refused before it was known to be valid.
func (o Operation) Kind() string {
	if o.definition == nil {
		return "none"
	}
	return string(o.definition.Operation)
}

// Field is the root field by its name in the schema, Several, or none.
func (o Operation) Field() string {
	field := "none"
	if o.definition != nil {
		rootFields(o.definition.SelectionSet, func(name string) {
			if field == "none" {
				field = name
			} else if field != name {
				field = Several
			}
		})
	}
	return field
}

// Fields are the root fields, each once.
func (o Operation) Fields() (names []string) {
	if o.definition != nil {
		rootFields(o.definition.SelectionSet, func(name string) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		})
	}
	return names
}

// Known tells whether the operation was valid, and Begin was called for it.
func (o Operation) Known() bool { return o.definition != nil }

func rootFields(set ast.SelectionSet, visit func(name string)) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			visit(s.Name)
		case *ast.InlineFragment:
			rootFields(s.SelectionSet, visit)
		case *ast.FragmentSpread:
			rootFields(s.Definition.SelectionSet, visit)
		}
	}
}

// CodeOK is the outcome of an operation whose answer has no errors. Any other outcome is the code of the first.
const CodeOK = "OK"

// outcomes are all there are.
var outcomes = map[string]bool{
	CodeOK: true, codeUnauthenticated: true, codeForbidden: true, codeBadUserInput: true, codeLimitExceeded: true, codeRateLimited: true, codeNotPersisted: true,
	codeNotTrusted: true, codeTimeout: true, codeInternal: true, errcode.ParseFailed: true, errcode.ValidationFailed: true,
}

func outcomeOf(response *graphql.Response) string {
	if len(response.Errors) == 0 {
		return CodeOK
	}
	if found, _ := response.Errors[0].Extensions["code"].(string); outcomes[found] {
		return found
	}
	return codeInternal
}

// RootFields are the root fields of the schema by the kind of operation, with those that every schema has.
func RootFields() map[string][]string {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	all := map[string][]string{}
	for kind, object := range map[ast.Operation]*ast.Definition{
		ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription,
	} {
		if object == nil {
			continue
		}
		all[string(kind)] = append(all[string(kind)], "__typename")
		for _, f := range object.Fields { // __schema and __type are among those of Query
			if f.Name != "__typename" {
				all[string(kind)] = append(all[string(kind)], f.Name)
			}
		}
	}
	return all
}

// Observer is told of requests.
type Observer struct {
	// Begin is called for an operation that is valid, before it runs, and returns the context in which it runs.
	Begin func(ctx context.Context, o Operation) context.Context

	// End is called once for each request, with its outcome: CodeOK or the code of its first error.
	End func(ctx context.Context, o Operation, begin time.Time, code string)
}

// observing follows one request.
type observing struct {
	observer  *Observer // may be nil
	begin     time.Time
	ctx       context.Context
	operation Operation
	code      string
}

// runs is called with an operation that is valid.
func (o *observing) runs(ctx context.Context, definition *ast.OperationDefinition) context.Context {
	if o.observer != nil {
		o.operation = Operation{definition}
		ctx = o.observer.Begin(ctx, o.operation)
		o.ctx = ctx
	}
	return ctx
}

func (o *observing) end() {
	if o.observer != nil {
		o.observer.End(o.ctx, o.operation, o.begin, o.code)
	}
}
