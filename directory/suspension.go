package directory

import (
	"context"
	"fmt"

	"cohort/auth"
	"cohort/models"
)

// maxResults bounds the rows that a bulk change reports one by one.
const maxResults = 1000

// SuspendUsers suspends users by hand. Admins for members, and super admins; each user gets an outcome.
// The errors of a selection and of carryOut.
func (d *Directory) SuspendUsers(ctx context.Context, who auth.Caller, in models.UsersSuspendInput) (*models.UsersSuspendPayload, error) {
	return carryOut(ctx, d, who, "Mutation.usersSuspend", in, in.EffectOptions, func(c *change) (*models.UsersSuspendPayload, error) {
		change, err := c.setSuspension(&suspending{Suspend: true}, in.Selection, in.ExpectedCount)
		return &models.UsersSuspendPayload{UsersChange: change}, err
	})
}

// ResumeUsers lifts what SuspendUsers did, and no other reason. Admins for members, and super admins; each
// user gets an outcome. The errors of a selection and of carryOut.
func (d *Directory) ResumeUsers(ctx context.Context, who auth.Caller, in models.UsersResumeInput) (*models.UsersResumePayload, error) {
	return carryOut(ctx, d, who, "Mutation.usersResume", in, in.EffectOptions, func(c *change) (*models.UsersResumePayload, error) {
		change, err := c.setSuspension(&suspending{}, in.Selection, in.ExpectedCount)
		return &models.UsersResumePayload{UsersChange: change}, err
	})
}

func (c *change) setSuspension(w *suspending, selection *models.UserSelection, expected *int32) (models.UsersChange, error) {
	ids, err := selectUsers(c.DB, c.account(), selection, expected)
	if err != nil {
		return models.UsersChange{}, err
	}
	c.losing = w.Suspend
	if err := c.perform(w, ids); err != nil {
		return models.UsersChange{}, err
	}
	counts := c.tally.counts
	change := models.UsersChange{Counts: models.UserChangeCounts{
		Total: int32(len(ids)), Changed: counts.Changed, Unchanged: counts.Unchanged, Failed: counts.Failed, //nolint:gosec // far fewer users than that
	}}
	for _, s := range c.tally.first(maxResults) {
		change.Results = append(change.Results, &models.UserChangeResult{UserID: s.userID(), User: s.user, Outcome: models.UserChangeOutcome(s.outcome)})
	}
	return change, nil
}

// suspending is the work of usersSuspend and usersResume.
type suspending struct {
	Suspend bool `json:"suspend"`
}

func (w *suspending) do(c *change, part []*subject) error {
	left, err := superAdmins(c.DB, c.account())
	if err != nil {
		return err
	}
	allowed, err := c.allowed(part)
	if err != nil {
		return err
	}
	subjects := byUser(part)
	var changed []*models.User
	for _, id := range allowed {
		s := subjects[id]
		if s.outcome = w.outcome(s.user, &left); s.outcome != models.JobOutcomeChanged {
			continue
		}
		s.detail.Suspended = &w.Suspend
		if s.user.Status != models.UserStatusSuspended {
			c.effects.of(id).Suspended = &w.Suspend
		}
		changed = append(changed, s.user)
	}
	return setFact(c, changed, byHand, w.Suspend)
}

func (w *suspending) conclude(*change, []*subject) error { return nil }

// outcome says what is to become of a user; left counts the super admins who would remain.
func (w *suspending) outcome(user *models.User, left *int) models.JobOutcome {
	if user.SuspendedManually == w.Suspend {
		return models.JobOutcomeUnchanged
	}
	if w.Suspend && user.Role == models.RoleSuperAdmin && user.Status != models.UserStatusSuspended {
		if *left == 1 {
			return models.JobOutcomeLastSuperAdmin
		}
		*left--
	}
	return models.JobOutcomeChanged
}

// The facts that suspend a user.
const (
	byHand      = "suspended_manually"
	forProducts = "suspended_no_products"
)

// setFact stores a fact and the status that follows from it, in one statement for each status.
func setFact(c *change, users []*models.User, fact string, is bool) error {
	byStatus := map[models.UserStatus][]models.UserID{}
	for _, user := range users {
		before := *user
		if user.UpdatedAt = c.Now; fact == byHand {
			user.SuspendedManually = is
		} else {
			user.SuspendedNoProducts = is
		}
		user.Settle()
		byStatus[user.Status] = append(byStatus[user.Status], user.ID)
		if err := noteUser(c, &before, user); err != nil {
			return err
		}
	}
	for status, ids := range byStatus {
		err := c.Model(&models.User{}).Where("account_id = ? AND id IN ?", c.account(), ids).
			Updates(map[string]any{fact: is, "status": status, "updated_at": c.Now}).Error
		if err != nil {
			return fmt.Errorf("set suspension: %w", err)
		}
	}
	return nil
}
