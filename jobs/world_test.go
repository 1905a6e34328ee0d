package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// world is an account with jobs of a kind of its own, so that no other test's workers take them.
type world struct {
	testing.TB
	*store.Store
	account models.AccountID
	kind    string
}

func newWorld(t testing.TB) *world {
	s := storetest.Open(t)
	return &world{t, s, storetest.Account(t, s), newKind()}
}

func newKind() string { return models.NewID[models.JobID]().String() }

// neighbour is another account, with jobs of the same kind.
func (w *world) neighbour() *world {
	return &world{w.TB, w.Store, storetest.Account(w, w.Store), w.kind}
}

// another opens the database once more, as another server does.
func another(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.URL == "" {
		o.URL = storetest.URL(t)
	}
	o.Inspect = storetest.Guard
	s, err := store.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// in runs a step in a transaction of the account.
func in[T any](w *world, fn func(tx *store.Tx) (T, error)) (T, error) {
	return store.InAccount(w.Context(), w.Store, w.account, fn)
}

func (w *world) must(fn func(tx *store.Tx) (*models.Job, error)) *models.Job {
	w.Helper()
	job, err := in(w, fn)
	must(w, err)
	return job
}

func somebody() models.JobActor {
	id := models.NewID[models.UserID]()
	return models.JobActor{Kind: "USER", UserID: &id, Role: models.RoleAdmin}
}

// enqueue makes a job of so many rows.
func (w *world) enqueue(rows int) *models.Job {
	w.Helper()
	return w.must(func(tx *store.Tx) (*models.Job, error) { return enqueue(tx, w.kind, rows) })
}

func enqueue(tx *store.Tx, kind string, rows int) (*models.Job, error) {
	job, err := jobs.Enqueue(tx, jobs.New{Kind: kind, Input: map[string]int{"rows": rows}, Actor: somebody(), RequestID: "a request"})
	if err != nil {
		return nil, err
	}
	return job, jobs.Add(tx, job, subjects(rows))
}

// sorts are the ways in which a job comes by so many rows.
var sorts = map[string]func(tx *store.Tx, job *models.Job, n int) error{
	"rows":   func(tx *store.Tx, job *models.Job, n int) error { return jobs.Add(tx, job, subjects(n)) },
	"blocks": addBlocks,
	"done rows, then blocks": func(tx *store.Tx, job *models.Job, n int) error {
		rows := subjects(n / 3)
		for i := range rows {
			rows[i].Effect, rows[i].Outcome = models.JobRowEffectChanged, "CHANGED"
			if err := mark(tx, rows[i].SubjectID); err != nil {
				return err
			}
		}
		if err := jobs.Add(tx, job, rows); err != nil {
			return err
		}
		return addBlocks(tx, job, n-n/3)
	},
	"rows, then blocks": func(tx *store.Tx, job *models.Job, n int) error {
		if err := jobs.Add(tx, job, subjects(n/2)); err != nil {
			return err
		}
		return addBlocks(tx, job, n-n/2)
	},
	"blocks, then rows": func(tx *store.Tx, job *models.Job, n int) error {
		if err := addBlocks(tx, job, n/2); err != nil {
			return err
		}
		return jobs.Add(tx, job, subjects(n-n/2))
	},
}

// addBlocks gives a job blocks of three.
func addBlocks(tx *store.Tx, job *models.Job, n int) error {
	for ; n > 0; n -= 3 {
		ids := make([]models.UserID, min(n, 3))
		for i := range ids {
			ids[i] = models.NewID[models.UserID]()
		}
		if err := jobs.AddIDs(tx, job, "USER", ids); err != nil {
			return err
		}
	}
	return nil
}

// enqueueAs is enqueue with rows of a sort.
func (w *world) enqueueAs(sort string, rows int) *models.Job {
	w.Helper()
	return w.must(func(tx *store.Tx) (*models.Job, error) {
		job, err := enqueue(tx, w.kind, 0)
		must(w, err)
		return job, sorts[sort](tx, job, rows)
	})
}

func subjects(n int) []models.JobRow {
	rows := make([]models.JobRow, n)
	for i := range rows {
		id := models.NewID[models.UserID]()
		rows[i] = models.JobRow{SubjectType: "USER", SubjectID: id[:]}
	}
	return rows
}

func (w *world) find(id models.JobID) *models.Job {
	w.Helper()
	job, err := jobs.Find(w.Read.WithContext(w.Context()), w.account, id)
	must(w, err)
	return job
}

// rows reads all rows of a job, page by page.
func (w *world) rows(id models.JobID) (rows []models.JobRow) {
	w.Helper()
	page := models.Page{Size: 1000}
	for {
		pages, err := jobs.Rows(w.Read.WithContext(w.Context()), w.account, []models.JobID{id}, nil, page)
		must(w, err)
		rows = append(rows, pages[0].Rows...)
		if !pages[0].More {
			return rows
		}
		page.After = at(int(rows[len(rows)-1].Position))
	}
}

// checkStored sees to it that what is done of a job is in the table of rows, and that no block is kept for nothing.
func (w *world) checkStored(job *models.Job) {
	w.Helper()
	var blocks []struct {
		Position int32
		Subjects []byte
	}
	must(w, w.Read.WithContext(w.Context()).Table("job_blocks").Where("account_id = ? AND job_id = ?", w.account, job.ID).Find(&blocks).Error)
	var stored int64
	must(w, w.Read.WithContext(w.Context()).Model(&models.JobRow{}).Where("account_id = ? AND job_id = ?", w.account, job.ID).Count(&stored).Error)
	for _, b := range blocks {
		n := int32(len(b.Subjects) / 16)
		if b.Position+n <= job.Done || n == 0 {
			w.Errorf("%d rows are done, and there is a block of %d from %d on", job.Done, n, b.Position)
		}
		stored += int64(n - max(job.Done-b.Position, 0))
	}
	if stored != int64(job.Total) {
		w.Errorf("%d rows are stored of %d", stored, job.Total)
	}
}

// expire ends the lease of a job as if its holder had been silent for long.
func (w *world) expire(id models.JobID) {
	w.Helper()
	must(w, w.Write.WithContext(w.Context()).Model(&models.Job{}).Where("account_id = ? AND id = ? AND lease_until IS NOT NULL", w.account, id).
		Update("lease_until", store.Clock(w.Write, -time.Minute)).Error)
}

// errCrash rolls a chunk back.
var errCrash = errors.New("crash")

// apply is a chunk of so many rows, which leaves a mark for each of them; before is called before the commit.
func apply(ctx context.Context, s *store.Store, c jobs.Claim, size int, before func(job *models.Job) error) (bool, error) {
	return store.InAccount(ctx, s, c.Account, func(tx *store.Tx) (bool, error) {
		job, err := jobs.Held(tx, c)
		if err != nil {
			return false, err
		}
		rows, err := jobs.Pending(tx, job, size)
		if err != nil {
			return false, err
		}
		for i := range rows {
			if err := mark(tx, rows[i].SubjectID); err != nil {
				return false, err
			}
			rows[i].Effect, rows[i].Outcome = models.JobRowEffectChanged, "CHANGED"
			if i%2 == 1 {
				detail := fmt.Sprintf(`{"position":%d}`, rows[i].Position)
				rows[i].Detail = &detail
			}
		}
		if err := jobs.Settle(tx, job, rows); err != nil {
			return false, err
		}
		if before != nil {
			if err := before(job); err != nil {
				return false, err
			}
		}
		if job.Done < job.Total {
			return false, nil
		}
		return true, jobs.Finish(tx, job)
	})
}

// counting is the handler of apply.
func counting(s *store.Store, size int) jobs.Handler {
	return jobs.Handler{Chunk: func(ctx context.Context, c jobs.Claim) (bool, error) { return apply(ctx, s, c, size, nil) }}
}

// mark records that a subject has been changed, each time anew.
func mark(tx *store.Tx, subject []byte) error {
	return tx.Table("audit_events").Create(map[string]any{
		"account_id": tx.Account.ID, "id": models.NewID[models.OperationID](), "operation_id": tx.Operation, "at": tx.Now,
		"action": "mark", "actor_kind": "", "request_id": "", "subject_type": "USER", "subject_id": subject,
	}).Error
}

// marks counts how often each subject has been changed.
func (w *world) marks() map[string]int {
	w.Helper()
	var found []struct {
		SubjectID []byte
		N         int
	}
	must(w, w.Read.WithContext(w.Context()).Table("audit_events").Select("subject_id, COUNT(*) AS n").
		Where("account_id = ? AND action = 'mark'", w.account).Group("subject_id").Scan(&found).Error)
	marks := map[string]int{}
	for _, f := range found {
		marks[string(f.SubjectID)] = f.N
	}
	return marks
}

// checkOnce holds the rows of a job against what was done: each that is done exactly once, the others never, and the
// job's counts.
func (w *world) checkOnce(id models.JobID) {
	w.Helper()
	marks, job := w.marks(), w.find(id)
	var total, done int32
	for _, row := range w.rows(id) {
		total++
		want := 0
		if row.Effect != models.JobRowEffectPending {
			want = 1
			done++
		}
		if got := marks[string(row.SubjectID)]; got != want {
			w.Errorf("row %d is %s and was done %d times", row.Position, row.Effect, got)
		}
		if odd := row.Position%2 == 1; want == 1 && row.Outcome != "CHANGED" || want == 0 && (row.Outcome != models.JobRowPending || row.Detail != nil && odd) {
			w.Errorf("row %+v", row)
		}
	}
	if job.Total != total || job.Done != done || job.Changed != done || job.Failed != 0 {
		w.Errorf("%d of %d rows are done, the job says %+v", done, total, job)
	}
	w.checkStored(job)
}

// ended waits for the end of a job.
func (w *world) ended(id models.JobID) *models.Job {
	w.Helper()
	var job *models.Job
	until(w, func() bool { job = w.find(id); return job.State.Final() })
	return job
}

// until waits for something to come true.
func until(t testing.TB, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(2*time.Minute)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited for two minutes")
		}
	}
}

// quick are options for tests that wait for leases to end and for pauses to pass.
var quick = jobs.Options{Lease: time.Second, Poll: 20 * time.Millisecond, Backoff: time.Millisecond, MaxAttempts: 4}

// run starts a runner on s and returns it with what stops it and waits.
func (w *world) run(s *store.Store, h jobs.Handler, o jobs.Options) (*jobs.Runner, func()) {
	r := jobs.NewRunner(s, map[string]jobs.Handler{w.kind: h}, o)
	ctx, cancel := context.WithCancel(w.Context())
	over := make(chan struct{})
	go func() { defer close(over); r.Run(ctx) }()
	stop := func() { cancel(); <-over }
	w.Cleanup(stop)
	return r, stop
}
