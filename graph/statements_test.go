package graph_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"cohort/directory"
	"cohort/graph"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// counted is the same account behind a store of its own, which counts the statements.
func (a *api) counted() (*api, *atomic.Int64) {
	a.t.Helper()
	var n atomic.Int64
	s, err := store.Open(context.Background(), store.Options{URL: storetest.URL(a.t), Inspect: func(ctx context.Context, sql string) error {
		n.Add(1)
		return storetest.Guard(ctx, sql)
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			a.t.Error(err)
		}
	})
	d, err := directory.New(s, directory.Options{MaxGroupDepth: 5})
	if err != nil {
		a.t.Fatal(err)
	}
	b := *a
	b.store, b.directory, b.handler = s, d, graph.New(graph.Options{Directory: d})
	return &b, &n
}

// statements is how many a query takes.
func (a *api) statements(n *atomic.Int64, query string, variables vars) int64 {
	a.t.Helper()
	before := n.Load()
	a.must(query, variables)
	return n.Load() - before
}

// agree asks two things until both take the same number of statements: on a busy machine a row may come too late
// for the statement that reads it with its siblings. It gives the least of each.
func agree(one, other func() int64) (int64, int64) {
	x, y := one(), other()
	for range 10 {
		if x == y {
			break
		}
		x, y = min(x, one()), min(y, other())
	}
	return x, y
}

