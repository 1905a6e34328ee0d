package graph

import (
	"context"
	"fmt"
	"sync"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// loaders answer the same question about many rows of a page in one go. A set lives as long as one operation,
// and has a loader for each question with its arguments.
type loaders struct {
	directory *directory.Directory
	who       auth.Caller
	mu        sync.Mutex
	byName    map[string]any
}

type loadersKey struct{}

func withLoaders(ctx context.Context, d *directory.Directory) context.Context {
	return context.WithValue(ctx, loadersKey{}, &loaders{directory: d, who: caller(ctx), byName: map[string]any{}})
}

func loadersOf(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) }

// load asks a gatherer for one key.
func load[K comparable, V any](g *gatherer[K, V], ctx context.Context, key K) (V, error) { //nolint:revive // reads as a call of g
	return g.load(ctx, key)
}

// loader is the gatherer of a question with its arguments; fetch answers it for many keys, in their order.
func loader[K comparable, V any](l *loaders, question string, args any, fetch func(context.Context, []K) ([]V, error)) *gatherer[K, V] {
	name := fmt.Sprintf("%s %x", question, models.HashList(args))
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.byName[name]; ok {
		return known.(*gatherer[K, V])
	}
	made := newGatherer(fetch)
	l.byName[name] = made
	return made
}

func (l *loaders) groups() *gatherer[models.GroupID, *models.Group] {
	return loader(l, "group", nil, func(ctx context.Context, ids []models.GroupID) ([]*models.Group, error) {
		return l.directory.GroupsByID(ctx, l.who, ids)
	})
}

func (l *loaders) users() *gatherer[models.UserID, *models.User] {
	return loader(l, "user", nil, func(ctx context.Context, ids []models.UserID) ([]*models.User, error) {
		return l.directory.UsersByID(ctx, l.who, ids)
	})
}

func (l *loaders) catalogue() *gatherer[models.ProductID, *models.Product] {
	return loader(l, "product", nil, func(ctx context.Context, ids []models.ProductID) ([]*models.Product, error) {
		return l.directory.ProductsByID(ctx, l.who, ids)
	})
}

func (l *loaders) jobs() *gatherer[models.JobID, *models.Job] {
	return loader(l, "job", nil, func(ctx context.Context, ids []models.JobID) ([]*models.Job, error) {
		return l.directory.JobsByID(ctx, l.who, ids)
	})
}

func (l *loaders) jobResults(outcomes []models.JobOutcome, args models.PageArgs) *gatherer[models.JobID, *models.JobResultConnection] {
	return loader(l, "jobResults", []any{outcomes, args}, func(ctx context.Context, ids []models.JobID) ([]*models.JobResultConnection, error) {
		return l.directory.JobResults(ctx, l.who, ids, outcomes, args)
	})
}

func (l *loaders) jobResultCounts(outcomes []models.JobOutcome) *gatherer[models.JobID, int] {
	return loader(l, "jobResultCount", outcomes, func(ctx context.Context, ids []models.JobID) ([]int, error) {
		return l.directory.CountJobResults(ctx, l.who, ids, outcomes)
	})
}

func (l *loaders) members(q directory.MemberQuery, args models.PageArgs, detail directory.Detail) *gatherer[models.GroupID, *models.GroupMemberConnection] {
	return loader(l, "members", []any{q, args, detail}, func(ctx context.Context, ids []models.GroupID) ([]*models.GroupMemberConnection, error) {
		return l.directory.MembersOf(ctx, l.who, ids, q, args, detail)
	})
}

func (l *loaders) memberCounts(relation models.MembershipRelation, filter *models.UserFilter) *gatherer[models.GroupID, int] {
	return loader(l, "memberCount", []any{relation, filter}, func(ctx context.Context, ids []models.GroupID) ([]int, error) {
		return l.directory.CountMembers(ctx, l.who, ids, relation, filter)
	})
}

func (l *loaders) groupsOf(q directory.MembershipQuery, args models.PageArgs, detail directory.Detail) *gatherer[models.UserID, *models.UserGroupConnection] {
	return loader(l, "groupsOf", []any{q, args, detail}, func(ctx context.Context, ids []models.UserID) ([]*models.UserGroupConnection, error) {
		return l.directory.GroupsOf(ctx, l.who, ids, q, args, detail)
	})
}

