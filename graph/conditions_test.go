package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
)

// Admins act on members and on nobody above them; what they may do to themselves is their own name.
func TestAdminsActOnMembers(t *testing.T) {
	targets := map[string]string{"a super admin": "$super", "another admin": "$boss", "themselves": "$admin"}
	acts := map[string]vars{
		"userUpdate":  {"givenName": "X"},
		"userDelete":  {},
		"userRoleSet": {"role": "MEMBER"},
	}
	h := newHouse(t)
	h.ids["boss"] = h.person("boss@example.org", models.RoleAdmin).UserID.String()
	h.ids["chief"] = h.person("chief@example.org", models.RoleSuperAdmin).UserID.String()
	tests := map[string]refusal{}
	for mutation, input := range acts {
		for whom, id := range targets {
			with := vars{"id": id}
			for name, value := range input {
				with[name] = value
			}
			r := refusal{request{as: "admin", mutation: mutation, input: with}, "FORBIDDEN input.id", "only super admins may do this"}
			switch {
			case mutation == "userRoleSet": // super admins only, whoever it is about
				r.want, r.says = "FORBIDDEN", "the role ADMIN may not use Mutation.userRoleSet"
			case mutation == "userUpdate" && id == "$admin":
				continue
			}
			tests[mutation+" "+whom] = r
		}
	}
	for _, role := range []string{"ADMIN", "SUPER_ADMIN"} {
		with := vars{"email": "new@example.org", "role": role}
		tests["userCreate "+role] = refusal{request{as: "admin", mutation: "userCreate", input: with}, "FORBIDDEN input.role", "only super admins"}
		tests["usersCreate "+role] = refusal{request{as: "admin", mutation: "usersCreate", input: vars{"users": []vars{{"email": "x@example.org"}, with}}}, "FORBIDDEN input.users.1.role", "only super admins"}
	}
	h.refuses(tests)
	h.accepts(map[string]request{
		"admins change their own name":           {as: "admin", mutation: "userUpdate", input: vars{"id": "$admin", "givenName": "Ada"}},
		"admins change members":                  {as: "admin", mutation: "userUpdate", input: vars{"id": "$ann", "givenName": "Anna"}},
		"admins create members":                  {as: "admin", mutation: "userCreate", input: vars{"email": "m@example.org"}},
		"admins put super admins into groups":    {as: "admin", mutation: "groupMembersAdd", input: vars{"groupIds": []string{"$alone"}, "userIds": []string{"$super"}}},
		"admins take super admins out of groups": {as: "admin", mutation: "userGroupsUpdate", input: vars{"userId": "$super", "removeGroupIds": []string{"$alone"}}},
		"admins delete members":                  {as: "admin", mutation: "userDelete", input: vars{"id": "$member"}},
		"super admins change admins":             {mutation: "userUpdate", input: vars{"id": "$boss", "givenName": "B"}},
		"super admins create super admins":       {mutation: "userCreate", input: vars{"email": "s2@example.org", "role": "SUPER_ADMIN"}},
		"super admins delete super admins":       {mutation: "userDelete", input: vars{"id": "$chief"}},
	})
}

