package jobs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"cohort/models"
)

// RowPage is a page of the rows of a job.
type RowPage struct {
	Rows []models.JobRow
	More bool // on its far side
}

// Rows reads the same page of the rows of each of the jobs, in their order and in the order of the ids: all of them, or those
// with one of the outcomes. The Key of a cursor is the row's Position in decimals. INVALID for another. It takes two
// statements for a hundred jobs.
func Rows(db *gorm.DB, account models.AccountID, ids []models.JobID, outcomes []models.JobOutcome, page models.Page) ([]RowPage, error) {
	w, err := windowOf(page)
	if err != nil {
		return nil, err
	}
	found := map[models.JobID][]models.JobRow{}
	for part := range slices.Chunk(ids, 100) { // a statement takes no more, SQLite says
		if err := w.read(db, account, part, distinct(outcomes), found); err != nil {
			return nil, err
		}
	}
	pages := make([]RowPage, len(ids))
	for i, id := range ids {
		pages[i] = w.cut(found[id], page.Size)
	}
	return pages, nil
}

// CountRows counts the rows of each of the jobs, in the order of the ids: all of them, or those with one of the outcomes.
func CountRows(db *gorm.DB, account models.AccountID, ids []models.JobID, outcomes []models.JobOutcome) ([]int, error) {
	outcomes = distinct(outcomes)
	all, pending := len(outcomes) == 0, slices.Contains(outcomes, models.JobOutcomePending)
	outcomes = slices.DeleteFunc(outcomes, func(o models.JobOutcome) bool { return o == models.JobOutcomePending })
	counts := map[models.JobID]int{}
	var found []struct {
		ID models.JobID
		N  int
	}
	read := func(n, table, id, rest string, args ...any) error {
		found = nil
		err := db.Raw("SELECT "+id+" AS id, "+n+" AS n FROM "+table+" WHERE account_id = ? AND "+id+" IN ?"+rest, append([]any{account, ids}, args...)...).
			Scan(&found).Error
		if err != nil {
			return fmt.Errorf("count the rows of jobs: %w", err)
		}
		for _, f := range found {
			counts[f.ID] += f.N
		}
		return nil
	}
	// The job itself knows how many there are, and how many of them are done.
	if all {
		if err := read("total", "jobs", "id", ""); err != nil {
			return nil, err
		}
	}
	if pending {
		if err := read("total - done", "jobs", "id", ""); err != nil {
			return nil, err
		}
	}
	if len(outcomes) > 0 {
		if err := read("COUNT(*)", "job_rows", "job_id", " AND outcome IN ? GROUP BY job_id", outcomes); err != nil {
			return nil, err
		}
	}
	ordered := make([]int, len(ids))
	for i, id := range ids {
		ordered[i] = counts[id]
	}
	return ordered, nil
}

func distinct(outcomes []models.JobOutcome) []models.JobOutcome {
	return slices.Compact(slices.Sorted(slices.Values(outcomes)))
}

// window is which positions a page may have, and how many of them are read.
type window struct {
	from, to int32 // to is the first beyond
	size     int32 // one more than the page has, which tells whether there are more
	backward bool
}

func windowOf(page models.Page) (window, error) {
	w := window{to: math.MaxInt32, size: int32(page.Size) + 1, backward: page.Backward} //nolint:gosec // pages are small
	for _, bound := range []struct {
		at   *models.Cursor
		edge *int32
		off  int32
	}{{page.After, &w.from, 1}, {page.Before, &w.to, 0}} {
		if bound.at == nil {
			continue
		}
		position, err := strconv.ParseInt(bound.at.Key, 10, 32)
		if err != nil || position == math.MaxInt32 {
			return w, errBadCursor
		}
		*bound.edge = max(int32(position)+bound.off, 0)
	}
	return w, nil
}

// read adds to found what the tables have of the pages, and maybe a little more.
func (w window) read(db *gorm.DB, account models.AccountID, ids []models.JobID, outcomes []models.JobOutcome, found map[models.JobID][]models.JobRow) error {
	only, direction := "", "ASC"
	if len(outcomes) > 0 {
		only = " AND outcome IN ?"
	}
	if w.backward {
		direction = "DESC"
	}
	var parts []string
	var args []any
	for i, id := range ids {
		parts = append(parts, fmt.Sprintf("SELECT * FROM (SELECT * FROM job_rows WHERE account_id = ? AND job_id = ? AND position >= ? AND position < ?%s ORDER BY position %s LIMIT %d) AS part%d",
			only, direction, w.size, i))
		args = append(args, account, id, w.from, w.to)
		if only != "" {
			args = append(args, outcomes)
		}
	}
	var rows []models.JobRow
	if err := db.Raw(strings.Join(parts, " UNION ALL "), args...).Scan(&rows).Error; err != nil {
		return fmt.Errorf("read the rows of jobs: %w", err)
	}
	for _, row := range rows {
		found[row.JobID] = append(found[row.JobID], row)
	}
	if only != "" && !slices.Contains(outcomes, models.JobOutcomePending) {
		return nil
	}
	blocks, err := w.blocks(db, account, ids)
	for i := range blocks {
		b := &blocks[i]
		found[b.Block.JobID] = append(found[b.Block.JobID], b.rows(w)...)
	}
	return err
}

// cut makes a page of what was read.
func (w window) cut(rows []models.JobRow, size int) RowPage {
	inOrder(rows)
	more := len(rows) > size
	switch {
	case !more:
	case w.backward:
		rows = rows[len(rows)-size:]
	default:
		rows = rows[:size]
	}
	return RowPage{rows, more}
}

// blocks reads of each of the jobs the blocks with a row that may be on the page.
func (w window) blocks(db *gorm.DB, account models.AccountID, ids []models.JobID) ([]pendingBlock, error) {
	// All rows from jobs.done on are pending, so that a page is within so many positions of where it begins.
	const end = "(b.position + LENGTH(b.subjects) / 16)"
	where, args := "j.account_id = ? AND j.id IN ? AND "+end+" > j.done AND "+end+" > ? AND b.position < ?", []any{account, ids, w.from, w.to}
	if w.backward {
		where += " AND (" + end + " > j.total - ? OR " + end + " > ?)"
		args = append(args, w.size, int64(w.to)-int64(w.size))
	} else {
		where += " AND (b.position < j.done + ? OR b.position < ?)"
		args = append(args, w.size, int64(w.from)+int64(w.size))
	}
	var found []pendingBlock
	err := db.Raw("SELECT b.*, j.done, j.total FROM jobs j JOIN job_blocks b ON b.account_id = j.account_id AND b.job_id = j.id WHERE "+where, args...).
		Scan(&found).Error
	if err != nil {
		return nil, fmt.Errorf("read the blocks of jobs: %w", err)
	}
	return found, nil
}

// pendingBlock is a block with how far its job is.
type pendingBlock struct {
	Block       block `gorm:"embedded"`
	Done, Total int32
}

// rows are those of the block that may be on the page.
func (b *pendingBlock) rows(w window) []models.JobRow {
	from, to := max(w.from, b.Done), min(w.to, b.Total)
	if w.backward {
		from = max(from, to-w.size)
	} else {
		to = min(to, from+w.size)
	}
	return b.Block.between(from, to)
}
