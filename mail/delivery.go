package mail

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"cohort/models"
)

// Mails are marked as sent after so many, or so long. A server that dies before sends them again.
const (
	markAfter  = 20
	markWithin = time.Second
)

// result is how a batch has ended.
type result struct {
	tried   bool // there was something to send
	reached bool // the other side listened
}

// batch delivers what is claimed.
func (w *Worker) batch(ctx, sending context.Context, c *claim) (r result) {
	defer func() {
		if p := recover(); p != nil { // what is wrong with one mail must not end the server; the lease ends by itself
			w.o.Log.ErrorContext(ctx, "deliver mails", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	readers, err := c.readers(sending, w.store)
	if err != nil {
		w.o.Log.WarnContext(ctx, "deliver mails", "error", err)
		w.written(ctx, c.giveBack(context.WithoutCancel(ctx), w.store, c.mails))
		return result{}
	}
	d := &delivery{Worker: w, claim: c, ctx: sending, readers: readers}
	defer d.end()
	left := c.mails
	for len(left) > 0 && ctx.Err() == nil && !d.unreachable {
		if time.Until(c.until) < w.o.Lease/2 {
			d.mark() // what is sent is nobody's to take, either
			if left, err = c.renew(sending, w.store, left, w.o.Lease); err != nil {
				w.o.Log.WarnContext(ctx, "renew the lease of mails", "error", err)
				return result{d.tried, d.reached}
			}
			continue
		}
		d.one(&left[0])
		left = left[1:]
	}
	if d.unreachable {
		for i := range left { // which would fare no better
			d.later(&left[i], d.why)
		}
		return result{true, false}
	}
	w.written(ctx, c.giveBack(context.WithoutCancel(ctx), w.store, left))
	return result{d.tried, d.reached}
}

// written logs what could not be written about a mail; its lease ends by itself.
func (w *Worker) written(ctx context.Context, err error) {
	switch {
	case errors.Is(err, errLost):
		w.o.Log.InfoContext(ctx, "another worker has taken a mail over")
	case err != nil:
		w.o.Log.WarnContext(ctx, "write what became of mails", "error", err)
	}
}

// delivery is a batch on its way.
type delivery struct {
	*Worker
	*claim
	ctx     context.Context
	readers map[models.UserID]reader
	line    session // nil while there is none

	sentIDs []models.MailID // and not marked yet
	since   time.Time       // the first of them

	tried, reached, unreachable bool
	why                         string // it is unreachable
}

// one delivers a mail, or writes why not.
func (d *delivery) one(m *models.Mail) {
	to, there := d.readers[m.UserID]
	if !there {
		d.o.Did(Dropped)
		d.written(d.ctx, d.claim.drop(d.ctx, d.store, m))
		return
	}
	msg, err := compose(d.o.From, m, to, d.store.Now())
	if err != nil {
		d.dead(m, err.Error())
		return
	}
	d.tried = true
	if d.line == nil {
		if d.line, err = d.to.open(d.ctx); err != nil {
			d.nobody(m, err)
			return
		}
	}
	err = d.line.send(msg)
	var no *answer
	switch {
	case err == nil:
		d.reached = true
		d.delivered(m)
	case !errors.As(err, &no):
		d.hangUp()
		if d.ctx.Err() == nil {
			d.later(m, err.Error())
		}
	case no.anybody:
		d.nobody(m, err)
	case no.permanent:
		d.reached = true
		d.dead(m, no.text)
	default:
		d.reached = true
		d.later(m, no.text)
	}
}

// nobody is what a mail ends as that the other side doesn't take from anybody.
func (d *delivery) nobody(m *models.Mail, err error) {
	if d.ctx.Err() != nil { // it was our own doing
		return
	}
	d.unreachable, d.why = true, err.Error()
	d.o.Log.ErrorContext(d.ctx, "mails can't be sent", "error", err)
	d.later(m, d.why)
}

func (d *delivery) delivered(m *models.Mail) {
	d.o.Did(Delivered)
	if len(d.sentIDs) == 0 {
		d.since = time.Now()
	}
	if d.sentIDs = append(d.sentIDs, m.ID); len(d.sentIDs) >= markAfter || time.Since(d.since) >= markWithin {
		d.mark()
	}
}

// mark writes what was sent.
func (d *delivery) mark() {
	d.written(d.ctx, d.claim.sent(context.WithoutCancel(d.ctx), d.store, d.sentIDs, d.o.Keep))
	d.sentIDs = nil
}

func (d *delivery) later(m *models.Mail, why string) {
	if int(m.Attempts)+1 >= d.o.MaxAttempts {
		d.dead(m, why)
		return
	}
	d.o.Did(PutOff)
	pause := jitter(doubled(d.o.Backoff, int(m.Attempts)+1, longestBackoff))
	d.o.Log.InfoContext(d.ctx, "mail put off", "mail", m.ID, "attempts", m.Attempts+1, "for", pause)
	d.written(d.ctx, d.claim.postpone(d.ctx, d.store, m, why, pause))
}

func (d *delivery) dead(m *models.Mail, why string) {
	d.o.Did(Refused)
	d.o.Log.WarnContext(d.ctx, "mail failed", "mail", m.ID, "attempts", m.Attempts+1)
	d.written(d.ctx, d.claim.bury(d.ctx, d.store, m, why))
}

func (d *delivery) hangUp() {
	if d.line != nil {
		d.line.close()
		d.line = nil
	}
}

func (d *delivery) end() {
	d.mark()
	d.hangUp()
}
