package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

const eventFields = `id occurredAt action outcome operationId requestId jobId subjectType subjectId objectId changes { field before after }
	actor { kind userId role user { email } } subject { __typename id } object { __typename id } job { id kind }`

// events are those to which a filter applies, the newest first.
func (a *api) events(filter string) []map[string]any {
	a.t.Helper()
	var all []map[string]any
	for _, e := range get(a.must(`{ auditEvents(first: 100, filter: {`+filter+`}) { nodes { `+eventFields+` } } }`, nil), "auditEvents.nodes").([]any) {
		all = append(all, e.(map[string]any))
	}
	return all
}

// Every mutation is seen through the API as what it was: one event of the operation, the newest, and one with what is different
// about each subject.
func TestEveryMutationIsInTheLog(t *testing.T) {
	for mutation, tt := range trails {
		if tt.want == nil { // is not in the log
			continue
		}
		t.Run(mutation, func(t *testing.T) {
			h := rightsHouse(t, "super")
			h.readyFor("Mutation." + mutation)
			who := h.admin
			who.RequestID = "request-" + mutation
			h.callers["super"] = who
			if wrong, first := complaints(h.send(request{mutation: mutation, input: tt.input})); wrong != "" {
				t.Fatalf("refused: %s: %s", wrong, first)
			}
			newest := h.events("")[0]
			all := h.events(fmt.Sprintf("operationId: %q", newest["operationId"]))
			if len(all) != len(tt.want)+1 {
				t.Errorf("%d events of the operation and %d subjects", len(all), len(tt.want))
			}
			for i, e := range all {
				actor := map[string]any{"kind": "USER", "userId": who.UserID.String(), "role": "SUPER_ADMIN", "user": vars{"email": "admin@example.org"}}
				if a := e["actor"].(map[string]any); a["kind"] != actor["kind"] || a["userId"] != actor["userId"] || a["role"] != actor["role"] || a["user"] == nil {
					t.Errorf("by %v", a)
				}
				if e["action"] != mutation || e["requestId"] != who.RequestID || e["outcome"] != "DONE" || e["occurredAt"] != newest["occurredAt"] || e["jobId"] != newest["jobId"] {
					t.Errorf("event %v", e)
				}
				if i == 0 {
					if e["subjectType"] != nil || e["subjectId"] != nil || e["objectId"] != nil || len(e["changes"].([]any)) > 0 {
						t.Errorf("the operation's event is about %v", e)
					}
					continue
				}
				if e["subjectType"] == nil || e["subjectId"] == nil || len(e["changes"].([]any)) == 0 {
					t.Errorf("an event about nothing: %v", e)
				}
				for _, c := range e["changes"].([]any) {
					if c := c.(map[string]any); cmp.Equal(c["before"], c["after"]) {
						t.Errorf("nothing is different: %v", c)
					}
				}
			}
			if jobs := []string{"jobCancel", "jobRetryFailed", "jobRevert", "usersProductsSet", "usersSuspend"}; slices.Contains(jobs, mutation) && newest["job"] == nil {
				t.Errorf("of no job: %v", newest)
			}
		})
	}
}

