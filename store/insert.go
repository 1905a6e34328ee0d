package store

import (
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
	also    []any // values of what the database computes, behind those of each row
	values  []any
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
	if len(r.values) == 0 {
		return nil
	}
	return r.flush()
}

func (r *Rows) flush() error {
	n := len(r.values) / (r.width + len(r.also))
	var sql strings.Builder
	sql.Grow(len(r.table) + len(r.columns) + 32 + n*(len(r.one)+1))
	sql.WriteString("INSERT INTO ")
	sql.WriteString(r.table)
	sql.WriteString(" (")
	sql.WriteString(r.columns)
	sql.WriteString(") VALUES ")
	for i := range n {
		if i > 0 {
			sql.WriteByte(',')
		}
		sql.WriteString(r.one)
	}
	text, ctx, begin := sql.String(), r.tx.Statement.Context, time.Now()
	_, err := r.tx.Statement.ConnPool.ExecContext(ctx, text, r.values...)
	r.tx.Logger.Trace(ctx, begin, func() (string, int64) { return text, int64(n) }, err)
	clear(r.values)
	r.values = r.values[:0]
	if err != nil {
		return fmt.Errorf("insert into %s: %w", r.table, Translate(err))
	}
	return nil
}
