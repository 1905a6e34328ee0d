package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"

	"cohort/directory"
	"cohort/models"
)

// mails are the mails that have come since it was asked last, in words: `m00 NOTICE +Pro -Central ~Rescue !`, what was
// added, removed and is waited for, and whether the user is suspended; `m00 WELCOME pro`.
func (f *firm) mails(seen map[models.MailID]bool) []string {
	f.Helper()
	var rows []models.Mail
	must(f, f.store.Read.Where("account_id = ?", f.boss.Account).Find(&rows).Error)
	users := map[models.UserID]string{}
	var all []*models.User
	must(f, f.store.Read.Where("account_id = ?", f.boss.Account).Find(&all).Error)
	for _, u := range all {
		users[u.ID], _, _ = strings.Cut(u.Email, "@")
	}
	words := []string{}
	for _, m := range rows {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		text := users[m.UserID] + " " + string(m.Kind)
		if m.State != models.MailStateQueued {
			text += " " + string(m.State)
		}
		text += listed("+", m.Content.Added) + listed("-", m.Content.Removed) + listed("~", m.Content.Waiting)
		if m.Content.Suspended {
			text += " !"
		}
		words = append(words, strings.TrimSuffix(text+" "+m.Content.ProductKey, " "))
	}
	slices.Sort(words)
	return words
}

func listed(sign string, names []string) (text string) {
	for _, name := range names {
		text += " " + sign + name
	}
	return text
}

