package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r viewerResolver) TableViews(ctx context.Context, who *auth.Caller) (*models.TableViews, error) {
	return r.directory.TableViews(ctx, *who)
}

func (r viewerResolver) ViewerCanSaveTableViews(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Kind == auth.Person && who.Can("Mutation.tableViewSave"), nil
}

func (r mutationResolver) TableViewSave(ctx context.Context, input models.TableViewSaveInput) (*models.TableViewSavePayload, error) {
	return answer(r.directory.SaveTableView(ctx, caller(ctx), input))
}

func (r mutationResolver) TableViewDelete(ctx context.Context, input models.TableViewDeleteInput) (*models.TableViewDeletePayload, error) {
	return answer(r.directory.DeleteTableView(ctx, caller(ctx), input))
}
