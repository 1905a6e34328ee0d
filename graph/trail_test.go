package graph_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// trails has for each mutation what it writes down: an entry of the log and of the feed for each subject, told
// in words; nil for what is nobody else's matter, and leaves none. What has a log entry alone begins with LOG. `again` says what the same input answers a second time, when nothing is written.
var trails = map[string]struct {
	input vars
	want  []string
	again string // a user error, or "" for none
}{
	"userCreate":           {vars{"email": "new@example.org", "groupIds": []string{"$alone"}}, []string{"USER SET new", "MEMBERSHIP SET new in Alone"}, "EMAIL_TAKEN"},
	"usersCreate":          {vars{"users": []vars{{"email": "a@example.org"}, {"email": "b@example.org"}}}, []string{"USER SET a", "USER SET b"}, "EMAIL_TAKEN"},
	"userUpdate":           {vars{"id": "$ann", "givenName": "Ann"}, []string{"USER SET ann"}, ""},
	"userDelete":           {vars{"id": "$ann"}, []string{"MEMBERSHIP REMOVED ann in EMEA", "USER REMOVED ann"}, "NOT_FOUND"},
	"userRoleSet":          {vars{"id": "$ann", "role": "ADMIN"}, []string{"USER SET ann"}, ""},
	"usersSuspend":         {vars{"selection": vars{"ids": []string{"$ann", "$member", "$idle"}}}, []string{"STATUS SET ann", "STATUS SET member"}, ""},
	"usersResume":          {vars{"selection": vars{"ids": []string{"$ann", "$idle"}}}, []string{"STATUS SET idle"}, ""},
	"userGroupsUpdate":     {vars{"userId": "$ann", "addGroupIds": []string{"$alone", "$emea"}, "removeGroupIds": []string{"$sales"}}, []string{"MEMBERSHIP SET ann in Alone"}, ""},
	"groupCreate":          {vars{"name": "New", "memberIds": []string{"$ann"}, "parentIds": []string{"$sales"}}, []string{"GROUP SET New", "NESTING SET New in Sales", "MEMBERSHIP SET ann in New"}, "NAME_TAKEN"},
	"groupUpdate":          {vars{"id": "$emea", "priority": 5, "addMemberIds": []string{"$member"}, "removeMemberIds": []string{"$ann"}, "addParentIds": []string{"$alone"}, "removeParentIds": []string{"$sales"}}, []string{"GROUP SET EMEA", "MEMBERSHIP SET member in EMEA", "MEMBERSHIP REMOVED ann in EMEA", "NESTING SET EMEA in Alone", "NESTING REMOVED EMEA in Sales"}, ""},
	"groupDelete":          {vars{"id": "$emea"}, []string{"MEMBERSHIP REMOVED ann in EMEA", "NESTING REMOVED EMEA in Sales", "NESTING REMOVED North in EMEA", "GROUP REMOVED EMEA"}, "NOT_FOUND"},
	"groupsDelete":         {vars{"selection": vars{"ids": []string{"$emea", "$north", "$absentGroup"}}}, []string{"MEMBERSHIP REMOVED ann in EMEA", "NESTING REMOVED EMEA in Sales", "NESTING REMOVED North in EMEA", "GROUP REMOVED EMEA", "GROUP REMOVED North"}, ""},
	"groupMembersAdd":      {vars{"groupIds": []string{"$alone", "$emea"}, "userIds": []string{"$ann", "$member"}}, []string{"MEMBERSHIP SET ann in Alone", "MEMBERSHIP SET member in Alone", "MEMBERSHIP SET member in EMEA"}, ""},
	"groupMembersRemove":   {vars{"groupIds": []string{"$sales", "$emea"}, "userIds": []string{"$ann", "$member"}}, []string{"MEMBERSHIP REMOVED ann in EMEA", "MEMBERSHIP REMOVED member in Sales"}, ""},
	"usersProductsSet":     {vars{"selection": vars{"ids": []string{"$ann"}}, "productKeys": []string{"goto-meeting"}, "mode": "ADD"}, []string{"LOG ASSIGNMENT SET ann in goto-meeting", "PRODUCT SET ann in goto-meeting"}, ""},
	"userProductBlocksSet": {vars{"userId": "$ann", "productKeys": []string{"goto-room"}, "blocked": true}, []string{"LOG BLOCK SET ann in goto-room"}, ""},
	"groupProductsSet":     {vars{"groupId": "$emea", "productKeys": []string{"goto-room"}}, []string{"LOG GRANT SET EMEA in goto-room", "PRODUCT SET ann in goto-room"}, ""},
	"groupsProductsSet":    {vars{"selection": vars{"ids": []string{"$emea", "$north"}}, "productKeys": []string{"goto-room"}}, []string{"LOG GRANT SET EMEA in goto-room", "LOG GRANT SET North in goto-room", "PRODUCT SET ann in goto-room"}, ""},
	"groupPermissionsSet":  {vars{"groupId": "$emea", "permissionKeys": []string{"reports.view", "devices.manage"}}, []string{"LOG PERMISSION SET EMEA"}, ""},
	"productCreate":        {vars{"key": "new", "name": "New"}, []string{"LOG CATALOGUE SET New"}, "KEY_TAKEN"},
	"productUpdate":        {vars{"id": "$room", "seats": 5}, []string{"LOG CATALOGUE SET goto-room"}, ""},
	"productDelete":        {vars{"id": "$room"}, []string{"LOG CATALOGUE REMOVED goto-room"}, "NOT_FOUND"},
	"accountSettingsSet":   {vars{"settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}, {"key": "meeting.lock"}}}, []string{"LOG ACCOUNT_SETTING SET "}, ""},
	"groupSettingsSet":     {vars{"groupId": "$emea", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}, []string{"LOG GROUP_SETTING SET EMEA"}, ""},
	"groupsSettingsSet":    {vars{"selection": vars{"ids": []string{"$emea", "$north"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}, []string{"LOG GROUP_SETTING SET EMEA", "LOG GROUP_SETTING SET North"}, ""},
	"userSettingsSet":      {vars{"userId": "$ann", "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}, []string{"LOG USER_SETTING SET ann"}, ""},
	"usersSettingsSet":     {vars{"selection": vars{"ids": []string{"$ann", "$member"}}, "settings": []vars{{"key": "meeting.chat", "value": vars{"choice": "OFF"}}}}, []string{"LOG USER_SETTING SET ann", "LOG USER_SETTING SET member"}, ""},
	"mailRetry":            {vars{"ids": []string{"$mail", "$mail"}}, []string{"LOG MAIL SET a mail"}, "MAIL_NOT_FAILED"},
	"partnerClientCreate":  {vars{"name": "Billing", "scopes": []string{"USERS_READ"}}, []string{"LOG PARTNER_CLIENT SET Billing"}, "NAME_TAKEN"},
	"partnerClientRotate":  {vars{"id": "$partner"}, []string{"LOG PARTNER_CLIENT SET Partner"}, anew},
	"partnerClientRevoke":  {vars{"id": "$partner"}, []string{"LOG PARTNER_CLIENT REMOVED Partner"}, "NOT_FOUND"},
	"webhookCreate":        {vars{"name": "Sync", "url": "https://sync.example.org/in?token=hush"}, []string{"LOG WEBHOOK SET Sync"}, "NAME_TAKEN"},
	"webhookUpdate":        {vars{"id": "$webhook", "url": "https://hook.example.org/other"}, []string{"LOG WEBHOOK SET Hook"}, ""},
	"webhookDelete":        {vars{"id": "$webhook"}, []string{"LOG WEBHOOK REMOVED Hook"}, "NOT_FOUND"},
	"webhookRotateSecret":  {vars{"id": "$webhook"}, []string{"LOG WEBHOOK SET Hook"}, anew},
	"webhookResume":        {vars{"id": "$webhook"}, []string{"LOG WEBHOOK SET Hook"}, ""},
	"jobCancel":            {vars{"id": "$open"}, []string{"LOG JOB SET usersProductsSet"}, ""},
	"jobRetryFailed":       {vars{"id": "$job", "idempotencyKey": "k"}, []string{"LOG JOB SET usersProductsSet in usersProductsSet"}, ""},
	"jobRevert":            {vars{"id": "$given"}, []string{"LOG ASSIGNMENT REMOVED ann in goto-meeting", "PRODUCT REMOVED ann in goto-meeting", "STATUS SET ann"}, ""},
	"exportCreate":         {vars{"what": vars{"groups": vars{"selection": vars{"ids": []string{"$emea"}}}}, "format": "XLSX", "idempotencyKey": "k"}, []string{"LOG JOB SET exportCreate"}, ""},
	"tableViewSave":        {vars{"users": vars{"pageSize": 30}}, nil, ""}, // what one looks at is one's own matter
	"tableViewDelete":      {vars{"table": "USERS"}, nil, ""},
	"groupNest":            {vars{"parentId": "$alone", "childId": "$emea"}, []string{"NESTING SET EMEA in Alone"}, ""},
	"groupUnnest":          {vars{"parentId": "$sales", "childId": "$emea"}, []string{"NESTING REMOVED EMEA in Sales"}, ""},
}

// anew is for what changes something each time.
const anew = "again and again"

func TestEveryMutationLeavesATrail(t *testing.T) {
	var want []string
	for _, field := range contract(t).Mutation.Fields {
		want = append(want, field.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(mapKeys(trails))); diff != "" {
		t.Errorf("mutations (-schema +tried):\n%s", diff)
	}
	for mutation, tt := range trails {
		t.Run(mutation, func(t *testing.T) {
			h := rightsHouse(t, "super")
			h.readyFor("Mutation." + mutation)
			names := h.names() // before something is deleted
			since := h.feed(0)
			who := h.admin
			who.RequestID = "request-" + mutation
			h.callers["super"] = who
			r := request{mutation: mutation, input: tt.input}
			logged := h.dump()["audit_events"]
			if wrong, first := complaints(h.send(r)); wrong != "" {
				t.Fatalf("refused: %s: %s", wrong, first)
			}
			for id, name := range h.names() {
				names[id] = name
			}
			changes := h.feed(int64(len(since)))
			told := make([]string, len(changes))
			for i, c := range changes {
				told[i] = tell(names, c.Entity, c.ChangeType, c.SubjectID, c.ObjectID)
				if want := int64(len(since) + i + 1); c.Seq != want {
					t.Errorf("number %d, want %d", c.Seq, want)
				}
			}
			var events []audit.Event
			if tt.want != nil {
				events = h.audited(who, "Mutation."+mutation, changes)
			} else if diff := cmp.Diff(logged, h.dump()["audit_events"]); diff != "" {
				t.Errorf("the log (-before +after):\n%s", diff)
			}
			for _, e := range events {
				kind := audit.Set
				if e.AfterData == nil {
					kind = audit.Removed
				}
				told = append(told, "LOG "+tell(names, e.SubjectType, kind, e.SubjectID, e.ObjectID))
			}
			sorted := slices.Sorted(slices.Values(told))
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, sorted); diff != "" {
				t.Errorf("feed and log (-want +got):\n%s", diff)
			}
			if tt.again == anew {
				return
			}
			h.unchanged(func() {
				wrong, _ := complaints(h.send(r))
				if code, _, _ := strings.Cut(wrong, " "); code != tt.again {
					t.Errorf("again: %s", wrong)
				}
			})
		})
	}
}

// names are those of all users, without the domain, and of all groups, by their bytes.
func (h *house) names() map[string]string {
	h.t.Helper()
	names := map[string]string{}
	data := h.must(`{ users(first: 100) { nodes { id email } } groups(first: 100) { nodes { id name } } products { id name } jobs(first: 100) { nodes { id kind status } } mails(first: 100) { nodes { id state } } partnerClients { id name } webhooks { id name } }`, nil)
	for _, u := range get(data, "users.nodes").([]any) {
		id, err := models.ParseUserID(get(u, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = strings.TrimSuffix(get(u, "email").(string), "@example.org")
	}
	for _, g := range get(data, "groups.nodes").([]any) {
		id, err := models.ParseGroupID(get(g, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = get(g, "name").(string)
	}
	for _, m := range get(data, "mails.nodes").([]any) {
		id, err := models.ParseMailID(get(m, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = "a mail"
	}
	for _, j := range get(data, "jobs.nodes").([]any) {
		id, err := models.ParseJobID(get(j, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = get(j, "kind").(string)
	}
	for _, p := range get(data, "products").([]any) {
		id, err := models.ParseProductID(get(p, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = get(p, "name").(string)
	}
	for _, p := range get(data, "partnerClients").([]any) {
		id, err := models.ParsePartnerClientID(get(p, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = get(p, "name").(string)
	}
	for _, w := range get(data, "webhooks").([]any) {
		id, err := models.ParseWebhookID(get(w, "id").(string))
		if err != nil {
			h.t.Fatal(err)
		}
		names[string(id[:])] = get(w, "name").(string)
	}
	return names
}

func tell(names map[string]string, entity, change string, subject, object []byte) string {
	text := entity + " " + change + " " + names[string(subject)]
	if len(object) > 0 {
		text += " in " + names[string(object)]
	}
	return text
}

// feed are the entries after a number, which the account must have counted.
func (h *house) feed(since int64) []audit.Change {
	h.t.Helper()
	var changes []audit.Change
	if err := h.store.Read.Where("account_id = ? AND seq > ?", h.account, since).Order("seq").Find(&changes).Error; err != nil {
		h.t.Fatal(err)
	}
	var account models.Account
	if err := h.store.Read.Where("id = ?", h.account).Take(&account).Error; err != nil {
		h.t.Fatal(err)
	}
	if want := since + int64(len(changes)); account.FeedSeq != want {
		h.t.Errorf("the account has counted %d entries of %d", account.FeedSeq, want)
	}
	return changes
}

// alone are the subjects that the log has and the feed hasn't.
var alone = []string{audit.Assignment, audit.Block, audit.Grant, audit.Permission, audit.Waiting, audit.Catalogue, audit.Job, audit.Mail, audit.AccountSetting, audit.GroupSetting, audit.UserSetting, audit.PartnerClient, audit.Webhook}

// audited holds the log of one operation against its feed: one event for the operation, one for each subject. It
// gives those that the log has alone.
func (h *house) audited(who auth.Caller, action string, changes []audit.Change) (logged []audit.Event) {
	h.t.Helper()
	var events []audit.Event
	err := h.store.Read.Where("account_id = ? AND request_id = ?", h.account, who.RequestID).Order("id").Find(&events).Error
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		if slices.Contains(alone, e.SubjectType) {
			logged = append(logged, e)
		}
	}
	if len(events) != len(changes)+len(logged)+1 {
		h.t.Fatalf("%d events for %d changes and %d subjects of the log alone", len(events), len(changes), len(logged))
	}
	count := h.rows("SELECT COUNT(*) AS n FROM audit_events WHERE account_id = ? AND request_id = '" + who.RequestID + "'")
	if want := fmt.Sprintf("[map[n:%d]]", len(events)); fmt.Sprint(count) != want {
		h.t.Errorf("events of the request: %v, want %s", count, want)
	}
	about := map[string]audit.Event{}
	for _, e := range events {
		if e.Action != action || e.RequestID != who.RequestID || e.ActorKind != "USER" || e.ActorID == nil || *e.ActorID != who.UserID {
			h.t.Errorf("an event by %s %v in %s of %s", e.ActorKind, e.ActorID, e.RequestID, e.Action)
		}
		if !e.At.Equal(events[0].At) {
			h.t.Errorf("one event is of %s, another of %s", e.At, events[0].At)
		}
		if e.SubjectType == "" && (len(e.SubjectID)+len(e.ObjectID) > 0 || e.BeforeData != nil || e.AfterData != nil) {
			h.t.Errorf("the operation's event is about %x %x", e.SubjectID, e.ObjectID)
		}
		about[e.SubjectType+string(e.SubjectID)+string(e.ObjectID)] = e
	}
	if _, ok := about[""]; !ok || len(about) != len(events) {
		h.t.Errorf("%d events about %d things, of the operation itself: %v", len(events), len(about), ok)
	}
	for _, c := range changes {
		e, ok := about[c.Entity+string(c.SubjectID)+string(c.ObjectID)]
		switch {
		case !ok:
			h.t.Errorf("no event about %s %x", c.Entity, c.SubjectID)
		case !c.At.Equal(e.At):
			h.t.Errorf("the event is of %s, the change of %s", e.At, c.At)
		case c.OperationID != events[0].OperationID:
			h.t.Errorf("a change of another operation")
		case (c.ChangeType == audit.Removed) != (e.AfterData == nil):
			h.t.Errorf("%s %s with %v afterwards", c.Entity, c.ChangeType, e.AfterData)
		case e.BeforeData == nil && e.AfterData == nil, e.BeforeData != nil && e.AfterData != nil && *e.BeforeData == *e.AfterData:
			h.t.Errorf("nothing is different about %s", c.Entity)
		case !sameJSON(c.Payload, e.AfterData):
			h.t.Errorf("the feed says %v, the log %v", c.Payload, e.AfterData)
		}
	}
	return logged
}

func sameJSON(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	var x, y any
	return json.Unmarshal([]byte(*a), &x) == nil && json.Unmarshal([]byte(*b), &y) == nil && reflect.DeepEqual(x, y)
}

// What was before and what is after, as the log keeps it.
func TestBeforeAndAfter(t *testing.T) {
	h := newHouse(t)
	for name, tt := range map[string]struct {
		mutation      string
		input         vars
		entity        string
		before, after any
	}{
		"a user": {
			"userUpdate",
			vars{"id": "$ann", "givenName": "Ann", "familyName": "Lee", "locale": "FR"},
			"USER",
			vars{"email": "ann@example.org", "givenName": "", "familyName": "", "displayName": "ann@example.org", "locale": "EN", "role": "MEMBER", "status": "INVITED", "statusReasons": []any{}},
			vars{"email": "ann@example.org", "givenName": "Ann", "familyName": "Lee", "displayName": "Ann Lee", "locale": "FR", "role": "MEMBER", "status": "INVITED", "statusReasons": []any{}},
		},
		"a status": {
			"usersSuspend",
			vars{"selection": vars{"ids": []string{"$member"}}},
			"STATUS",
			vars{"status": "INVITED", "statusReasons": []any{}},
			vars{"status": "SUSPENDED", "statusReasons": []any{"MANUAL"}},
		},
		"a group": {
			"groupUpdate",
			vars{"id": "$sales", "name": "Vente", "description": "All\nof them", "priority": 7},
			"GROUP",
			vars{"name": "Sales", "description": "", "priority": 0.0},
			vars{"name": "Vente", "description": "All\nof them", "priority": 7.0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			since := int64(len(h.feed(0)))
			if wrong, _ := complaints(h.send(request{mutation: tt.mutation, input: tt.input})); wrong != "" {
				t.Fatal(wrong)
			}
			changes := h.feed(since)
			if len(changes) != 1 || changes[0].Entity != tt.entity {
				t.Fatalf("feed %v", changes)
			}
			var event audit.Event
			err := h.store.Read.Where("account_id = ? AND operation_id = ? AND subject_type = ?", h.account, changes[0].OperationID, tt.entity).Take(&event).Error
			if err != nil {
				t.Fatal(err)
			}
			for what, pair := range map[string][2]any{"before": {tt.before, event.BeforeData}, "after": {tt.after, event.AfterData}} {
				var got any
				if err := json.Unmarshal([]byte(*pair[1].(*string)), &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(pair[0], got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

// Under REJECT_FAILED only the good rows leave a trail.
func TestTrailOfTheGoodRows(t *testing.T) {
	h := newHouse(t)
	since := int64(len(h.feed(0)))
	h.send(request{mutation: "usersCreate", input: vars{"errorPolicy": "REJECT_FAILED", "users": []vars{{"email": "good@example.org"}, {"email": "bad"}, {"email": "ann@example.org"}}}})
	changes, names := h.feed(since), h.names()
	if len(changes) != 1 || tell(names, changes[0].Entity, changes[0].ChangeType, changes[0].SubjectID, nil) != "USER SET good" {
		t.Errorf("feed %v", changes)
	}
}
