package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"cohort/models"
)

// clause is a condition in SQL with its arguments. The empty clause asks nothing.
type clause struct {
	sql  string
	args []any
}

func sqlf(sql string, args ...any) clause { return clause{sql, args} }

// all joins conditions that must every one hold.
func all(clauses ...clause) clause { return join(" AND ", "1 = 1", clauses) }

// any1 joins conditions of which one must hold; of none none does.
func any1(clauses ...clause) clause { return join(" OR ", "1 = 0", clauses) }

func join(word, none string, clauses []clause) clause {
	var parts []string
	var args []any
	for _, c := range clauses {
		if c.sql != "" {
			parts = append(parts, "("+c.sql+")")
			args = append(args, c.args...)
		}
	}
	if len(parts) == 0 {
		return clause{sql: none}
	}
	return clause{strings.Join(parts, word), args}
}

// column is something a list can be sorted by: its column, and its value in a row as a cursor keeps it.
type column[T any] struct {
	name  string
	value func(*T) any
}

// order is a column with a direction.
type order[T any] struct {
	column[T]
	descending bool
}

// encode and decode carry a column's value through a cursor.
func encodeKey(v any) string {
	switch v := v.(type) {
	case string:
		return "s" + v
	case int32:
		return "i" + strconv.FormatInt(int64(v), 10)
	case time.Time:
		return "t" + strconv.FormatInt(v.UnixMicro(), 10)
	}
	panic(fmt.Sprintf("directory: no cursor for %T", v))
}

// decodeKey reads the value of a column of the same kind as like. A cursor comes from outside: what no column
// can hold must not get as far as the database.
func decodeKey(key string, like any) (any, error) {
	if key == "" {
		return nil, errBadCursor
	}
	kind, text := key[0], key[1:]
	switch like.(type) {
	case string:
		if kind == 's' && utf8.ValidString(text) {
			return text, nil
		}
	case int32:
		if n, err := strconv.ParseInt(text, 10, 32); kind == 'i' && err == nil {
			return n, nil
		}
	case time.Time:
		if n, err := strconv.ParseInt(text, 10, 64); kind == 't' && err == nil {
			if t := time.UnixMicro(n).UTC(); t.Year() >= 1970 && t.Year() <= 9999 {
				return t, nil
			}
		}
	}
	return nil, errBadCursor
}

var errBadCursor = models.Errorf(models.CodeInvalid, "this is not a cursor that a list has handed out")

// list is a kind of list: the table it reads, the alias its conditions use, and the id of a row.
type list[T any] struct {
	table string
	alias string
	id    func(*T) [16]byte
}

// scope says which rows one of several lists has, and, if that is asked for, which of them are there by a row
// of their own.
type scope struct{ where, direct clause }

// slot is a row of one of several lists that are read in one statement.
type slot[T any] struct {
	Slot   int
	Direct bool
	Row    T `gorm:"embedded"`
}

// beyond is the condition to lie behind a place in the order.
func (l list[T]) beyond(o order[T], at *models.Cursor, descending bool) (clause, error) {
	if at == nil {
		return clause{}, nil
	}
	value, err := decodeKey(at.Key, o.value(new(T)))
	if err != nil {
		return clause{}, err
	}
	op := ">"
	if descending {
		op = "<"
	}
	col, id := l.alias+"."+o.name, l.alias+".id"
	// The tuple form would scan the whole index on MySQL.
	return sqlf(fmt.Sprintf("%[1]s %[2]s= ? AND (%[1]s %[2]s ? OR %[3]s %[2]s ?)", col, op, id), value, value, at.ID[:]), nil
}

