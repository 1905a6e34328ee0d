package directory_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// entriesOf are the entries of a page, as they are stored.
func entriesOf(page *models.ChangePage) (entries []models.ChangeEntry) {
	for _, change := range page.Entries {
		entries = append(entries, *change.Entry())
	}
	return entries
}

// readChanges reads the feed from a cursor to its end, in pages of so many.
func readChanges(t testing.TB, d *directory.Directory, who auth.Caller, q directory.ChangeQuery, size func() int32) (entries []models.ChangeEntry, cursor string) {
	t.Helper()
	for {
		q.First = new(int32)
		*q.First = size()
		page, err := d.Changes(t.Context(), who, q)
		must(t, err)
		if len(page.Entries) > int(*q.First) {
			t.Fatalf("%d entries in a page of %d", len(page.Entries), *q.First)
		}
		entries = append(entries, entriesOf(page)...)
		if q.Since = &page.Cursor; !page.HasMore {
			return entries, page.Cursor
		}
	}
}

func pagesOf(n int32) func() int32 { return func() int32 { return n } }

// feedOf are the entries as the feed should tell them.
func feedOf(changes []audit.Change, kinds ...models.ChangeKind) (entries []models.ChangeEntry) {
	entities := map[string]models.ChangeKind{
		"USER": models.ChangeKindUser, "GROUP": models.ChangeKindGroup, "MEMBERSHIP": models.ChangeKindMembership,
		"NESTING": models.ChangeKindNesting, "PRODUCT": models.ChangeKindUserProduct, "STATUS": models.ChangeKindUserStatus,
	}
	for _, c := range changes {
		if kind := entities[c.Entity]; len(kinds) == 0 || slices.Contains(kinds, kind) {
			entries = append(entries, models.ChangeEntry{
				Kind: kind, Number: models.ChangeNumber(c.Seq), Time: c.At, OperationID: c.OperationID, Action: models.ChangeAction(c.ChangeType),
				Subject: id(c.SubjectID), Object: id(c.ObjectID), Data: text(c.Payload),
			})
		}
	}
	return entries
}

