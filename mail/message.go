package mail

import (
	"cmp"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"cohort/models"
)

// Sender is who the mails are from.
type Sender struct{ address mail.Address }

// ParseSender reads an address such as "Cohort <cohort@example.org>". Its domain is that of the mails' Message-IDs.
func ParseSender(text string) (Sender, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || !plainAddress(address.Address) {
		return Sender{}, fmt.Errorf("%q is not an address such as Cohort <cohort@example.org>", text)
	}
	return Sender{*address}, nil
}

// MessageID is a mail's in the mail header, without its angle brackets, the same at each try.
func (s Sender) MessageID(id models.MailID) string {
	_, domain, _ := strings.Cut(s.address.Address, "@")
	return id.String() + "@" + cmp.Or(domain, "localhost")
}

// plainAddress tells whether a text is nothing but an address, which it must be to get into a header or an envelope.
func plainAddress(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Name == "" && address.Address == text && !strings.ContainsAny(text, "\r\n<> \"")
}

// compose makes the message of a mail.
func compose(from Sender, m *models.Mail, to reader, now time.Time) (*gomail.Msg, error) {
	if !plainAddress(to.Address) {
		return nil, fmt.Errorf("the user's e-mail is not one that a mail can be sent to")
	}
	made := write(m.Kind, m.Content, to)
	text, html, err := made.forms()
	if err != nil {
		return nil, err
	}
	recipient := mail.Address{Name: to.Name, Address: to.Address}
	if to.Name == to.Address {
		recipient.Name = ""
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("part-of-"+m.ID.String()))
	// The library encodes what isn't plain ASCII, line breaks among it.
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &from.address)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &recipient)
	msg.Subject(made.Subject)
	msg.SetMessageIDWithValue(from.MessageID(m.ID))
	msg.SetDateWithValue(now)
	msg.SetGenHeader("Content-Language", made.Language)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, text)
	msg.AddAlternativeString(gomail.TypeTextHTML, html)
	return msg, nil
}
