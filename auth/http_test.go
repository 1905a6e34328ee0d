package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"cohort/models"
)

// house is a door before a handler that settles who came in, and says it.
type house struct {
	*directory
	tokens    *Tokens
	door      *Door
	activated []Caller
	fault     error // of activating
	log       bytes.Buffer
}

func newHouse(t *testing.T) *house {
	h := &house{directory: newDirectory(t, StandingOptions{})}
	h.tokens = tokensFor(t, TokenOptions{Now: func() time.Time { return h.now }})
	h.door = NewDoor(h.tokens, h.standings, func(_ context.Context, c Caller) error {
		h.activated = append(h.activated, c)
		if h.fault == nil {
			h.set(c.UserID, "activated_at", h.now)
		}
		return h.fault
	})
	h.door.Log = slog.New(slog.NewJSONHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return h
}

func (h *house) token(user models.UserID, role models.Role) string {
	h.t.Helper()
	text, err := h.tokens.Issue(Claims{User: user, Account: h.account, Role: role, ExpiresAt: h.now.Add(time.Hour)})
	if err != nil {
		h.t.Fatalf("Issue: %v", err)
	}
	return text
}

// ask sends these Authorization headers.
func (h *house) ask(authorization ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header["Authorization"] = authorization
	r.Header.Set("X-Request-Id", "request-1")
	w := httptest.NewRecorder()
	h.door.Middleware(h.settled(func(w http.ResponseWriter, r *http.Request) {
		c, ok := CallerFrom(r.Context())
		fmt.Fprintln(w, c.UserID, c.Account, c.Role, c.Kind, c.RequestID, ok)
	})).ServeHTTP(w, r)
	return w.Result()
}

// settled does what a handler behind the door does before its work.
func (h *house) settled(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := Settle(r.Context())
		if err != nil {
			Refuse(w, r, h.door.log(), err)
			return
		}
		next(w, r.WithContext(ctx))
	})
}

func wantAnswer(t *testing.T, r *http.Response, status int, body string) {
	t.Helper()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	if r.StatusCode != status || string(got) != body {
		t.Errorf("%d %s\nwant %d %s", r.StatusCode, got, status, body)
	}
}

func TestDoorRefuses(t *testing.T) {
	const missing = "send a token in the Authorization header, after the word Bearer"
	good := func(h *house) string { return h.token(h.user(nil), "") }
	tests := map[string]struct {
		headers func(h *house) []string
		want    string
	}{
		"no header":          {func(*house) []string { return nil }, missing},
		"an empty header":    {func(*house) []string { return []string{""} }, missing},
		"no token":           {func(*house) []string { return []string{"Bearer"} }, missing},
		"spaces for a token": {func(*house) []string { return []string{"Bearer   "} }, missing},
		"the token alone":    {func(h *house) []string { return []string{good(h)} }, missing},
		"another scheme":     {func(h *house) []string { return []string{"Basic " + good(h)} }, missing},
		"a tab":              {func(h *house) []string { return []string{"Bearer\t" + good(h)} }, missing},
		"two headers":        {func(h *house) []string { return []string{"Bearer " + good(h), "Bearer " + good(h)} }, "send one Authorization header"},
		"two tokens":         {func(h *house) []string { return []string{"Bearer " + good(h) + " " + good(h)} }, "the token is malformed"},
		"a bad token":        {func(*house) []string { return []string{"Bearer <b>canary</b>"} }, "the token is malformed"},
		"an expired token": {func(h *house) []string {
			token := good(h)
			h.now = inAnHr
			return []string{"Bearer " + token}
		}, "the token has expired"},
		"a suspended user": {func(h *house) []string {
			return []string{"Bearer " + h.token(h.user(func(u *models.User) { u.SuspendedManually = true }), "")}
		}, "the user is suspended"},
		"a suspended user, never seen": {func(h *house) []string {
			return []string{"Bearer " + h.token(h.user(func(u *models.User) { u.SuspendedNoProducts, u.ActivatedAt = true, nil }), "")}
		}, "the user is suspended"},
		"a deleted user": {func(h *house) []string {
			return []string{"Bearer " + h.token(models.NewID[models.UserID](), models.RoleSuperAdmin)}
		}, "there is no such user in the account"},
		"a user of another account": {func(h *house) []string {
			other := newHouse(h.t)
			return []string{"Bearer " + h.token(other.user(nil), models.RoleSuperAdmin)}
		}, "there is no such user in the account"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			got := h.ask(tt.headers(h)...)
			wantAnswer(t, got, http.StatusUnauthorized,
				`{"errors":[{"message":"Not authenticated: `+tt.want+`.","extensions":{"code":"UNAUTHENTICATED","requestId":"request-1"}}]}`)
			want := http.Header{
				"Content-Type": {"application/json; charset=utf-8"}, "Www-Authenticate": {"Bearer"}, "X-Request-Id": {"request-1"},
			}
			if diff := cmp.Diff(want, got.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if h.log.Len() > 0 || len(h.activated) > 0 {
				t.Errorf("logged %q, activated %v", h.log.String(), h.activated)
			}
		})
	}
}

