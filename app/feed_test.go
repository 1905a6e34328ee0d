package app

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// The change feed of another server on the same database, over a WebSocket and as a stream of events.
func TestChangesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start("--demo")
	other := w.start()
	group := s.aGroup(s.token(), "Followed")
	const query = `subscription { changes(kinds: [GROUP]) { entries { ... on GroupChange { after { name } } } } }`
	events := s.streamOf(s.token(), query)
	c := s.connect(s.token())
	c.ask("s", query)
	if got := within(t, events, time.Minute); got != `{"data":{"changes":{"entries":[]}}}` {
		t.Errorf("at first %s", got)
	}
	c.hearsOf(`"id":"s"`, `{"data":{"changes":{"entries":[]}}}`)
	begin := time.Now()
	for _, name := range []string{"One", "Two", "Three"} {
		other.rename(s.token(), group, name)
	}
	stream, socket := "", ""
	for !strings.Contains(stream, "Three") {
		stream += within(t, events, 2*time.Second)
	}
	for !strings.Contains(socket, "Three") {
		socket += c.hear()
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	for how, heard := range map[string]string{"stream": stream, "socket": socket} {
		one, two, three := strings.Index(heard, `"One"`), strings.Index(heard, `"Two"`), strings.Index(heard, `"Three"`)
		if one < 0 || one > two || two > three || strings.Count(heard, `"after"`) != 3 {
			t.Errorf("the %s heard %s", how, heard)
		}
	}
}

// Who may no longer read the feed hears nothing more of it.
func TestChangesEndWithTheRights(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	data := s.ask(s.token(), `mutation { userCreate(input: {email: "follower@demo.invalid", role: ADMIN}) { user { id } } }`)
	id := data["userCreate"].(map[string]any)["user"].(map[string]any)["id"].(string)
	events := s.streamOf(strings.TrimSpace(w.must("token", "--user", "follower@demo.invalid")), `subscription { changes { cursor } }`)
	if got := within(t, events, time.Minute); !strings.HasPrefix(got, `{"data":{"changes":{"cursor":"`) {
		t.Errorf("at first %s", got)
	}
	begin := time.Now()
	s.ask(s.token(), `mutation { userRoleSet(input: {id: "`+id+`", role: MEMBER}) { user { role } } }`)
	got := within(t, events, 6*time.Second)
	for strings.HasPrefix(got, `{"data"`) {
		got = within(t, events, 6*time.Second)
	}
	if took := time.Since(begin); took > 5*time.Second || !strings.Contains(got, "FORBIDDEN") {
		t.Errorf("after %s: %s", took, got)
	}
	if got := within(t, events, time.Second); got != "complete" {
		t.Errorf("then %s", got)
	}
}

// What is older than the feed is kept goes, and nothing else.
func TestFeedIsCleaned(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, err := store.Open(t.Context(), store.Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "cohort.db"), Inspect: storetest.Guard, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it goes with the folder
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(s, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	account, _, err := d.CreateAccount(t.Context(), directory.NewAccount{Name: "Acme", Admin: models.UserCreateInput{Email: "ada@acme.example", Locale: models.LocaleEn}})
	if err != nil {
		t.Fatal(err)
	}
	who := auth.OperatorOf(account.ID)
	for _, step := range []struct {
		days, later, want int
	}{{90, 89, 1}, {90, 91, 0}} {
		now = time.Now().AddDate(0, 0, step.later)
		feedSetting{step.days}.clean(t.Context(), s, slog.New(slog.DiscardHandler))
		page, err := d.Changes(t.Context(), who, directory.ChangeQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(page.Entries); got != step.want {
			t.Errorf("kept for %d days, %d days later: %d entries, want %d", step.days, step.later, got, step.want)
		}
	}
	for days, ok := range map[int]bool{-1: false, 0: true, 36500: true, 36501: false} {
		if err := (feedSetting{days}).Validate(); (err == nil) != ok {
			t.Errorf("%d days: %v", days, err)
		}
	}
}
