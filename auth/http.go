package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	visitors  *visitors
	partners  *partners
}

// NewDoor makes a door. activate is called when a user is authenticated who never was before; it may be
// called for one user several times at once, and again. Nil does nothing.
func NewDoor(tokens *Tokens, standings *Standings, activate func(ctx context.Context, c Caller) error) *Door {
	return &Door{tokens: tokens, standings: standings, activate: activate, partners: newPartners(standings)}
}

// Welcome lets those in whose tokens are a provider's, and say who they are in its words. What identify answers is
// believed as long as a standing. Call it before the door is used.
func (d *Door) Welcome(identify Identify) {
	d.visitors = newVisitors(identify, d.standings.ttl, d.standings.now)
}

// Caller is who sends this Authorization header, in the lesser of the token's and the stored role, with the
// request's id. ErrUnauthenticated, with a reason, for no token, a bad one, and a suspended or deleted user;
// other errors when the database fails.
func (d *Door) Caller(ctx context.Context, authorizationHeader string) (Caller, error) {
	claims, err := d.claims(authorizationHeader)
	if err != nil {
		return Caller{}, err
	}
	return d.caller(ctx, claims)
}

// claims are those of the token in the header. No database is asked.
func (d *Door) claims(authorizationHeader string) (Claims, error) {
	scheme, token, _ := strings.Cut(authorizationHeader, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Claims{}, refusal("send a token in the Authorization header, after the word Bearer")
	}
	return d.tokens.Verify(token)
}

// caller is whom the claims are about, as the directory knows them now.
func (d *Door) caller(ctx context.Context, claims Claims) (Caller, error) {
	if claims.Partner != (models.PartnerClientID{}) {
		return d.partner(ctx, claims)
	}
	if claims.Account == (models.AccountID{}) || claims.User == (models.UserID{}) {
		if d.visitors == nil {
			return Caller{}, refusal("nobody here knows the users of an identity provider")
		}
		who, err := d.visitors.who(ctx, claims)
		if err != nil {
			return Caller{}, err
		}
		claims.Account, claims.User = who.account, who.user
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

// Middleware answers 401 to requests without a good token, and hands everybody else on with what Settle needs
// in the context. It asks no database, so that what lies behind can refuse a request cheaply before it finds
// out who the caller is. A WebSocket may come without a token: see Present. It gives the request an id if it
// has none.
func (d *Door) Middleware(next http.Handler) http.Handler {
	return RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := Claims{}, error(refusal("send one Authorization header"))
		headers := r.Header.Values("Authorization")
		later := len(headers) == 0 && IsWebSocket(r)
		if len(headers) < 2 {
			claims, err = d.claims(strings.Join(headers, ""))
		}
		if err != nil && !later {
			Refuse(w, r, d.log(), err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), arrivalKey{}, arrival{d, claims, !later})))
	}))
}

// arrival is somebody with a good token, of whom nobody knows yet whether they may come in.
type arrival struct {
	door   *Door
	claims Claims
	shown  bool // the token; else claims say nothing
}

// Bearer is who a token is about, before anybody has looked them up: the same for all tokens of one person.
type Bearer struct {
	account         models.AccountID
	user            models.UserID
	partner         models.PartnerClientID
	issuer, subject string
}

// BearerFrom is whoever Middleware or Present has let in; false in a context of neither.
func BearerFrom(ctx context.Context) (Bearer, bool) {
	came, ok := ctx.Value(arrivalKey{}).(arrival)
	return came.claims.bearer(), ok
}

func (c Claims) bearer() Bearer {
	return Bearer{c.Account, c.User, c.Partner, c.Visitor.Issuer, c.Visitor.Subject}
}

// Settle finds out who the caller is that Middleware has let through, which may take a statement on the
// database, and puts the Caller into the context. It fails as Door.Caller does; the answer to that is Refuse.
// A context that didn't come by Middleware stays as it is.
func Settle(ctx context.Context) (context.Context, error) {
	came, ok := ctx.Value(arrivalKey{}).(arrival)
	if !ok {
		return ctx, nil
	}
	if !came.shown {
		return ctx, refusal("send a token")
	}
	c, err := came.door.caller(ctx, came.claims)
	if err != nil {
		return ctx, err
	}
	return WithCaller(ctx, c), nil
}

// Refuse answers 401 to those whom Settle refuses, 503 to those whose provider's keys are still to be read, and 500
// when it failed otherwise, whose cause goes to the log, in the form of GraphQL's errors.
func Refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	ctx := r.Context()
	if errors.Is(err, ErrUnauthenticated) {
		message := "The token is not accepted."
		if reason := refusal(""); errors.As(err, &reason) {
			message = "Not authenticated: " + string(reason) + "."
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeError(ctx, w, http.StatusUnauthorized, "UNAUTHENTICATED", message)
		return
	}
	if errors.Is(err, ErrNoKeys) { // which the log says once for each attempt to read them
		w.Header().Set("Retry-After", strconv.Itoa(int(retryRefresh/time.Second)))
		writeError(ctx, w, http.StatusServiceUnavailable, "UNAVAILABLE", "The identity provider's keys can't be read at the moment.")
		return
	}
	level := slog.LevelError
	if errors.Is(err, context.Canceled) { // the client has gone
		level = slog.LevelDebug
	}
	log.Log(ctx, level, "find out who the caller is", "error", err, "requestId", RequestIDFrom(ctx))
	writeError(ctx, w, http.StatusInternalServerError, "INTERNAL", "Something went wrong on our side.")
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
	arrivalKey   struct{}
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
