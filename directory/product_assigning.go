package directory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cohort/models"
)

// assigning is the work of usersProductsSet: it sets products on users, and takes them from users.
type assigning struct {
	Mode     models.ProductMode `json:"mode"`
	Products []models.ProductID `json:"products"`
	Block    bool               `json:"block"` // also what groups give beside these

	products []*models.Product // those of Products that there are, once they are read
}

// takesAll tells whether somebody can be left with nothing.
func (w *assigning) takesAll() bool {
	switch w.Mode {
	case models.ProductModeAdd:
		return false
	case models.ProductModeReplace:
		// One that everybody gets is enough.
		return !slices.ContainsFunc(w.products, func(p *models.Product) bool { return p.Seats == nil })
	default:
		return true
	}
}

// catalogue reads the products that the work is about; those that have left it meanwhile are nobody's any more.
func (w *assigning) catalogue(c *change) error {
	if w.products != nil || len(w.Products) == 0 {
		return nil
	}
	return c.Where("account_id = ? AND id IN ? AND retired_at IS NULL", c.account(), w.Products).Order("name_sort, id").Find(&w.products).Error
}

func (w *assigning) do(c *change, part []*subject) error {
	if err := w.catalogue(c); err != nil {
		return fmt.Errorf("read products: %w", err)
	}
	users, err := c.allowed(part)
	if err != nil || len(users) == 0 {
		return err
	}
	return w.assign(c, users, byUser(part))
}

// allowed sorts out the users that are not there, or that the caller may not touch, and answers with the others.
func (c *change) allowed(part []*subject) ([]models.UserID, error) {
	ids := make([]models.UserID, len(part))
	for i, s := range part {
		ids[i] = s.userID()
	}
	found, err := usersByID(c.DB, c.account(), ids)
	if err != nil {
		return nil, err
	}
	var users []models.UserID
	for _, s := range part {
		s.user, s.detail = found[s.userID()], models.JobDetail{}
		switch {
		case s.user == nil:
			s.outcome = models.JobOutcomeNotFound
		case !c.answer.On(c.who, s.userID(), s.user.Role):
			s.outcome = models.JobOutcomeForbidden
		default:
			users = append(users, s.userID())
		}
	}
	return users, nil
}

func byUser(part []*subject) map[models.UserID]*subject {
	subjects := make(map[models.UserID]*subject, len(part))
	for _, s := range part {
		subjects[s.userID()] = s
	}
	return subjects
}

// chosen is CHOOSE_INHERITED where "none" could mean two things.
func (c *change) chosen(ids []models.UserID) error {
	users := map[models.UserID]bool{}
	err := chunks(ids, func(part []models.UserID) error {
		allowed, err := c.allowed(userSubjects(part))
		if err != nil || len(allowed) == 0 {
			return err
		}
		inherited, err := c.inheritedProducts(allowed)
		for h := range inherited {
			users[h.User] = true
		}
		return err
	})
	if err == nil && len(users) > 0 {
		err = models.Errorf(models.CodeChooseInherited, "groups give products to %d of these users: blockInherited says whether they keep those", len(users)).
			With("users", strconv.Itoa(len(users))).At("input", "blockInherited")
	}
	return err
}

// assign writes the sources: what is set on the users, and their blocks.
func (w *assigning) assign(c *change, users []models.UserID, subjects map[models.UserID]*subject) error {
	named := map[models.ProductID]bool{}
	for _, p := range w.products {
		named[p.ID] = true
	}
	direct, err := sources(c.DB, c.account(), users, "user_products")
	if err != nil {
		return err
	}
	blocks, err := sources(c.DB, c.account(), users, "user_product_blocks")
	if err != nil {
		return err
	}
	inherited, err := c.inheritedProducts(users)
	if err != nil {
		return err
	}
	c.known = map[string]map[models.Holding]bool{"user_products": direct, "user_product_blocks": blocks}
	defer func() { c.known = nil }()
	var set, take, bar, lift []models.Holding
	for _, user := range users {
		for _, p := range w.products {
			h := models.Holding{User: user, Product: p.ID}
			if w.Mode == models.ProductModeRemove {
				take = append(take, h)
			} else {
				set, lift = append(set, h), append(lift, h)
			}
		}
	}
	for _, h := range slices.SortedFunc(maps.Keys(direct), compareHoldings) {
		if w.Mode == models.ProductModeReplace && !named[h.Product] {
			take = append(take, h)
		}
	}
	for _, h := range slices.SortedFunc(maps.Keys(inherited), compareHoldings) {
		switch {
		case w.Mode == models.ProductModeAdd, named[h.Product] != (w.Mode == models.ProductModeRemove):
		case w.Block:
			bar = append(bar, h)
		default:
			subjects[h.User].outcome = models.JobOutcomeRemainsViaGroup
		}
	}
	for _, step := range []struct {
		holdings []models.Holding
		is       bool
		do       func([]models.Holding, bool) ([]models.Holding, error)
		note     func(*models.JobDetail) *[]models.ProductID
	}{
		{take, false, c.setDirect, func(d *models.JobDetail) *[]models.ProductID { return &d.Taken }},
		{lift, false, c.setBlocks, func(d *models.JobDetail) *[]models.ProductID { return &d.Unblocked }},
		{set, true, c.setDirect, func(d *models.JobDetail) *[]models.ProductID { return &d.Set }},
		{bar, true, c.setBlocks, func(d *models.JobDetail) *[]models.ProductID { return &d.Blocked }},
	} {
		if err := c.setNoted(step.holdings, step.is, step.do, subjects, step.note); err != nil {
			return err
		}
	}
	return nil
}

// setNoted changes a source and notes in the subjects what was not so before.
func (c *change) setNoted(
	holdings []models.Holding, is bool, set func([]models.Holding, bool) ([]models.Holding, error),
	subjects map[models.UserID]*subject, note func(*models.JobDetail) *[]models.ProductID,
) error {
	changed, err := set(holdings, is)
	for _, h := range changed {
		list := note(&subjects[h.User].detail)
		*list = append(*list, h.Product)
	}
	return err
}

// conclude says what became of each user.
func (w *assigning) conclude(c *change, part []*subject) error {
	var users []models.UserID
	for _, s := range part {
		if s.outcome == "" {
			s.outcome = models.JobOutcomeUnchanged
			if movesSources(&s.detail) {
				s.outcome = models.JobOutcomeChanged
			}
		}
		if s.outcome != models.JobOutcomeNotFound && s.outcome != models.JobOutcomeForbidden {
			users = append(users, s.userID())
		}
	}
	if w.Mode == models.ProductModeRemove || !slices.ContainsFunc(w.products, func(p *models.Product) bool { return p.Seats != nil }) || len(users) == 0 {
		return nil
	}
	subjects := byUser(part)
	waiting, err := readIDs[models.UserID](c.DB, "users u", sqlf("u.account_id = ? AND u.id IN ? AND EXISTS (SELECT 1 FROM entitlements e "+
		"WHERE e.account_id = u.account_id AND e.user_id = u.id AND e.product_id IN ? AND e.state = ?)", c.account(), users, w.Products, models.ProductStateNoSeat), "u.id")
	for _, id := range waiting {
		subjects[id].outcome = models.JobOutcomeNoSeat
	}
	return err
}
