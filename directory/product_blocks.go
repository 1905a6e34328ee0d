package directory

import (
	"context"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// SetProductBlocks blocks products that a user's groups give, or lifts that. Admins for members, and super admins.
// NOT_FOUND, FORBIDDEN; CONFLICT for a product that is set on the user, or stands there twice; REQUIRED.
func (d *Directory) SetProductBlocks(ctx context.Context, who auth.Caller, in models.UserProductBlocksSetInput) (*models.UserProductBlocksSetPayload, error) {
	return carryOut(ctx, d, who, "Mutation.userProductBlocksSet", in, in.EffectOptions, func(c *change) (*models.UserProductBlocksSetPayload, error) {
		products, err := c.named(in.ProductKeys, models.ProductModeAdd)
		if err != nil {
			return nil, err
		}
		user, err := c.targetIn("userId", in.UserID)
		if err != nil {
			return nil, err
		}
		direct, err := sources(c.DB, c.account(), []models.UserID{user.ID}, "user_products")
		if err != nil {
			return nil, err
		}
		var errs models.Errors
		holdings := make([]models.Holding, len(products))
		for i, p := range products {
			holdings[i] = models.Holding{User: user.ID, Product: p.ID}
			if in.Blocked && direct[holdings[i]] {
				_ = errs.Add(models.Errorf(models.CodeConflict, "%s is set on the user: remove it there", p.Name), "input", "productKeys", strconv.Itoa(i))
			}
		}
		if err := errs.OrNil(); err != nil {
			return nil, err
		}
		w := &blocking{Blocked: in.Blocked}
		for _, p := range products {
			w.Products = append(w.Products, p.ID)
		}
		c.losing = in.Blocked
		if err := c.perform(w, []models.UserID{user.ID}); err != nil {
			return nil, err
		}
		payload := &models.UserProductBlocksSetPayload{User: user}
		if len(c.done) > 0 {
			payload.User, payload.Impact = c.done[0].user, &c.effects.impact.ProductsImpact
		}
		return payload, nil
	})
}

// blocking is the work of userProductBlocksSet.
type blocking struct {
	Products []models.ProductID `json:"products"`
	Blocked  bool               `json:"blocked"`
}

func (w *blocking) do(c *change, part []*subject) error {
	users, err := c.allowed(part)
	if err != nil || len(users) == 0 {
		return err
	}
	there, err := c.present()
	if err != nil {
		return err
	}
	var holdings []models.Holding
	for _, user := range users {
		for _, product := range w.Products {
			if there[product] { // and has not left the catalogue meanwhile
				holdings = append(holdings, models.Holding{User: user, Product: product})
			}
		}
	}
	note := func(d *models.JobDetail) *[]models.ProductID { return &d.Blocked }
	if !w.Blocked {
		note = func(d *models.JobDetail) *[]models.ProductID { return &d.Unblocked }
	}
	return c.setNoted(holdings, w.Blocked, c.setBlocks, byUser(part), note)
}

func (w *blocking) conclude(_ *change, part []*subject) error {
	concludeSources(part)
	return nil
}
