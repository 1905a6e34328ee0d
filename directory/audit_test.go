package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cohort/auth"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// fillLog gives an account so many events, one each millisecond, by 50 users, of 20 actions, about 1,000 users and 100 groups, of 500
// jobs; one in 5,000 is refused.
func fillLog(t *testing.T, s *store.Store, account models.AccountID, n int) (first time.Time) {
	t.Helper()
	id := func(kind byte, i int) []byte {
		return slices.Concat(make([]byte, 12), []byte{kind, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const part = 20_000
	for from := 0; from < n; from += part {
		_, err := store.InAccount(t.Context(), s, account, func(tx *store.Tx) (struct{}, error) {
			rows := store.Into(tx.DB, "audit_events", "account_id, id, operation_id, at, action, actor_kind, actor_id, request_id, job_id, outcome, subject_type, subject_id, object_id, after_data")
			for i := from; i < min(from+part, n); i++ {
				at := begin.Add(time.Duration(i) * time.Millisecond)
				event, outcome := models.NewEventID(at, 1), "DONE"
				if i%5000 == 0 {
					outcome = "REFUSED"
				}
				var job any
				if i%3 == 0 {
					job = id('j', i/2000)
				}
				err := rows.Row(account[:], event[:], id('o', i/100), at, fmt.Sprintf("Mutation.action%d", i%20), "USER", id('a', i%50), "r", job, outcome, "MEMBERSHIP",
					id('u', i%1000), id('g', i%100), `{"direct":true}`)
				if err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, rows.End()
		})
		must(t, err)
	}
	return begin
}

// Whatever the filter, a page of a large log reads little more than its rows, and takes one statement. With -long the log has
// 1,000,000 events.
func TestAuditFiltersReadLittle(t *testing.T) {
	n := rounds(60_000, 1_000_000)
	var asked []string
	url := storetest.Empty(t)
	s, err := store.Open(t.Context(), store.Options{URL: url, Inspect: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "audit_events") {
			asked = append(asked, sql)
		}
		return nil
	}})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.Migrate(t.Context()))
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	begin := fillLog(t, s, who.Account, n)
	if s.Engine != store.SQLite {
		must(t, s.Write.Exec("ANALYZE TABLE audit_events").Error)
	}
	id := func(kind byte, i int) (raw [16]byte) {
		raw[12], raw[13], raw[14], raw[15] = kind, byte(i>>16), byte(i>>8), byte(i)
		return raw
	}
	actor, user, group, job, operation := models.UserID(id('a', 7)), models.UserID(id('u', 77)), models.GroupID(id('g', 33)), models.JobID(id('j', 3)), models.OperationID(id('o', 11))
	refused := models.AuditOutcomeRefused
	middle := begin.Add(time.Duration(n/2) * time.Millisecond)
	later := middle.Add(50 * time.Millisecond)
	for name, f := range map[string]*models.AuditEventFilter{
		"none": nil, "actor": {ActorID: &actor}, "subject": {SubjectID: &models.GlobalID{User: &user}}, "object": {SubjectID: &models.GlobalID{Group: &group}},
		"job": {JobID: &job}, "operation": {OperationID: &operation}, "outcome": {Outcome: &refused}, "time": {From: &middle, To: &later}, "since": {From: &middle}, "until": {To: &middle},
		"action": {Actions: []string{"action3"}}, "actions": {Actions: []string{"action3", "action4", "noSuch", "action5"}}, "no action": {Actions: []string{"noSuch"}},
		"subject and time": {SubjectID: &models.GlobalID{User: &user}, To: &middle}, "actor and action": {ActorID: &actor, Actions: []string{"action7"}},
	} {
		for _, backward := range []bool{false, true} {
			asked = nil
			args := models.PageArgs{First: new(int32(20))}
			if backward {
				args = models.PageArgs{Last: new(int32(20))}
			}
			begun := time.Now()
			page, err := d.AuditEvents(t.Context(), who, f, args)
			must(t, err)
			took := time.Since(begun)
			if rows := len(page.Edges); rows != 20 && !slices.Contains([]string{"no action", "outcome", "operation"}, name) {
				t.Errorf("%s: %d rows", name, rows)
			}
			if len(asked) != 1 {
				t.Errorf("%s: %d statements", name, len(asked))
			}
			t.Logf("%-18s %v %v", name, backward, took.Round(10*time.Microsecond))
			checkPlan(t, s, name, asked[0])
		}
	}
}

// EachAuditEvent gives everything that fits, each once and the oldest first, in parts.
func TestEachAuditEvent(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := auth.OperatorOf(storetest.Account(t, s))
	fillLog(t, s, who.Account, 3500)
	for name, tt := range map[string]struct {
		f    *models.AuditEventFilter
		want int
	}{"all": {nil, 3500}, "of two actions": {&models.AuditEventFilter{Actions: []string{"action1", "action7"}}, 350}} {
		t.Run(name, func(t *testing.T) {
			var ids []string
			parts := 0
			must(t, d.EachAuditEvent(t.Context(), who, tt.f, func(part []*models.AuditEvent) error {
				parts++
				for _, e := range part {
					ids = append(ids, e.ID.String())
				}
				return nil
			}))
			if len(ids) != tt.want || !slices.IsSorted(ids) || len(slices.Compact(ids)) != tt.want || parts != (tt.want+999)/1000 {
				t.Errorf("%d events in %d parts, want %d", len(ids), parts, tt.want)
			}
		})
	}
	stop := errors.New("enough")
	if err := d.EachAuditEvent(t.Context(), who, nil, func([]*models.AuditEvent) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
	member := auth.Caller{Account: who.Account, Kind: auth.Person, Role: models.RoleMember}
	if err := d.EachAuditEvent(t.Context(), member, nil, nil); !errors.Is(err, auth.ErrForbidden) {
		t.Errorf("a member gets %v", err)
	}
	if _, err := d.PruneAuditEvents(t.Context(), auth.Caller{Account: who.Account, Kind: auth.Person, Role: models.RoleSuperAdmin}, time.Unix(0, 0)); !errors.Is(err, auth.ErrForbidden) {
		t.Errorf("a super admin prunes: %v", err)
	}
}

// checkPlan has the database say how it reads the events: in the order of an index, and no more of them than it gives.
func checkPlan(t *testing.T, s *store.Store, name, sql string) {
	t.Helper()
	var plan []map[string]any
	explain := map[bool]string{true: "EXPLAIN QUERY PLAN ", false: "EXPLAIN "}[s.Engine == store.SQLite]
	explain += strings.ReplaceAll(sql, "?", "X'06A4E2C0B1D87A8E8000000000000001'")
	must(t, s.Read.Raw(explain).Scan(&plan).Error)
	for _, step := range plan {
		text := fmt.Sprint(step)
		for _, bad := range []string{"filesort", "TEMP B-TREE", "SCAN e", "table:e type:ALL", "Using temporary"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %s in the plan of %s:\n%s", name, bad, sql, text)
			}
		}
	}
}
