package graph

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// Limits bound what one request may ask for. They are checked on the text as it came, before it is validated
// and before anything is read from the database, in a time that grows with the text and no faster. What is
// over one of them is refused with LIMIT_EXCEEDED. A limit of 0 is the default.
type Limits struct {
	Body   int // bytes of the body
	Tokens int // words and signs of the document, comments included

	// Of each operation and each fragment, with all that it spreads:
	Depth      int // sets of fields in each other, and lists and objects in each other in an argument
	Fields     int // fields and fragments, those of a fragment as often as it is spread
	Aliases    int // fields under another name, and those that stand in a set, or its inline fragments, once more
	Directives int

	Fragments  int // definitions of fragments
	Complexity int // what the operation amounts to; see complexity
	Errors     int // errors in an answer; the rest is left out

	// Points of a caller: how many come in a second, and how many there can be; see rates. Rate below 0 is no limit.
	Rate  int
	Burst int

	Message          int // bytes of a message that comes over a WebSocket
	Sockets          int // WebSockets of one user
	Subscriptions    int // subscriptions of one user, over WebSockets and as streams of events
	SocketOperations int // operations that run on one WebSocket, subscriptions and others
}

// DefaultLimits leave room for what real clients send: the introspection query of the playground is 15 deep.
func DefaultLimits() Limits {
	return Limits{
		Body: 1 << 20, Tokens: 2000, Depth: 15, Fields: 1000, Aliases: 50, Directives: 50, Fragments: 50,
		Complexity: 1500, Errors: 20, Rate: 5000, Burst: 20_000, Message: 64 << 10, Sockets: 20, Subscriptions: 100, SocketOperations: 50,
	}
}

func (l Limits) withDefaults() Limits {
	defaults := DefaultLimits()
	for limit, value := range map[*int]int{
		&l.Body: defaults.Body, &l.Tokens: defaults.Tokens, &l.Depth: defaults.Depth, &l.Fields: defaults.Fields,
		&l.Aliases: defaults.Aliases, &l.Directives: defaults.Directives, &l.Fragments: defaults.Fragments,
		&l.Complexity: defaults.Complexity, &l.Errors: defaults.Errors, &l.Rate: defaults.Rate, &l.Burst: defaults.Burst, &l.Message: defaults.Message,
		&l.Sockets: defaults.Sockets, &l.Subscriptions: defaults.Subscriptions, &l.SocketOperations: defaults.SocketOperations,
	} {
		if *limit == 0 {
			*limit = value
		}
	}
	return l
}

// over is the refusal of a request that has more of something than the limit. found is as much as was
// counted: counting may end where the limit is passed.
func over(limit, what string, most, found int) *gqlerror.Error {
	err := gqlerror.Errorf("the request is too large: %s, and the limit is %d", fmt.Sprintf(what, found), most)
	err.Extensions = map[string]any{"code": codeLimitExceeded, "limit": limit, "most": most, "found": found}
	return err
}

// checkTokens counts no further than one beyond the limit.
func (l Limits) checkTokens(text string) *gqlerror.Error {
	words := lexer.New(&ast.Source{Input: text})
	for found := 0; ; found++ {
		if found > l.Tokens {
			return over("tokens", "%d words and signs or more", l.Tokens, found)
		}
		// What can't be read is for the parser to say.
		if token, err := words.ReadToken(); err != nil || token.Kind == lexer.EOF {
			return nil
		}
	}
}

// checkDocument checks everything but what depends on the variables.
func (l Limits) checkDocument(doc *ast.QueryDocument) *gqlerror.Error {
	if found := len(doc.Fragments); found > l.Fragments {
		return over("fragments", "%d fragments", l.Fragments, found)
	}
	m := newMeasuring(doc)
	largest, err := m.document()
	switch {
	case err != nil:
		return err
	case largest.depth > l.Depth:
		return over("depth", "it is %d levels deep", l.Depth, largest.depth)
	case largest.fields > l.Fields:
		return over("fields", "%d fields and fragments", l.Fields, largest.fields)
	case largest.aliases > l.Aliases:
		return over("aliases", "%d aliases and repeated fields", l.Aliases, largest.aliases)
	case largest.directives > l.Directives:
		return over("directives", "%d directives", l.Directives, largest.directives)
	}
	return nil
}
