package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// ErrExpired is behind the refusal of somebody who came in with a good token that is no longer good. It is
// ErrUnauthenticated, too.
var ErrExpired = errExpired{}

type errExpired struct{}

func (errExpired) Error() string { return "unauthenticated: the token has expired" }
func (errExpired) Unwrap() error { return ErrUnauthenticated }

// Present is ctx with the token of an Authorization header, for those whom Middleware let pass without one.
// Settle then tells who they are. It fails as Door.Caller does, without asking the database. In a context that
// didn't come by Middleware the header says nothing.
func Present(ctx context.Context, authorizationHeader string) (context.Context, error) {
	came, ok := ctx.Value(arrivalKey{}).(arrival)
	if !ok {
		return ctx, nil
	}
	claims, err := came.door.claims(authorizationHeader)
	if err != nil {
		return ctx, err
	}
	return context.WithValue(ctx, arrivalKey{}, arrival{came.door, claims, true}), nil
}

// Stay is Settle for whoever has come in before and stays: who they are now. ErrExpired once the token has
// expired. It costs a statement every few seconds at most, however often it is asked.
func Stay(ctx context.Context) (context.Context, error) {
	came, ok := ctx.Value(arrivalKey{}).(arrival)
	if !ok {
		return ctx, nil
	}
	if !came.door.tokens.now().Before(came.claims.ExpiresAt) {
		return ctx, ErrExpired
	}
	return Settle(ctx)
}

// Reason is what an error of Settle, Stay or Present may tell the caller.
func Reason(err error) string {
	if reason := refusal(""); errors.As(err, &reason) {
		return string(reason)
	}
	if errors.Is(err, ErrExpired) {
		return "the token has expired"
	}
	return "the token is not accepted"
}

// IsWebSocket tells whether a request asks for a WebSocket. Browsers can't send an Authorization header with
// one, so the token may follow in a message.
func IsWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(strings.TrimSpace(r.Header.Get("Upgrade")), "websocket")
}
