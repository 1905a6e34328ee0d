package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// TestMemoryAnswersAsTheDatabase writes through one server and compares pages, counts and checks of another,
// which answers from memory, with those of a third, which asks the database for everything.
func TestMemoryAnswersAsTheDatabase(t *testing.T) {
	s := storetest.Open(t)
	at := servers(t, 2)
	database, err := directory.New(s, directory.Options{Memory: -1})
	must(t, err)
	c := newCrew(t, at[0], at[:1])
	w := c.writer(t.Context(), 0)
	who := auth.OperatorOf(c.account.Account)
	random := rand.New(rand.NewPCG(c.seed, 7)) //nolint:gosec // no secret
	for round := range rounds(80, 2000) {
		for range random.IntN(4) {
			must(t, w.work())
		}
		users, groups := several(random, c.users), several(random, c.groups)
		q := directory.MemberQuery{Relation: one(random, relations), Sort: one(random, []models.UserSort{models.UserSortNameAsc, models.UserSortNameDesc})}
		g := directory.MembershipQuery{Relation: q.Relation, Sort: one(random, []models.GroupSort{models.GroupSortNameAsc, models.GroupSortNameDesc})}
		detail := one(random, []directory.Detail{directory.Direct, directory.Paths})
		memberPage, groupPage := models.PageArgs{First: size(random)}, models.PageArgs{First: size(random)}
		for step := range 3 { // pages behind and before one another
			ask := func(d *directory.Directory) any {
				members, err := d.MembersOf(t.Context(), who, groups, q, memberPage, detail)
				must(t, err)
				belongings, err := d.GroupsOf(t.Context(), who, users, g, groupPage, detail)
				must(t, err)
				counts, err := d.CountMembers(t.Context(), who, groups, q.Relation, nil)
				must(t, err)
				counted, err := d.CountGroupsOf(t.Context(), who, users, q.Relation, nil)
				must(t, err)
				checks, err := d.Checks(t.Context(), who, users, groups, directory.Paths)
				must(t, err)
				if d == database { // which both go on from
					memberPage, groupPage = turn(random, members[0].PageInfo), turn(random, belongings[0].PageInfo)
				}
				return []any{members, belongings, counts, counted, checks}
			}
			memory := ask(at[1])
			if diff := cmp.Diff(ask(database), memory, cmpopts.IgnoreFields(models.Counter{}, "Count")); diff != "" {
				t.Fatalf("round %d, page %d, %s %s %s (-database +memory):\n%s", round, step, q.Relation, q.Sort, g.Sort, diff)
			}
		}
	}
}

func one[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

func several[T any](random *rand.Rand, of []T) []T {
	list := []T{one(random, of)}
	for range random.IntN(5) {
		list = append(list, one(random, of))
	}
	return unique(list)
}

func unique[T any](list []T) (each []T) {
	seen := map[any]bool{}
	for _, entry := range list {
		if !seen[entry] {
			seen[entry] = true
			each = append(each, entry)
		}
	}
	return each
}

func size(random *rand.Rand) *int32 { return new(1 + random.Int32N(7)) }

// turn is the page behind or before another, or what lies between its ends.
func turn(random *rand.Rand, info *models.PageInfo) models.PageArgs {
	switch random.IntN(4) {
	case 0:
		return models.PageArgs{Last: size(random), Before: info.EndCursor}
	case 1:
		return models.PageArgs{Last: size(random), After: info.StartCursor}
	case 2:
		return models.PageArgs{First: size(random), After: info.StartCursor, Before: info.EndCursor}
	default:
		return models.PageArgs{First: size(random), After: info.EndCursor}
	}
}

// TestMemoryCostsOneStatement holds what the roster is for: however long the lists are, the database is asked
// once.
func TestMemoryCostsOneStatement(t *testing.T) {
	storetest.Open(t)
	n := 0
	d := server(t, store.Options{Inspect: func(ctx context.Context, sql string) error {
		n++
		return storetest.Guard(ctx, sql)
	}})
	who := foundAccount(t, d)
	group := found(t, d, who, "Group")
	_, err := d.AddMembers(t.Context(), who, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: []models.UserID{who.UserID}})
	must(t, err)
	groups, users, page := []models.GroupID{group}, []models.UserID{who.UserID}, models.PageArgs{}
	asks := map[string]func() error{
		"members": func() error {
			_, err := d.MembersOf(t.Context(), who, groups, directory.MemberQuery{Sort: models.UserSortNameAsc}, page, directory.Paths)
			return err
		},
		"counts": func() error {
			_, err := d.CountMembers(t.Context(), who, groups, models.MembershipRelationAll, nil)
			return err
		},
		"groups": func() error {
			_, err := d.GroupsOf(t.Context(), who, users, directory.MembershipQuery{Sort: models.GroupSortNameAsc}, page, directory.Paths)
			return err
		},
		"checks": func() error {
			_, err := d.Checks(t.Context(), who, users, groups, directory.Paths)
			return err
		},
	}
	must(t, asks["members"]()) // loads it
	for name, ask := range asks {
		n = 0
		must(t, ask())
		if n != 1 {
			t.Errorf("%s cost %d statements", name, n)
		}
	}
}

