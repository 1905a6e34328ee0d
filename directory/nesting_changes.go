package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// Nest places the child in the parent; the child's members are effective members of the parent at once.
// Admins. NOT_FOUND, CYCLE with the groups of the loop, TOO_DEEP, MISSING_PERMISSION for a parent whose members hold what the
// caller doesn't.
func (d *Directory) Nest(ctx context.Context, who auth.Caller, in models.GroupNestInput) (*models.GroupNestPayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupNest", in, in.EffectOptions, func(c *change) (*models.GroupNestPayload, error) {
		parent, child, err := c.ends(in.ParentID, in.ChildID)
		if err != nil {
			return nil, err
		}
		changed, err := c.nest([]nesting.Edge{{Parent: in.ParentID, Child: in.ChildID}}, nil)
		if err != nil {
			var errs models.Errors
			if rest := errs.Add(err, "input", "parentId"); rest != nil {
				return nil, rest
			}
			return nil, errs
		}
		payload := &models.GroupNestPayload{Outcome: new(models.NestingOutcomeAlreadyNested), Parent: parent, Child: child}
		if len(changed) > 0 {
			payload.Outcome, payload.ChildEdge = new(models.NestingOutcomeNested), newGroupEdge(child)
		}
		return payload, nil
	})
}

// Unnest takes the child out of the parent. Admins. NOT_FOUND.
func (d *Directory) Unnest(ctx context.Context, who auth.Caller, in models.GroupUnnestInput) (*models.GroupUnnestPayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupUnnest", in, in.EffectOptions, func(c *change) (*models.GroupUnnestPayload, error) {
		parent, child, err := c.ends(in.ParentID, in.ChildID)
		if err != nil {
			return nil, err
		}
		changed, err := c.nest(nil, []nesting.Edge{{Parent: in.ParentID, Child: in.ChildID}})
		outcome := models.NestingOutcomeNotNested
		if len(changed) > 0 {
			outcome = models.NestingOutcomeUnnested
		}
		return &models.GroupUnnestPayload{Outcome: &outcome, Parent: parent, Child: child}, err
	})
}

// ends are the two groups of an edge. NOT_FOUND for each that there is not.
func (c *change) ends(parentID, childID models.GroupID) (parent, child *models.Group, err error) {
	groups, err := groupsByID(c.DB, c.account(), []models.GroupID{parentID, childID})
	if err != nil {
		return nil, nil, err
	}
	var errs models.Errors
	if groups[parentID] == nil {
		_ = errs.Add(notFound("group"), "input", "parentId")
	}
	if groups[childID] == nil {
		_ = errs.Add(notFound("group"), "input", "childId")
	}
	return groups[parentID], groups[childID], errs.OrNil()
}

// nest takes edges away and then adds edges between groups that there are, and answers with those that it
// changed. An edge to add that is refused (CYCLE, TOO_DEEP, MISSING_PERMISSION) is named by its index behind path, if a path is
// given; then nothing is changed.
func (c *change) nest(add, remove []nesting.Edge, path ...string) ([]nesting.Edge, error) {
	before, err := c.graph()
	if err != nil {
		return nil, err
	}
	if _, err := c.holds(); err != nil { // before anything of it is taken
		return nil, err
	}
	var gone []nesting.Edge
	for _, e := range remove {
		if before.Has(e) {
			gone = append(gone, e)
		}
	}
	after := before
	if len(gone) > 0 {
		after = before.With(nil, gone)
	}
	after, fresh, refused := after.Accept(add, c.d.maxDepth)
	var errs models.Errors
	for _, i := range slices.Sorted(maps.Keys(refused)) {
		named, err := nameLoop(refused[i], func(ids []models.GroupID) (map[models.GroupID]*models.Group, error) {
			return groupsByID(c.DB, c.account(), ids)
		})
		if err != nil {
			return nil, err
		}
		_ = errs.Add(named, indexed(path, i)...)
	}
	withheld, err := c.checkNesting(after, add, fresh, path...)
	if err != nil {
		return nil, err
	}
	errs = append(errs, withheld...)
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	c.losing = c.losing || len(gone) > 0
	changed := append(gone, fresh...)
	if len(changed) == 0 {
		return nil, nil
	}
	c.current, c.Account.GraphVersion = after, after.Version
	if err := c.saveEdges(before, gone, fresh); err != nil {
		return nil, err
	}
	for _, e := range changed {
		c.groups = append(c.groups, e.Parent, e.Child)
	}
	return changed, c.touchNested(before, after, changed)
}

// indexed is a place in a list; none without a path to it.
func indexed(path []string, i int) []string {
	if path == nil {
		return nil
	}
	return append(slices.Clone(path), strconv.Itoa(i))
}

// nameLoop adds the names of the groups to the refusal of an edge that gives a loop by their ids.
func nameLoop(refusal error, find func([]models.GroupID) (map[models.GroupID]*models.Group, error)) (models.Errors, error) {
	found, rest := models.UserErrors(refusal)
	for i, e := range found {
		var names []string
		for _, param := range e.Params {
			if param.Name != "groupIds" {
				continue
			}
			ids := make([]models.GroupID, len(param.Values))
			for i, text := range param.Values {
				id, err := models.ParseGroupID(text)
				if err != nil {
					return nil, err
				}
				ids[i] = id
			}
			groups, err := find(unique(ids))
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				names = append(names, groups[id].Name)
			}
		}
		if names != nil {
			found[i] = e.With("groupNames", names...)
			found[i].Message += ": " + strings.Join(names, " → ")
		}
	}
	return found, rest
}

// saveEdges stores the edges, the closure that follows from them, and what is noted of them.
func (c *change) saveEdges(before *nesting.Graph, gone, fresh []nesting.Edge) error {
	for _, e := range gone {
		err := c.Where("account_id = ? AND parent_id = ? AND child_id = ?", c.account(), e.Parent, e.Child).Delete(&models.GroupEdgeRow{}).Error
		if err != nil {
			return fmt.Errorf("delete nesting: %w", err)
		}
		if err := c.log.Changed(nested(e, member{true}, nil)); err != nil {
			return err
		}
	}
	rows := make([]models.GroupEdgeRow, len(fresh))
	for i, e := range fresh {
		rows[i] = models.GroupEdgeRow{AccountID: c.account(), ParentID: e.Parent, ChildID: e.Child, CreatedAt: c.Now}
		if err := c.log.Changed(nested(e, nil, member{true})); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		if err := c.CreateInBatches(rows, rowBatch).Error; err != nil {
			return fmt.Errorf("insert nesting: %w", err)
		}
	}
	return nesting.Save(c.DB, c.account(), before, c.current, append(gone, fresh...))
}

func nested(e nesting.Edge, before, after any) audit.Subject {
	return audit.Subject{Type: audit.Nesting, ID: e.Child, Object: (*[16]byte)(&e.Parent), Before: before, After: after}
}
