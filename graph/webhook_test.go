package graph_test

import (
	"strconv"
	"strings"
	"testing"

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

// What may not be is refused, and changes nothing; a key makes one webhook, and shows its secret once.
func TestWebhooks(t *testing.T) {
	h := newHouse(t)
	good := vars{"name": "Sync", "url": "https://sync.example.org/in?token=hush", "idempotencyKey": "k"}
	made := h.done("webhookCreate", "webhook { id name url kinds state etag createdAt } secret", good)
	again := h.done("webhookCreate", "webhook { id } secret", good)
	if get(made, "secret") == nil || get(again, "secret") != nil || get(made, "webhook.id") != get(again, "webhook.id") {
		t.Errorf("made %v, then %v", made, again)
	}
	if kinds := texts(made, "webhook.kinds.*"); len(kinds) != len(models.AllChangeKind) {
		t.Errorf("of all kinds: %v", kinds)
	}
	id, etag := get(made, "webhook.id").(string), get(made, "webhook.etag")
	h.ids["sync"] = id
	other := func(input vars) vars {
		all := vars{"name": "Another", "url": "https://sync.example.org/"}
		for name, value := range input {
			all[name] = value
		}
		return all
	}
	h.refuses(map[string]refusal{
		"a name that is taken":          {request{mutation: "webhookCreate", input: other(vars{"name": "sYNC"})}, "NAME_TAKEN input.name", "Sync"},
		"no kind":                       {request{mutation: "webhookCreate", input: other(vars{"kinds": []string{}})}, "INVALID input.kinds", "1 to 6 kinds"},
		"no URL":                        {request{mutation: "webhookCreate", input: other(vars{"url": " "})}, "REQUIRED input.url", "must not be empty"},
		"a long URL":                    {request{mutation: "webhookCreate", input: other(vars{"url": "https://a.example/" + strings.Repeat("a", 2000)})}, "TOO_LONG input.url", "2018 characters"},
		"plain http":                    {request{mutation: "webhookCreate", input: other(vars{"url": "http://sync.example.org/"})}, "INVALID input.url", "https://"},
		"a private address":             {request{mutation: "webhookCreate", input: other(vars{"url": "https://10.0.0.1/"})}, "INVALID input.url", "private"},
		"a cloud's metadata":            {request{mutation: "webhookUpdate", input: vars{"id": "$sync", "url": "https://169.254.169.254/"}}, "INVALID input.url", "private"},
		"another input of the same key": {request{mutation: "webhookCreate", input: other(vars{"idempotencyKey": "k"})}, "IDEMPOTENCY_KEY_REUSED input.idempotencyKey", ""},
		"an update to a name":           {request{mutation: "webhookUpdate", input: vars{"id": "$sync", "name": "hook"}}, "NAME_TAKEN input.name", "Hook"},
		"an update to no name":          {request{mutation: "webhookUpdate", input: vars{"id": "$sync", "name": nil}}, "REQUIRED input.name", ""},
		"an update to no kind":          {request{mutation: "webhookUpdate", input: vars{"id": "$sync", "kinds": []string{}}}, "INVALID input.kinds", ""},
		"an old etag":                   {request{mutation: "webhookUpdate", input: vars{"id": "$sync", "name": "New", "ifMatch": "old"}}, "STALE input.ifMatch", ""},
	})
	changed := h.done("webhookUpdate", "webhook { name url kinds etag }", vars{"id": id, "kinds": []string{"NESTING", "USER", "USER"}, "ifMatch": etag})
	if kinds := strings.Join(texts(changed, "webhook.kinds.*"), " "); kinds != "USER NESTING" || get(changed, "webhook.etag") == etag || get(changed, "webhook.name") != "Sync" {
		t.Errorf("changed to %v", changed)
	}
	back := h.done("webhookUpdate", "webhook { etag kinds }", vars{"id": id, "kinds": nil})
	if get(back, "webhook.etag") != etag {
		t.Errorf("back to %v", back)
	}
	for i := range models.MaxWebhooks - 2 {
		h.done("webhookCreate", "webhook { id }", other(vars{"name": "Number " + itoa(i)}))
	}
	h.refuses(map[string]refusal{"one too many": {request{mutation: "webhookCreate", input: other(nil)}, "TOO_MANY input", "at most 20"}})
	h.done("webhookDelete", "deletedWebhookId", vars{"id": id})
	if gone := h.done("webhookCreate", "webhook { id } secret", good); get(gone, "webhook") != nil || get(gone, "secret") != nil {
		t.Errorf("the key of one that is gone: %v", gone)
	}
	if node := h.must(h.fill(`{ node(id: "$webhook") { ... on Webhook { name deliveries { totalCount } } } }`), nil); get(node, "node.deliveries.totalCount") != 1.0 {
		t.Errorf("the node is %v", node)
	}
	if found := h.ask(h.callers["admin"], h.fill(`{ node(id: "$webhook") { id } }`), nil); found.Data["node"] != nil {
		t.Errorf("an admin finds %s", found.Text)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
