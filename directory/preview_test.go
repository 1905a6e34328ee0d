package directory_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/directory"
	"cohort/models"
)

// TestBrake has a change stopped that would suspend too many, here and by a job.
func TestBrake(t *testing.T) {
	f := newFirm(t, 40, directory.Options{})
	for part := range slices.Chunk(f.staff, 4) {
		f.mustSet(models.ProductModeAdd, ids(part...), "pro")
	}
	must(t, f.mayTake(f.staff[:10], nil)) // no more than ten
	must(t, f.mayTake(f.staff[10:14], nil))
	f.work()
	for part := range slices.Chunk(f.staff[:14], 4) {
		f.mustSet(models.ProductModeAdd, ids(part...), "pro")
	}
	refusedWith(t, f.mayTake(f.staff[:20], nil), models.CodeConfirmationRequired, "input.confirmToken")
	p, err := f.set(models.ProductModeRemove, ids(f.staff[:20]...), models.EffectOptions{DryRun: true}, "pro")
	must(t, err)
	token := p.Preview.ConfirmToken
	if token == nil || p.Preview.Impact.Suspended != 20 || len(p.Preview.Rows) != 20 || p.Preview.Counts.Changed != 20 {
		t.Fatalf("preview %+v", p.Preview)
	}
	refusedWith(t, f.mayTake(f.staff[:21], token), models.CodeConfirmationRequired, "input.confirmToken")
	refusedWith(t, f.mayTake(f.staff[:20], new("x"+*token)), models.CodeConfirmationRequired, "input.confirmToken")
	other := hire(t, f.d, f.boss, "other@example.org", models.RoleAdmin)
	_, err = f.d.SetUsersProducts(t.Context(), other, models.UsersProductsSetInput{
		Selection: ids(f.staff[:20]...), Mode: models.ProductModeRemove, ProductKeys: []string{"pro"}, BlockInherited: new(false),
		ErrorPolicy: models.ErrorPolicyRejectFailed, EffectOptions: models.EffectOptions{ConfirmToken: token},
	})
	refusedWith(t, err, models.CodeConfirmationRequired, "input.confirmToken")
	f.mustSet(models.ProductModeAdd, ids(f.staff[0]), "central") // who keeps something now
	refusedWith(t, f.mayTake(f.staff[:20], token), models.CodeConfirmationRequired, "input.confirmToken")
	f.mustSet(models.ProductModeRemove, ids(f.staff[0]), "central")
	must(t, f.mayTake(f.staff[:20], token))
	f.work()
	if got := f.has(f.staff[19], f.staff[20]); got != "SUSPENDED, pro" {
		t.Errorf("in the end: %s", got)
	}
	_, err = f.d.SuspendUsers(t.Context(), f.boss, models.UsersSuspendInput{Selection: ids(f.staff[20:35]...)})
	refusedWith(t, err, models.CodeConfirmationRequired, "input.confirmToken")
	checkStored(t, f.store, f.boss.Account)
}

func (f *firm) mayTake(from []models.UserID, token *string) error {
	_, err := f.set(models.ProductModeRemove, ids(from...), models.EffectOptions{ConfirmToken: token}, "pro")
	return err
}

// TestDryRuns has every mutation tried out that can take something away: nothing is different, and no mail is written.
func TestDryRuns(t *testing.T) {
	for _, members := range []int{3, 7} { // here, and by a job
		f := newFirm(t, members, directory.Options{})
		ctx, dry := context.WithoutCancel(t.Context()), models.EffectOptions{DryRun: true, NotifyUsers: true}
		group := found(t, f.d, f.boss, "G")
		_, err := f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff})
		must(t, err)
		_, err = f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"pro"}, Mode: models.ProductModeAdd})
		must(t, err)
		f.work()
		for name, do := range map[string]func() (models.Effects, error){
			"groupMembersRemove": func() (models.Effects, error) {
				p, err := f.d.RemoveMembers(ctx, f.boss, models.GroupMembersRemoveInput{GroupIds: []models.GroupID{group}, UserIds: f.staff, EffectOptions: dry})
				return p.Effects, err
			},
			"groupDelete": func() (models.Effects, error) {
				p, err := f.d.DeleteGroup(ctx, f.boss, models.GroupDeleteInput{ID: group, EffectOptions: dry})
				return p.Effects, err
			},
			"groupProductsSet": func() (models.Effects, error) {
				p, err := f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{}, Mode: models.ProductModeReplace, EffectOptions: dry})
				return p.Effects, err
			},
		} {
			before, err := readContents(ctx, f.store, f.boss.Account, true)
			must(t, err)
			got, err := do()
			must(t, err)
			after, err := readContents(ctx, f.store, f.boss.Account, true)
			must(t, err)
			if diff := difference(before, after); diff != "" {
				t.Errorf("%s has changed something:\n%s", name, diff)
			}
			if i := got.Preview.Impact; int(i.Losing) != members || int(i.Suspended) != members || int(i.Notices) != members || len(got.Preview.Rows) != members {
				t.Errorf("%s of %d: %+v, %d rows", name, members, i, len(got.Preview.Rows))
			}
			if got.Job == nil || !got.Job.DryRun || got.Job.State != models.JobStateSucceeded {
				t.Errorf("%s: job %+v", name, got.Job)
			}
			_, err = f.d.RevertJob(ctx, f.boss, models.JobRevertInput{ID: got.Job.ID})
			refusedWith(t, err, models.CodeNotRevertible, "input.id")
		}
	}
}

func difference(before, after *contents) string {
	return cmp.Diff(before, after, cmp.AllowUnexported(contents{}))
}
