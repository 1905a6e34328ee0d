package directory

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

const actionAuditEvents auth.Action = "Query.auditEvents"

// AuditEvents reads a page of the audit log, the newest first. Admins. The errors of AuditEventFilter.Check and PageArgs.Check.
func (d *Directory) AuditEvents(ctx context.Context, who auth.Caller, f *models.AuditEventFilter, args models.PageArgs) (*models.AuditEventConnection, error) {
	pages, err := d.auditPages(ctx, who, actionAuditEvents, "auditEvents", [][]clause{nil}, f, args)
	if err != nil {
		return nil, err
	}
	pages[0].Count = func(ctx context.Context) (int, error) {
		counts, err := d.countAudit(ctx, who, actionAuditEvents, [][]clause{nil}, f)
		if err != nil {
			return 0, err
		}
		return counts[0], nil
	}
	return pages[0], nil
}

// AuditEventsOf reads the same page of the events about each of the users or groups, or about what each is tied to, in one
// statement for up to 50. The connections count nothing. Admins. Errors as AuditEvents.
func (d *Directory) AuditEventsOf(ctx context.Context, who auth.Caller, action auth.Action, of [][16]byte, f *models.AuditEventFilter, args models.PageArgs) ([]*models.AuditEventConnection, error) {
	return d.auditPages(ctx, who, action, string(action), about(of), f, args)
}

// CountAuditEventsOf counts the events about each of the users or groups. Admins. Errors as AuditEvents.
func (d *Directory) CountAuditEventsOf(ctx context.Context, who auth.Caller, action auth.Action, of [][16]byte, f *models.AuditEventFilter) ([]int, error) {
	return d.countAudit(ctx, who, action, about(of), f)
}

// AuditEventsByID finds events, in the order of the ids, nil for those that the account hasn't got. Admins.
func (d *Directory) AuditEventsByID(ctx context.Context, who auth.Caller, ids []models.EventID) ([]*models.AuditEvent, error) {
	return glance(ctx, d, who, actionAuditEvents, func(s *snapshot) ([]*models.AuditEvent, error) {
		var rows []*models.AuditEvent
		if err := s.Where("account_id = ? AND id IN ?", s.account(), ids).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read audit events: %w", err)
		}
		found := map[models.EventID]*models.AuditEvent{}
		for _, e := range rows {
			found[e.ID] = e
		}
		ordered := make([]*models.AuditEvent, len(ids))
		for i, id := range ids {
			ordered[i] = found[id]
		}
		return ordered, nil
	})
}

// EachAuditEvent hands on the account's events to which a filter applies, the oldest first, in one snapshot and a page at a time:
// what it needs of memory doesn't grow with the log. An error of fn ends it. Admins. Errors as AuditEvents.
func (d *Directory) EachAuditEvent(ctx context.Context, who auth.Caller, f *models.AuditEventFilter, fn func([]*models.AuditEvent) error) error {
	if err := f.Check(); err != nil {
		return err
	}
	_, err := read(ctx, d, who, actionAuditEvents, func(s *snapshot) (struct{}, error) { return struct{}{}, s.eachEvent(f, fn) })
	return err
}

func (s *snapshot) eachEvent(f *models.AuditEventFilter, fn func([]*models.AuditEvent) error) error {
	page := models.Page{Size: streamed, Backward: true}
	for {
		rows, err := auditRows(s.DB, s.account(), [][]clause{nil}, f, page)
		if err != nil || len(rows[0]) == 0 {
			return err
		}
		part := rows[0][:min(len(rows[0]), page.Size)]
		if err := fn(part); err != nil || len(rows[0]) <= page.Size {
			return err
		}
		page.Before = &models.Cursor{Key: part[len(part)-1].ID.String()}
	}
}

// streamed is how many events are read at once when all are.
const streamed = 1000

