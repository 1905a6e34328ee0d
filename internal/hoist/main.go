// Command hoist changes one thing in what gqlgen has generated: the map of the functions that read inputs, which it
// builds anew for each operation, is built once. With fifty inputs that is a tenth of what a small query costs.
//
//	go run ./internal/hoist graph/generated/exec.go
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"regexp"
)

// built is the statement that builds the map.
var built = regexp.MustCompile(`(?s)\tinputUnmarshalMap := (graphql\.BuildUnmarshalerMap\(\n.*?\n\t\))\n`)

func main() {
	if err := hoist(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "hoist:", err)
		os.Exit(1)
	}
}

func hoist(path string) error {
	code, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	found := built.FindAllSubmatch(code, -1)
	if len(found) != 1 {
		return fmt.Errorf("%s: the map of unmarshalers is built in %d places, not in one: see how gqlgen does it now", path, len(found))
	}
	code = bytes.Replace(code, found[0][0], []byte("\tinputUnmarshalMap := inputUnmarshalers\n"), 1)
	once := "\n// inputUnmarshalers is built once; see internal/hoist.\nvar inputUnmarshalers map[reflect.Type]reflect.Value\n\n" +
		"func init() {\n\tinputUnmarshalers = " + string(found[0][1]) + "\n}\n"
	code = append(code, once...)
	code = bytes.Replace(code, []byte("\nimport (\n"), []byte("\nimport (\n\t\"reflect\"\n"), 1)
	if code, err = format.Source(code); err != nil {
		return err
	}
	return os.WriteFile(path, code, 0o644) //nolint:gosec // source
}
