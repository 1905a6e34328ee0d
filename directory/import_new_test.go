package directory_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

func TestImportNew(t *testing.T) {
	ann := models.UserCreateInput{Email: "ann@x.org", GivenName: "Ann", Locale: models.LocaleEn}
	const noEmail = "admin.email: an account has a super admin, and users.csv names none"
	tests := map[string]struct {
		csvFiles
		admin    models.UserCreateInput
		users    directory.ImportCounts
		refusals []string
		err      string
		want     []string // nil: there is no account
	}{
		"with a super admin of its own": {
			csvFiles: csvFiles{users: "bob@x.org,Bob,,,", groups: "A,,", memberships: "A,bob@x.org\nA,ann@x.org"}, admin: ann, users: counts(1, 0, 0, 0),
			want: []string{"ann@x.org: Ann, SUPER_ADMIN, EN", "bob@x.org: Bob, MEMBER, EN", "A: ", "ann@x.org in A", "bob@x.org in A"},
		},
		"with the first super admin of the file": {
			csvFiles: csvFiles{users: "bob@x.org,Bob,,,\ncid@x.org,Cid,,super_admin,fr\ndee@x.org,,,super_admin,"}, users: counts(3, 0, 0, 0),
			want: []string{"bob@x.org: Bob, MEMBER, EN", "cid@x.org: Cid, SUPER_ADMIN, FR", "dee@x.org: dee@x.org, SUPER_ADMIN, EN"},
		},
		"the super admin is in the file, too": {
			csvFiles: csvFiles{users: "Ann@x.org,Anna,Lee,super_admin,de"}, admin: ann, users: counts(1, 0, 0, 0),
			want: []string{"Ann@x.org: Anna Lee, SUPER_ADMIN, DE"},
		},
		"the file demotes the only super admin": {
			csvFiles: csvFiles{users: "ann@x.org,Ann,,member,"}, admin: ann, users: counts(0, 0, 0, 1),
			refusals: []string{"users.csv:2:16: role: this is the account's last super admin who is not suspended: make another one first"},
		},
		"the file has another super admin for the demoted": {
			csvFiles: csvFiles{users: "ann@x.org,Ann,,member,\nbob@x.org,Bob,,super_admin,"}, admin: ann, users: counts(2, 0, 0, 0),
			want: []string{"ann@x.org: Ann, MEMBER, EN", "bob@x.org: Bob, SUPER_ADMIN, EN"},
		},
		"nobody is super admin": {csvFiles: csvFiles{users: "bob@x.org,Bob,,admin,"}, users: counts(1, 0, 0, 0), err: noEmail},
		"a refused super admin": {
			csvFiles: csvFiles{users: "bob@x.org,Bob,,super_admin,xx"}, users: counts(0, 0, 0, 1),
			refusals: []string{`users.csv:2:28: locale: "xx" is none of en, fr, it, de, es, pt, nl`},
		},
		"an unknown group": {
			csvFiles: csvFiles{memberships: "A,ann@x.org"}, admin: ann,
			refusals: []string{`memberships.csv:2:1: group: there is no group "A", neither in groups.csv nor in the account`},
		},
		"a super admin whose e-mail is wrong": {
			csvFiles: csvFiles{groups: "A,,"}, admin: models.UserCreateInput{Email: "ann"},
			err: `admin.email: "ann" is not an e-mail address such as name@example.org`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := emptyImportWorld(t)
			in := directory.NewAccount{Name: newName(), Admin: tt.admin}
			for _, dry := range []bool{true, false} {
				account, admin, report, err := w.d.ImportNew(t.Context(), in, directory.Import{Dir: tt.dir(), DryRun: dry})
				if err != nil && err.Error() != tt.err || err == nil && tt.err != "" {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				if report != nil {
					if diff := cmp.Diff(tt.refusals, texts(report.Refusals)); diff != "" {
						t.Errorf("refusals (-want +got):\n%s", diff)
					}
					if diff := cmp.Diff(tt.users, report.Users); diff != "" {
						t.Errorf("dry run: %v, users (-want +got):\n%s", dry, diff)
					}
				}
				if dry || tt.want == nil {
					if account != nil || admin != nil {
						t.Errorf("dry run: %v, account %v, super admin %v", dry, account, admin)
					}
					w.noAccount(in.Name)
					continue
				}
				w.who = auth.OperatorOf(account.ID)
				w.stored().check(t)
				if diff := cmp.Diff(tt.want, w.stored().lines()); diff != "" {
					t.Errorf("what is there (-want +got):\n%s", diff)
				}
				if again := w.mustImport(tt.csvFiles).Users; again.Created+again.Updated > 0 {
					t.Errorf("again: %+v", again)
				}
				_, _, _, err = w.d.ImportNew(t.Context(), in, directory.Import{Dir: tt.dir()})
				var taken *models.Error
				if !errors.As(err, &taken) || taken.Code != models.CodeNameTaken {
					t.Errorf("a second account of the name: %v", err)
				}
			}
		})
	}
}

