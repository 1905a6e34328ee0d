package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
	"cohort/webhook"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// world is an account with a super admin.
type world struct {
	testing.TB
	*store.Store
	d     *directory.Directory
	admin auth.Caller
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, Store: storetest.Open(t)}
	var err error
	w.d, err = directory.New(w.Store, directory.Options{WebhookKey: key, WebhookAllow: loopback})
	must(t, err)
	name := models.AccountID(models.NewID[models.OperationID]())
	account, admin, err := w.d.CreateAccount(t.Context(), directory.NewAccount{
		Name: name.String(), Admin: models.UserCreateInput{Email: "first@example.org", Locale: models.LocaleEn},
	})
	must(t, err)
	w.admin = auth.Caller{Account: account.ID, UserID: admin.ID, Role: models.RoleSuperAdmin, Kind: auth.Person}
	t.Cleanup(func() { // a later test's worker would deliver to it
		must(t, w.Write.Where("account_id = ?", w.admin.Account).Delete(&models.Webhook{}).Error)
	})
	return w
}

// hook registers a webhook and answers with its id and its secret.
func (w *world) hook(url string, kinds ...models.ChangeKind) (models.WebhookID, string) {
	w.Helper()
	in := models.WebhookCreateInput{Name: "Hook " + models.NewID[models.WebhookID]().String(), URL: url, Kinds: kinds}
	p, err := w.d.CreateWebhook(w.Context(), w.admin, in)
	must(w, err)
	return p.Webhook.ID, *p.Secret
}

func (w *world) now(id models.WebhookID) *models.Webhook {
	w.Helper()
	found, err := w.d.WebhooksByID(w.Context(), w.admin, []models.WebhookID{id})
	must(w, err)
	return found[0]
}

// attempts are those in the log, the oldest first.
func (w *world) attempts(id models.WebhookID) []*models.WebhookDelivery {
	w.Helper()
	first := int32(100)
	pages, err := w.d.WebhookDeliveries(w.Context(), w.admin, []models.WebhookID{id}, models.PageArgs{First: &first})
	must(w, err)
	found := pages[0].Nodes()
	slices.Reverse(found)
	return found
}

// set writes into the row of the webhook, as only time does otherwise.
func (w *world) set(id models.WebhookID, columns map[string]any) {
	w.Helper()
	must(w, w.Write.WithContext(w.Context()).Model(&models.Webhook{}).Where("account_id = ? AND id = ?", w.admin.Account, id).Updates(columns).Error)
}

// due has the webhook tried at once.
func (w *world) due(id models.WebhookID) {
	w.Helper()
	w.set(id, map[string]any{"due_at": store.Clock(w.Write, -time.Second)})
}

func (w *world) user(email string) models.UserID {
	w.Helper()
	p, err := w.d.CreateUser(w.Context(), w.admin, models.UserCreateInput{Email: email, Locale: models.LocaleEn, Role: models.RoleMember})
	must(w, err)
	return p.User.ID
}

func (w *world) group(name string, members ...models.UserID) models.GroupID {
	w.Helper()
	p, err := w.d.CreateGroup(w.Context(), w.admin, models.GroupCreateInput{Name: name, MemberIds: members})
	must(w, err)
	return p.Group.ID
}

func (w *world) rename(id models.GroupID, description string) {
	w.Helper()
	_, err := w.d.UpdateGroup(w.Context(), w.admin, models.GroupUpdateInput{ID: id, Description: omittable(description)})
	must(w, err)
}

// run starts a worker and returns what stops it and waits.
func (w *world) run(change ...func(*webhook.Options)) (stop func()) {
	w.Helper()
	o := webhook.Options{Seal: auth.NewSeal(key), Allow: loopback, Poll: 10 * time.Millisecond, Backoff: 10 * time.Millisecond, Timeout: 5 * time.Second}
	for _, c := range change {
		c(&o)
	}
	worker := webhook.NewWorker(w.Store, w.d, o)
	w.d.OnChanges(worker.Wake)
	ctx, cancel := context.WithCancel(w.Context())
	over := make(chan struct{})
	go func() { defer close(over); worker.Run(ctx) }()
	stop = func() { cancel(); <-over }
	w.Cleanup(stop)
	return stop
}

// until waits for something to come true.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for a minute: %s", what)
		}
	}
}

// told is a message as a receiver gets it.
type told struct {
	header http.Header
	body   string
	status int // that was answered; 0 for none

	Type string
	Data struct {
		WebhookID, Cursor string
		After, UpTo       int64
		Entries           []struct {
			Typename                                   string `json:"__typename"`
			Action, UserID, GroupID, ChildID, ParentID string
			Number                                     int64
			After                                      map[string]any
		}
	}
}

func (m told) id() string { return m.header.Get("webhook-id") }

// receiver is a real one, whose answers a test chooses.
type receiver struct {
	*httptest.Server
	answer func(m told) int // of status, or 0 for closing the connection; nil takes everything

	mu  sync.Mutex
	got []told
}

func newReceiver(t testing.TB, answer func(told) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		raw, err := io.ReadAll(request.Body)
		if err != nil {
			return // the worker was stopped
		}
		m := told{header: request.Header, body: string(raw), status: 204}
		if err := json.Unmarshal(raw, &m); err != nil || request.Method != http.MethodPost {
			t.Errorf("%s %s: %v", request.Method, raw, err)
		}
		if r.answer != nil {
			m.status = r.answer(m)
		}
		r.mu.Lock()
		r.got = append(r.got, m)
		r.mu.Unlock()
		if m.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(m.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) messages() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// signedBy fails unless the message is signed by these secrets, and no other.
func (m told) signedBy(t testing.TB, secrets ...string) {
	t.Helper()
	seconds, err := strconv.ParseInt(m.header.Get("webhook-timestamp"), 10, 64)
	must(t, err)
	at := time.Unix(seconds, 0)
	if age := time.Since(at); age < -time.Second || age > time.Minute {
		t.Errorf("signed %s ago", age)
	}
	want, err := webhook.Sign(m.id(), at, []byte(m.body), secrets...)
	must(t, err)
	if got := m.header.Get("webhook-signature"); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if !strings.HasPrefix(m.id(), "msg_") || m.header.Get("Content-Type") != "application/json" || m.header.Get("User-Agent") != "Cohort" {
		t.Errorf("headers %v", m.header)
	}
}
