package models

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// codeOf is the kind of mistake that an error is, "" for none.
func codeOf(t testing.TB, err error) ErrorCode {
	t.Helper()
	var e *Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%v is no mistake of the caller", err)
	}
	if e == nil {
		return ""
	}
	return e.Code
}

func TestLine(t *testing.T) {
	long := strings.Repeat("é", 10)
	tests := map[string]struct {
		text     string
		required bool
		want     string
		code     ErrorCode
	}{
		"plain":                         {"Ann", true, "Ann", ""},
		"space around":                  {"\u00a0 Ann\u3000\t", true, "Ann", ""},
		"space inside stays":            {"Ann  Lee", true, "Ann  Lee", ""},
		"composed":                      {"e\u0301", true, "é", ""},
		"compatible forms stay":         {"ﬁ Ａ", true, "ﬁ Ａ", ""},
		"empty":                         {"", false, "", ""},
		"empty and required":            {"", true, "", CodeRequired},
		"space and required":            {" \u2003", true, "", CodeRequired},
		"a joiner and required":         {"\u200d", true, "", CodeRequired},
		"variation selectors, required": {"\ufe0f\U000e0100", true, "", CodeRequired},
		"an emoji of several":           {"👩‍👩‍👧 ❤️", true, "👩‍👩‍👧 ❤️", ""},
		"a word with a non-joiner":      {"می\u200cخواهم", true, "می\u200cخواهم", ""},
		"right to left letters":         {"שלום", true, "שלום", ""},
		"as long as allowed":            {long, true, long, ""},
		"composed within the limit":     {strings.Repeat("e\u0301", 10), true, long, ""},
		"longer after composing":        {strings.Repeat("\u0958", 6), true, "", CodeTooLong}, // each becomes two
		"one too long":                  {long + "e", true, "", CodeTooLong},
		"NUL":                           {"a\x00b", true, "", CodeInvalidCharacters},
		"a line break":                  {"a\nb", true, "", CodeInvalidCharacters},
		"a line break around":           {"\na\r\n", true, "a", ""},
		"a tab":                         {"a\tb", true, "", CodeInvalidCharacters},
		"the other way":                 {"a\u202eb", true, "", CodeInvalidCharacters},
		"an invisible letter":           {"a\u115fb", true, "", CodeInvalidCharacters},
		"broken encoding":               {"a\xffb", true, "", CodeInvalidCharacters},
		"half a surrogate pair":         {"a\xed\xa0\x80b", true, "", CodeInvalidCharacters},
		"what was broken before":        {"a\ufffdb", true, "", CodeInvalidCharacters},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Line(tt.text, 10, tt.required)
			if code := codeOf(t, err); code != tt.code {
				t.Errorf("Line: %v, want %q", err, tt.code)
			}
			if got != tt.want {
				t.Errorf("Line: %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParagraph(t *testing.T) {
	got, err := Paragraph("\r\n one\r\ntwo\tthree\n\n", 20)
	if err != nil || got != "one\ntwo\tthree" {
		t.Errorf("%q, %v", got, err)
	}
	for text, code := range map[string]ErrorCode{"a\x0bb": CodeInvalidCharacters, "a\rb": CodeInvalidCharacters, "a\u2028b": CodeInvalidCharacters, strings.Repeat("a", 21): CodeTooLong} {
		if _, err := Paragraph(text, 20); codeOf(t, err) != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

func TestKey(t *testing.T) {
	for _, same := range [][]string{
		{"Sales", "SALES", " sales\n", "Ｓａｌｅｓ", "Sa\u200dles", "sales\ufe0e"},
		{"Straße", "STRASSE", "strasse", "STRAẞE"},
		{"é", "É", "e\u0301", "E\u0301"},
		{"office", "oﬃce", "OFFICE"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ"},
		{"x²", "X2"},
		{"", "  ", "\u200d"},
	} {
		for _, text := range same {
			if Key(text) != Key(same[0]) {
				t.Errorf("%q is another key than %q", text, same[0])
			}
		}
	}
	for _, pair := range [][2]string{{"e", "é"}, {"a b", "ab"}, {"o", "ø"}, {"1", "l"}, {"ss", "s"}} {
		if Key(pair[0]) == Key(pair[1]) {
			t.Errorf("%q is the same key as %q", pair[0], pair[1])
		}
	}
	// One character becomes eighteen; the column holds 600.
	if n := utf8.RuneCountInString(Key(strings.Repeat("\ufdfa", 200))); n != maxKey {
		t.Errorf("a key of %d characters", n)
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"José García": "jose garcia", "ZOË": "zoe", "Søren": "soren", "Łukasz": "lukasz", "Strauß": "strauss", "Æon": "aeon", "Œuvre": "oeuvre",
		"Þór": "thor", "Đặng": "dang", "İstanbul": "istanbul", "ışık": "isik", "ﬁ": "fi", "Ａ": "a", "ελένη": "ελενη", "Ёж": "еж", "  x ": "x", "a\u200db": "ab",
		"½": "1⁄2", "": "",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for search, want := range map[string][]string{
		"jos GAR":                 {"gar", "jos"},
		"jos  Jós JOS":            {"jos"},
		"":                        nil,
		" \t\n":                   nil,
		"100% a_b":                {"100%", "a_b"},
		"x\xff\xfey":              {"xy"},
		"o'b ann-marie":           {"ann-marie", "o'b"},
		"b a c d e f g h i j A B": {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"},
	} {
		got, err := Words(search)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", search, got, err, want)
		}
	}
	for search, code := range map[string]ErrorCode{strings.Repeat("é", 201): CodeTooLong, "a b c d e f g h i j k": CodeTooMany} {
		if _, err := Words(search); codeOf(t, err) != code {
			t.Errorf("%q: %v, want %s", search, err, code)
		}
	}
}

func TestTerms(t *testing.T) {
	got := Terms("José", "O'Brien-Nolan", "ann.lee@example.org", "", "José")
	want := []string{"ann.lee@example.org", "brien", "example", "jose", "lee", "nolan", "o'brien-nolan", "org"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
}

func TestTermsOfUsers(t *testing.T) {
	for email, want := range map[string][]string{
		"ann.lee@example.org":          {"ann.lee@example.org", "example.org", "lee"},
		"Ann@Mail.Some-Partner.Co.Uk":  {"ann@mail.some-partner.co.uk", "co", "lee", "mail.some-partner.co.uk", "partner", "some-partner"},
		"o'brien+cohort@[192.168.0.1]": {"0", "168", "[192.168.0.1]", "192", "ann", "brien", "cohort", "lee", "o'brien+cohort@[192.168.0.1]"},
	} {
		user := User{Email: email, GivenName: "Ann", FamilyName: "Lee", DisplayName: "Ann Lee"}
		slices.Sort(want)
		if diff := cmp.Diff(want, user.Terms()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", email, diff)
		}
	}
}

// What was cleaned is clean: nothing in it is hidden, and cleaning it again changes nothing.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"Ann", " \u00a0x\u200d", "a\x00", "e\u0301", "\u202eabc", "\xff", "👩‍👧", "ﷺ", "\u1112\u1161", "a\u3164", "\u0958"} {
		f.Add(text, 200, true)
	}
	f.Fuzz(func(t *testing.T, text string, limit int, required bool) {
		limit = 1 + abs(limit)%2000
		got, err := Line(text, limit, required)
		if err != nil {
			if got != "" || codeOf(t, err) == "" {
				t.Errorf("%q with %v", got, err)
			}
			return
		}
		switch {
		case !utf8.ValidString(got), !norm.NFC.IsNormalString(got), got != strings.TrimSpace(got):
			t.Errorf("%q is not clean", got)
		case utf8.RuneCountInString(got) > limit:
			t.Errorf("%d characters", utf8.RuneCountInString(got))
		case required && strings.TrimFunc(got, func(r rune) bool { return joins(r) || unicode.IsSpace(r) }) == "":
			t.Errorf("%q is nothing", got)
		case strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
			t.Errorf("%q has something hidden", got)
		}
		if again, err := Line(got, limit, required); err != nil || again != got {
			t.Errorf("%q becomes %q, %v", got, again, err)
		}
		if Key(got) != Key(text) {
			t.Errorf("the key of %q is another one than that of %q", got, text)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func FuzzEmail(f *testing.F) {
	for _, text := range []string{"ann@example.org", "a@b", "jörg@bücher.example", "Ann <a@b.c>", `"a b"@c.d`, "a@[1.2.3.4]", "a@b,c@d", "ａ@b.c", "@", "a@b@c", "a\x00@b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Email(text)
		if err != nil {
			_ = codeOf(t, err)
			return
		}
		local, domain, _ := strings.Cut(got, "@")
		if local == "" || domain == "" || strings.Contains(domain, "@") || strings.ContainsFunc(got, unicode.IsSpace) || utf8.RuneCountInString(got) > MaxEmail {
			t.Errorf("%q is taken for an address", got)
		}
		if again, err := Email(got); err != nil || again != got {
			t.Errorf("%q becomes %q, %v", got, again, err)
		}
		if Key(got) == "" || len(Terms(got)) == 0 {
			t.Errorf("nobody finds %q", got)
		}
	})
}

// Whatever is searched for is found in a text that has it, and the columns hold what is stored.
func FuzzWordsAndTerms(f *testing.F) {
	for _, text := range []string{"José García", "O'Brien", "a b c d e f g h i j k", "\xff", "ﷺ", "Straße", "İ", "가각", "x\u00a0y", "\u0345", "ⅷ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := Words(text)
		if err != nil {
			if code := codeOf(t, err); code != CodeTooLong && code != CodeTooMany {
				t.Errorf("Words: %v", err)
			}
			words = nil
		}
		if !slices.IsSorted(words) || len(words) > MaxSearchWords || len(slices.Compact(slices.Clone(words))) != len(words) {
			t.Errorf("words %q", words)
		}
		terms := Terms(strings.ToValidUTF8(text, ""))
		for _, term := range terms {
			if n := utf8.RuneCountInString(term); n == 0 || n > MaxName || !utf8.ValidString(term) || strings.ContainsFunc(term, unicode.IsSpace) {
				t.Errorf("term %q", term)
			}
		}
		for _, word := range words {
			if !slices.ContainsFunc(terms, func(term string) bool { return strings.HasPrefix(term, cut(word, MaxName)) }) {
				t.Errorf("%q isn't found in %q", word, terms)
			}
		}
		for _, column := range []string{Key(text), Fold(text)} {
			if utf8.RuneCountInString(column) > maxKey || column != strings.TrimSpace(column) {
				t.Errorf("column %q", column)
			}
		}
	})
}
