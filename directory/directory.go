// Package directory is the domain: users, groups, who is in which, and groups inside groups. An exported
// method of Directory is one use case and one transaction; it authorises first, and settles under the
// account's lock whatever needs rows.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/directory/roster"
	"cohort/mail"
	"cohort/models"
	"cohort/store"
)

// The depth of nesting, in groups on the longest chain: what an account gets, and what it can get.
const (
	DefaultDepth = 10
	MaxDepth     = 32
)

// Options are what an installation may choose.
type Options struct {
	MaxGroupDepth int // 1 to MaxDepth; 0 for DefaultDepth

	// Memory is what the rosters of all accounts may take, in bytes; 0 for roster.DefaultMemory. With less than
	// nothing the database answers everything.
	Memory int64

	// InPlace is up to how many affected users a change is finished in its own transaction; above, and in parts of as
	// many, by a job. 0 for DefaultInPlace.
	InPlace int

	// Brake is how many of a hundred users a change may suspend without a confirmation; 0 for DefaultBrake. With 100 there
	// is no brake.
	Brake int

	// ConfirmKey signs the tokens of dry runs, at least 32 bytes, the same on each server; nil makes one up.
	ConfirmKey []byte

	// ExportKey signs the addresses of exports' files, at least 32 bytes, the same on each server; nil makes one up.
	ExportKey []byte

	// WebhookKey seals the secrets of webhooks, 32 bytes, the same on each server; nil makes one up.
	WebhookKey []byte

	// WebhookAllow are the nets in which webhooks may have private addresses, and `http`.
	WebhookAllow []netip.Prefix

	// MailFrom is who mails are from, by which their Message-IDs are known.
	MailFrom mail.Sender

	Log *slog.Logger // nil discards
}

// The defaults of Options.
const (
	DefaultInPlace = 1000
	DefaultBrake   = 20
)

// Directory offers the use cases. It is safe for concurrent use.
type Directory struct {
	store     *store.Store
	graphs    *nesting.Cache
	rosters   *roster.Cache
	feeds     *feeds
	jobFeed   *jobFeed
	refusals  *audit.Refusals
	log       *slog.Logger
	maxDepth  int
	inPlace   int
	brake     int
	confirm   confirmations
	passes    passes
	courtesy  courtesy
	wakeJobs  func()
	wakeMails func()
	mailFrom  mail.Sender

	webhookSeal  auth.Seal
	webhookAllow []netip.Prefix
	wakeWebhooks func()
}

