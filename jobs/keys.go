package jobs

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cohort/models"
	"cohort/store"
)

// ErrKeyReused says that an idempotency key has been used for another input.
var ErrKeyReused = errors.New("the idempotency key was used for another input")

// KeyLife is how long an idempotency key is remembered.
const KeyLife = 7 * 24 * time.Hour

// MaxKey is how many characters an idempotency key may have.
const MaxKey = 255

// Key is an idempotency key in its place: the same text from another actor or for another mutation is another key.
type Key struct {
	Actor    models.JobActor
	Mutation string // at most 64 characters
	Text     string // what the client chose, 1 to MaxKey characters
}

type keyRow struct {
	AccountID models.AccountID
	Actor     string
	Mutation  string
	ClientKey string
	InputHash []byte
	JobID     models.JobID
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (keyRow) TableName() string { return "idempotency_keys" }

func (k Key) actor() string {
	if k.Actor.UserID == nil {
		return k.Actor.Kind
	}
	return k.Actor.UserID.String()
}

// where chooses the key's row.
func (k Key) where(tx *store.Tx) *gorm.DB {
	return tx.Where("account_id = ? AND actor = ? AND mutation = ? AND client_key = ?", tx.Account.ID, k.actor(), k.Mutation, k.Text)
}

// Recall returns the job that the key was remembered with, in its present state, and whether there is one. Ask before
// anything is changed. ErrKeyReused when it was remembered with another input.
func Recall(tx *store.Tx, key Key, inputHash [32]byte) (*models.Job, bool, error) {
	var row keyRow
	err := key.where(tx).Where("created_at > ?", tx.Now.Add(-KeyLife)).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("recall an idempotency key: %w", err)
	case string(row.InputHash) != string(inputHash[:]):
		return nil, false, ErrKeyReused
	}
	job, err := Find(tx.DB, tx.Account.ID, row.JobID)
	return job, err == nil, err
}

// Remember ties the key to the job and what was asked, so that Recall finds it for KeyLife, and forgets what keys of
// the account are older than that. A key that Recall would find is an error (gorm.ErrDuplicatedKey).
func Remember(tx *store.Tx, key Key, inputHash [32]byte, job models.JobID) error {
	err := tx.Where("account_id = ? AND created_at <= ?", tx.Account.ID, tx.Now.Add(-KeyLife)).Delete(&keyRow{}).Error
	if err != nil {
		return fmt.Errorf("forget old idempotency keys: %w", err)
	}
	err = tx.Create(&keyRow{tx.Account.ID, key.actor(), key.Mutation, key.Text, inputHash[:], job, tx.Now}).Error
	if err != nil {
		return fmt.Errorf("remember an idempotency key: %w", err)
	}
	return nil
}
