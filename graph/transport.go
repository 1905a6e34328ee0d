package graph

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// transport is GraphQL over HTTP: operations as JSON in the body of a POST, queries in the URL of a GET too.
// What it refuses it refuses as early as it can: what is not GraphQL over HTTP, then what is over a limit,
// then who may not come in, and only then is a document validated.
type transport struct {
	schema    *ast.Schema
	limits    Limits
	documents *documents
	log       *slog.Logger
	observer  *Observer
}

var _ graphql.Transport = &transport{}

func (*transport) Supports(r *http.Request) bool { return r.Header.Get("Upgrade") == "" }

func (t *transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	seen := &observing{observer: t.observer, begin: time.Now(), ctx: r.Context(), code: codeInternal} // which a panic leaves
	defer seen.end()
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Cache-Control", "no-store") // it is about people, and for the caller alone
	media, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		answering{w, mediaJSON, t.limits.Errors, seen}.refuse(refuse(http.StatusNotAcceptable, "answers are "+mediaJSON+" or "+mediaResponse))
		return
	}
	w.Header().Set("Content-Type", media+"; charset=utf-8") // also where a panic is answered
	answer := answering{w, media, t.limits.Errors, seen}
	asked, err := t.limits.read(w, r)
	if err != nil {
		answer.refuse(err)
		return
	}
	hash, err := t.prepare(asked, r.Method)
	if err != nil {
		answer.refuse(err)
		return
	}
	ctx, err := auth.Settle(r.Context())
	if err != nil {
		if errors.Is(err, auth.ErrUnauthenticated) {
			seen.code = codeUnauthenticated
		}
		auth.Refuse(w, r, t.log, err)
		return
	}
	op, wrong := exec.CreateOperationContext(ctx, &graphql.RawParams{
		Query: asked.query, OperationName: asked.operationName, Variables: asked.variables, Extensions: asked.extensions, Headers: r.Header,
	})
	if op.Doc != nil { // it is valid
		t.documents.keep(hash, asked.query)
	}
	if wrong != nil {
		if asked.operationName == "" && op.Doc != nil && len(op.Doc.Operations) > 1 {
			wrong[0].Message = "there are several operations: name one of them in operationName"
		}
		left := answer.shorten(&wrong)
		response := exec.DispatchError(graphql.WithOperationContext(ctx, op), wrong)
		answer.refuse(&refusal{errors: response.Errors, left: left})
		return
	}
	ctx = seen.runs(ctx, op.Operation)
	responses, ctx := exec.DispatchOperation(ctx, op)
	answer.write(http.StatusOK, responses(ctx))
}

// prepare finds the document of a request and holds it against the limits. hash is what its text is to be kept
// under once it has proved good, if anything.
func (t *transport) prepare(asked *request, method string) (hash string, err error) {
	if hash, err = t.documents.find(asked); err != nil {
		return "", err
	}
	doc, wrong := t.documents.read(asked.query)
	if wrong != nil {
		return "", &refusal{errors: gqlerror.List{wrong}}
	}
	op := doc.Operations.ForName(asked.operationName)
	if op == nil {
		return "", nil // the executor says what is wrong
	}
	if method == http.MethodGet && op.Operation != ast.Query {
		no := refuse(http.StatusMethodNotAllowed, "only queries may be sent by GET")
		no.allow = http.MethodPost
		return "", no
	}
	if wrong := t.limits.checkComplexity(t.schema, doc, op, asked.variables); wrong != nil {
		return "", &refusal{errors: gqlerror.List{wrong}}
	}
	return hash, nil
}
