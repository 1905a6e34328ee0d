package graph

import (
	"context"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (r queryResolver) Node(ctx context.Context, id models.GlobalID) (models.Node, error) {
	nodes, err := r.nodes(ctx, []*models.GlobalID{&id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

func (r queryResolver) Nodes(ctx context.Context, ids []*models.GlobalID) ([]models.Node, error) {
	if len(ids) > models.MaxList {
		return nil, models.Errorf(models.CodeTooMany, "%d ids, at most %d are allowed", len(ids), models.MaxList).
			With("limit", itoa(models.MaxList)).At("ids")
	}
	return r.nodes(ctx, ids)
}

// nodes looks up entities of all kinds, one round trip for each kind.
func (r queryResolver) nodes(ctx context.Context, ids []*models.GlobalID) ([]models.Node, error) {
	who := caller(ctx)
	var users []models.UserID
	var groups []models.GroupID
	var products []models.ProductID
	var jobs []models.JobID
	var mails []models.MailID
	var events []models.EventID
	var views []models.TableViewID
	var partners []models.PartnerClientID
	var webhooks []models.WebhookID
	for _, id := range ids {
		switch {
		case !seesNode(who, id):
		case id.User != nil:
			users = append(users, *id.User)
		case id.Group != nil:
			groups = append(groups, *id.Group)
		case id.Product != nil && who.Can("Query.product"):
			products = append(products, *id.Product)
		case id.Job != nil && who.Can("Query.job"):
			jobs = append(jobs, *id.Job)
		case id.Mail != nil && who.Can("Query.mails"):
			mails = append(mails, *id.Mail)
		case id.Event != nil && who.Can("Query.auditEvents"):
			events = append(events, *id.Event)
		case id.View != nil && who.Can("Viewer.tableViews"):
			views = append(views, *id.View)
		case id.Partner != nil && who.Can("Query.partnerClients"):
			partners = append(partners, *id.Partner)
		case id.Webhook != nil && who.Can("Query.webhooks"):
			webhooks = append(webhooks, *id.Webhook)
		}
	}
	foundUsers, err := r.directory.UsersByID(ctx, who, users)
	if err != nil {
		return nil, err
	}
	foundGroups, err := r.directory.GroupsByID(ctx, who, groups)
	if err != nil {
		return nil, err
	}
	var foundProducts []*models.Product
	if len(products) > 0 {
		if foundProducts, err = r.directory.ProductsByID(ctx, who, products); err != nil {
			return nil, err
		}
	}
	var foundJobs []*models.Job
	if len(jobs) > 0 {
		if foundJobs, err = r.directory.JobsByID(ctx, who, jobs); err != nil {
			return nil, err
		}
	}
	var foundMails []*models.Mail
	if len(mails) > 0 {
		if foundMails, err = r.directory.MailsByID(ctx, who, mails); err != nil {
			return nil, err
		}
	}
	var foundEvents []*models.AuditEvent
	if len(events) > 0 {
		if foundEvents, err = r.directory.AuditEventsByID(ctx, who, events); err != nil {
			return nil, err
		}
	}
	var foundViews []models.Node
	if len(views) > 0 {
		if foundViews, err = r.directory.TableViewsByID(ctx, who, views); err != nil {
			return nil, err
		}
	}
	var foundPartners []*models.PartnerClient
	if len(partners) > 0 {
		if foundPartners, err = r.directory.PartnerClientsByID(ctx, who, partners); err != nil {
			return nil, err
		}
	}
	var foundWebhooks []*models.Webhook
	if len(webhooks) > 0 {
		if foundWebhooks, err = r.directory.WebhooksByID(ctx, who, webhooks); err != nil {
			return nil, err
		}
	}
	nodes := make([]models.Node, len(ids))
	for i, id := range ids {
		switch {
		case !seesNode(who, id):
		case id.User != nil:
			if user := foundUsers[0]; user != nil {
				nodes[i] = user
			}
			foundUsers = foundUsers[1:]
		case id.Group != nil:
			if group := foundGroups[0]; group != nil {
				nodes[i] = group
			}
			foundGroups = foundGroups[1:]
		case id.Product != nil && len(foundProducts) > 0:
			if product := foundProducts[0]; product != nil {
				nodes[i] = product
			}
			foundProducts = foundProducts[1:]
		case id.Job != nil && len(foundJobs) > 0:
			if job := foundJobs[0]; job != nil {
				nodes[i] = job
			}
			foundJobs = foundJobs[1:]
		case id.Mail != nil && len(foundMails) > 0:
			if mail := foundMails[0]; mail != nil {
				nodes[i] = mail
			}
			foundMails = foundMails[1:]
		case id.Event != nil && len(foundEvents) > 0:
			if event := foundEvents[0]; event != nil {
				nodes[i] = event
			}
			foundEvents = foundEvents[1:]
		case id.View != nil && len(foundViews) > 0:
			nodes[i], foundViews = foundViews[0], foundViews[1:]
		case id.Partner != nil && len(foundPartners) > 0:
			if partner := foundPartners[0]; partner != nil {
				nodes[i] = partner
			}
			foundPartners = foundPartners[1:]
		case id.Webhook != nil && len(foundWebhooks) > 0:
			if webhook := foundWebhooks[0]; webhook != nil {
				nodes[i] = webhook
			}
			foundWebhooks = foundWebhooks[1:]
		case id.Account != nil && *id.Account == who.Account:
			account, err := r.directory.Account(ctx, who)
			if err != nil {
				return nil, err
			}
			nodes[i] = account
		}
	}
	return nodes, nil
}

// seesNode tells whether entities of the id's kind are open to the caller. Those of roles are told apart further down.
func seesNode(who auth.Caller, id *models.GlobalID) bool {
	if who.Kind != auth.Partner {
		return true
	}
	switch {
	case id.User != nil:
		return who.Can("User.id")
	case id.Group != nil:
		return who.Can("Group.id")
	}
	return id.Product != nil || id.Account != nil
}
