package directory

import (
	"slices"

	"cohort/models"
)

// effects gathers what a change does to what users have: of each user what is different in the end, however many
// steps there were. Counts, notices and previews are read off it.
type effects struct {
	users  map[models.UserID]*models.JobDetail
	order  []models.UserID // in which they came
	firsts map[models.UserID][]models.ProductID

	impact    models.JobImpact             // of what is counted already
	suspended []models.UserID              // of what is counted already
	rows      []*models.ProductsPreviewRow // of what is counted already, the first
}

// add takes in a difference.
func (e *effects) add(d *difference) {
	for _, h := range d.lost {
		u := e.of(h.User)
		move(h.Product, &u.Gained, &u.Lost)
	}
	for _, h := range d.dropped {
		u := e.of(h.User)
		u.Waiting = remove(u.Waiting, h.Product)
	}
	for _, h := range d.gained {
		u := e.of(h.User)
		move(h.Product, &u.Lost, &u.Gained)
	}
	for _, h := range d.waiting {
		u := e.of(h.User)
		u.Waiting = append(u.Waiting, h.Product)
	}
	for _, part := range []struct {
		ids []models.UserID
		is  bool
	}{{d.suspended, true}, {d.resumed, false}} {
		for _, id := range part.ids {
			if u := e.of(id); u.NoProducts != nil && *u.NoProducts != part.is {
				u.NoProducts = nil // as it was at first
			} else {
				u.NoProducts = new(part.is)
			}
		}
	}
	for _, h := range d.firsts {
		if e.firsts == nil {
			e.firsts = map[models.UserID][]models.ProductID{}
		}
		e.firsts[h.User] = append(e.firsts[h.User], h.Product)
	}
}

func (e *effects) of(id models.UserID) *models.JobDetail {
	if e.users == nil {
		e.users = map[models.UserID]*models.JobDetail{}
	}
	if e.users[id] == nil {
		e.users[id] = &models.JobDetail{}
		e.order = append(e.order, id)
	}
	return e.users[id]
}

// move puts a product into a list, unless that only undoes what an earlier step did.
func move(product models.ProductID, from, to *[]models.ProductID) {
	if less := remove(*from, product); len(less) < len(*from) {
		*from = less
		return
	}
	*to = append(*to, product)
}

func remove(products []models.ProductID, product models.ProductID) []models.ProductID {
	return slices.DeleteFunc(products, func(p models.ProductID) bool { return p == product })
}

// count counts what has been gathered, and forgets it.
func (e *effects) count(mails []models.Mail) {
	for _, id := range e.order {
		u := e.users[id]
		if len(u.Gained) > 0 {
			e.impact.Gaining++
		}
		if len(u.Lost) > 0 {
			e.impact.Losing++
		}
		if len(u.Waiting) > 0 {
			e.impact.WithoutSeat++
		}
		for _, product := range u.Gained {
			e.impact.Of(product).Gaining++
		}
		for _, product := range u.Lost {
			e.impact.Of(product).Losing++
		}
		for _, product := range u.Waiting {
			e.impact.Of(product).WithoutSeat++
		}
		if u.NoProducts != nil && *u.NoProducts || u.Suspended != nil && *u.Suspended {
			e.impact.Suspended++
			e.suspended = append(e.suspended, id)
		} else if u.NoProducts != nil {
			e.impact.Resumed++
		}
		if len(e.rows) < models.MaxPreview && changes(u) {
			e.rows = append(e.rows, &models.ProductsPreviewRow{UserID: id, Outcome: outcomeOf(u), JobDetail: *u})
		}
	}
	for _, m := range mails {
		if m.Kind == models.MailKindWelcome {
			e.impact.Welcomes++
		} else {
			e.impact.Notices++
		}
	}
	e.users, e.order, e.firsts = nil, nil, nil
}

// changes tells whether anything of what the user has is different, or whether the user is suspended for that.
func changes(d *models.JobDetail) bool {
	return d != nil && (len(d.Gained) > 0 || len(d.Lost) > 0 || len(d.Waiting) > 0 || d.NoProducts != nil)
}

// outcomeOf is the outcome for somebody who was not named.
func outcomeOf(d *models.JobDetail) models.JobOutcome {
	switch {
	case len(d.Waiting) > 0:
		return models.JobOutcomeNoSeat
	case changes(d):
		return models.JobOutcomeChanged
	}
	return models.JobOutcomeUnchanged
}

// impact is what the change does to what people have, for its payload: it is read when the change has ended. Nil when a
// job will do it.
func (c *change) impact() *models.ProductsImpact {
	if len(c.touched) > 0 {
		return nil
	}
	return &c.effects.impact.ProductsImpact
}
