package auth

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"cohort/models"
)

// Identify says which user of which account the claims of a provider's token are about. ErrUnauthenticated when
// they are about nobody.
type Identify func(ctx context.Context, c Claims) (models.AccountID, models.UserID, error)

// visitors remembers for a short time who they turned out to be.
type visitors struct {
	identify Identify
	ttl      time.Duration
	now      func() time.Time
	kept     *lru.Cache[Bearer, identified]
}

type identified struct {
	person person
	since  time.Time
}

func newVisitors(identify Identify, ttl time.Duration, now func() time.Time) *visitors {
	kept, err := lru.New[Bearer, identified](keptStandings)
	if err != nil {
		panic(err) // it refuses a size below one only
	}
	return &visitors{identify: identify, ttl: ttl, now: now, kept: kept}
}

// who is the user that the claims are about. Nobody is remembered whom Identify refused.
func (v *visitors) who(ctx context.Context, c Claims) (person, error) {
	key := c.bearer()
	begin := v.now()
	if k, ok := v.kept.Get(key); ok && begin.Sub(k.since) >= 0 && begin.Sub(k.since) < v.ttl {
		return k.person, nil
	}
	account, user, err := v.identify(ctx, c)
	if err != nil {
		return person{}, err
	}
	found := person{account, user}
	v.kept.Add(key, identified{found, begin})
	return found, nil
}
