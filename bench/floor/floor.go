// Package floor answers what the benchmark asks of Cohort by hand-written handlers on net/http and
// database/sql: the same data from the same tables, in the best representation we know of. It is what
// Cohort's throughput is measured against.
//
// The reads come twice. Under /memory an index of the account is held in memory, which is never stale: each
// request reads the account's feed number in the statement that it needs anyway, and follows the feed when
// that has moved. Under /sql everything is asked of the database. What settings, products and permissions come to is
// always asked of the database.
package floor

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-sql-driver/mysql"

	"cohort/auth"
	"cohort/models"
)

const (
	memberPage     = 50
	groupPage      = 50
	userGroupsPage = 100
)

// Floor is the server's state. It is safe for concurrent use.
type Floor struct {
	db         *sql.DB
	tokens     *auth.Tokens
	log        *slog.Logger
	statements statements
	sessions   sync.Map // of *session by the token's text
	indexes    sync.Map // of *index by account
	writers    sync.Map // of *sync.Mutex by account
}

// New connects to the database and prepares the statements. The secret is the one that signs Cohort's tokens.
func New(ctx context.Context, database *mysql.Config, secret []byte, log *slog.Logger) (*Floor, error) {
	tokens, err := auth.NewTokens(auth.TokenOptions{Secret: secret})
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(database)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	f := &Floor{db: db, tokens: tokens, log: log}
	if f.statements, err = prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

// Close lets go of the connections.
func (f *Floor) Close() error { return f.db.Close() }

// Handler is what the server answers. An answer has the form of the GraphQL answer to the same question.
func (f *Floor) Handler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	routes.HandleFunc("GET /memory/groups/{id}/members", f.answering(f.membersFromMemory))
	routes.HandleFunc("GET /memory/users/{id}/groups", f.answering(f.groupsOfFromMemory))
	routes.HandleFunc("GET /memory/check", f.answering(f.checkFromMemory))
	routes.HandleFunc("GET /memory/groups", f.answering(f.groupsFromMemory))
	routes.HandleFunc("GET /sql/groups/{id}/members", f.answering(f.membersFromSQL))
	routes.HandleFunc("GET /sql/users/{id}/groups", f.answering(f.groupsOfFromSQL))
	routes.HandleFunc("GET /sql/check", f.answering(f.checkFromSQL))
	routes.HandleFunc("GET /sql/groups", f.answering(f.groupsFromSQL))
	for _, way := range []string{"/memory", "/sql"} { // these have only one
		routes.HandleFunc("GET "+way+"/effective", f.answering(f.effective))
		routes.HandleFunc("GET "+way+"/permissions", f.answering(f.permissionsOfPage))
		routes.HandleFunc("GET "+way+"/users/{id}", f.answering(f.userFromSQL))
	}
	routes.HandleFunc("POST /members", f.answering(f.addMember))
	routes.HandleFunc("POST /door", door)
	return routes
}

// errRefused is a request that the caller got wrong.
var errRefused = errors.New("the request is malformed")

// answering authenticates, and sends what answer has appended.
func (f *Floor) answering(answer func(who *session, r *http.Request, to []byte) ([]byte, error)) http.HandlerFunc {
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := f.session(r)
		if err != nil || who.role.Rank() < models.RoleAdmin.Rank() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		buffer := buffers.Get().(*[]byte)
		defer buffers.Put(buffer)
		body, err := answer(who, r, (*buffer)[:0])
		*buffer = body
		switch {
		case errors.Is(err, errRefused):
			w.WriteHeader(http.StatusBadRequest)
			return
		case err != nil:
			f.log.Error("request failed", "path", r.URL.Path, "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		header := w.Header()
		header["Content-Type"] = jsonType
		header.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

var jsonType = []string{"application/json; charset=utf-8"}

// statements are prepared once; each connection learns them at their first use.
type statements struct {
	standing, version                              *sql.Stmt
	changes, users, groups, edges, memberships     *sql.Stmt
	details, groupRows                             *sql.Stmt
	check, groupsOf, fewMembers, groupCounts       *sql.Stmt
	walk, hasGroup, hasUser, user                  *sql.Stmt
	userPage, reached, userProducts                *sql.Stmt
	accountSettings, userSettings                  *sql.Stmt
	lock, present, insert, count, audit, feed, seq *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (s statements, err error) {
	for to, text := range map[**sql.Stmt]string{
		&s.standing: sqlStanding, &s.version: sqlVersion,
		&s.changes: sqlChanges, &s.users: sqlUsers, &s.groups: sqlGroups, &s.edges: sqlEdges, &s.memberships: sqlMemberships,
		&s.details: sqlDetails, &s.groupRows: sqlGroupRows,
		&s.check: sqlCheck, &s.groupsOf: sqlGroupsOf, &s.fewMembers: sqlFewMembers, &s.groupCounts: sqlGroupCounts,
		&s.walk: sqlWalk, &s.hasGroup: sqlHasGroup, &s.hasUser: sqlHasUser, &s.user: sqlUser,
		&s.userPage: sqlUserPage, &s.reached: sqlReached, &s.userProducts: sqlUserProducts,
		&s.accountSettings: sqlAccountSettings, &s.userSettings: sqlUserSettings,
		&s.lock: sqlLock, &s.present: sqlPresent, &s.insert: sqlInsert, &s.count: sqlCount, &s.audit: sqlAudit, &s.feed: sqlFeed, &s.seq: sqlSeq,
	} {
		if *to, err = db.PrepareContext(ctx, text); err != nil {
			return s, err
		}
	}
	return s, nil
}
