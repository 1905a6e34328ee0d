package models

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EventID is the id of an AuditEvent. It begins with the event's time to the microsecond, so that events are sorted by
// time when they are by id.
type EventID [16]byte

const eventKind = "event"

// ParseEventID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseEventID(text string) (EventID, error) {
	_, id, err := parse(eventKind, text)
	return id, err
}

func (id EventID) String() string               { return format(eventKind, id) }
func (id EventID) Value() (driver.Value, error) { return id[:], nil }
func (id *EventID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id EventID) MarshalGQL(w io.Writer)       { writeID(w, eventKind, id) }
func (id *EventID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[EventID](eventKind, v)
	return err
}

// NewEventID is a UUID of version 7 with the time in milliseconds, then the microseconds in four steps each, then what
// tells the events of one time apart: the later ones have the larger order.
func NewEventID(at time.Time, order uint64) (id EventID) {
	micros := uint64(max(at.UnixMicro(), 0))
	binary.BigEndian.PutUint64(id[:], micros/1000<<16|7<<12|micros%1000*4)
	binary.BigEndian.PutUint64(id[8:], 1<<63|order&(1<<62-1))
	return id
}

// FirstEventID is the smallest id that an event of this time can have, and larger than that of any earlier one.
func FirstEventID(at time.Time) EventID { return NewEventID(at, 0) }

// MarshalGQL writes it.
func (id OperationID) MarshalGQL(w io.Writer) { writeID(w, operationKind, id) }

// UnmarshalGQL reads it. INVALID_ID when it is malformed or of another kind.
func (id *OperationID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[OperationID](operationKind, v)
	return err
}

// AuditOutcome says whether what was asked for was done.
type AuditOutcome string

// The outcomes.
const (
	AuditOutcomeDone    AuditOutcome = "DONE"
	AuditOutcomeRefused AuditOutcome = "REFUSED" // for want of rights
)

// IsValid tells whether it is one of the outcomes.
func (o AuditOutcome) IsValid() bool { return o == AuditOutcomeDone || o == AuditOutcomeRefused }

// MarshalGQL writes it.
func (o AuditOutcome) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(o))) }

// UnmarshalGQL reads it.
func (o *AuditOutcome) UnmarshalGQL(v any) error { return readEnum(o, v, "AuditOutcome") }

// AuditSubjectType is what an event, or an entry of the feed, is about.
type AuditSubjectType string

// auditSubjects says whose ids an event has that is about something: the subject's, and that of what it is tied to.
var auditSubjects = map[AuditSubjectType]struct{ subject, object string }{
	"USER":       {subject: userKind},
	"STATUS":     {subject: userKind},
	"IDENTITY":   {subject: userKind},
	"MEMBERSHIP": {userKind, groupKind},
	"PRODUCT":    {userKind, productKind},
	"WAITING":    {userKind, productKind},
	"ASSIGNMENT": {userKind, productKind},
	"BLOCK":      {userKind, productKind},
	"GROUP":      {subject: groupKind},
	"NESTING":    {groupKind, groupKind},
	"GRANT":      {groupKind, productKind},
	"CATALOGUE":  {subject: productKind},
	"PERMISSION": {subject: groupKind},

	"ACCOUNT_SETTING": {subject: accountKind},
	"GROUP_SETTING":   {subject: groupKind},
	"USER_SETTING":    {subject: userKind},

	"ACCOUNT": {subject: accountKind},
	"JOB":     {jobKind, jobKind},
	"MAIL":    {subject: mailKind},

	"PARTNER_CLIENT": {subject: partnerClientKind},
	"WEBHOOK":        {subject: webhookKind},
}

// IsValid tells whether it is one of the types.
func (t AuditSubjectType) IsValid() bool { _, ok := auditSubjects[t]; return ok }

// MarshalGQL writes it.
func (t AuditSubjectType) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(t))) }

