package directory

import (
	"context"
	"fmt"
	"slices"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// userProducts is what is stored of the products of some users.
type userProducts struct {
	products        []*models.Product // the catalogue, by name
	stored          map[models.Holding]models.EntitlementRow
	direct, blocked map[models.Holding]bool
	via             map[models.Holding][]models.GroupID
}

// ProductsOf are the products that users have, wait for or are kept from, by name, from the sources asked for. Admins,
// and members for themselves: FORBIDDEN about others.
func (d *Directory) ProductsOf(ctx context.Context, who auth.Caller, users []models.UserID, source models.ProductSource) ([][]*models.UserProduct, error) {
	return read(ctx, d, who, "User.products", func(s *snapshot) ([][]*models.UserProduct, error) {
		if err := s.onlyOwn(users); err != nil {
			return nil, err
		}
		known, err := s.userProducts(users)
		if err != nil {
			return nil, err
		}
		lists := make([][]*models.UserProduct, len(users))
		for i, user := range users {
			for _, p := range known.products {
				if one := known.of(user, p); one != nil && comesFrom(one, source) {
					lists[i] = append(lists[i], one)
				}
			}
		}
		return lists, nil
	})
}

func comesFrom(p *models.UserProduct, source models.ProductSource) bool {
	switch source {
	case models.ProductSourceDirect:
		return p.Direct
	case models.ProductSourceInherited:
		return len(p.Via) > 0
	default:
		return true
	}
}

func (s *snapshot) userProducts(users []models.UserID) (*userProducts, error) {
	known := &userProducts{stored: map[models.Holding]models.EntitlementRow{}, via: map[models.Holding][]models.GroupID{}}
	var err error
	if known.products, err = catalogue(s.DB, s.account()); err != nil {
		return nil, err
	}
	var stored []models.EntitlementRow
	if err := s.Where("account_id = ? AND user_id IN ?", s.account(), users).Find(&stored).Error; err != nil {
		return nil, fmt.Errorf("read entitlements: %w", err)
	}
	for _, row := range stored {
		known.stored[models.Holding{User: row.UserID, Product: row.ProductID}] = row
	}
	if known.direct, err = sources(s.DB, s.account(), users, "user_products"); err != nil {
		return nil, err
	}
	if known.blocked, err = sources(s.DB, s.account(), users, "user_product_blocks"); err != nil {
		return nil, err
	}
	var granted []struct {
		UserID    models.UserID
		GroupID   models.GroupID
		ProductID models.ProductID
	}
	err = s.Raw("SELECT DISTINCT m.user_id, g.group_id, g.product_id FROM "+grantedToMembers+" WHERE m.account_id = ? AND m.user_id IN ?", s.account(), users).Scan(&granted).Error
	if err != nil {
		return nil, fmt.Errorf("read inherited products: %w", err)
	}
	for _, row := range granted {
		h := models.Holding{User: row.UserID, Product: row.ProductID}
		known.via[h] = append(known.via[h], row.GroupID)
	}
	return known, nil
}

// of is how one user stands to one product; nil where there is nothing to tell.
func (k *userProducts) of(user models.UserID, p *models.Product) *models.UserProduct {
	h := models.Holding{User: user, Product: p.ID}
	one := &models.UserProduct{Product: p, Direct: k.direct[h], Blocked: k.blocked[h], Via: k.via[h]}
	slices.SortFunc(one.Via, nesting.Older)
	row, entitled := k.stored[h]
	switch {
	case entitled:
		one.State, one.Since = row.State, &row.Since
	case one.Blocked:
		one.State = models.ProductStateBlocked
	default:
		return nil
	}
	return one
}

// ProductsOfGroups are the products that groups give to their members, by name: what they grant, and what they
// inherit from the groups they lie in. Admins.
func (d *Directory) ProductsOfGroups(ctx context.Context, who auth.Caller, groups []models.GroupID) ([][]*models.GroupProduct, error) {
	return read(ctx, d, who, "Group.products", func(s *snapshot) ([][]*models.GroupProduct, error) { return s.productsOfGroups(groups) })
}

func (s *snapshot) productsOfGroups(groups []models.GroupID) ([][]*models.GroupProduct, error) {
	products, err := catalogue(s.DB, s.account())
	if err != nil {
		return nil, err
	}
	var rows []struct {
		GroupID   models.GroupID
		GrantedBy models.GroupID
		ProductID models.ProductID
	}
	err = s.Raw("SELECT c.descendant_id AS group_id, g.group_id AS granted_by, g.product_id FROM group_closure c "+
		"JOIN group_products g ON g.account_id = c.account_id AND g.group_id = c.ancestor_id "+
		"WHERE c.account_id = ? AND c.descendant_id IN ?", s.account(), groups).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	given := map[grant]*models.GroupProduct{}
	for _, row := range rows {
		g := grant{row.GroupID, row.ProductID}
		if given[g] == nil {
			given[g] = &models.GroupProduct{}
		}
		if row.GrantedBy == row.GroupID {
			given[g].Direct = true
		} else {
			given[g].Via = append(given[g].Via, row.GrantedBy)
		}
	}
	lists := make([][]*models.GroupProduct, len(groups))
	for i, group := range groups {
		for _, p := range products {
			if one := given[grant{group, p.ID}]; one != nil {
				one.Product = p
				slices.SortFunc(one.Via, nesting.Older)
				lists[i] = append(lists[i], one)
			}
		}
	}
	return lists, nil
}

// outsideInput points to an argument of its own what points into the input of a mutation.
func outsideInput(err error) error {
	wrong, rest := models.UserErrors(err)
	if rest != nil {
		return rest
	}
	for _, e := range wrong {
		e.Path = e.Path[1:]
	}
	return models.Errors(wrong).OrNil()
}

// SummariseProducts says for each product of the account how many of the selected users have it: for the boxes of a
// screen in which products are ticked for many. Admins. The errors of a selection.
func (d *Directory) SummariseProducts(ctx context.Context, who auth.Caller, selection *models.UserSelection) (*models.UsersProductsSummary, error) {
	return read(ctx, d, who, "Query.usersProductsSummary", func(s *snapshot) (*models.UsersProductsSummary, error) {
		ids, err := selectUsers(s.DB, s.account(), selection, nil)
		if err != nil {
			return nil, outsideInput(err)
		}
		products, err := catalogue(s.DB, s.account())
		if err != nil {
			return nil, err
		}
		summary := &models.UsersProductsSummary{}
		of := map[models.ProductID]*models.ProductSummary{}
		for _, p := range products {
			of[p.ID] = &models.ProductSummary{Product: p}
			summary.Products = append(summary.Products, of[p.ID])
		}
		err = chunks(ids, func(part []models.UserID) error { return summarise(s, part, summary, of) })
		for _, one := range summary.Products {
			switch {
			case summary.Users > 0 && one.Enabled+one.Waiting == summary.Users:
				one.Tick = models.TickTicked
			case one.Enabled+one.Waiting > 0:
				one.Tick = models.TickMixed
			default:
				one.Tick = models.TickNotTicked
			}
		}
		return summary, err
	})
}

// summarise counts what some users have.
func summarise(s *snapshot, users []models.UserID, summary *models.UsersProductsSummary, of map[models.ProductID]*models.ProductSummary) error {
	present, err := readIDs[models.UserID](s.DB, "users u", sqlf("u.account_id = ? AND u.id IN ?", s.account(), users), "u.id")
	if err != nil {
		return err
	}
	summary.Users += int32(len(present)) //nolint:gosec // far fewer users than that
	var rows []struct {
		ProductID models.ProductID
		State     models.ProductState
		N, Direct int32
	}
	err = s.Raw("SELECT e.product_id, e.state, COUNT(*) AS n, COUNT(p.user_id) AS direct FROM entitlements e "+
		"LEFT JOIN user_products p ON p.account_id = e.account_id AND p.user_id = e.user_id AND p.product_id = e.product_id "+
		"WHERE e.account_id = ? AND e.user_id IN ? GROUP BY e.product_id, e.state", s.account(), users).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("count products: %w", err)
	}
	for _, row := range rows {
		one := of[row.ProductID]
		if one.Direct += row.Direct; row.State == models.ProductStateEnabled {
			one.Enabled += row.N
		} else {
			one.Waiting += row.N
		}
	}
	return nil
}
