package directory

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cohort/audit"
	"cohort/models"
	"cohort/store"
)

const (
	// feedEvery is how often the change feed of an account is looked at while somebody follows it. What this
	// process writes itself is seen at once.
	feedEvery = 500 * time.Millisecond
	feedBatch = 1000
)

// feeds show an account's change feed to those who follow it, whoever wrote it: this process, another server
// on the same database, or a command. One goroutine reads each account that is followed, with one statement
// each time, however many follow; it ends with the last of them.
type feeds struct {
	store *store.Store
	log   *slog.Logger
	every time.Duration

	mu   sync.Mutex
	open map[models.AccountID]*feed
}

type feed struct {
	after     int64 // the number of the last entry that was read
	followers map[*follower]struct{}
	wake      chan struct{}
	stop      context.CancelFunc
}

// follower is told of the entries behind a number, in their order and each once. note is called by the
// goroutine that reads, for all followers in turn: it takes down what it needs and waits for nothing.
type follower struct {
	after int64
	note  func([]audit.Change)
}

func newFeeds(s *store.Store, log *slog.Logger) *feeds {
	return &feeds{store: s, log: log, every: feedEvery, open: map[models.AccountID]*feed{}}
}

// follow calls note with every entry of the account's feed whose number is greater than after, until leave is
// called. Entries that come together come in one call.
func (f *feeds) follow(account models.AccountID, after int64, note func([]audit.Change)) (leave func()) {
	one := &follower{after, note}
	f.mu.Lock()
	defer f.mu.Unlock()
	opened, ok := f.open[account]
	if !ok {
		ctx, cancel := context.WithCancel(context.Background())
		opened = &feed{after: after, followers: map[*follower]struct{}{}, wake: make(chan struct{}, 1), stop: cancel}
		f.open[account] = opened
		go f.read(ctx, account, opened)
	}
	opened.followers[one] = struct{}{}
	opened.after = min(opened.after, after) // what was read before this follower came is read again
	opened.poke()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(opened.followers, one)
		if len(opened.followers) == 0 && f.open[account] == opened {
			opened.stop()
			delete(f.open, account)
		}
	}
}

// wake has the account's feed read now, if somebody follows it.
func (f *feeds) wake(account models.AccountID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if opened, ok := f.open[account]; ok {
		opened.poke()
	}
}

func (o *feed) poke() {
	select {
	case o.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (f *feeds) read(ctx context.Context, account models.AccountID, opened *feed) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		more, err := f.look(ctx, account, opened)
		if more {
			continue
		}
		if err != nil && ctx.Err() == nil { // what came meanwhile is read when the database answers again
			f.log.WarnContext(ctx, "follow the change feed", "account", account.String(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-opened.wake:
		}
	}
}

// look reads what has come since the last time; more when there may be more than it has read.
func (f *feeds) look(ctx context.Context, account models.AccountID, opened *feed) (more bool, err error) {
	f.mu.Lock()
	after := opened.after
	f.mu.Unlock()
	var came []audit.Change
	err = f.store.Read.WithContext(ctx).
		Select("seq", "entity", "change_type", "subject_id", "object_id").
		Where("account_id = ? AND seq > ?", account, after).
		Order("seq").Limit(feedBatch).Find(&came).Error
	if err != nil {
		return false, fmt.Errorf("read the change feed: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if opened.after != after || len(came) == 0 { // a follower came who wants earlier entries
		return opened.after != after, nil
	}
	opened.after = came[len(came)-1].Seq
	for one := range opened.followers {
		fresh := came
		for len(fresh) > 0 && fresh[0].Seq <= one.after {
			fresh = fresh[1:]
		}
		if len(fresh) > 0 {
			one.after = opened.after
			one.note(fresh)
		}
	}
	return len(came) == feedBatch, nil
}
