package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// another opens one more store on the package's database, as another process would.
func another(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	if o.URL == "" {
		o.URL = storetest.URL(t)
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
	return s
}

// onServer skips what only a server can show.
func onServer(t *testing.T, s *store.Store) {
	t.Helper()
	if s.Engine == store.SQLite {
		t.Skip("SQLite has one writer and no server; set " + storetest.Variable)
	}
}

func onSQLite(t *testing.T) {
	t.Helper()
	if os.Getenv(storetest.Variable) != "" {
		t.Skip("is about SQLite")
	}
}

func text(t *testing.T, db *gorm.DB, sql string) (s string) {
	t.Helper()
	if err := db.Raw(sql).Scan(&s).Error; err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings(t *testing.T) {
	s := storetest.Open(t)
	plain := another(t, store.Options{URL: strings.Replace(storetest.URL(t), "?_pragma=synchronous(off)", "", 1)})
	var got, want []string
	if s.Engine == store.SQLite {
		for _, db := range []*gorm.DB{plain.Write, plain.Read} {
			for _, pragma := range []string{"journal_mode", "synchronous", "foreign_keys", "query_only"} {
				got = append(got, text(t, db, "PRAGMA "+pragma))
			}
		}
		want = []string{"wal", "2", "1", "0", "wal", "2", "1", "1"}
		got, want = append(got, text(t, s.Write, "PRAGMA synchronous")), append(want, "0")
	} else {
		for _, db := range []*gorm.DB{plain.Write, plain.Read} {
			for _, name := range []string{"time_zone", "collation_connection", "character_set_client"} {
				got = append(got, text(t, db, "SELECT @@"+name))
			}
			if !strings.Contains(text(t, db, "SELECT @@sql_mode"), "STRICT_TRANS_TABLES") {
				t.Error("not in strict mode")
			}
			want = append(want, "+00:00", "utf8mb4_bin", "utf8mb4")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestReadDoesNotWrite(t *testing.T) {
	s := storetest.Open(t)
	account := storetest.Account(t, s)
	if s.Engine == store.TiDB {
		t.Skip("TiDB knows no read-only session")
	}
	if err := s.Read.Exec("UPDATE accounts SET name = 'x' WHERE id = ?", account).Error; err == nil {
		t.Error("Read has written")
	}
	_, err := store.InSnapshot(t.Context(), s, func(tx *gorm.DB) (any, error) {
		return nil, tx.Exec("UPDATE accounts SET name = 'x' WHERE id = ?", account).Error
	})
	if err == nil {
		t.Error("a snapshot has written")
	}
}

func TestOpenMakesTheFileForItsOwner(t *testing.T) {
	onSQLite(t)
	path := filepath.Join(t.TempDir(), "new", "folder", "cohort ü%20#.db")
	s := another(t, store.Options{URL: "sqlite:" + path})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{filepath.Dir(path), path, path + ".migrate"} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if others := info.Mode().Perm() & 0o077; others != 0 {
			t.Errorf("%s is open to others: %s", p, info.Mode())
		}
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	onSQLite(t)
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + path})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("error %v", err)
	}
}

func TestOpenNamesTheServerWithoutThePassword(t *testing.T) {
	_, err := store.Open(t.Context(), store.Options{URL: "mysql://somebody:s3cret@127.0.0.1:1/cohort"})
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "somebody@127.0.0.1:1/cohort") {
		t.Errorf("error %v", err)
	}
}

func TestReady(t *testing.T) {
	s := another(t, store.Options{URL: storetest.Empty(t)})
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Ready(t.Context()); err == nil {
		t.Error("ready though closed")
	}
}

func TestTimes(t *testing.T) {
	s := storetest.Open(t)
	zone := time.FixedZone("", 2*3600)
	clock := time.Date(2026, 3, 1, 0, 30, 0, 123456789, zone)
	other := another(t, store.Options{Now: func() time.Time { return clock }})
	want := time.Date(2026, 2, 28, 22, 30, 0, 123456000, time.UTC)
	if got := other.Now(); got != want {
		t.Fatalf("Now is %s, want %s", got, want)
	}

	account := storetest.Account(t, s)
	tests := map[string]struct {
		where string
		at    time.Time
		found bool
	}{
		"the same time":                    {"created_at = ?", want, true},
		"the same time in another zone":    {"created_at = ?", want.In(zone), true},
		"before a later one in another":    {"created_at < ?", want.Add(time.Microsecond).In(zone), true},
		"not before itself":                {"created_at < ?", want, false},
		"after the full second":            {"created_at > ?", want.Truncate(time.Second), true},
		"not after a later one in another": {"created_at > ?", want.Add(time.Hour).In(zone), false},
	}
	err := s.Write.Exec("UPDATE accounts SET created_at = ? WHERE id = ?", want.In(zone), account).Error
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var rows []models.Account
			if err := s.Read.Where("id = ?", account).Where(tt.where, tt.at).Find(&rows).Error; err != nil {
				t.Fatal(err)
			}
			if found := len(rows) == 1; found != tt.found {
				t.Fatalf("found: %v", found)
			}
			if tt.found && rows[0].CreatedAt != want {
				t.Errorf("read %s, want %s", rows[0].CreatedAt, want)
			}
		})
	}
}