// UnmarshalGQL reads it.
func (t *AuditSubjectType) UnmarshalGQL(v any) error { return readEnum(t, v, "AuditSubjectType") }

// AuditEvent is a row of the audit log. The row without a subject stands for the operation as a whole.
type AuditEvent struct {
	AccountID   AccountID
	ID          EventID
	OperationID OperationID
	At          time.Time
	Action      string // a field of the schema, as `Mutation.groupUpdate`
	ActorKind   string
	ActorID     *UserID // who may be no more; of a partner client the bytes of its id
	ActorRole   *Role   // in which it was done; nil in rows from before it was kept
	RequestID   string
	JobID       *JobID // which may have been removed
	Outcome     AuditOutcome
	SubjectType string
	SubjectID   []byte
	ObjectID    []byte
	BeforeData  *string
	AfterData   *string
}

func (AuditEvent) TableName() string { return "audit_events" }

// IsNode makes an event something that `node` finds.
func (AuditEvent) IsNode() {}

const mutationPrefix = "Mutation."

// ActionName is the mutation's name, or the action itself if it is none.
func (e *AuditEvent) ActionName() string { return strings.TrimPrefix(e.Action, mutationPrefix) }

// Actor is who did it.
func (e *AuditEvent) Actor() *AuditActor {
	actor := &AuditActor{Kind: e.ActorKind, Role: e.ActorRole}
	switch {
	case e.ActorID == nil:
	case e.ActorKind == "PARTNER_CLIENT":
		id := PartnerClientID(*e.ActorID)
		actor.PartnerClientID = &id
	default:
		actor.UserID = e.ActorID
	}
	return actor
}

// About is what the event is about; nil for the operation as a whole.
func (e *AuditEvent) About() *AuditSubjectType {
	if t := AuditSubjectType(e.SubjectType); t.IsValid() {
		return &t
	}
	return nil
}

// Subject is the id of what changed; nil for the operation as a whole.
func (e *AuditEvent) Subject() *GlobalID {
	return globalID(auditSubjects[AuditSubjectType(e.SubjectType)].subject, e.SubjectID)
}

// Object is the id of what the subject is tied to, as the group of a membership; nil for none.
func (e *AuditEvent) Object() *GlobalID {
	return globalID(auditSubjects[AuditSubjectType(e.SubjectType)].object, e.ObjectID)
}

func globalID(kind string, raw []byte) *GlobalID {
	if kind == "" || len(raw) != 16 {
		return nil
	}
	id, err := ParseGlobalID(format(kind, [16]byte(raw)))
	if err != nil {
		return nil
	}
	return &id
}

// Changes are the fields that are different afterwards, by name. A field of what is new was null before, and one of what
// is gone is null afterwards.
func (e *AuditEvent) Changes() ([]*AuditChange, error) {
	before, err := fieldsOf(e.BeforeData)
	if err != nil {
		return nil, err
	}
	after, err := fieldsOf(e.AfterData)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	changes := []*AuditChange{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was, is := before[name], after[name]; !bytes.Equal(was, is) {
			changes = append(changes, &AuditChange{Field: name, Before: was, After: is})
		}
	}
	return changes, nil
}

// fieldsOf are the fields of a stored object in the shortest form, by which they are compared; those that are null are left out.
func fieldsOf(stored *string) (map[string]JSON, error) {
	if stored == nil {
		return nil, nil //nolint:nilnil // what is not has no fields
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(*stored), &raw); err != nil {
		return nil, fmt.Errorf("decode what the audit log keeps: %w", err)
	}
	fields := make(map[string]JSON, len(raw))
	for name, value := range raw {
		var short bytes.Buffer
		if err := json.Compact(&short, value); err != nil {
			return nil, fmt.Errorf("decode what the audit log keeps: %w", err)
		}
		if text := short.String(); text != "null" {
			fields[name] = JSON(text)
		}
	}
	return fields, nil
}

