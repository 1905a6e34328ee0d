package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/99designs/gqlgen/graphql/errcode"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

const (
	// keptDocuments bounds the documents that are kept validated, and the texts that are kept by their hash.
	keptDocuments = 1000
	// longestKept is the length in bytes of the longest document that is kept. Longer ones work, but are
	// sent and read anew each time.
	longestKept = 32 << 10
)

// documents find the text of an operation and read it, within the limits.
type documents struct {
	limits  Limits
	trusted *Trusted                               // nil takes any document
	valid   *lru.Cache[string, *ast.QueryDocument] // by text: within the limits, and good under the schema
	texts   *lru.Cache[string, string]             // automatically persisted, by hash
}

func newDocuments(limits Limits, trusted *Trusted) *documents {
	valid, err := lru.New[string, *ast.QueryDocument](keptDocuments)
	texts, err2 := lru.New[string, string](keptDocuments)
	if err := errors.Join(err, err2); err != nil {
		panic(err) // it refuses a size below one only
	}
	return &documents{limits: limits, trusted: trusted, valid: valid, texts: texts}
}

// Get and Add are for the executor, which adds what it has validated.
func (d *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	return d.valid.Get(text)
}

// Add keeps a document.
func (d *documents) Add(_ context.Context, text string, doc *ast.QueryDocument) {
	if len(text) <= longestKept {
		d.valid.Add(text, doc)
	}
}

// read is the document of a text, which is validated if it is known, and else is within the limits.
func (d *documents) read(text string) (*ast.QueryDocument, *gqlerror.Error) {
	if doc, ok := d.valid.Get(text); ok {
		return doc, nil
	}
	if err := d.limits.checkTokens(text); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, d.limits.Tokens)
	if err != nil {
		wrong := gqlerror.Wrap(err)
		if parsed := (*gqlerror.Error)(nil); errors.As(err, &parsed) {
			wrong = parsed
		}
		errcode.Set(wrong, errcode.ParseFailed)
		return nil, wrong
	}
	return doc, d.limits.checkDocument(doc)
}

// find puts the text of the operation into the request where only its hash, or the id of a trusted document,
// came. hash is not empty when the text came with its hash, which is right, and is to be kept under it.
func (d *documents) find(asked *request) (hash string, err error) {
	if d.trusted != nil {
		return "", d.trusted.find(asked)
	}
	hash, err = asked.hash()
	if err != nil {
		return "", err
	}
	if hash == "" {
		if asked.given == nil {
			return "", unrunnable("this server knows no document by its id", codeNotPersisted)
		}
		return "", nil
	}
	if asked.query == "" {
		text, ok := d.texts.Get(hash)
		if !ok {
			return "", unrunnable("PersistedQueryNotFound", codeNotPersisted)
		}
		asked.query = text
		return "", nil
	}
	if hashOf(asked.query) != hash {
		return "", refuse(http.StatusBadRequest, "the hash of the persisted query is not that of its text")
	}
	return hash, nil
}

// keep remembers a text that has proved good, for those who come with its hash.
func (d *documents) keep(hash, text string) {
	if hash != "" && len(text) <= longestKept {
		d.texts.Add(hash, text)
	}
}

// hash is the one that came, or empty.
func (asked *request) hash() (string, error) {
	given, ok := asked.extensions["persistedQuery"]
	if !ok || given == nil {
		return "", nil
	}
	persisted, _ := given.(map[string]any)
	hash, _ := persisted["sha256Hash"].(string)
	if sum, err := hex.DecodeString(hash); persisted["version"] != json.Number("1") || err != nil || len(sum) != sha256.Size {
		return "", refuse(http.StatusBadRequest, "extensions.persistedQuery must have version 1 and, as sha256Hash, the SHA-256 hash of the text in hexadecimal digits")
	}
	return hash, nil
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unrunnable is a refusal of what is well said but can't be run.
func unrunnable(message, why string) *refusal {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = code(why)
	return &refusal{errors: gqlerror.List{err}}
}
