package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"cohort/locale"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// reopened reads a workbook.
func reopened(t interface {
	Fatal(...any)
	Cleanup(func())
}, raw []byte,
) *excelize.File {
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

var allKinds = Table{Name: "Members", Columns: []Column{
	{Heading: "Name", Width: 30}, {Heading: "Number", Kind: Number}, {Heading: "Since", Kind: Date}, {Heading: "Direct", Kind: Truth},
}}

func TestXLSX(t *testing.T) {
	o := options()
	o.Language = locale.Of("de")
	f := reopened(t, file(t, XLSX, o, allKinds,
		[]any{"=1+1", 7, moment, true},
		[]any{"007", int64(-5), moment.In(time.FixedZone("", 7200)), false},
		[]any{5, "=text", "2026-01-01", moment},
		[]any{nil, nil, time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC), nil},
		[]any{true, int32(3), time.Time{}, nil},
	))
	type cell struct {
		Type       excelize.CellType
		Raw, Shown string
	}
	text, number, truth := excelize.CellTypeInlineString, excelize.CellTypeUnset, excelize.CellTypeBool
	want := [][]cell{
		{{text, "Name", "Name"}, {text, "Number", "Number"}, {text, "Since (UTC)", "Since (UTC)"}, {text, "Direct", "Direct"}},
		{{text, "=1+1", "=1+1"}, {number, "7", "7"}, {number, "46082.961168981485", "01.03.2026 23:04:05"}, {truth, "1", "TRUE"}},
		{{text, "007", "007"}, {number, "-5", "-5"}, {number, "46082.961168981485", "01.03.2026 23:04:05"}, {truth, "0", "FALSE"}},
		{{number, "5", "5"}, {text, "=text", "=text"}, {text, "2026-01-01", "2026-01-01"}, {number, "46082.961168981485", "01.03.2026 23:04:05"}},
		{{}, {}, {text, "31.12.1899 00:00:00", "31.12.1899 00:00:00"}, {}},
		{{truth, "1", "TRUE"}, {number, "3", "3"}, {text, "01.01.0001 00:00:00", "01.01.0001 00:00:00"}, {}},
	}
	for i, row := range want {
		for j, w := range row {
			at, _ := excelize.CoordinatesToCellName(j+1, i+1)
			var got cell
			var err error
			if got.Type, err = f.GetCellType("Members", at); err != nil {
				t.Fatal(err)
			}
			got.Raw, _ = f.GetCellValue("Members", at, excelize.Options{RawCellValue: true})
			got.Shown, _ = f.GetCellValue("Members", at)
			if diff := cmp.Diff(w, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", at, diff)
			}
			if formula, err := f.GetCellFormula("Members", at); err != nil || formula != "" {
				t.Errorf("%s: formula %q, %v", at, formula, err)
			}
		}
	}
	panes, err := f.GetPanes("Members")
	if err != nil || !panes.Freeze || panes.YSplit != 1 || panes.XSplit != 0 {
		t.Errorf("panes: %+v, %v", panes, err)
	}
	if width, err := f.GetColWidth("Members", "A"); err != nil || width != 32 {
		t.Errorf("width: %v, %v", width, err)
	}
	var filters []string
	for _, d := range f.GetDefinedName() {
		filters = append(filters, d.Name+" "+d.RefersTo)
	}
	if diff := cmp.Diff([]string{"_xlnm.Print_Titles 'Members'!$1:$1", "_xlnm._FilterDatabase 'Members'!$A$1:$D$6"}, filters); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	style, _ := f.GetCellStyle("Members", "A1")
	if s, err := f.GetStyle(style); err != nil || s.Font == nil || !s.Font.Bold {
		t.Errorf("the headings: %+v, %v", s, err)
	}
	for _, at := range []string{"A2", "B4", "A99"} { // what is typed into a column of texts is a text
		style, _ := f.GetCellStyle("Members", at)
		if s, err := f.GetStyle(style); err != nil || s.NumFmt != 49 {
			t.Errorf("%s: %+v, %v", at, s, err)
		}
	}
	p, err := f.GetDocProps()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&excelize.DocProperties{
		Title: "Members", Description: "Everybody", Creator: "Cohort", Language: "de",
		Created: "2026-11-21T09:30:00Z", Modified: "2026-11-21T09:30:00Z",
	}, p); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

// A workbook says nothing of where it was made.
func TestXLSXNothingOfTheMachine(t *testing.T) {
	o := options()
	o.Temporary = t.TempDir()
	raw := file(t, XLSX, o, allKinds)
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range z.File {
		if !part.Modified.IsZero() && part.Modified.Year() > 1980 {
			t.Errorf("%s: %s", part.Name, part.Modified)
		}
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), o.Temporary) || strings.Contains(strings.ToLower(string(text)), "xuri") {
			t.Errorf("%s: %s", part.Name, text)
		}
	}
}

