package directory

import (
	"bytes"
	"fmt"
	"slices"

	"cohort/models"
	"cohort/store"
)

// seating gives the seats of products to those entitled, first come, first served.
type seating struct {
	c        *change
	all      []*models.Product // by name
	products map[models.ProductID]*models.Product
	used     map[models.ProductID]int32 // as it was
	reserved map[models.ProductID]int32 // for jobs, the own one among them
	own      map[models.ProductID]int32 // for the job that this is a part of
	left     []models.EntitlementRow    // no longer entitled
}

// openSeats reads the catalogue, whose seats stay as they are while the account is locked, and what is reserved of them.
func (c *change) openSeats() (*seating, error) {
	s := &seating{c: c, products: map[models.ProductID]*models.Product{}, used: map[models.ProductID]int32{}, reserved: map[models.ProductID]int32{}, own: map[models.ProductID]int32{}}
	var err error
	s.all, err = products(c.Where("account_id = ?", c.account())) // those among them that are leaving
	if err != nil {
		return nil, err
	}
	limited := false
	for _, p := range s.all {
		s.products[p.ID], s.used[p.ID] = p, p.SeatsUsed
		limited = limited || p.Seats != nil
	}
	if !limited {
		return s, nil
	}
	var reservations []reservation
	if err := c.Where("account_id = ?", c.account()).Find(&reservations).Error; err != nil {
		return nil, fmt.Errorf("read reservations: %w", err)
	}
	for _, r := range reservations {
		s.reserved[r.ProductID] += r.Seats
		if c.job != nil && r.JobID == c.job.ID {
			s.own[r.ProductID] = r.Seats
		}
	}
	return s, nil
}

// free is how many seats of a product are neither in use nor reserved.
func (s *seating) free(p *models.Product) int32 {
	if p.Seats == nil {
		return models.MaxSeats
	}
	return max(*p.Seats-p.SeatsUsed-s.reserved[p.ID], 0)
}

// leave notes that somebody is no longer entitled.
func (s *seating) leave(row models.EntitlementRow) {
	s.left = append(s.left, row)
	if row.State == models.ProductStateEnabled {
		s.products[row.ProductID].SeatsUsed--
	}
}

// settle deletes what nobody is entitled to any more, gives the seats that are free to those who wait, in the order
// of the line, and then to the new ones, the rest of whom wait behind them.
func (s *seating) settle(d *difference, claims []models.Holding) error {
	if err := s.deleteLeft(); err != nil {
		return err
	}
	claimed := map[models.ProductID]bool{}
	for _, h := range claims {
		claimed[h.Product] = true
	}
	for _, p := range s.all {
		freed := s.used[p.ID] - p.SeatsUsed
		if s.free(p) > 0 && (freed > 0 || s.c.reseat[p.ID] || claimed[p.ID] && p.Seats != nil) {
			more, err := s.promote(d, p, max(int(freed), s.c.d.inPlace))
			if err != nil {
				return err
			}
			if more {
				s.c.queue(p.ID)
			}
		}
	}
	rows := store.Into(s.c.DB, models.EntitlementRow{}.TableName(), "account_id, user_id, product_id, state, since")
	for i := range claims {
		h := &claims[i]
		p, state, since := s.products[h.Product], models.ProductStateEnabled, s.c.Now
		switch own := s.own[p.ID]; {
		case own > 0:
			s.own[p.ID]--
			s.reserved[p.ID]--
			since = s.c.job.CreatedAt // when the seat was promised
		case s.free(p) == 0, s.c.queued[p.ID] && p.Seats != nil:
			state = models.ProductStateNoSeat
		}
		if err := rows.Row(s.c.Account.ID[:], h.User[:], h.Product[:], string(state), since); err != nil {
			return err
		}
		if state == models.ProductStateNoSeat {
			d.waiting = append(d.waiting, *h)
			continue
		}
		p.SeatsUsed++
		d.gained = append(d.gained, *h)
	}
	if err := rows.End(); err != nil {
		return err
	}
	if err := s.noteFirsts(d); err != nil {
		return err
	}
	if err := s.saveOwn(); err != nil {
		return err
	}
	return s.saveUsed()
}

