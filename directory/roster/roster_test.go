package roster_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/directory/nesting"
	"cohort/directory/roster"
	"cohort/models"
)

// world is what an account holds, told plainly.
type world struct {
	users       map[models.UserID]string // the key that names are sorted by
	groups      map[models.GroupID]string
	memberships map[models.Pair]bool
	edges       map[nesting.Edge]bool
}

func id(n int) (id [16]byte) {
	id[15] = byte(n)
	return id
}

// step makes some changes, as a transaction does, and tells them as the feed does.
func (w *world) step(t *rapid.T, before *roster.Roster) roster.Difference {
	d := roster.Difference{Seq: before.Seq + 1, Graph: before.Graph}
	for range rapid.IntRange(0, 9).Draw(t, "changes") {
		u, g := models.UserID(id(rapid.IntRange(1, 8).Draw(t, "user"))), models.GroupID(id(rapid.IntRange(1, 6).Draw(t, "group")))
		key := rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "key")
		switch rapid.IntRange(0, 11).Draw(t, "what") {
		case 0, 1:
			w.users[u] = key
			d.UsersGone = slices.DeleteFunc(d.UsersGone, func(id models.UserID) bool { return id == u })
			d.Users = append(slices.DeleteFunc(d.Users, func(p roster.Person) bool { return p.ID == u }), roster.Person{ID: u, Key: key})
		case 2:
			delete(w.users, u)
			d.Users = slices.DeleteFunc(d.Users, func(p roster.Person) bool { return p.ID == u })
			d.UsersGone = append(d.UsersGone, u)
			for pair := range w.memberships {
				if pair.User == u {
					delete(w.memberships, pair)
					d.Memberships = append(d.Memberships, roster.Step{Pair: pair})
				}
			}
		case 3:
			w.groups[g] = key
			d.GroupsGone = slices.DeleteFunc(d.GroupsGone, func(id models.GroupID) bool { return id == g })
			d.Groups = append(slices.DeleteFunc(d.Groups, func(row *models.Group) bool { return row.ID == g }), &models.Group{ID: g, NameSort: key})
		case 4:
			if _, there := w.groups[g]; !there {
				break
			}
			delete(w.groups, g)
			d.Groups = slices.DeleteFunc(d.Groups, func(row *models.Group) bool { return row.ID == g })
			d.GroupsGone = append(d.GroupsGone, g)
			for pair := range w.memberships {
				if pair.Group == g {
					delete(w.memberships, pair)
					d.Memberships = append(d.Memberships, roster.Step{Pair: pair})
				}
			}
			for e := range w.edges {
				if e.Parent == g || e.Child == g {
					delete(w.edges, e)
				}
			}
		case 5, 6, 7:
			parent, child := models.GroupID(id(int(g[15])/2)), g // downwards only: no loop
			if _, there := w.groups[parent]; there && rapid.Bool().Draw(t, "nest") {
				if _, there := w.groups[child]; there {
					w.edges[nesting.Edge{Parent: parent, Child: child}] = true
				}
			} else {
				delete(w.edges, nesting.Edge{Parent: parent, Child: child})
			}
		default:
			_, known := w.users[u]
			_, there := w.groups[g]
			pair, is := models.Pair{User: u, Group: g}, rapid.Bool().Draw(t, "is")
			if known && there && w.memberships[pair] != is {
				if delete(w.memberships, pair); is {
					w.memberships[pair] = true
				}
				d.Memberships = append(d.Memberships, roster.Step{Pair: pair, Is: is})
			}
		}
	}
	var edges []nesting.Edge
	for e := range w.edges {
		edges = append(edges, e)
	}
	if d.Graph = nesting.New(before.Graph.Version+1, edges); sameEdges(before.Graph, edges, w) {
		d.Graph = before.Graph
	}
	return d
}

func sameEdges(g *nesting.Graph, edges []nesting.Edge, w *world) bool {
	n := 0
	for i := range 10 {
		n += len(g.Parents(id(i)))
	}
	return n == len(edges) && !slices.ContainsFunc(edges, func(e nesting.Edge) bool { return !g.Has(e) })
}

func (w *world) liesIn(a, b models.GroupID) bool {
	if a == b {
		return true
	}
	for e := range w.edges {
		if e.Child == a && w.liesIn(e.Parent, b) {
			return true
		}
	}
	return false
}

