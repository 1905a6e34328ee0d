package directory

import (
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"cohort/models"
)

// selectUsers finds the users of a selection, each once, and how many of them there are. Ids that are not
// found are among the answers when they were named. REQUIRED for an empty list of ids, TOO_MANY for too
// many, INVALID unless exactly one way is chosen, STALE_SELECTION when expected is another number.
func selectUsers(tx *gorm.DB, account models.AccountID, selection *models.UserSelection, expected *int32) ([]models.UserID, error) {
	filter, except := (*models.UserFilter)(nil), []models.UserID(nil)
	if selection.Matching != nil {
		filter, except = selection.Matching.Filter, selection.Matching.ExceptIds
	}
	where, err := userFilter(account, filter)
	return selected(tx, chosen[models.UserID]{
		ids: selection.Ids, matching: selection.Matching != nil, except: except, all: selection.All, expected: expected, filterErr: err,
	}, userList.table+" "+userList.alias, all(sqlf("u.account_id = ?", account), where), "u.id")
}

// selectGroups is selectUsers for groups.
func selectGroups(tx *gorm.DB, account models.AccountID, selection *models.GroupSelection, expected *int32) ([]models.GroupID, error) {
	filter, except := (*models.GroupFilter)(nil), []models.GroupID(nil)
	if selection.Matching != nil {
		filter, except = selection.Matching.Filter, selection.Matching.ExceptIds
	}
	where, err := groupFilter(account, filter)
	return selected(tx, chosen[models.GroupID]{
		ids: selection.Ids, matching: selection.Matching != nil, except: except, all: selection.All, expected: expected, filterErr: err,
	}, groupList.table+" "+groupList.alias, all(sqlf("g.account_id = ?", account), where), "g.id")
}

// chosen is what a selection says, whatever it selects.
type chosen[ID comparable] struct {
	ids       []ID
	matching  bool
	except    []ID
	all       *bool
	expected  *int32
	filterErr error
}

func (s chosen[ID]) check() error {
	ways := 0
	for _, given := range []bool{s.ids != nil, s.matching, s.all != nil} {
		if given {
			ways++
		}
	}
	var errs models.Errors
	switch {
	case ways != 1:
		return oneOf("ids", "matching", "all").At("input", "selection")
	case s.all != nil && !*s.all:
		return models.Errorf(models.CodeInvalid, "all takes true; leave it out otherwise").At("input", "selection", "all")
	case s.filterErr != nil:
		if rest := errs.Add(s.filterErr, "input", "selection", "matching"); rest != nil {
			return rest
		}
	case s.ids != nil && len(s.ids) == 0:
		return models.Errorf(models.CodeRequired, "an empty selection: name at least one").At("input", "selection", "ids")
	}
	for _, l := range []struct {
		n    int
		path []string
	}{{len(s.ids), []string{"ids"}}, {len(s.except), []string{"matching", "exceptIds"}}} {
		if l.n > models.MaxSelection {
			return models.Errorf(models.CodeTooMany, "%d ids, at most %d are allowed: use a filter", l.n, models.MaxSelection).
				With("limit", strconv.Itoa(models.MaxSelection)).At(append([]string{"input", "selection"}, l.path...)...)
		}
	}
	return errs.OrNil()
}

func selected[ID comparable](tx *gorm.DB, s chosen[ID], table string, where clause, id string) ([]ID, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ids, found := unique(s.ids), 0
	if s.ids != nil {
		err := chunks(ids, func(part []ID) error {
			present, err := readIDs[ID](tx, table, all(where, sqlf(id+" IN ?", part)), id)
			found += len(present)
			return err
		})
		if err != nil {
			return nil, err
		}
	} else {
		present, err := readIDs[ID](tx, table, where, id)
		if err != nil {
			return nil, err
		}
		ids = without(present, s.except)
		found = len(ids)
	}
	if s.expected != nil && int(*s.expected) != found {
		return nil, models.Errorf(models.CodeStaleSelection, "the selection was expected to be %d and is now %d: look at it again", *s.expected, found).
			With("expected", fmt.Sprint(*s.expected)).With("found", strconv.Itoa(found)).At("input", "expectedCount")
	}
	return ids, nil
}

func readIDs[ID comparable](tx *gorm.DB, table string, where clause, id string) ([]ID, error) {
	var ids []ID
	err := tx.Raw("SELECT "+id+" FROM "+table+" WHERE "+where.sql+" ORDER BY "+id, where.args...).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("read selection: %w", err)
	}
	return ids, nil
}

// unique leaves out what was there before, and keeps the order.
func unique[T comparable](items []T) []T {
	seen := make(map[T]bool, len(items))
	out := make([]T, 0, len(items))
	for _, item := range items {
		if !seen[item] {
			seen[item] = true
			out = append(out, item)
		}
	}
	return out
}

func without[T comparable](items, less []T) []T {
	if len(less) == 0 {
		return items
	}
	gone := make(map[T]bool, len(less))
	for _, item := range less {
		gone[item] = true
	}
	out := make([]T, 0, len(items))
	for _, item := range items {
		if !gone[item] {
			out = append(out, item)
		}
	}
	return out
}
