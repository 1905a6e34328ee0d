package directory

import (
	"sync"
	"time"

	"cohort/models"
)

// courtesy has the parts of jobs become smaller while others write in the same account: whoever comes while a part is
// being done waits until its end.
type courtesy struct {
	mu    sync.Mutex
	wrote map[models.AccountID]time.Time // when somebody last wrote in the account
}

const (
	paceFor    = time.Second // for so long after it parts are small
	smaller    = 40          // times
	mostPaced  = 1000        // accounts that are remembered, beyond which those are forgotten that have calmed down
	calmedDown = 10 * paceFor
)

// written notes that somebody has written in the account.
func (p *courtesy) written(account models.AccountID) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wrote == nil {
		p.wrote = map[models.AccountID]time.Time{}
	}
	if len(p.wrote) > mostPaced {
		for id, at := range p.wrote {
			if now.Sub(at) > calmedDown {
				delete(p.wrote, id)
			}
		}
	}
	p.wrote[account] = now
}

// part is how many users the next part of a job has, of which it has so many when nobody else writes.
func (p *courtesy) part(account models.AccountID, most int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, known := p.wrote[account]; known && time.Since(at) < paceFor && most > smaller {
		most /= smaller
	}
	return max(most, 1)
}
