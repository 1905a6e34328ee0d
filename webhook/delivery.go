package webhook

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// entriesMost is how many changes a message has.
const entriesMost = 100

// work delivers the next message of a webhook that is claimed, if there is one.
func (w *Worker) work(ctx, sending context.Context, c *claim) {
	limited, cancel := context.WithDeadline(sending, c.until.Add(-w.o.Lease/4)) // no attempt outlives the lease
	defer cancel()
	err := w.deliver(limited, c)
	if err == nil || errors.Is(err, errLost) {
		return
	}
	// What is written now must be written, also when the worker is being stopped.
	last, cancel := context.WithTimeout(context.WithoutCancel(sending), w.o.Lease/4)
	defer cancel()
	pause := time.Duration(0)
	if ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "deliver to a webhook", "account", c.hook.AccountID.String(), "webhook", c.hook.ID.String(), "error", err)
		pause = w.o.Backoff
	}
	if err := c.release(last, w.store, pause); err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
		w.o.Log.WarnContext(ctx, "let go of a webhook", "webhook", c.hook.ID.String(), "error", err)
	}
}

// deliver returns an error of ours, after which the webhook is as it was.
func (w *Worker) deliver(ctx context.Context, c *claim) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.o.Log.ErrorContext(ctx, "a panic in a delivery", "panic", p, "stack", string(debug.Stack()))
			err = errors.New("a panic")
		}
	}()
	hook := c.hook
	kinds, until := hook.Wanted, int64(0)
	if hook.MessageID != nil {
		kinds, until = *hook.MessageKinds, *hook.MessageTo
	}
	part, err := w.directory.FeedFor(ctx, hook.AccountID, kinds.List(), hook.Position, until, entriesMost)
	switch {
	case errors.Is(err, directory.ErrCursorExpired):
		w.paused(ctx, c, models.WebhookPausedReasonCursorExpired)
		return c.pause(ctx, w.store, models.WebhookPausedReasonCursorExpired, "the change feed is no longer kept from where the webhook was")
	case err != nil:
		return err
	case len(part.Entries) == 0:
		return c.advance(ctx, w.store, part.To)
	}
	secrets, err := w.secrets(hook)
	if errors.Is(err, auth.ErrBroken) {
		w.paused(ctx, c, models.WebhookPausedReasonSecretUnreadable)
		return c.pause(ctx, w.store, models.WebhookPausedReasonSecretUnreadable, err.Error())
	}
	if hook.MessageID == nil {
		if err := c.begin(ctx, w.store, part.To); err != nil {
			return err
		}
	}
	return w.attempt(ctx, c, part.Entries, secrets)
}

// secrets are those by which messages are signed now, the newest first. auth.ErrBroken when that can't be read.
func (w *Worker) secrets(hook *models.Webhook) ([]string, error) {
	secret, err := w.o.Seal.Open(hook.Secret, hook.AccountID, hook.ID)
	if err != nil {
		return nil, err
	}
	if hook.OldSecretUntil == nil || !w.store.Now().Before(*hook.OldSecretUntil) {
		return []string{secret}, nil
	}
	old, err := w.o.Seal.Open(hook.OldSecret, hook.AccountID, hook.ID)
	if err != nil { // the server's own secret was changed since, and this one rotated
		return []string{secret}, nil //nolint:nilerr // nobody else can know the old one either
	}
	return []string{secret, old}, nil
}

// attempt sends the webhook's message and writes what became of it.
func (w *Worker) attempt(ctx context.Context, c *claim, entries []models.ChangeEntry, secrets []string) error {
	hook := c.hook
	body, err := write(hook, entries)
	if err != nil {
		return err
	}
	begin := w.store.Now()
	signature, err := Sign(*hook.MessageID, begin, body, secrets...)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set("webhook-id", *hook.MessageID)
	header.Set("webhook-timestamp", strconv.FormatInt(begin.Unix(), 10))
	header.Set("webhook-signature", signature)
	clock := time.Now()
	answer, err := w.sender.send(ctx, hook.URL, header, body)
	if err != nil {
		return err
	}
	took := time.Since(clock)
	attempt := &models.WebhookDelivery{
		AccountID: hook.AccountID, WebhookID: hook.ID, ID: models.WebhookDeliveryID(uuid.Must(uuid.NewV7())), MessageID: *hook.MessageID, Attempt: hook.Attempts + 1,
		FirstNumber: entries[0].Number, LastNumber: entries[len(entries)-1].Number, ChangeCount: int32(len(entries)), //nolint:gosec // at most entriesMost
		Duration: int32(min(took.Milliseconds(), 1<<31-1)), At: begin,
	}
	if answer.status != 0 {
		attempt.Status = new(int32(answer.status)) //nolint:gosec // it has three digits
	}
	if answer.wrong == "" {
		w.o.Did(Delivered, took)
		return c.taken(ctx, w.store, attempt)
	}
	attempt.Error = &answer.wrong
	w.o.Did(Failed, took)
	reason := w.givesUp(hook, answer.status, begin)
	if reason != nil {
		w.paused(ctx, c, *reason)
	}
	return c.failed(ctx, w.store, attempt, w.pauseBefore(hook.Failures+1, answer.after), reason)
}

// givesUp tells why the webhook is paused after a failure; nil when it is tried again.
func (w *Worker) givesUp(hook *models.Webhook, status int, now time.Time) *models.WebhookPausedReason {
	switch {
	case status == http.StatusGone:
		return new(models.WebhookPausedReasonGone)
	case hook.Failures+1 >= failuresLeast && hook.FailingSince != nil && now.Sub(*hook.FailingSince) >= failingMost:
		return new(models.WebhookPausedReasonFailing)
	}
	return nil
}

// A webhook is paused when it has failed for so long, and so often.
const (
	failingMost   = 24 * time.Hour
	failuresLeast = 10
)

// pauseBefore is how long to wait after so many failures in a row: twice as long each time, by chance a half more or less, and not
// less than the receiver asks for.
func (w *Worker) pauseBefore(failures int32, asked time.Duration) time.Duration {
	pause := w.o.Backoff
	for range failures - 1 {
		if pause = 2 * pause; pause >= longestBackoff {
			pause = longestBackoff
			break
		}
	}
	pause = pause/2 + rand.N(pause)
	return min(max(pause, asked), longestBackoff)
}

// paused logs that a webhook gets nothing any more. Of its URL the log has the host alone.
func (w *Worker) paused(ctx context.Context, c *claim, reason models.WebhookPausedReason) {
	host := ""
	if u, err := url.Parse(c.hook.URL); err == nil {
		host = u.Host
	}
	w.o.Log.WarnContext(ctx, "a webhook is paused", "account", c.hook.AccountID.String(), "webhook", c.hook.ID.String(), "host", host, "reason", string(reason))
	w.o.Did(Paused, 0)
}
