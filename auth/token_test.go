package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	secret  = []byte("a secret of at least 32 bytes, for tests")
	alice   = models.UserID{1, 2, 3}
	acme    = models.AccountID{4, 5, 6}
	inAnHr  = noon.Add(time.Hour)
	noClaim = struct{}{} // in changes of claims: takes one away
)

func tokensAt(t testing.TB, now time.Time) *Tokens {
	return tokensFor(t, TokenOptions{Now: func() time.Time { return now }})
}

func tokensFor(t testing.TB, o TokenOptions) *Tokens {
	t.Helper()
	if o.Secret == nil {
		o.Secret = secret
	}
	tokens, err := NewTokens(o)
	if err != nil {
		t.Fatalf("NewTokens: %v", err)
	}
	return tokens
}

type object = map[string]any

// rawToken signs by hand, with none of the code under test.
func rawToken(t testing.TB, header, claims any, secret []byte, algorithm func() hash.Hash) string {
	t.Helper()
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := encode(header) + "." + encode(claims)
	mac := hmac.New(algorithm, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// claimsWith are good claims at noon, with changes.
func claimsWith(changes object) object {
	claims := object{
		"sub": alice.String(), "account": acme.String(), "role": "admin",
		"iss": "https://id.example", "aud": "cohort",
		"iat": noon.Unix(), "exp": inAnHr.Unix(),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == noClaim })
	return claims
}

func hs256(t testing.TB, changes object) string {
	return rawToken(t, object{"alg": "HS256", "typ": "JWT"}, claimsWith(changes), secret, sha256.New)
}

func at(d time.Duration) int64 { return noon.Add(d).Unix() }

func TestVerifyAccepts(t *testing.T) {
	role := func(r models.Role) func(*Claims) { return func(c *Claims) { c.Role = r } }
	from := func(d time.Duration) func(*Claims) { return func(c *Claims) { c.IssuedAt = noon.Add(d) } }
	until := func(d time.Duration) func(*Claims) { return func(c *Claims) { c.ExpiresAt = noon.Add(d) } }
	usual := func(*Claims) {}
	tests := map[string]struct {
		claims object
		want   func(*Claims) // how they differ from the usual ones
	}{
		"the usual":                       {nil, usual},
		"no role":                         {object{"role": noClaim}, role("")},
		"super admins":                    {object{"role": "super_admin"}, role(models.RoleSuperAdmin)},
		"members":                         {object{"role": "member"}, role(models.RoleMember)},
		"a life of 24 hours":              {object{"exp": at(24 * time.Hour)}, until(24 * time.Hour)},
		"24 hours without an iat":         {object{"iat": noClaim, "exp": at(24 * time.Hour)}, until(24 * time.Hour)},
		"the last second":                 {object{"exp": at(time.Second)}, until(time.Second)},
		"iat 30 s ahead":                  {object{"iat": at(30 * time.Second)}, from(30 * time.Second)},
		"iat nearly a day ago":            {object{"iat": at(-23 * time.Hour)}, from(-23 * time.Hour)},
		"nbf 30 s ahead":                  {object{"nbf": at(30 * time.Second)}, usual},
		"nbf long ago":                    {object{"nbf": 0}, usual},
		"a fraction of a second":          {object{"exp": json.Number(fmt.Sprint(inAnHr.Unix()) + ".9")}, usual},
		"an audience among several":       {object{"aud": []string{"other", "cohort"}}, usual},
		"claims that mean nothing to us":  {object{"email": "a@example.com", "scope": "users:read", "nonce": 1}, usual},
		"claims that differ in case only": {object{"Role": "super_admin", "SUB": models.UserID{9}.String(), "Exp": 1}, usual},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tokens := tokensFor(t, TokenOptions{
				Issuer: "https://id.example", Audience: "cohort", Now: func() time.Time { return noon },
			})
			want := Claims{User: alice, Account: acme, Role: models.RoleAdmin, IssuedAt: noon, ExpiresAt: inAnHr}
			tt.want(&want)
			wantVerified(t, tokens, hs256(t, tt.claims), want)
		})
	}

	usualClaims := Claims{User: alice, Account: acme, Role: models.RoleAdmin, IssuedAt: noon, ExpiresAt: inAnHr}
	t.Run("any issuer and audience when none is set", func(t *testing.T) {
		wantVerified(t, tokensAt(t, noon), hs256(t, object{"iss": "x", "aud": 7}), usualClaims)
	})
	t.Run("a key id, which says nothing", func(t *testing.T) {
		text := rawToken(t, object{"alg": "HS256", "kid": "../../dev/null"}, claimsWith(nil), secret, sha256.New)
		wantVerified(t, tokensAt(t, noon), text, usualClaims)
	})
	t.Run("4 KiB", func(t *testing.T) { wantVerified(t, tokensAt(t, noon), sized(t, maxTokenBytes), usualClaims) })
}

