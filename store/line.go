package store

import (
	"context"
	"sync"

	"cohort/models"
)

// lines queue this process's writers of each account before they take a connection: those who wait for
// a busy account would else hold all connections, and the writers of other accounts would wait with
// them. The lock that counts is the row's.
type lines struct {
	mu   sync.Mutex
	open map[models.AccountID]*line
}

type line struct {
	turn chan struct{} // holds a token while somebody has the turn
	in   int           // how many wait or have it
}

// enter waits for the turn, in the order of arrival, as long as ctx lives.
func (ls *lines) enter(ctx context.Context, account models.AccountID) (leave func(), err error) {
	l := ls.join(account)
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; ls.quit(account, l) }, nil
	case <-ctx.Done():
		ls.quit(account, l)
		return nil, ctx.Err()
	}
}

func (ls *lines) join(account models.AccountID) *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.open[account]
	if l == nil {
		if ls.open == nil {
			ls.open = map[models.AccountID]*line{}
		}
		l = &line{turn: make(chan struct{}, 1)}
		ls.open[account] = l
	}
	l.in++
	return l
}

func (ls *lines) quit(account models.AccountID, l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.in--; l.in == 0 {
		delete(ls.open, account)
	}
}
