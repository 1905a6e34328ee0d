package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// ErrCursorExpired says that the change feed no longer has all that follows a cursor: whoever goes on from it reads the
// whole account again and begins with a new one.
var ErrCursorExpired = errors.New("the change feed is no longer kept from this cursor on: read everything again, with a new cursor")

// ChangeQuery is which part of the change feed is wanted.
type ChangeQuery struct {
	Since *string // a cursor; nil for the beginning of what is kept, or, to follow, for now
	First *int32  // 1 to models.MaxChanges; nil for models.DefaultChanges
	Kinds []models.ChangeKind
}

const (
	actionChanges       auth.Action = "Query.changes"
	actionFollowChanges auth.Action = "Subscription.changes"
)

// changesLooked is how many entries one page looks at: those that it leaves out by their kind cost time, too.
const changesLooked = 20_000

// feedEntities are the entities of the feed by the kinds of the schema.
var feedEntities = map[models.ChangeKind]string{
	models.ChangeKindUser: audit.User, models.ChangeKindGroup: audit.Group, models.ChangeKindMembership: audit.Membership,
	models.ChangeKindNesting: audit.Nesting, models.ChangeKindUserProduct: audit.Product, models.ChangeKindUserStatus: audit.Status,
}

var feedKinds = func() map[string]models.ChangeKind {
	kinds := map[string]models.ChangeKind{}
	for kind, entity := range feedEntities {
		kinds[entity] = kind
	}
	return kinds
}()

// feedPage is a ChangeQuery checked.
type feedPage struct {
	after    *int64
	most     int
	entities []string
}

func (q ChangeQuery) check(account models.AccountID) (p feedPage, err error) {
	p.most = models.DefaultChanges
	if q.First != nil {
		if *q.First < 1 || *q.First > models.MaxChanges {
			return p, models.Errorf(models.CodeInvalid, "a page of changes has 1 to %d entries, not %d", models.MaxChanges, *q.First).At("first")
		}
		p.most = int(*q.First)
	}
	if q.Since != nil {
		number, err := models.ParseChangeCursor(account, *q.Since)
		if err != nil {
			return p, err
		}
		p.after = &number
	}
	if q.Kinds == nil {
		q.Kinds = models.AllChangeKind
	}
	if len(q.Kinds) == 0 || len(q.Kinds) > len(models.AllChangeKind) {
		return p, models.Errorf(models.CodeInvalid, "give 1 to %d kinds of changes, or leave the argument out", len(models.AllChangeKind)).At("kinds")
	}
	for _, kind := range q.Kinds {
		p.entities = append(p.entities, feedEntities[kind])
	}
	return p, nil
}

// Changes is a page of the account's change feed, in the order of the commits: what happened to users, their status and
// effective products, groups, direct memberships and nesting, whoever did it. Each entry is there once and none is left out,
// however many write meanwhile. A page looks at 20,000 entries at most, and may have fewer of the kinds that are asked for, or none,
// although there is more. Admins. INVALID for a bad cursor, size or list of kinds; ErrCursorExpired.
func (d *Directory) Changes(ctx context.Context, who auth.Caller, q ChangeQuery) (*models.ChangePage, error) {
	page, err := q.check(who.Account)
	if err != nil {
		if _, denied := who.May(actionChanges); denied != nil {
			return nil, denied
		}
		return nil, err
	}
	found, _, err := d.changes(ctx, who, actionChanges, page)
	return found, err
}

// ChangesCursor is the cursor behind the newest entry of the account's change feed. Admins.
func (d *Directory) ChangesCursor(ctx context.Context, who auth.Caller) (string, error) {
	if _, err := who.May("Query.changesCursor"); err != nil {
		return "", err
	}
	seq, err := d.store.FeedSeq(ctx, who.Account)
	return models.ChangeCursor(who.Account, seq), err
}

// reached is how far a page of the feed goes.
type reached struct {
	at   int64 // the number of the last entry that it has looked at
	last int64 // that of the newest one
}

