package roster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"cohort/directory/nesting"
	"cohort/models"
	"cohort/store"
)

// DefaultMemory is what the rosters of all accounts may take together, in bytes.
const DefaultMemory = 256 << 20

// What a roster takes, in bytes, as far as it is worth knowing.
const (
	userSize       = 200
	groupSize      = 1000
	membershipSize = 16
)

// Cache keeps the rosters of the accounts that were asked about last. A roster follows the feed of its account,
// so that it also knows what other servers on the database have changed.
type Cache struct {
	store  *store.Store
	graphs *nesting.Cache
	memory int64

	mu      sync.Mutex
	entries map[models.AccountID]*entry
	taken   int64 // by all of them
	clock   atomic.Int64
}

type entry struct {
	mu     sync.RWMutex
	roster *Roster       // nil before it is loaded
	turn   chan struct{} // has room for the one who brings the roster forward
	size   int64         // under the cache's lock
	used   atomic.Int64  // by the cache's clock, which counts the questions
	large  atomic.Bool   // beyond all the memory there is
}

// NewCache is an empty one that takes about so many bytes at most; none keeps nothing.
func NewCache(s *store.Store, graphs *nesting.Cache, memory int64) *Cache {
	return &Cache{store: s, graphs: graphs, memory: memory, entries: map[models.AccountID]*entry{}}
}

// View runs look on the account's roster as of the feed's number seq or a later one. Nobody changes the roster
// meanwhile: look must be quick, and keep nothing of it but rows. held is false where the account is too large
// for the memory there is. Don't call it in a transaction: it may need one itself.
func (c *Cache) View(ctx context.Context, account models.AccountID, seq int64, look func(*Roster)) (held bool, err error) {
	e := c.entry(account)
	for !e.large.Load() {
		e.mu.RLock()
		if e.roster != nil && e.roster.Seq >= seq {
			defer e.mu.RUnlock()
			look(e.roster)
			return true, nil
		}
		e.mu.RUnlock()
		if err := c.follow(ctx, account, e, seq); err != nil {
			return false, fmt.Errorf("follow the account in memory: %w", err)
		}
	}
	return false, nil
}

func (c *Cache) entry(account models.AccountID) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[account]
	if e == nil {
		e = &entry{turn: make(chan struct{}, 1)}
		c.entries[account] = e
	}
	e.used.Store(c.clock.Add(1))
	return e
}

// follow brings the roster to what the database holds now. One does it, the others wait for it.
func (c *Cache) follow(ctx context.Context, account models.AccountID, e *entry, seq int64) error {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// Only the one whose turn it is changes the roster, so it may be read without the lock here.
	if e.large.Load() || e.roster != nil && e.roster.Seq >= seq {
		return nil
	}
	type news struct {
		roster *Roster // all of it anew
		Difference
	}
	found, err := store.InSnapshot(ctx, c.store, func(tx *gorm.DB) (n news, err error) {
		if e.roster != nil {
			var known bool
			if n.Difference, known, err = c.since(tx, account, e.roster); known || err != nil {
				return n, err
			}
		}
		size, err := estimate(tx, account)
		if err != nil || !c.makeRoom(account, e, size) {
			return n, err
		}
		n.roster, err = c.load(tx, account)
		return n, err
	})
	if err != nil || e.large.Load() {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if found.roster != nil {
		e.roster = found.roster
	} else {
		e.roster.Apply(found.Difference)
	}
	if !c.makeRoom(account, e, e.roster.size()) {
		e.roster = nil
	}
	return nil
}

func (r *Roster) size() int64 {
	return size(int64(len(r.userAt)), int64(len(r.groupAt)), int64(r.memberships))
}

func size(users, groups, memberships int64) int64 {
	return users*userSize + groups*groupSize + memberships*membershipSize
}

// makeRoom drops the rosters that were not asked about for the longest time until there is room for one of this
// size, and notes it where there never is.
func (c *Cache) makeRoom(account models.AccountID, e *entry, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > c.memory {
		e.large.Store(true)
		c.taken -= e.size
		e.size = 0
		return false
	}
	c.entries[account] = e // it may have been dropped itself meanwhile
	c.taken += size - e.size
	e.size = size
	for c.taken > c.memory {
		oldest := account
		for id, other := range c.entries {
			if other.size > 0 && id != account && (oldest == account || other.used.Load() < c.entries[oldest].used.Load()) {
				oldest = id
			}
		}
		if oldest == account {
			break
		}
		c.taken -= c.entries[oldest].size
		c.entries[oldest].size = 0 // whoever still holds it may bring it back
		delete(c.entries, oldest)
	}
	return true
}

// Held says how many accounts are in memory, and about how many bytes they take.
func (c *Cache) Held() (accounts int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.size > 0 && !e.large.Load() {
			accounts++
			bytes += e.size
		}
	}
	return accounts, bytes
}
