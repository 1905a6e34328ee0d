package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/webhook"
)

func omittable(text string) graphql.Omittable[*string] { return graphql.OmittableOf(&text) }

// What happens after the registration is told, in order, signed, and logged.
func TestDeliveries(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	w.user("before@example.org")
	id, secret := w.hook(r.URL + "/in?token=hush")
	if h := w.now(id); h.Behind() != 0 || h.BehindSince != nil || h.State() != models.WebhookStateActive || h.LastSuccessAt != nil {
		t.Errorf("at first %+v", h)
	}
	ann := w.user("ann@example.org")
	g := w.group("Sales", ann)
	if h := w.now(id); h.Behind() != 3 || h.BehindSince == nil || time.Since(*h.BehindSince).Abs() > time.Minute {
		t.Errorf("behind by %d since %v", h.Behind(), h.BehindSince)
	}
	w.run()
	until(t, "the first message", func() bool { return len(r.messages()) == 1 && w.now(id).Behind() == 0 })
	m := r.messages()[0]
	m.signedBy(t, secret)
	var kinds []string
	for _, e := range m.Data.Entries {
		kinds = append(kinds, e.Typename)
	}
	if m.Type != "changes" || m.Data.WebhookID != id.String() || m.Data.UpTo-m.Data.After != 3 || strings.Join(kinds, " ") != "UserChange GroupChange MembershipChange" {
		t.Errorf("told %s", m.body)
	}
	w.rename(g, "all who sell")
	until(t, "the second message", func() bool { return len(r.messages()) == 2 && w.now(id).Behind() == 0 })
	second := r.messages()[1]
	if second.Data.After != m.Data.UpTo || second.id() == m.id() || second.Data.Entries[0].After["description"] != "all who sell" {
		t.Errorf("told %s", second.body)
	}
	page, err := w.d.Changes(t.Context(), w.admin, directory.ChangeQuery{Since: &m.Data.Cursor})
	must(t, err)
	if len(page.Entries) != 1 || page.Cursor != second.Data.Cursor {
		t.Errorf("since the cursor of the first there are %d, then %s", len(page.Entries), page.Cursor)
	}
	h := w.now(id)
	if h.LastSuccessAt == nil || h.Failures != 0 || h.BehindSince != nil {
		t.Errorf("afterwards %+v", h)
	}
	for i, a := range w.attempts(id) {
		if a.MessageID != r.messages()[i].id() || a.Attempt != 1 || !a.Delivered() || *a.Status != 204 || int(a.ChangeCount) != len(r.messages()[i].Data.Entries) {
			t.Errorf("attempt %d: %+v", i, a)
		}
	}
}

// Only the kinds that are wanted are told, and what is not wanted doesn't keep the webhook behind.
func TestKinds(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, _ := w.hook(r.URL, models.ChangeKindMembership)
	w.run()
	w.user("one@example.org")
	until(t, "the end of the feed", func() bool { return w.now(id).Behind() == 0 })
	w.group("Sales", w.user("two@example.org"))
	until(t, "a message", func() bool { return len(r.messages()) == 1 && w.now(id).Behind() == 0 })
	if m := r.messages()[0]; len(m.Data.Entries) != 1 || m.Data.Entries[0].Typename != "MembershipChange" || len(w.attempts(id)) != 1 {
		t.Errorf("told %s", m.body)
	}
}

// A message has at most a hundred changes, and each starts where the one before ended.
func TestManyChanges(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, _ := w.hook(r.URL)
	g := w.group("Sales")
	for i := range 250 {
		w.rename(g, fmt.Sprint(i))
	}
	w.run()
	until(t, "all", func() bool { return w.now(id).Behind() == 0 })
	after := r.messages()[0].Data.After
	for i, m := range r.messages() {
		if m.Data.After != after || len(m.Data.Entries) != []int{100, 100, 51}[i] {
			t.Errorf("message %d: %d entries after %d", i, len(m.Data.Entries), m.Data.After)
		}
		for _, e := range m.Data.Entries {
			if after++; e.Number != after {
				t.Fatalf("%d instead of %d", e.Number, after)
			}
		}
	}
}

