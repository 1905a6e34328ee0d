package auth

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"strings"
	"testing"
	"time"

	"cohort/models"
)

func TestVerifyRefusesClaims(t *testing.T) {
	tests := map[string]struct {
		claims object
		want   string
	}{
		"no exp":                        {object{"exp": noClaim}, "the token has no exp"},
		"an exp in capitals":            {object{"exp": noClaim, "EXP": at(time.Hour)}, "the token has no exp"},
		"exp null":                      {object{"exp": nil}, "the token's exp is not a date in seconds"},
		"exp as text":                   {object{"exp": "4102444800"}, "the token's exp is not a date in seconds"},
		"exp in milliseconds":           {object{"exp": inAnHr.UnixMilli()}, "the token's exp is not a date in seconds"},
		"exp beyond all numbers":        {object{"exp": json.Number("1e999")}, "the token's exp is not a date in seconds"},
		"exp before 1970":               {object{"exp": -1}, "the token's exp is not a date in seconds"},
		"exp now":                       {object{"iat": at(-time.Hour), "exp": at(0)}, "the token has expired"},
		"exp a second ago":              {object{"iat": at(-time.Hour), "exp": at(-time.Second)}, "the token has expired"},
		"exp before iat":                {object{"iat": at(20 * time.Second), "exp": at(10 * time.Second)}, "the token expires before it is issued"},
		"a life of 24 hours and 1 s":    {object{"exp": at(24*time.Hour + time.Second)}, "the token lives longer than 24 hours"},
		"a long life, nearly over":      {object{"iat": at(-30 * 24 * time.Hour)}, "the token lives longer than 24 hours"},
		"a long life without an iat":    {object{"iat": noClaim, "exp": at(24*time.Hour + time.Second)}, "the token lives longer than 24 hours"},
		"iat null":                      {object{"iat": nil}, "the token's iat is not a date in seconds"},
		"iat as a list":                 {object{"iat": []int64{noon.Unix()}}, "the token's iat is not a date in seconds"},
		"iat 31 s ahead":                {object{"iat": at(31 * time.Second)}, "the token is issued in the future"},
		"iat far ahead":                 {object{"iat": at(100 * time.Hour), "exp": at(101 * time.Hour)}, "the token is issued in the future"},
		"nbf 31 s ahead":                {object{"nbf": at(31 * time.Second)}, "the token is not valid yet"},
		"nbf as text":                   {object{"nbf": "now"}, "the token's nbf is not a date in seconds"},
		"no sub":                        {object{"sub": noClaim}, "the token's sub is not the id of a user"},
		"a sub that is no id":           {object{"sub": "alice@example.com"}, "the token's sub is not the id of a user"},
		"a number as sub":               {object{"sub": 7}, "the token's sub is not the id of a user"},
		"an account's id as sub":        {object{"sub": acme.String()}, "the token's sub is not the id of a user"},
		"a group's id as sub":           {object{"sub": models.GroupID{1}.String()}, "the token's sub is not the id of a user"},
		"the zero id as sub":            {object{"sub": models.UserID{}.String()}, "the token's sub is not the id of a user"},
		"a sub in capitals":             {object{"sub": strings.ToUpper(alice.String())}, "the token's sub is not the id of a user"},
		"no account":                    {object{"account": noClaim}, "the token's account is not the id of an account"},
		"a user's id as account":        {object{"account": alice.String()}, "the token's account is not the id of an account"},
		"the zero id as account":        {object{"account": models.AccountID{}.String()}, "the token's account is not the id of an account"},
		"an unknown role":               {object{"role": "owner"}, "the token's role is not one that there is"},
		"a role as the schema has it":   {object{"role": "SUPER_ADMIN"}, "the token's role is not one that there is"},
		"an empty role":                 {object{"role": ""}, "the token's role is not one that there is"},
		"role null":                     {object{"role": nil}, "the token's role is not one that there is"},
		"several roles":                 {object{"role": []string{"admin"}}, "the token's role is not one that there is"},
		"no iss":                        {object{"iss": noClaim}, "the token is of another issuer"},
		"another iss":                   {object{"iss": "https://id.example/"}, "the token is of another issuer"},
		"a list as iss":                 {object{"iss": []string{"https://id.example"}}, "the token is of another issuer"},
		"no aud":                        {object{"aud": noClaim}, "the token is for another audience"},
		"another aud":                   {object{"aud": "cohort2"}, "the token is for another audience"},
		"a list of others as aud":       {object{"aud": []any{"a", 7, nil}}, "the token is for another audience"},
		"an object as aud":              {object{"aud": object{"cohort": true}}, "the token is for another audience"},
		"everything wrong says but one": {object{"sub": "x", "account": "y", "exp": noClaim}, "the token's sub is not the id of a user"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tokens := tokensFor(t, TokenOptions{
				Issuer: "https://id.example", Audience: "cohort", Now: func() time.Time { return noon },
			})
			wantRefused(t, tokens, hs256(t, tt.claims), tt.want)
		})
	}
}

