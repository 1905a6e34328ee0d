package store_test

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cohort/store"
	"cohort/store/storetest"
)

// tables lists the database's own, without the migrations' record.
func tables(t *testing.T, s *store.Store) (names []string) {
	t.Helper()
	sql := "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version'"
	if s.Engine == store.SQLite {
		sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'"
	}
	if err := s.Read.Raw(sql).Scan(&names).Error; err != nil {
		t.Fatal(err)
	}
	slices.Sort(names) // the servers' own orders differ
	return names
}

var allTables = []string{
	"account_settings", "accounts", "audit_events", "changes", "entitlements", "export_files", "export_parts", "group_closure",
	"group_edges", "group_permissions", "group_products", "group_settings", "group_terms", "idempotency_keys", "identities",
	"job_blocks", "job_groups", "job_rows", "jobs", "mail_releases", "mails", "memberships", "partner_clients", "product_firsts",
	"products", "seat_reservations", "table_views", "user_groups", "user_product_blocks", "user_products", "user_settings",
	"user_terms", "users", "webhook_deliveries", "webhooks",
}

func TestMigrateUpAndDown(t *testing.T) {
	s := another(t, store.Options{URL: storetest.Empty(t)})
	for range 2 {
		for range 2 {
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(allTables, tables(t, s)); diff != "" {
				t.Fatalf("tables (-want +got):\n%s", diff)
			}
		}
		if err := s.MigrateDown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := tables(t, s); len(left) != 0 {
			t.Fatalf("left: %v", left)
		}
	}
}

// Servers that start together.
func TestMigrateTogether(t *testing.T) {
	tests := map[string]struct {
		before []string // the files that have been applied
	}{
		"on no database at all":     {},
		"on one of an older Cohort": {before: []string{"001_accounts.sql"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			address := storetest.Empty(t)
			if tt.before != nil {
				s := another(t, store.Options{URL: address})
				if err := s.MigrateFrom(t.Context(), some(t, store.Migrations(s.Engine), tt.before)); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			start := make(chan struct{})
			for range 8 {
				wg.Go(func() {
					<-start
					s, err := store.Open(t.Context(), store.Options{URL: address})
					if err != nil {
						t.Error(err)
						return
					}
					if err := s.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			close(start)
			wg.Wait()
			if diff := cmp.Diff(allTables, tables(t, another(t, store.Options{URL: address}))); diff != "" {
				t.Errorf("tables (-want +got):\n%s", diff)
			}
		})
	}
}

// some picks files.
func some(t *testing.T, from fs.FS, names []string) fstest.MapFS {
	t.Helper()
	picked := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			t.Fatal(err)
		}
		picked[name] = &fstest.MapFile{Data: text}
	}
	return picked
}

func file(up string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + "\n-- +goose Down\nSELECT 1;\n")}
}

