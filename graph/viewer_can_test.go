package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/models"
)

// permits has for each mutation the boolean by which a screen knows whether to show its button: where it is read, and what
// the mutation is tried with.
var permits = map[string]struct {
	field string // Type.field
	input vars   // with $target for the id
}{
	"userCreate":           {"Viewer.viewerCanCreateUsers", vars{"email": "new@example.org"}},
	"usersCreate":          {"Viewer.viewerCanCreateUsers", vars{"users": []vars{{"email": "new@example.org"}}}},
	"userUpdate":           {"User.viewerCanUpdate", vars{"id": "$target"}},
	"userDelete":           {"User.viewerCanDelete", vars{"id": "$target"}},
	"userRoleSet":          {"User.viewerCanSetRole", vars{"id": "$target", "role": "MEMBER"}},
	"usersSuspend":         {"User.viewerCanSuspend", vars{"selection": vars{"ids": []string{"$target"}}, "dryRun": true}},
	"usersResume":          {"User.viewerCanSuspend", vars{"selection": vars{"ids": []string{"$target"}}}},
	"userGroupsUpdate":     {"User.viewerCanManageGroups", vars{"userId": "$target"}},
	"usersProductsSet":     {"User.viewerCanSetProducts", vars{"selection": vars{"ids": []string{"$target"}}, "productKeys": []string{"goto-room"}, "mode": "ADD"}},
	"userProductBlocksSet": {"User.viewerCanSetProducts", vars{"userId": "$target", "productKeys": []string{"goto-meeting"}, "blocked": true}},

	"groupCreate":        {"Viewer.viewerCanCreateGroups", vars{"name": "New"}},
	"groupUpdate":        {"Group.viewerCanUpdate", vars{"id": "$target"}},
	"groupDelete":        {"Group.viewerCanDelete", vars{"id": "$target"}},
	"groupsDelete":       {"Group.viewerCanDelete", vars{"selection": vars{"ids": []string{"$target"}}}},
	"groupMembersAdd":    {"Group.viewerCanAddMembers", vars{"groupIds": []string{"$target"}, "userIds": []string{"$ann"}}},
	"groupMembersRemove": {"Group.viewerCanManageMembers", vars{"groupIds": []string{"$target"}, "userIds": []string{"$ann"}}},
	"groupNest":          {"Group.viewerCanNest", vars{"parentId": "$alone", "childId": "$target"}},
	"groupUnnest":        {"Group.viewerCanNest", vars{"parentId": "$alone", "childId": "$target"}},
	"groupProductsSet":   {"Group.viewerCanSetProducts", vars{"groupId": "$target", "productKeys": []string{"goto-room"}}},
	"groupsProductsSet":  {"Group.viewerCanSetProducts", vars{"selection": vars{"ids": []string{"$target"}}, "productKeys": []string{"goto-room"}}},

	"groupPermissionsSet": {"Group.viewerCanSetPermissions", vars{"groupId": "$target", "permissionKeys": []string{}}},

	"accountSettingsSet": {"Account.viewerCanSetSettings", vars{"settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"groupSettingsSet":   {"Group.viewerCanSetSettings", vars{"groupId": "$target", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"groupsSettingsSet":  {"Group.viewerCanSetSettings", vars{"selection": vars{"ids": []string{"$target"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"userSettingsSet":    {"User.viewerCanSetSettings", vars{"userId": "$target", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"usersSettingsSet":   {"User.viewerCanSetSettings", vars{"selection": vars{"ids": []string{"$target"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},

	"productCreate": {"Viewer.viewerCanCreateProducts", vars{"key": "new", "name": "New"}},
	"productUpdate": {"Product.viewerCanUpdate", vars{"id": "$target"}},
	"productDelete": {"Product.viewerCanDelete", vars{"id": "$target"}},

	"jobCancel":           {"Job.viewerCanCancel", vars{"id": "$target"}},
	"jobRetryFailed":      {"Job.viewerCanRetry", vars{"id": "$target"}},
	"jobRevert":           {"Job.viewerCanRevert", vars{"id": "$target"}},
	"partnerClientCreate": {"Viewer.viewerCanManagePartnerClients", vars{"name": "Billing", "scopes": []string{"USERS_READ"}}},
	"partnerClientRotate": {"Viewer.viewerCanManagePartnerClients", vars{"id": "$partner"}},
	"partnerClientRevoke": {"Viewer.viewerCanManagePartnerClients", vars{"id": "$partner"}},
	"webhookCreate":       {"Viewer.viewerCanManageWebhooks", vars{"name": "Sync", "url": "https://sync.example.org/in?token=hush"}},
	"webhookUpdate":       {"Viewer.viewerCanManageWebhooks", vars{"id": "$webhook", "name": "Other"}},
	"webhookDelete":       {"Viewer.viewerCanManageWebhooks", vars{"id": "$webhook"}},
	"webhookRotateSecret": {"Viewer.viewerCanManageWebhooks", vars{"id": "$webhook"}},
	"webhookResume":       {"Viewer.viewerCanManageWebhooks", vars{"id": "$webhook"}},
	"mailRetry":           {"Mail.viewerCanRetry", vars{"ids": []string{"$target"}}},

	"exportCreate":    {"Viewer.viewerCanExport", vars{"what": vars{"users": vars{"selection": vars{"all": true}}}, "format": "CSV"}},
	"tableViewSave":   {"Viewer.viewerCanSaveTableViews", vars{"users": vars{}}},
	"tableViewDelete": {"Viewer.viewerCanSaveTableViews", vars{"table": "USERS"}},
}

// A new mutation gets its boolean and its row above, or this fails; and no boolean is there for nothing.
func TestEveryButtonHasItsBoolean(t *testing.T) {
	var mutations, booleans, used []string
	for _, field := range contract(t).Mutation.Fields {
		mutations = append(mutations, field.Name)
	}
	for _, definition := range contract(t).Types {
		for _, field := range definition.Fields {
			if definition.Kind == ast.Object && strings.HasPrefix(field.Name, "viewerCan") {
				booleans = append(booleans, definition.Name+"."+field.Name)
			}
		}
	}
	for _, p := range permits {
		used = append(used, p.field)
	}
	used = append(used, "Viewer.viewerCanSetRoles") // whether to show roles at all, of nobody in particular
	slices.Sort(mutations)
	slices.Sort(booleans)
	slices.Sort(used)
	if diff := cmp.Diff(mutations, slices.Sorted(mapKeys(permits))); diff != "" {
		t.Errorf("mutations (-schema +tried):\n%s", diff)
	}
	if diff := cmp.Diff(booleans, slices.Compact(used)); diff != "" {
		t.Errorf("booleans (-schema +tried):\n%s", diff)
	}
}

// What the booleans say is what the mutations do, whoever asks and whoever it is about.
func TestViewerCan(t *testing.T) {
	for caller := range roles {
		for mutation, p := range permits {
			t.Run(caller+" "+mutation, func(t *testing.T) {
				h := newHouse(t)
				h.ids["second"] = h.person("second@example.org", models.RoleSuperAdmin).UserID.String()
				h.ids["boss"] = h.person("boss@example.org", models.RoleAdmin).UserID.String()
				kind, field, _ := strings.Cut(p.field, ".")
				if kind == "Job" { // others would wait for the open one
					h.readyFor("Mutation.jobRevert")
					h.readyFor("Mutation.jobCancel")
				}
				targets := map[string][]string{
					"Viewer": {""}, "Account": {"account"}, "User": {"second", "boss", "ann", caller}, "Group": {"sales"}, "Product": {"room"},
					"Job": {"open", "given", "job", "back"}, "Mail": {"mail"},
				}[kind]
				for _, target := range targets {
					h.ids["target"] = h.ids[target]
					query := `{ node(id: "$target") { ... on ` + kind + ` { it: ` + field + ` } } }`
					if kind == "Viewer" {
						query = `{ node: viewer { it: ` + field + ` } }`
					}
					may := get(h.as(h.callers[caller]).must(h.fill(query), nil), "node.it")
					asked := "errors { code }"
					if strings.HasPrefix(mutation, "users") && mutation != "usersCreate" {
						asked += " results { outcome } preview { rows { outcome } }"
					}
					if mutation == "usersResume" {
						asked = "errors { code } results { outcome }"
					}
					got := h.send(request{as: caller, query: mutate(mutation, asked), variables: vars{"input": p.input}})
					if strings.Contains(got.Text, "GRAPHQL_VALIDATION_FAILED") {
						t.Fatalf("no request at all: %s", got.Text)
					}
					refused := strings.Contains(got.Text, "FORBIDDEN")
					if kind == "Job" { // which says of itself, too, whether there is anything to do
						refused = refused || strings.Contains(got.Text, `"code"`)
					}
					if seen := may != nil; seen && may == refused {
						t.Errorf("on %s: %v, but %s", target, may, got.Text)
					} else if !seen && !refused { // members see nobody else
						t.Errorf("on %s, which can't be seen: %s", target, got.Text)
					}
				}
			})
		}
	}
}

// A mail that is on its way is not sent again.
func TestMailsThatFailedCanBeSentAgain(t *testing.T) {
	h := newHouse(t)
	h.done("usersProductsSet", "impact { notices }", vars{"selection": vars{"ids": []string{h.ids["ann"]}}, "productKeys": []string{"goto-room"}, "mode": "ADD"})
	for _, m := range get(h.must(`{ mails { nodes { id state viewerCanRetry } } }`, nil), "mails.nodes").([]any) {
		got := h.ask(h.admin, mutate("mailRetry", "errors { code }"), vars{"input": vars{"ids": []any{get(m, "id")}}})
		if can := get(m, "viewerCanRetry"); can != (get(m, "state") == "FAILED") || can == strings.Contains(got.Text, "MAIL_NOT_FAILED") {
			t.Errorf("%v, but %s", m, got.Text)
		}
	}
}