// What is told of a change, of what is new and of what is gone.
func TestChangesOfEvents(t *testing.T) {
	h := newHouse(t)
	one := func(filter, subject string) map[string]any {
		for _, e := range h.events(filter) {
			if e["subjectType"] == subject {
				return e
			}
		}
		t.Fatalf("no %s of %s", subject, filter)
		return nil
	}
	h.done("groupUpdate", "group { id }", vars{"id": h.ids["emea"], "name": "Europe", "priority": 3, "removeMemberIds": []string{h.ids["ann"]}})
	want := []any{vars{"field": "name", "before": "EMEA", "after": "Europe"}, vars{"field": "priority", "before": 0.0, "after": 3.0}}
	got := one(fmt.Sprintf("subjectId: %q", h.ids["emea"]), "GROUP")
	if diff := cmp.Diff(want, got["changes"]); diff != "" {
		t.Errorf("a group (-want +got):\n%s", diff)
	}
	left := one(`actions: ["groupUpdate"]`, "MEMBERSHIP")
	if diff := cmp.Diff([]any{vars{"field": "direct", "before": true, "after": nil}}, left["changes"]); diff != "" {
		t.Errorf("a membership (-want +got):\n%s", diff)
	}
	if left["subjectId"] != h.ids["ann"] || left["objectId"] != h.ids["emea"] || get(left, "subject.__typename") != "User" || get(left, "object.__typename") != "Group" {
		t.Errorf("a membership of %v", left)
	}

	// Who did it and whom it was done to are known after they are gone.
	boss := h.person("boss@example.org", models.RoleSuperAdmin)
	h.callers["boss"] = boss
	h.send(request{as: "boss", mutation: "userUpdate", input: vars{"id": "$ann", "givenName": "Ann"}})
	h.done("userDelete", "deletedUserId", vars{"id": h.ids["ann"]})
	h.done("userDelete", "deletedUserId", vars{"id": boss.UserID.String()})
	gone := one(fmt.Sprintf("actorId: %q", boss.UserID.String()), "USER")
	if gone["subject"] != nil || gone["subjectId"] != h.ids["ann"] || get(gone, "actor.user") != nil || get(gone, "actor.userId") != boss.UserID.String() {
		t.Errorf("after the deletion %v", gone)
	}
	deletion := one(fmt.Sprintf(`subjectId: %q, actions: ["userDelete"]`, boss.UserID.String()), "USER")
	if c := fmt.Sprint(deletion["changes"]); !strings.Contains(c, "boss@example.org") {
		t.Errorf("the deletion says %s", c)
	}
}

