package auth

import (
	"encoding/json"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// setTimes reads the dates, and checks them but that exp lies ahead.
func (c *Claims) setTimes(claims jwt.MapClaims, now time.Time) error {
	dates := map[string]time.Time{}
	for _, name := range []string{"exp", "iat", "nbf"} {
		value, given := claims[name]
		if !given {
			continue
		}
		at, ok := dateOf(value)
		if !ok {
			return refusal("the token's " + name + " is not a date in seconds")
		}
		dates[name] = at
	}
	exp, limited := dates["exp"]
	iat, dated := dates["iat"]
	if !dated {
		iat = now
	}
	soon := now.Add(tokenLeeway)
	switch {
	case !limited:
		return refusal("the token has no exp")
	case dates["nbf"].After(soon):
		return refusal("the token is not valid yet")
	case iat.After(soon):
		return refusal("the token is issued in the future")
	case dated && !exp.After(iat):
		return refusal("the token expires before it is issued")
	case exp.Sub(iat) > MaxTokenLife:
		return refusal("the token lives longer than 24 hours")
	}
	c.IssuedAt, c.ExpiresAt = iat, exp
	return nil
}

func textOf(claim any) string {
	text, _ := claim.(string)
	return text
}

// textsOf reads aud, which is a text or a list of them.
func textsOf(claim any) []string {
	list, ok := claim.([]any)
	if !ok {
		list = []any{claim}
	}
	var texts []string
	for _, one := range list {
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// dateOf reads a NumericDate, cut to the second.
func dateOf(claim any) (time.Time, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > latestDate {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}
