package models

import (
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MaxPriority bounds a group's priority on both sides of 0.
const MaxPriority = 1_000_000

// Group is a set of users, and of other groups.
type Group struct {
	AccountID         AccountID
	ID                GroupID
	Name              string
	NameKey           string // unique in the account
	NameSort          string
	Description       string
	Priority          int32
	DirectMemberCount int32     // kept with every change of a membership
	CreatedAt         time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt         time.Time `gorm:"autoUpdateTime:false"`
}

func (Group) TableName() string { return "user_groups" }

// IsNode makes a group something that `node` finds.
func (Group) IsNode() {}

// Settle computes the columns that follow from others. Call it before a row is written.
func (g *Group) Settle() {
	g.NameKey = Key(g.Name)
	g.NameSort = Fold(g.Name)
}

// Etag is a fingerprint of what `groupUpdate` edits, and of nothing else.
func (g *Group) Etag() string {
	return etag(g.ID[:], g.Name, g.Description, strconv.Itoa(int(g.Priority)))
}

// Terms are what a search finds the group by.
func (g *Group) Terms() []string { return Terms(g.Name) }

// CheckPriority is INVALID for a priority out of bounds.
func CheckPriority(priority int32) error {
	if priority < -MaxPriority || priority > MaxPriority {
		return Errorf(CodeInvalid, "a priority lies between %d and %d", -MaxPriority, MaxPriority)
	}
	return nil
}

// GroupBy says which group: exactly one field is set.
type GroupBy struct {
	ID   *GroupID
	Name *string
}

// GroupFilter says which groups a list shows. Nil asks nothing; an empty list fits nothing.
type GroupFilter struct {
	Search    *string
	Member    *GroupMemberFilter
	Within    *GroupWithinFilter
	HasParent *bool
	CreatedAt *TimeSpan
	And       []*GroupFilter
	Or        []*GroupFilter
	Not       *GroupFilter
}

// GroupMemberFilter asks for the groups of one user.
type GroupMemberFilter struct {
	ID       UserID
	Relation MembershipRelation
}

// GroupWithinFilter asks for what lies in one group.
type GroupWithinFilter struct {
	ID       GroupID
	Relation MembershipRelation
}

// GroupSelection says which groups a bulk change acts on: exactly one field is set.
type GroupSelection struct {
	Ids      []GroupID
	Matching *GroupMatching
	All      *bool
}

// GroupMatching is the groups that fit a filter, less some.
type GroupMatching struct {
	Filter    *GroupFilter
	ExceptIds []GroupID
}

// GroupConnection is a page of groups.
type GroupConnection struct {
	Edges    []*GroupEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the groups without their cursors.
func (c *GroupConnection) Nodes() []*Group {
	return nodesOf(c.Edges, func(e *GroupEdge) *Group { return e.Node })
}

// GroupCreateInput is a new group as a caller describes one.
type GroupCreateInput struct {
	Name        string
	Description string
	Priority    int32
	ParentIds   []GroupID
	MemberIds   []UserID
	NotifyUsers bool

	IdempotencyKey *string `json:"-"`
}

type GroupCreatePayload struct {
	Group     *Group
	GroupEdge *GroupEdge
	Parents   []*Group
	Refused
}

// GroupUpdateInput is what changes of a group; what is not set stays.
type GroupUpdateInput struct {
	ID              GroupID
	Name            graphql.Omittable[*string] `json:",omitzero"`
	Description     graphql.Omittable[*string] `json:",omitzero"`
	Priority        graphql.Omittable[*int32]  `json:",omitzero"`
	AddMemberIds    []UserID
	RemoveMemberIds []UserID
	AddParentIds    []GroupID
	RemoveParentIds []GroupID
	IfMatch         *string
	EffectOptions
}

type GroupUpdatePayload struct {
	Group   *Group
	Parents []*Group
	Results []*MembershipResult
	Effects
	Refused
}

type GroupDeleteInput struct {
	ID      GroupID
	IfMatch *string
	EffectOptions
}

type GroupDeletePayload struct {
	DeletedGroupID *GroupID
	Parents        []*Group
	Children       []*Group
	Group          *Group
	Effects
	Refused
}

type GroupsDeleteInput struct {
	Selection     *GroupSelection
	ExpectedCount *int32
	EffectOptions
}

type GroupsDeletePayload struct {
	DeletedGroupIds []GroupID
	Relatives       []*Group
	Effects
	Refused
}

type GroupNestInput struct {
	ParentID GroupID
	ChildID  GroupID
	EffectOptions
}

type GroupNestPayload struct {
	Outcome   *NestingOutcome
	Parent    *Group
	Child     *Group
	ChildEdge *GroupEdge
	Effects
	Refused
}

type GroupUnnestInput struct {
	ParentID GroupID
	ChildID  GroupID
	EffectOptions
}

type GroupUnnestPayload struct {
	Outcome *NestingOutcome
	Parent  *Group
	Child   *Group
	Effects
	Refused
}

// GroupEdgeRow says that the child lies in the parent.
type GroupEdgeRow struct {
	AccountID AccountID
	ParentID  GroupID
	ChildID   GroupID
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (GroupEdgeRow) TableName() string { return "group_edges" }

// GroupClosureRow says how far above the descendant the ancestor lies; every group is its own at 0.
type GroupClosureRow struct {
	AccountID    AccountID
	AncestorID   GroupID
	DescendantID GroupID
	Distance     int
}

func (GroupClosureRow) TableName() string { return "group_closure" }

// GroupChangedPayload is an event about a group: Group as it is now, or DeletedGroupID.
type GroupChangedPayload struct {
	Changed        []GroupPart
	Group          *Group
	DeletedGroupID *GroupID
}