// TestNotices reads off the outbox what people are told, in one story that is told twice: in the transaction of each
// change, and by jobs.
func TestNotices(t *testing.T) {
	for name, size := range map[string]int{"here": 2, "by jobs": 6} {
		t.Run(name, func(t *testing.T) {
			f := newFirm(t, size, directory.Options{})
			ctx, loud := t.Context(), models.EffectOptions{NotifyUsers: true}
			group := found(t, f.d, f.boss, "G")
			seen := map[models.MailID]bool{}
			f.product("rescue", new(int32(1)))
			must1 := func(_ any, err error) { t.Helper(); must(t, err) }
			set := func(mode models.ProductMode, o models.EffectOptions, keys ...string) {
				t.Helper()
				_, err := f.set(mode, ids(f.staff...), o, keys...)
				must(t, err)
			}
			token := func(mode models.ProductMode, keys ...string) models.EffectOptions {
				t.Helper()
				p, err := f.set(mode, ids(f.staff...), models.EffectOptions{DryRun: true}, keys...)
				must(t, err)
				return models.EffectOptions{NotifyUsers: true, ConfirmToken: p.Preview.ConfirmToken}
			}
			each := func(words ...string) (all []string) {
				for i := range size {
					for _, w := range words {
						all = append(all, fmt.Sprintf("m%02d %s", i, w))
					}
				}
				slices.Sort(all)
				return all
			}
			for _, step := range []struct {
				name string
				do   func()
				want []string
			}{
				{"what is new, with its instructions", func() { set(models.ProductModeAdd, loud, "goto-meeting", "pro") }, each("NOTICE +GoTo Meeting +Pro", "WELCOME goto-meeting")},
				{"what they have already", func() { set(models.ProductModeAdd, loud, "pro") }, nil},
				{"a replacement", func() { set(models.ProductModeReplace, loud, "central") }, each("NOTICE +Central -GoTo Meeting -Pro")},
				{"what they have had", func() { set(models.ProductModeAdd, loud, "goto-meeting") }, each("NOTICE +GoTo Meeting")},
				{"without a word, but for the instructions", func() { set(models.ProductModeAdd, models.EffectOptions{}, "openvoice") }, each("WELCOME openvoice")},
				{"the last of all", func() { set(models.ProductModeReplace, token(models.ProductModeReplace)) }, each("NOTICE -Central -GoTo Meeting -OpenVoice !")},
				{"tried out", func() {
					set(models.ProductModeAdd, models.EffectOptions{NotifyUsers: true, DryRun: true}, "pro", "goto-webinar")
				}, nil},
				{"one seat for all of them", func() { set(models.ProductModeAdd, loud, "rescue", "pro") }, notices(size, "+Pro +Rescue", "+Pro ~Rescue")},
				{"a seat that comes free, and what is new", func() { set(models.ProductModeReplace, loud, "hamachi") }, nil},
				{"a grant to the group, of which they become members", func() {
					must1(f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"pro", "goto-training"}, Mode: models.ProductModeReplace, EffectOptions: loud}))
					must1(f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff, EffectOptions: loud}))
				}, each("NOTICE +GoTo Training +Pro", "WELCOME goto-training")},
				{"a user who begins in the group", func() {
					must1(f.d.CreateUser(ctx, f.boss, models.UserCreateInput{Email: "new@example.org", Locale: models.LocaleFr, Role: models.RoleMember, GroupIds: []models.GroupID{group}, NotifyUsers: true}))
				}, []string{"new NOTICE +GoTo Training +Pro", "new WELCOME goto-training"}},
				{"and one who isn't told", func() {
					must1(f.d.CreateUser(ctx, f.boss, models.UserCreateInput{Email: "newer@example.org", Locale: models.LocaleFr, Role: models.RoleMember, GroupIds: []models.GroupID{group}}))
				}, []string{"newer WELCOME goto-training"}},
				{"what is refused", func() {
					_, err := f.d.SetUsersProducts(ctx, f.boss, models.UsersProductsSetInput{
						Selection: ids(append(slices.Clone(f.staff), models.NewID[models.UserID]())...), Mode: models.ProductModeAdd, ProductKeys: []string{"goto-webinar"}, ErrorPolicy: models.ErrorPolicyRejectAll, EffectOptions: loud,
					})
					refusedWith(t, err, models.CodeNotFound, fmt.Sprint("input.selection.ids.", size))
				}, nil},
			} {
				step.do()
				f.work()
				got := f.mails(seen)
				if step.name == "a seat that comes free, and what is new" {
					// Each loses what they had; whoever gets the seat of a moment is told nothing of it.
					for _, line := range got {
						if !strings.Contains(line, "NOTICE +Hamachi -Pro") {
							t.Errorf("%s: %s", step.name, line)
						}
					}
					if len(got) != size {
						t.Errorf("%s: %d mails: %v", step.name, len(got), got)
					}
					continue
				}
				if diff := cmp.Diff(append([]string{}, step.want...), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", step.name, diff)
				}
			}
			must1(f.d.UpdateProduct(ctx, f.boss, models.ProductUpdateInput{ID: f.product("rescue", nil), Seats: graphql.OmittableOf(new(int32(9)))}))
			checkStored(t, f.store, f.boss.Account)
		})
	}
}

// notices are one for each of so many users, the first of whom has another one.
func notices(size int, first, others string) (all []string) {
	for i := range size {
		what := others
		if i == 0 {
			what = first
		}
		all = append(all, fmt.Sprintf("m%02d NOTICE %s", i, what))
	}
	return all
}

// TestOneNoticeForAJob has a later part of a job free a seat for somebody whose turn has been: they are told once of both.
func TestOneNoticeForAJob(t *testing.T) {
	f := newFirm(t, 6, directory.Options{})
	ctx := t.Context()
	f.product("rescue", new(int32(1)))
	group := found(t, f.d, f.boss, "G")
	f.mustSet(models.ProductModeAdd, ids(f.staff[5]), "rescue")
	_, err := f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"rescue"}, Mode: models.ProductModeAdd})
	must(t, err)
	_, err = f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[:1]})
	must(t, err)
	f.work()
	seen := map[models.MailID]bool{}
	f.mails(seen)
	_, err = f.set(models.ProductModeReplace, ids(f.staff...), models.EffectOptions{NotifyUsers: true}, "hamachi")
	must(t, err)
	f.work()
	want := append([]string{"m00 NOTICE +Hamachi +Rescue"}, notices(6, "", "+Hamachi")[1:]...)
	want[5] = "m05 NOTICE +Hamachi -Rescue"
	if diff := cmp.Diff(want, f.mails(seen)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
