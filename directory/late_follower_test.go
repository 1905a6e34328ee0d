package directory

import (
	"log/slog"
	"testing"
	"time"

	"cohort/audit"
	"cohort/models"
	"cohort/store/storetest"
)

// Who follows from a number that the feed was read past before hears what came behind that number all the same,
// also when nothing happens any more.
func TestLateFollowerHearsWhatWasRead(t *testing.T) {
	s := storetest.Open(t)
	d, err := New(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	account, _, err := d.CreateAccount(t.Context(), NewAccount{Name: models.NewID[models.AccountID]().String(), Admin: models.UserCreateInput{Email: "first@example.org", Locale: models.LocaleEn}})
	if err != nil {
		t.Fatal(err)
	}
	f := newFeeds(s, slog.New(slog.DiscardHandler))
	for _, who := range []string{"the first", "a later one"} {
		heard := make(chan audit.Change, 10)
		leave := f.follow(account.ID, 0, func(came []audit.Change) {
			for _, c := range came {
				heard <- c
			}
		})
		defer leave()
		select {
		case c := <-heard:
			if c.Seq != 1 || c.Entity != audit.User {
				t.Errorf("%s heard %s %d", who, c.Entity, c.Seq)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s heard nothing", who)
		}
	}
}
