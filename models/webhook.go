package models

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MaxWebhooks bounds the webhooks of an account.
const MaxWebhooks = 20

// OldSecretLife is for how long messages are signed with the old secret as well after a rotation.
const OldSecretLife = 24 * time.Hour

// WebhookID is the id of a Webhook.
type WebhookID [16]byte

const webhookKind = "webhook"

// ParseWebhookID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseWebhookID(text string) (WebhookID, error) {
	_, id, err := parse(webhookKind, text)
	return id, err
}

func (id WebhookID) String() string               { return format(webhookKind, id) }
func (id WebhookID) Value() (driver.Value, error) { return id[:], nil }
func (id *WebhookID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id WebhookID) MarshalGQL(w io.Writer)       { writeID(w, webhookKind, id) }
func (id *WebhookID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[WebhookID](webhookKind, v)
	return err
}

// MarshalText is for JSON that is stored, and for messages.
func (id WebhookID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *WebhookID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseWebhookID(string(text))
	return err
}

// Webhook is where the account's changes are sent to. Its messages go out one after the other, each until it is taken.
type Webhook struct {
	AccountID AccountID
	ID        WebhookID
	Name      string
	NameKey   string
	URL       string      // may have a token in it: only its host is logged
	Wanted    ChangeKinds `gorm:"column:kinds"`

	Secret         []byte // sealed
	OldSecret      []byte // sealed; nil for none
	OldSecretUntil *time.Time
	RotatedAt      *time.Time

	Position     int64        // the number of the change up to which it has what it wants
	Told         int64        // the number at which the last message that was taken ended
	MessageID    *string      // of the message that is to be taken next; nil when it is not made yet
	MessageTo    *int64       // the number at which that ends
	MessageKinds *ChangeKinds // what was wanted when it was made: it stays the same at each attempt
	Attempts     int32        // of that message, in vain
	Failures     int32        // in a row
	FailingSince *time.Time
	LastError    *string

	LastSuccessAt *time.Time
	NextAttemptAt *time.Time // by the server's clock, for people; the database's counts
	PausedReason  *WebhookPausedReason
	PausedAt      *time.Time
	ClaimedBy     *string   // drawn anew for each claim, by which a worker knows that the webhook is still its own
	CreatedAt     time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt     time.Time `gorm:"autoUpdateTime:false"`

	FeedSeq     int64      `gorm:"->"` // the number of the account's newest change, read along
	BehindSince *time.Time `gorm:"->"` // when the first change behind Position happened, read along
}

func (Webhook) TableName() string { return "webhooks" }

// IsNode makes a webhook something that `node` finds.
func (Webhook) IsNode() {}

// Kinds are those that it wants.
func (w *Webhook) Kinds() []ChangeKind { return w.Wanted.List() }

// Etag is a fingerprint of what `webhookUpdate` edits, and of nothing else.
func (w *Webhook) Etag() string { return etag(w.ID[:], w.Name, w.URL, w.Wanted.String()) }

// State says whether it gets messages.
func (w *Webhook) State() WebhookState {
	switch {
	case w.PausedReason != nil:
		return WebhookStatePaused
	case w.Failures > 0:
		return WebhookStateRetrying
	}
	return WebhookStateActive
}

// Behind is how many changes it has not been shown, those that it doesn't want included.
func (w *Webhook) Behind() int32 { return int32(min(max(w.FeedSeq-w.Position, 0), 1<<31-1)) }

// OldSecretExpiresAt is until when messages are signed with the old secret as well; nil for not any more.
func (w *Webhook) OldSecretExpiresAt() *time.Time { return w.OldSecretUntil }

// ChangeKinds is a set of kinds of changes; the empty one stands for all kinds, those to come included.
type ChangeKinds []ChangeKind

// ChangeKindsOf is the set of some, in the order of the schema.
func ChangeKindsOf(list []ChangeKind) ChangeKinds {
	set := ChangeKinds{}
	for _, kind := range AllChangeKind {
		if slices.Contains(list, kind) {
			set = append(set, kind)
		}
	}
	return set
}

// List names them all.
func (k ChangeKinds) List() []ChangeKind {
	if len(k) == 0 {
		return AllChangeKind
	}
	return k
}

