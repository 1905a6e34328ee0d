package graph_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// actor is the admin as whom jobs are made.
func (a *api) actor() models.JobActor {
	return models.JobActor{Kind: "USER", UserID: &a.admin.UserID, Role: models.RoleSuperAdmin}
}

// inAccount is a step in a transaction of the account.
func inAccount[T any](a *api, fn func(tx *store.Tx) (T, error)) T {
	a.t.Helper()
	value, err := store.InAccount(context.Background(), a.store, a.account, fn)
	if err != nil {
		a.t.Fatal(err)
	}
	return value
}

// row is a row of a job about somebody.
func row(t testing.TB, kind string, id [16]byte, effect models.JobRowEffect, outcome models.JobOutcome, detail models.JobDetail) models.JobRow {
	t.Helper()
	raw, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	return models.JobRow{SubjectType: kind, SubjectID: id[:], Effect: effect, Outcome: string(outcome), Detail: new(string(raw))}
}

// pastJobs are two jobs that have ended: one that has given goto-meeting to a user and failed for a group, and one that
// says it takes the first back and tries it again.
func (a *api) pastJobs(user models.UserID, group models.GroupID) (first, second string) {
	a.t.Helper()
	var meeting []models.ProductID
	products, err := a.directory.Products(context.Background(), a.operator())
	if err != nil {
		a.t.Fatal(err)
	}
	for _, p := range products {
		if p.Key == "goto-meeting" {
			meeting = []models.ProductID{p.ID}
		}
	}
	impact := &models.ProductsImpact{Gaining: 1}
	for _, id := range meeting {
		impact.Of(id).Gaining++
	}
	ids := inAccount(a, func(tx *store.Tx) ([2]models.JobID, error) {
		one, err := jobs.Record(tx, jobs.New{Kind: "usersProductsSet", Input: map[string]any{"work": map[string]any{}}, Actor: a.actor()}, []models.JobRow{
			row(a.t, models.JobSubjectUser, user, models.JobRowEffectChanged, models.JobOutcomeChanged, models.JobDetail{Set: meeting, Gained: meeting}),
			row(a.t, models.JobSubjectGroup, group, models.JobRowEffectFailed, models.JobOutcomeForbidden, models.JobDetail{}),
		}, impact)
		if err != nil {
			return [2]models.JobID{}, err
		}
		two, err := jobs.Record(tx, jobs.New{Kind: "jobRevert", Input: map[string]any{}, Actor: a.actor(), Reverts: &one.ID}, nil, nil)
		if err != nil {
			return [2]models.JobID{}, err
		}
		return [2]models.JobID{one.ID, two.ID}, tx.Model(&models.Job{}).Where("account_id = ? AND id = ?", a.account, two.ID).Update("retries_job_id", one.ID).Error
	})
	return ids[0].String(), ids[1].String()
}

// pastExport is a job that has written a file.
func (a *api) pastExport() models.JobID {
	a.t.Helper()
	return inAccount(a, func(tx *store.Tx) (models.JobID, error) {
		job, err := jobs.Record(tx, jobs.New{Kind: models.KindExport, Input: map[string]any{}, Actor: a.actor()}, nil, nil)
		if err != nil {
			return models.JobID{}, err
		}
		return job.ID, tx.Create(&models.ExportFile{
			AccountID: a.account, JobID: job.ID, Name: "users.csv", MediaType: "text/csv", Bytes: 9, CreatedAt: tx.Now, KeptUntil: tx.Now.Add(time.Hour),
		}).Error
	})
}

// openJob is a job that nobody works on.
func (a *api) openJob() models.JobID {
	a.t.Helper()
	return inAccount(a, func(tx *store.Tx) (models.JobID, error) {
		job, err := jobs.Enqueue(tx, jobs.New{Kind: "usersProductsSet", Input: map[string]any{"work": map[string]any{}}, Actor: a.actor()})
		if err != nil {
			return models.JobID{}, err
		}
		id := models.NewID[models.UserID]()
		return job.ID, jobs.Add(tx, job, []models.JobRow{{SubjectType: models.JobSubjectUser, SubjectID: id[:]}})
	})
}
