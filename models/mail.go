package models

// MailKind is what a mail is for.
type MailKind string

// The kinds.
const (
	MailKindNotice  MailKind = "NOTICE"
	MailKindWelcome MailKind = "WELCOME"
)

type Mail struct{ Kind MailKind }
