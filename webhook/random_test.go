package webhook_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
	"cohort/webhook"
)

// Several workers on one database never talk to the same webhook at once, and keep the order.
func TestOneAtATime(t *testing.T) {
	w := newWorld(t)
	hooks := 4
	var busy [4]atomic.Int32
	receivers := make([]*receiver, hooks)
	ids := make([]models.WebhookID, hooks)
	for i := range hooks {
		receivers[i] = newReceiver(t, func(told) int {
			if n := busy[i].Add(1); n > 1 {
				t.Errorf("%d deliveries at once", n)
			}
			defer busy[i].Add(-1)
			pause(rand.N(3 * time.Millisecond))
			return 200
		})
		ids[i], _ = w.hook(receivers[i].URL)
	}
	for range 4 {
		w.run()
	}
	g := w.group("Sales")
	for i := range 60 {
		w.rename(g, fmt.Sprint(i))
	}
	for i, id := range ids {
		until(t, "the end", func() bool { return w.now(id).Behind() == 0 })
		after := receivers[i].messages()[0].Data.After
		for _, m := range receivers[i].messages() {
			for _, e := range m.Data.Entries {
				if after++; e.Number != after {
					t.Fatalf("webhook %d: %d instead of %d", i, e.Number, after)
				}
			}
		}
	}
}

// pause passes time in a receiver, where that is what is tried.
func pause(d time.Duration) { <-time.After(d) }

// copied is what a receiver knows of an account.
type copied struct {
	Groups   map[string]string // their descriptions
	Members  map[string]bool
	Children map[string]bool
}

func (c *copied) apply(m told) {
	for _, e := range m.Data.Entries {
		switch e.Typename {
		case "GroupChange":
			if e.After == nil {
				delete(c.Groups, e.GroupID)
			} else {
				c.Groups[e.GroupID] = e.After["description"].(string)
			}
		case "MembershipChange":
			set(c.Members, e.UserID+" "+e.GroupID, e.Action)
		case "NestingChange":
			set(c.Children, e.ChildID+" "+e.ParentID, e.Action)
		}
	}
}

func set(in map[string]bool, key, action string) {
	if action == "SET" {
		in[key] = true
	} else {
		delete(in, key)
	}
}

