package graph

import (
	"encoding/json"
	"iter"
)

// members are the names of a JSON object with the texts of their values, in order; a value is nil, and the last, where
// the text is no JSON object. encoding/json shows a name that stands twice to those only who read token by token,
// which takes several times as long.
func members(text []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		rest := blank(text)
		if len(rest) == 0 || rest[0] != '{' || !json.Valid(text) {
			yield("", nil)
			return
		}
		// What follows relies on the text being valid.
		for rest = blank(rest[1:]); rest[0] != '}'; rest = blank(rest) {
			if rest[0] == ',' {
				rest = blank(rest[1:])
			}
			end := valueEnd(rest)
			name := nameOf(rest[:end])
			rest = blank(rest[end:])
			rest = blank(rest[1:]) // the colon
			end = valueEnd(rest)
			if !yield(name, rest[:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

func nameOf(quoted []byte) (name string) {
	for _, c := range quoted {
		if c == '\\' {
			_ = json.Unmarshal(quoted, &name) // it is valid
			return name
		}
	}
	return string(quoted[1 : len(quoted)-1])
}

// blank cuts off white space.
func blank(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
		text = text[1:]
	}
	return text
}

// valueEnd is where the value ends with which the text begins.
func valueEnd(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		case c == '{' || c == '[':
			depth++
			continue
		case depth == 0 && (c == ',' || c == ':' || c == '}' || c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			return i
		case c == '}' || c == ']':
			depth--
		default:
			continue
		}
		if depth == 0 && !quoted {
			return i + 1
		}
	}
	return len(text)
}
