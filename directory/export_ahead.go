package directory

import (
	"errors"
	"fmt"
	"runtime/debug"

	"cohort/jobs"
)

// errEnough ends a reading whose rows nobody takes any more.
var errEnough = errors.New("enough has been read")

// ahead has the next rows read while the last ones are written: read hands them to its function one part after the other, write gets each of
// them. Once one fails, both end, and the first error comes back. When ahead returns, nothing is read any more.
func ahead[T any](read func(func(T) error) error, write func(T) error) error {
	parts, enough, over := make(chan T), make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(parts)
		over <- caught(func() error {
			return read(func(part T) error {
				select {
				case parts <- part:
					return nil
				case <-enough:
					return errEnough
				}
			})
		})
	}()
	defer func() { // also after a panic: the reading needs the snapshot, which ends with us
		close(enough)
		for range parts { // until it has ended
		}
	}()
	for part := range parts {
		if err := write(part); err != nil {
			return err
		}
	}
	return <-over
}

// caught has a panic end the job, as one in the goroutine of the job does.
func caught(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = jobs.Fail(jobs.CodeInternal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return fn()
}
