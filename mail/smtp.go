package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// SMTP is a mail server.
type SMTP struct {
	host           string
	port           int
	user, password string
	implicit       bool // TLS from the first byte on
	policy         gomail.TLSPolicy

	// Roots are the certificates that the server's is checked with; nil for the system's.
	Roots *x509.CertPool
	// Timeout bounds the connecting, and each mail; 30 s.
	Timeout time.Duration
}

const defaultTimeout = 30 * time.Second

// ParseSMTP reads an address of the form smtp://user:password@host:port, port 587 by default, or smtps://…, which
// encrypts from the first byte on, port 465. User and password may be left out. With smtp:// the server must offer STARTTLS,
// unless it is this machine; ?tls=none asks for no encryption, and ?tls=starttls for it on this machine, too. A
// password is only sent encrypted, or to this machine. The error repeats nothing of the address.
func ParseSMTP(address string) (*SMTP, error) {
	wrong := func(why string) (*SMTP, error) {
		return nil, fmt.Errorf("it %s: use smtp://user:password@host:587 or smtps://user:password@host:465, with special characters percent-encoded", why)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return wrong("is no URL") // whose error repeats the password
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return wrong("begins with neither smtp:// nor smtps://")
	case u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "":
		return wrong("names no host, or more than that")
	}
	s := &SMTP{host: u.Hostname(), port: 587, user: u.User.Username(), implicit: u.Scheme == "smtps", policy: gomail.TLSMandatory}
	s.password, _ = u.User.Password()
	if s.implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return wrong("has a port that is none")
		}
	}
	if (s.user == "") != (s.password == "") {
		return wrong("has a user without a password, or the other way round")
	}
	here := loopback(s.host)
	tls := u.Query()["tls"]
	for name := range u.Query() {
		if name != "tls" {
			return wrong("has a parameter other than tls")
		}
	}
	switch {
	case len(tls) == 0:
		if here {
			s.policy = gomail.NoTLS
		}
	case s.implicit || len(tls) > 1 || tls[0] != "none" && tls[0] != "starttls":
		return wrong("has a tls other than none and starttls, which go with smtp://")
	case tls[0] == "none":
		s.policy = gomail.NoTLS
	}
	if s.policy == gomail.NoTLS && !s.implicit && s.user != "" && !here {
		return wrong("would send the password unencrypted")
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String is the address without user and password.
func (s *SMTP) String() string {
	scheme := "smtp"
	if s.implicit {
		scheme = "smtps"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(s.host, strconv.Itoa(s.port)))
}

func (s *SMTP) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return defaultTimeout
}

// open connects, and signs in.
func (s *SMTP) open(ctx context.Context) (session, error) {
	made := &connection{s: s, hangUp: func() {}}
	client, err := gomail.NewClient(s.host, s.options(ctx, made)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the mail server: %w", err)
	}
	made.client = client
	if made.smtp, err = client.DialToSMTPClientWithContext(ctx); err != nil {
		made.hangUp()
		return nil, fmt.Errorf("connect to the mail server: %w", err)
	}
	return made, nil
}

func (s *SMTP) options(ctx context.Context, to *connection) []gomail.Option {
	secure := &tls.Config{ServerName: s.host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout()), gomail.WithTLSPolicy(s.policy), gomail.WithTLSConfig(secure),
		// A refusal resets the session by itself, and a mail that is sent leaves nothing to be reset.
		gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(dialing, network, address, secure)
			if err != nil {
				return nil, err
			}
			// The library heeds the context only until the connection is there.
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			to.hangUp = func() { stop(); _ = conn.Close() }
			return conn, nil
		}),
	}
	if s.implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&login{s: s}))
	}
	return options
}

func (s *SMTP) dial(ctx context.Context, network, address string, secure *tls.Config) (net.Conn, error) {
	if s.implicit {
		return (&tls.Dialer{Config: secure}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// login signs in by the best way that the server offers.
type login struct {
	s *SMTP
	smtp.Auth
}

func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	s := l.s
	ways := []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.user, s.password)},
		{"PLAIN", smtp.PlainAuth("", s.user, s.password, s.host, loopback(s.host))},
		{"LOGIN", smtp.LoginAuth(s.user, s.password, s.host, loopback(s.host))},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.user, s.password)},
	}
	for _, way := range ways {
		if slices.Contains(server.Auth, way.name) {
			l.Auth = way.auth
			return way.auth.Start(server)
		}
	}
	return "", nil, errors.New("the server offers none of SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5 to sign in by")
}

// connection is a session with a mail server.
type connection struct {
	s      *SMTP
	client *gomail.Client
	smtp   *smtp.Client
	hangUp func()
}

// quitWithin is how long a server is waited for that is told that this was all.
const quitWithin = 5 * time.Second

func (c *connection) close() {
	if c.smtp.UpdateDeadline(quitWithin) == nil {
		_ = c.smtp.Quit()
	}
	c.hangUp()
}

func (c *connection) send(msg *gomail.Msg) error {
	err := c.client.SendWithSMTPClient(c.smtp, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	var failed *gomail.SendError
	if !errors.As(err, &failed) {
		return err
	}
	const closing = 421
	code := failed.ErrorCode()
	if code < 400 || code == closing {
		return errors.New(said(failed))
	}
	return &answer{text: said(failed), permanent: code >= 500, anybody: code >= 500 && failed.Reason == gomail.ErrSMTPMailFrom}
}

// said is what went wrong, in the server's words where it has said something. The recipient is known without it.
func said(err *gomail.SendError) string {
	text, _, _ := strings.Cut(err.Error(), ", affected recipient(s)")
	text, _, _ = strings.Cut(text, ", affected message ID")
	return cmp.Or(strings.TrimSpace(text), "no answer")
}
