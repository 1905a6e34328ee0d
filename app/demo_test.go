package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// The demo shows what there is to see: languages, scripts, roles, a suspended user, groups nested three
// deep, one with two parents, members by inheritance.
func TestDemoData(t *testing.T) {
	t.Parallel()
	d, err := directory.New(storetest.Open(t), directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	account, admin, err := d.CreateAccount(t.Context(), directory.NewAccount{Name: demoAccount, Admin: demoUsers[0].input(nil)})
	if err != nil {
		t.Fatal(err)
	}
	who := auth.OperatorOf(account.ID)
	if err := fillDemo(t.Context(), d, who, admin); err != nil {
		t.Fatal(err)
	}

	all := models.PageArgs{First: new(int32(100))}
	users, err := d.Users(t.Context(), who, directory.UserQuery{Sort: models.UserSortNameAsc}, all)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, u := range users.Nodes() {
		got["users"]++
		got[string(u.Role)]++
		got[string(u.Status)]++
		got["locale "+string(u.Locale)] = 1
		if !strings.HasSuffix(u.Email, "@example.org") {
			t.Errorf("%s may be somebody's", u.Email)
		}
	}
	want := map[string]int{"users": 30, "SUPER_ADMIN": 1, "ADMIN": 2, "MEMBER": 27, "INVITED": 29, "SUSPENDED": 1}
	for _, l := range models.AllLocale {
		want["locale "+string(l)] = 1
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}

	sameProducts(t, d, who)
	nikos, err := d.User(t.Context(), who, models.UserBy{Email: new("nikos.papadopoulos@example.org")})
	if err != nil || nikos == nil {
		t.Fatalf("nobody is on call: %v", err)
	}
	samePermissions(t, d, who, nikos)

	groups, err := d.Groups(t.Context(), who, directory.GroupQuery{Sort: models.GroupSortNameAsc}, all)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]models.GroupID, len(groups.Edges))
	for i, g := range groups.Nodes() {
		ids[i] = g.ID
		if g.Description == "" {
			t.Errorf("%s has no description", g.Name)
		}
	}
	if got := nesting(); got != "12 groups, 3 deep, 1 with two parents" {
		t.Errorf("the groups are %s", got)
	}
	onCall, err := d.Users(t.Context(), who, directory.UserQuery{Sort: models.UserSortNameAsc, Filter: &models.UserFilter{
		Group: &models.UserGroupFilter{ID: ids[index(groups.Nodes(), "Engineering")], Relation: models.MembershipRelationInherited},
	}}, all)
	if err != nil || len(onCall.Edges) < 5 || len(ids) != len(demoGroups) {
		t.Errorf("%d groups; in Engineering through its subgroups: %d, error %v", len(ids), len(onCall.Edges), err)
	}
}

// Whoever is on call holds what the group permits, and what the groups permit that it lies in.
func samePermissions(t *testing.T, d *directory.Directory, who auth.Caller, user *models.User) {
	t.Helper()
	lists, err := d.PermissionsOf(t.Context(), who, []directory.Holder{{User: user.ID, Role: user.Role}})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, p := range lists[0] {
		keys = append(keys, p.Permission.Key)
	}
	const want = "people.view integrations.manage phone.queues.supervise phone.calls.view support.sessions.view support.computers.manage devices.manage"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("%s holds %s", user.Email, got)
	}
}

// sameProducts holds seats and who waits against what the demo promises: of one product there are too few seats.
func sameProducts(t *testing.T, d *directory.Directory, who auth.Caller) {
	t.Helper()
	products, err := d.Products(t.Context(), who)
	if err != nil || len(products) != 17 {
		t.Fatalf("%d products, error %v", len(products), err)
	}
	for _, p := range products {
		waiting, err := d.Waiting(t.Context(), who, []models.ProductID{p.ID})
		if err != nil {
			t.Fatal(err)
		}
		if short := demoSeats[p.Key] > 0; (waiting[0] > 0) != short || short && p.SeatsUsed != demoSeats[p.Key] {
			t.Errorf("%s: %d seats in use, %d wait", p.Key, p.SeatsUsed, waiting[0])
		}
	}
}

func index(groups []*models.Group, name string) int {
	for i, g := range groups {
		if g.Name == name {
			return i
		}
	}
	return -1
}

// nesting describes the table of groups, in which parents stand above their children.
func nesting() string {
	depth, deepest, twice := map[string]int{}, 0, 0
	for _, g := range demoGroups {
		depth[g.name] = 1
		for _, parent := range g.in {
			depth[g.name] = max(depth[g.name], depth[parent]+1)
		}
		deepest = max(deepest, depth[g.name])
		if len(g.in) == 2 {
			twice++
		}
	}
	return fmt.Sprintf("%d groups, %d deep, %d with two parents", len(demoGroups), deepest, twice)
}
