package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// newLog writes to the lines what the settings want to see.
func newLog(to *lines, format, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		panic(err) // the command line takes no other
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "text" || format == "auto" && isTerminal(to.to) {
		return slog.New(hurried{slog.NewTextHandler(to, options), to})
	}
	return slog.New(hurried{slog.NewJSONHandler(to, options), to})
}

// isTerminal takes other devices for one, too.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	keptLines  = 50 * time.Millisecond
	fullBuffer = 32 << 10
)

// lines gathers what is logged and writes it keptLines later: a call of the system for each request's line is a good
// part of what a small request costs.
type lines struct {
	to io.Writer

	mu      sync.Mutex
	text    []byte
	waiting bool // a flush is on its way
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line...)
	if len(l.text) >= fullBuffer {
		l.write()
	} else if !l.waiting {
		l.waiting = true
		time.AfterFunc(keptLines, l.flush)
	}
	return len(line), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = false
	l.write()
}

func (l *lines) write() {
	if len(l.text) > 0 {
		_, _ = l.to.Write(l.text) // there is nobody left to tell
		l.text = l.text[:0]
	}
}

// hurried writes warnings and errors at once, with what came before them: the program may be about to end.
type hurried struct {
	slog.Handler
	lines *lines
}

func (h hurried) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.lines.flush()
	}
	return err
}

func (h hurried) WithAttrs(attrs []slog.Attr) slog.Handler {
	return hurried{h.Handler.WithAttrs(attrs), h.lines}
}

func (h hurried) WithGroup(name string) slog.Handler {
	return hurried{h.Handler.WithGroup(name), h.lines}
}
