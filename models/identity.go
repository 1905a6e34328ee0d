package models

import "time"

// The longest names of an issuer and of a subject, in characters.
const (
	MaxIssuer  = 255
	MaxSubject = 255
)

// Identity says that whom an identity provider calls Subject is this user.
type Identity struct {
	AccountID AccountID
	Issuer    string
	Subject   string
	UserID    UserID
	LinkedAt  time.Time
}

func (Identity) TableName() string { return "identities" }
