package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// plan makes statements of one request fail: the at-th one, and again in each of the next tries.
type plan struct {
	mu                 sync.Mutex
	at, seen, failures int
	deadlock           bool
}

type planKey struct{}

// failing is an Inspect that heeds the plan in a request's context, and counts the failures by the place.
func failing(places *sync.Map) func(context.Context, string) error {
	return func(ctx context.Context, sql string) error {
		if err := storetest.Guard(ctx, sql); err != nil {
			return err
		}
		p, planned := ctx.Value(planKey{}).(*plan)
		if !planned {
			return nil
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.seen++; p.seen < p.at || p.failures == 0 {
			return nil
		}
		places.Store(p.at, true)
		p.seen, p.failures, p.deadlock = 0, p.failures-1, !p.deadlock
		if p.deadlock {
			return &mysql.MySQLError{Number: 1213, Message: "a deadlock that was made up"}
		}
		return &mysql.MySQLError{Number: 1205, Message: "a lock timeout that was made up"}
	}
}

// TestWritersThroughFailures lets a statement of every request fail as in a deadlock or a lock timeout, the
// first statement of one, the second of the next and so on, up to three times in a row.
func TestWritersThroughFailures(t *testing.T) {
	s := storetest.Open(t)
	var places sync.Map
	at := make([]*directory.Directory, 4)
	for i := range at {
		at[i] = server(t, store.Options{Inspect: failing(&places)})
	}
	c := newCrew(t, newDirectory(t, s), at)
	var n atomic.Int64
	c.trouble = func(ctx context.Context) context.Context {
		i := int(n.Add(1))
		return context.WithValue(ctx, planKey{}, &plan{at: 1 + i%30, failures: 1 + i%3})
	}
	c.run(t, 8, rounds(40, 1000), nil)
	c.check(t, s)
	failed := 0
	places.Range(func(any, any) bool { failed++; return true })
	if failed < 15 {
		t.Errorf("only %d places have failed", failed)
	}
	t.Logf("%d requests, which failed at %d places", n.Load(), failed)
}

// TestAccountThroughFailures is the same for a new account, which nobody's lock protects.
func TestAccountThroughFailures(t *testing.T) {
	s := storetest.Open(t)
	var places sync.Map
	d := server(t, store.Options{Inspect: failing(&places)})
	for at := range 12 {
		in := directory.NewAccount{Name: fmt.Sprintf("Account %d %s", at, models.NewID[models.AccountID]()), Admin: models.UserCreateInput{Email: "a@example.org", Locale: models.LocaleEn}}
		account, _, err := d.CreateAccount(context.WithValue(t.Context(), planKey{}, &plan{at: at, failures: 2}), in)
		must(t, err)
		checkStored(t, s, account.ID)
	}
	if _, failed := places.Load(7); !failed {
		t.Error("the 7th statement did not fail")
	}
}

// TestDeadlocks crosses a use case, which holds the account and wants a user, with a stranger who holds the
// users and wants the account. The server fells the use case, for it has changed less.
func TestDeadlocks(t *testing.T) {
	s := storetest.Open(t)
	if s.Engine == store.SQLite {
		t.Skip("SQLite has one lock, which nobody can take crosswise")
	}
	for name, tt := range map[string]struct {
		at string // the statement that wants the user
		do func(context.Context, *directory.Directory, auth.Caller, models.UserID, models.GroupID) error
	}{
		"a user is updated": {"UPDATE `users`", func(ctx context.Context, d *directory.Directory, who auth.Caller, user models.UserID, _ models.GroupID) error {
			_, err := d.UpdateUser(ctx, who, models.UserUpdateInput{ID: user, GivenName: graphql.OmittableOf(new("Updated"))})
			return err
		}},
		"a user joins": {"INSERT INTO memberships", func(ctx context.Context, d *directory.Directory, who auth.Caller, user models.UserID, group models.GroupID) error {
			_, err := d.AddMembers(ctx, who, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: []models.UserID{user}})
			return err
		}},
		"a user is deleted": {"DELETE FROM `users`", func(ctx context.Context, d *directory.Directory, who auth.Caller, user models.UserID, _ models.GroupID) error {
			_, err := d.DeleteUser(ctx, who, models.UserDeleteInput{ID: user})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			wants := make(chan struct{}, 100)
			d := server(t, store.Options{Inspect: func(_ context.Context, sql string) error {
				if strings.HasPrefix(sql, tt.at) {
					tries.Add(1)
					wants <- struct{}{}
				}
				return nil
			}})
			who := foundAccount(t, d)
			group := found(t, d, who, "group")
			for range rounds(2, 50) {
				user := hire(t, d, who, models.NewID[models.UserID]().String()+"@example.org", models.RoleMember).UserID
				stranger := holdUsers(t, s, who.Account)
				for len(wants) > 0 {
					<-wants
				}
				before := tries.Load()
				ended := make(chan error, 1)
				go func() { ended <- tt.do(t.Context(), d, who, user, group) }()
				select {
				case <-wants:
				case err := <-ended:
					t.Fatalf("ended without a statement like %s, error %v", tt.at, err)
				}
				wantAccount(t, stranger, who.Account)
				must(t, <-ended)
				if tries.Load() < before+2 {
					t.Error("nothing was tried again")
				}
			}
			checkStored(t, s, who.Account)
		})
	}
}

