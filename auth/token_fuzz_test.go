package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"cohort/models"
)

// FuzzVerify: whatever the text, Verify doesn't panic and accepts nothing that Issue didn't make.
func FuzzVerify(f *testing.F) {
	tokens := tokensAt(f, noon)
	issued := map[string]bool{}
	for _, role := range append([]models.Role{""}, models.AllRole...) {
		text, err := tokens.Issue(Claims{User: alice, Account: acme, Role: role, ExpiresAt: inAnHr})
		if err != nil {
			f.Fatalf("Issue: %v", err)
		}
		issued[text] = true
		for _, seed := range []string{text, text[1:], text + "\n", text + "=", strings.Replace(text, ".", "..", 1)} {
			f.Add(seed)
		}
	}
	f.Add(rawToken(f, object{"alg": "none"}, claimsWith(nil), secret, sha256.New))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, accepted := verify(t, tokens, text); accepted && !issued[text] {
			t.Errorf("accepted: %q", text)
		}
	})
}

// FuzzVerifySigned: whatever somebody signs who knows the secret, Verify doesn't panic and what it accepts
// keeps the rules.
func FuzzVerifySigned(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"` + alice.String() + `","account":"` + acme.String() + `","role":"admin","iat":1772366400,"exp":1772370000}`,
		`{"sub":"` + alice.String() + `","account":"` + acme.String() + `","exp":1772370000.5,"nbf":1772366400,"aud":["x"]}`,
		`{"sub":"` + alice.String() + `","account":"` + acme.String() + `","exp":1e400}`,
		`{"sub":"` + alice.String() + `","sub":1,"account":{},"exp":[],"role":null}`, `[]`, `null`, `{}`, ``,
	} {
		f.Add(`{"alg":"HS256"}`, seed)
		f.Add(`{"alg":"HS256","typ":"JWT","kid":"1"}`, seed)
		f.Add(`{"alg":"none"}`, seed)
	}
	tokens := tokensAt(f, noon)
	encode := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, header, claims string) {
		text := encode([]byte(header)) + "." + encode([]byte(claims))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		text += "." + encode(mac.Sum(nil))

		c, accepted := verify(t, tokens, text)
		if !accepted {
			return
		}
		life := c.ExpiresAt.Sub(c.IssuedAt)
		if !noon.Before(c.ExpiresAt) || life <= 0 || life > MaxTokenLife || c.IssuedAt.After(noon.Add(tokenLeeway)) {
			t.Errorf("accepted at these times: %+v", c)
		}
		if c.User == (models.UserID{}) || c.Account == (models.AccountID{}) || (c.Role != "" && !c.Role.IsValid()) {
			t.Errorf("accepted for nobody: %+v", c)
		}
	})
}

// verify tells whether a token is accepted, and checks of one that isn't that the error is one of ours, which
// are fixed words.
func verify(t *testing.T, tokens *Tokens, text string) (c Claims, accepted bool) {
	t.Helper()
	c, err := tokens.Verify(text)
	if err == nil {
		return c, true
	}
	if _, ours := err.(refusal); !ours || !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("refused by another error: %v", err)
	}
	if c != (Claims{}) {
		t.Errorf("refused with claims: %+v", c)
	}
	return c, false
}
