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
		t.Errorf("%d users while nobody has written", n)
	}
	p.written(busy)
	if n := p.part(busy, 500); n != 500/smaller {
		t.Errorf("%d users while somebody writes", n)
	}
	if n := p.part(busy, 1); n != 1 {
		t.Errorf("%d users of one", n)
	}
	if n := p.part(calm, 500); n != 500 {
		t.Errorf("%d users in an account where nobody has written", n)
	}
	p.wrote[busy] = time.Now().Add(-paceFor)
	if n := p.part(busy, 500); n != 500 {
		t.Errorf("%d users long after somebody has written", n)
	}
	for range mostPaced {
		p.wrote[models.NewID[models.AccountID]()] = time.Now().Add(-2 * calmedDown)
	}
	p.written(busy)
	if len(p.wrote) != 1 {
		t.Errorf("%d accounts are remembered", len(p.wrote))
	}
}
