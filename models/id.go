package models

import (
	"database/sql/driver"
	"encoding/base32"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// The ids of the entities. Each is a UUIDv7 in 16 bytes, made by the program, so that it is known
// before the row is written and sorts by age. Outside it is the kind's name, an underscore and 26
// characters (`user_01k…`): opaque for clients, but nobody pastes a group's id where a user's belongs.
type (
	AccountID   [16]byte
	UserID      [16]byte
	GroupID     [16]byte
	ProductID   [16]byte
	OperationID [16]byte
)

const (
	accountKind   = "account"
	userKind      = "user"
	groupKind     = "group"
	productKind   = "product"
	operationKind = "operation"
)

var typeNames = map[string]string{
	accountKind: "Account", userKind: "User", groupKind: "Group", productKind: "Product", operationKind: "Operation", jobKind: "Job", mailKind: "Mail", tableViewKind: "TableView", eventKind: "AuditEvent",
	partnerClientKind: "PartnerClient",
	webhookKind:       "Webhook",
}

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns an id that is larger than the ones made before by this process.
func NewID[T ~[16]byte]() T { return T(uuid.Must(uuid.NewV7())) }

func format(kind string, id [16]byte) string { return kind + "_" + encoding.EncodeToString(id[:]) }

// parse reads the text form of an id. The kind is "" where any kind is welcome.
func parse(kind, text string) (found string, id [16]byte, err error) {
	want := "an id"
	if kind != "" {
		want = "the id of " + article(typeNames[kind]) + " (" + kind + "_…)"
	}
	found, code, _ := strings.Cut(text, "_")
	name, known := typeNames[found]
	raw, decodeErr := encoding.DecodeString(code)
	if !known || decodeErr != nil || len(raw) != len(id) || encoding.EncodeToString(raw) != code {
		return "", id, Errorf(CodeInvalidID, "%s is not %s", quote(text), want)
	}
	if kind != "" && found != kind {
		return "", id, Errorf(CodeInvalidID, "%s is the id of %s, not %s", quote(text), article(name), want)
	}
	return found, [16]byte(raw), nil
}

func article(name string) string {
	if strings.ContainsAny(name[:1], "AEIO") {
		return "an " + name
	}
	return "a " + name
}

// quote shows what a caller sent, shortened, so that a message never repeats a long input.
func quote(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strconv.QuoteToGraphic(text)
}

func scan(dst *[16]byte, src any) error {
	raw, ok := src.([]byte)
	if !ok || len(raw) != len(dst) {
		return fmt.Errorf("scan id: %T of another form", src)
	}
	*dst = [16]byte(raw)
	return nil
}

func unmarshal(kind string, v any) ([16]byte, error) {
	text, ok := v.(string)
	if !ok {
		return [16]byte{}, Errorf(CodeInvalidID, "an id is a string")
	}
	_, id, err := parse(kind, text)
	return id, err
}

// ParseAccountID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseAccountID(text string) (AccountID, error) {
	_, id, err := parse(accountKind, text)
	return id, err
}

func (id AccountID) String() string               { return format(accountKind, id) }
func (id AccountID) Value() (driver.Value, error) { return id[:], nil }
func (id *AccountID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id AccountID) MarshalGQL(w io.Writer)       { writeID(w, accountKind, id) }
func (id *AccountID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[AccountID](accountKind, v)
	return err
}

// ParseUserID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseUserID(text string) (UserID, error) {
	_, id, err := parse(userKind, text)
	return id, err
}

func (id UserID) String() string               { return format(userKind, id) }
func (id UserID) Value() (driver.Value, error) { return id[:], nil }
func (id *UserID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id UserID) MarshalGQL(w io.Writer)       { writeID(w, userKind, id) }
func (id *UserID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[UserID](userKind, v)
	return err
}

// ParseGroupID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseGroupID(text string) (GroupID, error) {
	_, id, err := parse(groupKind, text)
	return id, err
}

func (id GroupID) String() string               { return format(groupKind, id) }
func (id GroupID) Value() (driver.Value, error) { return id[:], nil }
func (id *GroupID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id GroupID) MarshalGQL(w io.Writer)       { writeID(w, groupKind, id) }
func (id *GroupID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[GroupID](groupKind, v)
	return err
}

// ParseProductID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseProductID(text string) (ProductID, error) {
	_, id, err := parse(productKind, text)
	return id, err
}

func (id ProductID) String() string               { return format(productKind, id) }
func (id ProductID) Value() (driver.Value, error) { return id[:], nil }
func (id *ProductID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id ProductID) MarshalGQL(w io.Writer)       { writeID(w, productKind, id) }
func (id *ProductID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[ProductID](productKind, v)
	return err
}

