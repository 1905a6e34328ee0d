// Package audit writes down what happened: who changed what, for people to read later, and the numbered
// feed of changes, for programs to follow.
package audit

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

// Event is a row of the audit log. The row without a subject stands for the operation as a whole.
type Event = models.AuditEvent

// Change is an entry of the account's feed.
type Change struct {
	AccountID   models.AccountID
	Seq         int64
	OperationID models.OperationID
	At          time.Time
	Entity      string
	ChangeType  string
	SubjectID   []byte
	ObjectID    []byte
	Payload     *string
}

func (Change) TableName() string { return "changes" }

// What a subject of the log or an entry of the feed is about.
const (
	User           = "USER"            // the user
	Group          = "GROUP"           // the group
	Membership     = "MEMBERSHIP"      // the user, and as object the group
	Nesting        = "NESTING"         // the child, and as object the parent
	Status         = "STATUS"          // the user
	Product        = "PRODUCT"         // the user who has it, and as object the product
	Waiting        = "WAITING"         // the user, and as object the product that the user waits for a seat of
	Catalogue      = "CATALOGUE"       // the product itself
	Grant          = "GRANT"           // the group, and as object the product
	Assignment     = "ASSIGNMENT"      // the user, and as object the product that is set on the user
	Permission     = "PERMISSION"      // the group, with what it grants; in the log alone
	Block          = "BLOCK"           // the user, and as object the product that the user's groups don't give
	Account        = "ACCOUNT"         // the account
	Job            = "JOB"             // the job that somebody stopped or had tried again; in the log alone
	Mail           = "MAIL"            // the mail that somebody had sent again; in the log alone
	AccountSetting = "ACCOUNT_SETTING" // the account that holds values; in the log alone, as the next two
	GroupSetting   = "GROUP_SETTING"   // the group that holds them
	UserSetting    = "USER_SETTING"    // the user who does
	Identity       = "IDENTITY"        // the user whom a provider knows; in the log alone
	PartnerClient  = "PARTNER_CLIENT"  // the partner client; in the log alone
	Webhook        = "WEBHOOK"         // the webhook; in the log alone
)

// What happened to an entry of the feed.
const (
	Set     = "SET"
	Removed = "REMOVED"
)

// Log gathers what one transaction changes and writes it in the end, in few statements. Feed numbers are
// taken from the account's row, which the transaction has locked, so they are in commit order without
// gaps.
type Log struct {
	tx      *store.Tx
	who     auth.Caller
	action  auth.Action
	job     *models.JobID
	events  []Event
	changes []Change
	order   uint64 // of the next event
	noted   bool   // also without a subject
	off     bool
}

// Begin starts the log of a transaction.
func Begin(tx *store.Tx, who auth.Caller, action auth.Action) *Log {
	return &Log{tx: tx, who: who, action: action, order: firstOrder()}
}

// begun counts the logs of this process, so that of two that have the same time the later one is known.
var begun atomic.Uint64

// firstOrder is where the ids of an operation's events begin, which share its time: 22 bits of the process, 18 that tell
// servers apart whose clocks say the same, and 22 for the events.
func firstOrder() uint64 {
	return begun.Add(1)<<40 | rand.Uint64N(1<<18)<<22
}

// None is the log of what is only tried out: it keeps nothing.
func None(tx *store.Tx) *Log { return &Log{tx: tx, off: true} }

// Of has all events of the operation name the job that it made, or is a part of, or acts on.
func (l *Log) Of(job models.JobID) { l.job = &job }

// Noted has the operation leave its event even if nothing else is recorded.
func (l *Log) Noted() { l.noted = true }

// Subject is something that changed: its kind, its id and that of what it is tied to, and what is worth
// keeping of it before and after, which is encoded as JSON; nil for what was not, or is no more.
type Subject struct {
	Type   string
	ID     [16]byte
	Object *[16]byte
	Before any
	After  any
}

// Changed records one changed subject in the log and in the feed.
func (l *Log) Changed(s Subject) error {
	if l.off {
		return nil
	}
	if err := l.Recorded(s); err != nil {
		return err
	}
	payload := l.events[len(l.events)-1].AfterData
	kind := Set
	if s.After == nil {
		kind = Removed
	}
	l.tx.Account.FeedSeq++
	l.changes = append(l.changes, Change{
		AccountID: l.tx.Account.ID, Seq: l.tx.Account.FeedSeq, OperationID: models.OperationID(l.tx.Operation), At: l.tx.Now,
		Entity: s.Type, ChangeType: kind, SubjectID: s.ID[:], ObjectID: bytesOf(s.Object), Payload: payload,
	})
	return nil
}

