package directory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// visitors is an account with two users, before identity providers.
type visitors struct {
	t     *testing.T
	store *store.Store
	at    []*directory.Directory
	chief auth.Caller
	anna  auth.Caller
}

func newVisitors(t *testing.T) *visitors {
	v := &visitors{t: t, store: storetest.Open(t), at: servers(t, 2)}
	v.chief = foundAccount(t, v.at[0])
	v.anna = hire(t, v.at[0], v.chief, "anna@example.org", models.RoleMember)
	return v
}

func visitor(subject, email string) auth.Visitor {
	return auth.Visitor{Issuer: "https://id.example", Subject: subject, Email: email}
}

// identify is who a visitor turns out to be, or why nobody.
func (v *visitors) identify(who auth.Visitor) (models.UserID, string) {
	v.t.Helper()
	account, user, err := v.at[0].Identify(v.t.Context(), auth.Claims{Account: v.chief.Account, Visitor: who})
	if err == nil && account != v.chief.Account {
		v.t.Errorf("another account: %s", account)
	}
	if err != nil && !errors.Is(err, auth.ErrUnauthenticated) {
		v.t.Fatal(err)
	}
	if err != nil {
		return models.UserID{}, err.Error()
	}
	return user, ""
}

func (v *visitors) wantUser(who auth.Visitor, want models.UserID) {
	v.t.Helper()
	if got, reason := v.identify(who); got != want {
		v.t.Errorf("%+v is %s (%s), want %s", who, got, reason, want)
	}
}

func (v *visitors) wantNobody(who auth.Visitor, reason string) {
	v.t.Helper()
	before := v.rows()
	if got, why := v.identify(who); !strings.Contains(why, reason) {
		v.t.Errorf("%+v is %s (%q), want nobody: %q", who, got, why, reason)
	}
	if after := v.rows(); after != before {
		v.t.Errorf("a refusal has left %d rows", after-before)
	}
}

// rows counts identities and events about them.
func (v *visitors) rows() int {
	v.t.Helper()
	var identities, events int64
	must(v.t, v.store.Read.Model(&models.Identity{}).Where("account_id = ?", v.chief.Account).Count(&identities).Error)
	must(v.t, v.store.Read.Model(&audit.Event{}).Where("account_id = ? AND subject_type = ?", v.chief.Account, audit.Identity).Count(&events).Error)
	return int(identities + events)
}

func TestIdentifyLinks(t *testing.T) {
	v := newVisitors(t)
	v.wantNobody(visitor("a1", ""), "is linked to the token's sub")
	v.wantUser(visitor("a1", "ANNA@example.org"), v.anna.UserID)
	v.wantUser(visitor("a1", ""), v.anna.UserID)                  // by the link
	v.wantUser(visitor("a1", "other@example.org"), v.anna.UserID) // whatever the e-mail
	v.wantNobody(visitor("A1", ""), "is linked to the token's sub")
	v.wantNobody(visitor("a2", "anna@example.org"), "another identity")
	elsewhere := auth.Visitor{Issuer: "https://other.example", Subject: "a1", Email: "anna@example.org"}
	v.wantUser(elsewhere, v.anna.UserID)

	var event audit.Event
	must(t, v.store.Read.Where("account_id = ? AND subject_type = ?", v.chief.Account, audit.Identity).Order("id").Take(&event).Error)
	got := []string{event.Action, event.ActorKind, event.ActorID.String(), *event.AfterData}
	want := []string{"User.identityLink", "USER", v.anna.UserID.String(), `{"issuer":"https://id.example","subject":"a1"}`}
	got[3] = strings.ReplaceAll(got[3], ": ", ":")
	got[3] = strings.ReplaceAll(got[3], ", ", ",")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestIdentifyRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(v *visitors)
		who     auth.Visitor
		want    string
	}{
		"an e-mail of nobody": {who: visitor("x", "nobody@example.org"), want: "is linked to the token's sub"},
		"a suspended user": {
			prepare: func(v *visitors) {
				_, err := v.at[0].SuspendUsers(v.t.Context(), v.chief, models.UsersSuspendInput{Selection: &models.UserSelection{Ids: []models.UserID{v.anna.UserID}}})
				must(v.t, err)
			},
			who: visitor("x", "anna@example.org"), want: "suspended",
		},
		"the link of a deleted user": {
			prepare: func(v *visitors) {
				v.wantUser(visitor("x", "anna@example.org"), v.anna.UserID)
				_, err := v.at[0].DeleteUser(v.t.Context(), v.chief, models.UserDeleteInput{ID: v.anna.UserID})
				must(v.t, err)
			},
			who: visitor("x", "anna@example.org"), want: "is linked to the token's sub",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := newVisitors(t)
			if tt.prepare != nil {
				tt.prepare(v)
			}
			v.wantNobody(tt.who, tt.want)
		})
	}
	t.Run("an account that there is not", func(t *testing.T) {
		v := newVisitors(t)
		_, _, err := v.at[0].Identify(t.Context(), auth.Claims{Account: models.AccountID{9}, Visitor: visitor("x", "anna@example.org")})
		if !errors.Is(err, auth.ErrUnauthenticated) {
			t.Error(err)
		}
	})
	t.Run("no account where there are several", func(t *testing.T) {
		v := newVisitors(t)
		foundAccount(t, v.at[0])
		_, _, err := v.at[0].Identify(t.Context(), auth.Claims{Visitor: visitor("x", "anna@example.org")})
		if !errors.Is(err, auth.ErrUnauthenticated) || !strings.Contains(err.Error(), "names no account") {
			t.Error(err)
		}
	})
}

// TestRaceOfFirstVisits has one visitor come for the first time at two servers, and two who claim one e-mail.
func TestRaceOfFirstVisits(t *testing.T) {
	v := newVisitors(t)
	visit := func(d *directory.Directory, who auth.Visitor) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := d.Identify(ctx, auth.Claims{Account: v.chief.Account, Visitor: who})
			return err
		}
	}
	for range rounds(20, 300) {
		email := models.NewID[models.UserID]().String() + "@example.org"
		hire(t, v.at[0], v.chief, email, models.RoleMember)
		before := v.rows()
		same := visitor(email, email)
		for _, err := range atOnce(t.Context(), visit(v.at[0], same), visit(v.at[1], same)) {
			must(t, err)
		}
		if linked := v.rows() - before; linked != 2 {
			t.Fatalf("%d rows, want an identity and an event", linked)
		}

		user := hire(t, v.at[0], v.chief, "x"+email, models.RoleMember)
		errs := atOnce(t.Context(), visit(v.at[0], visitor("one"+email, "x"+email)), visit(v.at[1], visitor("two"+email, "x"+email)))
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("two identities for %s: %v", user.UserID, errs)
		}
	}
}
