package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"
)

// ErrNoAccount says that there is no account of the given id.
var ErrNoAccount = errors.New("no such account")

// ErrCommitUnknown says that the connection was lost during the commit and nothing tells whether the
// transaction took effect.
var ErrCommitUnknown = errors.New("the connection was lost during the commit, and it is unknown whether it took effect")

// Translate maps an error of the database to the one of GORM that means it, the same for every engine:
// gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated, and gorm.ErrCheckConstraintViolated for a value
// that a column doesn't take (too long a text, invalid JSON). Any other it returns as it is. Statements
// through GORM come translated; this is for those that go around it.
func Translate(err error) error {
	var my *mysql.MySQLError
	var lite *sqlite3.Error
	switch {
	case errors.As(err, &my):
		switch my.Number {
		case 1062:
			return gorm.ErrDuplicatedKey
		case 1216, 1217, 1451, 1452:
			return gorm.ErrForeignKeyViolated
		case 1406, 3140, 3819, 4025: // too long, invalid JSON, CHECK, CHECK on MariaDB
			return gorm.ErrCheckConstraintViolated
		}
	case errors.As(err, &lite):
		switch lite.ExtendedCode() {
		case sqlite3.CONSTRAINT_UNIQUE, sqlite3.CONSTRAINT_PRIMARYKEY, sqlite3.CONSTRAINT_ROWID:
			return gorm.ErrDuplicatedKey
		case sqlite3.CONSTRAINT_FOREIGNKEY:
			return gorm.ErrForeignKeyViolated
		case sqlite3.CONSTRAINT_CHECK:
			return gorm.ErrCheckConstraintViolated
		}
	}
	return err
}

// dialector is an engine's own with our translation of errors.
type dialector struct{ gorm.Dialector }

func (dialector) Translate(err error) error { return Translate(err) }

// Explain leaves the placeholders as they are, so that no value gets into a log. GORM calls it for each
// Scan, slow or not, past its logger's filter.
func (dialector) Explain(sql string, _ ...any) string { return sql }

func (dialector) SavePoint(tx *gorm.DB, name string) error {
	return tx.Exec("SAVEPOINT " + name).Error
}

func (dialector) RollbackTo(tx *gorm.DB, name string) error {
	return tx.Exec("ROLLBACK TO SAVEPOINT " + name).Error
}

// transient says whether the same transaction, begun anew, may succeed.
func transient(err error) bool {
	return lost(err) ||
		errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED) ||
		// Deadlock, lock wait timeout; TiDB's write conflicts and changed schema.
		isMySQL(err, 1213, 1205, 9007, 8022, 8002, 8028)
}

// lost says whether the connection went away.
func lost(err error) bool {
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.As(err, &network) ||
		// The server shuts down, or ended the session: killed, idle.
		isMySQL(err, 1053, 1927, 3169, 4031)
}

// interrupted gives an error that comes from the end of ctx the identity of ctx's.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) || errors.Is(err, ErrCommitUnknown) {
		return err
	}
	if transient(err) || errors.Is(err, sqlite3.INTERRUPT) {
		return fmt.Errorf("%w: %v", ctx.Err(), err)
	}
	return err
}
