package models

import (
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// User is a person of the account.
type User struct {
	AccountID           AccountID
	ID                  UserID
	Email               string
	EmailKey            string // unique in the account
	GivenName           string
	FamilyName          string
	DisplayName         string
	NameSort            string
	FamilySort          string
	Locale              Locale
	Role                Role
	Status              UserStatus // derived from the three facts below by Settle
	SuspendedManually   bool
	SuspendedNoProducts bool
	ActivatedAt         *time.Time // the first sign-in
	CreatedAt           time.Time  `gorm:"autoCreateTime:false"`
	UpdatedAt           time.Time  `gorm:"autoUpdateTime:false"`
}

func (User) TableName() string { return "users" }

// IsNode makes a user something that `node` finds.
func (User) IsNode() {}

// Rename sets the names. The display name follows given and family name, else the e-mail, unless chosen
// is given.
func (u *User) Rename(given, family, chosen string) {
	u.GivenName, u.FamilyName, u.DisplayName = given, family, chosen
	if chosen == "" {
		u.DisplayName = u.plainName()
	}
}

// ChosenName is the display name if somebody chose it, else "".
func (u *User) ChosenName() string {
	if u.DisplayName == u.plainName() {
		return ""
	}
	return u.DisplayName
}

func (u *User) plainName() string {
	if name := strings.TrimSpace(u.GivenName + " " + u.FamilyName); name != "" {
		return name
	}
	return u.Email
}

// Settle computes the columns that follow from others: keys, sort keys and status. Call it before a row
// is written.
func (u *User) Settle() {
	u.EmailKey = Key(u.Email)
	u.NameSort = Fold(u.DisplayName)
	u.FamilySort = Fold(u.FamilyName + " " + u.GivenName)
	switch {
	case u.SuspendedManually || u.SuspendedNoProducts:
		u.Status = UserStatusSuspended
	case u.ActivatedAt == nil:
		u.Status = UserStatusInvited
	default:
		u.Status = UserStatusActive
	}
}

// StatusReasons are the reasons for which the user is suspended.
func (u *User) StatusReasons() []SuspensionReason {
	var reasons []SuspensionReason
	if u.SuspendedManually {
		reasons = append(reasons, SuspensionReasonManual)
	}
	if u.SuspendedNoProducts {
		reasons = append(reasons, SuspensionReasonNoProducts)
	}
	return reasons
}

// Etag is a fingerprint of what `userUpdate` edits, and of nothing else.
func (u *User) Etag() string {
	return etag(u.ID[:], u.Email, u.GivenName, u.FamilyName, u.DisplayName, string(u.Locale))
}

// Terms are what a search finds the user by: the names, the e-mail and what is before its @, the domain, and all of
// their parts but the domain's last, under which there are too many.
func (u *User) Terms() []string {
	local, domain, _ := strings.Cut(u.Email, "@")
	labels := strings.Split(domain, ".")
	return terms([]string{u.GivenName, u.FamilyName, u.DisplayName, local, strings.Join(labels[:len(labels)-1], " ")}, u.Email, domain)
}

// Rank orders the roles: a higher one may do more.
func (r Role) Rank() int {
	switch r {
	case RoleSuperAdmin:
		return 3
	case RoleAdmin:
		return 2
	case RoleMember:
		return 1
	}
	return 0
}

// Lesser is the role of the two that may do less.
func Lesser(a, b Role) Role {
	if a.Rank() < b.Rank() {
		return a
	}
	return b
}

// UserBy says which user: exactly one field is set.
type UserBy struct {
	ID    *UserID
	Email *string
}

// UserFilter says which users a list shows. Nil asks nothing; an empty list fits nobody.
type UserFilter struct {
	Search    *string
	Status    []UserStatus
	Role      []Role
	Locale    []Locale
	Group     *UserGroupFilter
	Product   *UserProductFilter
	CreatedAt *TimeSpan
	And       []*UserFilter
	Or        []*UserFilter
	Not       *UserFilter
}

// UserGroupFilter asks for the members of one group.
type UserGroupFilter struct {
	ID       GroupID
	Relation MembershipRelation
}

// UserSelection says which users a bulk change acts on: exactly one field is set.
type UserSelection struct {
	Ids      []UserID
	Matching *UserMatching
	All      *bool
}

// UserMatching is the users that fit a filter, less some.
type UserMatching struct {
	Filter    *UserFilter
	ExceptIds []UserID
}

// UserConnection is a page of users.
type UserConnection struct {
	Edges    []*UserEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the users without their cursors.
func (c *UserConnection) Nodes() []*User {
	return nodesOf(c.Edges, func(e *UserEdge) *User { return e.Node })
}

// UserCreateInput is a new user as a caller describes one.
type UserCreateInput struct {
	Email       string
	GivenName   string
	FamilyName  string
	DisplayName *string
	Locale      Locale
	Role        Role
	GroupIds    []GroupID
	NotifyUsers bool

	IdempotencyKey *string `json:"-"`
}

type UserCreatePayload struct {
	User     *User
	UserEdge *UserEdge
	Groups   []*Group
	Refused
}

type UsersCreatePayload struct {
	Users   []*User
	Results []*UserCreateResult
	Refused
}

// UserUpdateInput is what changes of a user; what is not set stays.
type UserUpdateInput struct {
	ID          UserID
	Email       graphql.Omittable[*string] `json:",omitzero"`
	GivenName   graphql.Omittable[*string] `json:",omitzero"`
	FamilyName  graphql.Omittable[*string] `json:",omitzero"`
	DisplayName graphql.Omittable[*string] `json:",omitzero"`
	Locale      graphql.Omittable[*Locale] `json:",omitzero"`
	IfMatch     *string
}

type UserUpdatePayload struct {
	User *User
	Refused
}

type UserDeleteInput struct {
	ID      UserID
	IfMatch *string
	EffectOptions
}

type UserDeletePayload struct {
	DeletedUserID *UserID
	Groups        []*Group
	User          *User
	Effects
	Refused
}

type UserRoleSetInput struct {
	ID   UserID
	Role Role
	EffectOptions
}

type UserRoleSetPayload struct {
	User *User
	Effects
	Refused
}

type UsersSuspendInput struct {
	Selection     *UserSelection
	ExpectedCount *int32
	EffectOptions
}

type UsersSuspendPayload struct {
	UsersChange
	Effects
	Refused
}

type UsersResumeInput struct {
	Selection     *UserSelection
	ExpectedCount *int32
	EffectOptions
}

type UsersResumePayload struct {
	UsersChange
	Effects
	Refused
}

// UsersChange is what became of a selection of users.
type UsersChange struct {
	Results []*UserChangeResult
	Counts  UserChangeCounts // of what a job is to do the total alone
}

// UserChangeResult is what became of one of them.
type UserChangeResult struct {
	UserID  UserID
	User    *User
	Outcome UserChangeOutcome
}
