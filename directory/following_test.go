package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// firm is an account of a boss and some members, in which a change of more than four users is a job's, two users at a
// time.
type firm struct {
	testing.TB
	store *store.Store
	d     *directory.Directory
	boss  auth.Caller
	staff []models.UserID
}

// newFirm has so many members; its jobs wait until work is called.
func newFirm(t testing.TB, members int, o directory.Options) *firm {
	t.Helper()
	s := storetest.Open(t)
	o.InPlace = 4
	d, err := directory.New(s, o)
	must(t, err)
	f := &firm{TB: t, store: s, d: d, boss: foundAccount(t, d)}
	for i := range members {
		f.staff = append(f.staff, hire(t, d, f.boss, fmt.Sprintf("m%02d@example.org", i), models.RoleMember).UserID)
	}
	return f
}

// work has a server's workers do what there is to do.
func (f *firm) work() {
	f.Helper()
	drain, stop := working[testing.TB](f.TB, f.store, f.d, f.boss.Account)
	defer stop()
	drain(f.TB)
}

func ids(users ...models.UserID) *models.UserSelection { return &models.UserSelection{Ids: users} }

func (f *firm) set(mode models.ProductMode, selection *models.UserSelection, o models.EffectOptions, keys ...string) (*models.UsersProductsSetPayload, error) {
	return f.d.SetUsersProducts(f.Context(), f.boss, models.UsersProductsSetInput{
		Selection: selection, Mode: mode, ProductKeys: append([]string{}, keys...), BlockInherited: new(false),
		ErrorPolicy: models.ErrorPolicyRejectFailed, EffectOptions: o,
	})
}

func (f *firm) mustSet(mode models.ProductMode, selection *models.UserSelection, keys ...string) *models.Job {
	f.Helper()
	p, err := f.set(mode, selection, models.EffectOptions{}, keys...)
	must(f, err)
	return p.Job
}

func (f *firm) product(key string, seats *int32) models.ProductID {
	f.Helper()
	p, err := f.d.Product(f.Context(), f.boss, models.ProductBy{Key: &key})
	must(f, err)
	if seats != nil {
		_, err := f.d.UpdateProduct(f.Context(), f.boss, models.ProductUpdateInput{ID: p.ID, Seats: graphql.OmittableOf(seats)})
		must(f, err)
	}
	return p.ID
}

