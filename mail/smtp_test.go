package mail_test

import (
	"strings"
	"testing"

	"cohort/mail"
	"cohort/models"
)

func TestParseSMTP(t *testing.T) {
	for address, want := range map[string]string{
		"smtp://mail.acme.example":                       "smtp://mail.acme.example:587",
		"smtp://ada:s%40cret@mail.acme.example:25":       "smtp://mail.acme.example:25",
		"smtps://ada:secret@mail.acme.example":           "smtps://mail.acme.example:465",
		"smtp://ada:secret@localhost:1025/":              "smtp://localhost:1025",
		"smtp://[::1]:1025?tls=starttls":                 "smtp://[::1]:1025",
		"smtp://relay.internal:25?tls=none":              "smtp://relay.internal:25",
		"":                                               "error",
		"mail.acme.example:587":                          "error",
		"http://mail.acme.example":                       "error",
		"smtp://":                                        "error",
		"smtp://ada:secret@":                             "error",
		"smtp://ada@mail.acme.example":                   "error",
		"smtp://:secret@mail.acme.example":               "error",
		"smtp://ada:secret@mail.acme.example:0":          "error",
		"smtp://ada:secret@mail.acme.example:secret":     "error",
		"smtp://ada:secret@mail.acme.example/secret":     "error",
		"smtp://ada:secret@mail.acme.example?tls=secret": "error",
		"smtp://ada:secret@mail.acme.example?secret=1":   "error",
		"smtp://ada:secret@mail.acme.example?tls=none":   "error",
		"smtps://mail.acme.example?tls=none":             "error",
		"smtp://ada:secret%@mail.acme.example":           "error",
		"smtp://mail.acme.example?tls=none&tls=starttls": "error",
		"smtp://ada:secret\x00@mail.acme.example":        "error",
		"smtp://ada:secret@mail.acme.example#secret":     "error",
	} {
		got, err := mail.ParseSMTP(address)
		switch {
		case err != nil && want != "error":
			t.Errorf("%s: %v", address, err)
		case err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "smtp://user:password@host:587")):
			t.Errorf("%s says %v", address, err)
		case err == nil && got.String() != want:
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}

func TestParseSender(t *testing.T) {
	for text, id := range map[string]string{
		"Cohort <cohort@acme.example>": "@acme.example", "cohort@acme.example": "@acme.example",
		"": "", "Cohort": "", "a@b, c@d": "", "Cohort <cohort@acme.example>\r\nBcc: eve@acme.example": "",
	} {
		s, err := mail.ParseSender(text)
		if (err != nil) != (id == "") {
			t.Errorf("%q: %v", text, err)
		}
		if got := s.MessageID(models.MailID{1}); err == nil && got != (models.MailID{1}).String()+id {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// Which servers get the mail, by how the address is written and what the server offers.
func TestEncryptionAndSignIn(t *testing.T) {
	for name, tt := range map[string]struct {
		form     string // with %s for the address
		cert     bool
		implicit bool
		trust    bool
		user     string // whom the server lets in
		says     string // "" where the mail arrives
	}{
		"STARTTLS":                      {form: "smtp://%s?tls=starttls", cert: true, trust: true},
		"STARTTLS and a password":       {form: "smtp://ada:correct@%s?tls=starttls", cert: true, trust: true, user: "ada"},
		"STARTTLS isn't offered":        {form: "smtp://%s?tls=starttls", says: "does not support STARTTLS"},
		"a certificate of nobody's":     {form: "smtp://%s?tls=starttls", cert: true, says: "certificate"},
		"TLS from the first byte on":    {form: "smtps://ada:correct@%s", cert: true, implicit: true, trust: true, user: "ada"},
		"TLS with nobody's":             {form: "smtps://ada:correct@%s", cert: true, implicit: true, user: "ada", says: "certificate"},
		"TLS isn't spoken":              {form: "smtps://%s", says: "TLS"},
		"a password on this machine":    {form: "smtp://ada:correct@%s", user: "ada"},
		"a wrong password":              {form: "smtp://ada:wrong@%s", user: "ada", says: "535"},
		"no password, but one is asked": {form: "smtp://%s", user: "ada", says: "502"},
		"a password nobody asks for":    {form: "smtp://ada:correct@%s", says: "to sign in"},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := newWorld(t), newPostOffice(t)
			p.user = tt.user
			cert, roots := certificate(t)
			if !tt.cert {
				cert = nil
			}
			p.start(cert, tt.implicit)
			at := p.at(strings.Replace(tt.form, "%s", p.address, 1))
			if tt.trust {
				at.Roots = roots
			}
			w.post(notice(w.user(nil), models.MailStateQueued, "A"))
			w.run(quick(at))
			until(t, func() bool { m := w.mails()[0]; return m.State == models.MailStateSent || m.Attempts > 0 })
			m := w.mails()[0]
			if tt.says == "" {
				if m.State != models.MailStateSent {
					t.Errorf("mail %+v: %s", m, *m.LastError)
				}
				return
			}
			// It is the server that is wrong, or the configuration, and not the mail: it isn't given up.
			if m.State != models.MailStateQueued || !strings.Contains(*m.LastError, tt.says) || strings.Contains(*m.LastError, "wrong") || len(p.letters()) != 0 {
				t.Errorf("mail %+v: %s", m, *m.LastError)
			}
		})
	}
}
