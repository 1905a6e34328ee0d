package store

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const (
	sqliteForm = "sqlite:data/cohort.db"
	mysqlForm  = "mysql://user:password@host:port/database"
)

// target is a parsed URL: either a SQLite file or, with mysql set, a database on a server.
type target struct {
	path    string   // of the SQLite file
	pragmas []string // given with it
	mysql   *mysql.Config
}

// String names the target without its password.
func (t target) String() string {
	if t.mysql == nil {
		return "sqlite:" + t.path
	}
	return fmt.Sprintf("mysql://%s@%s/%s", t.mysql.User, t.mysql.Addr, t.mysql.DBName)
}

// parseURL reads Options.URL. Its errors say what would be right, and repeat nothing that may hold a
// password.
func parseURL(raw string) (target, error) {
	scheme, rest, found := strings.Cut(raw, ":")
	switch {
	case raw == "":
		return target{}, fmt.Errorf("the database URL is empty: use %s or %s", sqliteForm, mysqlForm)
	case found && scheme == "sqlite":
		return parseSQLite(rest)
	case found && scheme == "mysql":
		return parseMySQL(rest)
	case found && slices.Contains([]string{"mariadb", "tidb", "tcp"}, scheme):
		return target{}, fmt.Errorf("the database URL begins with %s: — MariaDB and TiDB are reached as %s", scheme, mysqlForm)
	}
	return target{}, fmt.Errorf("the database URL is of an unknown kind: use %s or %s", sqliteForm, mysqlForm)
}

var pragmaForm = regexp.MustCompile(`^[a-z_]+\([\w.-]+\)$`)

func parseSQLite(rest string) (target, error) {
	path, query, _ := strings.Cut(rest, "?")
	switch {
	case path == "":
		return target{}, fmt.Errorf("the database URL names no file: use %s", sqliteForm)
	case strings.HasPrefix(path, "//"):
		return target{}, errors.New("the path in the database URL begins with //: use " + sqliteForm +
			" for a file below the working directory or sqlite:/var/lib/cohort.db for any other")
	case path == ":memory:" || strings.HasPrefix(path, "file:"):
		return target{}, fmt.Errorf("the database URL must name a file, %q is none: use %s", path, sqliteForm)
	case strings.HasSuffix(path, "/"):
		return target{}, fmt.Errorf("the database URL names the folder %q: use a file, as in %s", path, sqliteForm)
	case strings.ContainsRune(path, 0):
		return target{}, fmt.Errorf("the path in the database URL has a NUL in it: use %s", sqliteForm)
	}
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return target{}, fmt.Errorf("the database URL's parameters are malformed: use %s?_pragma=synchronous(normal)", sqliteForm)
	}
	for name := range parameters {
		if name != "_pragma" {
			return target{}, fmt.Errorf("the database URL has the unknown parameter %q: SQLite knows _pragma=name(value)", name)
		}
	}
	for _, pragma := range parameters["_pragma"] {
		if !pragmaForm.MatchString(pragma) {
			return target{}, fmt.Errorf("the database URL has the malformed pragma %q: use _pragma=name(value)", pragma)
		}
	}
	return target{path: path, pragmas: parameters["_pragma"]}, nil
}

func parseMySQL(rest string) (target, error) {
	// The error of url.Parse repeats the URL, and with it the password.
	u, err := url.Parse("mysql:" + rest)
	if err != nil {
		return target{}, errors.New("the database URL is malformed: use " + mysqlForm +
			", with special characters in the password percent-encoded (@ is %40)")
	}
	database := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.Host == "" || u.Opaque != "":
		return target{}, fmt.Errorf("the database URL names no host: use %s", mysqlForm)
	case u.Hostname() == "":
		return target{}, fmt.Errorf("the database URL has a port but no host: use %s", mysqlForm)
	case u.User.Username() == "":
		return target{}, fmt.Errorf("the database URL names no user: use %s", mysqlForm)
	case database == "":
		return target{}, fmt.Errorf("the database URL names no database after the host: use %s", mysqlForm)
	case strings.ContainsAny(database, "/\\.") || len(database) > 64:
		return target{}, fmt.Errorf("%q can't be the name of a database: use up to 64 letters, digits and underscores", database)
	case u.Fragment != "":
		return target{}, fmt.Errorf("the database URL has a #: use %s, with special characters percent-encoded (# is %%23)", mysqlForm)
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, fmt.Errorf("the database URL's parameters are malformed: use %s?tls=true", mysqlForm)
	}
	for name := range parameters {
		if name != "tls" {
			return target{}, fmt.Errorf("the database URL has the unknown parameter %q: MySQL knows tls (the rest is Cohort's to set)", name)
		}
	}
	tls := parameters.Get("tls")
	if !slices.Contains([]string{"", "true", "false", "skip-verify", "preferred"}, tls) {
		return target{}, fmt.Errorf("the database URL has tls=%s: use true, skip-verify, preferred or false", tls)
	}

	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net = "tcp"
	c.Addr = net.JoinHostPort(u.Hostname(), portOr(u, "3306"))
	c.DBName = database
	c.TLSConfig = tls
	return target{mysql: c}, nil
}

func portOr(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		return p
	}
	return port
}