// has tells what users have: keys in order, those waited for in brackets, and a status that is not INVITED.
func (f *firm) has(users ...models.UserID) string {
	f.Helper()
	lists, err := f.d.ProductsOf(f.Context(), f.boss, users, models.ProductSourceAll)
	must(f, err)
	rows, err := f.d.UsersByID(f.Context(), f.boss, users)
	must(f, err)
	var all []string
	for i, list := range lists {
		var words []string
		for _, p := range list {
			switch p.State {
			case models.ProductStateEnabled:
				words = append(words, p.Product.Key)
			case models.ProductStateNoSeat:
				words = append(words, "("+p.Product.Key+")")
			}
		}
		if rows[i].Status != models.UserStatusInvited {
			words = append(words, string(rows[i].Status))
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, ", ")
}

func (f *firm) job(id models.JobID) *models.Job {
	f.Helper()
	job, err := f.d.Job(f.Context(), f.boss, id)
	must(f, err)
	return job
}

// outcomes are the outcomes of a job's rows, in order.
func (f *firm) outcomes(id models.JobID) string {
	f.Helper()
	pages, err := f.d.JobResults(f.Context(), f.boss, []models.JobID{id}, nil, models.PageArgs{First: new(int32(100))})
	must(f, err)
	var words []string
	for _, result := range pages[0].Nodes() {
		words = append(words, string(result.Outcome))
	}
	return strings.Join(words, " ")
}

func refusedWith(t testing.TB, err error, code models.ErrorCode, path string) {
	t.Helper()
	var errs models.Errors
	var one *models.Error
	switch {
	case errors.As(err, &errs):
		one = errs[0]
	case !errors.As(err, &one):
		t.Fatalf("error %v, want %s", err, code)
	}
	if one.Code != code || strings.Join(one.Path, ".") != path {
		t.Fatalf("error %s at %s: %s, want %s at %s", one.Code, strings.Join(one.Path, "."), one.Message, code, path)
	}
}

func all() *models.UserSelection { return &models.UserSelection{All: new(true)} }

func TestManyAreAJobs(t *testing.T) {
	f := newFirm(t, 9, directory.Options{})
	ghost := models.NewID[models.UserID]()
	job := f.mustSet(models.ProductModeReplace, ids(append(slices.Clone(f.staff), ghost)...), "pro")
	if job.State != models.JobStateQueued || job.Total != 10 || f.has(f.staff...) != strings.Repeat(", ", 8) {
		t.Fatalf("before its turn: %+v, %s", job, f.has(f.staff...))
	}
	f.work()
	job = f.job(job.ID)
	if job.State != models.JobStatePartlyFailed || job.Changed != 9 || job.Failed != 1 {
		t.Errorf("job %+v", job)
	}
	if got := f.outcomes(job.ID); got != strings.Repeat("CHANGED ", 9)+"NOT_FOUND" {
		t.Errorf("outcomes %s", got)
	}
	if got := f.has(f.staff...); got != strings.TrimSuffix(strings.Repeat("pro, ", 9), ", ") {
		t.Errorf("after it: %s", got)
	}
	checkStored(t, f.store, f.boss.Account)
}

// TestGroupsOfMany has what groups give to many follow by jobs, and the groups say so until it has.
func TestGroupsOfMany(t *testing.T) {
	f := newFirm(t, 6, directory.Options{})
	ctx := t.Context()
	group, parent := found(t, f.d, f.boss, "All"), found(t, f.d, f.boss, "Parent")
	_, err := f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff})
	must(t, err)
	f.work()
	type asked struct {
		name  string
		do    func() (*models.Job, error)
		want  string
		shown models.GroupID // which says that its members wait
	}
	for _, tt := range []asked{
		{"a grant", func() (*models.Job, error) {
			p, err := f.d.SetGroupProducts(ctx, f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"pro"}, Mode: models.ProductModeReplace})
			return p.Job, err
		}, "pro", group},
		{"a grant to a parent of nobody yet", func() (*models.Job, error) {
			p, err := f.d.SetGroupsProducts(ctx, f.boss, models.GroupsProductsSetInput{
				Selection: &models.GroupSelection{Ids: []models.GroupID{parent}}, ProductKeys: []string{"central"}, Mode: models.ProductModeReplace,
			})
			return p.Job, err
		}, "pro", models.GroupID{}},
		{"nesting", func() (*models.Job, error) {
			p, err := f.d.Nest(ctx, f.boss, models.GroupNestInput{ParentID: parent, ChildID: group})
			return p.Job, err
		}, "central pro", parent},
		{"the end of memberships", func() (*models.Job, error) {
			p, err := f.d.RemoveMembers(ctx, f.boss, models.GroupMembersRemoveInput{GroupIds: []models.GroupID{group}, UserIds: f.staff})
			return p.Job, err
		}, "SUSPENDED", group},
		{"memberships", func() (*models.Job, error) {
			p, err := f.d.AddMembers(ctx, f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff})
			return p.Job, err
		}, "central pro", group},
		{"the end of nesting", func() (*models.Job, error) {
			p, err := f.d.Unnest(ctx, f.boss, models.GroupUnnestInput{ParentID: parent, ChildID: group})
			return p.Job, err
		}, "pro", group},
		{"a staged edit", func() (*models.Job, error) {
			p, err := f.d.UpdateGroup(ctx, f.boss, models.GroupUpdateInput{ID: group, AddParentIds: []models.GroupID{parent}})
			return p.Job, err
		}, "central pro", group},
		{"deletion", func() (*models.Job, error) {
			p, err := f.d.DeleteGroup(ctx, f.boss, models.GroupDeleteInput{ID: group})
			return p.Job, err
		}, "SUSPENDED", parent},
	} {
		before := f.has(f.staff...)
		job, err := tt.do()
		must(t, err)
		if tt.shown != (models.GroupID{}) {
			if job == nil || job.State != models.JobStateQueued || f.has(f.staff...) != before {
				t.Fatalf("%s: job %+v, before its turn %s", tt.name, job, f.has(f.staff...))
			}
			pending, err := f.d.PendingJobs(ctx, f.boss, []models.GroupID{tt.shown})
			must(t, err)
			if pending[0] == nil || pending[0].ID != job.ID {
				t.Errorf("%s: the group waits for %+v", tt.name, pending[0])
			}
			_, err = f.d.CancelJob(ctx, f.boss, models.JobCancelInput{ID: job.ID})
			refusedWith(t, err, models.CodeJobOnlyFollows, "input.id")
		}
		f.work()
		if got := f.has(f.staff...); got != strings.TrimSuffix(strings.Repeat(tt.want+", ", 6), ", ") {
			t.Errorf("%s: %s", tt.name, got)
		}
		if pending, err := f.d.PendingJobs(ctx, f.boss, []models.GroupID{group, parent}); err != nil || pending[0] != nil || pending[1] != nil {
			t.Errorf("%s: the groups still wait for %v, %v", tt.name, pending, err)
		}
		checkStored(t, f.store, f.boss.Account)
	}
}

