package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cohort/models"
)

// keys that last for all tests: making them takes long.
var (
	rsaKey     = must(rsa.GenerateKey(rand.Reader, 2048))
	weakKey    = must(rsa.GenerateKey(rand.Reader, 1024))
	ecKey      = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ec384Key   = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, edKey   = must2(ed25519.GenerateKey(rand.Reader))
	_, otherEd = must2(ed25519.GenerateKey(rand.Reader))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// jwk is the public key as a provider publishes it, with changes.
func jwk(key crypto.Signer, kid string, changes object) object {
	b64 := base64.RawURLEncoding.EncodeToString
	var out object
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		out = object{"kty": "RSA", "n": b64(public.N.Bytes()), "e": "AQAB"}
	case *ecdsa.PublicKey:
		raw := must(public.Bytes())[1:]
		out = object{"kty": "EC", "crv": public.Curve.Params().Name, "x": b64(raw[:len(raw)/2]), "y": b64(raw[len(raw)/2:])}
	case ed25519.PublicKey:
		out = object{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}
	}
	out["use"], out["kid"] = "sig", kid
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == noClaim || v == "" })
	return out
}

// provider is an identity provider on this machine, of which the keys are all that there is.
type provider struct {
	t      *testing.T
	mu     sync.Mutex
	keys   []object
	status int
	asked  atomic.Int32
	log    bytes.Buffer
	now    time.Time
	tokens *Tokens
	made   *Provider
}

func newProvider(t *testing.T, o ProviderOptions, keys ...object) *provider {
	t.Helper()
	p := &provider{t: t, keys: keys, now: noon, status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		w.WriteHeader(p.status)
		_ = json.NewEncoder(w).Encode(object{"keys": p.keys})
	}))
	t.Cleanup(server.Close)
	o.JWKS, o.Issuer, o.Audience = server.URL+"/jwks?secret=canary", "https://id.example", "cohort"
	o.Now = func() time.Time { return p.now }
	o.Log = slog.New(slog.NewJSONHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if p.made, err = NewProvider(o); err != nil {
		t.Fatal(err)
	}
	p.tokens = tokensFor(t, TokenOptions{Now: o.Now, Audience: "cohort", Provider: p.made})
	return p
}

func (p *provider) publish(keys ...object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

func (p *provider) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

func usualKeys() []object {
	return []object{jwk(rsaKey, "rsa", nil), jwk(ecKey, "ec", nil), jwk(edKey, "ed", nil)}
}

// foreign are claims as a provider makes them.
func foreign(changes object) jwt.MapClaims {
	claims := object{"sub": "auth0|4711", "account": acme.String(), "role": noClaim, "email": "Alice@example.com", "email_verified": true}
	maps.Copy(claims, changes)
	return claimsWith(claims)
}

func signed(method jwt.SigningMethod, key any, header object, claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, v any) bool { return v == noClaim })
	return must(token.SignedString(key))
}

