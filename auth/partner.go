package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// PartnerTokenLife is how long a partner client's token lives.
const PartnerTokenLife = 15 * time.Minute

// partnerTokenType tells which of our keys has signed a token. It grants nothing: a token of this type must be signed by
// the key for it, which nobody has but Cohort, unlike the secret.
const partnerTokenType = "cohort-partner+jwt"

// IssuePartner makes a token for a partner client, which lives for PartnerTokenLife from now.
func (t *Tokens) IssuePartner(account models.AccountID, client models.PartnerClientID, scope models.Scopes) (string, error) {
	if account == (models.AccountID{}) || client == (models.PartnerClientID{}) || scope == 0 {
		return "", errors.New("issue a partner's token: it needs an account, a client and a scope")
	}
	iat := t.now().Unix()
	claims := jwt.MapClaims{
		"sub": client.String(), "account": account.String(), "scope": scope.String(),
		"iat": iat, "exp": iat + int64(PartnerTokenLife/time.Second),
	}
	if t.issuer != "" {
		claims["iss"] = t.issuer
	}
	if t.audience != "" {
		claims["aud"] = t.audience
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["typ"] = partnerTokenType
	text, err := token.SignedString(t.partners)
	if err != nil {
		return "", fmt.Errorf("sign a partner's token: %w", err)
	}
	return text, nil
}

// partnerClaims checks what a token signed by the partners' key says, but that exp lies ahead.
func (t *Tokens) partnerClaims(claims jwt.MapClaims, now time.Time) (c Claims, err error) {
	if c.Partner, err = models.ParsePartnerClientID(textOf(claims["sub"])); err != nil || c.Partner == (models.PartnerClientID{}) {
		return c, refusal("the token's sub is not the id of a partner client")
	}
	if c.Account, err = models.ParseAccountID(textOf(claims["account"])); err != nil || c.Account == (models.AccountID{}) {
		return c, refusal("the token's account is not the id of an account")
	}
	known := false
	if c.Scope, known = models.ParseScopes(textOf(claims["scope"])); !known {
		return c, refusal("the token's scope is not one that there is")
	}
	if err := t.addressed(claims); err != nil {
		return c, err
	}
	return c, c.setTimes(claims, now)
}

// partners remembers for a short time which clients there are, as Standings does of users.
type partners struct {
	store *store.Store
	ttl   time.Duration
	now   func() time.Time
	kept  *lru.Cache[partnerKey, keptPartner]
}

type partnerKey struct {
	account models.AccountID
	client  models.PartnerClientID
}

type keptPartner struct {
	scope  models.Scopes
	readAt time.Time // before the reading began
}

func newPartners(s *Standings) *partners {
	kept, err := lru.New[partnerKey, keptPartner](keptStandings)
	if err != nil {
		panic(err) // it refuses a size below one only
	}
	return &partners{store: s.store, ttl: s.ttl, now: s.now, kept: kept}
}

// scopes are the client's own. ErrUnauthenticated when there is no such client, not later than 5 s after its end.
func (p *partners) scopes(ctx context.Context, account models.AccountID, client models.PartnerClientID) (models.Scopes, error) {
	key, begin := partnerKey{account, client}, p.now()
	if k, ok := p.kept.Get(key); ok && begin.Sub(k.readAt) >= 0 && begin.Sub(k.readAt) < p.ttl {
		return k.scope, nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxStandingTTL) // nobody gets an answer older than promised
	defer cancel()
	row, err := partnerClient(ctx, p.store, account, client)
	if err != nil {
		return 0, err
	}
	if row == nil {
		p.kept.Remove(key)
		return 0, refusal("there is no such partner client in the account")
	}
	p.kept.Add(key, keptPartner{row.Scope, begin})
	return row.Scope, nil
}

// partnerClient is a client as it is stored; nil when there is none.
func partnerClient(ctx context.Context, s *store.Store, account models.AccountID, client models.PartnerClientID) (*models.PartnerClient, error) {
	var row models.PartnerClient
	err := s.Read.WithContext(ctx).Where("account_id = ? AND id = ?", account, client).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("read a partner client: %w", err)
	}
	return &row, nil
}

// partner is the client whom the claims are about, with what both its token and itself open.
func (d *Door) partner(ctx context.Context, claims Claims) (Caller, error) {
	scope, err := d.partners.scopes(ctx, claims.Account, claims.Partner)
	if err != nil {
		return Caller{}, err
	}
	return Caller{Account: claims.Account, Partner: claims.Partner, Scope: claims.Scope & scope, Kind: Partner, RequestID: RequestIDFrom(ctx)}, nil
}
