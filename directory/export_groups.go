package directory

import (
	"fmt"
	"slices"

	"cohort/models"
)

// EachGroup hands on the groups of an export of groups, in its order, a page at a time.
func (e *Export) EachGroup(fn func([]*models.ExportedGroup) error) error {
	o := e.What.Groups
	columns := columnsOf(o.Columns)
	var counts map[models.GroupID]int
	if columns[string(models.GroupColumnMemberCount)] {
		var err error
		if counts, err = e.memberCounts(); err != nil {
			return err
		}
	}
	return e.eachGroup(o.Selection, *o.Sort, func(groups []models.Group) error {
		filled, err := e.fillGroups(groups, columns, counts)
		if err != nil {
			return err
		}
		if err := fn(filled); err != nil {
			return err
		}
		return e.run.did(len(groups))
	})
}

// eachGroup reads the groups of a selection.
func (e *Export) eachGroup(selection *models.GroupSelection, sort models.GroupSort, fn func([]models.Group) error) error {
	o, account := groupOrders[sort], e.s.account()
	if selection.Ids != nil { // few
		var groups []models.Group
		err := chunks(unique(selection.Ids), func(part []models.GroupID) error {
			var found []models.Group
			err := e.s.Where("account_id = ? AND id IN ?", account, part).Find(&found).Error
			groups = append(groups, found...)
			return err
		})
		if err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		slices.SortFunc(groups, func(a, b models.Group) int { return groupList.compare(o, &a, &b, o.descending) })
		for part := range slices.Chunk(groups, exportPage) {
			if err := fn(part); err != nil {
				return err
			}
		}
		return nil
	}
	var where clause
	if m := selection.Matching; m != nil {
		filter, err := groupFilter(account, m.Filter)
		if err != nil {
			return err
		}
		where = all(filter, except("g.id", m.ExceptIds))
	}
	page := models.Page{Size: exportPage}
	for {
		rows, more, err := groupList.read(e.s.DB, account, []scope{{}}, where, o, page)
		if err != nil || len(rows[0]) == 0 {
			return err
		}
		groups := make([]models.Group, len(rows[0]))
		for i, row := range rows[0] {
			groups[i] = row.Row
		}
		if err := fn(groups); err != nil || !more[0] {
			return err
		}
		last := &groups[len(groups)-1]
		page.After = &models.Cursor{Key: encodeKey(o.value(last)), ID: last.ID}
	}
}

// memberCounts counts the effective members of all groups, user by user.
func (e *Export) memberCounts() (map[models.GroupID]int, error) {
	names, err := e.groupNames()
	if err != nil {
		return nil, err
	}
	rows, err := e.s.Raw("SELECT user_id, group_id FROM memberships WHERE account_id = ? ORDER BY user_id", e.s.account()).Rows()
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	counts := map[models.GroupID]int{}
	var of models.UserID
	var direct []models.GroupID
	count := func() {
		for _, place := range names.placesAbove(direct) {
			counts[names.order[place]]++
		}
		direct = direct[:0]
	}
	for rows.Next() {
		var user models.UserID
		var group models.GroupID
		if err := rows.Scan(&user, &group); err != nil {
			return nil, fmt.Errorf("read memberships: %w", err)
		}
		if user != of {
			count()
			of = user
		}
		direct = append(direct, group)
	}
	count()
	return counts, rows.Err()
}

func (e *Export) fillGroups(groups []models.Group, columns columnSet, counts map[models.GroupID]int) ([]*models.ExportedGroup, error) {
	names, err := e.groupNames()
	if err != nil {
		return nil, err
	}
	ids, filled := make([]models.GroupID, len(groups)), make([]*models.ExportedGroup, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
		filled[i] = &models.ExportedGroup{
			Group: g, MemberCount: counts[g.ID], Parents: names.of(e.graph.Parents(g.ID)), Children: names.of(e.graph.Children(g.ID)),
			Breadcrumbs: names.inOrder(e.graph.Breadcrumbs(g.ID)), Depth: e.graph.Depth(g.ID),
		}
		by := e.graph.PermittedBy(g.ID)
		for _, definition := range models.PermissionDefinitions() {
			if len(by[definition.Key]) > 0 {
				filled[i].Permissions = append(filled[i].Permissions, e.permission(definition))
			}
		}
	}
	if columns[string(models.GroupColumnProducts)] {
		lists, err := e.s.productsOfGroups(ids)
		if err != nil {
			return nil, err
		}
		for i, list := range lists {
			for _, one := range list {
				filled[i].Products = append(filled[i].Products, e.product(one.Product))
			}
		}
	}
	if columns[string(models.GroupColumnPendingJob)] {
		pending, err := e.s.pendingJobs(ids)
		if err != nil {
			return nil, err
		}
		for i, job := range pending {
			if job != nil {
				filled[i].PendingJob = &job.ID
			}
		}
	}
	return filled, nil
}