// holdUsers changes the newest users of an account in a transaction that stays open.
func holdUsers(t testing.TB, s *store.Store, account models.AccountID) *gorm.DB {
	tx := s.Write.WithContext(t.Context()).Begin()
	if tx.Error != nil {
		t.Error(tx.Error)
	}
	for changes := int64(0); changes < 200; { // they weigh when the server looks for a victim
		done := tx.Exec("UPDATE users SET updated_at = DATE_ADD(updated_at, INTERVAL 1 SECOND) WHERE account_id = ? ORDER BY id DESC LIMIT 40", account)
		changes += done.RowsAffected
		if deadlock := new(mysql.MySQLError); errors.As(done.Error, &deadlock) && deadlock.Number == 1213 {
			break
		}
		if done.Error != nil {
			t.Errorf("hold the users: %v", done.Error)
			break
		}
	}
	return tx
}

// wantAccount takes the account's lock in that transaction and then gives everything back.
func wantAccount(t testing.TB, tx *gorm.DB, account models.AccountID) {
	err := tx.Exec("SELECT id FROM accounts WHERE id = ? FOR UPDATE", account).Error
	if deadlock := new(mysql.MySQLError); err != nil && !(errors.As(err, &deadlock) && deadlock.Number == 1213) {
		t.Errorf("take the account's lock: %v", err)
	}
	if err := tx.Rollback().Error; err != nil {
		t.Errorf("roll back: %v", err)
	}
}

// TestWritersThroughDeadlocks sends the stranger of TestDeadlocks among the writers again and again.
func TestWritersThroughDeadlocks(t *testing.T) {
	s := storetest.Open(t)
	if s.Engine == store.SQLite {
		t.Skip("SQLite has one lock, which nobody can take crosswise")
	}
	var locks, operations atomic.Int64
	at := make([]*directory.Directory, 4)
	for i := range at {
		at[i] = server(t, store.Options{Inspect: func(_ context.Context, sql string) error {
			if strings.HasSuffix(sql, "FOR UPDATE") {
				locks.Add(1)
			}
			return nil
		}})
	}
	c := newCrew(t, newDirectory(t, s), at)
	come := make(chan struct{})
	c.trouble = func(ctx context.Context) context.Context {
		if operations.Add(1)%10 == 0 { // seldom enough for ten tries to be plenty
			select {
			case come <- struct{}{}:
			default: // the stranger is still busy
			}
		}
		return ctx
	}
	var stranger sync.WaitGroup
	stranger.Go(func() {
		for range come {
			wantAccount(t, holdUsers(t, s, c.account.Account), c.account.Account)
		}
	})
	c.run(t, 8, rounds(25, 500), nil)
	close(come)
	stranger.Wait()
	c.check(t, s)
	t.Logf("%d requests took the lock %d times", operations.Load(), locks.Load())
}

// TestLockTimeout keeps the account's lock from a use case until the server tells it to give up.
func TestLockTimeout(t *testing.T) {
	s := storetest.Open(t)
	if s.Engine == store.SQLite || !*long {
		t.Skip("takes a server and ten seconds: use -long")
	}
	locks := make(chan struct{}, 100)
	d := server(t, store.Options{Inspect: func(_ context.Context, sql string) error {
		if strings.HasSuffix(sql, "FOR UPDATE") {
			locks <- struct{}{}
		}
		return nil
	}})
	who := foundAccount(t, d)
	holder := s.Write.WithContext(t.Context()).Begin()
	must(t, holder.Exec("SELECT id FROM accounts WHERE id = ? FOR UPDATE", who.Account).Error)
	began, ended := time.Now(), make(chan error, 1)
	go func() {
		_, err := d.CreateGroup(t.Context(), who, models.GroupCreateInput{Name: "late"})
		ended <- err
	}()
	for range 2 {
		select {
		case <-locks:
		case err := <-ended:
			t.Fatalf("ended without the lock, error %v", err)
		}
	}
	must(t, holder.Rollback().Error)
	must(t, <-ended)
	t.Logf("tried again after %s", time.Since(began).Round(time.Second))
	checkStored(t, s, who.Account)
}
