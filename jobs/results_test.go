package jobs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cohort/jobs"
	"cohort/models"
)

// positions are those of the rows of a page, and a sign where there are more.
func positions(page jobs.RowPage) string {
	var all []string
	for _, row := range page.Rows {
		all = append(all, fmt.Sprint(row.Position))
	}
	if page.More {
		all = append(all, "…")
	}
	return strings.Join(all, " ")
}

func TestRows(t *testing.T) {
	w := newWorld(t)
	var ids []models.JobID
	for _, sort := range []string{"rows", "blocks", "rows, then blocks", "blocks, then rows"} {
		ids = append(ids, w.ends(sort, "cfcf", 9, models.JobStateCanceled).ID)
	}
	w.neighbour().enqueue(9)
	tests := map[string]struct {
		outcomes string
		page     models.Page
		want     string
		count    int
	}{
		"all":                          {"", models.Page{Size: 10}, "0 1 2 3 4 5 6 7 8", 9},
		"exactly all":                  {"", models.Page{Size: 9}, "0 1 2 3 4 5 6 7 8", 9},
		"what is done":                 {"", models.Page{Size: 4}, "0 1 2 3 …", 9},
		"across the border":            {"", models.Page{Size: 3, After: at(2)}, "3 4 5 …", 9},
		"from the border on":           {"", models.Page{Size: 3, After: at(3)}, "4 5 6 …", 9},
		"behind the border":            {"", models.Page{Size: 3, After: at(5)}, "6 7 8", 9},
		"behind the end":               {"", models.Page{Size: 3, After: at(8)}, "", 9},
		"far behind the end":           {"", models.Page{Size: 3, After: at(1 << 30)}, "", 9},
		"from the end":                 {"", models.Page{Size: 3, Backward: true}, "6 7 8 …", 9},
		"back across the border":       {"", models.Page{Size: 3, Backward: true, Before: at(5)}, "2 3 4 …", 9},
		"back from the border":         {"", models.Page{Size: 3, Backward: true, Before: at(4)}, "1 2 3 …", 9},
		"back to the beginning":        {"", models.Page{Size: 9, Backward: true}, "0 1 2 3 4 5 6 7 8", 9},
		"between":                      {"", models.Page{Size: 9, After: at(2), Before: at(6)}, "3 4 5", 9},
		"back between":                 {"", models.Page{Size: 2, Backward: true, After: at(2), Before: at(6)}, "4 5 …", 9},
		"pending":                      {"PENDING", models.Page{Size: 9}, "4 5 6 7 8", 5},
		"some that are pending":        {"PENDING", models.Page{Size: 2}, "4 5 …", 5},
		"pending, from the end":        {"PENDING", models.Page{Size: 2, Backward: true}, "7 8 …", 5},
		"done":                         {"CHANGED", models.Page{Size: 9}, "0 2", 2},
		"done and pending":             {"FORBIDDEN PENDING", models.Page{Size: 3}, "1 3 4 …", 7},
		"done and pending, backward":   {"FORBIDDEN PENDING", models.Page{Size: 6, Backward: true}, "3 4 5 6 7 8 …", 7},
		"an outcome that none has":     {"NO_SEAT", models.Page{Size: 3}, "", 0},
		"an outcome that stands twice": {"CHANGED CHANGED", models.Page{Size: 1}, "0 …", 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			db := w.Read.WithContext(t.Context())
			var outcomes []models.JobOutcome
			for _, outcome := range strings.Fields(tt.outcomes) {
				outcomes = append(outcomes, models.JobOutcome(outcome))
			}
			pages, err := jobs.Rows(db, w.account, ids, outcomes, tt.page)
			must(t, err)
			counts, err := jobs.CountRows(db, w.account, ids, outcomes)
			must(t, err)
			for i := range ids {
				if got := positions(pages[i]); got != tt.want || counts[i] != tt.count {
					t.Errorf("job %d: %s of %d, want %s of %d", i, got, counts[i], tt.want, tt.count)
				}
			}
		})
	}
	for _, key := range []string{"x", "", "2147483647", "99999999999"} {
		_, err := jobs.Rows(w.Read, w.account, ids, nil, models.Page{Size: 2, After: &models.Cursor{Key: key}})
		if mistakes, _ := models.UserErrors(err); len(mistakes) != 1 {
			t.Errorf("the cursor %q: error %v", key, err)
		}
	}
}

// TestRowsOfManyJobs reads more jobs than a statement takes, which are each as far as they are.
func TestRowsOfManyJobs(t *testing.T) {
	w := newWorld(t)
	var ids []models.JobID
	want := map[models.JobID]string{}
	for i := range 130 {
		done := i % 8
		job := w.ends([]string{"rows", "blocks", "rows, then blocks"}[i%3], strings.Repeat("c", done), 7+i%2, models.JobStateCanceled)
		ids = append(ids, job.ID)
		var pending []string
		for position := done; position < int(job.Total); position++ {
			pending = append(pending, fmt.Sprint(position))
		}
		if len(pending) > 2 {
			pending = append(pending[:2], "…")
		}
		want[job.ID] = strings.Join(pending, " ")
	}
	slices.Reverse(ids)
	pages, err := jobs.Rows(w.Read.WithContext(t.Context()), w.account, ids, []models.JobOutcome{models.JobOutcomePending}, models.Page{Size: 2})
	must(t, err)
	for i, id := range ids {
		if got := positions(pages[i]); got != want[id] {
			t.Errorf("job %d: %s, want %s", i, got, want[id])
		}
	}
}