// Each filter, alone and together, gives what it should, whichever index it goes by; and so does paging through it.
func TestAuditFilters(t *testing.T) {
	h := newHouse(t)
	other := h.callers["admin"]
	h.send(request{as: "admin", mutation: "groupUpdate", input: vars{"id": "$emea", "priority": 4, "addMemberIds": []string{"$member"}}})
	job := get(h.done("usersProductsSet", "job { id }", vars{"selection": vars{"ids": []string{h.ids["ann"], h.ids["member"]}}, "productKeys": []string{"goto-meeting"}, "mode": "ADD"}), "job.id").(string)
	middle := time.Now().UTC().Add(time.Millisecond)
	for !time.Now().After(middle) {
		continue
	}
	h.done("userUpdate", "user { id }", vars{"id": h.ids["ann"], "givenName": "Ann"})
	h.send(request{as: "member", query: `{ users { nodes { id } } }`})
	h.recordRefusals()
	all := h.events("")
	operation := all[3]["operationId"].(string)
	about := func(id string) func(map[string]any) bool {
		return func(e map[string]any) bool { return e["subjectId"] == id || e["objectId"] == id }
	}
	at := middle.Format(time.RFC3339Nano)
	for filter, is := range map[string]func(map[string]any) bool{
		``:                                       func(map[string]any) bool { return true },
		fmt.Sprintf(`actorId: %q`, other.UserID): func(e map[string]any) bool { return get(e, "actor.userId") == other.UserID.String() },
		`actions: ["groupUpdate", "usersProductsSet", "groupUpdate", "noSuch", "a b"]`: func(e map[string]any) bool {
			return e["action"] == "groupUpdate" || e["action"] == "usersProductsSet"
		},
		`actions: ["no such action"]`:              func(map[string]any) bool { return false },
		`actions: []`:                              func(map[string]any) bool { return true },
		`actions: ["Operator.accountCreate"]`:      func(e map[string]any) bool { return e["action"] == "Operator.accountCreate" },
		fmt.Sprintf(`subjectId: %q`, h.ids["ann"]): about(h.ids["ann"]),
		fmt.Sprintf(`subjectId: %q, actions: ["userUpdate", "groupUpdate"]`, h.ids["ann"]): func(e map[string]any) bool {
			return about(h.ids["ann"])(e) && (e["action"] == "userUpdate" || e["action"] == "groupUpdate")
		},
		fmt.Sprintf(`subjectId: %q, actorId: %q`, h.ids["emea"], other.UserID): func(e map[string]any) bool {
			return about(h.ids["emea"])(e) && get(e, "actor.userId") == other.UserID.String()
		},
		fmt.Sprintf(`subjectId: %q, jobId: %q`, h.ids["meeting"], job): func(e map[string]any) bool { return about(h.ids["meeting"])(e) && e["jobId"] == job },
		fmt.Sprintf(`from: %q`, at):                                    func(e map[string]any) bool { return moment(e["occurredAt"].(string)) >= moment(at) },
		fmt.Sprintf(`to: %q`, at):                                      func(e map[string]any) bool { return moment(e["occurredAt"].(string)) < moment(at) },
		fmt.Sprintf(`from: %q, to: %q`, all[2]["occurredAt"], all[0]["occurredAt"]): func(e map[string]any) bool {
			t := moment(e["occurredAt"].(string))
			return t >= moment(all[2]["occurredAt"].(string)) && t < moment(all[0]["occurredAt"].(string))
		},
		fmt.Sprintf(`jobId: %q`, job):                              func(e map[string]any) bool { return e["jobId"] == job },
		fmt.Sprintf(`operationId: %q`, operation):                  func(e map[string]any) bool { return e["operationId"] == operation },
		`outcome: DONE`:                                            func(e map[string]any) bool { return e["outcome"] == "DONE" },
		`outcome: REFUSED`:                                         func(e map[string]any) bool { return e["outcome"] == "REFUSED" },
		`outcome: REFUSED, actions: ["Query.users", "userCreate"]`: func(e map[string]any) bool { return e["outcome"] == "REFUSED" },
	} {
		t.Run(filter, func(t *testing.T) {
			h := h.in(t)
			want := []string{}
			for _, e := range all {
				if is(e) {
					want = append(want, e["id"].(string))
				}
			}
			h.pagesThrough(`auditEvents(filter: {`+filter+`}, %ARGS%)`, want)
		})
	}
	t.Run("a user's own page", func(t *testing.T) {
		h := h.in(t)
		for _, of := range []string{"ann", "member"} {
			var want []string
			for _, e := range all {
				if about(h.ids[of])(e) {
					want = append(want, e["id"].(string))
				}
			}
			h.pagesThrough(h.fill(`user(by: {id: "$`+of+`"}) { auditEvents(%ARGS%)`), want)
		}
	})
	t.Run("a group's own page", func(t *testing.T) {
		h := h.in(t)
		var want []string
		for _, e := range all {
			if about(h.ids["emea"])(e) && about(h.ids["member"])(e) {
				want = append(want, e["id"].(string))
			}
		}
		if len(want) != 1 {
			t.Fatalf("%d events", len(want))
		}
		h.pagesThrough(h.fill(`group(by: {id: "$emea"}) { auditEvents(filter: {subjectId: "$member"}, %ARGS%)`), want)
	})
	for i := 1; i < len(all); i++ {
		if all[i-1]["id"].(string) <= all[i]["id"].(string) || moment(all[i-1]["occurredAt"].(string)) < moment(all[i]["occurredAt"].(string)) {
			t.Errorf("not the newest first: %v, %v", all[i-1]["id"], all[i]["id"])
		}
	}
	node := h.must(fmt.Sprintf(`{ node(id: %q) { ... on AuditEvent { %s } } }`, all[1]["id"], eventFields), nil)
	if diff := cmp.Diff(all[1], node["node"]); diff != "" {
		t.Errorf("the event by its id (-list +node):\n%s", diff)
	}
	if found := h.ask(h.callers["member"], fmt.Sprintf(`{ node(id: %q) { id } }`, all[1]["id"]), nil); found.Data["node"] != nil {
		t.Errorf("a member finds %s", found.Text)
	}
	h.refuses(map[string]refusal{
		"a time that ends before it begins": {request{query: `{ auditEvents(filter: {from: "2026-02-01T00:00:00Z", to: "2026-01-01T00:00:00Z"}) { nodes { id } } }`}, "BAD_USER_INPUT/INVALID auditEvents", "filter.to"},
		"too many actions":                  {request{query: `{ auditEvents(filter: {actions: [` + strings.Repeat(`"a" `, 51) + `]}) { nodes { id } } }`}, "BAD_USER_INPUT/TOO_MANY auditEvents", "filter.actions"},
	})
}