// Recorded records one changed subject in the log alone.
func (l *Log) Recorded(s Subject) error {
	if l.off {
		return nil
	}
	event := l.event()
	event.SubjectType, event.SubjectID, event.ObjectID = s.Type, s.ID[:], bytesOf(s.Object)
	var err error
	if event.BeforeData, err = encode(s.Before); err != nil {
		return err
	}
	if event.AfterData, err = encode(s.After); err != nil {
		return err
	}
	l.events = append(l.events, event)
	return nil
}

// Write stores what was recorded, with one event for the operation as a whole, which is the last. An operation that changed
// nothing leaves no trace.
func (l *Log) Write() error {
	if l.off || len(l.events) == 0 && !l.noted {
		return nil
	}
	if err := insert(l.tx.DB, append(l.events, l.event()), l.job); err != nil {
		return err
	}
	changes := store.Into(l.tx.DB, Change{}.TableName(), "account_id, seq, operation_id, at, entity, change_type, subject_id, object_id, payload")
	for i := range l.changes {
		c := &l.changes[i]
		err := changes.Row(c.AccountID[:], c.Seq, c.OperationID[:], c.At, c.Entity, c.ChangeType, c.SubjectID, bytesOrNull(c.ObjectID), textOrNull(c.Payload))
		if err != nil {
			return err
		}
	}
	return changes.End()
}

// insert stores events, all of one job or of none.
func insert(tx *gorm.DB, events []Event, job *models.JobID) error {
	rows := store.Into(tx, Event{}.TableName(), "account_id, id, operation_id, at, action, actor_kind, actor_id, actor_role, request_id, job_id, outcome, subject_type, subject_id, object_id, before_data, after_data")
	var ofJob any
	if job != nil {
		ofJob = job[:]
	}
	for i := range events {
		e := &events[i]
		var actor, role any
		if e.ActorID != nil {
			actor = e.ActorID[:]
		}
		if e.ActorRole != nil {
			role = string(*e.ActorRole)
		}
		err := rows.Row(e.AccountID[:], e.ID[:], e.OperationID[:], e.At, e.Action, e.ActorKind, actor, role, e.RequestID, ofJob, string(e.Outcome), e.SubjectType,
			bytesOrNull(e.SubjectID), bytesOrNull(e.ObjectID), textOrNull(e.BeforeData), textOrNull(e.AfterData))
		if err != nil {
			return err
		}
	}
	return rows.End()
}

func bytesOrNull(raw []byte) any {
	if raw == nil {
		return nil
	}
	return raw
}

func textOrNull(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

func (l *Log) event() Event {
	l.order++
	return eventBy(&l.who, l.action, models.AuditOutcomeDone, models.NewEventID(l.tx.Now, l.order), models.OperationID(l.tx.Operation), l.tx.Now)
}

// eventBy is an event of an operation as a whole.
func eventBy(who *auth.Caller, action auth.Action, outcome models.AuditOutcome, id models.EventID, operation models.OperationID, at time.Time) Event {
	event := Event{
		AccountID: who.Account, ID: id, OperationID: operation, At: at,
		Action: string(action), ActorKind: string(who.Kind), RequestID: who.RequestID, Outcome: outcome,
	}
	if who.Role != "" {
		event.ActorRole = &who.Role
	}
	switch who.Kind {
	case auth.Person:
		event.ActorID = &who.UserID
	case auth.Partner:
		id := models.UserID(who.Partner)
		event.ActorID = &id
	}
	return event
}

func bytesOf(id *[16]byte) []byte {
	if id == nil {
		return nil
	}
	return id[:]
}

// Encoded is a Before or After that is JSON already, for what many subjects have in common.
type Encoded string

func encode(value any) (*string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil //nolint:nilnil // nothing to keep is NULL in the row
	case Encoded:
		text := string(v)
		return &text, nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode audit data: %w", err)
	}
	text := string(raw)
	return &text, nil
}
