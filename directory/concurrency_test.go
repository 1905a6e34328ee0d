package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store/storetest"
)

// rounds is how often a race is run: a few times by an ordinary run, often by -long.
func rounds(short, many int) int {
	if *long {
		return many
	}
	return short
}

// TestRaceOfTwoEdges nests A in B and B in A at the same moment.
func TestRaceOfTwoEdges(t *testing.T) {
	s := storetest.Open(t)
	at := servers(t, 2)
	who := foundAccount(t, at[0])
	other := hire(t, at[0], who, "other@example.org", models.RoleAdmin)
	a, b := found(t, at[0], who, "A"), found(t, at[0], who, "B")
	ends := [2]models.GroupNestInput{{ParentID: a, ChildID: b}, {ParentID: b, ChildID: a}}
	var won [2]int
	for round := range rounds(50, 1000) {
		first := round % 2 // of two goroutines the runtime likes one better
		errs := atOnce(t.Context(),
			func(ctx context.Context) error { _, err := at[0].Nest(ctx, who, ends[first]); return err },
			func(ctx context.Context) error { _, err := at[1].Nest(ctx, other, ends[1-first]); return err },
		)
		if diff := cmp.Diff([]string{"", string(models.CodeCycle)}, refusals(errs)); diff != "" {
			t.Fatalf("round %d: refusals (-want +got):\n%s", round, diff)
		}
		loser := 1 - slices.Index(errs, nil)
		edge := ends[(1-loser+first)%2]
		won[slices.Index(ends[:], edge)]++
		_, err := at[loser].Unnest(t.Context(), who, models.GroupUnnestInput(edge))
		must(t, err)
	}
	t.Logf("B in A won %d times, A in B %d times", won[0], won[1])
	checkStored(t, s, who.Account)
}

// TestRaceOfAccounts makes two accounts of the same name at the same moment.
func TestRaceOfAccounts(t *testing.T) {
	storetest.Open(t)
	at := servers(t, 2)
	for round := range rounds(20, 200) {
		in := directory.NewAccount{Name: models.NewID[models.AccountID]().String(), Admin: models.UserCreateInput{Email: "a@example.org", Locale: models.LocaleEn}}
		errs := atOnce(t.Context(),
			func(ctx context.Context) error { _, _, err := at[0].CreateAccount(ctx, in); return err },
			func(ctx context.Context) error { _, _, err := at[1].CreateAccount(ctx, in); return err },
		)
		if diff := cmp.Diff([]string{"", string(models.CodeNameTaken)}, refusals(errs)); diff != "" {
			t.Fatalf("round %d: refusals (-want +got):\n%s", round, diff)
		}
	}
}

