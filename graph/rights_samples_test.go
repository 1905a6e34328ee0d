package graph_test

// ownGroup is a group that all three callers are in: what stands in the place of %FIELDS% is refused for the
// field and not for the group.
const ownGroup = `{ group(by: {id: "$sales"}) { %FIELDS% } }`

func view(fields string) string { return `{ viewer { tableViews { ` + fields + ` } } }` }

// preview tries out what an admin may do.
func preview(fields string) string {
	return `mutation { usersProductsSet(input: {selection: {ids: ["$ann"]}, productKeys: ["goto-meeting"], mode: ADD, dryRun: true}) { preview { rows { ` + fields + ` } } } }`
}

// settingsPreview tries out what an admin may do.
func settingsPreview(fields string) string {
	return `mutation { usersSettingsSet(input: {selection: {ids: ["$ann"]}, settings: [{key: "meeting.chat", value: {choice: "OFF"}}], dryRun: true}) { preview { rows { ` + fields + ` } } } }`
}

// samples has a request for each row of the policy table: one that whoever is allowed succeeds with.
var samples = map[string]request{
	"Query.viewer":           {query: `{ viewer { role viewerCanCreateUsers } }`},
	"Query.account":          {query: `{ account { id name } }`},
	"Query.node":             {query: `{ node(id: "$sales") { id ... on Group { name description } } }`},
	"Query.nodes":            {query: `{ nodes(ids: ["$sales", "$account"]) { id } }`},
	"Query.user":             {query: `{ user(by: {id: "$me"}) { email displayName etag } }`},
	"Query.users":            {query: `{ users { nodes { id } } }`},
	"Query.group":            {query: `{ group(by: {name: "Sales"}) { id name description } }`},
	"Query.groups":           {query: `{ groups { nodes { id } } }`},
	"Query.rateLimit":        {query: `{ rateLimit { limit burst cost remaining resetAt } }`},
	"Query.membershipChecks": {query: `{ membershipChecks(userIds: ["$me"], groupIds: ["$sales"]) { isMember direct } }`},

	"Query.product":              {query: `{ product(by: {key: "goto-room"}) { id name } }`},
	"Query.products":             {query: `{ products { id key family } }`},
	"Query.usersProductsSummary": {query: `{ usersProductsSummary(selection: {ids: ["$me"]}) { users } }`},

	"Query.explainAccess":          {query: `{ explainAccess(userId: "$me", settingKey: "meeting.chat") { has value { choice } reasonCount } }`},
	"AccessExplanation.user":       {query: `{ explainAccess(userId: "$me", settingKey: "meeting.chat") { user { email } } }`},
	"AccessExplanation.product":    {query: `{ explainAccess(userId: "$me", productKey: "goto-room") { product { name } state } }`},
	"AccessExplanation.setting":    {query: `{ explainAccess(userId: "$me", settingKey: "meeting.chat") { setting { name } } }`},
	"AccessExplanation.permission": {query: `{ explainAccess(userId: "$me", permissionKey: "reports.view") { permission { name } } }`},
	"AccessExplanation.reasons":    {query: `{ explainAccess(userId: "$me", productKey: "goto-room") { reasons { kind counts hiddenGroups locked action { mutation input permitted } } } }`},
	"AccessReason.path":            {query: `{ explainAccess(userId: "$me", productKey: "goto-room") { reasons { path { id name } } } }`},
	"Query.settingDefinitions":     {query: `{ settingDefinitions { key area name description type } }`},
	"Query.settingsSummary":        {query: `{ settingsSummary(selection: {ids: ["$me"]}, keys: ["meeting.chat"]) { users settings { definition { key } value { choice } mixed values { value { choice } users own } } } }`},
	"Account.settings":             {query: `{ viewer { account { settings(keys: ["meeting.chat"]) { value { choice } } } } }`},
	"User.settings":                {query: `{ viewer { user { settings { definition { key } source locked ownLocked } } } }`},
	"Group.settings":               {query: of(`settings(keys: ["meeting.chat"]) { value { choice } source }`)},
	"EffectiveSetting.group":       {query: `{ viewer { user { settings(keys: ["meeting.chat"]) { group { id name } } } } }`},
	"EffectiveSetting.overrides":   {query: `{ viewer { user { settings(keys: ["meeting.chat"]) { overrides { source value { choice } locked } } } } }`},
	"SettingReason.group":          {query: `{ viewer { user { settings(keys: ["meeting.audio"]) { overrides { group { id name } } } } } }`},
	"Job.settingsImpact":           {query: `{ job(id: "$job") { settingsImpact { reached } } }`},
	"SettingsPreview.rows":         {query: settingsPreview(`outcome settings { key after { choice } }`)},
	"SettingsPreviewRow.user":      {query: settingsPreview(`user { email }`)},

	"Query.job":     {query: `{ job(id: "$job") { id kind status dryRun total done changed failed createdAt startedAt finishedAt viewerCanCancel viewerCanRetry viewerCanRevert } }`},
	"Query.jobs":    {query: `{ jobs(status: [PARTLY_FAILED]) { totalCount nodes { id } } }`},
	"Job.startedBy": {query: `{ job(id: "$job") { startedBy { email } } }`},
	"Job.retries":   {query: `{ job(id: "$back") { retries { id } } }`},
	"Job.reverts":   {query: `{ job(id: "$back") { reverts { id } } }`},
	"Job.impact":    {query: `{ job(id: "$job") { impact { gaining } } }`},
	"Job.results":   {query: `{ job(id: "$job") { results { totalCount nodes { subjectId outcome subject { id } added { key } removed { key } waiting { key } } } } }`},

	"Viewer.tableViews":            {query: `{ viewer { tableViews { users { id } groups { id } groupMembers { id } jobs { id } } } }`},
	"TableViews.users":             {query: view(`users { id }`)},
	"TableViews.groups":            {query: view(`groups { id }`)},
	"TableViews.groupMembers":      {query: view(`groupMembers { id }`)},
	"TableViews.jobs":              {query: view(`jobs { id }`)},
	"UserTableView.columns":        {query: view(`users { columns { column } pageSize updatedAt }`)},
	"UserTableView.filters":        {query: view(`users { filters { name filter } }`)},
	"GroupTableView.columns":       {query: view(`groups { columns { column } sort }`)},
	"GroupTableView.filters":       {query: view(`groups { filters { name filter } }`)},
	"GroupMemberTableView.columns": {query: view(`groupMembers { columns { column } }`)},
	"GroupMemberTableView.filters": {query: view(`groupMembers { filters { name filter relation } }`)},
	"JobTableView.columns":         {query: view(`jobs { columns { column } }`)},
	"JobTableView.filters":         {query: view(`jobs { filters { name status kinds } }`)},
	"Mutation.tableViewSave":       {mutation: "tableViewSave", input: vars{"users": vars{"pageSize": 30}}},
	"Mutation.tableViewDelete":     {mutation: "tableViewDelete", input: vars{"table": "USERS"}},

	"Query.mails":  {query: `{ mails(state: FAILED) { totalCount nodes { id kind state attempts lastError createdAt messageId } } }`},
	"Mail.user":    {query: `{ mails(state: FAILED) { nodes { user { email } } } }`},
	"Mail.product": {query: `{ mails(state: FAILED) { nodes { product { key } } } }`},

	"Query.auditEvents":  {query: `{ auditEvents(filter: {actions: ["userCreate"], outcome: DONE}) { totalCount nodes { id occurredAt action outcome operationId } } }`},
	"User.auditEvents":   {query: `{ viewer { user { auditEvents { totalCount nodes { id } } } } }`},
	"Group.auditEvents":  {query: of(`auditEvents { totalCount nodes { id } }`)},
	"AuditEvent.actor":   {query: `{ auditEvents(filter: {actions: ["usersSuspend"]}) { nodes { actor { kind } } } }`},
	"AuditActor.user":    {query: `{ auditEvents(filter: {actions: ["usersSuspend"]}) { nodes { actor { userId user { email } role } } } }`},
	"AuditEvent.subject": {query: `{ viewer { user { auditEvents { nodes { subject { id } } } } } }`},
	"AuditEvent.object":  {query: `{ auditEvents(filter: {actions: ["groupProductsSet"]}) { nodes { object { __typename } } } }`},
	"AuditEvent.changes": {query: `{ auditEvents(filter: {actions: ["usersSuspend"]}) { nodes { changes { field before after } } } }`},
	"AuditEvent.job":     {query: `{ auditEvents(filter: {actions: ["usersSuspend"]}) { nodes { job { id } } } }`},

	"Viewer.account": {query: `{ viewer { account { id name } } }`},
	"Viewer.user":    {query: `{ viewer { user { id email } } }`},

	"Account.userCount":     {query: `{ viewer { account { userCount } } }`},
	"Account.groupCount":    {query: `{ viewer { account { groupCount } } }`},
	"Account.maxGroupDepth": {query: `{ viewer { account { maxGroupDepth } } }`},
	"Account.createdAt":     {query: `{ viewer { account { createdAt } } }`},

	"User.groups": {query: `{ viewer { user { groups { totalCount nodes { id name description } edges { cursor direct } } } } }`},

	"User.products":       {query: `{ viewer { user { products { state direct } } } }`},
	"User.hasNoProducts":  {query: `{ viewer { user { hasNoProducts } } }`},
	"UserProduct.product": {query: `{ viewer { user { products { product { key name } } } } }`},
	"UserProduct.via":     {query: `{ viewer { user { products { via { id name } } } } }`},

	"Group.products":       {query: of(`products { direct }`)},
	"Group.pendingJob":     {query: of(`pendingJob { id }`)},
	"GroupProduct.product": {query: of(`products { product { key } }`)},
	"GroupProduct.via":     {query: of(`products { via { id } }`)},

	"Product.seats":     {query: `{ viewer { user { products { product { seats } } } } }`},
	"Product.seatsUsed": {query: `{ viewer { user { products { product { seatsUsed } } } } }`},
	"Product.waiting":   {query: `{ viewer { user { products { product { waiting } } } } }`},

	"UsersProductsSummary.products": {query: `{ usersProductsSummary(selection: {ids: ["$me"]}) { products { tick enabled } } }`},
	"ProductSummary.product":        {query: `{ usersProductsSummary(selection: {ids: ["$me"]}) { products { product { key } } } }`},

	"Group.priority":          {query: of(`priority`)},
	"Group.members":           {query: of(`members { totalCount nodes { id } }`)},
	"Group.memberCount":       {query: of(`memberCount`)},
	"Group.directMemberCount": {query: of(`directMemberCount`)},
	"Group.parents":           {query: of(`parents { nodes { id } }`)},
	"Group.children":          {query: of(`children { nodes { id } }`)},
	"Group.ancestors":         {query: of(`ancestors { nodes { id } }`)},
	"Group.descendants":       {query: of(`descendants { nodes { id } }`)},
	"Group.depth":             {query: of(`depth`)},
	"Group.breadcrumbs":       {query: of(`breadcrumbs { id }`)},
	"Group.adjacent":          {query: of(`adjacent { __typename }`)},
	"Group.createdAt":         {query: of(`createdAt`)},
	"Group.updatedAt":         {query: of(`updatedAt`)},
	"Group.etag":              {query: of(`etag`)},

	"GroupAdjacent.previous": {query: of(`adjacent { previous { id } }`)},
	"GroupAdjacent.next":     {query: of(`adjacent { next { id } }`)},
	"GroupMemberEdge.via":    {query: of(`members { edges { via { id } } }`)},
	"GroupMemberEdge.path":   {query: of(`members { edges { path { id } } }`)},
	"UserGroupEdge.via":      {query: `{ viewer { user { groups { edges { via { id } } } } } }`},
	"UserGroupEdge.path":     {query: `{ viewer { user { groups { edges { path { id name } } } } } }`},
	"MembershipCheck.via":    {query: `{ membershipChecks(userIds: ["$me"], groupIds: ["$sales"]) { via { id } } }`},
	"MembershipCheck.path":   {query: `{ membershipChecks(userIds: ["$me"], groupIds: ["$sales"]) { path { id } } }`},

	"ProductsPreview.impact":   {query: `mutation { usersProductsSet(input: {selection: {ids: ["$ann"]}, productKeys: ["goto-meeting"], mode: ADD, dryRun: true}) { preview { impact { gaining byProduct { gaining } } } } }`},
	"ProductsImpact.byProduct": {query: `{ job(id: "$job") { impact { byProduct { productId gaining losing withoutSeat } } } }`},
	"ProductImpact.product":    {query: `{ job(id: "$job") { impact { byProduct { product { key } } } } }`},

	"ProductsPreview.rows":       {query: preview(`outcome suspended`)},
	"ProductsPreviewRow.user":    {query: preview(`user { email }`)},
	"ProductsPreviewRow.gained":  {query: preview(`gained { key }`)},
	"ProductsPreviewRow.lost":    {query: preview(`lost { key }`)},
	"ProductsPreviewRow.waiting": {query: preview(`waiting { key }`)},

	"Query.changes":        {query: `{ changes(first: 1000) { cursor hasMore entries { number time operationId action ... on UserChange { userId after { email role } } } } }`},
	"Query.changesCursor":  {query: `{ changesCursor }`},
	"Subscription.changes": {query: `subscription { changes(kinds: [USER, GROUP]) { cursor entries { number } } }`},

	"Subscription.jobProgress":  {query: `subscription { jobProgress(id: "$job") { id status done } }`},
	"Subscription.groupChanged": {query: `subscription { groupChanged(id: "$sales") { changed group { id } } }`},

	"Mutation.userCreate":           {mutation: "userCreate", input: vars{"email": "new@example.org", "groupIds": []string{"$alone"}}},
	"Mutation.usersCreate":          {mutation: "usersCreate", input: vars{"users": []vars{{"email": "a@example.org"}, {"email": "b@example.org"}}}},
	"Mutation.userUpdate":           {mutation: "userUpdate", input: vars{"id": "$ann", "familyName": "Lee"}},
	"Mutation.userDelete":           {mutation: "userDelete", input: vars{"id": "$ann"}},
	"Mutation.userRoleSet":          {mutation: "userRoleSet", input: vars{"id": "$ann", "role": "ADMIN"}},
	"Mutation.usersSuspend":         {mutation: "usersSuspend", input: vars{"selection": vars{"ids": []string{"$ann"}}}},
	"Mutation.usersResume":          {mutation: "usersResume", input: vars{"selection": vars{"ids": []string{"$idle"}}}},
	"Mutation.userGroupsUpdate":     {mutation: "userGroupsUpdate", input: vars{"userId": "$ann", "addGroupIds": []string{"$alone"}}},
	"Mutation.groupCreate":          {mutation: "groupCreate", input: vars{"name": "New", "memberIds": []string{"$ann"}, "parentIds": []string{"$sales"}}},
	"Mutation.groupUpdate":          {mutation: "groupUpdate", input: vars{"id": "$sales", "name": "Vente"}},
	"Mutation.groupDelete":          {mutation: "groupDelete", input: vars{"id": "$sales"}},
	"Mutation.groupsDelete":         {mutation: "groupsDelete", input: vars{"selection": vars{"ids": []string{"$sales", "$alone"}}}},
	"Mutation.groupMembersAdd":      {mutation: "groupMembersAdd", input: vars{"groupIds": []string{"$alone"}, "userIds": []string{"$ann", "$me"}}},
	"Mutation.groupMembersRemove":   {mutation: "groupMembersRemove", input: vars{"groupIds": []string{"$sales"}, "userIds": []string{"$me"}}},
	"Mutation.groupNest":            {mutation: "groupNest", input: vars{"parentId": "$sales", "childId": "$alone"}},
	"Mutation.usersProductsSet":     {mutation: "usersProductsSet", input: vars{"selection": vars{"ids": []string{"$ann"}}, "productKeys": []string{"goto-meeting"}}},
	"Mutation.userProductBlocksSet": {mutation: "userProductBlocksSet", input: vars{"userId": "$ann", "productKeys": []string{"goto-room"}, "blocked": true}},
	"Mutation.groupProductsSet":     {mutation: "groupProductsSet", input: vars{"groupId": "$sales", "productKeys": []string{"goto-room"}}},
	"Mutation.groupsProductsSet":    {mutation: "groupsProductsSet", input: vars{"selection": vars{"ids": []string{"$sales", "$alone"}}, "productKeys": []string{"goto-room"}}},
	"Mutation.productCreate":        {mutation: "productCreate", input: vars{"key": "new", "name": "New"}},
	"Mutation.productUpdate":        {mutation: "productUpdate", input: vars{"id": "$meeting", "seats": 5}},
	"Mutation.productDelete":        {mutation: "productDelete", input: vars{"id": "$meeting"}},

	"Mutation.accountSettingsSet": {mutation: "accountSettingsSet", input: vars{"settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"Mutation.groupSettingsSet":   {mutation: "groupSettingsSet", input: vars{"groupId": "$sales", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"Mutation.groupsSettingsSet":  {mutation: "groupsSettingsSet", input: vars{"selection": vars{"ids": []string{"$sales", "$alone"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"Mutation.userSettingsSet":    {mutation: "userSettingsSet", input: vars{"userId": "$ann", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},
	"Mutation.usersSettingsSet":   {mutation: "usersSettingsSet", input: vars{"selection": vars{"ids": []string{"$ann"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}},

	"Query.partnerClients":         {query: `{ partnerClients { id clientId name scopes createdAt } }`},
	"Viewer.partnerClient":         {query: `{ viewer { scopes partnerClient { id name } } }`},
	"Mutation.partnerClientCreate": {mutation: "partnerClientCreate", input: vars{"name": "Billing", "scopes": []string{"USERS_READ"}}},
	"Mutation.partnerClientRotate": {mutation: "partnerClientRotate", input: vars{"id": "$partner"}},
	"Mutation.partnerClientRevoke": {mutation: "partnerClientRevoke", input: vars{"id": "$partner"}},

	"Job.file":              {query: `{ jobs(kinds: ["exportCreate"]) { nodes { file { name mediaType size url keptUntil changesCursor } } } }`},
	"Job.resultUrl":         {query: `{ jobs(kinds: ["exportCreate"]) { nodes { resultUrl } } }`},
	"Mutation.exportCreate": {mutation: "exportCreate", input: vars{"what": vars{"events": vars{}}, "format": "CSV"}},

	"Query.webhooks":               {query: `{ webhooks { id name url kinds state failures behind createdAt updatedAt etag } }`},
	"Webhook.deliveries":           {query: `{ webhooks { deliveries { totalCount nodes { messageId attempt at duration changeCount firstNumber lastNumber delivered } } } }`},
	"Mutation.webhookCreate":       {mutation: "webhookCreate", input: vars{"name": "Sync", "url": "https://sync.example.org/in?token=hush"}},
	"Mutation.webhookUpdate":       {mutation: "webhookUpdate", input: vars{"id": "$webhook", "kinds": []string{"USER"}}},
	"Mutation.webhookDelete":       {mutation: "webhookDelete", input: vars{"id": "$webhook"}},
	"Mutation.webhookRotateSecret": {mutation: "webhookRotateSecret", input: vars{"id": "$webhook"}},
	"Mutation.webhookResume":       {mutation: "webhookResume", input: vars{"id": "$webhook"}},

	"Mutation.mailRetry":      {mutation: "mailRetry", input: vars{"ids": []string{"$mail"}}},
	"Mutation.jobCancel":      {mutation: "jobCancel", input: vars{"id": "$open"}},
	"Mutation.jobRetryFailed": {mutation: "jobRetryFailed", input: vars{"id": "$job"}},
	"Mutation.jobRevert":      {mutation: "jobRevert", input: vars{"id": "$given"}},

	"Query.permissionDefinitions": {query: `{ permissionDefinitions { key area name description } }`},
	"Viewer.permissions":          {query: `{ viewer { permissions { permission { key } } } }`},
	"User.permissions":            {query: `{ viewer { user { permissions { sources { kind direct } } } } }`},
	"UserPermission.permission":   {query: `{ viewer { user { permissions { permission { key area name description } } } } }`},
	"UserPermission.sources":      {query: `{ viewer { user { permissions { sources { kind } } } } }`},
	"PermissionSource.group":      {query: `{ viewer { user { permissions { sources { group { id name } } } } } }`},
	"PermissionSource.via":        {query: `{ viewer { user { permissions { sources { via { id name } } } } } }`},
	"PermissionSource.path":       {query: `{ viewer { user { permissions { sources { path { id name } } } } } }`},
	"Group.permissions":           {query: of(`permissions { direct }`)},
	"GroupPermission.permission":  {query: of(`permissions { permission { key } }`)},
	"GroupPermission.via":         {query: of(`permissions { via { id } }`)},

	"Mutation.groupPermissionsSet": {mutation: "groupPermissionsSet", input: vars{"groupId": "$alone", "permissionKeys": []string{"reports.view"}}},

	"Mutation.groupUnnest": {mutation: "groupUnnest", input: vars{"parentId": "$sales", "childId": "$emea"}},
}
