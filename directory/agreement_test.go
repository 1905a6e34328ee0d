package directory_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store/storetest"
)

// question is something to ask a server about all users and all groups, and how the answer follows from the
// rows.
type question struct {
	ask     func(context.Context, *directory.Directory, auth.Caller, []models.UserID, []models.GroupID) (any, error)
	follows func(*contents, []models.UserID, []models.GroupID) any
}

var questions = map[string]question{
	"descendants": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, _ []models.UserID, groups []models.GroupID) (any, error) {
			pages, err := d.Relatives(ctx, who, groups, directory.Descendants, directory.GroupQuery{Sort: models.GroupSortNameAsc}, models.PageArgs{First: new(int32(100))})
			below := map[nesting.Edge]bool{}
			for i, page := range pages {
				for _, edge := range page.Edges {
					below[nesting.Edge{Parent: groups[i], Child: edge.Node.ID}] = true
				}
			}
			return below, err
		},
		follows: func(st *contents, _ []models.UserID, _ []models.GroupID) any {
			below := map[nesting.Edge]bool{}
			for e, distance := range waysDown(st.groups, st.edges) {
				if distance > 0 {
					below[e] = true
				}
			}
			return below
		},
	},
	"depths": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, _ []models.UserID, groups []models.GroupID) (any, error) {
			return d.Depths(ctx, who, groups)
		},
		follows: func(st *contents, _ []models.UserID, groups []models.GroupID) any {
			var depth func(models.GroupID) int32
			depth = func(id models.GroupID) (most int32) {
				for e := range st.edges {
					if e.Child == id {
						most = max(most, depth(e.Parent))
					}
				}
				return most + 1
			}
			depths := make([]int32, len(groups))
			for i, id := range groups {
				depths[i] = depth(id)
			}
			return depths
		},
	},
	"checks": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, users []models.UserID, groups []models.GroupID) (any, error) {
			checks, err := d.Checks(ctx, who, users, groups, directory.Direct)
			members := map[models.Pair]bool{}
			for _, c := range checks {
				if c.IsMember() {
					members[models.Pair{User: c.UserID, Group: c.GroupID}] = true
				}
			}
			return members, err
		},
		follows: func(st *contents, _ []models.UserID, _ []models.GroupID) any { return effective(st) },
	},
	"members": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, _ []models.UserID, groups []models.GroupID) (any, error) {
			q := directory.MemberQuery{Relation: models.MembershipRelationAll, Sort: models.UserSortNameAsc}
			pages, err := d.MembersOf(ctx, who, groups, q, models.PageArgs{First: new(int32(100))}, directory.Direct)
			members := map[models.Pair]bool{}
			for i, page := range pages {
				for _, edge := range page.Edges {
					members[models.Pair{User: edge.Node.ID, Group: groups[i]}] = true
				}
			}
			return members, err
		},
		follows: func(st *contents, _ []models.UserID, _ []models.GroupID) any { return effective(st) },
	},
	"counts": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, _ []models.UserID, groups []models.GroupID) (any, error) {
			return d.CountMembers(ctx, who, groups, models.MembershipRelationAll, nil)
		},
		follows: func(st *contents, _ []models.UserID, groups []models.GroupID) any {
			counts := make([]int, len(groups))
			for member := range effective(st) {
				counts[slices.Index(groups, member.Group)]++
			}
			return counts
		},
	},
	"users": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, users []models.UserID, _ []models.GroupID) (any, error) {
			return d.UsersByID(ctx, who, users)
		},
		follows: func(st *contents, users []models.UserID, _ []models.GroupID) any {
			rows := make([]*models.User, len(users))
			for i, id := range users {
				rows[i] = st.users[id]
			}
			return rows
		},
	},
	"groups": {
		ask: func(ctx context.Context, d *directory.Directory, who auth.Caller, _ []models.UserID, groups []models.GroupID) (any, error) {
			return d.GroupsByID(ctx, who, groups)
		},
		follows: func(st *contents, _ []models.UserID, groups []models.GroupID) any {
			rows := make([]*models.Group, len(groups))
			for i, id := range groups {
				rows[i] = st.groups[id]
			}
			return rows
		},
	},
}

// effective are the members of each group, its own and those of all that lies in it.
func effective(st *contents) map[models.Pair]bool {
	members := map[models.Pair]bool{}
	for way := range waysDown(st.groups, st.edges) {
		for m := range st.members {
			if m.Group == way.Child {
				members[models.Pair{User: m.User, Group: way.Parent}] = true
			}
		}
	}
	return members
}

// TestTwoServersAgree writes through one of two servers and asks the other at once, turn by turn: what the
// other has in memory must never show in an answer.
func TestTwoServersAgree(t *testing.T) {
	s := storetest.Open(t)
	at := servers(t, 2)
	c := newCrew(t, at[0], at)
	w := c.writer(t.Context(), 0)
	reader := auth.OperatorOf(c.account.Account)
	names := []string{"depths", "checks", "members", "counts", "descendants", "users", "groups"}
	for round := range rounds(60, 500) {
		w.d = at[round%2]
		must(t, w.work())
		st, err := readContents(t.Context(), s, c.account.Account, false)
		must(t, err)
		var users []models.UserID
		var groups []models.GroupID
		for id := range st.users {
			users = append(users, id)
		}
		for id := range st.groups {
			groups = append(groups, id)
		}
		// Whichever comes first finds the other server as it was two writes ago.
		for i := range names {
			name := names[(round+i)%len(names)]
			got, err := questions[name].ask(t.Context(), at[1-round%2], reader, users, groups)
			must(t, err)
			if diff := cmp.Diff(questions[name].follows(st, users, groups), got); diff != "" {
				t.Fatalf("round %d, %s (-from the rows +answered):\n%s", round, name, diff)
			}
		}
	}
	c.check(t, s)
}
