package directory

import (
	"context"
	"strconv"

	"cohort/audit"
	"cohort/auth"
	"cohort/mail"
	"cohort/models"
)

// Mails reads a page of the account's mails, the newest first, all or those in a state. Admins. The errors of
// PageArgs.Check.
func (d *Directory) Mails(ctx context.Context, who auth.Caller, state *models.MailState, args models.PageArgs) (*models.MailConnection, error) {
	const action = auth.Action("Query.mails")
	hash := models.HashList("mails", state)
	page, err := args.Check(hash)
	if err != nil {
		return nil, err
	}
	return glance(ctx, d, who, action, func(s *snapshot) (*models.MailConnection, error) {
		found, more, err := mail.List(s.DB, s.account(), state, page)
		if err != nil {
			return nil, err
		}
		connection := &models.MailConnection{Edges: make([]*models.MailEdge, len(found))}
		cursors := make([]string, len(found))
		for i := range found {
			cursors[i] = hash.Cursor(models.Cursor{Key: found[i].ID.String()})
			connection.Edges[i] = &models.MailEdge{Cursor: cursors[i], Node: &found[i]}
		}
		connection.PageInfo = pageInfo(page, cursors, more)
		connection.Count = func(ctx context.Context) (int, error) {
			return glance(ctx, d, who, action, func(s *snapshot) (int, error) { return mail.Count(s.DB, s.account(), state) })
		}
		return connection, nil
	})
}

// MailsByID finds mails, in the order of the ids, nil for those that the account hasn't got. Admins.
func (d *Directory) MailsByID(ctx context.Context, who auth.Caller, ids []models.MailID) ([]*models.Mail, error) {
	return glance(ctx, d, who, "Query.mails", func(s *snapshot) ([]*models.Mail, error) {
		return mail.Find(s.DB, s.account(), ids)
	})
}

// MessageID is the Message-ID that a mail has for whoever gets it, without angle brackets.
func (d *Directory) MessageID(m *models.Mail) string { return d.mailFrom.MessageID(m.ID) }

// RetryMails has mails that have FAILED sent again, all of them or none. Admins. REQUIRED, TOO_MANY over 250, NOT_FOUND,
// MAIL_NOT_FAILED, each with the index of the id. An id that is there twice counts once.
func (d *Directory) RetryMails(ctx context.Context, who auth.Caller, in models.MailRetryInput) (*models.MailRetryPayload, error) {
	const action = auth.Action("Mutation.mailRetry")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	var errs models.Errors
	checkList(&errs, len(in.Ids), 1, "input", "ids")
	if len(errs) > 0 {
		return nil, errs
	}
	payload, err := write(ctx, d, who, action, func(c *change) (*models.MailRetryPayload, error) {
		mails, err := c.failedMails(in.Ids)
		if err != nil {
			return nil, err
		}
		again, err := mail.Retry(c.Tx, unique(in.Ids))
		if err != nil {
			return nil, err
		}
		for i, m := range again {
			if err := c.log.Recorded(audit.Subject{Type: audit.Mail, ID: m.ID, Before: mailFacts{mails[i].State}, After: mailFacts{m.State}}); err != nil {
				return nil, err
			}
		}
		return &models.MailRetryPayload{Mails: again}, nil
	})
	if err == nil {
		d.wakeMails()
	}
	return payload, err
}

// failedMails finds mails, each once, which must all be there and have failed.
func (c *change) failedMails(ids []models.MailID) ([]*models.Mail, error) {
	found, err := mail.Find(c.DB, c.account(), ids)
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	var mails []*models.Mail
	seen := map[models.MailID]bool{}
	for i, m := range found {
		at := []string{"input", "ids", strconv.Itoa(i)}
		switch {
		case m == nil:
			_ = errs.Add(notFound("mail"), at...)
		case m.State != models.MailStateFailed:
			_ = errs.Add(models.Errorf(models.CodeMailNotFailed, "the mail is %s: only one that is FAILED can be sent again", m.State).With("state", string(m.State)), at...)
		case !seen[m.ID]:
			seen[m.ID] = true
			mails = append(mails, m)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return mails, nil
}

// mailFacts are what the log keeps of a mail.
type mailFacts struct {
	State models.MailState `json:"state"`
}