func (w *world) isMember(u models.UserID, g models.GroupID, relation models.MembershipRelation) bool {
	direct, inherited := w.memberships[models.Pair{User: u, Group: g}], false
	for pair := range w.memberships {
		inherited = inherited || pair.User == u && pair.Group != g && w.liesIn(pair.Group, g)
	}
	switch relation {
	case models.MembershipRelationDirect:
		return direct
	case models.MembershipRelationInherited:
		return inherited && !direct
	default:
		return direct || inherited
	}
}

// part is the window of a list, found by looking at each entry.
func part[ID ~[16]byte](ids []ID, key func(ID) string, w roster.Window) []ID {
	by := func(a, b ID) int { return cmp.Or(cmp.Compare(key(a), key(b)), slices.Compare(a[:], b[:])) }
	place := func(id ID, at *roster.Place) int {
		return cmp.Or(cmp.Compare(key(id), at.Key), slices.Compare(id[:], at.ID[:]))
	}
	slices.SortFunc(ids, by)
	ids = slices.DeleteFunc(ids, func(id ID) bool {
		return w.Low != nil && place(id, w.Low) <= 0 || w.High != nil && place(id, w.High) >= 0
	})
	if w.FromHigh {
		slices.Reverse(ids)
	}
	return ids[:min(len(ids), w.Most)]
}

// TestPropertyRoster holds the roster against a plain telling after each of a random row of transactions.
func TestPropertyRoster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{map[models.UserID]string{}, map[models.GroupID]string{}, map[models.Pair]bool{}, map[nesting.Edge]bool{}}
		r := roster.New()
		first := roster.Difference{Seq: 1, Graph: nesting.New(0, nil)}
		for n := 1; n <= 8; n++ {
			w.users[id(n)] = string(rune('a' + n%3))
			first.Users = append(first.Users, roster.Person{ID: id(n), Key: w.users[id(n)]})
			if n <= 6 {
				w.groups[id(n)] = ""
				first.Groups = append(first.Groups, &models.Group{ID: id(n)})
			}
		}
		r.Apply(first)
		place := rapid.Custom(func(t *rapid.T) *roster.Place {
			if rapid.Bool().Draw(t, "no place") {
				return nil
			}
			return &roster.Place{Key: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), ID: id(rapid.IntRange(0, 9).Draw(t, "id"))}
		})
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			r.Apply(w.step(t, r))
			window := roster.Window{Low: place.Draw(t, "low"), High: place.Draw(t, "high"), FromHigh: rapid.Bool().Draw(t, "from high"), Most: rapid.IntRange(1, 40).Draw(t, "most")}
			relation := rapid.SampledFrom(models.AllMembershipRelation).Draw(t, "relation")
			for n := range 9 {
				w.compareGroup(t, r, models.GroupID(id(n)), relation, window)
				w.compareUser(t, r, models.UserID(id(n)), relation, window)
			}
		}
	})
}

func (w *world) compareGroup(t *rapid.T, r *roster.Roster, g models.GroupID, relation models.MembershipRelation, window roster.Window) {
	members, got := []models.UserID{}, []models.UserID{}
	for u := range w.users {
		if w.isMember(u, g, relation) {
			members = append(members, u)
		}
	}
	same(t, fmt.Sprintf("count of %s of %d", relation, g[15]), len(members), r.Count(g, relation))
	for _, m := range r.Members(g, relation, window) {
		got = append(got, m.User)
		same(t, "direct", w.memberships[models.Pair{User: m.User, Group: g}], m.Direct)
	}
	same(t, fmt.Sprintf("%s of %d", relation, g[15]), part(members, func(id models.UserID) string { return w.users[id] }, window), got)
}

func (w *world) compareUser(t *rapid.T, r *roster.Roster, u models.UserID, relation models.MembershipRelation, window roster.Window) {
	groups, got := []models.GroupID{}, []models.GroupID{}
	for g := range w.groups {
		is := w.isMember(u, g, relation)
		if is {
			groups = append(groups, g)
		}
		same(t, "membership", w.isMember(u, g, models.MembershipRelationAll), r.Membership(u, g).IsMember())
	}
	same(t, fmt.Sprintf("count of %s groups of %d", relation, u[15]), len(groups), r.CountGroupsOf(u, relation))
	for _, b := range r.GroupsOf(u, relation, window) {
		got = append(got, b.Group.ID)
		same(t, "direct", w.memberships[models.Pair{User: u, Group: b.Group.ID}], b.Direct)
		same(t, "direct members", r.Count(b.Group.ID, models.MembershipRelationDirect), int(b.Count))
	}
	same(t, fmt.Sprintf("%s groups of %d", relation, u[15]), part(groups, func(id models.GroupID) string { return w.groups[id] }, window), got)
}

func same(t *rapid.T, what string, want, got any) {
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
