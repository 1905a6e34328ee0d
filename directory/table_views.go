package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"
	gormclause "gorm.io/gorm/clause"

	"cohort/auth"
	"cohort/models"
)

// TableViews are the caller's own views of all tables, those too in which nothing is saved. Admins. Whoever is no person has
// nothing saved.
func (d *Directory) TableViews(ctx context.Context, who auth.Caller) (*models.TableViews, error) {
	return glance(ctx, d, who, "Viewer.tableViews", func(s *snapshot) (*models.TableViews, error) { return tableViews(s.DB, who) })
}

// TableViewsByID finds views, in the order of the ids, nil for those that aren't the caller's own. Admins.
func (d *Directory) TableViewsByID(ctx context.Context, who auth.Caller, ids []models.TableViewID) ([]models.Node, error) {
	views, err := d.TableViews(ctx, who)
	if err != nil {
		return nil, err
	}
	own := map[models.TableViewID]models.Node{
		views.Users.ID: views.Users, views.Groups.ID: views.Groups, views.GroupMembers.ID: views.GroupMembers, views.Jobs.ID: views.Jobs,
	}
	nodes := make([]models.Node, len(ids))
	for i, id := range ids {
		nodes[i] = own[id]
	}
	return nodes, nil
}

func tableViews(tx *gorm.DB, who auth.Caller) (*models.TableViews, error) {
	id := func(table models.Table) models.TableViewID {
		return models.NewTableViewID(who.Account, who.UserID, table)
	}
	views := &models.TableViews{
		Users: &models.UserTableView{ID: id(models.TableUsers)}, Groups: &models.GroupTableView{ID: id(models.TableGroups)},
		GroupMembers: &models.GroupMemberTableView{ID: id(models.TableGroupMembers)}, Jobs: &models.JobTableView{ID: id(models.TableJobs)},
	}
	if who.Kind != auth.Person {
		return views, nil
	}
	var rows []*models.TableViewRow
	if err := tx.Where("account_id = ? AND user_id = ?", who.Account, who.UserID).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the views of tables: %w", err)
	}
	for _, row := range rows {
		var err error
		switch row.TableKind {
		case models.TableUsers:
			err = views.Users.Read(row)
		case models.TableGroups:
			err = views.Groups.Read(row)
		case models.TableGroupMembers:
			err = views.GroupMembers.Read(row)
		case models.TableJobs:
			err = views.Jobs.Read(row)
		}
		if err != nil {
			return nil, err
		}
	}
	return views, nil
}

// SaveTableView changes the caller's own view of a table; what is left out stays. Admins who are persons. REQUIRED, CONFLICT,
// INVALID, TOO_MANY, TOO_LONG, INVALID_CHARACTERS, and the errors of filters. It is no matter of the account: nothing of it is
// logged.
func (d *Directory) SaveTableView(ctx context.Context, who auth.Caller, in models.TableViewSaveInput) (*models.TableViewSavePayload, error) {
	views, err := d.changeTableViews(ctx, who, "Mutation.tableViewSave", func(c *change, views *models.TableViews) error {
		account := c.account()
		switch {
		case in.Users != nil:
			return saveView(c, models.TableUsers, "users", views.Users, in.Users, func(f *models.UserTableFilterInput) (*models.TableFilter, error) {
				return savedFilter(f.Name, f.Filter, userFilter, account)
			})
		case in.Groups != nil:
			return saveView(c, models.TableGroups, "groups", views.Groups, in.Groups, func(f *models.GroupTableFilterInput) (*models.TableFilter, error) {
				return savedFilter(f.Name, f.Filter, groupFilter, account)
			})
		case in.GroupMembers != nil:
			return saveView(c, models.TableGroupMembers, "groupMembers", views.GroupMembers, in.GroupMembers, func(f *models.GroupMemberTableFilterInput) (*models.TableFilter, error) {
				saved, err := savedFilter(f.Name, f.Filter, userFilter, account)
				if saved != nil {
					saved.Relation = &f.Relation
				}
				return saved, err
			})
		case in.Jobs != nil:
			return saveView(c, models.TableJobs, "jobs", views.Jobs, in.Jobs, savedJobFilter)
		}
		return oneOf("users", "groups", "groupMembers", "jobs").At("input")
	})
	return &models.TableViewSavePayload{TableViews: views}, err
}

