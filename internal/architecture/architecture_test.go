// Package architecture holds the shape of the house: which package may import which, who reads the
// environment, what a test must not do. It has tests only.
package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "cohort"

// floors are the rooms from top to bottom. A package belongs to the room of its top-level folder
// and imports its own room and the floors below; rooms on one floor don't know each other.
// A new top-level package gets its place here first.
var floors = [][]string{
	{"server"}, // package main at the root
	{"app"},
	{"graph"},
	{"webhook"},
	{"export"},
	{"directory"},
	{"audit"},
	{"mail"},
	{"auth"},
	{"jobs"},
	{"store"},
	{"locale", "models", "playground"},
}

// forbidden lists what a room must not import from outside the house; a path stands for all below it.
var forbidden = map[string][]string{
	"graph":     {"gorm.io"},
	"directory": {"net/http", "github.com/99designs/gqlgen", "github.com/vektah/gqlparser"},
}

// listed is what `go list -json` says of a package; test files are left out of Imports.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsGoOneWay(t *testing.T) {
	for _, v := range violations(listPackages(t)) {
		t.Error(v)
	}
}

func TestViolations(t *testing.T) {
	tests := map[string]struct {
		imports string // "importer > imported"
		want    []string
	}{
		"skipping floors is fine":               {imports: "cohort/graph > cohort/models"},
		"the program hands over to app":         {imports: "cohort > cohort/app"},
		"a room knows its subpackages":          {imports: "cohort/directory > cohort/directory/nesting"},
		"a room above knows the subpackages":    {imports: "cohort/app > cohort/graph/generated"},
		"models may know gqlgen's scalars":      {imports: "cohort/models > github.com/99designs/gqlgen/graphql"},
		"store knows GORM":                      {imports: "cohort/store > gorm.io/gorm"},
		"a name that only begins like it":       {imports: "cohort/directory > net/httpx"},
		"a test package may look everywhere":    {imports: "cohort/store/storetest > cohort/directory"},
		"a test package may use another":        {imports: "cohort/graph/graphtest > cohort/store/storetest"},
		"another module of the same first name": {imports: "cohort/store > cohorts.example/app"},

		"going back": {
			imports: "cohort/store > cohort/auth",
			want:    []string{"cohort/store imports cohort/auth: store lies below auth"},
		},
		"jobs knows no job's meaning": {
			imports: "cohort/jobs > cohort/directory",
			want:    []string{"cohort/jobs imports cohort/directory: jobs lies below directory"},
		},
		"going back from a subpackage": {
			imports: "cohort/directory/nesting > cohort/graph",
			want:    []string{"cohort/directory/nesting imports cohort/graph: directory lies below graph"},
		},
		"going back to a subpackage": {
			imports: "cohort/models > cohort/directory/nesting",
			want:    []string{"cohort/models imports cohort/directory/nesting: models lies below directory"},
		},
		"sideways": {
			imports: "cohort/locale > cohort/models",
			want:    []string{"cohort/locale imports cohort/models: locale and models share a floor"},
		},
		"nobody imports the program": {
			imports: "cohort/app > cohort",
			want:    []string{"cohort/app imports cohort: app lies below server"},
		},
		"graph imports GORM": {
			imports: "cohort/graph > gorm.io/gorm/clause",
			want:    []string{"cohort/graph imports gorm.io/gorm/clause, which graph must not know"},
		},
		"directory knows HTTP": {
			imports: "cohort/directory/nesting > net/http/httptest",
			want:    []string{"cohort/directory/nesting imports net/http/httptest, which directory must not know"},
		},
		"directory knows GraphQL": {
			imports: "cohort/directory > github.com/vektah/gqlparser/v2/ast",
			want:    []string{"cohort/directory imports github.com/vektah/gqlparser/v2/ast, which directory must not know"},
		},
		"the program imports a test package": {
			imports: "cohort/app > cohort/store/storetest",
			want:    []string{"cohort/app imports cohort/store/storetest, which is for tests"},
		},
		"a package without a place": {
			imports: "cohort/util > strings",
			want:    []string{"cohort/util has no place: give util a floor"},
		},
		"an import without a place": {
			imports: "cohort/app > cohort/util",
			want:    []string{"cohort/app imports cohort/util, which has no place"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			importer, imported, _ := strings.Cut(tt.imports, " > ")
			got := violations([]listed{{ImportPath: importer, Imports: []string{imported}}})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// violations names each import that goes where it may not.
func violations(packages []listed) []string {
	var found []string
	for _, p := range packages {
		if isTestPackage(p.ImportPath) {
			continue
		}
		room := roomOf(p.ImportPath)
		if floorOf(room) < 0 {
			found = append(found, fmt.Sprintf("%s has no place: give %s a floor", p.ImportPath, room))
			continue
		}
		for _, imported := range p.Imports {
			if why := wrong(room, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s%s", p.ImportPath, imported, why))
			}
		}
	}
	return found
}

// wrong says why room must not import the path, or nothing.
func wrong(room, imported string) string {
	if !within(imported, module) {
		for _, f := range forbidden[room] {
			if within(imported, f) {
				return fmt.Sprintf(", which %s must not know", room)
			}
		}
		return ""
	}
	if isTestPackage(imported) {
		return ", which is for tests"
	}
	target := roomOf(imported)
	from, to := floorOf(room), floorOf(target)
	switch {
	case room == target || (to >= 0 && from < to):
		return ""
	case to < 0:
		return ", which has no place"
	case from == to:
		return fmt.Sprintf(": %s and %s share a floor", room, target)
	default:
		return fmt.Sprintf(": %s lies below %s", room, target)
	}
}

func roomOf(importPath string) string {
	if importPath == module {
		return "server"
	}
	room, _, _ := strings.Cut(strings.TrimPrefix(importPath, module+"/"), "/")
	return room
}

func floorOf(room string) int {
	return slices.IndexFunc(floors, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// isTestPackage tells packages that are no part of the program: store/storetest, say, and all in internal.
func isTestPackage(importPath string) bool {
	return strings.HasPrefix(importPath, module+"/internal/") || strings.HasSuffix(path.Base(importPath), "test")
}

func within(importPath, tree string) bool {
	return importPath == tree || strings.HasPrefix(importPath, tree+"/")
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("read go list's answer: %v", err)
		}
		packages = append(packages, p)
	}
}
