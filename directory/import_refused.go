package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/ncruces/go-sqlite3"
)

// countRefusals brings the refusals into the report.
func (im *importer) countRefusals() error {
	im.report.Refusals, im.report.RefusalCount = nil, 0
	err := im.stage.each("SELECT file, COUNT(DISTINCT row), COUNT(*) FROM refusals GROUP BY file", func(row *sqlite3.Stmt) error {
		im.counts(fileKind(row.ColumnInt(0))).Refused = row.ColumnInt(1)
		im.report.RefusalCount += row.ColumnInt(2)
		return nil
	})
	if err != nil {
		return err
	}
	return im.stage.each("SELECT file, at, reason FROM refusals ORDER BY file, row, at LIMIT ?", func(row *sqlite3.Stmt) error {
		at := placeOf(row.ColumnInt(1))
		im.report.Refusals = append(im.report.Refusals, Refusal{fileKind(row.ColumnInt(0)).String(), at.line, at.column, row.ColumnText(2)})
		return nil
	}, maxRefusals)
}

// writeRefused writes the refused rows of each file to where they can be corrected.
func (im *importer) writeRefused() error {
	if !im.in.KeepGood || im.in.Refused == nil {
		return nil
	}
	for _, kind := range fileKinds {
		if im.counts(kind).Refused == 0 {
			continue
		}
		if err := im.writeRefusedRows(kind); err != nil {
			return fmt.Errorf("write the refused rows of %s: %w", kind, err)
		}
	}
	return nil
}

// writeRefusedRows reads a file once more for the rows that are refused: keeping each row all the while, for
// the sake of the few, would cost more.
func (im *importer) writeRefusedRows(kind fileKind) (err error) {
	f, _, err := openImportFile(im.in.Dir, kind)
	if err != nil {
		return err
	}
	if f == nil {
		return errFileChanged
	}
	defer f.closer.Close()
	out, err := im.in.Refused(kind.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	to := csv.NewWriter(out)
	if err := to.Write(append(f.withoutReason(textsOf(f.header)), reasonColumn)); err != nil {
		return err
	}
	err = im.stage.each("SELECT row, group_concat(reason, '; ') FROM refusals WHERE file = ? GROUP BY row ORDER BY row", func(row *sqlite3.Stmt) error {
		fields, err := f.rowAt(row.ColumnInt(0))
		if err != nil {
			return err
		}
		return to.Write(append(f.withoutReason(fields), row.ColumnText(1)))
	}, int(kind))
	if err != nil {
		return err
	}
	to.Flush()
	return to.Error()
}

var errFileChanged = errors.New("the file has changed since it was read")

// rowAt reads on to the row that begins on a line.
func (f *importFile) rowAt(line int) ([]string, error) {
	for {
		row, err := f.rows.row()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errFileChanged
		case err != nil:
			return nil, err
		case row.line > line:
			return nil, errFileChanged
		case row.line == line && row.malformed != nil:
			return salvage(row.raw), nil
		case row.line == line:
			return textsOf(row.cells), nil
		}
	}
}

// withoutReason takes out what was in the column `reason` of a row that has all fields.
func (f *importFile) withoutReason(fields []string) []string {
	kept := make([]string, 0, len(fields)+1)
	for i, text := range fields {
		if len(fields) != len(f.header) || columnName(f.header[i]) != reasonColumn {
			kept = append(kept, text)
		}
	}
	return kept
}

func textsOf(cells []cell) []string {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = c.text
	}
	return texts
}
