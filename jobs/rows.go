package jobs

import (
	"encoding/json"
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"cohort/models"
	"cohort/store"
)

// Add gives a job rows, behind those it has. A row needs its subject; one that already says its effect and outcome
// counts as done, which only rows without a pending one before them can.
func Add(tx *store.Tx, job *models.Job, rows []models.JobRow) error {
	if len(rows) == 0 {
		return nil
	}
	after := *job
	for i := range rows {
		r := &rows[i]
		r.AccountID, r.JobID, r.Position = job.AccountID, job.ID, after.Total
		switch {
		case r.Effect == "":
			r.Effect, r.Outcome = models.JobRowEffectPending, models.JobRowPending
		case after.Done < after.Total:
			return fmt.Errorf("add to the job: row %d is done before row %d", r.Position, after.Done)
		default:
			if err := count(&after, *r); err != nil {
				return err
			}
		}
		after.Total++
	}
	if err := insertRows(tx, rows); err != nil {
		return err
	}
	return advance(tx, job, after)
}

func insertRows(tx *store.Tx, rows []models.JobRow) error {
	into := store.Into(tx.DB, models.JobRow{}.TableName(), "account_id, job_id, position, subject_type, subject_id, effect, outcome, detail")
	for i := range rows {
		r, detail := &rows[i], any(nil)
		if r.Detail != nil {
			detail = *r.Detail
		}
		err := into.Row(r.AccountID[:], r.JobID[:], int64(r.Position), r.SubjectType, r.SubjectID, string(r.Effect), r.Outcome, detail)
		if err != nil {
			return err
		}
	}
	return into.End()
}

// addAgain gives a job the rows of another that have one of the effects, with their detail, in their order.
func addAgain(tx *store.Tx, job *models.Job, of models.JobID, effects []models.JobRowEffect) error {
	done := tx.Exec("INSERT INTO job_rows (account_id, job_id, position, subject_type, subject_id, detail, effect, outcome) "+
		"SELECT account_id, ?, ? + ROW_NUMBER() OVER (ORDER BY position) - 1, subject_type, subject_id, detail, ?, ? FROM job_rows "+
		"WHERE account_id = ? AND job_id = ? AND effect IN ?",
		job.ID, job.Total, models.JobRowEffectPending, models.JobRowPending, job.AccountID, of, effects)
	if done.Error != nil {
		return fmt.Errorf("insert the job's rows: %w", done.Error)
	}
	after := *job
	after.Total += int32(done.RowsAffected) //nolint:gosec // an account has fewer
	return advance(tx, job, after)
}

// Pending returns the next rows that are to be done, at most so many, in order.
func Pending(tx *store.Tx, job *models.Job, most int) ([]models.JobRow, error) {
	var rows []models.JobRow
	// Rows are done in order, so that the number of those done is where to go on.
	err := tx.Where("account_id = ? AND job_id = ? AND position >= ?", job.AccountID, job.ID, job.Done).
		Order("position").Limit(most).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the job's next rows: %w", err)
	}
	return withBlocks(tx, job, rows, most)
}

