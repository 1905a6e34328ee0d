package directory

import (
	"context"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/models"
	"cohort/store"
)

// FeedPart is what a webhook is to be told next.
type FeedPart struct {
	Entries []models.ChangeEntry // at most as many as were asked for, of the kinds that were
	To      int64                // the number up to which these are all
}

// FeedFor reads what comes behind the number after in the account's change feed, up to until, or as far as it goes if that is
// 0. It is for the server's own deliveries, which act for nobody. ErrCursorExpired when not all of it is kept.
func (d *Directory) FeedFor(ctx context.Context, account models.AccountID, kinds []models.ChangeKind, after, until int64, most int) (FeedPart, error) {
	return store.InSnapshot(ctx, d.store, func(tx *gorm.DB) (part FeedPart, err error) {
		bounds, err := audit.ReadBounds(tx, account)
		if err != nil {
			return part, err
		}
		if after < bounds.First || after > bounds.Last {
			return part, ErrCursorExpired
		}
		part.To = min(bounds.Last, after+changesLooked)
		if until > 0 {
			part.To = min(part.To, until)
		}
		if after == part.To {
			return part, nil
		}
		entities := make([]string, len(kinds))
		for i, kind := range kinds {
			entities[i] = feedEntities[kind]
		}
		err = audit.ReadChanges(tx, account, after, part.To, most, entities, func(c *audit.Change) error {
			part.Entries = append(part.Entries, entryOf(c))
			return nil
		})
		if len(part.Entries) == most {
			part.To = int64(part.Entries[most-1].Number)
		}
		return part, err
	})
}
