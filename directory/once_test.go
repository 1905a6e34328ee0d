package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// creation is a mutation that makes something, as the test sees it: what it made, and what is there of it now.
type creation struct {
	make   func(d *directory.Directory, who auth.Caller, name string, key *string) (made []string, err error)
	delete func(d *directory.Directory, who auth.Caller, id string) error
	table  string
}

var creations = map[string]creation{
	"userCreate": {
		make: func(d *directory.Directory, who auth.Caller, name string, key *string) ([]string, error) {
			p, err := d.CreateUser(context.Background(), who, models.UserCreateInput{Email: name + "@example.org", Locale: models.LocaleEn, Role: models.RoleMember, IdempotencyKey: key})
			if err != nil || p.User == nil {
				return nil, err
			}
			return []string{p.User.ID.String() + " " + p.UserEdge.Node.GivenName}, nil
		},
		delete: func(d *directory.Directory, who auth.Caller, id string) error {
			user, err := models.ParseUserID(id)
			if err == nil {
				_, err = d.DeleteUser(context.Background(), who, models.UserDeleteInput{ID: user})
			}
			return err
		},
		table: "users",
	},
	"usersCreate": {
		make: func(d *directory.Directory, who auth.Caller, name string, key *string) (made []string, err error) {
			in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectFailed, IdempotencyKey: key}
			for _, email := range []string{name + "1@example.org", "nobody", name + "2@example.org"} {
				in.Users = append(in.Users, &models.UserCreateInput{Email: email, Locale: models.LocaleEn, Role: models.RoleMember})
			}
			p, err := d.CreateUsers(context.Background(), who, in)
			if err != nil {
				return nil, err
			}
			for _, user := range p.Users {
				made = append(made, user.ID.String()+" "+user.GivenName)
			}
			var outcomes []string
			for _, result := range p.Results {
				outcomes = append(outcomes, fmt.Sprintf("%d %s", result.Index, result.Outcome))
			}
			if got := strings.Join(outcomes, " "); got != "0 CREATED 1 REFUSED 2 CREATED" || len(p.Errors) != 1 || strings.Join(p.Errors[0].Path, ".") != "input.users.1.email" || p.Errors[0].Code != models.CodeInvalidEmail {
				return nil, fmt.Errorf("results %s, errors %v", got, p.Errors)
			}
			return made, nil
		},
		delete: func(d *directory.Directory, who auth.Caller, id string) error {
			user, err := models.ParseUserID(id)
			if err == nil {
				_, err = d.DeleteUser(context.Background(), who, models.UserDeleteInput{ID: user})
			}
			return err
		},
		table: "users",
	},
	"groupCreate": {
		make: func(d *directory.Directory, who auth.Caller, name string, key *string) ([]string, error) {
			p, err := d.CreateGroup(context.Background(), who, models.GroupCreateInput{Name: name, IdempotencyKey: key})
			if err != nil || p.Group == nil {
				return nil, err
			}
			return []string{p.Group.ID.String() + " " + p.GroupEdge.Node.Name}, nil
		},
		delete: func(d *directory.Directory, who auth.Caller, id string) error {
			group, err := models.ParseGroupID(id)
			if err == nil {
				_, err = d.DeleteGroup(context.Background(), who, models.GroupDeleteInput{ID: group})
			}
			return err
		},
		table: "user_groups",
	},
	"productCreate": {
		make: func(d *directory.Directory, who auth.Caller, name string, key *string) ([]string, error) {
			p, err := d.CreateProduct(context.Background(), who, models.ProductCreateInput{Key: name, Name: name, IdempotencyKey: key})
			if err != nil || p.Product == nil {
				return nil, err
			}
			return []string{p.Product.ID.String() + " " + p.Product.Name}, nil
		},
		delete: func(d *directory.Directory, who auth.Caller, id string) error {
			product, err := models.ParseProductID(id)
			if err == nil {
				_, err = d.DeleteProduct(context.Background(), who, models.ProductDeleteInput{ID: product})
			}
			return err
		},
		table: "products",
	},
}

