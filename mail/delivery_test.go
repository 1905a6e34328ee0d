package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/mail"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

func TestDelivery(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	u := w.user(func(u *models.User) { u.Rename("Zoë", "Müller", ""); u.Locale = models.LocaleDe })
	w.post(notice(u, models.MailStateQueued, "GoTo Meeting"))
	w.run(quick(p.plain()))
	w.settled()

	m := w.mails()[0]
	if m.State != models.MailStateSent || m.SentAt == nil || m.ClaimedBy != nil || m.Attempts != 0 || m.LastError != nil {
		t.Errorf("mail %+v", m)
	}
	if kept := time.Until(*m.DueAt); kept < 29*24*time.Hour || kept > 31*24*time.Hour {
		t.Errorf("kept for %s", kept)
	}
	got := p.letters()
	if len(got) != 1 {
		t.Fatalf("%d letters", len(got))
	}
	l := got[0]
	subject, err := new(mime.WordDecoder).DecodeHeader(l.Header.Get("Subject"))
	must(t, err)
	to, err := l.Header.AddressList("To")
	must(t, err)
	if l.from != "cohort@acme.example" || l.to != u.Email || to[0].Name != "Zoë Müller" || to[0].Address != u.Email ||
		subject != "GoTo Meeting steht Ihnen jetzt zur Verfügung" || l.id() != "<"+m.ID.String()+"@acme.example>" ||
		l.Header.Get("Content-Language") != "de" || l.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("subject %q\n%s", subject, l.raw)
	}
	if _, err := l.Header.Date(); err != nil {
		t.Error(err)
	}
	kinds := parts(t, l)
	if len(kinds) != 2 || !strings.Contains(kinds["text/plain"], "Guten Tag Zoë Müller") || !strings.Contains(kinds["text/html"], "<p>Guten Tag Zoë Müller,</p>") {
		t.Errorf("parts %v", kinds)
	}
}

// parts are the parts of a letter by their types.
func parts(t *testing.T, l letter) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(l.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	found := map[string]string{}
	for r := multipart.NewReader(l.Body, params["boundary"]); ; {
		part, err := r.NextPart() // which decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return found
		}
		must(t, err)
		text, err := io.ReadAll(part)
		must(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		must(t, err)
		found[kind] = string(text)
	}
}

func TestServerDownThenUp(t *testing.T) {
	w, p := newWorld(t), newPostOffice(t)
	for range 5 {
		w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	}
	w.run(quick(p.plain()))
	until(t, func() bool { m := w.mails()[0]; return m.Attempts >= 2 && m.LastError != nil })
	if why := *w.mails()[0].LastError; !strings.Contains(why, "connection refused") {
		t.Errorf("last error %q", why)
	}
	p.start(nil, false)
	w.settled()
	if got := w.states()[models.MailStateSent]; got != 5 || len(p.letters()) != 5 {
		t.Errorf("%d are sent, %d letters", got, len(p.letters()))
	}
}

// What the server says of one recipient is written down, and the others get their mails over the same connection.
func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		rcpt, data error // the first time
		sender     error
		want       models.MailState
		attempts   int32
		says       string
		letters    int // of the first
	}{
		"550 to the recipient":  {rcpt: no(550, "No such user"), want: models.MailStateFailed, attempts: 1, says: "550", letters: 0},
		"451 to the recipient":  {rcpt: no(451, "Greylisted"), want: models.MailStateSent, attempts: 1, letters: 1},
		"421 to the recipient":  {rcpt: no(421, "Closing"), want: models.MailStateSent, attempts: 1, letters: 1},
		"554 to the data":       {data: no(554, "Spam"), want: models.MailStateFailed, attempts: 1, says: "554", letters: 1},
		"452 to the data":       {data: no(452, "Disk full"), want: models.MailStateSent, attempts: 1, letters: 2},
		"550 to the sender":     {sender: no(550, "Not you"), want: models.MailStateSent, attempts: 1, letters: 1},
		"nothing but agreement": {want: models.MailStateSent, letters: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := newWorld(t), startPostOffice(t)
			u, others := w.user(nil), []*models.User{w.user(nil), w.user(nil)}
			var asked, read, greeted atomic.Int32
			p.sender = func(string) error {
				if tt.sender != nil && greeted.Add(1) == 1 {
					return tt.sender
				}
				return nil
			}
			p.rcpt = func(to string) error {
				if to == u.Email && asked.Add(1) == 1 {
					return tt.rcpt
				}
				return nil
			}
			p.data = func(l letter, _ net.Conn) error {
				if l.to == u.Email && read.Add(1) == 1 {
					return tt.data
				}
				return nil
			}
			w.post(notice(u, models.MailStateQueued, "A"), notice(others[0], models.MailStateQueued, "A"), notice(others[1], models.MailStateQueued, "A"))
			w.run(quick(p.plain()))
			w.settled()
			m := w.mails()[0]
			if m.State != tt.want || m.Attempts != tt.attempts || len(p.to(u.Email)) != tt.letters {
				t.Errorf("mail %+v, %d letters", m, len(p.to(u.Email)))
			}
			if tt.says != "" && (m.LastError == nil || !strings.Contains(*m.LastError, tt.says) || strings.Contains(*m.LastError, "@")) {
				t.Errorf("last error %v", *m.LastError)
			}
			for _, other := range others {
				if n := len(p.to(other.Email)); n != 1 {
					t.Errorf("%d letters to another", n)
				}
			}
			oneID(t, p)
		})
	}
}