// Whatever goes wrong, the same message comes again under the same id, and nothing in front of it is left out.
func TestFailures(t *testing.T) {
	for name, status := range map[string]int{"an error": 500, "not found": 404, "too many": 429, "a redirect": 302, "no answer": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var failing atomic.Bool
			failing.Store(true)
			r := newReceiver(t, func(told) int {
				if failing.Load() {
					return status
				}
				return 200
			})
			id, secret := w.hook(r.URL)
			w.user("ann@example.org")
			w.run()
			until(t, "three attempts", func() bool { return w.now(id).Failures >= 3 })
			h := w.now(id)
			if h.State() != models.WebhookStateRetrying || h.LastError == nil || h.NextAttemptAt == nil || h.FailingSince == nil || h.Behind() != 1 {
				t.Errorf("failing: %+v", h)
			}
			w.user("bob@example.org") // is told afterwards, in a message of its own
			failing.Store(false)
			until(t, "the end", func() bool { return w.now(id).Behind() == 0 })
			if h := w.now(id); h.State() != models.WebhookStateActive || h.LastError != nil || h.NextAttemptAt != nil || h.FailingSince != nil {
				t.Errorf("at last: %+v", h)
			}
			got := r.messages()
			last := len(got) - 1
			for _, m := range got[:last] {
				m.signedBy(t, secret)
				if m.body != got[0].body || m.id() != got[0].id() {
					t.Errorf("another message: %s, %s", m.id(), m.body)
				}
			}
			if got[last].id() == got[0].id() || got[last].Data.After != got[0].Data.UpTo {
				t.Errorf("the last one is %s", got[last].body)
			}
			for i, a := range w.attempts(id)[:last] {
				if good := i == last-1; a.Delivered() != good || int(a.Attempt) != i+1 || a.MessageID != got[0].id() || (a.Status == nil) != (status == 0 && !good) {
					t.Errorf("attempt %d: %+v", i, a)
				}
			}
		})
	}
}

// 410 ends it at once; else it takes a day and ten failures.
func TestPauses(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		failures int
		failing  time.Duration
		want     models.WebhookPausedReason // "" for going on
	}{
		"gone":                     {410, 0, 0, models.WebhookPausedReasonGone},
		"for a day, ten times":     {500, 9, 24*time.Hour + time.Second, models.WebhookPausedReasonFailing},
		"for a day, nine times":    {500, 8, 30 * time.Hour, ""},
		"ten times, not for a day": {500, 9, 23 * time.Hour, ""},
		"for a day, then taken":    {200, 20, 30 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := newReceiver(t, func(told) int { return tt.status })
			id, _ := w.hook(r.URL)
			if tt.failures > 0 {
				w.set(id, map[string]any{"failures": tt.failures, "failing_since": w.Now().Add(-tt.failing)})
			}
			w.user("ann@example.org")
			stop := w.run(func(o *webhook.Options) { o.Backoff = time.Hour })
			until(t, "an attempt", func() bool { return len(w.attempts(id)) == 1 })
			stop()
			h := w.now(id)
			if tt.want == "" {
				if h.PausedReason != nil {
					t.Errorf("paused: %s", *h.PausedReason)
				}
				return
			}
			if h.PausedReason == nil || *h.PausedReason != tt.want || h.State() != models.WebhookStatePaused || h.PausedAt == nil || h.NextAttemptAt != nil {
				t.Fatalf("not paused: %+v", h)
			}
			w.due(id)
			if c, err := webhook.Take(t.Context(), w.Store, time.Minute); c != nil || err != nil {
				t.Errorf("taken all the same: %v, %v", c, err)
			}
			// It goes on with the same message, and takes the next failure for the first.
			first := r.messages()[0]
			r.answer = nil
			w.user("bob@example.org")
			p, err := w.d.ResumeWebhook(t.Context(), w.admin, models.WebhookResumeInput{ID: id})
			must(t, err)
			if p.Webhook.State() != models.WebhookStateActive {
				t.Errorf("resumed: %+v", p.Webhook)
			}
			w.run()
			until(t, "the end", func() bool { return w.now(id).Behind() == 0 })
			got := r.messages()
			if len(got) != 3 || got[1].id() != first.id() || got[1].body != first.body || got[2].Data.After != first.Data.UpTo {
				t.Errorf("afterwards %d messages", len(got))
			}
		})
	}
}

