package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// Export is one run of an export's job: what was asked for, and the account as it is at one moment.
type Export struct {
	models.ExportCreateInput        // with columns, sort and language
	Account                  string // its name
	Made                     time.Time

	s     *snapshot
	run   *exportRun
	graph *nesting.Graph

	names     *groupNames // once somebody has asked, as the next
	catalogue map[models.ProductID]listed
}

// ExportWriter writes the file of an export, and says what it is called and of what media type. An error of what it reads and writes is
// handed on as it is.
type ExportWriter func(e *Export, to io.Writer) (name, mediaType string, err error)

// ExportHandler is what the jobs of exports do. Each run begins anew, for it has to see one moment, and what another has written is dropped.
func (d *Directory) ExportHandler(write ExportWriter) jobs.Handler {
	return jobs.Handler{
		Chunk: func(ctx context.Context, claim jobs.Claim) (bool, error) {
			return true, d.runExport(ctx, claim, write)
		},
		Failed: d.failed,
	}
}

func (d *Directory) runExport(ctx context.Context, claim jobs.Claim, write ExportWriter) error {
	run := &exportRun{d: d, ctx: ctx, claim: claim}
	file, err := store.InSnapshot(ctx, d.store, func(tx *gorm.DB) (*models.ExportFile, error) {
		e, err := run.begin()
		if err != nil {
			return nil, err
		}
		e.s.DB = tx
		var at models.Account // by which the moment is taken
		if err := tx.Where("id = ?", claim.Account).Take(&at).Error; err != nil {
			return nil, fmt.Errorf("read the account: %w", err)
		}
		if e.graph, err = e.s.graph(at.GraphVersion); err != nil {
			return nil, err
		}
		e.Account = at.Name
		file := &models.ExportFile{AccountID: claim.Account, JobID: claim.Job, FeedSeq: at.FeedSeq, CreatedAt: e.Made, KeptUntil: e.Made.Add(models.ExportLife)}
		file.Name, file.MediaType, err = write(e, run)
		return file, err
	})
	if err != nil {
		return err
	}
	return run.finish(file)
}

// exportRun takes the file and stores it in parts, each in a transaction of its own that only whoever has the job can make.
type exportRun struct {
	d     *Directory
	ctx   context.Context //nolint:containedctx // an io.Writer has no other way to it
	claim jobs.Claim
	who   auth.Caller

	part        []byte
	number      int32
	bytes       int64
	done, total int32
	told        time.Time
}

func (r *exportRun) inJob(fn func(tx *store.Tx, job *models.Job) error) error {
	_, err := store.InAccount(r.ctx, r.d.store, r.claim.Account, func(tx *store.Tx) (struct{}, error) {
		job, err := jobs.Held(tx, r.claim)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, fn(tx, job)
	})
	return err
}

// begin reads what is to be done, with the present rights of whoever asked for it, and drops what an earlier run has left.
func (r *exportRun) begin() (e *Export, err error) {
	r.part, r.number, r.bytes, r.done = r.part[:0], 0, 0, 0
	err = r.inJob(func(tx *store.Tx, job *models.Job) error {
		e = &Export{run: r, Made: tx.Now}
		if err := json.Unmarshal([]byte(job.Input), &e.ExportCreateInput); err != nil {
			return fmt.Errorf("decode the job's input: %w", err)
		}
		r.who = auth.Caller{Account: job.AccountID, Kind: auth.Kind(job.Actor.Kind), Role: job.Actor.Role, RequestID: job.RequestID}
		if job.Actor.UserID != nil {
			r.who.UserID = *job.Actor.UserID
		}
		who, err := presentRights(tx, r.who)
		if err == nil {
			_, err = who.May(actionExport)
		}
		if errors.Is(err, auth.ErrUnauthenticated) || errors.Is(err, auth.ErrForbidden) {
			return jobs.Fail(CodeActorLostRights, err)
		}
		if err != nil {
			return err
		}
		e.s = &snapshot{who: who, answer: auth.Allow, graphs: r.d.graphs, store: r.d.store}
		r.total = job.Total
		if err := dropExports(tx.DB, job.AccountID, []models.JobID{job.ID}); err != nil {
			return err
		}
		if err := dropOldExports(tx.DB, job.AccountID, models.MaxExports-1); err != nil {
			return err
		}
		return jobs.Progress(tx, job, 0, job.Total)
	})
	return e, err
}

