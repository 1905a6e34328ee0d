package auth

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/models"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatalf("read the schema: %v", err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatalf("parse the schema: %v", err)
	}
	return schema
}

func TestEveryActionHasARow(t *testing.T) {
	schema := loadSchema(t)
	for _, action := range without(schema, policy) {
		t.Errorf("%s has no row: say in the policy who may", action)
	}
	for _, action := range strays(schema, policy) {
		t.Errorf("the row %s is about a field that there isn't", action)
	}
}

// A new field of a group or an account is a member's to see only when somebody has written it here.
func TestWhatMembersSee(t *testing.T) {
	schema := loadSchema(t)
	want := map[string][]string{
		"Account": {"id", "name", "viewerCanSetSettings"},
		"Group": {
			"id", "name", "description",
			"viewerCanUpdate", "viewerCanDelete", "viewerCanManageMembers", "viewerCanAddMembers", "viewerCanSetPermissions", "viewerCanNest", "viewerCanSetProducts", "viewerCanSetSettings",
		},
	}
	for object, fields := range want {
		got := leavesFor(schema, policy, object, func(r Rule) Answer { return r.Member })
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", object, diff)
		}
	}
}

const frame = `
	interface Node { id: ID! }
	type User implements Node { id: ID! name: String! }
	type PageInfo { endCursor: String }
`

// The test above is worth what these are.
func TestActionsOf(t *testing.T) {
	tests := map[string]struct{ schema, want string }{
		"every field of the roots": {
			`type Query { version: Int user: User } type Mutation { reset: Boolean } type Subscription { ticks: Int }`,
			"Mutation.reset Query.user Query.version Subscription.ticks",
		},
		"roots under other names": {
			`schema { query: Reading } type Reading { version: Int } type Query { x: Int }`,
			"Reading.version",
		},
		"an entity's way to another":      {`type Query { q: Int } type Team implements Node { id: ID! size: Int lead: User }`, "Query.q Team.lead"},
		"through list and non-null":       {`type Query { q: Int } type Team implements Node { id: ID! users: [[User!]!]! }`, "Query.q Team.users"},
		"to itself":                       {`type Query { q: Int } type Team implements Node { id: ID! up: Team }`, "Query.q Team.up"},
		"to any entity":                   {`type Query { q: Int } type Team implements Node { id: ID! any: Node }`, "Query.q Team.any"},
		"to a union with one":             {`type Query { q: Int } union Any = PageInfo | User type Team implements Node { id: ID! any: Any }`, "Query.q Team.any"},
		"to another interface with one":   {`type Query { q: Int } interface Named { name: String! } extend type User implements Named type V { n: Named }`, "Query.q V.n"},
		"of an object that is no entity":  {`type Query { q: Int } type Viewer { user: User name: String }`, "Query.q Viewer.user"},
		"through an object between":       {`type Query { q: Int } type Viewer { home: Home } type Home { owner: User size: Int }`, "Home.owner Query.q Viewer.home"},
		"through objects that go round":   {`type Query { q: Int } type A { b: B } type B { a: A user: User }`, "A.b B.a B.user Query.q"},
		"not through what leads nowhere":  {`type Query { q: Int } type A { b: B page: PageInfo } type B { a: A n: Int }`, "Query.q"},
		"through a connection":            {connection + `type Viewer { users: UserConnection! }`, "Query.q Viewer.users"},
		"an edge's way to another":        {connection + `extend type UserEdge { via: [User!]! direct: Boolean }`, "Query.q UserEdge.via"},
		"a connection's way to another":   {connection + `extend type UserConnection { owner: User totalCount: Int }`, "Query.q UserConnection.owner"},
		"not on from payload and results": {`type Query { q: Int } type XPayload { user: User r: [YResult] } type YResult { user: User } type ZResults { user: User }`, "Query.q"},
		"but to them":                     {`type Query { q: Int } type XPayload { user: User } type Viewer { x: XPayload }`, "Query.q Viewer.x"},
		"no way by arguments":             {`type Query { q: Int } input By { id: ID } type Viewer { count(by: By): Int }`, "Query.q"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			schema, err := gqlparser.LoadSchema(&ast.Source{Input: frame + tt.schema})
			if err != nil {
				t.Fatalf("parse the schema: %v", err)
			}
			var want []Action
			for action := range strings.FieldsSeq(tt.want) {
				want = append(want, Action(action))
			}
			if diff := cmp.Diff(want, actionsOf(schema)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			for _, missing := range want {
				table := map[Action]Rule{}
				for _, action := range want {
					if action != missing {
						table[action] = everybody
					}
				}
				if got := without(schema, table); !slices.Equal(got, []Action{missing}) {
					t.Errorf("without a row for %s: %v", missing, got)
				}
			}
		})
	}
}

const connection = `
	type Query { q: Int }
	type UserConnection { edges: [UserEdge!]! nodes: [User!]! pageInfo: PageInfo! }
	type UserEdge { cursor: String! node: User! }
`

func TestStrays(t *testing.T) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: frame + `type Query { user: User } input By { id: ID }`})
	if err != nil {
		t.Fatalf("parse the schema: %v", err)
	}
	table := map[Action]Rule{
		"Query.user": everybody, "User.name": everybody, "Operator.import": everybody,
		"Query.users": everybody, "Person.name": everybody, "By.id": everybody, "Query": everybody, "": everybody,
	}
	want := []Action{"", "By.id", "Person.name", "Query", "Query.users"}
	if diff := cmp.Diff(want, strays(schema, table)); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
}

