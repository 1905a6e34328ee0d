package directory

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"cohort/models"
)

// An address opens the file it was made for, until its hour is over, and nothing else does.
func TestPasses(t *testing.T) {
	p, now := newPasses(nil), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	job, one := models.NewID[models.JobID](), pass{models.NewID[models.AccountID](), models.NewID[models.UserID](), now.Add(passLife)}
	good := p.text(one, job)
	bent := func(at int) string {
		raw, err := base64.RawURLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		raw[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for name, tt := range map[string]struct {
		text string
		job  models.JobID
		at   time.Time
		err  error
	}{
		"at once":               {good, job, now, nil},
		"in the last second":    {good, job, now.Add(passLife - time.Second), nil},
		"when its hour is over": {good, job, now.Add(passLife), ErrPassOver},
		"of another job":        {good, models.NewID[models.JobID](), now, ErrNoFile},
		"of another account":    {bent(0), job, now, ErrNoFile},
		"of another user":       {bent(16), job, now, ErrNoFile},
		"for longer":            {bent(passSize - 1), job, now, ErrNoFile},
		"another signature":     {bent(passSize), job, now, ErrNoFile},
		"another server's key":  {newPasses(nil).text(one, job), job, now, ErrNoFile},
		"cut off":               {good[:len(good)-1], job, now, ErrNoFile},
		"with more behind":      {good + "AA", job, now, ErrNoFile},
		"nothing":               {"", job, now, ErrNoFile},
		"no base64":             {"%%%", job, now, ErrNoFile},
	} {
		got, err := p.read(tt.text, tt.job, tt.at)
		if !errors.Is(err, tt.err) || err == nil && (got.account != one.account || got.user != one.user) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