func TestDoorLetsIn(t *testing.T) {
	for name, prefix := range map[string]string{
		"as it should be": "Bearer ", "small letters": "bearer ", "capitals": "BEARER ", "more spaces": "Bearer   ",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.user(nil)
			wantAnswer(t, h.ask(prefix+h.token(id, "")), http.StatusOK,
				fmt.Sprintln(id, h.account, "ADMIN USER request-1 true"))
		})
	}
}

func TestCallerHasTheLesserRole(t *testing.T) {
	const super, admin, member = models.RoleSuperAdmin, models.RoleAdmin, models.RoleMember
	tests := map[string]struct{ claim, stored, want models.Role }{
		"no claim, super admin":        {"", super, super},
		"no claim, member":             {"", member, member},
		"the same":                     {admin, admin, admin},
		"a claim below":                {member, super, member},
		"a claim just below":           {admin, super, admin},
		"a claim above a demoted one":  {super, admin, admin},
		"a claim far above":            {super, member, member},
		"a stored role of some future": {super, "AUDITOR", "AUDITOR"}, // which the policy refuses everything
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.user(func(u *models.User) { u.Role = tt.stored })
			got, err := h.door.Caller(t.Context(), "Bearer "+h.token(id, tt.claim))
			want := Caller{Account: h.account, UserID: id, Role: tt.want, Kind: Person}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("Caller: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestDemotionAndSuspensionBiteWithinFiveSeconds(t *testing.T) {
	h := newHouse(t)
	id := h.user(nil)
	token := "Bearer " + h.token(id, models.RoleAdmin)
	wantAnswer(t, h.ask(token), http.StatusOK, fmt.Sprintln(id, h.account, "ADMIN USER request-1 true"))
	h.set(id, "role", models.RoleMember)
	h.now = h.now.Add(5 * time.Second)
	wantAnswer(t, h.ask(token), http.StatusOK, fmt.Sprintln(id, h.account, "MEMBER USER request-1 true"))
	h.set(id, "suspended_manually", true)
	h.now = h.now.Add(5 * time.Second)
	if got := h.ask(token); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the suspension: %s", got.Status)
	}
}

func TestActivation(t *testing.T) {
	invited := func(u *models.User) { u.ActivatedAt = nil }
	t.Run("the first time only", func(t *testing.T) {
		h := newHouse(t)
		id := h.user(invited)
		token := "Bearer " + h.token(id, models.RoleMember)
		for range 3 {
			wantAnswer(t, h.ask(token), http.StatusOK, fmt.Sprintln(id, h.account, "MEMBER USER request-1 true"))
		}
		want := []Caller{{Account: h.account, UserID: id, Role: models.RoleMember, Kind: Person, RequestID: "request-1"}}
		if diff := cmp.Diff(want, h.activated); diff != "" {
			t.Errorf("activated (-want +got):\n%s", diff)
		}
	})
	t.Run("not who is active", func(t *testing.T) {
		h := newHouse(t)
		h.ask("Bearer " + h.token(h.user(nil), ""))
		if len(h.activated) > 0 {
			t.Errorf("activated: %v", h.activated)
		}
	})
	t.Run("again after a fault", func(t *testing.T) {
		h := newHouse(t)
		id := h.user(invited)
		token := "Bearer " + h.token(id, "")
		h.fault = errors.New("no space on the disk")
		wantAnswer(t, h.ask(token), http.StatusInternalServerError,
			`{"errors":[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL","requestId":"request-1"}}]}`)
		h.fault = nil
		wantAnswer(t, h.ask(token), http.StatusOK, fmt.Sprintln(id, h.account, "ADMIN USER request-1 true"))
	})
	t.Run("of who is deleted meanwhile", func(t *testing.T) {
		h := newHouse(t)
		token := "Bearer " + h.token(h.user(invited), "")
		h.fault = fmt.Errorf("activate %s: %w", "canary", ErrUnauthenticated)
		wantAnswer(t, h.ask(token), http.StatusUnauthorized,
			`{"errors":[{"message":"The token is not accepted.","extensions":{"code":"UNAUTHENTICATED","requestId":"request-1"}}]}`)
	})
	t.Run("nobody does it", func(t *testing.T) {
		h := newHouse(t)
		h.door = NewDoor(h.tokens, h.standings, nil)
		if got := h.ask("Bearer " + h.token(h.user(invited), "")); got.StatusCode != http.StatusOK {
			t.Errorf("answer: %s", got.Status)
		}
	})
}

func TestDoorWithoutDatabase(t *testing.T) {
	h := newHouse(t)
	token := h.token(h.user(nil), "")
	h.before = func(context.Context) error { return errors.New("the database is down") }
	got := h.ask("Bearer " + token)
	wantAnswer(t, got, http.StatusInternalServerError,
		`{"errors":[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL","requestId":"request-1"}}]}`)
	if got.Header.Get("WWW-Authenticate") != "" || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers: %v", got.Header)
	}
	log := h.log.String()
	for _, wanted := range []string{`"level":"ERROR"`, "the database is down", `"requestId":"request-1"`} {
		if !strings.Contains(log, wanted) {
			t.Errorf("the log lacks %s: %s", wanted, log)
		}
	}
	for _, part := range append(strings.Split(token, "."), string(secret)) {
		if strings.Contains(log, part) {
			t.Errorf("the log has part of a secret: %s", log)
		}
	}
}

