package directory_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// server is a directory on a store of its own, as another process would have it: nothing in memory is
// shared with other servers, and they don't wait for one another but in the database.
func server(t testing.TB, o store.Options) *directory.Directory {
	t.Helper()
	if o.URL == "" {
		o.URL = storetest.URL(t)
	}
	if o.Inspect == nil {
		o.Inspect = storetest.Guard
	}
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return newDirectory(t, s)
}

func servers(t testing.TB, n int) []*directory.Directory {
	t.Helper()
	all := make([]*directory.Directory, n)
	for i := range all {
		all[i] = server(t, store.Options{})
	}
	return all
}

func newDirectory(t testing.TB, s *store.Store) *directory.Directory {
	t.Helper()
	d, err := directory.New(s, directory.Options{Brake: 100}) // who writes at random may well suspend many
	must(t, err)
	return d
}

// foundAccount makes an account with a super admin, as whom it answers.
func foundAccount(t testing.TB, d *directory.Directory) auth.Caller {
	t.Helper()
	name := models.NewID[models.OperationID]()
	account, admin, err := d.CreateAccount(t.Context(), directory.NewAccount{
		Name: string(models.AccountID(name).String()), Admin: models.UserCreateInput{Email: "first@example.org", Locale: models.LocaleEn},
	})
	must(t, err)
	return auth.Caller{Account: account.ID, UserID: admin.ID, Role: models.RoleSuperAdmin, Kind: auth.Person}
}

// hire makes a user, as whom it answers.
func hire(t testing.TB, d *directory.Directory, who auth.Caller, email string, role models.Role) auth.Caller {
	t.Helper()
	p, err := d.CreateUser(t.Context(), who, models.UserCreateInput{Email: email, Locale: models.LocaleEn, Role: role})
	must(t, err)
	return auth.Caller{Account: who.Account, UserID: p.User.ID, Role: role, Kind: auth.Person}
}

func found(t testing.TB, d *directory.Directory, who auth.Caller, name string) models.GroupID {
	t.Helper()
	p, err := d.CreateGroup(t.Context(), who, models.GroupCreateInput{Name: name})
	must(t, err)
	return p.Group.ID
}

// atOnce runs the functions at the same moment, and answers with their errors.
func atOnce(ctx context.Context, fns ...func(context.Context) error) []error {
	errs := make([]error, len(fns))
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() {
			<-begin
			errs[i] = fn(ctx)
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Refusals that have no code.
const (
	forbidden       = "forbidden"
	unauthenticated = "unauthenticated"
)

// refusal is the code of an error that a caller may get to see; "" for none, and the error's text for one
// that is a fault of ours.
func refusal(err error) string {
	var many models.Errors
	var one *models.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &many):
		return string(many[0].Code)
	case errors.As(err, &one):
		return string(one.Code)
	case errors.Is(err, auth.ErrForbidden):
		return forbidden
	case errors.Is(err, auth.ErrUnauthenticated):
		return unauthenticated
	}
	return "a fault: " + err.Error()
}

func refusals(errs []error) []string {
	codes := make([]string, len(errs))
	for i, err := range errs {
		codes[i] = refusal(err)
	}
	slices.Sort(codes)
	return codes
}
