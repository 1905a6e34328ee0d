package directory

import (
	"cohort/models"
)

// tell writes the mails that follow from what users have gained and lost, and counts all that.
func (c *change) tell() error {
	mails, err := c.mails()
	if err != nil {
		return err
	}
	c.effects.count(mails)
	return nil
}

func (c *change) mails() ([]models.Mail, error) { return nil, nil }
