package directory_test

import (
	"context"
	"fmt"
	"strings"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// facts are what an account holds, in words: "user u1 MEMBER", "suspended u1", "group g1 3" (its priority),
// "u1 in g1", "g2 under g1".
type facts map[string]bool

// step is one mutation of a history that is the same whenever it is made: what it adds to the facts and takes
// away, and how it is carried out. A step that must be refused changes nothing.
type step struct {
	do        func(context.Context, *directory.Directory, auth.Caller) error
	add, less []string
	refusal   string
}

func (f facts) apply(s step) {
	for _, fact := range s.less {
		delete(f, fact)
	}
	for _, fact := range s.add {
		f[fact] = true
	}
}

// factsOf tells what is stored, but for the account's first super admin.
func factsOf(st *contents) facts {
	f := facts{}
	name := func(id models.UserID) string { return strings.TrimSuffix(st.users[id].Email, "@example.org") }
	for id, u := range st.users {
		if u.Role == models.RoleSuperAdmin {
			continue
		}
		f["user "+name(id)+" "+string(u.Role)] = true
		if u.SuspendedManually {
			f["suspended "+name(id)] = true
		}
	}
	for _, g := range st.groups {
		f[fmt.Sprintf("group %s %d", g.Name, g.Priority)] = true
	}
	for m := range st.members {
		f[name(m.User)+" in "+st.groups[m.Group].Name] = true
	}
	for e := range st.edges {
		f[st.groups[e.Child].Name+" under "+st.groups[e.Parent].Name] = true
	}
	return f
}

// book looks ids up by name.
type book struct {
	ctx context.Context
	d   *directory.Directory
	who auth.Caller
}

func (b book) users(names []string) (ids []models.UserID, err error) {
	for _, name := range names {
		user, err := b.d.User(b.ctx, b.who, models.UserBy{Email: new(name + "@example.org")})
		if err != nil || user == nil {
			return nil, fmt.Errorf("look %s up: %v, error %w", name, user, err)
		}
		ids = append(ids, user.ID)
	}
	return ids, nil
}

func (b book) groups(names []string) (ids []models.GroupID, err error) {
	for _, name := range names {
		group, err := b.d.Group(b.ctx, b.who, models.GroupBy{Name: &name})
		if err != nil || group == nil {
			return nil, fmt.Errorf("look %s up: %v, error %w", name, group, err)
		}
		ids = append(ids, group.ID)
	}
	return ids, nil
}

func (b book) many(users, groups []string, do func([]models.UserID, []models.GroupID) error) error {
	userIDs, err := b.users(users)
	if err != nil {
		return err
	}
	groupIDs, err := b.groups(groups)
	if err != nil {
		return err
	}
	return do(userIDs, groupIDs)
}
