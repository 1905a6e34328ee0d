package directory_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// The account has boss@x.org, who is its super admin, and old@x.org in Mid, which lies in Top. Groups nest four
// deep at most.
func TestImportRefuses(t *testing.T) {
	long := strings.Repeat("x", 201)
	tests := map[string]struct {
		csvFiles
		want []string
	}{
		"an e-mail that is none":      {csvFiles{users: "ann@x.org,,,,\nann,,,,"}, []string{`users.csv:3:1: email: "ann" is not an e-mail address such as name@example.org`}},
		"no e-mail":                   {csvFiles{users: ",Ann,,,"}, []string{"users.csv:2:1: email: must not be empty"}},
		"a name that is too long":     {csvFiles{users: "ann@x.org,Ann," + long + ",,"}, []string{"users.csv:2:15: family_name: 201 characters, at most 200 are allowed"}},
		"an invisible character":      {csvFiles{users: "ann@x.org,A\u202enn,,,"}, []string{"users.csv:2:11: given_name: the text has the invisible character U+202E: take it out"}},
		"a role that is none":         {csvFiles{users: "ann@x.org,,,boss,"}, []string{`users.csv:2:13: role: "boss" is none of super_admin, admin, member`}},
		"a locale that is none":       {csvFiles{users: "ann@x.org,,,,xx"}, []string{`users.csv:2:14: locale: "xx" is none of en, fr, it, de, es, pt, nl`}},
		"several faults of one row":   {csvFiles{users: "ann,,,boss,xx"}, []string{`users.csv:2:1: email: "ann" is not an e-mail address such as name@example.org`, `users.csv:2:7: role: "boss" is none of super_admin, admin, member`, `users.csv:2:12: locale: "xx" is none of en, fr, it, de, es, pt, nl`}},
		"the same e-mail twice":       {csvFiles{users: "ann@x.org,,,,\nANN@x.org,,,,"}, []string{"users.csv:3:1: email: the same as in line 2"}},
		"twice, the first one wrong":  {csvFiles{users: "ann@x.org,,,boss,\nann@x.org,,,,"}, []string{`users.csv:2:13: role: "boss" is none of super_admin, admin, member`, "users.csv:3:1: email: the same as in line 2"}},
		"columns count characters":    {csvFiles{users: "añn@x.org,Zoë 🎈,,boss,"}, []string{`users.csv:2:18: role: "boss" is none of super_admin, admin, member`}},
		"bytes that are not UTF-8":    {csvFiles{users: "ann@x.org,Zo\xeb,,,"}, []string{"users.csv:2:11: given_name: the text is not valid Unicode"}},
		"a quote inside a field":      {csvFiles{users: "ann@x.org,A\"nn,,,\nbob,,,,"}, []string{"users.csv:2:12: a quote inside a field: write it twice, and quote the whole field", `users.csv:3:1: email: "bob" is not an e-mail address such as name@example.org`}},
		"more behind a quoted field":  {csvFiles{users: "ann@x.org,\"A\"nn,,,"}, []string{"users.csv:2:14: after the closing quote of a field comes a comma: write a quote inside a field twice"}},
		"a quote that stays open":     {csvFiles{users: "ann@x.org,\"Ann,,,\nbob,,,,"}, []string{"users.csv:2:11: the quote that opens here is never closed", `users.csv:3:1: email: "bob" is not an e-mail address such as name@example.org`}},
		"too few fields":              {csvFiles{users: "ann@x.org,Ann"}, []string{"users.csv:2:11: the row has 2 fields, the header has 5"}},
		"too many fields":             {csvFiles{users: "ann@x.org,Ann,,,en,x"}, []string{"users.csv:2:20: the row has 6 fields, the header has 5"}},
		"a row without an end":        {csvFiles{users: "ann@x.org," + strings.Repeat("x", 70_000) + ",,,\nbob,,,,"}, []string{"users.csv:2:1: the row has more than 65536 bytes", `users.csv:3:1: email: "bob" is not an e-mail address such as name@example.org`}},
		"behind a field with lines":   {csvFiles{groups: "A,\"one\ntwo\",Nope"}, []string{`groups.csv:3:6: parent: there is no group "Nope", neither in groups.csv nor in the account`}},
		"an unknown column":           {csvFiles{users: "!email,given_name,family_name,role,locale,shoe\nann"}, []string{`users.csv:1:42: "shoe" is no column of users.csv: the columns are email,given_name,family_name,role,locale`}},
		"a missing column":            {csvFiles{groups: "!name,parent\nA,"}, []string{"groups.csv:1:1: there is no column description: the columns are name,description,parent"}},
		"a column twice":              {csvFiles{memberships: "!group,email,email\n"}, []string{"memberships.csv:1:13: the column email stands here a second time"}},
		"semicolons":                  {csvFiles{memberships: "!group;email\n"}, []string{`memberships.csv:1:1: "group;email" is no column of memberships.csv: the columns are group,email, separated by commas`, "memberships.csv:1:1: there is no column group, email: the columns are group,email"}},
		"UTF-16":                      {csvFiles{memberships: "!\xff\xfeg\x00r\x00"}, []string{"memberships.csv:1:1: the file is not in UTF-8: save it as “CSV UTF-8”"}},
		"an empty file":               {csvFiles{memberships: "!"}, []string{"memberships.csv:1:1: the file is empty: its first line names the columns group,email"}},
		"a header that is malformed":  {csvFiles{memberships: "!group,\"email\n"}, []string{"memberships.csv:1:7: the quote that opens here is never closed"}},
		"a wrong header before all":   {csvFiles{users: "ann,,,,", memberships: "!group\n"}, []string{"memberships.csv:1:1: there is no column email: the columns are group,email"}},
		"the last super admin":        {csvFiles{users: "boss@x.org,,,admin,"}, []string{"users.csv:2:14: role: this is the account's last super admin who is not suspended: make another one first"}},
		"a group without a name":      {csvFiles{groups: ",Things,"}, []string{"groups.csv:2:1: name: must not be empty"}},
		"a long description":          {csvFiles{groups: "A," + strings.Repeat("x", 2001) + ","}, []string{"groups.csv:2:3: description: 2001 characters, at most 2000 are allowed"}},
		"an unknown parent":           {csvFiles{groups: "A,,Nope"}, []string{`groups.csv:2:4: parent: there is no group "Nope", neither in groups.csv nor in the account`}},
		"the same group and parent":   {csvFiles{groups: "A,,Top\nb,,\nA,,top"}, []string{"groups.csv:4:1: name: the same group and parent as in line 2"}},
		"described in two ways":       {csvFiles{groups: "A,one,Top\nA,two,Mid"}, []string{"groups.csv:3:3: description: another one than in line 2"}},
		"written in two ways":         {csvFiles{groups: "A,,Top\na,,Mid"}, []string{`groups.csv:3:1: name: line 2 writes it "A"`}},
		"a loop":                      {csvFiles{groups: "A,,B\nB,,C\nC,,A"}, []string{"groups.csv:4:4: parent: the parent lies in the child already, this would close a loop: A → B → C → A"}},
		"a loop of one":               {csvFiles{groups: "A,,A"}, []string{"groups.csv:2:4: parent: a group can't lie in itself: A → A"}},
		"a loop with what is there":   {csvFiles{groups: "Top,the top,New\nNew,,mid"}, []string{"groups.csv:3:6: parent: the parent lies in the child already, this would close a loop: Mid → Top → New → Mid"}},
		"too deep":                    {csvFiles{groups: "A,,Mid\nB,,A\nC,,B"}, []string{"groups.csv:4:4: parent: the longest chain of nested groups would have 5 groups, at most 4 are allowed"}},
		"an unknown group":            {csvFiles{memberships: "Nope,old@x.org"}, []string{`memberships.csv:2:1: group: there is no group "Nope", neither in groups.csv nor in the account`}},
		"an unknown user":             {csvFiles{memberships: "Top,nobody@x.org"}, []string{`memberships.csv:2:5: email: there is no user "nobody@x.org", neither in users.csv nor in the account`}},
		"a member without an e-mail":  {csvFiles{memberships: "Top,nobody"}, []string{`memberships.csv:2:5: email: "nobody" is not an e-mail address such as name@example.org`}},
		"the same membership twice":   {csvFiles{memberships: "Top,old@x.org\nMid,old@x.org\ntop,OLD@x.org"}, []string{"memberships.csv:4:5: email: the same membership as in line 2"}},
		"what depends is not told of": {csvFiles{users: "ann@x.org,,,boss,", groups: "A,,Nope\nB,,A", memberships: "Top,ann@x.org\nA,old@x.org\nB,ann@x.org"}, []string{`users.csv:2:13: role: "boss" is none of super_admin, admin, member`, `groups.csv:2:4: parent: there is no group "Nope", neither in groups.csv nor in the account`}},
		"in the order of the files":   {csvFiles{users: "ann,,,,", groups: ",,", memberships: ","}, []string{`users.csv:2:1: email: "ann" is not an e-mail address such as name@example.org`, "groups.csv:2:1: name: must not be empty", "memberships.csv:2:1: group: must not be empty", "memberships.csv:2:2: email: must not be empty"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			before := w.stored()
			var reports []*directory.ImportReport
			for _, dry := range []bool{true, false} {
				report, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: tt.dir(), DryRun: dry})
				w.ok(err)
				reports = append(reports, report)
			}
			sameReport(t, reports[0], reports[1])
			if diff := cmp.Diff(tt.want, texts(reports[1].Refusals)); diff != "" {
				t.Errorf("refusals (-want +got):\n%s", diff)
			}
			if reports[1].Accepted || reports[1].RefusalCount != len(tt.want) {
				t.Errorf("accepted: %v, with %d refusals", reports[1].Accepted, reports[1].RefusalCount)
			}
			if diff := cmp.Diff(before, w.stored(), cmp.AllowUnexported(rowsThere{})); diff != "" {
				t.Errorf("something is kept (-before +after):\n%s", diff)
			}
		})
	}
}

