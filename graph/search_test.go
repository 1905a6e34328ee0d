package graph_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

// people of a search, by the name that the table calls them.
var found = map[string]models.UserCreateInput{
	"josé":     {Email: "jgarcia@example.org", GivenName: "José", FamilyName: "García López"},
	"zoë":      {Email: "zoe.b@sub.example.com", GivenName: "Zoë", FamilyName: "Brontë"},
	"søren":    {Email: "sk@filosofi.dk", GivenName: "Søren", FamilyName: "Ærøskøbing"},
	"łukasz":   {Email: "lw@example.pl", GivenName: "Łukasz", FamilyName: "Wałęsa"},
	"strauß":   {Email: "r.strauss@oper.at", GivenName: "Richard", FamilyName: "Strauß"},
	"o'brien":  {Email: "flann+news@example.ie", GivenName: "Flann", FamilyName: "O'Brien-Nolan"},
	"işıl":     {Email: "isil@example.tr", GivenName: "Işıl", FamilyName: "İnönü"},
	"percent":  {Email: "100%_sure@example.net", GivenName: "100%", FamilyName: "Under_score"},
	"ελένη":    {Email: "eleni@example.gr", GivenName: "Ελένη", FamilyName: "Παπαδοπούλου"},
	"田中":       {Email: "tanaka@example.jp", GivenName: "太郎", FamilyName: "田中"},
	"chosen":   {Email: "plain@example.org", GivenName: "Plain", FamilyName: "Name", DisplayName: new("Captain Nemo")},
	"no names": {Email: "only.address@example.org"},
}

