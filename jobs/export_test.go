package jobs

import (
	"context"

	"cohort/models"
	"cohort/store"
)

// Next is the state machine.
var Next = next

// Transition is transition within a step.
func Transition(tx *store.Tx, job *models.Job, to models.JobState) error {
	return transition(tx.DB, job, to, change{at: tx.Now})
}

// Take claims the jobs of the kinds that can be claimed, at most so many, as a worker that a test moves by hand.
func Take(ctx context.Context, s *store.Store, o Options, most int, kinds ...string) ([]Claim, error) {
	found, err := claimable(ctx, s, kinds, most)
	if err != nil {
		return nil, err
	}
	var claims []Claim
	for _, job := range found {
		c, err := claim(ctx, s, &job, "by hand", o.Lease)
		if err != nil {
			return claims, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// Release gives a claim back.
func Release(ctx context.Context, s *store.Store, c Claim) error {
	return release(s.Write.WithContext(ctx), c)
}

// Renew prolongs a claim.
func Renew(ctx context.Context, s *store.Store, c Claim) error {
	return renew(s.Write.WithContext(ctx), c)
}
