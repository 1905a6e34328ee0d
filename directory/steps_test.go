package directory_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// historian makes steps, each right for the facts that the ones before it leave.
type historian struct {
	*rand.Rand
	facts  facts
	users  []string // without the account's first super admin
	groups []string // a group lies only under earlier ones, and the chains stay short
	made   int
}

// steps are the first n of the history.
func steps(n int) []step {
	h := &historian{Rand: rand.New(rand.NewPCG(11, 0)), facts: facts{}}
	kinds := []func() step{h.users3, h.newGroup, h.newGroup, h.join, h.join, h.leave, h.nest, h.unnest, h.suspend, h.role, h.edit, h.deleteUser, h.deleteGroup, h.refused}
	history := []step{h.users3(), h.newGroup(), h.newGroup()}
	for _, s := range history {
		h.facts.apply(s)
	}
	for len(history) < n {
		s := kinds[h.IntN(len(kinds))]()
		if s.do == nil { // nothing of the kind to do
			continue
		}
		h.facts.apply(s)
		history = append(history, s)
	}
	return history
}

func (h *historian) name(kind string) string {
	h.made++
	return fmt.Sprintf("%s%d", kind, h.made)
}

// draw picks up to n names, each once.
func (h *historian) draw(names []string, n int) []string {
	names = slices.Clone(names)
	h.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:min(n, len(names))]
}

// like are the facts with a word in them, in an order that doesn't change.
func (h *historian) like(word string) []string {
	var found []string
	for _, fact := range slices.Sorted(maps.Keys(h.facts)) {
		if slices.Contains(strings.Fields(fact), word) {
			found = append(found, fact)
		}
	}
	return found
}

func (h *historian) users3() step {
	s := step{}
	in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectAll}
	groups := h.draw(h.groups, 2)
	for range 3 {
		u := h.name("u")
		h.users = append(h.users, u)
		in.Users = append(in.Users, &models.UserCreateInput{Email: u + "@example.org", Locale: models.LocaleEn, Role: models.RoleMember})
		s.add = append(s.add, "user "+u+" MEMBER")
		for _, g := range groups {
			s.add = append(s.add, u+" in "+g)
		}
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		b := book{ctx, d, who}
		ids, err := b.groups(groups)
		for _, user := range in.Users {
			user.GroupIds = ids
		}
		if err == nil {
			_, err = d.CreateUsers(ctx, who, in)
		}
		return err
	}
	return s
}

func (h *historian) newGroup() step {
	g := h.name("g")
	parents, members := h.draw(h.groups[:min(4, len(h.groups))], 2), h.draw(h.users, 3)
	h.groups = append(h.groups, g)
	s := step{add: []string{"group " + g + " 0"}}
	for _, p := range parents {
		s.add = append(s.add, g+" under "+p)
	}
	for _, u := range members {
		s.add = append(s.add, u+" in "+g)
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		b := book{ctx, d, who}
		parentIDs, err := b.groups(parents)
		if err != nil {
			return err
		}
		memberIDs, err := b.users(members)
		if err == nil {
			_, err = d.CreateGroup(ctx, who, models.GroupCreateInput{Name: g, ParentIds: parentIDs, MemberIds: memberIDs})
		}
		return err
	}
	return s
}

func (h *historian) join() step {
	users, groups := h.draw(h.users, 3), h.draw(h.groups, 2)
	s := step{}
	for _, u := range users {
		for _, g := range groups {
			s.add = append(s.add, u+" in "+g)
		}
	}
	if len(s.add) == 0 || len(s.add) == len(h.present(s.add)) {
		return step{}
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		return book{ctx, d, who}.many(users, groups, func(users []models.UserID, groups []models.GroupID) error {
			_, err := d.AddMembers(ctx, who, models.GroupMembersAddInput{GroupIds: groups, UserIds: users})
			return err
		})
	}
	return s
}

func (h *historian) present(list []string) (there []string) {
	for _, fact := range list {
		if h.facts[fact] {
			there = append(there, fact)
		}
	}
	return there
}

func (h *historian) leave() step {
	groups, users := h.draw(h.groups, 1), h.draw(h.users, 1) // who may not be a member
	s := step{}
	for _, g := range groups {
		for _, fact := range h.draw(h.like(g), 4) {
			if u, _, joined := strings.Cut(fact, " in "); joined {
				users, s.less = append(users, u), append(s.less, fact)
			}
		}
	}
	if len(s.less) == 0 {
		return step{}
	}
	s.less = append(s.less, users[0]+" in "+groups[0])
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		return book{ctx, d, who}.many(users, groups, func(users []models.UserID, groups []models.GroupID) error {
			_, err := d.RemoveMembers(ctx, who, models.GroupMembersRemoveInput{GroupIds: groups, UserIds: users})
			return err
		})
	}
	return s
}

