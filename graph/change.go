package graph

import (
	"context"

	"cohort/directory"
	"cohort/models"
)

func (r queryResolver) Changes(ctx context.Context, since *string, first int32, kinds []models.ChangeKind) (*models.ChangePage, error) {
	return r.directory.Changes(ctx, caller(ctx), directory.ChangeQuery{Since: since, First: &first, Kinds: kinds})
}

func (r queryResolver) ChangesCursor(ctx context.Context) (string, error) {
	return r.directory.ChangesCursor(ctx, caller(ctx))
}

func (r subscriptionResolver) Changes(ctx context.Context, since *string, first int32, kinds []models.ChangeKind) (<-chan *models.ChangePage, error) {
	return r.directory.FollowChanges(ctx, caller(ctx), directory.ChangeQuery{Since: since, First: &first, Kinds: kinds})
}
