package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// aged moves the account's events into the past.
func (w *world) aged(account models.AccountID, by time.Duration) {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), store.Options{URL: w.variables["COHORT_DATABASE"]})
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	var events []models.AuditEvent
	if err := s.Read.Where("account_id = ?", account).Find(&events).Error; err != nil {
		w.t.Fatal(err)
	}
	_, err = store.InTx(w.t.Context(), s, func(tx *gorm.DB) (struct{}, error) {
		for i, e := range events {
			at := e.At.Add(-by)
			err := tx.Exec("UPDATE audit_events SET id = ?, at = ? WHERE account_id = ? AND id = ?", models.NewEventID(at, uint64(i)), at, account, e.ID).Error
			if err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestPruneAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("seed", "--users", "600", "--groups", "10", "--memberships", "900")
	db := w.database()
	count := func() int64 { return db.one("SELECT COUNT(*) FROM audit_events WHERE account_id = ?") }
	feed := db.one("SELECT COUNT(*) FROM changes WHERE account_id = ?")
	all := count()
	if all < 1500 {
		t.Fatalf("%d events", all)
	}
	today, monthAgo := time.Now().UTC(), time.Now().UTC().AddDate(0, -1, 0).Format(time.DateOnly)
	w.fails(failure, []string{"--before must be a day such as"}, "audit", "prune", "--before", "yesterday")
	w.fails(failure, []string{"--before: ", "at least a day"}, "audit", "prune", "--before", today.Add(-23*time.Hour).Format(time.RFC3339))
	w.fails(failure, []string{`no account "Other"`}, "audit", "prune", "--before", monthAgo, "--account", "Other")
	w.fails(misuse, []string{"--before"}, "audit", "prune")
	if out := w.must("audit", "prune", "--before", monthAgo); !strings.HasPrefix(out, "Deleted 0 events") || count() != all {
		t.Errorf("says %q and leaves %d of %d", out, count(), all)
	}

	w.aged(db.account, 60*24*time.Hour)
	w.must("account", "create", "Other", "--admin", "o@other.example")
	if out := w.must("audit", "prune", "--before", monthAgo, "--account", "Seed"); !strings.HasPrefix(out, fmt.Sprintf("Deleted %d events", all)) {
		t.Errorf("says %q of %d", out, all)
	}
	// What is left says that it was pruned. The feed has all it had.
	var left []models.AuditEvent
	if err := db.db.Where("account_id = ?", db.account).Order("id").Find(&left).Error; err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left[0].Action != "Operator.auditPrune" || !strings.Contains(*left[0].AfterData, monthAgo) || left[1].SubjectType != "" {
		t.Errorf("left %+v", left)
	}
	if now := db.one("SELECT COUNT(*) FROM changes WHERE account_id = ?"); now != feed {
		t.Errorf("the feed has %d entries of %d", now, feed)
	}
	if out := w.must("audit", "prune", "--before", monthAgo, "--account", "Seed"); !strings.HasPrefix(out, "Deleted 0 events") || count() != 2 {
		t.Errorf("again it says %q", out)
	}
}

// A server records what it refuses, also what it refused just before it was stopped.
func TestServerRecordsRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("seed", "--users", "20", "--groups", "2", "--memberships", "10")
	db := w.database()
	var member string
	if err := db.db.Raw("SELECT email FROM users WHERE account_id = ? AND role = 'MEMBER' LIMIT 1", db.account).Scan(&member).Error; err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(w.must("token", "--user", member))
	s := w.start()
	request := func() { s.refusedUsers(token) }
	request()
	refused := func() int64 {
		return db.one("SELECT COUNT(*) FROM audit_events WHERE account_id = ? AND outcome = 'REFUSED'")
	}
	for begun := time.Now(); refused() == 0; {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("nothing is recorded")
		}
	}
	request()
	s.stop()
	if n := refused(); n != 2 {
		t.Errorf("%d are recorded", n)
	}
	if n := db.one("SELECT COUNT(*) FROM audit_events WHERE account_id = ? AND action = 'User.activate' AND subject_type = 'STATUS'"); n != 1 {
		t.Errorf("%d events of the first visit", n)
	}
}

// refusedUsers asks for all users, which must be forbidden.
func (s *server) refusedUsers(token string) {
	s.t.Helper()
	request := s.graphql(token, `{ users { nodes { id } } }`)
	if _, body := do(s.t, request); !strings.Contains(string(body), `"FORBIDDEN"`) {
		s.t.Fatalf("answered %s", body)
	}
}