// about are the rows about each of the ids: those that have it as subject, and those that have it as what that is tied to.
func about(ids [][16]byte) [][]clause {
	lists := make([][]clause, len(ids))
	for i, id := range ids {
		lists[i] = aboutOne(id)
	}
	return lists
}

func aboutOne(id [16]byte) []clause {
	return []clause{sqlf("e.subject_id = ?", id[:]), sqlf("e.object_id = ?", id[:])}
}

// auditPart is a part of a list of events that one index has in the order of the list.
type auditPart struct {
	index string
	where clause
}

// auditParts takes the list of events apart, so that of each part as many rows are read as a page has, however large the log is: an
// `OR` and an `IN` would have all of them read and sorted. own are the parts that the list has by itself.
func auditParts(own []clause, f *models.AuditEventFilter) (parts []auditPart, rest clause) {
	if f == nil {
		f = &models.AuditEventFilter{}
	}
	conditions := map[string][]clause{"subject": own}
	var filter []clause
	add := func(index string, either ...clause) {
		if conditions[index] == nil {
			conditions[index] = either
		} else {
			filter = append(filter, any1(either...))
		}
	}
	if f.OperationID != nil {
		add("operation", sqlf("e.operation_id = ?", *f.OperationID))
	}
	if f.JobID != nil {
		add("job", sqlf("e.job_id = ?", *f.JobID))
	}
	if f.SubjectID != nil {
		add("subject", aboutOne(f.SubjectID.Raw())...)
	}
	if f.ActorID != nil {
		add("actor", sqlf("e.actor_id = ?", *f.ActorID))
	}
	var actions []clause
	for _, action := range f.StoredActions() {
		actions = append(actions, sqlf("e.action = ?", action))
	}
	if len(actions) > 0 {
		add("action", actions...)
	} else if len(f.Actions) > 0 {
		filter = append(filter, any1()) // nothing has such a name
	}
	if f.Outcome != nil {
		add("outcome", sqlf("e.outcome = ?", *f.Outcome))
	}
	if f.From != nil {
		filter = append(filter, sqlf("e.id >= ?", models.FirstEventID(*f.From)))
	}
	if f.To != nil {
		filter = append(filter, sqlf("e.id < ?", models.FirstEventID(*f.To)))
	}
	for _, index := range []string{"operation", "job", "subject", "actor", "action", "outcome"} {
		switch either := conditions[index]; {
		case len(either) == 0:
		case parts != nil:
			filter = append(filter, any1(either...))
		default:
			for i, where := range either {
				name := "audit_events_" + index
				if index == "subject" && i == 1 {
					name = "audit_events_object"
				}
				parts = append(parts, auditPart{name, where})
			}
		}
	}
	if parts == nil {
		parts = []auditPart{{}}
	}
	if len(filter) > 0 {
		rest = all(filter...)
	}
	return parts, rest
}

func (p auditPart) table(db *gorm.DB) string {
	if p.index == "" {
		return audit.Event{}.TableName() + " e"
	}
	return store.Through(db, audit.Event{}.TableName()+" e", p.index)
}

// auditSlots are the parts of several lists, and of which list each is.
func auditSlots(lists [][]clause, f *models.AuditEventFilter) (parts []auditPart, rests []clause, of []int) {
	for i, own := range lists {
		some, rest := auditParts(own, f)
		for _, part := range some {
			parts, rests, of = append(parts, part), append(rests, rest), append(of, i)
		}
	}
	return parts, rests, of
}

