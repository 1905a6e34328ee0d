package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// Nobody grants what they don't hold, also not by way of a group. A new membership and a new nesting hand on all that the
// group gives, and count as granting it also where somebody has it by another way already: the new way would outlive the old
// one. What is there already is no grant, and what is ended is none either, save for what a group itself grants, and for
// admins and super admins who are taken out of groups by name.

// holds are the permissions that somebody may hand on.
type holds struct {
	all  bool
	keys map[string]bool
}

func (h *holds) lacks(keys []string) []string {
	if h.all {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(keys)), func(key string) bool { return h.keys[key] })
}

// lacksFor are the keys that the members of a group hold, and that are missing to hand them on, sorted.
func (h *holds) lacksFor(graph *nesting.Graph, group models.GroupID) []string {
	if h.all || !graph.Permits() {
		return nil
	}
	return h.lacks(slices.Collect(maps.Keys(graph.PermittedBy(group))))
}

// heldIn is what a caller holds with these direct memberships: everything as a super admin, else what the groups give.
func heldIn(graph *nesting.Graph, who auth.Caller, direct []models.GroupID) *holds {
	held := &holds{all: who.Role == models.RoleSuperAdmin, keys: map[string]bool{}}
	for key := range graph.PermittedBy(direct...) {
		held.keys[key] = true
	}
	return held
}

// holds is what the caller may hand on in this transaction: what they held when it began to change anything. Ask before the
// first step that writes a membership, a nesting or a grant.
func (c *change) holds() (*holds, error) {
	if c.held == nil && c.who.Role == models.RoleSuperAdmin {
		c.held = &holds{all: true}
	}
	if c.held == nil {
		graph, err := c.graph()
		if err != nil {
			return nil, err
		}
		var direct map[models.UserID][]models.GroupID
		if graph.Permits() {
			if direct, _, err = directGroups(c.DB, c.account(), []models.UserID{c.who.UserID}); err != nil {
				return nil, err
			}
		}
		c.held = heldIn(graph, c.who, direct[c.who.UserID])
	}
	return c.held, nil
}

// holdsNow is that with the nesting as it is now, which nobody needs for whoever holds everything.
func (c *change) holdsNow() (*holds, *nesting.Graph, error) {
	held, err := c.holds()
	if err != nil || held.all {
		return held, nil, err
	}
	graph, err := c.graph()
	return held, graph, err
}

// errAt puts path in front of what is the caller's mistake.
func errAt(err error, path ...string) error {
	var errs models.Errors
	if rest := errs.Add(err, path...); rest != nil {
		return rest
	}
	return errs.OrNil()
}

// missing is MISSING_PERMISSION for keys that the caller lacks and the members of a group hold.
func missing(keys []string, group string) *models.Error {
	return missingFor(keys, group, "the members of "+group+" hold what you don't: ")
}

func missingFor(keys []string, group, says string) *models.Error {
	return models.Errorf(models.CodeMissingPermission, "%s", says+strings.Join(keys, ", ")).With("keys", keys...).With("group", group)
}

// withheld are the pairs that the caller may not make members, or no more members: anybody who is to come into a group that gives what the caller doesn't hold, and admins and super admins who are to go out of one.
func (c *change) withheld(pairs []models.Pair, is bool) (map[models.Pair]bool, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	held, graph, err := c.holdsNow()
	if err != nil || held.all || !graph.Permits() {
		return nil, err
	}
	_, groups := sides(pairs)
	lacks := map[models.GroupID]bool{}
	for _, id := range groups {
		if len(held.lacksFor(graph, id)) > 0 {
			lacks[id] = true
		}
	}
	if len(lacks) == 0 {
		return nil, nil
	}
	var some []models.Pair
	for _, pair := range pairs {
		if lacks[pair.Group] {
			some = append(some, pair)
		}
	}
	leads := map[models.UserID]bool{}
	if !is {
		users, _ := sides(some)
		if leads, err = c.leaders(users); err != nil {
			return nil, err
		}
	}
	refused := map[models.Pair]bool{}
	for _, pair := range some {
		refused[pair] = is || leads[pair.User]
	}
	return refused, nil
}

// insist is MISSING_PERMISSION where one of the results of what is done whole or not at all says so; at is its place in the
// input, and of several at one place about one group one is told.
func (c *change) insist(results []*models.MembershipResult, at func(*models.MembershipResult) []string) error {
	var refused []*models.MembershipResult
	var groups []models.GroupID
	for _, r := range results {
		if r.Outcome == models.MembershipOutcomeMissingPermission {
			refused, groups = append(refused, r), append(groups, r.GroupID)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	held, graph, err := c.holdsNow()
	if err != nil {
		return err
	}
	named, err := groupsByID(c.DB, c.account(), unique(groups))
	if err != nil {
		return err
	}
	var errs models.Errors
	told := map[string]bool{}
	for _, r := range refused {
		e := missing(held.lacksFor(graph, r.GroupID), named[r.GroupID].Name).At(at(r)...)
		if !told[e.Error()] {
			told[e.Error()] = true
			errs = append(errs, e)
		}
	}
	return errs
}

// leaders are those of the users who are admins or super admins.
func (c *change) leaders(users []models.UserID) (map[models.UserID]bool, error) {
	leads := map[models.UserID]bool{}
	err := chunks(users, func(part []models.UserID) error {
		found, err := readIDs[models.UserID](c.DB, "users u", sqlf("u.account_id = ? AND u.id IN ? AND u.role <> ?", c.account(), part, models.RoleMember), "u.id")
		for _, id := range found {
			leads[id] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for admins: %w", err)
	}
	return leads, nil
}

// checkNesting is MISSING_PERMISSION for each edge, by its index behind path if one is given, under a parent that would give
// the child's members what the caller doesn't hold.
func (c *change) checkNesting(graph *nesting.Graph, edges, fresh []nesting.Edge, path ...string) (models.Errors, error) {
	held, err := c.holds()
	if err != nil || held.all || len(fresh) == 0 {
		return nil, err
	}
	var parents []models.GroupID
	for _, e := range fresh {
		parents = append(parents, e.Parent)
	}
	lacks := map[models.GroupID][]string{}
	for _, id := range unique(parents) {
		if keys := held.lacksFor(graph, id); len(keys) > 0 {
			lacks[id] = keys
		}
	}
	if len(lacks) == 0 {
		return nil, nil
	}
	named, err := groupsByID(c.DB, c.account(), slices.Collect(maps.Keys(lacks)))
	if err != nil {
		return nil, err
	}
	var errs models.Errors
	for i, e := range edges {
		if keys := lacks[e.Parent]; keys != nil && slices.Contains(fresh, e) {
			_ = errs.Add(missing(keys, named[e.Parent].Name), indexed(path, i)...)
		}
	}
	return errs, nil
}

// checkDeletion is MISSING_PERMISSION for each of the groups that itself grants what the caller doesn't hold: with the group
// its grants would end.
func (c *change) checkDeletion(groups []*models.Group) error {
	held, graph, err := c.holdsNow()
	if err != nil || held.all {
		return err
	}
	var errs models.Errors
	for _, group := range groups {
		if keys := held.lacks(graph.Permissions(group.ID)); len(keys) > 0 && len(errs) < maxRejected {
			_ = errs.Add(missingFor(keys, group.Name, "with "+group.Name+" would end what you don't hold: "))
		}
	}
	return errs.OrNil()
}
