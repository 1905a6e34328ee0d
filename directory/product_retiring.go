package directory

import (
	"fmt"

	"cohort/models"
)

// retiring is the work of productDelete: it takes from users what has left the catalogue. The product itself goes with the
// last of them, since what they have names it.
type retiring struct {
	Product models.ProductID `json:"product"`
}

// retire takes a product out of the catalogue and from all groups, and answers with the users who have it, wait for it or
// are kept from it.
func (c *change) retire(product *models.Product) ([]models.UserID, error) {
	var groups []models.GroupID
	if err := c.Raw("SELECT group_id FROM group_products WHERE account_id = ? AND product_id = ?", c.account(), product.ID).Scan(&groups).Error; err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	grants := make([]grant, len(groups))
	for i, group := range groups {
		grants[i] = grant{group, product.ID}
	}
	if _, err := c.setGrants(grants, false); err != nil {
		return nil, err
	}
	c.touched = nil // the members are among the holders
	if err := c.Model(&models.Product{}).Where("account_id = ? AND id = ?", c.account(), product.ID).UpdateColumn("retired_at", c.Now).Error; err != nil {
		return nil, fmt.Errorf("retire product: %w", err)
	}
	return c.holders(product.ID)
}

// holders are the users of whom something is stored that names the product, but that they have had it, which stays.
func (c *change) holders(product models.ProductID) ([]models.UserID, error) {
	var users []models.UserID
	err := c.Raw("SELECT user_id FROM entitlements WHERE account_id = ? AND product_id = ? UNION SELECT user_id FROM user_products WHERE account_id = ? AND product_id = ? "+
		"UNION SELECT user_id FROM user_product_blocks WHERE account_id = ? AND product_id = ? ORDER BY user_id",
		c.account(), product, c.account(), product, c.account(), product).Scan(&users).Error
	if err != nil {
		return nil, fmt.Errorf("read who has the product: %w", err)
	}
	return users, nil
}

func (w *retiring) do(c *change, part []*subject) error {
	holdings := make([]models.Holding, len(part))
	for i, s := range part {
		holdings[i] = models.Holding{User: s.userID(), Product: w.Product}
		c.touch(s.userID())
	}
	if _, err := c.setDirect(holdings, false); err != nil {
		return err
	}
	_, err := c.setBlocks(holdings, false)
	return err
}

func (w *retiring) conclude(_ *change, part []*subject) error {
	for _, s := range part {
		s.outcome = outcomeOf(&s.detail)
	}
	return nil
}

// finish deletes the product when nobody is left.
func (w *retiring) finish(c *change) error {
	rest, err := c.holders(w.Product)
	if err != nil {
		return err
	}
	if len(rest) > 0 { // whom an older change has reached in the meantime
		if err := c.step(w, userSubjects(rest)); err != nil {
			return err
		}
	}
	if err := c.Where("account_id = ? AND product_id = ?", c.account(), w.Product).Delete(&reservation{}).Error; err != nil {
		return fmt.Errorf("delete reservations: %w", err)
	}
	if err := c.Where("account_id = ? AND id = ?", c.account(), w.Product).Delete(&models.Product{}).Error; err != nil {
		return fmt.Errorf("delete product: %w", err)
	}
	return nil
}
