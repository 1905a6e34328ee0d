package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// byToken reads the members of an object as encoding/json does, token by token.
func byToken(text string) (names []string, values []string) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, nil
	}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return nil, nil
		}
		names, values = append(names, name.(string)), append(values, string(value))
	}
	if _, err := decoder.Token(); err != nil {
		return nil, nil
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, nil
	}
	return names, values
}

// What is read is what encoding/json reads, of every text.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{
		``, ` `, `{}`, ` { } `, `{"a":1}`, "{\t\"a\" :\r\n 1 , \"b\":{\"c\":[1,{\"d\":\"}]\\\"\\\\\"}]}}\n", `{"a":"\\\"","a":null}`, `{"\u0061":"x"}`,
		`[]`, `"a"`, `{"a":1}{}`, `{"a":1} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{`, `{"a":tru}`, `{"a":[1}`, `{1:2}`, `{"a":-1.5e+3,"b":true}`, "{\"\xff\":1}",
		`{"":"","x":[[],[{}]]}`, `{"a" :true}`, `{"a":1 }`, "\ufeff{}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, values := byToken(text)
		i := 0
		for name, value := range members([]byte(text)) {
			if value == nil {
				if names != nil || i != 0 {
					t.Errorf("%q isn't read", text)
				}
				return
			}
			if i >= len(names) || string(value) != values[i] || name != names[i] && json.Valid([]byte(`"`+name+`"`)) && string([]rune(name)) == name {
				t.Fatalf("%q: member %d is %q: %q; want %q: %q", text, i, name, value, names, values)
			}
			i++
		}
		if i != len(names) {
			t.Errorf("%q has %d members, want %d", text, i, len(names))
		}
	})
}
