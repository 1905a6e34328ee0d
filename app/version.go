package app

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

func (versionCommand) Run(p *program) error {
	fmt.Fprintf(p.Stdout, "cohort %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// version is what the program was built from, as far as the compiler knew.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown origin"
	}
	of := map[string]string{}
	for _, s := range info.Settings {
		of[s.Key] = s.Value
	}
	text := cmp.Or(info.Main.Version, "(devel)")
	if revision := of["vcs.revision"]; text == "(devel)" && revision != "" {
		text += " " + revision
		if of["vcs.modified"] == "true" {
			text += " with changes"
		}
	}
	return text
}
