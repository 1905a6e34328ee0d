package directory

import (
	"fmt"
	"slices"
	"strings"

	"cohort/mail"
	"cohort/models"
)

// OnMail has wake called after the commit of mails. Call it before the first request.
func (d *Directory) OnMail(wake func()) { d.wakeMails = wake }

// tell writes the mails that follow from what users have gained and lost, and counts all that.
func (c *change) tell() error {
	if len(c.effects.order) == 0 {
		return nil
	}
	mails := c.mails()
	if !c.trial && len(mails) > 0 {
		if err := c.address(mails); err != nil {
			return err
		}
		if err := mail.Post(c.Tx, mails); err != nil {
			return err
		}
		c.posted = true
	}
	c.effects.count(mails)
	return nil
}

// mails are a notice to each user who has gained or lost something, and a welcome for each product that is new to one.
func (c *change) mails() []models.Mail {
	if c.quiet {
		return nil
	}
	var mails []models.Mail
	for _, id := range c.effects.order {
		if id == c.leaving {
			continue
		}
		u := c.effects.users[id]
		if c.options.NotifyUsers && !c.untold[id] && len(u.Gained)+len(u.Lost) > 0 {
			mails = append(mails, models.Mail{UserID: id, Kind: models.MailKindNotice, State: models.MailStateQueued, Content: models.MailContent{
				Added: c.names(u.Gained), Removed: c.names(u.Lost), Waiting: c.names(u.Waiting), Suspended: u.NoProducts != nil && *u.NoProducts,
			}})
		}
		for _, product := range c.effects.firsts[id] {
			if p := c.products[product]; p != nil && slices.Contains(u.Gained, product) {
				mails = append(mails, models.Mail{
					UserID: id, Kind: models.MailKindWelcome, ProductID: product, State: models.MailStateQueued,
					Content: models.MailContent{Product: p.Name, ProductKey: p.Key},
				})
			}
		}
	}
	return mails
}

// names are the names of products, in order.
func (c *change) names(products []models.ProductID) []string {
	if len(products) == 0 || c.trial {
		return nil
	}
	names := make([]string, 0, len(products))
	for _, id := range products {
		if p := c.products[id]; p != nil {
			names = append(names, p.Name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(models.Fold(a), models.Fold(b)) })
	return names
}

// address gives the mails of a part of a job the job's operation, so that each user gets one notice of all of it. Those
// that may still grow are held: to users who wait for a seat, and to those who have got one and whose turn may come.
func (c *change) address(mails []models.Mail) error {
	if c.job == nil {
		return nil
	}
	var outside, inside []models.UserID
	for _, m := range mails {
		if c.part[m.UserID] {
			inside = append(inside, m.UserID)
		} else {
			outside = append(outside, m.UserID)
		}
	}
	held, told := map[models.UserID]bool{}, map[models.UserID]bool{}
	for _, id := range outside {
		held[id] = true
	}
	if len(outside) > 0 {
		var ids []models.UserID
		err := c.Model(&models.Mail{}).Where("account_id = ? AND operation_id = ? AND user_id IN ? AND kind = ? AND state <> ?",
			c.account(), c.job.OperationID, outside, models.MailKindNotice, models.MailStateHeld).Pluck("user_id", &ids).Error
		if err != nil {
			return fmt.Errorf("read mails: %w", err)
		}
		for _, id := range ids {
			told[id] = true
		}
	}
	if c.limited() {
		waiting, err := c.usersAmong(inside, "entitlements e WHERE e.state = 'NO_SEAT'")
		if err != nil {
			return err
		}
		for id := range waiting {
			held[id] = true
		}
	}
	for i := range mails {
		m := &mails[i]
		switch {
		case told[m.UserID]: // who has been told already what the job did, and now of a seat that came free
		case m.Kind == models.MailKindNotice && held[m.UserID]:
			m.OperationID, m.State = c.job.OperationID, models.MailStateHeld
		default:
			m.OperationID = c.job.OperationID
		}
	}
	return nil
}

// limited tells whether anybody can be waiting for a seat.
func (c *change) limited() bool {
	for _, p := range c.products {
		if p.Seats != nil {
			return true
		}
	}
	return false
}
