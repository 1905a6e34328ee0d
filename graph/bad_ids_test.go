package graph_test

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"cohort/models"
)

// idSlots are all the places where an id is given, each with a request that has %ID% there and that changes
// nothing when the id is nobody's. The path is where an error about it points.
var idSlots = map[string]struct {
	request
	kind string // what the id must be of; "" for anything
	path string
}{
	"Query.job.id":                         {request{query: `{ job(id: "%ID%") { id kind total } }`}, "Job", "job.id"},
	"Subscription.jobProgress.id":          {request{query: `subscription { jobProgress(id: "%ID%") { done } }`}, "Job", "jobProgress.id"},
	"MailRetryInput.ids":                   {request{query: `mutation { mailRetry(input: {ids: ["$mail", "%ID%"]}) { mails { id } errors { code message path } } }`}, "Mail", "mailRetry.input.ids.1"},
	"PartnerClientRotateInput.id":          {request{query: `mutation { partnerClientRotate(input: {id: "%ID%"}) { partnerClient { id } clientSecret errors { code message path } } }`}, "PartnerClient", "partnerClientRotate.input.id"},
	"PartnerClientRevokeInput.id":          {request{query: `mutation { partnerClientRevoke(input: {id: "%ID%"}) { deletedPartnerClientId errors { code message path } } }`}, "PartnerClient", "partnerClientRevoke.input.id"},
	"WebhookUpdateInput.id":                {request{query: `mutation { webhookUpdate(input: {id: "%ID%", name: "X"}) { webhook { id } errors { code message path } } }`}, "Webhook", "webhookUpdate.input.id"},
	"WebhookDeleteInput.id":                {request{query: `mutation { webhookDelete(input: {id: "%ID%"}) { deletedWebhookId errors { code message path } } }`}, "Webhook", "webhookDelete.input.id"},
	"WebhookRotateSecretInput.id":          {request{query: `mutation { webhookRotateSecret(input: {id: "%ID%"}) { webhook { id } secret errors { code message path } } }`}, "Webhook", "webhookRotateSecret.input.id"},
	"WebhookResumeInput.id":                {request{query: `mutation { webhookResume(input: {id: "%ID%"}) { webhook { id } errors { code message path } } }`}, "Webhook", "webhookResume.input.id"},
	"JobCancelInput.id":                    {request{query: `mutation { jobCancel(input: {id: "%ID%"}) { job { id } errors { code message path } } }`}, "Job", "jobCancel.input.id"},
	"JobRetryFailedInput.id":               {request{query: `mutation { jobRetryFailed(input: {id: "%ID%", idempotencyKey: "k"}) { job { id } errors { code message path } } }`}, "Job", "jobRetryFailed.input.id"},
	"JobRevertInput.id":                    {request{query: `mutation { jobRevert(input: {id: "%ID%"}) { job { id } errors { code message path } } }`}, "Job", "jobRevert.input.id"},
	"AuditEventFilter.actorId":             {request{query: `{ auditEvents(filter: {actorId: "%ID%"}) { totalCount nodes { id } } }`}, "User", "auditEvents.filter.actorId"},
	"AuditEventFilter.subjectId":           {request{query: `{ auditEvents(filter: {subjectId: "%ID%"}) { totalCount nodes { id } } }`}, "", "auditEvents.filter.subjectId"},
	"AuditEventFilter.jobId":               {request{query: `{ auditEvents(filter: {jobId: "%ID%"}) { totalCount nodes { id } } }`}, "Job", "auditEvents.filter.jobId"},
	"AuditEventFilter.operationId":         {request{query: `{ auditEvents(filter: {operationId: "%ID%"}) { totalCount nodes { id } } }`}, "Operation", "auditEvents.filter.operationId"},
	"Query.node.id":                        {request{query: `{ node(id: "%ID%") { id } }`}, "", "node.id"},
	"Query.nodes.ids":                      {request{query: `{ nodes(ids: ["$sales", "%ID%"]) { id } }`}, "", "nodes.ids.1"},
	"UserBy.id":                            {request{query: `{ user(by: {id: "%ID%"}) { id email } }`}, "User", "user.by.id"},
	"GroupBy.id":                           {request{query: `{ group(by: {id: "%ID%"}) { id name } }`}, "Group", "group.by.id"},
	"Query.membershipChecks.userIds":       {request{query: `{ membershipChecks(userIds: ["%ID%", "$ann"], groupIds: ["$sales"]) { userId groupId isMember direct via { id } path { id } } }`}, "User", "membershipChecks.userIds.0"},
	"Query.membershipChecks.groupIds":      {request{query: `{ membershipChecks(userIds: ["$ann"], groupIds: ["$sales", "%ID%"]) { userId groupId isMember direct via { id } path { id } } }`}, "Group", "membershipChecks.groupIds.1"},
	"UserGroupFilter.id":                   {request{query: `{ users(filter: {group: {id: "%ID%"}}) { totalCount nodes { id } } }`}, "Group", "users.filter.group.id"},
	"GroupMemberFilter.id":                 {request{query: `{ groups(filter: {not: {member: {id: "%ID%"}}}) { totalCount nodes { id } } }`}, "User", "groups.filter.not.member.id"},
	"GroupWithinFilter.id":                 {request{query: `{ groups(filter: {or: [{within: {id: "%ID%"}}]}) { totalCount nodes { id } } }`}, "Group", "groups.filter.or.0.within.id"},
	"UserSelection.ids":                    {request{query: `mutation { usersSuspend(input: {selection: {ids: ["%ID%"]}}) { results { userId outcome user { id } } counts { total failed } errors { code message } } }`}, "User", "usersSuspend.input.selection.ids.0"},
	"UserMatching.exceptIds":               {request{query: `mutation { usersResume(input: {selection: {matching: {filter: {}, exceptIds: ["%ID%"]}}}) { counts { total changed } errors { code message } } }`}, "User", "usersResume.input.selection.matching.exceptIds.0"},
	"GroupSelection.ids":                   {request{query: `mutation { groupsDelete(input: {selection: {ids: ["%ID%"]}}) { deletedGroupIds relatives { id } errors { code message } } }`}, "Group", "groupsDelete.input.selection.ids.0"},
	"GroupMatching.exceptIds":              {request{query: `mutation { groupsDelete(input: {selection: {matching: {filter: {}, exceptIds: ["%ID%"]}}, expectedCount: 99}) { deletedGroupIds errors { code message params { values } } } }`}, "Group", "groupsDelete.input.selection.matching.exceptIds.0"},
	"UserCreateInput.groupIds":             {request{query: `mutation { usersCreate(input: {users: [{email: "new@example.org", groupIds: ["$sales", "%ID%"]}]}) { results { outcome } errors { code message path } } }`}, "Group", "usersCreate.input.users.0.groupIds.1"},
	"UserUpdateInput.id":                   {request{query: `mutation { userUpdate(input: {id: "%ID%", givenName: "X"}) { user { id } errors { code message path } } }`}, "User", "userUpdate.input.id"},
	"UserDeleteInput.id":                   {request{query: `mutation { userDelete(input: {id: "%ID%"}) { deletedUserId groups { id } user { id } errors { code message path } } }`}, "User", "userDelete.input.id"},
	"UserRoleSetInput.id":                  {request{query: `mutation { userRoleSet(input: {id: "%ID%", role: ADMIN}) { user { id } errors { code message path } } }`}, "User", "userRoleSet.input.id"},
	"UserGroupsUpdateInput.userId":         {request{query: `mutation { userGroupsUpdate(input: {userId: "%ID%", addGroupIds: ["$alone"]}) { user { id } results { outcome } errors { code message path } } }`}, "User", "userGroupsUpdate.input.userId"},
	"UserGroupsUpdateInput.addGroupIds":    {request{query: `mutation { userGroupsUpdate(input: {userId: "$ann", addGroupIds: ["$alone", "%ID%"]}) { user { id } results { outcome } errors { code message path } } }`}, "Group", "userGroupsUpdate.input.addGroupIds.1"},
	"UserGroupsUpdateInput.removeGroupIds": {request{query: `mutation { userGroupsUpdate(input: {userId: "$ann", removeGroupIds: ["%ID%"]}) { user { id } results { outcome } errors { code message path } } }`}, "Group", "userGroupsUpdate.input.removeGroupIds.0"},
	"GroupCreateInput.parentIds":           {request{query: `mutation { groupCreate(input: {name: "New", parentIds: ["%ID%"]}) { group { id } parents { id } errors { code message path } } }`}, "Group", "groupCreate.input.parentIds.0"},
	"GroupCreateInput.memberIds":           {request{query: `mutation { groupCreate(input: {name: "New", memberIds: ["%ID%"]}) { group { id } errors { code message path } } }`}, "User", "groupCreate.input.memberIds.0"},
	"GroupUpdateInput.id":                  {request{query: `mutation { groupUpdate(input: {id: "%ID%", name: "New"}) { group { id } errors { code message path } } }`}, "Group", "groupUpdate.input.id"},
	"GroupUpdateInput.addMemberIds":        {request{query: `mutation { groupUpdate(input: {id: "$alone", name: "New", addMemberIds: ["%ID%"]}) { results { outcome } errors { code message path } } }`}, "User", "groupUpdate.input.addMemberIds.0"},
	"GroupUpdateInput.removeMemberIds":     {request{query: `mutation { groupUpdate(input: {id: "$alone", name: "New", removeMemberIds: ["%ID%"]}) { results { outcome } errors { code message path } } }`}, "User", "groupUpdate.input.removeMemberIds.0"},
	"GroupUpdateInput.addParentIds":        {request{query: `mutation { groupUpdate(input: {id: "$alone", name: "New", addParentIds: ["%ID%"]}) { parents { id } errors { code message path } } }`}, "Group", "groupUpdate.input.addParentIds.0"},
	"GroupUpdateInput.removeParentIds":     {request{query: `mutation { groupUpdate(input: {id: "$alone", name: "New", removeParentIds: ["%ID%"]}) { parents { id } errors { code message path } } }`}, "Group", "groupUpdate.input.removeParentIds.0"},
	"GroupDeleteInput.id":                  {request{query: `mutation { groupDelete(input: {id: "%ID%"}) { deletedGroupId group { id } errors { code message path } } }`}, "Group", "groupDelete.input.id"},
	"GroupMembersAddInput.groupIds":        {request{query: `mutation { groupMembersAdd(input: {groupIds: ["%ID%"], userIds: ["$ann"]}) { results { groupId userId outcome memberEdge { direct } } groups { id } users { id } errors { code } } }`}, "Group", "groupMembersAdd.input.groupIds.0"},
	"GroupMembersAddInput.userIds":         {request{query: `mutation { groupMembersAdd(input: {groupIds: ["$alone"], userIds: ["%ID%"]}) { results { groupId userId outcome memberEdge { direct } } groups { id } users { id } errors { code } } }`}, "User", "groupMembersAdd.input.userIds.0"},
	"GroupMembersRemoveInput.groupIds":     {request{query: `mutation { groupMembersRemove(input: {groupIds: ["%ID%"], userIds: ["$ann"]}) { results { groupId userId outcome } groups { id } users { id } errors { code } } }`}, "Group", "groupMembersRemove.input.groupIds.0"},
	"GroupMembersRemoveInput.userIds":      {request{query: `mutation { groupMembersRemove(input: {groupIds: ["$sales"], userIds: ["%ID%"]}) { results { groupId userId outcome } groups { id } users { id } errors { code } } }`}, "User", "groupMembersRemove.input.userIds.0"},
	"GroupNestInput.parentId":              {request{query: `mutation { groupNest(input: {parentId: "%ID%", childId: "$alone"}) { outcome parent { id } errors { code message path } } }`}, "Group", "groupNest.input.parentId"},
	"GroupNestInput.childId":               {request{query: `mutation { groupNest(input: {parentId: "$alone", childId: "%ID%"}) { outcome child { id } errors { code message path } } }`}, "Group", "groupNest.input.childId"},
	"GroupUnnestInput.parentId":            {request{query: `mutation { groupUnnest(input: {parentId: "%ID%", childId: "$emea"}) { outcome parent { id } errors { code message path } } }`}, "Group", "groupUnnest.input.parentId"},
	"Subscription.groupChanged.id":         {request{query: `subscription { groupChanged(id: "%ID%") { changed } }`}, "Group", "groupChanged.id"},
	"ProductBy.id":                         {request{query: `{ product(by: {id: "%ID%"}) { id key } }`}, "Product", "product.by.id"},
	"UserProductFilter.id":                 {request{query: `{ users(filter: {product: {id: "%ID%"}}) { totalCount nodes { id } } }`}, "Product", "users.filter.product.id"},
	"ProductUpdateInput.id":                {request{query: `mutation { productUpdate(input: {id: "%ID%", name: "X"}) { product { id } errors { code message path } } }`}, "Product", "productUpdate.input.id"},
	"ProductDeleteInput.id":                {request{query: `mutation { productDelete(input: {id: "%ID%"}) { deletedProductId product { id } errors { code message path } } }`}, "Product", "productDelete.input.id"},
	"GroupProductsSetInput.groupId":        {request{query: `mutation { groupProductsSet(input: {groupId: "%ID%", productKeys: ["goto-room"]}) { group { id } impact { gaining } errors { code message path } } }`}, "Group", "groupProductsSet.input.groupId"},
	"GroupPermissionsSetInput.groupId":     {request{query: `mutation { groupPermissionsSet(input: {groupId: "%ID%", permissionKeys: ["reports.view"]}) { group { id } granted { key } ended { key } errors { code message path } } }`}, "Group", "groupPermissionsSet.input.groupId"},
	"Query.explainAccess.userId":           {request{query: `{ explainAccess(userId: "%ID%", settingKey: "meeting.chat") { has } }`}, "User", "explainAccess.userId"},
	"GroupSettingsSetInput.groupId":        {request{query: `mutation { groupSettingsSet(input: {groupId: "%ID%", settings: [{key: "meeting.lock", value: {boolean: true}}]}) { group { id } errors { code message path } } }`}, "Group", "groupSettingsSet.input.groupId"},
	"UserSettingsSetInput.userId":          {request{query: `mutation { userSettingsSet(input: {userId: "%ID%", settings: [{key: "meeting.lock", value: {boolean: true}}]}) { user { id } errors { code message path } } }`}, "User", "userSettingsSet.input.userId"},
	"UserProductBlocksSetInput.userId":     {request{query: `mutation { userProductBlocksSet(input: {userId: "%ID%", productKeys: ["goto-room"], blocked: true}) { user { id } errors { code message path } } }`}, "User", "userProductBlocksSet.input.userId"},
	"GroupUnnestInput.childId":             {request{query: `mutation { groupUnnest(input: {parentId: "$sales", childId: "%ID%"}) { outcome child { id } errors { code message path } } }`}, "Group", "groupUnnest.input.childId"},
}

