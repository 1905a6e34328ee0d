package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// TestHouseStands holds the names that README, CONTRIBUTING and everybody's habits rely on.
func TestHouseStands(t *testing.T) {
	for _, name := range []string{
		"server.go", "schema.graphqls", "gqlgen.yml", "app", "graph", "graph/generated",
		"directory", "directory/nesting", "audit", "mail", "auth", "jobs", "store", "locale", "models",
	} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s is missing: %v", name, err)
		}
	}
}

func TestServerOnlyHandsOver(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(root, "server.go"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(src, []byte("\n")); lines >= 40 {
		t.Errorf("server.go has %d lines; under 40 is the rule, the rest belongs to app", lines)
	}
}

func TestOnlyAppReadsTheEnvironment(t *testing.T) {
	eachFile(t, func(name string, src []byte) {
		room, _, _ := strings.Cut(name, "/")
		if room == "app" || name == "server.go" || strings.HasSuffix(name, "_test.go") || isTestPackage(filepath.Dir(name)) {
			return
		}
		for _, at := range append(
			uses(t, name, src, "os", "Getenv", "LookupEnv", "Environ", "ExpandEnv"),
			uses(t, name, src, "syscall", "Getenv", "Environ")...) {
			t.Errorf("%s reads the environment, which only app does: take it as an argument", at)
		}
	})
}

func TestNoTestSleeps(t *testing.T) {
	eachFile(t, func(name string, src []byte) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, at := range uses(t, name, src, "time", "Sleep") {
			t.Errorf("%s sleeps: wait for what you wait for, or set the clock", at)
		}
	})
}

func TestUses(t *testing.T) {
	tests := map[string]struct {
		src  string
		want []string
	}{
		"called":                     {src: "import \"os\"\nvar v = os.Getenv(\"A\")", want: []string{"x.go:3"}},
		"handed on":                  {src: "import \"os\"\nvar f = os.LookupEnv", want: []string{"x.go:3"}},
		"under another name":         {src: "import env \"os\"\nvar v = env.Getenv(\"A\")", want: []string{"x.go:3"}},
		"twice":                      {src: "import \"os\"\nvar a = os.Getenv(\"A\")\nvar b = os.Getenv(\"B\")", want: []string{"x.go:3", "x.go:4"}},
		"a dot import hides all":     {src: "import . \"os\"\nvar v = Getenv(\"A\")", want: []string{"x.go:2"}},
		"another function":           {src: "import \"os\"\nvar v = os.Getpid()"},
		"another package":            {src: "import os \"example.com/settings\"\nvar v = os.Getenv(\"A\")"},
		"a comment and a string":     {src: "import \"os\"\n// os.Getenv\nvar v = \"os.Getenv\"\nvar _ = os.Args"},
		"a package without the name": {src: "var v = 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := uses(t, "x.go", []byte("package x\n"+tt.src+"\n"), "os", "Getenv", "LookupEnv")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("uses (-want +got):\n%s", diff)
			}
		})
	}
}

// uses says where src names one of the functions of the standard package pkg. A dot import counts as a use.
func uses(t *testing.T, name string, src []byte, pkg string, functions ...string) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	at := func(n ast.Node) string { return fmt.Sprintf("%s:%d", name, files.Position(n.Pos()).Line) }

	var found []string
	local := "" // the name that the file gives pkg
	for _, spec := range file.Imports {
		if imported, _ := strconv.Unquote(spec.Path.Value); imported != pkg {
			continue
		}
		local = pkg
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			found = append(found, at(spec))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && local != "" && x.Name == local && slices.Contains(functions, sel.Sel.Name) {
				found = append(found, at(sel))
			}
		}
		return true
	})
	return found
}

// eachFile hands over every Go file of the module by its path from the root.
// Folders that Go leaves out, and modules of their own, are left out.
func eachFile(t *testing.T, check func(name string, src []byte)) {
	t.Helper()
	house := os.DirFS(root)
	err := fs.WalkDir(house, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." {
			base := entry.Name()
			if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(house, name+"/go.mod"); err == nil {
				return fs.SkipDir
			}
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(house, name)
		if err != nil {
			return err
		}
		check(name, src)
		return nil
	})
	if err != nil {
		t.Fatalf("walk the module: %v", err)
	}
}