func TestLeavesFor(t *testing.T) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: frame + `
		type Query { q: Int } enum Colour { RED }
		type Team implements Node { id: ID! free: Int own: [Colour!]! kept: Int lead: User open: User }`})
	if err != nil {
		t.Fatalf("parse the schema: %v", err)
	}
	table := map[Action]Rule{"Team.own": adminsAndOwn, "Team.kept": admins, "Team.lead": admins, "Team.open": everybody}
	got := leavesFor(schema, table, "Team", func(r Rule) Answer { return r.Member })
	if diff := cmp.Diff([]string{"id", "free", "own"}, got); diff != "" {
		t.Errorf("leaves (-want +got):\n%s", diff)
	}
}

// What the table says as a whole; the rows themselves are the specification.
func TestPolicyHoldsTogether(t *testing.T) {
	for action, rule := range policy {
		if rule.SuperAdmin != Allow {
			t.Errorf("%s is kept from super admins", action)
		}
		if rule.Admin == Deny && rule.Member != Deny {
			t.Errorf("%s is for members and not for admins", action)
		}
		if rule.Admin == Own || rule.Member == HoldsGranted || rule.Member == TargetIsMember || rule.Member == TargetIsMemberOrOwn {
			t.Errorf("%s has a condition that is another role's", action)
		}
		if strings.HasPrefix(string(action), "Mutation.") && rule.Member != Deny {
			t.Errorf("%s is a member's to do", action)
		}
		if strings.HasPrefix(string(action), "Operator.") && rule != superAdmins {
			t.Errorf("%s is not the operator's only", action)
		}
	}
}

func TestMay(t *testing.T) {
	const super, admin, member = models.RoleSuperAdmin, models.RoleAdmin, models.RoleMember
	tests := map[string]struct {
		role   models.Role
		action Action
		want   Answer
	}{
		"everybody asks who they are":               {member, "Query.viewer", Allow},
		"an admin lists the users":                  {admin, "Query.users", Allow},
		"a member doesn't":                          {member, "Query.users", Deny},
		"a member sees one user: the own":           {member, "Query.user", Own},
		"a member sees the own groups":              {member, "User.groups", Own},
		"a member doesn't see who else is in one":   {member, "Group.members", Deny},
		"a member doesn't see how many":             {member, "Group.memberCount", Deny},
		"an admin creates members":                  {admin, "Mutation.userCreate", TargetIsMember},
		"a super admin creates anybody":             {super, "Mutation.userCreate", Allow},
		"an admin edits members and themselves":     {admin, "Mutation.userUpdate", TargetIsMemberOrOwn},
		"a member edits nobody":                     {member, "Mutation.userUpdate", Deny},
		"an admin suspends members":                 {admin, "Mutation.usersSuspend", TargetIsMember},
		"an admin gives no roles":                   {admin, "Mutation.userRoleSet", Deny},
		"a super admin does":                        {super, "Mutation.userRoleSet", Allow},
		"an admin nests groups":                     {admin, "Mutation.groupNest", HoldsGranted},
		"an admin takes groups out of each other":   {admin, "Mutation.groupUnnest", Allow},
		"an admin grants the permissions they hold": {admin, "Mutation.groupPermissionsSet", HoldsGranted},
		"a super admin grants any":                  {super, "Mutation.groupPermissionsSet", Allow},
		"a member grants none":                      {member, "Mutation.groupPermissionsSet", Deny},
		"a member does not":                         {member, "Mutation.groupNest", Deny},
		"an unknown action, even as super admin":    {super, "Query.secrets", Deny},
		"no action":                                 {super, "", Deny},
		"no role":                                   {"", "Query.viewer", Deny},
		"a role that there is not":                  {"OWNER", "Query.viewer", Deny},
		"an admin imports nothing on the machine":   {admin, "Operator.import", Deny},
		"the operator's role imports":               {super, "Operator.import", Allow},
		"a type's name alone":                       {super, "Query", Deny},
		"a field in another case is another action": {super, "query.viewer", Deny},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Caller{Role: tt.role}.May(tt.action)
			if got != tt.want {
				t.Errorf("May: %v, want %v", got, tt.want)
			}
			if refused := errors.Is(err, ErrForbidden); refused != (tt.want == Deny) || refused != (err != nil) {
				t.Errorf("May: %v", err)
			}
			if rule, ok := RuleFor(tt.action); rule.For(tt.role) != tt.want || !ok && tt.want != Deny {
				t.Errorf("RuleFor: %v, %v", rule, ok)
			}
		})
	}
}

func TestOn(t *testing.T) {
	caller := Caller{Kind: Person, UserID: alice, Role: models.RoleAdmin}
	type target struct {
		id   models.UserID
		role models.Role
	}
	targets := []target{
		{alice, models.RoleMember},
		{alice, models.RoleAdmin},
		{models.UserID{9}, models.RoleMember},
		{models.UserID{9}, models.RoleAdmin},
		{models.UserID{9}, models.RoleSuperAdmin},
		{models.UserID{9}, ""},
	}
	tests := map[string]struct {
		answer Answer
		want   []bool // as the targets stand
	}{
		"deny":                    {Deny, []bool{false, false, false, false, false, false}},
		"allow":                   {Allow, []bool{true, true, true, true, true, true}},
		"own":                     {Own, []bool{true, true, false, false, false, false}},
		"target is member":        {TargetIsMember, []bool{true, false, true, false, false, false}},
		"target is member or own": {TargetIsMemberOrOwn, []bool{true, true, true, false, false, false}},
		"an answer of no meaning": {99, []bool{false, false, false, false, false, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []bool
			for _, target := range targets {
				got = append(got, tt.answer.On(caller, target.id, target.role))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("On (-want +got):\n%s", diff)
			}
		})
	}
}
