package store_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// TestOldAccountsGetTheCatalogue brings a database from before there were products up to date: its account has what a
// new one begins with, and can use it.
func TestOldAccountsGetTheCatalogue(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := another(t, store.Options{URL: storetest.Empty(t)})
	before := fstest.MapFS{}
	names, err := fs.Glob(store.Migrations(s.Engine), "*.sql")
	must(err)
	for _, name := range names {
		if strings.HasPrefix(name, "019") {
			break
		}
		text, err := fs.ReadFile(store.Migrations(s.Engine), name)
		must(err)
		before[name] = &fstest.MapFile{Data: text}
	}
	must(s.MigrateFrom(t.Context(), before))
	old := storetest.Account(t, s)
	must(s.Migrate(t.Context()))
	d, err := directory.New(s, directory.Options{})
	must(err)
	fresh, _, err := d.CreateAccount(t.Context(), directory.NewAccount{Name: "Fresh", Admin: models.UserCreateInput{Email: "a@example.org", Locale: models.LocaleEn}})
	must(err)
	want, err := d.Products(t.Context(), auth.OperatorOf(fresh.ID))
	must(err)
	who := auth.OperatorOf(old)
	got, err := d.Products(t.Context(), who)
	must(err)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(models.Product{}, "AccountID", "ID", "CreatedAt", "UpdatedAt")); diff != "" || len(got) != 17 {
		t.Fatalf("%d products (-of a new account +of the old one):\n%s", len(got), diff)
	}
	for _, p := range got {
		if age := time.Since(p.CreatedAt); age < -time.Minute || age > time.Hour || p.CreatedAt.Location() != want[0].CreatedAt.Location() {
			t.Errorf("%s was made at %s", p.Key, p.CreatedAt)
		}
	}
	user, err := d.CreateUser(t.Context(), who, models.UserCreateInput{Email: "a@example.org", Locale: models.LocaleEn, Role: models.RoleMember})
	must(err)
	p, err := d.SetUsersProducts(t.Context(), who, models.UsersProductsSetInput{
		Selection: &models.UserSelection{Ids: []models.UserID{user.User.ID}}, ProductKeys: []string{"goto-meeting"}, Mode: models.ProductModeAdd,
	})
	must(err)
	if p.Impact.Gaining != 1 {
		t.Errorf("impact %+v", p.Impact)
	}
}