// DeleteTableView forgets the caller's own view of a table, or some of its saved filters. What isn't there is gone already.
// Admins who are persons. REQUIRED and TOO_MANY for the names of filters.
func (d *Directory) DeleteTableView(ctx context.Context, who auth.Caller, in models.TableViewDeleteInput) (*models.TableViewDeletePayload, error) {
	views, err := d.changeTableViews(ctx, who, "Mutation.tableViewDelete", func(c *change, views *models.TableViews) error {
		switch n := len(in.Filters); {
		case in.Filters == nil:
			return c.dropTableViews(who.UserID, in.Table)
		case n == 0:
			return models.Errorf(models.CodeRequired, "name at least one, or leave it out to forget everything").At("input", "filters")
		case n > models.MaxTableFilters:
			return tooManyFilters(n).At("input", "filters")
		}
		switch in.Table {
		case models.TableUsers:
			return dropFilters(c, in.Table, views.Users, in.Filters)
		case models.TableGroups:
			return dropFilters(c, in.Table, views.Groups, in.Filters)
		case models.TableGroupMembers:
			return dropFilters(c, in.Table, views.GroupMembers, in.Filters)
		default:
			return dropFilters(c, in.Table, views.Jobs, in.Filters)
		}
	})
	return &models.TableViewDeletePayload{TableViews: views}, err
}

// changeTableViews hands fn the caller's views as they are, and gives them as they are then.
func (d *Directory) changeTableViews(ctx context.Context, who auth.Caller, action auth.Action, fn func(*change, *models.TableViews) error) (*models.TableViews, error) {
	if who.Kind != auth.Person {
		return nil, fmt.Errorf("%s by no person: %w", action, auth.ErrForbidden)
	}
	return write(ctx, d, who, action, func(c *change) (*models.TableViews, error) {
		views, err := tableViews(c.DB, c.who)
		if err != nil {
			return nil, err
		}
		if err := fn(c, views); err != nil {
			return nil, err
		}
		return tableViews(c.DB, c.who)
	})
}

// saveView changes a view as in says, and stores it unless it is so already. It names all that is wrong.
func saveView[C, S ~string, F any](c *change, table models.Table, field string, view *models.TableView[C, S], in *models.TableViewInput[C, S, F], saved func(*F) (*models.TableFilter, error)) error {
	before, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("encode a view: %w", err)
	}
	var errs models.Errors
	if columns, set := in.Columns.ValueOK(); set {
		view.Columns = columns
		checkColumns(&errs, columns)
	}
	if sort, set := in.Sort.ValueOK(); set {
		view.Sort = sort
	}
	if size, set := in.PageSize.ValueOK(); set {
		view.PageSize = size
		if size != nil && (*size < 1 || *size > models.MaxPage) {
			_ = errs.Add(models.Errorf(models.CodeInvalid, "a page has 1 to %d entries, not %d", models.MaxPage, *size), "pageSize")
		}
	}
	if view.Filters, err = withFilters(&errs, view.Filters, in.Filters, saved); err != nil {
		return err
	}
	if len(errs) > 0 {
		var placed models.Errors
		_ = placed.Add(errs, "input", field)
		return placed
	}
	after, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("encode a view: %w", err)
	}
	if string(after) == string(before) {
		return nil
	}
	return c.storeTableView(table, after)
}

func checkColumns[C ~string](errs *models.Errors, columns []*models.TableColumn[C]) {
	if columns != nil && len(columns) == 0 {
		_ = errs.Add(models.Errorf(models.CodeRequired, "a table shows at least one column; null leaves them to the screen"), "columns")
	}
	seen := map[C]bool{}
	for i, column := range columns {
		if len(*errs) >= maxRejected {
			return
		}
		at := strconv.Itoa(i)
		if seen[column.Column] {
			_ = errs.Add(models.Errorf(models.CodeConflict, "the column %s is there twice", column.Column), "columns", at, "column")
		}
		seen[column.Column] = true
		if w := column.Width; w != nil && (*w < models.MinColumnWidth || *w > models.MaxColumnWidth) {
			_ = errs.Add(models.Errorf(models.CodeInvalid, "a column is %d to %d pixels wide, not %d", models.MinColumnWidth, models.MaxColumnWidth, *w), "columns", at, "width")
		}
	}
}

