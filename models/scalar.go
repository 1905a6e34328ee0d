package models

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MarshalDateTime writes a time in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler { return graphql.MarshalTime(t.UTC()) }

// rfc3339 is what time.Parse should ask for; it takes hours of one digit, too, and commas.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// UnmarshalDateTime reads a time as RFC 3339 has it. INVALID for anything else, and for years that not every
// database can hold.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, Errorf(CodeInvalid, "a DateTime is a string such as \"2026-03-01T12:00:00Z\"")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !rfc3339.MatchString(text) {
		return time.Time{}, Errorf(CodeInvalid, "%s is not a DateTime such as \"2026-03-01T12:00:00Z\"", quote(text))
	}
	if t = t.UTC().Truncate(time.Microsecond); t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, Errorf(CodeInvalid, "a DateTime lies between the years 1970 and 9999")
	}
	return t, nil
}

// MarshalInt writes a whole number.
func MarshalInt(n int32) graphql.Marshaler { return graphql.MarshalInt32(n) }

// UnmarshalInt reads a whole number of 32 bits. INVALID for anything else.
func UnmarshalInt(v any) (int32, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case int: // a default of the schema
		text = strconv.Itoa(v)
	case int64:
		text = strconv.FormatInt(v, 10)
	case int32:
		return v, nil
	default:
		return 0, Errorf(CodeInvalid, "an Int is a whole number without quotes")
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, Errorf(CodeInvalid, "%s is not a whole number of 32 bits", quote(text))
	}
	return int32(n), nil
}
