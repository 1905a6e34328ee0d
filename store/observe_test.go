package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

func TestStatementKind(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]Work{
		"SELECT 1": Select, " (select 1)": Select, "WITH a AS (SELECT 1) SELECT * FROM a": Select, "\nINSERT INTO t": Insert,
		"UPDATE t": Update, "delete from t": Delete, "SAVEPOINT a": Other, "": Other, "sel": Other,
	} {
		if got := statementKind(sql); got != want {
			t.Errorf("%q is %s, want %s", sql, got, want)
		}
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []Work
	var failures []error
	s, err := Open(t.Context(), Options{
		URL: "sqlite:" + filepath.Join(t.TempDir(), "cohort.db"),
		Observe: func(_ context.Context, work Work, begin time.Time, err error) {
			mu.Lock()
			defer mu.Unlock()
			if begin.IsZero() || time.Since(begin) > time.Minute {
				t.Errorf("%s began %s", work, begin)
			}
			seen = append(seen, work)
			if err != nil {
				failures = append(failures, err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	took := func() (works []Work, errs []error) {
		mu.Lock()
		defer mu.Unlock()
		works, errs, seen, failures = seen, failures, nil, nil
		return works, errs
	}
	if _, err := InTx(t.Context(), s, func(tx *gorm.DB) (int, error) {
		return 0, errors.Join(tx.Exec("CREATE TABLE t (a INT)").Error, tx.Exec("INSERT INTO t VALUES (?)", 1).Error)
	}); err != nil {
		t.Fatal(err)
	}
	if works, errs := took(); !slices.Equal(works, []Work{Other, Insert, Transaction}) || errs != nil {
		t.Errorf("seen: %v, %v", works, errs)
	}
	if _, err := InSnapshot(t.Context(), s, func(tx *gorm.DB) (n int, err error) {
		return n, tx.Raw("SELECT nothing FROM t").Scan(&n).Error
	}); err == nil {
		t.Error("no error")
	}
	if works, errs := took(); !slices.Equal(works, []Work{Select, Snapshot}) || len(errs) != 2 {
		t.Errorf("seen of what failed: %v, %v", works, errs)
	}
	again := false
	if _, err := retry(t.Context(), s, func(error) bool { return true }, func() (int, error) {
		if again = !again; again {
			return 0, errors.New("once")
		}
		return 0, nil
	}); err != nil {
		t.Error(err)
	}
	if works, errs := took(); !slices.Equal(works, []Work{Retry}) || len(errs) != 1 {
		t.Errorf("seen of a second try: %v, %v", works, errs)
	}
}
