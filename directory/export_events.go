package directory

import (
	"fmt"

	"cohort/models"
)

// EachEvent hands on the events of an export of the audit log, the oldest first, a page at a time.
func (e *Export) EachEvent(fn func([]*models.ExportedEvent) error) error {
	return e.s.eachEvent(e.What.Events.Filter, func(events []*models.AuditEvent) error {
		named, err := e.nameEvents(events)
		if err != nil {
			return err
		}
		if err := fn(named); err != nil {
			return err
		}
		return e.run.did(len(events))
	})
}

// nameEvents finds what those are called whom events are about and by.
func (e *Export) nameEvents(events []*models.AuditEvent) ([]*models.ExportedEvent, error) {
	groups, err := e.groupNames()
	if err != nil {
		return nil, err
	}
	products, err := e.products()
	if err != nil {
		return nil, err
	}
	var users []models.UserID
	each := func(id *models.GlobalID) {
		if id != nil && id.User != nil {
			users = append(users, *id.User)
		}
	}
	for _, event := range events {
		if event.ActorID != nil {
			users = append(users, *event.ActorID)
		}
		each(event.Subject())
		each(event.Object())
	}
	emails := map[models.UserID]string{}
	err = chunks(unique(users), func(part []models.UserID) error {
		found, err := e.readUsers(sqlf("u.id IN ?", part), "", 0)
		for _, user := range found {
			emails[user.ID] = user.Email
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("name the users of events: %w", err)
	}
	name := func(id *models.GlobalID) string {
		switch {
		case id == nil:
		case id.User != nil:
			return emails[*id.User]
		case id.Group != nil:
			return groups.title[*id.Group]
		case id.Product != nil && products[*id.Product].product != nil:
			return products[*id.Product].product.Name
		}
		return ""
	}
	named := make([]*models.ExportedEvent, len(events))
	for i, event := range events {
		named[i] = &models.ExportedEvent{AuditEvent: event, SubjectName: name(event.Subject()), ObjectName: name(event.Object())}
		if event.ActorID != nil {
			named[i].ActorName = emails[*event.ActorID]
		}
	}
	return named, nil
}
