package directory

import (
	"fmt"

	"cohort/models"
)

// jobGroup is a group some of whose members wait for a job.
type jobGroup struct {
	AccountID models.AccountID
	GroupID   models.GroupID
	JobID     models.JobID
}

func (jobGroup) TableName() string { return "job_groups" }

// markPending has the groups concerned say that some of their members wait for the job.
func (c *change) markPending(job *models.Job) error {
	var rows []jobGroup
	for _, id := range unique(c.groups) {
		rows = append(rows, jobGroup{c.account(), id, job.ID})
	}
	if len(rows) == 0 {
		return nil
	}
	if err := c.CreateInBatches(rows, rowBatch).Error; err != nil {
		return fmt.Errorf("mark groups: %w", err)
	}
	return nil
}

func (c *change) unmarkPending(job *models.Job) error {
	if err := c.Where("account_id = ? AND job_id = ?", c.account(), job.ID).Delete(&jobGroup{}).Error; err != nil {
		return fmt.Errorf("unmark groups: %w", err)
	}
	return nil
}