func contract(t testing.TB) *ast.Schema {
	t.Helper()
	schema, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

var loadContract = sync.OnceValues(func() (*ast.Schema, error) {
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
})

// A new argument or input field that takes an id gets its row above, or this fails.
func TestEveryIDIsTried(t *testing.T) {
	var want []string
	for _, definition := range contract(t).Types {
		if definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			if definition.Kind == ast.InputObject && field.Type.Name() == "ID" {
				want = append(want, definition.Name+"."+field.Name)
			}
			for _, argument := range field.Arguments {
				if argument.Type.Name() == "ID" && !strings.HasPrefix(field.Name, "__") {
					want = append(want, definition.Name+"."+field.Name+"."+argument.Name)
				}
			}
		}
	}
	slices.Sort(want)
	if diff := gocmp.Diff(want, slices.Sorted(mapKeys(idSlots))); diff != "" {
		t.Errorf("places of ids (-schema +tried):\n%s", diff)
	}
}

func TestMalformedIDs(t *testing.T) {
	h := newHouse(t)
	malformed := map[string]string{
		"nothing":                     "",
		"a word":                      "x",
		"a number":                    "17",
		"the kind alone":              "KIND_",
		"the kind without underscore": "KIND06gzr0ntmhwd91h0bbjh70tzkw",
		"a kind that there is not":    "robot_06gzr0ntmhwd91h0bbjh70tzkw",
		"an operation's":              "operation_06gzr0ntmhwd91h0bbjh70tzkw",
		"one character short":         "KIND_06gzr0ntmhwd91h0bbjh70tzk",
		"one character long":          "KIND_06gzr0ntmhwd91h0bbjh70tzkww",
		"a letter that isn't used":    "KIND_06gzr0ntmhwd91h0bbjh70tzil",
		"in capitals":                 "KIND_06GZR0NTMHWD91H0BBJH70TZKW",
		"with bits left over":         "KIND_06gzr0ntmhwd91h0bbjh70tzkx",
		"with space around":           " KIND_06gzr0ntmhwd91h0bbjh70tzkw ",
		"with a line break":           `KIND_06gzr0ntmhwd91h0bbjh70tzk\nw`,
		"with NUL":                    `KIND_06gzr0ntmhwd91h0bbjh70tzkw\u0000`,
		"a plain UUID":                "01234567-89ab-7def-8123-456789abcdef",
		"in quotes of SQL":            "' OR 1=1 --",
		"very long":                   "KIND_" + strings.Repeat("0", 5000),
	}
	for name, slot := range idSlots {
		t.Run(name, func(t *testing.T) {
			tests := map[string]refusal{}
			kind := cmp.Or(strings.ToLower(slot.kind), "user")
			field, where, _ := strings.Cut(slot.path, ".")
			want := "BAD_USER_INPUT/INVALID_ID " + field
			for what, text := range malformed {
				if slot.kind == "Operation" && strings.HasPrefix(text, "operation_") {
					continue
				}
				r := slot.request
				r.query = strings.ReplaceAll(r.query, "%ID%", strings.ReplaceAll(text, "KIND", kind))
				tests[what] = refusal{r, want, where + ": \""}
			}
			others := map[string]string{"User": "$ann", "Group": "$sales", "Product": "$room", "Account": "$account", "Job": "$job", "Mail": "$mail", "PartnerClient": "$partner", "Webhook": "$webhook"}
			delete(others, slot.kind)
			for kind, id := range others {
				if slot.kind != "" {
					r := slot.request
					r.query = strings.ReplaceAll(r.query, "%ID%", id)
					tests["of "+kind] = refusal{r, want, where + ": \"" + h.ids[id[1:]] + "\" is the id of a"}
				}
			}
			h.in(t).refuses(tests)
		})
	}
}

