package storetest

import (
	"os"
	"strings"
	"testing"

	"cohort/models"
)

func TestOpenIsSharedAndClosed(t *testing.T) {
	var dir string
	t.Run("in use", func(t *testing.T) {
		one, two := Open(t), Open(t)
		if one != two {
			t.Error("two stores")
		}
		a, b := Account(t, one), Account(t, two)
		var n int64
		err := one.Read.Model(&models.Account{}).Where("id IN ?", []models.AccountID{a, b}).Count(&n).Error
		if err != nil || n != 2 {
			t.Errorf("%d accounts, error %v", n, err)
		}
		dir = shared.dir
	})
	if shared.store != nil || shared.users != 0 {
		t.Error("still open")
	}
	if _, err := os.Stat(dir); dir != "" && !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
	t.Run("again", func(t *testing.T) { Account(t, Open(t)) })
}

func TestOpenIsGuarded(t *testing.T) {
	s := Open(t)
	var n int64
	for _, db := range []*models.AccountID{nil, new(models.AccountID)} {
		query := s.Read.Table("users")
		if db != nil {
			query = query.Where("account_id = ?", *db)
		}
		err := query.Count(&n).Error
		if guarded := err != nil && strings.Contains(err.Error(), "account_id"); guarded != (db == nil) {
			t.Errorf("error %v", err)
		}
	}
}

func TestPackageName(t *testing.T) {
	if got := packageName(); got != "store_storetest" {
		t.Errorf("the package is %q", got)
	}
}
