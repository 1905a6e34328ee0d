package mail_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cohort/mail"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// world is an account with users.
type world struct {
	testing.TB
	*store.Store
	account models.AccountID
	users   int
}

func newWorld(t testing.TB) *world {
	s := storetest.Open(t)
	w := &world{TB: t, Store: s, account: storetest.Account(t, s)}
	t.Cleanup(func() { // a later test's worker would deliver what is left
		must(t, s.Write.Where("account_id = ?", w.account).Delete(&models.Mail{}).Error)
	})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// user inserts a user, after change.
func (w *world) user(change func(*models.User)) *models.User {
	w.Helper()
	w.users++
	u := models.User{
		AccountID: w.account, ID: models.NewID[models.UserID](), Email: fmt.Sprintf("user%d@acme.example", w.users),
		Locale: models.LocaleEn, Role: models.RoleMember, CreatedAt: w.Now(), UpdatedAt: w.Now(),
	}
	u.Rename("Ada", fmt.Sprintf("Number %d", w.users), "")
	if change != nil {
		change(&u)
	}
	u.Settle()
	must(w, w.Write.WithContext(w.Context()).Create(&u).Error)
	return &u
}

// in runs a step in a transaction of the account.
func (w *world) in(fn func(tx *store.Tx) error) error {
	_, err := store.InAccount(w.Context(), w.Store, w.account, func(tx *store.Tx) (struct{}, error) { return struct{}{}, fn(tx) })
	return err
}

func (w *world) post(mails ...models.Mail) {
	w.Helper()
	must(w, w.in(func(tx *store.Tx) error { return mail.Post(tx, mails) }))
}

// notice is one for a user, with Added and State as given.
func notice(u *models.User, state models.MailState, added ...string) models.Mail {
	return models.Mail{UserID: u.ID, Kind: models.MailKindNotice, State: state, Content: models.MailContent{Added: added}}
}

func welcome(u *models.User, key, name string) models.Mail {
	return models.Mail{
		UserID: u.ID, Kind: models.MailKindWelcome, State: models.MailStateQueued, ProductID: models.NewID[models.ProductID](),
		Content: models.MailContent{Product: name, ProductKey: key},
	}
}

// mails are those of the account, the oldest first.
func (w *world) mails() []models.Mail {
	w.Helper()
	var rows []models.Mail
	must(w, w.Read.WithContext(w.Context()).Where("account_id = ?", w.account).Order("id").Find(&rows).Error)
	return rows
}

// states counts the account's mails by their states.
func (w *world) states() map[models.MailState]int {
	w.Helper()
	counts := map[models.MailState]int{}
	for _, m := range w.mails() {
		counts[m.State]++
	}
	return counts
}

// due makes every mail of the account due at once, whatever it waits for.
func (w *world) due() {
	w.Helper()
	must(w, w.Write.WithContext(w.Context()).Model(&models.Mail{}).Where("account_id = ?", w.account).
		Update("due_at", store.Clock(w.Write, -time.Second)).Error)
}

var errRolledBack = errors.New("rolled back")

// until waits for something to come true.
func until(t testing.TB, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited for a minute")
		}
	}
}

// quick are options for tests that wait for retries.
func quick(at *mail.SMTP) mail.Options {
	from, err := mail.ParseSender("Cohort <cohort@acme.example>")
	if err != nil {
		panic(err)
	}
	at.Timeout = 10 * time.Second
	return mail.Options{From: from, SMTP: at, Poll: 10 * time.Millisecond, Backoff: 10 * time.Millisecond, Down: 5 * time.Millisecond}
}

// run starts a worker and returns it with what stops it and waits.
func (w *world) run(o mail.Options) (*mail.Worker, func()) { return w.runOn(w.Store, o) }

func (w *world) runOn(s *store.Store, o mail.Options) (*mail.Worker, func()) {
	worker := mail.NewWorker(s, o)
	ctx, cancel := context.WithCancel(w.Context())
	over := make(chan struct{})
	go func() { defer close(over); worker.Run(ctx) }()
	stop := func() { cancel(); <-over }
	w.Cleanup(stop)
	return worker, stop
}

// settled waits until no mail of the account is queued.
func (w *world) settled() {
	w.Helper()
	until(w, func() bool { return w.states()[models.MailStateQueued] == 0 })
}
