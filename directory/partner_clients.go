package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// PartnerClients are the account's partner clients, the oldest first. Super admins.
func (d *Directory) PartnerClients(ctx context.Context, who auth.Caller) ([]*models.PartnerClient, error) {
	return glance(ctx, d, who, "Query.partnerClients", func(s *snapshot) ([]*models.PartnerClient, error) {
		return partnerClients(s.DB, s.account())
	})
}

// PartnerClientsByID finds partner clients, in the order of the ids; nil in the place of one that there is not. Super admins.
func (d *Directory) PartnerClientsByID(ctx context.Context, who auth.Caller, ids []models.PartnerClientID) ([]*models.PartnerClient, error) {
	there, err := d.PartnerClients(ctx, who)
	if err != nil {
		return nil, err
	}
	found := make([]*models.PartnerClient, len(ids))
	for i, id := range ids {
		if at := slices.IndexFunc(there, func(c *models.PartnerClient) bool { return c.ID == id }); at >= 0 {
			found[i] = there[at]
		}
	}
	return found, nil
}

// OwnPartnerClient is the partner client that asks; nil for anybody else.
func (d *Directory) OwnPartnerClient(ctx context.Context, who auth.Caller) (*models.PartnerClient, error) {
	return glance(ctx, d, who, "Viewer.partnerClient", func(s *snapshot) (*models.PartnerClient, error) {
		if who.Kind != auth.Partner {
			return nil, nil //nolint:nilnil // it is a person
		}
		return findPartnerClient(s.DB, s.account(), who.Partner)
	})
}

func partnerClients(tx *gorm.DB, account models.AccountID) (found []*models.PartnerClient, err error) {
	if err := tx.Where("account_id = ?", account).Order("id").Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read the partner clients: %w", err)
	}
	return found, nil
}

// findPartnerClient is one; nil when there is none.
func findPartnerClient(tx *gorm.DB, account models.AccountID, id models.PartnerClientID) (*models.PartnerClient, error) {
	var found []*models.PartnerClient
	if err := tx.Where("account_id = ? AND id = ?", account, id).Limit(1).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read a partner client: %w", err)
	}
	if len(found) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	return found[0], nil
}

