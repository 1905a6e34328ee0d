package export

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// csvBook writes CSV. The fields are quoted here and not by encoding/csv, which together with the line ends of RFC 4180 also
// changes those within the cells: it drops CRs and puts one before each LF.
type csvBook struct {
	writing
	to    *bufio.Writer
	line  []byte // the row that is being put together, used again for the next
	field []byte // a text with its apostrophes
}

// NewCSV begins a file as RFC 4180 wants it: UTF-8, commas, CRLF at the end of each row, the headings first. Options.BOM puts the
// mark of UTF-8 before everything. Truths are words of the language, moments its figures, numbers plain digits.
//
// Texts that a spreadsheet would take for a formula get an apostrophe in front, as OWASP advises: see defuse. Numbers and dates never do, so
// a negative number stays a number.
func NewCSV(to io.Writer, o Options) Book {
	return &csvBook{writing: begin(o), to: bufio.NewWriterSize(to, 1<<16)}
}

func (b *csvBook) Table(t Table) error {
	if err := b.mayBegin(t); err != nil {
		return err
	}
	if b.tables > 0 {
		return ErrOneTable
	}
	b.tables, b.columns = 1, t.Columns
	b.line = b.line[:0]
	if b.options.BOM {
		b.line = append(b.line, "\uFEFF"...)
	}
	for i, c := range t.Columns {
		b.separate(i)
		b.text(c.heading())
	}
	return b.end()
}

func (b *csvBook) Row(cells []any) error {
	if err := b.mayAdd(cells); err != nil {
		return err
	}
	b.line = b.line[:0]
	for i, cell := range cells {
		b.separate(i)
		switch v := cell.(type) {
		case string:
			b.text(v)
		case int:
			b.line = strconv.AppendInt(b.line, int64(v), 10)
		case int32:
			b.line = strconv.AppendInt(b.line, int64(v), 10)
		case int64:
			b.line = strconv.AppendInt(b.line, v, 10)
		case bool:
			b.line = append(b.line, b.words.truth(v)...)
		case time.Time:
			b.line = v.UTC().AppendFormat(b.line, b.words.layout)
		}
	}
	return b.end()
}

func (b *csvBook) separate(i int) {
	if i > 0 {
		b.line = append(b.line, ',')
	}
}

func (b *csvBook) text(s string) {
	b.field = appendDefused(b.field[:0], clean(s))
	if !needsQuotes(b.field) {
		b.line = append(b.line, b.field...)
		return
	}
	b.line = append(b.line, '"')
	for _, c := range b.field {
		if c == '"' {
			b.line = append(b.line, '"')
		}
		b.line = append(b.line, c)
	}
	b.line = append(b.line, '"')
}

// needsQuotes is about other separators, too, and about spaces at the ends, which some readers would cut off.
func needsQuotes(field []byte) bool {
	if len(field) == 0 {
		return false
	}
	if field[0] == ' ' || field[len(field)-1] == ' ' {
		return true
	}
	for _, c := range field {
		switch c {
		case '"', ',', ';', '\t', '\r', '\n':
			return true
		}
	}
	return false
}

// end writes the row. One of a single empty cell is quoted, or it would be a blank line, which readers skip.
func (b *csvBook) end() error {
	if len(b.line) == 0 {
		b.line = append(b.line, `""`...)
	}
	b.line = append(b.line, '\r', '\n')
	_, err := b.to.Write(b.line)
	return b.spoil(err)
}

func (b *csvBook) Close() error {
	if err := b.mayClose(); err != nil {
		return err
	}
	b.closed = true
	return b.spoil(b.to.Flush())
}

func (b *csvBook) Discard() { b.closed = true }

// appendDefused adds a text that no spreadsheet takes for a formula when it reads the file.
//
// A spreadsheet takes a cell for a formula when it begins with = + - or @, some also with the full-width forms, or behind spaces and
// quotes; and a tab or a line end at the beginning has been used to hide one. Such a text gets an apostrophe in front, which
// readers show. The same is done behind a semicolon, a tab or a line end inside the text: where the semicolon separates
// cells, as in most of Europe, a spreadsheet that opens the file by a double click doesn't see our quotes as quotes,
// and begins a new cell there.
//
// To undo it: at the beginning, and behind each of those separators, drop an apostrophe that is followed by any number of spaces,
// invisible characters and quotes and then by one of the characters above; at the beginning also by a tab or a line end. That gives
// back every text, for one that has such an apostrophe of its own gets another.
func appendDefused(to []byte, s string) []byte {
	if !strings.ContainsAny(s, "=+-@\t\r\n＝＋－＠") {
		return append(to, s...)
	}
	from := 0 // where a cell begins, as a spreadsheet may see it: what lies before is added already
	leading := true
	for i, r := range s {
		switch r {
		case '=', '+', '-', '@', '＝', '＋', '－', '＠':
			if leading {
				to = append(to, '\'')
			}
			leading = false
		case ';', '\t', '\r', '\n':
			if leading && from == 0 && r != ';' {
				to = append(to, '\'')
			}
			to = append(to, s[from:i+1]...)
			from, leading = i+1, true
		case '\'', '"':
		default:
			leading = leading && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r))
		}
	}
	return append(to, s[from:]...)
}
