package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"cohort/graph/generated"
)

// Trusted are the only documents that a server runs, by their ids and by the hashes of their texts.
type Trusted struct {
	byID  map[string]string
	texts map[string]string // by hash
}

// Len is how many different documents there are.
func (t *Trusted) Len() int { return len(t.texts) }

// ReadTrusted reads trusted documents. path is a folder, in which each file that ends in .graphql is one, with
// the file's name up to there for an id; or a JSON file, which is an object of texts by id, as Relay and
// graphql-codegen write it, or a manifest of Apollo's. A document that is not good under the schema, or over
// a limit that doesn't depend on variables, is an error that names it.
func ReadTrusted(path string, limits Limits) (*Trusted, error) {
	byID, err := readTexts(path)
	if err != nil {
		return nil, fmt.Errorf("read the trusted documents: %w", err)
	}
	if len(byID) == 0 {
		return nil, fmt.Errorf("read the trusted documents: there is none in %s", path)
	}
	t := &Trusted{byID: byID, texts: map[string]string{}}
	documents := newDocuments(limits.withDefaults(), nil)
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for id, text := range byID {
		if err := documents.check(schema, text); err != nil {
			return nil, fmt.Errorf("trusted document %q: %w", id, err)
		}
		if id == "" {
			return nil, errors.New("read the trusted documents: there is one without an id")
		}
		t.texts[hashOf(text)] = text
	}
	return t, nil
}

func (d *documents) check(schema *ast.Schema, text string) error {
	doc, wrong := d.read(text)
	if wrong != nil {
		return wrong
	}
	if len(doc.Operations) == 0 {
		return errors.New("there is no operation in it")
	}
	if wrong := validator.ValidateWithRules(schema, doc, nil); len(wrong) > 0 {
		return wrong
	}
	return nil
}

func readTexts(path string) (map[string]string, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if about.IsDir() {
		return readFolder(os.DirFS(path))
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	byID, err := readManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return byID, nil
}

func readFolder(folder fs.FS) (map[string]string, error) {
	const ending = ".graphql"
	byID := map[string]string{}
	names, err := fs.Glob(folder, "*"+ending)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		byID[strings.TrimSuffix(name, ending)] = string(text)
	}
	return byID, nil
}

const apolloManifest = "apollo-persisted-query-manifest"

func readManifest(text []byte) (map[string]string, error) {
	var apollo struct {
		Format     string `json:"format"`
		Version    int    `json:"version"`
		Operations []struct{ ID, Body string }
	}
	if err := json.Unmarshal(text, &apollo); err == nil && apollo.Format == apolloManifest {
		if apollo.Version != 1 {
			return nil, fmt.Errorf("version %d of Apollo's manifest is not known, only version 1", apollo.Version)
		}
		byID := map[string]string{}
		for _, operation := range apollo.Operations {
			byID[operation.ID] = operation.Body
		}
		return byID, nil
	}
	var byID map[string]string
	if err := json.Unmarshal(text, &byID); err != nil {
		return nil, errors.New("it is neither a JSON object of texts by id nor a manifest of Apollo's")
	}
	return byID, nil
}

// find puts the text into a request that names a trusted document by documentId, by its hash or by its text,
// and refuses every other one.
func (t *Trusted) find(asked *request) error {
	hash, err := asked.hash()
	if err != nil {
		return err
	}
	var named []string
	if asked.documentID != "" {
		id := asked.documentID
		text, ok := t.byID[id]
		if hashed, is := strings.CutPrefix(id, "sha256:"); !ok && is {
			text = t.texts[hashed]
		}
		named = append(named, text)
	}
	if hash != "" {
		named = append(named, t.texts[hash])
	}
	if asked.query != "" {
		named = append(named, t.texts[hashOf(asked.query)])
	}
	if slices.Contains(named, "") || len(slices.Compact(named)) != 1 {
		return unrunnable("this server runs only the documents that were registered with it", codeNotTrusted)
	}
	asked.query = named[0]
	return nil
}
