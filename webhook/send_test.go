package webhook_test

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"cohort/webhook"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

const refusedAddress = "the address is private or reserved, and not in COHORT_WEBHOOK_ALLOW"

// Nothing that listens on this machine is reached, however the address is written.
func TestAddressesOfThisMachine(t *testing.T) {
	var reached atomic.Int32
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer r.Close()
	secure := httptest.NewTLSServer(r.Config.Handler)
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	port, tlsPort := portOf(t, r.URL), portOf(t, secure.URL)
	t.Setenv("HTTP_PROXY", r.URL)
	t.Setenv("HTTPS_PROXY", r.URL)
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "localhost", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
		"10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "224.0.0.1", "255.255.255.255",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[64:ff9b:1::1]",
	} {
		for _, at := range []string{"http://" + host + ":" + port, "https://" + host + ":" + tlsPort} {
			status, wrong := webhook.Send(t.Context(), webhook.Options{Timeout: 5 * time.Second, Roots: roots}, at+"/in?token=hush")
			if status != 0 || wrong != refusedAddress {
				t.Errorf("%s: %d, %s", at, status, wrong)
			}
		}
	}
	// Other notations are names, which have no address or one of this machine, whoever looks them up.
	for _, host := range []string{"localhost.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"} {
		if status, wrong := webhook.Send(t.Context(), webhook.Options{Timeout: 5 * time.Second}, "http://"+host+":"+port); status != 0 || wrong == "" {
			t.Errorf("%s: %d, %s", host, status, wrong)
		}
	}
	// What is public may have https alone.
	if status, wrong := webhook.Send(t.Context(), webhook.Options{Timeout: 5 * time.Second, Allow: loopback}, "http://8.8.8.8/"); status != 0 || wrong != refusedAddress {
		t.Errorf("http to the internet: %d, %s", status, wrong)
	}
	if n := reached.Load(); n > 0 {
		t.Fatalf("%d requests got through", n)
	}
	for _, at := range []string{r.URL, secure.URL, "http://localhost:" + port} {
		if status, wrong := webhook.Send(t.Context(), webhook.Options{Timeout: 5 * time.Second, Allow: loopback, Roots: roots}, at); status != 200 || wrong != "" {
			t.Errorf("allowed, %s: %d, %s", at, status, wrong)
		}
	}
}

// A name that stands for a private address, alone or beside a public one, now or only the second time, leads nowhere.
func TestNamesOfPrivateAddresses(t *testing.T) {
	var reached atomic.Int32
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer r.Close()
	asked := map[string]int{}
	resolver := fakeDNS(t, func(name string) []string {
		asked[name]++
		switch name {
		case "turning.example.":
			if asked[name] == 1 {
				return []string{"192.0.2.1"}
			}
			return []string{"127.0.0.1"}
		case "both.example.":
			return []string{"10.255.255.1", "127.0.0.1"}
		}
		return []string{"127.0.0.1"}
	})
	o := webhook.Options{Timeout: 5 * time.Second, Resolver: resolver}
	for _, name := range []string{"inside.example", "turning.example", "turning.example", "both.example"} {
		for _, scheme := range []string{"http", "https"} {
			status, wrong := webhook.Send(t.Context(), o, scheme+"://"+name+":"+portOf(t, r.URL))
			if status != 0 || wrong != refusedAddress {
				t.Errorf("%s %s: %d, %s", scheme, name, status, wrong)
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("%d requests got through", n)
	}
	o.Allow = loopback
	if status, wrong := webhook.Send(t.Context(), o, "http://inside.example:"+portOf(t, r.URL)); status != 200 {
		t.Errorf("allowed: %d, %s", status, wrong)
	}
}

// fakeDNS answers questions for IPv4 addresses.
func fakeDNS(t *testing.T, answer func(name string) []string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { _ = server.Close(); <-over })
	go func() {
		defer close(over)
		raw := make([]byte, 2048)
		for {
			n, from, err := server.ReadFrom(raw)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(raw[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				for _, address := range answer(q.Name.String()) {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()},
					})
				}
			}
			if strings.HasSuffix(m.Questions[0].Name.String(), ".invalid.") {
				m.RCode = dnsmessage.RCodeNameError
			}
			packed, err := m.Pack()
			if err != nil {
				return
			}
			_, _ = server.WriteTo(packed, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// Redirects are not followed, and what is said of a failure has nothing of the URL, and is short.
func TestWhatIsToldOfFailures(t *testing.T) {
	var beyond atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { beyond.Add(1) }))
	defer other.Close()
	hang := make(chan struct{})
	defer close(hang)
	selfSigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	selfSigned.Config.ErrorLog = log.New(io.Discard, "", 0)
	selfSigned.StartTLS()
	defer selfSigned.Close()
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without which the server doesn't see the connection end
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/long":
			w.WriteHeader(500)
			_, _ = w.Write([]byte("oh\x00\x1b[31m\n\r\tno\u202e\xff " + strings.Repeat("é", 1<<20)))
		case "/close":
			panic(http.ErrAbortHandler)
		case "/hang":
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}
	}))
	defer r.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for at, want := range map[string]struct {
		status int
		wrong  string
	}{
		r.URL + "/redirect":         {307, "answered 307"},
		r.URL + "/long":             {500, "answered 500: oh [31m no ? " + strings.Repeat("é", 487) + "…"},
		r.URL + "/close":            {0, "the connection was closed without an answer"},
		r.URL + "/hang":             {0, "no answer within the time"},
		r.URL + "/headers":          {0, "the receiver can't be reached, or doesn't speak HTTP"},
		r.URL + "/endless":          {200, ""},
		closed.URL:                  {0, "the connection was refused"},
		selfSigned.URL:              {0, "the receiver's certificate is not valid"},
		"http://nowhere.invalid:1/": {0, "there is no host of this name"},
	} {
		t.Run(at, func(t *testing.T) {
			o := webhook.Options{Timeout: 500 * time.Millisecond, Allow: loopback}
			if strings.Contains(at, "invalid") {
				o.Timeout, o.Resolver = 5*time.Second, fakeDNS(t, func(string) []string { return nil })
			}
			status, wrong := webhook.Send(t.Context(), o, at+"?token=hush")
			if status != want.status || wrong != want.wrong {
				t.Errorf("%d, %s", status, wrong)
			}
			if strings.Contains(wrong, "hush") || len([]rune(wrong)) > 600 {
				t.Errorf("told %s", wrong)
			}
		})
	}
	if n := beyond.Load(); n > 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "x": 0, "-5": 0, "0": 0, "120": 2 * time.Minute, "99999999999999": 0, "1.5": 0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": 0,
	} {
		if got := webhook.RetryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
