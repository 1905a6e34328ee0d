package directory

import (
	"encoding/json"
	"fmt"

	"cohort/models"
)

// work is what is done to many users, a part of them at a time: in the transaction of the mutation when they are few, by a
// job when they are many, and for nothing when it is tried out. It is stored with a job as JSON.
type work interface {
	// do changes the sources of the subjects, and notes in each what it has changed and, where that is certain already,
	// what became of it.
	do(c *change, part []*subject) error

	// conclude says what became of the others, now that it is settled what they have.
	conclude(c *change, part []*subject) error
}

// finishing is a work with a last step, after its last part.
type finishing interface {
	finish(c *change) error
}

// subject is one row of a work.
type subject struct {
	kind    string
	id      [16]byte
	outcome models.JobOutcome // empty until it is known
	detail  models.JobDetail
	user    *models.User // as it is now, if it is one that is there
}

// The kinds of subjects.
const (
	userSubject  = "USER"
	groupSubject = "GROUP"
)

func (s *subject) userID() models.UserID { return s.id }

func userSubjects(ids []models.UserID) []*subject {
	subjects := make([]*subject, len(ids))
	for i, id := range ids {
		subjects[i] = &subject{kind: userSubject, id: id}
	}
	return subjects
}

// effect is how a job counts an outcome.
func effect(outcome models.JobOutcome, d *models.JobDetail) models.JobRowEffect {
	switch outcome {
	case models.JobOutcomeChanged:
		return models.JobRowEffectChanged
	case models.JobOutcomeUnchanged:
		return models.JobRowEffectUnchanged
	case models.JobOutcomeRemainsViaGroup, models.JobOutcomeNoSeat, models.JobOutcomeLocked:
		if changes(d) || movesSources(d) {
			return models.JobRowEffectChanged
		}
		return models.JobRowEffectUnchanged
	}
	return models.JobRowEffectFailed
}

// movesSources tells whether there is something to take back.
func movesSources(d *models.JobDetail) bool {
	return len(d.Set)+len(d.Taken)+len(d.Blocked)+len(d.Unblocked)+len(d.Granted)+len(d.Ended)+len(d.Joined)+len(d.Left)+len(d.Settings) > 0 || d.Suspended != nil
}

// step does a part of a work, settles what follows, and says in each subject what became of it.
func (c *change) step(w work, part []*subject) error {
	if err := w.do(c, part); err != nil {
		return err
	}
	settled, err := c.settleAll()
	if err != nil {
		return err
	}
	for _, s := range part {
		if now := settled.users[s.userID()]; now != nil && s.kind == userSubject {
			s.user = now
		}
		if u := c.effects.users[s.userID()]; u != nil && s.kind == userSubject {
			s.detail.Gained, s.detail.Lost, s.detail.Waiting, s.detail.NoProducts = u.Gained, u.Lost, u.Waiting, u.NoProducts
		}
	}
	return w.conclude(c, part)
}

// concludeSources says of whom it is not known yet what became of them: a change of a source is one, whatever follows.
func concludeSources(part []*subject) {
	for _, s := range part {
		if s.outcome != "" {
			continue
		}
		s.outcome = outcomeOf(&s.detail)
		if s.outcome == models.JobOutcomeUnchanged && movesSources(&s.detail) {
			s.outcome = models.JobOutcomeChanged
		}
	}
}

// settling is the work that is left when sources have changed that many depend on: to settle what each of them has.
type settling struct{}

func (*settling) do(c *change, part []*subject) error {
	for _, s := range part {
		if s.kind == userSubject {
			c.touch(s.userID())
		}
	}
	return nil
}

func (*settling) conclude(_ *change, part []*subject) error {
	for _, s := range part {
		if s.outcome == "" {
			s.outcome = outcomeOf(&s.detail)
		}
	}
	return nil
}

// row is the subject as a row of a job.
func (s *subject) row() (models.JobRow, error) {
	row := models.JobRow{SubjectType: s.kind, SubjectID: s.id[:]}
	if s.outcome != "" {
		row.Effect, row.Outcome = effect(s.outcome, &s.detail), string(s.outcome)
	}
	if changes(&s.detail) || movesSources(&s.detail) {
		raw, err := json.Marshal(s.detail)
		if err != nil {
			return row, fmt.Errorf("encode a row of a job: %w", err)
		}
		row.Detail = new(string(raw))
	}
	return row, nil
}

// rows are the subjects as rows of a job.
func rows(subjects []*subject) ([]models.JobRow, error) {
	all := make([]models.JobRow, len(subjects))
	for i, s := range subjects {
		var err error
		if all[i], err = s.row(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// subjectOf is a row of a job as a subject whose turn has come.
func subjectOf(row models.JobRow) (*subject, error) {
	s := &subject{kind: row.SubjectType, id: [16]byte(row.SubjectID)}
	if row.Detail != nil {
		if err := json.Unmarshal([]byte(*row.Detail), &s.detail); err != nil {
			return nil, fmt.Errorf("decode a row of a job: %w", err)
		}
	}
	return s, nil
}
