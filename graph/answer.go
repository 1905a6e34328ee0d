package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// longestMessage is how many bytes of an error's message are sent.
const longestMessage = 500

// answering writes the answer to one request.
type answering struct {
	w          http.ResponseWriter
	media      string
	mostErrors int
	seen       *observing
}

// refuse answers a request of which nothing is run: without data, which tells it from one that was run.
func (a answering) refuse(err error) {
	why := &refusal{status: http.StatusInternalServerError}
	if !errors.As(err, &why) {
		panic(err) // nothing here fails otherwise
	}
	status := why.status
	switch {
	case status != 0:
	case a.media == mediaResponse:
		status = http.StatusBadRequest
	default: // clients of old take another status for a fault of the way, and don't look at the errors
		status = http.StatusOK
	}
	why.retry(a.w.Header())
	if why.allow != "" {
		a.w.Header().Set("Allow", why.allow)
	}
	a.write(status, why.response())
}

func (r *refusal) response() *graphql.Response {
	response := &graphql.Response{Errors: r.errors}
	if r.left > 0 {
		response.Extensions = map[string]any{"errorsLeftOut": r.left}
	}
	return response
}

// shorten cuts a list of errors to the limit and tells how many it leaves out.
func shorten(list *gqlerror.List, most int) int {
	left := max(len(*list)-most, 0)
	*list = (*list)[:len(*list)-left]
	return left
}

// write writes the response.
func (a answering) write(status int, response *graphql.Response) {
	if response == nil { // the request ended before there was an answer
		status, response = http.StatusServiceUnavailable, &graphql.Response{Errors: gqlerror.List{errTimeout()}}
	}
	body := render(response, a.mostErrors)
	a.seen.code = outcomeOf(response)
	a.w.Header().Set("Content-Type", a.media+"; charset=utf-8")
	a.w.WriteHeader(status)
	// Who no longer listens can't be told that.
	_, _ = a.w.Write(append(body, '\n'))
}

func errTimeout() *gqlerror.Error {
	err := gqlerror.Errorf("the answer took too long")
	err.Extensions = code(codeTimeout)
	return err
}

// render is the response as JSON, with the errors first, as the specification of GraphQL advises.
func render(response *graphql.Response, mostErrors int) []byte {
	if left := shorten(&response.Errors, mostErrors); left > 0 {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions["errorsLeftOut"] = left
	}
	for _, err := range response.Errors {
		if len(err.Message) > longestMessage { // with a value of the request in it
			err.Message = strings.ToValidUTF8(err.Message[:longestMessage], "") + "…"
		}
	}
	var body bytes.Buffer
	part := func(name string, value []byte) {
		sign := byte(',')
		if body.Len() == 0 {
			sign = '{'
		}
		body.WriteByte(sign)
		body.WriteString(`"` + name + `":`)
		body.Write(value)
	}
	if len(response.Errors) > 0 {
		part("errors", encode(response.Errors))
	}
	if len(response.Data) > 0 {
		part("data", response.Data)
	}
	if len(response.Extensions) > 0 {
		part("extensions", encode(response.Extensions))
	}
	body.WriteByte('}')
	return body.Bytes()
}

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // errors and extensions are plain values
	}
	return text
}
