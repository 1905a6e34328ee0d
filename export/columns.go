package export

import (
	"encoding/json"
	"strings"

	"cohort/models"
)

var userFields = map[models.UserColumn]field[*models.ExportedUser]{
	models.UserColumnID:          {"user.id", Text, 40, func(_ speech, u *models.ExportedUser) any { return u.ID.String() }},
	models.UserColumnDisplayName: {"name", Text, 28, func(_ speech, u *models.ExportedUser) any { return line(u.DisplayName) }},
	models.UserColumnEmail:       {"email", Text, 36, func(_ speech, u *models.ExportedUser) any { return line(u.Email) }},
	models.UserColumnGivenName:   {"givenName", Text, 18, func(_ speech, u *models.ExportedUser) any { return line(u.GivenName) }},
	models.UserColumnFamilyName:  {"familyName", Text, 20, func(_ speech, u *models.ExportedUser) any { return line(u.FamilyName) }},
	models.UserColumnLocale:      {"locale", Text, 14, func(s speech, u *models.ExportedUser) any { return s.word("locale", string(u.Locale)) }},
	models.UserColumnRole:        {"role", Text, 16, func(s speech, u *models.ExportedUser) any { return s.word("role", string(u.Role)) }},
	models.UserColumnStatus:      {"status", Text, 14, func(s speech, u *models.ExportedUser) any { return s.word("status", string(u.Status)) }},
	models.UserColumnStatusReasons: {"statusReasons", Text, 26, func(s speech, u *models.ExportedUser) any {
		var words []string
		for _, reason := range u.StatusReasons() {
			words = append(words, s.word("reason", string(reason)).(string))
		}
		return list(words, s.between)
	}},
	models.UserColumnHasNoProducts:     {"hasNoProducts", Truth, 14, func(_ speech, u *models.ExportedUser) any { return u.HasNoProducts }},
	models.UserColumnProducts:          {"products", Text, 48, func(s speech, u *models.ExportedUser) any { return list(u.Products, s.between) }},
	models.UserColumnDirectProducts:    {"directProducts", Text, 36, func(s speech, u *models.ExportedUser) any { return list(u.Direct, s.between) }},
	models.UserColumnInheritedProducts: {"inheritedProducts", Text, 36, func(s speech, u *models.ExportedUser) any { return list(u.Inherited, s.between) }},
	models.UserColumnWaitingProducts:   {"waitingProducts", Text, 28, func(s speech, u *models.ExportedUser) any { return list(u.Waiting, s.between) }},
	models.UserColumnBlockedProducts:   {"blockedProducts", Text, 28, func(s speech, u *models.ExportedUser) any { return list(u.Blocked, s.between) }},
	models.UserColumnPermissions:       {"permissions", Text, 48, func(s speech, u *models.ExportedUser) any { return list(u.Permissions, s.between) }},
	models.UserColumnGroups:            {"groups", Text, 48, func(s speech, u *models.ExportedUser) any { return list(u.Groups, s.between) }},
	models.UserColumnDirectGroups:      {"directGroups", Text, 36, func(s speech, u *models.ExportedUser) any { return list(u.DirectGroups, s.between) }},
	models.UserColumnCreatedAt:         {"createdAt", Date, 22, func(_ speech, u *models.ExportedUser) any { return u.CreatedAt }},
	models.UserColumnUpdatedAt:         {"updatedAt", Date, 22, func(_ speech, u *models.ExportedUser) any { return u.UpdatedAt }},
}

var groupFields = map[models.GroupColumn]field[*models.ExportedGroup]{
	models.GroupColumnID:                {"group.id", Text, 40, func(_ speech, g *models.ExportedGroup) any { return g.ID.String() }},
	models.GroupColumnName:              {"group", Text, 32, func(_ speech, g *models.ExportedGroup) any { return g.Name }},
	models.GroupColumnDescription:       {"description", Text, 48, func(_ speech, g *models.ExportedGroup) any { return line(g.Description) }},
	models.GroupColumnPriority:          {"priority", Number, 10, func(_ speech, g *models.ExportedGroup) any { return g.Priority }},
	models.GroupColumnMemberCount:       {"memberCount", Number, 16, func(_ speech, g *models.ExportedGroup) any { return g.MemberCount }},
	models.GroupColumnDirectMemberCount: {"directMemberCount", Number, 16, func(_ speech, g *models.ExportedGroup) any { return g.DirectMemberCount }},
	models.GroupColumnProducts:          {"products", Text, 48, func(s speech, g *models.ExportedGroup) any { return list(g.Products, s.between) }},
	models.GroupColumnPermissions:       {"permissions", Text, 48, func(s speech, g *models.ExportedGroup) any { return list(g.Permissions, s.between) }},
	models.GroupColumnPendingJob: {"pendingJob", Text, 40, func(_ speech, g *models.ExportedGroup) any {
		if g.PendingJob == nil {
			return nil
		}
		return g.PendingJob.String()
	}},
	models.GroupColumnParents:     {"parents", Text, 36, func(s speech, g *models.ExportedGroup) any { return list(g.Parents, s.between) }},
	models.GroupColumnChildren:    {"children", Text, 36, func(s speech, g *models.ExportedGroup) any { return list(g.Children, s.between) }},
	models.GroupColumnBreadcrumbs: {"breadcrumbs", Text, 48, func(s speech, g *models.ExportedGroup) any { return list(g.Breadcrumbs, s.upwards) }},
	models.GroupColumnDepth:       {"depth", Number, 10, func(_ speech, g *models.ExportedGroup) any { return g.Depth }},
	models.GroupColumnCreatedAt:   {"createdAt", Date, 22, func(_ speech, g *models.ExportedGroup) any { return g.CreatedAt }},
	models.GroupColumnUpdatedAt:   {"updatedAt", Date, 22, func(_ speech, g *models.ExportedGroup) any { return g.UpdatedAt }},
}

