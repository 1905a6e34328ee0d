package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations
var embedded embed.FS

// Migrations are the numbered files that make the schema of an engine.
func Migrations(e Engine) fs.FS {
	folder := "migrations/mysql"
	if e == SQLite {
		folder = "migrations/sqlite"
	}
	files, err := fs.Sub(embedded, folder)
	if err != nil {
		panic(err) // the folder's name is not one
	}
	return files
}

// Migrate brings the schema to this program's version. One process migrates a database at a time; those
// that start meanwhile wait up to five minutes for it. A migration that fails stops the rest and is named
// in the error: on SQLite it leaves nothing behind, and MySQL's files are one statement each. A database
// that a newer program has migrated is refused.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.migrate(ctx, Migrations(s.Engine)); err != nil {
		return fmt.Errorf("migrate %s: %w", s.target, err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context, files fs.FS) error {
	// Not the store's own pools: an inspector has no business here, nor have their time limits.
	db, release, err := s.openForMigration(ctx)
	if err != nil {
		return err
	}
	defer release()

	migrator, err := goose.NewProvider(s.dialect(), db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithIsolateDDL(s.Engine != SQLite))
	if err != nil {
		return err
	}
	current, newest, err := migrator.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("the schema has version %d and this program knows versions up to %d: "+
			"a newer Cohort has migrated the database, use that one", current, newest)
	}
	_, err = migrator.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return fmt.Errorf("%s failed: %w", path.Base(partial.Failed.Source.Path), partial.Err)
	}
	return err
}

func (s *Store) dialect() goose.Dialect {
	switch s.Engine {
	case SQLite:
		return goose.DialectSQLite3
	case TiDB:
		return goose.DialectTiDB
	}
	return goose.DialectMySQL
}

// openForMigration opens a pool that nobody else has until release, which closes it.
func (s *Store) openForMigration(ctx context.Context) (db *sql.DB, release func(), err error) {
	if s.Engine == SQLite {
		c, err := s.sqliteConnector("immediate", sqlite3.TimeFormatAuto) // goose's own times are text
		if err != nil {
			return nil, nil, err
		}
		unlock, err := lockFile(ctx, s.target.path)
		if err != nil {
			return nil, nil, err
		}
		db = sql.OpenDB(c)
		db.SetMaxOpenConns(1)
		return db, func() { _ = db.Close(); unlock() }, nil
	}
	c, err := mysql.NewConnector(s.target.mysql)
	if err != nil {
		return nil, nil, err
	}
	db = sql.OpenDB(c)
	conn, err := lockServer(ctx, db, s.target.mysql.DBName)
	if err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return db, func() { _, _ = conn.Close(), db.Close() }, nil
}

// lockServer holds a lock of the server for the database as long as the connection lives.
func lockServer(ctx context.Context, db *sql.DB, database string) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// The names of locks are the whole server's, and short.
	name := fmt.Sprintf("cohort.migrate.%x", sha256.Sum224([]byte(database)))[:64]
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, int(migrationWait.Seconds())).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = fmt.Errorf("another process has been migrating this database for %s", migrationWait)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("take the lock for migrations: %w", err)
	}
	return conn, nil
}
