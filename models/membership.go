package models

import "time"

// MembershipRow says that the user is a direct member of the group.
type MembershipRow struct {
	AccountID AccountID
	GroupID   GroupID
	UserID    UserID
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (MembershipRow) TableName() string { return "memberships" }

// Pair is one user and one group.
type Pair struct {
	User  UserID
	Group GroupID
}

// Membership says how a user is an effective member of a group. The zero value says: not at all.
type Membership struct {
	Direct bool
	Via    []GroupID // the groups below that the user is a direct member of, the oldest first
	Path   []GroupID // the shortest way up to the group, which is its last entry
}

// IsMember is true for a direct and for an inherited member.
func (m Membership) IsMember() bool { return m.Direct || len(m.Via) > 0 }

// MembershipCheck is the answer about one user and one group.
type MembershipCheck struct {
	UserID  UserID
	GroupID GroupID
	How     Membership
}

// IsMember is true for a direct and for an inherited member.
func (c *MembershipCheck) IsMember() bool { return c.How.IsMember() }

// Direct is true where the user has a row in this very group.
func (c *MembershipCheck) Direct() bool { return c.How.Direct }

// GroupMemberConnection is a page of a group's members.
type GroupMemberConnection struct {
	Edges    []*GroupMemberEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the users without their cursors.
func (c *GroupMemberConnection) Nodes() []*User {
	return nodesOf(c.Edges, func(e *GroupMemberEdge) *User { return e.Node })
}

// GroupMemberEdge is a user in a group's list, and how the user comes to be there.
type GroupMemberEdge struct {
	Cursor string
	Node   *User
	How    Membership
}

// Direct is true where the user has a row in this very group.
func (e *GroupMemberEdge) Direct() bool { return e.How.Direct }

// UserGroupConnection is a page of a user's groups.
type UserGroupConnection struct {
	Edges    []*UserGroupEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the groups without their cursors.
func (c *UserGroupConnection) Nodes() []*Group {
	return nodesOf(c.Edges, func(e *UserGroupEdge) *Group { return e.Node })
}

// UserGroupEdge is a group in a user's list, and how the user comes to be in it.
type UserGroupEdge struct {
	Cursor string
	Node   *Group
	How    Membership
}

// Direct is true where the user has a row in this very group.
func (e *UserGroupEdge) Direct() bool { return e.How.Direct }

type UserGroupsUpdateInput struct {
	UserID         UserID
	AddGroupIds    []GroupID
	RemoveGroupIds []GroupID
	EffectOptions
}

type UserGroupsUpdatePayload struct {
	User    *User
	Groups  []*Group
	Results []*MembershipResult
	Effects
	Refused
}

// MembershipResult is what happened to one pair.
type MembershipResult struct {
	GroupID GroupID
	UserID  UserID
	Outcome MembershipOutcome
	Edge    func() *GroupMemberEdge // of a new member; nil for others
}

// MemberEdge is the entry of a new member in the group's list; nil for others.
func (r *MembershipResult) MemberEdge() *GroupMemberEdge {
	if r.Edge == nil {
		return nil
	}
	return r.Edge()
}

type GroupMembersAddInput struct {
	GroupIds []GroupID
	UserIds  []UserID
	EffectOptions
}

type GroupMembersAddPayload struct {
	MembersChange
	Effects
	Refused
}

type GroupMembersRemoveInput struct {
	GroupIds []GroupID
	UserIds  []UserID
	EffectOptions
}

type GroupMembersRemovePayload struct {
	MembersChange
	Effects
	Refused
}

// MembersChange is what became of many groups times many users.
type MembersChange struct {
	Results []*MembershipResult
	Groups  []*Group
	Users   []*User
}
