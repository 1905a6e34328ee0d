package nesting

import (
	"maps"
	"slices"

	"cohort/models"
)

// Link is one pair of the closure: the ancestor lies so many steps above the descendant.
type Link struct {
	Ancestor, Descendant models.GroupID
	Distance             int
}

// With is the graph after edges were removed and then added; those not there, or there already, count
// for nothing. It is one version on.
func (g *Graph) With(add, remove []Edge) *Graph {
	gone := map[Edge]bool{}
	for _, e := range remove {
		gone[e] = true
	}
	var edges []Edge
	present := map[Edge]bool{}
	keep := func(e Edge) {
		if !present[e] {
			present[e] = true
			edges = append(edges, e)
		}
	}
	for parent, children := range g.children {
		for _, child := range children {
			if e := (Edge{parent, child}); !gone[e] {
				keep(e)
			}
		}
	}
	for _, e := range add {
		keep(e)
	}
	after := New(g.Version+1, edges)
	after.given = g.given
	return after
}

// Accept is the graph after edges were added one after the other, save those that Check refuses in their
// turn: refused says why, by their index. Fresh are the edges that were not there before. It is one version on.
func (g *Graph) Accept(edges []Edge, limit int) (after *Graph, fresh []Edge, refused map[int]error) {
	after = &Graph{Version: g.Version + 1, parents: maps.Clone(g.parents), children: maps.Clone(g.children), given: g.given}
	for i, e := range edges {
		if after.Has(e) {
			continue
		}
		if err := after.Check(e, limit); err != nil {
			if refused == nil {
				refused = map[int]error{}
			}
			refused[i] = err
			continue
		}
		insert(after.parents, e.Child, e.Parent)
		insert(after.children, e.Parent, e.Child)
		fresh = append(fresh, e)
	}
	return after, fresh, refused
}

// insert puts an id in its place by age, in a slice of its own: the old one belongs to another graph.
func insert(side map[models.GroupID][]models.GroupID, of, id models.GroupID) {
	at, _ := slices.BinarySearchFunc(side[of], id, Older)
	side[of] = slices.Insert(slices.Clip(side[of]), at, id)
}

// Difference is what must change in the stored closure to get from the graph to the next one: the pairs
// that are no more (or are at another distance), and the pairs that are new (or at another distance).
// Only what the changed edges concern is looked at.
func (g *Graph) Difference(next *Graph, changed []Edge) (gone, fresh []Link) {
	above := map[models.GroupID]bool{}
	for _, e := range changed {
		// A pair can only change where its ancestor is above the edge before or after.
		for id := range g.Above(e.Parent) {
			above[id] = true
		}
		for id := range next.Above(e.Parent) {
			above[id] = true
		}
	}
	for ancestor := range above {
		before, after := g.Below(ancestor), next.Below(ancestor)
		for id, distance := range before {
			if now, still := after[id]; !still || now != distance {
				gone = append(gone, Link{ancestor, id, distance})
			}
		}
		for id, distance := range after {
			if was, known := before[id]; !known || was != distance {
				fresh = append(fresh, Link{ancestor, id, distance})
			}
		}
	}
	// Rows are written in the order of their key, so that two runs write alike.
	order := func(a, b Link) int {
		if c := Older(a.Ancestor, b.Ancestor); c != 0 {
			return c
		}
		return Older(a.Descendant, b.Descendant)
	}
	slices.SortFunc(gone, order)
	slices.SortFunc(fresh, order)
	return gone, fresh
}

// Check is nil when the edge may be added: CYCLE with the loop it would close, TOO_DEEP when the longest
// chain through it would have more groups than the limit.
func (g *Graph) Check(e Edge, limit int) error {
	if loop := g.Loop(e); loop != nil {
		ids := make([]string, len(loop))
		for i, id := range loop {
			ids[i] = id.String()
		}
		message := "the parent lies in the child already, this would close a loop"
		if e.Parent == e.Child {
			message = "a group can't lie in itself"
		}
		return models.Errorf(models.CodeCycle, "%s", message).With("groupIds", ids...)
	}
	if depth := g.Depth(e.Parent) + g.Height(e.Child); depth > limit {
		return models.Errorf(models.CodeTooDeep, "the longest chain of nested groups would have %d groups, at most %d are allowed", depth, limit).
			With("depth", itoa(depth)).With("limit", itoa(limit))
	}
	return nil
}
