package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store"
)

// readGroups checks the rows of groups.csv one by one, and against the rows before them.
func (im *importer) readGroups(ctx context.Context) error {
	im.groups = &groupPlan{byKey: map[string]*importGroup{}, byID: map[models.GroupID]*importGroup{}}
	return im.readRows(ctx, groupsFile, func(row *csvRow) error {
		r, wrong := readGroupRow(row)
		if r.key != "" {
			r.group = im.groups.at(r.key)
			wrong = append(wrong, r.against(r.group.rows)...)
			r.group.rows = append(r.group.rows, r)
			im.groups.rows = append(im.groups.rows, r)
		}
		r.refused = len(wrong) > 0
		return im.refuseAll(groupsFile, r.line, wrong)
	})
}

// against compares a row with the earlier ones of its group: they may differ in the parent, and must do so.
func (r *groupRow) against(earlier []*groupRow) []complaint {
	if len(earlier) == 0 {
		return nil
	}
	first := earlier[0]
	for _, other := range earlier {
		if other.parentKey == r.parentKey {
			return []complaint{{r.nameAt, fmt.Sprintf("name: the same group and parent as in line %d", other.line)}}
		}
	}
	var wrong []complaint
	if r.name != first.name {
		wrong = append(wrong, complaint{r.nameAt, fmt.Sprintf("name: line %d writes it %s", first.line, shown(first.name))})
	}
	if r.description != first.description {
		wrong = append(wrong, complaint{r.describedAt, fmt.Sprintf("description: another one than in line %d", first.line)})
	}
	return wrong
}

// planGroups compares the groups with the account's, and refuses the rows whose parent is not there, closes a
// loop or is too deep.
func (im *importer) planGroups(ctx context.Context) error {
	graph, err := im.loadGroups(ctx)
	if err != nil {
		return err
	}
	var rows []*groupRow
	for _, row := range im.groups.rows {
		if row.parentKey != "" {
			if row.parent = im.groups.byKey[row.parentKey]; row.parent == nil && !row.refused {
				row.refused = true
				reason := fmt.Sprintf("parent: there is no group %s, neither in %s nor in the account", shown(row.parentName), groupsFile)
				if err := im.stage.refuse(groupsFile, row.line, complaint{row.inAt, reason}); err != nil {
					return err
				}
			}
		}
		if !row.refused {
			rows = append(rows, row)
		}
	}
	stored := func(g *importGroup) bool { return g.stored != nil }
	names := func(ids []models.GroupID) (map[models.GroupID]*models.Group, error) { return im.groups.named(ids), nil }
	s, err := im.groups.settle(rows, graph, im.d.maxDepth, stored, names)
	if err != nil {
		return err
	}
	im.groups.graph = s.graph
	if err := im.refuseGroupRows(s.refused); err != nil {
		return err
	}
	nested := newlyNested(s.fresh)
	for _, g := range im.groups.list {
		if g.isGood() {
			_, outcome := g.apply(im.account())
			outcome = nested.outcome(g.id, outcome)
			g.pending = outcome != importUnchanged
			im.report.Groups.add(outcome, 1)
		}
	}
	im.progress(ImportChecks, groupsFile, len(im.groups.list), len(im.groups.list))
	return nil
}

// refuseGroupRows notes refused rows. Those that are so only for the sake of another are not told of where the
// other one keeps out everything anyway: they are right as soon as that one is.
func (im *importer) refuseGroupRows(refused map[*groupRow]refusedRow) error {
	for row, why := range refused {
		row.refused = true
		if why.dependent && !im.in.KeepGood {
			continue
		}
		if err := im.stage.refuse(groupsFile, row.line, why.complaint); err != nil {
			return err
		}
	}
	return nil
}

// loadGroups adds the account's groups to the plan, and answers with their nesting.
func (im *importer) loadGroups(ctx context.Context) (*nesting.Graph, error) {
	if im.isNew {
		return nesting.New(0, nil), nil
	}
	type account struct {
		groups []*models.Group
		graph  *nesting.Graph
	}
	now, err := store.InSnapshot(ctx, im.d.store, func(tx *gorm.DB) (now account, err error) {
		if err := tx.Where("account_id = ?", im.account()).Find(&now.groups).Error; err != nil {
			return now, fmt.Errorf("read groups: %w", err)
		}
		account, err := accountRow(tx, im.account())
		if err != nil {
			return now, err
		}
		now.graph, err = im.d.graphs.Load(tx, im.account(), account.GraphVersion)
		return now, err
	})
	if err != nil {
		return nil, err
	}
	for _, stored := range now.groups {
		g := im.groups.at(stored.NameKey)
		g.stored = stored
		im.groups.setID(g, stored.ID)
	}
	return now.graph, nil
}

// apply is the group with what its rows say, and whether that makes a difference.
func (g *importGroup) apply(account models.AccountID) (*models.Group, importOutcome) {
	after := models.Group{AccountID: account, ID: g.id}
	if g.stored != nil {
		after = *g.stored
	}
	after.Name, after.Description = g.rows[0].name, g.rows[0].description
	after.Settle()
	switch {
	case g.stored == nil:
		return &after, importCreated
	case factsOf(g.stored) == factsOf(&after):
		return &after, importUnchanged
	default:
		return &after, importUpdated
	}
}

