package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"

	"cohort/bench/load"
	"cohort/models"
)

// side is one of those that are asked the same: Cohort, the floor, the floor without its index.
type side struct {
	name   string
	server *server
	prefix string // of the floor's paths
}

func (b *bench) request(s side, c *cell, q question) []byte {
	switch {
	case s.server == b.cohortServer:
		body := toJSON(map[string]any{"query": c.operation, "variables": q.variables})
		return load.Request("POST", s.server.address, "/graphql", b.token, body)
	case q.body != nil:
		return load.Request("POST", s.server.address, q.path, b.token, toJSON(q.body))
	}
	return load.Request("GET", s.server.address, s.prefix+q.path, b.token, nil)
}

// ask sends one request on a connection of its own.
func ask(address string, request []byte) ([]byte, error) {
	conn, err := load.Dial(address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	status, body, err := conn.Do(request)
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %.500s", status, body)
	}
	return body, err
}

// askCohort sends an operation to Cohort, and reads its data into to; nil reads nothing.
func (b *bench) askCohort(operation string, variables map[string]any, to any) error {
	return b.askServer(b.cohortServer, operation, variables, to)
}

func (b *bench) askServer(s *server, operation string, variables map[string]any, to any) error {
	body, err := ask(s.address, load.Request("POST", s.address, "/graphql", b.token, toJSON(map[string]any{"query": operation, "variables": variables})))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []any
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%w in %.500s", err, body)
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("the answer of Cohort is %.500s", body)
	}
	if to == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, to)
}

// compare asks all sides the cell's questions, and the absent ones', and fails when any two answers differ in
// more than their cursors; those are compared by the pages behind them. It returns what each side is asked
// while it is measured, with the answer that it then must give again.
func (b *bench) compare(ctx context.Context, c *cell, sides []side, r *rand.Rand) (map[string][]*load.Ask, error) {
	questions, err := c.questions(ctx, b, r)
	if err != nil {
		return nil, fmt.Errorf("draw questions: %w", err)
	}
	asks := map[string][]*load.Ask{}
	others := absent(questions[0])
	if questions[0].has != nil {
		others = nil // Cohort has no answer, and the floor another
	}
	for i, q := range append(questions, others...) {
		ask := b.same
		if questions[0].has != nil {
			ask = b.explained
		}
		answers, err := ask(c, q, sides)
		if err != nil {
			return nil, err
		}
		for n, s := range sides {
			if i < len(questions) {
				asks[s.name] = append(asks[s.name], &load.Ask{Request: b.request(s, c, q), Want: answers[n]})
			}
		}
		if q.list != "" && i < 30 {
			if err := b.samePagesBehind(c, q, sides, answers); err != nil {
				return nil, err
			}
		}
	}
	return asks, nil
}

// absent are the question about a user and a group that there are not.
func absent(q question) []question {
	var all []question
	for name, value := range q.variables {
		text, _ := value.(string)
		id := ""
		switch {
		case strings.HasPrefix(text, "user_"):
			id = models.NewID[models.UserID]().String()
		case strings.HasPrefix(text, "group_"):
			id = models.NewID[models.GroupID]().String()
		default:
			continue
		}
		other := map[string]any{}
		for n, v := range q.variables {
			other[n] = v
		}
		other[name] = id
		all = append(all, question{variables: other, path: strings.ReplaceAll(q.path, text, id)})
	}
	return all
}

// same asks all sides, and returns their answers.
func (b *bench) same(c *cell, q question, sides []side) ([][]byte, error) {
	bodies := make([][]byte, len(sides))
	var first any
	for i, s := range sides {
		body, err := ask(s.server.address, b.request(s, c, q))
		if err != nil {
			return nil, fmt.Errorf("%s: ask %s: %w", c.name, s.name, err)
		}
		bodies[i] = body
		answer, err := normal(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %s answers %.500s: %w", c.name, s.name, body, err)
		}
		if i == 0 {
			first = answer
		} else if !reflect.DeepEqual(first, answer) {
			return nil, fmt.Errorf("%s: the answers differ about %v %s\n%s: %s\n%s: %s", c.name, q.variables, q.path, sides[0].name, toJSON(first), s.name, toJSON(answer))
		}
	}
	return bodies, nil
}

// explained asks Cohort for an explanation and the others for the user.
func (b *bench) explained(c *cell, q question, sides []side) ([][]byte, error) {
	bodies := make([][]byte, len(sides))
	for i, s := range sides {
		var err error
		if bodies[i], err = ask(s.server.address, b.request(s, c, q)); err != nil {
			return nil, fmt.Errorf("%s: ask %s: %w", c.name, s.name, err)
		}
		if s.server == b.cohortServer {
			err = q.explains(bodies[i])
		} else if !bytes.Contains(bodies[i], []byte(q.variables["id"].(string))) {
			err = fmt.Errorf("%s answers %.500s", s.name, bodies[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return bodies, nil
}

// samePagesBehind follows each side's own cursor to the next page, as often as there is one, up to three times.
func (b *bench) samePagesBehind(c *cell, q question, sides []side, answers [][]byte) error {
	for range 3 {
		bodies := make([][]byte, len(sides))
		var first any
		for i, s := range sides {
			cursor, err := nextPage(answers[i])
			if err != nil || cursor == "" {
				return err
			}
			next := question{variables: map[string]any{}, path: behind(q.path, cursor), list: q.list}
			for name, value := range q.variables {
				next.variables[name] = value
			}
			next.variables["after"] = cursor
			if bodies[i], err = ask(s.server.address, b.request(s, c, next)); err != nil {
				return fmt.Errorf("%s: ask %s for the next page: %w", c.name, s.name, err)
			}
			answer, err := normal(bodies[i])
			if err != nil {
				return err
			}
			if i == 0 {
				first = answer
			} else if !reflect.DeepEqual(first, answer) {
				return fmt.Errorf("%s: the next pages differ about %v\n%s: %s\n%s: %s", c.name, q.variables, sides[0].name, toJSON(first), s.name, toJSON(answer))
			}
		}
		answers = bodies
	}
	return nil
}

// behind is the path with another cursor.
func behind(path, cursor string) string {
	path, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err) // the paths are ours
	}
	values.Set("after", cursor)
	return path + "?" + values.Encode()
}

// normal is an answer with its cursors replaced by whether there is one.
func normal(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer map[string]any
	if err := decoder.Decode(&answer); err != nil {
		return nil, err
	}
	if answer["errors"] != nil || answer["data"] == nil {
		return nil, fmt.Errorf("it has errors or no data")
	}
	eachPage(answer, func(info map[string]any) { info["endCursor"] = info["endCursor"] != nil })
	return answer, nil
}

// nextPage is the cursor behind which the only list of an answer goes on; "" when it ends.
func nextPage(body []byte) (cursor string, err error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", err
	}
	eachPage(answer, func(info map[string]any) {
		if info["hasNextPage"] == true {
			cursor, _ = info["endCursor"].(string)
		}
	})
	return cursor, nil
}

func eachPage(value any, do func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		if info, ok := v["pageInfo"].(map[string]any); ok {
			do(info)
		}
		for _, part := range v {
			eachPage(part, do)
		}
	case []any:
		for _, part := range v {
			eachPage(part, do)
		}
	}
}
