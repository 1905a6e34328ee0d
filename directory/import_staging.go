package directory

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// staging holds the rows of an import while they are checked, in a temporary database of SQLite: a file in
// the folder for temporary files, of which 2 MB are in memory, and which is gone when it is closed or the
// program dies. A database, because what an import asks of its rows (which are there twice, which name what,
// in what order to write them) is sorting and joining, however many there are; and this one, because it is
// there wherever the program is, and doesn't burden the server or the account's lock.
type staging struct {
	db       *sqlite3.Conn
	prepared map[string]*sqlite3.Stmt
}

// What is known of a staged row.
const (
	statePending   = iota // it is to be written, unless the plan finds otherwise
	stateUnchanged        // the account has it as it is
	stateWritten
	stateRefused
	stateNamed // a user that only memberships name
)

const pending = "0" // in SQL

// Places are staged as one number, see place.number.
const stagingSchema = `
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE users (
    n        INTEGER PRIMARY KEY,
    line     INTEGER, -- NULL for one that only memberships name
    key      TEXT NOT NULL,
    email    TEXT, given TEXT, family TEXT, role TEXT, locale TEXT,
    email_at INTEGER, role_at INTEGER,
    state    INTEGER NOT NULL,
    id       BLOB -- once the account has the user
);
CREATE TABLE named ( -- the rows of memberships.csv as they come
    grp      INTEGER NOT NULL,
    user_key TEXT NOT NULL,
    line     INTEGER NOT NULL,
    email_at INTEGER NOT NULL
);
CREATE TABLE members (
    grp      INTEGER NOT NULL,
    usr      INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    email_at INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    PRIMARY KEY (grp, usr, line)
) WITHOUT ROWID;
CREATE TABLE refusals (
    file   INTEGER NOT NULL,
    row    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (file, row, at, reason)
) WITHOUT ROWID;
`

func openStaging() (*staging, error) {
	// A database without a name is a temporary one.
	db, err := sqlite3.Open("")
	if err != nil {
		return nil, fmt.Errorf("open the staging database: %w", err)
	}
	s := &staging{db: db, prepared: map[string]*sqlite3.Stmt{}}
	// One transaction all the way: nothing of it is to outlive the import.
	if err := db.Exec(stagingSchema + "BEGIN"); err != nil {
		s.close()
		return nil, fmt.Errorf("make the staging tables: %w", err)
	}
	return s, nil
}

func (s *staging) close() {
	for _, stmt := range s.prepared {
		_ = stmt.Close()
	}
	_ = s.db.Close()
}

// exec runs a statement that gives no rows.
func (s *staging) exec(sql string, args ...any) error {
	return s.each(sql, func(*sqlite3.Stmt) error { return nil }, args...)
}

// each hands the rows of a statement to fn, which must not run the same statement.
func (s *staging) each(sql string, fn func(*sqlite3.Stmt) error, args ...any) error {
	stmt, err := s.prepare(sql, args)
	if err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	for stmt.Step() {
		if err := fn(stmt); err != nil {
			_ = stmt.Reset()
			return err
		}
	}
	if err := stmt.Reset(); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	return nil
}

// number is the one value that a query gives.
func (s *staging) number(sql string, args ...any) (int, error) {
	var n int
	err := s.each(sql, func(row *sqlite3.Stmt) error { n = row.ColumnInt(0); return nil }, args...)
	return n, err
}

func (s *staging) prepare(sql string, args []any) (*sqlite3.Stmt, error) {
	stmt := s.prepared[sql]
	if stmt == nil {
		var err error
		if stmt, _, err = s.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, err
		}
		s.prepared[sql] = stmt
	}
	for i, arg := range args {
		var err error
		switch v := arg.(type) {
		case int:
			err = stmt.BindInt(i+1, v)
		case string:
			err = stmt.BindText(i+1, v)
		case []byte:
			err = stmt.BindBlob(i+1, v)
		default:
			err = fmt.Errorf("no way to bind a %T", arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return stmt, nil
}

// columnBits hold a column: a row is shorter than that.
const columnBits = 17

func (p place) number() int { return p.line<<columnBits | p.column }

func placeOf(number int) place { return place{number >> columnBits, number & (1<<columnBits - 1)} }

// refuse notes that a row is refused. Its state is the caller's to set.
func (s *staging) refuse(file fileKind, row int, c complaint) error {
	return s.exec("INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?)", int(file), row, c.number(), c.reason)
}
