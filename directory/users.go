package directory

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

var userList = list[models.User]{table: "users", alias: "u", id: func(u *models.User) [16]byte { return u.ID }}

var (
	byUserName    = column[models.User]{"name_sort", func(u *models.User) any { return u.NameSort }}
	byFamilyName  = column[models.User]{"family_sort", func(u *models.User) any { return u.FamilySort }}
	byEmail       = column[models.User]{"email_key", func(u *models.User) any { return u.EmailKey }}
	byUserCreated = column[models.User]{"created_at", func(u *models.User) any { return u.CreatedAt }}
)

var userOrders = map[models.UserSort]order[models.User]{
	models.UserSortNameAsc:        {byUserName, false},
	models.UserSortNameDesc:       {byUserName, true},
	models.UserSortFamilyNameAsc:  {byFamilyName, false},
	models.UserSortFamilyNameDesc: {byFamilyName, true},
	models.UserSortEmailAsc:       {byEmail, false},
	models.UserSortEmailDesc:      {byEmail, true},
	models.UserSortCreatedAtAsc:   {byUserCreated, false},
	models.UserSortCreatedAtDesc:  {byUserCreated, true},
}

// UserQuery says which users a list shows and in which order.
type UserQuery struct {
	Filter *models.UserFilter
	Sort   models.UserSort
}

func (q UserQuery) hash() models.ListHash { return models.HashList("users", q) }

// Users reads a page of the account's users. Admins. The errors of PageArgs.Check and of the filter.
func (d *Directory) Users(ctx context.Context, who auth.Caller, q UserQuery, args models.PageArgs) (*models.UserConnection, error) {
	page, err := args.Check(q.hash())
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, "Query.users", func(s *snapshot) (*models.UserConnection, error) {
		filter, err := userFilter(s.account(), q.Filter)
		if err != nil {
			return nil, err
		}
		o := userOrders[q.Sort]
		rows, more, err := userList.read(s.DB, s.account(), []scope{{}}, filter, o, page)
		if err != nil {
			return nil, err
		}
		connection := &models.UserConnection{Edges: make([]*models.UserEdge, len(rows[0]))}
		cursors := make([]string, len(rows[0]))
		for i, found := range rows[0] {
			cursors[i] = userList.cursor(o, q.hash(), &found.Row)
			connection.Edges[i] = &models.UserEdge{Cursor: cursors[i], Node: &found.Row}
		}
		connection.PageInfo = pageInfo(page, cursors, more[0])
		connection.Count = func(ctx context.Context) (int, error) { return d.CountUsers(ctx, who, q.Filter) }
		return connection, nil
	})
}

// CountUsers counts the account's users that fit. Admins.
func (d *Directory) CountUsers(ctx context.Context, who auth.Caller, filter *models.UserFilter) (int, error) {
	return glance(ctx, d, who, "Query.users", func(s *snapshot) (int, error) {
		where, err := userFilter(s.account(), filter)
		if err != nil {
			return 0, err
		}
		counts, err := userList.count(s.DB, s.account(), []scope{{}}, where)
		if err != nil {
			return 0, err
		}
		return counts[0], nil
	})
}

// User finds one user; nil when there is none, or the caller may not see it. Admins, and members for
// themselves.
func (d *Directory) User(ctx context.Context, who auth.Caller, by models.UserBy) (*models.User, error) {
	if (by.ID == nil) == (by.Email == nil) {
		return nil, oneOf("id", "email").At("by")
	}
	return glance(ctx, d, who, "Query.user", func(s *snapshot) (*models.User, error) {
		where, value := "id = ?", any(by.ID)
		if by.Email != nil {
			where, value = "email_key = ?", models.Key(*by.Email)
		}
		user, err := s.user(where, value)
		if err != nil || user == nil || !s.answer.On(s.who, user.ID, user.Role) {
			return nil, err
		}
		return user, nil
	})
}

// user is the one that has this id or this e-mail; nil when there is none. What is asked all the time is asked by
// a prepared statement.
func (s *snapshot) user(where string, value any) (*models.User, error) {
	if !s.glance {
		return firstUser(s.Where("account_id = ? AND "+where, s.account(), value))
	}
	rows, err := s.store.Query(s.Statement.Context, "SELECT "+userColumns+" FROM users WHERE account_id = ? AND "+where, s.account(), value)
	if err != nil {
		return nil, fmt.Errorf("read user: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var user *models.User
	if rows.Next() {
		user = new(models.User)
		if err := rows.Scan(userFields(user)...); err != nil {
			return nil, fmt.Errorf("read user: %w", err)
		}
	}
	return user, rows.Err()
}

// UsersByID finds users; nil in the place of one that there is not, or that the caller may not see. Admins,
// and members for themselves.
func (d *Directory) UsersByID(ctx context.Context, who auth.Caller, ids []models.UserID) ([]*models.User, error) {
	return glance(ctx, d, who, "Query.nodes", func(s *snapshot) ([]*models.User, error) {
		found, err := usersByID(s.DB, s.account(), ids)
		if err != nil {
			return nil, err
		}
		users := make([]*models.User, len(ids))
		for i, id := range ids {
			if user := found[id]; user != nil && s.answer.On(s.who, id, user.Role) {
				users[i] = user
			}
		}
		return users, nil
	})
}

// Activate notes that the caller signed in for the first time: INVITED becomes ACTIVE. For everybody, about
// themselves; doing it twice is doing it once.
func (d *Directory) Activate(ctx context.Context, who auth.Caller) error {
	_, err := write(ctx, d, who, "Query.viewer", func(c *change) (struct{}, error) {
		c.log = audit.Begin(c.Tx, c.who, "User.activate") // which nobody asks for, so that the table has no row of it
		user, err := findUser(c.DB, c.account(), who.UserID)
		if err != nil || user == nil || user.ActivatedAt != nil {
			return struct{}{}, err
		}
		before := *user
		user.ActivatedAt = &c.Now
		return struct{}{}, saveUser(c, &before, user)
	})
	return err
}

func findUser(tx *gorm.DB, account models.AccountID, id models.UserID) (*models.User, error) {
	return firstUser(tx.Where("account_id = ? AND id = ?", account, id))
}

// firstUser is the one user that the query finds; nil when there is none.
func firstUser(query *gorm.DB) (*models.User, error) {
	var user models.User
	switch err := query.Take(&user).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, nil //nolint:nilnil // absence is an answer here, and every caller asks for it
	case err != nil:
		return nil, fmt.Errorf("read user: %w", err)
	}
	return &user, nil
}

// chunk bounds the ids in one IN list.
const chunk = 500

func usersByID(tx *gorm.DB, account models.AccountID, ids []models.UserID) (map[models.UserID]*models.User, error) {
	found := make(map[models.UserID]*models.User, len(ids))
	err := chunks(ids, func(part []models.UserID) error {
		var users []*models.User
		if err := tx.Where("account_id = ? AND id IN ?", account, part).Find(&users).Error; err != nil {
			return fmt.Errorf("read users: %w", err)
		}
		for _, user := range users {
			found[user.ID] = user
		}
		return nil
	})
	return found, err
}

// chunks hands on a long list in parts.
func chunks[T any](items []T, fn func([]T) error) error {
	for start := 0; start < len(items); start += chunk {
		if err := fn(items[start:min(start+chunk, len(items))]); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(names ...string) *models.Error {
	text := names[0]
	for _, name := range names[1:] {
		text += " or " + name
	}
	return models.Errorf(models.CodeInvalid, "give exactly one: %s", text)
}
