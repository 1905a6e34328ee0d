package auth

import "cohort/models"

// Caller is who asks, in which account, and in which role: the lesser of the token's and the stored one
// when the request came in. Whoever writes reads the stored role again under the account's lock.
type Caller struct {
	Account   models.AccountID
	UserID    models.UserID // the zero id for the operator and for partners
	Role      models.Role
	Kind      Kind
	RequestID string

	Partner models.PartnerClientID // of a Partner, who has neither user nor role
	Scope   models.Scopes          // what the partner's token opens
}

// Kind says what sort of caller it is; the audit log tells them apart.
type Kind string

const (
	// Person is a user with a token.
	Person Kind = "USER"
	// Operator is whoever runs the program's commands on the machine itself: import, demo data.
	Operator Kind = "OPERATOR"
	// Partner is a program with a partner client's token. It reads what its scopes open, and changes nothing.
	Partner Kind = "PARTNER_CLIENT"
)

// OperatorOf is the operator acting in an account, with a super admin's rights.
func OperatorOf(account models.AccountID) Caller {
	return Caller{Account: account, Role: models.RoleSuperAdmin, Kind: Operator}
}

// Is tells whether the caller is this user.
func (c Caller) Is(id models.UserID) bool { return c.Kind == Person && c.UserID == id }

// Scopes lists what a partner's token opens; none for others.
func (c Caller) Scopes() []models.PartnerScope { return c.Scope.List() }
