package app

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"cohort/audit"
	"cohort/store"
)

// feedSetting says how long the change feed is kept.
type feedSetting struct {
	FeedDays int `default:"90" placeholder:"DAYS" variable:"COHORT_FEED_DAYS" help:"For how many days entries of the change feed are kept, at most 36500: 90. Whoever follows it and stays away for longer has to read everything again. With 0 they are kept for good. The audit log is not touched."`
}

const mostFeedDays = 36500

// Validate is called by the parser of the command line.
func (s feedSetting) Validate() error {
	if s.FeedDays < 0 || s.FeedDays > mostFeedDays {
		return fmt.Errorf("--feed-days (COHORT_FEED_DAYS) must lie between 0 and %d", mostFeedDays)
	}
	return nil
}

// feedCleanEvery is how often old entries are looked for.
const feedCleanEvery = time.Hour

// cleaner removes what is older from the change feeds now and then, until ctx ends.
func (s feedSetting) cleaner(on *store.Store, log *slog.Logger) func(ctx context.Context) {
	return func(ctx context.Context) {
		for s.FeedDays > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(feedCleanEvery/2 + rand.N(feedCleanEvery)): // not all servers at once
			}
			s.clean(ctx, on, log)
		}
	}
}

func (s feedSetting) clean(ctx context.Context, on *store.Store, log *slog.Logger) {
	removed, err := audit.CleanFeeds(ctx, on, on.Now().AddDate(0, 0, -s.FeedDays))
	if removed > 0 {
		log.InfoContext(ctx, "old changes removed from the feed", "changes", removed)
	}
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "remove old changes from the feed", "error", err)
	}
}