// withFilters are the filters, by name, with those that are given in the place of what had their names.
func withFilters[F any](errs *models.Errors, filters []*models.TableFilter, given []*F, saved func(*F) (*models.TableFilter, error)) ([]*models.TableFilter, error) {
	if len(given) > models.MaxTableFilters {
		_ = errs.Add(tooManyFilters(len(given)), "filters")
		return filters, nil
	}
	fresh := map[string]bool{}
	for i, f := range given {
		at := []string{"filters", strconv.Itoa(i)}
		filter, err := saved(f)
		if err != nil {
			if rest := errs.Add(err, at...); rest != nil {
				return nil, rest
			}
			continue
		}
		key := models.Key(filter.Name)
		if fresh[key] {
			_ = errs.Add(models.Errorf(models.CodeConflict, "another of these filters has this name"), append(at, "name")...)
			continue
		}
		fresh[key] = true
		filters = append(withoutFilters(filters, map[string]bool{key: true}), filter)
	}
	if len(filters) > models.MaxTableFilters {
		_ = errs.Add(tooManyFilters(len(filters)), "filters")
	}
	slices.SortFunc(filters, func(a, b *models.TableFilter) int {
		return cmp.Or(cmp.Compare(models.Fold(a.Name), models.Fold(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return filters, nil
}

func withoutFilters(filters []*models.TableFilter, keys map[string]bool) []*models.TableFilter {
	return slices.DeleteFunc(slices.Clone(filters), func(f *models.TableFilter) bool { return keys[models.Key(f.Name)] })
}

func tooManyFilters(n int) *models.Error {
	return models.Errorf(models.CodeTooMany, "%d filters, at most %d are kept of a table", n, models.MaxTableFilters).With("limit", strconv.Itoa(models.MaxTableFilters))
}

// savedFilter is a filter of users or groups as it is kept. It is checked as the list would, but nothing it names is looked for.
func savedFilter[F any](name string, filter *F, check func(models.AccountID, *F) (clause, error), account models.AccountID) (*models.TableFilter, error) {
	var errs models.Errors
	line, err := models.Line(name, models.MaxFilterName, true)
	_ = errs.Add(err, "name")
	_, err = check(account, filter)
	if rest := errs.Add(err); rest != nil {
		return nil, rest
	}
	saved, err := models.SaveFilter(filter)
	if rest := errs.Add(err, "filter"); rest != nil {
		return nil, rest
	}
	return &models.TableFilter{Name: line, Filter: saved}, errs.OrNil()
}

func savedJobFilter(f *models.JobTableFilterInput) (*models.TableFilter, error) {
	var errs models.Errors
	line, err := models.Line(f.Name, models.MaxFilterName, true)
	_ = errs.Add(err, "name")
	checkList(&errs, len(f.Kinds), 0, "kinds")
	saved := &models.TableFilter{Name: line, Status: unique(f.Status), Kinds: make([]string, 0, len(f.Kinds))}
	for i, kind := range f.Kinds {
		if len(errs) >= maxRejected {
			break
		}
		kind, err := models.Line(kind, models.MaxJobKind, true)
		_ = errs.Add(err, "kinds", strconv.Itoa(i))
		saved.Kinds = append(saved.Kinds, kind)
	}
	saved.Kinds = unique(saved.Kinds)
	return saved, errs.OrNil()
}

func dropFilters[C, S ~string](c *change, table models.Table, view *models.TableView[C, S], names []string) error {
	gone := map[string]bool{}
	for _, name := range names {
		gone[models.Key(name)] = true
	}
	left := withoutFilters(view.Filters, gone)
	if len(left) == len(view.Filters) {
		return nil
	}
	view.Filters = left
	content, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("encode a view: %w", err)
	}
	return c.storeTableView(table, content)
}

func (c *change) storeTableView(table models.Table, content []byte) error {
	row := models.TableViewRow{AccountID: c.account(), UserID: c.who.UserID, TableKind: table, Content: string(content), UpdatedAt: c.Now}
	err := c.Clauses(gormclause.OnConflict{DoUpdates: gormclause.AssignmentColumns([]string{"content", "updated_at"})}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("store the view of a table: %w", err)
	}
	return nil
}

// dropTableViews forgets a user's views, of some tables or of all.
func (c *change) dropTableViews(user models.UserID, tables ...models.Table) error {
	rows := c.Where("account_id = ? AND user_id = ?", c.account(), user)
	if len(tables) > 0 {
		rows = rows.Where("table_name IN ?", tables)
	}
	if err := rows.Delete(&models.TableViewRow{}).Error; err != nil {
		return fmt.Errorf("delete the views of tables: %w", err)
	}
	return nil
}