func TestFailedMigration(t *testing.T) {
	tests := map[string]struct {
		files fstest.MapFS
		err   []string
		want  []string // tables
	}{
		"the database refuses a statement": {
			files: fstest.MapFS{
				"001_first.sql":  file("CREATE TABLE first (id INT);"),
				"002_second.sql": file("CREATE TABLE second (id INT, id INT);"),
				"003_third.sql":  file("CREATE TABLE third (id INT);"),
			},
			err:  []string{"002_second.sql failed", "id"},
			want: []string{"first"},
		},
		"a file can't be read": {
			files: fstest.MapFS{
				"001_first.sql":  file("CREATE TABLE first (id INT);"),
				"002_second.sql": {Data: []byte("CREATE TABLE second (id INT);")},
			},
			err: []string{"002_second.sql"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := another(t, store.Options{URL: storetest.Empty(t)})
			err := s.MigrateFrom(t.Context(), tt.files)
			for _, part := range tt.err {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("error %v, want one with %q", err, part)
				}
			}
			if diff := cmp.Diff(tt.want, tables(t, s)); diff != "" {
				t.Errorf("tables (-want +got):\n%s", diff)
			}
			// The lock is free, and mending the file is enough.
			for _, f := range tt.files {
				f.Data = []byte(strings.ReplaceAll(string(f.Data), "id INT, id INT", "id INT"))
				if !strings.HasPrefix(string(f.Data), "-- +goose") {
					f.Data = append([]byte("-- +goose Up\n"), f.Data...)
				}
			}
			if err := s.MigrateFrom(t.Context(), tt.files); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}

// What several statements of a file did before one failed is taken back where the engine can.
func TestFailedMigrationLeavesNothingOnSQLite(t *testing.T) {
	onSQLite(t)
	s := another(t, store.Options{URL: storetest.Empty(t)})
	err := s.MigrateFrom(t.Context(), fstest.MapFS{"001_first.sql": file("CREATE TABLE first (id INT);\nCREATE TABLE first (id INT);")})
	if err == nil || len(tables(t, s)) != 0 {
		t.Errorf("error %v, tables %v", err, tables(t, s))
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	s := another(t, store.Options{URL: storetest.Empty(t)})
	files := store.Migrations(s.Engine)
	newer := some(t, files, names(t, files))
	newer["999_future.sql"] = file("CREATE TABLE future (id INT);")
	if err := s.MigrateFrom(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	err := s.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the schema has version 999") || !strings.Contains(err.Error(), "newer Cohort") {
		t.Errorf("error %v", err)
	}
}

func names(t *testing.T, files fs.FS) []string {
	t.Helper()
	found, err := fs.Glob(files, "*.sql")
	if err != nil || len(found) == 0 {
		t.Fatalf("files %v, error %v", found, err)
	}
	return found
}

// Both sets have the same files with the same columns, each with a way back, and one statement for MySQL,
// which can't take back the first of two.
func TestMigrationFiles(t *testing.T) {
	column := regexp.MustCompile(`(?m)^ {4}([a-z_]+) +[A-Z]`)
	columns := map[store.Engine][]string{}
	for _, e := range []store.Engine{store.MySQL, store.SQLite} {
		files := store.Migrations(e)
		for _, name := range names(t, files) {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			up, down, found := strings.Cut(string(text), "-- +goose Down")
			if !found || !strings.Contains(down, ";") {
				t.Errorf("%s of %s has no way back", name, e)
			}
			if n := strings.Count(up, ";"); e == store.MySQL && n != 1 {
				t.Errorf("%s has %d statements", name, n)
			}
			for _, c := range column.FindAllStringSubmatch(up, -1) {
				columns[e] = append(columns[e], path.Join(name, c[1]))
			}
		}
	}
	if diff := cmp.Diff(columns[store.MySQL], columns[store.SQLite]); diff != "" {
		t.Errorf("columns (-MySQL +SQLite):\n%s", diff)
	}
}

// Every primary key, unique key and index of a tenant's table begins with account_id, every text compares
// by its bytes.
func TestSchemaRules(t *testing.T) {
	s := storetest.Open(t)
	sql := `SELECT CONCAT(table_name, '.', index_name) FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND table_name NOT IN ('accounts', 'goose_db_version') AND seq_in_index = 1 AND column_name <> 'account_id'
		UNION SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version' AND collation_name <> 'utf8mb4_bin'`
	if s.Engine == store.SQLite {
		sql = `SELECT t.name || '.' || i.name FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) c
			WHERE t.type = 'table' AND t.name NOT IN ('accounts', 'goose_db_version')
			AND (c.seqno = 0 AND c.name <> 'account_id' OR c.key = 1 AND c.coll <> 'BINARY')`
	}
	// The guard reads "accounts" in the text.
	var broken []string
	if err := s.Read.WithContext(store.AcrossAccounts(t.Context())).Raw(sql).Scan(&broken).Error; err != nil {
		t.Fatal(err)
	}
	if len(broken) != 0 {
		t.Errorf("against the rules: %v", broken)
	}
}
