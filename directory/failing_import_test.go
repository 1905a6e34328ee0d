package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cohort/auth"
	"cohort/directory"
	"cohort/store"
	"cohort/store/storetest"
)

// TestImportThroughFailures lets statements of an import fail as in a deadlock, at another place each time: it
// must do and report what it does in peace.
func TestImportThroughFailures(t *testing.T) {
	s := storetest.Open(t)
	var places sync.Map
	peaceful, failing := newDirectory(t, s), server(t, store.Options{Inspect: failing(&places)})
	imported := func(d *directory.Directory, at int) ([]*directory.ImportReport, facts) {
		who := foundAccount(t, peaceful)
		var reports []*directory.ImportReport
		for again := range 2 {
			ctx := context.WithValue(t.Context(), planKey{}, &plan{at: at, failures: 3})
			report, err := d.Import(ctx, auth.OperatorOf(who.Account), directory.Import{Dir: organisation(again), KeepGood: true})
			if err != nil {
				t.Fatalf("import with failures at statement %d: %v", at, err)
			}
			reports = append(reports, report)
		}
		checkStored(t, s, who.Account)
		st, err := readContents(t.Context(), s, who.Account, false)
		must(t, err)
		return reports, factsOf(st)
	}
	wantReports, wantFacts := imported(peaceful, 0)
	if !wantReports[0].Accepted || wantReports[0].Memberships.Refused == 0 || wantReports[1].Users.Updated == 0 {
		t.Fatalf("the import shows too little: %+v", wantReports)
	}
	for at := 1; at <= 120; at += rounds(8, 1) {
		reports, stored := imported(failing, at)
		if diff := cmp.Diff(wantReports, reports, cmpopts.IgnoreTypes(time.Duration(0))); diff != "" {
			t.Errorf("failures at statement %d: reports (-in peace +got):\n%s", at, diff)
		}
		if diff := cmp.Diff(wantFacts, stored); diff != "" {
			t.Errorf("failures at statement %d: stored (-in peace +got):\n%s", at, diff)
		}
	}
	failed := 0
	places.Range(func(any, any) bool { failed++; return true })
	t.Logf("imports failed at %d places", failed)
}

// organisation has some rows that are wrong, and the second time other names and a few more of everything.
func organisation(again int) fstest.MapFS {
	var users, groups, members strings.Builder
	for i := range 60 + 5*again {
		fmt.Fprintf(&users, "person%d@example.org,Given%d,Family,member,en\n", i, i*again)
	}
	for i := range 15 + again {
		fmt.Fprintf(&groups, "Group %d,described %d,\n", i, again)
		if i > 3 {
			fmt.Fprintf(&groups, "Group %d,described %d,Group %d\n", i, again, i%4)
		}
	}
	for i := range 150 + 10*again {
		fmt.Fprintf(&members, "Group %d,person%d@example.org\n", i%16, i*7%66) // of the last group and the last persons there may be none
	}
	return fstest.MapFS{
		"users.csv":       {Data: []byte("email,given_name,family_name,role,locale\n" + users.String() + "wrong,A,B,member,en\n")},
		"groups.csv":      {Data: []byte("name,description,parent\n" + groups.String() + "Group 99,,Group 98\n")},
		"memberships.csv": {Data: []byte("group,email\n" + members.String())},
	}
}
