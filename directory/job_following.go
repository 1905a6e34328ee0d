package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// FollowJob tells how far a job is: at once, then whenever that has changed, at most five times a second, and for the last
// time when it has ended, after which the channel is closed. It is closed, too, when ctx ends. An event that nobody takes
// yet gives way to the next. What this server works on is seen at once, what others do on the same database within
// a second. Admins. NOT_FOUND for a job that is not in the account.
func (d *Directory) FollowJob(ctx context.Context, who auth.Caller, id models.JobID) (<-chan *models.Job, error) {
	job, err := glance(ctx, d, who, "Subscription.jobProgress", func(s *snapshot) (*models.Job, error) {
		job, err := jobs.Find(s.DB, s.account(), id)
		if errors.Is(err, jobs.ErrNotFound) {
			return nil, notFound("job").At("id")
		}
		return job, err
	})
	if err != nil {
		return nil, err
	}
	one := &jobFollower{account: who.Account, seen: job, news: make(chan *models.Job, 1)}
	leave := d.jobFeed.follow(one)
	events := make(chan *models.Job)
	go func() {
		defer close(events)
		defer leave()
		for job != nil {
			select {
			case <-ctx.Done():
				return
			case job = <-one.news: // nobody has taken the one before
				continue
			case events <- job:
			}
			if job.State.Final() {
				return
			}
			select {
			case <-ctx.Done():
				return
			case job = <-one.news:
			}
		}
	}()
	return events, nil
}

// jobMoved has those who follow a job of the account look at it now. Call it after the commit of what a job has done.
func (d *Directory) jobMoved(account models.AccountID) { d.jobFeed.wake(account) }

const (
	// jobFeedEvery is how often the jobs that somebody follows are looked at. What this process does itself is seen
	// sooner, but no two looks are closer together than jobFeedGap.
	jobFeedEvery = 500 * time.Millisecond
	jobFeedGap   = 200 * time.Millisecond
)

// jobFeed shows jobs to those who follow them, whoever works on them. One goroutine looks at all of them, with one
// statement each time, however many follow; it ends with the last of them.
type jobFeed struct {
	store *store.Store
	log   *slog.Logger

	mu        sync.Mutex
	followers map[*jobFollower]struct{}
	nudge     chan struct{}
	stop      context.CancelFunc // of the goroutine, while there are followers
}

// jobFollower hears of one job.
type jobFollower struct {
	account models.AccountID
	seen    *models.Job      // as it was last heard of
	news    chan *models.Job // the newest; nil when the job is no more
}

func newJobFeed(s *store.Store, log *slog.Logger) *jobFeed {
	return &jobFeed{store: s, log: log, followers: map[*jobFollower]struct{}{}}
}

// follow has the follower hear of its job until leave is called.
func (f *jobFeed) follow(one *jobFollower) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers[one] = struct{}{}
	if f.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		f.stop, f.nudge = cancel, make(chan struct{}, 1)
		go f.run(ctx, f.nudge)
	}
	f.poke()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.followers, one)
		if len(f.followers) == 0 && f.stop != nil {
			f.stop()
			f.stop = nil
		}
	}
}

// wake has the jobs looked at soon, if somebody follows one of the account.
func (f *jobFeed) wake(account models.AccountID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for one := range f.followers {
		if one.account == account {
			f.poke()
			return
		}
	}
}

func (f *jobFeed) poke() {
	select {
	case f.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

func (f *jobFeed) run(ctx context.Context, nudge <-chan struct{}) {
	tick := time.NewTicker(jobFeedEvery)
	defer tick.Stop()
	for {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.log.WarnContext(ctx, "follow jobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(jobFeedGap):
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-nudge:
		}
	}
}

// look reads the jobs that are followed and tells those whose job has moved.
func (f *jobFeed) look(ctx context.Context) error {
	f.mu.Lock()
	followers := slices.Collect(maps.Keys(f.followers)) // those who come meanwhile are told the next time
	var accounts []models.AccountID
	var ids []models.JobID
	for _, one := range followers {
		accounts, ids = append(accounts, one.account), append(ids, one.seen.ID)
	}
	f.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	var rows []*models.Job
	// What it was asked to do may be long, and is no concern of those who follow.
	err := f.store.Read.WithContext(ctx).Omit("input", "cursor_data").Where("account_id IN ? AND id IN ?", unique(accounts), unique(ids)).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("read jobs: %w", err)
	}
	found := map[models.JobID]*models.Job{}
	for _, job := range rows {
		found[job.ID] = job
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range followers {
		job := found[one.seen.ID]
		if job != nil && job.AccountID == one.account && !moved(one.seen, job) {
			continue
		}
		select {
		case <-one.news:
		default:
		}
		one.news <- job
		if job != nil {
			one.seen = job
		}
	}
	return nil
}

// moved tells whether a follower can see a difference.
func moved(before, after *models.Job) bool {
	return before.State != after.State || before.Total != after.Total || before.Done != after.Done ||
		before.Changed != after.Changed || before.Failed != after.Failed
}
