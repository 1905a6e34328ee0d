package directory_test

import (
	"sync"
	"testing"
	"time"

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