func TestImport(t *testing.T) {
	base := []string{"boss@x.org: boss@x.org, SUPER_ADMIN, EN", "old@x.org: Olga Old, MEMBER, NL", "Mid: the middle", "Top: the top", "Mid in Top", "old@x.org in Mid"}
	tests := map[string]struct {
		csvFiles
		users, groups, memberships directory.ImportCounts
		want                       []string // that was not there before
		gone                       []string // that was
	}{
		"a new user": {
			csvFiles: csvFiles{users: "ann@x.org,Ann,Lee,ADMIN,Fr"}, users: counts(1, 0, 0, 0),
			want: []string{"ann@x.org: Ann Lee, ADMIN, FR"},
		},
		"without role and locale": {
			csvFiles: csvFiles{users: "ann@x.org,Ann,Lee,,"}, users: counts(1, 0, 0, 0),
			want: []string{"ann@x.org: Ann Lee, MEMBER, EN"},
		},
		"a user who is there as the file says": {csvFiles: csvFiles{users: "old@x.org,Olga,Old,member,nl"}, users: counts(0, 0, 1, 0)},
		"a user who differs": {
			csvFiles: csvFiles{users: "Old@X.org,Olga,Older,admin,de"}, users: counts(0, 1, 0, 0),
			want: []string{"Old@X.org: Olga Older, ADMIN, DE", "Old@X.org in Mid"}, gone: []string{"old@x.org: Olga Old, MEMBER, NL", "old@x.org in Mid"},
		},
		"a super admin handed over": {
			csvFiles: csvFiles{users: "boss@x.org,,,member,\nold@x.org,Olga,Old,super_admin,nl"}, users: counts(0, 2, 0, 0),
			want: []string{"boss@x.org: boss@x.org, MEMBER, EN", "old@x.org: Olga Old, SUPER_ADMIN, NL"},
			gone: []string{"boss@x.org: boss@x.org, SUPER_ADMIN, EN", "old@x.org: Olga Old, MEMBER, NL"},
		},
		"a new super admin for the old one": {
			csvFiles: csvFiles{users: "boss@x.org,,,,\nann@x.org,,,super_admin,"}, users: counts(1, 1, 0, 0),
			want: []string{"ann@x.org: ann@x.org, SUPER_ADMIN, EN", "boss@x.org: boss@x.org, MEMBER, EN"}, gone: []string{"boss@x.org: boss@x.org, SUPER_ADMIN, EN"},
		},
		"a group in two others, which come later": {
			csvFiles: csvFiles{groups: "C,see,A\nC,see,B\nA,ay,\nB,be,Mid"}, groups: counts(3, 0, 0, 0),
			want: []string{"A: ay", "B: be", "C: see", "B in Mid", "C in A", "C in B"},
		},
		"a group at the top and in another":    {csvFiles: csvFiles{groups: "A,,\nA,,Top"}, groups: counts(1, 0, 0, 0), want: []string{"A: ", "A in Top"}},
		"a group that is there as it is":       {csvFiles: csvFiles{groups: "Mid,the middle,TOP"}, groups: counts(0, 0, 1, 0)},
		"a parent that the file doesn't name":  {csvFiles: csvFiles{groups: "Mid,the middle,"}, groups: counts(0, 0, 1, 0)},
		"a group that differs":                 {csvFiles: csvFiles{groups: "MID,\"in two\nlines\","}, groups: counts(0, 1, 0, 0), want: []string{"MID: in two/lines", "MID in Top", "old@x.org in MID"}, gone: []string{"Mid: the middle", "Mid in Top", "old@x.org in Mid"}},
		"a group that gets another parent":     {csvFiles: csvFiles{groups: "New,,\nMid,the middle,New"}, groups: counts(1, 1, 0, 0), want: []string{"New: ", "Mid in New"}},
		"a parent above what is there":         {csvFiles: csvFiles{groups: "Top,the top,New\nNew,,"}, groups: counts(1, 1, 0, 0), want: []string{"New: ", "Top in New"}},
		"what only the account has":            {csvFiles: csvFiles{memberships: "Top,boss@x.org\nMID,Old@x.org"}, memberships: counts(1, 0, 1, 0), want: []string{"boss@x.org in Top"}},
		"what only the files have":             {csvFiles: csvFiles{users: "ann@x.org,,,,", groups: "A,,", memberships: "a,Ann@x.org"}, users: counts(1, 0, 0, 0), groups: counts(1, 0, 0, 0), memberships: counts(1, 0, 0, 0), want: []string{"ann@x.org: ann@x.org, MEMBER, EN", "A: ", "ann@x.org in A"}},
		"columns in another order, with a BOM": {csvFiles: csvFiles{users: "!\ufeffLocale, role ,family_name,given_name,email\r\nit,admin,Lee,\"Ann, \"\"A\"\"\",ann@x.org\r\n\r\n"}, users: counts(1, 0, 0, 0), want: []string{"ann@x.org: Ann, \"A\" Lee, ADMIN, IT"}},
		"a column with reasons":                {csvFiles: csvFiles{memberships: "!group,reason,email\nTop,\"was wrong\",old@x.org"}, memberships: counts(1, 0, 0, 0), want: []string{"old@x.org in Top"}},
		"no rows":                              {csvFiles: csvFiles{memberships: "!group,email"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			if diff := cmp.Diff(base, w.stored().lines()); diff != "" {
				t.Fatalf("what is there before (-want +got):\n%s", diff)
			}
			want := &directory.ImportReport{Accepted: true, Users: tt.users, Groups: tt.groups, Memberships: tt.memberships}
			before := w.stored()
			dry, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: tt.dir(), DryRun: true})
			w.ok(err)
			sameReport(t, want, dry)
			if diff := cmp.Diff(before, w.stored(), cmp.AllowUnexported(rowsThere{})); diff != "" {
				t.Errorf("a dry run keeps something (-before +after):\n%s", diff)
			}
			sameReport(t, want, w.mustImport(tt.csvFiles))
			after := w.stored()
			after.check(t)
			if diff := cmp.Diff(changed(base, tt.want, tt.gone), lineSet(after.lines())); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}

			again := w.mustImport(tt.csvFiles)
			for _, c := range []*directory.ImportCounts{&want.Users, &want.Groups, &want.Memberships} {
				*c = counts(0, 0, c.Created+c.Updated+c.Unchanged, 0)
			}
			sameReport(t, want, again)
			if diff := cmp.Diff(after, w.stored(), cmp.AllowUnexported(rowsThere{})); diff != "" {
				t.Errorf("importing again changes something (-before +after):\n%s", diff)
			}
		})
	}
}