// TestJoiningWithoutGrantsCostsNothingMore: where no group that is joined gives a product, products cost no statement.
func TestJoiningWithoutGrantsCostsNothingMore(t *testing.T) {
	storetest.Open(t)
	var about []string
	d := server(t, store.Options{Inspect: func(ctx context.Context, sql string) error {
		if strings.Contains(sql, "product") || strings.Contains(sql, "entitlements") {
			about = append(about, sql)
		}
		return storetest.Guard(ctx, sql)
	}})
	who := foundAccount(t, d)
	user := hire(t, d, who, "user@example.org", models.RoleMember).UserID
	plain, granting := found(t, d, who, "Plain"), found(t, d, who, "Granting")
	_, err := d.SetGroupProducts(t.Context(), who, models.GroupProductsSetInput{GroupID: granting, ProductKeys: []string{"pro"}, Mode: models.ProductModeAdd})
	must(t, err)
	join := func(group models.GroupID) []string {
		_, err := d.MembersOf(t.Context(), who, []models.GroupID{group}, directory.MemberQuery{Sort: models.UserSortNameAsc}, models.PageArgs{}, directory.Direct) // loads the nesting
		must(t, err)
		about = nil
		_, err = d.AddMembers(t.Context(), who, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: []models.UserID{user}})
		must(t, err)
		return about
	}
	if cost := join(plain); len(cost) != 0 {
		t.Errorf("joining a group without grants cost %q", cost)
	}
	if cost := join(granting); len(cost) == 0 || len(cost) > 12 {
		t.Errorf("joining a group that grants cost %d statements: %q", len(cost), cost)
	}
}

// With memory for one of them, the account that was asked about last is held; one that never fits is asked of the
// database. The answers are the same.
func TestMemoryIsBounded(t *testing.T) {
	s := storetest.Open(t)
	for name, tt := range map[string]struct {
		memory int64
		held   int
	}{"for one": {2500, 1}, "for both": {5000, 2}, "for none": {1000, 0}} {
		t.Run(name, func(t *testing.T) {
			d, err := directory.New(s, directory.Options{Memory: tt.memory})
			must(t, err)
			var all []auth.Caller
			var groups []models.GroupID
			for range 2 { // a group takes 1,000 bytes, a user 200
				who := foundAccount(t, d)
				all, groups = append(all, who), append(groups, found(t, d, who, "Group"))
			}
			for round := range 6 {
				who, group := all[round%2], groups[round%2]
				hire(t, d, who, fmt.Sprintf("u%d@example.org", round), models.RoleMember)
				_, err := d.AddMembers(t.Context(), who, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: []models.UserID{who.UserID}})
				must(t, err)
				counts, err := d.CountMembers(t.Context(), who, []models.GroupID{group}, models.MembershipRelationAll, nil)
				if err != nil || counts[0] != 1 {
					t.Errorf("round %d: %v %v", round, counts, err)
				}
			}
			held, bytes := d.InMemory()
			if held != tt.held || bytes > tt.memory || (bytes > 0) != (held > 0) {
				t.Errorf("%d accounts with %d bytes are held, want %d within %d", held, bytes, tt.held, tt.memory)
			}
		})
	}
}