func (d *Directory) changes(ctx context.Context, who auth.Caller, action auth.Action, page feedPage) (found *models.ChangePage, to reached, err error) {
	found, err = read(ctx, d, who, action, func(s *snapshot) (*models.ChangePage, error) {
		bounds, err := audit.ReadBounds(s.DB, s.account())
		if err != nil {
			return nil, err
		}
		after := bounds.First
		if page.after != nil {
			after = *page.after
		}
		if after < bounds.First || after > bounds.Last { // ahead of the feed is who read one that is lost, as by a backup
			return nil, ErrCursorExpired
		}
		to = reached{at: min(bounds.Last, after+changesLooked), last: bounds.Last}
		entries := make([]models.ChangeEntry, 0, min(page.most, int(to.at-after)))
		if after < to.at {
			err = audit.ReadChanges(s.DB, s.account(), after, to.at, page.most, page.entities, func(c *audit.Change) error {
				entries = append(entries, entryOf(c))
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		if len(entries) == page.most {
			to.at = int64(entries[len(entries)-1].Number)
		}
		typed := make([]models.Change, len(entries))
		for i := range entries {
			typed[i] = entries[i].Typed()
		}
		return &models.ChangePage{Entries: typed, Cursor: models.ChangeCursor(s.account(), to.at), HasMore: to.at < to.last}, nil
	})
	return found, to, err
}

func entryOf(c *audit.Change) models.ChangeEntry {
	entry := models.ChangeEntry{
		Kind: feedKinds[c.Entity], Number: models.ChangeNumber(c.Seq), Time: c.At, OperationID: c.OperationID, Action: models.ChangeAction(c.ChangeType),
	}
	copy(entry.Subject[:], c.SubjectID)
	copy(entry.Object[:], c.ObjectID)
	if c.Payload != nil {
		entry.Data = *c.Payload
	}
	return entry
}

// FollowChanges gives the pages of the account's change feed one after the other, each when the one before is taken: the
// first at once, even if it has no entries, the others when there is something. What this server writes is told at once,
// what others write on the same database within a second. The channel is closed when ctx ends, and when the feed is no longer kept
// from where the reader has come to. Rights and errors are those of Changes.
func (d *Directory) FollowChanges(ctx context.Context, who auth.Caller, q ChangeQuery) (<-chan *models.ChangePage, error) {
	page, err := q.check(who.Account)
	if err != nil {
		if _, denied := who.May(actionFollowChanges); denied != nil {
			return nil, denied
		}
		return nil, err
	}
	if page.after == nil {
		seq, err := d.store.FeedSeq(ctx, who.Account)
		if err != nil {
			return nil, fmt.Errorf("read the number of the newest change: %w", err)
		}
		page.after = &seq
	}
	first, to, err := d.changes(ctx, who, actionFollowChanges, page)
	if err != nil {
		return nil, err
	}
	come := make(chan struct{}, 1)
	leave := d.feeds.follow(who.Account, to.last, func([]audit.Change) {
		select {
		case come <- struct{}{}:
		default: // it will look anyway
		}
	})
	pages := make(chan *models.ChangePage)
	go func() {
		defer close(pages)
		defer leave()
		for next := first; next != nil; next, to = d.nextChanges(ctx, who, page, to, come) {
			select {
			case <-ctx.Done():
				return
			case pages <- next:
			}
		}
	}()
	return pages, nil
}

// nextChanges waits for a page that has something to tell. A page without entries tells how far the feed has come, which is worth
// an event when many have passed. It answers nil when there is no going on.
func (d *Directory) nextChanges(ctx context.Context, who auth.Caller, page feedPage, from reached, come <-chan struct{}) (*models.ChangePage, reached) {
	told := from.at
	for {
		if from.at == from.last {
			select {
			case <-ctx.Done():
				return nil, from
			case <-come:
			}
		}
		page.after = &from.at
		found, to, err := d.changes(ctx, who, actionFollowChanges, page)
		switch {
		case errors.Is(err, ErrCursorExpired) || ctx.Err() != nil:
			return nil, from
		case err != nil:
			select { // the database is away, and will be back
			case <-ctx.Done():
				return nil, from
			case <-time.After(d.feeds.every):
			}
			from.last = max(from.last, from.at+1) // it is still to be looked at
			continue
		}
		from = to
		if len(found.Entries) > 0 || from.at-told >= changesLooked {
			return found, from
		}
	}
}
