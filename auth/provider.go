package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cohort/models"
)

const (
	defaultRefresh = 5 * time.Minute
	retryRefresh   = 15 * time.Second
)

// Visitor is somebody as an identity provider knows them. Subject is 1 to 255 printable ASCII characters.
type Visitor struct {
	Issuer, Subject string
	Email           string // "" unless the provider has verified it, and where it isn't plain ASCII
}

// ProviderOptions say whose tokens are taken, and where they say what.
type ProviderOptions struct {
	// JWKS is where the provider's keys are: an https address, or http on this machine.
	JWKS string

	// Issuer must be iss; Audience, where it is set, among aud.
	Issuer, Audience string

	// AccountClaim and RoleClaim are the names of the claims that hold the account's id and the role: "account"
	// and "role" by default. A name that there isn't as it stands is taken apart at its dots.
	AccountClaim, RoleClaim string

	// Refresh is the time between two readings of the keys: 5 minutes by default.
	Refresh time.Duration

	// Log gets what went wrong in reading them; nil is slog.Default.
	Log *slog.Logger

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Provider is an OpenID Connect provider: RS256, ES256 and EdDSA by its published keys.
type Provider struct {
	// Account is the one of tokens that name none; the zero id leaves it open. Set it before the first token.
	Account models.AccountID

	options ProviderOptions
	keys    *keySet
}

// NewProvider refuses a missing issuer and an address that is not safe. It reads no keys yet: Run does.
func NewProvider(o ProviderOptions) (*Provider, error) {
	if o.Issuer == "" || len(o.Issuer) > models.MaxIssuer {
		return nil, fmt.Errorf("the issuer of the provider's tokens must be set, to at most %d characters", models.MaxIssuer)
	}
	at, err := url.Parse(o.JWKS)
	if err != nil || at.Host == "" || at.Scheme != "https" && !(at.Scheme == "http" && isLoopback(at.Hostname())) {
		return nil, errors.New("the address of the provider's keys must begin with https://, or lie on this machine")
	}
	if o.AccountClaim == "" {
		o.AccountClaim = "account"
	}
	if o.RoleClaim == "" {
		o.RoleClaim = "role"
	}
	if o.Refresh <= 0 {
		o.Refresh = defaultRefresh
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{
		Timeout:       jwksWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it redirects elsewhere") },
	}
	return &Provider{options: o, keys: newKeySet(o.JWKS, client, o.Log, o.Now)}, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Run reads the keys, and reads them again from time to time, sooner after a failure, until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	for {
		wait := p.options.Refresh
		if p.keys.refresh(ctx) != nil {
			wait = min(wait, retryRefresh)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// key finds the key for a token whose signature is still to be checked.
func (p *Provider) key(token *jwt.Token, claims jwt.MapClaims) (providerKey, error) {
	if textOf(claims["iss"]) != p.options.Issuer { // before strangers' tokens cause a look at the provider
		return providerKey{}, refusal("the token is of another issuer")
	}
	if typ, given := token.Header["typ"]; given && !slices.Contains(tokenTypes, strings.ToLower(textOf(typ))) {
		return providerKey{}, refusal("the token is of another kind than one for access or an id token")
	}
	return p.keys.find(token.Method.Alg(), token.Header["kid"])
}

// tokenTypes leave out what providers sign for other ends, such as notices of a logout.
var tokenTypes = []string{"jwt", "at+jwt", "application/jwt", "application/at+jwt"}

// claims checks what a token signed by the provider says, but that exp lies ahead.
func (p *Provider) claims(claims jwt.MapClaims, now time.Time) (c Claims, err error) {
	sub := textOf(claims["sub"])
	if id, err := models.ParseUserID(sub); err == nil && id != (models.UserID{}) {
		c.User = id
	} else if !isSubject(sub) {
		return c, refusal("the token's sub is not a name of 1 to 255 printable characters")
	} else {
		c.Visitor = Visitor{Issuer: p.options.Issuer, Subject: sub, Email: verifiedEmail(claims)}
	}
	c.Account = p.Account
	if account, given := claim(claims, p.options.AccountClaim); given {
		if c.Account, err = models.ParseAccountID(textOf(account)); err != nil || c.Account == (models.AccountID{}) {
			return c, refusal("the token's account is not the id of an account")
		}
	}
	if role, given := claim(claims, p.options.RoleClaim); given {
		for _, name := range textsOf(role) {
			if named := tokenRoles[name]; named.Rank() > c.Role.Rank() {
				c.Role = named
			}
		}
		if c.Role == "" {
			return c, refusal("the token's role is not one that there is")
		}
	}
	if textOf(claims["iss"]) != p.options.Issuer {
		return c, refusal("the token is of another issuer")
	}
	if p.options.Audience != "" && !slices.Contains(textsOf(claims["aud"]), p.options.Audience) {
		return c, refusal("the token is for another audience")
	}
	return c, c.setTimes(claims, now)
}

// claim finds a claim by its name, which may be an address, else by the path that its dots make of it.
func claim(claims map[string]any, name string) (any, bool) {
	if value, ok := claims[name]; ok {
		return value, true
	}
	outer, rest, nested := strings.Cut(name, ".")
	inner, ok := claims[outer].(map[string]any)
	if !nested || !ok {
		return nil, false
	}
	return claim(inner, rest)
}

// isSubject also keeps apart what databases compare without the spaces at the end.
func isSubject(sub string) bool {
	outside := strings.ContainsFunc(sub, func(c rune) bool { return c < ' ' || c > '~' })
	return sub != "" && len(sub) <= models.MaxSubject && !outside && sub == strings.TrimSpace(sub)
}

// verifiedEmail leaves out addresses beyond ASCII, of which several may count as one with us and not with those who
// deliver mail.
func verifiedEmail(claims jwt.MapClaims) string {
	email := textOf(claims["email"])
	if claims["email_verified"] != true || strings.ContainsFunc(email, func(c rune) bool { return c > '~' }) {
		return ""
	}
	if _, err := models.Email(email); err != nil {
		return ""
	}
	return email
}
