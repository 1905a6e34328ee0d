package nesting

import (
	"maps"
	"slices"

	"cohort/models"
)

// Permitting is the graph with other permissions granted to one group; none takes all from it. It is one version on.
func (g *Graph) Permitting(id models.GroupID, keys []string) *Graph {
	permissions := maps.Clone(g.permissions)
	if permissions == nil {
		permissions = map[models.GroupID][]string{}
	}
	if permissions[id] = slices.Sorted(slices.Values(keys)); len(keys) == 0 {
		delete(permissions, id)
	}
	return &Graph{Version: g.Version + 1, parents: g.parents, children: g.children, given: given{g.grants, permissions}}
}

// Permissions are the keys granted to the group itself, sorted. The caller must not change the slice.
func (g *Graph) Permissions(id models.GroupID) []string { return g.permissions[id] }

// Permits tells whether any group grants a permission.
func (g *Graph) Permits() bool { return len(g.permissions) > 0 }

// PermittedBy are, for each permission that the members of any of the groups hold, the groups that grant it: those
// groups and the ones they lie in, the oldest first.
func (g *Graph) PermittedBy(groups ...models.GroupID) map[string][]models.GroupID {
	by := map[string][]models.GroupID{}
	if !g.Permits() {
		return by
	}
	seen := map[models.GroupID]bool{}
	for queue := slices.Clone(groups); len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, key := range g.permissions[at] {
			by[key] = append(by[key], at)
		}
		queue = append(queue, g.parents[at]...)
	}
	for _, granting := range by {
		slices.SortFunc(granting, Older)
	}
	return by
}

// Upward tells how users are members of groups, by what lies above the groups they are in. For many users and groups that is
// less than what lies below the groups they are asked about. It is for one goroutine.
type Upward struct {
	graph *Graph
	above map[models.GroupID]map[models.GroupID]int
}

// Upward begins to tell of the graph.
func (g *Graph) Upward() *Upward { return &Upward{g, map[models.GroupID]map[models.GroupID]int{}} }

func (u *Upward) distance(from, to models.GroupID) (steps int, lies bool) {
	if u.above[from] == nil {
		u.above[from] = u.graph.Above(from)
	}
	steps, lies = u.above[from][to]
	return steps, lies
}

// Membership says the same as that of the graph.
func (u *Upward) Membership(direct []models.GroupID, group models.GroupID) models.Membership {
	how := models.Membership{Direct: slices.Contains(direct, group)}
	best := -1
	var at models.GroupID
	for _, id := range slices.SortedFunc(slices.Values(direct), Older) {
		steps, lies := u.distance(id, group)
		if !lies || id == group {
			continue
		}
		how.Via = append(how.Via, id)
		if best < 0 || steps < best {
			best, at = steps, id
		}
	}
	switch {
	case how.Direct:
		how.Path = []models.GroupID{group}
	case best > 0:
		how.Path = []models.GroupID{at}
		for ; at != group; best-- {
			for _, parent := range u.graph.parents[at] {
				if steps, lies := u.distance(parent, group); lies && steps == best-1 {
					at = parent
					break
				}
			}
			how.Path = append(how.Path, at)
		}
	}
	return how
}