// pages are all the fields that lead from a list to more rows, each below a list with %N% entries.
var pages = map[string]string{
	"ChangePage.entries":              `{ changes(first: %N%) { entries { ... on UserChange { after { email } } } } }`,
	"ChangedUser.statusReasons":       `{ changes(first: %N%) { entries { ... on UserChange { after { statusReasons } } } } }`,
	"UserStatusChange.statusReasons":  `{ changes(first: %N%) { entries { ... on UserStatusChange { statusReasons } } } }`,
	"Query.users":                     `{ users(first: %N%) { nodes { id displayName etag viewerCanUpdate } edges { cursor } } }`,
	"Query.groups":                    `{ groups(first: %N%) { nodes { id name directMemberCount etag } edges { cursor } } }`,
	"Query.nodes":                     `query ($users: [ID!]!) { nodes(ids: $users) { id } }`,
	"Query.membershipChecks":          `query ($users: [ID!]!, $groups: [ID!]!) { membershipChecks(userIds: $users, groupIds: $groups) { isMember direct } }`,
	"User.groups":                     `{ users(first: %N%) { nodes { groups(first: 3) { nodes { id } edges { direct } } } } }`,
	"UserGroupConnection.edges":       `{ users(first: %N%) { nodes { groups(first: 2) { edges { node { name } direct } } } } }`,
	"UserGroupConnection.nodes":       `{ users(first: %N%) { nodes { groups(first: 2, relation: INHERITED) { nodes { name } } } } }`,
	"UserGroupEdge.via":               `{ users(first: %N%) { nodes { groups(first: 2) { edges { via { name } } } } } }`,
	"UserGroupEdge.path":              `{ users(first: %N%) { nodes { groups(first: 2) { edges { path { name } } } } } }`,
	"Group.members":                   `{ groups(first: %N%) { nodes { members(first: 3) { nodes { id } edges { direct } } } } }`,
	"GroupMemberConnection.edges":     `{ groups(first: %N%) { nodes { members(first: 2) { edges { node { email } direct } } } } }`,
	"GroupMemberConnection.nodes":     `{ groups(first: %N%) { nodes { members(first: 2, relation: DIRECT) { nodes { email } } } } }`,
	"GroupMemberEdge.via":             `{ groups(first: %N%) { nodes { members(first: 2) { edges { via { name } } } } } }`,
	"GroupMemberEdge.path":            `{ groups(first: %N%) { nodes { members(first: 2) { edges { path { name } } } } } }`,
	"Group.parents":                   `{ groups(first: %N%) { nodes { parents(first: 3) { nodes { id } } } } }`,
	"Group.children":                  `{ groups(first: %N%) { nodes { children(first: 3) { nodes { id } } } } }`,
	"Group.ancestors":                 `{ groups(first: %N%) { nodes { ancestors(first: 3) { nodes { id } } } } }`,
	"Group.descendants":               `{ groups(first: %N%) { nodes { descendants(first: 3) { nodes { id } } } } }`,
	"Group.breadcrumbs":               `{ groups(first: %N%) { nodes { breadcrumbs { name } } } }`,
	"GroupConnection.edges":           `{ groups(first: %N%) { edges { node { children(first: 2) { edges { node { name } } } } } } }`,
	"GroupConnection.nodes":           `{ groups(first: %N%) { nodes { children(first: 2) { nodes { name } } } } }`,
	"UserConnection.edges":            `{ users(first: %N%) { edges { node { id } } } }`,
	"UserConnection.nodes":            `{ users(first: %N%) { nodes { id } } }`,
	"MembershipCheck.via":             `query ($users: [ID!]!, $groups: [ID!]!) { membershipChecks(userIds: $users, groupIds: $groups) { via { name } } }`,
	"MembershipCheck.path":            `query ($users: [ID!]!, $groups: [ID!]!) { membershipChecks(userIds: $users, groupIds: $groups) { path { name } } }`,
	"Query.products":                  `{ products { id key seats seatsUsed waiting etag } }`,
	"User.products":                   `{ users(first: %N%) { nodes { products { product { key waiting } state direct blocked since } } } }`,
	"User.hasNoProducts":              `{ users(first: %N%) { nodes { hasNoProducts } } }`,
	"UserProduct.via":                 `{ users(first: %N%) { nodes { products(source: INHERITED) { via { name } } } } }`,
	"Group.products":                  `{ groups(first: %N%) { nodes { products { product { key } direct } } } }`,
	"GroupProduct.via":                `{ groups(first: %N%) { nodes { products { via { name } } } } }`,
	"UsersProductsSummary.products":   `query ($users: [ID!]!) { usersProductsSummary(selection: {ids: $users}) { users products { tick enabled product { key waiting } } } }`,
	"User.settings":                   `{ users(first: %N%) { nodes { settings { definition { key } value { choice } source group { name } } } } }`,
	"EffectiveSetting.overrides":      `{ users(first: %N%) { nodes { settings(keys: ["meeting.chat"]) { overrides { source value { choice } group { name } } } } } }`,
	"Group.settings":                  `{ groups(first: %N%) { nodes { settings(keys: ["meeting.chat"]) { value { choice } ownValue { choice } group { name } } } } }`,
	"Account.settings":                `{ account { settings { value { choice } } } }`,
	"Query.settingDefinitions":        `{ settingDefinitions { key } account { id } }`,
	"SettingDefinition.choices":       `{ settingDefinitions { choices { value name } } account { id } }`,
	"SettingSummary.values":           `query ($users: [ID!]!) { settingsSummary(selection: {ids: $users}) { settings { values { users value { choice } } } } }`,
	"SettingsSummary.settings":        `query ($users: [ID!]!) { settingsSummary(selection: {ids: $users}) { users settings { mixed values { users own value { choice } } } } }`,
	"Query.jobs":                      `{ jobs(first: %N%, kinds: ["jobRevert"]) { nodes { id kind status startedBy { email } retries { id } reverts { id } viewerCanRetry } } }`,
	"Query.mails":                     `{ mails(first: %N%, state: FAILED) { nodes { id kind state user { email } product { key } attempts lastError messageId } } }`,
	"Query.auditEvents":               `{ auditEvents(first: %N%, filter: {actions: ["groupProductsSet"]}) { nodes { id actor { kind user { email } } object { id ... on Product { key } } job { kind } changes { field before after } } } }`,
	"subjects of events":              `{ auditEvents(first: %N%, filter: {actions: ["usersCreate"], outcome: DONE}) { nodes { id subject { id ... on User { email } } } } }`,
	"User.auditEvents":                `{ users(first: %N%) { nodes { auditEvents(first: 3) { nodes { id } } } } }`,
	"Group.auditEvents":               `{ groups(first: %N%) { nodes { auditEvents(first: 3, filter: {actions: ["groupCreate"]}) { nodes { id } } } } }`,
	"AuditEvent.changes":              `{ auditEvents(first: %N%) { nodes { changes { field before after } } } }`,
	"AuditEventConnection.edges":      `{ users(first: %N%) { nodes { auditEvents(first: 1) { edges { cursor node { subject { id } } } } } } }`,
	"AuditEventConnection.nodes":      `{ users(first: %N%) { nodes { auditEvents(first: 1) { nodes { actor { user { email } } object { id } } } } } }`,
	"MailConnection.edges":            `{ mails(first: %N%) { edges { cursor node { id } } } }`,
	"MailConnection.nodes":            `{ mails(first: %N%) { nodes { user { email } product { name } } } }`,
	"JobConnection.edges":             `{ jobs(first: %N%) { edges { cursor node { id } } } }`,
	"JobConnection.nodes":             `{ jobs(first: %N%) { nodes { id } } }`,
	"Job.results":                     `{ jobs(first: %N%, status: [PARTLY_FAILED]) { nodes { results(first: 3) { nodes { subjectId outcome suspended } } } } }`,
	"JobResultConnection.edges":       `{ jobs(first: %N%, status: [PARTLY_FAILED]) { nodes { results(first: 2) { edges { cursor node { subject { id } } } } } } }`,
	"JobResultConnection.nodes":       `{ jobs(first: %N%, status: [PARTLY_FAILED]) { nodes { results(first: 2) { nodes { subject { id ... on User { email } ... on Group { name } } added { key } removed { key } waiting { key } } } } } }`,
	"JobTableView.columns":            `{ users(first: %N%) { nodes { id } } viewer { tableViews { jobs { id columns { column width } } } } }`,
	"JobTableView.filters":            `{ users(first: %N%) { nodes { id } } viewer { tableViews { jobs { id filters { name status kinds } } } } }`,
	"GroupMemberTableView.columns":    `{ users(first: %N%) { nodes { id } } viewer { tableViews { groupMembers { id columns { column width } } } } }`,
	"GroupMemberTableView.filters":    `{ users(first: %N%) { nodes { id } } viewer { tableViews { groupMembers { id filters { name relation filter } } } } }`,
	"GroupTableView.columns":          `{ users(first: %N%) { nodes { id } } viewer { tableViews { groups { id columns { column width } } } } }`,
	"GroupTableView.filters":          `{ users(first: %N%) { nodes { id } } viewer { tableViews { groups { id filters { name filter } } } } }`,
	"UserTableView.columns":           `{ users(first: %N%) { nodes { id } } viewer { tableViews { users { id columns { column width } } } } }`,
	"UserTableView.filters":           `{ users(first: %N%) { nodes { id } } viewer { tableViews { users { id filters { name filter } } } } }`,
	"JobTableFilter.status":           `{ users(first: %N%) { nodes { id } } viewer { tableViews { jobs { filters { status } } } } }`,
	"JobTableFilter.kinds":            `{ users(first: %N%) { nodes { id } } viewer { tableViews { jobs { filters { kinds } } } } }`,
	"ProductsImpact.byProduct":        `{ jobs(first: %N%) { nodes { impact { byProduct { productId gaining product { key waiting } } } } } }`,
	"Query.permissionDefinitions":     `{ permissionDefinitions { key area name description } users(first: %N%) { nodes { id } } }`,
	"Viewer.permissions":              `{ viewer { permissions { permission { key } sources { kind group { name } } } } }`,
	"User.permissions":                `{ users(first: %N%) { nodes { permissions { permission { key name } } } } }`,
	"UserPermission.sources":          `{ users(first: %N%) { nodes { permissions { permission { key } sources { kind direct group { name } } } } } }`,
	"PermissionSource.via":            `{ users(first: %N%) { nodes { permissions { sources { via { name } } } } } }`,
	"PermissionSource.path":           `{ users(first: %N%) { nodes { permissions { sources { path { name } } } } } }`,
	"Group.permissions":               `{ groups(first: %N%) { nodes { permissions { permission { key } direct } } } }`,
	"GroupPermission.via":             `{ groups(first: %N%) { nodes { permissions { via { name } } } } }`,
	"User.statusReasons":              `{ users(first: %N%) { nodes { statusReasons } } }`,
	"Job.file":                        `{ jobs(first: %N%, kinds: ["exportCreate"]) { nodes { resultUrl file { url size changesCursor } } } }`,
	"Query.partnerClients":            `{ partnerClients { id clientId name scopes } }`,
	"PartnerClient.scopes":            `{ partnerClients { scopes } }`,
	"Query.webhooks":                  `{ webhooks { id name url kinds state behind behindSince } }`,
	"Webhook.kinds":                   `{ webhooks { kinds } }`,
	"WebhookDeliveryConnection.edges": `{ webhooks { deliveries(first: %N%) { edges { cursor } } } }`,
	"WebhookDeliveryConnection.nodes": `{ webhooks { deliveries(first: %N%) { nodes { at } } } }`,
	"Webhook.deliveries":              `{ webhooks { deliveries(first: %N%) { totalCount nodes { messageId } } } }`,
	"Viewer.scopes":                   `{ viewer { scopes account { name } } }`,

	"Group.memberCount":                `{ groups(first: %N%) { nodes { memberCount } } }`,
	"Group.depth":                      `{ groups(first: %N%) { nodes { depth } } }`,
	"Group.adjacent":                   `{ groups(first: %N%) { nodes { adjacent(sort: PRIORITY_DESC) { previous { id } next { id } } } } }`,
	"UserGroupConnection.totalCount":   `{ users(first: %N%) { nodes { groups(first: 1) { totalCount } } } }`,
	"GroupMemberConnection.totalCount": `{ groups(first: %N%) { nodes { members(first: 1) { totalCount } } } }`,
	"AuditEventConnection.totalCount":  `{ users(first: %N%) { nodes { auditEvents(first: 1) { totalCount } } } }`,
	"JobResultConnection.totalCount":   `{ jobs(first: %N%, status: [PARTLY_FAILED]) { nodes { results(first: 1, outcomes: [CHANGED]) { totalCount } } } }`,
	"GroupConnection.totalCount":       `{ groups(first: %N%) { nodes { parents(first: 1) { totalCount } } } }`,
	"lists of lists of lists":          `{ groups(first: %N%) { nodes { members(first: 2) { nodes { groups(first: 2) { nodes { children(first: 1) { nodes { id } } } } } } } } }`,
	"several lists side by side":       `{ groups(first: %N%) { nodes { memberCount depth parents(first: 1) { nodes { id } } children(first: 1) { totalCount } members(first: 1) { nodes { id } } } } }`,
}

