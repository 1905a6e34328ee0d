package graph

import (
	"context"

	"cohort/directory"
	"cohort/models"
)

func (r queryResolver) Group(ctx context.Context, by models.GroupBy) (*models.Group, error) {
	return r.directory.Group(ctx, caller(ctx), by)
}

func (r queryResolver) Groups(ctx context.Context, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.GroupConnection, error) {
	return r.directory.Groups(ctx, caller(ctx), directory.GroupQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r groupResolver) Parents(ctx context.Context, group *models.Group, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.GroupConnection, error) {
	return relatives(ctx, group, directory.Parents, directory.GroupQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r groupResolver) Children(ctx context.Context, group *models.Group, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.GroupConnection, error) {
	return relatives(ctx, group, directory.Children, directory.GroupQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r groupResolver) Ancestors(ctx context.Context, group *models.Group, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.GroupConnection, error) {
	return relatives(ctx, group, directory.Ancestors, directory.GroupQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r groupResolver) Descendants(ctx context.Context, group *models.Group, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.GroupConnection, error) {
	return relatives(ctx, group, directory.Descendants, directory.GroupQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func relatives(ctx context.Context, group *models.Group, kin directory.Kin, q directory.GroupQuery, args models.PageArgs) (*models.GroupConnection, error) {
	page, err := load(loadersOf(ctx).relatives(kin, q, args), ctx, group.ID)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		return load(loadersOf(ctx).relativeCounts(kin, q.Filter), ctx, group.ID)
	}
	return &own, nil
}

func (r groupResolver) Depth(ctx context.Context, group *models.Group) (int32, error) {
	return load(loadersOf(ctx).depths(), ctx, group.ID)
}

func (r groupResolver) Breadcrumbs(ctx context.Context, group *models.Group) ([]*models.Group, error) {
	return load(loadersOf(ctx).breadcrumbs(), ctx, group.ID)
}

func (r groupResolver) Adjacent(ctx context.Context, group *models.Group, filter *models.GroupFilter, sort models.GroupSort) (*models.GroupAdjacent, error) {
	return load(loadersOf(ctx).adjacent(directory.GroupQuery{Filter: filter, Sort: sort}), ctx, group)
}

func (r groupResolver) ViewerCanUpdate(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupUpdate"), nil
}

func (r groupResolver) ViewerCanManageMembers(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupMembersAdd"), nil
}

func (r groupResolver) ViewerCanNest(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupNest"), nil
}

func (r groupResolver) ViewerCanSetProducts(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupProductsSet"), nil
}

func (r mutationResolver) GroupCreate(ctx context.Context, input models.GroupCreateInput) (*models.GroupCreatePayload, error) {
	return answer(r.directory.CreateGroup(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupUpdate(ctx context.Context, input models.GroupUpdateInput) (*models.GroupUpdatePayload, error) {
	return answer(r.directory.UpdateGroup(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupDelete(ctx context.Context, input models.GroupDeleteInput) (*models.GroupDeletePayload, error) {
	return answer(r.directory.DeleteGroup(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupsDelete(ctx context.Context, input models.GroupsDeleteInput) (*models.GroupsDeletePayload, error) {
	return answer(r.directory.DeleteGroups(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupNest(ctx context.Context, input models.GroupNestInput) (*models.GroupNestPayload, error) {
	return answer(r.directory.Nest(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupUnnest(ctx context.Context, input models.GroupUnnestInput) (*models.GroupUnnestPayload, error) {
	return answer(r.directory.Unnest(ctx, caller(ctx), input))
}

func (r subscriptionResolver) GroupChanged(ctx context.Context, id models.GlobalID) (<-chan *models.GroupChangedPayload, error) {
	group, err := id.AsGroup()
	if err != nil {
		return nil, at(err, "id")
	}
	return r.directory.FollowGroup(ctx, caller(ctx), *group)
}