// While several write at once, a receiver that refuses, dies before or after it has taken a message, or is too late, and workers that are
// stopped, cut off and lose their leases, all by chance: what the receiver makes of the messages is what the account is in the end,
// without a gap, in order, and what comes again is the same.
func TestRandomTrouble(t *testing.T) {
	w := newWorld(t)
	type seen struct {
		body  string
		taken bool
	}
	var mu sync.Mutex
	known := map[string]*seen{}
	mine := copied{map[string]string{}, map[string]bool{}, map[string]bool{}}
	last := int64(-1)
	calm := false
	repeated := 0
	r := newReceiver(t, func(m told) int {
		mu.Lock()
		defer mu.Unlock()
		before := known[m.id()]
		if before == nil {
			before = &seen{body: m.body}
			known[m.id()] = before
		} else if repeated++; before.body != m.body {
			t.Errorf("%s was %s, now %s", m.id(), before.body, m.body)
		}
		trouble := rand.N(10)
		if calm {
			trouble = 9
		}
		if trouble < 2 {
			return 503
		}
		if trouble < 3 {
			return 0
		}
		if !before.taken {
			before.taken = true
			if last >= 0 && m.Data.After != last {
				t.Errorf("a message after %d follows one up to %d", m.Data.After, last)
			}
			last = m.Data.UpTo
			mine.apply(m)
		}
		switch {
		case trouble < 4: // and the answer is lost
			return 0
		case trouble < 5:
			pause(60 * time.Millisecond)
		}
		return 200
	})
	id, _ := w.hook(r.URL, models.ChangeKindGroup, models.ChangeKindMembership, models.ChangeKindNesting)

	var users []models.UserID
	var groups []models.GroupID
	for i := range 6 {
		users = append(users, w.user(fmt.Sprintf("user%d@example.org", i)))
		groups = append(groups, w.group(fmt.Sprintf("Group %d", i)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var at sync.WaitGroup
	for range 4 {
		at.Go(func() {
			for i := range 60 {
				w.write(ctx, users, groups, i)
			}
		})
	}
	rounds := make(chan struct{})
	go func() { // workers come and go
		defer close(rounds)
		for ctx.Err() == nil {
			run, stop := context.WithTimeout(context.WithoutCancel(ctx), rand.N(80*time.Millisecond))
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					webhook.NewWorker(w.Store, w.d, webhook.Options{
						Seal: auth.NewSeal(key), Allow: loopback, Poll: 5 * time.Millisecond, Backoff: time.Millisecond, Timeout: 50 * time.Millisecond, Grace: rand.N(20*time.Millisecond) + 1,
					}).Run(run)
				})
			}
			both.Wait()
			stop()
		}
	}()
	at.Wait()
	until(t, "some trouble", func() bool { mu.Lock(); defer mu.Unlock(); return repeated > 5 || w.now(id).Behind() == 0 })
	cancel()
	<-rounds
	mu.Lock()
	calm = true
	mu.Unlock()
	w.run()
	until(t, "the end", func() bool { return w.now(id).Behind() == 0 })

	want := copied{map[string]string{}, map[string]bool{}, map[string]bool{}}
	for _, g := range groups {
		first := int32(100)
		found, err := w.d.GroupsByID(t.Context(), w.admin, []models.GroupID{g})
		must(t, err)
		if found[0] == nil {
			continue
		}
		want.Groups[g.String()] = found[0].Description
		_ = first
	}
	var members []struct {
		UserID  models.UserID
		GroupID models.GroupID
	}
	must(t, w.Read.WithContext(t.Context()).Raw("SELECT user_id, group_id FROM memberships WHERE account_id = ?", w.admin.Account).Scan(&members).Error)
	for _, m := range members {
		want.Members[m.UserID.String()+" "+m.GroupID.String()] = true
	}
	var edges []struct{ ChildID, ParentID models.GroupID }
	must(t, w.Read.WithContext(t.Context()).Raw("SELECT child_id, parent_id FROM group_edges WHERE account_id = ?", w.admin.Account).Scan(&edges).Error)
	for _, e := range edges {
		want.Children[e.ChildID.String()+" "+e.ParentID.String()] = true
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, mine); diff != "" {
		t.Errorf("the copy (-account +copy):\n%s", diff)
	}
	t.Logf("%d messages, %d repeated, %d attempts", len(known), repeated, len(r.messages()))
}

// write changes something; what clashes is refused.
func (w *world) write(ctx context.Context, users []models.UserID, groups []models.GroupID, i int) {
	g, h, u := groups[rand.N(len(groups))], groups[rand.N(len(groups))], users[rand.N(len(users))]
	var err error
	switch rand.N(6) {
	case 0:
		_, err = w.d.UpdateGroup(ctx, w.admin, models.GroupUpdateInput{ID: g, Description: omittable(fmt.Sprint("at ", i))})
	case 1, 2:
		_, err = w.d.AddMembers(ctx, w.admin, models.GroupMembersAddInput{GroupIds: []models.GroupID{g}, UserIds: []models.UserID{u}})
	case 3:
		_, err = w.d.RemoveMembers(ctx, w.admin, models.GroupMembersRemoveInput{GroupIds: []models.GroupID{g}, UserIds: []models.UserID{u}})
	case 4:
		_, err = w.d.Nest(ctx, w.admin, models.GroupNestInput{ParentID: g, ChildID: h})
	case 5:
		_, err = w.d.Unnest(ctx, w.admin, models.GroupUnnestInput{ParentID: g, ChildID: h})
	}
	if _, ours := models.UserErrors(err); ours != nil {
		w.Errorf("write: %v", ours)
	}
}
