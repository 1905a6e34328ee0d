package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

// How many refused attempts are recorded: of each actor so many at once and then one for each pause; the others are counted. Of
// actors so many are remembered, and so many attempts wait to be written.
const (
	RefusalsAtOnce = 10
	RefusalPause   = time.Minute
	rememberActors = 10_000
	waitingAtMost  = 1_000
)

// writeWithin is how long the database may take to write down what waits, also when the server stops meanwhile.
const writeWithin = 10 * time.Second

// Refusals records what callers were refused for want of rights, in transactions of its own, beside the requests: these never wait
// for it and don't fail with it. What waits when the process dies is lost, and so is what the database doesn't take.
type Refusals struct {
	store *store.Store
	log   *slog.Logger
	wake  chan struct{}

	mu      sync.Mutex
	actors  *lru.Cache[actor, *attempts]
	waiting []refusal
}

type actor struct {
	account models.AccountID
	user    models.UserID
	partner models.PartnerClientID
	kind    auth.Kind
}

// attempts are those of one actor.
type attempts struct {
	limit      *rate.Limiter
	unrecorded int // since the last one that was recorded
}

type refusal struct {
	who        auth.Caller
	action     auth.Action
	at         time.Time
	unrecorded int
}

// NewRefusals makes the recorder of a process, which records nothing before Run.
func NewRefusals(s *store.Store, log *slog.Logger) *Refusals {
	actors, err := lru.New[actor, *attempts](rememberActors)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Refusals{store: s, log: log, wake: make(chan struct{}, 1), actors: actors}
}

// Note takes down that somebody was refused something. It never waits.
func (r *Refusals) Note(who auth.Caller, action auth.Action) {
	if who.Account == (models.AccountID{}) {
		return // nobody, whose attempts belong to no account
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key, now := actor{who.Account, who.UserID, who.Partner, who.Kind}, r.store.Now()
	of, ok := r.actors.Get(key)
	if !ok {
		of = &attempts{limit: rate.NewLimiter(rate.Every(RefusalPause), RefusalsAtOnce)}
		r.actors.Add(key, of)
	}
	if len(r.waiting) >= waitingAtMost || !of.limit.AllowN(now, 1) {
		of.unrecorded++
		return
	}
	r.waiting = append(r.waiting, refusal{who, action, now, of.unrecorded})
	of.unrecorded = 0
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run records until ctx ends, and then what still waits. Call it once.
func (r *Refusals) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-r.wake:
			r.write(ctx)
		case <-ctx.Done():
		}
	}
	r.write(ctx)
}

// write records what waits, a transaction for each account. The end of ctx doesn't stop it: what it has taken would be lost.
func (r *Refusals) write(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	byAccount := map[models.AccountID][]refusal{}
	for _, one := range waiting {
		byAccount[one.who.Account] = append(byAccount[one.who.Account], one)
	}
	for account, all := range byAccount {
		// Without the account's lock, for which those would wait who may do what they ask for.
		_, err := store.InTx(ctx, r.store, func(tx *gorm.DB) (struct{}, error) {
			events := make([]Event, len(all))
			for i := range all {
				var err error
				if events[i], err = all[i].event(); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, insert(tx, events, nil)
		})
		if err != nil {
			r.log.WarnContext(ctx, "record refused attempts", "account", account.String(), "attempts", len(all), "error", err)
		}
	}
}

func (f *refusal) event() (Event, error) {
	operation := models.NewID[models.OperationID]()
	e := eventBy(&f.who, f.action, models.AuditOutcomeRefused, models.NewEventID(f.at, firstOrder()), operation, f.at)
	if f.unrecorded == 0 {
		return e, nil
	}
	var err error
	e.AfterData, err = encode(unrecorded{f.unrecorded})
	return e, err
}

// unrecorded is what an event tells of the attempts before it that have none.
type unrecorded struct {
	Unrecorded int `json:"unrecorded"`
}
