package directory

import (
	"errors"

	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

// once is an idempotency key with what was asked under it; without a text it recalls and remembers nothing.
type once struct {
	key  *jobs.Key
	hash [32]byte
}

// onceFor is the key of a mutation. The input's own field of the key must not be part of its JSON. The errors of checkKey.
func onceFor(who auth.Caller, action auth.Action, in any, text *string) (once, error) {
	if text == nil {
		return once{}, nil
	}
	if err := checkKey(text); err != nil {
		return once{}, err
	}
	hash, err := inputHash(action, in)
	return once{&jobs.Key{Actor: actorOf(who), Mutation: kindOf(action), Text: *text}, hash}, err
}

// job is the job that was made under the key, if there is one. IDEMPOTENCY_KEY_REUSED.
func (o once) job(c *change) (*models.Job, bool, error) {
	if o.key == nil {
		return nil, false, nil
	}
	job, known, err := jobs.Recall(c.Tx, *o.key, o.hash)
	return job, known, keyError(err)
}

func (o once) rememberJob(c *change, job *models.Job) error {
	if o.key == nil {
		return nil
	}
	return jobs.Remember(c.Tx, *o.key, o.hash, job.ID)
}

// made reads what was made under the key, if something was. IDEMPOTENCY_KEY_REUSED.
func (o once) made(c *change, into any) (known bool, err error) {
	if o.key == nil {
		return false, nil
	}
	known, err = jobs.RecallResult(c.Tx, *o.key, o.hash, into)
	return known, keyError(err)
}

func (o once) remember(c *change, made any) error {
	if o.key == nil {
		return nil
	}
	return jobs.RememberResult(c.Tx, *o.key, o.hash, made)
}

func keyError(err error) error {
	if errors.Is(err, jobs.ErrKeyReused) {
		return models.Errorf(models.CodeIdempotencyKeyReused, "this key was used for another input").At("input", "idempotencyKey")
	}
	return err
}
