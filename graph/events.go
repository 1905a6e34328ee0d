package graph

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// eventStream is an answer in parts, as server-sent events: `next` with each response, then `complete`. It is
// what graphql-sse calls the mode of distinct connections.
type eventStream struct {
	w          http.ResponseWriter
	mostErrors int
	pace       Pace
	control    *http.ResponseController
}

func newEventStream(w http.ResponseWriter, mostErrors int, pace Pace) *eventStream {
	e := &eventStream{w, mostErrors, pace, http.NewResponseController(w)}
	w.Header().Set("Content-Type", mediaEvents+"; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx gathers what is to arrive now
	w.WriteHeader(http.StatusOK)
	return e
}

// send writes and sees it off. It fails when the client has gone or doesn't take it in time.
func (e *eventStream) send(text string) error {
	// The server's own deadline is for answers that end. Where there is none, as in tests, none can be moved.
	if err := e.control.SetWriteDeadline(time.Now().Add(e.pace.Write)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}

func (e *eventStream) next(body []byte) error {
	return e.send("event: next\ndata: " + string(body) + "\n\n")
}

func (e *eventStream) complete() { _ = e.send("event: complete\ndata:\n\n") }

// last sends the only response, or the last one.
func (e *eventStream) last(response *graphql.Response) {
	if e.next(render(response, e.mostErrors)) == nil {
		e.complete()
	}
}

const signOfLife = ":\n\n"

// stream answers with events until there are no more, the client goes, the server stops or the caller may no
// longer have them. Who takes them too slowly is cut: the next one is made when the one before is sent.
func (t *transport) stream(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, a *admitted, seen *observing) {
	var stopping <-chan struct{} // what ends by itself is finished
	if a.subscribes() {
		release, err := t.subscribe(caller(a.ctx))
		if err != nil {
			why, _ := refusalOf(err)
			seen.code = outcomeOf(why.response())
			newEventStream(w, t.limits.Errors, t.streams.pace).last(why.response())
			return
		}
		defer release()
		stopping = t.streams.stopping
	}
	// The deadline for the request's body would end the stream.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	ctx, cancel := context.WithCancel(a.ctx)
	here := newPresence(a.ctx)
	started := t.begin(ctx, exec, a)
	seen.code = CodeOK
	bodies := make(chan []byte)
	go func() {
		defer close(bodies)
		started.each(here.caller, func(response *graphql.Response) {
			body := render(response, t.limits.Errors)
			if len(response.Errors) > 0 {
				seen.code = outcomeOf(response)
			}
			select {
			case bodies <- body:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		cancel()
		for range bodies { // until it has ended
		}
	}()

	events := newEventStream(w, t.limits.Errors, t.streams.pace)
	if events.send(signOfLife) != nil { // tells the client that from now on it hears of everything
		return
	}
	ping, check := time.NewTicker(t.streams.pace.Ping), time.NewTicker(t.streams.pace.Check)
	defer ping.Stop()
	defer check.Stop()
	for {
		select {
		case body, more := <-bodies:
			if !more {
				events.complete()
				return
			}
			if events.next(body) != nil {
				return
			}
		case <-ping.C:
			if events.send(signOfLife) != nil {
				return
			}
		case <-check.C:
			if err := here.check(a.op); err != nil {
				events.last(&graphql.Response{Errors: gqlerror.List{err}})
				return
			}
		case <-stopping:
			events.complete()
			return
		case <-r.Context().Done():
			return
		}
	}
}
