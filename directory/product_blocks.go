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
		user, err := findUser(c.DB, c.account(), in.UserID)
		switch {
		case err != nil:
			return nil, err
		case user == nil:
			return nil, notFound("user").At("input", "userId")
		case !c.answer.On(c.who, user.ID, user.Role):
			return nil, models.Errorf(models.CodeForbidden, "only super admins may do this to somebody in the role %s", user.Role).At("input", "userId")
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
		if _, err := c.setBlocks(holdings, in.Blocked); err != nil {
			return nil, err
		}
		settled, err := c.settle()
		if err != nil {
			return nil, err
		}
		if now := settled.users[user.ID]; now != nil {
			user = now
		}
		return &models.UserProductBlocksSetPayload{User: user, Impact: c.impact()}, nil
	})
}
