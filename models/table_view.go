package models

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// What a table's view may hold.
const (
	MinColumnWidth  = 16 // pixels
	MaxColumnWidth  = 2000
	MaxTableFilters = 50
	MaxFilterName   = 100    // characters
	MaxSavedFilter  = 10_000 // bytes of JSON
	MaxJobKind      = 64     // characters
)

// TableViewID is the id of what one user has saved of one table. It follows from the two, so that it is known and stays the
// same whatever is saved.
type TableViewID [16]byte

const tableViewKind = "view"

// NewTableViewID is the id of a user's view of a table.
func NewTableViewID(account AccountID, user UserID, table Table) TableViewID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", account, user, table))
	return TableViewID(sum[:16])
}

func (id TableViewID) String() string         { return format(tableViewKind, id) }
func (id TableViewID) MarshalGQL(w io.Writer) { writeID(w, tableViewKind, id) }
func (id *TableViewID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[TableViewID](tableViewKind, v)
	return err
}

// TableViewRow is what one user has saved of one table.
type TableViewRow struct {
	AccountID AccountID
	UserID    UserID
	TableKind Table     `gorm:"column:table_name"`
	Content   string    // a TableView as JSON
	UpdatedAt time.Time `gorm:"autoUpdateTime:false"`
}

func (TableViewRow) TableName() string { return "table_views" }

// TableView is how a user wants a table to look: C are the table's columns, S its sorts. What is nil is left to the screen.
type TableView[C, S ~string] struct {
	ID        TableViewID       `json:"-"`
	Columns   []*TableColumn[C] `json:"columns,omitempty"` // the visible ones, from the left
	Sort      *S                `json:"sort,omitempty"`
	PageSize  *int32            `json:"pageSize,omitempty"`
	Filters   []*TableFilter    `json:"filters,omitempty"` // by name
	UpdatedAt *time.Time        `json:"-"`
}

// The views of the tables.
type (
	UserTableView        = TableView[UserColumn, UserSort]
	GroupTableView       = TableView[GroupColumn, GroupSort]
	GroupMemberTableView = TableView[GroupMemberColumn, UserSort]
	JobTableView         = TableView[JobColumn, Unsorted]
)

// Unsorted is the sort of a table whose order nobody chooses.
type Unsorted string

// IsNode makes a view something that `node` finds.
func (TableView[C, S]) IsNode() {}

// Read takes in what is saved.
func (v *TableView[C, S]) Read(row *TableViewRow) error {
	if err := json.Unmarshal([]byte(row.Content), v); err != nil {
		return fmt.Errorf("decode the view of the table %s: %w", row.TableKind, err)
	}
	v.UpdatedAt = &row.UpdatedAt
	return nil
}

// TableColumn is a visible column.
type TableColumn[C ~string] struct {
	Column C      `json:"column"`
	Width  *int32 `json:"width,omitempty"` // in CSS pixels; nil leaves it to the screen
}

// The columns of the tables.
type (
	UserTableColumn        = TableColumn[UserColumn]
	GroupTableColumn       = TableColumn[GroupColumn]
	GroupMemberTableColumn = TableColumn[GroupMemberColumn]
	JobTableColumn         = TableColumn[JobColumn]
)

// TableFilter is a filter kept under a name: the arguments of the table's list.
type TableFilter struct {
	Name     string              `json:"name"`
	Filter   SavedFilter         `json:"filter,omitzero"`    // of users and groups
	Relation *MembershipRelation `json:"relation,omitempty"` // of a group's members
	Status   []JobState          `json:"status,omitempty"`   // of jobs
	Kinds    []string            `json:"kinds,omitempty"`    // of jobs
}

// SavedFilter is a filter as clients write it in a variable, with the names of the schema.
type SavedFilter map[string]any

// SaveFilter writes a UserFilter or a GroupFilter as clients do. TOO_LONG.
func SaveFilter(filter any) (SavedFilter, error) {
	raw, err := json.Marshal(filter)
	if err != nil {
		return nil, fmt.Errorf("encode a filter: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("decode a filter: %w", err)
	}
	saved := asWritten(fields).(map[string]any)
	if raw, err = json.Marshal(saved); err != nil {
		return nil, fmt.Errorf("encode a filter: %w", err)
	}
	if len(raw) > MaxSavedFilter {
		return nil, Errorf(CodeTooLong, "the filter has %d bytes, at most %d can be saved", len(raw), MaxSavedFilter).With("limit", itoa(MaxSavedFilter))
	}
	return saved, nil
}

// asWritten gives the fields of Go's structs their names in the schema, and leaves out those that weren't given.
func asWritten(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = asWritten(v[i])
		}
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, field := range v {
			if field != nil {
				fields[nameInSchema(name)] = asWritten(field)
			}
		}
		return fields
	}
	return value
}

// nameInSchema is createdAt for CreatedAt, and id for ID.
func nameInSchema(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// MarshalGQL writes it.
func (f SavedFilter) MarshalGQL(w io.Writer) {
	raw, _ := json.Marshal(map[string]any(f)) // it has been JSON before
	_, _ = w.Write(raw)
}

// UnmarshalGQL refuses: filters are given in their own types.
func (f *SavedFilter) UnmarshalGQL(any) error {
	return errors.New("a saved filter is only read")
}

// TableViews are the views of one user.
type TableViews struct {
	Users        *UserTableView
	Groups       *GroupTableView
	GroupMembers *GroupMemberTableView
	Jobs         *JobTableView
}

// TableViewInput is what changes of a view; what is not set stays. F is how the table's filters are given.
type TableViewInput[C, S ~string, F any] struct {
	Columns  graphql.Omittable[[]*TableColumn[C]]
	Sort     graphql.Omittable[*S]
	PageSize graphql.Omittable[*int32]
	Filters  []*F
}

// The inputs of the tables.
type (
	UserTableViewInput        = TableViewInput[UserColumn, UserSort, UserTableFilterInput]
	GroupTableViewInput       = TableViewInput[GroupColumn, GroupSort, GroupTableFilterInput]
	GroupMemberTableViewInput = TableViewInput[GroupMemberColumn, UserSort, GroupMemberTableFilterInput]
	JobTableViewInput         = TableViewInput[JobColumn, Unsorted, JobTableFilterInput]
)

// UserTableFilterInput is a filter of the table of users to be saved.
type UserTableFilterInput struct {
	Name   string
	Filter *UserFilter
}

// GroupTableFilterInput is a filter of the table of groups to be saved.
type GroupTableFilterInput struct {
	Name   string
	Filter *GroupFilter
}

// GroupMemberTableFilterInput is a filter of the table of a group's members to be saved.
type GroupMemberTableFilterInput struct {
	Name     string
	Relation MembershipRelation
	Filter   *UserFilter
}

// JobTableFilterInput is a filter of the table of jobs to be saved.
type JobTableFilterInput struct {
	Name   string
	Status []JobState
	Kinds  []string
}

// TableViewSaveInput is what changes of one table's view: exactly one field is set.
type TableViewSaveInput struct {
	Users        *UserTableViewInput
	Groups       *GroupTableViewInput
	GroupMembers *GroupMemberTableViewInput
	Jobs         *JobTableViewInput
}

// TableViewSavePayload is what SaveTableView did.
type TableViewSavePayload struct {
	TableViews *TableViews
	Refused
}

// TableViewDeleteInput is what is to be forgotten of a table's view: the filters, or everything when they are nil.
type TableViewDeleteInput struct {
	Table   Table
	Filters []string
}

// TableViewDeletePayload is what DeleteTableView did.
type TableViewDeletePayload struct {
	TableViews *TableViews
	Refused
}
