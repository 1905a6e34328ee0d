package webhook

import (
	"encoding/json"
	"time"

	"cohort/models"
)

// message is the body of a delivery. It is the same at each attempt.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the newest change
	Data      data      `json:"data"`
}

type data struct {
	WebhookID models.WebhookID      `json:"webhookId"`
	After     int64                 `json:"after"`
	UpTo      int64                 `json:"upTo"`
	Cursor    string                `json:"cursor"`
	Entries   []*models.ChangeEntry `json:"entries"`
}

// write is the webhook's present message, of entries that there is at least one of.
func write(hook *models.Webhook, entries []models.ChangeEntry) ([]byte, error) {
	m := message{Type: "changes", Timestamp: entries[len(entries)-1].Time.UTC(), Data: data{
		WebhookID: hook.ID, After: hook.Told, UpTo: *hook.MessageTo, Cursor: models.ChangeCursor(hook.AccountID, *hook.MessageTo),
	}}
	for i := range entries {
		m.Data.Entries = append(m.Data.Entries, &entries[i])
	}
	return json.Marshal(m)
}
