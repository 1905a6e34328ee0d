package directory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRow bounds the bytes of one row of a CSV file. The longest good one is a third of it.
const maxRow = 64 << 10

// place is a position in a file as editors show it: line and column count from 1, the column in characters.
type place struct{ line, column int }

// cell is one field of a row. It begins at its place, with the opening quote if it has one.
type cell struct {
	place
	text string
}

// complaint says what is wrong, and where.
type complaint struct {
	place
	reason string
}

// csvRow is one row of a file, or what is wrong with it.
type csvRow struct {
	line      int // on which it begins
	cells     []cell
	malformed *complaint
	raw       string // the first line of a malformed row
}

// csvReader reads comma-separated values as RFC 4180 describes them, in constant memory. encoding/csv reads on
// from a quote that nobody closed to the end of the file, keeps all of that, and counts columns in bytes; this
// one gives up on such a row after 64 KiB, and goes on with the line below the one where it began.
type csvReader struct {
	in     *bufio.Reader
	number int // of the line that was read last
	ahead  []csvLine
}

// csvLine is a line without its end. A long one has more bytes than a row may have, and is not kept.
type csvLine struct {
	text string
	long bool
}

func newCSVReader(in io.Reader) *csvReader {
	r := &csvReader{in: bufio.NewReaderSize(in, maxRow)}
	if mark, _ := r.in.Peek(3); string(mark) == "\ufeff" {
		_, _ = r.in.Discard(3)
	}
	return r
}

// row reads the next row; lines without a character are passed over. io.EOF after the last one.
func (r *csvReader) row() (*csvRow, error) {
	var l csvLine
	for l == (csvLine{}) {
		var err error
		if l, err = r.line(); err != nil {
			return nil, err
		}
	}
	row := &csvRow{line: r.number, raw: l.text}
	if l.long {
		row.malformed = &complaint{place{r.number, 1}, fmt.Sprintf("the row has more than %d bytes", maxRow)}
		return row, nil
	}
	var parser csvParser
	var more []csvLine
	for size := 0; ; {
		complaint := parser.feed(l.text, r.number)
		if complaint == nil && parser.open {
			var err error
			l, err = r.line()
			switch size += len(l.text); {
			case err != nil && !errors.Is(err, io.EOF):
				return nil, err
			case err == nil:
				more = append(more, l)
			}
			if err == nil && !l.long && size <= maxRow {
				continue
			}
			complaint = parser.unclosed()
		}
		if complaint != nil {
			r.ahead, r.number = append(more, r.ahead...), r.number-len(more)
			row.malformed = complaint
			return row, nil
		}
		row.cells, row.raw = parser.cells, ""
		return row, nil
	}
}

func (r *csvReader) line() (csvLine, error) {
	if len(r.ahead) > 0 {
		l := r.ahead[0]
		r.ahead = r.ahead[1:]
		r.number++
		return l, nil
	}
	text, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.in.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			r.number++
			return csvLine{long: true}, nil
		}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0) {
		return csvLine{}, err
	}
	r.number++
	return csvLine{text: strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")}, nil
}

// csvParser takes the lines of one row.
type csvParser struct {
	cells []cell
	open  bool // inside a quoted field, which begins at start with text
	start place
	text  []byte
}

// feed takes one line; the row is complete unless the parser is open after it.
func (p *csvParser) feed(rest string, line int) *complaint {
	at := place{line, 1}
	skip := func(n int) {
		at.column += utf8.RuneCountInString(rest[:n])
		rest = rest[n:]
	}
	for {
		if !p.open && !strings.HasPrefix(rest, `"`) {
			text, _, more := strings.Cut(rest, ",")
			if quote := strings.IndexByte(text, '"'); quote >= 0 {
				skip(quote)
				return &complaint{at, "a quote inside a field: write it twice, and quote the whole field"}
			}
			p.cells = append(p.cells, cell{at, text})
			if !more {
				return nil
			}
			skip(len(text) + 1)
			continue
		}
		if !p.open {
			p.open, p.start, p.text = true, at, p.text[:0]
			skip(1)
		}
		quote := strings.IndexByte(rest, '"')
		if quote < 0 {
			p.text = append(append(p.text, rest...), '\n')
			return nil
		}
		p.text = append(p.text, rest[:quote]...)
		skip(quote + 1)
		if strings.HasPrefix(rest, `"`) {
			p.text = append(p.text, '"')
			skip(1)
			continue
		}
		p.open, p.cells = false, append(p.cells, cell{p.start, string(p.text)})
		switch {
		case rest == "":
			return nil
		case rest[0] != ',':
			return &complaint{at, "after the closing quote of a field comes a comma: write a quote inside a field twice"}
		}
		skip(1)
	}
}

func (p *csvParser) unclosed() *complaint {
	return &complaint{p.start, "the quote that opens here is never closed"}
}
