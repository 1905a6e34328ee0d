package directory

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cohort/directory/nesting"
	"cohort/models"
)

// groupNames are the names of all groups of an account, and where each stands among them.
type groupNames struct {
	graph *nesting.Graph
	name  map[models.GroupID]string // or the id, in an export for programs
	title map[models.GroupID]string // always the name
	place map[models.GroupID]int32

	order   []models.GroupID           // by their places
	atPlace []string                   // the names
	up      map[models.GroupID][]int32 // the places of those above, and of the group itself, in order
	buffer  []int32
}

func (e *Export) groupNames() (*groupNames, error) {
	if e.names != nil {
		return e.names, nil
	}
	rows, err := e.s.Raw("SELECT id, name, name_sort FROM user_groups WHERE account_id = ?", e.s.account()).Rows()
	if err != nil {
		return nil, fmt.Errorf("read the names of groups: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	type named struct {
		id   models.GroupID
		sort string
	}
	var order []named
	names := &groupNames{graph: e.graph, name: map[models.GroupID]string{}, title: map[models.GroupID]string{}, place: map[models.GroupID]int32{}, up: map[models.GroupID][]int32{}}
	for rows.Next() {
		var one named
		var name string
		if err := rows.Scan(&one.id, &name, &one.sort); err != nil {
			return nil, fmt.Errorf("read the names of groups: %w", err)
		}
		names.title[one.id] = name
		if e.AsData {
			name = one.id.String()
		}
		names.name[one.id] = name
		order = append(order, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the names of groups: %w", err)
	}
	slices.SortFunc(order, func(a, b named) int { return cmp.Or(strings.Compare(a.sort, b.sort), bytes.Compare(a.id[:], b.id[:])) })
	for i, one := range order {
		names.place[one.id] = int32(i) //nolint:gosec // an account has fewer
		names.order, names.atPlace = append(names.order, one.id), append(names.atPlace, names.name[one.id])
	}
	e.names = names
	return names, nil
}

// above are groups and all in which they lie, each once, by name.
func (n *groupNames) above(direct []models.GroupID) []models.GroupID {
	places := n.placesAbove(direct)
	ids := make([]models.GroupID, len(places))
	for i, place := range places {
		ids[i] = n.order[place]
	}
	return ids
}

// aboveOf are their names.
func (n *groupNames) aboveOf(direct []models.GroupID) []string {
	places := n.placesAbove(direct)
	if len(places) == 0 {
		return nil
	}
	names := make([]string, len(places))
	for i, place := range places {
		names[i] = n.atPlace[place]
	}
	return names
}

// placesAbove are the places of groups and of all in which they lie, each once and in order. They are good until the next call.
func (n *groupNames) placesAbove(direct []models.GroupID) []int32 {
	n.buffer = n.buffer[:0]
	for _, id := range direct {
		n.buffer = append(n.buffer, n.upFrom(id)...)
	}
	if len(direct) > 1 {
		slices.Sort(n.buffer)
		n.buffer = slices.Compact(n.buffer)
	}
	return n.buffer
}

func (n *groupNames) upFrom(id models.GroupID) []int32 {
	up, known := n.up[id]
	if !known {
		up = []int32{n.place[id]}
		for above := range n.graph.Above(id) {
			if above != id {
				up = append(up, n.place[above])
			}
		}
		slices.Sort(up)
		n.up[id] = up
	}
	return up
}

// of are the names of groups, by name.
func (n *groupNames) of(ids []models.GroupID) []string {
	if len(ids) == 0 {
		return nil
	}
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b models.GroupID) int { return cmp.Compare(n.place[a], n.place[b]) })
	return n.inOrder(sorted)
}

func (n *groupNames) inOrder(ids []models.GroupID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = n.name[id]
	}
	return names
}
