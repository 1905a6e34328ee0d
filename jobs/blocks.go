package jobs

import (
	"fmt"
	"slices"

	"cohort/models"
	"cohort/store"
)

const idSize = 16

// block is up to so many subjects of a job that are alike: rows that are yet to be done and of which nothing is known
// but whom they are about. Those before job.Done are rows by now.
type block struct {
	AccountID   models.AccountID
	JobID       models.JobID
	Position    int32 // of the first
	SubjectType string
	Subjects    []byte // their ids, one behind the other
}

func (block) TableName() string { return "job_blocks" }

// end is the position behind the last.
func (b *block) end() int32 { return b.Position + int32(len(b.Subjects)/idSize) } //nolint:gosec // at most a batch

// between are the rows of the block from one position to before another.
func (b *block) between(from, to int32) []models.JobRow {
	from, to = max(from, b.Position), min(to, b.end())
	rows := make([]models.JobRow, 0, max(to-from, 0))
	for at := from; at < to; at++ {
		i := int(at-b.Position) * idSize
		rows = append(rows, models.JobRow{
			AccountID: b.AccountID, JobID: b.JobID, Position: at, SubjectType: b.SubjectType, SubjectID: b.Subjects[i : i+idSize : i+idSize],
			Effect: models.JobRowEffectPending, Outcome: models.JobRowPending, InBlock: true,
		})
	}
	return rows
}

// AddIDs gives a job a pending row for each of the ids, behind those it has and in their order, as Add does with rows
// that say nothing but their subject. They are kept as blocks of ids until they are done, which costs little more than
// the bytes.
func AddIDs[ID ~[idSize]byte](tx *store.Tx, job *models.Job, subjectType string, ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	blocks, after := make([]block, 0, len(ids)/batch+1), *job
	for part := range slices.Chunk(ids, batch) {
		subjects := make([]byte, 0, len(part)*idSize)
		for _, id := range part {
			bytes := [idSize]byte(id)
			subjects = append(subjects, bytes[:]...)
		}
		blocks = append(blocks, block{Position: after.Total, SubjectType: subjectType, Subjects: subjects})
		after.Total += int32(len(part)) //nolint:gosec // at most a batch
	}
	if err := insertBlocks(tx, job, blocks); err != nil {
		return err
	}
	return advance(tx, job, after)
}

func insertBlocks(tx *store.Tx, job *models.Job, blocks []block) error {
	for part := range slices.Chunk(blocks, 64) { // a megabyte: servers bound what a statement may have
		into := store.Into(tx.DB, block{}.TableName(), "account_id, job_id, position, subject_type, subjects")
		for i := range part {
			b := &part[i]
			if err := into.Row(job.AccountID[:], job.ID[:], int64(b.Position), b.SubjectType, b.Subjects); err != nil {
				return err
			}
		}
		if err := into.End(); err != nil {
			return err
		}
	}
	return nil
}

// endOf is the position behind a block's last row in SQL.
const endOf = "(position + LENGTH(subjects) / 16)"

// readBlocks reads the blocks of a job with a row from one position to before another, in order.
func readBlocks(tx *store.Tx, job *models.Job, from, to int32) ([]block, error) {
	var blocks []block
	// No block begins more than a batch before its last row, which spares the database all that are done.
	err := tx.Where("account_id = ? AND job_id = ? AND position > ? AND position < ? AND "+endOf+" > ?", job.AccountID, job.ID, from-batch, to, from).
		Order("position").Find(&blocks).Error
	if err != nil {
		return nil, fmt.Errorf("read the job's blocks: %w", err)
	}
	return blocks, nil
}

// withBlocks adds to the next rows of a job, which are in the table, those that are in blocks yet, up to so many.
func withBlocks(tx *store.Tx, job *models.Job, rows []models.JobRow, most int) ([]models.JobRow, error) {
	to := min(int64(job.Done)+int64(most), int64(job.Total))
	if int64(job.Done)+int64(len(rows)) >= to && (len(rows) == 0 || int64(rows[len(rows)-1].Position) < to) {
		return rows, nil // there is no gap
	}
	blocks, err := readBlocks(tx, job, job.Done, int32(to)) //nolint:gosec // at most the total
	if err != nil {
		return nil, err
	}
	for i := range blocks {
		rows = append(rows, blocks[i].between(job.Done, int32(to))...) //nolint:gosec // at most the total
	}
	inOrder(rows)
	return rows[:min(len(rows), most)], nil
}

func inOrder(rows []models.JobRow) {
	slices.SortFunc(rows, func(a, b models.JobRow) int { return int(a.Position) - int(b.Position) })
}

// dropBlocks removes the blocks of which all is done.
func dropBlocks(tx *store.Tx, job *models.Job, done int32) error {
	err := tx.Where("account_id = ? AND job_id = ? AND position < ? AND "+endOf+" <= ?", job.AccountID, job.ID, done, done).Delete(&block{}).Error
	if err != nil {
		return fmt.Errorf("remove the job's blocks: %w", err)
	}
	return nil
}

// addUndone gives a job what another never got to of its blocks.
func addUndone(tx *store.Tx, job, of *models.Job) error {
	blocks, err := readBlocks(tx, of, of.Done, of.Total)
	if err != nil || len(blocks) == 0 {
		return err
	}
	after := *job
	for i := range blocks {
		b := &blocks[i]
		if done := of.Done - b.Position; done > 0 {
			b.Subjects = b.Subjects[done*idSize:]
		}
		b.Position = after.Total
		after.Total = b.end()
	}
	if err := insertBlocks(tx, job, blocks); err != nil {
		return err
	}
	return advance(tx, job, after)
}
