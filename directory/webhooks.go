package directory

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// OnChanges has wake called after each commit of this server that has put something into a change feed, or has something
// for webhooks to do. It never waits. Set it before the first use.
func (d *Directory) OnChanges(wake func()) { d.wakeWebhooks = wake }

// Webhooks are the account's webhooks, the oldest first. Super admins.
func (d *Directory) Webhooks(ctx context.Context, who auth.Caller) ([]*models.Webhook, error) {
	return glance(ctx, d, who, "Query.webhooks", func(s *snapshot) ([]*models.Webhook, error) {
		return webhooks(s.DB, s.account(), "")
	})
}

// WebhooksByID finds webhooks, in the order of the ids; nil in the place of one that there is not. Super admins.
func (d *Directory) WebhooksByID(ctx context.Context, who auth.Caller, ids []models.WebhookID) ([]*models.Webhook, error) {
	there, err := d.Webhooks(ctx, who)
	if err != nil {
		return nil, err
	}
	found := make([]*models.Webhook, len(ids))
	for i, id := range ids {
		if at := slices.IndexFunc(there, func(w *models.Webhook) bool { return w.ID == id }); at >= 0 {
			found[i] = there[at]
		}
	}
	return found, nil
}

// webhooks reads webhooks with how far they are, the oldest first, in one statement.
func webhooks(tx *gorm.DB, account models.AccountID, where string, args ...any) (found []*models.Webhook, err error) {
	err = tx.Raw(`SELECT w.*, a.feed_seq, (SELECT c.at FROM changes c WHERE c.account_id = w.account_id AND c.seq = w.position + 1) AS behind_since
		FROM webhooks w JOIN accounts a ON a.id = w.account_id WHERE w.account_id = ? `+where+` ORDER BY w.id`, append([]any{account}, args...)...).Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return found, nil
}

