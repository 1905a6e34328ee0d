// Package store opens the database, migrates it and runs transactions on it: the account's lock, the
// retries, the mapping of the database's errors. It knows MySQL, MariaDB, TiDB and SQLite, so that
// nobody above it has to.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"gorm.io/gorm"
)

// Engine is the kind of database.
type Engine string

// The engines that Cohort runs on.
const (
	MySQL   Engine = "mysql"
	MariaDB Engine = "mariadb"
	TiDB    Engine = "tidb"
	SQLite  Engine = "sqlite"
)

// Options says which database to open and how.
type Options struct {
	// URL is sqlite:data/cohort.db or mysql://user:password@host:port/database.
	//
	// The path of a SQLite file is taken as it is written; ?_pragma=name(value) may follow, any number
	// of them, each after the store's own. In the MySQL form the parts are percent-encoded, the port
	// is 3306 by default, and ?tls=true (or skip-verify, preferred) encrypts.
	URL string

	// Log gets slow statements, without the values in them. Nil discards.
	Log *slog.Logger

	// Inspect sees each statement on Read and Write before it runs, as the text with ?-placeholders. An
	// error fails the statement and is what its caller gets. Migrations, BEGIN and COMMIT pass by it.
	// It is called from several goroutines at once. Nil costs nothing.
	Inspect func(ctx context.Context, sql string) error

	// Observe is told of statements, transactions and waiting, but for migrations. Nil costs nothing.
	Observe Observer

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Store is an open database. Read has no way to write: use it for queries, and InSnapshot where several
// must agree. Write is for InAccount and InTx, which begin the transactions; on SQLite it has a single
// connection, so using it inside a transaction hangs.
type Store struct {
	Read, Write *gorm.DB
	Engine      Engine

	target  target
	log     *slog.Logger
	observe Observer
	now     func() time.Time
	lines   lines
	pools   []*sql.DB
	file    os.FileInfo // of the SQLite database when it was opened

	prepared sync.Map // of *sql.Stmt on Read by their text
}

// Open connects to the database and makes it where there is none: the SQLite file with its folder, the
// database on a MySQL server. The schema is Migrate's. An error never shows the URL's password.
func Open(ctx context.Context, o Options) (*Store, error) {
	t, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Store{target: t, log: o.Log, observe: o.Observe, now: o.Now}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	open := s.openMySQL
	if t.mysql == nil {
		open = s.openSQLite
	}
	if err := open(ctx, o.Inspect); err != nil {
		return nil, fmt.Errorf("open %s: %w", t, errors.Join(err, s.Close()))
	}
	return s, nil
}

// Close waits for what is running and lets go of all connections.
func (s *Store) Close() error {
	var errs []error
	for _, pool := range s.pools {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}

// Ready reports whether both handles reach the database. A SQLite file that was deleted or replaced answers
// still, to those who have it open, and everything written to it is lost.
func (s *Store) Ready(ctx context.Context) error {
	if s.file != nil {
		now, err := os.Stat(s.target.path)
		if err == nil && !os.SameFile(s.file, now) {
			err = errors.New("another file has taken the database's place")
		}
		if err != nil {
			return fmt.Errorf("reach %s: %w", s.target, err)
		}
	}
	for _, pool := range s.pools {
		if err := pool.PingContext(ctx); err != nil {
			return fmt.Errorf("reach %s: %w", s.target, err)
		}
	}
	return nil
}

// Now is the time in UTC, cut to the microseconds that every engine can hold.
func (s *Store) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// pool makes a pool of the store's own and connects once, to fail early.
func (s *Store) pool(ctx context.Context, c driver.Connector, inspect inspector, size int) (*sql.DB, error) {
	if inspect != nil {
		c = inspectedConnector{c, inspect}
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	s.pools = append(s.pools, db)
	return db, db.PingContext(ctx)
}

// handle puts GORM on a pool.
func (s *Store) handle(d gorm.Dialector) (*gorm.DB, error) {
	return gorm.Open(dialector{d}, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		NowFunc:                s.Now,
		Logger:                 slowLog{s.log, s.observe},
	})
}