func (id OperationID) String() string               { return format(operationKind, id) }
func (id OperationID) Value() (driver.Value, error) { return id[:], nil }
func (id *OperationID) Scan(src any) error          { return scan((*[16]byte)(id), src) }

func unmarshalAs[T ~[16]byte](kind string, v any) (T, error) {
	id, err := unmarshal(kind, v)
	return T(id), err
}

func writeID(w io.Writer, kind string, id [16]byte) {
	var text [64]byte
	out := append(text[:0], '"')
	out = append(out, kind...)
	out = append(out, '_')
	out = encoding.AppendEncode(out, id[:])
	_, _ = w.Write(append(out, '"'))
}

// GlobalID is an id of any kind, as `node` takes it. One of the pointers is set.
type GlobalID struct {
	Account *AccountID
	User    *UserID
	Group   *GroupID
	Product *ProductID
	Job     *JobID
	Mail    *MailID
	View    *TableViewID
	Event   *EventID
	Partner *PartnerClientID
	Webhook *WebhookID
}

// ParseGlobalID reads the id of any entity. INVALID_ID when it is malformed.
func ParseGlobalID(text string) (GlobalID, error) {
	kind, raw, err := parse("", text)
	if err != nil {
		return GlobalID{}, err
	}
	switch kind {
	case accountKind:
		id := AccountID(raw)
		return GlobalID{Account: &id}, nil
	case userKind:
		id := UserID(raw)
		return GlobalID{User: &id}, nil
	case groupKind:
		id := GroupID(raw)
		return GlobalID{Group: &id}, nil
	case productKind:
		id := ProductID(raw)
		return GlobalID{Product: &id}, nil
	case jobKind:
		id := JobID(raw)
		return GlobalID{Job: &id}, nil
	case mailKind:
		id := MailID(raw)
		return GlobalID{Mail: &id}, nil
	case tableViewKind:
		id := TableViewID(raw)
		return GlobalID{View: &id}, nil
	case eventKind:
		id := EventID(raw)
		return GlobalID{Event: &id}, nil
	case partnerClientKind:
		id := PartnerClientID(raw)
		return GlobalID{Partner: &id}, nil
	case webhookKind:
		id := WebhookID(raw)
		return GlobalID{Webhook: &id}, nil
	}
	return GlobalID{}, Errorf(CodeInvalidID, "%s is not the id of something that can be looked up", quote(text))
}

func (id GlobalID) String() string {
	switch {
	case id.Account != nil:
		return id.Account.String()
	case id.User != nil:
		return id.User.String()
	case id.Group != nil:
		return id.Group.String()
	case id.Product != nil:
		return id.Product.String()
	case id.Job != nil:
		return id.Job.String()
	case id.Mail != nil:
		return id.Mail.String()
	case id.View != nil:
		return id.View.String()
	case id.Event != nil:
		return id.Event.String()
	case id.Partner != nil:
		return id.Partner.String()
	case id.Webhook != nil:
		return id.Webhook.String()
	}
	return ""
}

func (id GlobalID) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(id.String())) }

func (id *GlobalID) UnmarshalGQL(v any) (err error) {
	text, ok := v.(string)
	if !ok {
		return Errorf(CodeInvalidID, "an id is a string")
	}
	*id, err = ParseGlobalID(text)
	return err
}

// AsUser is the user's id. INVALID_ID when it is of another kind.
func (id *GlobalID) AsUser() (*UserID, error) {
	if id.User == nil {
		_, err := ParseUserID(id.String())
		return nil, err
	}
	return id.User, nil
}

// AsGroup is the group's id. INVALID_ID when it is of another kind.
func (id *GlobalID) AsGroup() (*GroupID, error) {
	if id.Group == nil {
		_, err := ParseGroupID(id.String())
		return nil, err
	}
	return id.Group, nil
}

// AsJob is the job's id. INVALID_ID when it is of another kind.
func (id *GlobalID) AsJob() (*JobID, error) {
	if id.Job == nil {
		_, err := ParseJobID(id.String())
		return nil, err
	}
	return id.Job, nil
}

// The text forms, for JSON that is stored.

func (id UserID) MarshalText() ([]byte, error)    { return []byte(id.String()), nil }
func (id GroupID) MarshalText() ([]byte, error)   { return []byte(id.String()), nil }
func (id ProductID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

func (id *UserID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseUserID(string(text))
	return err
}

func (id *GroupID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseGroupID(string(text))
	return err
}

func (id *ProductID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseProductID(string(text))
	return err
}