// What is no longer kept can't be told: the webhook says so, and goes on when it is told to leave it out.
func TestFeedIsNotKept(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, _ := w.hook(r.URL)
	g := w.group("Sales")
	w.rename(g, "a")
	w.rename(g, "b")
	must(t, w.Write.WithContext(t.Context()).Exec("DELETE FROM changes WHERE account_id = ? AND seq <= ?", w.admin.Account, w.now(id).Position+2).Error)
	w.run()
	until(t, "the pause", func() bool { return w.now(id).PausedReason != nil })
	if h := w.now(id); *h.PausedReason != models.WebhookPausedReasonCursorExpired || h.BehindSince != nil || h.Behind() != 3 {
		t.Errorf("paused: %+v", h)
	}
	_, err := w.d.ResumeWebhook(t.Context(), w.admin, models.WebhookResumeInput{ID: id})
	if wrong, _ := models.UserErrors(err); len(wrong) != 1 || wrong[0].Code != models.CodeCursorExpired {
		t.Errorf("resumed: %v", err)
	}
	_, err = w.d.ResumeWebhook(t.Context(), w.admin, models.WebhookResumeInput{ID: id, FromNow: true})
	must(t, err)
	w.rename(g, "c")
	until(t, "a message", func() bool { return len(r.messages()) == 1 && w.now(id).Behind() == 0 })
	if m := r.messages()[0]; len(m.Data.Entries) != 1 || m.Data.Entries[0].After["description"] != "c" || m.Data.After != m.Data.UpTo-1 {
		t.Errorf("told %s", m.body)
	}
}

// For a day the old secret signs, too, unless it is to end at once.
func TestRotation(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, first := w.hook(r.URL)
	g := w.group("Sales")
	w.run()
	next := func(secrets ...string) {
		t.Helper()
		n := len(r.messages())
		w.rename(g, fmt.Sprint(n))
		until(t, "a message", func() bool { return len(r.messages()) > n && w.now(id).Behind() == 0 })
		r.messages()[n].signedBy(t, secrets...)
	}
	rotate := func(now bool) string {
		t.Helper()
		p, err := w.d.RotateWebhookSecret(t.Context(), w.admin, models.WebhookRotateSecretInput{ID: id, ExpireOldSecretNow: now})
		must(t, err)
		return *p.Secret
	}
	until(t, "the group", func() bool { return w.now(id).Behind() == 0 })
	next(first)
	second := rotate(false)
	next(second, first)
	third := rotate(false)
	next(third, second)
	w.set(id, map[string]any{"old_secret_until": w.Now()})
	next(third)
	fourth := rotate(true)
	next(fourth)
	if h := w.now(id); h.OldSecret != nil || h.OldSecretUntil != nil || h.RotatedAt == nil {
		t.Errorf("the old one is kept: %+v", h)
	}
	var rows []string
	must(t, w.Read.WithContext(t.Context()).Raw("SELECT HEX(secret) FROM webhooks WHERE account_id = ? UNION ALL SELECT COALESCE(after_data, '') FROM audit_events WHERE account_id = ?", w.admin.Account, w.admin.Account).Scan(&rows).Error)
	for _, secret := range []string{first, second, third, fourth} {
		if all := strings.Join(rows, "\n"); strings.Contains(all, fmt.Sprintf("%X", secret)) || strings.Contains(all, secret) {
			t.Errorf("the secret is in the database")
		}
	}
}

