package directory

import (
	"context"
	"slices"
	"strconv"

	"cohort/auth"
	"cohort/models"
)

// CreateUser creates one user. Admins; another role than member only super admins. REQUIRED, TOO_LONG,
// INVALID_CHARACTERS, INVALID_EMAIL, EMAIL_TAKEN, NOT_FOUND for a group, MISSING_PERMISSION for one whose members hold what the
// caller doesn't, TOO_MANY groups, FORBIDDEN role, and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED, TOO_LONG.
func (d *Directory) CreateUser(ctx context.Context, who auth.Caller, in models.UserCreateInput) (*models.UserCreatePayload, error) {
	const action = auth.Action("Mutation.userCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	user := draftUser(&errs, in, "input")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.UserCreatePayload, error) {
		var made models.UserID
		if known, err := once.made(c, &made); err != nil {
			return nil, err
		} else if known {
			return createdUser(c, made, in)
		}
		row := newUser{user, in, []string{"input"}}
		bad, err := createUsers(c, []newUser{row}, true)
		if err == nil {
			err = bad.OrNil()
		}
		if err != nil {
			return nil, err
		}
		if err := once.remember(c, user.ID); err != nil {
			return nil, err
		}
		return createdUser(c, user.ID, in)
	})
}

// createdUser is what CreateUser answers: the user as it is now.
func createdUser(c *change, id models.UserID, in models.UserCreateInput) (*models.UserCreatePayload, error) {
	groups, err := groupsByID(c.DB, c.account(), in.GroupIds)
	if err != nil {
		return nil, err
	}
	payload := &models.UserCreatePayload{Groups: pick(groups, unique(in.GroupIds))}
	if payload.User, err = findUser(c.DB, c.account(), id); err != nil || payload.User == nil {
		return payload, err
	}
	payload.UserEdge = newUserEdge(payload.User)
	return payload, nil
}

// newUserEdge is a user as an entry of the list of users in its usual order.
func newUserEdge(user *models.User) *models.UserEdge {
	q := UserQuery{Sort: models.UserSortNameAsc}
	return &models.UserEdge{Cursor: userList.cursor(userOrders[q.Sort], q.hash(), user), Node: user}
}

// CreateUsers creates many users. Admins, with the errors of CreateUser for each row; under REJECT_FAILED
// the good rows are created all the same. Rows have no idempotency keys of their own: INVALID.
func (d *Directory) CreateUsers(ctx context.Context, who auth.Caller, in models.UsersCreateInput) (*models.UsersCreatePayload, error) {
	const action = auth.Action("Mutation.usersCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	checkList(&errs, len(in.Users), 1, "input", "users")
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	var rows []newUser
	for i, row := range in.Users {
		var wrong models.Errors
		path := []string{"input", "users", strconv.Itoa(i)}
		user := draftUser(&wrong, *row, path...)
		if row.IdempotencyKey != nil {
			_ = wrong.Add(models.Errorf(models.CodeInvalid, "rows have no keys of their own: give one for all of them"), append(slices.Clone(path), "idempotencyKey")...)
		}
		if errs = append(errs, wrong...); len(wrong) == 0 {
			rows = append(rows, newUser{user, *row, path})
		}
	}
	strict := in.ErrorPolicy == models.ErrorPolicyRejectAll
	asked := in
	asked.IdempotencyKey = nil
	once, err := onceFor(who, action, asked, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.UsersCreatePayload, error) {
		var made usersMade
		if known, err := once.made(c, &made); err != nil {
			return nil, err
		} else if known {
			return made.payload(c)
		}
		found, err := createUsers(c, rows, strict || len(rows) == 0)
		if err != nil {
			return nil, err
		}
		wrong := append(slices.Clone(errs), found...)
		slices.SortStableFunc(wrong, func(a, b *models.Error) int { return row(a) - row(b) })
		payload := createdUsers(in, rows, wrong, strict)
		if strict && len(wrong) > 0 {
			return payload, wrong
		}
		payload.Refuse(wrong)
		if len(payload.Users) == 0 {
			return payload, nil // nothing to remember
		}
		return payload, once.remember(c, usersMadeOf(payload))
	})
}

// usersMade is what an idempotency key of CreateUsers holds.
type usersMade struct {
	Users  []*models.UserID `json:"users"` // row by row; nil for one that was refused
	Errors models.Errors    `json:"errors"`
}

func usersMadeOf(payload *models.UsersCreatePayload) usersMade {
	made := usersMade{Errors: payload.Errors}
	for _, result := range payload.Results {
		var id *models.UserID
		if result.User != nil {
			id = &result.User.ID
		}
		made.Users = append(made.Users, id)
	}
	return made
}

// payload answers with the users as they are now.
func (m usersMade) payload(c *change) (*models.UsersCreatePayload, error) {
	var ids []models.UserID
	for _, id := range m.Users {
		if id != nil {
			ids = append(ids, *id)
		}
	}
	users, err := usersByID(c.DB, c.account(), ids)
	if err != nil {
		return nil, err
	}
	payload := &models.UsersCreatePayload{}
	payload.Refuse(m.Errors)
	for i, id := range m.Users {
		result := &models.UserCreateResult{Index: int32(i), Outcome: models.UserCreateOutcomeRefused} //nolint:gosec // at most MaxList
		if id != nil {
			result.Outcome, result.User = models.UserCreateOutcomeCreated, users[*id]
		}
		if result.User != nil {
			payload.Users = append(payload.Users, result.User)
		}
		payload.Results = append(payload.Results, result)
	}
	return payload, nil
}

