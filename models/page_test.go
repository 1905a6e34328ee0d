package models

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestPageArgs(t *testing.T) {
	list := HashList("users", UserSortNameAsc, nil)
	place := Cursor{Key: "sann", ID: NewID[UserID]()}
	here, elsewhere := list.Cursor(place), HashList("groups").Cursor(place)
	n := func(i int32) *int32 { return &i }
	tests := map[string]struct {
		args PageArgs
		want Page
		code ErrorCode
		path string
	}{
		"nothing":               {PageArgs{}, Page{Size: DefaultPage}, "", ""},
		"first":                 {PageArgs{First: n(1)}, Page{Size: 1}, "", ""},
		"the largest":           {PageArgs{First: n(100)}, Page{Size: 100}, "", ""},
		"last":                  {PageArgs{Last: n(7)}, Page{Size: 7, Backward: true}, "", ""},
		"after":                 {PageArgs{After: &here}, Page{Size: DefaultPage, After: &place}, "", ""},
		"before":                {PageArgs{Last: n(2), Before: &here}, Page{Size: 2, Backward: true, Before: &place}, "", ""},
		"between":               {PageArgs{After: &here, Before: &here}, Page{Size: DefaultPage, After: &place, Before: &place}, "", ""},
		"both ends":             {PageArgs{First: n(1), Last: n(1)}, Page{}, CodeInvalid, "last"},
		"none":                  {PageArgs{First: n(0)}, Page{}, CodeInvalid, "first"},
		"fewer than none":       {PageArgs{Last: n(-1)}, Page{}, CodeInvalid, "last"},
		"too many":              {PageArgs{First: n(101)}, Page{}, CodeInvalid, "first"},
		"as many as there are":  {PageArgs{Last: n(1<<31 - 1)}, Page{}, CodeInvalid, "last"},
		"an empty cursor":       {PageArgs{After: new("")}, Page{}, CodeInvalid, "after"},
		"no cursor":             {PageArgs{Before: new("x")}, Page{}, CodeInvalid, "before"},
		"another list's cursor": {PageArgs{After: &elsewhere}, Page{}, CodeInvalid, "after"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.args.Check(list)
			if code := codeOf(t, err); code != tt.code {
				t.Fatalf("%v, want %q", err, tt.code)
			}
			if err != nil {
				if path := strings.Join(err.(*Error).Path, "."); path != tt.path {
					t.Errorf("path %s, want %s", path, tt.path)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever decides what is in a list and in which order makes it another list.
func TestHashList(t *testing.T) {
	group := NewID[GroupID]()
	lists := []any{
		[]any{"users"},
		[]any{"groups"},
		[]any{"users", UserSortNameAsc},
		[]any{"users", UserSortNameDesc},
		[]any{"users", &UserFilter{}},
		[]any{"users", &UserFilter{Status: []UserStatus{}}},
		[]any{"users", &UserFilter{Status: []UserStatus{UserStatusActive}}},
		[]any{"users", &UserFilter{And: []*UserFilter{}}},
		[]any{"users", &UserFilter{Or: []*UserFilter{{}}}},
		[]any{"users", &UserFilter{Not: &UserFilter{}}},
		[]any{"users", &UserFilter{Not: &UserFilter{Search: new("x")}}},
		[]any{"users", &UserFilter{Search: new("x")}},
		[]any{"users", &UserFilter{Search: new("")}},
		[]any{"users", &UserFilter{Group: &UserGroupFilter{ID: group}}},
		[]any{"users", &UserFilter{Group: &UserGroupFilter{ID: NewID[GroupID]()}}},
		[]any{"users", &UserFilter{Group: &UserGroupFilter{ID: group, Relation: MembershipRelationDirect}}},
	}
	seen := map[ListHash]int{}
	for i, parts := range lists {
		hash := HashList(parts)
		if hash != HashList(parts) {
			t.Errorf("list %d has two hashes", i)
		}
		if other, known := seen[hash]; known {
			t.Errorf("lists %d and %d are the same", i, other)
		}
		seen[hash] = i
	}
}

// A cursor that was handed out comes back as what it was; everything else is refused or is some place in this
// very list.
func FuzzCursor(f *testing.F) {
	list := HashList("users")
	id := NewID[UserID]()
	f.Add(list.Cursor(Cursor{Key: "sann", ID: id}), "sann", id[:])
	f.Add("", "", id[:])
	f.Add("!!!", "i5", id[:])
	f.Add(strings.Repeat("A", 40), "t1", id[:])
	f.Fuzz(func(t *testing.T, text, key string, id []byte) {
		if page, err := (PageArgs{After: &text}).Check(list); err != nil {
			if codeOf(t, err) != CodeInvalid || len(err.Error()) > 200 {
				t.Errorf("%v", err)
			}
		} else if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || !strings.HasSuffix(string(raw), page.After.Key) || len(raw) != 24+len(page.After.Key) {
			t.Errorf("%q is read as %v", text, page.After)
		}
		place := Cursor{Key: key}
		copy(place.ID[:], id)
		made := list.Cursor(place)
		page, err := PageArgs{Before: &made}.Check(list)
		if err != nil || *page.Before != place || !utf8.ValidString(made) {
			t.Errorf("%v comes back as %v, %v", place, page.Before, err)
		}
		if _, err := (PageArgs{Before: &made}).Check(HashList("groups")); codeOf(t, err) != CodeInvalid {
			t.Errorf("another list takes it: %v", err)
		}
	})
}
