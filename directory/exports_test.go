package directory_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// exporting starts workers whose exports are written by write, and returns what waits until no job is open.
func exporting(t *testing.T, s *store.Store, d *directory.Directory, who auth.Caller, write directory.ExportWriter) (drain func()) {
	t.Helper()
	r := jobs.NewRunner(s, map[string]jobs.Handler{models.KindExport: d.ExportHandler(write)}, jobs.Options{Poll: 10 * time.Millisecond, Backoff: time.Millisecond, MaxAttempts: 4})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); r.Run(ctx) }()
	d.OnJob(r.Wake)
	t.Cleanup(func() { cancel(); <-over })
	return func() { t.Helper(); noneOpen(t, s, who.Account) }
}

func short(email string) string { return strings.TrimSuffix(email, "@example.org") }

// plainly writes what an export has as lines.
func plainly(e *directory.Export, to io.Writer) (name, mediaType string, err error) {
	put := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(to, format+"\n", args...)
		}
	}
	members := func(rows []*models.ExportedMembership) error {
		for _, m := range rows {
			put("%s in %s direct %v via %v path %v", short(m.User.DisplayName), m.GroupName, m.IsDirect, m.Via, m.Path)
		}
		return err
	}
	switch {
	case e.What.Users != nil:
		err = errors.Join(err, e.EachUser(func(users []*models.ExportedUser) error {
			for _, u := range users {
				put("%s products %v direct %v inherited %v waiting %v blocked %v none %v groups %v direct %v may %d",
					short(u.DisplayName), u.Products, u.Direct, u.Inherited, u.Waiting, u.Blocked, u.HasNoProducts, u.Groups, u.DirectGroups, len(u.Permissions))
			}
			return err
		}))
	case e.What.Groups != nil:
		err = errors.Join(err, e.EachGroup(func(groups []*models.ExportedGroup) error {
			for _, g := range groups {
				put("%s members %d of them direct %d products %v in %v with %v at %v depth %d", g.Name, g.MemberCount, g.DirectMemberCount, g.Products, g.Parents, g.Children, g.Breadcrumbs, g.Depth)
			}
			return err
		}))
		if err == nil && e.What.Groups.Members {
			err = e.EachMembership(members)
		}
	case e.What.Memberships != nil:
		err = errors.Join(err, e.EachMembership(members))
	default:
		err = errors.Join(err, e.EachEvent(func(events []*models.ExportedEvent) error {
			for _, event := range events {
				put("%s by %s on %s %s", event.ActionName(), event.ActorName, event.SubjectName, event.ObjectName)
			}
			return err
		}))
	}
	return "all.txt", "text/plain", err
}

// exported asks for an export, waits for it, and returns the lines of the file.
func exported(t *testing.T, d *directory.Directory, who auth.Caller, drain func(), what models.ExportWhat) []string {
	t.Helper()
	done, err := d.CreateExport(t.Context(), who, models.ExportCreateInput{What: what, Format: models.ExportFormatCSV})
	must(t, err)
	drain()
	return lines(t, d, who, done.Job.ID)
}