// AuditActor is who did something.
type AuditActor struct {
	Kind            string           // USER, OPERATOR or PARTNER_CLIENT
	UserID          *UserID          // of a USER
	PartnerClientID *PartnerClientID // of a PARTNER_CLIENT
	Role            *Role
}

// AuditChange is a field of a subject before and after.
type AuditChange struct {
	Field  string
	Before JSON
	After  JSON
}

// JSON is any value as JSON text; empty for null.
type JSON []byte

// MarshalGQL writes it.
func (j JSON) MarshalGQL(w io.Writer) {
	if len(j) == 0 {
		j = JSON("null")
	}
	_, _ = w.Write(j)
}

// UnmarshalGQL takes any value.
func (j *JSON) UnmarshalGQL(v any) (err error) {
	*j, err = json.Marshal(v)
	return err
}

// AuditEventFilter says which events are meant: those to which everything applies that is given.
type AuditEventFilter struct {
	ActorID     *UserID       `json:"actorId,omitempty"`
	Actions     []string      `json:"actions,omitempty"`
	SubjectID   *GlobalID     `json:"subjectId,omitempty"` // also as what the subject is tied to
	From        *time.Time    `json:"from,omitempty"`
	To          *time.Time    `json:"to,omitempty"` // itself excluded
	JobID       *JobID        `json:"jobId,omitempty"`
	OperationID *OperationID  `json:"operationId,omitempty"`
	Outcome     *AuditOutcome `json:"outcome,omitempty"`
}

// MaxAuditActions is how many actions a filter of events takes.
const MaxAuditActions = 50

// Check is what is wrong with a filter by itself: TOO_MANY actions, and INVALID for a time that ends before it begins.
func (f *AuditEventFilter) Check() error {
	if f == nil {
		return nil
	}
	if len(f.Actions) > MaxAuditActions {
		return Errorf(CodeTooMany, "%d actions, at most %d are allowed", len(f.Actions), MaxAuditActions).
			With("limit", strconv.Itoa(MaxAuditActions)).At("filter", "actions")
	}
	if f.From != nil && f.To != nil && f.To.Before(*f.From) {
		return Errorf(CodeInvalid, "the time ends before it begins").At("filter", "to")
	}
	return nil
}

// StoredActions are the actions of the filter as the log keeps them, each once, without those that can be none.
func (f *AuditEventFilter) StoredActions() []string {
	var stored []string
	for _, name := range f.Actions {
		if !isAction(name) {
			continue
		}
		if !strings.Contains(name, ".") {
			name = mutationPrefix + name
		}
		if !slices.Contains(stored, name) {
			stored = append(stored, name)
		}
	}
	return stored
}

func isAction(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.'
	}
	return name != "" && len(name) <= 64-len(mutationPrefix) && strings.IndexFunc(name, odd) < 0
}

// Raw are the bytes of an id of any kind.
func (id *GlobalID) Raw() [16]byte {
	switch {
	case id.Account != nil:
		return *id.Account
	case id.User != nil:
		return *id.User
	case id.Group != nil:
		return *id.Group
	case id.Product != nil:
		return *id.Product
	case id.Job != nil:
		return *id.Job
	case id.Mail != nil:
		return *id.Mail
	case id.Event != nil:
		return *id.Event
	case id.View != nil:
		return *id.View
	}
	return [16]byte{}
}

// MarshalText is the text form, for JSON that a list's hash is made of.
func (id GlobalID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads it. INVALID_ID when it is malformed.
func (id *GlobalID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseGlobalID(string(text))
	return err
}

// AuditEventConnection is a page of events.
type AuditEventConnection struct {
	Edges    []*AuditEventEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the events without their cursors.
func (c *AuditEventConnection) Nodes() []*AuditEvent {
	return nodesOf(c.Edges, func(e *AuditEventEdge) *AuditEvent { return e.Node })
}