// Write takes bytes of the file.
func (r *exportRun) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if r.part == nil {
			r.part = make([]byte, 0, models.ExportPartSize)
		}
		room := min(cap(r.part)-len(r.part), len(p))
		r.part = append(r.part, p[:room]...)
		n, p = n+room, p[room:]
		if len(r.part) == cap(r.part) {
			if err := r.store(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (r *exportRun) store() error {
	err := r.inJob(func(tx *store.Tx, job *models.Job) error {
		// A commit whose answer was lost may have left it.
		key := tx.Where("account_id = ? AND job_id = ? AND number = ?", job.AccountID, job.ID, r.number)
		if err := key.Delete(&models.ExportPart{}).Error; err != nil {
			return fmt.Errorf("delete a part of a file: %w", err)
		}
		if err := tx.Create(&models.ExportPart{AccountID: job.AccountID, JobID: job.ID, Number: r.number, Content: r.part}).Error; err != nil {
			return fmt.Errorf("store a part of a file: %w", err)
		}
		return jobs.Progress(tx, job, r.done, max(r.total, r.done))
	})
	r.number, r.bytes, r.part = r.number+1, r.bytes+int64(len(r.part)), r.part[:0]
	return err
}

// tellEvery is how often the progress of an export is written down.
const tellEvery = 500 * time.Millisecond

// did counts what has been written.
func (r *exportRun) did(rows int) error {
	r.done += int32(rows) //nolint:gosec // an account has fewer
	if time.Since(r.told) < tellEvery {
		return nil
	}
	r.told = time.Now()
	err := r.inJob(func(tx *store.Tx, job *models.Job) error { return jobs.Progress(tx, job, r.done, max(r.total, r.done)) })
	r.d.jobMoved(r.claim.Account)
	return err
}

func (r *exportRun) finish(file *models.ExportFile) error {
	if len(r.part) > 0 {
		if err := r.store(); err != nil {
			return err
		}
	}
	file.Bytes = r.bytes
	err := r.inJob(func(tx *store.Tx, job *models.Job) error {
		if err := tx.Create(file).Error; err != nil {
			return fmt.Errorf("store a file: %w", err)
		}
		c := r.d.begin(tx, r.who, actionExport, auth.Allow)
		c.log.Of(job.ID)
		c.log.Noted() // by which a commit is known whose answer was lost
		if err := c.end(); err != nil {
			return err
		}
		if err := jobs.Progress(tx, job, r.done, r.done); err != nil {
			return err
		}
		return jobs.Finish(tx, job)
	})
	if err == nil {
		r.d.jobMoved(r.claim.Account)
	}
	return err
}

// dropExports removes files, and what there is of those that are not whole.
func dropExports(tx *gorm.DB, account models.AccountID, of []models.JobID) error {
	if len(of) == 0 {
		return nil
	}
	if err := tx.Where("account_id = ? AND job_id IN ?", account, of).Delete(&models.ExportFile{}).Error; err != nil {
		return fmt.Errorf("delete files: %w", err)
	}
	if err := tx.Where("account_id = ? AND job_id IN ?", account, of).Delete(&models.ExportPart{}).Error; err != nil {
		return fmt.Errorf("delete files: %w", err)
	}
	return nil
}

// dropOldExports leaves the newest files.
func dropOldExports(tx *gorm.DB, account models.AccountID, most int) error {
	var kept []models.JobID
	err := tx.Model(&models.ExportFile{}).Where("account_id = ?", account).Order("kept_until DESC, job_id DESC").Pluck("job_id", &kept).Error
	if err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	return dropExports(tx, account, kept[min(len(kept), most):])
}
