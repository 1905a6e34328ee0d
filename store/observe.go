package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Work is a kind of thing that the store does, for whoever counts and times it.
type Work string

// A statement, by its first word; a transaction, which holds several; and the waiting beside them.
const (
	Select      Work = "select"
	Insert      Work = "insert"
	Update      Work = "update"
	Delete      Work = "delete"
	Other       Work = "other"
	Transaction Work = "transaction" // a try of a writing one
	Snapshot    Work = "snapshot"    // a try of a reading one
	Retry       Work = "retry"       // the pause before a transaction begins anew; its error is why
	Turn        Work = "turn"        // waiting behind this process's other writers of the account
)

// Works are all there are.
var Works = []Work{Select, Insert, Update, Delete, Other, Transaction, Snapshot, Retry, Turn}

// Observer is told of work when it is done. It is called from several goroutines at once. err is as the
// database gave it, and may hold values.
type Observer = func(ctx context.Context, work Work, begin time.Time, err error)

func (s *Store) observed(ctx context.Context, work Work, begin time.Time, err error) {
	if s.observe != nil {
		s.observe(ctx, work, begin, err)
	}
}

// statementKind looks at the first word alone: what follows may hold anything.
func statementKind(sql string) Work {
	sql = strings.TrimLeft(sql, " \t\n(")
	for _, known := range [...]struct {
		word string
		work Work
	}{{"select", Select}, {"with", Select}, {"insert", Insert}, {"replace", Insert}, {"update", Update}, {"delete", Delete}} {
		if len(sql) > len(known.word) && strings.EqualFold(sql[:len(known.word)], known.word) {
			return known.work
		}
	}
	return Other
}

// failed leaves out what is an answer rather than a failure.
func failed(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	return err
}
