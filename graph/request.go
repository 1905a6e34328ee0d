package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// request is what a client asks for, as it stands in a body or a URL.
type request struct {
	query         string
	given         *string // the text that came, if one did
	documentID    string  // of a trusted document
	operationName string
	variables     map[string]any
	extensions    map[string]any
}

// refusal is why a request is answered before anything of it runs. Nothing of what came stands in its words.
type refusal struct {
	status int    // 0 for that of an operation that can't be run, which depends on the media type of the answer
	allow  string // the methods to use instead
	errors gqlerror.List
	left   int // errors that are left out

	retryAfter int // seconds, for what may be tried again
}

func (r *refusal) Error() string { return r.errors.Error() }

// refuse is a refusal of a request that isn't GraphQL over HTTP.
func refuse(status int, message string) *refusal {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = code(codeBadUserInput)
	return &refusal{status: status, errors: gqlerror.List{err}}
}

var (
	errNotJSON = refuse(http.StatusBadRequest, "the body is not a JSON object with the text of an operation in `query`")
	errSlow    = refuse(http.StatusRequestTimeout, "the body came too slowly")
	errNoQuery = refuse(http.StatusBadRequest, "the text of an operation is missing: send it in `query`")
	errNotURL  = refuse(http.StatusBadRequest, "the URL must have the text of an operation in `query`, and JSON objects in `variables` and `extensions`, each once at most")
)

// read takes a request out of the body of a POST or the URL of a GET.
func (l Limits) read(w http.ResponseWriter, r *http.Request) (*request, error) {
	var asked *request
	var err error
	switch r.Method {
	case http.MethodPost:
		asked, err = l.readBody(w, r)
	case http.MethodGet:
		asked, err = readURL(r.URL.RawQuery)
	default:
		no := refuse(http.StatusMethodNotAllowed, "send operations by POST, and queries by POST or GET")
		no.allow = "GET, POST"
		return nil, no
	}
	if err != nil {
		return nil, err
	}
	return asked, asked.complete()
}

// complete checks that there is something to run.
func (asked *request) complete() error {
	switch {
	case asked.given != nil:
		asked.query = *asked.given
	case asked.documentID == "" && asked.extensions["persistedQuery"] == nil:
		return errNoQuery
	}
	return nil
}

func (l Limits) readBody(w http.ResponseWriter, r *http.Request) (*request, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := parameters["charset"]
	if err != nil || kind != mediaJSON || given && !strings.EqualFold(charset, "utf-8") {
		return nil, refuse(http.StatusUnsupportedMediaType, "send operations as Content-Type: application/json, in UTF-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, refuse(http.StatusUnsupportedMediaType, "send operations uncompressed")
	}
	if r.ContentLength > int64(l.Body) {
		return nil, l.bodyTooLarge(int(r.ContentLength))
	}
	text, err := all(http.MaxBytesReader(w, r.Body, int64(l.Body)), r.ContentLength)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, l.bodyTooLarge(l.Body + 1)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errSlow
	}
	if err != nil {
		return nil, errNotJSON
	}
	asked, err := decode(text)
	if err != nil {
		return nil, errNotJSON
	}
	return asked, nil
}

// listening is how long a client may go on sending a body that is too large.
const listening = time.Second

// hearOut makes ready for an answer that goes out while the body still comes in, and returns what to call then: it
// reads on for a while and throws away what comes. A connection that is closed on somebody who is sending is reset,
// and takes the answer with it.
func (l Limits) hearOut(w http.ResponseWriter, r *http.Request) func() {
	control := http.NewResponseController(w)
	if control.EnableFullDuplex() != nil { // HTTP/2, which needs none of this
		return func() {}
	}
	w.Header().Set("Connection", "close")
	return func() {
		if control.Flush() == nil && control.SetReadDeadline(time.Now().Add(listening)) == nil {
			_, _ = io.CopyN(io.Discard, r.Body, int64(4*l.Body))
		}
	}
}

func (l Limits) bodyTooLarge(found int) *refusal {
	return &refusal{
		status: http.StatusRequestEntityTooLarge,
		errors: gqlerror.List{over("body", "the body has %d bytes or more", l.Body, found)},
	}
}

// firstRoom is how much is allocated for a body at once, however long it says that it is.
const firstRoom = 64 << 10

// all reads the body of a request.
func all(body io.Reader, length int64) ([]byte, error) {
	text := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), firstRoom)+bytes.MinRead))
	_, err := text.ReadFrom(body)
	return text.Bytes(), err
}

// decode reads one JSON object. Its names are exact and stand once each, which encoding/json doesn't ask of
// what it reads into a struct.
func decode(body []byte) (*request, error) {
	asked := &request{}
	seen := map[string]bool{}
	for name, value := range members(body) {
		if seen[name] || value == nil {
			return nil, errNotJSON
		}
		seen[name] = true
		place := asked.place(name)
		if _, unknown := place.(*json.RawMessage); unknown {
			continue
		}
		if _, object := place.(*map[string]any); !object || string(value) == "null" {
			if err := json.Unmarshal(value, place); err != nil {
				return nil, err
			}
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(value))
		decoder.UseNumber()
		if err := decoder.Decode(place); err != nil {
			return nil, err
		}
	}
	return asked, nil
}

// place is where a parameter goes; what there is no place for is read and forgotten.
func (asked *request) place(name string) any {
	switch name {
	case "query":
		return &asked.given
	case "documentId":
		return &asked.documentID
	case "operationName":
		return &asked.operationName
	case "variables":
		return &asked.variables
	case "extensions":
		return &asked.extensions
	}
	return new(json.RawMessage)
}

func readURL(raw string) (*request, error) {
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errNotURL
	}
	asked := &request{}
	for name, values := range parameters {
		place := asked.place(name)
		if _, unknown := place.(*json.RawMessage); unknown {
			continue
		}
		if len(values) > 1 {
			return nil, errNotURL
		}
		switch place := place.(type) {
		case **string:
			*place = &values[0]
			continue
		case *string:
			*place = values[0]
			continue
		}
		if values[0] == "" {
			continue
		}
		decoder := json.NewDecoder(strings.NewReader(values[0]))
		decoder.UseNumber()
		if decoder.Decode(place) != nil || decoder.More() {
			return nil, errNotURL
		}
	}
	return asked, nil
}