// With another secret of the server the webhook's own can't be read; it goes on once that is replaced.
func TestSecretThatCannotBeRead(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, _ := w.hook(r.URL)
	w.user("ann@example.org")
	stop := w.run(func(o *webhook.Options) { o.Seal = auth.NewSeal([]byte("another one of 32 bytes, as long")) })
	until(t, "the pause", func() bool { return w.now(id).PausedReason != nil })
	stop()
	if h := w.now(id); *h.PausedReason != models.WebhookPausedReasonSecretUnreadable || len(r.messages()) > 0 {
		t.Errorf("paused: %+v", h)
	}
	p, err := w.d.RotateWebhookSecret(t.Context(), w.admin, models.WebhookRotateSecretInput{ID: id})
	must(t, err)
	_, err = w.d.ResumeWebhook(t.Context(), w.admin, models.WebhookResumeInput{ID: id})
	must(t, err)
	w.set(id, map[string]any{"old_secret": []byte("sealed with something else")})
	w.run()
	until(t, "a message", func() bool { return len(r.messages()) == 1 })
	r.messages()[0].signedBy(t, *p.Secret)
}

// An edit reaches a message that fails: it goes to the new URL at once, and stays the same message.
func TestUpdateWhileFailing(t *testing.T) {
	w := newWorld(t)
	bad, good := newReceiver(t, func(told) int { return 500 }), newReceiver(t, nil)
	id, _ := w.hook(bad.URL)
	w.user("ann@example.org")
	w.run(func(o *webhook.Options) { o.Backoff = time.Hour })
	until(t, "a failure", func() bool { return w.now(id).Failures == 1 })
	kinds := []models.ChangeKind{models.ChangeKindGroup}
	p, err := w.d.UpdateWebhook(t.Context(), w.admin, models.WebhookUpdateInput{ID: id, URL: omittable(good.URL), Kinds: graphql.OmittableOf(kinds)})
	must(t, err)
	if p.Webhook.URL != good.URL || p.Webhook.Etag() == w.now(id).AccountID.String() {
		t.Errorf("updated: %+v", p.Webhook)
	}
	until(t, "the message", func() bool { return w.now(id).Behind() == 0 })
	if got := good.messages(); len(got) != 1 || got[0].id() != bad.messages()[0].id() || got[0].body != bad.messages()[0].body {
		t.Errorf("the message was %v", got)
	}
	_, err = w.d.DeleteWebhook(t.Context(), w.admin, models.WebhookDeleteInput{ID: id})
	must(t, err)
	var left int64
	must(t, w.Read.WithContext(t.Context()).Model(&models.WebhookDelivery{}).Where("account_id = ?", w.admin.Account).Count(&left).Error)
	if left > 0 {
		t.Errorf("%d attempts are left of a webhook that is gone", left)
	}
}

// Whoever dies with a message leaves it to another, who sends the same; what the dead one says afterwards counts for nothing.
func TestLease(t *testing.T) {
	w, r := newWorld(t), newReceiver(t, nil)
	id, _ := w.hook(r.URL)
	w.user("ann@example.org")
	dead, err := webhook.Take(t.Context(), w.Store, time.Hour)
	must(t, err)
	message, err := dead.Begin(t.Context(), w.now(id).FeedSeq)
	must(t, err)
	if c, err := webhook.Take(t.Context(), w.Store, time.Hour); c != nil || err != nil {
		t.Fatalf("taken twice: %v, %v", c, err)
	}
	// An edit doesn't hand it to somebody else, either.
	_, err = w.d.UpdateWebhook(t.Context(), w.admin, models.WebhookUpdateInput{ID: id, URL: omittable(r.URL + "/other")})
	must(t, err)
	if c, err := webhook.Take(t.Context(), w.Store, time.Hour); c != nil || err != nil {
		t.Fatalf("taken twice after an edit: %v, %v", c, err)
	}
	w.due(id) // the lease is over
	if c, err := webhook.Take(t.Context(), w.Store, time.Hour); c == nil || err != nil {
		t.Fatalf("not taken: %v, %v", c, err)
	}
	if err := dead.Taken(t.Context()); !errors.Is(err, webhook.ErrLost) || w.now(id).MessageID == nil {
		t.Errorf("the dead one, while another has it: %v", err)
	}
	w.due(id)
	stop := w.run()
	until(t, "the message", func() bool { return w.now(id).Behind() == 0 })
	stop()
	if got := r.messages(); len(got) != 1 || got[0].id() != message {
		t.Errorf("got %v, want %s", got, message)
	}
	before := w.now(id)
	if err := dead.Taken(t.Context()); !errors.Is(err, webhook.ErrLost) {
		t.Errorf("the dead one: %v", err)
	}
	if after := w.now(id); after.Position != before.Position || after.Told != before.Told {
		t.Errorf("moved from %d to %d", before.Position, after.Position)
	}
}

