package directory

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store"
)

// The sources of what users have: products set on them, blocks, and what groups grant. Each of these steps writes
// the rows that are not so yet, notes them and names the users concerned; settle does the rest.

// kept is what the log keeps of a source.
const kept = audit.Encoded(`{"is":true}`)

// setDirect sets products on users, or takes them away, and answers with the pairs that were not so before.
func (c *change) setDirect(holdings []models.Holding, is bool) ([]models.Holding, error) {
	return c.setSource(holdings, is, audit.Assignment, "user_products")
}

// setBlocks blocks what groups give to users, or lifts that, and answers with the pairs that were not so before.
func (c *change) setBlocks(holdings []models.Holding, is bool) ([]models.Holding, error) {
	return c.setSource(holdings, is, audit.Block, "user_product_blocks")
}

func (c *change) setSource(holdings []models.Holding, is bool, entity, table string) ([]models.Holding, error) {
	var changed []models.Holding
	c.losing = c.losing || is == (entity == audit.Block)
	err := chunks(holdings, func(part []models.Holding) error {
		there, err := c.sourcesOf(part, table)
		if err != nil {
			return err
		}
		byProduct := map[models.ProductID][]models.UserID{}
		rows := store.Into(c.DB, table, "account_id, user_id, product_id, created_at")
		for _, h := range part {
			if there[h] == is {
				continue
			}
			there[h] = is
			subject := audit.Subject{Type: entity, ID: h.User, Object: (*[16]byte)(&h.Product)}
			if is {
				subject.After = kept
				if err := rows.Row(c.Account.ID[:], h.User[:], h.Product[:], c.Now); err != nil {
					return err
				}
			} else {
				subject.Before = kept
				byProduct[h.Product] = append(byProduct[h.Product], h.User)
			}
			if err := c.log.Recorded(subject); err != nil {
				return err
			}
			changed = append(changed, h)
			c.touch(h.User)
		}
		if err := rows.End(); err != nil {
			return err
		}
		for product, users := range byProduct {
			if err := c.Exec("DELETE FROM "+table+" WHERE account_id = ? AND product_id = ? AND user_id IN ?", c.account(), product, users).Error; err != nil {
				return fmt.Errorf("delete from %s: %w", table, err)
			}
		}
		return nil
	})
	return changed, err
}

// sourcesOf are the rows of the holdings' users, which need not be read where they are known.
func (c *change) sourcesOf(holdings []models.Holding, table string) (map[models.Holding]bool, error) {
	if there := c.known[table]; there != nil {
		return there, nil
	}
	users := make([]models.UserID, len(holdings))
	for i, h := range holdings {
		users[i] = h.User
	}
	return sources(c.DB, c.account(), unique(users), table)
}

// sources are the rows of users in user_products or user_product_blocks.
func sources(tx *gorm.DB, account models.AccountID, users []models.UserID, table string) (map[models.Holding]bool, error) {
	var rows []models.UserProductRow
	if err := tx.Table(table).Where("account_id = ? AND user_id IN ?", account, users).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	there := make(map[models.Holding]bool, len(rows))
	for _, row := range rows {
		there[models.Holding{User: row.UserID, Product: row.ProductID}] = true
	}
	return there, nil
}

// grant is one group and one product.
type grant struct {
	group   models.GroupID
	product models.ProductID
}

func compareGrants(a, b grant) int {
	return cmp.Or(bytes.Compare(a.group[:], b.group[:]), bytes.Compare(a.product[:], b.product[:]))
}

// setGrants grants products to groups, or ends that, and answers with the grants that were not so before.
func (c *change) setGrants(grants []grant, is bool) ([]grant, error) {
	if len(grants) == 0 {
		return nil, nil
	}
	graph, err := c.graph() // which reads the grants, and must not do so between the writing of them and its end
	if err != nil {
		return nil, err
	}
	groups := map[models.GroupID]bool{}
	for _, g := range grants {
		groups[g.group] = true
	}
	there, err := c.grantsOf(groups)
	if err != nil {
		return nil, err
	}
	var rows []models.GroupProductRow
	moved := map[models.GroupID]bool{}
	var changed []grant
	c.losing = c.losing || !is
	for _, g := range grants {
		if there[g] == is {
			continue
		}
		there[g] = is
		moved[g.group] = true
		changed = append(changed, g)
		subject := audit.Subject{Type: audit.Grant, ID: g.group, Object: (*[16]byte)(&g.product)}
		if is {
			subject.After = kept
			rows = append(rows, models.GroupProductRow{AccountID: c.account(), GroupID: g.group, ProductID: g.product, CreatedAt: c.Now})
		} else {
			subject.Before = kept
			if err := c.Where("account_id = ? AND group_id = ? AND product_id = ?", c.account(), g.group, g.product).Delete(&models.GroupProductRow{}).Error; err != nil {
				return nil, fmt.Errorf("delete grant: %w", err)
			}
		}
		if err := c.log.Recorded(subject); err != nil {
			return nil, err
		}
	}
	if len(moved) == 0 {
		return nil, nil
	}
	if len(rows) > 0 {
		if err := c.CreateInBatches(rows, rowBatch).Error; err != nil {
			return nil, fmt.Errorf("insert grants: %w", err)
		}
	}
	granting := maps.Clone(graph.Grants())
	for id := range groups {
		delete(granting, id)
	}
	for g, is := range there {
		if is {
			granting[g.group] = true
		}
	}
	c.current = graph.Granting(granting)
	c.Account.GraphVersion = c.current.Version
	return changed, c.touchMembers(slices.SortedFunc(maps.Keys(moved), nesting.Older)...)
}

// grantsOf are the grants of groups.
func (c *change) grantsOf(groups map[models.GroupID]bool) (map[grant]bool, error) {
	there := map[grant]bool{}
	err := chunks(slices.SortedFunc(maps.Keys(groups), nesting.Older), func(part []models.GroupID) error {
		var rows []models.GroupProductRow
		if err := c.Where("account_id = ? AND group_id IN ?", c.account(), part).Find(&rows).Error; err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		for _, row := range rows {
			there[grant{row.GroupID, row.ProductID}] = true
		}
		return nil
	})
	return there, err
}

// endGrants takes everything from groups that they grant.
func (c *change) endGrants(groups []models.GroupID) error {
	of := map[models.GroupID]bool{}
	for _, id := range groups {
		of[id] = true
	}
	there, err := c.grantsOf(of)
	if err != nil {
		return err
	}
	_, err = c.setGrants(slices.SortedFunc(maps.Keys(there), compareGrants), false)
	return err
}

// dropProducts takes everything from a user who is being deleted, so that others get the seats.
func (c *change) dropProducts(user models.UserID) error {
	for _, table := range []string{"user_products", "user_product_blocks", "product_firsts"} {
		if err := c.Exec("DELETE FROM "+table+" WHERE account_id = ? AND user_id = ?", c.account(), user).Error; err != nil {
			return fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	c.leaving = user
	c.touch(user)
	_, err := c.settleAll()
	return err
}
