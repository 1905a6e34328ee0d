package graph

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"cohort/jobs"
	"cohort/models"
)

func (r queryResolver) Job(ctx context.Context, id models.GlobalID) (*models.Job, error) {
	job, err := id.AsJob()
	if err != nil {
		return nil, at(err, "id")
	}
	return r.directory.Job(ctx, caller(ctx), *job)
}

func (r queryResolver) Jobs(ctx context.Context, status []models.JobState, kinds []string, first *int32, after *string, last *int32, before *string) (*models.JobConnection, error) {
	return r.directory.Jobs(ctx, caller(ctx), jobs.Filter{States: status, Kinds: kinds}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r jobResolver) StartedBy(ctx context.Context, job *models.Job) (*models.User, error) {
	if job.Actor.UserID == nil {
		return nil, nil //nolint:nilnil // nobody of the account
	}
	return load(loadersOf(ctx).users(), ctx, *job.Actor.UserID)
}

func (r jobResolver) Retries(ctx context.Context, job *models.Job) (*models.Job, error) {
	return jobNamed(ctx, job.RetriesJobID)
}

func (r jobResolver) Reverts(ctx context.Context, job *models.Job) (*models.Job, error) {
	return jobNamed(ctx, job.RevertsJobID)
}

func jobNamed(ctx context.Context, id *models.JobID) (*models.Job, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // it is about no other job
	}
	return load(loadersOf(ctx).jobs(), ctx, *id)
}

func (r jobResolver) Results(ctx context.Context, job *models.Job, outcomes []models.JobOutcome, first *int32, after *string, last *int32, before *string) (*models.JobResultConnection, error) {
	page, err := load(loadersOf(ctx).jobResults(outcomes, models.PageArgs{First: first, After: after, Last: last, Before: before}), ctx, job.ID)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		if len(outcomes) == 0 {
			return int(job.Total), nil
		}
		return load(loadersOf(ctx).jobResultCounts(outcomes), ctx, job.ID)
	}
	return &own, nil
}

func (r jobResolver) ViewerCanCancel(ctx context.Context, job *models.Job) (bool, error) {
	return job.Cancelable() && caller(ctx).Can("Mutation.jobCancel"), nil
}

func (r jobResolver) ViewerCanRetry(ctx context.Context, job *models.Job) (bool, error) {
	return job.Retryable() && caller(ctx).Can("Mutation.jobRetryFailed"), nil
}

func (r jobResolver) ViewerCanRevert(ctx context.Context, job *models.Job) (bool, error) {
	return job.Revertible() && caller(ctx).Can("Mutation.jobRevert"), nil
}

func (r groupResolver) PendingJob(ctx context.Context, group *models.Group) (*models.Job, error) {
	return load(loadersOf(ctx).pendingJobs(), ctx, group.ID)
}

func (r jobResultResolver) Subject(ctx context.Context, result *models.JobResult) (models.Node, error) {
	// A pointer to nothing must not get into an interface, where it would be something.
	if id := result.SubjectID.User; id != nil {
		user, err := load(loadersOf(ctx).users(), ctx, *id)
		if err != nil || user == nil {
			return nil, err
		}
		return user, nil
	}
	group, err := load(loadersOf(ctx).groups(), ctx, *result.SubjectID.Group)
	if err != nil || group == nil {
		return nil, err
	}
	return group, nil
}

func (r jobResultResolver) Added(ctx context.Context, result *models.JobResult) ([]*models.Product, error) {
	return productsNamed(ctx, result.Detail.Gained)
}

func (r jobResultResolver) Removed(ctx context.Context, result *models.JobResult) ([]*models.Product, error) {
	return productsNamed(ctx, result.Detail.Lost)
}

func (r jobResultResolver) Waiting(ctx context.Context, result *models.JobResult) ([]*models.Product, error) {
	return productsNamed(ctx, result.Detail.Waiting)
}

func (r mutationResolver) JobCancel(ctx context.Context, input models.JobCancelInput) (*models.JobCancelPayload, error) {
	return answer(r.directory.CancelJob(ctx, caller(ctx), input))
}

func (r mutationResolver) JobRetryFailed(ctx context.Context, input models.JobRetryFailedInput) (*models.JobRetryFailedPayload, error) {
	return answer(r.directory.RetryJob(ctx, caller(ctx), input))
}

func (r subscriptionResolver) JobProgress(ctx context.Context, id models.GlobalID) (<-chan *models.Job, error) {
	job, err := id.AsJob()
	if err != nil {
		return nil, at(err, "id")
	}
	return r.directory.FollowJob(ctx, caller(ctx), *job)
}

// productsNamed loads products and sorts them by name; one deleted meanwhile is left out.
func productsNamed(ctx context.Context, ids []models.ProductID) ([]*models.Product, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := loadersOf(ctx).catalogue().loadAll(ctx, ids)
	products := make([]*models.Product, 0, len(found))
	for _, product := range found {
		if product != nil {
			products = append(products, product)
		}
	}
	slices.SortFunc(products, func(a, b *models.Product) int {
		return cmp.Or(strings.Compare(a.NameSort, b.NameSort), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return products, err
}

func (r mutationResolver) JobRevert(ctx context.Context, input models.JobRevertInput) (*models.JobRevertPayload, error) {
	return answer(r.directory.RevertJob(ctx, caller(ctx), input))
}