// Settle writes what became of the next rows, and counts them: those that Pending has returned, or the first of them,
// in their order, each with its effect and outcome. Anything else is an error, and the transaction must be rolled back.
// Rows that AddIDs has added are written here for the first time. Of the others those without detail cost one statement
// for each outcome, those with it one for a thousand.
func Settle(tx *store.Tx, job *models.Job, rows []models.JobRow) error {
	if len(rows) == 0 {
		return nil
	}
	type result struct {
		effect  models.JobRowEffect
		outcome string
		detail  string
	}
	after := *job
	alike, different, fresh := map[result][]int32{}, []models.JobRow{}, []models.JobRow{}
	for _, r := range rows {
		if r.JobID != job.ID || r.Position != after.Done || r.Position >= job.Total {
			return fmt.Errorf("settle the job's rows: row %d where row %d comes next", r.Position, after.Done)
		}
		if err := count(&after, r); err != nil {
			return err
		}
		if r.InBlock {
			fresh = append(fresh, r)
			continue
		}
		key := result{r.Effect, r.Outcome, ""}
		if r.Detail != nil {
			key.detail = *r.Detail
		}
		if alike[key] == nil && len(alike) == maxAlike {
			different = append(different, r)
			continue
		}
		alike[key] = append(alike[key], r.Position)
	}
	for key, positions := range alike {
		for part := range slices.Chunk(positions, batch) {
			row := tx.Model(&models.JobRow{}).Where("account_id = ? AND job_id = ?", job.AccountID, job.ID)
			if first, last := part[0], part[len(part)-1]; int(last-first) == len(part)-1 {
				row = row.Where("position BETWEEN ? AND ?", first, last)
			} else {
				row = row.Where("position IN ?", part)
			}
			set := map[string]any{"effect": key.effect, "outcome": key.outcome, "detail": nil}
			if key.detail != "" {
				set["detail"] = key.detail
			}
			done := row.Updates(set)
			if done.Error == nil && int(done.RowsAffected) != len(part) {
				done.Error = fmt.Errorf("%d of %d are there", done.RowsAffected, len(part))
			}
			if done.Error != nil {
				return fmt.Errorf("settle the job's rows: %w", done.Error)
			}
		}
	}
	if len(different) > 0 {
		err := tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "account_id"}, {Name: "job_id"}, {Name: "position"}},
			DoUpdates: clause.AssignmentColumns([]string{"effect", "outcome", "detail"}),
		}).CreateInBatches(different, batch).Error
		if err != nil {
			return fmt.Errorf("settle the job's rows: %w", err)
		}
	}
	if len(fresh) > 0 {
		if err := insertRows(tx, fresh); err != nil {
			return err
		}
		if err := dropBlocks(tx, job, after.Done); err != nil {
			return err
		}
	}
	return advance(tx, job, after)
}

// MoveCursor stores what the kind wants to find again in job.Cursor when the next chunk begins, as JSON.
func MoveCursor(tx *store.Tx, job *models.Job, cursor any) error {
	raw, err := json.Marshal(cursor)
	if err != nil {
		return fmt.Errorf("encode the job's cursor: %w", err)
	}
	text, after := string(raw), *job
	after.Cursor = &text
	return advance(tx, job, after)
}

// Progress stores how far a job without rows of its own is, of how many. Beginning anew, it may go back; failures go on counting until the job
// ends.
func Progress(tx *store.Tx, job *models.Job, done, total int32) error {
	after := *job
	after.Done, after.Total = done, total
	return keep(tx, job, after)
}

// maxAlike is for how many sorts of rows a statement of their own is worth it.
const maxAlike = 8

// count counts a row that is done.
func count(job *models.Job, row models.JobRow) error {
	switch row.Effect {
	case models.JobRowEffectChanged:
		job.Changed++
	case models.JobRowEffectFailed:
		job.Failed++
	case models.JobRowEffectUnchanged:
	default:
		return fmt.Errorf("count the job's rows: row %d has the effect %q", row.Position, row.Effect)
	}
	if row.Outcome == "" || row.Outcome == models.JobRowPending {
		return fmt.Errorf("count the job's rows: row %d has the outcome %q", row.Position, row.Outcome)
	}
	job.Done++
	return nil
}

// advance stores how far a job is. It is a chunk that was written, so failures count anew from here.
func advance(tx *store.Tx, job *models.Job, after models.Job) error {
	after.Attempts = 0
	return keep(tx, job, after)
}

func keep(tx *store.Tx, job *models.Job, after models.Job) error {
	done := tx.Model(&models.Job{}).
		Where("account_id = ? AND id = ? AND state = ? AND fence = ?", job.AccountID, job.ID, job.State, job.Fence).
		Updates(map[string]any{
			"total": after.Total, "done": after.Done, "changed": after.Changed, "failed": after.Failed,
			"cursor_data": after.Cursor, "attempts": after.Attempts,
		})
	if done.Error != nil {
		return fmt.Errorf("store the job's progress: %w", done.Error)
	}
	if done.RowsAffected == 0 || job.State.Final() {
		return ErrLost
	}
	*job = after
	return nil
}
