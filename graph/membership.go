package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"cohort/directory"
	"cohort/models"
)

func (r groupResolver) Members(ctx context.Context, group *models.Group, relation models.MembershipRelation, filter *models.UserFilter, sort models.UserSort, first *int32, after *string, last *int32, before *string) (*models.GroupMemberConnection, error) {
	q := directory.MemberQuery{Relation: relation, Filter: filter, Sort: sort}
	page, err := load(loadersOf(ctx).members(q, models.PageArgs{First: first, After: after, Last: last, Before: before}, detail(ctx)), ctx, group.ID)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		return load(loadersOf(ctx).memberCounts(relation, filter), ctx, group.ID)
	}
	return &own, nil
}

func (r groupResolver) MemberCount(ctx context.Context, group *models.Group) (int32, error) {
	n, err := load(loadersOf(ctx).memberCounts(models.MembershipRelationAll, nil), ctx, group.ID)
	return int32(n), err //nolint:gosec // far fewer users than that
}

// detail is what the operation asks of how each membership of a list comes about.
func detail(ctx context.Context) directory.Detail {
	op := graphql.GetOperationContext(ctx)
	for _, field := range graphql.CollectFieldsCtx(ctx, []string{"GroupMemberConnection", "UserGroupConnection"}) {
		if field.Name != "edges" {
			continue
		}
		for _, part := range graphql.CollectFields(op, field.Selections, []string{"GroupMemberEdge", "UserGroupEdge"}) {
			if part.Name == "via" || part.Name == "path" {
				return directory.Paths
			}
		}
	}
	return directory.Direct
}

// checkDetail is what the operation asks of how a membership that is checked comes about. The groups it comes via
// are known either way.
func checkDetail(ctx context.Context) directory.Detail {
	for _, field := range graphql.CollectFieldsCtx(ctx, []string{"MembershipCheck"}) {
		if field.Name == "path" {
			return directory.Paths
		}
	}
	return directory.Direct
}

func (r groupMemberEdgeResolver) Via(ctx context.Context, edge *models.GroupMemberEdge) ([]*models.Group, error) {
	return groupsNamed(ctx, edge.How.Via)
}

func (r groupMemberEdgeResolver) Path(ctx context.Context, edge *models.GroupMemberEdge) ([]*models.Group, error) {
	return groupsNamed(ctx, edge.How.Path)
}

func (r userGroupEdgeResolver) Via(ctx context.Context, edge *models.UserGroupEdge) ([]*models.Group, error) {
	return groupsNamed(ctx, edge.How.Via)
}

func (r userGroupEdgeResolver) Path(ctx context.Context, edge *models.UserGroupEdge) ([]*models.Group, error) {
	return groupsNamed(ctx, edge.How.Path)
}

func (r membershipCheckResolver) Via(ctx context.Context, check *models.MembershipCheck) ([]*models.Group, error) {
	return groupsNamed(ctx, check.How.Via)
}

func (r membershipCheckResolver) Path(ctx context.Context, check *models.MembershipCheck) ([]*models.Group, error) {
	return groupsNamed(ctx, check.How.Path)
}

// groupsNamed loads groups in the order of their ids; one deleted meanwhile is left out.
func groupsNamed(ctx context.Context, ids []models.GroupID) ([]*models.Group, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := loadersOf(ctx).groups().loadAll(ctx, ids)
	groups := make([]*models.Group, 0, len(found))
	for _, group := range found {
		if group != nil {
			groups = append(groups, group)
		}
	}
	return groups, err
}

func (r queryResolver) MembershipChecks(ctx context.Context, userIDs, groupIDs []*models.GlobalID) ([]*models.MembershipCheck, error) {
	users, err := ids(userIDs, "userIds", (*models.GlobalID).AsUser)
	if err != nil {
		return nil, err
	}
	groups, err := ids(groupIDs, "groupIds", (*models.GlobalID).AsGroup)
	if err != nil {
		return nil, err
	}
	return r.directory.Checks(ctx, caller(ctx), users, groups, checkDetail(ctx))
}

func (r mutationResolver) GroupMembersAdd(ctx context.Context, input models.GroupMembersAddInput) (*models.GroupMembersAddPayload, error) {
	return answer(r.directory.AddMembers(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupMembersRemove(ctx context.Context, input models.GroupMembersRemoveInput) (*models.GroupMembersRemovePayload, error) {
	return answer(r.directory.RemoveMembers(ctx, caller(ctx), input))
}
