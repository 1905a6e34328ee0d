package auth

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"cohort/models"
)

// ErrUnauthenticated is behind every refusal of a token and of whoever it is about. The errors that wrap it
// here give a short reason, in which nothing of the token stands.
var ErrUnauthenticated = errors.New("unauthenticated")

// refusal is a reason in fixed words, which a client may read.
type refusal string

func (r refusal) Error() string { return "unauthenticated: " + string(r) }
func (refusal) Unwrap() error   { return ErrUnauthenticated }

const (
	// MaxTokenLife is the longest a token may live, from iat (without it: from now) to exp.
	MaxTokenLife = 24 * time.Hour

	minSecretBytes = 32
	maxTokenBytes  = 4 << 10
	tokenLeeway    = 30 * time.Second // for clocks that run ahead of ours; there is none for exp
	keptTokens     = 10_000
	latestDate     = 253402300799 // the last second of the year 9999: what lies beyond was meant as milliseconds
)

// Claims are what a token says.
type Claims struct {
	User    models.UserID
	Account models.AccountID
	Role    models.Role // "" when the token gives none: the stored role counts

	// IssuedAt and ExpiresAt are whole seconds in a token. IssuedAt is the time of the first look at a token
	// that doesn't say.
	IssuedAt, ExpiresAt time.Time
}

// tokenRoles are the roles as they are written in tokens.
var tokenRoles = map[string]models.Role{
	"super_admin": models.RoleSuperAdmin,
	"admin":       models.RoleAdmin,
	"member":      models.RoleMember,
}

// TokenOptions says how tokens are signed and what is asked of them.
type TokenOptions struct {
	// Secret signs them, as it is, so that others who know it can issue tokens. At least 32 bytes.
	Secret []byte

	// Issuer and Audience, where they are set, must be iss and among aud.
	Issuer, Audience string

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Tokens issues and verifies tokens: JWT, HS256.
type Tokens struct {
	secret           []byte
	issuer, audience string
	now              func() time.Time
	parser           *jwt.Parser
	kept             *lru.Cache[[sha256.Size]byte, Claims] // verified tokens, by the hash of their text
}

// NewTokens refuses a secret of less than 32 bytes.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if len(o.Secret) < minSecretBytes {
		return nil, fmt.Errorf("the secret that signs tokens has %d bytes and needs at least %d", len(o.Secret), minSecretBytes)
	}
	kept, err := lru.New[[sha256.Size]byte, Claims](keptTokens)
	if err != nil {
		return nil, fmt.Errorf("make the cache of tokens: %w", err)
	}
	t := &Tokens{secret: slices.Clone(o.Secret), issuer: o.Issuer, audience: o.Audience, now: o.Now, kept: kept}
	if t.now == nil {
		t.now = time.Now
	}
	// The claims are read by claims(), which knows the rules on lifetimes and compares names exactly.
	t.parser = jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(), jwt.WithoutClaimsValidation())
	return t, nil
}