// A table that is longer than a sheet goes on in the next, with everything again.
func TestXLSXContinues(t *testing.T) {
	var to bytes.Buffer
	b := NewXLSX(&to, options()).(*xlsxBook)
	defer b.Discard()
	b.rows = 4
	for _, name := range []string{"Members", "members", "Members (2)"} {
		table := allKinds
		table.Name = name
		if err := b.Table(table); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if err := b.Row([]any{fmt.Sprint(name, i), i, moment, true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	f := reopened(t, to.Bytes())
	names := []string{"Members", "Members (2)", "members (3)", "members (4)", "Members (2) (2)", "Members (2) (3)"}
	if diff := cmp.Diff(names, f.GetSheetList()); diff != "" {
		t.Fatalf("sheets (-want +got):\n%s", diff)
	}
	for i, sheet := range names {
		rows, err := f.GetRows(sheet)
		if err != nil || len(rows) != 4 || rows[0][0] != "Name" {
			t.Errorf("%s: %v, %v", sheet, rows, err)
			continue
		}
		if got := rows[3][1]; got != []string{"2", "5"}[i%2] {
			t.Errorf("%s ends with %s", sheet, got)
		}
		if panes, err := f.GetPanes(sheet); err != nil || !panes.Freeze {
			t.Errorf("%s: %+v, %v", sheet, panes, err)
		}
	}
}

func TestSheetNames(t *testing.T) {
	long := strings.Repeat("é", 40)
	taken := sheetNames{}
	for _, c := range []struct {
		given string
		part  int
		want  string
	}{
		{"Members", 1, "Members"},
		{"Members", 1, "Members (2)"},
		{"MEMBERS", 1, "MEMBERS (3)"},
		{"Members", 2, "Members (4)"},
		{"", 1, "1"},
		{"[]:*?/\\", 1, "1 (2)"},
		{"'O'Brien'", 1, "’O’Brien’"},
		{"a/b\n\x00c", 1, "a b �c"},
		{"History", 1, "History 1"},
		{long, 1, strings.Repeat("é", 31)},
		{long, 1, strings.Repeat("é", 27) + " (2)"},
		{strings.Repeat("𝄞", 20), 1, strings.Repeat("𝄞", 15)},
		{"_x0041_", 1, "-x0041_"},
	} {
		if got := taken.next(c.given, c.part); got != c.want {
			t.Errorf("%q: %q, want %q", c.given, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{strings.Repeat("x", 32_767), strings.Repeat("x", 32_767)},
		{strings.Repeat("x", 32_768), strings.Repeat("x", 32_766) + "…"},
		{strings.Repeat("é", 32_767), strings.Repeat("é", 32_767)},
		{strings.Repeat("é", 32_768), strings.Repeat("é", 32_766) + "…"},
		{strings.Repeat("𝄞", 16_383) + "x", strings.Repeat("𝄞", 16_383) + "x"},
		{strings.Repeat("𝄞", 16_384), strings.Repeat("𝄞", 16_383) + "…"},
	} {
		if got := cut(c.given); got != c.want {
			t.Errorf("%d bytes became %d, want %d", len(c.given), len(got), len(c.want))
		}
	}
}

// Temporary files go, whichever way a book ends.
func TestXLSXLeavesNothing(t *testing.T) {
	big := strings.Repeat("x", 30_000)
	for name, end := range map[string]func(Book) error{
		"closed":    Book.Close,
		"abandoned": func(b Book) error { b.Discard(); return nil },
		"twice":     func(b Book) error { err := b.Close(); b.Discard(); b.Discard(); return err },
	} {
		for _, to := range map[string]io.Writer{"written": io.Discard, "broken": &broken{left: 5}} {
			t.Run(name, func(t *testing.T) {
				o := options()
				o.Temporary = t.TempDir()
				b := NewXLSX(to, o)
				if err := b.Table(allKinds); err != nil {
					t.Fatal(err)
				}
				for range 1200 {
					if err := b.Row([]any{big, 1, moment, true}); err != nil {
						t.Fatal(err)
					}
				}
				if len(temporary(t, o.Temporary)) == 0 {
					t.Fatal("no temporary file was needed: the test means nothing")
				}
				_ = end(b)
				if left := temporary(t, o.Temporary); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			})
		}
	}
}

func TestFitted(t *testing.T) {
	for given, want := range map[string]string{
		"_x0041_": "_x0041_", "_xD800_": "＿xD800_", "a_xdfffx": "a_xdfffx", "_x0041_x0042_x0043_": "＿x0041＿x0042_x0043_", "_x00": "_x00",
	} {
		if got := fitted(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// Every text comes back as it was.
func TestXLSXProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rowsOf(t)
		var to bytes.Buffer
		write(t, NewXLSX(&to, options()), threeTexts, rows)
		f := reopened(t, to.Bytes())
		for i, row := range rows {
			for j, cell := range row {
				at, _ := excelize.CoordinatesToCellName(j+1, i+2)
				got, err := f.GetCellValue("Three", at)
				if err != nil {
					t.Fatal(err)
				}
				if want := fitted(cell.(string)); got != want {
					t.Fatalf("%q came back as %q, want %q", cell, got, want)
				}
				if formula, _ := f.GetCellFormula("Three", at); formula != "" {
					t.Fatalf("%q is a formula", cell)
				}
			}
		}
	})
}