// New makes a Directory on a store whose schema is up to date.
func New(s *store.Store, o Options) (*Directory, error) {
	if o.MaxGroupDepth == 0 {
		o.MaxGroupDepth = DefaultDepth
	}
	if o.MaxGroupDepth < 1 || o.MaxGroupDepth > MaxDepth {
		return nil, fmt.Errorf("the depth of nested groups must lie between 1 and %d, not at %d", MaxDepth, o.MaxGroupDepth)
	}
	if o.Memory == 0 {
		o.Memory = roster.DefaultMemory
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.InPlace == 0 {
		o.InPlace = DefaultInPlace
	}
	if o.Brake == 0 {
		o.Brake = DefaultBrake
	}
	if o.Brake < 1 || o.Brake > 100 {
		return nil, fmt.Errorf("the brake must lie between 1 and 100 of a hundred users, not at %d", o.Brake)
	}
	graphs := nesting.NewCache()
	return &Directory{
		inPlace: max(o.InPlace, 1), brake: o.Brake, confirm: newConfirmations(o.ConfirmKey), passes: newPasses(o.ExportKey),
		store: s, graphs: graphs, rosters: roster.NewCache(s, graphs, o.Memory), feeds: newFeeds(s, o.Log), jobFeed: newJobFeed(s, o.Log), refusals: audit.NewRefusals(s, o.Log), log: o.Log, maxDepth: o.MaxGroupDepth, wakeJobs: func() {}, wakeMails: func() {}, mailFrom: o.MailFrom,
		webhookSeal: auth.NewSeal(o.WebhookKey), webhookAllow: o.WebhookAllow, wakeWebhooks: func() {},
	}, nil
}

// MaxGroupDepth is how many groups the longest chain of nested groups may have.
func (d *Directory) MaxGroupDepth() int { return d.maxDepth }

// snapshot is what one reading use case sees: the account at one moment.
type snapshot struct {
	*gorm.DB
	who    auth.Caller
	answer auth.Answer // the condition that is left to settle
	graphs *nesting.Cache
	store  *store.Store
	glance bool // not a transaction: good for one statement
}

func (s *snapshot) account() models.AccountID { return s.who.Account }

// graph is the nesting in the version that a statement has read along with its rows.
func (s *snapshot) graph(version int64) (*nesting.Graph, error) {
	if g, ok := s.graphs.Cached(s.account(), version); ok {
		return g, nil
	}
	if err := s.several(); err != nil {
		return nil, err
	}
	return s.graphs.Load(s.DB, s.account(), version)
}

// errSeveral says that a use case needs more than the one statement of a glance.
var errSeveral = errors.New("more than one statement")

// several must be asked before a second statement.
func (s *snapshot) several() error {
	if s.glance {
		return errSeveral
	}
	return nil
}

// read runs a reading use case that the policy table permits, in a snapshot.
func read[T any](ctx context.Context, d *Directory, who auth.Caller, action auth.Action, fn func(*snapshot) (T, error)) (_ T, err error) {
	defer func() { d.noteRefusal(who, action, err) }()
	answer, err := who.May(action)
	if err != nil {
		var none T
		return none, err
	}
	return store.InSnapshot(ctx, d.store, func(tx *gorm.DB) (T, error) {
		return fn(&snapshot{DB: tx, who: who, answer: answer, graphs: d.graphs})
	})
}

// glance is read for a use case that as a rule makes one statement, which is a snapshot by itself and saves the
// round trips around it. When it turns out to need several, it runs again in a snapshot.
func glance[T any](ctx context.Context, d *Directory, who auth.Caller, action auth.Action, fn func(*snapshot) (T, error)) (T, error) {
	answer, err := who.May(action)
	if err != nil {
		d.noteRefusal(who, action, err)
		var none T
		return none, err
	}
	result, err := fn(&snapshot{DB: d.store.Read.WithContext(ctx), who: who, answer: answer, graphs: d.graphs, store: d.store, glance: true})
	if err == nil {
		return result, nil
	}
	if _, rest := models.UserErrors(err); rest == nil || errors.Is(err, auth.ErrForbidden) {
		d.noteRefusal(who, action, err)
		return result, err
	}
	// Whatever else went wrong may be passing, which a snapshot knows how to try again.
	return read(ctx, d, who, action, fn)
}

// change is a use case that writes, inside its transaction: the account is locked, the caller's rights are
// those of this moment, and what is logged is written when it ends.
type change struct {
	*store.Tx
	d       *Directory
	who     auth.Caller
	action  auth.Action
	answer  auth.Answer // the condition that is left to settle
	log     *audit.Log
	current *nesting.Graph

	touched  map[models.UserID]bool             // whose products or status may have changed
	reseat   map[models.ProductID]bool          // whose seats have become more
	queued   map[models.ProductID]bool          // whose line is longer than what was done for it
	known    map[string]map[models.Holding]bool // sources by their tables, of the users whose sources are being changed
	leaving  models.UserID                      // who is being deleted, and has no status any more
	effects  effects
	held     *holds                               // what the caller may hand on, once somebody has asked
	wrong    models.Errors                        // rows that were left out
	products map[models.ProductID]*models.Product // the catalogue, once something is settled

	following                        // what is left to do, and for whom
	job       *models.Job            // in the transaction of one of its parts
	part      map[models.UserID]bool // whose turn it is in that
	posted    bool                   // there are mails to deliver
	queuedJob bool                   // there is a job to do
	quiet     bool                   // tells the users nothing
	untold    map[models.UserID]bool // who is told nothing of what they gain and lose
	trial     bool                   // is rolled back, and leaves no trace
}

func (c *change) account() models.AccountID { return c.Account.ID }

// graph is the nesting as it is now, with what this transaction has changed.
func (c *change) graph() (*nesting.Graph, error) {
	if c.current == nil {
		g, err := c.d.graphs.Load(c.DB, c.account(), c.Account.GraphVersion)
		if err != nil {
			return nil, err
		}
		c.current = g
	}
	return c.current, nil
}

// write runs a writing use case that the policy table permits to what the caller is under the lock. What
// fn returns is handed on together with an error of its own, so that a refusal can carry the present state;
// then nothing is changed.
func write[T any](ctx context.Context, d *Directory, who auth.Caller, action auth.Action, fn func(*change) (T, error)) (result T, err error) {
	posted, queued, moved := false, false, false
	defer func() { d.noteRefusal(who, action, err) }()
	if _, err := who.May(action); err != nil {
		return result, err
	}
	_, err = store.InAccount(ctx, d.store, who.Account, func(tx *store.Tx) (struct{}, error) {
		var none T
		result = none
		before := tx.Account.FeedSeq
		present, err := presentRights(tx, who)
		if err != nil {
			return struct{}{}, err
		}
		answer, err := present.May(action)
		if err != nil {
			return struct{}{}, err
		}
		c := d.begin(tx, present, action, answer)
		if result, err = fn(c); err != nil {
			return struct{}{}, err
		}
		err = c.end()
		posted, queued, moved = c.posted, c.queuedJob, tx.Account.FeedSeq > before
		return struct{}{}, err
	})
	if err == nil {
		d.feeds.wake(who.Account)
		if moved {
			d.wakeWebhooks()
		}
		if posted {
			d.wakeMails()
		}
		if !queued { // who waits for a job has nothing of its going slowly
			d.courtesy.written(who.Account)
		}
	}
	if errors.Is(err, store.ErrNoAccount) {
		err = fmt.Errorf("%w: the account is no more", auth.ErrUnauthenticated)
	}
	return result, err
}

// begin is a change at the start of its transaction, by somebody whose rights are read under the lock.
func (d *Directory) begin(tx *store.Tx, who auth.Caller, action auth.Action, answer auth.Answer) *change {
	return &change{
		Tx: tx, d: d, who: who, action: action, answer: answer, log: audit.Begin(tx, who, action),
		quiet: who.Kind == auth.Operator, // whoever imports tells people themselves
	}
}

// end settles what is not yet, tells the users and writes the log.
func (c *change) end() error {
	if _, err := c.settleAll(); err != nil {
		return err
	}
	if err := c.settleLines(); err != nil {
		return err
	}
	if err := c.tell(); err != nil {
		return err
	}
	return c.log.Write()
}

// presentRights reads the caller's role again, now that nobody else can change it.
func presentRights(tx *store.Tx, who auth.Caller) (auth.Caller, error) {
	if who.Kind != auth.Person {
		return who, nil
	}
	user, err := findUser(tx.DB, who.Account, who.UserID)
	if err != nil {
		return who, err
	}
	if user == nil || user.Status == models.UserStatusSuspended {
		return who, fmt.Errorf("%w: the user is suspended or no more", auth.ErrUnauthenticated)
	}
	who.Role = models.Lesser(who.Role, user.Role)
	return who, nil
}
