package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r queryResolver) AuditEvents(ctx context.Context, filter *models.AuditEventFilter, first *int32, after *string, last *int32, before *string) (*models.AuditEventConnection, error) {
	return r.directory.AuditEvents(ctx, caller(ctx), filter, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r userResolver) AuditEvents(ctx context.Context, user *models.User, filter *models.AuditEventFilter, first *int32, after *string, last *int32, before *string) (*models.AuditEventConnection, error) {
	return auditEventsOf(ctx, "User.auditEvents", user.ID, filter, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r groupResolver) AuditEvents(ctx context.Context, group *models.Group, filter *models.AuditEventFilter, first *int32, after *string, last *int32, before *string) (*models.AuditEventConnection, error) {
	return auditEventsOf(ctx, "Group.auditEvents", group.ID, filter, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func auditEventsOf(ctx context.Context, action auth.Action, of [16]byte, filter *models.AuditEventFilter, args models.PageArgs) (*models.AuditEventConnection, error) {
	page, err := load(loadersOf(ctx).auditEventsOf(action, filter, args), ctx, of)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		return load(loadersOf(ctx).auditEventCounts(action, filter), ctx, of)
	}
	return &own, nil
}

func (r auditActorResolver) User(ctx context.Context, actor *models.AuditActor) (*models.User, error) {
	if actor.UserID == nil {
		return nil, nil //nolint:nilnil // nobody of the account
	}
	return load(loadersOf(ctx).users(), ctx, *actor.UserID)
}

func (r auditEventResolver) Job(ctx context.Context, event *models.AuditEvent) (*models.Job, error) {
	return jobNamed(ctx, event.JobID)
}

func (r auditEventResolver) Subject(ctx context.Context, event *models.AuditEvent) (models.Node, error) {
	return nodeNamed(ctx, event.Subject())
}

func (r auditEventResolver) Object(ctx context.Context, event *models.AuditEvent) (models.Node, error) {
	return nodeNamed(ctx, event.Object())
}

// nodeNamed loads what an id is of; nil when it is no more.
func nodeNamed(ctx context.Context, id *models.GlobalID) (models.Node, error) {
	switch {
	case id == nil:
		return nil, nil //nolint:nilnil // of nothing
	case id.User != nil:
		return there(load(loadersOf(ctx).users(), ctx, *id.User))
	case id.Group != nil:
		return there(load(loadersOf(ctx).groups(), ctx, *id.Group))
	case id.Product != nil:
		return there(load(loadersOf(ctx).catalogue(), ctx, *id.Product))
	case id.Job != nil:
		return there(load(loadersOf(ctx).jobs(), ctx, *id.Job))
	case id.Mail != nil:
		return there(load(loadersOf(ctx).mails(), ctx, *id.Mail))
	case id.Partner != nil:
		if !caller(ctx).Can("Query.partnerClients") {
			return nil, nil //nolint:nilnil // which the caller may not see
		}
		return there(load(loadersOf(ctx).partnerClients(), ctx, *id.Partner))
	case id.Webhook != nil:
		if !caller(ctx).Can("Query.webhooks") {
			return nil, nil //nolint:nilnil // which the caller may not see
		}
		return there(load(loadersOf(ctx).webhooks(), ctx, *id.Webhook))
	}
	return there(load(loadersOf(ctx).accounts(), ctx, *id.Account))
}

// there is a row as a node: a pointer to nothing must not get into an interface, where it would be something.
func there[T any, P interface {
	*T
	models.Node
}](row P, err error,
) (models.Node, error) {
	if err != nil || row == nil {
		return nil, err
	}
	return row, nil
}