// Somebody else's id and nobody's get the same answer, byte for byte, and touch nothing in either account.
func TestForeignIDsAreAbsent(t *testing.T) {
	h := newHouse(t)
	for name, slot := range idSlots {
		for _, kind := range []string{"User", "Group", "Product", "Account", "Job", "Mail", "PartnerClient", "Webhook"} {
			if slot.kind != "" && slot.kind != kind {
				continue
			}
			t.Run(name+" of "+kind, func(t *testing.T) {
				h := h.in(t)
				ask := func(id string) string {
					r := slot.request
					r.query = strings.ReplaceAll(r.query, "%ID%", "$"+id)
					got := h.send(r)
					h.discreet(got)
					return strings.ReplaceAll(got.Text, h.ids[id], "ID")
				}
				var foreign, absent string
				h.other.in(t).unchanged(func() {
					h.unchanged(func() { foreign, absent = ask("foreign"+kind), ask("absent"+kind) })
				})
				if foreign != absent {
					t.Errorf("a foreign id:\n%sone of nobody:\n%s", foreign, absent)
				}
			})
		}
	}
}

// What another account calls its people and groups is found in no way either.
func TestForeignNamesAreAbsent(t *testing.T) {
	h := newHouse(t)
	h.other.group("Secret Plans", nil)
	h.other.person("spy@elsewhere.org", models.RoleMember)
	data := h.must(`{
		user(by: {email: "spy@elsewhere.org"}) { id }
		group(by: {name: "Secret Plans"}) { id }
		users(filter: {search: "spy"}) { totalCount nodes { id } }
		groups(filter: {search: "secret"}) { totalCount nodes { id } }
		account { userCount groupCount }
	}`, nil)
	want := vars{
		"user": nil, "group": nil,
		"users":   vars{"totalCount": 0.0, "nodes": []any{}},
		"groups":  vars{"totalCount": 0.0, "nodes": []any{}},
		"account": vars{"userCount": 4.0, "groupCount": 4.0},
	}
	if diff := gocmp.Diff(want, data); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	// And what it calls them is free here.
	h.done("userCreate", "user { id }", vars{"email": "spy@elsewhere.org"})
	h.done("groupCreate", "group { id }", vars{"name": "Secret Plans"})
}
