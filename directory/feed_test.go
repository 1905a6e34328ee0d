package directory_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

type groupEvents <-chan *models.GroupChangedPayload

func follow(t testing.TB, d *directory.Directory, who auth.Caller, id models.GroupID) groupEvents {
	t.Helper()
	events, err := d.FollowGroup(t.Context(), who, id)
	must(t, err)
	return events
}

// next is the next event; within is how long it may take.
func (e groupEvents) next(t testing.TB, within time.Duration) *models.GroupChangedPayload {
	t.Helper()
	select {
	case event, ok := <-e:
		if !ok {
			t.Fatal("there are no more events")
		}
		return event
	case <-time.After(within):
		t.Fatalf("no event within %s", within)
	}
	return nil
}

func rename(t testing.TB, d *directory.Directory, who auth.Caller, id models.GroupID, name string) {
	t.Helper()
	_, err := d.UpdateGroup(t.Context(), who, models.GroupUpdateInput{ID: id, Name: graphql.OmittableOf(&name)})
	must(t, err)
}

// What another server writes is heard within two seconds, and what comes meanwhile becomes one event.
func TestFollowingAnotherServer(t *testing.T) {
	storetest.Open(t)
	all := servers(t, 2)
	who := foundAccount(t, all[0])
	id, other := found(t, all[0], who, "Sales"), found(t, all[0], who, "Other")
	events := follow(t, all[1], who, id)
	rename(t, all[0], who, other, "Else")
	rename(t, all[0], who, id, "Vente")
	if got := events.next(t, 2*time.Second); got.Group.Name != "Vente" || !cmp.Equal(got.Changed, []models.GroupPart{models.GroupPartDetails}) {
		t.Errorf("event %+v", got)
	}
	_, err := all[0].DeleteGroup(t.Context(), who, models.GroupDeleteInput{ID: id})
	must(t, err)
	if got := events.next(t, 2*time.Second); got.Group != nil || got.DeletedGroupID == nil || *got.DeletedGroupID != id {
		t.Errorf("event %+v", got)
	}
	if _, more := <-events; more {
		t.Error("there is more after the deletion")
	}
}

// One statement each time reads an account's feed, however many follow, and none when nobody does; nothing
// of it stays when they have gone.
func TestFollowersShareTheFeed(t *testing.T) {
	s := storetest.Open(t)
	quiet := goleak.IgnoreCurrent()
	var looks atomic.Int64
	d := server(t, store.Options{Inspect: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "FROM `changes`") {
			looks.Add(1)
		}
		return nil
	}})
	who := foundAccount(t, newDirectory(t, s))
	id := found(t, d, who, "Sales")
	if n := looks.Load(); n != 0 {
		t.Errorf("%d statements on the feed, which nobody follows", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all []groupEvents
	for range 20 {
		events, err := d.FollowGroup(ctx, who, id)
		must(t, err)
		all = append(all, events)
	}
	before := looks.Load()
	rename(t, d, who, id, "Vente")
	for _, events := range all {
		if got := events.next(t, time.Minute); got.Group.Name != "Vente" {
			t.Errorf("event %+v", got)
		}
	}
	// One for the change, and one that may have come by the clock, or was under way.
	if n := looks.Load() - before; n > 4 {
		t.Errorf("%d statements on the feed for 20 followers", n)
	}
	cancel()
	for _, events := range all {
		for range events { // until it is closed
		}
	}
	err := goleak.Find(quiet, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionCleaner"),
		goleak.IgnoreAnyFunction("github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1"))
	if err != nil { // beside the connections of the pool
		t.Error(err)
	}
}

// A follower who comes while others are ahead misses nothing, and nobody hears anything twice.
func TestFollowersComeLater(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	id := found(t, d, who, "Sales")
	early := follow(t, d, who, id)
	for _, name := range []string{"A", "B", "C"} {
		rename(t, d, who, id, name)
		if got := early.next(t, time.Minute); got.Group.Name != name {
			t.Errorf("event %+v", got.Group)
		}
		late := follow(t, d, who, id)
		rename(t, d, who, id, name+"2")
		for _, events := range []groupEvents{early, late} {
			if got := events.next(t, time.Minute); got.Group.Name != name+"2" {
				t.Errorf("event %+v", got.Group)
			}
		}
	}
}

func TestWhoMayFollow(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who, stranger := foundAccount(t, d), foundAccount(t, d)
	id := found(t, d, who, "Sales")
	for name, tt := range map[string]struct {
		who  auth.Caller
		id   models.GroupID
		want string
	}{
		"a super admin":            {who, id, ""},
		"an admin":                 {hire(t, d, who, "a@example.org", models.RoleAdmin), id, ""},
		"a member":                 {hire(t, d, who, "m@example.org", models.RoleMember), id, forbidden},
		"nobody":                   {auth.Caller{}, id, forbidden},
		"another account's":        {stranger, id, string(models.CodeNotFound)},
		"a group that there isn't": {who, models.NewID[models.GroupID](), string(models.CodeNotFound)},
	} {
		if _, err := d.FollowGroup(t.Context(), tt.who, tt.id); refusal(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