// While 16 writers change an account through four servers, readers of two more, by pages of any size and by subscription,
// get each entry once, in order and without gaps; and what the entries say is what is stored in the end.
func TestChangesOfSixteenWriters(t *testing.T) {
	s := storetest.Open(t)
	reading := servers(t, 2)
	c := newCrew(t, newDirectory(t, s), servers(t, 4))
	who := c.account
	begin := models.ChangeCursor(who.Account, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages, err := reading[1].FollowChanges(ctx, who, directory.ChangeQuery{Since: &begin, First: new(int32(7))})
	must(t, err)
	written := make(chan struct{})
	var asked, heard []models.ChangeEntry
	var readers sync.WaitGroup
	readers.Go(func() {
		since := &begin
		for ended := false; !ended; {
			select {
			case <-written:
				ended = true
			default:
			}
			found, cursor := readChanges(t, reading[0], who, directory.ChangeQuery{Since: since}, func() int32 { return 1 + rand.Int32N(40) })
			asked, since = append(asked, found...), &cursor
		}
	})
	last := make(chan int64, 1)
	readers.Go(func() {
		end := int64(-1)
		for end < 0 || len(heard) == 0 || int64(heard[len(heard)-1].Number) < end {
			select {
			case page := <-pages:
				heard = append(heard, entriesOf(page)...)
			case end = <-last:
			case <-time.After(time.Minute):
				t.Error("nothing is heard for a minute")
				return
			}
		}
	})
	c.run(t, 16, 25, make(chan struct{}))
	close(written)
	st, err := readContents(t.Context(), s, who.Account, true)
	must(t, err)
	last <- st.account.FeedSeq
	readers.Wait()
	want := feedOf(st.changes)
	if diff := cmp.Diff(asked, want); diff != "" {
		t.Errorf("read by pages (-got +stored):\n%.2000s", diff)
	}
	if diff := cmp.Diff(heard, want); diff != "" {
		t.Errorf("heard by subscription (-got +stored):\n%.2000s", diff)
	}
	c.check(t, s) // by replaying the same entries
	t.Logf("%d entries", len(want))
}

// The parts of a page: how many, of which kinds, and where it goes on.
func TestChanges(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	group := found(t, d, who, "Sales")
	user := hire(t, d, who, "ann@example.org", models.RoleMember).UserID
	addMember(t, d, who, group, user)
	rename(t, d, who, group, "Vente")
	_, err := d.DeleteUser(t.Context(), who, models.UserDeleteInput{ID: user})
	must(t, err)
	st, err := readContents(t.Context(), s, who.Account, true)
	must(t, err)
	for _, size := range []int32{1, 2, 3, 1000} {
		if got, _ := readChanges(t, d, who, directory.ChangeQuery{}, pagesOf(size)); !cmp.Equal(got, feedOf(st.changes)) {
			t.Errorf("pages of %d: %s", size, cmp.Diff(got, feedOf(st.changes)))
		}
		for _, kind := range models.AllChangeKind {
			if got, _ := readChanges(t, d, who, directory.ChangeQuery{Kinds: []models.ChangeKind{kind}}, pagesOf(size)); !cmp.Equal(got, feedOf(st.changes, kind)) {
				t.Errorf("%s in pages of %d: %s", kind, size, cmp.Diff(got, feedOf(st.changes, kind)))
			}
		}
	}
	all := feedOf(st.changes)
	if last := all[len(all)-1]; last.Kind != models.ChangeKindUser || last.Action != models.ChangeActionRemoved || last.Data != "" {
		t.Errorf("the last entry is %+v, and not that the user is gone", last)
	}
	if before := all[len(all)-2]; before.Kind != models.ChangeKindMembership || before.Action != models.ChangeActionRemoved || before.Object != group {
		t.Errorf("the entry before is %+v, and not that the membership is gone", before)
	}
	_, end := readChanges(t, d, who, directory.ChangeQuery{Kinds: []models.ChangeKind{models.ChangeKindNesting}}, pagesOf(5))
	now, err := d.ChangesCursor(t.Context(), who)
	must(t, err)
	if end != now {
		t.Errorf("who is at the end is at %q, the newest is at %q", end, now)
	}
	if page, err := d.Changes(t.Context(), who, directory.ChangeQuery{Since: &now}); err != nil || len(page.Entries) > 0 || page.HasMore || page.Cursor != now {
		t.Errorf("behind the end: %+v, %v", page, err)
	}
	exact := int32(len(all))
	if page, err := d.Changes(t.Context(), who, directory.ChangeQuery{First: &exact}); err != nil || page.HasMore || page.Cursor != now {
		t.Errorf("a page of exactly all: %+v, %v", page, err)
	}
}

// many leaves so many entries in the feed, each of a membership.
func many(t testing.TB, s *store.Store, who auth.Caller, n int) {
	t.Helper()
	for ; n > 0; n -= 5000 {
		_, err := store.InAccount(t.Context(), s, who.Account, func(tx *store.Tx) (struct{}, error) {
			l := audit.Begin(tx, who, "Mutation.groupMembersAdd")
			for range min(n, 5000) {
				group := [16]byte(models.NewID[models.GroupID]())
				if err := l.Changed(audit.Subject{Type: audit.Membership, ID: models.NewID[models.UserID](), Object: &group, After: map[string]bool{"direct": true}}); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, l.Write()
		})
		must(t, err)
	}
}

// However many entries there are of other kinds, a page looks at no more than so many, and tells how far it has come.
func TestChangesAmongMany(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	since, err := d.ChangesCursor(t.Context(), who)
	must(t, err)
	groups := directory.ChangeQuery{Since: &since, Kinds: []models.ChangeKind{models.ChangeKindGroup}}
	pages, err := d.FollowChanges(t.Context(), who, groups)
	must(t, err)
	if page := nextPage(t, pages); len(page.Entries) > 0 || page.Cursor != since {
		t.Errorf("the first page is %+v", page)
	}
	many(t, s, who, 30_000)
	found(t, d, who, "Late")
	page, err := d.Changes(t.Context(), who, groups)
	must(t, err)
	if len(page.Entries) > 0 || !page.HasMore || page.Cursor == since {
		t.Errorf("a page among others: %+v", page)
	}
	if got, _ := readChanges(t, d, who, groups, pagesOf(10)); len(got) != 1 || got[0].Kind != models.ChangeKindGroup {
		t.Errorf("all pages: %+v", got)
	}
	empty := 0
	for page := nextPage(t, pages); ; page = nextPage(t, pages) {
		if len(page.Entries) == 1 {
			break
		}
		empty++
	}
	if empty > 2 { // none, if the follower happened to look when less than a page was there
		t.Errorf("%d pages without entries", empty)
	}
}

func nextPage(t testing.TB, pages <-chan *models.ChangePage) *models.ChangePage {
	t.Helper()
	select {
	case page, ok := <-pages:
		if !ok {
			t.Fatal("there are no more pages")
		}
		return page
	case <-time.After(time.Minute):
		t.Fatal("no page within a minute")
	}
	return nil
}

// What another server writes is heard within two seconds; what comes while the reader is away is one page.
func TestFollowingChangesOfAnotherServer(t *testing.T) {
	storetest.Open(t)
	all := servers(t, 2)
	who := foundAccount(t, all[0])
	id := found(t, all[0], who, "Sales")
	ctx, cancel := context.WithCancel(t.Context())
	pages, err := all[1].FollowChanges(ctx, who, directory.ChangeQuery{})
	must(t, err)
	if page := nextPage(t, pages); len(page.Entries) > 0 || page.HasMore {
		t.Errorf("from now on: %+v", page)
	}
	begin := time.Now()
	rename(t, all[0], who, id, "Vente")
	page := nextPage(t, pages)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("heard after %s", took)
	}
	if len(page.Entries) != 1 {
		t.Fatalf("%d entries", len(page.Entries))
	}
	if after, err := page.Entries[0].(*models.GroupChange).After(); err != nil || after.Name != "Vente" {
		t.Errorf("heard of %+v, %v", after, err)
	}
	for _, name := range []string{"A", "B", "C", "D"} {
		rename(t, all[0], who, id, name)
	}
	heard := 0
	for heard < 4 {
		heard += len(nextPage(t, pages).Entries)
	}
	if heard != 4 {
		t.Errorf("heard of %d changes", heard)
	}
	cancel()
	for range pages { // until it is closed
	}
}

// What is no longer kept is not passed over in silence.
func TestChangesExpire(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	many(t, s, who, 2500)
	middle, err := d.ChangesCursor(t.Context(), who)
	must(t, err)
	first := found(t, d, who, "New")
	st, err := readContents(t.Context(), s, who.Account, true)
	must(t, err)
	newest := st.changes[len(st.changes)-1]
	_, err = audit.CleanFeeds(t.Context(), s, newest.At) // also those of the accounts of other tests
	must(t, err)
	var kept []audit.Change
	must(t, s.Read.Where("account_id = ?", who.Account).Find(&kept).Error)
	if len(kept) != 1 || kept[0].Seq != newest.Seq {
		t.Fatalf("kept %d of %d entries", len(kept), len(st.changes))
	}
	if again, err := audit.CleanFeeds(t.Context(), s, newest.At); err != nil || again != 0 {
		t.Errorf("removed %d more, %v", again, err)
	}
	for name, tt := range map[string]struct {
		at   int64
		want error
	}{
		"the beginning":      {0, directory.ErrCursorExpired},
		"just too old":       {newest.Seq - 2, directory.ErrCursorExpired},
		"just kept":          {newest.Seq - 1, nil},
		"the end":            {newest.Seq, nil},
		"behind the end":     {newest.Seq + 1, directory.ErrCursorExpired},
		"far behind the end": {1 << 62, directory.ErrCursorExpired},
	} {
		since := models.ChangeCursor(who.Account, tt.at)
		if _, err := d.Changes(t.Context(), who, directory.ChangeQuery{Since: &since}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := d.FollowChanges(ctx, who, directory.ChangeQuery{Since: &since}); !errors.Is(err, tt.want) {
			t.Errorf("following from %s: %v", name, err)
		}
		cancel()
	}
	for name, since := range map[string]*string{"what is kept": nil, "the last that is kept": &middle} {
		got, _ := readChanges(t, d, who, directory.ChangeQuery{Since: since}, pagesOf(10))
		if len(got) != 1 || got[0].Subject != first {
			t.Errorf("from %s: %+v", name, got)
		}
	}
	// A reader who is left behind is told so when coming again.
	pages, err := d.FollowChanges(t.Context(), who, directory.ChangeQuery{Since: &middle})
	must(t, err)
	nextPage(t, pages)
	found(t, d, who, "One more")
	rest := nextPage(t, pages).Cursor
	_, err = audit.CleanFeeds(t.Context(), s, time.Now().Add(time.Hour))
	must(t, err)
	if _, err := d.Changes(t.Context(), who, directory.ChangeQuery{Since: &rest}); err != nil {
		t.Errorf("at the end of a feed of which nothing is kept: %v", err)
	}
	if _, err := d.Changes(t.Context(), who, directory.ChangeQuery{Since: &middle}); !errors.Is(err, directory.ErrCursorExpired) {
		t.Errorf("from before what was removed: %v", err)
	}
	if got, end := readChanges(t, d, who, directory.ChangeQuery{}, pagesOf(10)); len(got) != 0 || end != rest {
		t.Errorf("from the beginning of what is kept, which is nothing: %+v, %q", got, end)
	}
	found(t, d, who, "And another")
	if got, _ := readChanges(t, d, who, directory.ChangeQuery{Since: &rest}, pagesOf(10)); len(got) != 1 {
		t.Errorf("what comes then: %+v", got)
	}
}

// Who may read the feed, and with which arguments.
func TestWhoMayReadChanges(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who, stranger := foundAccount(t, d), foundAccount(t, d)
	foreign, err := d.ChangesCursor(t.Context(), stranger)
	must(t, err)
	own, err := d.ChangesCursor(t.Context(), who)
	must(t, err)
	ask := func(since string, first int32, kinds ...models.ChangeKind) directory.ChangeQuery {
		return directory.ChangeQuery{Since: &since, First: &first, Kinds: kinds}
	}
	member := hire(t, d, who, "m@example.org", models.RoleMember)
	const invalid = string(models.CodeInvalid)
	for name, tt := range map[string]struct {
		who  auth.Caller
		q    directory.ChangeQuery
		want string
	}{
		"a super admin":          {who, ask(own, 1), ""},
		"an admin":               {hire(t, d, who, "a@example.org", models.RoleAdmin), ask(own, 1000), ""},
		"a member":               {member, ask(own, 1), forbidden},
		"a member with nonsense": {member, ask("x", 0), forbidden},
		"nobody":                 {auth.Caller{}, ask(own, 1), forbidden},
		"another's cursor":       {who, ask(foreign, 1), invalid},
		"no cursor":              {who, ask("", 1), invalid},
		"half a cursor":          {who, ask(own[:len(own)-2], 1), invalid},
		"a cursor and more":      {who, ask(own+"AA", 1), invalid},
		"a negative number":      {who, ask(models.ChangeCursor(who.Account, -1), 1), invalid},
		"no entries":             {who, ask(own, 0), invalid},
		"too many entries":       {who, ask(own, 1001), invalid},
		"no kinds":               {who, directory.ChangeQuery{Kinds: []models.ChangeKind{}}, invalid},
		"too many kinds":         {who, ask(own, 1, append(models.AllChangeKind, models.ChangeKindUser)...), invalid},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := d.Changes(ctx, tt.who, tt.q); refusal(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if _, err := d.FollowChanges(ctx, tt.who, tt.q); refusal(err) != tt.want {
			t.Errorf("%s follows: %v, want %q", name, err, tt.want)
		}
		cancel()
	}
	if _, err := d.ChangesCursor(t.Context(), member); refusal(err) != forbidden {
		t.Errorf("a member asks for the cursor: %v", err)
	}
}

func addMember(t testing.TB, d *directory.Directory, who auth.Caller, group models.GroupID, user models.UserID) {
	t.Helper()
	_, err := d.AddMembers(t.Context(), who, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: []models.UserID{user}})
	must(t, err)
}
