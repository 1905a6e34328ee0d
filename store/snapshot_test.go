package store_test

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/store"
	"cohort/store/storetest"
)

func TestSnapshot(t *testing.T) {
	s := storetest.Open(t)
	id := storetest.Account(t, s)
	rename := func(tx *store.Tx) (any, error) {
		return nil, tx.Exec("UPDATE accounts SET name = CONCAT(name, '+') WHERE id = ?", id).Error
	}
	read := func(tx *gorm.DB) (name string) {
		if err := tx.Raw("SELECT name FROM accounts WHERE id = ?", id).Scan(&name).Error; err != nil {
			t.Error(err)
		}
		return name
	}
	before := account(t, s, id).Name
	var names []string
	_, err := store.InSnapshot(t.Context(), s, func(tx *gorm.DB) (any, error) {
		names = append(names, read(tx))
		if _, err := store.InAccount(t.Context(), s, id, rename); err != nil { // doesn't wait for the reader
			return nil, err
		}
		names = append(names, read(tx), read(s.Read))
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.InAccount(t.Context(), s, id, func(tx *store.Tx) (any, error) {
		if _, err := rename(tx); err != nil {
			return nil, err
		}
		// Readers don't wait for the writer, and don't see what isn't committed.
		name, err := store.InSnapshot(t.Context(), s, func(tx *gorm.DB) (string, error) { return read(tx), nil })
		names = append(names, name, read(s.Read), read(tx.DB))
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{before, before, before + "+", before + "+", before + "+", before + "++"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestSnapshotRetriesAndPanics(t *testing.T) {
	storetest.Open(t)
	s := another(t, store.Options{Inspect: failing("SELECT 1", map[int]error{1: mysql.ErrInvalidConn})})
	runs := 0
	got, err := store.InSnapshot(t.Context(), s, func(tx *gorm.DB) (n int, err error) {
		runs++
		return n, tx.Raw("SELECT 1").Scan(&n).Error
	})
	if err != nil || runs != 2 || got != 0 && got != 1 {
		t.Errorf("got %d in %d runs, error %v", got, runs, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
	}()
	_, _ = store.InSnapshot(t.Context(), s, func(*gorm.DB) (any, error) { panic("oh") })
}
