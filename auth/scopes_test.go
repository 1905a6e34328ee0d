package auth

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/models"
)

// Every row of the scopes' column is about a field, an input's field or a sort's value that there is.
func TestScopeRows(t *testing.T) {
	schema := loadSchema(t)
	for action := range scopeColumn {
		object, name, _ := strings.Cut(string(action), ".")
		definition := schema.Types[object]
		if definition == nil || definition.Fields.ForName(name) == nil && definition.EnumValues.ForName(name) == nil {
			t.Errorf("the row %s is about what there isn't", action)
		}
	}
	total := 0
	for _, row := range openings {
		total += len(strings.Fields(row.fields))
		if row.scopes == 0 || row.scopes&^models.AllScopes != 0 {
			t.Errorf("%s.{%s} is open to %d", row.object, row.fields, row.scopes)
		}
	}
	if total != len(scopeColumn) {
		t.Errorf("%d rows, of which %d are different: one opens something twice", total, len(scopeColumn))
	}
}

// A walk over all fields: what no row opens is refused whatever the scopes, and nothing that writes or belongs to
// administrators has a row. A new field is closed until somebody writes it into the column, and into this list if it is
// one of a type that is closed as a whole.
func TestEverythingElseIsClosedToPartners(t *testing.T) {
	schema := loadSchema(t)
	all := Caller{Kind: Partner, Partner: models.PartnerClientID{1}, Scope: models.AllScopes, Role: models.RoleSuperAdmin}
	open := map[string]bool{}
	for _, definition := range schema.Types {
		if definition.BuiltIn || definition.Kind != ast.Object && definition.Kind != ast.Interface {
			continue
		}
		for _, field := range definition.Fields {
			action := Action(definition.Name + "." + field.Name)
			if all.Can(action) != (scopeColumn[action] != 0) {
				t.Errorf("%s: %t", action, all.Can(action))
			}
			if all.Can(action) {
				open[definition.Name] = true
			}
			for _, one := range models.AllScopes.List() {
				c := Caller{Kind: Partner, Scope: models.ScopesOf(one), Role: models.RoleSuperAdmin}
				if c.Can(action) != (scopeColumn[action]&models.ScopesOf(one) != 0) {
					t.Errorf("%s with %s: %t", action, one, c.Can(action))
				}
			}
			if none := (Caller{Kind: Partner, Role: models.RoleSuperAdmin}); none.Can(action) {
				t.Errorf("%s is open without a scope", action)
			}
		}
	}
	want := []string{
		"Account", "Change", "ChangePage", "ChangedGroup", "ChangedUser", "Group", "GroupAdjacent", "GroupChange", "GroupConnection", "GroupEdge",
		"GroupMemberConnection", "GroupMemberEdge", "GroupProduct", "MembershipChange", "MembershipCheck", "NestingChange", "Node", "PageInfo",
		"PartnerClient", "Product", "Query", "RateLimit", "Subscription", "User", "UserChange", "UserConnection", "UserEdge",
		"UserGroupConnection", "UserGroupEdge", "UserProduct", "UserProductChange", "UserStatusChange", "Viewer",
	}
	var got []string
	for name := range open {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types of which something is open (-want +got):\n%s", diff)
	}
	for action := range policy {
		if root, _, _ := strings.Cut(string(action), "."); (root == "Mutation" || root == "Operator") && all.Can(action) {
			t.Errorf("%s is open", action)
		}
	}
}

// Names and e-mails of people are open by one scope alone, and so is whatever tells of them.
func TestNamesNeedUsersRead(t *testing.T) {
	for _, action := range []Action{
		"User.email", "User.givenName", "User.familyName", "User.displayName", "User.etag", "UserFilter.search", "UserBy.email",
		"UserSort.NAME_ASC", "UserSort.NAME_DESC", "UserSort.FAMILY_NAME_ASC", "UserSort.FAMILY_NAME_DESC", "UserSort.EMAIL_ASC", "UserSort.EMAIL_DESC",
		"UserChange.after", "ChangedUser.email", "ChangedUser.givenName", "ChangedUser.familyName", "ChangedUser.displayName",
	} {
		if got := ScopesFor(action); got != models.UsersRead {
			t.Errorf("%s is open to %v", action, got)
		}
	}
}