// oneID holds that all letters to somebody have the same Message-ID.
func oneID(t *testing.T, p *postOffice) {
	t.Helper()
	ids := map[string]string{}
	for _, l := range p.letters() {
		if first, ok := ids[l.to]; ok && first != l.id() {
			t.Errorf("%s got %s and %s", l.to, first, l.id())
		}
		ids[l.to] = l.id()
	}
}

func TestCutAfterData(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	var cut atomic.Int32
	p.data = func(_ letter, conn net.Conn) error {
		if cut.Add(1) <= 3 {
			_ = conn.Close()
			return errCut
		}
		return nil
	}
	for range 4 {
		w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	}
	w.run(quick(p.plain()))
	w.settled()
	if sent := w.states()[models.MailStateSent]; sent != 4 || len(p.letters()) != 7 {
		t.Errorf("%d are sent, %d letters", sent, len(p.letters()))
	}
	oneID(t, p)
}

func TestSlowServer(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	var slow atomic.Bool
	p.data = func(_ letter, conn net.Conn) error {
		if slow.CompareAndSwap(false, true) {
			_, _ = conn.Read(make([]byte, 1)) // until the other side hangs up
			return errCut
		}
		return nil
	}
	w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	o := quick(p.plain())
	o.SMTP.Timeout = 100 * time.Millisecond
	w.run(o)
	w.settled()
	if m := w.mails()[0]; m.State != models.MailStateSent || m.Attempts != 1 || len(p.letters()) != 2 {
		t.Errorf("mail %+v, %d letters", m, len(p.letters()))
	}
	oneID(t, p)
}

func TestGivesUp(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	p.rcpt = func(string) error { return no(450, "Mailbox busy") }
	w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	o := quick(p.plain())
	o.Backoff, o.MaxAttempts = time.Millisecond, 3
	w.run(o)
	w.settled()
	if m := w.mails()[0]; m.State != models.MailStateFailed || m.Attempts != 3 || !strings.Contains(*m.LastError, "450") {
		t.Errorf("mail %+v", m)
	}
}

func TestUserIsNoMore(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	gone, here := &models.User{ID: models.NewID[models.UserID]()}, w.user(nil)
	w.post(notice(gone, models.MailStateQueued, "A"), notice(here, models.MailStateQueued, "A"))
	w.run(quick(p.plain()))
	w.settled()
	if got := w.mails(); len(got) != 1 || got[0].UserID != here.ID || len(p.letters()) != 1 {
		t.Errorf("mails %+v", got)
	}
}

// Whoever reads the mail gets the address and the language that the user has by then.
func TestUserChangesMeanwhile(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	u := w.user(nil)
	w.post(notice(u, models.MailStateQueued, "A"))
	must(t, w.Write.Model(&models.User{}).Where("account_id = ? AND id = ?", w.account, u.ID).
		Updates(map[string]any{"email": "new@acme.example", "locale": models.LocaleNl}).Error)
	w.run(quick(p.plain()))
	w.settled()
	if got := p.to("new@acme.example"); len(got) != 1 || got[0].Header.Get("Content-Language") != "nl" {
		t.Errorf("letters %v", p.letters())
	}
}

// A worker that is taken for dead while it sends: the mail goes out twice with the same Message-ID, and the first worker
// writes nothing over what the second has.
func TestLostClaim(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	u := w.user(nil)
	w.post(notice(u, models.MailStateQueued, "A"))
	first, goOn := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	p.data = func(letter, net.Conn) error {
		if calls.Add(1) == 1 {
			close(first)
			<-goOn
			return no(550, "too late to matter")
		}
		return nil
	}
	_, stop := w.run(quick(p.plain()))
	<-first
	w.due()
	w.runOn(another(t), quick(p.plain()))
	w.settled()
	close(goOn)
	stop()
	if m := w.mails()[0]; m.State != models.MailStateSent || len(p.letters()) != 2 {
		t.Errorf("mail %+v, %d letters", m, len(p.letters()))
	}
	oneID(t, p)
}

