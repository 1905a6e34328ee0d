package storetest

import (
	"strings"
	"unicode"
)

// token is a word, a quoted name, a number, or one character of anything else. Words are lower case.
type token struct {
	text string
	kind rune // 'w' word, 'q' quoted name, 'p' anything else
}

func (t token) is(words ...string) bool {
	if t.kind == 'w' {
		for _, w := range words {
			if t.text == w {
				return true
			}
		}
	}
	return false
}

func (t token) mark(character string) bool { return t.kind == 'p' && t.text == character }

// names reports whether the token is the given name, quoted or not.
func (t token) names(name string) bool { return t.kind != 'p' && t.text == name }

// tokens splits a statement; strings and comments are left out.
func tokens(sql string) []token {
	var found []token
	for rest := sql; rest != ""; {
		switch c := rest[0]; {
		case c == '\'':
			_, rest = quoted(rest)
		case c == '`' || c == '"':
			var name string
			name, rest = quoted(rest)
			found = append(found, token{strings.ToLower(name), 'q'})
		case strings.HasPrefix(rest, "--") || c == '#':
			_, rest, _ = strings.Cut(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			_, rest, _ = strings.Cut(rest[2:], "*/")
		case isWord(rune(c)):
			end := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
			if end < 0 {
				end = len(rest)
			}
			found = append(found, token{strings.ToLower(rest[:end]), 'w'})
			rest = rest[end:]
		default:
			if !unicode.IsSpace(rune(c)) {
				found = append(found, token{string(rune(c)), 'p'})
			}
			rest = rest[1:]
		}
	}
	return found
}

func isWord(r rune) bool {
	return r == '_' || r == '$' || r >= 0x80 || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// quoted reads what begins with a quotation mark, in which the mark is doubled or, in strings, escaped.
func quoted(sql string) (inside, rest string) {
	mark := sql[0]
	for i := 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && mark == '\'':
			i++
		case sql[i] == mark && i+1 < len(sql) && sql[i+1] == mark:
			i++
		case sql[i] == mark:
			return sql[1:i], sql[i+1:]
		}
	}
	return sql[1:], ""
}
