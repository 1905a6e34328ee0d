package models

import (
	"fmt"
	"math"
	"time"
)

// ExportLife is how long the file of an export is kept, and MaxExports how many an account has at most: the newest.
const (
	ExportLife = 7 * 24 * time.Hour
	MaxExports = 50
)

// ExportCreateInput says what is to be written to a file, and how. It is also what the job of the export keeps; then the columns, the sort
// and the language that were left out are there.
type ExportCreateInput struct {
	What          ExportWhat
	Format        ExportFormat
	Locale        *Locale
	AsData        bool
	ByteOrderMark bool

	IdempotencyKey *string `json:"-"`
}

// ExportWhat is what an export has: exactly one field is set.
type ExportWhat struct {
	Groups      *GroupsExport      `json:",omitempty"`
	Users       *UsersExport       `json:",omitempty"`
	Memberships *MembershipsExport `json:",omitempty"`
	Events      *EventsExport      `json:",omitempty"`
}

// GroupsExport says which groups are exported, and what of them.
type GroupsExport struct {
	Selection     *GroupSelection
	Columns       []GroupColumn
	AsInTableView bool
	Sort          *GroupSort
	Members       bool
	ExpectedCount *int32
}

// UsersExport says which users are exported, and what of them.
type UsersExport struct {
	Selection     *UserSelection
	Columns       []UserColumn
	AsInTableView bool
	Sort          *UserSort
	ExpectedCount *int32
}

// MembershipsExport says which memberships are exported: those in groups or those of users.
type MembershipsExport struct {
	Groups        *GroupSelection `json:",omitempty"`
	Users         *UserSelection  `json:",omitempty"`
	Relation      MembershipRelation
	Columns       []GroupMemberColumn
	AsInTableView bool
	ExpectedCount *int32
}

// EventsExport says which events of the audit log are exported, and what of them.
type EventsExport struct {
	Filter  *AuditEventFilter
	Columns []AuditEventColumn
}

// ExportCreatePayload is what CreateExport did.
type ExportCreatePayload struct {
	Job *Job
	Refused
}

// The columns of exports for which none are chosen.
var (
	DefaultGroupColumns = []GroupColumn{
		GroupColumnName, GroupColumnDescription, GroupColumnParents, GroupColumnMemberCount, GroupColumnDirectMemberCount, GroupColumnProducts,
	}
	DefaultUserColumns = []UserColumn{
		UserColumnDisplayName, UserColumnEmail, UserColumnGivenName, UserColumnFamilyName, UserColumnLocale, UserColumnRole, UserColumnStatus,
		UserColumnProducts, UserColumnGroups, UserColumnCreatedAt,
	}
	DefaultMembershipColumns = []GroupMemberColumn{
		GroupMemberColumnDisplayName, GroupMemberColumnEmail, GroupMemberColumnID, GroupMemberColumnDirect, GroupMemberColumnPath,
	}
)

// ExportFile is the file of an export. Its content is ExportParts.
type ExportFile struct {
	AccountID AccountID
	JobID     JobID
	Name      string
	MediaType string
	Bytes     int64     `gorm:"column:size"`
	FeedSeq   int64     // the number of the change feed at its moment
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
	KeptUntil time.Time

	URL string `gorm:"-"` // for the caller it was read for
}

func (ExportFile) TableName() string { return "export_files" }

// Size is nil for more than an Int of GraphQL holds.
func (f *ExportFile) Size() *int32 {
	if f.Bytes > math.MaxInt32 {
		return nil
	}
	size := int32(f.Bytes) //nolint:gosec // checked
	return &size
}

// ChangesCursor is where the change feed goes on from the file.
func (f *ExportFile) ChangesCursor() string { return ChangeCursor(f.AccountID, f.FeedSeq) }

// ETag tells the file from every other.
func (f *ExportFile) ETag() string { return fmt.Sprintf(`"%x"`, f.JobID[:]) }

// ExportPartSize is how many bytes each part of a file has but the last.
const ExportPartSize = 1 << 20

// ExportPart is a part of a file.
type ExportPart struct {
	AccountID AccountID
	JobID     JobID
	Number    int32 // from 0
	Content   []byte
}

func (ExportPart) TableName() string { return "export_parts" }

// ExportedUser is a user with what an export's columns ask for; the rest is empty. The lists are names, in the order of lists by name,
// or ids and keys in an export for programs.
type ExportedUser struct {
	User
	HasNoProducts bool
	Products      []string // effective
	Direct        []string
	Inherited     []string
	Waiting       []string
	Blocked       []string
	Groups        []string
	DirectGroups  []string
	Permissions   []string
}

// ExportedGroup is a group with what an export's columns ask for; the rest is empty.
type ExportedGroup struct {
	Group
	MemberCount int
	Products    []string
	Permissions []string
	Parents     []string
	Children    []string
	Breadcrumbs []string
	Depth       int
	PendingJob  *JobID
}

// ExportedMembership is that somebody is in a group.
type ExportedMembership struct {
	GroupID   GroupID
	GroupName string
	User      *ExportedUser
	IsDirect  bool
	Via       []string
	Path      []string // from the group that the user is in directly up to the group
}

// ExportedEvent is an event of the audit log, with the names of whom and what it is about; empty for who or what is no more.
type ExportedEvent struct {
	*AuditEvent
	ActorName   string
	SubjectName string
	ObjectName  string
}
