package directory

import (
	"sync"
	"time"

	"cohort/models"
)

// courtesy has the parts of jobs become smaller while others write in the same account: whoever comes while a part is
// being done waits until its end.
type courtesy struct {
	mu     sync.Mutex
	waited map[models.AccountID]time.Time // when somebody last had to wait for the account
}

const (
	longWait   = 5 * time.Millisecond // is one that a part of a job may have caused
	paceFor    = time.Second          // for so long after it parts are small
	smaller    = 10                   // times
	mostPaced  = 1000                 // accounts that are remembered, beyond which those are forgotten that have calmed down
	calmedDown = 10 * paceFor
)

// entered notes that somebody has the account's lock who has asked for it at that time.
func (p *courtesy) entered(account models.AccountID, asked time.Time) {
	now := time.Now()
	if now.Sub(asked) < longWait {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waited == nil {
		p.waited = map[models.AccountID]time.Time{}
	}
	if len(p.waited) > mostPaced {
		for id, at := range p.waited {
			if now.Sub(at) > calmedDown {
				delete(p.waited, id)
			}
		}
	}
	p.waited[account] = now
}

// part is how many users the next part of a job has, of which it has so many when nobody else writes.
func (p *courtesy) part(account models.AccountID, most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, known := p.waited[account]; known && time.Since(at) < paceFor {
		most /= smaller
	}
	return max(most, 1)
}