// row is the index of the row that an error is about.
func row(e *models.Error) int {
	n, _ := strconv.Atoi(e.Path[2]) // written by this use case itself
	return n
}

// createdUsers says row by row what became of it.
func createdUsers(in models.UsersCreateInput, rows []newUser, wrong models.Errors, strict bool) *models.UsersCreatePayload {
	refused := map[string]bool{}
	for _, e := range wrong {
		refused[e.Path[2]] = true
	}
	users := map[string]*models.User{}
	for _, row := range rows {
		users[row.path[2]] = row.user
	}
	payload := &models.UsersCreatePayload{}
	for i := range in.Users {
		index := strconv.Itoa(i)
		result := &models.UserCreateResult{Index: int32(i), Outcome: models.UserCreateOutcomeRefused} //nolint:gosec // at most MaxList
		switch {
		case refused[index]:
		case strict && len(wrong) > 0:
			result.Outcome = models.UserCreateOutcomeNotDone
		default:
			result.Outcome, result.User = models.UserCreateOutcomeCreated, users[index]
			payload.Users = append(payload.Users, users[index])
		}
		payload.Results = append(payload.Results, result)
	}
	return payload
}

// draftUser checks what can be checked without the database.
func draftUser(errs *models.Errors, in models.UserCreateInput, path ...string) *models.User {
	at := func(field string) []string { return append(slices.Clone(path), field) }
	user := &models.User{Locale: in.Locale, Role: in.Role}
	var err error
	user.Email, err = models.Email(in.Email)
	_ = errs.Add(err, at("email")...)
	given, err := models.Line(in.GivenName, models.MaxName, false)
	_ = errs.Add(err, at("givenName")...)
	family, err := models.Line(in.FamilyName, models.MaxName, false)
	_ = errs.Add(err, at("familyName")...)
	chosen := ""
	if in.DisplayName != nil {
		chosen, err = models.Line(*in.DisplayName, models.MaxName, false)
		_ = errs.Add(err, at("displayName")...)
	}
	checkList(errs, len(in.GroupIds), 0, at("groupIds")...)
	user.Rename(given, family, chosen)
	user.Settle()
	return user
}

// newUser is a user to create, checked, with where it stands in the input.
type newUser struct {
	user *models.User
	in   models.UserCreateInput
	path []string
}

// createUsers creates the rows that are right, unless one is wrong and strict is set, and says what is wrong
// with the others.
func createUsers(c *change, rows []newUser, strict bool) (models.Errors, error) {
	keys := make([]string, len(rows))
	var groupIDs []models.GroupID
	for i, row := range rows {
		keys[i] = row.user.EmailKey
		groupIDs = append(groupIDs, row.in.GroupIds...)
	}
	taken, err := usersByEmail(c.DB, c.account(), keys)
	if err != nil {
		return nil, err
	}
	groups, err := groupsByID(c.DB, c.account(), unique(groupIDs))
	if err != nil {
		return nil, err
	}
	held, graph, err := c.holdsNow()
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	c.options.NotifyUsers, c.untold = true, map[models.UserID]bool{}
	var users []*models.User
	var pairs []models.Pair
	seen := map[string]bool{}
	for _, row := range rows {
		var wrong models.Errors
		add := func(e *models.Error, path ...string) {
			wrong = append(wrong, e.At(append(slices.Clone(row.path), path...)...))
		}
		if taken[row.user.EmailKey] != nil || seen[row.user.EmailKey] {
			add(emailTaken(row.user.Email), "email")
		}
		if !c.answer.On(c.who, models.UserID{}, row.user.Role) {
			add(models.Errorf(models.CodeForbidden, "only super admins create users in the role %s", row.user.Role), "role")
		}
		for i, id := range row.in.GroupIds {
			if groups[id] == nil {
				add(notFound("group"), "groupIds", strconv.Itoa(i))
			} else if keys := held.lacksFor(graph, id); len(keys) > 0 {
				add(missing(keys, groups[id].Name), "groupIds", strconv.Itoa(i))
			}
		}
		seen[row.user.EmailKey] = true
		if errs = append(errs, wrong...); len(wrong) > 0 {
			continue
		}
		row.user.AccountID, row.user.ID = c.account(), models.NewID[models.UserID]()
		row.user.CreatedAt, row.user.UpdatedAt = c.Now, c.Now
		if !row.in.NotifyUsers {
			c.untold[row.user.ID] = true
		}
		users = append(users, row.user)
		for _, id := range row.in.GroupIds {
			pairs = append(pairs, models.Pair{User: row.user.ID, Group: id})
		}
	}
	if strict && len(errs) > 0 {
		return errs, nil
	}
	if err := insertUsers(c, users); err != nil {
		return nil, err
	}
	_, err = moveMembers(c, pairs, addMembers)
	return errs, err
}

func emailTaken(email string) *models.Error {
	return models.Errorf(models.CodeEmailTaken, "another user has the e-mail %s", email).With("email", email)
}

func notFound(what string) *models.Error {
	return models.Errorf(models.CodeNotFound, "there is no such %s in the account", what)
}
