// Package nesting holds the groups inside groups: the account's graph in memory, the questions it
// answers, and the closure of it that is stored for joins.
package nesting

import (
	"bytes"
	"cmp"
	"slices"

	"cohort/models"
)

// Edge says that the child lies in the parent.
type Edge struct{ Parent, Child models.GroupID }

// Graph is an account's nesting at one version. It is never changed once others see it: With makes
// another. Groups without an edge aren't in it, and every method knows them as groups that stand alone.
// Where several groups qualify, the older comes first; ids grow with age.
type Graph struct {
	Version  int64
	parents  map[models.GroupID][]models.GroupID
	children map[models.GroupID][]models.GroupID
	given
}

// given is what the groups hand down: which grant a product, and who grants which permissions.
type given struct {
	grants      map[models.GroupID]bool
	permissions map[models.GroupID][]string
}

// New builds a graph of edges, without asking whether they close a loop.
func New(version int64, edges []Edge) *Graph {
	g := &Graph{Version: version, parents: map[models.GroupID][]models.GroupID{}, children: map[models.GroupID][]models.GroupID{}}
	for _, e := range edges {
		g.parents[e.Child] = append(g.parents[e.Child], e.Parent)
		g.children[e.Parent] = append(g.children[e.Parent], e.Child)
	}
	for _, side := range []map[models.GroupID][]models.GroupID{g.parents, g.children} {
		for _, ids := range side {
			slices.SortFunc(ids, Older)
		}
	}
	return g
}

// Granting is the graph with other groups as those that grant a product to their members. It is one version on.
func (g *Graph) Granting(groups map[models.GroupID]bool) *Graph {
	return &Graph{Version: g.Version + 1, parents: g.parents, children: g.children, given: given{groups, g.permissions}}
}

// Grants are the groups that grant a product. The caller must not change the map.
func (g *Graph) Grants() map[models.GroupID]bool { return g.grants }

// Granted tells whether the members of a group are granted a product, by it or by a group that it lies in.
func (g *Graph) Granted(id models.GroupID) bool {
	if len(g.grants) == 0 {
		return false
	}
	for above := range g.Above(id) {
		if g.grants[above] {
			return true
		}
	}
	return false
}

// Older orders groups by age.
func Older(a, b models.GroupID) int { return bytes.Compare(a[:], b[:]) }

// Parents are the groups that id was placed in. The caller must not change the slice.
func (g *Graph) Parents(id models.GroupID) []models.GroupID { return g.parents[id] }

// Children are the groups placed in id. The caller must not change the slice.
func (g *Graph) Children(id models.GroupID) []models.GroupID { return g.children[id] }

// Has tells whether the edge is there.
func (g *Graph) Has(e Edge) bool { return slices.Contains(g.parents[e.Child], e.Parent) }

// Above are id itself at distance 0 and all that it lies in, with their shortest distance.
func (g *Graph) Above(id models.GroupID) map[models.GroupID]int { return reach(id, g.parents) }

// Below are id itself at distance 0 and all that lies in it, with their shortest distance.
func (g *Graph) Below(id models.GroupID) map[models.GroupID]int { return reach(id, g.children) }

func reach(from models.GroupID, next map[models.GroupID][]models.GroupID) map[models.GroupID]int {
	distance := map[models.GroupID]int{from: 0}
	for queue := []models.GroupID{from}; len(queue) > 0; queue = queue[1:] {
		for _, id := range next[queue[0]] {
			if _, seen := distance[id]; !seen {
				distance[id] = distance[queue[0]] + 1
				queue = append(queue, id)
			}
		}
	}
	return distance
}

// PathUp is the shortest way from one of the groups up to the other, both ends included, by the oldest
// where several are as short; nil when there is none.
func (g *Graph) PathUp(from []models.GroupID, to models.GroupID) []models.GroupID {
	return g.pathUp(from, to, g.Below(to))
}

