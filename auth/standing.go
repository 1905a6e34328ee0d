package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

const (
	standingTTL    = 2 * time.Second
	maxStandingTTL = 4 * time.Second // a demotion must bite within 5 s, and streams look once a second
	keptStandings  = 10_000
)

// Standing is what the directory knows of a user, as far as the door asks.
type Standing struct {
	Role      models.Role
	Suspended bool // for any reason
	Activated bool // has been authenticated before
}

// StandingOptions says how standings are kept.
type StandingOptions struct {
	// TTL is how long one is believed after it was read: 2 s by default, at most 4 s.
	TTL time.Duration

	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Standings reads the standing of users and keeps it for a short time.
type Standings struct {
	store *store.Store
	ttl   time.Duration
	now   func() time.Time

	flights singleflight.Group

	mu    sync.Mutex
	turns uint64 // counts the calls of Forget
	kept  *lru.Cache[person, keptStanding]
}

type person struct {
	account models.AccountID
	user    models.UserID
}

type keptStanding struct {
	standing Standing
	found    bool
	readAt   time.Time // before the reading began
}

// NewStandings reads from s.
func NewStandings(s *store.Store, o StandingOptions) *Standings {
	kept, err := lru.New[person, keptStanding](keptStandings)
	if err != nil {
		panic(err) // it refuses a size below one only
	}
	known := &Standings{store: s, ttl: min(o.TTL, maxStandingTTL), now: o.Now, kept: kept}
	if o.TTL <= 0 {
		known.ttl = standingTTL
	}
	if known.now == nil {
		known.now = time.Now
	}
	return known
}

// Of is the user's standing, not older than 4 s. ErrUnauthenticated when there is no such user in the
// account, other errors when the database fails. Those who ask for one user at the same moment share one
// statement.
func (s *Standings) Of(ctx context.Context, account models.AccountID, user models.UserID) (Standing, error) {
	who := person{account, user}
	if k, ok := s.fresh(who); ok {
		return k.result()
	}
	flight := s.flights.DoChan(who.key(), func() (any, error) {
		if k, ok := s.fresh(who); ok { // another flight landed just now
			return k, nil
		}
		// One caller's leaving must not fail the others, and nobody gets an answer older than promised.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxStandingTTL)
		defer cancel()
		return s.read(ctx, who)
	})
	select {
	case <-ctx.Done():
		return Standing{}, fmt.Errorf("read the caller's standing: %w", ctx.Err())
	case landed := <-flight:
		if landed.Err != nil {
			return Standing{}, fmt.Errorf("read the caller's standing: %w", landed.Err)
		}
		return landed.Val.(keptStanding).result()
	}
}

// Forget has the user's standing read anew by whoever asks next, also while it is being read.
func (s *Standings) Forget(account models.AccountID, user models.UserID) {
	who := person{account, user}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns++
	s.kept.Remove(who)
	s.flights.Forget(who.key())
}

func (s *Standings) fresh(who person) (keptStanding, bool) {
	k, ok := s.kept.Get(who)
	age := s.now().Sub(k.readAt)
	return k, ok && age >= 0 && age < s.ttl
}

func (s *Standings) read(ctx context.Context, who person) (keptStanding, error) {
	s.mu.Lock()
	turn := s.turns
	s.mu.Unlock()

	k := keptStanding{found: true, readAt: s.now()}
	var row models.User
	err := s.store.Read.WithContext(ctx).
		Select("role", "suspended_manually", "suspended_no_products", "activated_at").
		Where("account_id = ? AND id = ?", who.account, who.user).
		Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		k.found = false
	case err != nil:
		return k, err
	default:
		k.standing = Standing{Role: row.Role, Suspended: len(row.StatusReasons()) > 0, Activated: row.ActivatedAt != nil}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if turn == s.turns { // else it may be what somebody wanted forgotten
		s.kept.Add(who, k)
	}
	return k, nil
}

func (k keptStanding) result() (Standing, error) {
	if !k.found {
		return Standing{}, refusal("there is no such user in the account")
	}
	return k.standing, nil
}

func (p person) key() string { return string(p.account[:]) + string(p.user[:]) }