// TestAgain asks for the same with the same key, and for something else.
func TestAgain(t *testing.T) {
	f := newFirm(t, 9, directory.Options{})
	o := models.EffectOptions{IdempotencyKey: new("k")}
	for _, users := range [][]models.UserID{f.staff[:2], f.staff} { // here, and by a job
		o.IdempotencyKey = new(fmt.Sprint("key ", len(users)))
		first, err := f.set(models.ProductModeAdd, ids(users...), o, "pro")
		must(t, err)
		f.work()
		dry := o
		dry.DryRun = true
		tried, err := f.set(models.ProductModeAdd, ids(users...), dry, "pro")
		must(t, err)
		if tried.Preview == nil || tried.Job.ID == first.Job.ID {
			t.Errorf("tried out with the same key: %+v", tried)
		}
		f.mustSet(models.ProductModeRemove, ids(f.staff[0]), "pro")
		again, err := f.set(models.ProductModeAdd, ids(users...), o, "pro")
		must(t, err)
		if again.Job.ID != first.Job.ID || again.Job.State != models.JobStateSucceeded || f.has(f.staff[0]) != "SUSPENDED" {
			t.Errorf("the second time: %+v, first %+v, %s", again.Job, first.Job, f.has(f.staff[0]))
		}
		_, err = f.set(models.ProductModeAdd, ids(users...), o, "central")
		refusedWith(t, err, models.CodeIdempotencyKeyReused, "input.idempotencyKey")
		f.mustSet(models.ProductModeAdd, ids(f.staff[0]), "pro")
	}
	group := found(t, f.d, f.boss, "G")
	in := models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[:1], EffectOptions: o}
	in.IdempotencyKey = new("k")
	for range 2 {
		p, err := f.d.AddMembers(t.Context(), f.boss, in)
		must(t, err)
		if p.Job == nil || p.Job.State != models.JobStateSucceeded {
			t.Errorf("job %+v", p.Job)
		}
	}
}

