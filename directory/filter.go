package directory

import (
	"strconv"

	"cohort/models"
)

// A filter is a tree; these bound it.
const (
	maxFilters     = 50
	maxFilterDepth = 5
)

// In SQL the relation of a row to a group goes through the closure, in which every group is also its own
// at distance 0, so that lists, counts and filters all say the same of it. A check answers from the graph
// in memory instead, and a property test holds the two together.

// usersIn is the condition on `u` to be a member of the group.
func usersIn(account models.AccountID, group models.GroupID, relation models.MembershipRelation) clause {
	direct := sqlf("u.id IN (SELECT m.user_id FROM memberships m WHERE m.account_id = ? AND m.group_id = ?)", account, group)
	effective := sqlf("u.id IN (SELECT m.user_id FROM group_closure c JOIN memberships m ON m.account_id = c.account_id AND m.group_id = c.descendant_id "+
		"WHERE c.account_id = ? AND c.ancestor_id = ?)", account, group)
	return related(relation, direct, effective)
}

// usersWith is the condition on `u` to stand to the product in this way.
func usersWith(account models.AccountID, product models.ProductID, state models.ProductState) clause {
	if state == models.ProductStateBlocked {
		return sqlf("u.id IN (SELECT b.user_id FROM user_product_blocks b WHERE b.account_id = ? AND b.product_id = ?)", account, product)
	}
	return sqlf("u.id IN (SELECT e.user_id FROM entitlements e WHERE e.account_id = ? AND e.product_id = ? AND e.state = ?)", account, product, state)
}

// groupsOf is the condition on `g` that the user is a member of it.
func groupsOf(account models.AccountID, user models.UserID, relation models.MembershipRelation) clause {
	direct := sqlf("g.id IN (SELECT m.group_id FROM memberships m WHERE m.account_id = ? AND m.user_id = ?)", account, user)
	effective := sqlf("g.id IN (SELECT c.ancestor_id FROM memberships m JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id "+
		"WHERE m.account_id = ? AND m.user_id = ?)", account, user)
	return related(relation, direct, effective)
}

// groupsBelow is the condition on `g` to lie in the group.
func groupsBelow(account models.AccountID, group models.GroupID, relation models.MembershipRelation) clause {
	direct := sqlf("g.id IN (SELECT e.child_id FROM group_edges e WHERE e.account_id = ? AND e.parent_id = ?)", account, group)
	effective := sqlf("g.id IN (SELECT c.descendant_id FROM group_closure c WHERE c.account_id = ? AND c.ancestor_id = ? AND c.distance > 0)", account, group)
	return related(relation, direct, effective)
}

// groupsAbove is the condition on `g` that the group lies in it.
func groupsAbove(account models.AccountID, group models.GroupID, relation models.MembershipRelation) clause {
	direct := sqlf("g.id IN (SELECT e.parent_id FROM group_edges e WHERE e.account_id = ? AND e.child_id = ?)", account, group)
	effective := sqlf("g.id IN (SELECT c.ancestor_id FROM group_closure c WHERE c.account_id = ? AND c.descendant_id = ? AND c.distance > 0)", account, group)
	return related(relation, direct, effective)
}

func related(relation models.MembershipRelation, direct, effective clause) clause {
	switch relation {
	case models.MembershipRelationDirect:
		return direct
	case models.MembershipRelationInherited:
		return all(effective, not(direct))
	default:
		return effective
	}
}

func not(c clause) clause { return clause{"NOT (" + c.sql + ")", c.args} }

func in[T any](column string, values []T) clause {
	switch {
	case values == nil:
		return clause{}
	case len(values) == 0:
		return sqlf("1 = 0")
	}
	return sqlf(column+" IN ?", values)
}

func span(column string, s *models.TimeSpan) (clause, error) {
	if s == nil {
		return clause{}, nil
	}
	if s.From == nil && s.Until == nil {
		return clause{}, models.Errorf(models.CodeRequired, "a span of time needs from, until or both").At("createdAt")
	}
	var ends []clause
	if s.From != nil {
		ends = append(ends, sqlf(column+" >= ?", s.From.UTC()))
	}
	if s.Until != nil {
		ends = append(ends, sqlf(column+" < ?", s.Until.UTC()))
	}
	return all(ends...), nil
}

// search is the condition that every word begins one of the row's terms.
func search(text *string, id, terms, owner string, account models.AccountID) (clause, error) {
	if text == nil {
		return clause{}, nil
	}
	words, err := models.Words(*text)
	if err != nil {
		var errs models.Errors
		if rest := errs.Add(err, "search"); rest != nil {
			return clause{}, rest
		}
		return clause{}, errs
	}
	conditions := make([]clause, len(words))
	for i, word := range words {
		// All that begins with the word lies between it and itself with the last of all characters behind it.
		conditions[i] = sqlf(id+" IN (SELECT t."+owner+" FROM "+terms+" t WHERE t.account_id = ? AND t.term >= ? AND t.term <= ?)", account, word, word+"\U0010FFFF")
		if i >= joined {
			conditions[i] = fenced(conditions[i])
		}
	}
	return all(conditions...), nil
}

