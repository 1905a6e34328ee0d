package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
)

func TestTransient(t *testing.T) {
	number := func(n uint16) error { return fmt.Errorf("insert: %w", &mysql.MySQLError{Number: n}) }
	tests := map[string]struct {
		err             error
		transient, lost bool
	}{
		"deadlock":               {number(1213), true, false},
		"lock wait timeout":      {number(1205), true, false},
		"TiDB write conflict":    {number(9007), true, false},
		"TiDB commit refused":    {number(8022), true, false},
		"SQLite busy":            {fmt.Errorf("begin: %w", sqlite3.BUSY), true, false},
		"SQLite busy snapshot":   {sqlite3.BUSY_SNAPSHOT, true, false},
		"SQLite locked":          {sqlite3.LOCKED, true, false},
		"server shuts down":      {number(1053), true, true},
		"idle too long":          {number(4031), true, true},
		"stale connection":       {driver.ErrBadConn, true, true},
		"broken connection":      {fmt.Errorf("select: %w", mysql.ErrInvalidConn), true, true},
		"refused connection":     {&net.OpError{Op: "dial", Err: errors.New("refused")}, true, true},
		"duplicate key":          {number(1062), false, false},
		"syntax":                 {number(1064), false, false},
		"SQLite constraint":      {sqlite3.CONSTRAINT_UNIQUE, false, false},
		"end of somebody's file": {io.EOF, false, false},
		"cancelled":              {context.Canceled, false, false},
		"none":                   {nil, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := transient(tt.err); got != tt.transient {
				t.Errorf("transient: %v", got)
			}
			if got := lost(tt.err); got != tt.lost {
				t.Errorf("lost: %v", got)
			}
		})
	}
}

func TestRetryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, runs := time.Now(), 0
		deadlock := &mysql.MySQLError{Number: 1213}
		_, err := retry(t.Context(), &Store{}, transient, func() (int, error) {
			runs++
			return 0, deadlock
		})
		if !errors.Is(err, deadlock) || runs != tries {
			t.Errorf("%d runs, error %v; want %d", runs, err, tries)
		}
		if took := time.Since(began); took < 500*time.Millisecond || took > tries*longPause*3/2 {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestRetryPausesAreRandom(t *testing.T) {
	pause := func() (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			began, runs := time.Now(), 0
			_, _ = retry(t.Context(), &Store{}, transient, func() (int, error) {
				if runs++; runs == 4 {
					return 0, nil
				}
				return 0, driver.ErrBadConn
			})
			took = time.Since(began)
		})
		return took
	}
	if a, b, c := pause(), pause(), pause(); a == b && b == c {
		t.Errorf("three times the same pauses, %s", a)
	}
}

func TestRetryHeedsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		_, err := retry(ctx, &Store{}, transient, func() (int, error) {
			if runs++; runs == 3 {
				time.AfterFunc(time.Millisecond, cancel)
			}
			return 0, sqlite3.BUSY
		})
		if !errors.Is(err, context.Canceled) || transient(err) || runs != 3 {
			t.Errorf("%d runs, error %v; want 3 and the context's", runs, err)
		}
	})
}

func TestSlowStatements(t *testing.T) {
	tests := map[string]struct {
		took   time.Duration
		sql    string
		want   string
		absent string
	}{
		"a quick one is not logged": {took: slow - time.Millisecond, sql: "SELECT 1", absent: "SELECT"},
		"a slow one is":             {took: slow, sql: "SELECT 1", want: `msg="slow statement" took=200ms rows=7 sql="SELECT 1"`},
		"a long one is cut":         {took: slow, sql: "SELECT " + strings.Repeat("?,", longestSQL) + "tail", want: "…", absent: "tail"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				l := slowLog{log: slog.New(slog.NewTextHandler(&out, nil))}
				l.Error(t.Context(), "an error with SELECT")
				l.Trace(t.Context(), time.Now().Add(-tt.took), func() (string, int64) { return tt.sql, 7 }, nil)
				if tt.want != "" && !strings.Contains(out.String(), tt.want) {
					t.Errorf("logged %q, want %q", &out, tt.want)
				}
				if tt.absent != "" && strings.Contains(out.String(), tt.absent) {
					t.Errorf("logged %q, with %q", &out, tt.absent)
				}
			})
		})
	}
}
