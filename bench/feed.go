package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cohort/bench/load"
)

// feedCell is a cell of its own kind, which the floor has no part in.
const feedCell = "feed"

const (
	feedMark = 20_000 // changes a second, at least
	feedPage = 1_000
)

const feedOperation = `query Feed($since: String) { changes(since: $since, first: 1000) { cursor hasMore entries { __typename number time operationId action ` +
	`... on UserChange { userId after { email givenName familyName displayName locale role status statusReasons } } ` +
	`... on UserStatusChange { userId status statusReasons } ... on UserProductChange { userId productId } ` +
	`... on GroupChange { groupId after { name description priority } } ... on MembershipChange { userId groupId } ... on NestingChange { childId parentId } } } }`

// feedReport is what was measured of one reader who pages through the account's feed with one connection.
type feedReport struct {
	PerRound             []float64 // changes a second
	Rate                 load.Quartiles
	Changes              int     // in all rounds
	BytesPerChange       float64 // of the answers
	ServerCPU, OthersCPU float64 // microseconds a change: of the server, of the database and of the reader
}

// measureFeed reads the feed from its beginning, in each round as far as the slot goes. Before that all of it is read once, and held
// against the numbers in the table.
func (b *bench) measureFeed(ctx context.Context) (*feedReport, error) {
	if err := b.wholeFeed(ctx); err != nil {
		return nil, err
	}
	rep := &feedReport{}
	var used usage
	size := 0
	for round := range b.rounds {
		conn, err := load.Dial(b.cohortServer.address)
		if err != nil {
			return nil, err
		}
		used.begun = false
		used.note(b.cohortServer.pid(), b.databasePID)
		begin, read := time.Now(), 0
		for since, more := any(nil), true; more && time.Since(begin) < b.slot; {
			status, body, err := conn.Do(b.feedRequest(since))
			if err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			n := bytes.Count(body, []byte(`"__typename"`))
			head := body[:min(len(body), 200)]
			if status != 200 || n == 0 {
				return nil, errors.Join(fmt.Errorf("status %d: %.300s", status, body), conn.Close())
			}
			_, rest, _ := bytes.Cut(head, []byte(`"cursor":"`))
			cursor, _, _ := bytes.Cut(rest, []byte(`"`))
			since, more = string(cursor), bytes.Contains(head, []byte(`"hasMore":true`))
			read, size = read+n, size+len(body)
		}
		took := time.Since(begin)
		used.note(b.cohortServer.pid(), b.databasePID)
		if err := conn.Close(); err != nil {
			return nil, err
		}
		rep.PerRound, rep.Changes = append(rep.PerRound, float64(read)/took.Seconds()), rep.Changes+read
		fmt.Printf("the feed, round %d: %d changes in %.2f s\n", round+1, read, took.Seconds())
	}
	rep.Rate = load.QuartilesOf(rep.PerRound)
	rep.BytesPerChange = float64(size) / float64(rep.Changes)
	rep.ServerCPU = float64(used.server.Microseconds()) / float64(rep.Changes)
	rep.OthersCPU = float64((used.database + used.client).Microseconds()) / float64(rep.Changes)
	return rep, nil
}

func (b *bench) feedRequest(since any) []byte {
	return load.Request("POST", b.cohortServer.address, "/graphql", b.token, toJSON(map[string]any{"query": feedOperation, "variables": map[string]any{"since": since}}))
}

// wholeFeed fails when the pages aren't the numbers of the table, each once and in order.
func (b *bench) wholeFeed(ctx context.Context) error {
	numbers, err := column[int64](ctx, b.world.db, "SELECT seq FROM changes WHERE account_id = ? ORDER BY seq", b.world.account[:])
	if err != nil {
		return err
	}
	if len(numbers) < 10*feedPage {
		return fmt.Errorf("the feed has %d changes, which is too few to be measured", len(numbers))
	}
	conn, err := load.Dial(b.cohortServer.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for since, more := any(nil), true; more; {
		_, body, err := conn.Do(b.feedRequest(since))
		if err != nil {
			return err
		}
		var page struct {
			Data struct {
				Changes struct {
					Cursor  string
					HasMore bool
					Entries []struct{ Number int64 }
				}
			}
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return fmt.Errorf("%w in %.300s", err, body)
		}
		for _, entry := range page.Data.Changes.Entries {
			if len(numbers) == 0 || entry.Number != numbers[0] {
				return fmt.Errorf("change %d comes out of turn", entry.Number)
			}
			numbers = numbers[1:]
		}
		if since, more = page.Data.Changes.Cursor, page.Data.Changes.HasMore; len(page.Data.Changes.Entries) == 0 && more {
			return fmt.Errorf("a page without changes: %.300s", body)
		}
	}
	if len(numbers) > 0 {
		return fmt.Errorf("%d changes are missing, from %d on", len(numbers), numbers[0])
	}
	return nil
}

func (r *feedReport) print() {
	fmt.Printf("\none reader of the feed, pages of %d\n  %.0f changes a second (%.0f–%.0f), mark %d: %s; %.0f bytes a change; CPU µs a change: server %.1f, database and reader %.1f\n",
		feedPage, r.Rate.Median, r.Rate.Low, r.Rate.High, feedMark, reached(r.Rate.Median >= feedMark), r.BytesPerChange, r.ServerCPU, r.OthersCPU)
}
