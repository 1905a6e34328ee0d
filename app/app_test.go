package app

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMisuse(t *testing.T) {
	tests := map[string]struct {
		args      string
		variables map[string]string
		code      int
		want      []string
	}{
		"an unknown command":        {args: "frobnicate", code: misuse, want: []string{"frobnicate", "cohort --help"}},
		"an unknown flag":           {args: "serve --frobnicate", code: misuse, want: []string{"--frobnicate"}},
		"half a command":            {args: "account", code: misuse, want: []string{`"create", "list"`}},
		"an account without admin":  {args: "account create Acme", code: misuse, want: []string{"--admin"}},
		"a token for nobody":        {args: "token", code: misuse, want: []string{"--user"}},
		"a role that there is not":  {args: "token --user a@b.example --role owner", code: misuse, want: []string{"--role", "super_admin", "owner"}},
		"an expiry without unit":    {args: "token --user a@b.example --expires 10", code: misuse, want: []string{"--expires"}},
		"a language not spoken":     {args: "account create A --admin a@b.example --locale xx", code: misuse, want: []string{"--locale", "fr"}},
		"a variable is no number":   {variables: map[string]string{"COHORT_MAX_GROUP_DEPTH": "deep"}, code: misuse, want: []string{"COHORT_MAX_GROUP_DEPTH", "deep"}},
		"groups nested too deep":    {variables: map[string]string{"COHORT_MAX_GROUP_DEPTH": "33"}, code: misuse, want: []string{"COHORT_MAX_GROUP_DEPTH", "between 1 and 32"}},
		"groups not nested at all":  {args: "--max-group-depth 0", code: misuse, want: []string{"--max-group-depth"}},
		"a log that there is not":   {variables: map[string]string{"COHORT_LOG": "xml"}, code: misuse, want: []string{"COHORT_LOG", "auto, text, json"}},
		"a level that there is not": {variables: map[string]string{"COHORT_LOG_LEVEL": "loud"}, code: misuse, want: []string{"COHORT_LOG_LEVEL", "debug, info, warn, error"}},

		"a port alone":               {variables: map[string]string{"COHORT_LISTEN": "8080"}, code: failure, want: []string{"COHORT_LISTEN", "127.0.0.1:8080"}},
		"no such port":               {variables: map[string]string{"COHORT_LISTEN": "127.0.0.1:99999"}, code: failure, want: []string{"COHORT_LISTEN"}},
		"a demo for everybody":       {args: "--demo --listen 0.0.0.0:0", code: failure, want: []string{"--demo", "loopback", "0.0.0.0:0", "COHORT_LISTEN"}},
		"a demo for all, unsaid":     {args: "--demo --listen :0", code: failure, want: []string{"--demo", "loopback"}},
		"no secret":                  {args: "--database sqlite:x.db", code: failure, want: []string{"COHORT_JWT_SECRET", "not set", "32 bytes"}},
		"no secret for a token":      {args: "token --user a@b.example --database sqlite:x.db", code: failure, want: []string{"COHORT_JWT_SECRET", "not set"}},
		"a short secret":             {variables: map[string]string{"COHORT_JWT_SECRET": "canary"}, code: failure, want: []string{"COHORT_JWT_SECRET", "6 bytes", "32"}},
		"a database of no kind":      {args: "migrate", variables: map[string]string{"COHORT_DATABASE": "postgres://u:canary@h/d"}, code: failure, want: []string{"mysql://user:password@host:port/database"}},
		"a malformed URL":            {args: "migrate", variables: map[string]string{"COHORT_DATABASE": "mysql://u:canary%@h/d"}, code: failure, want: []string{"malformed", "percent-encoded"}},
		"no database in the URL":     {args: "migrate", variables: map[string]string{"COHORT_DATABASE": "mysql://u:canary@h"}, code: failure, want: []string{"names no database"}},
		"nobody answers":             {args: "migrate", variables: map[string]string{"COHORT_DATABASE": "mysql://u:canary@127.0.0.1:1/d"}, code: failure, want: []string{"mysql://u@127.0.0.1:1/d", "refused"}},
		"a short token for metrics":  {variables: map[string]string{"COHORT_METRICS_TOKEN": "canary"}, code: failure, want: []string{"COHORT_METRICS_TOKEN", "6 bytes", "16"}},
		"traces to nowhere":          {variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "u:canary@h:4318"}, code: failure, want: []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"}},
		"traces by gRPC":             {variables: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://h:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, code: failure, want: []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}},
		"the folder is not writable": {args: "migrate", variables: map[string]string{"COHORT_DATABASE": "sqlite:/dev/null/cohort.db"}, code: failure, want: []string{"/dev/null"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEmbedded(t)
			for name, value := range tt.variables {
				w.variables[name] = value
			}
			o := w.run(strings.Fields(tt.args)...)
			if o.code != tt.code || o.stdout != "" {
				t.Errorf("exit code %d, want %d; on stdout %q", o.code, tt.code, o.stdout)
			}
			for _, part := range tt.want {
				if !strings.Contains(o.stderr, part) {
					t.Errorf("it says\n%swant %q in it", o.stderr, part)
				}
			}
			if strings.Contains(o.stderr, "canary") {
				t.Errorf("it gives away what is secret: %s", o.stderr)
			}
			if made, _ := filepath.Glob(filepath.Join(w.dir, "*")); len(made) > 0 {
				t.Errorf("it left %v", made)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"", "serve", "migrate", "account", "account create", "account list", "token", "import", "version"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			o := newEmbedded(t).run(append(strings.Fields(args), "--help")...)
			if o.code != success || o.stderr != "" || !strings.HasPrefix(o.stdout, strings.TrimRight("Usage: cohort "+args, " ")) {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
	help := newEmbedded(t).must("serve", "--help")
	for _, variable := range []string{
		"COHORT_DATABASE", "COHORT_LISTEN", "COHORT_JWT_ISSUER", "COHORT_JWT_AUDIENCE", "COHORT_MAX_GROUP_DEPTH", "COHORT_LOG", "COHORT_LOG_LEVEL",
	} {
		if !strings.Contains(help, "$"+variable) {
			t.Errorf("the help of serve doesn't name %s", variable)
		}
	}
	if all := newEmbedded(t).must("--help"); !strings.Contains(all, secretVariable) {
		t.Errorf("the help doesn't name %s", secretVariable)
	}
}

func TestVersion(t *testing.T) {
	if out := newEmbedded(t).must("version"); !regexp.MustCompile(`^cohort \S.* \(go1\.\S+, \w+/\w+\)\n$`).MatchString(out) {
		t.Errorf("it says %q", out)
	}
}
