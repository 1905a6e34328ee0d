package export

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
	"time"

	"cohort/locale"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// pageStyle is the page's own and a class for each width of a column.
var pageStyle = func() string {
	var s strings.Builder
	s.WriteString(pageCSS)
	for w := widthStep; w <= 60; w += widthStep {
		fmt.Fprintf(&s, ".w%d { width: calc(%d * .9ch + 1.2rem) }\n", w, w)
	}
	return s.String()
}()

const widthStep = 4

// pagePolicy allows the page's own script and style, and nothing else. It stands in the page, too, for when it is opened from a disk.
var pagePolicy = "default-src 'none'; script-src '" + hash(pageJS) + "'; style-src '" + hash(pageStyle) + "'; base-uri 'none'; form-action 'none'"

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// ContentSecurityPolicy is the header with which a page is to be sent, beside `X-Content-Type-Options: nosniff`. It lets the page's own script
// run and no other, lets nothing be fetched, and takes the page its origin, so that it is a stranger to where it came from. The page
// says the same of itself, but for what heeds only the header: frames and the sandbox.
func ContentSecurityPolicy() string {
	return pagePolicy + "; frame-ancestors 'none'; sandbox allow-scripts"
}

// htmlBook writes a page.
type htmlBook struct {
	writing
	to   *bufio.Writer
	rows int
	held []string // the names of the tables, for the contents
}

// NewHTML begins a page in the language of the options: title, note and time of making, then a section with a heading for each table. Everything is in the
// one file; it asks for nothing from elsewhere. It prints with the headings on each page, follows the reader's choice of dark or light, and
// can be read and sorted by keyboard and screen reader. Without scripts it is the same page, unsorted.
//
// Truths are words of the language, moments its figures, numbers plain digits. Every text is escaped.
//
// Spreadsheets open pages, too, and would work out the formulas in their cells. So cells of texts have a class with the format "text"; a
// title, a note or a name of a table that would be a formula begins with a zero-width space.
func NewHTML(to io.Writer, o Options) Book {
	return &htmlBook{writing: begin(o), to: bufio.NewWriterSize(to, 1<<16)}
}

// escape is a text as it stands between tags and in quoted attributes. A bare CR would be read as LF.
func escape(s string) string {
	s = html.EscapeString(clean(s))
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(s, "\r", "&#13;")
	}
	return s
}

// label is a text outside of cells, where spreadsheets that open the page know no format "text": an invisible space keeps them from taking it
// for a formula.
func label(s string) string {
	if defused := appendDefused(nil, s); len(defused) > len(s) && defused[0] == '\'' {
		return "\u200b" + escape(s)
	}
	return escape(s)
}

// put writes texts as they are. The errors are kept by the buffer, and come back at its next flush or write.
func (b *htmlBook) put(texts ...string) {
	for _, s := range texts {
		_, _ = b.to.WriteString(s)
	}
}

// sent is the error that the buffer keeps, if any.
func (b *htmlBook) sent() error {
	_, err := b.to.Write(nil)
	return b.spoil(err)
}

func (b *htmlBook) head() {
	o, l := b.options, b.options.Language
	column := locale.Values{"Column": "\ufffc"}
	b.put("<!DOCTYPE html>\n<html lang=\"", l.Code(), "\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta http-equiv=\"Content-Security-Policy\" content=\"", pagePolicy, "\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
		"<title>", escape(o.Title), "</title>\n<style>", pageStyle, "</style>\n</head>\n",
		"<body data-hint=\"", escape(l.Text("export.sort.hint", nil)), "\" data-ascending=\"", escape(l.Text("export.sort.ascending", column)),
		"\" data-descending=\"", escape(l.Text("export.sort.descending", column)), "\">\n",
		"<header>\n<h1>", label(o.Title), "</h1>\n")
	if o.Note != "" {
		b.put("<p>", label(o.Note), "</p>\n")
	}
	if !o.Made.IsZero() {
		b.put("<p>", escape(l.Text("export.made", locale.Values{"Moment": b.words.moment(o.Made)})), "</p>\n")
	}
	b.put("</header>\n<main>\n")
}