func lines(t *testing.T, d *directory.Directory, who auth.Caller, id models.JobID) []string {
	t.Helper()
	job, err := d.Job(t.Context(), who, id)
	must(t, err)
	if job.State != models.JobStateSucceeded || job.Done != job.Total {
		t.Fatalf("the job is %s with %d of %d", job.State, job.Done, job.Total)
	}
	files, err := d.ExportFiles(t.Context(), who, []models.JobID{id})
	must(t, err)
	_, content, err := d.OpenExport(t.Context(), id, passOf(files[0]))
	must(t, err)
	text, err := io.ReadAll(content)
	must(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func passOf(file *models.ExportFile) string {
	_, pass, _ := strings.Cut(file.URL, "?pass=")
	return pass
}

func TestExportedRows(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	ann, bo, cy := hire(t, d, who, "ann@example.org", models.RoleMember), hire(t, d, who, "bo@example.org", models.RoleMember), hire(t, d, who, "cy@example.org", models.RoleAdmin)
	top, sub, side := found(t, d, who, "Top"), found(t, d, who, "Sub"), found(t, d, who, "Side")
	nest := func(parent, child models.GroupID) {
		_, err := d.Nest(t.Context(), who, models.GroupNestInput{ParentID: parent, ChildID: child})
		must(t, err)
	}
	nest(top, sub)
	addMember(t, d, who, sub, ann.UserID)
	addMember(t, d, who, top, ann.UserID)
	addMember(t, d, who, sub, bo.UserID)
	addMember(t, d, who, side, bo.UserID)
	_, err := d.SetGroupProducts(t.Context(), who, models.GroupProductsSetInput{GroupID: top, ProductKeys: []string{"goto-room"}})
	must(t, err)
	drain := exporting(t, s, d, who, plainly)
	some := &models.UserSelection{Matching: &models.UserMatching{Filter: &models.UserFilter{Role: []models.Role{models.RoleMember, models.RoleAdmin}}, ExceptIds: []models.UserID{cy.UserID}}}
	everybody, every := &models.UserSelection{All: new(true)}, &models.GroupSelection{All: new(true)}
	descending := models.UserSortNameDesc
	for name, tt := range map[string]struct {
		what models.ExportWhat
		want []string
	}{
		"users of a filter, less one": {models.ExportWhat{Users: &models.UsersExport{Selection: some, Columns: models.AllUserColumn}}, []string{
			"ann products [GoTo Room] direct [] inherited [GoTo Room] waiting [] blocked [] none false groups [Sub Top] direct [Sub Top] may 0",
			"bo products [GoTo Room] direct [] inherited [GoTo Room] waiting [] blocked [] none false groups [Side Sub Top] direct [Side Sub] may 0",
		}},
		"named users, the other way": {models.ExportWhat{Users: &models.UsersExport{
			Selection: &models.UserSelection{Ids: []models.UserID{ann.UserID, cy.UserID, ann.UserID}}, Sort: &descending, Columns: []models.UserColumn{models.UserColumnProducts},
		}}, []string{
			"cy products [] direct [] inherited [] waiting [] blocked [] none true groups [] direct [] may 0",
			"ann products [GoTo Room] direct [] inherited [] waiting [] blocked [] none false groups [] direct [] may 0",
		}},
		"groups with their members": {models.ExportWhat{Groups: &models.GroupsExport{Selection: &models.GroupSelection{Ids: []models.GroupID{top, sub}}, Columns: models.AllGroupColumn, Members: true}}, []string{
			"Sub members 2 of them direct 2 products [GoTo Room] in [Top] with [] at [Top] depth 2",
			"Top members 2 of them direct 1 products [GoTo Room] in [] with [Sub] at [] depth 1",
			"ann in Sub direct true via [] path [Sub]", "bo in Sub direct true via [] path [Sub]",
			"ann in Top direct true via [Sub] path [Top]", "bo in Top direct false via [Sub] path [Sub Top]",
		}},
		"groups alone": {models.ExportWhat{Groups: &models.GroupsExport{Selection: every, Columns: []models.GroupColumn{models.GroupColumnName}}}, []string{
			"Side members 0 of them direct 1 products [] in [] with [] at [] depth 1",
			"Sub members 0 of them direct 2 products [] in [Top] with [] at [Top] depth 2",
			"Top members 0 of them direct 1 products [] in [] with [Sub] at [] depth 1",
		}},
		"memberships by inheritance": {models.ExportWhat{Memberships: &models.MembershipsExport{Groups: every, Relation: models.MembershipRelationInherited}}, []string{
			"bo in Top direct false via [Sub] path [Sub Top]",
		}},
		"direct memberships in groups": {models.ExportWhat{Memberships: &models.MembershipsExport{Groups: every, Relation: models.MembershipRelationDirect}}, []string{
			"bo in Side direct true via [] path [Side]", "ann in Sub direct true via [] path [Sub]", "bo in Sub direct true via [] path [Sub]", "ann in Top direct true via [Sub] path [Top]",
		}},
		"memberships of users": {models.ExportWhat{Memberships: &models.MembershipsExport{Users: everybody, Relation: models.MembershipRelationAll}}, []string{
			"ann in Sub direct true via [] path [Sub]", "ann in Top direct true via [Sub] path [Top]",
			"bo in Side direct true via [] path [Side]", "bo in Sub direct true via [] path [Sub]", "bo in Top direct false via [Sub] path [Sub Top]",
		}},
		"inherited memberships of users": {models.ExportWhat{Memberships: &models.MembershipsExport{Users: everybody, Relation: models.MembershipRelationInherited}}, []string{
			"bo in Top direct false via [Sub] path [Sub Top]",
		}},
		"events": {models.ExportWhat{Events: &models.EventsExport{Filter: &models.AuditEventFilter{Actions: []string{"groupNest"}}}}, []string{
			"groupNest by first@example.org on Sub Top", "groupNest by first@example.org on  ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := exported(t, d, who, drain, tt.what)
			if name == "events" { // the one for the operation comes in between
				slices.Sort(got)
				slices.Sort(tt.want)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// An export is of one moment, however much is written meanwhile, and its cursor is where the feed goes on.
func TestExportIsOneMoment(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	group := found(t, d, who, "Group")
	for i := range 3 {
		addMember(t, d, who, group, hire(t, d, who, fmt.Sprintf("early%d@example.org", i), models.RoleMember).UserID)
	}
	begun, go_ := make(chan struct{}), make(chan struct{})
	var once sync.Once
	drain := exporting(t, s, d, who, func(e *directory.Export, to io.Writer) (string, string, error) {
		once.Do(func() { close(begun); <-go_ })
		return plainly(e, to)
	})
	done, err := d.CreateExport(t.Context(), who, models.ExportCreateInput{Format: models.ExportFormatCSV, What: models.ExportWhat{Memberships: &models.MembershipsExport{Groups: &models.GroupSelection{All: new(true)}, Relation: models.MembershipRelationAll}}})
	must(t, err)
	<-begun
	before, err := d.ChangesCursor(t.Context(), who)
	must(t, err)
	late := hire(t, d, who, "late@example.org", models.RoleMember)
	addMember(t, d, who, group, late.UserID)
	found(t, d, who, "Another group")
	close(go_)
	drain()
	if got := lines(t, d, who, done.Job.ID); len(got) != 3 || strings.Contains(strings.Join(got, ""), "late") {
		t.Errorf("the file has %q", got)
	}
	files, err := d.ExportFiles(t.Context(), who, []models.JobID{done.Job.ID})
	must(t, err)
	if files[0].ChangesCursor() != before {
		t.Errorf("the cursor is %s, want %s", files[0].ChangesCursor(), before)
	}
}

// An export is made with the rights that whoever asked for it has when it is.
func TestExportsNeedPresentRights(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	admin := hire(t, d, who, "admin@example.org", models.RoleAdmin)
	done, err := d.CreateExport(t.Context(), admin, models.ExportCreateInput{Format: models.ExportFormatCSV, What: models.ExportWhat{Events: &models.EventsExport{}}})
	must(t, err)
	_, err = d.SetUserRole(t.Context(), who, models.UserRoleSetInput{ID: admin.UserID, Role: models.RoleMember})
	must(t, err)
	exporting(t, s, d, who, plainly)()
	job, err := d.Job(t.Context(), who, done.Job.ID)
	must(t, err)
	if job.State != models.JobStateFailed || *job.ErrorCode != directory.CodeActorLostRights || job.Retryable() {
		t.Errorf("the job is %s, %v", job.State, job.ErrorCode)
	}
}

// A change doesn't wait for an export that was asked for before.
func TestExportsAreWaitedForByNobody(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	member := hire(t, d, who, "member@example.org", models.RoleMember)
	_, err := d.CreateExport(t.Context(), who, models.ExportCreateInput{Format: models.ExportFormatCSV, What: models.ExportWhat{Events: &models.EventsExport{}}})
	must(t, err)
	done, err := d.SuspendUsers(t.Context(), who, models.UsersSuspendInput{Selection: &models.UserSelection{Ids: []models.UserID{member.UserID}}})
	must(t, err)
	if done.Job == nil || done.Job.State != models.JobStateSucceeded {
		t.Errorf("suspended by %+v", done.Job)
	}
}

// Of an account the newest files are kept, and each for a week.
func TestOldExportsGo(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	drain := exporting(t, s, d, who, plainly)
	all := models.ExportWhat{Users: &models.UsersExport{Selection: &models.UserSelection{All: new(true)}}}
	for range models.MaxExports + 2 {
		exported(t, d, who, drain, all)
	}
	kept := func() (files []models.ExportFile, parts int64) {
		must(t, s.Read.Where("account_id = ?", who.Account).Order("job_id").Find(&files).Error)
		must(t, s.Read.Model(&models.ExportPart{}).Where("account_id = ?", who.Account).Count(&parts).Error)
		return files, parts
	}
	files, parts := kept()
	if len(files) != models.MaxExports || parts != models.MaxExports {
		t.Fatalf("%d files of %d parts are kept", len(files), parts)
	}
	old := files[7]
	must(t, s.Write.Exec("UPDATE export_files SET kept_until = ? WHERE account_id = ? AND job_id = ?", s.Now(), who.Account, old.JobID).Error)
	if _, err := d.CleanExports(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, parts = kept()
	if len(files) != models.MaxExports-1 || parts != models.MaxExports-1 || slices.ContainsFunc(files, func(f models.ExportFile) bool { return f.JobID == old.JobID }) {
		t.Errorf("%d files of %d parts are left", len(files), parts)
	}
}

// A run that fails, or whose server dies, leaves nothing of itself in the file; one that is canceled leaves no file.
func TestExportsBeginAnew(t *testing.T) {
	s := storetest.Open(t)
	d := newDirectory(t, s)
	who := foundAccount(t, d)
	all := models.ExportWhat{Users: &models.UsersExport{Selection: &models.UserSelection{All: new(true)}}}
	block := strings.Repeat("x", models.ExportPartSize)
	runs, wait := 0, make(chan struct{})
	drain := exporting(t, s, d, who, func(e *directory.Export, to io.Writer) (string, string, error) {
		runs++
		if runs <= 2 || runs > 4 {
			_, err := io.WriteString(to, "wrong"+block+block)
			must(t, err)
		}
		switch {
		case runs == 1:
			return "", "", errors.New("the disk is gone")
		case runs == 2: // which has the same run begin again
			return "", "", driver.ErrBadConn
		case runs == 3:
			return plainly(e, to)
		case runs == 4: // a file of more than a part, and not of whole ones
			_, err := io.WriteString(to, block+"end")
			return "large.txt", "text/plain", err
		}
		close(wait)
		for {
			if _, err := io.WriteString(to, block); err != nil {
				return "canceled.txt", "text/plain", err
			}
		}
	})
	if got := exported(t, d, who, drain, all); len(got) != 1 || !strings.HasPrefix(got[0], "first ") {
		t.Errorf("after failures the file has %.40q", got)
	}
	var left int64
	must(t, s.Read.Model(&models.ExportPart{}).Where("account_id = ?", who.Account).Count(&left).Error)
	if runs != 3 || left != 1 {
		t.Errorf("%d runs left %d parts", runs, left)
	}
	large := exported(t, d, who, drain, all)
	if large[0] != block+"end" {
		t.Errorf("the large file has %d bytes", len(large[0]))
	}
	done, err := d.CreateExport(t.Context(), who, models.ExportCreateInput{What: all, Format: models.ExportFormatCSV})
	must(t, err)
	<-wait
	_, err = d.CancelJob(t.Context(), who, models.JobCancelInput{ID: done.Job.ID})
	must(t, err)
	drain()
	files, err := d.ExportFiles(t.Context(), who, []models.JobID{done.Job.ID})
	must(t, err)
	var parts int64
	must(t, s.Read.Model(&models.ExportPart{}).Where("account_id = ? AND job_id = ?", who.Account, done.Job.ID).Count(&parts).Error)
	if files[0] != nil || parts != 0 {
		t.Errorf("a canceled export left %v and %d parts", files[0], parts)
	}
}