// String is the set as it is stored.
func (k ChangeKinds) String() string {
	names := make([]string, len(k))
	for i, kind := range k {
		names[i] = string(kind)
	}
	return strings.Join(names, " ")
}

// Value is for the database.
func (k ChangeKinds) Value() (driver.Value, error) { return k.String(), nil }

// Scan is for the database.
func (k *ChangeKinds) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case []byte:
		text = string(v)
	case string:
		text = v
	default:
		return fmt.Errorf("scan kinds of changes: %T", src)
	}
	*k = ChangeKinds{}
	for name := range strings.FieldsSeq(text) {
		*k = append(*k, ChangeKind(name))
	}
	return nil
}

// WebhookDeliveryID sorts the attempts of a webhook. It is in cursors only.
type WebhookDeliveryID [16]byte

// ParseWebhookDeliveryID reads the text form.
func ParseWebhookDeliveryID(text string) (id WebhookDeliveryID, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) || hex.EncodeToString(raw) != text {
		return id, errors.New("not the id of a delivery")
	}
	return WebhookDeliveryID(raw), nil
}

func (id WebhookDeliveryID) String() string               { return hex.EncodeToString(id[:]) }
func (id WebhookDeliveryID) Value() (driver.Value, error) { return id[:], nil }
func (id *WebhookDeliveryID) Scan(src any) error          { return scan((*[16]byte)(id), src) }

// WebhookDelivery is one attempt to deliver a message.
type WebhookDelivery struct {
	AccountID   AccountID
	WebhookID   WebhookID
	ID          WebhookDeliveryID // later ones are larger
	MessageID   string
	Attempt     int32
	FirstNumber ChangeNumber
	LastNumber  ChangeNumber
	ChangeCount int32
	Status      *int32 // nil when there was no answer
	Error       *string
	Duration    int32 // milliseconds
	At          time.Time
}

func (WebhookDelivery) TableName() string { return "webhook_deliveries" }

// Delivered tells whether the message was taken.
func (d *WebhookDelivery) Delivered() bool { return d.Error == nil }

// WebhookDeliveryConnection is a page of attempts.
type WebhookDeliveryConnection struct {
	Edges    []*WebhookDeliveryEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the attempts without their cursors.
func (c *WebhookDeliveryConnection) Nodes() []*WebhookDelivery {
	return nodesOf(c.Edges, func(e *WebhookDeliveryEdge) *WebhookDelivery { return e.Node })
}

// WebhookCreateInput is a new webhook.
type WebhookCreateInput struct {
	Name  string
	URL   string
	Kinds []ChangeKind `json:",omitzero"`

	IdempotencyKey *string `json:"-"`
}

// WebhookCreatePayload is what CreateWebhook did. Secret is shown this once.
type WebhookCreatePayload struct {
	Webhook *Webhook
	Secret  *string
	Refused
}

// WebhookUpdateInput is what changes of a webhook; what is not set stays.
type WebhookUpdateInput struct {
	ID      WebhookID
	Name    graphql.Omittable[*string]      `json:",omitzero"`
	URL     graphql.Omittable[*string]      `json:",omitzero"`
	Kinds   graphql.Omittable[[]ChangeKind] `json:",omitzero"`
	IfMatch *string
}

// WebhookUpdatePayload is what UpdateWebhook did.
type WebhookUpdatePayload struct {
	Webhook *Webhook
	Refused
}

// WebhookDeleteInput says which webhook is to go.
type WebhookDeleteInput struct{ ID WebhookID }

// WebhookDeletePayload is what DeleteWebhook did.
type WebhookDeletePayload struct {
	DeletedWebhookID *WebhookID
	Refused
}

// WebhookRotateSecretInput says whose secret is to be replaced.
type WebhookRotateSecretInput struct {
	ID                 WebhookID
	ExpireOldSecretNow bool
}

// WebhookRotateSecretPayload is what RotateWebhookSecret did. Secret is shown this once.
type WebhookRotateSecretPayload struct {
	Webhook *Webhook
	Secret  *string
	Refused
}

// WebhookResumeInput says which webhook is to go on, and from where.
type WebhookResumeInput struct {
	ID      WebhookID
	FromNow bool
}

// WebhookResumePayload is what ResumeWebhook did.
type WebhookResumePayload struct {
	Webhook *Webhook
	Refused
}
