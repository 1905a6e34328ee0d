package models

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What lists show: the name that was chosen, else given and family name, else the e-mail.
func TestRename(t *testing.T) {
	for name, tt := range map[string]struct{ given, family, chosen, shows, keeps string }{
		"both names":         {"Ann", "Lee", "", "Ann Lee", ""},
		"a given name":       {"Ann", "", "", "Ann", ""},
		"a family name":      {"", "Lee", "", "Lee", ""},
		"no name":            {"", "", "", "ann@example.org", ""},
		"a chosen name":      {"Ann", "Lee", "Captain", "Captain", "Captain"},
		"chosen, no names":   {"", "", "Captain", "Captain", "Captain"},
		"chosen as it would": {"Ann", "Lee", "Ann Lee", "Ann Lee", ""},
	} {
		t.Run(name, func(t *testing.T) {
			u := &User{Email: "ann@example.org"}
			u.Rename(tt.given, tt.family, tt.chosen)
			if u.DisplayName != tt.shows || u.ChosenName() != tt.keeps {
				t.Errorf("shows %q, chosen %q", u.DisplayName, u.ChosenName())
			}
		})
	}
}

// Status follows from the facts.
func TestSettle(t *testing.T) {
	signedIn := time.Unix(0, 0)
	for name, tt := range map[string]struct {
		user    User
		status  UserStatus
		reasons []SuspensionReason
	}{
		"new":                {User{}, UserStatusInvited, nil},
		"signed in":          {User{ActivatedAt: &signedIn}, UserStatusActive, nil},
		"suspended":          {User{ActivatedAt: &signedIn, SuspendedManually: true}, UserStatusSuspended, []SuspensionReason{SuspensionReasonManual}},
		"suspended when new": {User{SuspendedManually: true}, UserStatusSuspended, []SuspensionReason{SuspensionReasonManual}},
		"without products":   {User{ActivatedAt: &signedIn, SuspendedNoProducts: true}, UserStatusSuspended, []SuspensionReason{SuspensionReasonNoProducts}},
		"for both reasons":   {User{SuspendedManually: true, SuspendedNoProducts: true}, UserStatusSuspended, []SuspensionReason{SuspensionReasonManual, SuspensionReasonNoProducts}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.user.Settle()
			if tt.user.Status != tt.status || !slices.Equal(tt.user.StatusReasons(), tt.reasons) {
				t.Errorf("%s for %v", tt.user.Status, tt.user.StatusReasons())
			}
		})
	}
	u := User{Email: "Ann@Example.org", GivenName: "Ánn", FamilyName: "Strauß"}
	u.Rename(u.GivenName, u.FamilyName, "")
	u.Settle()
	if diff := cmp.Diff([]string{"ann@example.org", "ann strauss", "strauss ann"}, []string{u.EmailKey, u.NameSort, u.FamilySort}); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// A fingerprint differs with each field that is edited, and with nothing else.
func TestEtags(t *testing.T) {
	user := User{ID: NewID[UserID](), Email: "a", GivenName: "b", FamilyName: "c", DisplayName: "d", Locale: LocaleEn}
	group := Group{ID: NewID[GroupID](), Name: "a", Description: "b", Priority: 1}
	edits := map[string]func(*User, *Group){
		"e-mail, name":        func(u *User, g *Group) { u.Email, g.Name = "x", "x" },
		"given, description":  func(u *User, g *Group) { u.GivenName, g.Description = "x", "x" },
		"family, priority":    func(u *User, g *Group) { u.FamilyName, g.Priority = "x", 2 },
		"display name":        func(u *User, g *Group) { u.DisplayName, g.Priority = "x", 11 },
		"language":            func(u *User, g *Group) { u.Locale, g.Priority = LocaleFr, -1 },
		"moved along":         func(u *User, g *Group) { u.Email, u.GivenName, g.Name, g.Description = "ab", "", "ab", "" },
		"somebody else's row": func(u *User, g *Group) { u.ID, g.ID = NewID[UserID](), NewID[GroupID]() },
	}
	tags := map[string]string{user.Etag(): "the user", group.Etag(): "the group"}
	for name, edit := range edits {
		u, g := user, group
		edit(&u, &g)
		for _, tag := range []string{u.Etag(), g.Etag()} {
			if other, known := tags[tag]; known {
				t.Errorf("%s has the fingerprint of %s", name, other)
			}
			tags[tag] = name
		}
	}
	u, g := user, group
	u.Role, u.Status, u.SuspendedManually, u.UpdatedAt = RoleAdmin, UserStatusSuspended, true, time.Now()
	g.DirectMemberCount, g.UpdatedAt = 5, time.Now()
	if u.Etag() != user.Etag() || g.Etag() != group.Etag() {
		t.Error("what isn't edited changes the fingerprint")
	}
}

func TestRoles(t *testing.T) {
	ranked := []Role{"", RoleMember, RoleAdmin, RoleSuperAdmin}
	for i, a := range ranked {
		for j, b := range ranked {
			if got, want := Lesser(a, b), ranked[min(i, j)]; got != want {
				t.Errorf("the lesser of %q and %q is %q", a, b, got)
			}
		}
	}
	if Role("OWNER").Rank() != 0 {
		t.Error("a role that there is not may do something")
	}
}

func TestCheckPriority(t *testing.T) {
	for priority, good := range map[int32]bool{0: true, MaxPriority: true, -MaxPriority: true, MaxPriority + 1: false, -MaxPriority - 1: false, -1 << 31: false} {
		if err := CheckPriority(priority); (err == nil) != good {
			t.Errorf("%d: %v", priority, err)
		}
	}
}
