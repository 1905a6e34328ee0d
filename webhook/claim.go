package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// claim is a worker's right to a webhook, until the lease ends. Whoever takes it later draws another token, so the statement
// that writes what became of a message fits no row any more.
type claim struct {
	token string
	hook  *models.Webhook
	until time.Time // by our clock, reckoned from before the claim was made: never later than by the database's
}

// looked is how many webhooks are looked at together.
const looked = 1000

// take claims a webhook that has something to be told and is due; nil when there is none. Which of several is left to chance, so that
// servers don't crowd at one, nor wait for a slow one.
func take(ctx context.Context, s *store.Store, lease time.Duration) (*claim, error) {
	var due []struct {
		AccountID models.AccountID
		ID        models.WebhookID
	}
	db := s.Read.WithContext(store.AcrossAccounts(ctx))
	err := db.Raw("SELECT w.account_id, w.id FROM webhooks w JOIN accounts a ON a.id = w.account_id "+
		"WHERE w.account_id = a.id AND w.paused_reason IS NULL AND (w.due_at IS NULL OR w.due_at <= ?) AND w.position < a.feed_seq LIMIT ?",
		store.Clock(db, 0), looked).Scan(&due).Error
	if err != nil {
		return nil, fmt.Errorf("look for webhooks: %w", err)
	}
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, at := range due {
		c, err := takeOne(ctx, s, at.AccountID, at.ID, lease)
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, nil //nolint:nilnil // there is nothing to do
}

func takeOne(ctx context.Context, s *store.Store, account models.AccountID, id models.WebhookID, lease time.Duration) (*claim, error) {
	c := &claim{token: uuid.NewString(), until: time.Now().Add(lease)}
	rows, err := store.InTx(ctx, s, func(tx *gorm.DB) (found []*models.Webhook, err error) {
		done := tx.Model(&models.Webhook{}).
			Where("account_id = ? AND id = ? AND paused_reason IS NULL AND (due_at IS NULL OR due_at <= ?)", account, id, store.Clock(tx, 0)).
			Updates(map[string]any{"claimed_by": c.token, "due_at": store.Clock(tx, lease)})
		if done.Error != nil || done.RowsAffected == 0 {
			return nil, done.Error
		}
		return found, tx.Where("account_id = ? AND id = ? AND claimed_by = ?", account, id, c.token).Find(&found).Error
	})
	if err != nil {
		return nil, fmt.Errorf("claim a webhook: %w", err)
	}
	if len(rows) == 0 { // somebody else was faster
		return nil, nil //nolint:nilnil // which is nothing to do here
	}
	c.hook = rows[0]
	return c, nil
}

// errLost says that a webhook is another worker's, or gone, or that its message is no more.
var errLost = errors.New("the webhook is somebody else's")

// write writes what became of the webhook while it is the claim's, with an attempt for the log, or without.
func (c *claim) write(ctx context.Context, s *store.Store, set func(tx *gorm.DB) map[string]any, attempt *models.WebhookDelivery) error {
	_, err := store.InTx(ctx, s, func(tx *gorm.DB) (struct{}, error) {
		row := tx.Model(&models.Webhook{}).Where("account_id = ? AND id = ? AND claimed_by = ?", c.hook.AccountID, c.hook.ID, c.token)
		if c.hook.MessageID == nil {
			row = row.Where("message_id IS NULL")
		} else {
			row = row.Where("message_id = ?", *c.hook.MessageID)
		}
		done := row.Updates(set(tx))
		if done.Error == nil && done.RowsAffected == 0 {
			return struct{}{}, errLost
		}
		if done.Error != nil || attempt == nil {
			return struct{}{}, done.Error
		}
		if err := tx.Create(attempt).Error; err != nil {
			return struct{}{}, err
		}
		return struct{}{}, trim(tx, attempt)
	})
	if err != nil && !errors.Is(err, errLost) {
		return fmt.Errorf("write what became of a webhook: %w", err)
	}
	return err
}

// begin writes down the message that is going to be tried: whoever tries it again finds it.
func (c *claim) begin(ctx context.Context, s *store.Store, to int64) error {
	id := "msg_" + uuid.Must(uuid.NewV7()).String()
	kinds := c.hook.Wanted
	err := c.write(ctx, s, func(*gorm.DB) map[string]any {
		return map[string]any{"message_id": id, "message_to": to, "message_kinds": kinds, "attempts": 0}
	}, nil)
	if err == nil {
		c.hook.MessageID, c.hook.MessageTo, c.hook.MessageKinds, c.hook.Attempts = &id, &to, &kinds, 0
	}
	return err
}

// advance notes that up to a number there was nothing to tell, and lets go.
func (c *claim) advance(ctx context.Context, s *store.Store, to int64) error {
	return c.write(ctx, s, func(*gorm.DB) map[string]any {
		return map[string]any{"position": to, "claimed_by": nil, "due_at": nil}
	}, nil)
}

// release lets go of the webhook as it is; it is due after a pause.
func (c *claim) release(ctx context.Context, s *store.Store, pause time.Duration) error {
	return c.write(ctx, s, func(tx *gorm.DB) map[string]any {
		return map[string]any{"claimed_by": nil, "due_at": store.Clock(tx, pause)}
	}, nil)
}

// pause stops deliveries until somebody resumes them.
func (c *claim) pause(ctx context.Context, s *store.Store, reason models.WebhookPausedReason, why string) error {
	return c.write(ctx, s, func(*gorm.DB) map[string]any {
		return map[string]any{
			"paused_reason": reason, "paused_at": s.Now(), "last_error": why, "next_attempt_at": nil, "claimed_by": nil, "due_at": nil,
		}
	}, nil)
}

// taken notes that the receiver has the message.
func (c *claim) taken(ctx context.Context, s *store.Store, attempt *models.WebhookDelivery) error {
	return c.write(ctx, s, func(*gorm.DB) map[string]any {
		return map[string]any{
			"position": *c.hook.MessageTo, "told": *c.hook.MessageTo, "message_id": nil, "message_to": nil, "message_kinds": nil, "attempts": 0,
			"failures": 0, "failing_since": nil, "last_error": nil, "last_success_at": s.Now(), "next_attempt_at": nil, "claimed_by": nil, "due_at": nil,
		}
	}, attempt)
}

// failed notes an attempt in vain: the next one is due after a pause, or, with a reason, when somebody resumes the webhook.
func (c *claim) failed(ctx context.Context, s *store.Store, attempt *models.WebhookDelivery, pause time.Duration, reason *models.WebhookPausedReason) error {
	now := s.Now()
	since := c.hook.FailingSince
	if since == nil {
		since = &attempt.At
	}
	return c.write(ctx, s, func(tx *gorm.DB) map[string]any {
		set := map[string]any{
			"attempts": attempt.Attempt, "failures": c.hook.Failures + 1, "failing_since": since, "last_error": attempt.Error,
			"next_attempt_at": now.Add(pause), "claimed_by": nil, "due_at": store.Clock(tx, pause),
		}
		if reason != nil {
			set["paused_reason"], set["paused_at"], set["next_attempt_at"], set["due_at"] = *reason, now, nil, nil
		}
		return set
	}, attempt)
}

// Attempts are kept for so long, and about so many of each webhook.
const (
	kept     = 30 * 24 * time.Hour
	keptMost = 1000
	trimming = 50 // of so many attempts one has the others counted
)

// trim removes the attempts of the webhook beyond the limit.
func trim(tx *gorm.DB, newest *models.WebhookDelivery) error {
	if rand.N(trimming) > 0 {
		return nil
	}
	var last []models.WebhookDelivery
	of := "account_id = ? AND webhook_id = ?"
	err := tx.Select("id").Where(of, newest.AccountID, newest.WebhookID).Order("id DESC").Offset(keptMost).Limit(1).Find(&last).Error
	if err != nil || len(last) == 0 {
		return err
	}
	return tx.Where(of+" AND id <= ?", newest.AccountID, newest.WebhookID, last[0].ID).Delete(&models.WebhookDelivery{}).Error
}

// clean removes the attempts of all webhooks that are too old.
func clean(ctx context.Context, s *store.Store) error {
	oldest := firstID(s.Now().Add(-kept))
	var hooks []struct {
		AccountID models.AccountID
		ID        models.WebhookID
	}
	err := s.Read.WithContext(store.AcrossAccounts(ctx)).Raw(`SELECT w.account_id, w.id FROM webhooks w JOIN accounts a ON a.id = w.account_id
		WHERE EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.account_id = w.account_id AND d.webhook_id = w.id AND d.id < ?)`, oldest).Scan(&hooks).Error
	if err != nil {
		return fmt.Errorf("look for old deliveries: %w", err)
	}
	for _, hook := range hooks {
		_, err := store.InTx(ctx, s, func(tx *gorm.DB) (struct{}, error) {
			return struct{}{}, tx.Where("account_id = ? AND webhook_id = ? AND id < ?", hook.AccountID, hook.ID, oldest).Delete(&models.WebhookDelivery{}).Error
		})
		if err != nil {
			return fmt.Errorf("remove old deliveries: %w", err)
		}
	}
	return nil
}

// firstID is smaller than the id of any attempt from this time on.
func firstID(at time.Time) (id models.WebhookDeliveryID) {
	binary.BigEndian.PutUint64(id[:], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}

// Count counts the webhooks of all accounts by their states.
func Count(ctx context.Context, s *store.Store) (map[models.WebhookState]int, error) {
	var rows []struct {
		State models.WebhookState
		N     int
	}
	err := s.Read.WithContext(store.AcrossAccounts(ctx)).Raw(`SELECT CASE WHEN w.paused_reason IS NOT NULL THEN 'PAUSED' WHEN w.failures > 0 THEN 'RETRYING' ELSE 'ACTIVE' END AS state, COUNT(*) AS n
		FROM webhooks w JOIN accounts a ON a.id = w.account_id WHERE w.account_id = a.id GROUP BY 1`).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count webhooks: %w", err)
	}
	counts := map[models.WebhookState]int{}
	for _, state := range models.AllWebhookState {
		counts[state] = 0
	}
	for _, row := range rows {
		counts[row.State] = row.N
	}
	return counts, nil
}
