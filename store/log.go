package store

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

const (
	slow       = 200 * time.Millisecond
	longestSQL = 1000
)

// slowLog is GORM's logger: it reports slow statements, without the values in them (that is dialector's
// doing), tells the observer of all, and nothing else. Errors are for those who get them.
type slowLog struct {
	log     *slog.Logger
	observe Observer // may be nil
}

func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }
func (slowLog) Info(context.Context, string, ...any)       {}
func (slowLog) Warn(context.Context, string, ...any)       {}
func (slowLog) Error(context.Context, string, ...any)      {}

func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	if l.observe != nil {
		sql, _ := statement()
		l.observe(ctx, statementKind(sql), begin, failed(err))
	}
	took := time.Since(begin)
	if took < slow {
		return
	}
	sql, rows := statement()
	if len(sql) > longestSQL {
		sql = sql[:longestSQL] + "…"
	}
	l.log.WarnContext(ctx, "slow statement", "took", took, "rows", rows, "sql", sql)
}