// Words begin parts of the name or the e-mail, without regard to case and accents; every word must fit.
func TestSearch(t *testing.T) {
	a := newAPI(t)
	who := map[string]string{a.admin.UserID.String(): "super"}
	for name, in := range found {
		in.Role, in.Locale = models.RoleMember, models.LocaleEn
		p, err := a.directory.CreateUser(context.Background(), a.operator(), in)
		if err != nil {
			t.Fatal(err)
		}
		who[p.User.ID.String()] = name
	}
	everybody := slices.Sorted(mapKeys(found))
	everybody = append(everybody, "super")
	for search, want := range map[string][]string{
		"jos gar":              {"josé"},
		"GARCIA":               {"josé"},
		"garcía":               {"josé"},
		"lopez jose":           {"josé"},
		"jose\u0301":           {"josé"},
		"ｊｏｓｅ":                 {"josé"},
		"arcia":                {}, // no beginning
		"jos zoe":              {}, // nobody is both
		"zoe":                  {"zoë"},
		"ZOË":                  {"zoë"},
		"sub":                  {"zoë"}, // a part of the domain
		"zoe.b@sub":            {"zoë"},
		"soren":                {"søren"},
		"SØREN":                {"søren"},
		"aeros":                {"søren"},
		"ærøsk":                {"søren"},
		"lukasz walesa":        {"łukasz"},
		"strauss":              {"strauß"},
		"STRAUSS":              {"strauß"},
		"strauß":               {"strauß"},
		"STRAUẞ":               {"strauß"},
		"obrien":               {},
		"o'b":                  {"o'brien"},
		"brien":                {"o'brien"},
		"nolan":                {"o'brien"},
		"o'brien-no":           {"o'brien"},
		"flann+news":           {"o'brien"},
		"news":                 {"o'brien"},
		"isil":                 {"işıl"},
		"ışıl":                 {"işıl"},
		"inonu":                {"işıl"},
		"%":                    {},
		"100%":                 {"percent"},
		"100_":                 {},
		"under_":               {"percent"},
		"underXscore":          {},
		"_":                    {},
		`\`:                    {},
		"'":                    {},
		"ελενη":                {"ελένη"},
		"ΠΑΠΑ":                 {"ελένη"},
		"田":                    {"田中"},
		"太郎 tanaka":            {"田中"},
		"nemo":                 {"chosen"},
		"captain name":         {"chosen"}, // the names behind a chosen one are still found
		"address":              {"no names"},
		"only.address@example": {"no names"},
		"plain plain PLAIN":    {"chosen"},
		"":                     everybody,
		" \t\n ":               everybody,
		"nobody":               {},
		"z\U0010FFFF":          {},
		"z\u200doe":            {"zoë"},
	} {
		t.Run(search, func(t *testing.T) {
			got := []string{}
			for _, id := range texts(a.in(t).must(`query ($s: String!) { users(first: 100, filter: {search: $s}) { nodes { id } } }`, vars{"s": search}), "users.nodes.*.id") {
				got = append(got, who[id])
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchOfGroups(t *testing.T) {
	a := newAPI(t)
	for _, name := range []string{"Équipe Paris", "R&D / Łódź", "IT-Support (2nd level)", "100 % Sales", "Ärzte", "équipes"} {
		a.group(name, nil)
	}
	for search, want := range map[string][]string{
		"equipe":       {"Équipe Paris", "équipes"},
		"PARIS équipe": {"Équipe Paris"},
		"lodz":         {"R&D / Łódź"},
		"r&":           {"R&D / Łódź"},
		"d":            {"R&D / Łódź"},
		"support":      {"IT-Support (2nd level)"},
		"it-s":         {"IT-Support (2nd level)"},
		"(2":           {"IT-Support (2nd level)"},
		"2nd lev":      {"IT-Support (2nd level)"},
		"%":            {"100 % Sales"},
		"arzt":         {"Ärzte"},
		"upport":       {},
	} {
		t.Run(search, func(t *testing.T) {
			got := texts(a.in(t).must(`query ($s: String!) { groups(filter: {search: $s}) { nodes { name } } }`, vars{"s": search}), "groups.nodes.*.name")
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a new name is found and the old one no more", func(t *testing.T) {
		a := newAPI(t)
		group := a.group("Before", nil)
		user := a.person("before@example.org", models.RoleMember).UserID
		a.done("groupUpdate", "group { id }", vars{"id": group.String(), "name": "After"})
		a.done("userUpdate", "user { id }", vars{"id": user.String(), "email": "after@example.org", "givenName": "Ann"})
		for search, n := range map[string]float64{"before": 0, "after": 1} {
			data := a.must(`query ($s: String!) { groups(filter: {search: $s}) { totalCount } users(filter: {search: $s}) { totalCount } }`, vars{"s": search})
			if get(data, "groups.totalCount") != n || get(data, "users.totalCount") != n {
				t.Errorf("%s: %v", search, data)
			}
		}
	})
}

// Looking somebody up goes by what is the same e-mail and the same name: case doesn't count, accents do.
func TestLookup(t *testing.T) {
	a := newAPI(t)
	a.person("José.García@example.org", models.RoleMember)
	a.group("Équipe", nil)
	for query, want := range map[string]any{
		`{ it: user(by: {email: "José.García@example.org"}) { name: email } }`:              "José.García@example.org",
		`{ it: user(by: {email: "JOSÉ.GARCÍA@EXAMPLE.ORG"}) { name: email } }`:              "José.García@example.org",
		`{ it: user(by: {email: " jose\u0301.garci\u0301a@example.org"}) { name: email } }`: "José.García@example.org",
		`{ it: user(by: {email: "jose.garcia@example.org"}) { name: email } }`:              nil,
		`{ it: user(by: {email: "José.García@example.or"}) { name: email } }`:               nil,
		`{ it: user(by: {email: ""}) { name: email } }`:                                     nil,
		`{ it: group(by: {name: "équipe"}) { name } }`:                                      "Équipe",
		`{ it: group(by: {name: "E\u0301QUIPE "}) { name } }`:                               "Équipe",
		`{ it: group(by: {name: "Equipe"}) { name } }`:                                      nil,
		`{ it: group(by: {name: "Équip%"}) { name } }`:                                      nil,
		`{ it: group(by: {name: ""}) { name } }`:                                            nil,
		`{ it: group(by: {name: "` + strings.Repeat("é", 5000) + `"}) { name } }`:           nil,
	} {
		t.Run(query[:min(len(query), 60)], func(t *testing.T) {
			if got := get(a.in(t).must(query, nil), "it.name"); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
