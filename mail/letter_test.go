package mail

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cohort/models"
)

var update = flag.Bool("update", false, "write the golden files anew; read what has changed")

// The letters in each language, as people get them: a file of the texts, and one of a notice in HTML.
func TestLetters(t *testing.T) {
	cases := []struct {
		kind    models.MailKind
		content models.MailContent
	}{
		{models.MailKindNotice, models.MailContent{Added: []string{"GoTo Meeting"}}},
		{models.MailKindNotice, models.MailContent{Removed: []string{"OpenVoice", "GoTo Webinar"}}},
		{models.MailKindNotice, models.MailContent{
			Added: []string{"GoTo Meeting", "GoTo Training"}, Removed: []string{"Rescue & <b>Care</b>"}, Waiting: []string{"OpenVoice", "GoTo Webinar"},
		}},
		{models.MailKindNotice, models.MailContent{Removed: []string{"OpenVoice"}, Waiting: []string{"GoTo Webinar"}, Suspended: true}},
		{models.MailKindWelcome, models.MailContent{Product: "GoTo Meeting", ProductKey: "goto-meeting"}},
		{models.MailKindWelcome, models.MailContent{Product: "GoTo Webinar", ProductKey: "goto-webinar"}},
		{models.MailKindWelcome, models.MailContent{Product: "GoTo Training", ProductKey: "goto-training"}},
		{models.MailKindWelcome, models.MailContent{Product: "OpenVoice", ProductKey: "openvoice"}},
		{models.MailKindWelcome, models.MailContent{Product: "Central", ProductKey: "central"}},
	}
	for _, code := range models.AllLocale {
		to := reader{Name: "Zoë O’Neill", Address: "zoe@acme.example", Locale: string(code), Account: "Acme & Co."}
		var all strings.Builder
		for i, c := range cases {
			made := write(c.kind, c.content, to)
			text, html, err := made.forms()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "Subject: %s\n\n%s\n========\n\n", made.Subject, text)
			if strings.Contains(text+html+made.Subject, "no value") || strings.Contains(html, "<b>Care") || strings.Contains(text, "\n\n\n") {
				t.Errorf("%s, %d:\n%s\n%s", code, i, text, html)
			}
			if i == 2 {
				golden(t, "notice."+strings.ToLower(string(code))+".html", html)
			}
			if i == 4 && code == models.LocaleEn {
				golden(t, "welcome.en.html", html)
			}
		}
		golden(t, "letters."+strings.ToLower(string(code))+".txt", all.String())
	}
}

// golden holds what was written against the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}