func TestProviderTokens(t *testing.T) {
	visitor := Visitor{"https://id.example", "auth0|4711", "Alice@example.com"}
	usual := Claims{Account: acme, Visitor: visitor, IssuedAt: noon, ExpiresAt: inAnHr}
	with := func(f func(c *Claims)) Claims { c := usual; f(&c); return c }
	ed := func(changes object) string {
		return signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "ed"}, foreign(changes))
	}
	tests := map[string]struct {
		options ProviderOptions
		text    string
		want    Claims
	}{
		"RS256":           {text: signed(jwt.SigningMethodRS256, rsaKey, object{"kid": "rsa"}, foreign(nil)), want: usual},
		"ES256":           {text: signed(jwt.SigningMethodES256, ecKey, object{"kid": "ec"}, foreign(nil)), want: usual},
		"EdDSA":           {text: ed(nil), want: usual},
		"an access token": {text: signed(jwt.SigningMethodES256, ecKey, object{"kid": "ec", "typ": "at+jwt"}, foreign(nil)), want: usual},
		"HS256 by our secret, whatever its issuer": {
			text: hs256(t, object{"iss": "https://elsewhere.example", "email": "alice@example.com", "email_verified": true}),
			want: Claims{User: alice, Account: acme, Role: models.RoleAdmin, IssuedAt: noon, ExpiresAt: inAnHr},
		},
		"a user's id as sub":       {text: ed(object{"sub": alice.String()}), want: with(func(c *Claims) { c.User, c.Visitor = alice, Visitor{} })},
		"an e-mail not verified":   {text: ed(object{"email_verified": false}), want: with(func(c *Claims) { c.Visitor.Email = "" })},
		"verified as a text":       {text: ed(object{"email_verified": "true"}), want: with(func(c *Claims) { c.Visitor.Email = "" })},
		"nothing on verification":  {text: ed(object{"email_verified": noClaim}), want: with(func(c *Claims) { c.Visitor.Email = "" })},
		"an e-mail that folds":     {text: ed(object{"email": "ﬁona@example.com"}), want: with(func(c *Claims) { c.Visitor.Email = "" })},
		"no account":               {text: ed(object{"account": noClaim}), want: with(func(c *Claims) { c.Account = models.AccountID{} })},
		"a role":                   {text: ed(object{"role": "admin"}), want: with(func(c *Claims) { c.Role = models.RoleAdmin })},
		"the highest of the roles": {text: ed(object{"role": []any{"offline_access", "member", "admin", 7}}), want: with(func(c *Claims) { c.Role = models.RoleAdmin })},
		"no iat":                   {text: ed(object{"iat": noClaim, "exp": at(24 * time.Hour)}), want: with(func(c *Claims) { c.ExpiresAt = noon.Add(24 * time.Hour) })},
		"claims under addresses": {
			options: ProviderOptions{AccountClaim: "https://example.com/account", RoleClaim: "https://example.com/role"},
			text:    ed(object{"account": "x", "role": "owner", "https://example.com/account": acme.String(), "https://example.com/role": "member"}),
			want:    with(func(c *Claims) { c.Role = models.RoleMember }),
		},
		"claims inside others": {
			options: ProviderOptions{AccountClaim: "cohort.account", RoleClaim: "resource_access.cohort.roles"},
			text: ed(object{
				"account": noClaim, "cohort": object{"account": acme.String()},
				"resource_access": object{"cohort": object{"roles": []string{"super_admin"}}},
			}),
			want: with(func(c *Claims) { c.Role = models.RoleSuperAdmin }),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, tt.options, usualKeys()...)
			for range 2 { // the second time it is kept
				if got, err := p.tokens.Verify(tt.text); err != nil || got != tt.want {
					t.Errorf("%v\n got %+v\nwant %+v", err, got, tt.want)
				}
			}
		})
	}
}

