package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// The pools stay below a server's default of 151 connections with two servers of ours beside it.
const (
	mysqlReaders = 32
	mysqlWriters = 16
)

func (s *Store) openMySQL(ctx context.Context, inspect inspector) error {
	s.target.mysql = s.sessionConfig()
	version, err := s.mysqlVersion(ctx)
	if err != nil {
		return err
	}
	engine, number, err := recognise(version)
	if err != nil {
		return err
	}
	s.Engine = engine
	maps.Copy(s.target.mysql.Params, session(engine, number))

	write, err := s.mysqlPool(ctx, inspect, mysqlWriters, nil)
	if err != nil {
		return err
	}
	read, err := s.mysqlPool(ctx, inspect, mysqlReaders, readSession(engine, number))
	if err != nil {
		return err
	}
	if s.Write, err = s.handle(mysqlDialector(engine, write)); err != nil {
		return err
	}
	s.Read, err = s.handle(mysqlDialector(engine, read))
	return err
}

// sessionConfig is what all connections have in common.
func (s *Store) sessionConfig() *mysql.Config {
	c := s.target.mysql.Clone()
	c.Collation = "utf8mb4_bin"
	_ = c.Apply(mysql.Charset("utf8mb4", c.Collation))
	c.ClientFoundRows = true // rows matched, as on SQLite, not rows that differ
	c.ParseTime = true
	c.Loc = time.UTC
	c.InterpolateParams = true
	c.Timeout = 10 * time.Second
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.Logger = driverLog{s.log}
	return c
}

// session gives the variables of every connection. Under READ COMMITTED what is read after the account's
// lock is what its last holder left; a snapshot could be older than the lock.
func session(e Engine, v version) map[string]string {
	mode := "STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
	if e != MariaDB { // which doesn't see that a group's key determines its other columns
		mode += ",ONLY_FULL_GROUP_BY"
	}
	vars := map[string]string{
		variable(e, v, "isolation"): "'READ-COMMITTED'",
		"sql_mode":                  "'" + mode + "'",
		"innodb_lock_wait_timeout":  "10",
		"foreign_key_checks":        "1",
	}
	if e == TiDB {
		vars["tidb_txn_mode"] = "'pessimistic'" // else the account's lock is only seen at commit
	}
	return vars
}

// longestRead bounds a reading statement.
const longestRead = 30 * time.Second

// readSession gives the variables of Read's connections: a snapshot for each transaction, and no writing.
func readSession(e Engine, v version) map[string]string {
	vars := map[string]string{variable(e, v, "isolation"): "'REPEATABLE-READ'"}
	// A statement whose caller has gone away runs on at the server: it must end by itself.
	if e == MariaDB {
		vars["max_statement_time"] = strconv.Itoa(int(longestRead.Seconds()))
	} else {
		vars["max_execution_time"] = strconv.Itoa(int(longestRead.Milliseconds()))
	}
	if e != TiDB { // which knows no read-only session
		vars[variable(e, v, "read_only")] = "1"
	}
	return vars
}

// variable names a session's variable about transactions; MariaDB has MySQL's names since 11.1.
func variable(e Engine, v version, name string) string {
	if e == MariaDB && v.less(version{11, 1}) {
		return "tx_" + name
	}
	return "transaction_" + name
}

func (s *Store) mysqlPool(ctx context.Context, inspect inspector, size int, vars map[string]string) (*sql.DB, error) {
	c := s.target.mysql.Clone()
	maps.Copy(c.Params, vars)
	// A COMMIT can't be cancelled, so that only these end the wait for a server that has vanished.
	c.ReadTimeout, c.WriteTimeout = 90*time.Second, 30*time.Second
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	pool, err := s.pool(ctx, connector, inspect, size)
	pool.SetConnMaxIdleTime(2 * time.Minute)
	pool.SetConnMaxLifetime(15 * time.Minute)
	return pool, err
}

func mysqlDialector(e Engine, pool *sql.DB) gorm.Dialector {
	return gormmysql.New(gormmysql.Config{
		Conn:                          pool,
		SkipInitializeWithVersion:     true,
		DontSupportForShareClause:     e == MariaDB,
		DontSupportNullAsDefaultValue: e == MariaDB,
	})
}

// mysqlVersion asks the server who it is, and makes the database if the server doesn't know it.
func (s *Store) mysqlVersion(ctx context.Context) (string, error) {
	v, err := askVersion(ctx, s.target.mysql)
	if !isMySQL(err, 1049) {
		return v, err
	}
	c := s.target.mysql.Clone()
	c.DBName = ""
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	name := "`" + strings.ReplaceAll(s.target.mysql.DBName, "`", "``") + "`"
	if _, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", fmt.Errorf("create the database: %w", err)
	}
	return askVersion(ctx, s.target.mysql)
}

func askVersion(ctx context.Context, c *mysql.Config) (v string, err error) {
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	err = db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&v)
	return v, err
}

// version is the major and minor number of a server.
type version [2]int

func (v version) less(than version) bool {
	return v[0] < than[0] || v[0] == than[0] && v[1] < than[1]
}

var versionForm = regexp.MustCompile(`^(?:5\.5\.5-)?(\d+)\.(\d+)`) // older MariaDB puts 5.5.5- in front, for replicas

// recognise reads what VERSION() says: 9.7.0, 10.11.6-MariaDB-0+deb12u1, 8.0.11-TiDB-v8.5.0.
func recognise(said string) (Engine, version, error) {
	part := versionForm.FindStringSubmatch(said)
	if part == nil {
		return "", version{}, fmt.Errorf("the server's version %q is unknown: use MySQL 8.4 or newer, or MariaDB 10.11 or newer", said)
	}
	var v version
	v[0], _ = strconv.Atoi(part[1])
	v[1], _ = strconv.Atoi(part[2])
	switch {
	case strings.Contains(said, "TiDB"):
		return TiDB, v, nil
	case strings.Contains(said, "MariaDB"):
		if v.less(version{10, 11}) {
			return "", v, fmt.Errorf("the server is MariaDB %s: use 10.11 or newer", said)
		}
		return MariaDB, v, nil
	case v.less(version{8, 4}):
		return "", v, fmt.Errorf("the server is MySQL %s: use 8.4 or newer", said)
	}
	return MySQL, v, nil
}

func isMySQL(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}

// driverLog takes what the driver says about connections that it lost; whoever used them gets an error.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("database connection: " + fmt.Sprint(v...)) }