// TestInTurn has a small change wait for a large one that was asked for before.
func TestInTurn(t *testing.T) {
	f := newFirm(t, 6, directory.Options{})
	f.mustSet(models.ProductModeReplace, all(), "pro")
	if job := f.mustSet(models.ProductModeReplace, ids(f.staff[5]), "central"); job.State != models.JobStateQueued {
		t.Errorf("the second is done before the first: %+v", job)
	}
	f.work()
	if got := f.has(f.staff[4], f.staff[5]); got != "pro, central" {
		t.Errorf("in the end: %s", got)
	}
	group := found(t, f.d, f.boss, "G")
	_, err := f.d.AddMembers(t.Context(), f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[:1]})
	must(t, err)
	_, err = f.d.SetGroupProducts(t.Context(), f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"rescue"}, Mode: models.ProductModeAdd})
	must(t, err)
	in := models.UserProductBlocksSetInput{UserID: f.staff[0], ProductKeys: []string{"rescue"}, Blocked: true}
	blocked, err := f.d.SetProductBlocks(t.Context(), f.boss, in)
	must(t, err)
	if got := f.has(f.staff[0]); got != "pro" || blocked.Impact.Losing != 1 {
		t.Errorf("blocked: %s, %+v", got, blocked.Impact)
	}
	_, err = f.d.RevertJob(t.Context(), f.boss, models.JobRevertInput{ID: blocked.Job.ID})
	must(t, err)
	if got := f.has(f.staff[0]); got != "pro rescue" {
		t.Errorf("no longer blocked: %s", got)
	}
	f.mustSet(models.ProductModeAdd, all(), "central")
	if blocked, err = f.d.SetProductBlocks(t.Context(), f.boss, in); err != nil || blocked.Job.State != models.JobStateQueued || blocked.Impact != nil {
		t.Errorf("a block before what was asked for earlier: %+v, %v", blocked, err)
	}
	f.work()
	if got := f.has(f.staff[0]); got != "central pro" {
		t.Errorf("in the end: %s", got)
	}
}

// TestSeatsForAJob reserves what a job needs that is to do all or nothing.
func TestSeatsForAJob(t *testing.T) {
	f := newFirm(t, 8, directory.Options{})
	f.product("pro", new(int32(6)))
	in := models.UsersProductsSetInput{
		Selection: ids(f.staff[:6]...), Mode: models.ProductModeAdd, ProductKeys: []string{"pro"}, ErrorPolicy: models.ErrorPolicyRejectAll,
	}
	f.mustSet(models.ProductModeAdd, ids(f.staff[7]), "pro")
	_, err := f.d.SetUsersProducts(t.Context(), f.boss, in)
	refusedWith(t, err, models.CodeNoSeats, "input.productKeys")
	in.Selection = ids(append(slices.Clone(f.staff[:5]), models.NewID[models.UserID]())...)
	_, err = f.d.SetUsersProducts(t.Context(), f.boss, in)
	refusedWith(t, err, models.CodeNotFound, "input.selection.ids.5")
	in.Selection = ids(f.staff[:5]...)
	p, err := f.d.SetUsersProducts(t.Context(), f.boss, in)
	must(t, err)
	group := found(t, f.d, f.boss, "G")
	_, err = f.d.SetGroupProducts(t.Context(), f.boss, models.GroupProductsSetInput{GroupID: group, ProductKeys: []string{"pro"}, Mode: models.ProductModeAdd})
	must(t, err)
	_, err = f.d.AddMembers(t.Context(), f.boss, models.GroupMembersAddInput{GroupIds: []models.GroupID{group}, UserIds: f.staff[5:6]})
	must(t, err)
	if got := f.has(f.staff[5]); got != "(pro)" {
		t.Errorf("a seat was given away that is reserved: %s", got)
	}
	_, err = f.d.UpdateProduct(t.Context(), f.boss, models.ProductUpdateInput{ID: f.product("pro", nil), Seats: graphql.OmittableOf(new(int32(5)))})
	refusedWith(t, err, models.CodeSeatsInUse, "input.seats")
	f.work()
	if job := f.job(p.Job.ID); job.State != models.JobStateSucceeded || f.has(f.staff[:6]...) != "pro, pro, pro, pro, pro, (pro)" {
		t.Errorf("job %+v, %s", job, f.has(f.staff[:6]...))
	}
	checkStored(t, f.store, f.boss.Account)

	in.Selection = ids(f.staff[:5]...)
	f.mustSet(models.ProductModeRemove, ids(f.staff[:4]...), "pro")
	_, err = f.d.SetUsersProducts(t.Context(), f.boss, in)
	refusedWith(t, err, models.CodeNoSeats, "input.productKeys") // one of the four seats went to who waited
	in.Selection = ids(f.staff[:3]...)
	in.Selection.Ids = append(in.Selection.Ids, f.staff[4], f.staff[7])
	p, err = f.d.SetUsersProducts(t.Context(), f.boss, in)
	must(t, err)
	_, err = f.d.CancelJob(t.Context(), f.boss, models.JobCancelInput{ID: p.Job.ID})
	must(t, err)
	f.mustSet(models.ProductModeAdd, ids(f.staff[3]), "pro")
	if got := f.has(f.staff[3]); !strings.HasPrefix(got, "pro") {
		t.Errorf("the seats of a job that was canceled are not free: %s", got)
	}
}

