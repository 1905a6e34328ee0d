package directory

import (
	"cmp"
	"fmt"
	"slices"

	"cohort/models"
)

// exportPage is how many users, or groups, an export reads at once.
const exportPage = 1000

// EachUser hands on the users of an export of users, in its order, a page at a time.
func (e *Export) EachUser(fn func([]*models.ExportedUser) error) error {
	o := e.What.Users
	return ahead(func(read func([]*models.ExportedUser) error) error {
		return e.eachUser(o.Selection, *o.Sort, func(users []*models.ExportedUser) error {
			if err := e.fillUsers(users, columnsOf(o.Columns)); err != nil {
				return err
			}
			return read(users)
		})
	}, func(users []*models.ExportedUser) error {
		if err := fn(users); err != nil {
			return err
		}
		return e.run.did(len(users))
	})
}

// eachUser reads the users of a selection.
func (e *Export) eachUser(selection *models.UserSelection, sort models.UserSort, fn func([]*models.ExportedUser) error) error {
	o, account := userOrders[sort], e.s.account()
	if selection.Ids != nil { // few
		var users []*models.ExportedUser
		err := chunks(unique(selection.Ids), func(part []models.UserID) error {
			found, err := e.readUsers(sqlf("u.id IN ?", part), "", 0)
			users = append(users, found...)
			return err
		})
		if err != nil {
			return err
		}
		slices.SortFunc(users, func(a, b *models.ExportedUser) int { return userList.compare(o, &a.User, &b.User, o.descending) })
		for part := range slices.Chunk(users, exportPage) {
			if err := fn(part); err != nil {
				return err
			}
		}
		return nil
	}
	var where clause
	if m := selection.Matching; m != nil {
		filter, err := userFilter(account, m.Filter)
		if err != nil {
			return err
		}
		where = all(filter, except("u.id", m.ExceptIds))
	}
	return e.userPages(where, o, fn)
}

// except is the condition to be none of some.
func except[ID any](column string, ids []ID) clause {
	if len(ids) == 0 {
		return clause{}
	}
	return sqlf(column+" NOT IN ?", ids)
}

// userPages reads all users that fit, page by page.
func (e *Export) userPages(where clause, o order[models.User], fn func([]*models.ExportedUser) error) error {
	var after *models.Cursor
	word := "ASC"
	if o.descending {
		word = "DESC"
	}
	for {
		beyond, err := userList.beyond(o, after, o.descending)
		if err != nil {
			return err
		}
		users, err := e.readUsers(all(where, beyond), fmt.Sprintf("ORDER BY u.%[1]s %[2]s, u.id %[2]s", o.name, word), exportPage)
		if err != nil || len(users) == 0 {
			return err
		}
		last := &users[len(users)-1].User
		after = &models.Cursor{Key: encodeKey(o.value(last)), ID: last.ID}
		if err := fn(users); err != nil || len(users) < exportPage {
			return err
		}
	}
}

func (e *Export) readUsers(where clause, order string, limit int) ([]*models.ExportedUser, error) {
	where = all(sqlf("u.account_id = ?", e.s.account()), where)
	text := "SELECT " + userColumns + " FROM users u WHERE " + where.sql + " " + order
	if limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := e.s.Raw(text, where.args...).Rows()
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var users []*models.ExportedUser
	for rows.Next() {
		user := &models.ExportedUser{}
		if err := rows.Scan(userFields(&user.User)...); err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		users = append(users, user)
	}
	return users, rows.Err()
}

// columnSet are the columns that an export of users or of members has.
type columnSet map[string]bool

func columnsOf[C ~string](columns []C) columnSet {
	w := columnSet{}
	for _, column := range columns {
		w[string(column)] = true
	}
	return w
}

func (w columnSet) any(columns ...models.UserColumn) bool {
	return slices.ContainsFunc(columns, func(c models.UserColumn) bool { return w[string(c)] })
}

