package directory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// FollowGroup tells what happens to a group from now on: one event for what changes together, the last one
// when the group is deleted. An event has the group as it is when the event is taken, so events that nobody
// takes yet become one. The channel is closed after the deletion and when ctx ends. It goes by the account's
// change feed: what this server writes is seen at once, what others write on the same database within a
// second. Admins. NOT_FOUND for a group that is not in the account.
func (d *Directory) FollowGroup(ctx context.Context, who auth.Caller, id models.GroupID) (<-chan *models.GroupChangedPayload, error) {
	after, err := read(ctx, d, who, actionFollowGroup, func(s *snapshot) (after int64, err error) {
		group, err := findGroup(s.DB, s.account(), id)
		if err != nil {
			return 0, err
		}
		if group == nil {
			return 0, notFound("group").At("id")
		}
		err = s.Model(&models.Account{}).Select("feed_seq").Where("id = ?", s.account()).Scan(&after).Error
		if err != nil {
			return 0, fmt.Errorf("read the number of the newest change: %w", err)
		}
		return after, nil
	})
	if err != nil {
		return nil, err
	}
	news := &groupNews{id: id, come: make(chan struct{}, 1)}
	leave := d.feeds.follow(who.Account, after, news.note)
	events := make(chan *models.GroupChangedPayload)
	go func() {
		defer close(events)
		defer leave()
		for {
			event, err := d.nextOfGroup(ctx, who, news)
			if err != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case events <- event:
			}
			if event.DeletedGroupID != nil {
				return
			}
		}
	}()
	return events, nil
}

const actionFollowGroup auth.Action = "Subscription.groupChanged"

// nextOfGroup waits for news and reads the group. It fails when ctx ends, and then only.
func (d *Directory) nextOfGroup(ctx context.Context, who auth.Caller, news *groupNews) (*models.GroupChangedPayload, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-news.come:
	}
	parts := news.take() // before the group is read: what is noted from here on is another event
	for {
		group, err := glance(ctx, d, who, actionFollowGroup, func(s *snapshot) (*models.Group, error) {
			return findGroup(s.DB, s.account(), news.id)
		})
		switch {
		case err == nil && group == nil:
			return &models.GroupChangedPayload{Changed: []models.GroupPart{}, DeletedGroupID: &news.id}, nil
		case err == nil:
			return &models.GroupChangedPayload{Changed: parts, Group: group}, nil
		}
		select { // the database is away, and will be back
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d.feeds.every):
		}
	}
}

// groupNews gathers which parts of a group have changed since somebody asked.
type groupNews struct {
	id   models.GroupID
	come chan struct{} // has an element when there is something to take

	mu    sync.Mutex
	parts []models.GroupPart
}

func (n *groupNews) note(changes []audit.Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range changes {
		part, about := n.part(&changes[i])
		if !about {
			continue
		}
		if !slices.Contains(n.parts, part) {
			n.parts = append(n.parts, part)
		}
		select {
		case n.come <- struct{}{}:
		default:
		}
	}
}

// part is which part of the group an entry of the feed is about, if it is.
func (n *groupNews) part(c *audit.Change) (models.GroupPart, bool) {
	subject, object := n.is(c.SubjectID), n.is(c.ObjectID)
	switch {
	case c.Entity == audit.Group && subject:
		return models.GroupPartDetails, true
	case c.Entity == audit.Membership && object:
		return models.GroupPartMembers, true
	case c.Entity == audit.Nesting && subject:
		return models.GroupPartParents, true
	case c.Entity == audit.Nesting && object:
		return models.GroupPartChildren, true
	}
	return "", false
}

func (n *groupNews) is(id []byte) bool { return string(id) == string(n.id[:]) }

// take empties the list.
func (n *groupNews) take() []models.GroupPart {
	n.mu.Lock()
	defer n.mu.Unlock()
	select { // noted since the signal that led here, and taken with it
	case <-n.come:
	default:
	}
	parts := n.parts
	n.parts = nil
	slices.Sort(parts)
	return parts
}
