package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

type tokenCommand struct {
	tokenSettings
	accountSetting
	User    string        `required:"" placeholder:"EMAIL|ID" help:"Whose token it is."`
	Role    string        `enum:"super_admin,admin,member," default:"" placeholder:"ROLE" help:"The most that the token allows: super_admin, admin or member; a user's own role limits it all the same. By default that role, as it is at each request."`
	Expires time.Duration `default:"1h" help:"How long it is good for: 90s, 15m, 12h, at most 24h."`
}

func (c *tokenCommand) Run(ctx context.Context, p *program) error {
	tokens, err := p.tokens(c.tokenSettings, nil)
	if err != nil {
		return err
	}
	return p.withDirectory(ctx, directory.Options{}, func(d *directory.Directory) error {
		account, err := c.choose(ctx, d)
		if err != nil {
			return err
		}
		user, err := findUser(ctx, d, account, c.User)
		if err != nil {
			return err
		}
		role := models.Role(strings.ToUpper(c.Role))
		switch {
		case user.Status == models.UserStatusSuspended:
			fmt.Fprintf(p.Stderr, "%s is suspended: the token is refused until that is lifted.\n", user.Email)
		case role.Rank() > user.Role.Rank():
			fmt.Fprintf(p.Stderr, "%s is %s: the token allows no more than that.\n", user.Email, strings.ToLower(string(user.Role)))
		}
		text, err := issue(tokens, user, role, c.Expires)
		if err == nil {
			fmt.Fprintln(p.Stdout, text)
		}
		return err
	})
}

// findUser finds a user of the account by e-mail address or id.
func findUser(ctx context.Context, d *directory.Directory, account *models.Account, who string) (*models.User, error) {
	by := models.UserBy{Email: &who}
	if !strings.Contains(who, "@") {
		id, err := models.ParseUserID(who)
		if err != nil {
			return nil, fmt.Errorf("--user: %v, nor an e-mail address", err) //nolint:errorlint // its words alone are shown
		}
		by = models.UserBy{ID: &id}
	}
	user, err := d.User(ctx, auth.OperatorOf(account.ID), by)
	if err == nil && user == nil {
		err = fmt.Errorf("there is no user %q in the account %q", who, account.Name)
	}
	return user, err
}

func issue(tokens *auth.Tokens, user *models.User, role models.Role, life time.Duration) (string, error) {
	now := time.Now()
	return tokens.Issue(auth.Claims{User: user.ID, Account: user.AccountID, Role: role, IssuedAt: now, ExpiresAt: now.Add(life)})
}
