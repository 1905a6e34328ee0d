package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/mail"
	"cohort/models"
	"cohort/store"
)

// deadMail makes a welcome to a product of the catalogue that was refused for good.
func (a *api) deadMail(user models.UserID) *models.Mail {
	a.t.Helper()
	return inAccount(a, func(tx *store.Tx) (*models.Mail, error) {
		var product models.Product
		if err := tx.Where("account_id = ?", a.account).Order("product_key").First(&product).Error; err != nil {
			return nil, err
		}
		m := models.Mail{
			UserID: user, Kind: models.MailKindWelcome, ProductID: product.ID, State: models.MailStateQueued,
			Content: models.MailContent{Product: product.Name, ProductKey: product.Key},
		}
		if err := mail.Post(tx, []models.Mail{m}); err != nil {
			return nil, err
		}
		mine := tx.Model(&models.Mail{}).Where("account_id = ? AND operation_id = ?", a.account, tx.Operation)
		if err := mine.Updates(map[string]any{"state": models.MailStateFailed, "attempts": 1, "last_error": "550 No such user"}).Error; err != nil {
			return nil, err
		}
		return &m, tx.Where("account_id = ? AND operation_id = ?", a.account, tx.Operation).Take(&m).Error
	})
}

func mails(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = models.NewID[models.MailID]().String()
	}
	return ids
}

func TestMails(t *testing.T) {
	a := newAPI(t)
	ann := a.person("ann@example.org", models.RoleMember)
	meeting := a.product("goto-meeting")
	dead := a.deadMail(ann.UserID)
	a.done("usersProductsSet", "job { id }", vars{"selection": vars{"ids": []string{ann.UserID.String()}}, "productKeys": []string{"goto-meeting"}, "mode": "ADD"})
	one := a.must(fmt.Sprintf(`{ node(id: %q) { __typename ... on Mail { kind state user { email } product { id } attempts lastError sentAt messageId } } }`, dead.ID), nil)
	want := vars{"node": vars{
		"__typename": "Mail", "kind": "WELCOME", "state": "FAILED", "user": vars{"email": "ann@example.org"}, "product": vars{"id": meeting.String()},
		"attempts": 1.0, "lastError": "550 No such user", "sentAt": nil, "messageId": dead.ID.String() + "@localhost",
	}}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}

	// Whose user and product are gone is listed all the same; a notice is to no product.
	a.done("productDelete", "deletedProductId", vars{"id": meeting.String(), "notifyUsers": false})
	a.done("userDelete", "deletedUserId", vars{"id": ann.UserID.String(), "notifyUsers": false})
	all := a.must(`{ mails { totalCount nodes { kind state user { email } product { id } } } failed: mails(state: FAILED) { totalCount nodes { id } } sent: mails(state: SENT) { totalCount nodes { id } } }`, nil)
	if n := get(all, "mails.totalCount"); n.(float64) < 2 {
		t.Errorf("%v mails", n)
	}
	for _, m := range get(all, "mails.nodes").([]any) {
		if get(m, "user") != nil || get(m, "product") != nil {
			t.Errorf("mail %v", m)
		}
	}
	if got := fmt.Sprint(get(all, "failed.totalCount"), texts(all, "failed.nodes.*.id"), get(all, "sent.totalCount")); got != fmt.Sprint(1, []string{dead.ID.String()}, 0) {
		t.Errorf("by state: %s", got)
	}
}

func TestPagesOfMails(t *testing.T) {
	a := newAPI(t)
	a.product("goto-meeting")
	var ids []string
	for range 5 {
		ids = append([]string{a.deadMail(a.admin.UserID).ID.String()}, ids...) // the newest first
	}
	cursors := texts(a.must(`{ mails { edges { cursor } } }`, nil), "mails.edges.*.cursor")
	for args, want := range map[string]string{
		`first: 100`:                            "0 1 2 3 4 false false",
		`first: 2, state: FAILED`:               "0 1 false true",
		`last: 2`:                               "3 4 true false",
		`first: 2, after: "` + cursors[1] + `"`: "2 3 true true",
		`last: 2, before: "` + cursors[2] + `"`: "0 1 false true",
		`first: 9, after: "` + cursors[0] + `", before: "` + cursors[3] + `"`: "1 2 true true",
	} {
		page := get(a.must(`{ mails(`+args+`) { totalCount nodes { id } pageInfo { hasPreviousPage hasNextPage } } }`, nil), "mails")
		got := ""
		for _, id := range texts(page, "nodes.*.id") {
			for i := range ids {
				if ids[i] == id {
					got += fmt.Sprint(i, " ")
				}
			}
		}
		if got += fmt.Sprint(get(page, "pageInfo.hasPreviousPage"), " ", get(page, "pageInfo.hasNextPage")); got != want || get(page, "totalCount") != 5.0 {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

func TestMailRetry(t *testing.T) {
	h := newHouse(t)
	woken := 0
	h.directory.OnMail(func() { woken++ })
	other := h.deadMail(h.admin.UserID).ID.String()
	const fields = `mails { id state attempts lastError } errors { code path params { name values } }`
	retry := func(ids ...string) any {
		return get(h.must(`mutation ($ids: [ID!]!) { mailRetry(input: {ids: $ids}) { `+fields+` } }`, vars{"ids": ids}), "mailRetry")
	}
	// One that is not there spoils it for all.
	h.unchanged(func() {
		want := vars{"mails": nil, "errors": []any{vars{"code": "NOT_FOUND", "path": []any{"input", "ids", "1"}, "params": []any{}}}}
		if diff := cmp.Diff(any(want), retry(h.ids["mail"], h.ids["foreignMail"])); diff != "" {
			t.Errorf("a foreign one (-want +got):\n%s", diff)
		}
	})
	again := func(id string) any {
		return vars{"id": id, "state": "QUEUED", "attempts": 0.0, "lastError": "550 No such user"}
	}
	if diff := cmp.Diff(any(vars{"mails": []any{again(other), again(h.ids["mail"])}, "errors": []any{}}), retry(other, h.ids["mail"], other)); diff != "" || woken != 1 {
		t.Errorf("two (-want +got):\n%s\nwoken %d times", diff, woken)
	}
	want := vars{"mails": nil, "errors": []any{vars{"code": "MAIL_NOT_FAILED", "path": []any{"input", "ids", "0"}, "params": []any{vars{"name": "state", "values": []any{"QUEUED"}}}}}}
	if diff := cmp.Diff(any(want), retry(other)); diff != "" || woken != 1 {
		t.Errorf("a queued one (-want +got):\n%s", diff)
	}
}

// Members learn nothing of mails, also not by their ids.
func TestMembersSeeNoMails(t *testing.T) {
	h := newHouse(t)
	h.callers["super"] = h.callers["member"]
	ask := func(id string) string {
		return strings.ReplaceAll(h.send(request{query: `{ node(id: "$` + id + `") { __typename } }`}).Text, h.ids[id], "ID")
	}
	if own, absent := ask("mail"), ask("absentMail"); own != absent || strings.Contains(own, "Mail") {
		t.Errorf("%s\n%s", own, absent)
	}
}