// TestRaceWithDeletion deletes a group at the moment at which something is tied to it.
func TestRaceWithDeletion(t *testing.T) {
	type world struct {
		at    []*directory.Directory
		who   auth.Caller
		user  models.UserID
		group models.GroupID // to be deleted
		other models.GroupID
		round int
	}
	for name, join := range map[string]struct {
		do      func(context.Context, *world) error
		refusal models.ErrorCode // when the deletion was first
	}{
		"a user joins": {func(ctx context.Context, w *world) error {
			p, err := w.at[1].AddMembers(ctx, w.who, models.GroupMembersAddInput{GroupIds: []models.GroupID{w.group}, UserIds: []models.UserID{w.user}})
			if err == nil && p.Results[0].Outcome == models.MembershipOutcomeNotFound {
				return models.Errorf(models.CodeNotFound, "an outcome, and no error")
			}
			return err
		}, models.CodeNotFound},
		"a user's page adds it": {func(ctx context.Context, w *world) error {
			_, err := w.at[1].UpdateUserGroups(ctx, w.who, models.UserGroupsUpdateInput{UserID: w.user, AddGroupIds: []models.GroupID{w.group}})
			return err
		}, models.CodeNotFound},
		"its own page adds a member": {func(ctx context.Context, w *world) error {
			_, err := w.at[1].UpdateGroup(ctx, w.who, models.GroupUpdateInput{ID: w.group, AddMemberIds: []models.UserID{w.user}})
			return err
		}, models.CodeNotFound},
		"a user is made in it": {func(ctx context.Context, w *world) error {
			in := models.UserCreateInput{Email: fmt.Sprintf("%d@example.org", w.round), Locale: models.LocaleEn, Role: models.RoleMember, GroupIds: []models.GroupID{w.group}}
			_, err := w.at[1].CreateUser(ctx, w.who, in)
			return err
		}, models.CodeNotFound},
		"another is placed in it": {func(ctx context.Context, w *world) error {
			_, err := w.at[1].Nest(ctx, w.who, models.GroupNestInput{ParentID: w.group, ChildID: w.other})
			return err
		}, models.CodeNotFound},
		"it is placed in another": {func(ctx context.Context, w *world) error {
			_, err := w.at[1].Nest(ctx, w.who, models.GroupNestInput{ParentID: w.other, ChildID: w.group})
			return err
		}, models.CodeNotFound},
		"a group is made in it": {func(ctx context.Context, w *world) error {
			_, err := w.at[1].CreateGroup(ctx, w.who, models.GroupCreateInput{Name: fmt.Sprintf("made %d", w.round), ParentIds: []models.GroupID{w.group}})
			return err
		}, models.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			w := &world{at: servers(t, 2)}
			w.who = foundAccount(t, w.at[0])
			w.user = hire(t, w.at[0], w.who, "user@example.org", models.RoleMember).UserID
			w.other = found(t, w.at[0], w.who, "other")
			late := 0
			for w.round = range rounds(8, 150) {
				w.group = found(t, w.at[0], w.who, "group")
				both := []func(context.Context) error{
					func(ctx context.Context) error {
						_, err := w.at[0].DeleteGroup(ctx, w.who, models.GroupDeleteInput{ID: w.group})
						return err
					},
					func(ctx context.Context) error { return join.do(ctx, w) },
				}
				if w.round%2 == 1 { // of two goroutines the runtime likes one better
					slices.Reverse(both)
				}
				errs := atOnce(t.Context(), both...)
				if w.round%2 == 1 {
					slices.Reverse(errs)
				}
				code := refusal(errs[1])
				if errs[0] != nil || code != "" && code != string(join.refusal) {
					t.Fatalf("round %d: the deletion %v, the other %v", w.round, errs[0], errs[1])
				}
				if code != "" {
					late++
				}
			}
			t.Logf("the deletion was first %d times of %d", late, rounds(8, 150))
			checkStored(t, s, w.who.Account)
		})
	}
}

// TestRaceOfSuperAdmins lets the last two super admins take the role from each other at the same moment.
func TestRaceOfSuperAdmins(t *testing.T) {
	demote := func(ctx context.Context, d *directory.Directory, who auth.Caller, whom models.UserID) error {
		_, err := d.SetUserRole(ctx, who, models.UserRoleSetInput{ID: whom, Role: models.RoleMember})
		return err
	}
	suspend := func(ctx context.Context, d *directory.Directory, who auth.Caller, whom models.UserID) error {
		_, err := d.SuspendUsers(ctx, who, models.UsersSuspendInput{Selection: &models.UserSelection{Ids: []models.UserID{whom}}})
		return err
	}
	remove := func(ctx context.Context, d *directory.Directory, who auth.Caller, whom models.UserID) error {
		_, err := d.DeleteUser(ctx, who, models.UserDeleteInput{ID: whom})
		return err
	}
	for name, tt := range map[string]struct {
		do      func(context.Context, *directory.Directory, auth.Caller, models.UserID) error
		oneself bool
		want    string // what the slower one is told
	}{
		"they demote each other":  {do: demote, want: forbidden},
		"they suspend each other": {do: suspend, want: unauthenticated},
		"they delete each other":  {do: remove, want: unauthenticated},
		"both step down":          {do: demote, oneself: true, want: string(models.CodeLastSuperAdmin)},
		"both delete themselves":  {do: remove, oneself: true, want: string(models.CodeLastSuperAdmin)},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			at := servers(t, 2)
			for round := range rounds(10, 200) {
				one := foundAccount(t, at[0])
				two := hire(t, at[0], one, "two@example.org", models.RoleSuperAdmin)
				targets := [2]models.UserID{two.UserID, one.UserID}
				if tt.oneself {
					targets = [2]models.UserID{one.UserID, two.UserID}
				}
				errs := atOnce(t.Context(),
					func(ctx context.Context) error { return tt.do(ctx, at[0], one, targets[0]) },
					func(ctx context.Context) error { return tt.do(ctx, at[1], two, targets[1]) },
				)
				if diff := cmp.Diff([]string{"", tt.want}, refusals(errs)); diff != "" {
					t.Fatalf("round %d: refusals (-want +got):\n%s", round, diff)
				}
				checkStored(t, s, one.Account)
			}
		})
	}
}

