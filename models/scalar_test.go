package models

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

func TestDateTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00Z",
		"2026-03-01T12:00:00.123456Z":         "2026-03-01T12:00:00.123456Z",
		"2026-03-01T12:00:00.1234567Z":        "2026-03-01T12:00:00.123456Z",
		"2026-03-01T00:30:00+02:00":           "2026-02-28T22:30:00Z",
		"1970-01-01T00:00:00Z":                "1970-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999Z":      "9999-12-31T23:59:59.999999Z",
		"9999-12-31T23:59:59.999999999+23:59": "9999-12-31T00:00:59.999999Z",
	} {
		got, err := UnmarshalDateTime(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var b bytes.Buffer
		if MarshalDateTime(got).MarshalGQL(&b); b.String() != `"`+want+`"` {
			t.Errorf("%s becomes %s, want %q", text, &b, want)
		}
	}
	for _, value := range []any{
		"", "x", "2026-03-01", "2026-03-01T12:00:00", "2026-02-29T12:00:00Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00Z",
		"2026-03-01T12:00:00,5Z", "2026-03-01T1:00:00Z", "2026-03-01t12:00:00z", "2026-03-01T12:00:00+1:00", "2026-03-01T12:00:00+24:00", "2026-03-01T23:59:60Z",
		nil, 5, json.Number("5"), true, time.Now(),
		[]any{},
	} {
		if _, err := UnmarshalDateTime(value); codeOf(t, err) != CodeInvalid {
			t.Errorf("%v: %v", value, err)
		}
	}
}

func TestInt(t *testing.T) {
	for _, value := range []any{5, int32(5), int64(5), json.Number("5")} { // a default, our own, a literal, a variable
		if got, err := UnmarshalInt(value); got != 5 || err != nil {
			t.Errorf("%T: %d, %v", value, got, err)
		}
	}
	for text, want := range map[json.Number]int32{"2147483647": 1<<31 - 1, "-2147483648": -1 << 31, "0": 0, "-0": 0} {
		if got, err := UnmarshalInt(text); got != want || err != nil {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, value := range []any{
		json.Number("2147483648"), json.Number("-2147483649"), json.Number("1.5"), json.Number("1e3"), json.Number("99999999999999999999"), int64(1) << 40, 1 << 40,
		"5", 5.0, true, nil,
		[]any{},
		map[string]any{},
	} {
		if _, err := UnmarshalInt(value); codeOf(t, err) != CodeInvalid {
			t.Errorf("%v: %v", value, err)
		}
	}
}
