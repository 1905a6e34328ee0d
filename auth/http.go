package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"cohort/models"
)

// Door lets requests in: it finds out who asks.
type Door struct {
	// Log gets the causes of our own faults; nil is slog.Default.
	Log *slog.Logger

	tokens    *Tokens
	standings *Standings
	activate  func(ctx context.Context, c Caller) error
}

// NewDoor makes a door. activate is called when a user is authenticated who never was before; it may be
// called for one user several times at once, and again. Nil does nothing.
func NewDoor(tokens *Tokens, standings *Standings, activate func(ctx context.Context, c Caller) error) *Door {
	return &Door{tokens: tokens, standings: standings, activate: activate}
}

// Caller is who sends this Authorization header, in the lesser of the token's and the stored role, with the
// request's id. ErrUnauthenticated, with a reason, for no token, a bad one, and a suspended or deleted user;
// other errors when the database fails.
func (d *Door) Caller(ctx context.Context, authorizationHeader string) (Caller, error) {
	scheme, token, _ := strings.Cut(authorizationHeader, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, refusal("send a token in the Authorization header, after the word Bearer")
	}
	claims, err := d.tokens.Verify(token)
	if err != nil {
		return Caller{}, err
	}
	standing, err := d.standings.Of(ctx, claims.Account, claims.User)
	if err != nil {
		return Caller{}, err
	}
	if standing.Suspended {
		return Caller{}, refusal("the user is suspended")
	}
	c := Caller{Account: claims.Account, UserID: claims.User, Role: standing.Role, Kind: Person, RequestID: RequestIDFrom(ctx)}
	if claims.Role != "" {
		c.Role = models.Lesser(claims.Role, standing.Role)
	}
	if !standing.Activated && d.activate != nil {
		if err := d.activate(ctx, c); err != nil {
			return Caller{}, err
		}
		d.standings.Forget(c.Account, c.UserID)
	}
	return c, nil
}

// Middleware answers 401 to those whom Caller refuses and 500 when it fails, in the form of GraphQL's
// errors, and hands everybody else on, with the Caller in the context. It gives the request an id if it has
// none.
func (d *Door) Middleware(next http.Handler) http.Handler {
	return RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		caller, err := d.caller(r)
		if err == nil {
			next.ServeHTTP(w, r.WithContext(WithCaller(ctx, caller)))
			return
		}
		if errors.Is(err, ErrUnauthenticated) {
			message := "The token is not accepted."
			if reason := refusal(""); errors.As(err, &reason) {
				message = "Not authenticated: " + string(reason) + "."
			}
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(ctx, w, http.StatusUnauthorized, "UNAUTHENTICATED", message)
			return
		}
		level := slog.LevelError
		if errors.Is(err, context.Canceled) { // the client has gone
			level = slog.LevelDebug
		}
		d.log().Log(ctx, level, "find out who the caller is", "error", err, "requestId", RequestIDFrom(ctx))
		writeError(ctx, w, http.StatusInternalServerError, "INTERNAL", "Something went wrong on our side.")
	}))
}

func (d *Door) caller(r *http.Request) (Caller, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return Caller{}, refusal("send one Authorization header")
	}
	return d.Caller(r.Context(), strings.Join(headers, ""))
}

func (d *Door) log() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.Default()
}

func writeError(ctx context.Context, w http.ResponseWriter, status int, code, message string) {
	type extensions struct {
		Code      string `json:"code"`
		RequestID string `json:"requestId"`
	}
	type problem struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	body, err := json.Marshal(map[string][]problem{"errors": {{message, extensions{code, RequestIDFrom(ctx)}}}})
	if err != nil {
		panic(err) // texts always are JSON
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

type (
	callerKey    struct{}
	requestIDKey struct{}
)

// WithCaller is ctx with the caller in it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is the caller in ctx; false when there is none.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 64
)

// RequestID gives every request an id, which also stands in the answer: the X-Request-Id that came with it
// if that is 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', else a new UUIDv7. One that it has already stays.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if RequestIDFrom(r.Context()) == "" {
			id := r.Header.Get(requestIDHeader)
			if !isRequestID(id) {
				id = uuid.Must(uuid.NewV7()).String()
			}
			w.Header().Set(requestIDHeader, id)
			r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		}
		next.ServeHTTP(w, r)
	})
}

// RequestIDFrom is the id of the request that ctx belongs to, or "".
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func isRequestID(text string) bool {
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return text != "" && len(text) <= maxRequestID
}
