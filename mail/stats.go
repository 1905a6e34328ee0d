package mail

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cohort/models"
	"cohort/store"
)

// Waiting is what has not been sent yet, over all accounts.
type Waiting struct {
	Counts map[models.MailState]int // of HELD, QUEUED and FAILED
	Oldest time.Time                // when the oldest of those that are QUEUED was made; zero for none
}

// CountWaiting counts the mails of all accounts that were not sent. For metrics: it reads an index entry for each of them.
func CountWaiting(ctx context.Context, s *store.Store) (Waiting, error) {
	w := Waiting{Counts: map[models.MailState]int{models.MailStateHeld: 0, models.MailStateQueued: 0, models.MailStateFailed: 0}}
	var rows []struct {
		State  models.MailState
		N      int
		Oldest []byte
	}
	err := s.Read.WithContext(store.AcrossAccounts(ctx)).Raw(`SELECT m.state, COUNT(*) AS n, MIN(m.id) AS oldest
		FROM accounts a JOIN mails m ON m.account_id = a.id WHERE m.state IN ('HELD', 'QUEUED', 'FAILED') GROUP BY m.state`).Scan(&rows).Error
	if err != nil {
		return w, fmt.Errorf("count mails: %w", err)
	}
	for _, row := range rows {
		w.Counts[row.State] = row.N
		if id, err := uuid.FromBytes(row.Oldest); err == nil && row.State == models.MailStateQueued {
			w.Oldest = time.Unix(id.Time().UnixTime()) // an id begins with the time at which it was made
		}
	}
	return w, nil
}
