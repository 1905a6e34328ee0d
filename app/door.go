package app

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"

	"cohort/auth"
	"cohort/graph"
)

// limitSettings bound what one request may ask for. Their defaults are those of graph.DefaultLimits.
type limitSettings struct {
	LimitBody       int `default:"1048576" placeholder:"N" variable:"COHORT_LIMIT_BODY" help:"Bytes of a request's body: 1048576."`
	LimitTokens     int `default:"2000" placeholder:"N" variable:"COHORT_LIMIT_TOKENS" help:"Words and signs of a document: 2000."`
	LimitDepth      int `default:"15" placeholder:"N" variable:"COHORT_LIMIT_DEPTH" help:"Levels of an operation: 15, which the introspection query has."`
	LimitFields     int `default:"1000" placeholder:"N" variable:"COHORT_LIMIT_FIELDS" help:"Fields and fragments of an operation, those of a fragment as often as it is spread: 1000."`
	LimitAliases    int `default:"50" placeholder:"N" variable:"COHORT_LIMIT_ALIASES" help:"Fields of an operation under another name, or once more: 50."`
	LimitDirectives int `default:"50" placeholder:"N" variable:"COHORT_LIMIT_DIRECTIVES" help:"Directives of an operation: 50."`
	LimitFragments  int `default:"50" placeholder:"N" variable:"COHORT_LIMIT_FRAGMENTS" help:"Definitions of fragments in a document: 50."`
	LimitComplexity int `default:"1500" placeholder:"N" variable:"COHORT_LIMIT_COMPLEXITY" help:"Objects that an operation may amount to, those of a list as often as it has entries: 1500."`
	LimitErrors     int `default:"20" placeholder:"N" variable:"COHORT_LIMIT_ERRORS" help:"Errors in an answer; the rest is left out: 20."`

	LimitRate  int `default:"5000" placeholder:"N" variable:"COHORT_LIMIT_RATE" help:"Points that each caller gets a second, of which an operation costs its complexity and a mutation 10 more: 5000. 0 is no limit."`
	LimitBurst int `default:"20000" placeholder:"N" variable:"COHORT_LIMIT_BURST" help:"Points that a caller can have at most: 20000."`

	LimitMessage          int `default:"65536" placeholder:"N" variable:"COHORT_LIMIT_MESSAGE" help:"Bytes of a message over a WebSocket: 65536."`
	LimitSockets          int `default:"20" placeholder:"N" variable:"COHORT_LIMIT_SOCKETS" help:"WebSockets of one user: 20."`
	LimitSubscriptions    int `default:"100" placeholder:"N" variable:"COHORT_LIMIT_SUBSCRIPTIONS" help:"Subscriptions of one user, whichever way they come: 100."`
	LimitSocketOperations int `default:"50" placeholder:"N" variable:"COHORT_LIMIT_SOCKET_OPERATIONS" help:"Operations that run at a time on one WebSocket: 50."`
}

func (s limitSettings) limits() graph.Limits {
	return graph.Limits{
		Body: s.LimitBody, Tokens: s.LimitTokens, Depth: s.LimitDepth, Fields: s.LimitFields, Aliases: s.LimitAliases,
		Directives: s.LimitDirectives, Fragments: s.LimitFragments, Complexity: s.LimitComplexity, Errors: s.LimitErrors, Rate: cmp.Or(s.LimitRate, -1), Burst: s.LimitBurst,
		Message: s.LimitMessage, Sockets: s.LimitSockets, Subscriptions: s.LimitSubscriptions, SocketOperations: s.LimitSocketOperations,
	}
}

// Validate is called by the parser of the command line.
func (s limitSettings) Validate() error {
	for name, limit := range map[string]int{
		"body": s.LimitBody, "tokens": s.LimitTokens, "depth": s.LimitDepth, "fields": s.LimitFields, "aliases": s.LimitAliases,
		"directives": s.LimitDirectives, "fragments": s.LimitFragments, "complexity": s.LimitComplexity, "errors": s.LimitErrors,
		"message": s.LimitMessage, "sockets": s.LimitSockets, "subscriptions": s.LimitSubscriptions, "socket-operations": s.LimitSocketOperations,
	} {
		if limit < 1 {
			return fmt.Errorf("--limit-%s (COHORT_LIMIT_%s) must be at least 1", name, strings.ReplaceAll(strings.ToUpper(name), "-", "_"))
		}
	}
	if least := s.LimitComplexity + graph.Writing; s.LimitRate < 0 || s.LimitRate > 0 && s.LimitBurst < least {
		return fmt.Errorf("--limit-rate (COHORT_LIMIT_RATE) must be 0 or more, and --limit-burst (COHORT_LIMIT_BURST) at least %d, or what --limit-complexity allows can never run", least)
	}
	return nil
}

// doorSettings say who may come with what.
type doorSettings struct {
	CORSOrigins      []string `name:"cors-origins" sep:"," placeholder:"ORIGIN,…" variable:"COHORT_CORS_ORIGINS" help:"Web pages that may use the API from browsers: origins such as https://admin.example.com, or * for all. None by default."`
	TrustedDocuments string   `placeholder:"PATH" variable:"COHORT_TRUSTED_DOCUMENTS" help:"The only documents that are run: a folder of .graphql files, or a JSON file of documents by id or of Apollo's kind."`
}

const everyOrigin = "*"

// Validate is called by the parser of the command line.
func (s doorSettings) Validate() error {
	for _, origin := range s.CORSOrigins {
		if origin == everyOrigin {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.String() != u.Scheme+"://"+u.Host || strings.Contains(origin, "*") {
			return fmt.Errorf("--cors-origins (COHORT_CORS_ORIGINS): %q is not an origin such as https://admin.example.com", origin)
		}
	}
	if len(s.CORSOrigins) > 1 && slices.Contains(s.CORSOrigins, everyOrigin) {
		return fmt.Errorf("--cors-origins (COHORT_CORS_ORIGINS): * stands alone")
	}
	return nil
}

// trusted reads the trusted documents, if there are to be any.
func (s doorSettings) trusted(limits graph.Limits) (*graph.Trusted, error) {
	if s.TrustedDocuments == "" {
		return nil, nil //nolint:nilnil // every document is run
	}
	found, err := graph.ReadTrusted(s.TrustedDocuments, limits)
	if err != nil {
		return nil, fmt.Errorf("COHORT_TRUSTED_DOCUMENTS (--trusted-documents): %w", err)
	}
	return found, nil
}

// crossOrigin lets pages of these origins use the server from browsers. Credentials that a browser adds by
// itself are never asked for: who calls shows a token, which the page must hold.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"X-Request-Id", "Retry-After", "Content-Disposition", "Content-Range", "ETag"},
		MaxAge:         600,
	}).Handler(next)
}

// compressed sends answers of 1 KiB and more by gzip to those who take it. Streams of events go as they are.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.ContentTypeFilter(func(contentType string) bool {
		return gzhttp.DefaultContentTypeFilter(contentType) && !strings.HasPrefix(contentType, "text/event-stream")
	}))
	if err != nil {
		panic(err) // the options above are wrong
	}
	packed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.IsWebSocket(r) { // takes the connection over
			next.ServeHTTP(w, r)
			return
		}
		packed.ServeHTTP(w, r)
	})
}
