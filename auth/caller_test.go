package auth

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

func TestCallerIs(t *testing.T) {
	tests := map[string]struct {
		caller Caller
		id     models.UserID
		want   bool
	}{
		"the caller's own id":           {Caller{Kind: Person, UserID: alice}, alice, true},
		"another id":                    {Caller{Kind: Person, UserID: alice}, models.UserID{9}, false},
		"the operator is nobody's user": {OperatorOf(acme), models.UserID{}, false},
		"an operator with a user's id":  {Caller{Kind: Operator, UserID: alice}, alice, false},
		"a caller of no kind":           {Caller{UserID: alice}, alice, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.caller.Is(tt.id); got != tt.want {
				t.Errorf("Is: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOperatorOf(t *testing.T) {
	want := Caller{Account: acme, Role: models.RoleSuperAdmin, Kind: Operator}
	if diff := cmp.Diff(want, OperatorOf(acme)); diff != "" {
		t.Errorf("operator (-want +got):\n%s", diff)
	}
}
