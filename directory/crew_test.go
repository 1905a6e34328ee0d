package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
)

// crew writes at random in one account, as its users and through several servers, and keeps what each request
// was answered.
type crew struct {
	account auth.Caller // its first super admin
	at      []*directory.Directory
	trouble func(context.Context) context.Context // for each request; nil makes none
	seed    uint64

	mu       sync.Mutex
	users    []models.UserID // made so far, and some that are gone
	groups   []models.GroupID
	leaders  []models.UserID // who was an admin or a super admin when last looked at
	answered map[string]effect
	done     map[string]int // by the name of the operation and its refusal
}

// effect is how many entries of the feed a request must have left, by what it answered.
type effect struct{ least, most int }

var (
	nothing   = effect{0, 0}
	something = effect{1, 1 << 30}
	anything  = effect{0, 1 << 30}
)

func exactly(n int) effect { return effect{n, n} }

// newCrew makes an account of a few people in a few groups.
func newCrew(t testing.TB, d *directory.Directory, at []*directory.Directory) *crew {
	t.Helper()
	c := &crew{account: foundAccount(t, d), at: at, answered: map[string]effect{}, done: map[string]int{}}
	if *long {
		c.seed = rand.Uint64()
	}
	c.users = append(c.users, c.account.UserID)
	for i, role := range slices.Concat(
		slices.Repeat([]models.Role{models.RoleSuperAdmin}, 3), slices.Repeat([]models.Role{models.RoleAdmin}, 6), slices.Repeat([]models.Role{models.RoleMember}, 10),
	) {
		c.users = append(c.users, hire(t, d, c.account, fmt.Sprintf("hired%d@example.org", i), role).UserID)
	}
	for i := range 8 {
		c.groups = append(c.groups, found(t, d, c.account, fmt.Sprintf("Group %d", i)))
	}
	must(t, c.look(t.Context(), d, c.account))
	return c
}

// look finds out who leads.
func (c *crew) look(ctx context.Context, d *directory.Directory, who auth.Caller) error {
	first := int32(100)
	page, err := d.Users(ctx, who, directory.UserQuery{Sort: models.UserSortCreatedAtDesc, Filter: &models.UserFilter{
		Role: []models.Role{models.RoleSuperAdmin, models.RoleAdmin}, Status: []models.UserStatus{models.UserStatusInvited, models.UserStatusActive},
	}}, models.PageArgs{First: &first})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaders = nil
	for _, user := range page.Nodes() {
		c.leaders = append(c.leaders, user.ID)
	}
	return nil
}

// writer is one of the crew at work: its own chance, its own server.
type writer struct {
	*crew
	*rand.Rand
	ctx  context.Context
	d    *directory.Directory
	name string
	n    int
}

func (c *crew) writer(ctx context.Context, i int) *writer {
	return &writer{crew: c, Rand: rand.New(rand.NewPCG(c.seed, uint64(i))), ctx: ctx, d: c.at[i%len(c.at)], name: fmt.Sprintf("w%d", i)}
}

