package jobs_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// TestPropertyOnce makes random histories of workers that take jobs, die before and after a commit, come back after
// others have taken over, and of users who cancel. In the end each row of what wasn't canceled has been done exactly
// once.
func TestPropertyOnce(t *testing.T) {
	base := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := base.neighbour()
		w.kind = newKind()
		var made []models.JobID
		var claims []jobs.Claim // of workers that may be alive, dead or asleep
		claim := func() {
			got, err := jobs.Take(t.Context(), w.Store, quick, 1, w.kind)
			must(t, err)
			claims = append(claims, got...)
		}
		holds := func(c jobs.Claim) bool {
			job := w.find(c.Job)
			return job.Fence == c.Fence && job.State == models.JobStateRunning
		}
		chunk := func(c jobs.Claim, size int, before func(*models.Job) error) {
			held := holds(c)
			_, err := apply(t.Context(), w.Store, c, size, before)
			if want := errors.Is(err, jobs.ErrLost); want == held {
				rt.Fatalf("fence %d of %+v: error %v", c.Fence, w.find(c.Job), err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"enqueue": func(rt *rapid.T) {
				if len(made) < 4 {
					sort := rapid.SampledFrom(slices.Sorted(maps.Keys(sorts))).Draw(rt, "sort")
					made = append(made, w.enqueueAs(sort, rapid.IntRange(0, 7).Draw(rt, "rows")).ID)
				}
			},
			"claim": func(*rapid.T) { claim() },
			"chunk": func(rt *rapid.T) {
				if len(claims) > 0 {
					chunk(rapid.SampledFrom(claims).Draw(rt, "claim"), rapid.IntRange(1, 3).Draw(rt, "size"), nil)
				}
			},
			"crash in a chunk": func(rt *rapid.T) {
				if len(claims) > 0 {
					chunk(rapid.SampledFrom(claims).Draw(rt, "claim"), 2, func(*models.Job) error { return errCrash })
				}
			},
			"a lease ends": func(rt *rapid.T) {
				if len(made) > 0 {
					w.expire(rapid.SampledFrom(made).Draw(rt, "job"))
				}
			},
			"give back": func(rt *rapid.T) {
				if len(claims) > 0 {
					c := rapid.SampledFrom(claims).Draw(rt, "claim")
					held := holds(c)
					if err := jobs.Release(t.Context(), w.Store, c); (err == nil) != held {
						rt.Fatalf("error %v", err)
					}
				}
			},
			"cancel": func(rt *rapid.T) {
				if len(made) == 0 || rapid.IntRange(0, 3).Draw(rt, "rarely") > 0 {
					return
				}
				id := rapid.SampledFrom(made).Draw(rt, "job")
				over := w.find(id).State
				_, err := in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Cancel(tx, id) })
				if late := over.Final() && over != models.JobStateCanceled; errors.Is(err, jobs.ErrEnded) != late {
					rt.Fatalf("cancel what is %s: error %v", over, err)
				}
			},
			"": func(rt *rapid.T) {
				running := 0
				for _, id := range made {
					w.checkOnce(id)
					if w.find(id).State == models.JobStateRunning {
						running++
					}
				}
				if running > 1 || t.Failed() {
					rt.Fatalf("%d jobs run at once, or see above", running)
				}
			},
		})
		for _, id := range made { // whoever is left finishes
			w.expire(id)
			for !w.find(id).State.Final() {
				claim()
				if len(claims) == 0 || claims[len(claims)-1].Job != id {
					rt.Fatalf("the job can't be claimed: %+v", w.find(id))
				}
				for holds(claims[len(claims)-1]) {
					chunk(claims[len(claims)-1], 3, nil)
				}
			}
			if got := w.find(id); got.State != models.JobStateCanceled && (got.State != models.JobStateSucceeded || got.Done != got.Total) {
				rt.Fatalf("job %+v", got)
			}
			w.checkOnce(id)
		}
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
