package graph

import (
	"context"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
	"cohort/models"
)

// Pace says how long what stays open waits for others. A pace of 0 is the default.
type Pace struct {
	Init  time.Duration // for a WebSocket's first message: 10 s
	Ping  time.Duration // between signs of life that are sent, and for the answer to one: 15 s
	Write time.Duration // for a client to take what is sent to it: 10 s. Who is slower is cut
	Check time.Duration // between looks at whether the caller may stay: 1 s
	Work  time.Duration // for a query or a mutation over a WebSocket: 90 s
}

func (p Pace) withDefaults() Pace {
	for one, value := range map[*time.Duration]time.Duration{
		&p.Init: 10 * time.Second, &p.Ping: 15 * time.Second, &p.Write: 10 * time.Second, &p.Check: time.Second, &p.Work: 90 * time.Second,
	} {
		if *one == 0 {
			*one = value
		}
	}
	return p
}

// mostStrangers bounds the WebSockets that have not said yet whose they are.
const mostStrangers = 1000

// Streams are what stays open of a server: its WebSockets, and the subscriptions of its users.
type Streams struct {
	pace     Pace
	stopping chan struct{} // closed when the server is asked to stop

	mu        sync.Mutex
	stopped   bool
	open      int           // WebSockets
	none      chan struct{} // closed when it is stopped and none is open
	strangers int
	users     map[holder]*held
}

type holder struct {
	account models.AccountID
	user    models.UserID
	partner models.PartnerClientID
}

type held struct{ sockets, subscriptions int }

// NewStreams has none yet.
func NewStreams(pace Pace) *Streams {
	return &Streams{pace: pace.withDefaults(), stopping: make(chan struct{}), none: make(chan struct{}), users: map[holder]*held{}}
}

// End asks everything that is open to end: subscriptions at once, queries and mutations when they are done.
// Clients are told that the server goes away, and come again elsewhere. What opens later ends at once.
func (s *Streams) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	close(s.stopping)
	s.settle()
}

// Wait waits, after End, until no WebSocket is open, or ctx ends.
func (s *Streams) Wait(ctx context.Context) error {
	select {
	case <-s.none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Streams) settle() {
	if s.stopped && s.open == 0 {
		select {
		case <-s.none:
		default:
			close(s.none)
		}
	}
}

// enter counts a WebSocket of nobody yet; false when there are too many of those, or the server stops. known
// is called when it is somebody's, leave when it is closed.
func (s *Streams) enter() (known, leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.strangers >= mostStrangers {
		return nil, nil, false
	}
	s.open++
	s.strangers++
	known = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.strangers--
	})
	return known, func() {
		known()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		s.settle()
	}, true
}

func socketsOf(h *held) *int       { return &h.sockets }
func subscriptionsOf(h *held) *int { return &h.subscriptions }

// hold counts one more of what a user has; false when that would be more than most.
func (s *Streams) hold(who auth.Caller, of func(*held) *int, most int) (release func(), ok bool) {
	key := holder{who.Account, who.UserID, who.Partner}
	s.mu.Lock()
	defer s.mu.Unlock()
	has := s.users[key]
	if has == nil {
		has = &held{}
	}
	if *of(has) >= most {
		return nil, false
	}
	*of(has)++
	s.users[key] = has
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*of(has)--
		if *has == (held{}) {
			delete(s.users, key)
		}
	}, true
}

// subscribe counts a subscription of the caller, or refuses it.
func (t *transport) subscribe(who auth.Caller) (release func(), err error) {
	release, ok := t.streams.hold(who, subscriptionsOf, t.limits.Subscriptions)
	if !ok {
		return nil, &refusal{errors: gqlerror.List{over("subscriptions", "it is subscription %d of this user", t.limits.Subscriptions, t.limits.Subscriptions+1)}}
	}
	return release, nil
}