func (l *loaders) groupsOfCounts(relation models.MembershipRelation, filter *models.GroupFilter) *gatherer[models.UserID, int] {
	return loader(l, "groupsOfCount", []any{relation, filter}, func(ctx context.Context, ids []models.UserID) ([]int, error) {
		return l.directory.CountGroupsOf(ctx, l.who, ids, relation, filter)
	})
}

func (l *loaders) relatives(kin directory.Kin, q directory.GroupQuery, args models.PageArgs) *gatherer[models.GroupID, *models.GroupConnection] {
	return loader(l, "relatives", []any{kin, q, args}, func(ctx context.Context, ids []models.GroupID) ([]*models.GroupConnection, error) {
		return l.directory.Relatives(ctx, l.who, ids, kin, q, args)
	})
}

func (l *loaders) relativeCounts(kin directory.Kin, filter *models.GroupFilter) *gatherer[models.GroupID, int] {
	return loader(l, "relativeCount", []any{kin, filter}, func(ctx context.Context, ids []models.GroupID) ([]int, error) {
		return l.directory.CountRelatives(ctx, l.who, ids, kin, filter)
	})
}

func (l *loaders) productsOf(source models.ProductSource) *gatherer[models.UserID, []*models.UserProduct] {
	return loader(l, "products", source, func(ctx context.Context, ids []models.UserID) ([][]*models.UserProduct, error) {
		return l.directory.ProductsOf(ctx, l.who, ids, source)
	})
}

func (l *loaders) productsOfGroups() *gatherer[models.GroupID, []*models.GroupProduct] {
	return loader(l, "groupProducts", nil, func(ctx context.Context, ids []models.GroupID) ([][]*models.GroupProduct, error) {
		return l.directory.ProductsOfGroups(ctx, l.who, ids)
	})
}

func (l *loaders) permissionsOf() *gatherer[directory.Holder, []*models.UserPermission] {
	return loader(l, "permissions", nil, func(ctx context.Context, holders []directory.Holder) ([][]*models.UserPermission, error) {
		return l.directory.PermissionsOf(ctx, l.who, holders)
	})
}

func (l *loaders) permissionsOfGroups() *gatherer[models.GroupID, []*models.GroupPermission] {
	return loader(l, "groupPermissions", nil, func(ctx context.Context, ids []models.GroupID) ([][]*models.GroupPermission, error) {
		return l.directory.PermissionsOfGroups(ctx, l.who, ids)
	})
}

func (l *loaders) groupRights() *gatherer[models.GroupID, directory.GroupRights] {
	return loader(l, "groupRights", nil, func(ctx context.Context, ids []models.GroupID) ([]directory.GroupRights, error) {
		return l.directory.GroupRightsOf(ctx, l.who, ids)
	})
}

func (l *loaders) pendingJobs() *gatherer[models.GroupID, *models.Job] {
	return loader(l, "pendingJob", nil, func(ctx context.Context, ids []models.GroupID) ([]*models.Job, error) {
		return l.directory.PendingJobs(ctx, l.who, ids)
	})
}

func (l *loaders) exportFiles() *gatherer[models.JobID, *models.ExportFile] {
	return loader(l, "exportFile", nil, func(ctx context.Context, ids []models.JobID) ([]*models.ExportFile, error) {
		return l.directory.ExportFiles(ctx, l.who, ids)
	})
}

func (l *loaders) waiting() *gatherer[models.ProductID, int] {
	return loader(l, "waiting", nil, func(ctx context.Context, ids []models.ProductID) ([]int, error) {
		return l.directory.Waiting(ctx, l.who, ids)
	})
}

func (l *loaders) depths() *gatherer[models.GroupID, int32] {
	return loader(l, "depth", nil, func(ctx context.Context, ids []models.GroupID) ([]int32, error) {
		return l.directory.Depths(ctx, l.who, ids)
	})
}

