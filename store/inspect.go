package store

import (
	"context"
	"database/sql/driver"
)

type inspector = func(ctx context.Context, sql string) error

// inspectedConnector puts an inspector between database/sql and a driver, below everything that could
// go around it. It asks of a driver what both of ours have.
type inspectedConnector struct {
	driver.Connector
	inspect inspector
}

func (c inspectedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &inspectedConn{Conn: conn, inspect: c.inspect}, nil
}

type inspectedConn struct {
	driver.Conn
	inspect inspector
	skipped string // a statement that was inspected before the driver asked to have it prepared
}

func (c *inspectedConn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *inspectedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c *inspectedConn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	if err := c.inspect(ctx, sql); err != nil {
		return nil, err
	}
	result, err := execer.ExecContext(ctx, sql, args)
	if err == driver.ErrSkip {
		c.skipped = sql
	}
	return result, err
}

func (c *inspectedConn) QueryContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	if err := c.inspect(ctx, sql); err != nil {
		return nil, err
	}
	rows, err := queryer.QueryContext(ctx, sql, args)
	if err == driver.ErrSkip {
		c.skipped = sql
	}
	return rows, err
}

func (c *inspectedConn) PrepareContext(ctx context.Context, sql string) (driver.Stmt, error) {
	inspected := c.skipped == sql
	c.skipped = ""
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	return &inspectedStmt{Stmt: stmt, inspect: c.inspect, sql: sql, inspected: inspected}, nil
}

func (c *inspectedConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *inspectedConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *inspectedConn) CheckNamedValue(v *driver.NamedValue) error { return check(c.Conn, v) }

type inspectedStmt struct {
	driver.Stmt
	inspect   inspector
	sql       string
	inspected bool
}

func (s *inspectedStmt) look(ctx context.Context) error {
	if s.inspected {
		s.inspected = false
		return nil
	}
	return s.inspect(ctx, s.sql)
}

func (s *inspectedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *inspectedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *inspectedStmt) CheckNamedValue(v *driver.NamedValue) error { return check(s.Stmt, v) }

func check(of any, v *driver.NamedValue) error {
	if c, ok := of.(driver.NamedValueChecker); ok {
		return c.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
