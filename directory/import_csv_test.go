package directory

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func readAll(t testing.TB, in io.Reader) (rows []csvRow) {
	t.Helper()
	r := newCSVReader(in)
	for {
		row, err := r.row()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, *row)
	}
}

func TestCSVReader(t *testing.T) {
	at := func(line, column int, text string) cell { return cell{place{line, column}, text} }
	bad := func(line, column int, reason string) *complaint { return &complaint{place{line, column}, reason} }
	const unclosed = "the quote that opens here is never closed"
	tests := map[string]struct {
		text string
		want []csvRow
	}{
		"nothing":                    {"", nil},
		"empty lines":                {"\n\r\n\n", nil},
		"fields":                     {"a,b\n,\n", []csvRow{{line: 1, cells: []cell{at(1, 1, "a"), at(1, 3, "b")}}, {line: 2, cells: []cell{at(2, 1, ""), at(2, 2, "")}}}},
		"CR LF, and no end":          {"a\r\n\r\nb\r", []csvRow{{line: 1, cells: []cell{at(1, 1, "a")}}, {line: 3, cells: []cell{at(3, 1, "b")}}}},
		"a byte order mark":          {"\ufeffa,b", []csvRow{{line: 1, cells: []cell{at(1, 1, "a"), at(1, 3, "b")}}}},
		"quotes":                     {`"a,""b""",c`, []csvRow{{line: 1, cells: []cell{at(1, 1, `a,"b"`), at(1, 11, "c")}}}},
		"lines in quotes":            {"\"a\r\n\nb\",c\nd", []csvRow{{line: 1, cells: []cell{at(1, 1, "a\n\nb"), at(3, 4, "c")}}, {line: 4, cells: []cell{at(4, 1, "d")}}}},
		"columns count characters":   {"äöü🎈,b", []csvRow{{line: 1, cells: []cell{at(1, 1, "äöü🎈"), at(1, 6, "b")}}}},
		"an open quote at the end":   {"a\n\"b\nc", []csvRow{{line: 1, cells: []cell{at(1, 1, "a")}}, {line: 2, malformed: bad(2, 1, unclosed), raw: `"b`}, {line: 3, cells: []cell{at(3, 1, "c")}}}},
		"an open quote and much":     {"a,\"\n" + strings.Repeat("b\n", maxRow), append([]csvRow{{line: 1, malformed: bad(1, 3, unclosed), raw: `a,"`}}, repeated(2, maxRow)...)},
		"an open quote, a long line": {"\"\n" + strings.Repeat("b", maxRow+1) + "\nc", []csvRow{{line: 1, malformed: bad(1, 1, unclosed), raw: `"`}, {line: 2, malformed: bad(2, 1, "the row has more than 65536 bytes")}, {line: 3, cells: []cell{at(3, 1, "c")}}}},
		"a fault on a later line":    {"\"a\nb\"c\nd", []csvRow{{line: 1, malformed: bad(2, 3, "after the closing quote of a field comes a comma: write a quote inside a field twice"), raw: `"a`}, {line: 2, malformed: bad(2, 2, "a quote inside a field: write it twice, and quote the whole field"), raw: `b"c`}, {line: 3, cells: []cell{at(3, 1, "d")}}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := readAll(t, iotest.HalfReader(strings.NewReader(tt.text)))
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(csvRow{}, cell{}, place{}, complaint{})); diff != "" {
				t.Errorf("rows (-want +got):\n%.2000s", diff)
			}
		})
	}
	if _, err := newCSVReader(iotest.ErrReader(io.ErrUnexpectedEOF)).row(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader that fails: %v", err)
	}
}

func repeated(line, n int) (rows []csvRow) {
	for i := range n {
		rows = append(rows, csvRow{line: line + i, cells: []cell{{place{line + i, 1}, "b"}}})
	}
	return rows
}

