package directory_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/audit"
	"cohort/directory"
	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store"
)

// contents are everything that the database holds of an account, at one moment.
type contents struct {
	account    models.Account
	users      map[models.UserID]*models.User
	groups     map[models.GroupID]*models.Group
	members    map[models.Pair]bool
	edges      map[nesting.Edge]bool
	closure    map[nesting.Edge]int // from the ancestor, as parent, down to the descendant
	products   map[models.ProductID]*models.Product
	direct     map[models.Holding]bool
	blocks     map[models.Holding]bool
	grants     map[models.GroupProductRow]bool // without the time
	entitled   map[models.Holding]models.EntitlementRow
	firsts     map[models.Holding]bool
	userTerms  map[models.UserID][]string
	groupTerms map[models.GroupID][]string
	events     []audit.Event  // by age
	changes    []audit.Change // by number
	inParts    []string       // the requests whose jobs a worker has taken: they are carried out in several operations
}

// readContents reads an account in one snapshot, with its log and feed if they are asked for.
func readContents(ctx context.Context, s *store.Store, account models.AccountID, history bool) (*contents, error) {
	return store.InSnapshot(ctx, s, func(tx *gorm.DB) (*contents, error) {
		st := &contents{
			users: map[models.UserID]*models.User{}, groups: map[models.GroupID]*models.Group{},
			members: map[models.Pair]bool{}, edges: map[nesting.Edge]bool{}, closure: map[nesting.Edge]int{},
			products: map[models.ProductID]*models.Product{}, direct: map[models.Holding]bool{}, blocks: map[models.Holding]bool{},
			grants: map[models.GroupProductRow]bool{}, entitled: map[models.Holding]models.EntitlementRow{}, firsts: map[models.Holding]bool{},
			userTerms: map[models.UserID][]string{}, groupTerms: map[models.GroupID][]string{},
		}
		return st, st.read(tx, account, history)
	})
}

func (st *contents) read(tx *gorm.DB, account models.AccountID, history bool) error {
	var users []*models.User
	var groups []*models.Group
	var members []models.MembershipRow
	var edges []models.GroupEdgeRow
	var closure []models.GroupClosureRow
	var userTerms []struct {
		UserID models.UserID
		Term   string
	}
	var groupTerms []struct {
		GroupID models.GroupID
		Term    string
	}
	of := func() *gorm.DB { return tx.Where("account_id = ?", account) }
	for _, err := range []error{
		tx.Where("id = ?", account).Take(&st.account).Error,
		of().Find(&users).Error, of().Find(&groups).Error, of().Find(&members).Error, of().Find(&edges).Error, of().Find(&closure).Error,
		of().Table("user_terms").Order("term").Find(&userTerms).Error, of().Table("group_terms").Order("term").Find(&groupTerms).Error,
	} {
		if err != nil {
			return err
		}
	}
	for _, u := range users {
		st.users[u.ID] = u
	}
	for _, g := range groups {
		st.groups[g.ID] = g
	}
	for _, m := range members {
		st.members[models.Pair{User: m.UserID, Group: m.GroupID}] = true
	}
	for _, e := range edges {
		st.edges[nesting.Edge{Parent: e.ParentID, Child: e.ChildID}] = true
	}
	for _, c := range closure {
		st.closure[nesting.Edge{Parent: c.AncestorID, Child: c.DescendantID}] = c.Distance
	}
	for _, term := range userTerms {
		st.userTerms[term.UserID] = append(st.userTerms[term.UserID], term.Term)
	}
	for _, term := range groupTerms {
		st.groupTerms[term.GroupID] = append(st.groupTerms[term.GroupID], term.Term)
	}
	if err := st.readProducts(of); err != nil || !history {
		return err
	}
	if err := of().Order("id").Find(&st.events).Error; err != nil {
		return err
	}
	if err := of().Model(&models.Job{}).Where("fence > 0").Order("seq").Pluck("request_id", &st.inParts).Error; err != nil {
		return err
	}
	return of().Order("seq").Find(&st.changes).Error
}

// checkStored holds everything stored of an account against what follows from the edges, memberships and
// facts by plain recomputation, and against its own history, which it returns.
func checkStored(t testing.TB, s *store.Store, account models.AccountID) *history {
	t.Helper()
	st, err := readContents(t.Context(), s, account, true)
	must(t, err)
	st.checkDerived(t)
	h := replay(t, st)
	h.checkTold(t, st)
	return h
}

