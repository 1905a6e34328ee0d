package export

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// mostName is how long the name of a sheet may be, in UTF-16.
const mostName = 31

// sheetNames are the names that were given, as Excel compares them.
type sheetNames map[string]bool

// next is the name of the next sheet: of the table's, or for later parts "Members (2)" and so on. Where it is taken, the number counts on.
func (taken sheetNames) next(table string, part int) string {
	name := sheetName(table)
	for n := part; ; n++ {
		candidate := name
		if n > 1 {
			number := fmt.Sprintf(" (%d)", n)
			candidate = strings.TrimRight(units(name, mostName-len(number)), " ") + number
		}
		if key := strings.ToLower(candidate); !taken[key] {
			taken[key] = true
			return candidate
		}
	}
}

// sheetName leaves out what Excel doesn't take in the name of a sheet. It also takes no apostrophe at the ends, and where one stands
// within, excelize doesn't double it in the formulas of filters: so typographic ones everywhere. Nor does it
// escape what looks like _x0041_.
func sheetName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`[]:*?/\`, r):
			return ' '
		case r < ' ', r == 0x7F:
			return ' '
		case r == '\'':
			return '’'
		default:
			return r
		}
	}, strings.ReplaceAll(clean(name), "_x", "-x"))
	name = strings.TrimSpace(units(strings.Join(strings.Fields(name), " "), mostName))
	switch {
	case name == "":
		return "1"
	case strings.EqualFold(name, "history"): // Excel keeps it for itself
		return name + " 1"
	default:
		return name
	}
}

// units is as much of a text as fits into so many units of UTF-16.
func units(s string, most int) string {
	for i, r := range s {
		if most -= utf16.RuneLen(r); most < 0 {
			return s[:i]
		}
	}
	return s
}