// work makes one request and notes the answer. An answer that no client may get is an error.
func (w *writer) work() error {
	if w.n++; w.n%20 == 0 {
		// Whoever asks may have lost their rights meanwhile.
		if code := refusal(w.look(w.ctx, w.d, w.caller())); code != "" && code != forbidden {
			return fmt.Errorf("look: %s", code)
		}
	}
	ctx := w.ctx
	if w.trouble != nil {
		w.ctx = w.trouble(ctx)
		defer func() { w.ctx = ctx }()
	}
	use := w.use()
	who := w.caller()
	who.RequestID = fmt.Sprintf("%s.%d", w.name, w.n)
	left, err := use.do(w, who)
	code := refusal(err)
	if code != "" {
		left = nothing
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered[who.RequestID] = left
	w.done[strings.TrimSpace(use.name+" "+code)]++
	if err != nil && !slices.Contains(expected, code) {
		return fmt.Errorf("%s: %w", use.name, err)
	}
	return nil
}

// use draws a kind of request.
func (w *writer) use() use {
	shares := 0
	for _, u := range uses {
		shares += u.share
	}
	at := w.IntN(shares)
	for _, u := range uses {
		if at -= u.share; at < 0 {
			return u
		}
	}
	panic("unreachable: the shares add up")
}

// expected are the refusals that a random request runs into.
var expected = []string{
	forbidden, unauthenticated, string(models.CodeForbidden), string(models.CodeNotFound), string(models.CodeStale), string(models.CodeCycle), string(models.CodeTooDeep),
	string(models.CodeNameTaken), string(models.CodeEmailTaken), string(models.CodeLastSuperAdmin), string(models.CodeConflict), string(models.CodeStaleSelection),
	string(models.CodeKeyTaken), string(models.CodeSeatsInUse), string(models.CodeNoSeats), string(models.CodeChooseInherited), string(models.CodeMissingPermission),
}

// caller is mostly one of those who lead, and in a role that is often more than what is stored.
func (w *writer) caller() auth.Caller {
	w.mu.Lock()
	defer w.mu.Unlock()
	who := w.account
	if w.IntN(20) == 0 {
		who.UserID = w.users[w.IntN(len(w.users))]
	} else {
		who.UserID = w.leaders[w.IntN(len(w.leaders))]
	}
	if w.IntN(10) == 0 {
		who.Role = models.RoleAdmin
	}
	return who
}

// recent is one of the last that were made: often there, sometimes gone.
func recent[ID any](w *writer, ids *[]ID) ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return (*ids)[max(0, len(*ids)-40)+w.IntN(min(40, len(*ids)))]
}

func (w *writer) user() models.UserID   { return recent(w, &w.crew.users) }
func (w *writer) group() models.GroupID { return recent(w, &w.crew.groups) }

// someOf draws up to n, perhaps the same twice, perhaps none.
func someOf[ID any](w *writer, n int, draw func() ID) []ID {
	ids := make([]ID, w.IntN(n+1))
	for i := range ids {
		ids[i] = draw()
	}
	return ids
}

func (w *writer) made(users []models.UserID, groups []models.GroupID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crew.users = append(w.crew.users, users...)
	w.crew.groups = append(w.crew.groups, groups...)
}

// gone forgets what was deleted, but for a few that others will ask for in vain.
func (w *writer) gone(user models.UserID, group models.GroupID) {
	if w.IntN(8) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crew.users = slices.DeleteFunc(w.crew.users, func(id models.UserID) bool { return id == user })
	w.crew.groups = slices.DeleteFunc(w.crew.groups, func(id models.GroupID) bool { return id == group })
}

// run lets n writers work until each has made a number of requests, or until enough is closed.
func (c *crew) run(t testing.TB, n, requests int, enough <-chan struct{}) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		w := c.writer(t.Context(), i)
		wg.Go(func() {
			for range requests {
				select {
				case <-enough:
					return
				default:
				}
				if err := w.work(); err != nil {
					t.Errorf("request %s.%d: %v", w.name, w.n, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// check holds everything stored against what follows from it, and against what the requests were answered.
func (c *crew) check(t testing.TB, s *store.Store) {
	t.Helper()
	h := checkStored(t, s, c.account.Account)
	for request, want := range c.answered {
		if n := len(h.requests[request]); n < want.least || n > want.most {
			t.Errorf("request %s left %d entries in the feed, want %d to %d", request, n, want.least, want.most)
		}
		delete(h.requests, request)
	}
	delete(h.requests, "") // what made the account
	for request := range h.requests {
		t.Errorf("request %s has left entries in the feed and got no answer", request)
	}
	changed, refused := 0, 0
	for name, n := range c.done {
		if strings.Contains(name, " ") {
			refused += n
		} else {
			changed += n
		}
	}
	t.Logf("%d requests were carried out, %d refused (seed %d): %v", changed, refused, c.seed, c.done)
	for _, use := range uses {
		if c.done[use.name] == 0 && changed > 20*len(uses) {
			t.Errorf("no request of the kind %s was carried out", use.name)
		}
	}
}