// read reads one page of each of the lists that the scopes stand for, in one statement: rows in the order
// asked for, and whether there are more on the far side.
func (l list[T]) read(tx *gorm.DB, account models.AccountID, scopes []scope, filter clause, o order[T], page models.Page) ([][]*slot[T], []bool, error) {
	descending := o.descending != page.Backward
	after, err := l.beyond(o, page.After, o.descending)
	if err != nil {
		return nil, nil, err
	}
	before, err := l.beyond(o, page.Before, !o.descending)
	if err != nil {
		return nil, nil, err
	}
	word := "ASC"
	if descending {
		word = "DESC"
	}
	rows, err := readSlots[T](tx, len(scopes), func(i int) clause {
		where := all(sqlf(l.alias+".account_id = ?", account), scopes[i].where, filter, after, before)
		direct := scopes[i].direct
		if direct.sql != "" {
			direct.sql = "CASE WHEN " + direct.sql + " THEN 1 ELSE 0 END AS direct, "
		}
		return sqlf(fmt.Sprintf("SELECT %[5]d AS slot, %[8]s%[1]s.* FROM %[2]s %[1]s WHERE %[3]s ORDER BY %[1]s.%[4]s %[6]s, %[1]s.id %[6]s LIMIT %[7]d",
			l.alias, l.table, where.sql, o.name, i, word, page.Size+1, direct.sql), slices.Concat(direct.args, where.args)...)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read page of %s: %w", l.table, err)
	}
	more := make([]bool, len(scopes))
	for i := range rows {
		// The order of a part of a union is not promised to survive the union.
		slices.SortFunc(rows[i], func(a, b *slot[T]) int { return l.compare(o, &a.Row, &b.Row, descending) })
		if more[i] = len(rows[i]) > page.Size; more[i] {
			rows[i] = rows[i][:page.Size]
		}
		if page.Backward {
			slices.Reverse(rows[i])
		}
	}
	return rows, more, nil
}

func (l list[T]) compare(o order[T], a, b *T, descending bool) int {
	c := 0
	switch x := o.value(a).(type) {
	case string:
		c = strings.Compare(x, o.value(b).(string))
	case int32:
		c = int(x) - int(o.value(b).(int32))
	case time.Time:
		c = x.Compare(o.value(b).(time.Time))
	}
	if c == 0 {
		ia, ib := l.id(a), l.id(b)
		c = slices.Compare(ia[:], ib[:])
	}
	if descending {
		return -c
	}
	return c
}

// What is read in one statement: so many lists (SQLite takes 500 parts at most) with so many arguments. Lists
// with large filters are read in several, since MySQL takes gigabytes to plan thousands of subqueries at once.
const (
	unionSize = 100
	unionArgs = 2_000
)

// readSlots runs the statements of n lists, many in one round trip.
func readSlots[T any](tx *gorm.DB, n int, one func(int) clause) ([][]*slot[T], error) {
	rows := make([][]*slot[T], n)
	for start := 0; start < n; {
		var parts []clause
		args := 0
		for i := start; i < min(start+unionSize, n); i++ {
			c := one(i)
			if args += len(c.args); args > unionArgs && len(parts) > 0 {
				break
			}
			parts = append(parts, c)
		}
		start += len(parts)
		var found []slot[T]
		together := union(parts)
		if err := tx.Raw(together.sql, together.args...).Scan(&found).Error; err != nil {
			return nil, err
		}
		for i := range found {
			rows[found[i].Slot] = append(rows[found[i].Slot], &found[i])
		}
	}
	return rows, nil
}

func union(parts []clause) clause {
	if len(parts) == 1 {
		return parts[0]
	}
	var together clause
	for i, c := range parts {
		if i > 0 {
			together.sql += " UNION ALL "
		}
		together.sql += fmt.Sprintf("SELECT * FROM (%s) AS part%d", c.sql, i)
		together.args = append(together.args, c.args...)
	}
	return together
}

// count counts each of the lists, in one statement.
func (l list[T]) count(tx *gorm.DB, account models.AccountID, scopes []scope, filter clause) ([]int, error) {
	counts := make([]int, len(scopes))
	type total struct{ N int }
	rows, err := readSlots[total](tx, len(scopes), func(i int) clause {
		where := all(sqlf(l.alias+".account_id = ?", account), scopes[i].where, filter)
		return sqlf(fmt.Sprintf("SELECT %[1]d AS slot, COUNT(*) AS n FROM %[2]s %[3]s WHERE %[4]s", i, l.table, l.alias, where.sql), where.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("count %s: %w", l.table, err)
	}
	for i := range rows {
		counts[i] = rows[i][0].Row.N
	}
	return counts, nil
}

// cursor is the place of a row in the list.
func (l list[T]) cursor(o order[T], hash models.ListHash, row *T) string {
	return hash.Cursor(models.Cursor{Key: encodeKey(o.value(row)), ID: l.id(row)})
}

// pageInfo says where the page lies. On the far side there may be more; beyond a cursor lies at least what it
// was taken from.
func pageInfo(page models.Page, cursors []string, more bool) *models.PageInfo {
	info := &models.PageInfo{HasNextPage: page.Before != nil, HasPreviousPage: page.After != nil}
	if page.Backward {
		info.HasPreviousPage = info.HasPreviousPage || more
	} else {
		info.HasNextPage = info.HasNextPage || more
	}
	if len(cursors) > 0 {
		info.StartCursor, info.EndCursor = &cursors[0], &cursors[len(cursors)-1]
	}
	return info
}
