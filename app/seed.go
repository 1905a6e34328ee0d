package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// seedCommand fills an account with an invented organisation, to try out and to measure how Cohort does with
// many people.
type seedCommand struct {
	Users       int    `default:"100000" help:"How many users: 1 to 1,000,000."`
	Groups      int    `default:"2000" help:"How many groups: 1 to 100,000. They are nested 8 deep, many of them in several groups."`
	Memberships int    `default:"300000" help:"How many direct memberships: 0 to 5,000,000. A few groups have many of them, most have few."`
	Account     string `default:"Seed" placeholder:"NAME" help:"The account, which is made. ${default} by default."`
	Seed        uint64 `default:"1" placeholder:"NUMBER" help:"The number that everything is made up from: the same one makes the same rows. ${default} by default."`
}

// Help is shown by --help below what the command is for.
func (seedCommand) Help() string {
	return "The people have names in seven languages and addresses under example.org; the first is a super admin, and one in a thousand " +
		"an admin. Nothing is sent to anybody. If it was stopped, the same command does the rest."
}

// Validate is called by the parser of the command line.
func (c seedCommand) Validate() error {
	switch {
	case c.Users < 1 || c.Users > 1_000_000:
		return errors.New("--users must lie between 1 and 1,000,000")
	case c.Groups < 1 || c.Groups > 100_000:
		return errors.New("--groups must lie between 1 and 100,000")
	case c.Memberships < 0 || c.Memberships > 5_000_000:
		return errors.New("--memberships must lie between 0 and 5,000,000")
	case c.Memberships > c.Users*c.Groups:
		return fmt.Errorf("--memberships can be at most %s: everybody in every group", thousands(c.Users*c.Groups))
	}
	return nil
}

func (c *seedCommand) Run(ctx context.Context, p *program) error {
	return p.withDirectory(ctx, directory.Options{}, func(d *directory.Directory) error {
		begin := time.Now()
		progress := &progressLines{to: p.Stderr, now: time.Now, last: begin}
		made := newOrganisation(c.Users, c.Groups, c.Memberships, c.Seed)
		account, report, err := c.fill(ctx, d, made, directory.Import{Dir: made, Progress: progress.hear})
		if err != nil {
			return err
		}
		if report.RefusalCount > 0 {
			return (&importCommand{}).refusal(p.Stderr, report)
		}
		fmt.Fprintf(p.Stdout, "The account %q (%s) has an invented organisation of %s users, %s groups and %s memberships; it took %s.\n", account.Name, account.ID,
			thousands(c.Users), thousands(c.Groups), thousands(c.Memberships), rounded(time.Since(begin)))
		fmt.Fprintf(p.Stderr, "A token: cohort token --account %s --user %s\n", shellWord(account.Name), made.user(0).Email)
		return nil
	})
}

// fill imports the organisation into a new account, or into one that an earlier run has begun: no other
// account gets invented people into it.
func (c *seedCommand) fill(ctx context.Context, d *directory.Directory, made *organisation, from directory.Import) (*models.Account, *directory.ImportReport, error) {
	accounts, err := listAccounts(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	account := findAccount(accounts, c.Account)
	if account == nil {
		account, _, report, err := d.ImportNew(ctx, directory.NewAccount{Name: c.Account}, from)
		return account, report, err
	}
	first := made.user(0).Email
	begun, err := d.User(ctx, auth.OperatorOf(account.ID), models.UserBy{Email: &first})
	if err != nil {
		return nil, nil, err
	}
	if begun == nil {
		return nil, nil, fmt.Errorf("there is an account %q already, which is not an invented one: name another with --account", account.Name)
	}
	report, err := d.Import(ctx, auth.OperatorOf(account.ID), from)
	return account, report, err
}