// What was created under a key is answered again and not created again; the key is the actor's own.
func TestCreatedOnce(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	for name, c := range creations {
		t.Run(name, func(t *testing.T) {
			who := foundAccount(t, d)
			boss := hire(t, d, who, "boss@example.org", models.RoleSuperAdmin)
			rows := func() (n int64) {
				must(t, s.Read.Table(c.table).Where("account_id = ?", who.Account).Count(&n).Error)
				return n
			}
			key, long, empty := "a key", strings.Repeat("ß", 256), ""
			for text, want := range map[*string]string{&long: "TOO_LONG", &empty: "REQUIRED"} {
				if _, err := c.make(d, who, "x", text); refusal(err) != want {
					t.Errorf("%q: %v", *text, err)
				}
			}
			first, err := c.make(d, who, "early", &key)
			must(t, err)
			before := rows()
			for range 2 {
				if again, err := c.make(d, who, "early", &key); err != nil || !slices.Equal(again, first) {
					t.Errorf("again: %v, %v; at first %v", again, err, first)
				}
			}
			if _, err := c.make(d, who, "late", &key); refusal(err) != "IDEMPOTENCY_KEY_REUSED" {
				t.Errorf("for something else: %v", err)
			}
			if n := rows(); n != before {
				t.Errorf("%d rows, %d before", n, before)
			}
			if _, err := c.make(d, who, "early", nil); refusal(err) == "" && name != "usersCreate" {
				t.Error("the same is created twice without a key")
			}
			if others, err := c.make(d, boss, "others", &key); err != nil || slices.Equal(others, first) {
				t.Errorf("another actor's key: %v, %v", others, err)
			}
			id, _, _ := strings.Cut(first[0], " ")
			must(t, c.delete(d, who, id))
			if left, err := c.make(d, who, "early", &key); err != nil || !slices.Equal(left, first[1:]) {
				t.Errorf("after the deletion: %v, %v", left, err)
			}
		})
	}
}

// The answer to a key is what is there now.
func TestCreatedOnceIsAnsweredAsItIs(t *testing.T) {
	d := newDirectory(t, storetest.Open(t))
	who, key := foundAccount(t, d), "k"
	in := models.GroupCreateInput{Name: "Sales", IdempotencyKey: &key}
	p, err := d.CreateGroup(t.Context(), who, in)
	must(t, err)
	rename(t, d, who, p.Group.ID, "Vente")
	p, err = d.CreateGroup(t.Context(), who, in)
	must(t, err)
	if p.Group.Name != "Vente" || p.GroupEdge.Node.Name != "Vente" {
		t.Errorf("group %+v", p.Group)
	}
}

// A refusal keeps no key: the same may be tried again, and something else with it.
func TestRefusedCreationsKeepNoKey(t *testing.T) {
	d := newDirectory(t, storetest.Open(t))
	for name, c := range creations {
		who, key := foundAccount(t, d), "k"
		if name == "usersCreate" {
			in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectFailed, IdempotencyKey: &key, Users: []*models.UserCreateInput{{Email: "first@example.org", Locale: models.LocaleEn, Role: models.RoleMember}}}
			p, err := d.CreateUsers(t.Context(), who, in) // has the address of the first super admin
			if err != nil || len(p.Users) != 0 || len(p.Errors) != 1 {
				t.Fatalf("%+v, %v", p, err)
			}
		} else {
			taken := "first"
			if name != "userCreate" {
				_, err := c.make(d, who, taken, nil)
				must(t, err)
			}
			if _, err := c.make(d, who, taken, &key); refusal(err) == "" {
				t.Fatalf("%s is created twice", name)
			}
		}
		if made, err := c.make(d, who, "another", &key); err != nil || len(made) == 0 {
			t.Errorf("%s: %v, %v", name, made, err)
		}
	}
}

// A row of usersCreate can't have a key of its own.
func TestRowsHaveNoKeys(t *testing.T) {
	d := newDirectory(t, storetest.Open(t))
	who, key := foundAccount(t, d), "k"
	_, err := d.CreateUsers(t.Context(), who, models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectAll, Users: []*models.UserCreateInput{{Email: "a@example.org", Locale: models.LocaleEn, Role: models.RoleMember, IdempotencyKey: &key}}})
	wrong, _ := models.UserErrors(err)
	if len(wrong) != 1 || wrong[0].Code != models.CodeInvalid || strings.Join(wrong[0].Path, ".") != "input.users.0.idempotencyKey" {
		t.Errorf("error %v", err)
	}
}

// Many ask at once under the same key, on two servers: it is created once, and all hear of the same.
func TestCreatedOnceAtOnce(t *testing.T) {
	s := storetest.Open(t)
	at := []*directory.Directory{newDirectory(t, s), server(t, store.Options{})}
	for name, c := range creations {
		t.Run(name, func(t *testing.T) {
			who, key := foundAccount(t, at[0]), "k"
			made := make([][]string, 8)
			var all []func(context.Context) error
			for i := range made {
				all = append(all, func(context.Context) (err error) {
					made[i], err = c.make(at[i%2], who, "first-one", &key)
					return err
				})
			}
			for _, err := range atOnce(t.Context(), all...) {
				must(t, err)
			}
			for _, one := range made {
				if len(one) == 0 || !slices.Equal(one, made[0]) {
					t.Errorf("%v, another heard of %v", one, made[0])
				}
			}
		})
	}
}
