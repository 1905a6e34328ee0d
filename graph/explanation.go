package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r queryResolver) ExplainAccess(ctx context.Context, id models.GlobalID, productKey, settingKey, permissionKey *string) (*models.AccessExplanation, error) {
	user, err := id.AsUser()
	if err != nil {
		return nil, at(err, "userId")
	}
	return r.directory.ExplainAccess(ctx, caller(ctx), *user, models.AccessKey{Product: productKey, Setting: settingKey, Permission: permissionKey})
}

func (r accessExplanationResolver) User(ctx context.Context, e *models.AccessExplanation) (*models.User, error) {
	return load(loadersOf(ctx).users(), ctx, e.UserID)
}

// Path leaves out the groups that the caller may not see.
func (r accessReasonResolver) Path(ctx context.Context, reason *models.AccessReason) ([]*models.Group, error) {
	return groupsNamed(ctx, reason.Path)
}

func (r accessReasonResolver) HiddenGroups(ctx context.Context, reason *models.AccessReason) (int32, error) {
	seen, err := groupsNamed(ctx, reason.Path)
	return int32(len(reason.Path) - len(seen)), err //nolint:gosec // no more than groups inside groups
}

func (r accessActionResolver) Permitted(ctx context.Context, action *models.AccessAction) (bool, error) {
	return caller(ctx).Can(auth.Action("Mutation." + action.Mutation)), nil
}
