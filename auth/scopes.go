package auth

import (
	"strings"

	"cohort/models"
)

// Partner clients have a column of the policy table for themselves, with more rows than the roles': everything is closed
// to them but what stands here, plain fields too, and so is what one can filter and sort by. A row opens to a client that
// has one of its scopes. Of an input the rows are its fields, of a list's sort the enum's values.

const (
	anyScope     = models.AllScopes
	usersRead    = models.UsersRead
	groupsRead   = models.GroupsRead
	membersRead  = models.MembersRead
	productsRead = models.ProductsRead
	changesRead  = models.ChangesRead
)

// openings are the column, many rows to a line. What leads to a user, a group or a product gives its id alone, and
// everything else of it with that one's own scope.
var openings = []struct {
	scopes models.Scopes
	object string
	fields string
}{
	{anyScope, "Query", "viewer rateLimit node nodes"},
	{anyScope, "Viewer", "account user partnerClient scopes"},
	{anyScope, "PartnerClient", "id clientId name scopes createdAt rotatedAt"},
	{anyScope, "Account", "id name"},
	{anyScope, "RateLimit", "limit burst cost remaining resetAt"},
	{anyScope, "PageInfo", "hasNextPage hasPreviousPage startCursor endCursor"},
	{anyScope, "TimeSpan", "from until"},
	{anyScope, "Node", "id"},
	{anyScope, "User", "id"},
	{anyScope, "Group", "id"},
	{anyScope, "Product", "id"},

	{usersRead, "Query", "user users"},
	{usersRead, "User", "email givenName familyName displayName locale role status statusReasons createdAt updatedAt etag"},
	{usersRead, "UserConnection", "edges nodes pageInfo totalCount"},
	{usersRead, "UserEdge", "cursor node"},
	{usersRead, "UserBy", "id email"},
	{usersRead, "UserFilter", "search status role locale createdAt"},
	{usersRead | membersRead | productsRead, "UserFilter", "and or not"},
	{usersRead, "UserSort", "NAME_ASC NAME_DESC FAMILY_NAME_ASC FAMILY_NAME_DESC EMAIL_ASC EMAIL_DESC"},
	{usersRead | membersRead, "UserSort", "CREATED_AT_ASC CREATED_AT_DESC"},

	{groupsRead, "Query", "group groups"},
	{groupsRead, "Group", "name description priority parents children ancestors descendants depth breadcrumbs adjacent createdAt updatedAt etag"},
	{groupsRead, "GroupAdjacent", "previous next"},
	{groupsRead, "GroupConnection", "edges nodes pageInfo totalCount"},
	{groupsRead, "GroupEdge", "cursor node"},
	{groupsRead, "GroupBy", "id name"},
	{groupsRead, "GroupFilter", "search within hasParent createdAt"},
	{groupsRead, "GroupWithinFilter", "id relation"},
	{groupsRead | membersRead, "GroupFilter", "and or not"},
	{groupsRead, "GroupSort", "NAME_ASC NAME_DESC PRIORITY_ASC PRIORITY_DESC"},
	{groupsRead | membersRead, "GroupSort", "CREATED_AT_ASC CREATED_AT_DESC"},

	{membersRead, "Query", "membershipChecks"},
	{membersRead, "Group", "members memberCount directMemberCount"},
	{membersRead, "User", "groups"},
	{membersRead, "GroupMemberConnection", "edges nodes pageInfo totalCount"},
	{membersRead, "GroupMemberEdge", "cursor node direct via path"},
	{membersRead, "UserGroupConnection", "edges nodes pageInfo totalCount"},
	{membersRead, "UserGroupEdge", "cursor node direct via path"},
	{membersRead, "MembershipCheck", "userId groupId isMember direct via path"},
	{membersRead, "UserFilter", "group"},
	{membersRead, "UserGroupFilter", "id relation"},
	{membersRead, "GroupFilter", "member"},
	{membersRead, "GroupMemberFilter", "id relation"},
	{membersRead, "GroupSort", "DIRECT_MEMBER_COUNT_ASC DIRECT_MEMBER_COUNT_DESC"},

	{productsRead, "Query", "product products"},
	{productsRead, "Product", "key name family seats seatsUsed waiting welcomeOnFirstEnable createdAt updatedAt etag"},
	{productsRead, "ProductBy", "id key"},
	{productsRead, "User", "products hasNoProducts"},
	{productsRead, "UserProduct", "product state direct blocked via since"},
	{productsRead, "Group", "products"},
	{productsRead, "GroupProduct", "product direct via"},
	{productsRead, "UserFilter", "product"},
	{productsRead, "UserProductFilter", "id state"},

	// The feed's root fields need CHANGES_READ, so what is in it needs the other scope as well. Entries of all kinds are there for
	// everybody, and none is left out: a reader who may not look into one knows of it.
	{changesRead, "Query", "changes changesCursor"},
	{changesRead, "Subscription", "changes"},
	{changesRead, "ChangePage", "entries cursor hasMore"},
	{changesRead, "Change", "number time operationId action"},
	{changesRead, "UserChange", "number time operationId action userId"},
	{changesRead, "UserStatusChange", "number time operationId action"},
	{changesRead, "UserProductChange", "number time operationId action"},
	{changesRead, "GroupChange", "number time operationId action groupId"},
	{changesRead, "MembershipChange", "number time operationId action"},
	{changesRead, "NestingChange", "number time operationId action"},
	{usersRead, "UserChange", "after"},
	{usersRead, "UserStatusChange", "userId status statusReasons"},
	{usersRead, "ChangedUser", "email givenName familyName displayName locale role status statusReasons"},
	{groupsRead, "GroupChange", "after"},
	{groupsRead, "ChangedGroup", "name description priority"},
	{groupsRead, "NestingChange", "childId parentId"},
	{membersRead, "MembershipChange", "userId groupId"},
	{productsRead, "UserProductChange", "userId productId"},
}

var scopeColumn = func() map[Action]models.Scopes {
	column := map[Action]models.Scopes{}
	for _, row := range openings {
		for field := range strings.FieldsSeq(row.fields) {
			column[Action(row.object+"."+field)] = row.scopes
		}
	}
	return column
}()

// ScopesFor are the scopes of which one opens the action to a partner client; none for what is closed to all.
func ScopesFor(action Action) models.Scopes { return scopeColumn[action] }