// TestNoUpdateIsLost has 50 writers count on in a field that two servers keep, each with the etag of what it
// has read: what one has not seen, it can't overwrite.
func TestNoUpdateIsLost(t *testing.T) {
	const writers = 50
	type state struct{ count, etag string }
	type updater func(ctx context.Context, d *directory.Directory, count string, etag *string) (now state, err error)
	for name, setUp := range map[string]func(*testing.T, *directory.Directory, auth.Caller) updater{
		"a group's description": func(t *testing.T, d *directory.Directory, who auth.Caller) updater {
			group := found(t, d, who, "group")
			return func(ctx context.Context, d *directory.Directory, count string, etag *string) (state, error) {
				p, err := d.UpdateGroup(ctx, who, models.GroupUpdateInput{ID: group, Description: graphql.OmittableOf(&count), IfMatch: etag})
				if p == nil || p.Group == nil {
					return state{}, err
				}
				return state{p.Group.Description, p.Group.Etag()}, err
			}
		},
		"a user's family name": func(t *testing.T, d *directory.Directory, who auth.Caller) updater {
			user := hire(t, d, who, "user@example.org", models.RoleMember).UserID
			return func(ctx context.Context, d *directory.Directory, count string, etag *string) (state, error) {
				p, err := d.UpdateUser(ctx, who, models.UserUpdateInput{ID: user, FamilyName: graphql.OmittableOf(&count), IfMatch: etag})
				if p == nil || p.User == nil {
					return state{}, err
				}
				return state{p.User.FamilyName, p.User.Etag()}, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t)
			at := servers(t, 2)
			who := foundAccount(t, at[0])
			update := setUp(t, at[0], who)
			begin, err := update(t.Context(), at[0], "0", nil)
			must(t, err)
			var done [writers]int
			fns := []func(context.Context) error{}
			for w := range writers {
				fns = append(fns, func(ctx context.Context) error {
					seen := begin
					for range rounds(6, 100) {
						count, err := strconv.Atoi(seen.count)
						if err != nil {
							return err
						}
						seen, err = update(ctx, at[w%2], strconv.Itoa(count+1), &seen.etag)
						switch refusal(err) {
						case "":
							done[w]++
						case string(models.CodeStale):
						default:
							return err
						}
					}
					return nil
				})
			}
			if codes := refusals(atOnce(t.Context(), fns...)); codes[writers-1] != "" {
				t.Fatal(codes)
			}
			sum := 0
			for _, n := range done {
				sum += n
			}
			end, err := update(t.Context(), at[0], "", new("no such etag"))
			if code := refusal(err); code != string(models.CodeStale) || end.count != strconv.Itoa(sum) || sum == 0 {
				t.Errorf("counted to %s in %d updates that succeeded; then %q", end.count, sum, code)
			}
			t.Logf("%d of %d updates succeeded", sum, writers*rounds(6, 100))
			checkStored(t, s, who.Account)
		})
	}
}