func TestProviderRefuses(t *testing.T) {
	const unknown, otherAlgorithm = "the token's key is not one of the provider's", "the token's key is for another algorithm"
	const notAsked, noKid = "the token's header asks for what is not supported", "the token's kid is not that of a key"
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&rsaKey.PublicKey))})
	byHMAC := func(key []byte) string {
		return rawToken(t, object{"alg": "HS256", "kid": "rsa"}, foreign(nil), key, sha256.New)
	}
	rs := func(header object) string { return signed(jwt.SigningMethodRS256, rsaKey, header, foreign(nil)) }
	ed := func(changes object) string {
		return signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "ed"}, foreign(changes))
	}
	none := signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, object{"kid": "rsa"}, foreign(nil))
	tests := map[string]struct {
		keys []object // the usual ones by default
		text string
		want string
	}{
		"none":                                     {text: none, want: "the token is not signed with HS256, RS256, ES256, EdDSA"},
		"HS256 by the public key, as PEM":          {text: byHMAC(public), want: "the token's signature is wrong"},
		"HS256 by the public key, as DER":          {text: byHMAC(x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), want: "the token's signature is wrong"},
		"PS256 by the key for RS256":               {text: signed(jwt.SigningMethodPS256, rsaKey, object{"kid": "rsa"}, foreign(nil)), want: "the token is not signed with HS256, RS256, ES256, EdDSA"},
		"RS512 by the key for RS256":               {text: signed(jwt.SigningMethodRS512, rsaKey, object{"kid": "rsa"}, foreign(nil)), want: "the token is not signed with HS256, RS256, ES256, EdDSA"},
		"RS256 that names the key for ES256":       {text: rs(object{"kid": "ec"}), want: otherAlgorithm},
		"EdDSA that names the key for RS256":       {text: signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "rsa"}, foreign(nil)), want: otherAlgorithm},
		"another's signature":                      {text: signed(jwt.SigningMethodEdDSA, otherEd, object{"kid": "ed"}, foreign(nil)), want: "the token's signature is wrong"},
		"a key that the provider has for PS256":    {keys: []object{jwk(rsaKey, "rsa", object{"alg": "PS256"})}, text: rs(object{"kid": "rsa"}), want: unknown},
		"a key that it has for encryption":         {keys: []object{jwk(rsaKey, "rsa", object{"use": "enc"})}, text: rs(object{"kid": "rsa"}), want: unknown},
		"a key whose operations are others":        {keys: []object{jwk(rsaKey, "rsa", object{"use": noClaim, "key_ops": []string{"encrypt"}})}, text: rs(object{"kid": "rsa"}), want: unknown},
		"a key of 1024 bits":                       {keys: []object{jwk(weakKey, "rsa", nil)}, text: rs(object{"kid": "rsa"}), want: unknown},
		"a curve for another algorithm":            {keys: []object{jwk(ec384Key, "ec", nil)}, text: signed(jwt.SigningMethodES256, ecKey, object{"kid": "ec"}, foreign(nil)), want: unknown},
		"a secret among the published keys":        {keys: []object{{"kty": "oct", "kid": "rsa", "k": "c2VjcmV0"}}, text: rs(object{"kid": "rsa"}), want: unknown},
		"no keys at all":                           {keys: []object{}, text: rs(object{"kid": "rsa"}), want: unknown},
		"an unknown kid":                           {text: rs(object{"kid": "new"}), want: unknown},
		"a kid in capitals":                        {text: rs(object{"kid": "RSA"}), want: unknown},
		"a path as kid":                            {text: rs(object{"kid": "../../dev/null"}), want: unknown},
		"SQL as kid":                               {text: rs(object{"kid": "rsa' OR '1'='1"}), want: unknown},
		"an address as kid":                        {text: rs(object{"kid": "https://evil.example/jwks"}), want: unknown},
		"a kid of 257 characters":                  {text: rs(object{"kid": strings.Repeat("r", 257)}), want: noKid},
		"an empty kid":                             {text: rs(object{"kid": ""}), want: noKid},
		"a number as kid":                          {text: rs(object{"kid": 1}), want: noKid},
		"a list as kid":                            {text: rs(object{"kid": []string{"rsa"}}), want: noKid},
		"no kid, and several keys":                 {text: rs(nil), want: "the token has no kid, and the provider not one key alone"},
		"no kid, and one key of another algorithm": {keys: usualKeys()[2:], text: rs(nil), want: otherAlgorithm},
		"jku":                           {text: rs(object{"kid": "rsa", "jku": "https://evil.example"}), want: notAsked},
		"jwk":                           {text: rs(object{"kid": "rsa", "jwk": jwk(rsaKey, "rsa", nil)}), want: notAsked},
		"x5u":                           {text: rs(object{"kid": "rsa", "x5u": "https://evil.example"}), want: notAsked},
		"x5c":                           {text: rs(object{"kid": "rsa", "x5c": []string{"MII"}}), want: notAsked},
		"crit":                          {text: rs(object{"kid": "rsa", "crit": []string{"exp"}}), want: notAsked},
		"a notice of a logout":          {text: rs(object{"kid": "rsa", "typ": "logout+jwt"}), want: "the token is of another kind than one for access or an id token"},
		"no exp":                        {text: ed(object{"exp": noClaim}), want: "the token has no exp"},
		"exp a second ago":              {text: ed(object{"iat": at(-time.Hour), "exp": at(-time.Second)}), want: "the token has expired"},
		"a life of 24 hours and 1 s":    {text: ed(object{"exp": at(24*time.Hour + time.Second)}), want: "the token lives longer than 24 hours"},
		"the same without iat":          {text: ed(object{"iat": noClaim, "exp": at(24*time.Hour + time.Second)}), want: "the token lives longer than 24 hours"},
		"nbf 31 s ahead":                {text: ed(object{"nbf": at(31 * time.Second)}), want: "the token is not valid yet"},
		"another issuer":                {text: ed(object{"iss": "https://id.example/"}), want: "the token is of another issuer"},
		"no issuer":                     {text: ed(object{"iss": noClaim}), want: "the token is of another issuer"},
		"another audience":              {text: ed(object{"aud": "other"}), want: "the token is for another audience"},
		"no audience":                   {text: ed(object{"aud": noClaim}), want: "the token is for another audience"},
		"no sub":                        {text: ed(object{"sub": noClaim}), want: "the token's sub is not a name of 1 to 255 printable characters"},
		"a sub with a space at its end": {text: ed(object{"sub": "auth0|4711 "}), want: "the token's sub is not a name of 1 to 255 printable characters"},
		"a sub of 256 characters":       {text: ed(object{"sub": strings.Repeat("s", 256)}), want: "the token's sub is not a name of 1 to 255 printable characters"},
		"an account that is none":       {text: ed(object{"account": "acme"}), want: "the token's account is not the id of an account"},
		"account null":                  {text: ed(object{"account": nil}), want: "the token's account is not the id of an account"},
		"an unknown role":               {text: ed(object{"role": "owner"}), want: "the token's role is not one that there is"},
		"roles of others":               {text: ed(object{"role": []string{"offline_access"}}), want: "the token's role is not one that there is"},
		"4 KiB and more":                {text: ed(object{"padding": strings.Repeat("x", maxTokenBytes)}), want: "the token is longer than 4 KiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.keys == nil {
				tt.keys = usualKeys()
			}
			wantRefused(t, newProvider(t, ProviderOptions{}, tt.keys...).tokens, tt.text, tt.want)
		})
	}
	t.Run("one key alone needs no kid", func(t *testing.T) {
		if _, err := newProvider(t, ProviderOptions{}, usualKeys()[0]).tokens.Verify(rs(nil)); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyRotation(t *testing.T) {
	p := newProvider(t, ProviderOptions{}, jwk(edKey, "old", nil))
	before := signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "old"}, foreign(nil))
	after := signed(jwt.SigningMethodES256, ecKey, object{"kid": "new"}, foreign(nil))
	_ = p.made.keys.refresh(t.Context())
	if _, err := p.tokens.Verify(before); err != nil {
		t.Fatal(err)
	}
	p.publish(jwk(ecKey, "new", nil))
	if _, err := p.tokens.Verify(after); err != nil {
		t.Errorf("a token by the new key: %v", err)
	}
	if _, err := p.tokens.Verify(before); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("a token by the old key, which was kept: %v", err)
	}
	t.Run("the same kid for another key", func(t *testing.T) {
		p.publish(jwk(edKey, "new", nil))
		_ = p.made.keys.refresh(t.Context())
		if _, err := p.tokens.Verify(after); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("kept: %v", err)
		}
	})
	t.Run("a provider that fails changes nothing", func(t *testing.T) {
		p.publish(jwk(ecKey, "new", nil))
		_ = p.made.keys.refresh(t.Context())
		p.answer(http.StatusBadGateway)
		_ = p.made.keys.refresh(t.Context())
		if _, err := p.tokens.Verify(after); err != nil {
			t.Error(err)
		}
	})
}

