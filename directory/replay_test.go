package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/audit"
	"cohort/directory"
	"cohort/directory/nesting"
	"cohort/models"
)

// What the feed tells of a user and of a group.
type (
	userTold struct {
		Email, GivenName, FamilyName, DisplayName string
		Locale                                    models.Locale
		Role                                      models.Role
		StatusTold
	}
	StatusTold struct {
		Status        models.UserStatus
		StatusReasons []models.SuspensionReason
	}
	groupTold struct {
		Name, Description string
		Priority          int32
	}
)

// history is what a reader of the feed knows who began with nothing, and which requests it came from.
type history struct {
	users    map[models.UserID]userTold
	groups   map[models.GroupID]groupTold
	members  map[models.Pair]bool
	edges    map[nesting.Edge]bool
	products map[models.Holding]bool
	inParts  []string
	requests map[string][]audit.Change // by the id of the request, without what follows from them: products and their statuses
}

// alone are the subjects that the log has and the feed hasn't.
var alone = []string{audit.Account, audit.Assignment, audit.Block, audit.Grant, audit.Permission, audit.Waiting, audit.Catalogue, audit.Job, audit.Mail}

// replay applies the feed operation by operation, holding each against the audit log and the account's rules.
func replay(t testing.TB, st *contents) *history {
	t.Helper()
	h := &history{
		inParts: st.inParts,
		users:   map[models.UserID]userTold{}, groups: map[models.GroupID]groupTold{},
		members: map[models.Pair]bool{}, edges: map[nesting.Edge]bool{}, products: map[models.Holding]bool{}, requests: map[string][]audit.Change{},
	}
	if int(st.account.FeedSeq) != len(st.changes) {
		t.Errorf("the account counts %d entries of the feed, which has %d", st.account.FeedSeq, len(st.changes))
	}
	events := map[models.OperationID][]audit.Event{}
	for _, e := range st.events {
		events[e.OperationID] = append(events[e.OperationID], e)
	}
	nestings := 0
	for begin, end := 0, 0; begin < len(st.changes); begin = end {
		operation := st.changes[begin].OperationID
		for end = begin; end < len(st.changes) && st.changes[end].OperationID == operation; end++ {
			if seq := st.changes[end].Seq; seq != int64(end)+1 {
				t.Fatalf("entry %d of the feed has the number %d", end+1, seq)
			}
		}
		if err := h.operation(events[operation], st.changes[begin:end]); err != nil {
			t.Errorf("entries %d to %d of the feed: %v", begin+1, end, err)
			return h
		}
		delete(events, operation) // one that comes back later finds no events
		if slices.ContainsFunc(st.changes[begin:end], func(c audit.Change) bool { return c.Entity == audit.Nesting }) {
			nestings++
		}
	}
	for operation, left := range events {
		if len(left) == 1 && makesJobs(left[0].Action) { // the job is made, or a part of it has changed nothing
			continue
		}
		if !slices.ContainsFunc(left, func(e audit.Event) bool { return e.SubjectType != "" && !slices.Contains(alone, e.SubjectType) }) && len(left) > 1 {
			continue
		}
		t.Errorf("operation %x has %d events and no entry of the feed", operation, len(left))
	}
	if st.account.GraphVersion < int64(nestings) {
		t.Errorf("the version of the nesting is %d after %d operations that changed it", st.account.GraphVersion, nestings)
	}
	return h
}

// operation applies one operation's entries and holds them against its events, which are in the same order.
func (h *history) operation(events []audit.Event, changes []audit.Change) error {
	var whole, subjects []audit.Event
	for _, e := range events {
		switch {
		case e.SubjectType == "":
			whole = append(whole, e)
		case slices.Contains(alone, e.SubjectType):
		default:
			subjects = append(subjects, e)
		}
	}
	if len(whole) != 1 || len(subjects) != len(changes) {
		return fmt.Errorf("%d events of the operation and %d of subjects, for %d entries", len(whole), len(subjects), len(changes))
	}
	for i, c := range changes {
		e := subjects[i]
		if e.Action != whole[0].Action || e.RequestID != whole[0].RequestID || e.ActorKind != whole[0].ActorKind || !e.At.Equal(c.At) {
			return fmt.Errorf("entry %d: event %+v is none of operation %+v", c.Seq, e, whole[0])
		}
		told := [5]string{c.Entity, string(c.SubjectID), string(c.ObjectID), text(c.Payload), c.ChangeType}
		kind := audit.Set
		if e.AfterData == nil {
			kind = audit.Removed
		}
		if logged := [5]string{e.SubjectType, string(e.SubjectID), string(e.ObjectID), text(e.AfterData), kind}; told != logged {
			return fmt.Errorf("entry %d: the feed has %q, the log %q", c.Seq, told, logged)
		}
		if err := h.apply(c, e.BeforeData); err != nil {
			return fmt.Errorf("entry %d, %s %s: %w", c.Seq, c.ChangeType, c.Entity, err)
		}
	}
	if _, twice := h.requests[whole[0].RequestID]; twice && whole[0].RequestID != "" && !slices.Contains(h.inParts, whole[0].RequestID) {
		return fmt.Errorf("request %q was carried out twice", whole[0].RequestID)
	}
	own := slices.Clone(changes)
	for i, c := range slices.Backward(changes) {
		forProducts := func(data *string) bool {
			return strings.Contains(text(data), string(models.SuspensionReasonNoProducts))
		}
		if c.Entity == audit.Product || c.Entity == audit.Status && forProducts(c.Payload) != forProducts(subjects[i].BeforeData) {
			own = slices.Delete(own, i, i+1)
		}
	}
	h.requests[whole[0].RequestID] = append(h.requests[whole[0].RequestID], own...)
	return h.rules()
}

