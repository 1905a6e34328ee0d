package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
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

// Refusal is an error that wraps ErrUnauthenticated and gives a reason, in fixed words, which a client may read.
func Refusal(reason string) error { return refusal(reason) }

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

// Claims are what a token says. In a token of a provider Account may be the zero id, where it names none, and User
// too, where Visitor is set in its place.
type Claims struct {
	User    models.UserID
	Account models.AccountID
	Role    models.Role // "" when the token gives none: the stored role counts
	Visitor Visitor

	// Partner is set in the tokens that Cohort issues to partner clients, and Scope is what they open. User and Role are
	// not.
	Partner models.PartnerClientID
	Scope   models.Scopes

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

	// Provider's tokens are taken, too, if there is one.
	Provider *Provider

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Tokens issues tokens, JWT with HS256, and verifies them and those of a provider.
type Tokens struct {
	secret           []byte
	partners         []byte // signs the tokens of partner clients
	issuer, audience string
	provider         *Provider // or nil
	algorithms       []string
	now              func() time.Time
	parser           *jwt.Parser
	kept             *lru.Cache[[sha256.Size]byte, keptToken] // verified tokens, by the hash of their text
}

// Key is a key for another purpose than tokens, derived from their secret: the same on each server that has it.
func (t *Tokens) Key(purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, t.secret, nil, "cohort "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}

// keptToken is good while its key is.
type keptToken struct {
	claims Claims
	print  [sha256.Size]byte // of the provider's key; zero for our own secret
}

// NewTokens refuses a secret of less than 32 bytes.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if len(o.Secret) < minSecretBytes {
		return nil, fmt.Errorf("the secret that signs tokens has %d bytes and needs at least %d", len(o.Secret), minSecretBytes)
	}
	kept, err := lru.New[[sha256.Size]byte, keptToken](keptTokens)
	if err != nil {
		return nil, fmt.Errorf("make the cache of tokens: %w", err)
	}
	t := &Tokens{
		secret: slices.Clone(o.Secret), issuer: o.Issuer, audience: o.Audience, provider: o.Provider,
		algorithms: []string{"HS256"}, now: o.Now, kept: kept,
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.provider != nil {
		t.algorithms = append(t.algorithms, "RS256", "ES256", "EdDSA")
	}
	if t.partners, err = t.Key("partner tokens"); err != nil {
		return nil, err
	}
	// The claims are read by claims(), which knows the rules on lifetimes and compares names exactly.
	t.parser = jwt.NewParser(jwt.WithValidMethods(t.algorithms), jwt.WithStrictDecoding(),
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
// signed by the secret with HS256 or by a key of the provider with that key's algorithm, not valid at this time,
// for somebody else, longer than 4 KiB, or without a user, an expiry or, signed by the secret, an account. ErrNoKeys
// while a provider's token can't be checked.
func (t *Tokens) Verify(text string) (Claims, error) {
	if len(text) > maxTokenBytes {
		return Claims{}, refusal("the token is longer than 4 KiB")
	}
	now := t.now()
	hash := sha256.Sum256([]byte(text))
	k, known := t.kept.Get(hash)
	if known && k.print != [sha256.Size]byte{} && !t.provider.keys.has(k.print) {
		t.kept.Remove(hash)
		known = false
	}
	if !known {
		var err error
		if k, err = t.read(text, now); err != nil {
			return Claims{}, err
		}
	}
	if !now.Before(k.claims.ExpiresAt) {
		t.kept.Remove(hash)
		return Claims{}, refusal("the token has expired")
	}
	if !known {
		t.kept.Add(hash, k)
	}
	return k.claims, nil
}

// read checks a token's signature and everything that it says but that exp lies ahead, which is for each use.
func (t *Tokens) read(text string, now time.Time) (k keptToken, err error) {
	claims, key, partner, err := t.signed(text)
	if err != nil {
		return k, err
	}
	if partner {
		k.claims, err = t.partnerClaims(claims, now)
		return k, err
	}
	if key == nil {
		k.claims, err = t.claims(claims, now)
		return k, err
	}
	k.print = key.print
	k.claims, err = t.provider.claims(claims, now)
	return k, err
}

// signed returns the claims of a token whose signature is right, and the provider's key that made it, or nil where
// it is the secret; partner is for the key of partner clients' tokens.
func (t *Tokens) signed(text string) (claims jwt.MapClaims, foreign *providerKey, partner bool, err error) {
	if strings.ContainsAny(text, "\r\n") { // base64 skips them, and one token would have many texts
		return nil, nil, false, refusal("the token is malformed")
	}
	claims = jwt.MapClaims{}
	token, err := t.parser.ParseWithClaims(text, claims, func(token *jwt.Token) (any, error) {
		for _, name := range []string{"crit", "jwk", "jku", "x5c", "x5u"} {
			if _, ok := token.Header[name]; ok {
				return nil, refusal("the token's header asks for what is not supported")
			}
		}
		if token.Method == jwt.SigningMethodHS256 {
			if partner = token.Header["typ"] == partnerTokenType; partner {
				return t.partners, nil
			}
			return t.secret, nil
		}
		key, err := t.provider.key(token, claims)
		if err != nil {
			return nil, err
		}
		foreign = &key
		return key.public, nil
	})
	reason := refusal("")
	switch { // the parser's own words may quote the token
	case err == nil:
		return claims, foreign, partner, nil
	case errors.As(err, &reason):
		return nil, nil, false, reason
	case errors.Is(err, ErrNoKeys):
		return nil, nil, false, ErrNoKeys
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, nil, false, refusal("the token is malformed")
	case errors.Is(err, jwt.ErrTokenUnverifiable) || token != nil && !slices.Contains(t.algorithms, token.Method.Alg()):
		return nil, nil, false, refusal("the token is not signed with " + strings.Join(t.algorithms, ", "))
	}
	return nil, nil, false, refusal("the token's signature is wrong")
}

// claims checks everything that a token signed by the secret says, but that exp lies ahead.
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
	if err := t.addressed(claims); err != nil {
		return c, err
	}
	return c, c.setTimes(claims, now)
}

// addressed checks by whom and for whom a token of our own is.
func (t *Tokens) addressed(claims jwt.MapClaims) error {
	if t.issuer != "" && textOf(claims["iss"]) != t.issuer {
		return refusal("the token is of another issuer")
	}
	if t.audience != "" && !slices.Contains(textsOf(claims["aud"]), t.audience) {
		return refusal("the token is for another audience")
	}
	return nil
}
