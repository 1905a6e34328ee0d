package locale

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts reads a language's file: the forms of each text.
func texts(t *testing.T, code string) map[string]map[string]string {
	t.Helper()
	raw, err := files.ReadFile("texts/" + code + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]json.RawMessage
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for id, text := range read {
		forms := map[string]string{}
		if json.Unmarshal(text, &forms) != nil {
			var only string
			if err := json.Unmarshal(text, &only); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			forms["other"] = only
		}
		all[id] = forms
	}
	return all
}

func TestSevenLanguages(t *testing.T) {
	if diff := cmp.Diff([]string{"de", "en", "es", "fr", "it", "nl", "pt"}, slices.Sorted(maps.Keys(languages))); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
}

var names = regexp.MustCompile(`\{\{\.\w+\}\}`)

// same are the texts that are the same word in English.
var same = map[string]bool{
	"es export.no": true, "it export.no": true, "de export.column.name": true, "de export.column.status": true, "nl export.column.status": true,
}

// Every language has every text, with the same values in it, and doesn't have it in English.
func TestEveryLanguageHasEveryText(t *testing.T) {
	english := texts(t, "en")
	for code := range languages {
		own := texts(t, code)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(own))); diff != "" {
			t.Errorf("%s (-en +%s):\n%s", code, code, diff)
		}
		for id, forms := range own {
			if forms["other"] == "" {
				t.Errorf("%s: %s has no text", code, id)
			}
			if plural := len(english[id]) > 1; plural && forms["one"] == "" {
				t.Errorf("%s: %s has no singular", code, id)
			}
			if code != "en" && forms["other"] == english[id]["other"] && !same[code+" "+id] {
				t.Errorf("%s: %s is in English: %s", code, id, forms["other"])
			}
			in := func(text string) []string { return slices.Sorted(slices.Values(names.FindAllString(text, -1))) }
			if diff := cmp.Diff(in(english[id]["other"]), in(forms["other"])); diff != "" {
				t.Errorf("%s: values in %s (-en +%s):\n%s", code, id, code, diff)
			}
		}
	}
}

// Typography: a language's own quotation marks, apostrophes, and spaces that don't break before French colons.
func TestTypography(t *testing.T) {
	wrong := map[string]string{
		"en": `["'«»„]`, "fr": `["'“”„]|[^\x{a0}]:|[^\x{a0}][»;?!]|«[^\x{a0}]`, "it": `["'“”„]`, "de": `["'«»]`, "es": `["'“”„]`, "pt": `["'«»„]`, "nl": `["'«»“”„]`,
	}
	for code := range languages {
		form := regexp.MustCompile(wrong[code])
		for id, forms := range texts(t, code) {
			for _, text := range forms {
				plain := names.ReplaceAllString(text, "X")
				if form.MatchString(plain) || strings.Contains(plain, "  ") || strings.Contains(plain, "...") || strings.TrimSpace(plain) != plain {
					t.Errorf("%s: %s: %q", code, id, text)
				}
			}
		}
	}
}

func TestPlural(t *testing.T) {
	for code, want := range map[string][3]string{
		"en": {"You no longer have 0 of your products", "You no longer have X", "You no longer have 1000000 of your products"},
		"FR": {"Vous n’avez plus accès à X", "Vous n’avez plus accès à X", "Vous n’avez plus accès à 1000000 de vos produits"},
		"xx": {"You no longer have 0 of your products", "You no longer have X", "You no longer have 1000000 of your products"},
	} {
		for i, n := range []int{0, 1, 1_000_000} {
			if got := Of(code).Plural("notice.subject.removed", n, Values{"Product": "X"}); got != want[i] {
				t.Errorf("%s, %d: %s", code, n, got)
			}
		}
	}
}
