package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cohort/auth"
	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// workshop is an account whose changes of more than two users are left to jobs.
type workshop struct {
	t     *testing.T
	store *store.Store
	d     *directory.Directory
	who   auth.Caller
	staff []models.UserID
}

func newWorkshop(t *testing.T, staff int) *workshop {
	t.Helper()
	s := storetest.Open(t)
	d, err := directory.New(s, directory.Options{InPlace: 2})
	must(t, err)
	w := &workshop{t: t, store: s, d: d, who: foundAccount(t, d)}
	for i := range staff {
		w.staff = append(w.staff, hire(t, d, w.who, fmt.Sprintf("staff%d@example.org", i), models.RoleMember).UserID)
	}
	return w
}

// give leaves it to a job to give everybody a product.
func (w *workshop) give(keys ...string) *models.Job {
	w.t.Helper()
	p, err := w.d.SetUsersProducts(w.t.Context(), w.who, models.UsersProductsSetInput{
		Selection: &models.UserSelection{Ids: w.staff}, ProductKeys: keys, Mode: models.ProductModeAdd,
	})
	must(w.t, err)
	if p.Job == nil || p.Job.State != models.JobStateQueued {
		w.t.Fatalf("job %+v", p.Job)
	}
	return p.Job
}

// fails ends a job as one whose rows but the first have failed.
func (w *workshop) fails(job *models.Job) {
	w.t.Helper()
	_, err := store.InAccount(w.t.Context(), w.store, w.who.Account, func(tx *store.Tx) (struct{}, error) {
		if err := jobs.Start(tx, job); err != nil {
			return struct{}{}, err
		}
		rows, err := jobs.Pending(tx, job, 100)
		if err != nil {
			return struct{}{}, err
		}
		for i := range rows {
			rows[i].Effect, rows[i].Outcome = models.JobRowEffectFailed, string(models.JobOutcomeForbidden)
		}
		rows[0].Effect, rows[0].Outcome = models.JobRowEffectChanged, string(models.JobOutcomeChanged)
		if err := jobs.Settle(tx, job, rows); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, jobs.Finish(tx, job)
	})
	must(w.t, err)
}

func (w *workshop) audited(action string) int {
	w.t.Helper()
	var n int64
	must(w.t, w.store.Read.Table("audit_events").Where("account_id = ? AND action = ? AND subject_type = 'JOB'", w.who.Account, action).Count(&n).Error)
	return int(n)
}

