package mail_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"cohort/mail"
)

// letter is what the server has received.
type letter struct {
	from, to string
	raw      []byte
	*netmail.Message
}

func (l letter) id() string { return l.Header.Get("Message-Id") }

// postOffice is a real mail server, whose answers a test chooses.
type postOffice struct {
	t       testing.TB
	address string
	server  *smtp.Server

	sender func(from string) error             // nil takes mails from everybody
	rcpt   func(to string) error               // nil takes mails to everybody
	data   func(l letter, conn net.Conn) error // nil takes every mail; called after it was read
	user   string                              // with the password "correct"; "" for nobody needs one

	mu       sync.Mutex
	received []letter // also what wasn't taken in the end
	logins   int
}

// newPostOffice is one that doesn't listen yet.
func newPostOffice(t testing.TB) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return &postOffice{t: t, address: l.Addr().String()}
}

func startPostOffice(t testing.TB) *postOffice {
	p := newPostOffice(t)
	p.start(nil, false)
	return p
}

// start listens, with STARTTLS if there is a certificate, or TLS from the first byte on.
func (p *postOffice) start(cert *tls.Certificate, implicit bool) {
	p.t.Helper()
	p.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &desk{p: p, conn: c}, nil }))
	p.server.Domain = "localhost"
	p.server.AllowInsecureAuth = true
	p.server.EnableSMTPUTF8 = true
	p.server.ErrorLog = quiet{}
	var config *tls.Config
	if cert != nil {
		config = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
		p.server.TLSConfig = config
	}
	l, err := net.Listen("tcp", p.address)
	must(p.t, err)
	if implicit {
		l = tls.NewListener(l, config)
	}
	go func() { _ = p.server.Serve(l) }()
	p.t.Cleanup(func() { _ = p.server.Close() })
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// at is its address for a worker.
func (p *postOffice) at(form string) *mail.SMTP {
	p.t.Helper()
	s, err := mail.ParseSMTP(form)
	must(p.t, err)
	return s
}

func (p *postOffice) plain() *mail.SMTP { return p.at("smtp://" + p.address) }

func (p *postOffice) letters() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received)
}

// to are the letters to an address.
func (p *postOffice) to(address string) (found []letter) {
	for _, l := range p.letters() {
		if l.to == address {
			found = append(found, l)
		}
	}
	return found
}

// desk is a session.
type desk struct {
	p        *postOffice
	conn     *smtp.Conn
	from, to string
	known    bool
}

func (d *desk) AuthMechanisms() []string {
	if d.p.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (d *desk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		d.p.mu.Lock()
		defer d.p.mu.Unlock()
		d.p.logins++
		if d.known = user == d.p.user && password == "correct"; !d.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (d *desk) Mail(from string, _ *smtp.MailOptions) error {
	if d.p.user != "" && !d.known {
		return smtp.ErrAuthRequired
	}
	if d.from = from; d.p.sender != nil {
		return d.p.sender(from)
	}
	return nil
}

func (d *desk) Rcpt(to string, _ *smtp.RcptOptions) error {
	if d.to = to; d.p.rcpt != nil {
		return d.p.rcpt(to)
	}
	return nil
}

func (d *desk) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	l := letter{d.from, d.to, raw, m}
	d.p.mu.Lock()
	d.p.received = append(d.p.received, l)
	d.p.mu.Unlock()
	if d.p.data != nil {
		return d.p.data(l, d.conn.Conn())
	}
	return nil
}

func (d *desk) Reset()        {}
func (d *desk) Logout() error { return nil }

func no(code int, text string) error { return &smtp.SMTPError{Code: code, Message: text} }

var errCut = errors.New("cut")

// certificate makes one for 127.0.0.1, and what to trust so that it is good.
func certificate(t testing.TB) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a mail server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(raw)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, roots
}
