package directory_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// TestSixteenWriters has 16 writers change one account at random through four servers, while a reader looks
// at every moment: it must never see half of anything.
func TestSixteenWriters(t *testing.T) {
	s := storetest.Open(t)
	c := newCrew(t, newDirectory(t, s), servers(t, 4))
	requests := 40
	enough := make(chan struct{})
	if *long {
		requests = 1 << 30
		stop := time.AfterFunc(time.Minute, func() { close(enough) })
		defer stop.Stop()
	}
	written := make(chan struct{})
	looks := 0
	var reader sync.WaitGroup
	reader.Go(func() {
		for ended := false; !ended; looks++ {
			select {
			case <-written:
				ended = true
			default:
			}
			st, err := readContents(t.Context(), s, c.account.Account, false)
			if err != nil {
				t.Errorf("look: %v", err)
				return
			}
			if st.checkDerived(t); t.Failed() {
				return
			}
		}
	})
	c.run(t, 16, requests, enough)
	close(written)
	reader.Wait()
	c.check(t, s)
	t.Logf("looked %d times meanwhile", looks)
}

// TestSixteenWritersByJobs is the same where all that concerns more than three users is a job's, on which four servers
// work together: in the end everything is as it follows from the sources.
func TestSixteenWritersByJobs(t *testing.T) {
	s := storetest.Open(t)
	var at []*directory.Directory
	var drain func(testing.TB)
	c := newCrew(t, newDirectory(t, s), nil)
	for range 4 {
		own, err := store.Open(t.Context(), store.Options{URL: storetest.URL(t), Inspect: storetest.Guard})
		must(t, err)
		t.Cleanup(func() { must(t, own.Close()) })
		d, err := directory.New(own, directory.Options{InPlace: 3, Brake: 100})
		must(t, err)
		work, stop := working[testing.TB](t, own, d, c.account.Account)
		t.Cleanup(stop)
		at, drain = append(at, d), work
	}
	c.at = at
	enough := make(chan struct{})
	requests := 40
	if *long {
		requests = 1 << 30
		stop := time.AfterFunc(time.Minute, func() { close(enough) })
		defer stop.Stop()
	}
	c.run(t, 16, requests, enough)
	drain(t)
	c.check(t, s)
	var ended []*models.Job
	must(t, s.Read.Where("account_id = ?", c.account.Account).Find(&ended).Error)
	states := map[string]int{}
	for _, job := range ended {
		why := string(job.State)
		if job.ErrorCode != nil {
			why += " " + *job.ErrorCode
		}
		if states[why]++; !job.State.Final() || job.ErrorCode != nil && !slices.Contains([]string{directory.CodeActorLostRights, jobs.CodeAllRowsFailed}, *job.ErrorCode) {
			t.Errorf("job %s is %s", job.ID, why)
		}
	}
	t.Logf("jobs: %v", states)
}