func (h *historian) nest() step {
	if len(h.groups) < 5 {
		return step{}
	}
	parent, child := h.groups[h.IntN(4)], h.groups[4+h.IntN(len(h.groups)-4)]
	s := step{add: []string{child + " under " + parent}}
	if h.facts[s.add[0]] {
		return step{}
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.groups([]string{parent, child})
		if err == nil {
			_, err = d.Nest(ctx, who, models.GroupNestInput{ParentID: ids[0], ChildID: ids[1]})
		}
		return err
	}
	return s
}

func (h *historian) unnest() step {
	edges := h.draw(h.like("under"), 1)
	if len(edges) == 0 {
		return step{}
	}
	ends := strings.Split(edges[0], " under ")
	return step{less: edges, do: func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.groups(ends)
		if err == nil {
			_, err = d.Unnest(ctx, who, models.GroupUnnestInput{ParentID: ids[1], ChildID: ids[0]})
		}
		return err
	}}
}

// refused closes a loop.
func (h *historian) refused() step {
	edges := h.draw(h.like("under"), 1)
	if len(edges) == 0 {
		return step{}
	}
	ends := strings.Split(edges[0], " under ")
	return step{refusal: string(models.CodeCycle), do: func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.groups(ends)
		if err == nil {
			_, err = d.Nest(ctx, who, models.GroupNestInput{ParentID: ids[0], ChildID: ids[1]})
		}
		return err
	}}
}

func (h *historian) suspend() step {
	users := h.draw(h.users, 4)
	s := step{}
	for _, u := range users {
		s.add = append(s.add, "suspended "+u)
	}
	if len(h.present(s.add)) == len(users) {
		return step{}
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.users(users)
		if err == nil {
			_, err = d.SuspendUsers(ctx, who, models.UsersSuspendInput{Selection: &models.UserSelection{Ids: ids}})
		}
		return err
	}
	return s
}

func (h *historian) role() step {
	was := h.draw(h.like("user"), 1)
	if len(was) == 0 {
		return step{}
	}
	words := strings.Fields(was[0])
	role := models.RoleAdmin
	if words[2] == string(role) {
		role = models.RoleMember
	}
	return step{less: was, add: []string{"user " + words[1] + " " + string(role)}, do: func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.users(words[1:2])
		if err == nil {
			_, err = d.SetUserRole(ctx, who, models.UserRoleSetInput{ID: ids[0], Role: role})
		}
		return err
	}}
}

// edit saves a group's page: its priority, somebody who joins, and all parents taken away.
func (h *historian) edit() step {
	groups, users := h.draw(h.groups, 1), h.draw(h.users, 1)
	if len(groups) == 0 || len(users) == 0 {
		return step{}
	}
	priority := int32(h.made)
	s := step{add: []string{fmt.Sprintf("group %s %d", groups[0], priority), users[0] + " in " + groups[0]}}
	var parents []string
	for _, fact := range h.like(groups[0]) {
		if child, parent, nested := strings.Cut(fact, " under "); nested && child == groups[0] {
			parents = append(parents, parent)
			s.less = append(s.less, fact)
		} else if strings.HasPrefix(fact, "group ") {
			s.less = append(s.less, fact)
		}
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		b := book{ctx, d, who}
		ids, err := b.groups(slices.Concat(groups, parents))
		if err != nil {
			return err
		}
		joins, err := b.users(users)
		if err == nil {
			_, err = d.UpdateGroup(ctx, who, models.GroupUpdateInput{ID: ids[0], Priority: graphql.OmittableOf(&priority), AddMemberIds: joins, RemoveParentIds: ids[1:]})
		}
		return err
	}
	return s
}

func (h *historian) deleteUser() step {
	if len(h.users) < 20 {
		return step{}
	}
	u := h.draw(h.users, 1)
	h.users = slices.DeleteFunc(h.users, func(name string) bool { return name == u[0] })
	return step{less: h.like(u[0]), do: func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.users(u)
		if err == nil {
			_, err = d.DeleteUser(ctx, who, models.UserDeleteInput{ID: ids[0]})
		}
		return err
	}}
}

func (h *historian) deleteGroup() step {
	if len(h.groups) < 12 {
		return step{}
	}
	g := h.draw(h.groups[4:], 2)
	s := step{}
	for _, name := range g {
		s.less = append(s.less, h.like(name)...)
		h.groups = slices.DeleteFunc(h.groups, func(other string) bool { return name == other })
	}
	s.do = func(ctx context.Context, d *directory.Directory, who auth.Caller) error {
		ids, err := book{ctx, d, who}.groups(g)
		if err == nil {
			_, err = d.DeleteGroups(ctx, who, models.GroupsDeleteInput{Selection: &models.GroupSelection{Ids: ids}})
		}
		return err
	}
	return s
}
