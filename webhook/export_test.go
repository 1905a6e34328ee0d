package webhook

import (
	"context"
	"net/http"
	"time"

	"cohort/store"
)

// Claimed is a claim of a worker that tests play.
type Claimed struct {
	c *claim
	s *store.Store
}

// Take claims a webhook that is due; nil when there is none.
func Take(ctx context.Context, s *store.Store, lease time.Duration) (*Claimed, error) {
	c, err := take(ctx, s, lease)
	if c == nil || err != nil {
		return nil, err
	}
	return &Claimed{c, s}, nil
}

// Begin writes down a message up to a number, and answers with its id.
func (c *Claimed) Begin(ctx context.Context, to int64) (string, error) {
	if err := c.c.begin(ctx, c.s, to); err != nil {
		return "", err
	}
	return *c.c.hook.MessageID, nil
}

// Taken says that the message was taken.
func (c *Claimed) Taken(ctx context.Context) error { return c.c.taken(ctx, c.s, nil) }

// ErrLost is what a claim gets that is none any more.
var ErrLost = errLost

// Clean removes old attempts.
var Clean = clean

// PauseBefore is how long a worker waits.
func PauseBefore(w *Worker, failures int32, asked time.Duration) time.Duration {
	return w.pauseBefore(failures, asked)
}

// RetryAfter reads the header.
var RetryAfter = retryAfter

// Send posts once, and answers with the status and what went wrong.
func Send(ctx context.Context, o Options, address string) (int, string) {
	a, err := newSender(o).send(ctx, address, http.Header{}, []byte(`{}`))
	if err != nil {
		return 0, err.Error()
	}
	return a.status, a.wrong
}
