package models

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// The longest texts, in characters.
const (
	MaxEmail       = 254
	MaxName        = 200
	MaxDescription = 2000
	MaxSearch      = 200
	MaxSearchWords = 10
	maxKey         = 600
)

// Line checks and cleans a text of one line: without space around it, in NFC. REQUIRED when it is empty
// and must not be, TOO_LONG, INVALID_CHARACTERS for control characters and invisible marks (those that
// turn the direction among them), with which one name can be made to look like another.
func Line(text string, limit int, required bool) (string, error) {
	return clean(text, limit, required, "")
}

// Paragraph is Line for a text that may have line breaks and tabs.
func Paragraph(text string, limit int) (string, error) {
	return clean(text, limit, false, "\n\t")
}

func clean(text string, limit int, required bool, allowed string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return "", Errorf(CodeInvalidCharacters, "the text is not valid Unicode")
	}
	text = norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")))
	for _, r := range text {
		if hidden(r) && !strings.ContainsRune(allowed, r) {
			return "", Errorf(CodeInvalidCharacters, "the text has the invisible character U+%04X: take it out", r)
		}
	}
	if required && strings.TrimFunc(text, joins) == "" {
		return "", Errorf(CodeRequired, "must not be empty")
	}
	if n := utf8.RuneCountInString(text); n > limit {
		return "", Errorf(CodeTooLong, "%d characters, at most %d are allowed", n, limit).With("limit", itoa(limit))
	}
	return text, nil
}

// hidden tells characters that don't show, or are none.
func hidden(r rune) bool {
	return !joins(r) && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// joins tells characters that only shape their neighbours, the joiners and the variation selectors. Several
// scripts and emoji need them; alone they are nothing, and no name is another one for them.
func joins(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return r == nonJoiner || r == joiner || unicode.Is(unicode.Variation_Selector, r)
}

func withoutJoins(text string) string {
	return strings.Map(func(r rune) rune {
		if joins(r) {
			return -1
		}
		return r
	}, text)
}

// Email checks and cleans an address: REQUIRED, TOO_LONG, INVALID_CHARACTERS, INVALID_EMAIL.
func Email(text string) (string, error) {
	text, err := Line(text, MaxEmail, true)
	if err != nil {
		return "", err
	}
	address, parseErr := mail.ParseAddress(text)
	if parseErr != nil || address.Name != "" || address.Address != text || strings.ContainsAny(text, " \"<>(),:;[]\\") {
		return "", Errorf(CodeInvalidEmail, "%s is not an e-mail address such as name@example.org", quote(text))
	}
	return text, nil
}

// Key is what makes two e-mails or two names the same: without regard to case and to the way a character
// is composed. Accents count.
func Key(text string) string {
	return cut(strings.TrimSpace(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(withoutJoins(text))))), maxKey)
}

// letters that Unicode doesn't take apart into a base and a mark, though readers and keyboards do.
var letters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "æ", "ae", "œ", "oe", "þ", "th", "ı", "i", "ħ", "h")

// Fold is what lists sort by and search looks at: without regard to case and accents.
func Fold(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(cases.Fold().String(withoutJoins(text))) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return cut(letters.Replace(strings.TrimSpace(b.String())), maxKey)
}

func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:limit])) // MySQL takes no notice of space at the end
}

// Words are the words of a search: folded, each once. TOO_LONG over 200 characters, TOO_MANY over 10 words.
func Words(search string) ([]string, error) {
	if n := utf8.RuneCountInString(search); n > MaxSearch {
		return nil, Errorf(CodeTooLong, "a search has at most %d characters, this one has %d", MaxSearch, n).With("limit", itoa(MaxSearch))
	}
	words := strings.Fields(Fold(strings.ToValidUTF8(search, "")))
	slices.Sort(words)
	if words = slices.Compact(words); len(words) > MaxSearchWords {
		return nil, Errorf(CodeTooMany, "a search has at most %d words, this one has %d", MaxSearchWords, len(words)).With("limit", itoa(MaxSearchWords))
	}
	return words, nil
}

// Terms are the beginnings that a search finds something by: each word of the texts, and the parts of
// words with dots, hyphens or apostrophes in them. One that begins another is left out, which finds as much.
func Terms(texts ...string) []string { return terms(texts) }

// terms are those of the texts, and some words that are taken as they are.
func terms(texts []string, words ...string) (terms []string) {
	for _, word := range words {
		if word = Fold(word); word != "" {
			terms = append(terms, cut(word, MaxName))
		}
	}
	for _, text := range texts {
		for _, word := range strings.Fields(Fold(text)) {
			terms = append(terms, cut(word, MaxName))
			for _, part := range strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				terms = append(terms, cut(part, MaxName))
			}
		}
	}
	slices.Sort(terms)
	kept := terms[:0]
	for i, term := range terms {
		// What begins with a term is sorted right behind it.
		if i+1 == len(terms) || !strings.HasPrefix(terms[i+1], term) {
			kept = append(kept, term)
		}
	}
	return kept
}