// groupOfMember is what a row of a membership begins with.
var groupOfMember = []field[*models.ExportedMembership]{
	{"group", Text, 32, func(_ speech, m *models.ExportedMembership) any { return m.GroupName }},
	{"group.id", Text, 40, func(_ speech, m *models.ExportedMembership) any { return m.GroupID.String() }},
}

// memberFields are those of users, and how one is a member.
var memberFields = func() map[models.GroupMemberColumn]field[*models.ExportedMembership] {
	fields := map[models.GroupMemberColumn]field[*models.ExportedMembership]{
		models.GroupMemberColumnDirect: {"direct", Truth, 14, func(_ speech, m *models.ExportedMembership) any { return m.IsDirect }},
		models.GroupMemberColumnVia:    {"via", Text, 36, func(s speech, m *models.ExportedMembership) any { return list(m.Via, s.between) }},
		models.GroupMemberColumnPath:   {"path", Text, 48, func(s speech, m *models.ExportedMembership) any { return list(m.Path, s.upwards) }},
	}
	for column, f := range userFields {
		fields[models.GroupMemberColumn(column)] = field[*models.ExportedMembership]{f.heading, f.kind, f.width, func(s speech, m *models.ExportedMembership) any { return f.value(s, m.User) }}
	}
	return fields
}()

var eventFields = map[models.AuditEventColumn]field[*models.ExportedEvent]{
	models.AuditEventColumnID:         {"event.id", Text, 40, func(_ speech, e *models.ExportedEvent) any { return e.ID.String() }},
	models.AuditEventColumnOccurredAt: {"occurredAt", Date, 22, func(_ speech, e *models.ExportedEvent) any { return e.At }},
	models.AuditEventColumnAction:     {"action", Text, 24, func(_ speech, e *models.ExportedEvent) any { return e.ActionName() }},
	models.AuditEventColumnOutcome:    {"outcome", Text, 14, func(s speech, e *models.ExportedEvent) any { return s.word("outcome", string(e.Outcome)) }},
	models.AuditEventColumnActor: {"actor", Text, 36, func(_ speech, e *models.ExportedEvent) any {
		switch {
		case e.ActorName != "":
			return e.ActorName
		case e.ActorID != nil:
			return e.ActorID.String()
		}
		return strings.ToLower(e.ActorKind)
	}},
	models.AuditEventColumnRole: {"role", Text, 16, func(s speech, e *models.ExportedEvent) any {
		if e.ActorRole == nil || *e.ActorRole == "" {
			return nil
		}
		return s.word("role", string(*e.ActorRole))
	}},
	models.AuditEventColumnSubjectType: {"subjectType", Text, 18, func(_ speech, e *models.ExportedEvent) any { return line(e.SubjectType) }},
	models.AuditEventColumnSubject:     {"subject", Text, 36, func(_ speech, e *models.ExportedEvent) any { return named(e.SubjectName, e.Subject()) }},
	models.AuditEventColumnObject:      {"object", Text, 36, func(_ speech, e *models.ExportedEvent) any { return named(e.ObjectName, e.Object()) }},
	models.AuditEventColumnChanges: {"changes", Text, 60, func(_ speech, e *models.ExportedEvent) any {
		changes, err := e.Changes()
		if err != nil || len(changes) == 0 {
			return nil
		}
		type values struct {
			Before json.RawMessage `json:"before"`
			After  json.RawMessage `json:"after"`
		}
		fields := map[string]values{}
		for _, c := range changes {
			fields[c.Field] = values{json.RawMessage(c.Before), json.RawMessage(c.After)}
		}
		text, err := json.Marshal(fields)
		if err != nil {
			return nil
		}
		return string(text)
	}},
	models.AuditEventColumnSubjectID: {"subject.id", Text, 40, func(_ speech, e *models.ExportedEvent) any { return named("", e.Subject()) }},
	models.AuditEventColumnObjectID:  {"object.id", Text, 40, func(_ speech, e *models.ExportedEvent) any { return named("", e.Object()) }},
	models.AuditEventColumnOperationID: {"operation.id", Text, 40, func(_ speech, e *models.ExportedEvent) any {
		return e.OperationID.String()
	}},
	models.AuditEventColumnJobID: {"job.id", Text, 40, func(_ speech, e *models.ExportedEvent) any {
		if e.JobID == nil {
			return nil
		}
		return e.JobID.String()
	}},
	models.AuditEventColumnRequestID: {"request.id", Text, 40, func(_ speech, e *models.ExportedEvent) any { return line(e.RequestID) }},
}

// named is the name, or the id where there is none.
func named(name string, id *models.GlobalID) any {
	switch {
	case name != "":
		return name
	case id != nil:
		return id.String()
	}
	return nil
}
