package graph

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
)

// post takes an operation as a JSON object in the body of a POST, and never repeats anything of a body that
// it can't read.
type post struct{}

var _ graphql.Transport = post{}

func (post) Supports(r *http.Request) bool { return r.Header.Get("Upgrade") == "" }

func (post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media := mediaJSON
	if strings.Contains(r.Header.Get("Accept"), mediaResponse) {
		media = mediaResponse
	}
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	refuse := func(status int, message string) {
		err := gqlerror.Errorf("%s", message)
		err.Extensions = code(codeBadUserInput)
		write(w, status, &graphql.Response{Errors: gqlerror.List{err}})
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(http.StatusMethodNotAllowed, "send operations by POST")
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != mediaJSON {
		refuse(http.StatusUnsupportedMediaType, "send operations as Content-Type: application/json")
		return
	}
	params, err := readParams(r)
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status, err = http.StatusRequestEntityTooLarge, errors.New("the body is too large")
		}
		refuse(status, err.Error())
		return
	}
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	ctx := r.Context()
	op, wrong := exec.CreateOperationContext(ctx, params)
	if wrong != nil {
		if params.OperationName == "" && op.Doc != nil && len(op.Doc.Operations) > 1 {
			wrong[0].Message = "there are several operations: name one of them in operationName"
		}
		status := http.StatusOK
		if media == mediaResponse {
			status = http.StatusBadRequest
		}
		write(w, status, exec.DispatchError(graphql.WithOperationContext(ctx, op), wrong))
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, op)
	write(w, http.StatusOK, responses(ctx))
}

var errNotJSON = errors.New("the body is not a JSON object with the text of an operation in `query`")

func readParams(r *http.Request) (*graphql.RawParams, error) {
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	var body struct {
		Query         *string        `json:"query"`
		OperationName *string        `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
	}
	err := decoder.Decode(&body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil || body.Query == nil || decoder.More() {
		return nil, errNotJSON
	}
	params := &graphql.RawParams{Query: *body.Query, Variables: body.Variables, Extensions: body.Extensions, Headers: r.Header}
	if body.OperationName != nil {
		params.OperationName = *body.OperationName
	}
	return params, nil
}

func write(w http.ResponseWriter, status int, response *graphql.Response) {
	w.WriteHeader(status)
	// Who no longer listens can't be told that.
	_ = json.NewEncoder(w).Encode(response)
}
