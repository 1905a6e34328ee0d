package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

type importCommand struct {
	depthSetting
	accountSetting
	Dir      string `arg:"" help:"The folder with users.csv, groups.csv and memberships.csv; one that is missing counts as empty."`
	Admin    string `placeholder:"EMAIL" help:"The first super admin of an account that the import makes. By default the first super_admin in users.csv, else super-admin@ACCOUNT.invalid, whose address you can change later."`
	DryRun   bool   `help:"Check everything, say what would happen, and write nothing."`
	KeepGood bool   `help:"Import the good rows although others are refused, and put those, each with its reason, into files of the same names in the folder of --refused, to be corrected and imported."`
	KeepIn   string `name:"refused" placeholder:"DIR" help:"Where --keep-good puts the refused rows: by default the folder refused. Naming it means --keep-good."`
}

// Help is shown by --help below what the command is for.
func (importCommand) Help() string {
	return "Users are found by e-mail and groups by name: what is new is created, what differs is updated, and nothing is " +
		"taken away, so that a second run changes nothing. The account is made if --account names none that there is. " +
		"A row that is wrong is named with its file, line and column, and then nothing at all is imported (but see --refused)."
}

var importFiles = []string{"users.csv", "groups.csv", "memberships.csv"}

func (c *importCommand) Run(ctx context.Context, p *program) error {
	if info, err := os.Stat(c.Dir); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %q to import", c.Dir)
	}
	if c.KeepGood && c.KeepIn == "" {
		c.KeepIn = "refused"
	}
	if err := c.checkKeepIn(); err != nil {
		return err
	}
	return p.withDirectory(ctx, c.options(), func(d *directory.Directory) error {
		begin := time.Now()
		progress := &progressLines{to: p.Stderr, now: time.Now, last: begin}
		from := directory.Import{
			Dir: os.DirFS(c.Dir), DryRun: c.DryRun, KeepGood: c.KeepIn != "", Refused: c.refused, Progress: progress.hear,
		}
		name, made, report, err := c.importInto(ctx, d, from)
		c.tell(p.Stdout, p.Stderr, name, made, report, err, time.Since(begin))
		if err != nil {
			return err
		}
		if report.RefusalCount > 0 {
			return c.refusal(p.Stderr, report)
		}
		return nil
	})
}

// importInto imports into the account that is there, or makes it; made tells of one that was made.
func (c *importCommand) importInto(ctx context.Context, d *directory.Directory, from directory.Import) (name, made string, report *directory.ImportReport, err error) {
	accounts, err := listAccounts(ctx, d)
	if err != nil {
		return "", "", nil, err
	}
	if c.Account != "" && findAccount(accounts, c.Account) == nil {
		return c.importNew(ctx, d, from)
	}
	if len(accounts) == 0 {
		return "", "", nil, errors.New("there is no account yet: name one with --account, and it is made")
	}
	account, err := c.choose(ctx, d)
	if err != nil {
		return "", "", nil, err
	}
	report, err = d.Import(ctx, auth.OperatorOf(account.ID), from)
	return account.Name, "", report, err
}

func (c *importCommand) importNew(ctx context.Context, d *directory.Directory, from directory.Import) (name, made string, report *directory.ImportReport, err error) {
	in := directory.NewAccount{Name: c.Account, Admin: models.UserCreateInput{Email: c.Admin, Locale: models.LocaleEn}}
	account, admin, report, err := d.ImportNew(ctx, in, from)
	if c.Admin == "" && lacksAdmin(err) {
		in.Admin.Email = "super-admin@" + slug(c.Account) + ".invalid"
		account, admin, report, err = d.ImportNew(ctx, in, from)
	}
	if account != nil {
		name = account.Name
		made = fmt.Sprintf("Made the account %q (%s) with the super admin %s (%s).\n", account.Name, account.ID, admin.Email, admin.ID)
	}
	return name, made, report, atFlags(err)
}