func (b *htmlBook) Table(t Table) error {
	if err := b.mayBegin(t); err != nil {
		return err
	}
	if b.tables == 0 {
		b.head()
	} else {
		b.endTable()
	}
	b.tables++
	b.columns, b.rows = t.Columns, 0
	b.held = append(b.held, t.Name)
	n := strconv.Itoa(b.tables)
	b.put("<section>\n<h2 id=\"t", n, "\">", label(t.Name), "</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"t", n,
		"\" aria-describedby=\"n", n, "\">\n<table>\n<caption><span class=\"hidden\">", label(t.Name), "</span></caption>\n<colgroup>")
	for _, c := range t.Columns {
		b.put("<col class=\"w", strconv.Itoa((c.width()+widthStep-1)/widthStep*widthStep), "\">")
	}
	b.put("</colgroup>\n<thead><tr>")
	for _, c := range t.Columns {
		b.put("<th scope=\"col\" class=\"t\">", escape(c.heading()), "</th>")
	}
	b.put("</tr></thead>\n<tbody>\n")
	return b.sent()
}

func (b *htmlBook) Row(cells []any) error {
	if err := b.mayAdd(cells); err != nil {
		return err
	}
	b.put("<tr>")
	for _, cell := range cells {
		switch v := cell.(type) {
		case string:
			b.put("<td class=\"t\">", escape(v))
		case int:
			b.number(int64(v))
		case int32:
			b.number(int64(v))
		case int64:
			b.number(v)
		case bool:
			b.put("<td>", escape(b.words.truth(v)))
		case time.Time:
			b.moment(v)
		case nil:
			b.put("<td>")
		}
		b.put("</td>")
	}
	b.put("</tr>\n")
	b.rows++
	return b.sent()
}

func (b *htmlBook) number(n int64) {
	b.put("<td class=\"n\">")
	_, _ = b.to.Write(strconv.AppendInt(b.to.AvailableBuffer(), n, 10))
}

// moment has its seconds since 1970 beside it, by which it is sorted.
func (b *htmlBook) moment(t time.Time) {
	b.put("<td class=\"d\" data-v=\"")
	seconds := strconv.AppendInt(b.to.AvailableBuffer(), t.Unix(), 10)
	if part := t.Nanosecond(); part != 0 {
		seconds = fmt.Appendf(seconds[:0], "%.3f", float64(t.UnixMilli())/1000)
	}
	_, _ = b.to.Write(seconds)
	b.put("\">")
	_, _ = b.to.Write(t.UTC().AppendFormat(b.to.AvailableBuffer(), b.words.layout))
}

func (b *htmlBook) endTable() {
	b.put("</tbody>\n</table>\n</div>\n<p class=\"count\" id=\"n", strconv.Itoa(b.tables), "\">",
		escape(b.options.Language.Plural("export.rows", b.rows, nil)), "</p>\n</section>\n")
}

// Close writes the contents at the end, since only then the tables are known. The script moves them to the top.
func (b *htmlBook) Close() error {
	if err := b.mayClose(); err != nil {
		return err
	}
	b.closed = true
	b.endTable()
	b.put("</main>\n")
	if len(b.held) > 1 {
		b.put("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">", escape(b.options.Language.Text("export.contents", nil)), "</h2>\n<ul>\n")
		for i, name := range b.held {
			b.put("<li><a href=\"#t", strconv.Itoa(i+1), "\">", label(name), "</a></li>\n")
		}
		b.put("</ul>\n</nav>\n")
	}
	b.put("<p class=\"hidden\" role=\"status\"></p>\n<script>", pageJS, "</script>\n</body>\n</html>\n")
	return b.spoil(b.to.Flush())
}

func (b *htmlBook) Discard() { b.closed = true }
