package mail

import (
	"context"

	"cohort/store"
)

// ReleaseHeld is the worker's part of a Release.
func ReleaseHeld(ctx context.Context, s *store.Store) error {
	_, err := releaseHeld(ctx, s)
	return err
}
