package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// protocol is the one that the npm package graphql-ws speaks:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
const protocol = "graphql-transport-ws"

// What a WebSocket is closed with, as the protocol has it. Clients come again after closeForbidden, with a
// token that they get anew, and give up after the others.
const (
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeNoProtocol   websocket.StatusCode = 4406
	closeNoInit       websocket.StatusCode = 4408
	closeSameID       websocket.StatusCode = 4409
	closeTooMany      websocket.StatusCode = 4429
	closeInternal     websocket.StatusCode = 4500
)

// sockets is GraphQL over WebSockets: subscriptions, queries and mutations, several at a time.
type sockets struct {
	*transport
	origins []string // of web pages that may connect, beside those of this server; `*` for all
}

var _ graphql.Transport = &sockets{}

func (*sockets) Supports(r *http.Request) bool { return auth.IsWebSocket(r) }

func (t *sockets) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	answer := answering{w, mediaJSON, t.limits.Errors, &observing{}}
	if !t.welcomes(r) {
		answer.refuse(refuse(http.StatusForbidden, "pages of this origin may not connect"))
		return
	}
	known, leave, ok := t.streams.enter()
	if !ok {
		w.Header().Set("Retry-After", "5")
		answer.refuse(refuse(http.StatusServiceUnavailable, "the server takes no more connections now"))
		return
	}
	defer leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}, InsecureSkipVerify: true}) // origins are checked above
	if err != nil {
		return // and has been answered
	}
	defer conn.CloseNow()
	if conn.Subprotocol() != protocol {
		_ = conn.Close(closeNoProtocol, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(int64(t.limits.Message))
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	s := &socket{transport: t.transport, exec: exec, conn: conn, request: r, ctx: ctx, known: known, active: map[string]*activity{}}
	defer s.wait()
	defer cancel()
	s.serve()
}

// welcomes tells whether the page that asks, if a page asks, may connect.
func (t *sockets) welcomes(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(t.origins, "*") {
		return true
	}
	if slices.ContainsFunc(t.origins, func(allowed string) bool { return strings.EqualFold(allowed, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// socket is one WebSocket. One goroutine reads it; each operation has one of its own, which makes the next
// answer when the one before is sent.
type socket struct {
	*transport
	exec    graphql.GraphExecutor
	conn    *websocket.Conn
	request *http.Request
	ctx     context.Context //nolint:containedctx // ends with the socket
	known   func()
	work    sync.WaitGroup // all goroutines but the one that reads

	mu      sync.Mutex
	here    *presence // nil until the client has said who it is
	release func()
	active  map[string]*activity // by the client's id
	running int                  // operations, those that the client has ended but that still run included
	leaving bool
	tasks   sync.WaitGroup // queries and mutations
}

// activity is an operation on a socket.
type activity struct {
	cancel context.CancelCauseFunc
	op     *graphql.OperationContext // nil until it is admitted
	task   bool                      // ends by itself
}

type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// closing is why a socket is closed. Its text, of at most 123 bytes, is the client's to read.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c *closing) Error() string { return c.reason }

func (s *socket) serve() {
	late := time.AfterFunc(s.streams.pace.Init, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.here == nil {
			go func() { _ = s.conn.Close(closeNoInit, "Connection initialisation timeout") }()
		}
	})
	defer late.Stop()
	s.work.Go(s.watch)
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			return
		}
		why := &closing{closeBadRequest, "Messages are text"}
		if kind == websocket.MessageText {
			why = s.receive(data)
		}
		if why != nil {
			_ = s.conn.Close(why.code, why.reason)
			return
		}
	}
}

// wait waits for what still runs, after the socket has ended.
func (s *socket) wait() {
	s.work.Wait()
	if s.release != nil {
		s.release()
	}
}

func (s *socket) receive(data []byte) *closing {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return &closing{closeBadRequest, "A message is a JSON object with a type"}
	}
	switch m.Type {
	case "connection_init":
		return s.init(m.Payload)
	case "ping":
		s.send(message{Type: "pong", Payload: m.Payload})
		return nil
	case "pong":
		return nil
	case "subscribe":
		return s.begin(m)
	case "complete":
		s.mu.Lock()
		defer s.mu.Unlock()
		if one := s.active[m.ID]; one != nil {
			delete(s.active, m.ID)
			one.cancel(errEnded)
		}
		return nil
	}
	return &closing{closeBadRequest, "There is no message of this type"}
}

// init finds out whose the socket is: by the token in the payload or, without one, by that of the request.
func (s *socket) init(payload json.RawMessage) *closing {
	if s.here != nil { // which this goroutine alone sets
		return &closing{closeTooMany, "Too many initialisation requests"}
	}
	var given map[string]any
	if len(payload) > 0 && json.Unmarshal(payload, &given) != nil {
		return &closing{closeBadRequest, "The payload of connection_init is an object"}
	}
	ctx, err := s.ctx, error(nil)
	for name, value := range given {
		if header, ok := value.(string); ok && strings.EqualFold(name, "Authorization") {
			ctx, err = auth.Present(ctx, header)
		}
	}
	if err == nil {
		ctx, err = auth.Settle(ctx)
	}
	if err != nil {
		return s.unwelcome(err, closeForbidden)
	}
	release, ok := s.streams.hold(caller(ctx), socketsOf, s.limits.Sockets)
	if !ok {
		return &closing{closeTooMany, "Too many sockets of this user"}
	}
	s.known()
	s.mu.Lock()
	s.here, s.release = newPresence(ctx), release
	s.mu.Unlock()
	s.send(message{Type: "connection_ack"})
	s.work.Go(s.ping)
	return nil
}

// unwelcome is how a socket is closed whose caller is refused: with code, unless that is our own fault.
func (s *socket) unwelcome(err error, code websocket.StatusCode) *closing {
	switch {
	case errors.Is(err, auth.ErrExpired):
		return &closing{closeForbidden, "Forbidden: " + auth.Reason(err)}
	case errors.Is(err, auth.ErrUnauthenticated):
		return &closing{code, "Forbidden: " + auth.Reason(err)}
	}
	s.log.ErrorContext(s.ctx, "find out who the caller is", "error", err, "requestId", auth.RequestIDFrom(s.ctx))
	return &closing{closeInternal, "Internal server error"}
}

// watch ends the socket when the server stops, and when the caller may no longer be here; and of its
// operations those that the caller may no longer have.
func (s *socket) watch() {
	check := time.NewTicker(s.streams.pace.Check)
	defer check.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.streams.stopping:
			s.leave()
			return
		case <-check.C:
			if why := s.check(); why != nil {
				_ = s.conn.Close(why.code, why.reason)
				return
			}
		}
	}
}

