package mail

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	texttemplate "text/template"

	"cohort/locale"
	"cohort/models"
)

//go:embed templates
var templates embed.FS

var (
	numbers  = map[string]any{"number": func(i int) int { return i + 1 }}
	textForm = texttemplate.Must(texttemplate.New("letter.txt").Funcs(numbers).ParseFS(templates, "templates/letter.txt"))
	htmlForm = htmltemplate.Must(htmltemplate.ParseFS(templates, "templates/letter.html"))
)

// reader is who gets a mail, as the mail needs to know.
type reader struct {
	Name    string
	Address string
	Locale  string
	Account string // the name of the account
}

// letter is what a mail says, in plain texts that the forms put into shape.
type letter struct {
	Language, Subject, Greeting, Intro, About, Closing, Footer string

	Sections []section
	Links    []link
}

type section struct {
	Title    string
	Items    []string
	Numbered bool
}

type link struct{ Label, URL string }

// guide is a product whose first steps we know: how many texts there are, where to sign in and where help is.
type guide struct {
	steps       int
	start, help string
}

var guides = map[string]guide{
	"goto-meeting":  {4, "https://app.goto.com", "https://support.goto.com/meeting"},
	"goto-webinar":  {4, "https://app.goto.com", "https://support.goto.com/webinar"},
	"goto-training": {4, "https://app.goto.com", "https://support.goto.com/training"},
	"openvoice":     {4, "", "https://support.goto.com/openvoice"},
}

// write writes the letter of a mail in its reader's language.
func write(kind models.MailKind, c models.MailContent, to reader) letter {
	l := locale.Of(to.Locale)
	values := locale.Values{"Name": to.Name, "Account": to.Account, "Product": c.Product}
	made := letter{Language: l.Code(), Greeting: l.Text("mail.greeting", values), Footer: l.Text("mail.footer", values)}
	if kind == models.MailKindWelcome {
		made.welcome(l, c, values)
	} else {
		made.notice(l, c, values)
	}
	return made
}

func (made *letter) notice(l *locale.Language, c models.MailContent, values locale.Values) {
	made.Subject = subject(l, c, values)
	made.Intro = l.Text("notice.intro", values)
	for _, part := range []struct {
		text     string
		products []string
	}{{"notice.added", c.Added}, {"notice.removed", c.Removed}, {"notice.waiting", c.Waiting}} {
		if n := len(part.products); n > 0 {
			made.Sections = append(made.Sections, section{Title: l.Plural(part.text, n, values), Items: part.products})
		}
	}
	if c.Suspended {
		made.Closing = l.Text("notice.suspended", values)
	}
}

// subject says the most important of a notice.
func subject(l *locale.Language, c models.MailContent, values locale.Values) string {
	one := func(id string, products []string) string {
		return l.Plural(id, len(products), locale.Values{"Product": products[0]})
	}
	switch {
	case c.Suspended:
		return l.Text("notice.subject.suspended", values)
	case len(c.Added) > 0 && len(c.Removed)+len(c.Waiting) == 0:
		return one("notice.subject.added", c.Added)
	case len(c.Removed) > 0 && len(c.Added)+len(c.Waiting) == 0:
		return one("notice.subject.removed", c.Removed)
	}
	return l.Text("notice.subject.changed", values)
}

func (made *letter) welcome(l *locale.Language, c models.MailContent, values locale.Values) {
	texts := "welcome." + c.ProductKey
	of, known := guides[c.ProductKey]
	if !known {
		texts, of = "welcome.other", guide{steps: 3}
	}
	made.Subject = l.Text("welcome.subject", values)
	made.Intro, made.About = l.Text("welcome.intro", values), l.Text(texts, values)
	steps := section{Title: l.Text("welcome.steps", values), Numbered: true}
	for i := range of.steps {
		steps.Items = append(steps.Items, l.Text(fmt.Sprintf("%s.%d", texts, i+1), values))
	}
	made.Sections = []section{steps}
	if of.start != "" {
		made.Links = append(made.Links, link{l.Text("welcome.start", values), of.start})
	}
	if of.help != "" {
		made.Links = append(made.Links, link{l.Text("welcome.help", values), of.help})
	}
}

// forms are the letter as a plain text and as HTML.
func (made letter) forms() (text, html string, err error) {
	var plain, marked bytes.Buffer
	if err := textForm.Execute(&plain, made); err != nil {
		return "", "", fmt.Errorf("write a mail's text: %w", err)
	}
	if err := htmlForm.Execute(&marked, made); err != nil {
		return "", "", fmt.Errorf("write a mail's HTML: %w", err)
	}
	return plain.String(), marked.String(), nil
}