// pagesThrough asks for a list forwards and backwards in pages of three, which must give the same as asking for all.
func (h *house) pagesThrough(field string, want []string) {
	h.t.Helper()
	closing := strings.Repeat("}", strings.Count(strings.ReplaceAll(field, "{id:", ""), "{")-strings.Count(strings.ReplaceAll(field, "}", "}"), "}")+strings.Count(field, "{id:"))
	ask := func(args string) map[string]any {
		h.t.Helper()
		list := any(h.must(`{ `+strings.ReplaceAll(field, "%ARGS%", args)+` { totalCount nodes { id } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } `+closing+` }`, nil))
		for _, name := range []string{"user", "group", "auditEvents"} {
			if inner := get(list, name); inner != nil {
				list = inner
			}
		}
		return list.(map[string]any)
	}
	forwards, backwards := []string{}, []string{}
	for args := "first: 3"; ; {
		page := ask(args)
		if page["totalCount"] != float64(len(want)) {
			h.t.Errorf("%v in all, want %d", page["totalCount"], len(want))
		}
		forwards = append(forwards, texts(page, "nodes.*.id")...)
		if get(page, "pageInfo.hasNextPage") != true || len(forwards) > len(want) {
			break
		}
		args = fmt.Sprintf("first: 3, after: %q", get(page, "pageInfo.endCursor"))
	}
	for args := "last: 3"; ; {
		page := ask(args)
		backwards = append(texts(page, "nodes.*.id"), backwards...)
		if get(page, "pageInfo.hasPreviousPage") != true || len(backwards) > len(want) {
			break
		}
		args = fmt.Sprintf("last: 3, before: %q", get(page, "pageInfo.startCursor"))
	}
	for way, got := range map[string][]string{"forwards": forwards, "backwards": backwards} {
		if !slices.Equal(got, want) {
			h.t.Errorf("%s: %d events %v, want %d %v", way, len(got), got, len(want), want)
		}
	}
}

// recordRefusals writes what was refused so far.
func (a *api) recordRefusals() {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // after which what waits is still written
	a.directory.RecordRefusals(ctx)
}

// Each way of being refused for want of rights leaves an event of its own, which tells nothing of the input.
func TestRefusedAttempts(t *testing.T) {
	for name, tt := range map[string]struct {
		as     string
		query  string
		input  vars
		action string
	}{
		"by the table, a mutation":          {"member", "groupDelete", vars{"id": "$sales"}, "groupDelete"},
		"by the table, a list":              {"member", `{ users(filter: {search: "secret"}) { nodes { id } } }`, nil, "Query.users"},
		"by the table, a field":             {"member", of(`memberCount`), nil, "Group.memberCount"},
		"the whole log":                     {"member", `{ auditEvents { nodes { id } } }`, nil, "Query.auditEvents"},
		"a group's log":                     {"member", of(`auditEvents { nodes { id } }`), nil, "Group.auditEvents"},
		"by the table, the log":             {"member", `{ viewer { user { auditEvents { nodes { id } } } } }`, nil, "User.auditEvents"},
		"by a condition on the target":      {"admin", "userUpdate", vars{"id": "$super", "givenName": "secret"}, "userUpdate"},
		"by a condition on what it becomes": {"admin", "userCreate", vars{"email": "secret@example.org", "role": "ADMIN"}, "userCreate"},
		"by a condition of a bulk change":   {"admin", "usersProductsSet", vars{"selection": vars{"ids": []string{"$super"}}, "productKeys": []string{"goto-room"}, "errorPolicy": "REJECT_ALL"}, "usersProductsSet"},
		"by a condition on reading":         {"member", `{ membershipChecks(userIds: ["$ann"], groupIds: ["$sales"]) { isMember } }`, nil, "Query.membershipChecks"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.ids["super"] = h.admin.UserID.String()
			who := h.callers[tt.as]
			who.RequestID = "refused-request"
			h.callers[tt.as] = who
			r := request{as: tt.as, query: tt.query}
			if tt.input != nil {
				r = request{as: tt.as, mutation: tt.query, input: tt.input}
			}
			var before int
			h.unchanged(func() {
				got := h.send(r)
				if wrong, _ := complaints(got); !strings.Contains(got.Text, "FORBIDDEN") {
					t.Fatalf("not refused: %s %s", wrong, got.Text)
				}
				before = len(h.events("outcome: REFUSED"))
			})
			h.recordRefusals()
			found := h.events("outcome: REFUSED")
			if before != 0 || len(found) != 1 {
				t.Fatalf("%d events before, %d after", before, len(found))
			}
			e := found[0]
			delete(e, "id")
			delete(e, "occurredAt")
			delete(e, "operationId")
			role := map[string]string{"member": "MEMBER", "admin": "ADMIN"}[tt.as]
			want := map[string]any{
				"action": tt.action, "outcome": "REFUSED", "requestId": "refused-request", "jobId": nil, "job": nil, "changes": []any{},
				"subjectType": nil, "subjectId": nil, "subject": nil, "objectId": nil, "object": nil,
				"actor": vars{"kind": "USER", "userId": who.UserID.String(), "role": role, "user": vars{"email": tt.as + "@example.org"}},
			}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if rows := fmt.Sprint(h.rows("SELECT * FROM audit_events WHERE account_id = ? AND outcome = 'REFUSED'")); strings.Contains(rows, "secret") {
				t.Errorf("the input is in %s", rows)
			}
		})
	}
}

// Of one actor so many are recorded, and the next one that is says how many were not. Others aren't kept out by that.
func TestRefusedAttemptsAreBounded(t *testing.T) {
	h := newHouse(t)
	for range audit.RefusalsAtOnce + 25 {
		h.send(request{as: "member", query: `{ users { nodes { id } } }`})
	}
	h.send(request{as: "admin", mutation: "productCreate", input: vars{"key": "x", "name": "X"}})
	h.recordRefusals()
	if n := len(h.events(`outcome: REFUSED, actions: ["Query.users"]`)); n != audit.RefusalsAtOnce {
		t.Errorf("%d of the member", n)
	}
	if n := len(h.events(`outcome: REFUSED, actions: ["productCreate"]`)); n != 1 {
		t.Errorf("%d of the admin", n)
	}
}

// Each partner client has a measure of its own, and its events name it.
func TestRefusedAttemptsOfPartners(t *testing.T) {
	h := newHouse(t)
	ids := map[string]models.PartnerClientID{"one": models.NewID[models.PartnerClientID](), "two": models.NewID[models.PartnerClientID]()}
	for name, id := range ids {
		h.callers[name] = auth.Caller{Account: h.account, Kind: auth.Partner, Partner: id, Scope: models.AllScopes}
	}
	for range audit.RefusalsAtOnce + 5 {
		h.send(request{as: "one", mutation: "groupDelete", input: vars{"id": "$sales"}})
	}
	h.send(request{as: "two", mutation: "groupDelete", input: vars{"id": "$sales"}})
	h.recordRefusals()
	got := map[any]int{}
	for _, node := range get(h.must(`{ auditEvents(first: 100, filter: {outcome: REFUSED}) { nodes { actor { kind userId partnerClientId role user { id } } } } }`, nil), "auditEvents.nodes").([]any) {
		actor := get(node, "actor").(map[string]any)
		if actor["kind"] != "PARTNER_CLIENT" || actor["userId"] != nil || actor["user"] != nil || actor["role"] != nil {
			t.Errorf("the actor is %v", actor)
		}
		got[actor["partnerClientId"]]++
	}
	if diff := cmp.Diff(map[any]int{ids["one"].String(): audit.RefusalsAtOnce, ids["two"].String(): 1}, got); diff != "" {
		t.Errorf("events of each client (-want +got):\n%s", diff)
	}
}

// What is allowed or merely wrong is no refused attempt.
func TestMistakesAreNoRefusedAttempts(t *testing.T) {
	h := newHouse(t)
	h.send(request{as: "admin", mutation: "groupCreate", input: vars{"name": "Sales"}})
	h.send(request{as: "member", query: `{ viewer { user { id } } }`})
	h.send(request{as: "member", query: `{ nonsense }`})
	h.ask(auth.Caller{}, `{ users { nodes { id } } }`, nil)
	h.recordRefusals()
	if found := h.events("outcome: REFUSED"); len(found) > 0 {
		t.Errorf("recorded %v", found)
	}
}
