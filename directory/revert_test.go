package directory_test

import (
	"strings"
	"testing"

	"cohort/directory"
	"cohort/models"
)

// TestRevert takes back what jobs have changed, but not what somebody has changed since.
func TestRevert(t *testing.T) {
	f := newFirm(t, 6, directory.Options{})
	ctx := t.Context()
	revert := func(job *models.Job) *models.Job {
		t.Helper()
		p, err := f.d.RevertJob(ctx, f.boss, models.JobRevertInput{ID: job.ID})
		must(t, err)
		f.work()
		return f.job(p.Job.ID)
	}
	for _, users := range [][]models.UserID{f.staff[:3], f.staff} { // here, and by a job
		f.mustSet(models.ProductModeReplace, ids(users...), "pro")
		f.work()
		job := f.mustSet(models.ProductModeReplace, ids(users...), "central", "rescue")
		f.work()
		f.mustSet(models.ProductModeRemove, ids(users[1]), "rescue")
		back := revert(job)
		if got := f.outcomes(back.ID); got != "CHANGED CHANGED_SINCE"+strings.Repeat(" CHANGED", len(users)-2) {
			t.Errorf("outcomes %s", got)
		}
		if got := f.has(users[:3]...); got != "pro, central, pro" {
			t.Errorf("back again: %s", got)
		}
		f.mustSet(models.ProductModeAdd, ids(users[1]), "rescue")
		forth := revert(back)
		if got := f.has(users[:3]...); got != "central rescue, central rescue, central rescue" || forth.Failed != 0 {
			t.Errorf("and forth: %s, %+v", got, forth)
		}
		again, err := f.d.RetryJob(ctx, f.boss, models.JobRetryFailedInput{ID: back.ID})
		must(t, err)
		f.work()
		if got := f.has(users[:3]...); got != "central rescue, pro, central rescue" {
			t.Errorf("the failed row once more: %s, %+v", got, f.job(again.Job.ID))
		}
		_, err = f.d.RevertJob(ctx, f.boss, models.JobRevertInput{ID: models.NewID[models.JobID]()})
		refusedWith(t, err, models.CodeNotFound, "input.id")
	}
	group := found(t, f.d, f.boss, "G")
	added, err := f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[:3]})
	must(t, err)
	granted, err := f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"hamachi"}, Mode: models.ProductModeAdd})
	must(t, err)
	revert(granted.Job)
	if got := f.has(f.staff[0]); got != "central rescue" {
		t.Errorf("without the grant: %s", got)
	}
	left, err := f.d.RemoveMembers(ctx, f.boss, models.GroupMembersRemoveInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[1:2]})
	must(t, err)
	if left.Job != nil {
		t.Errorf("a single row is told as a job: %+v", left.Job)
	}
	if got := f.outcomes(revert(added.Job).ID); got != "CHANGED_SINCE CHANGED CHANGED" {
		t.Errorf("memberships: %s", got)
	}
	suspended, err := f.d.SuspendUsers(ctx, f.boss, models.UsersSuspendInput{Selection: ids(f.staff[:5]...)})
	must(t, err)
	f.work()
	revert(suspended.Job)
	if got := f.has(f.staff[4]); got != "central rescue" {
		t.Errorf("resumed: %s", got)
	}
	deleted, err := f.d.DeleteGroup(ctx, f.boss, models.GroupDeleteInput{ID: group, EffectOptions: models.EffectOptions{IdempotencyKey: new("k")}})
	must(t, err)
	_, err = f.d.RevertJob(ctx, f.boss, models.JobRevertInput{ID: deleted.Job.ID})
	refusedWith(t, err, models.CodeNotRevertible, "input.id")
	checkStored(t, f.store, f.boss.Account)
}
