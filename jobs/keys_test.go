package jobs_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"cohort/jobs"
	"cohort/models"
	"cohort/store"
)

// once makes a job of one row unless the key knows one.
func once(w *world, s *store.Store, key jobs.Key, input string) (*models.Job, error) {
	return store.InAccount(w.Context(), s, w.account, func(tx *store.Tx) (*models.Job, error) {
		hash := sha256.Sum256([]byte(input))
		job, found, err := jobs.Recall(tx, key, hash)
		if found || err != nil {
			return job, err
		}
		if job, err = enqueue(tx, w.kind, 1); err != nil {
			return nil, err
		}
		return job, jobs.Remember(tx, key, hash, job.ID)
	})
}

func TestKeys(t *testing.T) {
	actor := somebody()
	first := jobs.Key{Actor: actor, Mutation: "usersProductsSet", Text: "k"}
	tests := map[string]struct {
		key   jobs.Key
		input string
		same  bool
		err   error
	}{
		"the same":             {key: first, input: "a", same: true},
		"another input":        {key: first, input: "b", err: jobs.ErrKeyReused},
		"another key":          {key: jobs.Key{Actor: actor, Mutation: "usersProductsSet", Text: "K"}, input: "a"},
		"another mutation":     {key: jobs.Key{Actor: actor, Mutation: "groupsProductsSet", Text: "k"}, input: "b"},
		"another actor":        {key: jobs.Key{Actor: somebody(), Mutation: "usersProductsSet", Text: "k"}, input: "b"},
		"an actor who is none": {key: jobs.Key{Actor: models.JobActor{Kind: "OPERATOR"}, Mutation: "usersProductsSet", Text: "k"}, input: "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			job, err := once(w, w.Store, first, "a")
			must(t, err)
			_, err = in(w, func(tx *store.Tx) (*models.Job, error) { return jobs.Cancel(tx, job.ID) })
			must(t, err)
			got, err := once(w, w.Store, tt.key, tt.input)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v", err)
			}
			if err == nil && (got.ID == job.ID) != tt.same {
				t.Errorf("job %+v, at first %+v", got, job)
			}
			if tt.same && got.State != models.JobStateCanceled {
				t.Errorf("the job is shown as %s", got.State)
			}
		})
	}
	t.Run("in another account", func(t *testing.T) {
		w := newWorld(t)
		job, err := once(w, w.Store, first, "a")
		must(t, err)
		if got, err := once(w.neighbour(), w.Store, first, "b"); err != nil || got.ID == job.ID {
			t.Errorf("job %+v, error %v", got, err)
		}
	})
}

// TestKeysAreForgotten moves the clock past the life of a key.
func TestKeysAreForgotten(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	s := another(t, store.Options{Now: func() time.Time { return now }})
	key := jobs.Key{Actor: somebody(), Mutation: "m", Text: "k"}
	other := key
	other.Text = "another"
	job, err := once(w, s, key, "a")
	must(t, err)
	_, err = once(w, s, other, "a")
	must(t, err)
	now = now.Add(jobs.KeyLife - time.Second)
	if got, err := once(w, s, key, "a"); err != nil || got.ID != job.ID {
		t.Errorf("within its life: job %+v, error %v", got, err)
	}
	now = now.Add(time.Second)
	if got, err := once(w, s, key, "b"); err != nil || got.ID == job.ID {
		t.Errorf("after its life: job %+v, error %v", got, err)
	}
	var left int64
	must(t, s.Read.Table("idempotency_keys").Where("account_id = ?", w.account).Count(&left).Error)
	if left != 1 {
		t.Errorf("%d keys are left", left)
	}
}

// TestKeyRace has many ask for the same at once, on two servers.
func TestKeyRace(t *testing.T) {
	w := newWorld(t)
	key := jobs.Key{Actor: somebody(), Mutation: "m", Text: "k"}
	stores := []*store.Store{w.Store, another(t, store.Options{})}
	var all sync.WaitGroup
	got := make([]*models.Job, 8)
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], err = once(w, stores[i%2], key, "a"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, job := range got {
		if job == nil || job.ID != got[0].ID {
			t.Errorf("job %+v, another got %+v", job, got[0])
		}
	}
	var made int64
	must(t, w.Read.Model(&models.Job{}).Where("account_id = ?", w.account).Count(&made).Error)
	if made != 1 {
		t.Errorf("%d jobs", made)
	}
}

// TestResultsOfKeys remembers what is no job.
func TestResultsOfKeys(t *testing.T) {
	type made struct {
		IDs []models.UserID `json:"ids"`
	}
	w := newWorld(t)
	key, hash := jobs.Key{Actor: somebody(), Mutation: "usersCreate", Text: "k"}, sha256.Sum256([]byte("a"))
	want := made{[]models.UserID{models.NewID[models.UserID](), models.NewID[models.UserID]()}}
	recall := func(hash [32]byte) (got made, known bool, err error) {
		known, err = in(w, func(tx *store.Tx) (bool, error) { return jobs.RecallResult(tx, key, hash, &got) })
		return got, known, err
	}
	if _, known, err := recall(hash); known || err != nil {
		t.Errorf("before: known %v, error %v", known, err)
	}
	_, err := in(w, func(tx *store.Tx) (struct{}, error) { return struct{}{}, jobs.RememberResult(tx, key, hash, want) })
	must(t, err)
	if got, known, err := recall(hash); !known || err != nil || !slices.Equal(got.IDs, want.IDs) {
		t.Errorf("after: %+v, known %v, error %v", got, known, err)
	}
	if _, _, err := recall(sha256.Sum256([]byte("b"))); !errors.Is(err, jobs.ErrKeyReused) {
		t.Errorf("another input: error %v", err)
	}
	if _, err := in(w, func(tx *store.Tx) (*models.Job, error) {
		job, _, err := jobs.Recall(tx, key, hash)
		return job, err
	}); err == nil {
		t.Error("it is taken for a job")
	}
	if _, err := in(w, func(tx *store.Tx) (struct{}, error) { return struct{}{}, jobs.RememberResult(tx, key, hash, want) }); !errors.Is(err, gorm.ErrDuplicatedKey) {
		t.Errorf("twice: error %v", err)
	}
}