// In a bulk change the rows that the caller may not touch fail one by one, and the rest goes on.
func TestBulkByAdmins(t *testing.T) {
	for _, mutation := range []string{"usersSuspend", "usersResume"} {
		t.Run(mutation, func(t *testing.T) {
			h := newHouse(t)
			if mutation == "usersResume" {
				h.person("second@example.org", models.RoleSuperAdmin)
				h.done("usersSuspend", "errors { code }", vars{"selection": vars{"ids": []string{h.ids["ann"], h.ids["admin"]}}})
				h.callers["admin"] = h.person("third@example.org", models.RoleAdmin)
			}
			ids := []string{h.ids["super"], h.ids["ann"], h.ids["absentUser"], h.ids["admin"], h.ids["foreignUser"]}
			got := h.as(h.callers["admin"]).done(mutation, "results { userId outcome user { id } } counts { total changed unchanged failed }",
				vars{"selection": vars{"ids": ids}, "expectedCount": 3})
			want := []string{
				"FORBIDDEN " + ids[0], "NOT_FOUND " + ids[2], "FORBIDDEN " + ids[3], "NOT_FOUND " + ids[4], "CHANGED " + ids[1],
			}
			var results []string
			for _, r := range got["results"].([]any) {
				results = append(results, fmt.Sprint(get(r, "outcome"), " ", get(r, "userId")))
				if found := get(r, "user.id") != nil; found != (get(r, "outcome") != "NOT_FOUND") {
					t.Errorf("the user of %v", r)
				}
			}
			if diff := cmp.Diff(want, results); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(vars{"total": 5.0, "changed": 1.0, "unchanged": 0.0, "failed": 4.0}, got["counts"]); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// writes are the rows of the table that change something.
func writes(t testing.TB) []string {
	return slices.DeleteFunc(governed(t), func(action string) bool { return !strings.HasPrefix(action, "Mutation.") })
}

// The token may say what it likes: under the lock the stored role counts.
func TestTheStoredRoleCounts(t *testing.T) {
	for _, action := range writes(t) {
		t.Run(action, func(t *testing.T) {
			h := rightsHouse(t, "member")
			h.callers["pretender"] = h.callers["member"]
			claim := h.callers["pretender"]
			claim.Role = models.RoleSuperAdmin
			r := samples[action]
			gone := map[string]string{"pretender": "FORBIDDEN", "suspended": "UNAUTHENTICATED", "deleted": "UNAUTHENTICATED", "elsewhere": "UNAUTHENTICATED", "no account": "UNAUTHENTICATED"}
			suspended, deleted := h.person("suspended@example.org", models.RoleSuperAdmin), h.person("deleted@example.org", models.RoleSuperAdmin)
			h.done("usersSuspend", "errors { code }", vars{"selection": vars{"ids": []string{suspended.UserID.String()}}})
			h.done("userDelete", "errors { code }", vars{"id": deleted.UserID.String()})
			elsewhere, nowhere := h.other.admin, h.admin
			h.readyFor(action)
			elsewhere.Account, nowhere.Account = h.account, models.NewID[models.AccountID]()
			for name, who := range map[string]auth.Caller{"pretender": claim, "suspended": suspended, "deleted": deleted, "elsewhere": elsewhere, "no account": nowhere} {
				h.callers[name] = who
				r.as = name
				h.unchanged(func() {
					got := h.send(r)
					h.discreet(got)
					if wrong, _ := complaints(got); !strings.HasPrefix(wrong, gone[name]+" ") {
						t.Errorf("%s: %s", name, got.Text)
					}
				})
			}
		})
	}
}

func TestLastSuperAdmin(t *testing.T) {
	h := newHouse(t)
	h.refuses(map[string]refusal{
		"another role":   {request{mutation: "userRoleSet", input: vars{"id": "$super", "role": "ADMIN"}}, "LAST_SUPER_ADMIN input.role", "make another one first"},
		"member":         {request{mutation: "userRoleSet", input: vars{"id": "$super", "role": "MEMBER"}}, "LAST_SUPER_ADMIN input.role", "make another one first"},
		"deletion":       {request{mutation: "userDelete", input: vars{"id": "$super"}}, "LAST_SUPER_ADMIN input.id", "make another one first"},
		"the role again": {request: request{mutation: "userRoleSet", input: vars{"id": "$super", "role": "SUPER_ADMIN"}}},
	})
	outcome := func(h *house, selection vars) string {
		h.t.Helper()
		return strings.Join(texts(h.done("usersSuspend", "results { outcome }", vars{"selection": selection}), "results.*.outcome"), " ")
	}
	t.Run("suspension", func(t *testing.T) {
		h := h.in(t)
		h.unchanged(func() {
			if got := outcome(h, vars{"ids": []string{h.ids["super"]}}); got != "LAST_SUPER_ADMIN" {
				t.Error(got)
			}
		})
	})
	t.Run("suspension of all", func(t *testing.T) {
		h := newHouse(t)
		h.person("second@example.org", models.RoleSuperAdmin)
		if got := outcome(h, vars{"all": true}); got != "LAST_SUPER_ADMIN CHANGED CHANGED CHANGED CHANGED" {
			t.Error(got)
		}
		left := h.as(h.operator()).must(`{ users(filter: {role: [SUPER_ADMIN], not: {status: [SUSPENDED]}}) { totalCount } }`, nil)
		if n := get(left, "users.totalCount"); n != 1.0 {
			t.Errorf("%v super admins left", n)
		}
	})
	t.Run("one who is suspended doesn't count", func(t *testing.T) {
		h := newHouse(t)
		second := h.person("second@example.org", models.RoleSuperAdmin).UserID.String()
		outcome(h, vars{"ids": []string{second}})
		h.refuses(map[string]refusal{
			"another role": {request{mutation: "userRoleSet", input: vars{"id": "$super", "role": "ADMIN"}}, "LAST_SUPER_ADMIN input.role", ""},
			"deletion":     {request{mutation: "userDelete", input: vars{"id": "$super"}}, "LAST_SUPER_ADMIN input.id", ""},
		})
		h.done("userRoleSet", "user { role }", vars{"id": second, "role": "MEMBER"})
		h.done("userDelete", "deletedUserId", vars{"id": second})
	})
	t.Run("two who demote each other", func(t *testing.T) {
		h := newHouse(t)
		second := h.person("second@example.org", models.RoleSuperAdmin)
		var both sync.WaitGroup
		for _, pair := range [][2]auth.Caller{{h.admin, second}, {second, h.admin}} {
			both.Go(func() {
				h.ask(pair[0], mutate("userRoleSet", "errors { code }"), vars{"input": vars{"id": pair[1].UserID.String(), "role": "MEMBER"}})
			})
		}
		both.Wait()
		left := h.as(h.operator()).must(`{ users(filter: {role: [SUPER_ADMIN]}) { totalCount } }`, nil)
		if n := get(left, "users.totalCount"); n != 1.0 {
			t.Errorf("%v super admins left", n)
		}
	})
}

// Nobody raises their own role, in any way that the contract knows.
func TestNobodyRaisesTheirOwnRole(t *testing.T) {
	h := newHouse(t)
	for _, who := range []string{"admin", "member"} {
		for _, role := range []string{"ADMIN", "SUPER_ADMIN"} {
			h.forbidden(request{as: who, mutation: "userRoleSet", input: vars{"id": "$" + who, "role": role}})
		}
	}
	for _, field := range contract(t).Types["UserUpdateInput"].Fields {
		if field.Name == "role" || field.Name == "status" {
			t.Errorf("userUpdate takes %s", field.Name)
		}
	}
	demoted := h.callers["super"]
	demoted.Role = models.RoleAdmin // by the token's claim
	h.callers["demoted"] = demoted
	h.forbidden(request{as: "demoted", mutation: "userRoleSet", input: vars{"id": "$super", "role": "SUPER_ADMIN"}})
}
