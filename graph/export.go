package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r mutationResolver) ExportCreate(ctx context.Context, input models.ExportCreateInput) (*models.ExportCreatePayload, error) {
	return answer(r.directory.CreateExport(ctx, caller(ctx), input))
}

func (r jobResolver) File(ctx context.Context, job *models.Job) (*models.ExportFile, error) {
	if job.Kind != models.KindExport || job.State != models.JobStateSucceeded {
		return nil, nil //nolint:nilnil // it has none
	}
	return load(loadersOf(ctx).exportFiles(), ctx, job.ID)
}

func (r jobResolver) ResultURL(ctx context.Context, job *models.Job) (*string, error) {
	file, err := r.File(ctx, job)
	if file == nil || err != nil {
		return nil, err
	}
	return &file.URL, nil
}

func (r viewerResolver) ViewerCanExport(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.exportCreate"), nil
}
