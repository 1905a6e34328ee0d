package graph

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/auth"
)

// transport is GraphQL over HTTP: operations as JSON in the body of a POST, queries in the URL of a GET too. A
// subscription, and whatever else the client prefers so, is answered as a stream of events.
// What it refuses it refuses as early as it can: what is not GraphQL over HTTP, then what is over a limit,
// then who may not come in, and only then is a document validated.
type transport struct {
	schema    *ast.Schema
	limits    Limits
	documents *documents
	log       *slog.Logger
	observer  *Observer
	streams   *Streams
	rates     *rates
}

var _ graphql.Transport = &transport{}

func (*transport) Supports(r *http.Request) bool { return !auth.IsWebSocket(r) }

func (t *transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	seen := &observing{observer: t.observer, begin: time.Now(), ctx: r.Context(), code: codeInternal} // which a panic leaves
	defer seen.end()
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Cache-Control", "no-store") // it is about people, and for the caller alone
	accepted := negotiate(r.Header.Values("Accept"))
	answer := answering{w, accepted.media, t.limits.Errors, seen}
	if accepted.media == "" {
		answer.media = mediaJSON
		if !accepted.events {
			answer.refuse(refuse(http.StatusNotAcceptable, "answers are "+mediaJSON+", "+mediaResponse+" or "+mediaEvents))
			return
		}
	}
	w.Header().Set("Content-Type", answer.media+"; charset=utf-8") // also where a panic is answered
	asked, err := t.limits.read(w, r)
	if err != nil {
		if why, ok := refusalOf(err); ok && why.status == http.StatusRequestEntityTooLarge {
			defer t.limits.hearOut(w, r)()
		}
		answer.refuse(err)
		return
	}
	streamed := accepted.preferred || accepted.media == ""
	subscribes := false
	admitted, err := t.admit(r.Context(), exec, asked, r, func(kind ast.Operation) error {
		if r.Method == http.MethodGet && kind != ast.Query {
			no := refuse(http.StatusMethodNotAllowed, "only queries may be sent by GET")
			no.allow = http.MethodPost
			return no
		}
		if kind == ast.Subscription && !accepted.events {
			return refuse(http.StatusNotAcceptable, "a subscription is answered as a stream of events: accept "+mediaEvents+", or use a WebSocket")
		}
		subscribes = kind == ast.Subscription
		return nil
	})
	if err != nil {
		if why, ok := refusalOf(err); !ok {
			if errors.Is(err, auth.ErrUnauthenticated) {
				seen.code = codeUnauthenticated
			}
			auth.Refuse(w, r, t.log, err)
		} else if streamed && why.status == 0 {
			seen.code = outcomeOf(why.response())
			newEventStream(w, t.limits.Errors, t.streams.pace).last(why.response())
		} else {
			answer.refuse(err)
		}
		return
	}
	admitted.ctx = seen.runs(admitted.ctx, admitted.op.Operation)
	if streamed || subscribes {
		t.stream(w, r, exec, admitted, seen)
		return
	}
	responses, ctx := exec.DispatchOperation(admitted.ctx, admitted.op)
	answer.write(http.StatusOK, responses(ctx))
}
