package models

import (
	"errors"
	"fmt"
	"strings"
)

// Error says what was wrong with something that a caller gave: what kind of mistake, where, and what
// would be right. It is the one error that clients see; every other error is ours and stays inside.
// It is `UserError` in the schema.
type Error struct {
	Code    ErrorCode
	Message string
	Path    []string // from the input down, with the indexes of lists
	Params  []Param
}

// Param is one named value of an error's message, or a list of values.
type Param struct {
	Name   string
	Values []string
}

// ErrorCode is the kind of a mistake, `UserErrorCode` in the schema.
type ErrorCode = UserErrorCode

// The codes under the names that the domain uses.
const (
	CodeInvalidID         = UserErrorCodeInvalidID
	CodeNotFound          = UserErrorCodeNotFound
	CodeForbidden         = UserErrorCodeForbidden
	CodeRequired          = UserErrorCodeRequired
	CodeTooLong           = UserErrorCodeTooLong
	CodeInvalidCharacters = UserErrorCodeInvalidCharacters
	CodeInvalidEmail      = UserErrorCodeInvalidEmail
	CodeInvalid           = UserErrorCodeInvalid
	CodeTooMany           = UserErrorCodeTooMany
	CodeEmailTaken        = UserErrorCodeEmailTaken
	CodeNameTaken         = UserErrorCodeNameTaken
	CodeStale             = UserErrorCodeStale
	CodeStaleSelection    = UserErrorCodeStaleSelection
	CodeConflict          = UserErrorCodeConflict
	CodeCycle             = UserErrorCodeCycle
	CodeTooDeep           = UserErrorCodeTooDeep
	CodeLastSuperAdmin    = UserErrorCodeLastSuperAdmin
	CodeKeyTaken          = UserErrorCodeKeyTaken
	CodeSeatsInUse        = UserErrorCodeSeatsInUse
	CodeNoSeats           = UserErrorCodeNoSeats
	CodeChooseInherited   = UserErrorCodeChooseInherited

	CodeMissingPermission    = UserErrorCodeMissingPermission
	CodeConfirmationRequired = UserErrorCodeConfirmationRequired
	CodeIdempotencyKeyReused = UserErrorCodeIdempotencyKeyReused
	CodeJobOnlyFollows       = UserErrorCodeJobOnlyFollows
	CodeNotRevertible        = UserErrorCodeNotRevertible
	CodeMailNotFailed        = UserErrorCodeMailNotFailed
	CodeJobEnded             = UserErrorCodeJobEnded
	CodeJobOpen              = UserErrorCodeJobOpen
	CodeNothingToRetry       = UserErrorCodeNothingToRetry
	CodeCursorExpired        = UserErrorCodeCursorExpired
)

// Errorf makes an Error without a path; At gives it one.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// At puts path in front of the error's own.
func (e *Error) At(path ...string) *Error {
	moved := *e
	moved.Path = append(append([]string{}, path...), e.Path...)
	return &moved
}

// With adds a named value.
func (e *Error) With(name string, values ...string) *Error {
	more := *e
	more.Params = append(append([]Param{}, e.Params...), Param{Name: name, Values: values})
	return &more
}

func (e *Error) Error() string {
	if len(e.Path) == 0 {
		return e.Message
	}
	return strings.Join(e.Path, ".") + ": " + e.Message
}

// Errors are several mistakes in one input, found together so that they can be mended together.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "; ")
}

// Add appends what is wrong, if anything, under path. An err that is no Error is handed back.
func (es *Errors) Add(err error, path ...string) error {
	found, rest := UserErrors(err)
	for _, e := range found {
		*es = append(*es, e.At(path...))
	}
	return rest
}

// OrNil is the list as an error, or nil when nothing is wrong.
func (es Errors) OrNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// UserErrors takes the caller's mistakes out of err; rest is err itself when it holds none.
func UserErrors(err error) (found Errors, rest error) {
	var one *Error
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &found):
		return found, nil
	case errors.As(err, &one):
		return Errors{one}, nil
	}
	return nil, err
}

// Refused is in every payload: the list of mistakes for which a mutation changed nothing, or left out
// the rows they name.
type Refused struct{ Errors []*Error }

// Refuse sets the list.
func (r *Refused) Refuse(errs Errors) { r.Errors = errs }