func lineSet(lines []string) map[string]bool {
	set := map[string]bool{}
	for _, line := range lines {
		set[line] = true
	}
	return set
}

func changed(lines, more, less []string) map[string]bool {
	set := lineSet(append(append([]string{}, lines...), more...))
	for _, line := range less {
		delete(set, line)
	}
	return set
}

// refusedFiles gathers what is written for correction.
type refusedFiles struct{ files map[string]*closedBuffer }

type closedBuffer struct {
	bytes.Buffer
	closed bool
}

func (b *closedBuffer) Close() error { b.closed = true; return nil }

func (r *refusedFiles) open(file string) (io.WriteCloser, error) {
	if r.files == nil {
		r.files = map[string]*closedBuffer{}
	}
	r.files[file] = &closedBuffer{}
	return r.files[file], nil
}

func (r *refusedFiles) texts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for name, b := range r.files {
		if !b.closed {
			t.Errorf("%s is not closed", name)
		}
		texts[name] = b.String()
	}
	return texts
}

func TestImportKeepsGood(t *testing.T) {
	const users, groups, memberships = "email,given_name,family_name,role,locale,reason\n", "name,description,parent,reason\n", "group,email,reason\n"
	tests := map[string]struct {
		csvFiles
		want       []string // that was not there before
		refused    map[string]string
		correct    map[string]string // a piece of a refused file, and what to write instead
		correction []string          // what is there then
	}{
		"the good user of two": {
			csvFiles: csvFiles{users: "ann@x.org,Ann,,,\nbob,Bob,,,"},
			want:     []string{"ann@x.org: Ann, MEMBER, EN"},
			refused:  map[string]string{"users.csv": users + `bob,Bob,,,,"email: ""bob"" is not an e-mail address such as name@example.org"` + "\n"},
			correct:  map[string]string{"\nbob,": "\nbob@x.org,"}, correction: []string{"bob@x.org: Bob, MEMBER, EN"},
		},
		"the memberships of a refused user": {
			csvFiles: csvFiles{users: "ann@x.org,,,boss,\nbob@x.org,,,,", memberships: "Top,ann@x.org\nTop,bob@x.org\nMid,Ann@x.org"},
			want:     []string{"bob@x.org: bob@x.org, MEMBER, EN", "bob@x.org in Top"},
			refused: map[string]string{
				"users.csv": users + `ann@x.org,,,boss,,"role: ""boss"" is none of super_admin, admin, member"` + "\n",
				"memberships.csv": memberships + `Top,ann@x.org,"email: the user ""ann@x.org"" is refused: users.csv:2"` + "\n" +
					`Mid,Ann@x.org,"email: the user ""ann@x.org"" is refused: users.csv:2"` + "\n",
			},
			correct: map[string]string{",boss,": ",admin,"}, correction: []string{"ann@x.org: ann@x.org, ADMIN, EN", "ann@x.org in Top", "ann@x.org in Mid"},
		},
		"a refused user whom the account has": {
			csvFiles: csvFiles{users: "old@x.org,,,boss,", memberships: "Top,old@x.org"},
			want:     []string{"old@x.org in Top"},
			refused:  map[string]string{"users.csv": users + `old@x.org,,,boss,,"role: ""boss"" is none of super_admin, admin, member"` + "\n"},
		},
		"groups and members below a refused group": {
			csvFiles: csvFiles{groups: "A,,Nope\nB,,A\nC,,Top", memberships: "A,old@x.org\nB,old@x.org\nC,old@x.org"},
			want:     []string{"C: ", "C in Top", "old@x.org in C"},
			refused: map[string]string{
				"groups.csv": groups + `A,,Nope,"parent: there is no group ""Nope"", neither in groups.csv nor in the account"` + "\n" +
					`B,,A,"parent: the group ""A"" is refused: groups.csv:2"` + "\n",
				"memberships.csv": memberships + `A,old@x.org,"group: the group ""A"" is refused: groups.csv:2"` + "\n" +
					`B,old@x.org,"group: the group ""B"" is refused: groups.csv:3"` + "\n",
			},
			correct: map[string]string{"A,,Nope": "A,,Top"}, correction: []string{"A: ", "B: ", "A in Top", "B in A", "old@x.org in A", "old@x.org in B"},
		},
		"the good row of a group": {
			csvFiles: csvFiles{groups: "A,ay,Nope\nA,ay,Top\nB,,A"},
			want:     []string{"A: ay", "B: ", "A in Top", "B in A"},
			refused:  map[string]string{"groups.csv": groups + `A,ay,Nope,"parent: there is no group ""Nope"", neither in groups.csv nor in the account"` + "\n"},
			correct:  map[string]string{"Nope": "Mid"}, correction: []string{"A in Mid"},
		},
		"a loop": {
			csvFiles: csvFiles{groups: "A,,\nB,,A\nA,,B"},
			want:     []string{"A: ", "B: ", "B in A"},
			refused:  map[string]string{"groups.csv": groups + `A,,B,"parent: the parent lies in the child already, this would close a loop: B → A → B"` + "\n"},
		},
		"malformed rows": {
			csvFiles: csvFiles{users: "ann@x.org,A\"nn,,,\nbob@x.org,Bob\ncid@x.org,\"Cid\n"},
			refused: map[string]string{"users.csv": users +
				`ann@x.org,"A""nn",,,,"a quote inside a field: write it twice, and quote the whole field"` + "\n" +
				`bob@x.org,Bob,"the row has 2 fields, the header has 5"` + "\n" +
				`cid@x.org,Cid,the quote that opens here is never closed` + "\n"},
		},
		"the columns of the file, and its last reason": {
			csvFiles: csvFiles{memberships: "!email,Reason,group\nnobody@x.org,because,Top\nold@x.org,,Top"},
			want:     []string{"old@x.org in Top"},
			refused:  map[string]string{"memberships.csv": `email,group,reason` + "\n" + `nobody@x.org,Top,"email: there is no user ""nobody@x.org"", neither in users.csv nor in the account"` + "\n"},
			correct:  map[string]string{"nobody@": "boss@"}, correction: []string{"boss@x.org in Top"},
		},
		"two reasons": {
			csvFiles: csvFiles{users: "ann@x.org,,,boss,xx"},
			refused:  map[string]string{"users.csv": users + `ann@x.org,,,boss,xx,"role: ""boss"" is none of super_admin, admin, member; locale: ""xx"" is none of en, fr, it, de, es, pt, nl"` + "\n"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newImportWorld(t)
			base := w.stored().lines()
			var out refusedFiles
			in := directory.Import{Dir: tt.dir(), KeepGood: true, Refused: out.open, DryRun: true}
			dry, err := w.d.Import(t.Context(), w.who, in)
			w.ok(err)
			if len(out.files) > 0 {
				t.Error("a dry run writes files")
			}
			in.DryRun = false
			report, err := w.d.Import(t.Context(), w.who, in)
			w.ok(err)
			sameReport(t, dry, report)
			if !report.Accepted {
				t.Error("not accepted")
			}
			if diff := cmp.Diff(tt.refused, out.texts(t)); diff != "" {
				t.Errorf("refused rows (-want +got):\n%s", diff)
			}
			w.stored().check(t)
			want := changed(base, tt.want, nil)
			if diff := cmp.Diff(want, lineSet(w.stored().lines())); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}
			if tt.correct == nil {
				return
			}
			dir := fstest.MapFS{}
			for name, text := range out.texts(t) {
				for from, to := range tt.correct {
					text = strings.ReplaceAll(text, from, to)
				}
				dir[name] = &fstest.MapFile{Data: []byte(text)}
			}
			report, err = w.d.Import(t.Context(), w.who, directory.Import{Dir: dir})
			w.ok(err)
			if report.RefusalCount > 0 {
				t.Errorf("still refused: %v", report.Refusals)
			}
			if diff := cmp.Diff(changed(append(base, tt.want...), tt.correction, nil), lineSet(w.stored().lines())); diff != "" {
				t.Errorf("what is there after the correction (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportChecksTheWholeAtOnce(t *testing.T) {
	w := newImportWorld(t)
	report, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: csvFiles{users: strings.Repeat("bad,,,,\n", 250)}.dir()})
	w.ok(err)
	if report.RefusalCount != 250 || report.Users.Refused != 250 || len(report.Refusals) != 100 || report.Refusals[99].Line != 101 {
		t.Errorf("%d refusals in %d rows, %d of them listed, the last at line %d",
			report.RefusalCount, report.Users.Refused, len(report.Refusals), report.Refusals[99].Line)
	}
}

func TestImportIsTheOperators(t *testing.T) {
	w := newImportWorld(t)
	files := csvFiles{users: "ann@x.org,,,,"}
	for name, who := range map[string]auth.Caller{
		"a super admin": {Account: w.who.Account, UserID: w.user("boss@x.org").ID, Role: models.RoleSuperAdmin, Kind: auth.Person},
		"an admin":      {Account: w.who.Account, Role: models.RoleAdmin, Kind: auth.Operator},
		"nobody":        {},
	} {
		if _, err := w.d.Import(t.Context(), who, directory.Import{Dir: files.dir()}); !errors.Is(err, auth.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.user("ann@x.org") != nil {
		t.Error("the user is there")
	}
	if _, err := w.d.Import(t.Context(), auth.OperatorOf(models.NewID[models.AccountID]()), directory.Import{Dir: files.dir()}); err == nil {
		t.Error("an account that is not there takes an import")
	}
	_, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: fstest.MapFS{"people.csv": {}}})
	if err == nil || err.Error() != "there is none of [users.csv groups.csv memberships.csv] to import" {
		t.Errorf("a folder without the files: %v", err)
	}
}