func TestFloodOfUnknownKeys(t *testing.T) {
	p := newProvider(t, ProviderOptions{}, usualKeys()...)
	_ = p.made.keys.refresh(t.Context())
	flood := func() {
		for i := range 200 {
			text := signed(jwt.SigningMethodEdDSA, otherEd, object{"kid": "k" + time.Duration(i).String()}, foreign(nil))
			if _, err := p.tokens.Verify(text); !errors.Is(err, ErrUnauthenticated) {
				t.Fatal(err)
			}
		}
	}
	flood()
	if asked := p.asked.Load(); asked != 1+unknownKeys {
		t.Errorf("the provider was asked %d times, want once at the start and %d times more", asked, unknownKeys)
	}
	p.now = p.now.Add(unknownKeyGap)
	flood()
	if asked := p.asked.Load(); asked != 2+unknownKeys {
		t.Errorf("the provider was asked %d times, 30 s later", asked)
	}
	p.now = p.now.Add(unknownKeyGap)
	_, _ = p.tokens.Verify(signed(jwt.SigningMethodEdDSA, otherEd, object{"kid": "x"}, foreign(object{"iss": "https://evil.example"})))
	if asked := p.asked.Load(); asked != 2+unknownKeys {
		t.Error("a token of another issuer makes the server ask the provider")
	}
}

