package directory

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// SetGroupProducts replaces, adds or removes what a group grants to its members and to those of the groups in it.
// Admins. NOT_FOUND for the group or a product, CONFLICT, REQUIRED.
func (d *Directory) SetGroupProducts(ctx context.Context, who auth.Caller, in models.GroupProductsSetInput) (*models.GroupProductsSetPayload, error) {
	return tryOut(ctx, d, who, "Mutation.groupProductsSet", in.DryRun, func(c *change) (*models.GroupProductsSetPayload, error) {
		group, err := findGroup(c.DB, c.account(), in.GroupID)
		if err != nil {
			return nil, err
		}
		if group == nil {
			return nil, notFound("group").At("input", "groupId")
		}
		impact, err := c.grantTo([]models.GroupID{group.ID}, in.ProductKeys, in.Mode)
		if err != nil {
			return nil, err
		}
		return &models.GroupProductsSetPayload{Group: group, Impact: impact}, nil
	})
}

// SetGroupsProducts is SetGroupProducts for a selection of groups, all or nothing. Admins. The errors of a selection as
// well, and NOT_FOUND for a group that is named and not there.
func (d *Directory) SetGroupsProducts(ctx context.Context, who auth.Caller, in models.GroupsProductsSetInput) (*models.GroupsProductsSetPayload, error) {
	return tryOut(ctx, d, who, "Mutation.groupsProductsSet", in.DryRun, func(c *change) (*models.GroupsProductsSetPayload, error) {
		ids, err := selectGroups(c.DB, c.account(), in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		found, err := groupsByID(c.DB, c.account(), ids)
		if err != nil {
			return nil, err
		}
		var errs models.Errors
		for i, id := range in.Selection.Ids {
			if found[id] == nil && len(errs) < maxRejected {
				_ = errs.Add(notFound("group"), "input", "selection", "ids", strconv.Itoa(i))
			}
		}
		if err := errs.OrNil(); err != nil {
			return nil, err
		}
		groups := pick(found, ids)
		impact, err := c.grantTo(ids, in.ProductKeys, in.Mode)
		if err != nil {
			return nil, err
		}
		return &models.GroupsProductsSetPayload{Groups: groups[:min(len(groups), maxResults)], Impact: impact}, nil
	})
}

func (c *change) grantTo(groups []models.GroupID, keys []string, mode models.ProductMode) (*models.ProductsImpact, error) {
	products, err := c.named(keys, mode)
	if err != nil {
		return nil, err
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
			return nil, err
		}
		for _, g := range slices.SortedFunc(maps.Keys(there), compareGrants) {
			if !slices.ContainsFunc(products, func(p *models.Product) bool { return p.ID == g.product }) {
				others = append(others, g)
			}
		}
	}
	if err := c.setGrants(named, mode != models.ProductModeRemove); err != nil {
		return nil, err
	}
	if err := c.setGrants(others, false); err != nil {
		return nil, err
	}
	settled, err := c.settle()
	if err != nil {
		return nil, err
	}
	return impactOf(settled), nil
}
