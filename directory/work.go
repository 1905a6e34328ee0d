package directory

import "cohort/jobs"

// Handlers are what the jobs of each kind do; a kind is the name of the mutation that makes such jobs. app gives them
// to the Runner.
func (d *Directory) Handlers() map[string]jobs.Handler { return map[string]jobs.Handler{} }

// OnJob has wake called after the commit of each job that waits for a worker. Call it before the first request.
func (d *Directory) OnJob(wake func()) { d.wakeJobs = wake }
