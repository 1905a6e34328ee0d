package auth

import "cohort/models"

// Caller is who asks, in which account, and in which role: the lesser of the token's and the stored one
// when the request came in. Whoever writes reads the stored role again under the account's lock.
type Caller struct {
	Account   models.AccountID
	UserID    models.UserID // the zero id for the operator
	Role      models.Role
	Kind      Kind
	RequestID string
}

// Kind says what sort of caller it is; the audit log tells them apart.
type Kind string

const (
	// Person is a user with a token.
	Person Kind = "USER"
	// Operator is whoever runs the program's commands on the machine itself: import, demo data.
	Operator Kind = "OPERATOR"
)

// OperatorOf is the operator acting in an account, with a super admin's rights.
func OperatorOf(account models.AccountID) Caller {
	return Caller{Account: account, Role: models.RoleSuperAdmin, Kind: Operator}
}

// Is tells whether the caller is this user.
func (c Caller) Is(id models.UserID) bool { return c.Kind == Person && c.UserID == id }
