package models

import (
	"bytes"
	"strings"
	"testing"
)

const someUser = "user_06gzr0ntmhwd91h0bbjh70tzkw"

func TestIDs(t *testing.T) {
	account, user, group := NewID[AccountID](), NewID[UserID](), NewID[GroupID]()
	for text, kind := range map[string]string{account.String(): "account_", user.String(): "user_", group.String(): "group_"} {
		if !strings.HasPrefix(text, kind) || len(text) != len(kind)+26 {
			t.Errorf("%q", text)
		}
		id, err := ParseGlobalID(text)
		if err != nil || id.String() != text {
			t.Errorf("%q becomes %q, %v", text, id.String(), err)
		}
		var b bytes.Buffer
		if id.MarshalGQL(&b); b.String() != `"`+text+`"` {
			t.Errorf("written as %s", b.String())
		}
	}
	if got, err := ParseUserID(user.String()); got != user || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParseGroupID(group.String()); got != group || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParseAccountID(account.String()); got != account || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// A later id is a larger one, in bytes and in text.
func TestIDsGrow(t *testing.T) {
	last := NewID[UserID]()
	for range 1000 {
		next := NewID[UserID]()
		if bytes.Compare(last[:], next[:]) >= 0 || last.String() >= next.String() {
			t.Fatalf("%s after %s", next, last)
		}
		last = next
	}
}

func TestRefusedIDs(t *testing.T) {
	group := NewID[GroupID]().String()
	for name, tt := range map[string]struct{ text, says string }{
		"nothing":         {"", `"" is not the id of a User (user_…)`},
		"a word":          {"ann", `"ann" is not the id of a User (user_…)`},
		"a group's":       {group, `"` + group + `" is the id of a Group, not the id of a User (user_…)`},
		"an account's":    {strings.Replace(someUser, "user", "account", 1), "is the id of an Account, not the id of a User"},
		"in capitals":     {strings.ToUpper(someUser), "is not the id of a User"},
		"bits left over":  {someUser[:len(someUser)-1] + "x", "is not the id of a User"},
		"a NUL":           {someUser + "\x00", `\x00" is not`},
		"a turned mark":   {"user_\u202e", `"user_\u202e" is not`},
		"broken encoding": {"user_\xff", `"user_\xff" is not`},
		"very long":       {strings.Repeat("u", 1000), strings.Repeat("u", 60) + `…" is not`},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := ParseUserID(tt.text)
			if codeOf(t, err) != CodeInvalidID || id != (UserID{}) {
				t.Fatalf("%v, %v", id, err)
			}
			if !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 200 {
				t.Errorf("the message %q doesn't say %q", err, tt.says)
			}
		})
	}
	for _, value := range []any{nil, 5, int64(5), true, []any{someUser}, map[string]any{}} {
		for _, id := range []interface{ UnmarshalGQL(any) error }{new(AccountID), new(UserID), new(GroupID), new(GlobalID)} {
			err := id.UnmarshalGQL(value)
			if codeOf(t, err) != CodeInvalidID || err.Error() != "an id is a string" {
				t.Errorf("%T of %v: %v", id, value, err)
			}
		}
	}
	if _, err := ParseGlobalID(strings.Replace(someUser, "user", "operation", 1)); codeOf(t, err) != CodeInvalidID {
		t.Errorf("an operation is looked up: %v", err)
	}
}

func TestGlobalIDAs(t *testing.T) {
	user, group := GlobalID{User: new(NewID[UserID]())}, GlobalID{Group: new(NewID[GroupID]())}
	if got, err := user.AsUser(); err != nil || *got != *user.User {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := group.AsGroup(); err != nil || *got != *group.Group {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := group.AsUser(); codeOf(t, err) != CodeInvalidID {
		t.Errorf("%v", err)
	}
	if _, err := user.AsGroup(); codeOf(t, err) != CodeInvalidID {
		t.Errorf("%v", err)
	}
}

func TestScannedIDs(t *testing.T) {
	id := NewID[UserID]()
	value, err := id.Value()
	if err != nil {
		t.Fatal(err)
	}
	var back UserID
	if err := back.Scan(value); err != nil || back != id {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []any{nil, "", id.String(), []byte{1}, append(id[:], 1), int64(5)} {
		var got UserID
		if err := got.Scan(bad); err == nil || got != (UserID{}) {
			t.Errorf("%v is scanned as %v", bad, got)
		}
	}
}

// Each id has one text: what is read is written the same, and nothing else is read.
func FuzzParseGlobalID(f *testing.F) {
	for _, text := range []string{someUser, "group_06gzr0ntmhwd91h0bbjh70tzkw", "account_00000000000000000000000000", "operation_06gzr0ntmhwd91h0bbjh70tzkw", "", "_", "user_", "user_06gzr0ntmhwd91h0bbjh70tzkx", "USER_06GZR0NTMHWD91H0BBJH70TZKW"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseGlobalID(text)
		if err != nil {
			if codeOf(t, err) != CodeInvalidID || id != (GlobalID{}) || len(err.Error()) > 700 {
				t.Errorf("%v, %v", id, err)
			}
			return
		}
		if id.String() != text {
			t.Errorf("%q is read as %q", text, id.String())
		}
		kinds := 0
		for _, is := range []bool{id.Account != nil, id.User != nil, id.Group != nil} {
			if is {
				kinds++
			}
		}
		_, asUser := id.AsUser()
		_, asGroup := id.AsGroup()
		if kinds != 1 || (asUser == nil) != (id.User != nil) || (asGroup == nil) != (id.Group != nil) {
			t.Errorf("%q is %v", text, id)
		}
	})
}
