package graph

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
	"cohort/directory"
)

// admitted is an operation that may run: within the limits, valid, and of a caller whom the policy table
// denies none of it.
type admitted struct {
	ctx context.Context // with the caller
	op  *graphql.OperationContext
}

func (a *admitted) subscribes() bool { return a.op.Operation.Operation == ast.Subscription }

// admit checks a request whichever way it came, the cheaper before the dearer. look may refuse the kind of
// operation; it is not asked about one that there isn't. Fails with a refusal or as auth.Settle does.
func (t *transport) admit(ctx context.Context, exec graphql.GraphExecutor, asked *request, r *http.Request, look func(ast.Operation) error) (*admitted, error) {
	hash, kind, complexity, err := t.prepare(asked, look)
	if err != nil {
		return nil, err
	}
	if ctx, err = t.rates.spend(ctx, kind, complexity); err != nil {
		return nil, err
	}
	if ctx, err = auth.Settle(ctx); err != nil {
		return nil, err
	}
	op, wrong := exec.CreateOperationContext(ctx, &graphql.RawParams{
		Query: asked.query, OperationName: asked.operationName, Variables: asked.variables, Extensions: asked.extensions, Headers: r.Header,
	})
	if op.Doc != nil { // it is valid
		t.documents.keep(hash, asked.query)
	}
	if wrong == nil {
		wrong = oneEvent(op)
	}
	if wrong != nil {
		if asked.operationName == "" && op.Doc != nil && len(op.Doc.Operations) > 1 {
			wrong[0].Message = "there are several operations: name one of them in operationName"
		}
		left := shorten(&wrong, t.limits.Errors)
		response := exec.DispatchError(graphql.WithOperationContext(ctx, op), wrong)
		return nil, &refusal{errors: response.Errors, left: left}
	}
	return &admitted{ctx, op}, nil
}

// prepare finds the document of a request and holds it against the limits. hash is what its text is to be kept
// under once it has proved good, if anything; kind and complexity are those of the operation.
func (t *transport) prepare(asked *request, look func(ast.Operation) error) (hash string, kind ast.Operation, complexity int, err error) {
	if hash, err = t.documents.find(asked); err != nil {
		return "", "", 0, err
	}
	doc, wrong := t.documents.read(asked.query)
	if wrong != nil {
		return "", "", 0, &refusal{errors: gqlerror.List{wrong}}
	}
	op := doc.Operations.ForName(asked.operationName)
	if op == nil {
		return "", "", 0, nil // the executor says what is wrong
	}
	if err := look(op.Operation); err != nil {
		return "", "", 0, err
	}
	if complexity, wrong = t.limits.checkComplexity(t.schema, doc, op, asked.variables); wrong != nil {
		return "", "", 0, &refusal{errors: gqlerror.List{wrong}}
	}
	return hash, op.Operation, complexity, nil
}

// oneEvent refuses a subscription to several fields, or to none: what the executor can't run.
func oneEvent(op *graphql.OperationContext) gqlerror.List {
	if op.Operation.Operation != ast.Subscription {
		return nil
	}
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) == 1 && !strings.HasPrefix(fields[0].Name, "__") {
		return nil
	}
	err := gqlerror.ErrorPosf(op.Operation.Position, "a subscription is to exactly one field")
	errcode.Set(err, errcode.ValidationFailed)
	return gqlerror.List{err}
}

func refusalOf(err error) (*refusal, bool) {
	var why *refusal
	return why, errors.As(err, &why)
}

// answers are those of an operation that has begun: one, or one for each event of a subscription.
type answers struct {
	*transport
	a         *admitted
	ctx       context.Context //nolint:containedctx // of the operation, which ends it
	responses graphql.ResponseHandler
}

// begin begins the operation: from here on a subscription misses nothing.
func (t *transport) begin(ctx context.Context, exec graphql.GraphExecutor, a *admitted) (started *answers) {
	started = &answers{transport: t, a: a, ctx: ctx}
	defer func() {
		if cause := recover(); cause != nil { // outside of any field, where the executor has no eye on it
			started.responses = graphql.OneShot(t.fault(ctx, cause))
		}
	}()
	started.responses, started.ctx = exec.DispatchOperation(ctx, a.op)
	return started
}

// each gives every answer to send, until there are no more or the operation's context ends. Each event is for
// whoever the caller then is. send has used a response when it returns.
func (s *answers) each(who func() auth.Caller, send func(*graphql.Response)) {
	defer func() {
		if cause := recover(); cause != nil {
			send(s.fault(s.ctx, cause))
		}
	}()
	for {
		response := s.responses(auth.WithCaller(s.ctx, who()))
		if response == nil {
			return
		}
		send(response)
		if !s.a.subscribes() {
			return
		}
	}
}

func (t *transport) fault(ctx context.Context, cause any) *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{present(t.log)(ctx, caught(t.log)(ctx, cause))}}
}

// eachEvent gives each event of a subscription loaders of its own, which have not seen how things were before,
// and the path of the field that it answers.
func eachEvent(d *directory.Directory) graphql.ResponseMiddleware {
	return func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		if !graphql.HasOperationContext(ctx) {
			return next(ctx)
		}
		op := graphql.GetOperationContext(ctx)
		if op.Operation == nil || op.Operation.Operation != ast.Subscription {
			return next(ctx)
		}
		if fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"}); len(fields) == 1 {
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription", Field: fields[0]})
		}
		return next(withLoaders(ctx, d))
	}
}
