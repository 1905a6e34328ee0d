package directory

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"cohort/audit"
	"cohort/directory/nesting"
	"cohort/models"
)

// What a user effectively has follows from the sources: what is set on the user, what the groups grant that the
// user is effectively in, what is blocked, and the seats. Whatever alters a source only names the users that may
// be concerned, by touch; settle then works out anew what they have, compares it with what is stored and writes
// the difference. Statuses, seats, the log and the feed are read off that difference, and nobody else computes
// any of them.

// touch names users whose products or whose status may have changed.
func (c *change) touch(ids ...models.UserID) {
	if c.touched == nil {
		c.touched = map[models.UserID]bool{}
	}
	for _, id := range ids {
		c.touched[id] = true
	}
}

// touchMembers names the effective members of groups.
func (c *change) touchMembers(groups ...models.GroupID) error {
	return chunks(groups, func(part []models.GroupID) error {
		var ids []models.UserID
		err := c.Raw("SELECT DISTINCT m.user_id FROM group_closure c JOIN memberships m ON m.account_id = c.account_id AND m.group_id = c.descendant_id "+
			"WHERE c.account_id = ? AND c.ancestor_id IN ?", c.account(), part).Scan(&ids).Error
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		c.touch(ids...)
		return nil
	})
}

// touchNested names those who are concerned by edges that came or went.
func (c *change) touchNested(before, after *nesting.Graph, changed []nesting.Edge) error {
	var children []models.GroupID
	for _, e := range changed {
		if before.Granted(e.Parent) || after.Granted(e.Parent) {
			children = append(children, e.Child)
		}
	}
	return c.touchMembers(unique(children)...)
}

// difference is what settle has found and written.
type difference struct {
	gained, lost     []models.Holding               // with a seat
	waiting, dropped []models.Holding               // without one: newly entitled, and no longer so or now with one
	users            map[models.UserID]*models.User // whose row is another now
	suspended        []models.UserID                // for want of products
	resumed          []models.UserID
	firsts           []models.Holding // of the gained: for the first time ever, with instructions
}

// settle brings the entitlements of the users touched, their seats and their statuses up to date, unless they are so
// many that it is a job's: then nothing is different yet.
func (c *change) settle() (*difference, error) {
	if c.defers && len(c.touched) > c.d.inPlace {
		return &difference{}, nil
	}
	return c.settleAll()
}

// settleAll is settle for however many.
func (c *change) settleAll() (*difference, error) {
	d := &difference{users: map[models.UserID]*models.User{}}
	if len(c.touched) == 0 && len(c.reseat) == 0 {
		return d, nil
	}
	users := sortedIDs(c.touched)
	seats, err := c.openSeats()
	if err != nil {
		return nil, err
	}
	var claims []models.Holding // newly entitled, in the order of the line
	err = chunks(users, func(part []models.UserID) error {
		want, err := entitled(c, part)
		if err != nil {
			return err
		}
		var have []models.EntitlementRow
		if err := c.Where("account_id = ? AND user_id IN ?", c.account(), part).Order("user_id, product_id").Find(&have).Error; err != nil {
			return fmt.Errorf("read entitlements: %w", err)
		}
		for _, row := range have {
			h := models.Holding{User: row.UserID, Product: row.ProductID}
			if want[h] {
				delete(want, h)
				continue
			}
			if seats.leave(row); row.State == models.ProductStateEnabled {
				d.lost = append(d.lost, h)
			} else {
				d.dropped = append(d.dropped, h)
			}
		}
		claims = append(claims, slices.SortedFunc(maps.Keys(want), compareHoldings)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := seats.settle(d, claims); err != nil {
		return nil, err
	}
	if err := c.noteProducts(d); err != nil {
		return nil, err
	}
	for _, h := range slices.Concat(d.gained, d.lost) {
		c.touch(h.User)
	}
	if err := c.settleStatuses(d); err != nil {
		return nil, err
	}
	c.touched, c.reseat = nil, nil
	c.products = seats.products
	c.effects.add(d)
	return d, nil
}

func sortedIDs(ids map[models.UserID]bool) []models.UserID {
	return slices.SortedFunc(maps.Keys(ids), func(a, b models.UserID) int { return bytes.Compare(a[:], b[:]) })
}

func compareHoldings(a, b models.Holding) int {
	return cmp.Or(bytes.Compare(a.User[:], b.User[:]), bytes.Compare(a.Product[:], b.Product[:]))
}

// grantedToMembers are the grants g that reach the users of direct memberships m.
const grantedToMembers = "memberships m " +
	"JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id " +
	"JOIN group_products g ON g.account_id = c.account_id AND g.group_id = c.ancestor_id"

// entitled is what the sources give to each of the users.
func entitled(c *change, users []models.UserID) (map[models.Holding]bool, error) {
	want, err := c.inheritedProducts(users)
	if err != nil {
		return nil, err
	}
	var rows []models.UserProductRow
	err = c.Raw("SELECT p.user_id, p.product_id FROM user_products p WHERE p.account_id = ? AND p.user_id IN ? AND NOT EXISTS (SELECT 1 FROM user_product_blocks b "+
		"WHERE b.account_id = p.account_id AND b.user_id = p.user_id AND b.product_id = p.product_id)", c.account(), users).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read sources of products: %w", err)
	}
	for _, row := range rows {
		want[models.Holding{User: row.UserID, Product: row.ProductID}] = true
	}
	return want, nil
}

// noteProducts writes what users have gained and lost to the log and the feed, and who waits to the log alone: nobody
// has anything of that yet.
func (c *change) noteProducts(d *difference) error {
	const (
		enabled = audit.Encoded(`{"state":"` + string(models.ProductStateEnabled) + `"}`)
		waiting = audit.Encoded(`{"state":"` + string(models.ProductStateNoSeat) + `"}`)
	)
	for _, part := range []struct {
		holdings      []models.Holding
		entity        string
		before, after any
		note          func(audit.Subject) error
	}{
		{d.lost, audit.Product, enabled, nil, c.log.Changed},
		{d.gained, audit.Product, nil, enabled, c.log.Changed},
		{d.dropped, audit.Waiting, waiting, nil, c.log.Recorded},
		{d.waiting, audit.Waiting, nil, waiting, c.log.Recorded},
	} {
		for _, h := range part.holdings {
			err := part.note(audit.Subject{Type: part.entity, ID: h.User, Object: (*[16]byte)(&h.Product), Before: part.before, After: part.after})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
