package store

import "gorm.io/gorm"

// Through is a table, with its alias if it has one, as a statement names it that must read it through an index: where the
// engines' own choice would read many rows for few. MySQL, for one, goes by statistics that are taken now and then.
func Through(db *gorm.DB, table, index string) string {
	if db.Name() == "sqlite" {
		return table + " INDEXED BY " + index
	}
	return table + " FORCE INDEX (" + index + ")"
}