func wantVerified(t *testing.T, tokens *Tokens, text string, want Claims) {
	t.Helper()
	for _, look := range []string{"first", "second"} { // which finds it kept
		got, err := tokens.Verify(text)
		if err != nil {
			t.Fatalf("the %s Verify: %v", look, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("claims of the %s Verify (-want +got):\n%s", look, diff)
		}
	}
}

// sized is a good token of so many bytes.
func sized(t *testing.T, size int) string {
	t.Helper()
	for fill := size / 2; fill < size; fill++ {
		if text := hs256(t, object{"fill": strings.Repeat("x", fill)}); len(text) == size {
			return text
		}
	}
	t.Fatalf("no token has %d bytes", size)
	return ""
}

func TestNewTokensRefusesAShortSecret(t *testing.T) {
	_, err := NewTokens(TokenOptions{Secret: secret[:31]})
	const want = "the secret that signs tokens has 31 bytes and needs at least 32"
	if err == nil || err.Error() != want {
		t.Errorf("NewTokens: %v, want %s", err, want)
	}
	if _, err := NewTokens(TokenOptions{Secret: secret[:32]}); err != nil {
		t.Errorf("NewTokens with 32 bytes: %v", err)
	}
}

func TestTokensHaveTheirOwnSecret(t *testing.T) {
	given := bytes.Clone(secret)
	tokens := tokensFor(t, TokenOptions{Secret: given, Now: func() time.Time { return noon }})
	clear(given)
	if _, err := tokens.Verify(hs256(t, nil)); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func TestIssueRefuses(t *testing.T) {
	good := Claims{User: alice, Account: acme, ExpiresAt: inAnHr}
	tests := map[string]struct {
		change func(*Claims)
		want   string
	}{
		"no user":                  {func(c *Claims) { c.User = models.UserID{} }, "issue a token: it needs a user and an account"},
		"no account":               {func(c *Claims) { c.Account = models.AccountID{} }, "issue a token: it needs a user and an account"},
		"an unknown role":          {func(c *Claims) { c.Role = "OWNER" }, "issue a token: there is no such role"},
		"a role in small letters":  {func(c *Claims) { c.Role = "admin" }, "issue a token: there is no such role"},
		"no expiry":                {func(c *Claims) { c.ExpiresAt = time.Time{} }, "issue a token: it must expire later than it is issued"},
		"a life of nothing":        {func(c *Claims) { c.ExpiresAt = noon }, "issue a token: it must expire later than it is issued"},
		"a life of half a second":  {func(c *Claims) { c.ExpiresAt = noon.Add(500 * time.Millisecond) }, "issue a token: it must expire later than it is issued"},
		"a life that ends before":  {func(c *Claims) { c.IssuedAt = inAnHr.Add(time.Second) }, "issue a token: it must expire later than it is issued"},
		"more than 24 hours":       {func(c *Claims) { c.ExpiresAt = noon.Add(24*time.Hour + time.Second) }, "issue a token: it may live for at most 24h0m0s"},
		"more than 24 hours, late": {func(c *Claims) { c.IssuedAt = noon.Add(-24 * time.Hour) }, "issue a token: it may live for at most 24h0m0s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			claims := good
			tt.change(&claims)
			text, err := tokensAt(t, noon).Issue(claims)
			if err == nil || err.Error() != tt.want || text != "" {
				t.Errorf("Issue: %q, %v, want %s", text, err, tt.want)
			}
		})
	}
}

func TestIssuedTokensVerify(t *testing.T) {
	for _, role := range append([]models.Role{""}, models.AllRole...) {
		for _, o := range []TokenOptions{{}, {Issuer: "https://id.example", Audience: "cohort"}} {
			o.Now = func() time.Time { return noon.Add(700 * time.Millisecond) }
			tokens := tokensFor(t, o)
			text, err := tokens.Issue(Claims{User: alice, Account: acme, Role: role, ExpiresAt: o.Now().Add(24 * time.Hour)})
			if err != nil {
				t.Fatalf("Issue for %q: %v", role, err)
			}
			wantVerified(t, tokens, text, Claims{
				User: alice, Account: acme, Role: role, IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
			})
		}
	}
}

// What is on the wire is the contract with others who issue or read tokens.
func TestIssuedClaims(t *testing.T) {
	tests := map[string]struct {
		role    models.Role
		options TokenOptions
		want    object
	}{
		"as little as can be": {want: object{}},
		"all of them": {
			role: models.RoleSuperAdmin, options: TokenOptions{Issuer: "https://id.example", Audience: "cohort"},
			want: object{"role": "super_admin", "iss": "https://id.example", "aud": "cohort"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.options.Now = func() time.Time { return noon }
			text, err := tokensFor(t, tt.options).Issue(Claims{User: alice, Account: acme, Role: tt.role, ExpiresAt: inAnHr})
			if err != nil {
				t.Fatalf("Issue: %v", err)
			}
			var got object
			raw, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
			if err = errors.Join(err, json.Unmarshal(raw, &got)); err != nil {
				t.Fatalf("read the claims: %v", err)
			}
			maps.Copy(tt.want, object{
				"sub": alice.String(), "account": acme.String(), "iat": float64(noon.Unix()), "exp": float64(inAnHr.Unix()),
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeptTokens(t *testing.T) {
	now := noon
	tokens := tokensFor(t, TokenOptions{Now: func() time.Time { return now }})
	text := hs256(t, nil)
	if _, err := tokens.Verify(text); err != nil {
		t.Fatalf("Verify: %v", err)
	}

	tokens.secret = []byte("another secret: who still accepts the token has kept it")
	now = inAnHr.Add(-time.Nanosecond)
	if _, err := tokens.Verify(text); err != nil {
		t.Errorf("Verify just before it expires: %v", err)
	}
	now = inAnHr
	if _, err := tokens.Verify(text); !errors.Is(err, ErrUnauthenticated) || err.Error() != "unauthenticated: the token has expired" {
		t.Errorf("Verify when it expires: %v", err)
	}
	if n := tokens.kept.Len(); n != 0 {
		t.Errorf("%d tokens are kept after their expiry", n)
	}
}

func TestKeptTokensAreBounded(t *testing.T) {
	tokens := tokensAt(t, noon)
	for i := range keptTokens + 10 {
		text, err := tokens.Issue(Claims{User: models.UserID{1, byte(i), byte(i >> 8)}, Account: acme, ExpiresAt: inAnHr})
		if err != nil {
			t.Fatalf("Issue: %v", err)
		}
		if _, err := tokens.Verify(text); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	}
	if n := tokens.kept.Len(); n != keptTokens {
		t.Errorf("%d tokens are kept, want %d", n, keptTokens)
	}
}
