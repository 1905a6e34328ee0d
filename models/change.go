package models

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"time"
)

// The sizes of pages of the change feed.
const (
	DefaultChanges = 100
	MaxChanges     = 1000
)

// ChangeEntry is an entry of an account's change feed. Its kind says what it is in the schema, and what its ids are of.
type ChangeEntry struct {
	Kind        ChangeKind
	Number      ChangeNumber
	Time        time.Time
	OperationID OperationID
	Action      ChangeAction
	Subject     [16]byte // the user; of GROUP the group, of NESTING the child
	Object      [16]byte // of MEMBERSHIP the group, of NESTING the parent, of USER_PRODUCT the product
	Data        string   // what it is after the change, as JSON; empty for what is removed
}

// Change is an entry as one of the types that it has in the schema.
type Change interface {
	IsChange()
	Entry() *ChangeEntry
}

// The types of the schema. All are entries of their kind.
type (
	UserChange        ChangeEntry
	UserStatusChange  ChangeEntry
	UserProductChange ChangeEntry
	GroupChange       ChangeEntry
	MembershipChange  ChangeEntry
	NestingChange     ChangeEntry
)

func (*UserChange) IsChange()        {}
func (*UserStatusChange) IsChange()  {}
func (*UserProductChange) IsChange() {}
func (*GroupChange) IsChange()       {}
func (*MembershipChange) IsChange()  {}
func (*NestingChange) IsChange()     {}

// Entry is what it is made of.
func (c *UserChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// Entry is what it is made of.
func (c *UserStatusChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// Entry is what it is made of.
func (c *UserProductChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// Entry is what it is made of.
func (c *GroupChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// Entry is what it is made of.
func (c *MembershipChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// Entry is what it is made of.
func (c *NestingChange) Entry() *ChangeEntry { return (*ChangeEntry)(c) }

// UserID is whose change it is.
func (c *UserChange) UserID() UserID { return c.Subject }

// UserID is whose status has changed.
func (c *UserStatusChange) UserID() UserID { return c.Subject }

// UserID is who has the product, or had it.
func (c *UserProductChange) UserID() UserID { return c.Subject }

// ProductID is the product.
func (c *UserProductChange) ProductID() ProductID { return c.Object }

// GroupID is which group has changed.
func (c *GroupChange) GroupID() GroupID { return c.Subject }

// UserID is the member.
func (c *MembershipChange) UserID() UserID { return c.Subject }

// GroupID is what the user is a member of.
func (c *MembershipChange) GroupID() GroupID { return c.Object }

// ChildID is the group inside.
func (c *NestingChange) ChildID() GroupID { return c.Subject }

// ParentID is the group around it.
func (c *NestingChange) ParentID() GroupID { return c.Object }

// Typed is the entry as its type of the schema.
func (c *ChangeEntry) Typed() Change {
	switch c.Kind {
	case ChangeKindUser:
		return (*UserChange)(c)
	case ChangeKindUserStatus:
		return (*UserStatusChange)(c)
	case ChangeKindUserProduct:
		return (*UserProductChange)(c)
	case ChangeKindGroup:
		return (*GroupChange)(c)
	case ChangeKindMembership:
		return (*MembershipChange)(c)
	case ChangeKindNesting:
		return (*NestingChange)(c)
	}
	panic("a change of no kind: " + string(c.Kind))
}

// ChangedUser is what the feed tells of a user.
type ChangedUser struct {
	Email         string             `json:"email"`
	GivenName     string             `json:"givenName"`
	FamilyName    string             `json:"familyName"`
	DisplayName   string             `json:"displayName"`
	Locale        Locale             `json:"locale"`
	Role          Role               `json:"role"`
	Status        UserStatus         `json:"status"`
	StatusReasons []SuspensionReason `json:"statusReasons"`
}

// ChangedGroup is what the feed tells of a group.
type ChangedGroup struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Priority    int32  `json:"priority"`
}

// After is the user as the change left it; nil when it was deleted.
func (c *UserChange) After() (*ChangedUser, error) { return after[ChangedUser](c.Data) }

// After is the group as the change left it; nil when it was deleted.
func (c *GroupChange) After() (*ChangedGroup, error) { return after[ChangedGroup](c.Data) }

// Status is the status as the change left it.
func (c *UserStatusChange) Status() (UserStatus, error) {
	is, err := c.after()
	return is.Status, err
}

// StatusReasons are why the user is suspended since the change.
func (c *UserStatusChange) StatusReasons() ([]SuspensionReason, error) {
	is, err := c.after()
	return is.StatusReasons, err
}

func (c *UserStatusChange) after() (is ChangedUser, err error) {
	found, err := after[ChangedUser](c.Data)
	if found != nil {
		is = *found
	}
	return is, err
}

func after[T any](data string) (*T, error) {
	if data == "" {
		return nil, nil //nolint:nilnil // what is no more has nothing to tell
	}
	var is T
	if err := json.Unmarshal([]byte(data), &is); err != nil {
		return nil, fmt.Errorf("read an entry of the feed: %w", err)
	}
	return &is, nil
}

// ChangeNumber is the number of an entry of the feed. It is a Float in the schema: an Int has 32 bits.
type ChangeNumber int64

// MarshalGQL writes it without an exponent.
func (n ChangeNumber) MarshalGQL(w io.Writer) {
	_, _ = w.Write(strconv.AppendInt(nil, int64(n), 10))
}

// UnmarshalGQL is for inputs, in which there is none.
func (n *ChangeNumber) UnmarshalGQL(any) error {
	return Errorf(CodeInvalid, "the number of a change is not for inputs")
}

// ChangePage is a part of the change feed, in its order.
type ChangePage struct {
	Entries []Change
	Cursor  string // to go on from
	HasMore bool   // whether there was more to read at that moment
}

// ChangeCursor is the place in an account's feed behind the entry with a number, in the form that clients hand back.
func ChangeCursor(account AccountID, number int64) string {
	raw := binary.BigEndian.AppendUint64(nil, feedOf(account))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(raw, uint64(number)))
}

// ParseChangeCursor reads a place in an account's feed. INVALID, at `since`, for what the feed of this account has not handed out.
func ParseChangeCursor(account AccountID, text string) (number int64, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 16 || binary.BigEndian.Uint64(raw) != feedOf(account) || int64(binary.BigEndian.Uint64(raw[8:])) < 0 {
		return 0, Errorf(CodeInvalid, "this is not a cursor that the change feed of this account has handed out").At("since")
	}
	return int64(binary.BigEndian.Uint64(raw[8:])), nil
}

// feedOf tells the cursors of one account from those of another, and of lists.
func feedOf(account AccountID) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(append([]byte("change feed "), account[:]...))
	return h.Sum64()
}