// checkDerived holds each column and row that follows from others against what it follows from.
func (st *contents) checkDerived(t testing.TB) {
	t.Helper()
	if diff := cmp.Diff(waysDown(st.groups, st.edges), st.closure); diff != "" {
		t.Errorf("closure (-recomputed +stored):\n%s", diff)
	}
	if err := checkLoops(st.edges); err != nil {
		t.Error(err)
	}
	count := map[models.GroupID]int32{}
	for m := range st.members {
		count[m.Group]++
	}
	for id, g := range st.groups {
		if g.DirectMemberCount != count[id] {
			t.Errorf("%s: counts %d direct members and has %d", g.Name, g.DirectMemberCount, count[id])
		}
		settled := *g
		settled.Settle()
		if diff := cmp.Diff(settled, *g); diff != "" {
			t.Errorf("%s (-recomputed +stored):\n%s", g.Name, diff)
		}
	}
	st.checkProducts(t)
	st.checkLine(t)
	leaders := 0
	for _, u := range st.users {
		settled := *u
		settled.Settle()
		if settled.Status = statusOf(u); settled.Status != models.UserStatusSuspended && u.Role == models.RoleSuperAdmin {
			leaders++
		}
		if diff := cmp.Diff(settled, *u); diff != "" {
			t.Errorf("%s (-recomputed +stored):\n%s", u.Email, diff)
		}
	}
	if leaders == 0 {
		t.Error("no super admin is left who is not suspended")
	}
	sameTerms(t, st.users, st.userTerms, (*models.User).Terms)
	sameTerms(t, st.groups, st.groupTerms, (*models.Group).Terms)
}

func statusOf(u *models.User) models.UserStatus {
	if u.SuspendedManually || u.SuspendedNoProducts {
		return models.UserStatusSuspended
	}
	if u.ActivatedAt == nil {
		return models.UserStatusInvited
	}
	return models.UserStatusActive
}

func sameTerms[ID comparable, T any](t testing.TB, rows map[ID]*T, got map[ID][]string, terms func(*T) []string) {
	t.Helper()
	want := map[ID][]string{}
	for id, row := range rows {
		if list := terms(row); len(list) > 0 {
			slices.Sort(list)
			want[id] = list
		}
	}
	for _, list := range got {
		slices.Sort(list) // the database's order of letters is another
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("search terms (-recomputed +stored):\n%s", diff)
	}
}

// waysDown are the shortest distances from every group to itself and to all that lies in it: each edge is
// tried again and again until none leads anywhere in fewer steps.
func waysDown(groups map[models.GroupID]*models.Group, edges map[nesting.Edge]bool) map[nesting.Edge]int {
	ways := map[nesting.Edge]int{}
	for id := range groups {
		ways[nesting.Edge{Parent: id, Child: id}] = 0
	}
	for better := true; better; {
		better = false
		for e := range edges {
			for from := range groups {
				d, reaches := ways[nesting.Edge{Parent: from, Child: e.Parent}]
				known, was := ways[nesting.Edge{Parent: from, Child: e.Child}]
				if reaches && (!was || d+1 < known) {
					ways[nesting.Edge{Parent: from, Child: e.Child}] = d + 1
					better = true
				}
			}
		}
	}
	return ways
}

// checkLoops fails on a loop, and on a chain longer than an account may have.
func checkLoops(edges map[nesting.Edge]bool) error {
	above := map[models.GroupID][]models.GroupID{}
	for e := range edges {
		above[e.Child] = append(above[e.Child], e.Parent)
	}
	depth := map[models.GroupID]int{}
	var climb func(models.GroupID, int) error
	climb = func(at models.GroupID, steps int) error {
		if steps > len(above) {
			return fmt.Errorf("%s lies in itself", at)
		}
		if depth[at] > 0 {
			return nil
		}
		most := 0
		for _, parent := range above[at] {
			if err := climb(parent, steps+1); err != nil {
				return err
			}
			most = max(most, depth[parent])
		}
		if depth[at] = most + 1; depth[at] > directory.DefaultDepth {
			return fmt.Errorf("%s lies %d deep", at, depth[at])
		}
		return nil
	}
	for child := range above {
		if err := climb(child, 0); err != nil {
			return err
		}
	}
	return nil
}
