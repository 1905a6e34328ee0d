package mail

import (
	"context"

	gomail "github.com/wneessen/go-mail"
)

// carrier takes mails to where they go: a mail server, or a folder.
type carrier interface {
	// open makes ready to send several. An error says that nothing can be sent now.
	open(ctx context.Context) (session, error)
}

// session sends one mail after the other. The end of its context breaks it off.
type session interface {
	// send returns an *answer where the other side has said no to this mail; after any other error the session is good
	// for nothing, and whether the mail has arrived is not known.
	send(msg *gomail.Msg) error
	close()
}

// answer is a refusal.
type answer struct {
	text      string
	permanent bool // the same mail will be refused again
	anybody   bool // and so will every other: it isn't about the recipient
}

func (a *answer) Error() string { return a.text }
