package directory

import (
	"context"
	"fmt"
	"time"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// PruneAuditEvents deletes the account's events from before a time, for the operator alone: it is no part of the API. It leaves an
// event that says so, which is written first. INVALID for a time less than a day ago. It returns how many are gone; after an error
// it can be called again.
func (d *Directory) PruneAuditEvents(ctx context.Context, who auth.Caller, before time.Time) (int, error) {
	const action = auth.Action("Operator.auditPrune")
	if who.Kind != auth.Operator {
		return 0, fmt.Errorf("%s is the operator's: %w", action, auth.ErrForbidden)
	}
	if before.After(d.store.Now().Add(-audit.Fresh)) {
		return 0, models.Errorf(models.CodeInvalid, "events are kept for at least a day: name an earlier date").At("before")
	}
	there, err := write(ctx, d, who, action, func(c *change) (bool, error) {
		there, err := audit.Oldest(c.DB, c.account(), before)
		if err != nil || !there {
			return false, err
		}
		return true, c.log.Recorded(audit.Subject{Type: audit.Account, ID: c.account(), After: pruning{before.UTC()}})
	})
	if err != nil || !there {
		return 0, err
	}
	return audit.Prune(ctx, d.store, who.Account, before)
}

// pruning is what the log keeps of its own pruning.
type pruning struct {
	PrunedBefore time.Time `json:"prunedBefore"`
}
