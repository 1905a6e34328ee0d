package directory_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// csvFiles are the files of an import by their rows; without rows there is no such file, and a text that
// begins with ! is the whole file.
type csvFiles struct{ users, groups, memberships string }

func (f csvFiles) dir() fs.FS {
	dir := fstest.MapFS{}
	for name, file := range map[string]struct{ header, rows string }{
		"users.csv":       {"email,given_name,family_name,role,locale", f.users},
		"groups.csv":      {"name,description,parent", f.groups},
		"memberships.csv": {"group,email", f.memberships},
	} {
		if whole, is := strings.CutPrefix(file.rows, "!"); is {
			dir[name] = &fstest.MapFile{Data: []byte(whole)}
		} else if file.rows != "" {
			dir[name] = &fstest.MapFile{Data: []byte(file.header + "\n" + file.rows)}
		}
	}
	return dir
}

// importWorld is an account to import into.
type importWorld struct {
	t     *testing.T
	store *store.Store
	d     *directory.Directory
	who   auth.Caller
}

// newImportWorld has an account with the super admin boss@x.org, and old@x.org in the group Mid, which lies in
// the group Top.
func newImportWorld(t *testing.T) *importWorld {
	t.Helper()
	w := emptyImportWorld(t)
	account, _, err := w.d.CreateAccount(t.Context(), directory.NewAccount{Name: newName(), Admin: models.UserCreateInput{Email: "boss@x.org", Locale: models.LocaleEn}})
	w.ok(err)
	w.who = auth.OperatorOf(account.ID)
	w.mustImport(csvFiles{users: "old@x.org,Olga,Old,member,nl", groups: "Top,the top,\nMid,the middle,Top", memberships: "Mid,old@x.org"})
	return w
}

func emptyImportWorld(t *testing.T) *importWorld {
	t.Helper()
	w := &importWorld{t: t, store: storetest.Open(t)}
	var err error
	w.d, err = directory.New(w.store, directory.Options{MaxGroupDepth: 4})
	w.ok(err)
	return w
}

// newName is an account's name that no other has.
func newName() string { return models.NewID[models.AccountID]().String() }

func (w *importWorld) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *importWorld) mustImport(files csvFiles) *directory.ImportReport {
	w.t.Helper()
	report, err := w.d.Import(w.t.Context(), w.who, directory.Import{Dir: files.dir()})
	w.ok(err)
	if report.RefusalCount > 0 {
		w.t.Fatalf("refused: %v", report.Refusals)
	}
	return report
}

// user finds one by e-mail.
func (w *importWorld) user(email string) *models.User {
	w.t.Helper()
	user, err := w.d.User(w.t.Context(), w.who, models.UserBy{Email: &email})
	w.ok(err)
	return user
}

func (w *importWorld) group(name string) *models.Group {
	w.t.Helper()
	group, err := w.d.Group(w.t.Context(), w.who, models.GroupBy{Name: &name})
	w.ok(err)
	return group
}

// stored is all rows of an account.
type rowsThere struct {
	account models.Account
	users   []models.User
	groups  []models.Group
	members []models.MembershipRow
	edges   []models.GroupEdgeRow
	closure []models.GroupClosureRow
	events  []audit.Event
	changes []audit.Change
	terms   map[[16]byte][]string
}

func (w *importWorld) stored() rowsThere {
	w.t.Helper()
	var s rowsThere
	db := w.store.Read.WithContext(w.t.Context())
	w.ok(db.Where("id = ?", w.who.Account).Take(&s.account).Error)
	for order, rows := range map[string]any{
		"email_key": &s.users, "name_key": &s.groups, "group_id, user_id": &s.members, "parent_id, child_id": &s.edges,
		"ancestor_id, descendant_id": &s.closure, "id": &s.events, "seq": &s.changes,
	} {
		w.ok(db.Where("account_id = ?", w.who.Account).Order(order).Find(rows).Error)
	}
	s.terms = map[[16]byte][]string{}
	for _, sql := range []string{
		"SELECT user_id AS id, term FROM user_terms WHERE account_id = ? ORDER BY term",
		"SELECT group_id AS id, term FROM group_terms WHERE account_id = ? ORDER BY term",
	} {
		var rows []struct {
			ID   []byte
			Term string
		}
		w.ok(db.Raw(sql, w.who.Account).Scan(&rows).Error)
		for _, row := range rows {
			id := [16]byte(row.ID)
			s.terms[id] = append(s.terms[id], row.Term)
		}
	}
	return s
}

// lines tell what is stored in words: people, groups, what lies in what.
func (s rowsThere) lines() []string {
	name := map[[16]byte]string{}
	var lines []string
	for _, u := range s.users {
		name[u.ID] = u.Email
		lines = append(lines, fmt.Sprintf("%s: %s, %s, %s", u.Email, u.DisplayName, u.Role, u.Locale))
	}
	for _, g := range s.groups {
		name[g.ID] = g.Name
		lines = append(lines, fmt.Sprintf("%s: %s", g.Name, strings.ReplaceAll(g.Description, "\n", "/")))
	}
	var inside []string
	for _, e := range s.edges {
		inside = append(inside, name[e.ChildID]+" in "+name[e.ParentID])
	}
	for _, m := range s.members {
		inside = append(inside, name[m.UserID]+" in "+name[m.GroupID])
	}
	slices.Sort(inside)
	return append(lines, inside...)
}

