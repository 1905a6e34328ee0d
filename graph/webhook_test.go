package graph_test

import (
	"cohort/models"
	"cohort/store"
)

// webhook is the id of a new webhook, with an attempt in its log.
func (a *api) webhook() string {
	a.t.Helper()
	made := a.done("webhookCreate", "webhook { id }", vars{"name": "Hook", "url": "https://hook.example.org/in?token=hush"})
	text := get(made, "webhook.id").(string)
	id, err := models.ParseWebhookID(text)
	if err != nil {
		a.t.Fatal(err)
	}
	err = a.store.Write.WithContext(a.t.Context()).Create(&models.WebhookDelivery{
		AccountID: a.account, WebhookID: id, ID: models.NewID[models.WebhookDeliveryID](), MessageID: "msg_1", Attempt: 1, FirstNumber: 1, LastNumber: 2, ChangeCount: 2, At: a.store.Now(),
	}).Error
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// pauseWebhook has $webhook as it is after many failures.
func (h *house) pauseWebhook() {
	h.t.Helper()
	err := h.store.Write.WithContext(h.t.Context()).Model(&models.Webhook{}).Where("account_id = ?", h.account).Updates(map[string]any{
		"paused_reason": models.WebhookPausedReasonFailing, "paused_at": h.store.Now(), "failures": 12, "due_at": store.Clock(h.store.Write, 0),
	}).Error
	if err != nil {
		h.t.Fatal(err)
	}
}
