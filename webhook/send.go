package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"cohort/models"
)

// errAddress doesn't tell the address: what names stand for inside a network is nobody's business.
var errAddress = errors.New("the address is private or reserved, and not in COHORT_WEBHOOK_ALLOW")

const (
	readAtMost = 16 << 10 // of an answer's body, to leave the connection in order
	tellAtMost = 500      // characters of it
	errAtMost  = 600      // characters of what is kept
)

// sender posts messages to whatever address somebody has given, and to no other.
type sender struct {
	secure, plain *http.Client
	agent         string
}

// newSender makes one that refuses addresses which are not of the internet, unless they are allowed. What a name stands for is looked at when
// the connection is made, so it doesn't help to change it afterwards. Plain HTTP goes to what is allowed, and nowhere else.
func newSender(o Options) *sender {
	client := func(permits func(netip.Addr) bool) *http.Client {
		dialer := &net.Dialer{
			Timeout: o.Timeout, Resolver: o.Resolver,
			Control: func(_, address string, _ syscall.RawConn) error {
				at, err := netip.ParseAddrPort(address)
				if err != nil || !permits(at.Addr()) {
					return errAddress
				}
				return nil
			},
		}
		return &http.Client{
			Timeout:       o.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true, // each delivery looks at the address anew
				TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: readAtMost, DisableCompression: true,
				TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			},
		}
	}
	allowed := func(a netip.Addr) bool { return models.Listed(o.Allow, a) }
	return &sender{
		secure: client(func(a netip.Addr) bool { return models.PublicAddress(a) || allowed(a) }),
		plain:  client(allowed),
		agent:  o.Agent,
	}
}

// answered is what came of an attempt.
type answered struct {
	status int           // 0 for no answer
	after  time.Duration // what Retry-After asks for
	wrong  string        // empty when the message was taken
}

// send posts a body. It returns an error only when ctx has ended, and nobody knows.
func (s *sender) send(ctx context.Context, address string, header http.Header, body []byte) (answered, error) {
	u, err := url.Parse(address)
	if err != nil {
		return answered{wrong: "the URL can't be read"}, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answered{wrong: "the URL can't be used"}, nil //nolint:nilerr // it would tell the URL
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.agent)
	client := s.secure
	if u.Scheme == "http" {
		client = s.plain
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return answered{}, ctx.Err()
		}
		return answered{wrong: short(reason(err))}, nil
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	text, _ := io.ReadAll(io.LimitReader(response.Body, readAtMost))
	a := answered{status: response.StatusCode, after: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	if a.status < 200 || a.status > 299 {
		a.wrong = fmt.Sprintf("answered %d", a.status)
		if said := oneLine(string(text)); said != "" {
			a.wrong = short(a.wrong + ": " + said)
		}
	}
	return a, nil
}

// reason is what went wrong, without the URL that http puts in front of it, and without addresses.
func reason(err error) string {
	var invalid *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errAddress):
		return errAddress.Error()
	case errors.As(err, &invalid), errors.As(err, &unknown):
		return "the receiver's certificate is not valid"
	case errors.As(err, &name) && name.IsNotFound:
		return "there is no host of this name"
	case errors.As(err, &name):
		return "the host's name can't be looked up"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer within the time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without an answer"
	}
	return "the receiver can't be reached, or doesn't speak HTTP"
}

// retryAfter reads seconds or a date; 0 for neither.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second //nolint:gosec // it has 31 bits
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// oneLine is the beginning of a text in one line, without what doesn't show.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(text); len(r) > tellAtMost {
		return string(r[:tellAtMost]) + "…"
	}
	return text
}

func short(text string) string {
	if r := []rune(text); len(r) > errAtMost {
		return string(r[:errAtMost])
	}
	return text
}
