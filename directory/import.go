package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

const importAction = auth.Action("Operator.import")

// Import says what to import and how.
type Import struct {
	// Dir has users.csv, groups.csv and memberships.csv; one that is missing counts as empty.
	Dir fs.FS

	// DryRun writes nothing, and reports what would be written.
	DryRun bool

	// KeepGood keeps the good rows although there are others. A row that depends on a refused one is
	// refused too.
	KeepGood bool

	// Refused opens a file for the rows of one of the three that KeepGood has left out. They can be
	// corrected there and imported again: a last column, `reason`, says why, and is passed over on import.
	// It is called in the end, for the files with such rows, and not by a dry run. Nil keeps no such files.
	Refused func(file string) (io.WriteCloser, error)

	// Progress hears how far it is, from the goroutine that imports. Nil tells nobody.
	Progress func(ImportProgress)
}

// ImportProgress is how far an import is.
type ImportProgress struct {
	Step  ImportStep
	File  string // users.csv, groups.csv or memberships.csv
	Done  int    // rows of the file; groups in groups.csv that are checked or written
	Total int    // 0 while it is unknown
}

// ImportStep is what an import is at.
type ImportStep string

// The steps of an import, each of them for one file after the other. Before the last one nothing is written.
const (
	ImportReads  ImportStep = "read"
	ImportChecks ImportStep = "check"
	ImportWrites ImportStep = "write"
)

// ImportReport is what an import has done, or a dry run would do.
type ImportReport struct {
	// Accepted is false when rows were refused, without KeepGood, or a file as a whole: then nothing is
	// kept, and nothing counts as created, updated or unchanged.
	Accepted bool

	Users, Groups, Memberships ImportCounts

	// Refusals are the first 100 in the order of the files; RefusalCount is how many there are.
	Refusals     []Refusal
	RefusalCount int

	// LongestLock is the longest time for which other writers had to wait.
	LongestLock time.Duration
}

// ImportCounts are what became of users, groups (each once, however many rows it has) or memberships, and
// the number of the rows that were refused.
type ImportCounts struct{ Created, Updated, Unchanged, Refused int }

// Refusal says why a row is refused. The column is that of the field's first character, counted from 1 in
// characters, as editors do.
type Refusal struct {
	File         string
	Line, Column int
	Reason       string
}

// String is `users.csv:17:3: reason`.
func (r Refusal) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", r.File, r.Line, r.Column, r.Reason)
}

// maxRefusals bounds the refusals that a report has one by one.
const maxRefusals = 100

// Import brings the users, groups and memberships of CSV files into an account: it creates and updates users
// (by e-mail) and groups (by name), adds memberships and nestings, and takes nothing away, so that doing it
// twice changes nothing. No mail is sent. The operator alone.
//
// Everything is checked before anything is written, without the account's lock, and one row that is wrong
// keeps out all, unless KeepGood is set. What is right is written in many transactions, each of which holds
// the lock for a moment and looks again at what it depends on: only a row that has become wrong by somebody
// else's change meanwhile is refused then, and the others stay. The same is true after an error, with which
// the report tells what was written: importing again does the rest.
func (d *Directory) Import(ctx context.Context, who auth.Caller, in Import) (*ImportReport, error) {
	if _, err := who.May(importAction); err != nil {
		return nil, err
	}
	if who.Kind != auth.Operator {
		return nil, fmt.Errorf("%s is the operator's: %w", importAction, auth.ErrForbidden)
	}
	_, err := store.InSnapshot(ctx, d.store, func(tx *gorm.DB) (models.Account, error) { return accountRow(tx, who.Account) })
	if err != nil {
		return nil, err
	}
	im, err := d.newImporter(who, in)
	if err != nil {
		return nil, err
	}
	defer im.close()
	if err := im.plan(ctx); err != nil || in.DryRun || !im.report.Accepted {
		return im.report, err
	}
	return im.report, im.carryOut(ctx)
}

// ImportNew is Import into an account that it makes first, with its first super admin: the one that is given
// or, if that one has no e-mail, the first in users.csv. Where the import is refused, or is a dry run, there
// is no account. The errors of CreateAccount.
func (d *Directory) ImportNew(ctx context.Context, in NewAccount, from Import) (*models.Account, *models.User, *ImportReport, error) {
	account, admin, err := draftAccount(in, in.Admin.Email != "")
	if err != nil {
		return nil, nil, nil, err
	}
	_, err = store.InSnapshot(ctx, d.store, func(tx *gorm.DB) (struct{}, error) { return struct{}{}, checkAccountName(tx, account) })
	if err != nil {
		return nil, nil, nil, err
	}
	im, err := d.newImporter(auth.OperatorOf(account.ID), from)
	if err != nil {
		return nil, nil, nil, err
	}
	defer im.close()
	im.isNew, im.founder = true, admin
	if err := im.plan(ctx); err != nil || !im.report.Accepted {
		return nil, nil, im.report, err
	}
	if im.founder == nil {
		return nil, nil, im.report, models.Errorf(models.CodeRequired, "an account has a super admin, and users.csv names none").At("admin", "email")
	}
	if from.DryRun {
		return nil, nil, im.report, nil
	}
	if err := d.insertAccount(ctx, account, im.founder); err != nil {
		return nil, nil, nil, err
	}
	im.isNew = false
	return account, im.founder, im.report, im.carryOut(ctx)
}