// CreatePartnerClient makes a partner client. Its secret is in the payload, and nowhere else: under an idempotency key the
// client alone is remembered. Super admins. REQUIRED (the name, the scopes), TOO_LONG, INVALID_CHARACTERS, NAME_TAKEN,
// TOO_MANY over models.MaxPartnerClients, and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED, TOO_LONG,
// INVALID_CHARACTERS.
func (d *Directory) CreatePartnerClient(ctx context.Context, who auth.Caller, in models.PartnerClientCreateInput) (*models.PartnerClientCreatePayload, error) {
	const action = auth.Action("Mutation.partnerClientCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	name, err := models.Line(in.Name, models.MaxName, true)
	_ = errs.Add(err, "input", "name")
	scope := models.ScopesOf(in.Scopes...)
	if scope == 0 {
		_ = errs.Add(models.Errorf(models.CodeRequired, "a partner client has at least one scope"), "input", "scopes")
	}
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	secret, hash := models.NewClientSecret()
	return write(ctx, d, who, action, func(c *change) (*models.PartnerClientCreatePayload, error) {
		var made models.PartnerClientID
		known, err := once.made(c, &made)
		if err != nil {
			return nil, err
		}
		if known {
			client, err := findPartnerClient(c.DB, c.account(), made)
			return &models.PartnerClientCreatePayload{PartnerClient: client}, err
		}
		there, err := partnerClients(c.DB, c.account())
		if err != nil {
			return nil, err
		}
		client := &models.PartnerClient{
			AccountID: c.account(), ID: models.NewID[models.PartnerClientID](), Name: name, NameKey: models.Key(name),
			Scope: scope, SecretHash: hash, CreatedAt: c.Now,
		}
		if err := room(there, client); err != nil {
			return nil, err
		}
		if err := c.Create(client).Error; err != nil {
			return nil, fmt.Errorf("insert a partner client: %w", err)
		}
		if err := once.remember(c, client.ID); err != nil {
			return nil, err
		}
		return &models.PartnerClientCreatePayload{PartnerClient: client, ClientSecret: &secret},
			c.log.Recorded(audit.Subject{Type: audit.PartnerClient, ID: client.ID, After: partnerClientFacts(client)})
	})
}

// room says why there is none for one more client beside those that are there.
func room(there []*models.PartnerClient, client *models.PartnerClient) error {
	if len(there) >= models.MaxPartnerClients {
		return models.Errorf(models.CodeTooMany, "an account has at most %d partner clients", models.MaxPartnerClients).
			With("limit", strconv.Itoa(models.MaxPartnerClients)).At("input")
	}
	for _, other := range there {
		if other.NameKey == client.NameKey {
			return models.Errorf(models.CodeNameTaken, "another partner client has the name %s", other.Name).With("name", other.Name).At("input", "name")
		}
	}
	return nil
}

// RotatePartnerClient gives a partner client another secret; the old one ends at once, tokens stay good. Super admins.
// NOT_FOUND.
func (d *Directory) RotatePartnerClient(ctx context.Context, who auth.Caller, in models.PartnerClientRotateInput) (*models.PartnerClientRotatePayload, error) {
	secret, hash := models.NewClientSecret()
	return write(ctx, d, who, "Mutation.partnerClientRotate", func(c *change) (*models.PartnerClientRotatePayload, error) {
		client, err := c.targetPartnerClient(in.ID)
		if err != nil {
			return nil, err
		}
		before := partnerClientFacts(client)
		client.SecretHash, client.RotatedAt = hash, &c.Now
		err = c.Model(&models.PartnerClient{}).Where("account_id = ? AND id = ?", c.account(), client.ID).
			Updates(map[string]any{"secret_hash": client.SecretHash, "rotated_at": client.RotatedAt}).Error
		if err != nil {
			return nil, fmt.Errorf("update a partner client: %w", err)
		}
		return &models.PartnerClientRotatePayload{PartnerClient: client, ClientSecret: &secret},
			c.log.Recorded(audit.Subject{Type: audit.PartnerClient, ID: client.ID, Before: before, After: partnerClientFacts(client)})
	})
}

// RevokePartnerClient ends a partner client for good; its tokens end within 5 s. Super admins. NOT_FOUND.
func (d *Directory) RevokePartnerClient(ctx context.Context, who auth.Caller, in models.PartnerClientRevokeInput) (*models.PartnerClientRevokePayload, error) {
	return write(ctx, d, who, "Mutation.partnerClientRevoke", func(c *change) (*models.PartnerClientRevokePayload, error) {
		client, err := c.targetPartnerClient(in.ID)
		if err != nil {
			return nil, err
		}
		if err := c.Where("account_id = ? AND id = ?", c.account(), client.ID).Delete(&models.PartnerClient{}).Error; err != nil {
			return nil, fmt.Errorf("delete a partner client: %w", err)
		}
		return &models.PartnerClientRevokePayload{DeletedPartnerClientID: &client.ID},
			c.log.Recorded(audit.Subject{Type: audit.PartnerClient, ID: client.ID, Before: partnerClientFacts(client)})
	})
}

// targetPartnerClient is the client that a mutation is about. NOT_FOUND.
func (c *change) targetPartnerClient(id models.PartnerClientID) (*models.PartnerClient, error) {
	client, err := findPartnerClient(c.DB, c.account(), id)
	if err == nil && client == nil {
		err = notFound("partner client").At("input", "id")
	}
	return client, err
}

// factsOfPartnerClient are what the log keeps of a client: nothing of its secret but when it was replaced.
type factsOfPartnerClient struct {
	Name      string  `json:"name"`
	Scopes    string  `json:"scopes"`
	RotatedAt *string `json:"rotatedAt,omitempty"`
}

func partnerClientFacts(c *models.PartnerClient) factsOfPartnerClient {
	facts := factsOfPartnerClient{Name: c.Name, Scopes: c.Scope.String()}
	if c.RotatedAt != nil {
		facts.RotatedAt = new(c.RotatedAt.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
	}
	return facts
}
