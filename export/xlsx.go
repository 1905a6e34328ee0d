package export

import (
	"archive/zip"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

const (
	mostRows  = 1_048_576 // of a sheet, the headings among them
	mostUnits = 32_767    // of a cell, in UTF-16
)

// The first day that a sheet has a number for, and the day after the last. Excel believes in a 29 February 1900, so what lies before
// it would be a day off.
var (
	firstDay = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	afterAll = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// xlsxBook writes a workbook. Rows go to a temporary file, and on Close from there into the file that is made.
type xlsxBook struct {
	writing
	to     io.Writer
	file   *excelize.File
	names  sheetNames
	rows   int // a sheet takes; mostRows but in tests
	styles styles
	table  Table
	part   int // of the table: 1 for its first sheet
	sheet  string
	stream *excelize.StreamWriter
	row    int             // written last
	cells  []any           // of the row, used again for the next
	other  []excelize.Cell // for those that are of another kind than their column
}

// styles are numbers of excelize.
type styles struct{ heading, text, date int }

// NewXLSX begins a workbook, with a sheet for each table: bold headings that stay in view, a filter over them, and the widths of the columns. Numbers,
// moments and truths are cells of their own types, moments in the language's format; an empty text is an empty cell. Texts are texts, whatever they begin with, in cells
// of the format "text", so that they stay texts when somebody edits them.
//
// Names of sheets are cut to 31 characters, lose what Excel doesn't allow and are made unique. After 1,048,576 rows a table goes on
// in a sheet of its own, "Members (2)", with the headings again. A text of more than 32,767 characters, as UTF-16 counts,
// is cut and ends in an ellipsis. In a text such as _xD800_ or _x0041_x0042_, by which workbooks mean
// characters, the first underscore becomes a full-width one. A moment before 1900-03-01 or after 9999, which Excel has no number for, is written as text. A whole
// number beyond 15 digits is written in full, but Excel shows its first 15.
//
// Nothing reaches the writer before Close. Until then a temporary file grows beneath Options.Temporary; Close and Discard
// remove it.
func NewXLSX(to io.Writer, o Options) Book {
	b := &xlsxBook{writing: begin(o), to: to, rows: mostRows, names: sheetNames{}}
	b.file = excelize.NewFile(excelize.Options{TmpDir: o.Temporary})
	// excelize would put the whole file together in memory first.
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(b.to) })
	b.spoil(b.prepare())
	return b
}

func (b *xlsxBook) prepare() error {
	properties := &excelize.DocProperties{Title: clean(b.options.Title), Description: clean(b.options.Note), Creator: "Cohort", Language: b.options.Language.Code()}
	if !b.options.Made.IsZero() {
		properties.Created = b.options.Made.UTC().Format(time.RFC3339)
		properties.Modified = properties.Created
	}
	if err := b.file.SetDocProps(properties); err != nil {
		return err
	}
	if err := b.file.SetAppProps(&excelize.AppProperties{Application: "Cohort"}); err != nil {
		return err
	}
	line := []excelize.Border{{Type: "bottom", Color: "808080", Style: 1}}
	for _, s := range []struct {
		number *int
		style  excelize.Style
	}{
		{&b.styles.heading, excelize.Style{Font: &excelize.Font{Bold: true}, Border: line, NumFmt: 49, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}},
		{&b.styles.text, excelize.Style{NumFmt: 49}}, // 49 is "@", text
		{&b.styles.date, excelize.Style{CustomNumFmt: &b.words.numberFormat}},
	} {
		number, err := b.file.NewStyle(&s.style)
		if err != nil {
			return err
		}
		*s.number = number
	}
	return nil
}

func (b *xlsxBook) Table(t Table) error {
	if err := b.mayBegin(t); err != nil {
		return err
	}
	if err := b.endSheet(); err != nil {
		return err
	}
	b.tables++
	b.table, b.columns, b.part = t, t.Columns, 0
	b.other = make([]excelize.Cell, len(t.Columns))
	return b.beginSheet()
}

// beginSheet begins the next sheet of the table.
func (b *xlsxBook) beginSheet() error {
	b.part++
	b.sheet = b.names.next(b.table.Name, b.part)
	return b.spoil(func() error {
		if b.stream == nil {
			if err := b.file.SetSheetName("Sheet1", b.sheet); err != nil { // the one that a new workbook has
				return err
			}
		} else if _, err := b.file.NewSheet(b.sheet); err != nil {
			return err
		}
		if err := b.layOut(); err != nil {
			return err
		}
		stream, err := b.file.NewStreamWriter(b.sheet)
		if err != nil {
			return err
		}
		b.stream, b.row = stream, 0
		for i, c := range b.columns {
			if err := stream.SetColWidth(i+1, i+1, float64(c.width())+2); err != nil { // room for the filter's arrow
				return err
			}
			if style := b.style(c.Kind); style != 0 {
				if err := stream.SetColStyle(i+1, i+1, style); err != nil {
					return err
				}
			}
		}
		if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return err
		}
		b.cells = b.cells[:0]
		for _, c := range b.columns {
			b.cells = append(b.cells, fitted(c.heading()))
		}
		return b.write(excelize.RowOpts{StyleID: b.styles.heading})
	}())
}