func (s *socket) check() *closing {
	s.mu.Lock()
	here := s.here
	s.mu.Unlock()
	if here == nil {
		return nil
	}
	changed, err := here.look()
	if err != nil {
		return s.unwelcome(err, closeUnauthorized)
	}
	if !changed {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.active {
		if one.op == nil || one.task {
			continue
		}
		if err := here.denied(one.op); err != nil {
			one.cancel(&refusal{errors: gqlerror.List{err}})
		}
	}
	return nil
}

// leave ends the subscriptions, lets what ends by itself end, and says that the server goes away: clients
// connect anew and subscribe again.
func (s *socket) leave() {
	s.mu.Lock()
	s.leaving = true
	for _, one := range s.active {
		if one.op != nil && !one.task {
			one.cancel(errEnded)
		}
	}
	s.mu.Unlock()
	s.tasks.Wait()
	_ = s.conn.Close(websocket.StatusGoingAway, "The server stops")
}

// ping asks for signs of life, and cuts who gives none.
func (s *socket) ping() {
	tick := time.NewTicker(s.streams.pace.Ping)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(s.ctx, s.streams.pace.Ping)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil {
			_ = s.conn.CloseNow()
			return
		}
	}
}

// send cuts who doesn't take it in time.
func (s *socket) send(m message) {
	ctx, cancel := context.WithTimeout(s.ctx, s.streams.pace.Write)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, encode(m)); err != nil {
		_ = s.conn.CloseNow()
	}
}

func decodePayload(payload json.RawMessage) (*request, error) {
	asked, err := decode(payload)
	if err != nil {
		return nil, &closing{closeBadRequest, "The payload of subscribe is an object with a query"}
	}
	return asked, nil
}