// targetWebhook is the webhook that a mutation is about. NOT_FOUND.
func (c *change) targetWebhook(id models.WebhookID) (*models.Webhook, error) {
	found, err := webhooks(c.DB, c.account(), "AND w.id = ?", id)
	if err == nil && len(found) == 0 {
		err = notFound("webhook").At("input", "id")
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// newWebhookSecret is a secret of 256 random bits, in the form of Standard Webhooks.
func newWebhookSecret() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(raw)
}

// CreateWebhook makes a webhook, which gets what happens from now on. Its secret is in the payload, and nowhere else: under an
// idempotency key the webhook alone is remembered. Super admins. REQUIRED, TOO_LONG, INVALID_CHARACTERS (the name, the URL), INVALID (the URL,
// the kinds), NAME_TAKEN, TOO_MANY over models.MaxWebhooks, and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED, TOO_LONG,
// INVALID_CHARACTERS.
func (d *Directory) CreateWebhook(ctx context.Context, who auth.Caller, in models.WebhookCreateInput) (*models.WebhookCreatePayload, error) {
	const action = auth.Action("Mutation.webhookCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	hook := models.Webhook{ID: models.NewID[models.WebhookID]()}
	var errs models.Errors
	d.checkWebhook(&errs, &hook, &in.Name, &in.URL, in.Kinds)
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	secret := newWebhookSecret()
	return write(ctx, d, who, action, func(c *change) (*models.WebhookCreatePayload, error) {
		var made models.WebhookID
		known, err := once.made(c, &made)
		if err != nil {
			return nil, err
		}
		there, err := webhooks(c.DB, c.account(), "")
		if err != nil {
			return nil, err
		}
		if known {
			payload := &models.WebhookCreatePayload{}
			if at := slices.IndexFunc(there, func(w *models.Webhook) bool { return w.ID == made }); at >= 0 {
				payload.Webhook = there[at]
			}
			return payload, nil
		}
		hook := hook // the transaction may begin anew
		hook.AccountID, hook.Secret = c.account(), d.webhookSeal.Close(secret, c.account(), hook.ID)
		hook.Position, hook.Told, hook.FeedSeq = c.Account.FeedSeq, c.Account.FeedSeq, c.Account.FeedSeq
		hook.CreatedAt, hook.UpdatedAt = c.Now, c.Now
		if len(there) >= models.MaxWebhooks {
			return nil, models.Errorf(models.CodeTooMany, "an account has at most %d webhooks", models.MaxWebhooks).
				With("limit", strconv.Itoa(models.MaxWebhooks)).At("input")
		}
		if err := nameFree(there, &hook); err != nil {
			return nil, err
		}
		if err := c.Create(&hook).Error; err != nil {
			return nil, fmt.Errorf("insert a webhook: %w", err)
		}
		if err := once.remember(c, hook.ID); err != nil {
			return nil, err
		}
		return &models.WebhookCreatePayload{Webhook: &hook, Secret: &secret},
			c.log.Recorded(audit.Subject{Type: audit.Webhook, ID: hook.ID, After: webhookFacts(&hook)})
	})
}

// checkWebhook cleans what is given and puts it into the webhook; nil is not given.
func (d *Directory) checkWebhook(errs *models.Errors, hook *models.Webhook, name, address *string, kinds []models.ChangeKind) {
	if name != nil {
		clean, err := models.Line(*name, models.MaxName, true)
		_ = errs.Add(err, "input", "name")
		hook.Name, hook.NameKey = clean, models.Key(clean)
	}
	if address != nil {
		clean, err := models.WebhookURL(*address, d.webhookAllow)
		_ = errs.Add(err, "input", "url")
		hook.URL = clean
	}
	if kinds != nil {
		if len(kinds) == 0 || len(kinds) > len(models.AllChangeKind) {
			_ = errs.Add(models.Errorf(models.CodeInvalid, "give 1 to %d kinds of changes, or leave the field out", len(models.AllChangeKind)), "input", "kinds")
		}
		hook.Wanted = models.ChangeKindsOf(kinds)
	}
}

func nameFree(there []*models.Webhook, hook *models.Webhook) error {
	for _, other := range there {
		if other.NameKey == hook.NameKey && other.ID != hook.ID {
			return models.Errorf(models.CodeNameTaken, "another webhook has the name %s", other.Name).With("name", other.Name).At("input", "name")
		}
	}
	return nil
}

// UpdateWebhook changes a webhook. Super admins. NOT_FOUND, STALE (with the webhook as it is now), REQUIRED, TOO_LONG, INVALID_CHARACTERS,
// INVALID, NAME_TAKEN.
func (d *Directory) UpdateWebhook(ctx context.Context, who auth.Caller, in models.WebhookUpdateInput) (*models.WebhookUpdatePayload, error) {
	payload, err := write(ctx, d, who, "Mutation.webhookUpdate", func(c *change) (*models.WebhookUpdatePayload, error) {
		there, err := webhooks(c.DB, c.account(), "")
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(there, func(w *models.Webhook) bool { return w.ID == in.ID })
		if at < 0 {
			return nil, notFound("webhook").At("input", "id")
		}
		hook := there[at]
		payload := &models.WebhookUpdatePayload{Webhook: hook}
		if in.IfMatch != nil && *in.IfMatch != hook.Etag() {
			return payload, stale("webhook")
		}
		edited := *hook
		var errs models.Errors
		d.editWebhook(&errs, &edited, in)
		if err := errs.OrNil(); err != nil {
			return payload, err
		}
		if err := nameFree(there, &edited); err != nil || edited.Etag() == hook.Etag() {
			return payload, err
		}
		edited.UpdatedAt = c.Now
		before, after := webhookFacts(hook), webhookFacts(&edited)
		set := map[string]any{"name": edited.Name, "name_key": edited.NameKey, "url": edited.URL, "kinds": edited.Wanted, "updated_at": edited.UpdatedAt}
		if edited.URL != hook.URL {
			after.URLReplacedAt = new(factTime(c.Now))
			edited.NextAttemptAt = nil
			set["next_attempt_at"], set["due_at"] = nil, dueNow
		}
		if err := c.setWebhook(&edited, set); err != nil {
			return payload, err
		}
		return &models.WebhookUpdatePayload{Webhook: &edited},
			c.log.Recorded(audit.Subject{Type: audit.Webhook, ID: hook.ID, Before: before, After: after})
	})
	if err == nil {
		d.wakeWebhooks()
	}
	return payload, err
}

// dueNow lets the webhook be taken at once, unless somebody has it.
var dueNow = gorm.Expr("CASE WHEN claimed_by IS NULL THEN NULL ELSE due_at END")

func (d *Directory) editWebhook(errs *models.Errors, hook *models.Webhook, in models.WebhookUpdateInput) {
	var name, address *string
	if value, set := in.Name.ValueOK(); set {
		name = new(orZero(value))
	}
	if value, set := in.URL.ValueOK(); set {
		address = new(orZero(value))
	}
	kinds, set := in.Kinds.ValueOK()
	if set && kinds == nil {
		hook.Wanted = models.ChangeKinds{}
	}
	d.checkWebhook(errs, hook, name, address, kinds)
}

func (c *change) setWebhook(hook *models.Webhook, set map[string]any) error {
	err := c.Model(&models.Webhook{}).Where("account_id = ? AND id = ?", c.account(), hook.ID).Updates(set).Error
	if err != nil {
		return fmt.Errorf("update a webhook: %w", err)
	}
	return nil
}

// DeleteWebhook ends a webhook and removes its deliveries. Super admins. NOT_FOUND.
func (d *Directory) DeleteWebhook(ctx context.Context, who auth.Caller, in models.WebhookDeleteInput) (*models.WebhookDeletePayload, error) {
	return write(ctx, d, who, "Mutation.webhookDelete", func(c *change) (*models.WebhookDeletePayload, error) {
		hook, err := c.targetWebhook(in.ID)
		if err != nil {
			return nil, err
		}
		if err := c.Where("account_id = ? AND id = ?", c.account(), hook.ID).Delete(&models.Webhook{}).Error; err != nil {
			return nil, fmt.Errorf("delete a webhook: %w", err)
		}
		if err := c.Where("account_id = ? AND webhook_id = ?", c.account(), hook.ID).Delete(&models.WebhookDelivery{}).Error; err != nil {
			return nil, fmt.Errorf("delete a webhook's deliveries: %w", err)
		}
		return &models.WebhookDeletePayload{DeletedWebhookID: &hook.ID},
			c.log.Recorded(audit.Subject{Type: audit.Webhook, ID: hook.ID, Before: webhookFacts(hook)})
	})
}

// RotateWebhookSecret gives a webhook another secret. The old one signs beside it for models.OldSecretLife, unless it is to end
// now. Super admins. NOT_FOUND.
func (d *Directory) RotateWebhookSecret(ctx context.Context, who auth.Caller, in models.WebhookRotateSecretInput) (*models.WebhookRotateSecretPayload, error) {
	secret := newWebhookSecret()
	return write(ctx, d, who, "Mutation.webhookRotateSecret", func(c *change) (*models.WebhookRotateSecretPayload, error) {
		hook, err := c.targetWebhook(in.ID)
		if err != nil {
			return nil, err
		}
		before := webhookFacts(hook)
		var old any // NULL, which an empty slice is not
		hook.OldSecret, hook.OldSecretUntil = nil, nil
		if !in.ExpireOldSecretNow {
			hook.OldSecret, hook.OldSecretUntil = hook.Secret, new(c.Now.Add(models.OldSecretLife))
			old = hook.OldSecret
		}
		hook.Secret, hook.RotatedAt = d.webhookSeal.Close(secret, c.account(), hook.ID), &c.Now
		err = c.setWebhook(hook, map[string]any{
			"secret": hook.Secret, "old_secret": old, "old_secret_until": hook.OldSecretUntil, "rotated_at": hook.RotatedAt,
		})
		if err != nil {
			return nil, err
		}
		return &models.WebhookRotateSecretPayload{Webhook: hook, Secret: &secret},
			c.log.Recorded(audit.Subject{Type: audit.Webhook, ID: hook.ID, Before: before, After: webhookFacts(hook)})
	})
}

// ResumeWebhook has a webhook that is paused go on, from where it stopped or from now, and one that waits for another try have it
// now; another one stays as it is. Super admins. NOT_FOUND, CURSOR_EXPIRED (with the webhook as it is).
func (d *Directory) ResumeWebhook(ctx context.Context, who auth.Caller, in models.WebhookResumeInput) (*models.WebhookResumePayload, error) {
	payload, err := write(ctx, d, who, "Mutation.webhookResume", func(c *change) (*models.WebhookResumePayload, error) {
		hook, err := c.targetWebhook(in.ID)
		if err != nil {
			return nil, err
		}
		payload := &models.WebhookResumePayload{Webhook: hook}
		if hook.State() == models.WebhookStateActive {
			return payload, nil
		}
		set := map[string]any{
			"failures": 0, "failing_since": nil, "next_attempt_at": nil, "paused_reason": nil, "paused_at": nil, "due_at": dueNow,
		}
		before, after := stateOfWebhook{State: hook.State()}, stateOfWebhook{State: models.WebhookStateActive}
		if in.FromNow {
			now := c.Account.FeedSeq
			set["position"], set["told"], set["message_id"], set["message_to"], set["message_kinds"], set["attempts"] = now, now, nil, nil, nil, 0
			before.Position, after.Position = &hook.Position, &now
		} else {
			bounds, err := audit.ReadBounds(c.DB, c.account())
			if err != nil {
				return nil, err
			}
			if hook.Position < bounds.First || hook.Position > bounds.Last {
				return payload, models.Errorf(models.CodeCursorExpired,
					"the changes from where the webhook stopped are not kept any more: use fromNow, and have the receiver read everything again").At("input", "id")
			}
		}
		if err := c.setWebhook(hook, set); err != nil {
			return nil, err
		}
		if payload.Webhook, err = c.targetWebhook(in.ID); err != nil {
			return nil, err
		}
		return payload, c.log.Recorded(audit.Subject{Type: audit.Webhook, ID: hook.ID, Before: before, After: after})
	})
	if err == nil {
		d.wakeWebhooks()
	}
	return payload, err
}

// factsOfWebhook are what the log keeps of a webhook: nothing of its secret but when it was replaced, and of its URL, in which
// there may be a token, the host.
type factsOfWebhook struct {
	Name          string  `json:"name"`
	Host          string  `json:"host"`
	Kinds         string  `json:"kinds"`
	URLReplacedAt *string `json:"urlReplacedAt,omitempty"`
	RotatedAt     *string `json:"rotatedAt,omitempty"`
}

type stateOfWebhook struct {
	State    models.WebhookState `json:"state"`
	Position *int64              `json:"position,omitempty"`
}

func webhookFacts(w *models.Webhook) factsOfWebhook {
	facts := factsOfWebhook{Name: w.Name, Kinds: models.ChangeKinds(w.Kinds()).String()}
	if u, err := url.Parse(w.URL); err == nil {
		facts.Host = u.Host
	}
	if w.RotatedAt != nil {
		facts.RotatedAt = new(factTime(*w.RotatedAt))
	}
	return facts
}

func factTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }
