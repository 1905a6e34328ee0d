package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/models"
)

// After random histories the log has as many events of operations as there were mutations that changed something: what has
// changed is seen in the rows, without the log.
func TestAsManyEventsAsMutations(t *testing.T) {
	names := []string{"ann", "bob", "cyd"}
	rapid.Check(t, func(rt *rapid.T) {
		a := newAPI(t)
		h := furnished(a)
		for _, name := range names[1:] {
			h.ids[name] = h.person(name+"@example.org", models.RoleMember).UserID.String()
		}
		of := func(label string, from ...string) string { return h.ids[rapid.SampledFrom(from).Draw(rt, label)] }
		user := func() string { return of("user", names...) }
		group := func() string { return of("group", "sales", "emea", "north", "alone") }
		product := func() []string {
			return rapid.SampledFrom([][]string{{"goto-room"}, {"goto-meeting"}, {}}).Draw(rt, "products")
		}
		word := func() string { return rapid.SampledFrom([]string{"x", "y", ""}).Draw(rt, "word") }
		steps := map[string]func() vars{
			"userCreate": func() vars { return vars{"email": word() + "@example.org"} },
			"userUpdate": func() vars { return vars{"id": user(), "givenName": word()} },
			"userDelete": func() vars { return vars{"id": user()} },
			"userRoleSet": func() vars {
				return vars{"id": user(), "role": rapid.SampledFrom([]string{"ADMIN", "MEMBER"}).Draw(rt, "role")}
			},
			"usersSuspend": func() vars { return vars{"selection": vars{"ids": []string{user(), user()}}} },
			"usersResume":  func() vars { return vars{"selection": vars{"ids": []string{user(), user()}}} },
			"userGroupsUpdate": func() vars {
				return vars{"userId": user(), "addGroupIds": []string{group()}, "removeGroupIds": []string{group()}}
			},
			"groupCreate":        func() vars { return vars{"name": word(), "memberIds": []string{user()}} },
			"groupUpdate":        func() vars { return vars{"id": group(), "description": word(), "addMemberIds": []string{user()}} },
			"groupDelete":        func() vars { return vars{"id": group()} },
			"groupMembersAdd":    func() vars { return vars{"groupIds": []string{group()}, "userIds": []string{user()}} },
			"groupMembersRemove": func() vars { return vars{"groupIds": []string{group()}, "userIds": []string{user()}} },
			"groupNest":          func() vars { return vars{"parentId": group(), "childId": group()} },
			"groupUnnest":        func() vars { return vars{"parentId": group(), "childId": group()} },
			"usersProductsSet": func() vars {
				return vars{"selection": vars{"ids": []string{user()}}, "productKeys": product(), "mode": "REPLACE", "blockInherited": true}
			},
			"groupProductsSet": func() vars { return vars{"groupId": group(), "productKeys": product()} },
			"userProductBlocksSet": func() vars {
				return vars{"userId": user(), "productKeys": []string{"goto-room"}, "blocked": rapid.Bool().Draw(rt, "blocked")}
			},
		}
		want, before := map[string]int{}, h.facts()
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			mutation := rapid.SampledFrom(slices.Sorted(mapKeys(steps))).Draw(rt, "mutation")
			as := rapid.SampledFrom([]string{"super", "super", "admin", "member"}).Draw(rt, "as")
			who := h.callers[as]
			who.RequestID = fmt.Sprintf("step %d: %s as %s", i, mutation, as)
			h.callers[as] = who
			h.send(request{as: as, mutation: mutation, input: steps[mutation]()})
			if after := h.facts(); !cmp.Equal(before, after) {
				want[who.RequestID], before = 1, after
			}
		}
		h.recordRefusals()
		var rows []struct {
			RequestID string
			N         int
		}
		err := h.store.Read.Raw("SELECT request_id, COUNT(*) AS n FROM audit_events WHERE account_id = ? AND subject_type = '' AND outcome = 'DONE' AND request_id LIKE 'step %' GROUP BY request_id", h.account).Scan(&rows).Error
		if err != nil {
			rt.Fatal(err)
		}
		got := map[string]int{}
		for _, row := range rows {
			got[row.RequestID] = row.N
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("operations (-changed something +logged):\n%s", diff)
		}
	})
}

// facts are all rows of the account without the log.
func (a *api) facts() map[string][]string {
	rows := a.dump()
	delete(rows, "audit_events")
	return rows
}