// Pages of 2 and of 50 take the same number of statements, whatever is asked of their entries.
func TestStatements(t *testing.T) {
	a := newAPI(t)
	everybody := a.people(60, "Crowd")
	top := a.group("Top", nil, everybody[:10]...)
	var groups []string
	for i := range 60 {
		under := []models.GroupID{top}
		id := a.group(fmt.Sprintf("Group %02d", i), under, everybody[i%50:i%50+5]...)
		groups = append(groups, id.String())
		if i%3 == 0 {
			a.group(fmt.Sprintf("Under %02d", i), []models.GroupID{id}, everybody[i], everybody[(i+7)%60])
		}
	}
	a.product("goto-room")
	a.product("goto-meeting")
	a.done("groupProductsSet", "impact { gaining }", vars{"groupId": groups[0], "productKeys": []string{"goto-room", "goto-meeting"}})
	a.done("groupProductsSet", "impact { gaining }", vars{"groupId": top.String(), "productKeys": []string{"goto-room"}})
	a.done("groupPermissionsSet", "granted { key }", vars{"groupId": groups[0], "permissionKeys": []string{"reports.view", "devices.manage"}})
	a.done("groupPermissionsSet", "granted { key }", vars{"groupId": top.String(), "permissionKeys": []string{"reports.view"}})
	for range 60 {
		a.pastExport()
	}
	for range 60 {
		a.pastJobs(everybody[0], top)
		a.deadMail(everybody[0])
	}
	a.webhook()
	var people []string
	for _, id := range everybody {
		people = append(people, id.String())
	}
	a, n := a.counted()
	for field, query := range pages {
		t.Run(field, func(t *testing.T) {
			a := a.in(t)
			ask := func(size int) func() int64 {
				return func() int64 {
					ids := vars{"users": people[:size], "groups": groups[:5]}
					return a.statements(n, strings.ReplaceAll(query, "%N%", fmt.Sprint(size)), ids)
				}
			}
			if few, many := agree(ask(2), ask(50)); few != many || few == 0 {
				t.Errorf("%d statements for 2, %d for 50", few, many)
			}
		})
	}
}

