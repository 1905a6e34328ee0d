package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cohort/auth"
	"cohort/directory"
)

// providerSettings are about an identity provider whose tokens are taken beside our own.
type providerSettings struct {
	JWKSURL         string        `name:"jwks-url" placeholder:"URL" variable:"COHORT_JWKS_URL" help:"Where an OpenID Connect provider publishes its keys: its tokens are taken, too. Needs --jwt-issuer, which is the provider's then."`
	JWKSRefresh     time.Duration `name:"jwks-refresh" default:"5m" variable:"COHORT_JWKS_REFRESH" help:"How often the keys are read again: 10s to 24h, 5m by default."`
	JWTAccount      string        `name:"jwt-account" placeholder:"NAME" variable:"COHORT_JWT_ACCOUNT" help:"The account of the provider's tokens that name none, by its name or id. Not needed when there is only one."`
	JWTAccountClaim string        `name:"jwt-account-claim" default:"account" placeholder:"CLAIM" variable:"COHORT_JWT_ACCOUNT_CLAIM" help:"The claim of the provider's tokens that holds the account's id: account by default."`
	JWTRoleClaim    string        `name:"jwt-role-claim" default:"role" placeholder:"CLAIM" variable:"COHORT_JWT_ROLE_CLAIM" help:"The claim of the provider's tokens that holds the role: role by default. Dots lead into nested claims."`
}

// Validate is called by the parser of the command line.
func (s providerSettings) Validate() error {
	if s.JWKSRefresh < 10*time.Second || s.JWKSRefresh > 24*time.Hour {
		return errors.New("--jwks-refresh (COHORT_JWKS_REFRESH) must lie between 10s and 24h")
	}
	return nil
}

// provider is the one that is configured, or nil.
func (s providerSettings) provider(p *program, t tokenSettings) (*auth.Provider, error) {
	if s.JWKSURL == "" {
		return nil, nil //nolint:nilnil // there need not be one
	}
	if t.JWTIssuer == "" {
		return nil, errors.New("COHORT_JWKS_URL (--jwks-url) needs COHORT_JWT_ISSUER (--jwt-issuer): the iss that the provider writes into its tokens")
	}
	if t.JWTAudience == "" {
		p.log.Warn("COHORT_JWT_AUDIENCE is not set: tokens that the provider makes for other programs are taken as well")
	}
	provider, err := auth.NewProvider(auth.ProviderOptions{
		JWKS: s.JWKSURL, Issuer: t.JWTIssuer, Audience: t.JWTAudience, AccountClaim: s.JWTAccountClaim, RoleClaim: s.JWTRoleClaim,
		Refresh: s.JWKSRefresh, Log: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("COHORT_JWKS_URL (--jwks-url): %w", err)
	}
	return provider, nil
}

// begin lets the provider read its keys until ctx ends, after it has learnt the account of tokens that name none.
func (s providerSettings) begin(ctx context.Context, provider *auth.Provider, d *directory.Directory) error {
	if provider == nil {
		return nil
	}
	if s.JWTAccount != "" {
		account, err := accountSetting{Account: s.JWTAccount}.choose(ctx, d)
		if err != nil {
			return fmt.Errorf("COHORT_JWT_ACCOUNT (--jwt-account): %w", err)
		}
		provider.Account = account.ID
	}
	go provider.Run(ctx)
	return nil
}
