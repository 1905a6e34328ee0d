package export

import (
	"bytes"
	"encoding/csv"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cohort/locale"

	"pgregory.net/rapid"
)

func TestCSV(t *testing.T) {
	o := options()
	o.Language, o.BOM = locale.Of("de"), true
	got := string(file(t, CSV, o, Table{Name: "Mitglieder", Columns: []Column{
		{Heading: "=Name"}, {Heading: "Zahl", Kind: Number}, {Heading: "Seit", Kind: Date}, {Heading: "Direkt", Kind: Truth},
	}},
		[]any{"Müller, \"Ada\"", -5, moment, true},
		[]any{"-5", int32(7), nil, false},
		[]any{"two\r\nlines", int64(-1 << 62), moment.In(time.FixedZone("", -3600)), nil},
		[]any{"", nil, nil, nil},
	))
	want := "\uFEFF'=Name,Zahl,Seit (UTC),Direkt\r\n" +
		"\"Müller, \"\"Ada\"\"\",-5,01.03.2026 23:04:05,Ja\r\n" +
		"'-5,7,,Nein\r\n" +
		"\"two\r\nlines\",-4611686018427387904,01.03.2026 23:04:05,\r\n" +
		",,,\r\n"
	if got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestCSVTakesOneTable(t *testing.T) {
	var to bytes.Buffer
	b := NewCSV(&to, options())
	one := Table{Name: "One", Columns: []Column{{Heading: "A"}}}
	if err := b.Table(one); err != nil {
		t.Fatal(err)
	}
	if err := b.Table(one); err != ErrOneTable {
		t.Errorf("a second table: %v", err)
	}
	for _, cell := range []any{"a", nil, ""} {
		if err := b.Row([]any{cell}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil || to.String() != "A\r\na\r\n\"\"\r\n\"\"\r\n" {
		t.Errorf("%v: %q", err, to.String())
	}
}

func TestDefused(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "a=b": "a=b", "a-b@c.example": "a-b@c.example", "O'Brien": "O'Brien", "a; b": "a; b", "R&D": "R&D",
		"=1+1": "'=1+1", "+49 30 1": "'+49 30 1", "-5": "'-5", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t'=1", "\rx": "'\rx", "\nx": "'\nx",
		"  =1": "'  =1", "\"=1": "'\"=1", "'=1": "''=1", "\u00a0=1": "'\u00a0=1", "\u200b=1": "'\u200b=1", "＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠1": "'＠1",
		"x;=1": "x;'=1", "x; @1": "x;' @1", "x\n-5": "x\n'-5", "x\t+1": "x\t'+1", "x;y=1": "x;y=1", ";": ";", " \n=": "' \n'=",
	} {
		if got := string(appendDefused(nil, given)); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// undo is how appendDefused says that it is undone.
func undo(s string) string {
	var to strings.Builder
	begins := true
	for i, r := range s {
		if begins && r == '\'' {
			rest := strings.TrimLeftFunc(s[i+1:], func(r rune) bool {
				return r == '\'' || r == '"' || (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)) && !strings.ContainsRune("\t\r\n", r)
			})
			next, _ := utf8.DecodeRuneInString(rest)
			if rest != "" && (strings.ContainsRune("=+-@＝＋－＠", next) || i == 0 && strings.ContainsRune("\t\r\n", next)) {
				begins = false
				continue
			}
		}
		begins = strings.ContainsRune(";\t\r\n", r)
		to.WriteRune(r)
	}
	return to.String()
}

// Nothing is allocated for a row.
func TestCSVAllocatesNothing(t *testing.T) {
	b := NewCSV(io.Discard, options())
	if err := b.Table(Table{Columns: make([]Column, 5)}); err != nil {
		t.Fatal(err)
	}
	row := []any{"=Ada; \"Lovelace\"", 1_000_000, moment, true, nil}
	if n := testing.AllocsPerRun(1000, func() {
		if err := b.Row(row); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}

// texts are strings that may do harm in some format, or anything.
func texts() *rapid.Generator[string] {
	parts := rapid.SampledFrom([]string{
		"=", "+", "-", "@", "＝", "'", "\"", ";", ",", "\t", "\r", "\n", "\r\n", " ", "\u00a0", "\u200b", "1", "a", "é", "𝄞", "<", ">", "&", "&amp;", "<b>",
		"]]>", "-->", "</td>", "_x000D_", "_x005F_", "_xD800_", "_", "x0041_", "\x00", "\x01", "\x1f", "\xff", "\xed\xa0\x80", "\ufffe", "\ufffd", "\u202e", "\x7f", "\u0085",
	})
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(parts, 0, 12), func(s []string) string { return strings.Join(s, "") }))
}

// rowsOf are a few rows of three texts.
func rowsOf(t *rapid.T) (rows [][]any) {
	for range rapid.IntRange(1, 4).Draw(t, "rows") {
		rows = append(rows, []any{texts().Draw(t, "a"), texts().Draw(t, "b"), texts().Draw(t, "c")})
	}
	return rows
}

var threeTexts = Table{Name: "Three", Columns: []Column{{Heading: "A"}, {Heading: "B"}, {Heading: "C"}}}

// Every text comes back as it was, but for what XML has no character for. Go's reader takes CRLF within a cell for LF.
func TestCSVProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rowsOf(t)
		var to bytes.Buffer
		write(t, NewCSV(&to, options()), threeTexts, rows)
		read, err := csv.NewReader(&to).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(read) != len(rows)+1 {
			t.Fatalf("%d rows of %d", len(read), len(rows)+1)
		}
		for i, row := range rows {
			for j, cell := range row {
				written := string(appendDefused(nil, clean(cell.(string))))
				if undo(written) != clean(cell.(string)) {
					t.Fatalf("%q is undone as %q, from %q", cell, undo(written), written)
				}
				if want := strings.ReplaceAll(written, "\r\n", "\n"); read[i+1][j] != want {
					t.Fatalf("%q came back as %q, want %q", cell, read[i+1][j], want)
				}
			}
		}
	})
}

// However a spreadsheet splits the file, no cell begins with a formula.
func TestNoFormulaProperty(t *testing.T) {
	splits := regexp.MustCompile("[;\t\r\n]")
	formula := regexp.MustCompile("^[\\s\\p{Z}\\p{Cf}\"']*[=+\\-@＝＋－＠]")
	rapid.Check(t, func(t *rapid.T) {
		text := clean(texts().Draw(t, "text"))
		for _, part := range splits.Split(string(appendDefused(nil, text)), -1) {
			if formula.MatchString(part) && part[0] != '\'' {
				t.Fatalf("%q has the part %q", text, part)
			}
		}
	})
}

func write(t *rapid.T, b Book, table Table, rows [][]any) {
	t.Helper()
	defer b.Discard()
	if err := b.Table(table); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := b.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
