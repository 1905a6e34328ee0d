package export

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"
)

// mostRows of a sheet, the headings among them.
const mostRows = 1_048_576

// The first day that a sheet has a number for, and the day after the last. Excel believes in a 29 February 1900, so what lies before
// it would be a day off.
var (
	firstDay = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	afterAll = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// xlsxBook writes a workbook. excelize would keep a buffer for each sheet until the end, and then put the whole file together in memory. So
// each sheet is written in a workbook of its own, of which only the sheet's part goes on into the file; the parts
// that name the sheets come last, from a workbook whose sheets are empty.
type xlsxBook struct {
	writing
	file   *zip.Writer
	book   *excelize.File // has the sheets' names
	one    *excelize.File // has the sheet that is being written
	names  sheetNames
	sheets int
	rows   int // a sheet takes; mostRows but in tests
	styles styles
	table  Table
	part   int // of the table: 1 for its first sheet
	sheet  string
	stream *excelize.StreamWriter
	row    int             // written last; 0 between sheets
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
// A sheet reaches the writer when it is finished. Until then a temporary file grows in Options.Temporary, which the end of the
// sheet or Discard removes.
func NewXLSX(to io.Writer, o Options) Book {
	b := &xlsxBook{writing: begin(o), file: zip.NewWriter(to), rows: mostRows, names: sheetNames{}}
	b.file.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(to, flate.DefaultCompression) // takes half as long as the standard library's
	})
	var err error
	b.book, err = b.workbook()
	b.spoil(errors.Join(err, b.describe()))
	return b
}

// partial passes on some parts of a workbook, by the names that they are to have; "" drops a part.
type partial struct {
	*zip.Writer
	name func(string) string
}

func (p partial) Create(part string) (io.Writer, error) {
	if name := p.name(part); name != "" {
		return p.Writer.Create(name)
	}
	return io.Discard, nil
}

// Close leaves the file open for what is still to come.
func (p partial) Close() error { return nil }

// add adds parts of a workbook to the file.
func (b *xlsxBook) add(from *excelize.File, name func(string) string) error {
	from.SetZipWriter(func(io.Writer) excelize.ZipWriter { return partial{b.file, name} })
	return from.Write(io.Discard)
}

func sheetPart(n int) string { return fmt.Sprintf("xl/worksheets/sheet%d.xml", n) }

// workbook is a new one with our styles, which have the same numbers in each.
func (b *xlsxBook) workbook() (*excelize.File, error) {
	f := excelize.NewFile(excelize.Options{TmpDir: b.options.Temporary})
	line := []excelize.Border{{Type: "bottom", Color: "808080", Style: 1}}
	for _, s := range []struct {
		number *int
		style  excelize.Style
	}{
		{&b.styles.heading, excelize.Style{Font: &excelize.Font{Bold: true}, Border: line, NumFmt: 49, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}},
		{&b.styles.text, excelize.Style{NumFmt: 49}}, // 49 is "@", text
		{&b.styles.date, excelize.Style{CustomNumFmt: &b.words.numberFormat}},
	} {
		number, err := f.NewStyle(&s.style)
		if err != nil {
			return f, err
		}
		*s.number = number
	}
	return f, nil
}

// describe sets the properties of the file.
func (b *xlsxBook) describe() error {
	properties := &excelize.DocProperties{Title: clean(b.options.Title), Description: clean(b.options.Note), Creator: "Cohort", Language: b.options.Language.Code()}
	if !b.options.Made.IsZero() {
		properties.Created = b.options.Made.UTC().Format(time.RFC3339)
		properties.Modified = properties.Created
	}
	if err := b.book.SetDocProps(properties); err != nil {
		return err
	}
	return b.book.SetAppProps(&excelize.AppProperties{Application: "Cohort"})
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
	b.sheets++
	b.sheet = b.names.next(b.table.Name, b.part)
	return b.spoil(func() (err error) {
		if b.sheets == 1 {
			err = b.book.SetSheetName("Sheet1", b.sheet) // the one that a new workbook has
		} else {
			_, err = b.book.NewSheet(b.sheet)
		}
		if err != nil {
			return err
		}
		// The headings on each printed page.
		if err := b.book.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: b.sheet, RefersTo: "'" + b.sheet + "'!$1:$1"}); err != nil {
			return err
		}
		if b.one, err = b.workbook(); err != nil {
			return err
		}
		if err := b.layOut(); err != nil {
			return err
		}
		b.cells = b.cells[:0]
		for _, c := range b.columns {
			b.cells = append(b.cells, fitted(c.heading()))
		}
		return b.write(excelize.RowOpts{StyleID: b.styles.heading})
	}())
}

// onlySheet is the sheet of the workbook that is written for one. It isn't the first, which opens selected.
const onlySheet = "Sheet2"

// layOut begins the stream with what stands before the rows. Printed, a sheet lies across and is as wide as the page.
func (b *xlsxBook) layOut() error {
	if _, err := b.one.NewSheet(onlySheet); err != nil {
		return err
	}
	across, high, fit := "landscape", 0, true
	if err := b.one.SetPageLayout(onlySheet, &excelize.PageLayoutOptions{Orientation: &across, FitToHeight: &high}); err != nil {
		return err
	}
	if err := b.one.SetSheetProps(onlySheet, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	stream, err := b.one.NewStreamWriter(onlySheet)
	if err != nil {
		return err
	}
	b.stream = stream
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
	return stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
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

// endSheet puts the filter over what was written, and the sheet into the file.
func (b *xlsxBook) endSheet() error {
	if b.row == 0 {
		return nil
	}
	return b.spoil(func() error {
		last, err := excelize.CoordinatesToCellName(len(b.columns), b.row)
		if err != nil {
			return err
		}
		b.row = 0
		if err := b.book.AutoFilter(b.sheet, "A1:"+last, nil); err != nil {
			return err
		}
		if err := b.one.AutoFilter(onlySheet, "A1:"+last, nil); err != nil {
			return err
		}
		if err := b.stream.Flush(); err != nil {
			return err
		}
		err = b.add(b.one, func(part string) string {
			if part == sheetPart(2) {
				return sheetPart(b.sheets)
			}
			return ""
		})
		return errors.Join(err, b.one.Close())
	}())
}

func (b *xlsxBook) Close() error {
	if err := b.mayClose(); err != nil {
		return err
	}
	defer b.Discard()
	if err := b.endSheet(); err != nil {
		return err
	}
	err := b.add(b.book, func(part string) string {
		if strings.HasPrefix(part, "xl/worksheets/") {
			return "" // it is there already
		}
		return part
	})
	return b.spoil(errors.Join(err, b.file.Close()))
}

func (b *xlsxBook) Discard() {
	b.closed = true
	for _, f := range []*excelize.File{b.book, b.one} {
		if f != nil {
			_ = f.Close() // removes temporary files; there is nobody to tell
		}
	}
}