func TestErrorsAreTranslated(t *testing.T) {
	insertUser := "INSERT INTO users (account_id, id, email, email_key, given_name, family_name, display_name, name_sort, family_sort, locale, role, status, suspended_manually, suspended_no_products, created_at, updated_at) " +
		"VALUES (?, ?, 'a', ?, '', '', '', '', '', ?, '', '', false, false, '2026-01-01', '2026-01-01')"
	insertEvent := "INSERT INTO audit_events (account_id, id, operation_id, at, action, actor_kind, request_id, subject_type, after_data) " +
		"VALUES (?, ?, ?, '2026-01-01', '', '', '', '', ?)"
	id := models.NewID[models.UserID]
	nobody := models.NewID[models.AccountID]()
	tests := map[string]struct {
		first, then []any
		sql         string
		want        error
	}{
		"a key in use":              {sql: insertUser, first: []any{nil, id(), "k", "en"}, then: []any{nil, id(), "k", "en"}, want: gorm.ErrDuplicatedKey},
		"a key of other case":       {sql: insertUser, first: []any{nil, id(), "k", "en"}, then: []any{nil, id(), "K", "en"}},
		"a key with another accent": {sql: insertUser, first: []any{nil, id(), "jose", "en"}, then: []any{nil, id(), "josé", "en"}},
		"no such parent":            {sql: insertUser, then: []any{nobody, id(), "k", "en"}, want: gorm.ErrForeignKeyViolated},
		"too long a text":           {sql: insertUser, then: []any{nil, id(), "k", "eng"}, want: gorm.ErrCheckConstraintViolated},
		"two characters of 4 bytes": {sql: insertUser, then: []any{nil, id(), "k", "😀😀"}},
		"no JSON":                   {sql: insertEvent, then: []any{nil, id(), id(), `{"a":`}, want: gorm.ErrCheckConstraintViolated},
		"JSON":                      {sql: insertEvent, then: []any{nil, id(), id(), `{"a":1}`}},
		"JSON as null":              {sql: insertEvent, then: []any{nil, id(), id(), nil}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			account := storetest.Account(t, s)
			run := func(args []any) error {
				args = append([]any{}, args...)
				if args[0] == nil {
					args[0] = account
				}
				return s.Write.Exec(tt.sql, args...).Error
			}
			if tt.first != nil {
				if err := run(tt.first); err != nil {
					t.Fatal(err)
				}
			}
			if err := run(tt.then); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRowsMatchedCount(t *testing.T) {
	s := storetest.Open(t)
	account := storetest.Account(t, s)
	same := s.Write.Exec("UPDATE accounts SET name = name WHERE id = ?", account)
	if same.Error != nil || same.RowsAffected != 1 {
		t.Errorf("%d rows, error %v; want the row that matched", same.RowsAffected, same.Error)
	}
}

func TestInspectSeesEachStatementOnce(t *testing.T) {
	s := storetest.Open(t)
	account := storetest.Account(t, s)
	var seen []string
	refused := errors.New("refused")
	s = another(t, store.Options{Inspect: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "DELETE") {
			return refused
		}
		seen = append(seen, sql)
		return nil
	}})
	seen = nil // what opening takes is not the test's concern

	pool, err := s.Write.DB()
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := pool.PrepareContext(t.Context(), "UPDATE accounts SET name = ? WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := prepared.ExecContext(t.Context(), "prepared", account); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepared.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.InTx(t.Context(), s, func(tx *gorm.DB) (any, error) {
		if err := tx.Exec("UPDATE accounts SET name = ? WHERE id = ?", "it's ?", account).Error; err != nil {
			return nil, err
		}
		return nil, tx.Exec("UPDATE accounts SET name = name").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if name := text(t, s.Read, "SELECT MIN(name) FROM accounts"); name == "" {
		t.Error("no name")
	}
	err = s.Write.Exec("DELETE FROM accounts WHERE id = ?", account).Error
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want the inspector's", err)
	}
	want := []string{
		"UPDATE accounts SET name = ? WHERE id = ?", "UPDATE accounts SET name = ? WHERE id = ?",
		"UPDATE accounts SET name = ? WHERE id = ?", "UPDATE accounts SET name = name",
		"SELECT MIN(name) FROM accounts",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

func TestValuesStayOutOfTheLog(t *testing.T) {
	var out bytes.Buffer
	storetest.Open(t)
	s := another(t, store.Options{Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	slowly := "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT COUNT(*) FROM n a, n b, n c WHERE a.i + b.i + c.i < 2000 AND ? <> ''"
	if s.Engine != store.SQLite {
		slowly = "SELECT SLEEP(0.3) FROM (SELECT 1) x WHERE ? <> ''"
	}
	var n int
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	_ = s.Read.WithContext(ctx).Raw(slowly, "ada@example.org").Scan(&n).Error
	if !strings.Contains(out.String(), "slow statement") || strings.Contains(out.String(), "ada@") {
		t.Errorf("logged %q", &out)
	}
}

// Those who have a deleted file open can still read and write it, and whatever they write is lost.
func TestReadyWithoutTheFile(t *testing.T) {
	onSQLite(t)
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cohort.db")
			s := another(t, store.Options{URL: "sqlite:" + path})
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("it is ready: %v", err)
			}
		})
	}
}
