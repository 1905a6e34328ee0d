package mail_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/mail"
	"cohort/models"
	"cohort/store"
)

func TestPost(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	n, first := notice(u, models.MailStateQueued, "GoTo Meeting"), welcome(u, "goto-meeting", "GoTo Meeting")
	var operation models.OperationID
	must(t, w.in(func(tx *store.Tx) error {
		operation = tx.Operation
		return mail.Post(tx, []models.Mail{n, first, welcome(u, "openvoice", "OpenVoice")})
	}))
	got := w.mails()
	if len(got) != 3 {
		t.Fatalf("%d mails", len(got))
	}
	for _, m := range got {
		if m.OperationID != operation || m.UserID != u.ID || m.State != models.MailStateQueued || m.Attempts != 0 || m.ClaimedBy != nil {
			t.Errorf("mail %+v", m)
		}
		if age := time.Since(*m.DueAt).Abs(); age > time.Minute {
			t.Errorf("due %s", m.DueAt)
		}
	}
	if diff := cmp.Diff(n.Content, got[0].Content); diff != "" || got[1].Content.ProductKey != "goto-meeting" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	// Another operation tells the same user more.
	w.post(n)
	if n := len(w.mails()); n != 4 {
		t.Errorf("%d mails", n)
	}
}

func TestPostMany(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	mails := make([]models.Mail, 2500)
	for i := range mails {
		mails[i] = notice(u, models.MailStateQueued, "GoTo Meeting")
		mails[i].UserID = models.NewID[models.UserID]()
	}
	begin := time.Now()
	w.post(mails...)
	t.Logf("2,500 mails in %s", time.Since(begin))
	if n := len(w.mails()); n != len(mails) {
		t.Errorf("%d mails", n)
	}
}

func TestPostNothingWhenRolledBack(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	err := w.in(func(tx *store.Tx) error {
		if err := mail.Post(tx, []models.Mail{notice(u, models.MailStateQueued, "GoTo Meeting")}); err != nil {
			return err
		}
		return errRolledBack
	})
	if !errors.Is(err, errRolledBack) || len(w.mails()) != 0 {
		t.Errorf("error %v, mails %v", err, w.mails())
	}
}

// What the parts of a job have to tell one user becomes one notice.
func TestNoticeGrows(t *testing.T) {
	content := func(added, removed, waiting []string, suspended bool) models.MailContent {
		return models.MailContent{Added: added, Removed: removed, Waiting: waiting, Suspended: suspended}
	}
	list := func(products ...string) []string { return products }
	for name, tt := range map[string]struct{ before, more, want models.MailContent }{
		"more is added":             {content(list("A"), nil, nil, false), content(list("B"), nil, nil, false), content(list("A", "B"), nil, nil, false)},
		"something else is removed": {content(list("A"), nil, nil, false), content(nil, list("B"), nil, false), content(list("A"), list("B"), nil, false)},
		"it is taken back":          {content(list("A", "B"), nil, nil, false), content(nil, list("A"), nil, false), content(list("B"), nil, nil, false)},
		"it is given back":          {content(list("B"), list("A"), nil, true), content(list("A"), nil, nil, false), content(list("B"), nil, nil, false)},
		"a seat has become free":    {content(nil, nil, list("A", "B"), false), content(list("A"), nil, nil, false), content(list("A"), nil, list("B"), false)},
		"the seat is gone":          {content(nil, nil, nil, false), content(nil, list("A"), list("A"), true), content(nil, list("A"), list("A"), true)},
		"waiting is told once":      {content(nil, nil, list("A"), false), content(list("B"), nil, list("A"), false), content(list("B"), nil, list("A"), false)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u, other := w.user(nil), w.user(nil)
			operation := models.NewID[models.OperationID]()
			of := func(u *models.User, c models.MailContent) models.Mail {
				return models.Mail{OperationID: operation, UserID: u.ID, Kind: models.MailKindNotice, State: models.MailStateHeld, Content: c}
			}
			w.post(of(u, tt.before))
			w.post(of(other, tt.more), of(u, tt.more))
			got := w.mails()
			if len(got) != 2 || got[0].UserID != u.ID || got[0].State != models.MailStateHeld {
				t.Fatalf("mails %+v", got)
			}
			norm := func(c models.MailContent) models.MailContent {
				return c.Then(models.MailContent{Suspended: c.Suspended})
			}
			if diff := cmp.Diff(norm(tt.want), norm(got[0].Content), cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoticeOfNothing(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	n := notice(u, models.MailStateHeld, "A")
	n.OperationID = models.NewID[models.OperationID]()
	w.post(n)
	n.Content = models.MailContent{Removed: []string{"A"}}
	w.post(n)
	if got := w.mails(); len(got) != 0 {
		t.Errorf("mails %+v", got)
	}
}

func TestPostTwice(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	for name, m := range map[string]models.Mail{
		"a notice that is queued": notice(u, models.MailStateQueued, "A"),
		"a welcome":               welcome(u, "openvoice", "OpenVoice"),
	} {
		m.OperationID = models.NewID[models.OperationID]()
		w.post(m)
		before := w.mails()
		if err := w.in(func(tx *store.Tx) error {
			return mail.Post(tx, []models.Mail{notice(u, models.MailStateQueued, "B"), m})
		}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if diff := cmp.Diff(before, w.mails()); diff != "" {
			t.Errorf("%s: (-before +after)\n%s", name, diff)
		}
	}
	for name, m := range map[string]models.Mail{
		"no state":                     {UserID: u.ID, Kind: models.MailKindNotice},
		"sent already":                 {UserID: u.ID, Kind: models.MailKindNotice, State: models.MailStateSent},
		"no kind":                      {UserID: u.ID, State: models.MailStateQueued},
		"a welcome to nothing":         {UserID: u.ID, Kind: models.MailKindWelcome, State: models.MailStateQueued},
		"a notice of one product's ID": {UserID: u.ID, Kind: models.MailKindNotice, State: models.MailStateQueued, ProductID: models.NewID[models.ProductID]()},
	} {
		if err := w.in(func(tx *store.Tx) error { return mail.Post(tx, []models.Mail{m}) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRelease(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	held, other := notice(u, models.MailStateHeld, "A"), notice(u, models.MailStateHeld, "A")
	held.OperationID, other.OperationID = models.NewID[models.OperationID](), models.NewID[models.OperationID]()
	w.post(held, other)
	for range 2 { // the second changes nothing
		must(t, w.in(func(tx *store.Tx) error { return mail.Release(tx, held.OperationID) }))
	}
	for _, m := range w.mails() {
		if want := map[bool]models.MailState{true: models.MailStateQueued, false: models.MailStateHeld}[m.OperationID == held.OperationID]; m.State != want {
			t.Errorf("mail %+v, want %s", m, want)
		}
	}
}