// Issue makes a token. Without IssuedAt it is issued now. Refuses a lifetime of less than a second or more
// than MaxTokenLife, a role that there is not, and a missing user or account.
func (t *Tokens) Issue(c Claims) (string, error) {
	if c.IssuedAt.IsZero() {
		c.IssuedAt = t.now()
	}
	iat, exp := c.IssuedAt.Unix(), c.ExpiresAt.Unix()
	switch {
	case c.User == models.UserID{} || c.Account == models.AccountID{}:
		return "", errors.New("issue a token: it needs a user and an account")
	case exp <= iat:
		return "", errors.New("issue a token: it must expire later than it is issued")
	case exp-iat > int64(MaxTokenLife/time.Second):
		return "", fmt.Errorf("issue a token: it may live for at most %v", MaxTokenLife)
	}
	claims := jwt.MapClaims{"sub": c.User.String(), "account": c.Account.String(), "iat": iat, "exp": exp}
	if c.Role != "" {
		name := strings.ToLower(string(c.Role))
		if tokenRoles[name] != c.Role {
			return "", errors.New("issue a token: there is no such role")
		}
		claims["role"] = name
	}
	if t.issuer != "" {
		claims["iss"] = t.issuer
	}
	if t.audience != "" {
		claims["aud"] = t.audience
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(t.secret)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}

// Verify reads a token and returns what it claims. ErrUnauthenticated, with a reason, for one that is not
// signed by the secret with HS256, not valid at this time, for somebody else, longer than 4 KiB, or without
// a user, an account or an expiry.
func (t *Tokens) Verify(text string) (Claims, error) {
	if len(text) > maxTokenBytes {
		return Claims{}, refusal("the token is longer than 4 KiB")
	}
	now := t.now()
	hash := sha256.Sum256([]byte(text))
	c, known := t.kept.Get(hash)
	if !known {
		claims, err := t.signed(text)
		if err != nil {
			return Claims{}, err
		}
		if c, err = t.claims(claims, now); err != nil {
			return Claims{}, err
		}
	}
	if !now.Before(c.ExpiresAt) {
		t.kept.Remove(hash)
		return Claims{}, refusal("the token has expired")
	}
	if !known {
		t.kept.Add(hash, c)
	}
	return c, nil
}

// signed returns the claims of a token whose signature is right.
func (t *Tokens) signed(text string) (jwt.MapClaims, error) {
	if strings.ContainsAny(text, "\r\n") { // base64 skips them, and one token would have many texts
		return nil, refusal("the token is malformed")
	}
	claims := jwt.MapClaims{}
	token, err := t.parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return t.secret, nil })
	switch { // the parser's own words may quote the token
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, refusal("the token is malformed")
	case errors.Is(err, jwt.ErrTokenUnverifiable) || token != nil && token.Method != jwt.SigningMethodHS256:
		return nil, refusal("the token is not signed with HS256")
	case err != nil:
		return nil, refusal("the token's signature is wrong")
	}
	for _, name := range []string{"crit", "jwk", "jku", "x5c", "x5u"} {
		if _, ok := token.Header[name]; ok {
			return nil, refusal("the token's header asks for what is not supported")
		}
	}
	return claims, nil
}

// claims checks everything that a signed token says but that exp lies ahead, which is for each use.
func (t *Tokens) claims(claims jwt.MapClaims, now time.Time) (c Claims, err error) {
	if c.User, err = models.ParseUserID(textOf(claims["sub"])); err != nil || c.User == (models.UserID{}) {
		return c, refusal("the token's sub is not the id of a user")
	}
	if c.Account, err = models.ParseAccountID(textOf(claims["account"])); err != nil || c.Account == (models.AccountID{}) {
		return c, refusal("the token's account is not the id of an account")
	}
	if role, given := claims["role"]; given {
		if c.Role = tokenRoles[textOf(role)]; c.Role == "" {
			return c, refusal("the token's role is not one that there is")
		}
	}
	if t.issuer != "" && textOf(claims["iss"]) != t.issuer {
		return c, refusal("the token is of another issuer")
	}
	if t.audience != "" && !slices.Contains(textsOf(claims["aud"]), t.audience) {
		return c, refusal("the token is for another audience")
	}
	return c, c.setTimes(claims, now)
}

func (c *Claims) setTimes(claims jwt.MapClaims, now time.Time) error {
	dates := map[string]time.Time{}
	for _, name := range []string{"exp", "iat", "nbf"} {
		value, given := claims[name]
		if !given {
			continue
		}
		at, ok := dateOf(value)
		if !ok {
			return refusal("the token's " + name + " is not a date in seconds")
		}
		dates[name] = at
	}
	exp, limited := dates["exp"]
	iat, dated := dates["iat"]
	if !dated {
		iat = now
	}
	soon := now.Add(tokenLeeway)
	switch {
	case !limited:
		return refusal("the token has no exp")
	case dates["nbf"].After(soon):
		return refusal("the token is not valid yet")
	case iat.After(soon):
		return refusal("the token is issued in the future")
	case dated && !exp.After(iat):
		return refusal("the token expires before it is issued")
	case exp.Sub(iat) > MaxTokenLife:
		return refusal("the token lives longer than 24 hours")
	}
	c.IssuedAt, c.ExpiresAt = iat, exp
	return nil
}

func textOf(claim any) string {
	text, _ := claim.(string)
	return text
}

// textsOf reads aud, which is a text or a list of them.
func textsOf(claim any) []string {
	list, ok := claim.([]any)
	if !ok {
		list = []any{claim}
	}
	var texts []string
	for _, one := range list {
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// dateOf reads a NumericDate, cut to the second.
func dateOf(claim any) (time.Time, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > latestDate {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}
