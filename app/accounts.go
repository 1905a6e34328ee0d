package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"cohort/directory"
	"cohort/models"
	"cohort/store"
)

type migrateCommand struct{}

func (migrateCommand) Run(ctx context.Context, p *program) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout, "The schema is up to date.")
	return s.Close()
}

type accountCreateCommand struct {
	Name       string `arg:"" help:"The account's name, unlike that of any other."`
	Admin      string `required:"" placeholder:"EMAIL" help:"The e-mail address of the first super admin."`
	GivenName  string `placeholder:"NAME" help:"The super admin's given name."`
	FamilyName string `placeholder:"NAME" help:"The super admin's family name."`
	Locale     string `enum:"en,fr,it,de,es,pt,nl" default:"en" help:"The super admin's language: en, fr, it, de, es, pt or nl."`
}

func (c *accountCreateCommand) Run(ctx context.Context, p *program) error {
	return p.withDirectory(ctx, directory.Options{}, func(d *directory.Directory) error {
		account, admin, err := d.CreateAccount(ctx, directory.NewAccount{Name: c.Name, Admin: models.UserCreateInput{
			Email: c.Admin, GivenName: c.GivenName, FamilyName: c.FamilyName, Locale: localeOf(c.Locale),
		}})
		if err != nil {
			return atFlags(err)
		}
		fmt.Fprintf(p.Stdout, "Made the account %q (%s) with the super admin %s (%s).\n", account.Name, account.ID, admin.Email, admin.ID)
		fmt.Fprintf(p.Stderr, "A token: cohort token --account %s --user %s\n", shellWord(account.Name), shellWord(admin.Email))
		return nil
	})
}

func localeOf(code string) models.Locale { return models.Locale(strings.ToUpper(code)) }

// atFlags names the flags of `account create` in what was wrong with a new account.
func atFlags(err error) error {
	flags := map[string]string{
		"name": "NAME", "admin.email": "--admin", "admin.givenName": "--given-name", "admin.familyName": "--family-name",
	}
	mistakes, rest := models.UserErrors(err)
	if err == nil || rest != nil {
		return err
	}
	named := make(models.Errors, len(mistakes))
	for i, m := range mistakes {
		named[i] = m
		if flag := flags[strings.Join(m.Path, ".")]; flag != "" {
			named[i] = &models.Error{Code: m.Code, Message: m.Message, Path: []string{flag}, Params: m.Params}
		}
	}
	return named
}

type accountListCommand struct{}

func (accountListCommand) Run(ctx context.Context, p *program) error {
	return p.withDirectory(ctx, directory.Options{}, func(d *directory.Directory) error {
		accounts, err := listAccounts(ctx, d)
		if err != nil {
			return err
		}
		if len(accounts) == 0 {
			fmt.Fprintln(p.Stderr, noAccount)
			return nil
		}
		table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tID\tMADE")
		for _, a := range accounts {
			fmt.Fprintf(table, "%s\t%s\t%s\n", a.Name, a.ID, a.CreatedAt.Format(time.DateOnly))
		}
		return table.Flush()
	})
}

const noAccount = "There is no account yet: make one with `cohort account create NAME --admin EMAIL`."

func listAccounts(ctx context.Context, d *directory.Directory) ([]*models.Account, error) {
	return d.Accounts(store.AcrossAccounts(ctx))
}

// choose finds the account that a command is to work on: the one that is named, else the only one.
func (s accountSetting) choose(ctx context.Context, d *directory.Directory) (*models.Account, error) {
	accounts, err := listAccounts(ctx, d)
	if err != nil {
		return nil, err
	}
	if s.Account != "" {
		if found := findAccount(accounts, s.Account); found != nil {
			return found, nil
		}
	}
	switch {
	case len(accounts) == 0:
		return nil, errors.New(strings.ToLower(noAccount[:1]) + strings.TrimSuffix(noAccount[1:], "."))
	case s.Account != "":
		return nil, fmt.Errorf("there is no account %q: there is %s", s.Account, namesOf(accounts))
	case len(accounts) > 1:
		return nil, fmt.Errorf("there are several accounts, say which with --account: %s", namesOf(accounts))
	}
	return accounts[0], nil
}

// findAccount finds one by its name or id; nil when there is none.
func findAccount(accounts []*models.Account, name string) *models.Account {
	for _, a := range accounts {
		if a.NameKey == models.Key(name) || a.ID.String() == name {
			return a
		}
	}
	return nil
}

func namesOf(accounts []*models.Account) string {
	const most = 20
	var names []string
	for _, a := range accounts[:min(len(accounts), most)] {
		names = append(names, fmt.Sprintf("%q", a.Name))
	}
	if more := len(accounts) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// shellWord quotes a text for a shell, if it needs that.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@.-_+/:", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