func (s *seating) deleteLeft() error {
	byProduct := map[models.ProductID][]models.UserID{}
	for _, row := range s.left {
		byProduct[row.ProductID] = append(byProduct[row.ProductID], row.UserID)
	}
	for product, users := range byProduct {
		err := chunks(users, func(part []models.UserID) error {
			return s.c.Where("account_id = ? AND product_id = ? AND user_id IN ?", s.c.account(), product, part).Delete(&models.EntitlementRow{}).Error
		})
		if err != nil {
			return fmt.Errorf("delete entitlements: %w", err)
		}
	}
	return nil
}

// promote gives the free seats of a product to the first in its line, at most so many of them, and tells whether the
// line may go on behind them.
func (s *seating) promote(d *difference, p *models.Product, most int) (bool, error) {
	limit := min(most, int(s.free(p)))
	line := s.c.Where("account_id = ? AND product_id = ? AND state = ?", s.c.account(), p.ID, models.ProductStateNoSeat).
		Order("since, user_id").Limit(limit)
	var first []models.EntitlementRow
	if err := line.Find(&first).Error; err != nil {
		return false, fmt.Errorf("read those who wait: %w", err)
	}
	var users []models.UserID
	for _, row := range first {
		p.SeatsUsed++
		users = append(users, row.UserID)
		h := models.Holding{User: row.UserID, Product: p.ID}
		d.gained, d.dropped = append(d.gained, h), append(d.dropped, h)
	}
	return len(first) == most, chunks(users, func(part []models.UserID) error {
		err := s.c.Model(&models.EntitlementRow{}).Where("account_id = ? AND product_id = ? AND user_id IN ?", s.c.account(), p.ID, part).
			Update("state", models.ProductStateEnabled).Error
		if err != nil {
			return fmt.Errorf("give seats: %w", err)
		}
		return nil
	})
}

// noteFirsts remembers who has a product for the first time ever.
func (s *seating) noteFirsts(d *difference) error {
	byUser := map[models.UserID][]models.ProductID{}
	var users []models.UserID
	for _, h := range d.gained {
		if byUser[h.User] == nil {
			users = append(users, h.User)
		}
		byUser[h.User] = append(byUser[h.User], h.Product)
	}
	slices.SortFunc(users, func(a, b models.UserID) int { return bytes.Compare(a[:], b[:]) })
	return chunks(users, func(part []models.UserID) error {
		var known []models.ProductFirstRow
		if err := s.c.Where("account_id = ? AND user_id IN ?", s.c.account(), part).Find(&known).Error; err != nil {
			return fmt.Errorf("read first times: %w", err)
		}
		had := map[models.Holding]bool{}
		for _, row := range known {
			had[models.Holding{User: row.UserID, Product: row.ProductID}] = true
		}
		rows := store.Into(s.c.DB, models.ProductFirstRow{}.TableName(), "account_id, user_id, product_id, created_at")
		for _, user := range part {
			for _, product := range byUser[user] {
				if !had[models.Holding{User: user, Product: product}] {
					if err := rows.Row(s.c.Account.ID[:], user[:], product[:], s.c.Now); err != nil {
						return err
					}
					if s.products[product].WelcomeOnFirstEnable {
						d.firsts = append(d.firsts, models.Holding{User: user, Product: product})
					}
				}
			}
		}
		return rows.End()
	})
}

// queue notes that the line of a product goes on behind those who have got a seat here.
func (c *change) queue(product models.ProductID) {
	if c.queued == nil {
		c.queued = map[models.ProductID]bool{}
	}
	c.queued[product] = true
}

