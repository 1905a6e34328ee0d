package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/time/rate"

	"cohort/auth"
	"cohort/models"
)

// Each caller has a bucket of points, which fills by so many a second up to a bound. An operation takes out what it
// costs before anything is read from the database, and is refused when there is less. A server counts for itself.

// Writing is what a mutation costs beside its complexity: it waits for the account's lock, and others wait for it.
const Writing = 10

// rememberedCallers bounds the buckets. One that is dropped for want of room is full again, which only matters when
// so many callers are busy at once.
const rememberedCallers = 100_000

// rates are the buckets; nil when nobody counts.
type rates struct {
	perSecond, most int
	buckets         *lru.Cache[auth.Bearer, *rate.Limiter]
	now             func() time.Time
}

func newRates(l Limits, now func() time.Time) *rates {
	if l.Rate < 0 {
		return nil
	}
	buckets, err := lru.New[auth.Bearer, *rate.Limiter](rememberedCallers)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	if now == nil {
		now = time.Now
	}
	return &rates{l.Rate, l.Burst, buckets, now}
}

// spent is what an operation has taken out of its caller's bucket.
type spent struct {
	cost      int
	remaining int
	resetAt   time.Time
}

type spentKey struct{}

// spend takes out what an operation costs. ctx is then one that rateLimit and the answer's extensions know of it by.
// RATE_LIMITED when there is less.
func (r *rates) spend(ctx context.Context, kind ast.Operation, complexity int) (context.Context, error) {
	caller, known := auth.BearerFrom(ctx)
	if r == nil || !known {
		return ctx, nil
	}
	cost := max(complexity, 1)
	if kind == ast.Mutation {
		cost += Writing
	}
	now := r.now()
	bucket := r.bucket(caller)
	if !bucket.AllowN(now, cost) {
		return ctx, r.refusal(cost, bucket.TokensAt(now))
	}
	left := bucket.TokensAt(now)
	return context.WithValue(ctx, spentKey{}, &spent{
		cost: cost, remaining: int(left),
		resetAt: now.Add(r.seconds(float64(r.most) - left)).UTC().Truncate(time.Microsecond),
	}), nil
}

func (r *rates) bucket(of auth.Bearer) *rate.Limiter {
	if known, ok := r.buckets.Get(of); ok {
		return known
	}
	fresh := rate.NewLimiter(rate.Limit(r.perSecond), r.most)
	if known, ok, _ := r.buckets.PeekOrAdd(of, fresh); ok { // somebody was faster
		return known
	}
	return fresh
}

// seconds is how long so many points take.
func (r *rates) seconds(points float64) time.Duration {
	return time.Duration(points / float64(r.perSecond) * float64(time.Second))
}

func (r *rates) refusal(cost int, left float64) *refusal {
	wait := max(1, int(math.Ceil(r.seconds(float64(cost)-left).Seconds())))
	err := gqlerror.Errorf("too much at once: this costs %d points and %d are left; try again in %d s", cost, int(left), wait)
	err.Extensions = map[string]any{"code": codeRateLimited, "cost": cost, "remaining": int(left), "retryAfter": wait}
	return &refusal{status: http.StatusTooManyRequests, retryAfter: wait, errors: gqlerror.List{err}}
}

// tellCost puts what the operation has cost into the extensions of its answer; the events of a subscription cost
// nothing.
func tellCost(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	s, ok := ctx.Value(spentKey{}).(*spent)
	if response == nil || !ok || !graphql.HasOperationContext(ctx) {
		return response
	}
	if op := graphql.GetOperationContext(ctx).Operation; op == nil || op.Operation == ast.Subscription {
		return response
	}
	if response.Extensions == nil {
		response.Extensions = make(map[string]any, 1)
	}
	response.Extensions["cost"] = json.RawMessage(fmt.Sprintf(`{"requested":%d,"remaining":%d}`, s.cost, s.remaining))
	return response
}

// RateLimit is how much the caller may still ask for; nil when nobody counts.
func (r queryResolver) RateLimit(ctx context.Context) (*models.RateLimit, error) {
	s, ok := ctx.Value(spentKey{}).(*spent)
	if !ok {
		return nil, nil //nolint:nilnil // there is no limit
	}
	return &models.RateLimit{
		Limit: int32(r.rates.perSecond), Burst: int32(r.rates.most), Cost: int32(s.cost), Remaining: int32(s.remaining), ResetAt: s.resetAt, //nolint:gosec // bounded by the settings
	}, nil
}

// retry is the header that says when to come again.
func (r *refusal) retry(h http.Header) {
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
}
