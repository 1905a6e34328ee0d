package graph

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"cohort/directory"
	"cohort/graph/generated"
)

const (
	// maxTokens bounds the words and signs of a document; the introspection query of the playground has 184.
	maxTokens = 2000
	// cachedDocuments bounds the documents kept parsed and validated.
	cachedDocuments = 1000
)

// Options are what the handler works with.
type Options struct {
	Directory *directory.Directory
	Log       *slog.Logger // nil discards
}

// New is the handler of `/graphql`. In front of it stands the middleware that puts the caller into the
// request's context.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	server := handler.New(generated.NewExecutableSchema(generated.Config{Resolvers: &resolver{o.Directory}}))
	server.AddTransport(post{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](cachedDocuments))
	server.SetParserTokenLimit(maxTokens)
	server.SetErrorPresenter(present(o.Log))
	server.SetRecoverFunc(caught(o.Log))
	server.Use(extension.Introspection{})
	server.Use(policy{})
	server.Use(&variables{})
	server.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		return next(withLoaders(ctx, o.Directory))
	})
	return server
}

// Schema is the contract as text, for clients that read it from a file.
func Schema() string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(generated.NewExecutableSchema(generated.Config{}).Schema())
	return b.String()
}