func TestProviderOutOfReach(t *testing.T) {
	p := newProvider(t, ProviderOptions{}, usualKeys()...)
	p.answer(http.StatusServiceUnavailable)
	_ = p.made.keys.refresh(t.Context())
	text := signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "ed"}, foreign(nil))
	if _, err := p.tokens.Verify(text); !errors.Is(err, ErrNoKeys) || errors.Is(err, ErrUnauthenticated) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := p.tokens.Verify(hs256(t, nil)); err != nil {
		t.Errorf("a token of our own: %v", err)
	}
	w := httptest.NewRecorder()
	Refuse(w, httptest.NewRequest(http.MethodPost, "/graphql", nil), slog.Default(), ErrNoKeys)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "15" || !strings.Contains(w.Body.String(), `"UNAVAILABLE"`) {
		t.Errorf("answer: %d %v %s", w.Code, w.Header(), w.Body)
	}
	log := p.log.String()
	if !strings.Contains(log, "it answered 503") || strings.Contains(log, "canary") || strings.Contains(log, text[:20]) {
		t.Errorf("log: %s", log)
	}
	p.answer(http.StatusOK)
	_ = p.made.keys.refresh(t.Context())
	if _, err := p.tokens.Verify(text); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestNewProvider(t *testing.T) {
	tests := map[string]struct {
		options ProviderOptions
		good    bool
	}{
		"https":                 {ProviderOptions{JWKS: "https://id.example/jwks", Issuer: "x"}, true},
		"http on this machine":  {ProviderOptions{JWKS: "http://127.0.0.1:3000/jwks", Issuer: "x"}, true},
		"http elsewhere":        {ProviderOptions{JWKS: "http://id.example/jwks", Issuer: "x"}, false},
		"a file":                {ProviderOptions{JWKS: "file:///etc/jwks", Issuer: "x"}, false},
		"no address":            {ProviderOptions{Issuer: "x"}, false},
		"no issuer":             {ProviderOptions{JWKS: "https://id.example/jwks"}, false},
		"a very long issuer":    {ProviderOptions{JWKS: "https://id.example/jwks", Issuer: strings.Repeat("x", 256)}, false},
		"localhost as a prefix": {ProviderOptions{JWKS: "http://localhost.evil.example/jwks", Issuer: "x"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := NewProvider(tt.options); (err == nil) != tt.good {
				t.Errorf("NewProvider: %v", err)
			}
		})
	}
}