// fillUsers reads of users what the columns ask for.
func (e *Export) fillUsers(users []*models.ExportedUser, columns columnSet) error {
	ids := make([]models.UserID, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	if columns.any(models.UserColumnProducts, models.UserColumnDirectProducts, models.UserColumnInheritedProducts, models.UserColumnWaitingProducts,
		models.UserColumnBlockedProducts, models.UserColumnHasNoProducts) {
		if err := e.fillProducts(users, ids, columns); err != nil {
			return err
		}
	}
	if !columns.any(models.UserColumnGroups, models.UserColumnDirectGroups, models.UserColumnPermissions) {
		return nil
	}
	direct, _, err := directGroups(e.s.DB, e.s.account(), ids)
	if err != nil {
		return err
	}
	names, err := e.groupNames()
	if err != nil {
		return err
	}
	for _, user := range users {
		if columns.any(models.UserColumnDirectGroups) {
			user.DirectGroups = names.of(direct[user.ID])
		}
		if columns.any(models.UserColumnGroups) {
			user.Groups = names.aboveOf(direct[user.ID])
		}
		if columns.any(models.UserColumnPermissions) {
			user.Permissions = e.permissionNames(user.Role, direct[user.ID])
		}
	}
	return nil
}

func (e *Export) permissionNames(role models.Role, direct []models.GroupID) (names []string) {
	by := e.graph.PermittedBy(direct...)
	for _, definition := range models.PermissionDefinitions() {
		if role == models.RoleSuperAdmin || len(by[definition.Key]) > 0 {
			names = append(names, e.permission(definition))
		}
	}
	return names
}

func (e *Export) permission(definition *models.PermissionDefinition) string {
	if e.AsData {
		return definition.Key
	}
	return definition.Name
}

func (e *Export) product(p *models.Product) string {
	if e.AsData {
		return p.ID.String()
	}
	return p.Name
}

func (e *Export) fillProducts(users []*models.ExportedUser, ids []models.UserID, columns columnSet) error {
	if columns.any(models.UserColumnDirectProducts, models.UserColumnInheritedProducts, models.UserColumnBlockedProducts) {
		known, err := e.s.userProducts(ids)
		if err != nil {
			return err
		}
		for _, user := range users {
			for _, p := range known.products {
				if one := known.of(user.ID, p); one != nil {
					e.fillProduct(user, one)
				}
			}
			user.HasNoProducts = len(user.Products) == 0
		}
		return nil
	}
	products, err := e.products()
	if err != nil {
		return err
	}
	rows, err := e.s.Raw("SELECT user_id, product_id, state FROM entitlements WHERE account_id = ? AND user_id IN ?", e.s.account(), ids).Rows()
	if err != nil {
		return fmt.Errorf("read entitlements: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	found := make(map[models.UserID][]listed, len(users))
	for rows.Next() {
		var user models.UserID
		var product models.ProductID
		var state models.ProductState
		if err := rows.Scan(&user, &product, &state); err != nil {
			return fmt.Errorf("read entitlements: %w", err)
		}
		if p, there := products[product]; there {
			found[user] = append(found[user], listed{p.product, p.place, state})
		}
	}
	for _, user := range users {
		list := found[user.ID]
		slices.SortFunc(list, func(a, b listed) int { return cmp.Compare(a.place, b.place) })
		for _, p := range list {
			e.fillProduct(user, &models.UserProduct{Product: p.product, State: p.state})
		}
		user.HasNoProducts = len(user.Products) == 0
	}
	return rows.Err()
}

// listed is a product with its place in the catalogue, and how somebody stands to it.
type listed struct {
	product *models.Product
	place   int
	state   models.ProductState
}

func (e *Export) fillProduct(user *models.ExportedUser, one *models.UserProduct) {
	name := e.product(one.Product)
	switch one.State {
	case models.ProductStateEnabled:
		user.Products = append(user.Products, name)
	case models.ProductStateNoSeat:
		user.Waiting = append(user.Waiting, name)
	}
	if one.Direct {
		user.Direct = append(user.Direct, name)
	}
	if len(one.Via) > 0 {
		user.Inherited = append(user.Inherited, name)
	}
	if one.Blocked {
		user.Blocked = append(user.Blocked, name)
	}
}

// products is the catalogue.
func (e *Export) products() (map[models.ProductID]listed, error) {
	if e.catalogue == nil {
		all, err := catalogue(e.s.DB, e.s.account())
		if err != nil {
			return nil, err
		}
		e.catalogue = make(map[models.ProductID]listed, len(all))
		for i, p := range all {
			e.catalogue[p.ID] = listed{product: p, place: i}
		}
	}
	return e.catalogue, nil
}