// What is asked of the rows of a preview costs as much for 2 as for 50.
func TestStatementsOfPreviews(t *testing.T) {
	a := newAPI(t)
	a.product("goto-meeting")
	var people []string
	for _, id := range a.people(50, "Crowd") {
		people = append(people, id.String())
	}
	a, n := a.counted()
	more := func(size int) func() int64 {
		return func() int64 {
			ask := func(fields string) int64 {
				return a.statements(n, `mutation ($users: [ID!]!) { usersProductsSet(input: {selection: {ids: $users}, productKeys: ["goto-meeting"], mode: ADD, dryRun: true}) { preview { rows { `+fields+` } } } }`, vars{"users": people[:size]})
			}
			return ask(`outcome user { email } gained { key waiting } lost { key } waiting { key }`) - ask(`outcome`)
		}
	}
	if few, many := agree(more(2), more(50)); few != many || few == 0 {
		t.Errorf("%d statements more for 2, %d for 50", few, many)
	}
}

// A new list, or a new field that leads from one entity to others, gets its row above, or this fails.
func TestEveryListIsCounted(t *testing.T) {
	schema := contract(t)
	for _, definition := range schema.Types {
		if definition.Kind != ast.Object || definition.BuiltIn || definition == schema.Mutation || definition.Name == "UserError" || definition.Name == "UserErrorParam" {
			continue
		}
		for _, suffix := range []string{"Payload", "Result", "ProductsPreview", "ProductsPreviewRow", "SettingsPreview", "SettingsPreviewRow", "SettingsImpact", "AccessExplanation", "AccessReason"} {
			if strings.HasSuffix(definition.Name, suffix) {
				definition = &ast.Definition{}
			}
		}
		for _, field := range definition.Fields {
			name := definition.Name + "." + field.Name
			list := field.Type.Elem != nil || strings.HasSuffix(field.Type.Name(), "Connection")
			if list && pages[name] == "" && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("the statements of %s aren't counted", name)
			}
		}
	}
}

