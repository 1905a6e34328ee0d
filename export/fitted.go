package export

import (
	"regexp"
	"strings"
	"unicode/utf16"
)

// mostUnits of a cell of a workbook, in UTF-16.
const mostUnits = 32_767

// fitted is a text as a cell takes it.
func fitted(s string) string {
	s = clean(s)
	if strings.Contains(s, "_x") {
		s = unescaped(s)
	}
	return cut(s)
}

// escapes are how a workbook writes a character that XML doesn't have. excelize escapes a text that looks like one, but drops those that would be
// half of a surrogate, and takes two that share an underscore for one.
var (
	escapes = regexp.MustCompile(`^_(x[0-9A-Fa-f]{4})_`)
	halves  = regexp.MustCompile(`^_x[Dd][89A-Fa-f]`)
)

// unescaped gives those a full-width underscore in front.
func unescaped(s string) string {
	const length = len("_x0000_")
	var to strings.Builder
	for i := range len(s) {
		if rest := s[i:]; s[i] == '_' && escapes.MatchString(rest) && (halves.MatchString(rest) || escapes.MatchString(rest[length-1:])) {
			to.WriteString("＿")
		} else {
			to.WriteByte(s[i])
		}
	}
	return to.String()
}

// cut shortens a text to what a cell takes.
func cut(s string) string {
	if len(s) <= mostUnits {
		return s
	}
	units, fits := 0, 0
	for i, r := range s {
		if units < mostUnits {
			fits = i // the ellipsis takes the last
		}
		units += utf16.RuneLen(r)
		if units > mostUnits {
			return s[:fits] + "…"
		}
	}
	return s
}
