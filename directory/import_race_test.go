package directory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/directory"
	"cohort/models"
)

// Somebody changes the account after everything was checked and before it is written.
func TestImportMeetsChanges(t *testing.T) {
	files := csvFiles{
		users:       "ann@x.org,Ann,,,\nboss@x.org,Bo,Ss,super_admin,",
		groups:      "A,ay,Top\nB,be,A\nMid,the middle,A",
		memberships: "A,old@x.org\nB,ann@x.org\nTop,old@x.org\nMid,boss@x.org",
	}
	all := []string{
		"ann@x.org: Ann, MEMBER, EN", "boss@x.org: Bo Ss, SUPER_ADMIN, EN", "old@x.org: Olga Old, MEMBER, NL",
		"A: ay", "B: be", "Mid: the middle", "Top: the top", "A in Top", "B in A", "Mid in A", "Mid in Top",
		"ann@x.org in B", "boss@x.org in Mid", "old@x.org in A", "old@x.org in Mid", "old@x.org in Top",
	}
	less := func(lines ...string) []string {
		var left []string
		for _, line := range all {
			if !lineSet(lines)[line] {
				left = append(left, line)
			}
		}
		return left
	}
	tests := map[string]struct {
		files  *csvFiles
		before string // the file before whose writing it happens
		change func(*testing.T, *importWorld)
		want   []string
		stored []string
	}{
		"nothing": {stored: all},
		"a user is deleted": {
			before: "users.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.DeleteUser(w.t.Context(), w.who, models.UserDeleteInput{ID: w.user("old@x.org").ID})
				w.ok(err)
			},
			want: []string{
				"memberships.csv:2:3: email: the user or the group has been deleted meanwhile",
				"memberships.csv:4:5: email: the user or the group has been deleted meanwhile",
			},
			stored: less("old@x.org: Olga Old, MEMBER, NL", "old@x.org in A", "old@x.org in Mid", "old@x.org in Top"),
		},
		"a user is created": {
			before: "users.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.CreateUser(w.t.Context(), w.who, models.UserCreateInput{Email: "Ann@x.org", Locale: models.LocaleDe, Role: models.RoleMember})
				w.ok(err)
			},
			stored: all,
		},
		"the other super admin is suspended": {
			files:  &csvFiles{users: "old@x.org,Olga,Old,super_admin,nl\nboss@x.org,,,member,", memberships: "Top,boss@x.org"},
			before: "memberships.csv",
			stored: []string{
				"boss@x.org: boss@x.org, MEMBER, EN", "old@x.org: Olga Old, SUPER_ADMIN, NL", "Mid: the middle", "Top: the top",
				"Mid in Top", "boss@x.org in Top", "old@x.org in Mid",
			},
		},
		"the last other super admin goes": {
			files:  &csvFiles{users: "boss@x.org,,,member,", memberships: "Top,boss@x.org"},
			before: "users.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.SetUserRole(w.t.Context(), w.who, models.UserRoleSetInput{ID: w.user("old@x.org").ID, Role: models.RoleMember})
				w.ok(err)
			},
			want: []string{"users.csv:2:14: role: this is the account's last super admin who is not suspended: make another one first"},
			stored: []string{
				"boss@x.org: boss@x.org, SUPER_ADMIN, EN", "old@x.org: Olga Old, MEMBER, NL", "Mid: the middle", "Top: the top",
				"Mid in Top", "boss@x.org in Top", "old@x.org in Mid",
			},
		},
		"a parent is deleted": {
			before: "groups.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.DeleteGroup(w.t.Context(), w.who, models.GroupDeleteInput{ID: w.group("Top").ID})
				w.ok(err)
			},
			want: []string{
				`groups.csv:2:6: parent: the group "Top" has been deleted meanwhile`,
				`groups.csv:3:6: parent: the group "A" is refused: groups.csv:2`,
				`groups.csv:4:16: parent: the group "A" is refused: groups.csv:2`,
				"memberships.csv:2:3: email: it depends on a row that is refused",
				"memberships.csv:3:3: email: it depends on a row that is refused",
				"memberships.csv:4:5: email: the user or the group has been deleted meanwhile",
			},
			stored: less("Top: the top", "A: ay", "B: be", "A in Top", "B in A", "Mid in A", "Mid in Top", "ann@x.org in B", "old@x.org in A", "old@x.org in Top"),
		},
		"a group is created": {
			before: "groups.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.CreateGroup(w.t.Context(), w.who, models.GroupCreateInput{Name: "a", Description: "other"})
				w.ok(err)
			},
			stored: all,
		},
		"an edge makes it a loop": {
			before: "groups.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.CreateGroup(w.t.Context(), w.who, models.GroupCreateInput{Name: "B", Description: "be"})
				w.ok(err)
				_, err = w.d.CreateGroup(w.t.Context(), w.who, models.GroupCreateInput{Name: "A", Description: "ay", ParentIds: []models.GroupID{w.group("B").ID}})
				w.ok(err)
			},
			want:   []string{"groups.csv:3:6: parent: the parent lies in the child already, this would close a loop: A → B → A"},
			stored: append(less("B in A"), "A in B"),
		},
		"an edge makes it too deep": {
			before: "groups.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.CreateGroup(w.t.Context(), w.who, models.GroupCreateInput{Name: "1"})
				w.ok(err)
				_, err = w.d.CreateGroup(w.t.Context(), w.who, models.GroupCreateInput{Name: "2", ParentIds: []models.GroupID{w.group("1").ID}})
				w.ok(err)
				_, err = w.d.Nest(w.t.Context(), w.who, models.GroupNestInput{ParentID: w.group("2").ID, ChildID: w.group("Top").ID})
				w.ok(err)
			},
			want: []string{
				"groups.csv:3:6: parent: the longest chain of nested groups would have 5 groups, at most 4 are allowed",
				"groups.csv:4:16: parent: the longest chain of nested groups would have 5 groups, at most 4 are allowed",
				"memberships.csv:3:3: email: it depends on a row that is refused",
			},
			stored: append(less("B: be", "B in A", "Mid in A", "ann@x.org in B"), "1: ", "2: ", "2 in 1", "Top in 2"),
		},
		"a group is deleted before the members": {
			before: "memberships.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.DeleteGroup(w.t.Context(), w.who, models.GroupDeleteInput{ID: w.group("B").ID})
				w.ok(err)
			},
			want:   []string{"memberships.csv:3:3: email: the user or the group has been deleted meanwhile"},
			stored: less("B: be", "B in A", "ann@x.org in B"),
		},
		"a membership is there already": {
			before: "memberships.csv",
			change: func(_ *testing.T, w *importWorld) {
				_, err := w.d.AddMembers(w.t.Context(), w.who, models.GroupMembersAddInput{GroupIds: []models.GroupID{w.group("B").ID}, UserIds: []models.UserID{w.user("ann@x.org").ID}})
				w.ok(err)
			},
			stored: all,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			if name == "the last other super admin goes" {
				_, err := w.d.SetUserRole(t.Context(), w.who, models.UserRoleSetInput{ID: w.user("old@x.org").ID, Role: models.RoleSuperAdmin})
				w.ok(err)
			}
			if tt.files == nil {
				tt.files = &files
			}
			done := false
			// Without it, what depends on a refused row is passed over in silence.
			in := directory.Import{Dir: tt.files.dir(), KeepGood: true}
			in.Progress = func(p directory.ImportProgress) {
				if p.Step == directory.ImportWrites && p.File == tt.before && !done && tt.change != nil {
					done = true
					tt.change(t, w)
				}
			}
			report, err := w.d.Import(t.Context(), w.who, in)
			w.ok(err)
			if diff := cmp.Diff(tt.want, texts(report.Refusals)); diff != "" {
				t.Errorf("refusals (-want +got):\n%s", diff)
			}
			w.stored().check(t)
			if diff := cmp.Diff(lineSet(tt.stored), lineSet(w.stored().lines())); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}
			again, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: tt.files.dir()})
			w.ok(err)
			if len(tt.want) == 0 && (again.Users.Created+again.Users.Updated+again.Groups.Created+again.Groups.Updated+again.Memberships.Created) > 0 {
				t.Errorf("something was left to do: %+v", *again)
			}
		})
	}
}