// layOut says how the sheet is printed: across, as wide as the page, the headings on each.
func (b *xlsxBook) layOut() error {
	across, high, fit := "landscape", 0, true
	if err := b.file.SetPageLayout(b.sheet, &excelize.PageLayoutOptions{Orientation: &across, FitToHeight: &high}); err != nil {
		return err
	}
	if err := b.file.SetSheetProps(b.sheet, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	return b.file.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: b.sheet, RefersTo: "'" + b.sheet + "'!$1:$1"})
}

func (b *xlsxBook) style(k Kind) int {
	switch k {
	case Text:
		return b.styles.text
	case Date:
		return b.styles.date
	default:
		return 0
	}
}

func (b *xlsxBook) Row(cells []any) error {
	if err := b.mayAdd(cells); err != nil {
		return err
	}
	if b.row == b.rows {
		if err := b.endSheet(); err != nil {
			return err
		}
		if err := b.beginSheet(); err != nil {
			return err
		}
	}
	b.cells = b.cells[:0]
	for i, cell := range cells {
		kind := b.columns[i].Kind
		switch v := cell.(type) {
		case string:
			if v == "" {
				cell = nil
				break
			}
			if fit := fitted(v); fit != v {
				cell = fit
			}
			kind = Text
		case time.Time:
			kind = Date
			utc := v.UTC()
			if utc.Before(firstDay) || !utc.Before(afterAll) {
				cell, kind = b.words.moment(utc), Text
			} else if v.Location() != time.UTC {
				cell = utc
			}
		case bool:
			kind = Truth
		case int, int32, int64:
			kind = Number
		}
		if kind != b.columns[i].Kind && (kind == Text || kind == Date) {
			b.other[i] = excelize.Cell{StyleID: b.style(kind), Value: cell}
			cell = &b.other[i]
		}
		b.cells = append(b.cells, cell)
	}
	return b.spoil(b.write())
}

func (b *xlsxBook) write(o ...excelize.RowOpts) error {
	at, err := excelize.CoordinatesToCellName(1, b.row+1)
	if err != nil {
		return err
	}
	if err := b.stream.SetRow(at, b.cells, o...); err != nil {
		return err
	}
	b.row++
	return nil
}

// endSheet puts the filter over what was written.
func (b *xlsxBook) endSheet() error {
	if b.stream == nil {
		return nil
	}
	last, err := excelize.CoordinatesToCellName(len(b.columns), max(b.row, 1))
	if err == nil {
		err = b.file.AutoFilter(b.sheet, "A1:"+last, nil)
	}
	if err == nil {
		err = b.stream.Flush()
	}
	return b.spoil(err)
}

func (b *xlsxBook) Close() error {
	if err := b.mayClose(); err != nil {
		return err
	}
	defer b.Discard()
	if err := b.endSheet(); err != nil {
		return err
	}
	return b.spoil(b.file.Write(io.Discard)) // what excelize put together: nothing, see NewXLSX
}

func (b *xlsxBook) Discard() {
	b.closed = true
	_ = b.file.Close() // removes the temporary files; there is nobody to tell
}

// fitted is a text as a cell takes it.
func fitted(s string) string {
	s = clean(s)
	if strings.Contains(s, "_x") {
		s = unescaped(s)
	}
	return cut(s)
}

// escapes are how a workbook writes a character that XML doesn't have. excelize escapes a text that looks like one, but drops those that would be
// half of a surrogate, and takes two that share an underscore for one.
var (
	escapes = regexp.MustCompile(`^_(x[0-9A-Fa-f]{4})_`)
	halves  = regexp.MustCompile(`^_x[Dd][89A-Fa-f]`)
)

// unescaped gives those a full-width underscore in front.
func unescaped(s string) string {
	const length = len("_x0000_")
	var to strings.Builder
	for i := range len(s) {
		if rest := s[i:]; s[i] == '_' && escapes.MatchString(rest) && (halves.MatchString(rest) || escapes.MatchString(rest[length-1:])) {
			to.WriteString("＿")
		} else {
			to.WriteByte(s[i])
		}
	}
	return to.String()
}

// cut shortens a text to what a cell takes.
func cut(s string) string {
	if len(s) <= mostUnits {
		return s
	}
	units, fits := 0, 0
	for i, r := range s {
		if units < mostUnits {
			fits = i // the ellipsis takes the last
		}
		units += utf16.RuneLen(r)
		if units > mostUnits {
			return s[:fits] + "…"
		}
	}
	return s
}