// TestLostRights has the actor of a job demoted before its turn.
func TestLostRights(t *testing.T) {
	f := newFirm(t, 6, directory.Options{})
	admin := hire(t, f.d, f.boss, "admin@example.org", models.RoleAdmin)
	p, err := f.d.SetUsersProducts(t.Context(), admin, models.UsersProductsSetInput{
		Selection: ids(f.staff...), Mode: models.ProductModeAdd, ProductKeys: []string{"pro"}, ErrorPolicy: models.ErrorPolicyRejectFailed,
	})
	must(t, err)
	_, err = f.d.SetUserRole(t.Context(), f.boss, models.UserRoleSetInput{ID: admin.UserID, Role: models.RoleMember})
	must(t, err)
	f.work()
	job := f.job(p.Job.ID)
	if job.State != models.JobStateFailed || job.ErrorCode == nil || *job.ErrorCode != directory.CodeActorLostRights || f.has(f.staff...) != ", , , , , " {
		t.Errorf("job %+v, %s", job, f.has(f.staff...))
	}
	again, err := f.d.RetryJob(t.Context(), f.boss, models.JobRetryFailedInput{ID: job.ID})
	must(t, err)
	f.work()
	if job := f.job(again.Job.ID); job.State != models.JobStateSucceeded || f.has(f.staff[5]) != "pro" {
		t.Errorf("once more by somebody who may: %+v, %s", job, f.has(f.staff[5]))
	}
}

// TestAProductLeaves has a product deleted that many have: it is out of the catalogue at once, and users lose it in turn.
func TestAProductLeaves(t *testing.T) {
	f := newFirm(t, 6, directory.Options{Brake: 100})
	ctx := t.Context()
	id := f.product("pro", nil)
	f.mustSet(models.ProductModeReplace, ids(f.staff...), "pro")
	f.work()
	p, err := f.d.DeleteProduct(ctx, f.boss, models.ProductDeleteInput{ID: id})
	must(t, err)
	if p.Job == nil || p.Job.State != models.JobStateQueued || *p.DeletedProductID != id {
		t.Fatalf("payload %+v", p)
	}
	key := "pro"
	if gone, err := f.d.Product(ctx, f.boss, models.ProductBy{Key: &key}); gone != nil || err != nil {
		t.Errorf("it is still there: %+v, %v", gone, err)
	}
	_, err = f.d.CreateProduct(ctx, f.boss, models.ProductCreateInput{Key: "pro", Name: "Another"})
	refusedWith(t, err, models.CodeKeyTaken, "input.key")
	_, err = f.set(models.ProductModeAdd, ids(f.staff[0]), models.EffectOptions{}, "pro")
	refusedWith(t, err, models.CodeNotFound, "input.productKeys.0")
	_, err = f.d.CancelJob(ctx, f.boss, models.JobCancelInput{ID: p.Job.ID})
	refusedWith(t, err, models.CodeJobOnlyFollows, "input.id")
	f.work()
	if got := f.has(f.staff...); got != strings.TrimSuffix(strings.Repeat("SUSPENDED, ", 6), ", ") {
		t.Errorf("in the end: %s", got)
	}
	_, err = f.d.CreateProduct(ctx, f.boss, models.ProductCreateInput{Key: "pro", Name: "Another"})
	must(t, err)
	checkStored(t, f.store, f.boss.Account)
}
