package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cohort/auth"
	"cohort/models"
)

// WebhookDeliveries reads the same page of the attempts of each of the webhooks, the newest first, in one statement. The connections
// count nothing. Super admins. The errors of PageArgs.Check.
func (d *Directory) WebhookDeliveries(ctx context.Context, who auth.Caller, ids []models.WebhookID, args models.PageArgs) ([]*models.WebhookDeliveryConnection, error) {
	hash := models.HashList("webhookDeliveries")
	page, err := args.Check(hash)
	if err != nil {
		return nil, err
	}
	where, order := "", "DESC"
	var bounds []any
	for _, bound := range []struct {
		at *models.Cursor
		op string
	}{{page.After, "<"}, {page.Before, ">"}} {
		if bound.at == nil {
			continue
		}
		id, err := models.ParseWebhookDeliveryID(bound.at.Key)
		if err != nil {
			return nil, models.Errorf(models.CodeInvalid, "this is not a cursor that a list has handed out")
		}
		where, bounds = where+" AND id "+bound.op+" ?", append(bounds, id)
	}
	if page.Backward {
		order = "ASC"
	}
	return glance(ctx, d, who, "Webhook.deliveries", func(s *snapshot) ([]*models.WebhookDeliveryConnection, error) {
		var parts []string
		var args []any
		for i, id := range ids {
			parts = append(parts, fmt.Sprintf("SELECT * FROM (SELECT * FROM webhook_deliveries WHERE account_id = ? AND webhook_id = ?%s ORDER BY id %s LIMIT %d) AS part%d",
				where, order, page.Size+1, i))
			args = append(append(args, s.account(), id), bounds...)
		}
		var rows []*models.WebhookDelivery
		if err := s.Raw(strings.Join(parts, " UNION ALL "), args...).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("read the deliveries of webhooks: %w", err)
		}
		of := map[models.WebhookID][]*models.WebhookDelivery{}
		for _, row := range rows {
			of[row.WebhookID] = append(of[row.WebhookID], row)
		}
		connections := make([]*models.WebhookDeliveryConnection, len(ids))
		for i, id := range ids {
			connections[i] = deliveriesPage(hash, page, of[id])
		}
		return connections, nil
	})
}

func deliveriesPage(hash models.ListHash, page models.Page, rows []*models.WebhookDelivery) *models.WebhookDeliveryConnection {
	slices.SortFunc(rows, func(a, b *models.WebhookDelivery) int { return slices.Compare(b.ID[:], a.ID[:]) })
	more := len(rows) > page.Size
	if more && page.Backward {
		rows = rows[1:]
	} else if more {
		rows = rows[:page.Size]
	}
	connection := &models.WebhookDeliveryConnection{Edges: make([]*models.WebhookDeliveryEdge, len(rows))}
	cursors := make([]string, len(rows))
	for i, row := range rows {
		cursors[i] = hash.Cursor(models.Cursor{Key: row.ID.String()})
		connection.Edges[i] = &models.WebhookDeliveryEdge{Cursor: cursors[i], Node: row}
	}
	connection.PageInfo = pageInfo(page, cursors, more)
	return connection
}

// CountWebhookDeliveries counts the attempts that are kept of each of the webhooks. Super admins.
func (d *Directory) CountWebhookDeliveries(ctx context.Context, who auth.Caller, ids []models.WebhookID) ([]int, error) {
	return glance(ctx, d, who, "Webhook.deliveries", func(s *snapshot) ([]int, error) {
		var rows []struct {
			WebhookID models.WebhookID
			N         int
		}
		err := s.Raw("SELECT webhook_id, COUNT(*) AS n FROM webhook_deliveries WHERE account_id = ? AND webhook_id IN ? GROUP BY webhook_id", s.account(), ids).Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("count the deliveries of webhooks: %w", err)
		}
		counts := make([]int, len(ids))
		for _, row := range rows {
			for i, id := range ids {
				if id == row.WebhookID {
					counts[i] = row.N
				}
			}
		}
		return counts, nil
	})
}