func text(data *string) string {
	if data == nil {
		return ""
	}
	return *data
}

// apply makes one entry's change; before is what the log says there was.
func (h *history) apply(c audit.Change, before *string) error {
	switch user, group := models.UserID(id(c.SubjectID)), models.GroupID(id(c.SubjectID)); c.Entity {
	case audit.User:
		// The status is told by an entry of its own, just before.
		return set(h.users, user, c.Payload, before, func(u userTold) userTold { u.StatusTold = StatusTold{}; return u })
	case audit.Status:
		now := h.users[user]
		statuses := map[models.UserID]StatusTold{user: now.StatusTold}
		err := set(statuses, user, c.Payload, before, func(s StatusTold) StatusTold { return s })
		now.StatusTold = statuses[user]
		if _, known := h.users[user]; !known || c.Payload == nil {
			return errors.New("a status of nobody, or none of somebody")
		}
		h.users[user] = now
		return err
	case audit.Group:
		return set(h.groups, group, c.Payload, before, func(g groupTold) groupTold { return g })
	case audit.Membership:
		return put(h.members, models.Pair{User: user, Group: models.GroupID(id(c.ObjectID))}, c.Payload, before)
	case audit.Product:
		return put(h.products, models.Holding{User: user, Product: models.ProductID(id(c.ObjectID))}, c.Payload, before)
	case audit.Nesting:
		return put(h.edges, nesting.Edge{Parent: models.GroupID(id(c.ObjectID)), Child: group}, c.Payload, before)
	}
	return errors.New("an entry of an unknown kind")
}

func id(raw []byte) (id [16]byte) {
	copy(id[:], raw)
	return id
}

// set replaces what is known of something, after holding it against what there was before.
func set[ID comparable, T any](known map[ID]T, id ID, after, before *string, comparable func(T) T) error {
	was, is := known[id]
	if is != (before != nil) {
		return fmt.Errorf("known before: %v, logged before: %v", is, before != nil)
	}
	var logged, now T
	if before != nil {
		if err := decode(*before, &logged); err != nil {
			return err
		}
		if diff := cmp.Diff(comparable(was), comparable(logged)); diff != "" {
			return fmt.Errorf("before (-known +logged):\n%s", diff)
		}
	}
	delete(known, id)
	if after == nil {
		return nil
	}
	err := decode(*after, &now)
	known[id] = now
	return err
}

// put adds or removes what has nothing to it but that it is there.
func put[K comparable](known map[K]bool, key K, after, before *string) error {
	if known[key] != (before != nil) || known[key] == (after != nil) {
		return fmt.Errorf("known before: %v, logged before: %v, after: %v", known[key], before != nil, after != nil)
	}
	if delete(known, key); after != nil {
		known[key] = true
	}
	return nil
}

func decode(raw string, into any) error {
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// rules are what holds after every operation.
func (h *history) rules() error {
	for m := range h.members {
		if _, user := h.users[m.User]; !user {
			return fmt.Errorf("%s is a member and no user", m.User)
		}
		if _, group := h.groups[m.Group]; !group {
			return fmt.Errorf("%s has a member and is no group", m.Group)
		}
	}
	for p := range h.products {
		if _, user := h.users[p.User]; !user {
			return fmt.Errorf("%s has a product and is no user", p.User)
		}
	}
	for e := range h.edges {
		_, parent := h.groups[e.Parent]
		if _, child := h.groups[e.Child]; !parent || !child {
			return fmt.Errorf("%v nests what is no group", e)
		}
	}
	if err := checkLoops(h.edges); err != nil {
		return err
	}
	for u := range maps.Values(h.users) {
		if u.Role == models.RoleSuperAdmin && u.Status != models.UserStatusSuspended {
			return nil
		}
	}
	return errors.New("no super admin is left who is not suspended")
}

// checkTold holds what the feed has told against what is stored.
func (h *history) checkTold(t testing.TB, st *contents) {
	t.Helper()
	users, groups := map[models.UserID]userTold{}, map[models.GroupID]groupTold{}
	for id, u := range st.users {
		reasons := append([]models.SuspensionReason{}, u.StatusReasons()...)
		users[id] = userTold{u.Email, u.GivenName, u.FamilyName, u.DisplayName, u.Locale, u.Role, StatusTold{u.Status, reasons}}
	}
	for id, g := range st.groups {
		groups[id] = groupTold{g.Name, g.Description, g.Priority}
	}
	enabled := map[models.Holding]bool{}
	for holding, e := range st.entitled {
		if e.State == models.ProductStateEnabled {
			enabled[holding] = true
		}
	}
	told := []any{h.users, h.groups, h.members, h.edges, h.products}
	if diff := cmp.Diff(told, []any{users, groups, st.members, st.edges, enabled}); diff != "" {
		t.Errorf("users, groups, memberships, nestings, products (-told by the feed +stored):\n%s", diff)
	}
}

// makesJobs tells whether the mutation leaves to jobs what concerns many.
func makesJobs(action string) bool {
	_, is := new(directory.Directory).Handlers()[strings.TrimPrefix(action, "Mutation.")]
	return is
}