// settleLines goes on along the lines until nobody waits while a seat is free.
func (c *change) settleLines() error {
	for len(c.queued) > 0 {
		c.reseat, c.queued = c.queued, nil
		if _, err := c.settleAll(); err != nil {
			return err
		}
	}
	return nil
}

// inLine are those for whom there are seats in the lines that settle has not come to the end of.
func (c *change) inLine() ([]models.UserID, error) {
	if len(c.queued) == 0 {
		return nil, nil
	}
	seats, err := c.openSeats()
	if err != nil {
		return nil, err
	}
	var users []models.UserID
	for id := range c.queued {
		if seats.products[id] == nil { // it has left the catalogue
			continue
		}
		var ids []models.UserID
		err := c.Model(&models.EntitlementRow{}).Where("account_id = ? AND product_id = ? AND state = ?", c.account(), id, models.ProductStateNoSeat).
			Order("since, user_id").Limit(int(seats.free(seats.products[id]))).Pluck("user_id", &ids).Error
		if err != nil {
			return nil, fmt.Errorf("read those who wait: %w", err)
		}
		users = append(users, ids...)
	}
	return unique(users), nil
}

// saveOwn stores what is left of the job's reservations.
func (s *seating) saveOwn() error {
	for id, seats := range s.own {
		err := s.c.Model(&reservation{}).Where("account_id = ? AND product_id = ? AND job_id = ?", s.c.account(), id, s.c.job.ID).Update("seats", seats).Error
		if err != nil {
			return fmt.Errorf("keep reservations: %w", err)
		}
	}
	return nil
}

func (s *seating) saveUsed() error {
	for _, p := range s.all {
		if p.SeatsUsed == s.used[p.ID] {
			continue
		}
		err := s.c.Model(&models.Product{}).Where("account_id = ? AND id = ?", s.c.account(), p.ID).UpdateColumn("seats_used", p.SeatsUsed).Error
		if err != nil {
			return fmt.Errorf("count seats: %w", err)
		}
	}
	return nil
}

// settleStatuses suspends the members who have lost their last product, and lifts that from those who have one again
// or are no members any more.
func (c *change) settleStatuses(d *difference) error {
	return chunks(sortedIDs(c.touched), func(part []models.UserID) error {
		var users []*models.User
		// Whose mark is not as it should be: as a rule nobody's.
		err := c.Raw("SELECT u.* FROM users u WHERE u.account_id = ? AND u.id IN ? AND u.suspended_no_products <> (u.role = ? AND "+
			"EXISTS (SELECT 1 FROM product_firsts f WHERE f.account_id = u.account_id AND f.user_id = u.id) AND "+
			"NOT EXISTS (SELECT 1 FROM entitlements e WHERE e.account_id = u.account_id AND e.user_id = u.id AND e.state = ?)) ORDER BY u.id",
			c.account(), part, models.RoleMember, models.ProductStateEnabled).Scan(&users).Error
		if err != nil {
			return fmt.Errorf("read who is to be suspended: %w", err)
		}
		var resumed, suspended []*models.User
		for _, user := range users {
			if user.ID == c.leaving {
				continue
			}
			if user.SuspendedNoProducts {
				resumed, d.resumed = append(resumed, user), append(d.resumed, user.ID)
			} else {
				suspended, d.suspended = append(suspended, user), append(d.suspended, user.ID)
			}
			d.users[user.ID] = user
		}
		if err := setFact(c, resumed, forProducts, false); err != nil {
			return err
		}
		return setFact(c, suspended, forProducts, true)
	})
}

// usersAmong are those of the users that have a row in a table, given with a condition and named e.
func (c *change) usersAmong(users []models.UserID, rows string) (map[models.UserID]bool, error) {
	var ids []models.UserID
	err := c.Raw("SELECT DISTINCT e.user_id FROM "+rows+" AND e.account_id = ? AND e.user_id IN ?", c.account(), users).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("read who has products: %w", err)
	}
	found := make(map[models.UserID]bool, len(ids))
	for _, id := range ids {
		found[id] = true
	}
	return found, nil
}
