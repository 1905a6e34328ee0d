package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	tests := map[string]struct {
		url     string
		want    string   // the target as it is named
		pragmas []string // of a SQLite file
		err     string   // a part of the message
	}{
		"a relative file":             {url: "sqlite:data/cohort.db", want: "sqlite:data/cohort.db"},
		"an absolute file":            {url: "sqlite:/var/lib/cohort.db", want: "sqlite:/var/lib/cohort.db"},
		"a file with odd characters":  {url: "sqlite:a b%20#ü.db", want: "sqlite:a b%20#ü.db"},
		"pragmas in order":            {url: "sqlite:x.db?_pragma=synchronous(off)&_pragma=cache_size(-2000)", want: "sqlite:x.db", pragmas: []string{"synchronous(off)", "cache_size(-2000)"}},
		"a server":                    {url: "mysql://root@127.0.0.1:3307/cohort", want: "mysql://root@127.0.0.1:3307/cohort"},
		"the port by default":         {url: "mysql://root@db.example/cohort", want: "mysql://root@db.example:3306/cohort"},
		"an IPv6 address":             {url: "mysql://root@[::1]:3307/cohort", want: "mysql://root@[::1]:3307/cohort"},
		"the password is not named":   {url: "mysql://u:s3cret@h/cohort", want: "mysql://u@h:3306/cohort"},
		"encryption":                  {url: "mysql://u:s3cret@h/cohort?tls=true", want: "mysql://u@h:3306/cohort"},
		"an encoded password":         {url: "mysql://u:s3cret%40%2F@h/cohort", want: "mysql://u@h:3306/cohort"},
		"nothing":                     {url: "", err: "is empty: use sqlite:data/cohort.db or mysql://user:password@host:port/database"},
		"no scheme":                   {url: "data/cohort.db", err: "unknown kind: use sqlite:data/cohort.db"},
		"another database":            {url: "postgres://u:s3cret@h/cohort", err: "unknown kind"},
		"MariaDB by its name":         {url: "mariadb://u:s3cret@h/cohort", err: "reached as mysql://"},
		"a driver's form":             {url: "u:s3cret@tcp(h:3306)/cohort", err: "unknown kind"},
		"no file":                     {url: "sqlite:", err: "names no file: use sqlite:data/cohort.db"},
		"a file behind slashes":       {url: "sqlite://data/cohort.db", err: "begins with //: use sqlite:data/cohort.db"},
		"in memory":                   {url: "sqlite::memory:", err: "must name a file"},
		"SQLite's own URI":            {url: "sqlite:file:x.db", err: "must name a file"},
		"a folder":                    {url: "sqlite:data/", err: "names the folder"},
		"a NUL":                       {url: "sqlite:x\x00.db", err: "NUL"},
		"an unknown SQLite parameter": {url: "sqlite:x.db?mode=ro", err: `unknown parameter "mode"`},
		"malformed SQLite parameters": {url: "sqlite:x.db?_pragma=%zz", err: "parameters are malformed"},
		"a malformed pragma":          {url: "sqlite:x.db?_pragma=synchronous=off", err: "use _pragma=name(value)"},
		"a statement as a pragma":     {url: "sqlite:x.db?_pragma=a(1)%3Bdrop+table+users", err: "malformed pragma"},
		"a bad escape":                {url: "mysql://u:s3cret%zz@h/cohort", err: "malformed: use mysql://user:password@host:port/database"},
		"a bare @ in the password":    {url: "mysql://u:s3cret@x:y@h:3306/cohort", want: "mysql://u@h:3306/cohort"},
		"a slash in the password":     {url: "mysql://u:s3cret/x@h:3306/cohort", err: "percent-encoded"},
		"a bad port":                  {url: "mysql://u:s3cret@h:port/cohort", err: "malformed"},
		"no host":                     {url: "mysql:///cohort", err: "names no host: use mysql://"},
		"no slashes":                  {url: "mysql:u:s3cret@h/cohort", err: "names no host"},
		"a port alone":                {url: "mysql://u:s3cret@:3306/cohort", err: "a port but no host"},
		"no user":                     {url: "mysql://h:3306/cohort", err: "names no user: use mysql://"},
		"no database":                 {url: "mysql://u:s3cret@h:3306", err: "names no database after the host"},
		"no database after the slash": {url: "mysql://u:s3cret@h:3306/", err: "names no database after the host"},
		"two databases":               {url: "mysql://u:s3cret@h/a/b", err: "can't be the name of a database"},
		"a database of a long name":   {url: "mysql://u:s3cret@h/" + strings.Repeat("a", 65), err: "up to 64"},
		"a fragment":                  {url: "mysql://u:s3cret@h/cohort#x", err: "# is %23"},
		"an unknown MySQL parameter":  {url: "mysql://u:s3cret@h/cohort?parseTime=true", err: `unknown parameter "parseTime"`},
		"malformed MySQL parameters":  {url: "mysql://u:s3cret@h/cohort?tls=%zz", err: "parameters are malformed"},
		"unknown encryption":          {url: "mysql://u:s3cret@h/cohort?tls=on", err: "tls=on: use true, skip-verify, preferred or false"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseURL(tt.url)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				if strings.Contains(err.Error(), "s3cret") {
					t.Errorf("the error shows the password: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.pragmas, got.pragmas); diff != "" {
				t.Errorf("pragmas (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseURLDecodes(t *testing.T) {
	got, err := parseURL("mysql://us%40er:p%40%2F%3A@h/cohort?tls=skip-verify")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"us@er", "p@/:", "tcp", "h:3306", "cohort", "skip-verify"}
	c := got.mysql
	if diff := cmp.Diff(want, []string{c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.TLSConfig}); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestRecognise(t *testing.T) {
	tests := map[string]struct {
		says    string
		engine  Engine
		version version
		err     string
	}{
		"MySQL":                    {says: "9.7.0", engine: MySQL, version: version{9, 7}},
		"the oldest MySQL":         {says: "8.4.0-log", engine: MySQL, version: version{8, 4}},
		"an old MySQL":             {says: "8.0.41", err: "MySQL 8.0.41: use 8.4 or newer"},
		"MariaDB":                  {says: "11.4.5-MariaDB-ubu2404", engine: MariaDB, version: version{11, 4}},
		"the oldest MariaDB":       {says: "10.11.6-MariaDB-0+deb12u1", engine: MariaDB, version: version{10, 11}},
		"MariaDB as it was":        {says: "5.5.5-10.11.6-MariaDB", engine: MariaDB, version: version{10, 11}},
		"an old MariaDB":           {says: "10.6.21-MariaDB", err: "MariaDB 10.6.21-MariaDB: use 10.11 or newer"},
		"TiDB speaks as old MySQL": {says: "8.0.11-TiDB-v8.5.0", engine: TiDB, version: version{8, 0}},
		"something else":           {says: "Dolt", err: `version "Dolt" is unknown`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			engine, v, err := recognise(tt.says)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || engine != tt.engine || v != tt.version {
				t.Errorf("got %s %v %v, want %s %v", engine, v, err, tt.engine, tt.version)
			}
		})
	}
}

func TestSessionVariables(t *testing.T) {
	tests := map[string]struct {
		engine       Engine
		version      version
		write, read  string // the isolation, by the name that the engine has for it
		readOnlyName string
	}{
		"MySQL":       {MySQL, version{8, 4}, "transaction_isolation", "transaction_isolation", "transaction_read_only"},
		"MariaDB 10":  {MariaDB, version{10, 11}, "tx_isolation", "tx_isolation", "tx_read_only"},
		"MariaDB 11":  {MariaDB, version{11, 4}, "transaction_isolation", "transaction_isolation", "transaction_read_only"},
		"TiDB writes": {TiDB, version{8, 0}, "transaction_isolation", "transaction_isolation", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := session(tt.engine, tt.version)[tt.write]; got != "'READ-COMMITTED'" {
				t.Errorf("Write has %s = %s", tt.write, got)
			}
			read := readSession(tt.engine, tt.version)
			if got := read[tt.read]; got != "'REPEATABLE-READ'" {
				t.Errorf("Read has %s = %s", tt.read, got)
			}
			if _, set := read[tt.readOnlyName]; set != (tt.readOnlyName != "") {
				t.Errorf("Read has %v", read)
			}
		})
	}
}
