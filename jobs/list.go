package jobs

import (
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"cohort/models"
)

var errBadCursor = models.Errorf(models.CodeInvalid, "this is not a cursor that a list has handed out")

// Filter says which jobs a list has. What is empty asks nothing.
type Filter struct {
	States []models.JobState
	Kinds  []string
}

// List reads a page of the account's jobs, the newest first, and whether there are more on its far side. The Key of a
// cursor is the job's Seq in decimals. INVALID for another.
func List(db *gorm.DB, account models.AccountID, f Filter, page models.Page) (found []models.Job, more bool, err error) {
	return read[models.Job](f.of(db, account), "seq", true, page)
}

// Count counts the account's jobs that fit.
func Count(db *gorm.DB, account models.AccountID, f Filter) (int, error) {
	var n int64
	if err := f.of(db, account).Model(&models.Job{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return int(n), nil
}

func (f Filter) of(db *gorm.DB, account models.AccountID) *gorm.DB {
	rows := db.Where("account_id = ?", account)
	if len(f.States) > 0 {
		rows = rows.Where("state IN ?", f.States)
	}
	if len(f.Kinds) > 0 {
		rows = rows.Where("kind IN ?", f.Kinds)
	}
	return rows
}

// read reads a page of rows by a column that is a number, and unique among them.
func read[T any](rows *gorm.DB, column string, descending bool, page models.Page) (found []T, more bool, err error) {
	for _, bound := range []struct {
		at    *models.Cursor
		below bool
	}{{page.After, descending}, {page.Before, !descending}} {
		if bound.at == nil {
			continue
		}
		n, err := strconv.ParseInt(bound.at.Key, 10, 64)
		if err != nil {
			return nil, false, errBadCursor
		}
		op := " > ?"
		if bound.below {
			op = " < ?"
		}
		rows = rows.Where(column+op, n)
	}
	order := column
	if descending != page.Backward {
		order += " DESC"
	}
	if err := rows.Order(order).Limit(page.Size + 1).Find(&found).Error; err != nil {
		return nil, false, fmt.Errorf("read a page of jobs: %w", err)
	}
	if more = len(found) > page.Size; more {
		found = found[:page.Size]
	}
	if page.Backward {
		slices.Reverse(found)
	}
	return found, more, nil
}
