package directory

import (
	"context"
	"fmt"

	"cohort/auth"
	"cohort/models"
)

// PendingJobs are the jobs that the products of some members of each of the groups wait for, the oldest first of several;
// nil where there is none. Admins.
func (d *Directory) PendingJobs(ctx context.Context, who auth.Caller, groups []models.GroupID) ([]*models.Job, error) {
	return glance(ctx, d, who, "Group.pendingJob", func(s *snapshot) ([]*models.Job, error) { return s.pendingJobs(groups) })
}

func (s *snapshot) pendingJobs(groups []models.GroupID) ([]*models.Job, error) {
	var rows []struct {
		models.Job
		GroupID models.GroupID
	}
	err := s.Raw("SELECT g.group_id, j.* FROM job_groups g JOIN jobs j ON j.account_id = g.account_id AND j.id = g.job_id "+
		"WHERE g.account_id = ? AND g.group_id IN ? ORDER BY j.seq DESC", s.account(), groups).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read pending jobs: %w", err)
	}
	oldest := map[models.GroupID]*models.Job{}
	for i := range rows {
		oldest[rows[i].GroupID] = &rows[i].Job
	}
	pending := make([]*models.Job, len(groups))
	for i, id := range groups {
		pending[i] = oldest[id]
	}
	return pending, nil
}

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