func (l *loaders) breadcrumbs() *gatherer[models.GroupID, []*models.Group] {
	return loader(l, "breadcrumbs", nil, func(ctx context.Context, ids []models.GroupID) ([][]*models.Group, error) {
		return l.directory.Breadcrumbs(ctx, l.who, ids)
	})
}

func (l *loaders) adjacent(q directory.GroupQuery) *gatherer[*models.Group, *models.GroupAdjacent] {
	return loader(l, "adjacent", q, func(ctx context.Context, groups []*models.Group) ([]*models.GroupAdjacent, error) {
		return l.directory.Adjacent(ctx, l.who, groups, q)
	})
}

func (l *loaders) mails() *gatherer[models.MailID, *models.Mail] {
	return loader(l, "mail", nil, func(ctx context.Context, ids []models.MailID) ([]*models.Mail, error) {
		return l.directory.MailsByID(ctx, l.who, ids)
	})
}

func (l *loaders) partnerClients() *gatherer[models.PartnerClientID, *models.PartnerClient] {
	return loader(l, "partnerClient", nil, func(ctx context.Context, ids []models.PartnerClientID) ([]*models.PartnerClient, error) {
		return l.directory.PartnerClientsByID(ctx, l.who, ids)
	})
}

func (l *loaders) webhooks() *gatherer[models.WebhookID, *models.Webhook] {
	return loader(l, "webhook", nil, func(ctx context.Context, ids []models.WebhookID) ([]*models.Webhook, error) {
		return l.directory.WebhooksByID(ctx, l.who, ids)
	})
}

func (l *loaders) webhookDeliveries(args models.PageArgs) *gatherer[models.WebhookID, *models.WebhookDeliveryConnection] {
	return loader(l, "webhookDeliveries", args, func(ctx context.Context, ids []models.WebhookID) ([]*models.WebhookDeliveryConnection, error) {
		return l.directory.WebhookDeliveries(ctx, l.who, ids, args)
	})
}

func (l *loaders) webhookDeliveryCounts() *gatherer[models.WebhookID, int] {
	return loader(l, "webhookDeliveries count", nil, func(ctx context.Context, ids []models.WebhookID) ([]int, error) {
		return l.directory.CountWebhookDeliveries(ctx, l.who, ids)
	})
}

// accounts gives the caller's account and no other.
func (l *loaders) accounts() *gatherer[models.AccountID, *models.Account] {
	return loader(l, "account", nil, func(ctx context.Context, ids []models.AccountID) ([]*models.Account, error) {
		own, err := l.directory.Account(ctx, l.who)
		accounts := make([]*models.Account, len(ids))
		for i, id := range ids {
			if err == nil && id == own.ID {
				accounts[i] = own
			}
		}
		return accounts, err
	})
}

func (l *loaders) auditEventsOf(action auth.Action, filter *models.AuditEventFilter, args models.PageArgs) *gatherer[[16]byte, *models.AuditEventConnection] {
	return loader(l, string(action), []any{filter, args}, func(ctx context.Context, ids [][16]byte) ([]*models.AuditEventConnection, error) {
		return l.directory.AuditEventsOf(ctx, l.who, action, ids, filter, args)
	})
}

func (l *loaders) auditEventCounts(action auth.Action, filter *models.AuditEventFilter) *gatherer[[16]byte, int] {
	return loader(l, string(action)+" count", filter, func(ctx context.Context, ids [][16]byte) ([]int, error) {
		return l.directory.CountAuditEventsOf(ctx, l.who, action, ids, filter)
	})
}

func (l *loaders) settingsOf(keys []string) *gatherer[models.UserID, []*models.EffectiveSetting] {
	return loader(l, "settings", keys, func(ctx context.Context, ids []models.UserID) ([][]*models.EffectiveSetting, error) {
		return l.directory.SettingsOf(ctx, l.who, ids, keys)
	})
}

func (l *loaders) settingsOfGroups(keys []string) *gatherer[models.GroupID, []*models.EffectiveSetting] {
	return loader(l, "groupSettings", keys, func(ctx context.Context, ids []models.GroupID) ([][]*models.EffectiveSetting, error) {
		return l.directory.SettingsOfGroups(ctx, l.who, ids, keys)
	})
}
