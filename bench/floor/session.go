package floor

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"cohort/models"
)

// standingFor is how long the caller's stored role is believed, as in Cohort.
const standingFor = 3 * time.Second

// sqlStanding takes the account and the user.
const sqlStanding = `SELECT role, status FROM users WHERE account_id = ? AND id = ?`

// session is a token that was verified once, and the standing of its user.
type session struct {
	account models.AccountID
	user    models.UserID
	claimed models.Role
	expires time.Time

	mu     sync.Mutex
	readAt time.Time
	role   models.Role // "" for one who is suspended or no more
}

// session is that of the request's token. Its role is good to read until the request ends.
func (f *Floor) session(r *http.Request) (*session, error) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	known, ok := f.sessions.Load(text)
	if !ok {
		claims, err := f.tokens.Verify(text)
		if err != nil {
			return nil, err
		}
		s := &session{account: claims.Account, user: claims.User, claimed: claims.Role, expires: claims.ExpiresAt}
		known, _ = f.sessions.LoadOrStore(strings.Clone(text), s)
	}
	s := known.(*session)
	return s, f.standing(r.Context(), s)
}

func (f *Floor) standing(ctx context.Context, s *session) error {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.readAt) < standingFor && now.Before(s.expires) {
		return nil
	}
	if !now.Before(s.expires) {
		s.role = ""
		return nil
	}
	var role models.Role
	var status models.UserStatus
	if err := f.statements.standing.QueryRowContext(ctx, s.account[:], s.user[:]).Scan(&role, &status); err != nil {
		return err
	}
	if s.role = role; s.claimed != "" {
		s.role = models.Lesser(s.claimed, role)
	}
	if status == models.UserStatusSuspended {
		s.role = ""
	}
	s.readAt = now
	return nil
}
