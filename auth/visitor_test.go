package auth

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cohort/models"
)

// newOpenHouse takes a provider's tokens too. linked is who its one visitor is, and asked counts how often
// somebody wanted to know.
func newOpenHouse(t *testing.T, linked *models.UserID, asked *int) (h *house, token func(changes object) string) {
	h = newHouse(t)
	p := newProvider(t, ProviderOptions{}, usualKeys()...)
	p.now = h.now
	h.door = NewDoor(p.tokens, h.standings, nil)
	h.door.Welcome(func(_ context.Context, c Claims) (models.AccountID, models.UserID, error) {
		*asked++
		if *linked == (models.UserID{}) {
			return h.account, *linked, Refusal("nobody knows the visitor")
		}
		if c.User != (models.UserID{}) {
			return h.account, c.User, nil
		}
		return h.account, *linked, nil
	})
	return h, func(changes object) string {
		claims := object{"account": h.account.String(), "iat": h.now.Unix(), "exp": h.now.Add(time.Hour).Unix()}
		for name, value := range changes {
			claims[name] = value
		}
		return "Bearer " + signed(jwt.SigningMethodEdDSA, edKey, object{"kid": "ed"}, foreign(claims))
	}
}

func TestVisitors(t *testing.T) {
	tests := map[string]struct {
		claims object
		change func(h *house, id models.UserID)
		want   string // "" is a refusal
	}{
		"the stored role":               {nil, nil, "ADMIN"},
		"a lesser role":                 {object{"role": "member"}, nil, "MEMBER"},
		"a higher role":                 {object{"role": "super_admin"}, nil, "ADMIN"},
		"demoted meanwhile":             {object{"role": "admin"}, func(h *house, id models.UserID) { h.set(id, "role", models.RoleMember) }, "MEMBER"},
		"suspended meanwhile":           {nil, func(h *house, id models.UserID) { h.set(id, "suspended_manually", true) }, ""},
		"suspended, by the id":          {object{"sub": "ID"}, func(h *house, id models.UserID) { h.set(id, "suspended_manually", true) }, ""},
		"by the id":                     {object{"sub": "ID"}, nil, "ADMIN"},
		"by the id, without an account": {object{"sub": "ID", "account": noClaim}, nil, "ADMIN"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var id models.UserID
			var asked int
			h, token := newOpenHouse(t, &id, &asked)
			id = h.user(nil)
			if tt.claims["sub"] == "ID" {
				tt.claims["sub"] = id.String()
			}
			text := token(tt.claims)
			if got := h.ask(text); got.StatusCode != http.StatusOK {
				t.Fatalf("at first: %s", got.Status)
			}
			if tt.change != nil {
				tt.change(h, id)
				h.now = h.now.Add(maxStandingTTL)
			}
			got := h.ask(text)
			if tt.want == "" {
				if got.StatusCode != http.StatusUnauthorized {
					t.Errorf("answer: %s", got.Status)
				}
				return
			}
			wantAnswer(t, got, http.StatusOK, fmt.Sprintln(id, h.account, tt.want, "USER request-1 true"))
		})
	}
	t.Run("an end of the link bites", func(t *testing.T) {
		var id models.UserID
		var asked int
		h, token := newOpenHouse(t, &id, &asked)
		text := token(nil)
		if got := h.ask(text); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("before it: %s", got.Status)
		}
		id = h.user(nil)
		for range 3 {
			if got := h.ask(text); got.StatusCode != http.StatusOK {
				t.Errorf("with it: %s", got.Status)
			}
		}
		if asked != 2 {
			t.Errorf("asked %d times, want once for the refusal and once for the user", asked)
		}
		id = models.UserID{}
		h.now = h.now.Add(maxStandingTTL)
		if got := h.ask(text); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("after it: %s", got.Status)
		}
	})
}