// joined is how many words of a search may be joined with the rows that are read, so that rare words find their
// few rows. The rest is fenced.
const joined = 3

// fenced is the condition as a value. MySQL and its kin join what an IN reads with the outer table, and try out
// orders of all that is joined, for minutes when it is dozens; behind a CASE each IN is planned by itself.
func fenced(c clause) clause {
	if c.sql == "" {
		return c
	}
	return clause{"CASE WHEN (" + c.sql + ") THEN 1 ELSE 0 END = 1", c.args}
}

// tree walks a filter with its parts, and bounds it.
type tree[F any] struct {
	own   func(*F) (clause, error)
	parts func(*F) (and, or []*F, not *F)
	left  int
}

func (t *tree[F]) clause(f *F, depth int) (clause, error) {
	if f == nil {
		return clause{}, nil
	}
	t.left--
	switch {
	case depth > maxFilterDepth:
		return clause{}, models.Errorf(models.CodeTooMany, "filters lie at most %d deep in each other", maxFilterDepth).With("limit", strconv.Itoa(maxFilterDepth))
	case t.left < 0:
		return clause{}, models.Errorf(models.CodeTooMany, "a filter has at most %d parts", maxFilters).With("limit", strconv.Itoa(maxFilters))
	}
	own, err := t.own(f)
	if err != nil {
		return clause{}, err
	}
	conditions := []clause{own}
	and, or, inverse := t.parts(f)
	for _, part := range and {
		c, err := t.clause(part, depth+1)
		if err != nil {
			return clause{}, err
		}
		conditions = append(conditions, fenced(c))
	}
	if or != nil {
		alternatives := make([]clause, len(or))
		for i, part := range or {
			if alternatives[i], err = t.clause(part, depth+1); err != nil {
				return clause{}, err
			}
		}
		conditions = append(conditions, fenced(any1(alternatives...)))
	}
	if inverse != nil {
		c, err := t.clause(inverse, depth+1)
		if err != nil {
			return clause{}, err
		}
		conditions = append(conditions, fenced(not(c)))
	}
	return all(conditions...), nil
}

func userFilter(account models.AccountID, filter *models.UserFilter) (clause, error) {
	t := tree[models.UserFilter]{
		left: maxFilters,
		parts: func(f *models.UserFilter) ([]*models.UserFilter, []*models.UserFilter, *models.UserFilter) {
			return f.And, f.Or, f.Not
		},
		own: func(f *models.UserFilter) (clause, error) {
			words, err := search(f.Search, "u.id", "user_terms", "user_id", account)
			if err != nil {
				return clause{}, err
			}
			created, err := span("u.created_at", f.CreatedAt)
			if err != nil {
				return clause{}, err
			}
			group := clause{}
			if f.Group != nil {
				group = usersIn(account, f.Group.ID, f.Group.Relation)
			}
			product := clause{}
			if f.Product != nil {
				product = usersWith(account, f.Product.ID, f.Product.State)
			}
			return all(words, in("u.status", f.Status), in("u.role", f.Role), in("u.locale", f.Locale), group, product, created), nil
		},
	}
	return filtered(t.clause(filter, 1))
}

func groupFilter(account models.AccountID, filter *models.GroupFilter) (clause, error) {
	t := tree[models.GroupFilter]{
		left: maxFilters,
		parts: func(f *models.GroupFilter) ([]*models.GroupFilter, []*models.GroupFilter, *models.GroupFilter) {
			return f.And, f.Or, f.Not
		},
		own: func(f *models.GroupFilter) (clause, error) {
			words, err := search(f.Search, "g.id", "group_terms", "group_id", account)
			if err != nil {
				return clause{}, err
			}
			created, err := span("g.created_at", f.CreatedAt)
			if err != nil {
				return clause{}, err
			}
			conditions := []clause{words, created}
			if f.Member != nil {
				conditions = append(conditions, groupsOf(account, f.Member.ID, f.Member.Relation))
			}
			if f.Within != nil {
				conditions = append(conditions, groupsBelow(account, f.Within.ID, f.Within.Relation))
			}
			if f.HasParent != nil {
				nested := sqlf("g.id IN (SELECT e.child_id FROM group_edges e WHERE e.account_id = ?)", account)
				if !*f.HasParent {
					nested = not(nested)
				}
				conditions = append(conditions, nested)
			}
			return all(conditions...), nil
		},
	}
	return filtered(t.clause(filter, 1))
}

// filtered puts the argument's name in front of what is wrong with a filter.
func filtered(c clause, err error) (clause, error) {
	var errs models.Errors
	if rest := errs.Add(err, "filter"); rest != nil {
		return c, rest
	}
	return c, errs.OrNil()
}