// another opens the database once more, as another server does.
func another(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: storetest.URL(t), Inspect: storetest.Guard})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestWorkersShare(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	const n = 150
	mails := make([]models.Mail, n)
	for i := range mails {
		mails[i] = notice(w.user(nil), models.MailStateQueued, "A")
	}
	w.post(mails...)
	for range 3 {
		o := quick(p.plain())
		o.Batch = 7
		w.runOn(another(t), o)
	}
	w.settled()
	seen := map[string]int{}
	for _, l := range p.letters() {
		seen[l.to]++
	}
	if len(p.letters()) != n || len(seen) != n {
		t.Errorf("%d letters to %d users, want %d", len(p.letters()), len(seen), n)
	}
}

// The lease is renewed while a batch takes long, so that nobody else sends the same.
func TestLeaseIsRenewed(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	p.data = func(letter, net.Conn) error {
		<-time.After(80 * time.Millisecond)
		return nil
	}
	for range 60 {
		w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	}
	for range 2 {
		o := quick(p.plain())
		o.Connections, o.Batch, o.Lease = 1, 60, time.Millisecond
		o.SMTP.Timeout = 500 * time.Millisecond // so the lease is 4 s, and the batch takes 5; a mail comes nowhere near the timeout
		w.runOn(another(t), o)
	}
	w.settled()
	if n := len(p.letters()); n != 60 {
		t.Errorf("%d letters", n)
	}
}

func TestGracefulStop(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	first, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.data = func(letter, net.Conn) error {
		once.Do(func() { close(first); <-goOn })
		return nil
	}
	for range 3 {
		w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	}
	_, stop := w.run(quick(p.plain()))
	<-first
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(goOn)
	<-stopped
	// At least the one that was being sent is sent and marked, and nobody has the others.
	counts := w.states()
	if len(p.letters()) != counts[models.MailStateSent] || counts[models.MailStateSent] == 0 {
		t.Errorf("%v, %d letters", counts, len(p.letters()))
	}
	for _, m := range w.mails() {
		if m.ClaimedBy != nil || m.Attempts != 0 {
			t.Errorf("mail %+v", m)
		}
	}
}

// A server that hangs doesn't keep the program from ending.
func TestStopAfterGrace(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	first := make(chan struct{})
	p.data = func(_ letter, conn net.Conn) error {
		close(first)
		_, _ = conn.Read(make([]byte, 1))
		return errCut
	}
	w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	o := quick(p.plain())
	o.Grace = 20 * time.Millisecond
	_, stop := w.run(o)
	<-first
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if m := w.mails()[0]; m.State != models.MailStateQueued || m.Attempts != 0 {
		t.Errorf("mail %+v", m)
	}
}

func TestOldMailsGo(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	u := w.user(nil)
	w.post(notice(u, models.MailStateQueued, "A"))
	w.post(notice(u, models.MailStateQueued, "B"))
	_, stop := w.run(quick(p.plain()))
	w.settled()
	stop()
	old := w.mails()[0]
	must(t, w.Write.Model(&models.Mail{}).Where("account_id = ? AND id = ?", w.account, old.ID).Update("due_at", store.Clock(w.Write, -time.Second)).Error)
	w.run(quick(p.plain()))
	until(t, func() bool { return len(w.mails()) == 1 })
	if got := w.mails()[0]; got.ID == old.ID {
		t.Errorf("mail %+v", got)
	}
}

func TestReleaseOfMany(t *testing.T) {
	w := newWorld(t)
	const n = 2500
	mails, operation := make([]models.Mail, n), models.NewID[models.OperationID]()
	for i := range mails {
		mails[i] = notice(&models.User{ID: models.NewID[models.UserID]()}, models.MailStateHeld, "A")
		mails[i].OperationID = operation
	}
	w.post(mails...)
	must(t, w.in(func(tx *store.Tx) error { return mail.Release(tx, operation) }))
	if diff := cmp.Diff(map[models.MailState]int{models.MailStateQueued: 1000, models.MailStateHeld: 1500}, w.states()); diff != "" {
		t.Errorf("after Release (-want +got):\n%s", diff)
	}
	must(t, mail.ReleaseHeld(t.Context(), w.Store))
	must(t, mail.ReleaseHeld(t.Context(), w.Store))
	if diff := cmp.Diff(map[models.MailState]int{models.MailStateQueued: n}, w.states()); diff != "" {
		t.Errorf("after the worker's part (-want +got):\n%s", diff)
	}
	// Nobody is there to read them: they go, and held ones stay.
	held := notice(w.user(nil), models.MailStateHeld, "A")
	w.post(held)
	o := quick(startPostOffice(t).plain())
	o.Batch = 500
	w.run(o)
	until(t, func() bool { return len(w.mails()) == 1 })
	if m := w.mails()[0]; m.State != models.MailStateHeld {
		t.Errorf("mail %+v", m)
	}
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	u := w.user(nil)
	w.post(notice(u, models.MailStateQueued, "GoTo Meeting"), welcome(u, "openvoice", "OpenVoice"))
	dir := filepath.Join(t.TempDir(), "data", "mail")
	from, err := mail.ParseSender("cohort@acme.example")
	must(t, err)
	w.run(mail.Options{From: from, Folder: mail.Folder(dir), Poll: 10 * time.Millisecond})
	w.settled()
	for _, m := range w.mails() {
		name := filepath.Join(dir, m.ID.String()+".eml")
		text, err := os.ReadFile(name)
		if err != nil || m.State != models.MailStateSent || !bytes.Contains(text, []byte("To: \"Ada Number 1\" <user1@acme.example>\r\n")) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("files %v, %v", all, err)
	}
}

