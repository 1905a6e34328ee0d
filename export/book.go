// Package export writes what leaves the system as a file: Excel workbooks, HTML pages and CSV. Files are written row by row;
// what is held in memory doesn't grow with them.
package export

import (
	"errors"
	"fmt"
	"time"

	"cohort/locale"
)

// Kind is what a column holds. A cell of another kind is taken all the same, and written as what it is.
type Kind int

const (
	Text   Kind = iota // string
	Number             // int, int32, int64
	Date               // time.Time, a moment
	Truth              // bool
)

// Column is one column of a table.
type Column struct {
	Heading string // in the reader's language; behind that of a date comes "(UTC)"
	Kind    Kind
	Width   int // in characters, from 4 to 60; 0 for what suits the kind
}

// Table is a sheet of a workbook, a section of a page, or a file of CSV.
type Table struct {
	Name    string // in the reader's language
	Columns []Column
}

// Options say how a file is written.
type Options struct {
	Language  *locale.Language // of dates, truths, and of what the page itself says; nil for the default
	Title     string           // of the page, and in the properties of the workbook; CSV has none
	Note      string           // a line below the title, in the properties of the workbook; CSV has none
	Made      time.Time        // of when the data is; zero leaves it out
	BOM       bool             // begin CSV with the byte order mark, by which Excel knows UTF-8
	Temporary string           // the folder of the workbook's temporary files; "" for the system's
}

// Book is a file that is being written: one or several tables, one after the other. It is for one goroutine.
//
// Once a method has failed by the writer beneath or by a temporary file, the file is spoilt, and every later call gives the same
// error. A call that is refused because of what it was given (no columns, a cell that is no value, a row that is too
// short) writes nothing, and the book can go on.
type Book interface {
	// Table begins a table; the one before is finished. CSV takes one only and refuses a second with ErrOneTable.
	Table(Table) error

	// Row adds a row to the table: a cell for each column, each a string, int, int32, int64, bool, time.Time or, for an
	// empty one, nil. The caller may use the slice and what is in it again afterwards. Moments are written in UTC.
	//
	// Characters that XML doesn't have (most control characters, halves of surrogates, broken UTF-8) become
	// U+FFFD, the replacement character, in all formats, so that a cell reads the same everywhere.
	Row(cells []any) error

	// Close finishes the file. What is beneath is not closed. A book without a table is an error.
	Close() error

	// Discard lets go of what the book holds, its temporary files among them. It is for `defer`: after Close it does nothing, and
	// a file that was not closed stays unfinished.
	Discard()
}

// The mistakes of callers that can be told apart.
var (
	ErrOneTable = errors.New("a CSV file has one table only")
	ErrNoTable  = errors.New("a file needs a table first")
	ErrClosed   = errors.New("the file is finished")
)

// writing is the part of a book that is the same in all formats: what was begun, and whether it may go on.
type writing struct {
	options Options
	words   words
	columns []Column // of the table that is being written
	tables  int
	closed  bool
	spoilt  error
}

func begin(o Options) writing {
	if o.Language == nil {
		o.Language = locale.Of(locale.Default)
	}
	return writing{options: o, words: wordsOf(o.Language)}
}

// mayBegin says why no table can be begun, if so.
func (w *writing) mayBegin(t Table) error {
	switch {
	case w.spoilt != nil:
		return w.spoilt
	case w.closed:
		return ErrClosed
	case len(t.Columns) == 0:
		return fmt.Errorf("the table %q has no columns", t.Name)
	case len(t.Columns) > mostColumns:
		return fmt.Errorf("the table %q has %d columns: there may be %d", t.Name, len(t.Columns), mostColumns)
	}
	return nil
}

// mostColumns is what a sheet of Excel has. The other formats keep to it, so that what can be exported is the same in all.
const mostColumns = 16_384

// mayAdd says why no row can be added, if so.
func (w *writing) mayAdd(cells []any) error {
	switch {
	case w.spoilt != nil:
		return w.spoilt
	case w.closed:
		return ErrClosed
	case w.tables == 0:
		return ErrNoTable
	case len(cells) != len(w.columns):
		return fmt.Errorf("a row of %d cells in a table of %d columns", len(cells), len(w.columns))
	}
	for i, cell := range cells {
		switch cell.(type) {
		case nil, string, bool, int, int32, int64, time.Time:
		default:
			return fmt.Errorf("cell %d is a %T, which is no value of a table", i+1, cell)
		}
	}
	return nil
}

// mayClose says why the file can't be finished, if so.
func (w *writing) mayClose() error {
	switch {
	case w.spoilt != nil:
		return w.spoilt
	case w.closed:
		return ErrClosed
	case w.tables == 0:
		return ErrNoTable
	}
	return nil
}

// spoil keeps the first error that leaves the file broken.
func (w *writing) spoil(err error) error {
	if err != nil && w.spoilt == nil {
		w.spoilt = fmt.Errorf("write the export: %w", err)
	}
	return w.spoilt
}

// heading is what stands above a column.
func (c Column) heading() string {
	if c.Kind == Date {
		return clean(c.Heading) + " (UTC)"
	}
	return clean(c.Heading)
}

// width is the column's in characters.
func (c Column) width() int {
	if c.Width <= 0 {
		return map[Kind]int{Text: 24, Number: 12, Date: 20, Truth: 12}[c.Kind]
	}
	return min(max(c.Width, 4), 60)
}
