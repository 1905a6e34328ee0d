package models

import "time"

// Account is the tenant: every other row belongs to one. Its row is the lock of whoever writes in it,
// and carries the two counters that are taken under that lock.
type Account struct {
	ID           AccountID
	Name         string
	NameKey      string
	GraphVersion int64     // grows with each change of the nesting of groups
	FeedSeq      int64     // the number of the newest entry of the change feed
	CreatedAt    time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt    time.Time `gorm:"autoUpdateTime:false"`
}

func (Account) TableName() string { return "accounts" }

// IsNode makes an account something that `node` finds.
func (Account) IsNode() {}
