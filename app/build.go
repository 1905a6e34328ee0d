package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"cohort/auth"
	"cohort/directory"
	"cohort/store"
)

// program is a run: its settings and what they make.
type program struct {
	Environment
	settings *settings
	log      *slog.Logger
	observe  store.Observer // of the database; nil for commands
}

// ownDatabase tells whether the database was left to us: the embedded one in data/.
func (p *program) ownDatabase() bool { return p.settings.Database == "" }

func (p *program) data(name string) string { return filepath.Join(p.Dir, "data", name) }

// open opens the database and brings its schema up to date.
func (p *program) open(ctx context.Context) (*store.Store, error) {
	url := p.settings.Database
	if p.ownDatabase() {
		url = "sqlite:" + p.data("cohort.db")
	}
	s, err := store.Open(ctx, store.Options{URL: url, Log: p.log, Inspect: p.inspect, Observe: p.observe})
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// withDirectory opens the database for a command and closes it afterwards.
func (p *program) withDirectory(ctx context.Context, o directory.Options, do func(*directory.Directory) error) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	d, err := directory.New(s, o)
	if err == nil {
		err = do(d)
	}
	return errors.Join(err, s.Close())
}

// tokens makes and reads tokens with the secret from the environment or, beside the embedded database, from
// data/jwt-secret, which is made where it is missing, and reads those of the provider, if there is one.
func (p *program) tokens(t tokenSettings, provider *auth.Provider) (*auth.Tokens, error) {
	secret := []byte(p.Getenv(secretVariable))
	if len(secret) == 0 {
		if !p.ownDatabase() {
			return nil, fmt.Errorf("%s is not set: with a database of your own, give it the secret that signs the tokens, "+
				"at least 32 bytes, such as `openssl rand -hex 32` makes", secretVariable)
		}
		var err error
		if secret, err = auth.LoadOrCreateSecret(p.data("jwt-secret")); err != nil {
			return nil, err
		}
	}
	o := auth.TokenOptions{Secret: secret, Issuer: t.JWTIssuer, Audience: t.JWTAudience, Provider: provider}
	if provider != nil {
		o.Issuer = "" // it is the provider's: whoever has the secret needs no further name
	}
	tokens, err := auth.NewTokens(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", secretVariable, err)
	}
	return tokens, nil
}

// metricsToken is what opens /metrics; empty for none.
func (p *program) metricsToken() (string, error) {
	token := p.Getenv(metricsVariable)
	if token != "" && len(token) < minMetricsToken {
		return "", fmt.Errorf("%s has %d bytes and needs at least %d, such as `openssl rand -hex 16` makes", metricsVariable, len(token), minMetricsToken)
	}
	return token, nil
}

// Validate is called by the parser of the command line.
func (s depthSetting) Validate() error {
	if s.MaxGroupDepth < 1 || s.MaxGroupDepth > directory.MaxDepth {
		return fmt.Errorf("--max-group-depth (COHORT_MAX_GROUP_DEPTH) must lie between 1 and %d", directory.MaxDepth)
	}
	return nil
}

// Validate is called by the parser of the command line.
func (s brakeSetting) Validate() error {
	if s.Brake < 1 || s.Brake > 100 {
		return fmt.Errorf("--brake (COHORT_BRAKE) must lie between 1 and 100")
	}
	return nil
}

func (s depthSetting) options() directory.Options {
	return directory.Options{MaxGroupDepth: s.MaxGroupDepth}
}

// Validate is called by the parser of the command line.
func (s memorySetting) Validate() error {
	if s.RosterMemory < 0 {
		return fmt.Errorf("--roster-memory (COHORT_ROSTER_MEMORY) must be 0 or more MiB")
	}
	return nil
}

func (s memorySetting) bytes() int64 {
	if s.RosterMemory == 0 {
		return -1 // not the default, but none
	}
	return s.RosterMemory << 20
}
