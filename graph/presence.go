package graph

import (
	"context"
	"errors"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
)

// presence is a caller who stays, as they were when somebody last looked.
type presence struct {
	came context.Context //nolint:containedctx // carries the token from one look to the next

	mu  sync.Mutex
	who auth.Caller
}

func newPresence(ctx context.Context) *presence { return &presence{came: ctx, who: caller(ctx)} }

func (p *presence) caller() auth.Caller {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.who
}

// look finds out anew who the caller is, and tells whether they may do less or more than before. It fails
// when they may no longer be here; a database that doesn't answer is no reason for that.
func (p *presence) look() (changed bool, err error) {
	ctx, err := auth.Stay(p.came)
	if errors.Is(err, auth.ErrUnauthenticated) {
		return false, err
	}
	if err != nil {
		return false, nil //nolint:nilerr // the next look will tell
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = p.who != caller(ctx)
	p.who = caller(ctx)
	return changed, nil
}

// check is why the caller may no longer have the operation's answers, if so.
func (p *presence) check(op *graphql.OperationContext) *gqlerror.Error {
	changed, err := p.look()
	if err != nil {
		gone := gqlerror.Errorf("%s", auth.Reason(err))
		gone.Extensions = code(codeUnauthenticated)
		return gone
	}
	if !changed {
		return nil
	}
	return p.denied(op)
}

// denied is what the policy table says against the operation now.
func (p *presence) denied(op *graphql.OperationContext) *gqlerror.Error {
	return policy{}.MutateOperationContext(auth.WithCaller(p.came, p.caller()), op)
}
