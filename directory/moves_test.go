package directory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// TestReadersSeeWholeMoves moves a user and a group to and fro between two groups, each move one change: at
// every moment either lies in exactly one of them, whichever server and whichever list is asked.
func TestReadersSeeWholeMoves(t *testing.T) {
	s := storetest.Open(t)
	at := servers(t, 2)
	who := foundAccount(t, at[0])
	user := hire(t, at[0], who, "user@example.org", models.RoleMember).UserID
	inner := hire(t, at[0], who, "inner@example.org", models.RoleMember).UserID
	home := [2]models.GroupID{found(t, at[0], who, "left"), found(t, at[0], who, "right")}
	p, err := at[0].CreateGroup(t.Context(), who, models.GroupCreateInput{Name: "moved", ParentIds: home[:1], MemberIds: []models.UserID{inner}})
	must(t, err)
	moved := p.Group.ID
	_, err = at[0].AddMembers(t.Context(), who, models.GroupMembersAddInput{GroupIds: home[:1], UserIds: []models.UserID{user}})
	must(t, err)

	homes, all, hundred := home[:], models.MembershipRelationAll, models.PageArgs{First: new(int32(100))}
	looks := map[string]func(context.Context, *directory.Directory) (int, error){
		"checks": func(ctx context.Context, d *directory.Directory) (n int, err error) {
			checks, err := d.Checks(ctx, who, []models.UserID{user, inner}, homes, directory.Direct)
			for _, c := range checks {
				if c.IsMember() {
					n++
				}
			}
			return n, err
		},
		"counts": func(ctx context.Context, d *directory.Directory) (n int, err error) {
			counts, err := d.CountMembers(ctx, who, homes, all, nil)
			for _, count := range counts {
				n += count
			}
			return n, err
		},
		"members": func(ctx context.Context, d *directory.Directory) (n int, err error) {
			pages, err := d.MembersOf(ctx, who, homes, directory.MemberQuery{Relation: all, Sort: models.UserSortNameAsc}, hundred, directory.Paths)
			for i, page := range pages {
				for _, edge := range page.Edges {
					if path := edge.How.Path; len(path) == 0 || path[len(path)-1] != homes[i] {
						return 0, fmt.Errorf("%s is a member by the path %v", edge.Node.ID, path)
					}
					n++
				}
			}
			return n, err
		},
		"groups": func(ctx context.Context, d *directory.Directory) (n int, err error) {
			pages, err := d.GroupsOf(ctx, who, []models.UserID{user, inner}, directory.MembershipQuery{Relation: all, Sort: models.GroupSortNameAsc}, hundred, directory.Paths)
			for _, page := range pages {
				for _, edge := range page.Edges {
					if len(edge.How.Path) == 0 {
						return 0, fmt.Errorf("in %s by no path", edge.Node.Name)
					}
					if edge.Node.ID != moved {
						n++
					}
				}
			}
			return n, err
		},
		"ancestors and direct counts": func(ctx context.Context, d *directory.Directory) (n int, err error) {
			pages, err := d.Relatives(ctx, who, []models.GroupID{moved}, directory.Ancestors, directory.GroupQuery{Sort: models.GroupSortNameAsc}, hundred)
			if err != nil {
				return 0, err
			}
			groups, err := d.GroupsByID(ctx, who, homes)
			if err != nil {
				return 0, err
			}
			return len(pages[0].Edges) + int(groups[0].DirectMemberCount+groups[1].DirectMemberCount), nil
		},
	}

	written := make(chan struct{})
	var readers sync.WaitGroup
	for name, look := range looks {
		readers.Go(func() {
			for i, ended := 0, false; !ended; i++ {
				select {
				case <-written:
					ended = true
				default:
				}
				if n, err := look(t.Context(), at[i%2]); err != nil || n != 2 {
					t.Errorf("look %d at %s: the two are in %d groups, error %v", i, name, n, err)
					return
				}
			}
		})
	}
	for round := range rounds(60, 1000) {
		must(t, move(t.Context(), at[round/2%2], who, user, moved, home, round))
	}
	close(written)
	readers.Wait()
	checkStored(t, s, who.Account)
}

// move takes the user, or in every other round the group, from one home to the other.
func move(ctx context.Context, d *directory.Directory, who auth.Caller, user models.UserID, group models.GroupID, home [2]models.GroupID, round int) error {
	from, to := home[round/2%2], home[1-round/2%2]
	if round%2 == 0 {
		_, err := d.UpdateUserGroups(ctx, who, models.UserGroupsUpdateInput{UserID: user, AddGroupIds: []models.GroupID{to}, RemoveGroupIds: []models.GroupID{from}})
		return err
	}
	_, err := d.UpdateGroup(ctx, who, models.GroupUpdateInput{ID: group, AddParentIds: []models.GroupID{to}, RemoveParentIds: []models.GroupID{from}})
	return err
}
