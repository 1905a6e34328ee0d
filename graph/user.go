package graph

import (
	"context"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

func (r queryResolver) User(ctx context.Context, by models.UserBy) (*models.User, error) {
	return r.directory.User(ctx, caller(ctx), by)
}

func (r queryResolver) Users(ctx context.Context, filter *models.UserFilter, sort models.UserSort, first *int32, after *string, last *int32, before *string) (*models.UserConnection, error) {
	return r.directory.Users(ctx, caller(ctx), directory.UserQuery{Filter: filter, Sort: sort}, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r userResolver) Groups(ctx context.Context, user *models.User, relation models.MembershipRelation, filter *models.GroupFilter, sort models.GroupSort, first *int32, after *string, last *int32, before *string) (*models.UserGroupConnection, error) {
	q := directory.MembershipQuery{Relation: relation, Filter: filter, Sort: sort}
	page, err := load(loadersOf(ctx).groupsOf(q, models.PageArgs{First: first, After: after, Last: last, Before: before}, detail(ctx)), ctx, user.ID)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		return load(loadersOf(ctx).groupsOfCounts(relation, filter), ctx, user.ID)
	}
	return &own, nil
}

func (r userResolver) ViewerCanUpdate(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.userUpdate", user), nil
}

func (r userResolver) ViewerCanDelete(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.userDelete", user), nil
}

func (r userResolver) ViewerCanSuspend(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.usersSuspend", user), nil
}

func (r userResolver) ViewerCanSetRole(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.userRoleSet", user), nil
}

func (r userResolver) ViewerCanManageGroups(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.userGroupsUpdate", user), nil
}

func (r userResolver) ViewerCanSetProducts(ctx context.Context, user *models.User) (bool, error) {
	return canOn(ctx, "Mutation.usersProductsSet", user), nil
}

func canOn(ctx context.Context, action auth.Action, user *models.User) bool {
	return caller(ctx).CanOn(action, user.ID, user.Role)
}

func (r mutationResolver) UserCreate(ctx context.Context, input models.UserCreateInput) (*models.UserCreatePayload, error) {
	return answer(r.directory.CreateUser(ctx, caller(ctx), input))
}

func (r mutationResolver) UsersCreate(ctx context.Context, input models.UsersCreateInput) (*models.UsersCreatePayload, error) {
	return answer(r.directory.CreateUsers(ctx, caller(ctx), input))
}

func (r mutationResolver) UserUpdate(ctx context.Context, input models.UserUpdateInput) (*models.UserUpdatePayload, error) {
	return answer(r.directory.UpdateUser(ctx, caller(ctx), input))
}

func (r mutationResolver) UserDelete(ctx context.Context, input models.UserDeleteInput) (*models.UserDeletePayload, error) {
	return answer(r.directory.DeleteUser(ctx, caller(ctx), input))
}

func (r mutationResolver) UserRoleSet(ctx context.Context, input models.UserRoleSetInput) (*models.UserRoleSetPayload, error) {
	return answer(r.directory.SetUserRole(ctx, caller(ctx), input))
}

func (r mutationResolver) UsersSuspend(ctx context.Context, input models.UsersSuspendInput) (*models.UsersSuspendPayload, error) {
	return answer(r.directory.SuspendUsers(ctx, caller(ctx), input))
}

func (r mutationResolver) UsersResume(ctx context.Context, input models.UsersResumeInput) (*models.UsersResumePayload, error) {
	return answer(r.directory.ResumeUsers(ctx, caller(ctx), input))
}

func (r mutationResolver) UserGroupsUpdate(ctx context.Context, input models.UserGroupsUpdateInput) (*models.UserGroupsUpdatePayload, error) {
	return answer(r.directory.UpdateUserGroups(ctx, caller(ctx), input))
}
