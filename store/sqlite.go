package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
)

func (s *Store) openSQLite(ctx context.Context, inspect inspector) error {
	s.Engine = SQLite
	if err := makeFile(s.target.path); err != nil {
		return err
	}
	// Turning a new file into a write-ahead log takes it alone, and a second process that tries the
	// same at that moment is refused at once.
	unlock, err := lockFile(ctx, s.target.path)
	if err != nil {
		return err
	}
	defer unlock()

	write, err := s.sqlitePool(ctx, inspect, 1, "immediate")
	if err != nil {
		return err
	}
	readers := min(max(runtime.GOMAXPROCS(0), 4), 8)
	read, err := s.sqlitePool(ctx, inspect, readers, "deferred", "query_only(1)")
	if err != nil {
		return err
	}
	if s.file, err = os.Stat(s.target.path); err != nil {
		return err
	}
	if s.Write, err = s.handle(gormlite.OpenDB(write)); err != nil {
		return err
	}
	s.Read, err = s.handle(gormlite.OpenDB(read))
	return err
}

func (s *Store) sqlitePool(ctx context.Context, inspect inspector, size int, lock string, pragmas ...string) (*sql.DB, error) {
	// As numbers, times sort and compare right whatever zone they come in; as text they don't.
	c, err := s.sqliteConnector(lock, sqlite3.TimeFormatUnixMicro, pragmas...)
	if err != nil {
		return nil, err
	}
	return s.pool(ctx, c, inspect, size)
}

func (s *Store) sqliteConnector(lock string, times sqlite3.TimeFormat, pragmas ...string) (driver.Connector, error) {
	return connector(s.target.path, lock, times, slices.Concat(
		[]string{"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)"},
		s.target.pragmas, pragmas,
	))
}

func connector(path, lock string, times sqlite3.TimeFormat, pragmas []string) (driver.Connector, error) {
	parameters := url.Values{"_pragma": pragmas, "_txlock": {lock}, "_timefmt": {string(times)}}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + parameters.Encode()
	return new(sqlitedriver.SQLite).OpenConnector(name)
}

// makeFile makes an empty file where there is none, for its owner only, with the folder above it.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// migrationWait is how long a start waits for another that is migrating the same database.
const migrationWait = 5 * time.Minute

// lockFile holds path+".migrate" until unlock is called or the process dies.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	path += ".migrate"
	if err := makeFile(path); err != nil {
		return nil, err
	}
	c, err := connector(path, "deferred", sqlite3.TimeFormatAuto, []string{fmt.Sprintf("busy_timeout(%d)", migrationWait.Milliseconds())})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("wait for the other process that holds %s: %w", path, err)
	}
	return func() { _ = db.Close() }, nil
}
