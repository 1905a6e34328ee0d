package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"

	"cohort/bench/floor"
	"cohort/models"
)

// cell is one kind of work: the same question to Cohort and to the floor.
type cell struct {
	name, title string
	mark        float64 // the least ratio of Cohort's throughput to the floor's; 0 for none
	operation   string
	questions   func(ctx context.Context, b *bench, r *rand.Rand) ([]question, error)
	writes      bool
	holdings    bool // asks for settings, products and permissions, which the account else is without
}

// question is one request in the forms that the two take.
type question struct {
	variables map[string]any
	path      string // of the floor, without /memory or /sql in front
	body      any    // for the floor, when it is no GET
	list      string // the field with the page, when it is one
	has       *bool  // of an explanation: what it must come to; the floor then answers something else
}

const (
	membersOperation = `query Members($id: ID!, $after: String) { group(by: {id: $id}) { members(first: 50, after: $after) { ` +
		`edges { direct node { id displayName email status } } pageInfo { hasNextPage endCursor } } } }`
	checkOperation    = `query Check($user: ID!, $group: ID!) { membershipChecks(userIds: [$user], groupIds: [$group]) { isMember direct } }`
	groupsOfOperation = `query UserGroups($id: ID!) { user(by: {id: $id}) { groups(first: 100) { ` +
		`edges { direct node { name } } pageInfo { hasNextPage endCursor } } } }`
	groupsOperation = `query Groups($after: String) { groups(first: 50, after: $after) { ` +
		`nodes { name description directMemberCount memberCount } pageInfo { hasNextPage endCursor } } }`
	directOperation = `query Groups($after: String) { groups(first: 50, after: $after) { ` +
		`nodes { name description directMemberCount } pageInfo { hasNextPage endCursor } } }`
	addOperation = `mutation Add($group: ID!, $user: ID!) { groupMembersAdd(input: {groupIds: [$group], userIds: [$user]}) { ` +
		`results { outcome } groups { id directMemberCount } errors { code } } }`
	removeOperation = `mutation Remove($groups: [ID!]!, $users: [ID!]!) { groupMembersRemove(input: {groupIds: $groups, userIds: $users}) { ` +
		`errors { code } } }`
	cursorsOperation = `query Cursors($after: String) { groups(first: 100, after: $after) { edges { cursor } pageInfo { hasNextPage endCursor } } }`
)

var cells = []cell{
	{name: "members", title: "50 effective members by name, any group", mark: 0.35, operation: membersOperation, questions: anyMembers},
	{name: "root", title: "50 effective members by name, root groups", mark: 0.3, operation: membersOperation, questions: rootMembers},
	{name: "check", title: "is a user in a group", mark: 0.6, operation: checkOperation, questions: checks},
	{name: "groupsof", title: "groups of a user, direct and inherited", mark: 0.25, operation: groupsOfOperation, questions: groupsOf},
	{name: "groups", title: "50 groups with direct and effective counts", mark: 0.2, operation: groupsOperation, questions: groupPages("")},
	{name: "groupsdirect", title: "50 groups with direct counts only", mark: 0.2, operation: directOperation, questions: groupPages("direct")},
	{name: "door", title: "an empty query: the door's own cost", mark: 0.5, operation: doorOperation, questions: emptyQuery},
	{name: "effective", title: "30 settings, products and permissions of 50 users", mark: 0.25, operation: effectiveOperation, questions: userPages("/effective"), holdings: true},
	{name: "permissions", title: "permissions of 50 users and what gives them", mark: 0.25, operation: permissionsOperation, questions: userPages("/permissions"), holdings: true},
	{name: "explain", title: "why a user has something, to one read by the primary key", mark: 0.1, operation: explainOperation, questions: explanations, holdings: true},
	{name: "add", title: "add one membership", mark: 0.6, operation: addOperation, writes: true},
}

// many is how many questions a cell draws; they come again and again, in random order.
const many = 300

func anyMembers(_ context.Context, b *bench, r *rand.Rand) (qs []question, err error) {
	for range many {
		qs = append(qs, membersOf(b.world.group(r).id))
	}
	return qs, nil
}

func rootMembers(_ context.Context, b *bench, _ *rand.Rand) (qs []question, err error) {
	for _, id := range b.world.roots {
		qs = append(qs, membersOf(id))
	}
	return qs, nil
}

func membersOf(id models.GroupID) question {
	return question{variables: map[string]any{"id": id.String()}, path: "/groups/" + id.String() + "/members", list: "members"}
}

// checks are about members for the one half, and about any pair for the other.
func checks(ctx context.Context, b *bench, r *rand.Rand) (qs []question, err error) {
	for i := range many {
		user, group := b.world.user(r), b.world.group(r).id
		if i%2 == 0 {
			of, found, err := b.world.groupOf(ctx, r, user)
			if err != nil {
				return nil, err
			}
			if found {
				group = of
			}
		}
		qs = append(qs, question{
			variables: map[string]any{"user": user.String(), "group": group.String()},
			path:      "/check?user=" + user.String() + "&group=" + group.String(),
		})
	}
	return qs, nil
}

func groupsOf(_ context.Context, b *bench, r *rand.Rand) (qs []question, err error) {
	for range many {
		id := b.world.user(r).String()
		qs = append(qs, question{variables: map[string]any{"id": id}, path: "/users/" + id + "/groups"})
	}
	return qs, nil
}

// groupPages begin anywhere in the list.
func groupPages(counts string) func(context.Context, *bench, *rand.Rand) ([]question, error) {
	return func(_ context.Context, b *bench, r *rand.Rand) ([]question, error) {
		cursors, err := b.cursors()
		if err != nil {
			return nil, err
		}
		if len(cursors) != len(b.world.groups) {
			return nil, fmt.Errorf("of %d groups Cohort lists %d", len(b.world.groups), len(cursors))
		}
		qs := []question{{variables: map[string]any{}, path: "/groups?counts=" + counts, list: "groups"}}
		for range many / 3 { // each is a long answer
			i := r.IntN(len(cursors))
			at := b.world.groups[i]
			qs = append(qs, question{
				variables: map[string]any{"after": cursors[i]},
				path:      "/groups?counts=" + counts + "&after=" + url.QueryEscape(floor.Cursor(at.key, at.id)), list: "groups",
			})
		}
		return qs, nil
	}
}

// cursors are those that Cohort gives to all groups, in the order of names.
func (b *bench) cursors() (all []string, err error) {
	for after := any(nil); ; {
		var page struct {
			Groups struct {
				Edges    []struct{ Cursor string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		if err := b.askCohort(cursorsOperation, map[string]any{"after": after}, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Groups.Edges {
			all = append(all, e.Cursor)
		}
		if !page.Groups.PageInfo.HasNextPage {
			return all, nil
		}
		after = page.Groups.PageInfo.EndCursor
	}
}

func toJSON(value any) []byte {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts, numbers and maps of them always are JSON
	}
	return raw
}
