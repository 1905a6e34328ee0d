package graph

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"cohort/directory"
	"cohort/graph/generated"
)

// Options are what the handler works with.
type Options struct {
	Directory *directory.Directory
	Log       *slog.Logger // nil discards
	Limits    Limits
	Trusted   *Trusted  // nil runs any document
	Streams   *Streams  // what stays open, to be ended; nil for some that nobody ends
	Origins   []string  // of web pages that may open WebSockets, beside those of this server; `*` for all
	Observer  *Observer // nil looks at nothing

	rules func() *rules.Rules // of the validator; nil for GraphQL's

	now          func() time.Time // of the rates; nil is time.Now
	fieldByField bool             // for tests: no list is written at once
}

// New is the handler of `/graphql`. In front of it stands the middleware that knows whose token came, or, for
// tests, puts the caller into the request's context.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults()
	documents := newDocuments(limits, o.Trusted)
	counted := newRates(limits, o.now)
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &resolver{o.Directory, counted}})
	server := handler.New(schema)
	if o.Streams == nil {
		o.Streams = NewStreams(Pace{})
	}
	over := &transport{schema.Schema(), limits, documents, o.Log, o.Observer, o.Streams, counted}
	server.AddTransport(&sockets{over, o.Origins})
	server.AddTransport(over)
	server.SetQueryCache(documents)
	server.SetParserTokenLimit(limits.Tokens)
	server.SetValidationRulesFn(o.rules)
	server.SetErrorPresenter(present(o.Log))
	server.SetRecoverFunc(caught(o.Log))
	server.Use(introspection{})
	server.Use(policy{o.Directory.Refused})
	server.Use(&variables{})
	if !o.fieldByField {
		server.AroundFields(plainLists)
	}
	server.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		return next(withLoaders(ctx, o.Directory))
	})
	server.AroundResponses(eachEvent(o.Directory))
	if counted != nil {
		server.AroundResponses(tellCost)
	}
	return server
}

// Schema is the contract as text, for clients that read it from a file.
func Schema() string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(generated.NewExecutableSchema(generated.Config{}).Schema())
	return b.String()
}