func TestCancelJob(t *testing.T) {
	w := newWorkshop(t, 5)
	woken := 0
	w.d.OnJob(func() { woken++ })
	queued, ended := w.give("goto-meeting"), w.give("goto-room")
	w.fails(ended)
	admin := hire(t, w.d, w.who, "admin@example.org", models.RoleAdmin)
	woken = 0
	for name, tt := range map[string]struct {
		who  auth.Caller
		id   models.JobID
		want string
	}{
		"a member":               {auth.Caller{Account: w.who.Account, UserID: w.staff[0], Role: models.RoleMember, Kind: auth.Person}, queued.ID, forbidden},
		"another account's":      {foundAccount(t, w.d), queued.ID, "NOT_FOUND"},
		"a job that there isn't": {w.who, models.NewID[models.JobID](), "NOT_FOUND"},
		"one that has ended":     {w.who, ended.ID, "JOB_ENDED"},
	} {
		p, err := w.d.CancelJob(t.Context(), tt.who, models.JobCancelInput{ID: tt.id})
		if refusal(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if tt.want == "JOB_ENDED" && (p == nil || p.Job.State != models.JobStatePartlyFailed) {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if n := w.audited("Mutation.jobCancel"); n != 0 || woken != 0 {
		t.Errorf("refusals left %d events and woke the workers %d times", n, woken)
	}
	for range 2 {
		p, err := w.d.CancelJob(t.Context(), admin, models.JobCancelInput{ID: queued.ID})
		must(t, err)
		if p.Job.State != models.JobStateCanceled || p.Job.FinishedAt == nil {
			t.Errorf("job %+v", p.Job)
		}
	}
	if n := w.audited("Mutation.jobCancel"); n != 1 || woken == 0 {
		t.Errorf("%d events, woken %d times", n, woken)
	}
}

func TestRetryJob(t *testing.T) {
	w := newWorkshop(t, 5)
	first := w.give("goto-meeting")
	retry := func(who auth.Caller, id models.JobID, key string) (*models.Job, error) {
		in := models.JobRetryFailedInput{ID: id}
		if key != "" {
			in.IdempotencyKey = &key
		}
		p, err := w.d.RetryJob(t.Context(), who, in)
		if err != nil {
			return nil, err
		}
		return p.Job, nil
	}
	if _, err := retry(w.who, first.ID, ""); refusal(err) != "JOB_OPEN" {
		t.Errorf("of an open job: %v", err)
	}
	w.fails(first)
	admin := hire(t, w.d, w.who, "admin@example.org", models.RoleAdmin)
	again, err := retry(admin, first.ID, "once")
	must(t, err)
	if again.State != models.JobStateQueued || again.Total != 4 || *again.RetriesJobID != first.ID || *again.Actor.UserID != admin.UserID || again.Kind != first.Kind {
		t.Errorf("job %+v", again)
	}
	if same, err := retry(admin, first.ID, "once"); err != nil || same.ID != again.ID {
		t.Errorf("under the same key: %+v, %v", same, err)
	}
	for name, tt := range map[string]struct {
		who     auth.Caller
		id      models.JobID
		key     string
		refused string
	}{
		"the same key for another job": {admin, again.ID, "once", "IDEMPOTENCY_KEY_REUSED"},
		"another key":                  {admin, first.ID, "twice", ""},
		"nobody":                       {auth.Caller{}, first.ID, "", forbidden},
		"another account's":            {foundAccount(t, w.d), first.ID, "", "NOT_FOUND"},
		"another's key of the same":    {w.who, first.ID, "once", ""},
	} {
		job, err := retry(tt.who, tt.id, tt.key)
		if refusal(err) != tt.refused {
			t.Errorf("%s: %v, want %q", name, err, tt.refused)
		}
		if err == nil && job.ID == again.ID {
			t.Errorf("%s: the same job", name)
		}
	}
	drain, stop := working(t, w.store, w.d, w.who.Account)
	defer stop()
	drain(t)
	if done, err := w.d.Job(t.Context(), w.who, again.ID); err != nil || done.State != models.JobStateSucceeded {
		t.Errorf("in the end: %+v, %v", done, err)
	}
	if _, err := retry(w.who, again.ID, ""); refusal(err) != "NOTHING_TO_RETRY" {
		t.Errorf("of what went well: %v", err)
	}
	if n := w.audited("Mutation.jobRetryFailed"); n != 3 {
		t.Errorf("%d events", n)
	}
}

// The rights of whoever retries count, and not those of whoever began.
func TestRetryWithOwnRights(t *testing.T) {
	w := newWorkshop(t, 4)
	boss := hire(t, w.d, w.who, "boss@example.org", models.RoleAdmin)
	w.staff = append(w.staff, boss.UserID)
	first := w.give("goto-meeting")
	w.fails(first)
	admin := hire(t, w.d, w.who, "admin@example.org", models.RoleAdmin)
	p, err := w.d.RetryJob(t.Context(), admin, models.JobRetryFailedInput{ID: first.ID})
	must(t, err)
	drain, stop := working(t, w.store, w.d, w.who.Account)
	defer stop()
	drain(t)
	pages, err := w.d.JobResults(t.Context(), w.who, []models.JobID{p.Job.ID}, nil, models.PageArgs{})
	must(t, err)
	for _, result := range pages[0].Nodes() {
		want := models.JobOutcomeChanged
		if *result.SubjectID.User == boss.UserID {
			want = models.JobOutcomeForbidden
		}
		if result.Outcome != want {
			t.Errorf("%s: %s, want %s", result.SubjectID, result.Outcome, want)
		}
	}
}

// nextJob is the next event, which must come within a minute.
func nextJob(t testing.TB, events <-chan *models.Job) (job *models.Job, more bool) {
	t.Helper()
	select {
	case job, more = <-events:
		return job, more
	case <-time.After(time.Minute):
		t.Fatal("no event within a minute")
	}
	return nil, false
}

// Who follows a job hears of it at once and until its end, whichever server works on it.
func TestFollowJob(t *testing.T) {
	w := newWorkshop(t, 25)
	job := w.give("goto-meeting")
	other := server(t, store.Options{})
	var followed []<-chan *models.Job
	for _, d := range []*directory.Directory{w.d, other, other} {
		events, err := d.FollowJob(t.Context(), w.who, job.ID)
		must(t, err)
		if first, more := nextJob(t, events); !more || first.State != models.JobStateQueued || first.Total != 25 {
			t.Errorf("first event %+v", first)
		}
		followed = append(followed, events)
	}
	drain, stop := working(t, w.store, w.d, w.who.Account)
	defer stop()
	drain(t)
	for i, events := range followed {
		var last *models.Job
		for {
			one, more := nextJob(t, events)
			if !more {
				break
			}
			if last != nil && (last.State.Final() || one.Done < last.Done) {
				t.Errorf("follower %d: %+v after %+v", i, one, last)
			}
			last = one
		}
		if last == nil || last.State != models.JobStateSucceeded || last.Done != 25 {
			t.Errorf("follower %d: last event %+v", i, last)
		}
	}
	events, err := w.d.FollowJob(t.Context(), w.who, job.ID)
	must(t, err)
	if only, more := nextJob(t, events); !more || only.State != models.JobStateSucceeded {
		t.Errorf("of a job that has ended: %+v", only)
	}
	if _, more := nextJob(t, events); more {
		t.Error("it goes on after the end")
	}
}

// One goroutine and one statement each time serve all followers, and nothing is left when they have gone.
func TestFollowersOfJobsShare(t *testing.T) {
	w := newWorkshop(t, 3)
	var looks atomic.Int64
	d := server(t, store.Options{Inspect: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "FROM `jobs`") && strings.Contains(sql, "account_id IN") {
			looks.Add(1)
		}
		return nil
	}})
	first, second := w.give("goto-meeting"), w.give("goto-room")
	quiet := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	var all []<-chan *models.Job
	for i := range 20 {
		events, err := d.FollowJob(ctx, w.who, []models.JobID{first.ID, second.ID}[i%2])
		must(t, err)
		nextJob(t, events)
		all = append(all, events)
	}
	before, begin := looks.Load(), time.Now()
	for _, job := range []*models.Job{first, second} {
		_, err := d.CancelJob(t.Context(), w.who, models.JobCancelInput{ID: job.ID})
		must(t, err)
	}
	for _, events := range all[:10] {
		if got, _ := nextJob(t, events); got.State != models.JobStateCanceled {
			t.Errorf("event %+v", got)
		}
	}
	if most := int64(time.Since(begin)/(200*time.Millisecond)) + 2; looks.Load()-before > most {
		t.Errorf("%d statements for 20 followers in %s", looks.Load()-before, time.Since(begin))
	}
	cancel()
	for _, events := range all {
		for range events { // until it is closed
		}
	}
	err := goleak.Find(quiet, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"), goleak.IgnoreAnyFunction("database/sql.(*DB).connectionCleaner"),
		goleak.IgnoreAnyFunction("github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1"))
	if err != nil {
		t.Error(err)
	}
}

func TestWhoMayFollowJobs(t *testing.T) {
	w := newWorkshop(t, 3)
	job := w.give("goto-meeting")
	for name, tt := range map[string]struct {
		who  auth.Caller
		id   models.JobID
		want string
	}{
		"an admin":               {hire(t, w.d, w.who, "a@example.org", models.RoleAdmin), job.ID, ""},
		"a member":               {hire(t, w.d, w.who, "m@example.org", models.RoleMember), job.ID, forbidden},
		"nobody":                 {auth.Caller{}, job.ID, forbidden},
		"another account's":      {foundAccount(t, w.d), job.ID, "NOT_FOUND"},
		"a job that there isn't": {w.who, models.NewID[models.JobID](), "NOT_FOUND"},
	} {
		if _, err := w.d.FollowJob(t.Context(), tt.who, tt.id); refusal(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
