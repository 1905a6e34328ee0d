package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// SetUsersProducts replaces, adds or removes the products set on users, and says for each what became of it. Admins for
// members, and super admins; each user gets an outcome. The errors of a selection; NOT_FOUND and CONFLICT for a
// product; REQUIRED for none to add or to remove; CHOOSE_INHERITED for a REPLACE by nothing where groups give
// something and in.BlockInherited doesn't say what is to become of that. With the error policy REJECT_ALL also
// FORBIDDEN, NOT_FOUND and NO_SEATS for users, and then nothing is changed. And the errors of carryOut.
func (d *Directory) SetUsersProducts(ctx context.Context, who auth.Caller, in models.UsersProductsSetInput) (*models.UsersProductsSetPayload, error) {
	return carryOut(ctx, d, who, "Mutation.usersProductsSet", in, in.EffectOptions, func(c *change) (*models.UsersProductsSetPayload, error) {
		products, err := c.named(in.ProductKeys, in.Mode)
		if err != nil {
			return nil, err
		}
		ids, err := selectUsers(c.DB, c.account(), in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		w := &assigning{Mode: in.Mode, Block: in.BlockInherited != nil && *in.BlockInherited, products: products}
		for _, p := range products {
			w.Products = append(w.Products, p.ID)
		}
		if in.Mode == models.ProductModeReplace && len(products) == 0 && in.BlockInherited == nil {
			if err := c.chosen(ids); err != nil {
				return nil, err
			}
		}
		c.losing = w.takesAll()
		if err := c.perform(w, ids); err != nil {
			return nil, err
		}
		if in.ErrorPolicy == models.ErrorPolicyRejectAll {
			if err := c.rejectAll(w, in.Selection, ids); err != nil {
				return nil, err
			}
		}
		return productsPayload(c), nil
	})
}

// named are the products with these keys. NOT_FOUND for one that there is not, CONFLICT for one that is there twice,
// REQUIRED for none, which only replacing knows what to do with.
func (c *change) named(keys []string, mode models.ProductMode) ([]*models.Product, error) {
	all, err := catalogue(c.DB, c.account())
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	if len(keys) == 0 && mode != models.ProductModeReplace {
		_ = errs.Add(models.Errorf(models.CodeRequired, "name at least one product"), "input", "productKeys")
	}
	products := make([]*models.Product, 0, len(keys))
	for i, key := range keys {
		at := slices.IndexFunc(all, func(p *models.Product) bool { return p.Key == key })
		switch {
		case at < 0:
			_ = errs.Add(notFound("product"), "input", "productKeys", strconv.Itoa(i))
		case slices.Contains(products, all[at]):
			_ = errs.Add(models.Errorf(models.CodeConflict, "the product %s stands there twice", key), "input", "productKeys", strconv.Itoa(i))
		default:
			products = append(products, all[at])
		}
	}
	return products, errs.OrNil()
}

// inheritedProducts are those that groups give to users and nobody has blocked.
func (c *change) inheritedProducts(users []models.UserID) (map[models.Holding]bool, error) {
	var rows []struct {
		UserID    models.UserID
		ProductID models.ProductID
	}
	err := c.Raw("SELECT DISTINCT m.user_id, g.product_id FROM "+grantedToMembers+" WHERE m.account_id = ? AND m.user_id IN ? AND NOT EXISTS (SELECT 1 FROM user_product_blocks b "+
		"WHERE b.account_id = m.account_id AND b.user_id = m.user_id AND b.product_id = g.product_id)", c.account(), users).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read inherited products: %w", err)
	}
	found := make(map[models.Holding]bool, len(rows))
	for _, row := range rows {
		found[models.Holding{User: row.UserID, Product: row.ProductID}] = true
	}
	return found, nil
}

// productsPayload tells of the users whose products were set here, of those first that failed.
func productsPayload(c *change) *models.UsersProductsSetPayload {
	payload := &models.UsersProductsSetPayload{}
	if c.done == nil {
		return payload
	}
	payload.Counts = &c.tally.counts
	for _, s := range c.tally.first(maxResults) {
		payload.Results = append(payload.Results, &models.ProductsResult{UserID: s.userID(), User: s.user, Outcome: models.ProductsOutcome(s.outcome)})
	}
	payload.Impact = &c.effects.impact.ProductsImpact
	return payload
}

// maxRejected bounds the users that a refusal of all names.
const maxRejected = 20

// rejectAll is what stands in the way of all, where it is all or nothing.
func (c *change) rejectAll(w *assigning, selection *models.UserSelection, ids []models.UserID) error {
	var errs models.Errors
	add := func(s *subject) {
		if len(errs) == maxRejected {
			return
		}
		path := []string{"input", "selection"}
		if i := slices.Index(selection.Ids, s.userID()); i >= 0 {
			path = append(path, "ids", strconv.Itoa(i))
		}
		switch s.outcome {
		case models.JobOutcomeNotFound:
			_ = errs.Add(models.Errorf(models.CodeNotFound, "there is no user %s", s.userID()), path...)
		case models.JobOutcomeForbidden:
			_ = errs.Add(models.Errorf(models.CodeForbidden, "only super admins may do this to the user %s", s.userID()), path...)
		}
	}
	waiting := c.tally.counts.NoSeat
	for _, s := range c.tally.failed {
		add(s)
	}
	if c.left != nil { // a job will do it: look before it begins, and keep the seats for it
		err := chunks(ids, func(part []models.UserID) error {
			subjects := userSubjects(part)
			_, err := c.allowed(subjects)
			for _, s := range subjects {
				add(s)
			}
			return err
		})
		if err != nil {
			return err
		}
		if waiting, err = c.reserve(w); err != nil {
			return err
		}
	}
	if waiting > 0 {
		_ = errs.Add(models.Errorf(models.CodeNoSeats, "%d users would be left without a seat", waiting).With("users", strconv.Itoa(int(waiting))), "input", "productKeys")
	}
	return errs.OrNil()
}