// pathUp is PathUp for a group whose Below is at hand.
func (g *Graph) pathUp(from []models.GroupID, to models.GroupID, below map[models.GroupID]int) []models.GroupID {
	best, found := models.GroupID{}, false
	for _, id := range from {
		d, ok := below[id]
		if ok && (!found || cmp.Or(cmp.Compare(d, below[best]), Older(id, best)) < 0) {
			best, found = id, true
		}
	}
	if !found {
		return nil
	}
	path := []models.GroupID{best}
	for at := best; at != to; path = append(path, at) {
		at = g.nearer(at, below)
	}
	return path
}

// nearer is the oldest parent that lies one step closer to where the distances are counted from.
func (g *Graph) nearer(at models.GroupID, distance map[models.GroupID]int) models.GroupID {
	for _, parent := range g.parents[at] {
		if d, ok := distance[parent]; ok && d == distance[at]-1 {
			return parent
		}
	}
	panic("nesting: a group without a parent on its own path")
}

// Breadcrumbs are the shortest way from the top down to id, without id: by the oldest parent where
// several are as short.
func (g *Graph) Breadcrumbs(id models.GroupID) []models.GroupID {
	// toTop counts, for id and all above it, the steps to the nearest group without parents.
	toTop := map[models.GroupID]int{}
	var steps func(models.GroupID) int
	steps = func(at models.GroupID) int {
		if n, known := toTop[at]; known {
			return n
		}
		least := 0
		for i, parent := range g.parents[at] {
			if n := steps(parent) + 1; i == 0 || n < least {
				least = n
			}
		}
		toTop[at] = least
		return least
	}
	var crumbs []models.GroupID
	for left := steps(id); left > 0; left-- {
		for _, parent := range g.parents[id] {
			if toTop[parent] == left-1 {
				id = parent
				break
			}
		}
		crumbs = append(crumbs, id)
	}
	slices.Reverse(crumbs)
	return crumbs
}

// Depth is how many groups the longest chain from the top down to id has, id included.
func (g *Graph) Depth(id models.GroupID) int { return longest(id, g.parents, map[models.GroupID]int{}) }

// Height is how many groups the longest chain from id down has, id included.
func (g *Graph) Height(id models.GroupID) int {
	return longest(id, g.children, map[models.GroupID]int{})
}

func longest(from models.GroupID, next map[models.GroupID][]models.GroupID, known map[models.GroupID]int) int {
	if n, ok := known[from]; ok {
		return n
	}
	most := 0
	for _, id := range next[from] {
		most = max(most, longest(id, next, known))
	}
	known[from] = most + 1
	return most + 1
}

// Loop is the loop that the edge would close: from the parent up, each lying in the next, and round to
// the parent again. Nil when it closes none.
func (g *Graph) Loop(e Edge) []models.GroupID {
	path := g.PathUp([]models.GroupID{e.Parent}, e.Child)
	if path == nil {
		return nil
	}
	return append(path, e.Parent)
}

// Membership says how somebody with these direct memberships is a member of the group.
func (g *Graph) Membership(direct []models.GroupID, group models.GroupID) models.Membership {
	return g.MembershipBelow(direct, group, g.Below(group))
}

// Memberships is Membership for many lists of direct memberships in one group.
func (g *Graph) Memberships(direct [][]models.GroupID, group models.GroupID) []models.Membership {
	below := g.Below(group)
	how := make([]models.Membership, len(direct))
	for i, ids := range direct {
		how[i] = g.MembershipBelow(ids, group, below)
	}
	return how
}

// MembershipBelow is Membership for a group whose Below is at hand.
func (g *Graph) MembershipBelow(direct []models.GroupID, group models.GroupID, below map[models.GroupID]int) models.Membership {
	how := models.Membership{Direct: slices.Contains(direct, group)}
	for _, id := range direct {
		if _, in := below[id]; in && id != group {
			how.Via = append(how.Via, id)
		}
	}
	slices.SortFunc(how.Via, Older)
	switch {
	case how.Direct:
		how.Path = []models.GroupID{group}
	case len(how.Via) > 0:
		how.Path = g.pathUp(how.Via, group, below)
	}
	return how
}
