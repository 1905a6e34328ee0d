package models

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestError(t *testing.T) {
	plain := Errorf(CodeTooLong, "%d characters", 5)
	placed := plain.At("name").At("input", "users", "3").With("limit", "4").With("names", "a", "b")
	want := &Error{
		Code: CodeTooLong, Message: "5 characters", Path: []string{"input", "users", "3", "name"},
		Params: []Param{{"limit", []string{"4"}}, {"names", []string{"a", "b"}}},
	}
	if diff := cmp.Diff(want, placed); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&Error{Code: CodeTooLong, Message: "5 characters"}, plain); diff != "" {
		t.Errorf("the first one has changed (-want +got):\n%s", diff)
	}
	if got := placed.Error(); got != "input.users.3.name: 5 characters" {
		t.Error(got)
	}
	if got := plain.Error(); got != "5 characters" {
		t.Error(got)
	}
	// Two made of one don't write into each other.
	base := plain.At("a").With("x", "1")
	left, right := base.With("y", "2").At("l"), base.With("z", "3").At("r")
	if left.Params[1].Name != "y" || right.Params[1].Name != "z" || left.Path[0] != "l" || right.Path[0] != "r" {
		t.Errorf("%v, %v", left, right)
	}
}

func TestErrors(t *testing.T) {
	ours := errors.New("the disk is full")
	var errs Errors
	for _, err := range []error{nil, Errorf(CodeRequired, "one"), Errors{Errorf(CodeInvalid, "two"), Errorf(CodeInvalid, "three").At("x")}, fmt.Errorf("wrapped: %w", Errorf(CodeNotFound, "four"))} {
		if rest := errs.Add(err, "input"); rest != nil {
			t.Errorf("%v is handed back", rest)
		}
	}
	if rest := errs.Add(ours, "input"); !errors.Is(rest, ours) {
		t.Errorf("our own error becomes %v", rest)
	}
	if got := errs.Error(); got != "input: one; input: two; input.x: three; input: four" {
		t.Error(got)
	}
	if errs.OrNil() == nil || Errors(nil).OrNil() != nil || (Errors{}).OrNil() != nil {
		t.Error("OrNil")
	}
	found, rest := UserErrors(fmt.Errorf("use case: %w", errs))
	if len(found) != 4 || rest != nil {
		t.Errorf("%v, %v", found, rest)
	}
	if found, rest := UserErrors(ours); found != nil || !errors.Is(rest, ours) {
		t.Errorf("%v, %v", found, rest)
	}
	if found, rest := UserErrors(nil); found != nil || rest != nil {
		t.Errorf("%v, %v", found, rest)
	}
}

// Every code has a name of its own in the domain, and the schema documents each.
func TestCodes(t *testing.T) {
	for _, code := range AllUserErrorCode {
		if !code.IsValid() || strings.ToUpper(string(code)) != string(code) {
			t.Errorf("code %q", code)
		}
	}
}
