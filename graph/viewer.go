package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r queryResolver) Viewer(ctx context.Context) (*auth.Caller, error) {
	who := caller(ctx)
	return &who, nil
}

func (r queryResolver) Account(ctx context.Context) (*models.Account, error) {
	return r.directory.Account(ctx, caller(ctx))
}

func (r viewerResolver) Account(ctx context.Context, who *auth.Caller) (*models.Account, error) {
	return r.directory.Account(ctx, *who)
}

func (r viewerResolver) User(ctx context.Context, who *auth.Caller) (*models.User, error) {
	if who.Kind == auth.Partner {
		return nil, nil //nolint:nilnil // it is no person
	}
	return r.directory.User(ctx, *who, models.UserBy{ID: &who.UserID})
}

func (r viewerResolver) ViewerCanCreateUsers(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.userCreate"), nil
}

func (r viewerResolver) ViewerCanCreateGroups(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.groupCreate"), nil
}

func (r viewerResolver) ViewerCanSetRoles(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.userRoleSet"), nil
}

func (r viewerResolver) ViewerCanCreateProducts(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.productCreate"), nil
}

func (r accountResolver) UserCount(ctx context.Context, _ *models.Account) (int32, error) {
	n, err := r.directory.CountUsers(ctx, caller(ctx), nil)
	return int32(n), err //nolint:gosec // far fewer users than that
}

func (r accountResolver) GroupCount(ctx context.Context, _ *models.Account) (int32, error) {
	n, err := r.directory.CountGroups(ctx, caller(ctx), nil)
	return int32(n), err //nolint:gosec // far fewer groups than that
}

func (r accountResolver) MaxGroupDepth(context.Context, *models.Account) (int32, error) {
	return int32(r.directory.MaxGroupDepth()), nil //nolint:gosec // at most directory.MaxDepth
}
