package directory

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"cohort/audit"
	"cohort/models"
	"cohort/store"
)

// preview tries a change out, the way it would go, and takes it back. Memory holds one part of it at a time.
func (c *change) preview(fn func(*change) error) (*models.ProductsPreview, error) {
	preview := &models.ProductsPreview{}
	err := c.tryOut(func(t *change) error {
		if err := fn(t); err != nil {
			return err
		}
		if err := t.settleParts(); err != nil {
			return err
		}
		preview.Impact, preview.Rows, preview.Settings = &t.effects.impact.ProductsImpact, t.effects.rows, t.effects.impact.Settings
		if t.work != nil {
			preview.Counts, preview.Locked, preview.Rows = &t.tally.counts, t.tally.locked, t.tally.preview()
		}
		many, err := t.tooMany()
		if err == nil && many {
			preview.ConfirmToken = new(t.confirmation())
		}
		return err
	})
	c.effects.impact = models.JobImpact{}
	if err == nil {
		c.effects.impact = models.JobImpact{ProductsImpact: *preview.Impact, Settings: preview.Settings}
	}
	return preview, err
}

// tryOut runs fn on a change that ends where this one is now: nothing of it is kept.
func (c *change) tryOut(fn func(*change) error) error {
	const point = "trial"
	if err := c.SavePoint(point).Error; err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	account := *c.Account
	tx := &store.Tx{DB: c.DB, Account: &account, Operation: c.Operation, Now: c.Now}
	t := &change{
		Tx: tx, d: c.d, who: c.who, action: c.action, answer: c.answer, log: audit.None(tx), current: c.current,
		touched: maps.Clone(c.touched), reseat: maps.Clone(c.reseat), leaving: c.leaving, quiet: c.quiet, trial: true,
		following: following{options: c.options, input: c.input, defers: true, work: c.work, selected: c.selected},
	}
	err := fn(t)
	if back := c.RollbackTo(point).Error; back != nil && err == nil { // after a deadlock there is no savepoint left, and err says so
		err = fmt.Errorf("roll back to a savepoint: %w", back)
	}
	return err
}

// settleParts settles what is left in a trial, as a job would.
func (c *change) settleParts() error {
	ids := sortedIDs(c.touched)
	c.touched = nil
	for part := range slices.Chunk(ids, c.d.part(len(ids))) {
		c.touch(part...)
		if _, err := c.settleAll(); err != nil {
			return err
		}
		if err := c.tell(); err != nil {
			return err
		}
	}
	if _, err := c.settleAll(); err != nil { // also where only seats are concerned
		return err
	}
	if err := c.settleLines(); err != nil {
		return err
	}
	return c.tell()
}

// brakeBefore is brakeAt for what a job is to do: it tries that out, unless it can't suspend too many.
func (c *change) brakeBefore() error {
	if !c.losing || len(c.left) <= unbraked {
		return nil
	}
	return c.tryOut(func(t *change) error {
		var err error
		if c.work != nil {
			err = t.inParts(c.work, c.left)
		} else {
			err = t.settleParts()
		}
		if err == nil {
			err = c.brakeAt(t)
		}
		return err
	})
}

// brakeAt is CONFIRMATION_REQUIRED when a change has suspended, or tried to, more users than the account bears without
// the token of a dry run that has said so.
func (c *change) brakeAt(t *change) error {
	many, err := t.tooMany()
	if err != nil || !many {
		return err
	}
	n := fmt.Sprint(t.effects.impact.Suspended)
	if c.options.ConfirmToken == nil {
		return models.Errorf(models.CodeConfirmationRequired, "this would suspend %s users: look at it with dryRun, and pass on its confirmToken", n).
			With("suspended", n).At("input", "confirmToken")
	}
	err = c.d.confirm.check(*c.options.ConfirmToken, t.confirmed(), c.Now)
	var mistake *models.Error
	if errors.As(err, &mistake) {
		err = mistake.With("suspended", n).At("input", "confirmToken")
	}
	return err
}

// unbraked is how many users any account bears to have suspended at once.
const unbraked = 10

// tooMany tells whether so many users are suspended that it needs a confirmation.
func (c *change) tooMany() (bool, error) {
	n := int64(c.effects.impact.Suspended)
	if n <= unbraked {
		return false, nil
	}
	var users int64
	if err := c.Model(&models.User{}).Where("account_id = ?", c.account()).Count(&users).Error; err != nil {
		return false, fmt.Errorf("count users: %w", err)
	}
	return n*100 > int64(c.d.brake)*users, nil
}

// confirmation is the token that lets what was tried out pass the brake.
func (c *change) confirmation() string { return c.d.confirm.token(c.confirmed(), c.Now) }

// confirmed is what a confirmation is bound to.
func (c *change) confirmed() confirmed {
	return confirmed{
		actor: actorOf(c.who), account: c.account(), mutation: c.action, input: c.input, selected: c.selected,
		suspended: hashIDs(c.effects.suspended),
	}
}

// tally counts what became of the subjects of a work, and keeps the first of them, those before the others that failed.
type tally struct {
	counts       models.ProductsCounts
	locked       int32 // who counts as nothing of those
	failed, done []*subject
}

func (t *tally) add(subjects []*subject) {
	for _, s := range subjects {
		t.counts.Total++
		switch s.outcome {
		case models.JobOutcomeChanged:
			t.counts.Changed++
		case models.JobOutcomeUnchanged:
			t.counts.Unchanged++
		case models.JobOutcomeRemainsViaGroup:
			t.counts.RemainViaGroup++
		case models.JobOutcomeNoSeat:
			t.counts.NoSeat++
		case models.JobOutcomeLocked:
			t.locked++
		default:
			t.counts.Failed++
			if len(t.failed) < maxResults {
				t.failed = append(t.failed, s)
			}
			continue
		}
		if len(t.done) < maxResults {
			t.done = append(t.done, s)
		}
	}
}

// first are the first subjects, at most so many.
func (t *tally) first(most int) []*subject {
	all := slices.Concat(t.failed, t.done)
	return all[:min(len(all), most)]
}

// preview are the first subjects as rows of a preview.
func (t *tally) preview() []*models.ProductsPreviewRow {
	var rows []*models.ProductsPreviewRow
	for _, s := range t.first(models.MaxPreview) {
		rows = append(rows, &models.ProductsPreviewRow{UserID: s.userID(), Outcome: s.outcome, JobDetail: s.detail})
	}
	return rows
}
