package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Ask is a request, and what its answer must be.
type Ask struct {
	Request []byte
	Want    []byte // the whole body; nil for any
	Part    []byte // what must be in it
}

// ErrExhausted is a work that has no more requests to make.
var ErrExhausted = errors.New("there are no more requests to make")

// Slot is one measurement.
type Slot struct {
	Requests  int
	Elapsed   time.Duration
	Latencies []time.Duration
	Errors    int   // failed requests, those of the lead included
	First     error // what went wrong first
}

// Throughput is in requests a second.
func (s *Slot) Throughput() float64 { return float64(s.Requests) / s.Elapsed.Seconds() }

// Plan says how a server is asked.
type Plan struct {
	Address     string
	Connections int
	Lead        time.Duration                     // at first nothing is counted
	Window      time.Duration                     // then this long
	Next        func(connection int) (*Ask, bool) // the connection's next request; false when there is none
	Around      func()                            // called as the window begins and as it ends
}

// Run keeps each connection busy: it sends a request when it has the answer to the one before. Counted is
// what is answered within the window. An answer that is not what it must be is an error; after 10 of them on
// one connection, that connection stops.
func Run(ctx context.Context, p Plan) (*Slot, error) {
	conns := make([]*Conn, p.Connections)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for i := range conns {
		var err error
		if conns[i], err = Dial(p.Address); err != nil {
			return nil, err
		}
	}
	begin := time.Now().Add(p.Lead)
	end := begin.Add(p.Window)
	parts := make([]Slot, p.Connections)
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() { parts[i] = c.work(ctx, i, p.Next, begin, end) })
	}
	err := wait(ctx, time.Until(begin))
	p.Around()
	err = errors.Join(err, wait(ctx, time.Until(end)))
	p.Around()
	all.Wait()
	total := &Slot{Elapsed: p.Window}
	for _, part := range parts {
		total.Requests += part.Requests
		total.Errors += part.Errors
		total.Latencies = append(total.Latencies, part.Latencies...)
		if total.First == nil {
			total.First = part.First
		}
	}
	return total, err
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Conn) work(ctx context.Context, connection int, next func(int) (*Ask, bool), begin, end time.Time) (s Slot) {
	s.Latencies = make([]time.Duration, 0, 1<<14)
	for ctx.Err() == nil && s.Errors < 10 {
		ask, more := next(connection)
		if !more {
			s.fail(ErrExhausted)
			return s
		}
		at := time.Now()
		if at.After(end) {
			return s
		}
		status, body, err := c.Do(ask.Request)
		now := time.Now()
		switch {
		case err != nil:
			s.fail(err)
			return s // what comes next on this connection is anybody's guess
		case status != 200:
			s.fail(fmt.Errorf("status %d: %.300s", status, body))
		case ask.Want != nil && !bytes.Equal(body, ask.Want), !bytes.Contains(body, ask.Part):
			s.fail(fmt.Errorf("another answer than before: %.300s", body))
		case now.After(begin) && now.Before(end):
			s.Requests++
			s.Latencies = append(s.Latencies, now.Sub(at))
		}
	}
	return s
}

func (s *Slot) fail(err error) {
	s.Errors++
	if s.First == nil {
		s.First = err
	}
}
