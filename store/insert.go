package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Rows is an INSERT of many rows: as many to a statement as is quickest, and without what GORM finds out for each
// value of each row.
type Rows struct {
	tx      *gorm.DB
	table   string
	columns string
	one     string // the placeholders of a row
	width   int    // how many values a row has
	most    int    // how many of them a statement takes
	also    []any  // values of what the database computes, behind those of each row
	values  []any

	again    bool // a full statement was run
	prepared *sql.Stmt
}

// mostValues bounds the values of one statement. With many more a row costs MySQL twice as much, and SQLite takes no more
// than 32,766.
const mostValues = 3000

// Into begins an INSERT into a table. The columns are named in one text, with commas between them. Nothing is
// written before a statement is full, and the rest not before End.
func Into(tx *gorm.DB, table, columns string) *Rows {
	width := strings.Count(columns, ",") + 1
	return &Rows{
		tx: tx, table: table, columns: columns, width: width, most: max(mostValues/width, 1) * width,
		one: "(?" + strings.Repeat(",?", width-1) + ")",
	}
}

// Also has the database compute one more column, the same way for each row. Call it before the first row.
func (r *Rows) Also(column string, value clause.Expr) *Rows {
	r.columns += ", " + column
	r.one = strings.TrimSuffix(r.one, ")") + "," + value.SQL + ")"
	r.also = append(r.also, value.Vars...)
	perRow := r.width + len(r.also)
	r.most = max(mostValues/perRow, 1) * perRow
	return r
}

// Row adds a row: a value for each column, each a []byte, string, int64, float64, bool, time.Time or nil. An id goes in as
// id[:]; what a slice shows must stay as it is until End. An error is that of a statement, as from End.
func (r *Rows) Row(values ...any) error {
	if len(values) != r.width {
		return fmt.Errorf("insert into %s: %d values for %d columns", r.table, len(values), r.width)
	}
	if r.values = append(append(r.values, values...), r.also...); len(r.values) < r.most {
		return nil
	}
	return r.flush()
}

// End inserts the rows that are left. After an error of Row or End some rows may be there and others not, so that the
// transaction must be rolled back.
func (r *Rows) End() error {
	defer r.close()
	if len(r.values) == 0 {
		return nil
	}
	return r.flush()
}

func (r *Rows) flush() error {
	n := len(r.values) / (r.width + len(r.also))
	text, ctx, begin := r.text(n), r.tx.Statement.Context, time.Now()
	err := r.exec(ctx, text, len(r.values) == r.most)
	r.tx.Logger.Trace(ctx, begin, func() (string, int64) { return text, int64(n) }, err)
	clear(r.values)
	r.values = r.values[:0]
	if err != nil {
		r.close()
		return fmt.Errorf("insert into %s: %w", r.table, Translate(err))
	}
	return nil
}

// exec runs a statement. From the second full one on it is a prepared one: to read the text takes the database longer
// than what the text says.
func (r *Rows) exec(ctx context.Context, text string, full bool) (err error) {
	pool := r.tx.Statement.ConnPool
	if !full || !r.again {
		r.again = full
		_, err = pool.ExecContext(ctx, text, r.values...)
		return err
	}
	if r.prepared == nil {
		if r.prepared, err = pool.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	_, err = r.prepared.ExecContext(ctx, r.values...)
	return err
}

func (r *Rows) close() {
	if r.prepared != nil {
		_ = r.prepared.Close()
		r.prepared = nil
	}
}

// text is the statement for so many rows.
func (r *Rows) text(n int) string {
	var out strings.Builder
	out.Grow(len(r.table) + len(r.columns) + 32 + n*(len(r.one)+1))
	out.WriteString("INSERT INTO ")
	out.WriteString(r.table)
	out.WriteString(" (")
	out.WriteString(r.columns)
	out.WriteString(") VALUES ")
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(r.one)
	}
	return out.String()
}
