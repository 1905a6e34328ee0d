package storetest

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"cohort/store"
)

// Guard fails a statement that could reach rows of more than one account; it is a store's Inspect.
//
// A tenant's table is one whose migration gives it account_id. A statement must bind account_id in a
// condition, a join or the list of inserted columns, as often as it takes rows from or puts rows into
// such tables: naming it among what is selected, set, grouped or ordered binds nothing. A statement on
// accounts must insert, or bind id or name_key, or run in a context that store.AcrossAccounts has marked.
func Guard(ctx context.Context, sql string) error {
	s := analyse(sql, tenantTables())
	if need := max(s.sources, min(len(s.mentioned), 1)); s.bound < need {
		return fmt.Errorf("account_id is bound %d of %d times in a statement on %v: %s", s.bound, need, s.mentioned, sql)
	}
	if s.accounts && !s.oneAccount && !store.IsAcrossAccounts(ctx) {
		return fmt.Errorf("no id in a statement on accounts: %s", sql)
	}
	return nil
}

// tenantTables are the tables with an account_id.
var tenantTables = sync.OnceValue(func() map[string]bool {
	found := map[string]bool{}
	for _, e := range []store.Engine{store.MySQL, store.SQLite} {
		files := store.Migrations(e)
		names, err := fs.Glob(files, "*.sql")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				panic(err)
			}
			tenantTablesIn(string(text), found)
		}
	}
	return found
})

func tenantTablesIn(sql string, found map[string]bool) {
	ts := tokens(sql)
	for i := 0; i < len(ts); i++ {
		if !ts[i].is("create") || i+1 == len(ts) || !ts[i+1].is("table") {
			continue
		}
		for i += 2; i < len(ts) && ts[i].is("if", "not", "exists"); i++ {
		}
		for at, depth := i+1, 0; at < len(ts); at++ {
			switch {
			case ts[at].mark("("):
				depth++
			case ts[at].mark(")"):
				depth--
			case ts[at].names("account_id"):
				found[ts[i].text] = true
			}
			if depth == 0 {
				break
			}
		}
	}
}

// statement is what the guard wants to know of one.
type statement struct {
	mentioned  []string // tenants' tables, anywhere
	sources    int      // times that such a table gives or takes rows
	bound      int      // times that account_id is bound
	accounts   bool     // the table of accounts is mentioned
	oneAccount bool     // and a row of it is chosen or inserted
}

// The parts of a statement, as far as names in them mean different things.
type part int

const (
	conditions part = iota // WHERE, ON, USING, HAVING, the columns of an INSERT and everything else
	sources                // FROM, JOIN
	outputs                // SELECT, SET, GROUP BY, ORDER BY
)

func analyse(sql string, tenants map[string]bool) statement {
	var s statement
	ts := tokens(sql)
	at := func(i int) token {
		if i < 0 || i >= len(ts) {
			return token{kind: 'p'}
		}
		return ts[i]
	}
	now, outer := conditions, []part{}
	for i, t := range ts {
		before, after := at(i-1), at(i+1)
		switch {
		case t.mark("("):
			outer = append(outer, now)
		case t.mark(")"):
			if len(outer) > 0 {
				now, outer = outer[len(outer)-1], outer[:len(outer)-1]
			}
		case t.is("select", "set", "group", "order"):
			now = outputs
		case t.is("from", "join"):
			now = sources
		case t.is("where", "on", "using", "having", "limit", "union", "values", "into", "update"):
			now = conditions
		case t.names("accounts"):
			s.accounts = true
			s.oneAccount = s.oneAccount || before.is("into")
		case t.kind != 'p' && tenants[t.text]:
			s.mentioned = append(s.mentioned, t.text)
			listed := now == sources && (before.mark(",") || before.mark("("))
			if before.is("from", "join", "into", "update", "table") || listed {
				s.sources++
			}
		case now != outputs && t.names("account_id"):
			s.bound++
		case now != outputs && (t.names("id") || t.names("name_key")):
			start := i // of a name with its table in front, as in a.id
			if before.mark(".") {
				start = i - 2
			}
			if after.mark("=") || after.is("in") || at(start-1).mark("=") {
				s.oneAccount = true
			}
		}
	}
	return s
}