// auditRows reads a page of each of the lists and one row more if there is one, in the direction in which the page is read.
func auditRows(db *gorm.DB, account models.AccountID, lists [][]clause, f *models.AuditEventFilter, page models.Page) ([][]*models.AuditEvent, error) {
	parts, rests, of := auditSlots(lists, f)
	between, err := eventsBetween(page)
	if err != nil {
		return nil, err
	}
	direction := "DESC"
	if page.Backward {
		direction = "ASC"
	}
	slots, err := readSlots[models.AuditEvent](db, len(parts), func(i int) clause {
		where := all(sqlf("e.account_id = ?", account), parts[i].where, rests[i], between)
		return sqlf(fmt.Sprintf("SELECT %d AS slot, e.* FROM %s WHERE %s ORDER BY e.id %s LIMIT %d",
			i, parts[i].table(db), where.sql, direction, page.Size+1), where.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	rows := make([][]*models.AuditEvent, len(lists))
	for i, found := range slots {
		for _, row := range found {
			rows[of[i]] = append(rows[of[i]], &row.Row)
		}
	}
	for i := range rows {
		slices.SortFunc(rows[i], func(a, b *models.AuditEvent) int {
			if page.Backward {
				return bytes.Compare(a.ID[:], b.ID[:])
			}
			return bytes.Compare(b.ID[:], a.ID[:])
		})
		rows[i] = rows[i][:min(len(rows[i]), page.Size+1)]
	}
	return rows, nil
}

// eventsBetween is the condition to lie between the cursors of a page.
func eventsBetween(page models.Page) (clause, error) {
	var between []clause
	for op, at := range map[string]*models.Cursor{"<": page.After, ">": page.Before} {
		if at == nil {
			continue
		}
		id, err := models.ParseEventID(at.Key)
		if err != nil {
			return clause{}, errBadCursor
		}
		between = append(between, sqlf("e.id "+op+" ?", id))
	}
	return all(between...), nil
}

func (d *Directory) auditPages(ctx context.Context, who auth.Caller, action auth.Action, name string, lists [][]clause, f *models.AuditEventFilter, args models.PageArgs) ([]*models.AuditEventConnection, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	hash := models.HashList(name, f)
	page, err := args.Check(hash)
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, action, func(s *snapshot) ([]*models.AuditEventConnection, error) {
		rows, err := auditRows(s.DB, s.account(), lists, f, page)
		if err != nil {
			return nil, err
		}
		pages := make([]*models.AuditEventConnection, len(lists))
		for i := range rows {
			pages[i] = auditPage(hash, page, rows[i])
		}
		return pages, nil
	})
}

func auditPage(hash models.ListHash, page models.Page, rows []*models.AuditEvent) *models.AuditEventConnection {
	more := len(rows) > page.Size
	rows = rows[:min(len(rows), page.Size)]
	if page.Backward {
		slices.Reverse(rows)
	}
	connection := &models.AuditEventConnection{Edges: make([]*models.AuditEventEdge, len(rows))}
	cursors := make([]string, len(rows))
	for i, row := range rows {
		cursors[i] = hash.Cursor(models.Cursor{Key: row.ID.String()})
		connection.Edges[i] = &models.AuditEventEdge{Cursor: cursors[i], Node: row}
	}
	connection.PageInfo = pageInfo(page, cursors, more)
	return connection
}

func (d *Directory) countAudit(ctx context.Context, who auth.Caller, action auth.Action, lists [][]clause, f *models.AuditEventFilter) ([]int, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	return glance(ctx, d, who, action, func(s *snapshot) ([]int, error) { return countEvents(s.DB, s.account(), lists, f) })
}

// countEvents counts each of the lists.
func countEvents(db *gorm.DB, account models.AccountID, lists [][]clause, f *models.AuditEventFilter) ([]int, error) {
	parts, rests, of := auditSlots(lists, f)
	type total struct{ N int }
	slots, err := readSlots[total](db, len(parts), func(i int) clause {
		where := all(sqlf("e.account_id = ?", account), parts[i].where, rests[i])
		return sqlf(fmt.Sprintf("SELECT %d AS slot, COUNT(*) AS n FROM %s WHERE %s", i, parts[i].table(db), where.sql), where.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("count audit events: %w", err)
	}
	counts := make([]int, len(lists))
	for i, found := range slots {
		counts[of[i]] += found[0].Row.N
	}
	return counts, nil
}
