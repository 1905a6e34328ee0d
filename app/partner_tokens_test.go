package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
)

func TestPartnerSecrets(t *testing.T) {
	p := newPartnership(t)
	create := `mutation { partnerClientCreate(input: {name: "Billing", scopes: [USERS_READ], idempotencyKey: "k"}) { partnerClient { id clientId } clientSecret errors { code } } }`
	first := p.ask(p.admin, create)["partnerClientCreate"].(map[string]any)
	again := p.ask(p.admin, create)["partnerClientCreate"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"partnerClient": first["partnerClient"], "clientSecret": nil, "errors": []any{}}, again); diff != "" {
		t.Errorf("the same key again (-want +got):\n%s", diff)
	}
	client := first["partnerClient"].(map[string]any)
	c := made{client["id"].(string), client["clientId"].(string), first["clientSecret"].(string)}
	if raw, err := base64.RawURLEncoding.DecodeString(c.secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret has %d bytes, %v", len(raw), err)
	}
	token := p.tokenOf(c)

	rotated := p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientRotate(input: {id: %q}) { clientSecret partnerClient { rotatedAt } errors { code } } }`, c.id))["partnerClientRotate"].(map[string]any)
	if answer, body := p.post(credentials(c.clientID, c.secret), nil); answer.StatusCode != http.StatusUnauthorized || body["error"] != "invalid_client" {
		t.Errorf("the old secret: %s %v", answer.Status, body)
	}
	p.tokenOf(made{c.id, c.clientID, rotated["clientSecret"].(string)})
	p.ask(token, `{ viewer { scopes } }`) // goes on

	p.ask(p.admin, fmt.Sprintf(`mutation { partnerClientRevoke(input: {id: %q}) { deletedPartnerClientId errors { code } } }`, c.id))
	revoked := time.Now()
	if answer, body := p.post(credentials(c.clientID, rotated["clientSecret"].(string)), nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the revoked client's secret: %s %v", answer.Status, body)
	}
	for {
		status, code, _ := p.try(token, `{ viewer { scopes } }`)
		if status == http.StatusUnauthorized && code == "UNAUTHENTICATED" {
			break
		}
		if time.Since(revoked) > 5*time.Second {
			t.Fatal("the token is still good 5 s after the revocation")
		}
	}
	for _, secret := range []string{c.secret, rotated["clientSecret"].(string), token} {
		if strings.Contains(p.stderr.String()+p.stdout.String(), secret) {
			t.Error("a secret stands in the log")
		}
	}
}

func TestTokenRequests(t *testing.T) {
	p := newPartnership(t)
	c := p.create("Billing", "GROUPS_READ")
	good := credentials(c.clientID, c.secret)
	with := func(name, value string) url.Values {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		form.Set(name, value)
		return form
	}
	other := models.FormatClientID(models.AccountID{1}, models.PartnerClientID{2})
	tests := map[string]struct {
		form   url.Values
		edit   func(*http.Request)
		status int
		code   string
	}{
		"good": {form: good, status: 200},
		"a type with a charset": {form: good, edit: func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}, status: 200},
		"GET":                         {form: good, edit: func(r *http.Request) { r.Method = http.MethodGet }, status: 405, code: "invalid_request"},
		"PUT":                         {form: good, edit: func(r *http.Request) { r.Method = http.MethodPut }, status: 405, code: "invalid_request"},
		"no content type":             {form: good, edit: func(r *http.Request) { r.Header.Del("Content-Type") }, status: 400, code: "invalid_request"},
		"JSON":                        {form: good, edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, status: 400, code: "invalid_request"},
		"a body too large":            {form: with("x", strings.Repeat("x", 9<<10)), status: 413, code: "invalid_request"},
		"parameters in the address":   {form: good, edit: func(r *http.Request) { r.URL.RawQuery = "scope=groups%3Aread" }, status: 400, code: "invalid_request"},
		"a malformed body":            {form: good, edit: func(r *http.Request) { body(r, "grant_type=%zz") }, status: 400, code: "invalid_request"},
		"something twice":             {form: good, edit: func(r *http.Request) { body(r, good.Encode()+"&client_id=x") }, status: 400, code: "invalid_request"},
		"no grant":                    {form: with("grant_type", ""), status: 400, code: "invalid_request"},
		"another grant":               {form: with("grant_type", "password"), status: 400, code: "unsupported_grant_type"},
		"both ways":                   {form: good, edit: func(r *http.Request) { r.SetBasicAuth(c.clientID, c.secret) }, status: 400, code: "invalid_request"},
		"a scope that it has not":     {form: with("scope", "groups:read users:read"), status: 400, code: "invalid_scope"},
		"a scope that there is not":   {form: with("scope", "groups:write"), status: 400, code: "invalid_scope"},
		"a scope by GraphQL's name":   {form: with("scope", "GROUPS_READ"), status: 400, code: "invalid_scope"},
		"no client":                   {form: with("client_id", ""), status: 401, code: "invalid_client"},
		"no secret":                   {form: with("client_secret", ""), status: 401, code: "invalid_client"},
		"another scheme":              {form: url.Values{"grant_type": {"client_credentials"}}, edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, status: 401, code: "invalid_client"},
		"a wrong secret":              {form: with("client_secret", c.secret[1:]+"x"), status: 401, code: "invalid_client"},
		"the hash for a secret":       {form: with("client_secret", string(models.HashClientSecret(c.secret))), status: 401, code: "invalid_client"},
		"an unknown client":           {form: with("client_id", other), status: 401, code: "invalid_client"},
		"the id in place of the name": {form: with("client_id", c.id), status: 401, code: "invalid_client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answer, got := p.post(tt.form, tt.edit)
			code, _ := got["error"].(string)
			if answer.StatusCode != tt.status || code != tt.code || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %v %v, want %d %s", answer.Status, answer.Header, got, tt.status, tt.code)
			}
			if tt.status == 401 && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("no challenge: %v", answer.Header)
			}
		})
	}
	_, wrong := p.post(with("client_secret", "x"), nil)
	_, unknown := p.post(with("client_id", other), nil)
	if diff := cmp.Diff(wrong, unknown); diff != "" {
		t.Errorf("a wrong secret and an unknown client are told apart:\n%s", diff)
	}
}

// body replaces a request's.
func body(r *http.Request, text string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
}

// Whoever guesses is stopped, and nobody else.
func TestTokenFailuresAreCounted(t *testing.T) {
	p := newPartnership(t)
	victim, other := p.create("Victim", "GROUPS_READ"), p.create("Other", "GROUPS_READ")
	limited := 0
	for range 12 {
		answer, _ := p.post(credentials(victim.clientID, "guess"), nil)
		if answer.StatusCode == http.StatusTooManyRequests && answer.Header.Get("Retry-After") != "" {
			limited++
		}
	}
	if limited == 0 {
		t.Error("12 wrong secrets are not too many")
	}
	if answer, body := p.post(credentials(victim.clientID, victim.secret), nil); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the right one after them: %s %v", answer.Status, body)
	}
	p.tokenOf(other)
}

// Tokens that are not Cohort's own make nobody a partner.
func TestForgedPartnerTokens(t *testing.T) {
	p := newPartnership(t)
	c := p.create("Billing", "GROUPS_READ")
	token := p.tokenOf(c)
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != c.id || claims["scope"] != "groups:read" || claims["exp"].(float64)-claims["iat"].(float64) != 900 {
		t.Errorf("claims: %v", claims)
	}
	admin := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(p.admin, admin); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := tokens.Key("partner tokens")
	if err != nil {
		t.Fatal(err)
	}
	const kind = "cohort-partner+jwt"
	sign := func(method jwt.SigningMethod, typ string, key any, edit map[string]any) string {
		changed := jwt.MapClaims{}
		for name, value := range claims {
			changed[name] = value
		}
		for name, value := range edit {
			changed[name] = value
		}
		made := jwt.NewWithClaims(method, changed)
		made.Header["typ"] = typ
		text, err := made.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	past := float64(time.Now().Add(-20 * time.Minute).Unix())
	refused := map[string]string{
		"signed with the secret":        sign(jwt.SigningMethodHS256, kind, []byte(testSecret), nil),
		"the secret and the usual type": sign(jwt.SigningMethodHS256, "JWT", []byte(testSecret), nil),
		"the key under another type":    sign(jwt.SigningMethodHS256, "JWT", key, nil),
		"a user by the partners' key":   sign(jwt.SigningMethodHS256, kind, key, map[string]any{"sub": admin["sub"]}),
		"no algorithm":                  sign(jwt.SigningMethodNone, kind, jwt.UnsafeAllowNoneSignatureType, nil),
		"another algorithm":             sign(jwt.SigningMethodHS512, kind, key, nil),
		"expired":                       sign(jwt.SigningMethodHS256, kind, key, map[string]any{"iat": past, "exp": past + 900}),
		"a scope that there is not":     sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": "groups:write"}),
		"without a scope":               sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": ""}),
		"of another account":            sign(jwt.SigningMethodHS256, kind, key, map[string]any{"account": models.AccountID{1}.String()}),
		"a client that there is not":    sign(jwt.SigningMethodHS256, kind, key, map[string]any{"sub": models.PartnerClientID{1}.String()}),
		"another scope, old signature":  swapped(token, `"groups:read"`, `"users:read"`),
	}
	for name, text := range refused {
		if status, code, body := p.try(text, `{ viewer { scopes } }`); status != http.StatusUnauthorized || code != "UNAUTHENTICATED" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	// What the client itself hasn't got, no token of its gives.
	more := sign(jwt.SigningMethodHS256, kind, key, map[string]any{"scope": "groups:read users:read", "role": "super_admin"})
	if _, code, body := p.try(more, `{ users { nodes { email } } }`); code != "FORBIDDEN" {
		t.Errorf("more than the client has: %s", body)
	}
	// A scope in a user's token is nothing.
	admin["scope"] = "users:read"
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, admin).SignedString([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := p.ask(text, `{ viewer { role scopes partnerClient { id } } }`)
	if diff := cmp.Diff(map[string]any{"viewer": map[string]any{"role": "SUPER_ADMIN", "scopes": []any{}, "partnerClient": nil}}, got); diff != "" {
		t.Errorf("a user with a scope (-want +got):\n%s", diff)
	}
}

// swapped replaces something in a token's claims and leaves the signature.
func swapped(token, old, changed string) string {
	parts := strings.Split(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(raw, []byte(old), []byte(changed), 1))
	return strings.Join(parts, ".")
}

// An unknown client costs what a wrong secret costs: the same statements on the database.
func TestUnknownClientsTakeAsLong(t *testing.T) {
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "ada@example.org")
	var statements atomic.Int64
	guard := w.inspect
	w.inspect = func(ctx context.Context, sql string) error {
		if strings.Contains(sql, "partner_clients") {
			statements.Add(1)
		}
		return guard(ctx, sql)
	}
	p := &partnership{server: w.start("serve"), t: t, w: w, admin: strings.TrimSpace(w.must("token", "--user", "ada@example.org", "--account", "Acme"))}
	c := p.create("Billing", "GROUPS_READ")
	account, _, _ := models.ParseClientID(c.clientID)
	for name, client := range map[string]string{
		"a wrong secret": c.clientID, "no such client": models.FormatClientID(account, models.PartnerClientID{1}),
		"no such account": models.FormatClientID(models.AccountID{1}, models.PartnerClientID{1}), "no client's name": "x",
	} {
		before := statements.Load()
		if answer, _ := p.post(credentials(client, "x"), nil); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, answer.Status)
		}
		if n := statements.Load() - before; n != 1 {
			t.Errorf("%s takes %d statements, not 1", name, n)
		}
	}
}