// FuzzCSVReader holds that nothing panics, that every position is one in the file, and that what encoding/csv
// reads is read alike.
func FuzzCSVReader(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\nc,d\n", "\"a\"\"b\",c\r\n\"d\ne\"\n", "\ufeffä,\"ö\"\n", "\"", "a\"b\n\"c", "\"a\nb\"c\nd", ",\n\"\"\n,,", "\r\r\n\n\"\r\n\"", "\"a\",\"b\nc,\"d\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text, _ = strings.CutPrefix(text, "\ufeff")
		lines := strings.Split(text, "\n")
		inFile := func(p place) {
			if p.line < 1 || p.line > len(lines) || p.column < 1 || p.column > utf8.RuneCountInString(lines[p.line-1])+1 {
				t.Fatalf("there is no place %v", p)
			}
		}
		var got [][]string
		sound, last := true, 0
		for _, row := range readAll(t, strings.NewReader(text)) {
			if row.line <= last {
				t.Fatalf("line %d comes after line %d", row.line, last)
			}
			last = row.line
			if row.malformed != nil {
				sound = false
				inFile(row.malformed.place)
				salvage(row.raw)
				continue
			}
			for _, c := range row.cells {
				inFile(c.place)
			}
			got = append(got, textsOf(row.cells))
		}
		reference := csv.NewReader(strings.NewReader(text))
		reference.FieldsPerRecord = -1
		want, err := reference.ReadAll()
		if len(text) > maxRow {
			return
		}
		if (err == nil) != sound {
			t.Fatalf("encoding/csv says %v, this reader says sound: %v", err, sound)
		}
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Fatalf("rows (-encoding/csv +this):\n%s", diff)
		}
	})
}

// FuzzImportRows holds that whatever stands in the files, rows are read without a panic and every complaint is
// at a place in them.
func FuzzImportRows(f *testing.F) {
	f.Add("email,given_name,family_name,role,locale\nann@x.org,Ann,Lee,admin,fr\n\"bob", 0)
	f.Add("parent,name,description,reason\n,A,\"x\ny\",z\nA\n", 1)
	f.Add("group,email\nA,ann@x.org\nA,\x00\n", 2)
	f.Fuzz(func(t *testing.T, text string, number int) {
		kind := fileKinds[uint(number)%3]
		lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		check := func(wrong []complaint) {
			for _, c := range wrong {
				if c.line < 1 || c.line > len(lines) || c.column < 1 || c.column > utf8.RuneCountInString(lines[c.line-1])+1 || c.reason == "" {
					t.Fatalf("there is no place %v, for %q", c.place, c.reason)
				}
			}
		}
		file := &importFile{kind: kind, rows: newCSVReader(strings.NewReader(text))}
		wrong, err := file.begin()
		check(wrong)
		if err != nil || len(wrong) > 0 {
			return
		}
		for {
			row, err := file.next()
			if err != nil {
				return
			}
			if row.malformed != nil {
				check([]complaint{*row.malformed})
				continue
			}
			switch kind {
			case usersFile:
				_, wrong = readUserRow(row)
			case groupsFile:
				_, wrong = readGroupRow(row)
			case membershipsFile:
				_, wrong = readMemberRow(row)
			}
			check(wrong)
		}
	})
}

func TestPace(t *testing.T) {
	tests := map[string]struct {
		took []time.Duration
		want int
	}{
		"as aimed":             {[]time.Duration{aimedLock}, 1000},
		"too slow":             {[]time.Duration{2 * aimedLock}, 500},
		"much too slow":        {[]time.Duration{time.Minute, time.Minute}, leastRows},
		"fast":                 {[]time.Duration{aimedLock / 10}, 1500},
		"fast, without bounds": {[]time.Duration{1, 1, 1, 1, 0}, 3000},
		"slow and fast again":  {[]time.Duration{2 * aimedLock, aimedLock / 4}, 750},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := pace{size: 1000, most: 3000}
			for _, took := range tt.took {
				p.took(took)
			}
			if p.size != tt.want {
				t.Errorf("size %d, want %d", p.size, tt.want)
			}
		})
	}
}

func TestPlacesAreNumbers(t *testing.T) {
	for _, p := range []place{{1, 1}, {2, maxRow + 1}, {10_000_000, 3}} {
		if got := placeOf(p.number()); got != p {
			t.Errorf("%v becomes %v", p, got)
		}
	}
}
