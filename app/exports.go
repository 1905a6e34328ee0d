package app

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"cohort/directory"
	"cohort/jobs"
)

// thrift is how many files are being written, which leave much behind for the garbage collector to sweep.
var thrift struct {
	sync.Mutex
	files  int
	before int // the growth of the heap without them
}

// sparingly has the heap grow by half of what is in use, and no further, while a file is written: that saves a
// third of the memory.
func sparingly(h jobs.Handler) jobs.Handler {
	write := h.Chunk
	h.Chunk = func(ctx context.Context, c jobs.Claim) (bool, error) {
		thrift.Lock()
		if thrift.files++; thrift.files == 1 {
			thrift.before = debug.SetGCPercent(50)
		}
		thrift.Unlock()
		defer func() {
			thrift.Lock()
			defer thrift.Unlock()
			if thrift.files--; thrift.files == 0 {
				debug.SetGCPercent(thrift.before)
			}
		}()
		return write(ctx, c)
	}
	return h
}

// exportCleanEvery is how often files of exports are looked for that are kept no more.
const exportCleanEvery = time.Hour

// exportCleaner removes files of exports when their time has come, until ctx ends.
func exportCleaner(d *directory.Directory, log *slog.Logger) func(ctx context.Context) {
	return func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(exportCleanEvery/2 + rand.N(exportCleanEvery)): // not all servers at once
			}
			removed, err := d.CleanExports(ctx)
			if removed > 0 {
				log.InfoContext(ctx, "old files of exports removed", "files", removed)
			}
			if err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "remove old files of exports", "error", err)
			}
		}
	}
}
