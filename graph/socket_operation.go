package graph

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// errEnded is why an operation ends without a word: the client has ended it, or is told otherwise.
var errEnded = errors.New("ended")

// begin begins the operation of a message, or refuses it.
func (s *socket) begin(m message) *closing {
	if s.here == nil {
		return &closing{closeUnauthorized, "Unauthorized"}
	}
	asked, err := decodePayload(m.Payload)
	if why := (*closing)(nil); errors.As(err, &why) {
		return why
	}
	if m.ID == "" {
		return &closing{closeBadRequest, "A subscribe message has an id"}
	}
	s.mu.Lock()
	if s.active[m.ID] != nil {
		s.mu.Unlock()
		return &closing{closeSameID, "Subscriber already exists"}
	}
	if s.leaving {
		s.mu.Unlock()
		return nil // the socket is closed in a moment, and the client asks the next server
	}
	if s.running >= s.limits.SocketOperations {
		s.mu.Unlock()
		s.refuse(m.ID, &refusal{errors: gqlerror.List{over("socketOperations", "it is operation %d at a time on this socket", s.limits.SocketOperations, s.limits.SocketOperations+1)}})
		return nil
	}
	ctx, cancel := context.WithCancelCause(s.here.came)
	one := &activity{cancel: cancel, task: true}
	s.active[m.ID] = one
	s.running++
	s.tasks.Add(1)
	s.mu.Unlock()
	s.work.Go(func() {
		err := s.operate(ctx, m.ID, one, asked)
		ended := context.Cause(ctx)
		cancel(nil)
		s.mu.Lock()
		if s.active[m.ID] == one {
			delete(s.active, m.ID)
		}
		s.running--
		if one.task {
			s.tasks.Done()
		}
		s.mu.Unlock()
		if err == nil && ended != nil && !errors.Is(ended, context.DeadlineExceeded) {
			err = ended
		}
		s.conclude(m.ID, err)
	})
	return nil
}

// conclude tells the client how an operation ended.
func (s *socket) conclude(id string, err error) {
	why, refused := refusalOf(err)
	switch {
	case err == nil:
		s.send(message{ID: id, Type: "complete"})
	case refused:
		s.refuse(id, why)
	case errors.Is(err, errEnded) || s.ctx.Err() != nil:
	case errors.Is(err, auth.ErrUnauthenticated):
		why := s.unwelcome(err, closeUnauthorized)
		_ = s.conn.Close(why.code, why.reason)
	default:
		s.log.ErrorContext(s.ctx, "operation over a WebSocket", "error", err, "requestId", auth.RequestIDFrom(s.ctx))
		ours := gqlerror.Errorf("something went wrong on our side; the request's id is %s", auth.RequestIDFrom(s.ctx))
		ours.Extensions = map[string]any{"code": codeInternal, "requestId": auth.RequestIDFrom(s.ctx)}
		s.refuse(id, &refusal{errors: gqlerror.List{ours}})
	}
}

// refuse says in an error message, which ends the operation, why it can't go on.
func (s *socket) refuse(id string, why *refusal) {
	errs := why.errors
	shorten(&errs, s.limits.Errors)
	s.send(message{ID: id, Type: "error", Payload: encode(errs)})
}

// operate runs an operation to its end.
func (s *socket) operate(ctx context.Context, id string, one *activity, asked *request) (err error) {
	seen := &observing{observer: s.observer, begin: time.Now(), ctx: ctx, code: CodeOK}
	defer func() {
		if why, ok := refusalOf(err); ok {
			seen.code = outcomeOf(why.response())
		} else if errors.Is(err, auth.ErrUnauthenticated) {
			seen.code = codeUnauthenticated
		} else if err != nil {
			seen.code = codeInternal
		}
		seen.end()
	}()
	if err := asked.complete(); err != nil {
		return err
	}
	a, err := s.admit(ctx, s.exec, asked, s.request, func(ast.Operation) error { return nil })
	if err != nil {
		return err
	}
	a.ctx = seen.runs(a.ctx, a.op.Operation)
	ctx = a.ctx
	if a.subscribes() {
		release, err := s.subscribe(caller(ctx))
		if err != nil {
			return err
		}
		defer release()
		s.mu.Lock()
		one.op, one.task = a.op, false
		s.tasks.Done()
		if s.leaving {
			one.cancel(errEnded)
		}
		s.mu.Unlock()
	} else {
		limited, cancel := context.WithTimeout(ctx, s.streams.pace.Work)
		defer cancel()
		ctx = limited
	}
	answered := false
	var failed error
	s.transport.begin(ctx, s.exec, a).each(s.here.caller, func(response *graphql.Response) {
		if a.subscribes() && response.Data == nil { // it has not begun
			failed = &refusal{errors: response.Errors}
			return
		}
		if ctx.Err() == nil {
			answered = true
			if len(response.Errors) > 0 {
				seen.code = outcomeOf(response)
			}
			s.send(message{ID: id, Type: "next", Payload: render(response, s.limits.Errors)})
		}
	})
	if !answered && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &refusal{errors: gqlerror.List{errTimeout()}}
	}
	return failed
}