// nestedGroups are the groups that get another parent.
type nestedGroups map[models.GroupID]bool

func newlyNested(fresh []nesting.Edge) nestedGroups {
	nested := nestedGroups{}
	for _, e := range fresh {
		nested[e.Child] = true
	}
	return nested
}

// outcome makes a group that is as it was but for its place an updated one.
func (n nestedGroups) outcome(id models.GroupID, o importOutcome) importOutcome {
	if o == importUnchanged && n[id] {
		return importUpdated
	}
	return o
}

// writeGroups writes the groups that are not as the files have them, parents first: then the place of each in
// the closure is written once, together with the group.
func (im *importer) writeGroups(ctx context.Context) error {
	var todo []*importGroup
	depth := map[*importGroup]int{}
	for _, g := range im.groups.list {
		if g.pending {
			todo = append(todo, g)
			depth[g] = im.groups.graph.Depth(g.id)
		}
	}
	slices.SortStableFunc(todo, func(a, b *importGroup) int { return cmp.Compare(depth[a], depth[b]) })

	pace := pace{size: 200, most: 1000}
	im.progress(ImportWrites, groupsFile, 0, len(todo))
	for done := 0; done < len(todo); {
		part := todo[done:min(done+pace.size, len(todo))]
		written, err := inChunk(ctx, im, &pace, func(c *change) (writtenGroups, error) { return im.groups.write(c, part) })
		if err != nil {
			return err
		}
		if err := im.refuseGroupRows(written.refused); err != nil {
			return err
		}
		for _, outcome := range written.outcomes {
			im.report.Groups.add(outcome, 1)
		}
		done += len(part)
		im.progress(ImportWrites, groupsFile, done, len(todo))
	}
	return nil
}

// writtenGroups is what became of groups, and the rows that were refused under the lock.
type writtenGroups struct {
	outcomes []importOutcome
	refused  map[*groupRow]refusedRow
}

// write creates and updates groups as their rows say. Running it again after a rollback is fine.
func (p *groupPlan) write(c *change, part []*importGroup) (writtenGroups, error) {
	var written writtenGroups
	stored, err := groupsByKey(c.DB, c.account(), part)
	if err != nil {
		return written, err
	}
	var rows []*groupRow
	for _, g := range part {
		if g.stored = stored[g.key]; g.stored != nil {
			p.setID(g, g.stored.ID)
		} else {
			p.setID(g, models.NewID[models.GroupID]())
		}
		for _, row := range g.rows {
			if !row.refused {
				rows = append(rows, row)
			}
		}
	}
	s, err := p.settleNow(c, rows)
	if err != nil {
		return written, err
	}
	written.refused = s.refused
	nested := newlyNested(s.fresh)
	var fresh []*models.Group
	for _, g := range part {
		if !g.isKept(s) {
			continue
		}
		after, outcome := g.apply(c.account())
		written.outcomes = append(written.outcomes, nested.outcome(g.id, outcome))
		switch {
		case outcome == importCreated:
			after.CreatedAt, after.UpdatedAt = c.Now, c.Now
			fresh = append(fresh, after)
		case outcome == importUpdated:
			if err := saveGroup(c, g.stored, after); err != nil {
				return written, err
			}
		}
	}
	if err := insertGroups(c, fresh); err != nil {
		return written, err
	}
	_, err = c.nest(s.fresh, nil)
	return written, err
}

// settleNow settles rows with what the account has under the lock.
func (p *groupPlan) settleNow(c *change, rows []*groupRow) (settled, error) {
	var parents []models.GroupID
	for _, row := range rows {
		if row.parent != nil {
			parents = append(parents, row.parent.id)
		}
	}
	present, err := presentIDs[models.GroupID](c, "user_groups", unique(parents))
	if err != nil {
		return settled{}, err
	}
	graph, err := c.graph()
	if err != nil {
		return settled{}, err
	}
	names := func(ids []models.GroupID) (map[models.GroupID]*models.Group, error) {
		found, err := groupsByID(c.DB, c.account(), ids)
		for id, g := range p.named(ids) {
			if found[id] == nil && err == nil {
				found[id] = g
			}
		}
		return found, err
	}
	return p.settle(rows, graph, c.d.maxDepth, func(g *importGroup) bool { return present[g.id] }, names)
}

// isKept tells whether a row of the group is good and stays so.
func (g *importGroup) isKept(s settled) bool {
	return slices.ContainsFunc(g.rows, func(row *groupRow) bool {
		_, gone := s.refused[row]
		return !row.refused && !gone
	})
}

func groupsByKey(tx *gorm.DB, account models.AccountID, groups []*importGroup) (map[string]*models.Group, error) {
	found := make(map[string]*models.Group, len(groups))
	err := chunks(groups, func(part []*importGroup) error {
		keys := make([]string, len(part))
		for i, g := range part {
			keys[i] = g.key
		}
		var rows []*models.Group
		if err := tx.Where("account_id = ? AND name_key IN ?", account, keys).Find(&rows).Error; err != nil {
			return fmt.Errorf("read groups by name: %w", err)
		}
		for _, row := range rows {
			found[row.NameKey] = row
		}
		return nil
	})
	return found, err
}
