package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

type auditPruneCommand struct {
	accountSetting
	Before string `required:"" placeholder:"DATE" help:"Events from before this day, such as 2026-01-01, or this time, such as 2026-01-01T12:00:00Z; a day begins at midnight UTC. At least a day ago."`
}

// Help is shown by --help below what the command is for.
func (auditPruneCommand) Help() string {
	return "The audit log is kept for ever unless this command is run. What is deleted is gone. " +
		"The server may run meanwhile. The log itself says when it was pruned, and the feed of changes keeps its entries."
}

func (c *auditPruneCommand) Run(ctx context.Context, p *program) error {
	before, err := c.before()
	if err != nil {
		return err
	}
	return p.withDirectory(ctx, directory.Options{}, func(d *directory.Directory) error {
		account, err := c.choose(ctx, d)
		if err != nil {
			return err
		}
		gone, err := d.PruneAuditEvents(ctx, auth.OperatorOf(account.ID), before)
		if mistakes, rest := models.UserErrors(err); len(mistakes) > 0 && rest == nil {
			return fmt.Errorf("--before: %s", mistakes[0].Message)
		}
		if gone == 0 && err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "Deleted %d events from before %s of the account %q.\n", gone, before.Format(time.RFC3339), account.Name)
		return err
	})
}

func (c *auditPruneCommand) before() (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, c.Before); err == nil {
		return day, nil
	}
	at, err := models.UnmarshalDateTime(strings.TrimSpace(c.Before))
	if err != nil {
		return at, errors.New("--before must be a day such as 2026-01-01, or a time such as 2026-01-01T12:00:00Z")
	}
	return at, nil
}
