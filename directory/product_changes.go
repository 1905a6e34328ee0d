package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// errDryRun rolls back what was tried out.
var errDryRun = errors.New("a dry run")

// tryOut is write for a use case that can also be tried out: then nothing is kept of it but the payload.
func tryOut[T any](ctx context.Context, d *Directory, who auth.Caller, action auth.Action, dry bool, fn func(*change) (T, error)) (T, error) {
	result, err := write(ctx, d, who, action, func(c *change) (T, error) {
		result, err := fn(c)
		if err == nil && dry {
			err = errDryRun
		}
		return result, err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return result, err
}

// SetUsersProducts replaces, adds or removes the products set on users, and says for each what became of it. Admins
// for members, and super admins; each user gets an outcome. The errors of a selection; NOT_FOUND and CONFLICT for a
// product; REQUIRED for none to add or to remove; CHOOSE_INHERITED for a REPLACE by nothing where groups give
// something and in.BlockInherited doesn't say what is to become of that. With the error policy REJECT_ALL also
// FORBIDDEN, NOT_FOUND and NO_SEATS for users, and then nothing is changed.
func (d *Directory) SetUsersProducts(ctx context.Context, who auth.Caller, in models.UsersProductsSetInput) (*models.UsersProductsSetPayload, error) {
	const action = auth.Action("Mutation.usersProductsSet")
	return tryOut(ctx, d, who, action, in.DryRun, func(c *change) (*models.UsersProductsSetPayload, error) {
		products, err := c.named(in.ProductKeys, in.Mode)
		if err != nil {
			return nil, err
		}
		ids, err := selectUsers(c.DB, c.account(), in.Selection, in.ExpectedCount)
		if err != nil {
			return nil, err
		}
		s := &assigning{c: c, in: in, products: products, outcomes: make(map[models.UserID]models.ProductsOutcome, len(ids))}
		if err := s.allow(ids); err != nil {
			return nil, err
		}
		if err := s.chosen(); err != nil {
			return nil, err
		}
		if err := s.assign(); err != nil {
			return nil, err
		}
		settled, err := c.settle()
		if err != nil {
			return nil, err
		}
		if err := s.conclude(); err != nil {
			return nil, err
		}
		payload := s.payload(ids, settled)
		if in.ErrorPolicy == models.ErrorPolicyRejectAll {
			if err := s.rejected(ids, payload.Counts); err != nil {
				return nil, err
			}
		}
		return payload, nil
	})
}

// named are the products with these keys. NOT_FOUND for one that there is not, CONFLICT for one that is there twice,
// REQUIRED for none, which only replacing knows what to do with.
func (c *change) named(keys []string, mode models.ProductMode) ([]*models.Product, error) {
	all, err := catalogue(c.DB, c.account())
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	if len(keys) == 0 && mode != models.ProductModeReplace {
		_ = errs.Add(models.Errorf(models.CodeRequired, "name at least one product"), "input", "productKeys")
	}
	products := make([]*models.Product, 0, len(keys))
	for i, key := range keys {
		at := slices.IndexFunc(all, func(p *models.Product) bool { return p.Key == key })
		switch {
		case at < 0:
			_ = errs.Add(notFound("product"), "input", "productKeys", strconv.Itoa(i))
		case slices.Contains(products, all[at]):
			_ = errs.Add(models.Errorf(models.CodeConflict, "the product %s stands there twice", key), "input", "productKeys", strconv.Itoa(i))
		default:
			products = append(products, all[at])
		}
	}
	return products, errs.OrNil()
}

// assigning is one call of SetUsersProducts.
type assigning struct {
	c        *change
	in       models.UsersProductsSetInput
	products []*models.Product

	users    []models.UserID // that the caller may touch
	rows     map[models.UserID]*models.User
	outcomes map[models.UserID]models.ProductsOutcome
	changed  map[models.UserID]bool
	remains  map[models.UserID]bool // who keeps something from a group that was to be taken away
}

// allow sorts out the users that are not there, or that the caller may not touch.
func (s *assigning) allow(ids []models.UserID) error {
	s.rows = make(map[models.UserID]*models.User, len(ids))
	return chunks(ids, func(part []models.UserID) error {
		found, err := usersByID(s.c.DB, s.c.account(), part)
		if err != nil {
			return err
		}
		for _, id := range part {
			user := found[id]
			switch {
			case user == nil:
				s.outcomes[id] = models.ProductsOutcomeNotFound
			case !s.c.answer.On(s.c.who, id, user.Role):
				s.outcomes[id], s.rows[id] = models.ProductsOutcomeForbidden, user
			default:
				s.users, s.rows[id] = append(s.users, id), user
			}
		}
		return nil
	})
}

// chosen is CHOOSE_INHERITED where "none" could mean two things.
func (s *assigning) chosen() error {
	if s.in.Mode != models.ProductModeReplace || len(s.products) > 0 || s.in.BlockInherited != nil {
		return nil
	}
	users := map[models.UserID]bool{}
	err := chunks(s.users, func(part []models.UserID) error {
		inherited, err := s.c.inheritedProducts(part)
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
func (s *assigning) assign() error {
	block := s.in.BlockInherited != nil && *s.in.BlockInherited
	named := map[models.ProductID]bool{}
	for _, p := range s.products {
		named[p.ID] = true
	}
	s.changed, s.remains = map[models.UserID]bool{}, map[models.UserID]bool{}
	return chunks(s.users, func(part []models.UserID) error {
		direct, err := sources(s.c.DB, s.c.account(), part, "user_products")
		if err != nil {
			return err
		}
		inherited, err := s.c.inheritedProducts(part)
		if err != nil {
			return err
		}
		var set, take, bar, lift []models.Holding
		for _, user := range part {
			for _, p := range s.products {
				h := models.Holding{User: user, Product: p.ID}
				if s.in.Mode == models.ProductModeRemove {
					take = append(take, h)
				} else {
					set, lift = append(set, h), append(lift, h)
				}
			}
		}
		for _, h := range slices.SortedFunc(maps.Keys(direct), compareHoldings) {
			if s.in.Mode == models.ProductModeReplace && !named[h.Product] {
				take = append(take, h)
			}
		}
		for _, h := range slices.SortedFunc(maps.Keys(inherited), compareHoldings) {
			switch {
			case s.in.Mode == models.ProductModeAdd, named[h.Product] != (s.in.Mode == models.ProductModeRemove):
			case block:
				bar = append(bar, h)
			default:
				s.remains[h.User] = true
			}
		}
		for _, step := range []struct {
			holdings []models.Holding
			is       bool
			do       func([]models.Holding, bool) ([]models.Holding, error)
		}{{take, false, s.c.setDirect}, {lift, false, s.c.setBlocks}, {set, true, s.c.setDirect}, {bar, true, s.c.setBlocks}} {
			changed, err := step.do(step.holdings, step.is)
			if err != nil {
				return err
			}
			for _, h := range changed {
				s.changed[h.User] = true
			}
		}
		return nil
	})
}

// inheritedProducts are those that groups give to users and nobody has blocked.
func (c *change) inheritedProducts(users []models.UserID) (map[models.Holding]bool, error) {
	var rows []struct {
		UserID    models.UserID
		ProductID models.ProductID
	}
	err := c.Raw("SELECT DISTINCT m.user_id, g.product_id FROM "+grantedToMembers+" WHERE m.account_id = ? AND m.user_id IN ? AND NOT EXISTS (SELECT 1 FROM user_product_blocks b "+
		"WHERE b.account_id = m.account_id AND b.user_id = m.user_id AND b.product_id = g.product_id)", c.account(), users).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read inherited products: %w", err)
	}
	found := make(map[models.Holding]bool, len(rows))
	for _, row := range rows {
		found[models.Holding{User: row.UserID, Product: row.ProductID}] = true
	}
	return found, nil
}

// conclude says what became of each user.
func (s *assigning) conclude() error {
	for _, id := range s.users {
		switch {
		case s.remains[id]:
			s.outcomes[id] = models.ProductsOutcomeRemainsViaGroup
		case s.changed[id]:
			s.outcomes[id] = models.ProductsOutcomeChanged
		default:
			s.outcomes[id] = models.ProductsOutcomeUnchanged
		}
	}
	if s.in.Mode == models.ProductModeRemove || len(s.products) == 0 {
		return nil
	}
	named := make([]models.ProductID, len(s.products))
	for i, p := range s.products {
		named[i] = p.ID
	}
	return chunks(s.users, func(part []models.UserID) error {
		waiting, err := readIDs[models.UserID](s.c.DB, "users u", sqlf("u.account_id = ? AND u.id IN ? AND EXISTS (SELECT 1 FROM entitlements e "+
			"WHERE e.account_id = u.account_id AND e.user_id = u.id AND e.product_id IN ? AND e.state = ?)", s.c.account(), part, named, models.ProductStateNoSeat), "u.id")
		for _, id := range waiting {
			s.outcomes[id] = models.ProductsOutcomeNoSeat
		}
		return err
	})
}

// payload tells of each user, of those first that failed. The users are as they are now, which a dry run leaves as
// they were.
func (s *assigning) payload(ids []models.UserID, settled *difference) *models.UsersProductsSetPayload {
	counts := &models.ProductsCounts{Total: int32(len(ids))} //nolint:gosec // far fewer users than that
	var failed, done []*models.ProductsResult
	for _, id := range ids {
		user := s.rows[id]
		if now := settled.users[id]; now != nil && !s.in.DryRun {
			user = now
		}
		result := &models.ProductsResult{UserID: id, User: user, Outcome: s.outcomes[id]}
		switch result.Outcome {
		case models.ProductsOutcomeChanged:
			counts.Changed++
		case models.ProductsOutcomeUnchanged:
			counts.Unchanged++
		case models.ProductsOutcomeRemainsViaGroup:
			counts.RemainViaGroup++
		case models.ProductsOutcomeNoSeat:
			counts.NoSeat++
		default:
			counts.Failed++
			if len(failed) < maxResults {
				failed = append(failed, result)
			}
			continue
		}
		if len(done) < maxResults {
			done = append(done, result)
		}
	}
	results := append(failed, done...)
	return &models.UsersProductsSetPayload{ProductsChange: models.ProductsChange{
		Results: results[:min(len(results), maxResults)], Counts: counts, Impact: impactOf(settled),
	}}
}

// maxRejected bounds the users that a refusal of all names.
const maxRejected = 20

// rejected is what stands in the way of all, where it is all or nothing.
func (s *assigning) rejected(ids []models.UserID, counts *models.ProductsCounts) error {
	var errs models.Errors
	for _, id := range ids {
		if len(errs) == maxRejected {
			break
		}
		switch s.outcomes[id] {
		case models.ProductsOutcomeNotFound:
			_ = errs.Add(models.Errorf(models.CodeNotFound, "there is no user %s", id), s.path(id)...)
		case models.ProductsOutcomeForbidden:
			_ = errs.Add(models.Errorf(models.CodeForbidden, "only super admins may do this to the user %s", id), s.path(id)...)
		}
	}
	if counts.NoSeat > 0 {
		_ = errs.Add(models.Errorf(models.CodeNoSeats, "%d users would be left without a seat", counts.NoSeat).With("users", strconv.Itoa(int(counts.NoSeat))), "input", "productKeys")
	}
	return errs.OrNil()
}

// path is where the input names a user.
func (s *assigning) path(id models.UserID) []string {
	path := []string{"input", "selection"}
	if i := slices.Index(s.in.Selection.Ids, id); i >= 0 {
		path = append(path, "ids", strconv.Itoa(i))
	}
	return path
}

// impactOf counts the users that a difference concerns.
func impactOf(d *difference) *models.ProductsImpact {
	users := func(holdings []models.Holding) int32 {
		seen := map[models.UserID]bool{}
		for _, h := range holdings {
			seen[h.User] = true
		}
		return int32(len(seen)) //nolint:gosec // far fewer users than that
	}
	return &models.ProductsImpact{
		Gaining: users(d.gained), Losing: users(d.lost), WithoutSeat: users(d.waiting),
		Suspended: int32(len(d.suspended)), Resumed: int32(len(d.resumed)), //nolint:gosec // far fewer users than that
	}
}
