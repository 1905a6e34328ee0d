// Package storetest gives tests a database: SQLite in a temporary folder, or the server that
// COHORT_TEST_DATABASE names.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"cohort/models"
	"cohort/store"
)

// Variable is the environment variable with the URL of the server to test on. Each package of tests has
// a database of its own there, whose name begins with the one in the URL.
const Variable = "COHORT_TEST_DATABASE"

var shared struct {
	sync.Mutex
	users int
	store *store.Store
	dir   string // of the SQLite file
	empty []byte // a migrated SQLite file
	ready bool   // the database on the server is migrated
}

// Open returns the package's database, migrated, with Guard on its statements. Tests share it while they
// run at the same time and must not mind one another's rows: each works in an Account of its own.
func Open(t testing.TB) *store.Store {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.users == 0 {
		if err := open(); err != nil {
			t.Fatalf("open the test database: %v", errors.Join(err, closeShared()))
		}
	}
	shared.users++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.users--; shared.users == 0 {
			if err := closeShared(); err != nil {
				t.Errorf("close the test database: %v", err)
			}
		}
	})
	return shared.store
}

// URL is the address of the database that Open opens, for tests that need a second store on it. Call it
// after Open.
func URL(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.users == 0 {
		t.Fatal("storetest.URL before storetest.Open")
	}
	return sharedURL()
}

// Empty returns the URL of a database that doesn't exist yet, of the test's own, gone after it.
func Empty(t testing.TB) string {
	t.Helper()
	if os.Getenv(Variable) == "" {
		return sqliteURL(t.TempDir())
	}
	address := serverURL("empty_" + strings.ReplaceAll(uuid.NewString()[:13], "-", ""))
	t.Cleanup(func() {
		if err := drop(address); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return address
}

// Account inserts an account with a name of its own.
func Account(t testing.TB, s *store.Store) models.AccountID {
	t.Helper()
	id := models.NewID[models.AccountID]()
	name := "Account " + id.String()
	row := models.Account{ID: id, Name: name, NameKey: strings.ToLower(name), CreatedAt: s.Now(), UpdatedAt: s.Now()}
	if err := s.Write.WithContext(t.Context()).Create(&row).Error; err != nil {
		t.Fatalf("insert an account: %v", err)
	}
	return id
}

func open() (err error) {
	if os.Getenv(Variable) != "" {
		return openServer()
	}
	if shared.dir, err = os.MkdirTemp("", "cohort-test-"); err != nil {
		return err
	}
	if shared.empty == nil {
		if shared.empty, err = migratedFile(); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(shared.dir, "cohort.db"), shared.empty, 0o600); err != nil {
		return err
	}
	return openShared()
}

// migratedFile makes the file that every SQLite database of this process begins as.
func migratedFile() ([]byte, error) {
	if err := migrate(sharedURL()); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(shared.dir, "cohort.db"))
}

func openServer() error {
	if !shared.ready {
		if err := errors.Join(drop(sharedURL()), migrate(sharedURL())); err != nil {
			return err
		}
		shared.ready = true
	}
	return openShared()
}

func openShared() (err error) {
	shared.store, err = store.Open(context.Background(), store.Options{URL: sharedURL(), Inspect: Guard})
	return err
}

// closeShared leaves nothing behind but the database on the server, which the package's next run drops.
func closeShared() error {
	var errs []error
	if shared.store != nil {
		errs = append(errs, shared.store.Close())
	}
	if shared.dir != "" {
		errs = append(errs, os.RemoveAll(shared.dir))
	}
	shared.store, shared.dir = nil, ""
	return errors.Join(errs...)
}

func migrate(address string) error {
	return with(address, func(s *store.Store) error { return s.Migrate(context.Background()) })
}

func drop(address string) error {
	return with(address, func(s *store.Store) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		return s.Write.Exec("DROP DATABASE `" + strings.TrimPrefix(u.Path, "/") + "`").Error
	})
}

func with(address string, do func(*store.Store) error) error {
	s, err := store.Open(context.Background(), store.Options{URL: address})
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

func sharedURL() string {
	if os.Getenv(Variable) == "" {
		return sqliteURL(shared.dir)
	}
	return serverURL("")
}

// sqliteURL doesn't wait for the disk: a test's data needs to survive nothing.
func sqliteURL(dir string) string {
	return "sqlite:" + filepath.Join(dir, "cohort.db") + "?_pragma=synchronous(off)"
}

// serverURL is the address of the package's database, or of another that its name begins.
func serverURL(suffix string) string {
	u, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		panic(Variable + " is no URL: use mysql://user:password@host:port/database") // the error repeats the password
	}
	u.Path = "/" + strings.Trim(strings.TrimPrefix(u.Path, "/")+"_"+packageName()+"_"+suffix, "_")
	return u.String()
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// packageName is that of the package whose tests these are: directory_nesting for cohort/directory/nesting.
func packageName() string {
	path := filepath.Base(os.Args[0])
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		path = strings.TrimPrefix(info.Path, "cohort/")
	}
	name := notInName.ReplaceAllString(strings.ToLower(strings.TrimSuffix(path, ".test")), "_")
	return fmt.Sprintf("%.30s", name)
}
