package directory

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cohort/auth"
	"cohort/models"
)

// confirmationLife is how long the token of a dry run is good.
const confirmationLife = 15 * time.Minute

// confirmed is what somebody has seen in a dry run and may then do without being stopped.
type confirmed struct {
	account   models.AccountID
	actor     models.JobActor
	mutation  auth.Action
	input     [32]byte
	selected  [32]byte // the users that were found
	suspended [32]byte // those of them, or of others, who are suspended by it
}

// confirmations makes and checks tokens. They need no database: a token is the time until which it is good and a
// signature of that and of what it confirms.
type confirmations struct{ key []byte }

func newConfirmations(key []byte) confirmations {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	return confirmations{key}
}

func (f confirmations) sign(until []byte, what confirmed) []byte {
	mac := hmac.New(sha256.New, f.key)
	user := models.UserID{}
	if what.actor.UserID != nil {
		user = *what.actor.UserID
	}
	for _, part := range [][]byte{
		until, what.account[:], []byte(what.actor.Kind), user[:], []byte(what.mutation), what.input[:], what.selected[:], what.suspended[:],
	} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		mac.Write(n[:])
		mac.Write(part)
	}
	return mac.Sum(nil)
}

func (f confirmations) token(what confirmed, now time.Time) string {
	until := binary.BigEndian.AppendUint64(nil, uint64(now.Add(confirmationLife).Unix())) //nolint:gosec // it is after 1970
	return base64.RawURLEncoding.EncodeToString(append(until, f.sign(until, what)...))
}

// check is CONFIRMATION_REQUIRED unless the token confirms this.
func (f confirmations) check(token string, what confirmed, now time.Time) error {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 8+sha256.Size {
		return models.Errorf(models.CodeConfirmationRequired, "this is not a confirmToken of a dry run")
	}
	until := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0) //nolint:gosec // checked by the signature
	switch {
	case !hmac.Equal(raw[8:], f.sign(raw[:8], what)):
		return models.Errorf(models.CodeConfirmationRequired, "this confirmToken is for something else, or those concerned are not the same any more: look at it again with dryRun")
	case !now.Before(until):
		return models.Errorf(models.CodeConfirmationRequired, "this confirmToken was good until %s: look at it again with dryRun", until.UTC().Format(time.RFC3339))
	}
	return nil
}

// inputHash is the hash of what a mutation was asked for. Fields that don't belong to it have no place in the JSON.
func inputHash(action auth.Action, in any) ([32]byte, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return [32]byte{}, fmt.Errorf("encode the input: %w", err)
	}
	return sha256.Sum256(append([]byte(string(action)+"\x00"), raw...)), nil
}

// hashIDs is the hash of a set of users.
func hashIDs(ids []models.UserID) [32]byte {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b models.UserID) int { return bytes.Compare(a[:], b[:]) })
	text := make([]byte, 0, len(sorted)*len(models.UserID{}))
	for _, id := range sorted {
		text = append(text, id[:]...)
	}
	return sha256.Sum256(text)
}
