package export

import (
	"strings"
	"time"
	"unicode/utf8"

	"cohort/locale"
)

// moments are how the languages write a moment in figures: for Go, and as a number format of Excel. English has no form that all of
// its readers take for the same day, so it gets that of ISO 8601.
var moments = map[string]struct{ layout, numberFormat string }{
	"en": {"2006-01-02 15:04:05", "yyyy-mm-dd hh:mm:ss"},
	"fr": {"02/01/2006 15:04:05", "dd/mm/yyyy hh:mm:ss"},
	"it": {"02/01/2006 15:04:05", "dd/mm/yyyy hh:mm:ss"},
	"de": {"02.01.2006 15:04:05", "dd.mm.yyyy hh:mm:ss"},
	"es": {"02/01/2006 15:04:05", "dd/mm/yyyy hh:mm:ss"},
	"pt": {"02/01/2006 15:04:05", "dd/mm/yyyy hh:mm:ss"},
	"nl": {"02-01-2006 15:04:05", "dd-mm-yyyy hh:mm:ss"},
}

// words are what a language's cells are made of, looked up once for a file.
type words struct {
	yes, no      string
	layout       string
	numberFormat string
}

func wordsOf(l *locale.Language) words {
	moment := moments[l.Code()]
	return words{l.Text("export.yes", nil), l.Text("export.no", nil), moment.layout, moment.numberFormat}
}

func (w words) truth(yes bool) string {
	if yes {
		return w.yes
	}
	return w.no
}

func (w words) moment(t time.Time) string { return t.UTC().Format(w.layout) }

// clean replaces what XML has no character for. Nearly always there is nothing to do, and the string comes back as it is.
func clean(s string) string {
	for i := 0; i < len(s); {
		if c := s[i]; c >= 0x20 && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !legal(r, size) {
			return strings.Map(func(r rune) rune {
				if legal(r, 2) {
					return r
				}
				return utf8.RuneError
			}, s)
		}
		i += size
	}
	return s
}

// legal says whether XML 1.0 has the character; one byte of width tells broken UTF-8 from a replacement character that was meant.
func legal(r rune, size int) bool {
	switch {
	case r == utf8.RuneError:
		return size > 1
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	default:
		return r != 0xFFFE && r != 0xFFFF
	}
}
