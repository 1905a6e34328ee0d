package directory

import (
	"fmt"

	"cohort/models"
)

// reservation are the seats of a product that a job has been promised, and has not given to its users yet.
type reservation struct {
	AccountID models.AccountID
	ProductID models.ProductID
	JobID     models.JobID
	Seats     int32
}

func (reservation) TableName() string { return "seat_reservations" }

// reserve notes the seats that a work needs for conclude to keep them for its job, and answers with how many users would
// be left without one.
func (c *change) reserve(w *assigning) (short int32, err error) {
	if w.Mode == models.ProductModeRemove {
		return 0, nil
	}
	seats, err := c.openSeats()
	if err != nil {
		return 0, err
	}
	for _, p := range w.products {
		if p.Seats == nil {
			continue
		}
		need := int32(len(c.left)) //nolint:gosec // an account has fewer
		err := chunks(c.left, func(part []models.UserID) error {
			var have int64
			err := c.Model(&models.EntitlementRow{}).Where("account_id = ? AND product_id = ? AND state = ? AND user_id IN ?",
				c.account(), p.ID, models.ProductStateEnabled, part).Count(&have).Error
			need -= int32(have) //nolint:gosec // an account has fewer
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("count who has a seat: %w", err)
		}
		short = max(short, need-seats.free(seats.products[p.ID]))
		c.reserved = append(c.reserved, reservation{AccountID: c.account(), ProductID: p.ID, Seats: need})
	}
	return short, nil
}

// keepReserved gives the job the seats that reserve has noted.
func (c *change) keepReserved(job *models.Job) error {
	for i := range c.reserved {
		c.reserved[i].JobID = job.ID
	}
	if len(c.reserved) == 0 {
		return nil
	}
	if err := c.Create(c.reserved).Error; err != nil {
		return fmt.Errorf("reserve seats: %w", err)
	}
	return nil
}

// unreserve frees the seats that a job has kept and not needed, for others to have.
func (c *change) unreserve(job *models.Job) error {
	var rest []reservation
	if err := c.Where("account_id = ? AND job_id = ?", c.account(), job.ID).Find(&rest).Error; err != nil {
		return fmt.Errorf("read reservations: %w", err)
	}
	for _, r := range rest {
		c.queue(r.ProductID)
	}
	if len(rest) == 0 {
		return nil
	}
	if err := c.Where("account_id = ? AND job_id = ?", c.account(), job.ID).Delete(&reservation{}).Error; err != nil {
		return fmt.Errorf("free reserved seats: %w", err)
	}
	return nil
}

// taken is how many seats of a product are in use or reserved.
func (c *change) taken(p *models.Product) (int32, error) {
	var reserved int32
	err := c.Model(&reservation{}).Where("account_id = ? AND product_id = ?", c.account(), p.ID).Select("COALESCE(SUM(seats), 0)").Scan(&reserved).Error
	if err != nil {
		return 0, fmt.Errorf("count reserved seats: %w", err)
	}
	return p.SeatsUsed + reserved, nil
}
