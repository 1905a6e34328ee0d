package store

import (
	"context"
	"io/fs"

	"github.com/pressly/goose/v3"

	"cohort/models"
)

// MigrateFrom is Migrate with other files.
func (s *Store) MigrateFrom(ctx context.Context, files fs.FS) error { return s.migrate(ctx, files) }

// MigrateDown takes all migrations back.
func (s *Store) MigrateDown(ctx context.Context) error {
	db, release, err := s.openForMigration(ctx)
	if err != nil {
		return err
	}
	defer release()
	p, err := goose.NewProvider(s.dialect(), db, Migrations(s.Engine), goose.WithIsolateDDL(s.Engine != SQLite))
	if err != nil {
		return err
	}
	_, err = p.DownTo(ctx, 0)
	return err
}

// InLine counts who has or waits for the turn of an account in this process.
func (s *Store) InLine(account models.AccountID) int {
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	if l := s.lines.open[account]; l != nil {
		return l.in
	}
	return 0
}

// Writers is the size of Write's pool.
const Writers = mysqlWriters