// lacksAdmin tells whether a new account failed for want of a super admin.
func lacksAdmin(err error) bool {
	mistakes, _ := models.UserErrors(err)
	return slices.ContainsFunc(mistakes, func(e *models.Error) bool {
		return e.Code == models.CodeRequired && slices.Equal(e.Path, []string{"admin", "email"})
	})
}

// slug is a name as it can stand in an address.
func slug(name string) string {
	const most = 40
	parts := strings.FieldsFunc(models.Fold(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	text := strings.Join(parts, "-")
	if text = strings.Trim(text[:min(len(text), most)], "-"); text == "" {
		return "account"
	}
	return text
}

// checkKeepIn refuses a folder in which one of the files would be overwritten.
func (c *importCommand) checkKeepIn() error {
	if c.KeepIn == "" {
		return nil
	}
	for _, name := range importFiles {
		if _, err := os.Lstat(filepath.Join(c.KeepIn, name)); err == nil {
			return fmt.Errorf("--refused: there is a %s in %s already, name another folder", name, c.KeepIn)
		}
	}
	return nil
}

// refused makes the file for a file's refused rows. People's data are in it.
func (c *importCommand) refused(file string) (io.WriteCloser, error) {
	if err := os.MkdirAll(c.KeepIn, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(c.KeepIn, file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// tell says what has been done, or would be.
func (c *importCommand) tell(stdout, stderr io.Writer, name, made string, report *directory.ImportReport, err error, took time.Duration) {
	fmt.Fprint(stdout, made)
	if report == nil || !report.Accepted {
		return
	}
	written := report.Users.Created + report.Users.Updated + report.Groups.Created + report.Groups.Updated +
		report.Memberships.Created + report.Memberships.Updated
	if err != nil && written == 0 && made == "" {
		return
	}
	const row = "%-15s %11s %11s %11s %11s\n"
	fmt.Fprintf(stdout, row, "", "created", "updated", "unchanged", "refused")
	for i, n := range []directory.ImportCounts{report.Users, report.Groups, report.Memberships} {
		fmt.Fprintf(stdout, row, importFiles[i], thousands(n.Created), thousands(n.Updated), thousands(n.Unchanged), thousands(n.Refused))
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "It ended before all was written. What is counted above stays; importing again does the rest.")
	case c.DryRun:
		fmt.Fprintln(stdout, "This is what would happen. Nothing was written.")
	case written == 0 && made == "":
		fmt.Fprintf(stdout, "Imported into the account %q in %s.\nNothing changed.\n", name, rounded(took))
	default:
		fmt.Fprintf(stdout, "Imported into the account %q in %s.\n", name, rounded(took))
	}
}

// refusal lists the rows that were refused, and is the error that follows from them.
func (c *importCommand) refusal(stderr io.Writer, report *directory.ImportReport) error {
	for _, r := range report.Refusals {
		fmt.Fprintln(stderr, r)
	}
	if more := report.RefusalCount - len(report.Refusals); more > 0 {
		fmt.Fprintf(stderr, "and %s more\n", thousands(more))
	}
	count := thousands(report.RefusalCount) + " mistakes"
	if report.RefusalCount == 1 {
		count = "1 mistake"
	}
	switch {
	case !report.Accepted:
		return fmt.Errorf("%s: nothing is imported", count)
	case c.KeepIn == "" || c.DryRun:
		return fmt.Errorf("%s: rows are left out", count)
	}
	return fmt.Errorf("%s: rows are left out, which are in %s now", count, c.KeepIn)
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// thousands writes 6281 as 6,281.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// progressLines says how far a long import is, at most once a second.
type progressLines struct {
	to   io.Writer
	now  func() time.Time
	last time.Time
}

func (l *progressLines) hear(at directory.ImportProgress) {
	now := l.now()
	if now.Sub(l.last) < time.Second {
		return
	}
	l.last = now
	done := map[directory.ImportStep]string{
		directory.ImportReads: "read", directory.ImportChecks: "checked", directory.ImportWrites: "written",
	}[at.Step]
	of := ""
	if at.Total > 0 {
		of = " of " + thousands(at.Total)
	}
	fmt.Fprintf(l.to, "%s: %s%s %s\n", at.File, thousands(at.Done), of, done)
}
