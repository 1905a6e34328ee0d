package jobs_test

import (
	"fmt"
	"strconv"
	"testing"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

func at(n int) *models.Cursor { return &models.Cursor{Key: strconv.Itoa(n)} }

func TestList(t *testing.T) {
	w := newWorld(t)
	kinds := []string{"a", "b", "a", "b", "a"} // jobs 1 to 5, which nobody works on
	for i, kind := range kinds {
		w.must(func(tx *store.Tx) (*models.Job, error) {
			job, err := enqueue(tx, kind+w.kind, 0)
			if i == 1 || i == 4 {
				must(t, jobs.Start(tx, job))
				must(t, jobs.Finish(tx, job))
			}
			return job, err
		})
	}
	w.neighbour().enqueue(0)
	tests := map[string]struct {
		filter jobs.Filter
		page   models.Page
		want   string
		more   bool
	}{
		"all, the newest first":     {page: models.Page{Size: 10}, want: "[5 4 3 2 1]"},
		"the first page":            {page: models.Page{Size: 2}, want: "[5 4]", more: true},
		"the next":                  {page: models.Page{Size: 2, After: at(4)}, want: "[3 2]", more: true},
		"the last":                  {page: models.Page{Size: 2, After: at(2)}, want: "[1]"},
		"a full last one":           {page: models.Page{Size: 3, After: at(4)}, want: "[3 2 1]"},
		"from the end":              {page: models.Page{Size: 2, Backward: true}, want: "[2 1]", more: true},
		"back":                      {page: models.Page{Size: 2, Backward: true, Before: at(3)}, want: "[5 4]"},
		"between two":               {page: models.Page{Size: 9, After: at(5), Before: at(1)}, want: "[4 3 2]"},
		"of a kind":                 {filter: jobs.Filter{Kinds: []string{"a" + w.kind}}, page: models.Page{Size: 2}, want: "[5 3]", more: true},
		"in a state":                {filter: jobs.Filter{States: []models.JobState{models.JobStateSucceeded}}, page: models.Page{Size: 9}, want: "[5 2]"},
		"of a kind and in a state":  {filter: jobs.Filter{States: []models.JobState{models.JobStateQueued}, Kinds: []string{"b" + w.kind}}, page: models.Page{Size: 9}, want: "[4]"},
		"in a state that none have": {filter: jobs.Filter{States: []models.JobState{models.JobStateFailed}}, page: models.Page{Size: 9}, want: "[]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found, more, err := jobs.List(w.Read.WithContext(t.Context()), w.account, tt.filter, tt.page)
			must(t, err)
			got := make([]int64, len(found))
			for i, job := range found {
				got[i] = job.Seq
			}
			if fmt.Sprint(got) != tt.want || more != tt.more {
				t.Errorf("%v, more %v; want %s, %v", got, more, tt.want, tt.more)
			}
		})
	}
	_, _, err := jobs.List(w.Read, w.account, jobs.Filter{}, models.Page{Size: 2, After: &models.Cursor{Key: "x"}})
	if mistakes, _ := models.UserErrors(err); len(mistakes) != 1 {
		t.Errorf("a cursor of something else: error %v", err)
	}
}
