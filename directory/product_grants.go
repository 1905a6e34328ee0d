package directory

import (
	"context"
	"maps"
	"slices"

	"cohort/auth"
	"cohort/models"
)

// SetGroupProducts replaces, adds or removes what a group grants to its members and to those of the groups in it.
// Admins. NOT_FOUND for the group or a product, CONFLICT, REQUIRED.
func (d *Directory) SetGroupProducts(ctx context.Context, who auth.Caller, in models.GroupProductsSetInput) (*models.GroupProductsSetPayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupProductsSet", in, in.EffectOptions, func(c *change) (*models.GroupProductsSetPayload, error) {
		group, err := findGroup(c.DB, c.account(), in.GroupID)
		if err != nil {
			return nil, err
		}
		if group == nil {
			return nil, notFound("group").At("input", "groupId")
		}
		if err := c.grantTo([]models.GroupID{group.ID}, in.ProductKeys, in.Mode); err != nil {
			return nil, err
		}
		return &models.GroupProductsSetPayload{Group: group, Impact: c.impact()}, nil
	})
}

// SetGroupsProducts is SetGroupProducts for a selection of groups, all or nothing. Admins. The errors of a selection as
// well, and NOT_FOUND for a group that is named and not there.
func (d *Directory) SetGroupsProducts(ctx context.Context, who auth.Caller, in models.GroupsProductsSetInput) (*models.GroupsProductsSetPayload, error) {
	return carryOut(ctx, d, who, "Mutation.groupsProductsSet", in, in.EffectOptions, func(c *change) (*models.GroupsProductsSetPayload, error) {
		groups, err := c.groupsSelected(in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		if err := c.grantTo(groupIDs(groups), in.ProductKeys, in.Mode); err != nil {
			return nil, err
		}
		return &models.GroupsProductsSetPayload{Groups: groups[:min(len(groups), maxResults)], Impact: c.impact()}, nil
	})
}

// grantTo changes what groups grant, of each of which it says what became of it.
func (c *change) grantTo(groups []models.GroupID, keys []string, mode models.ProductMode) error {
	products, err := c.named(keys, mode)
	if err != nil {
		return err
	}
	of := map[models.GroupID]bool{}
	var named, others []grant
	for _, id := range groups {
		of[id] = true
		for _, p := range products {
			named = append(named, grant{id, p.ID})
		}
	}
	if mode == models.ProductModeReplace {
		there, err := c.grantsOf(of)
		if err != nil {
			return err
		}
		for _, g := range slices.SortedFunc(maps.Keys(there), compareGrants) {
			if !slices.ContainsFunc(products, func(p *models.Product) bool { return p.ID == g.product }) {
				others = append(others, g)
			}
		}
	}
	set, err := c.setGrants(named, mode != models.ProductModeRemove)
	if err != nil {
		return err
	}
	ended, err := c.setGrants(others, false)
	if err != nil {
		return err
	}
	if mode == models.ProductModeRemove {
		set, ended = nil, set
	}
	c.noteGrants(groups, set, ended)
	_, err = c.settle()
	return err
}

// noteGrants says what became of the groups, for the job that this is told as.
func (c *change) noteGrants(groups []models.GroupID, set, ended []grant) {
	details := map[models.GroupID]*models.JobDetail{}
	for _, id := range groups {
		details[id] = &models.JobDetail{}
	}
	for _, g := range set {
		details[g.group].Granted = append(details[g.group].Granted, g.product)
	}
	for _, g := range ended {
		details[g.group].Ended = append(details[g.group].Ended, g.product)
	}
	for _, id := range groups {
		s := &subject{kind: groupSubject, id: id, outcome: models.JobOutcomeUnchanged, detail: *details[id]}
		if movesSources(&s.detail) {
			s.outcome = models.JobOutcomeChanged
		}
		c.done = append(c.done, s)
	}
	c.bulk, c.groups = true, groups
}