// A worker that is stopped finishes what is under way; one whose time is up lets go, and it is no failure.
func TestStop(t *testing.T) {
	w := newWorld(t)
	arrived, answer := make(chan struct{}, 10), make(chan struct{})
	r := newReceiver(t, func(told) int { arrived <- struct{}{}; <-answer; return 200 })
	id, _ := w.hook(r.URL)
	w.user("ann@example.org")
	stop := w.run(func(o *webhook.Options) { o.Grace = 50 * time.Millisecond })
	<-arrived
	stop()
	if h := w.now(id); h.Failures != 0 || h.Behind() != 1 || h.MessageID == nil || h.ClaimedBy != nil || len(w.attempts(id)) != 0 {
		t.Errorf("after it was cut off: %+v", h)
	}
	stop = w.run()
	<-arrived
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(answer)
	<-stopped
	if h := w.now(id); h.Behind() != 0 || len(w.attempts(id)) != 1 {
		t.Errorf("after it was finished: %+v", h)
	}
}

func TestBackoff(t *testing.T) {
	w := webhook.NewWorker(nil, nil, webhook.Options{})
	for failures, want := range map[int32]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 10: 2560 * time.Second, 11: time.Hour, 1000: time.Hour} {
		for range 200 {
			if got := webhook.PauseBefore(w, failures, 0); got < want/2 || got > min(want+want/2, time.Hour) {
				t.Fatalf("after %d failures %s", failures, got)
			}
		}
	}
	if got := webhook.PauseBefore(w, 1, 20*time.Minute); got != 20*time.Minute {
		t.Errorf("Retry-After of 20 minutes: %s", got)
	}
	if got := webhook.PauseBefore(w, 1, 20*time.Hour); got != time.Hour {
		t.Errorf("Retry-After of 20 hours: %s", got)
	}
}

// Retry-After is heeded by the database's clock.
func TestRetryAfterIsKept(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, nil)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	id, _ := w.hook(r.URL)
	w.user("ann@example.org")
	stop := w.run()
	until(t, "a failure", func() bool { return w.now(id).Failures == 1 })
	stop()
	if in := w.now(id).NextAttemptAt.Sub(w.Now()); in < 29*time.Minute || in > 31*time.Minute {
		t.Errorf("tried again in %s", in)
	}
	var due bool
	at := func(moved time.Duration) bool {
		must(t, w.Read.WithContext(t.Context()).Raw("SELECT due_at <= ? FROM webhooks WHERE account_id = ? AND id = ?", store.Clock(w.Read, moved), w.admin.Account, id).Scan(&due).Error)
		return due
	}
	if at(29*time.Minute) || !at(31*time.Minute) {
		t.Error("due at another time")
	}
}

// Attempts are kept for 30 days, and about a thousand of each webhook.
func TestOldAttempts(t *testing.T) {
	w := newWorld(t)
	id, _ := w.hook("https://example.org/")
	var rows []models.WebhookDelivery
	for i := range 3 {
		at := w.Now().Add(-time.Duration(29+2*i) * 24 * time.Hour)
		made := models.NewID[models.WebhookDeliveryID]()
		event := models.FirstEventID(at)
		copy(made[:6], event[:6])
		rows = append(rows, models.WebhookDelivery{AccountID: w.admin.Account, WebhookID: id, ID: made, MessageID: fmt.Sprint(29 + 2*i), Attempt: 1, At: at})
	}
	must(t, w.Write.WithContext(t.Context()).Create(&rows).Error)
	must(t, webhook.Clean(t.Context(), w.Store))
	if left := w.attempts(id); len(left) != 1 || left[0].MessageID != "29" {
		t.Errorf("%d are left", len(left))
	}
}
