package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// give gives a new user a product.
func (s *server) give(token, product string) {
	s.t.Helper()
	made := s.ask(token, `mutation { userCreate(input: {email: "zoe@acme.example", locale: FR}) { user { id } } }`)
	id := made["userCreate"].(map[string]any)["user"].(map[string]any)["id"]
	got := s.ask(token, fmt.Sprintf(`mutation { usersProductsSet(input: {selection: {ids: [%q]}, productKeys: [%q], mode: ADD}) { impact { notices welcomes } errors { message } } }`, id, product))
	if errs := got["usersProductsSet"].(map[string]any)["errors"].([]any); len(errs) > 0 {
		s.t.Fatal(errs)
	}
}

// mailsIn waits until so many mails are in a state, and returns their ids.
func (s *server) mailsIn(token, state string, n int) (ids []string) {
	s.t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		ids = nil
		found := s.ask(token, `{ mails(state: `+state+`) { nodes { id } } all: mails { nodes { state lastError } } }`)
		for _, m := range found["mails"].(map[string]any)["nodes"].([]any) {
			ids = append(ids, m.(map[string]any)["id"].(string))
		}
		if len(ids) == n {
			return ids
		}
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("%d mails are %s: %v", len(ids), state, found["all"])
		}
	}
}

// Without a mail server each mail becomes a file.
func TestMailsAsFiles(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t)
	s := w.start()
	token := s.token()
	s.give(token, "openvoice")
	for _, id := range s.mailsIn(token, "SENT", 2) {
		text, err := os.ReadFile(filepath.Join(w.dir, "data", "mail", id+".eml"))
		if err != nil || !strings.Contains(string(text), "Message-ID: <"+id+"@localhost>") || !strings.Contains(string(text), "OpenVoice") {
			t.Errorf("%s: %v\n%s", id, err, text)
		}
	}
	if n := s.metric(`cohort_mails_total{outcome="sent"}`); n != 2 {
		t.Errorf("%v mails are sent, the metrics say", n)
	}
	if _, text := s.get("/metrics"); !strings.Contains(text, `cohort_mails_waiting{state="QUEUED"} 0`) || !strings.Contains(text, "cohort_mails_oldest_queued_seconds 0") {
		t.Errorf("metrics\n%s", text)
	}
	if code := s.stop(); code != success {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}

// Mails that the server refuses are dead letters, which an admin sends again.
func TestDeadLettersAreSentAgain(t *testing.T) {
	t.Parallel()
	var refuses atomic.Bool
	refuses.Store(true)
	var received atomic.Int32
	post := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{&refuses, &received}, nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = post.Serve(l) }()
	t.Cleanup(func() { _ = post.Close() })

	w := newEmbedded(t)
	w.variables["COHORT_SMTP"], w.variables["COHORT_MAIL_FROM"] = "smtp://"+l.Addr().String(), "Cohort <cohort@acme.example>"
	s := w.start()
	token := s.token()
	s.give(token, "openvoice")
	ids := s.mailsIn(token, "FAILED", 2)
	refuses.Store(false)
	s.ask(token, fmt.Sprintf(`mutation { mailRetry(input: {ids: [%q, %q]}) { mails { state } errors { message } } }`, ids[0], ids[1]))
	s.mailsIn(token, "SENT", 2)
	if n := received.Load(); n != 2 {
		t.Errorf("%d letters", n)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "data", "mail")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files beside the mail server: %v", err)
	}
}

// counter is a session with a mail server that refuses recipients, or counts letters.
type counter struct {
	refuses  *atomic.Bool
	received *atomic.Int32
}

func (c *counter) Reset()                               {}
func (c *counter) Logout() error                        { return nil }
func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }
func (c *counter) Rcpt(string, *smtp.RcptOptions) error {
	if c.refuses.Load() {
		return &smtp.SMTPError{Code: 550, Message: "No such user"}
	}
	return nil
}

func (c *counter) Data(r io.Reader) error {
	c.received.Add(1)
	_, err := io.Copy(io.Discard, r)
	return err
}

func TestMailConfiguration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ smtp, from, says string }{
		"no address":            {"mail.example:secret", "cohort@acme.example", "COHORT_SMTP: it "},
		"a password in clear":   {"smtp://ada:secret@mail.example?tls=none", "cohort@acme.example", "unencrypted"},
		"no sender":             {"smtp://ada:secret@mail.example", "", "COHORT_MAIL_FROM (--mail-from) is not set"},
		"a sender that is none": {"smtp://ada:secret@mail.example", "Cohort", "COHORT_MAIL_FROM (--mail-from): \"Cohort\" is not an address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEmbedded(t)
			w.variables["COHORT_SMTP"], w.variables["COHORT_MAIL_FROM"] = tt.smtp, tt.from
			o := w.run()
			if o.code != failure || !strings.Contains(o.stderr, tt.says) || strings.Contains(o.stdout+o.stderr, "secret") {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
}
