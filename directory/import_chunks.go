package directory

import (
	"context"
	"fmt"
	"time"
)

// pace sets how many rows a chunk has, so that others wait for it a quarter of a second or so, whatever the
// machine and whatever else it does.
type pace struct{ size, most int }

const (
	aimedLock = 250 * time.Millisecond
	leastRows = 20
)

// took learns from the last chunk. It grows slowly, and shrinks at once.
func (p *pace) took(t time.Duration) {
	fit := p.most
	if t > 0 {
		fit = int(min(float64(p.size)*float64(aimedLock)/float64(t), float64(p.most)))
	}
	p.size = max(min(fit, p.size+p.size/2), leastRows)
}

// inChunk writes one part of an import in a transaction of its own.
func inChunk[T any](ctx context.Context, im *importer, p *pace, fn func(*change) (T, error)) (T, error) {
	var locked time.Time
	result, err := write(ctx, im.d, im.who, importAction, func(c *change) (T, error) {
		locked = time.Now()
		return fn(c)
	})
	if err != nil {
		return result, fmt.Errorf("import: %w", err)
	}
	took := time.Since(locked)
	p.took(took)
	im.report.LongestLock = max(im.report.LongestLock, took)
	return result, nil
}
