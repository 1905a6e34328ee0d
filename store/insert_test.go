package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// changeColumns are those of a table with little to obey.
const changeColumns = "account_id, seq, operation_id, at, entity, change_type, subject_id, object_id, payload"

func TestInto(t *testing.T) {
	for _, n := range []int{0, 1, 332, 333, 334, 1000, 1665, 2000} { // a statement takes 333 of them
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := storetest.Open(t)
			account := storetest.Account(t, s)
			operation := models.NewID[models.OperationID]()
			_, err := store.InAccount(t.Context(), s, account, func(tx *store.Tx) (struct{}, error) {
				rows := store.Into(tx.DB, "changes", changeColumns)
				for i := range n {
					var payload any
					if i%2 == 0 {
						payload = fmt.Sprintf(`{"n":"%d ' \\\\ ? é \u0000"}`, i)
					}
					if err := rows.Row(account[:], int64(i+1), operation[:], tx.Now, "USER", "SET", operation[:], nil, payload); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, rows.End()
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []struct {
				Seq         int64
				OperationID models.OperationID
				At          time.Time
				ObjectID    []byte
				Payload     sql.NullString
			}
			if err := s.Read.WithContext(t.Context()).Table("changes").Where("account_id = ?", account).Order("seq").Find(&got).Error; err != nil {
				t.Fatal(err)
			}
			if len(got) != n {
				t.Fatalf("%d rows, want %d", len(got), n)
			}
			for i, row := range got {
				if row.Seq != int64(i+1) || row.OperationID != operation || time.Since(row.At).Abs() > time.Minute || row.ObjectID != nil || row.Payload.Valid != (i%2 == 0) {
					t.Fatalf("row %d: %+v", i, row)
				}
			}
		})
	}
}

func TestIntoComputes(t *testing.T) {
	s := storetest.Open(t)
	account := storetest.Account(t, s)
	_, err := store.InAccount(t.Context(), s, account, func(tx *store.Tx) (struct{}, error) {
		rows := store.Into(tx.DB, "changes", "account_id, seq, operation_id, entity, change_type, subject_id").Also("at", store.Clock(tx.DB, time.Hour))
		for i := range 1000 {
			if err := rows.Row(account[:], int64(i+1), account[:], "USER", "SET", account[:]); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, rows.End()
	})
	if err != nil {
		t.Fatal(err)
	}
	var at []time.Time
	if err := s.Read.WithContext(t.Context()).Table("changes").Where("account_id = ?", account).Order("seq").Pluck("at", &at).Error; err != nil {
		t.Fatal(err)
	}
	if len(at) != 1000 || time.Until(at[999]) < 50*time.Minute || time.Until(at[999]) > 70*time.Minute {
		t.Errorf("%d rows, the last at %s", len(at), at[len(at)-1])
	}
}

func TestIntoRefuses(t *testing.T) {
	s := storetest.Open(t)
	account := storetest.Account(t, s)
	in := func(fn func(tx *store.Tx) error) error {
		_, err := store.InAccount(t.Context(), s, account, func(tx *store.Tx) (struct{}, error) { return struct{}{}, fn(tx) })
		return err
	}
	operation := models.NewID[models.OperationID]()
	for name, tt := range map[string]struct {
		want error
		fn   func(tx *store.Tx) error
	}{
		"the same key twice": {gorm.ErrDuplicatedKey, func(tx *store.Tx) error {
			rows := store.Into(tx.DB, "changes", changeColumns)
			for range 2 {
				if err := rows.Row(account[:], int64(1), operation[:], tx.Now, "USER", "SET", operation[:], nil, nil); err != nil {
					return err
				}
			}
			return rows.End()
		}},
		"an account that there is not": {gorm.ErrForeignKeyViolated, func(tx *store.Tx) error {
			rows := store.Into(tx.DB, "changes", changeColumns)
			if err := rows.Row(operation[:], int64(1), operation[:], tx.Now, "USER", "SET", operation[:], nil, nil); err != nil {
				return err
			}
			return rows.End()
		}},
		"too few values": {nil, func(tx *store.Tx) error {
			return store.Into(tx.DB, "changes", changeColumns).Row(account[:], int64(1))
		}},
		"no account named": {nil, func(tx *store.Tx) error { // which is the guard's to say
			rows := store.Into(tx.DB, "changes", "seq")
			if err := rows.Row(int64(1)); err != nil {
				return err
			}
			return rows.End()
		}},
	} {
		err := in(tt.fn)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var n int64
	if err := s.Read.WithContext(t.Context()).Table("changes").Where("account_id = ?", account).Count(&n).Error; err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// BenchmarkInto inserts 3,000 rows in one transaction, which is rolled back.
func BenchmarkInto(b *testing.B) {
	type change struct {
		AccountID   models.AccountID
		Seq         int64
		OperationID models.OperationID
		At          time.Time
		Entity      string
		ChangeType  string
		SubjectID   []byte
		ObjectID    []byte
		Payload     *string
	}
	const n = 3000
	s := storetest.Open(b)
	account := storetest.Account(b, s)
	operation, payload := models.NewID[models.OperationID](), `{"state":"ENABLED"}`
	for name, insert := range map[string]func(tx *store.Tx) error{
		"Into": func(tx *store.Tx) error {
			rows := store.Into(tx.DB, "changes", changeColumns)
			for i := range n {
				if err := rows.Row(account[:], int64(i+1), operation[:], tx.Now, "PRODUCT", "SET", operation[:], operation[:], payload); err != nil {
					return err
				}
			}
			return rows.End()
		},
		"CreateInBatches": func(tx *store.Tx) error {
			rows := make([]change, n)
			for i := range rows {
				rows[i] = change{account, int64(i + 1), operation, tx.Now, "PRODUCT", "SET", operation[:], operation[:], &payload}
			}
			return tx.Table("changes").CreateInBatches(rows, 500).Error
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				_, err := store.InAccount(b.Context(), s, account, func(tx *store.Tx) (struct{}, error) {
					if err := insert(tx); err != nil {
						b.Fatal(err)
					}
					return struct{}{}, errRolledBack
				})
				if !errors.Is(err, errRolledBack) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/row")
		})
	}
}

var errRolledBack = errors.New("rolled back")