// check holds everything that follows from other rows against a naive recomputation.
func (s rowsThere) check(t *testing.T) {
	t.Helper()
	direct, up := map[models.GroupID]int32{}, map[models.GroupID][]models.GroupID{}
	for _, m := range s.members {
		direct[m.GroupID]++
	}
	for _, e := range s.edges {
		up[e.ChildID] = append(up[e.ChildID], e.ParentID)
	}
	type link struct{ above, below models.GroupID }
	want, got, terms := map[link]int{}, map[link]int{}, map[[16]byte][]string{}
	var climb func(from, at models.GroupID, distance int)
	climb = func(from, at models.GroupID, distance int) {
		if known, is := want[link{at, from}]; is && known <= distance {
			return
		}
		want[link{at, from}] = distance
		for _, parent := range up[at] {
			climb(from, parent, distance+1)
		}
	}
	for _, g := range s.groups {
		climb(g.ID, g.ID, 0)
		terms[g.ID] = g.Terms()
		if g.DirectMemberCount != direct[g.ID] {
			t.Errorf("%s counts %d direct members and has %d", g.Name, g.DirectMemberCount, direct[g.ID])
		}
	}
	for _, row := range s.closure {
		got[link{row.AncestorID, row.DescendantID}] = row.Distance
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("closure (-want +got):\n%s", diff)
	}
	for _, u := range s.users {
		settled := u
		settled.Settle()
		if diff := gocmp.Diff(settled, u); diff != "" {
			t.Errorf("derived columns (-want +got):\n%s", diff)
		}
		terms[u.ID] = u.Terms()
	}
	if diff := gocmp.Diff(terms, s.terms); diff != "" {
		t.Errorf("search terms (-want +got):\n%s", diff)
	}
	s.checkLog(t)
}

// checkLog holds the feed against the rows: without a gap, played from its start it makes what is stored, and
// each of its changes has an event.
func (s rowsThere) checkLog(t *testing.T) {
	t.Helper()
	type thing struct {
		entity          string
		subject, object string
	}
	now, events := map[thing]string{}, map[thing]int{}
	for i, c := range s.changes {
		if c.Seq != int64(i+1) {
			t.Fatalf("number %d of the feed is %d", i+1, c.Seq)
		}
		at := thing{c.Entity, string(c.SubjectID), string(c.ObjectID)}
		events[at]++
		if c.ChangeType == audit.Removed {
			delete(now, at)
			continue
		}
		now[at] = *c.Payload
	}
	if s.account.FeedSeq != int64(len(s.changes)) {
		t.Errorf("the account's feed is at %d with %d changes", s.account.FeedSeq, len(s.changes))
	}
	for _, e := range s.events {
		if e.SubjectType != "" && e.SubjectType != audit.Account {
			events[thing{e.SubjectType, string(e.SubjectID), string(e.ObjectID)}]--
		}
	}
	for at, n := range events {
		if n != 0 {
			t.Errorf("%s: %d changes more than events", at.entity, n)
		}
	}
	want := map[thing]string{}
	for _, u := range s.users {
		want[thing{audit.User, string(u.ID[:]), ""}] = u.Email
	}
	for _, g := range s.groups {
		want[thing{audit.Group, string(g.ID[:]), ""}] = g.Name
	}
	for _, m := range s.members {
		want[thing{audit.Membership, string(m.UserID[:]), string(m.GroupID[:])}] = ""
	}
	for _, e := range s.edges {
		want[thing{audit.Nesting, string(e.ChildID[:]), string(e.ParentID[:])}] = ""
	}
	for at, payload := range now {
		var told struct{ Email, Name string }
		if err := json.Unmarshal([]byte(payload), &told); err != nil {
			t.Error(err)
		}
		now[at] = cmp.Or(told.Email, told.Name)
	}
	if diff := gocmp.Diff(slices.Sorted(maps.Values(want)), slices.Sorted(maps.Values(now))); diff != "" {
		t.Errorf("the feed (-rows +feed):\n%s", diff)
	}
	for at := range want {
		if _, told := now[at]; !told {
			t.Errorf("the feed knows nothing of a %s", at.entity)
		}
	}
}

func counts(created, updated, unchanged, refused int) directory.ImportCounts {
	return directory.ImportCounts{Created: created, Updated: updated, Unchanged: unchanged, Refused: refused}
}

func texts(refusals []directory.Refusal) (lines []string) {
	for _, r := range refusals {
		lines = append(lines, r.String())
	}
	return lines
}

// sameReport compares all but the time that the lock was held.
func sameReport(t *testing.T, want, got *directory.ImportReport) {
	t.Helper()
	now := *got
	now.LongestLock = want.LongestLock
	if diff := gocmp.Diff(want, &now); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