// The folder can't be written: nothing is lost.
func TestFolderInTheWay(t *testing.T) {
	w := newWorld(t)
	w.post(notice(w.user(nil), models.MailStateQueued, "A"))
	dir := filepath.Join(t.TempDir(), "mail")
	must(t, os.WriteFile(dir, nil, 0o600))
	o := quick(&mail.SMTP{})
	o.SMTP, o.Folder = nil, mail.Folder(dir)
	w.run(o)
	until(t, func() bool { return w.mails()[0].Attempts > 0 })
	must(t, os.Remove(dir))
	w.settled()
	if m := w.mails()[0]; m.State != models.MailStateSent {
		t.Errorf("mail %+v", m)
	}
}

// Whatever a name is, and however it got into the database, it makes no header and no line of one.
func TestNoHeaderInjection(t *testing.T) {
	const evil = "Ada\r\nBcc: victim@acme.example\r\n\r\n<script>alert(1)</script>"
	w, p := newWorld(t), startPostOffice(t)
	u := w.user(func(u *models.User) { u.DisplayName = evil })
	worse := w.user(func(u *models.User) { u.Email = "eve@acme.example>\r\nRCPT TO:<victim@acme.example" })
	must(t, w.Write.Model(&models.Account{}).Where("id = ?", w.account).Update("name", "Acme\r\nBcc: victim@acme.example").Error)
	w.post(notice(u, models.MailStateQueued, evil), welcome(u, "another", evil), notice(worse, models.MailStateQueued, "A"))
	w.post(models.Mail{UserID: u.ID, Kind: models.MailKindNotice, State: models.MailStateQueued, Content: models.MailContent{Removed: []string{evil}, Suspended: true}})
	w.run(quick(p.plain()))
	w.settled()
	for _, l := range p.letters() {
		if l.to != u.Email || l.Header.Get("Bcc") != "" || len(l.Header) != 9 {
			t.Errorf("to %s:\n%s", l.to, l.raw)
		}
		if html := parts(t, l)["text/html"]; strings.Contains(html, "<script") {
			t.Errorf("HTML\n%s", html)
		}
	}
	if n := len(p.letters()); n != 3 {
		t.Errorf("%d letters", n)
	}
	if m := w.mails()[2]; m.State != models.MailStateFailed {
		t.Errorf("mail %+v", m)
	}
}

func TestLogTellsNoAddresses(t *testing.T) {
	w, p := newWorld(t), startPostOffice(t)
	u, late := w.user(nil), w.user(nil)
	p.user = "postmaster"
	p.rcpt = func(to string) error {
		if to == u.Email {
			return no(550, "no "+to+" here")
		}
		return no(450, "no "+to+" now")
	}
	w.post(notice(u, models.MailStateQueued, "A"), notice(late, models.MailStateQueued, "A"))
	var log syncBuffer
	o := quick(p.at(fmt.Sprintf("smtp://postmaster:wrong@%s", p.address)))
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, stop := w.run(o)
	until(t, func() bool { return w.mails()[0].Attempts > 0 })
	stop()
	o = quick(p.at(fmt.Sprintf("smtp://postmaster:correct@%s", p.address)))
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.run(o)
	until(t, func() bool { return w.states()[models.MailStateFailed] == 1 && w.mails()[1].Attempts > 1 })
	text := log.String()
	for _, word := range []string{"@acme", "wrong", "correct", "postmaster", "Ada"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is in the log:\n%s", word, text)
		}
	}
	if !strings.Contains(text, "mails can't be sent") || !strings.Contains(text, "mail failed") {
		t.Errorf("the log:\n%s", text)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
