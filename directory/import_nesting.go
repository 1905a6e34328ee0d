package directory

import (
	"fmt"

	"cohort/directory/nesting"
	"cohort/models"
)

// importGroup is a group that the files name, or that the account has.
type importGroup struct {
	n      int // its place in the plan
	id     models.GroupID
	key    string
	stored *models.Group // as the account has it; nil for a new one
	rows   []*groupRow   // of groups.csv, the first of which defines it
	// pending says that it is not yet as its good rows say.
	pending bool
}

// name is the group's name as it will be.
func (g *importGroup) name() string {
	if len(g.rows) > 0 {
		return g.rows[0].name
	}
	return g.stored.Name
}

// isGood tells whether a row of it is good.
func (g *importGroup) isGood() bool {
	for _, row := range g.rows {
		if !row.refused {
			return true
		}
	}
	return false
}

// known tells whether the group will be there.
func (g *importGroup) known() bool { return g.stored != nil || g.isGood() }

// refusedBecause is the reason for which what depends on the group is refused.
func (g *importGroup) refusedBecause() string {
	return fmt.Sprintf("the group %s is refused: %s:%d", shown(g.name()), groupsFile, g.rows[0].line)
}

// groupPlan is the groups of an import, all in memory, with their nesting.
type groupPlan struct {
	byKey map[string]*importGroup
	byID  map[models.GroupID]*importGroup
	list  []*importGroup
	rows  []*groupRow    // of groups.csv, in its order, whose name is right
	graph *nesting.Graph // the account's, with the edges of the good rows
}

// at is the group of a key, made when there is none yet.
func (p *groupPlan) at(key string) *importGroup {
	if g := p.byKey[key]; g != nil {
		return g
	}
	g := &importGroup{n: len(p.list), key: key, id: models.NewID[models.GroupID]()}
	p.byKey[key], p.byID[g.id] = g, g
	p.list = append(p.list, g)
	return g
}

// setID gives a group the id that the account has for it.
func (p *groupPlan) setID(g *importGroup, id models.GroupID) {
	delete(p.byID, g.id)
	g.id, p.byID[id] = id, g
}

// settled is what becomes of rows, taken together: the edges that are new, and why rows are refused.
type settled struct {
	graph   *nesting.Graph
	fresh   []nesting.Edge
	refused map[*groupRow]refusedRow
}

// refusedRow is why a row of groups.csv is refused. It is dependent when it is for the refusal of another row.
type refusedRow struct {
	complaint
	dependent bool
}

// settle finds the rows that can't be kept: those whose parent is not there and does not come with a row that
// is kept, and those that close a loop or nest too deep together with the graph and the rows before them.
func (p *groupPlan) settle(
	rows []*groupRow, graph *nesting.Graph, limit int, there func(*importGroup) bool,
	names func([]models.GroupID) (map[models.GroupID]*models.Group, error),
) (settled, error) {
	s := settled{refused: map[*groupRow]refusedRow{}}
	kept := map[*importGroup]int{}
	for _, row := range rows {
		kept[row.group]++
	}
	refuse := func(row *groupRow, why refusedRow) {
		s.refused[row] = why
		kept[row.group]--
	}
	for again := true; again; {
		again = false
		var edges []nesting.Edge
		var from []*groupRow
		for _, row := range rows {
			if _, gone := s.refused[row]; gone || row.parent == nil {
				continue
			}
			if !there(row.parent) && kept[row.parent] == 0 {
				refuse(row, refusedRow{p.absent(row), true})
				again = true
				continue
			}
			edges, from = append(edges, nesting.Edge{Parent: row.parent.id, Child: row.group.id}), append(from, row)
		}
		if again {
			continue
		}
		var wrong map[int]error
		s.graph, s.fresh, wrong = graph.Accept(edges, limit)
		for i, err := range wrong {
			reasons, err := nameLoop(err, names)
			if err != nil {
				return s, err
			}
			refuse(from[i], refusedRow{complaint{from[i].inAt, "parent: " + reasons[0].Message}, false})
			again = true
		}
	}
	return s, nil
}

// absent says why the parent of a row is not there.
func (p *groupPlan) absent(row *groupRow) complaint {
	reason := fmt.Sprintf("the group %s has been deleted meanwhile", shown(row.parentName))
	if len(row.parent.rows) > 0 {
		reason = row.parent.refusedBecause()
	}
	return complaint{row.inAt, "parent: " + reason}
}

// named are those of the groups that the plan knows, for the names along a loop.
func (p *groupPlan) named(ids []models.GroupID) map[models.GroupID]*models.Group {
	found := make(map[models.GroupID]*models.Group, len(ids))
	for _, id := range ids {
		if g := p.byID[id]; g != nil {
			found[id] = &models.Group{Name: g.name()}
		}
	}
	return found
}
