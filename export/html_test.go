package export

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"cohort/locale"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"pgregory.net/rapid"
)

// elements are those of a kind, in their order.
func elements(n *html.Node, kind atom.Atom) (found []*html.Node) {
	for d := range n.Descendants() {
		if d.DataAtom == kind {
			found = append(found, d)
		}
	}
	return found
}

func textOf(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			s.WriteString(d.Data)
		}
	}
	return s.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// texts of all elements of a kind.
func textsOf(n *html.Node, kind atom.Atom) (all []string) {
	for _, e := range elements(n, kind) {
		all = append(all, textOf(e))
	}
	return all
}

func parsed(t interface{ Fatal(...any) }, raw []byte) *html.Node {
	page, err := html.Parse(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestHTML(t *testing.T) {
	o := options()
	o.Language, o.Title = locale.Of("fr"), "<Équipes> & \"cie\""
	page := parsed(t, file(t, HTML, o, allKinds,
		[]any{"<b>Ada</b>", -5, moment, true},
		[]any{"two\r\nlines", int64(7), moment.Add(250 * time.Millisecond), false},
		[]any{nil, nil, nil, nil},
	))
	for kind, want := range map[atom.Atom][]string{
		atom.Title:   {o.Title},
		atom.H1:      {o.Title},
		atom.H2:      {"Members"},
		atom.Caption: {"Members"},
		atom.P:       {"Everybody", "État au 21/11/2026 09:30:00 (UTC)", "3 lignes", ""},
		atom.Th:      {"Name", "Number", "Since (UTC)", "Direct"},
		atom.Td:      {"<b>Ada</b>", "-5", "01/03/2026 23:04:05", "Oui", "two\r\nlines", "7", "01/03/2026 23:04:05", "Non", "", "", "", ""},
		atom.Nav:     nil,
		atom.B:       nil,
	} {
		if diff := cmp.Diff(want, textsOf(page, kind)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	cells := elements(page, atom.Td)
	if a, b := attribute(cells[2], "data-v"), attribute(cells[6], "data-v"); a != "1772406245" || b != "1772406245.250" {
		t.Errorf("sorted by %q, %q", a, b)
	}
	// By these, spreadsheets that open the page take texts for texts. LibreOffice's reader gives up at the first rule that is too new for it.
	if !strings.HasPrefix(pageStyle, "th.t { mso-number-format: \"\\@\" }\ntd.t { mso-number-format: \"\\@\" }\n") {
		t.Error("the style doesn't begin with the format of texts")
	}
	for _, kind := range []atom.Atom{atom.Th, atom.Td} {
		if e := elements(page, kind)[0]; attribute(e, "class") != "t" {
			t.Errorf("a text is no %s.t", kind)
		}
	}
	for _, th := range elements(page, atom.Th) {
		if attribute(th, "scope") != "col" {
			t.Error("a heading without a scope")
		}
	}
	if got := attribute(elements(page, atom.Html)[0], "lang"); got != "fr" {
		t.Errorf("lang %q", got)
	}
	if got := textsOf(page, atom.Script); len(got) != 1 || got[0] != pageJS {
		t.Error("the script is not the one that the policy allows")
	}
	if got := textsOf(page, atom.Style); len(got) != 1 || got[0] != pageStyle {
		t.Error("the style is not the one that the policy allows")
	}
}

func TestLabel(t *testing.T) {
	for given, want := range map[string]string{"=1+1": "\u200b=1+1", " @x": "\u200b @x", "a=1": "a=1", "R&D": "R&amp;D", "": ""} {
		if got := label(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestHTMLOfSeveralTables(t *testing.T) {
	var to bytes.Buffer
	b := NewHTML(&to, options())
	for _, name := range []string{"Groups", "<Members>"} {
		table := allKinds
		table.Name = name
		if err := b.Table(table); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	page := parsed(t, to.Bytes())
	if diff := cmp.Diff([]string{"Groups", "<Members>", "Contents"}, textsOf(page, atom.H2)); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
	ids := map[string]bool{}
	for d := range page.Descendants() {
		if id := attribute(d, "id"); id != "" {
			if ids[id] {
				t.Errorf("two of %s", id)
			}
			ids[id] = true
		}
	}
	if links := elements(page, atom.A); len(links) != 2 {
		t.Errorf("%d links", len(links))
	}
	for d := range page.Descendants() {
		for _, name := range []string{"aria-labelledby", "aria-describedby", "href"} {
			if to := strings.TrimPrefix(attribute(d, name), "#"); to != "" && !ids[to] {
				t.Errorf("%s of <%s> leads nowhere: %s", name, d.Data, to)
			}
		}
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	page := parsed(t, file(t, HTML, options(), allKinds))
	var inPage string
	for _, m := range elements(page, atom.Meta) {
		if attribute(m, "http-equiv") == "Content-Security-Policy" {
			inPage = attribute(m, "content")
		}
	}
	// frame-ancestors and sandbox mean nothing in a page, and browsers complain of them there.
	if want := inPage + "; frame-ancestors 'none'; sandbox allow-scripts"; inPage == "" || ContentSecurityPolicy() != want {
		t.Errorf("the header is\n%s, want\n%s", ContentSecurityPolicy(), want)
	}
	for _, part := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(inPage, part) {
			t.Errorf("no %s in %s", part, inPage)
		}
	}
	if strings.Contains(inPage, "unsafe") || strings.Contains(inPage, "data:") {
		t.Error(inPage)
	}
}

// Every text comes back as it was, and the page has the same elements whatever the texts are.
func TestHTMLProperty(t *testing.T) {
	shape := func(page *html.Node) (all []string) {
		for d := range page.Descendants() {
			if d.Type == html.ElementNode {
				all = append(all, d.Data)
			}
		}
		return all
	}
	rapid.Check(t, func(t *rapid.T) {
		rows := rowsOf(t)
		table := Table{Name: texts().Draw(t, "name"), Columns: []Column{{Heading: texts().Draw(t, "heading")}, {}, {}}}
		o := options()
		o.Title, o.Note = texts().Draw(t, "title"), "x"+texts().Draw(t, "note")
		var to, plain bytes.Buffer
		write(t, NewHTML(&to, o), table, rows)
		page := parsed(t, to.Bytes())
		cells := textsOf(page, atom.Td)
		if len(cells) != 3*len(rows) {
			t.Fatalf("%d cells of %d rows", len(cells), len(rows))
		}
		for i, got := range cells {
			if want := clean(rows[i/3][i%3].(string)); got != want {
				t.Fatalf("%q came back as %q", want, got)
			}
		}
		got := []string{textsOf(page, atom.Title)[0], textsOf(page, atom.P)[0], textsOf(page, atom.H2)[0], textsOf(page, atom.Caption)[0], textsOf(page, atom.Th)[0]}
		name := strings.ReplaceAll(html.UnescapeString(label(table.Name)), "&#13;", "\r")
		if name != clean(table.Name) && name != "\u200b"+clean(table.Name) {
			t.Fatalf("%q is labelled %q", table.Name, name)
		}
		if diff := cmp.Diff([]string{clean(o.Title), clean(o.Note), name, name, clean(table.Columns[0].Heading)}, got); diff != "" {
			t.Fatalf("texts (-want +got):\n%s", diff)
		}
		harmless := make([][]any, len(rows))
		for i := range harmless {
			harmless[i] = []any{"a", "b", "c"}
		}
		o.Title, o.Note = "Title", "Note"
		write(t, NewHTML(&plain, o), threeTexts, harmless)
		if diff := cmp.Diff(shape(parsed(t, plain.Bytes())), shape(page)); diff != "" {
			t.Fatalf("elements (-want +got):\n%s", diff)
		}
	})
}