func TestVerifyRefusesTexts(t *testing.T) {
	type header = object
	good := hs256(t, nil)
	body, signature := good[:strings.LastIndexByte(good, '.')], good[strings.LastIndexByte(good, '.')+1:]
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	signedBy := func(h header, algorithm func() hash.Hash) string {
		return rawToken(t, h, claimsWith(nil), secret, algorithm)
	}
	tests := map[string]struct{ text, want string }{
		"nothing":                       {"", "the token is malformed"},
		"one part":                      {"token", "the token is malformed"},
		"two parts":                     {body, "the token is malformed"},
		"four parts":                    {good + ".x", "the token is malformed"},
		"five parts, as in encryption":  {"a.b.c.d.e", "the token is malformed"},
		"dots only":                     {"..", "the token is malformed"},
		"a space before it":             {" " + good, "the token is malformed"},
		"a line end after it":           {good + "\n", "the token is malformed"},
		"a line end in it":              {body + ".\r\n" + signature, "the token is malformed"},
		"padding":                       {good + "=", "the token is malformed"},
		"the standard alphabet":         {strings.Replace(good, ".", ".+/", 1), "the token is malformed"},
		"a header that is not JSON":     {part("alg") + "." + part("{}") + "." + signature, "the token is malformed"},
		"claims that are not JSON":      {part(`{"alg":"HS256"}`) + "." + part("{") + "." + signature, "the token is malformed"},
		"claims that are a list":        {rawToken(t, header{"alg": "HS256"}, []string{"x"}, secret, sha256.New), "the token is malformed"},
		"the same signature's twin":     {twin(t, good), "the token is malformed"},
		"no signature":                  {body + ".", "the token's signature is wrong"},
		"another secret":                {rawToken(t, header{"alg": "HS256"}, claimsWith(nil), []byte(strings.Repeat("x", 40)), sha256.New), "the token's signature is wrong"},
		"an empty secret":               {rawToken(t, header{"alg": "HS256"}, claimsWith(nil), nil, sha256.New), "the token's signature is wrong"},
		"claims changed after signing":  {strings.Split(body, ".")[0] + "." + part(`{"role":"super_admin"}`) + "." + signature, "the token's signature is wrong"},
		"a header changed after":        {part(`{"alg":"HS256","kid":"1"}`) + "." + strings.Split(body, ".")[1] + "." + signature, "the token's signature is wrong"},
		"half a signature":              {body + "." + signature[:20], "the token's signature is wrong"},
		"none, without a signature":     {unsigned(t, "none"), "the token is not signed with HS256"},
		"None":                          {unsigned(t, "None"), "the token is not signed with HS256"},
		"none, with a right signature":  {signedBy(header{"alg": "none"}, sha256.New), "the token is not signed with HS256"},
		"no algorithm":                  {signedBy(header{"typ": "JWT"}, sha256.New), "the token is not signed with HS256"},
		"a number as algorithm":         {signedBy(header{"alg": 256}, sha256.New), "the token is not signed with HS256"},
		"hs256 in small letters":        {signedBy(header{"alg": "hs256"}, sha256.New), "the token is not signed with HS256"},
		"HS384 by the secret":           {signedBy(header{"alg": "HS384"}, sha512.New384), "the token is not signed with HS256"},
		"HS512 by the secret":           {signedBy(header{"alg": "HS512"}, sha512.New), "the token is not signed with HS256"},
		"RS256":                         {signedBy(header{"alg": "RS256"}, sha256.New), "the token is not signed with HS256"},
		"PS256":                         {signedBy(header{"alg": "PS256"}, sha256.New), "the token is not signed with HS256"},
		"ES256":                         {signedBy(header{"alg": "ES256"}, sha256.New), "the token is not signed with HS256"},
		"EdDSA":                         {signedBy(header{"alg": "EdDSA"}, sha256.New), "the token is not signed with HS256"},
		"ALG in capitals":               {signedBy(header{"ALG": "HS256"}, sha256.New), "the token is not signed with HS256"},
		"extensions that must be known": {signedBy(header{"alg": "HS256", "crit": []string{"b64"}, "b64": false}, sha256.New), "the token's header asks for what is not supported"},
		"a key of its own":              {signedBy(header{"alg": "HS256", "jwk": object{"kty": "oct", "k": "eA"}}, sha256.New), "the token's header asks for what is not supported"},
		"an address for the key":        {signedBy(header{"alg": "HS256", "jku": "https://evil.example"}, sha256.New), "the token's header asks for what is not supported"},
		"an address for a certificate":  {signedBy(header{"alg": "HS256", "x5u": "https://evil.example"}, sha256.New), "the token's header asks for what is not supported"},
		"a certificate of its own":      {signedBy(header{"alg": "HS256", "x5c": []string{"MII"}}, sha256.New), "the token's header asks for what is not supported"},
		"4 KiB and a byte":              {sized(t, maxTokenBytes+1), "the token is longer than 4 KiB"},
		"a megabyte":                    {strings.Repeat("a", 1<<20), "the token is longer than 4 KiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { wantRefused(t, tokensAt(t, noon), tt.text, tt.want) })
	}
}

func wantRefused(t *testing.T, tokens *Tokens, text, reason string) {
	t.Helper()
	got, err := tokens.Verify(text)
	if !errors.Is(err, ErrUnauthenticated) || err.Error() != "unauthenticated: "+reason {
		t.Errorf("Verify: %v, want unauthenticated: %s", err, reason)
	}
	if got != (Claims{}) {
		t.Errorf("Verify refuses and returns claims: %+v", got)
	}
	if kept := tokens.kept.Len(); kept != 0 {
		t.Errorf("a refused token is kept")
	}
}

// unsigned is a token as those make it who hope that nobody looks at the signature.
func unsigned(t *testing.T, algorithm string) string {
	signed := rawToken(t, object{"alg": algorithm}, claimsWith(nil), secret, sha256.New)
	return signed[:strings.LastIndexByte(signed, '.')+1]
}

// twin is another text for the same bytes: the last character of a signature has two bits to spare.
func twin(t *testing.T, token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	twin := token[:len(token)-1] + alphabet[last+1:last+2]
	a, errA := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	b, errB := base64.RawURLEncoding.DecodeString(twin[strings.LastIndexByte(twin, '.')+1:])
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Fatal("not twins")
	}
	return twin
}
