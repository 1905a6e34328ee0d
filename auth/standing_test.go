package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// directory is an account in a database, with a clock and a look at the statements on it.
type directory struct {
	t          *testing.T
	db         *store.Store // what the tests write with
	account    models.AccountID
	now        time.Time
	statements atomic.Int64                    // on users, by standings
	before     func(ctx context.Context) error // each of them; may be nil
	standings  *Standings
}

func newDirectory(t *testing.T, o StandingOptions) *directory {
	t.Helper()
	d := &directory{t: t, db: storetest.Open(t), now: noon}
	d.account = storetest.Account(t, d.db)
	watched, err := store.Open(t.Context(), store.Options{URL: storetest.URL(t), Inspect: func(ctx context.Context, sql string) error {
		if strings.Contains(sql, "users") {
			d.statements.Add(1)
			if d.before != nil {
				if err := d.before(ctx); err != nil {
					return err
				}
			}
		}
		return storetest.Guard(ctx, sql)
	}})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(func() {
		if err := watched.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	o.Now = func() time.Time { return d.now }
	d.standings = NewStandings(watched, o)
	return d
}

// user inserts an active admin, changed.
func (d *directory) user(change func(*models.User)) models.UserID {
	d.t.Helper()
	id := models.NewID[models.UserID]()
	u := models.User{
		AccountID: d.account, ID: id, Email: id.String() + "@example.com", Locale: models.LocaleEn,
		Role: models.RoleAdmin, ActivatedAt: &noon, CreatedAt: noon, UpdatedAt: noon,
	}
	u.Rename("Some", "Body", "")
	if change != nil {
		change(&u)
	}
	u.Settle()
	if err := d.db.Write.WithContext(d.t.Context()).Create(&u).Error; err != nil {
		d.t.Fatalf("insert a user: %v", err)
	}
	return id
}

func (d *directory) set(id models.UserID, column string, value any) {
	d.t.Helper()
	done := d.db.Write.WithContext(d.t.Context()).Table("users").
		Where("account_id = ? AND id = ?", d.account, id).Update(column, value)
	if done.Error != nil || done.RowsAffected != 1 {
		d.t.Fatalf("set %s: %d rows, %v", column, done.RowsAffected, done.Error)
	}
}

func (d *directory) delete(id models.UserID) {
	d.t.Helper()
	done := d.db.Write.WithContext(d.t.Context()).Where("account_id = ? AND id = ?", d.account, id).Delete(&models.User{})
	if done.Error != nil || done.RowsAffected != 1 {
		d.t.Fatalf("delete the user: %d rows, %v", done.RowsAffected, done.Error)
	}
}

// of is the user's standing in a few words.
func (d *directory) of(id models.UserID) string {
	d.t.Helper()
	s, err := d.standings.Of(d.t.Context(), d.account, id)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return err.Error()
	case err != nil:
		d.t.Errorf("Of: %v", err)
	}
	return inWords(s)
}

func inWords(s Standing) string {
	words := string(s.Role)
	if s.Suspended {
		words += " suspended"
	}
	if s.Activated {
		words += " activated"
	}
	return words
}

func TestStandingOf(t *testing.T) {
	const nobody = "unauthenticated: there is no such user in the account"
	tests := map[string]struct {
		change func(*models.User)
		want   string
	}{
		"an active admin":          {nil, "ADMIN activated"},
		"a super admin":            {func(u *models.User) { u.Role = models.RoleSuperAdmin }, "SUPER_ADMIN activated"},
		"a member":                 {func(u *models.User) { u.Role = models.RoleMember }, "MEMBER activated"},
		"never signed in":          {func(u *models.User) { u.ActivatedAt = nil }, "ADMIN"},
		"suspended by somebody":    {func(u *models.User) { u.SuspendedManually = true }, "ADMIN suspended activated"},
		"without products":         {func(u *models.User) { u.SuspendedNoProducts = true }, "ADMIN suspended activated"},
		"suspended before all":     {func(u *models.User) { u.SuspendedManually, u.ActivatedAt = true, nil }, "ADMIN suspended"},
		"of another account":       {func(u *models.User) { u.AccountID = storetest.Account(t, storetest.Open(t)) }, nobody},
		"suspended for two things": {func(u *models.User) { u.SuspendedManually, u.SuspendedNoProducts = true, true }, "ADMIN suspended activated"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t, StandingOptions{})
			if got := d.of(d.user(tt.change)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		if got := newDirectory(t, StandingOptions{}).of(models.NewID[models.UserID]()); got != nobody {
			t.Errorf("%s, want %s", got, nobody)
		}
	})
}

func TestStandingIsKeptForAWhile(t *testing.T) {
	tests := map[string]struct {
		ttl, lasts time.Duration
	}{
		"two seconds by default":     {0, 2 * time.Second},
		"as long as said":            {time.Second, time.Second},
		"four seconds at the most":   {time.Minute, 4 * time.Second},
		"by default when below none": {-time.Second, 2 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t, StandingOptions{TTL: tt.ttl})
			id := d.user(nil)
			var got []string
			look := func() { got = append(got, fmt.Sprint(d.statements.Load(), " ", d.of(id))) }
			look()
			d.set(id, "role", models.RoleMember)
			d.now = noon.Add(tt.lasts - time.Nanosecond)
			look()
			d.now = noon.Add(tt.lasts)
			look()
			d.delete(id)
			d.now = noon.Add(2*tt.lasts - time.Nanosecond)
			look()
			d.now = noon.Add(2 * tt.lasts)
			look()
			look()
			d.now = noon.Add(-time.Hour) // a clock that was put back
			look()
			look()

			const nobody = "unauthenticated: there is no such user in the account"
			want := []string{"0 ADMIN activated", "1 ADMIN activated", "1 MEMBER activated", "2 MEMBER activated", "2 " + nobody, "3 " + nobody, "3 " + nobody, "4 " + nobody}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("statements before, and the standing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForgottenStandingIsReadAnew(t *testing.T) {
	d := newDirectory(t, StandingOptions{})
	one, other := d.user(nil), d.user(nil)
	d.of(one)
	d.of(other)
	d.set(one, "suspended_manually", true)
	d.standings.Forget(d.account, one)
	if got := d.of(one); got != "ADMIN suspended activated" {
		t.Errorf("after Forget: %s", got)
	}
	if d.of(other); d.statements.Load() != 3 {
		t.Errorf("%d statements, want 3: the other user's is kept", d.statements.Load())
	}
}

// gate holds the first statement on users until it is opened.
type gate struct {
	reached, opened chan struct{}
	first           atomic.Bool
}

func (d *directory) gate() *gate {
	g := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	d.before = func(ctx context.Context) error {
		if g.first.Swap(true) {
			return nil
		}
		close(g.reached)
		select {
		case <-g.opened:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g
}

func TestOneStatementForThoseWhoAskTogether(t *testing.T) {
	d := newDirectory(t, StandingOptions{})
	id, g := d.user(nil), d.gate()
	const many = 20
	var asking, wait sync.WaitGroup
	asking.Add(many)
	for range many {
		wait.Go(func() {
			asking.Done()
			if got := d.of(id); got != "ADMIN activated" {
				t.Errorf("standing: %s", got)
			}
		})
	}
	<-g.reached
	asking.Wait()
	close(g.opened)
	wait.Wait()
	if n := d.statements.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
}

func TestWhoLeavesFailsNobodyElse(t *testing.T) {
	d := newDirectory(t, StandingOptions{})
	id, g := d.user(nil), d.gate()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := d.standings.Of(ctx, d.account, id)
		left <- err
	}()
	<-g.reached
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	stayed := make(chan string)
	go func() { stayed <- d.of(id) }()
	close(g.opened)
	if got := <-stayed; got != "ADMIN activated" || d.statements.Load() != 1 {
		t.Errorf("who stayed got %s by %d statements, want ADMIN activated by 1", got, d.statements.Load())
	}
}

func TestForgetDuringTheReading(t *testing.T) {
	d := newDirectory(t, StandingOptions{})
	id, g := d.user(nil), d.gate()
	early := make(chan string)
	go func() { early <- d.of(id) }()
	<-g.reached
	d.standings.Forget(d.account, id)
	if d.of(id); d.statements.Load() != 2 {
		t.Errorf("%d statements, want 2: who asks after Forget doesn't wait for what was read before", d.statements.Load())
	}
	d.standings.Forget(d.account, id)
	close(g.opened)
	<-early
	if d.of(id); d.statements.Load() != 3 {
		t.Errorf("%d statements, want 3: what was read before Forget is not kept", d.statements.Load())
	}
}

func TestStandingWithoutDatabase(t *testing.T) {
	d := newDirectory(t, StandingOptions{})
	id, down := d.user(nil), errors.New("the database is down")
	d.before = func(context.Context) error { return down }
	if _, err := d.standings.Of(t.Context(), d.account, id); !errors.Is(err, down) || errors.Is(err, ErrUnauthenticated) {
		t.Errorf("Of: %v", err)
	}
	d.before = nil
	if got := d.of(id); got != "ADMIN activated" {
		t.Errorf("when it is back: %s", got)
	}
}