// What lies behind the door may refuse a request before anything is read.
func TestDoorAsksNoDatabaseByItself(t *testing.T) {
	h := newHouse(t)
	token := h.token(h.user(func(u *models.User) { u.ActivatedAt = nil }), "")
	asked := 0
	h.before = func(context.Context) error { asked++; return nil }
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	var inside context.Context
	h.door.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside = r.Context()
	})).ServeHTTP(httptest.NewRecorder(), r)
	if _, known := CallerFrom(inside); asked > 0 || known || len(h.activated) > 0 {
		t.Errorf("before Settle: %d statements, caller known: %v, activated %v", asked, known, h.activated)
	}
	settled, err := Settle(inside)
	if c, known := CallerFrom(settled); err != nil || asked == 0 || !known || len(h.activated) != 1 {
		t.Errorf("after Settle: %v, %d statements, caller %+v, activated %v", err, asked, c, h.activated)
	}
}

func TestClientThatLeavesIsNoFault(t *testing.T) {
	h := newHouse(t)
	g := h.gate()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+h.token(h.user(nil), ""))
	h.door.Middleware(h.settled(http.NotFound)).ServeHTTP(httptest.NewRecorder(), r)
	close(g.opened)
	if log := h.log.String(); strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, "context canceled") {
		t.Errorf("log: %s", log)
	}
}

func TestRequestID(t *testing.T) {
	tests := map[string]struct {
		sent string
		kept bool
	}{
		"none":                   {"", false},
		"a UUID":                 {"0195fdb2-6d3c-7000-8000-000000000000", true},
		"an equals sign":         {"Root=1-67891233_abc.DEF", false},
		"letters, digits, marks": {"azAZ09._-", true},
		"one character":          {"x", true},
		"64 characters":          {strings.Repeat("x", 64), true},
		"65 characters":          {strings.Repeat("x", 65), false},
		"a space":                {"a b", false},
		"a line end":             {"a\nb", false},
		"markup":                 {"<script>", false},
		"another alphabet":       {"é", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			between, inside := "", ""
			within := RequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = RequestIDFrom(r.Context())
			}))
			handler := RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				between = RequestIDFrom(r.Context())
				within.ServeHTTP(w, r)
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.sent != "" {
				r.Header["X-Request-Id"] = []string{tt.sent}
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)

			if got := w.Result().Header.Values("X-Request-Id"); len(got) != 1 || got[0] != inside || between != inside {
				t.Errorf("the answer has %q, the context %q and further in %q", got, between, inside)
			}
			if tt.kept && inside != tt.sent {
				t.Errorf("%q became %q", tt.sent, inside)
			}
			if !tt.kept {
				if id, err := uuid.Parse(inside); err != nil || id.Version() != 7 || len(inside) != 36 {
					t.Errorf("%q became %q, want a UUIDv7", tt.sent, inside)
				}
			}
		})
	}
}

func TestEmptyContext(t *testing.T) {
	if c, ok := CallerFrom(t.Context()); ok || c != (Caller{}) {
		t.Errorf("CallerFrom: %+v, %v", c, ok)
	}
	if id := RequestIDFrom(t.Context()); id != "" {
		t.Errorf("RequestIDFrom: %q", id)
	}
	if ctx, err := Settle(t.Context()); ctx != t.Context() || err != nil {
		t.Errorf("Settle: %v, %v", ctx, err)
	}
}
