package directory

import (
	"testing"
	"time"

	"cohort/models"
)

func TestPartsMakeWay(t *testing.T) {
	var p courtesy
	busy, calm := models.NewID[models.AccountID](), models.NewID[models.AccountID]()
	if n := p.part(busy, 500); n != 500 {
		t.Errorf("%d users while nobody has waited", n)
	}
	p.entered(calm, time.Now())
	p.entered(busy, time.Now().Add(-50*time.Millisecond))
	if n := p.part(busy, 500); n != 500/smaller {
		t.Errorf("%d users while somebody waits", n)
	}
	if n := p.part(busy, 1); n != 1 {
		t.Errorf("%d users of one", n)
	}
	if n := p.part(calm, 500); n != 500 {
		t.Errorf("%d users in an account where nobody has waited", n)
	}
	p.waited[busy] = time.Now().Add(-paceFor)
	if n := p.part(busy, 500); n != 500 {
		t.Errorf("%d users long after somebody has waited", n)
	}
	for range mostPaced {
		p.waited[models.NewID[models.AccountID]()] = time.Now().Add(-2 * calmedDown)
	}
	p.entered(busy, time.Now().Add(-time.Minute))
	if len(p.waited) != 1 {
		t.Errorf("%d accounts are remembered", len(p.waited))
	}
}
