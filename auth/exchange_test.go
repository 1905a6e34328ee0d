package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

// FuzzTokenRequest: whatever is sent, the decoder doesn't panic, and gives either a whole request or a problem in the words
// of RFC 6749, in which nothing of what was sent stands.
func FuzzTokenRequest(f *testing.F) {
	const good = "grant_type=client_credentials&client_id=client_x&client_secret=y&scope=users%3Aread"
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("client_x:y%2Bz"))
	for _, body := range []string{good, "", "grant_type=client_credentials", good + "&scope=x", "grant_type=%zz", "a;b", "grant_type=client_credentials&client_id=\x00&client_secret=\xff"} {
		for _, header := range []string{"", basic, "Basic", "Basic !", "Bearer x", "basic " + base64.StdEncoding.EncodeToString([]byte("a:%"))} {
			f.Add(body, header)
		}
	}
	codes := map[string]bool{"invalid_request": true, "invalid_client": true, "unsupported_grant_type": true}
	f.Fuzz(func(t *testing.T, body, header string) {
		var authorization []string
		if header != "" {
			authorization = []string{header}
		}
		asked, err := decodeTokenRequest(body, authorization)
		if err == nil {
			if form, _ := url.ParseQuery(body); asked.client == "" || asked.secret == "" || form.Get("grant_type") != "client_credentials" {
				t.Errorf("accepted: %q %q", body, header)
			}
			return
		}
		var problem *tokenProblem
		if !errors.As(err, &problem) || !codes[problem.Code] || problem.status < 400 || problem.status > 499 || asked != (tokenRequest{}) {
			t.Errorf("%q %q: %+v %v", body, header, asked, err)
		}
	})
}

func TestDecodeTokenRequest(t *testing.T) {
	basic := func(user, password string) []string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header["Authorization"]
	}
	const grant = "grant_type=client_credentials"
	tests := map[string]struct {
		body   string
		header []string
		want   tokenRequest
		code   string
	}{
		"in the body":                   {grant + "&client_id=a&client_secret=b", nil, tokenRequest{"a", "b", ""}, ""},
		"in the header, encoded":        {grant + "&scope=users%3Aread", basic("a%2Bb", "c%26+d"), tokenRequest{"a+b", "c& d", "users:read"}, ""},
		"in the header, the name twice": {grant + "&client_id=a", basic("a", "b"), tokenRequest{"a", "b", ""}, ""},
		"two names":                     {grant + "&client_id=x", basic("a", "b"), tokenRequest{}, "invalid_request"},
		"two headers":                   {grant, append(basic("a", "b"), basic("a", "b")...), tokenRequest{}, "invalid_request"},
		"a header badly encoded":        {grant, basic("a", "%"), tokenRequest{}, "invalid_client"},
		"an empty header":               {grant + "&client_id=a&client_secret=b", []string{""}, tokenRequest{}, "invalid_client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := decodeTokenRequest(tt.body, tt.header)
			code := ""
			if problem := (*tokenProblem)(nil); errors.As(err, &problem) {
				code = problem.Code
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(tokenRequest{})); diff != "" || code != tt.code {
				t.Errorf("%s (-want +got):\n%s", code, diff)
			}
		})
	}
}

func TestPlaceOf(t *testing.T) {
	tests := map[string]struct{ remote, want string }{
		"IPv4":               {"192.0.2.1:80", "192.0.2.1/32"},
		"IPv4 in IPv6":       {"[::ffff:192.0.2.1]:80", "192.0.2.1/32"},
		"IPv6's network":     {"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"},
		"IPv6 with a zone":   {"[fe80::1%eth0]:80", "fe80::/64"},
		"without a port":     {"192.0.2.1", "192.0.2.1/32"},
		"what is no address": {"@", "invalid Prefix"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := placeOf(tt.remote).String(); got != tt.want {
				t.Errorf("placeOf: %s, want %s", got, tt.want)
			}
		})
	}
}

// The comparison is of hashes of the same length, in constant time, and refuses whatever is not the secret.
func TestIsSecret(t *testing.T) {
	secret, hash := models.NewClientSecret()
	c := &models.PartnerClient{SecretHash: hash}
	if !c.IsSecret(secret) {
		t.Error("the secret is refused")
	}
	for _, wrong := range []string{"", secret[:42], secret + "x", strings.ToUpper(secret), string(hash), strings.Repeat("\x00", 32)} {
		if c.IsSecret(wrong) {
			t.Errorf("accepted: %q", wrong)
		}
		if (&models.PartnerClient{SecretHash: nobodysHash}).IsSecret(wrong) {
			t.Errorf("nobody's: %q", wrong)
		}
	}
}

func TestIssuePartner(t *testing.T) {
	now := noon
	tokens, err := NewTokens(TokenOptions{Secret: secret, Issuer: "cohort", Audience: "api", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	client := models.PartnerClientID{7}
	text, err := tokens.IssuePartner(acme, client, models.UsersRead|models.ChangesRead)
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{Account: acme, Partner: client, Scope: models.UsersRead | models.ChangesRead, IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute)}
	got, err := tokens.Verify(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("claims (-want +got), %v:\n%s", err, diff)
	}
	for name, o := range map[string]TokenOptions{
		"issuer": {Issuer: "another", Audience: "api"}, "audience": {Issuer: "cohort", Audience: "another"},
	} {
		o.Secret, o.Now = secret, func() time.Time { return now }
		other, err := NewTokens(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Verify(text); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("where the %s is another: %v", name, err)
		}
	}
	now = now.Add(15 * time.Minute)
	if _, err := tokens.Verify(text); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("after 15 minutes: %v", err)
	}
	for name, issue := range map[string]func() (string, error){
		"no account": func() (string, error) { return tokens.IssuePartner(models.AccountID{}, client, models.UsersRead) },
		"no client":  func() (string, error) { return tokens.IssuePartner(acme, models.PartnerClientID{}, models.UsersRead) },
		"no scope":   func() (string, error) { return tokens.IssuePartner(acme, client, 0) },
	} {
		if _, err := issue(); err == nil {
			t.Errorf("%s: a token is issued", name)
		}
	}
}