// Nothing is counted that nobody asks for, and what the page has is not read twice.
func TestTotalCountIsLazy(t *testing.T) {
	a := newAPI(t)
	group := a.group("Group", nil, a.admin.UserID)
	a.group("Child", []models.GroupID{group}, a.admin.UserID)
	a, n := a.counted()
	one := `group(by: {name: "Group"})`
	for list, query := range map[string]string{
		"users":       `{ users { %FIELDS% } }`,
		"groups":      `{ groups { %FIELDS% } }`,
		"members":     `{ ` + one + ` { members { %FIELDS% } } }`,
		"children":    `{ ` + one + ` { children { %FIELDS% } } }`,
		"descendants": `{ ` + one + ` { descendants { %FIELDS% } } }`,
		"user groups": `{ viewer { user { groups { %FIELDS% } } } }`,
	} {
		t.Run(list, func(t *testing.T) {
			a := a.in(t)
			count := func(fields string) func() int64 {
				return func() int64 { return a.statements(n, strings.ReplaceAll(query, "%FIELDS%", fields), nil) }
			}
			plain := count(`nodes { id }`)
			for fields, more := range map[string]int64{
				`nodes { id } edges { cursor node { id } } pageInfo { hasNextPage endCursor }`: 0,
				`nodes { id } totalCount @skip(if: true)`:                                      0,
				`nodes { id } totalCount`:                                                      1,
				`nodes { id } edges { cursor } totalCount pageInfo { hasNextPage }`:            1,
			} {
				page, whole := agree(func() int64 { return plain() + more }, count(fields))
				if page != whole {
					t.Errorf("%d statements for %s, %d for a page", whole, fields, page-more)
				}
			}
		})
	}
}