// importer is one import.
type importer struct {
	d       *Directory
	who     auth.Caller
	in      Import
	stage   *staging
	files   [3]*importFile // nil for one that is missing
	groups  *groupPlan
	report  *ImportReport
	isNew   bool         // the account is still to be made
	founder *models.User // the first super admin of an account that this import makes
}

func (d *Directory) newImporter(who auth.Caller, in Import) (*importer, error) {
	stage, err := openStaging()
	if err != nil {
		return nil, err
	}
	return &importer{d: d, who: who, in: in, stage: stage, report: &ImportReport{}}, nil
}

func (im *importer) close() {
	im.stage.close()
	im.closeFiles()
}

func (im *importer) closeFiles() {
	for _, f := range im.files {
		if f != nil {
			_ = f.closer.Close()
		}
	}
}

func (im *importer) account() models.AccountID { return im.who.Account }

func (im *importer) counts(kind fileKind) *ImportCounts {
	return [...]*ImportCounts{&im.report.Users, &im.report.Groups, &im.report.Memberships}[kind]
}

func (im *importer) progress(step ImportStep, kind fileKind, done, total int) {
	if im.in.Progress != nil {
		im.in.Progress(ImportProgress{step, kind.String(), done, total})
	}
}

// plan reads and checks everything, and leaves in the report what is to be expected.
func (im *importer) plan(ctx context.Context) error {
	readable, err := im.openFiles()
	if err != nil {
		return err
	}
	if readable {
		for _, step := range []func(context.Context) error{
			im.readUsers, im.readGroups, im.planGroups, im.readMembers, im.planUsers, im.planMembers,
		} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	if err := im.countRefusals(); err != nil {
		return err
	}
	im.report.Accepted = readable && (im.in.KeepGood || im.report.RefusalCount == 0)
	if !im.report.Accepted {
		for _, kind := range fileKinds {
			counts := im.counts(kind)
			*counts = ImportCounts{Refused: counts.Refused}
		}
	}
	return nil
}

// openFiles opens the files; they are not readable when the header of one is wrong, since nothing can be
// said then about what depends on its rows.
func (im *importer) openFiles() (readable bool, err error) {
	readable, found := true, false
	for _, kind := range fileKinds {
		f, wrong, err := openImportFile(im.in.Dir, kind)
		im.files[kind] = f
		if err != nil {
			return false, err
		}
		for _, c := range wrong {
			readable = false
			if err := im.stage.refuse(kind, c.line, c); err != nil {
				return false, err
			}
		}
		found = found || f != nil
	}
	if !found {
		return false, models.Errorf(models.CodeRequired, "there is none of %v to import", fileKinds)
	}
	return readable, nil
}

// readRows hands each row of a file that is not malformed to fn.
func (im *importer) readRows(ctx context.Context, kind fileKind, fn func(*csvRow) error) error {
	f := im.files[kind]
	if f == nil {
		return nil
	}
	for done := 0; ; done++ {
		if done%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			im.progress(ImportReads, kind, done, 0)
		}
		row, err := f.next()
		switch {
		case err == io.EOF:
			im.progress(ImportReads, kind, done, done)
			return nil
		case err != nil:
			return err
		case row.malformed != nil:
			err = im.stage.refuse(kind, row.line, *row.malformed)
		default:
			err = fn(row)
		}
		if err != nil {
			return err
		}
	}
}

// refuseAll notes what is wrong with a row.
func (im *importer) refuseAll(kind fileKind, line int, wrong []complaint) error {
	for _, c := range wrong {
		if err := im.stage.refuse(kind, line, c); err != nil {
			return err
		}
	}
	return nil
}

// carryOut writes what the plan has left to write.
func (im *importer) carryOut(ctx context.Context) error {
	for _, kind := range fileKinds {
		counts := im.counts(kind)
		counts.Created, counts.Updated = 0, 0
	}
	for _, step := range []func(context.Context) error{im.writeUsers, im.writeGroups, im.writeMembers} {
		if err := step(ctx); err != nil {
			return errors.Join(err, im.countRefusals())
		}
	}
	if err := im.countRefusals(); err != nil {
		return err
	}
	return im.writeRefused()
}
