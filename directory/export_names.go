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
	place map[models.GroupID]int
	up    map[models.GroupID][]models.GroupID // with the group itself
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
	names := &groupNames{graph: e.graph, name: map[models.GroupID]string{}, title: map[models.GroupID]string{}, place: map[models.GroupID]int{}, up: map[models.GroupID][]models.GroupID{}}
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
		names.place[one.id] = i
	}
	e.names = names
	return names, nil
}

// above are groups and all in which they lie, each once.
func (n *groupNames) above(direct []models.GroupID) []models.GroupID {
	switch len(direct) {
	case 0:
		return nil
	case 1:
		return n.upFrom(direct[0])
	}
	seen := map[models.GroupID]bool{}
	var found []models.GroupID
	for _, id := range direct {
		for _, above := range n.upFrom(id) {
			if !seen[above] {
				seen[above] = true
				found = append(found, above)
			}
		}
	}
	return found
}

func (n *groupNames) upFrom(id models.GroupID) []models.GroupID {
	up, known := n.up[id]
	if !known {
		up = []models.GroupID{id}
		for above := range n.graph.Above(id) {
			if above != id {
				up = append(up, above)
			}
		}
		n.up[id] = up
	}
	return up
}

// sorted are groups by name.
func (n *groupNames) sorted(ids []models.GroupID) []models.GroupID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b models.GroupID) int { return cmp.Compare(n.place[a], n.place[b]) })
	return sorted
}

// of are the names of groups, by name.
func (n *groupNames) of(ids []models.GroupID) []string {
	if len(ids) == 0 {
		return nil
	}
	return n.inOrder(n.sorted(ids))
}

func (n *groupNames) inOrder(ids []models.GroupID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = n.name[id]
	}
	return names
}
