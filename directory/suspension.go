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
// The errors of a selection.
func (d *Directory) SuspendUsers(ctx context.Context, who auth.Caller, in models.UsersSuspendInput) (*models.UsersSuspendPayload, error) {
	change, err := d.setSuspension(ctx, who, "Mutation.usersSuspend", in.Selection, in.ExpectedCount, true)
	return &models.UsersSuspendPayload{UsersChange: change}, err
}

// ResumeUsers lifts what SuspendUsers did, and no other reason. Admins for members, and super admins; each
// user gets an outcome. The errors of a selection.
func (d *Directory) ResumeUsers(ctx context.Context, who auth.Caller, in models.UsersResumeInput) (*models.UsersResumePayload, error) {
	change, err := d.setSuspension(ctx, who, "Mutation.usersResume", in.Selection, in.ExpectedCount, false)
	return &models.UsersResumePayload{UsersChange: change}, err
}

func (d *Directory) setSuspension(ctx context.Context, who auth.Caller, action auth.Action, selection *models.UserSelection, expected *int32, suspend bool) (models.UsersChange, error) {
	return write(ctx, d, who, action, func(c *change) (models.UsersChange, error) {
		ids, err := selectUsers(c.DB, c.account(), selection, expected)
		if err != nil {
			return models.UsersChange{}, err
		}
		left, err := superAdmins(c.DB, c.account())
		if err != nil {
			return models.UsersChange{}, err
		}
		var failed, done []*models.UserChangeResult
		counts := models.UserChangeCounts{Total: int32(len(ids))} //nolint:gosec // far fewer users than that
		err = chunks(ids, func(part []models.UserID) error {
			users, err := usersByID(c.DB, c.account(), part)
			if err != nil {
				return err
			}
			var changed []*models.User
			for _, id := range part {
				result := &models.UserChangeResult{UserID: id, User: users[id]}
				result.Outcome = c.suspensionOutcome(users[id], suspend, &left)
				switch result.Outcome {
				case models.UserChangeOutcomeChanged:
					counts.Changed++
					changed = append(changed, users[id])
				case models.UserChangeOutcomeUnchanged:
					counts.Unchanged++
				default:
					counts.Failed++
					failed = appendUpTo(failed, result)
					continue
				}
				done = appendUpTo(done, result)
			}
			return setFact(c, changed, byHand, suspend)
		})
		results := append(failed, done...)
		return models.UsersChange{Results: results[:min(len(results), maxResults)], Counts: counts}, err
	})
}

func appendUpTo(results []*models.UserChangeResult, r *models.UserChangeResult) []*models.UserChangeResult {
	if len(results) < maxResults {
		return append(results, r)
	}
	return results
}

// suspensionOutcome says what is to become of a user; left counts the super admins who would remain.
func (c *change) suspensionOutcome(user *models.User, suspend bool, left *int) models.UserChangeOutcome {
	switch {
	case user == nil:
		return models.UserChangeOutcomeNotFound
	case !c.answer.On(c.who, user.ID, user.Role):
		return models.UserChangeOutcomeForbidden
	case user.SuspendedManually == suspend:
		return models.UserChangeOutcomeUnchanged
	}
	if suspend && user.Role == models.RoleSuperAdmin && user.Status != models.UserStatusSuspended {
		if *left == 1 {
			return models.UserChangeOutcomeLastSuperAdmin
		}
		*left--
	}
	return models.UserChangeOutcomeChanged
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