func (w *importWorld) noAccount(name string) {
	w.t.Helper()
	var n int64
	w.ok(w.store.Read.WithContext(w.t.Context()).Model(&models.Account{}).Where("name_key = ?", models.Key(name)).Count(&n).Error)
	if n > 0 {
		w.t.Error("there is an account")
	}
}

func kubernetes() fs.FS { return os.DirFS("../testdata/kubernetes-org") }

// A real organisation: what is reported, what is stored, what is found; and again.
func TestImportKubernetes(t *testing.T) {
	w := emptyImportWorld(t)
	in := directory.NewAccount{Name: newName(), Admin: models.UserCreateInput{Email: "boss@k8s.example", Locale: models.LocaleEn}}
	want := &directory.ImportReport{Accepted: true, Users: counts(1509, 0, 0, 0), Groups: counts(774, 0, 0, 0), Memberships: counts(6281, 0, 0, 0)}
	_, _, dry, err := w.d.ImportNew(t.Context(), in, directory.Import{Dir: kubernetes(), DryRun: true})
	w.ok(err)
	sameReport(t, want, dry)
	w.noAccount(in.Name)

	account, _, report, err := w.d.ImportNew(t.Context(), in, directory.Import{Dir: kubernetes()})
	w.ok(err)
	sameReport(t, want, report)
	w.who = auth.OperatorOf(account.ID)
	after := w.stored()
	after.check(t)
	for search, want := range map[string]int{"person0042": 1, "k8s": 1510, "DÍAZ": 0} {
		if want == 0 {
			for _, u := range after.users {
				if u.FamilyName == "Diaz" {
					want++
				}
			}
		}
		found, err := w.d.CountUsers(t.Context(), w.who, &models.UserFilter{Search: &search})
		w.ok(err)
		if found != want || want == 0 {
			t.Errorf("a search for %s finds %d, want %d", search, found, want)
		}
	}

	again, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: kubernetes()})
	w.ok(err)
	want.Users, want.Groups, want.Memberships = counts(0, 0, 1509, 0), counts(0, 0, 774, 0), counts(0, 0, 6281, 0)
	sameReport(t, want, again)
	if diff := cmp.Diff(after, w.stored(), cmp.AllowUnexported(rowsThere{})); diff != "" {
		t.Errorf("importing again changes something (-before +after):\n%s", diff)
	}
}

// What was written before an import was broken off stays, and the next one does the rest.
func TestImportGoesOn(t *testing.T) {
	for _, file := range []string{"users.csv", "groups.csv", "memberships.csv"} {
		t.Run(file, func(t *testing.T) {
			w := newImportWorld(t)
			ctx, stop := context.WithCancel(t.Context())
			done := 0
			report, err := w.d.Import(ctx, w.who, directory.Import{Dir: kubernetes(), Progress: func(p directory.ImportProgress) {
				if p.Step == directory.ImportWrites && p.File == file && p.Done > 0 {
					done += p.Done
					stop()
				}
			}})
			if !errors.Is(err, context.Canceled) && file != "memberships.csv" {
				t.Fatalf("error %v", err)
			}
			if done == 0 || report.Users.Created == 0 {
				t.Errorf("%d written, reported %+v", done, report)
			}
			w.stored().check(t)
			rest, err := w.d.Import(t.Context(), w.who, directory.Import{Dir: kubernetes()})
			w.ok(err)
			if n := report.Users.Created + rest.Users.Created; n != 1509 {
				t.Errorf("%d users created in both", n)
			}
			if n := report.Memberships.Created + rest.Memberships.Created; n != 6281 {
				t.Errorf("%d memberships created in both", n)
			}
			w.stored().check(t)
		})
	}
}
