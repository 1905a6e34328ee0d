package jobs

import (
	"encoding/json"
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
	JobID     *models.JobID // what was made: a job,
	Result    *string       // or something else, as JSON
	CreatedAt time.Time     `gorm:"autoCreateTime:false"`
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
	row, known, err := recall(tx, key, inputHash)
	if !known || err != nil {
		return nil, false, err
	}
	if row.JobID == nil {
		return nil, false, errors.New("recall an idempotency key: it was remembered without a job")
	}
	job, err := Find(tx.DB, tx.Account.ID, *row.JobID)
	return job, err == nil, err
}

// RecallResult is Recall for what RememberResult has stored, which it reads into result.
func RecallResult(tx *store.Tx, key Key, inputHash [32]byte, result any) (known bool, err error) {
	row, known, err := recall(tx, key, inputHash)
	if !known || err != nil {
		return false, err
	}
	if row.Result == nil {
		return false, errors.New("recall an idempotency key: it was remembered without a result")
	}
	if err := json.Unmarshal([]byte(*row.Result), result); err != nil {
		return false, fmt.Errorf("recall an idempotency key: %w", err)
	}
	return true, nil
}

func recall(tx *store.Tx, key Key, inputHash [32]byte) (row keyRow, known bool, err error) {
	err = key.where(tx).Where("created_at > ?", tx.Now.Add(-KeyLife)).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return row, false, nil
	case err != nil:
		return row, false, fmt.Errorf("recall an idempotency key: %w", err)
	case string(row.InputHash) != string(inputHash[:]):
		return row, false, ErrKeyReused
	}
	return row, true, nil
}

// Remember ties the key to the job and what was asked, so that Recall finds it for KeyLife, and forgets what keys of
// the account are older than that. A key that Recall would find is an error (gorm.ErrDuplicatedKey).
func Remember(tx *store.Tx, key Key, inputHash [32]byte, job models.JobID) error {
	return remember(tx, key, keyRow{InputHash: inputHash[:], JobID: &job})
}

// RememberResult is Remember for what is no job: the ids of what was made, say. It is stored as JSON.
func RememberResult(tx *store.Tx, key Key, inputHash [32]byte, result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("remember an idempotency key: %w", err)
	}
	return remember(tx, key, keyRow{InputHash: inputHash[:], Result: new(string(raw))})
}

func remember(tx *store.Tx, key Key, row keyRow) error {
	err := tx.Where("account_id = ? AND created_at <= ?", tx.Account.ID, tx.Now.Add(-KeyLife)).Delete(&keyRow{}).Error
	if err != nil {
		return fmt.Errorf("forget old idempotency keys: %w", err)
	}
	row.AccountID, row.Actor, row.Mutation, row.ClientKey, row.CreatedAt = tx.Account.ID, key.actor(), key.Mutation, key.Text, tx.Now
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("remember an idempotency key: %w", err)
	}
	return nil
}
