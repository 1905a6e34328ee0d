package store

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Clock is the database's own time as a value in a statement on db, moved by so much. It is for leases: the
// clocks of several servers differ, and theirs is one. SQLite's counts milliseconds.
func Clock(db *gorm.DB, moved time.Duration) clause.Expr {
	if db.Name() == "sqlite" {
		return gorm.Expr("(CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) + ?)", moved.Microseconds())
	}
	return gorm.Expr("(NOW(6) + INTERVAL ? MICROSECOND)", moved.Microseconds())
}
