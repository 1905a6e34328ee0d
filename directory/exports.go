package directory

import (
	"context"
	"strconv"

	"cohort/audit"
	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

const actionExport auth.Action = "Mutation." + models.KindExport

// CreateExport makes a job that writes a part of the account to a file. Nothing is changed. Admins. NOT_FOUND for ids that the account hasn't got,
// INVALID, REQUIRED, TOO_MANY, CONFLICT for a column that is there twice, STALE_SELECTION, IDEMPOTENCY_KEY_REUSED, of the key REQUIRED,
// TOO_LONG and INVALID_CHARACTERS, and the errors of the filter.
func (d *Directory) CreateExport(ctx context.Context, who auth.Caller, in models.ExportCreateInput) (*models.ExportCreatePayload, error) {
	if _, err := who.May(actionExport); err != nil {
		return nil, err
	}
	key, err := onceFor(who, actionExport, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	payload, err := write(ctx, d, who, actionExport, func(c *change) (*models.ExportCreatePayload, error) {
		job, known, err := key.job(c)
		if known || err != nil {
			return &models.ExportCreatePayload{Job: job}, err
		}
		order, rows, err := c.exportOrder(in)
		if err != nil {
			return nil, err
		}
		job, err = jobs.Enqueue(c.Tx, jobs.New{Kind: models.KindExport, Input: order, Actor: actorOf(c.who), RequestID: c.who.RequestID})
		if err == nil {
			err = jobs.Progress(c.Tx, job, 0, int32(rows)) //nolint:gosec // an account has fewer
		}
		if err == nil {
			err = key.rememberJob(c, job)
		}
		if err != nil {
			return nil, err
		}
		c.log.Of(job.ID)
		err = c.log.Recorded(audit.Subject{Type: audit.Job, ID: job.ID, After: exportFacts(order, rows)})
		return &models.ExportCreatePayload{Job: job}, err
	})
	if err == nil {
		d.wakeJobs()
	}
	return payload, err
}

// exportFacts are what the log keeps of an export: of what, in which form, and how much.
func exportFacts(order *models.ExportCreateInput, rows int) any {
	what := "groups"
	switch {
	case order.What.Users != nil:
		what = "users"
	case order.What.Memberships != nil:
		what = "memberships"
	case order.What.Events != nil:
		what = "events"
	}
	return struct {
		Export string              `json:"export"`
		Format models.ExportFormat `json:"format"`
		Rows   int                 `json:"rows"`
	}{what, order.Format, rows}
}

// exportOrder is the input with what it leaves out, and how much there is to export now.
func (c *change) exportOrder(in models.ExportCreateInput) (order *models.ExportCreateInput, rows int, err error) {
	what, ways := &in.What, 0
	for _, given := range []bool{what.Groups != nil, what.Users != nil, what.Memberships != nil, what.Events != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return nil, 0, oneOf("groups", "users", "memberships", "events").At("input", "what")
	}
	if in.ByteOrderMark && in.Format != models.ExportFormatCSV {
		return nil, 0, models.Errorf(models.CodeInvalid, "only CSV has a byte order mark").At("input", "byteOrderMark")
	}
	if in.AsData && in.Locale != nil {
		return nil, 0, models.Errorf(models.CodeInvalid, "an export for programs is in no language").At("input", "locale")
	}
	if in.Locale == nil {
		in.Locale = new(models.LocaleEn)
		if c.who.Kind == auth.Person {
			user, err := findUser(c.DB, c.account(), c.who.UserID)
			if err != nil {
				return nil, 0, err
			}
			in.Locale = &user.Locale
		}
	}
	views, err := tableViews(c.DB, c.who)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case what.Groups != nil:
		what.Groups, rows, err = c.groupsOrder(*what.Groups, views.Groups)
	case what.Users != nil:
		what.Users, rows, err = c.usersOrder(*what.Users, views.Users)
	case what.Memberships != nil:
		what.Memberships, rows, err = c.membershipsOrder(*what.Memberships, views.GroupMembers)
	default:
		what.Events, rows, err = c.eventsOrder(*what.Events)
	}
	return &in, rows, err
}

func (c *change) groupsOrder(o models.GroupsExport, view *models.GroupTableView) (*models.GroupsExport, int, error) {
	groups, err := c.groupsToExport(o.Selection, o.ExpectedCount, "selection")
	if err != nil {
		return nil, 0, insideInput(err, "what", "groups")
	}
	if o.AsInTableView && o.Sort == nil {
		o.Sort = view.Sort
	}
	if o.Sort == nil {
		o.Sort = new(models.GroupSortNameAsc)
	}
	o.Columns, err = exportColumns(o.Columns, o.AsInTableView, view.Columns, models.DefaultGroupColumns)
	return &o, groups, insideInput(err, "what", "groups")
}

func (c *change) usersOrder(o models.UsersExport, view *models.UserTableView) (*models.UsersExport, int, error) {
	users, err := c.usersToExport(o.Selection, o.ExpectedCount, "selection")
	if err != nil {
		return nil, 0, insideInput(err, "what", "users")
	}
	if o.AsInTableView && o.Sort == nil {
		o.Sort = view.Sort
	}
	if o.Sort == nil {
		o.Sort = new(models.UserSortNameAsc)
	}
	o.Columns, err = exportColumns(o.Columns, o.AsInTableView, view.Columns, models.DefaultUserColumns)
	return &o, users, insideInput(err, "what", "users")
}

func (c *change) membershipsOrder(o models.MembershipsExport, view *models.GroupMemberTableView) (_ *models.MembershipsExport, rows int, err error) {
	switch {
	case (o.Groups == nil) == (o.Users == nil):
		err = oneOf("groups", "users").At("input")
	case o.Groups != nil:
		rows, err = c.groupsToExport(o.Groups, o.ExpectedCount, "groups")
	default:
		rows, err = c.usersToExport(o.Users, o.ExpectedCount, "users")
	}
	if err != nil {
		return nil, 0, insideInput(err, "what", "memberships")
	}
	o.Columns, err = exportColumns(o.Columns, o.AsInTableView, view.Columns, models.DefaultMembershipColumns)
	return &o, rows, insideInput(err, "what", "memberships")
}

func (c *change) eventsOrder(o models.EventsExport) (*models.EventsExport, int, error) {
	if err := o.Filter.Check(); err != nil {
		return nil, 0, insideInput(err, "what", "events")
	}
	var err error
	if o.Columns, err = exportColumns(o.Columns, false, nil, models.AllAuditEventColumn); err != nil {
		return nil, 0, insideInput(err, "what", "events")
	}
	counts, err := countEvents(c.DB, c.account(), [][]clause{nil}, o.Filter)
	if err != nil {
		return nil, 0, err
	}
	return &o, counts[0], nil
}

// usersToExport counts the users of a selection. Besides its errors NOT_FOUND for those that the account hasn't got. field is the name of
// the selection in the input.
func (c *change) usersToExport(selection *models.UserSelection, expected *int32, field string) (int, error) {
	ids, err := selectUsers(c.DB, c.account(), selection, expected)
	if err != nil {
		return 0, selectionAt(err, field)
	}
	if selection.Ids == nil {
		return len(ids), nil
	}
	return len(ids), allThere(c, selection.Ids, userList.table, "user", field)
}

func (c *change) groupsToExport(selection *models.GroupSelection, expected *int32, field string) (int, error) {
	ids, err := selectGroups(c.DB, c.account(), selection, expected)
	if err != nil {
		return 0, selectionAt(err, field)
	}
	if selection.Ids == nil {
		return len(ids), nil
	}
	return len(ids), allThere(c, selection.Ids, groupList.table, "group", field)
}

// allThere is NOT_FOUND for each of the ids that the account hasn't got.
func allThere[ID comparable](c *change, ids []ID, table, what, field string) error {
	there := make(map[ID]bool, len(ids))
	err := chunks(ids, func(part []ID) error {
		present, err := readIDs[ID](c.DB, table, sqlf("account_id = ? AND id IN ?", c.account(), part), "id")
		for _, id := range present {
			there[id] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	var errs models.Errors
	for i, id := range ids {
		if !there[id] && len(errs) < maxRejected {
			_ = errs.Add(notFound(what), "input", field, "ids", strconv.Itoa(i))
		}
	}
	return errs.OrNil()
}

// selectionAt gives the errors of a selection the field of the input that it was in.
func selectionAt(err error, field string) error {
	wrong, rest := models.UserErrors(err)
	if rest != nil {
		return rest
	}
	for _, e := range wrong {
		if len(e.Path) > 1 && e.Path[1] == "selection" {
			e.Path[1] = field
		}
	}
	return models.Errors(wrong).OrNil()
}

// insideInput points deeper into the input what points into it, or into nothing yet.
func insideInput(err error, path ...string) error {
	wrong, rest := models.UserErrors(err)
	if rest != nil || err == nil {
		return err
	}
	for _, e := range wrong {
		if len(e.Path) > 0 && e.Path[0] == "input" {
			e.Path = e.Path[1:]
		}
	}
	var placed models.Errors
	_ = placed.Add(models.Errors(wrong), append([]string{"input"}, path...)...)
	return placed
}

// exportColumns are those that are chosen, or saved, or the usual ones. REQUIRED for none, CONFLICT for one that is there twice.
func exportColumns[C ~string](chosen []C, asSaved bool, saved []*models.TableColumn[C], usual []C) ([]C, error) {
	if chosen == nil {
		if !asSaved || saved == nil {
			return usual, nil
		}
		for _, column := range saved {
			chosen = append(chosen, column.Column)
		}
		return chosen, nil
	}
	if len(chosen) == 0 {
		return nil, models.Errorf(models.CodeRequired, "choose at least one column, or leave them out for the usual ones").At("input", "columns")
	}
	var errs models.Errors
	seen := map[C]bool{}
	for i, column := range chosen {
		if seen[column] && len(errs) < maxRejected {
			_ = errs.Add(models.Errorf(models.CodeConflict, "the column %s is there twice", column), "input", "columns", strconv.Itoa(i))
		}
		seen[column] = true
	}
	return chosen, errs.OrNil()
}
