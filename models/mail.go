package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// MailID is the id of a Mail.
type MailID [16]byte

const mailKind = "mail"

// ParseMailID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseMailID(text string) (MailID, error) {
	_, id, err := parse(mailKind, text)
	return id, err
}

func (id MailID) String() string               { return format(mailKind, id) }
func (id MailID) Value() (driver.Value, error) { return id[:], nil }
func (id *MailID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id MailID) MarshalGQL(w io.Writer)       { writeID(w, mailKind, id) }
func (id *MailID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[MailID](mailKind, v)
	return err
}

// MailKind is what a mail is for.
type MailKind string

// The kinds.
const (
	MailKindNotice  MailKind = "NOTICE"  // what has become of the user's products
	MailKindWelcome MailKind = "WELCOME" // the first steps with a product
)

// IsValid tells whether it is one of the kinds.
func (k MailKind) IsValid() bool { return k == MailKindNotice || k == MailKindWelcome }

// MarshalGQL writes it.
func (k MailKind) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(k))) }

// UnmarshalGQL reads it.
func (k *MailKind) UnmarshalGQL(v any) error { return readEnum(k, v, "MailKind") }

// MailState is how far a mail is.
type MailState string

// The states.
const (
	MailStateHeld   MailState = "HELD"   // may still grow, until the job ends that it belongs to
	MailStateQueued MailState = "QUEUED" // is sent when its time comes
	MailStateSent   MailState = "SENT"   // the mail server has taken it
	MailStateFailed MailState = "FAILED" // the mail server has refused it for good, or for too long
)

// MailStates are all of them.
var MailStates = []MailState{MailStateHeld, MailStateQueued, MailStateSent, MailStateFailed}

// IsValid tells whether it is one of the states.
func (s MailState) IsValid() bool { return slices.Contains(MailStates, s) }

// MarshalGQL writes it.
func (s MailState) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads it.
func (s *MailState) UnmarshalGQL(v any) error { return readEnum(s, v, "MailState") }

// Mail is a mail to a user. The address, the name and the language are the user's at the time of delivery.
type Mail struct {
	AccountID   AccountID
	ID          MailID
	OperationID OperationID // one notice for it and the user, one welcome for it, the user and the product
	UserID      UserID      // who may be no more
	Kind        MailKind
	ProductID   ProductID // of a welcome; zeros for a notice
	State       MailState
	Content     MailContent

	Attempts  int32      // that failed, since it was made or tried again by hand
	LastError *string    // of the last of them: the mail server's answer
	ClaimedBy *string    // drawn anew for each claim, by which a worker knows that the mail is still its own
	DueAt     *time.Time // by the database's clock: when it is sent, or sent again, or free of its worker; SENT: removed
	CreatedAt time.Time  `gorm:"autoCreateTime:false"`
	SentAt    *time.Time
}

func (Mail) TableName() string { return "mails" }

// IsNode makes a mail something that `node` finds.
func (Mail) IsNode() {}

// MailContent is what a mail says, as it was when the mail was made: later changes of the catalogue don't reach it.
// A notice has the names of products, a welcome the product.
type MailContent struct {
	Added     []string `json:"added,omitempty"`
	Removed   []string `json:"removed,omitempty"`
	Waiting   []string `json:"waiting,omitempty"`   // for a seat
	Suspended bool     `json:"suspended,omitempty"` // because nothing is left

	Product    string `json:"product,omitempty"`
	ProductKey string `json:"productKey,omitempty"`
}

// Value is the content as JSON.
func (c MailContent) Value() (driver.Value, error) {
	raw, err := json.Marshal(c)
	return string(raw), err
}

// Scan reads it.
func (c *MailContent) Scan(src any) error {
	raw, ok := src.([]byte)
	if text, is := src.(string); is {
		raw, ok = []byte(text), true
	}
	if !ok {
		return fmt.Errorf("scan a mail's content: %T", src)
	}
	*c = MailContent{}
	return json.Unmarshal(raw, c)
}

// Then is what is to be told when more has happened after c, in the same operation: what the one undoes of the other
// isn't told at all.
func (c MailContent) Then(more MailContent) MailContent {
	c.Added, c.Removed, c.Waiting = slices.Clone(c.Added), slices.Clone(c.Removed), slices.Clone(c.Waiting)
	for _, product := range more.Added {
		c.Waiting = without(c.Waiting, product)
		c.Removed, c.Added = cancel(c.Removed, c.Added, product)
	}
	for _, product := range more.Removed {
		c.Added, c.Removed = cancel(c.Added, c.Removed, product)
	}
	for _, product := range more.Waiting {
		c.Waiting = append(without(c.Waiting, product), product)
	}
	c.Suspended = more.Suspended
	return c
}

// cancel takes a product out of one list, or puts it into the other if it isn't there.
func cancel(from, to []string, product string) (less, more []string) {
	if less = without(from, product); len(less) < len(from) {
		return less, to
	}
	return from, append(without(to, product), product)
}

func without(products []string, product string) []string {
	return slices.DeleteFunc(slices.Clone(products), func(p string) bool { return p == product })
}

// Empty tells whether there is nothing to tell.
func (c MailContent) Empty() bool {
	return len(c.Added)+len(c.Removed)+len(c.Waiting) == 0 && !c.Suspended && c.Product == ""
}

// MailConnection is a page of mails.
type MailConnection struct {
	Edges    []*MailEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the mails without their cursors.
func (c *MailConnection) Nodes() []*Mail {
	return nodesOf(c.Edges, func(e *MailEdge) *Mail { return e.Node })
}

type MailRetryInput struct{ Ids []MailID }

type MailRetryPayload struct {
	Mails []*Mail
	Refused
}
