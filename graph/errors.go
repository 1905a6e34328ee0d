package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// The codes of top-level errors, in `extensions.code`.
const (
	codeUnauthenticated = "UNAUTHENTICATED"
	codeForbidden       = "FORBIDDEN"
	codeBadUserInput    = "BAD_USER_INPUT"
	codeLimitExceeded   = "LIMIT_EXCEEDED"
	codeRateLimited     = "RATE_LIMITED"
	codeNotPersisted    = "PERSISTED_QUERY_NOT_FOUND"
	codeNotTrusted      = "DOCUMENT_NOT_TRUSTED"
	codeCursorExpired   = "CURSOR_EXPIRED"
	codeTimeout         = "TIMEOUT"
	codeInternal        = "INTERNAL"
)

// present is the one door through which an error leaves: what the caller did wrong is told, what is ours
// stays inside and goes to the log under the id of the request.
func present(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		out := &gqlerror.Error{Path: graphql.GetPath(ctx)}
		var parsed *gqlerror.Error
		var argument []string // where in the field's arguments, if an argument can't be read
		if errors.As(err, &parsed) {
			out.Locations = parsed.Locations
			if len(parsed.Path) > len(out.Path) && len(out.Path) > 0 {
				argument = steps(parsed.Path[len(out.Path):])
			} else if len(parsed.Path) > 0 {
				out.Path = parsed.Path
			}
		}
		wrong, rest := models.UserErrors(err)
		switch {
		case len(wrong) > 0:
			e := wrong[0].At(argument...)
			out.Message = e.Error()
			out.Extensions = map[string]any{"code": codeBadUserInput, "reason": e.Code}
			for _, param := range e.Params {
				out.Extensions[param.Name] = param.Values
			}
		case errors.Is(err, auth.ErrForbidden):
			out.Message, out.Extensions = "the caller may not do this", code(codeForbidden)
		case errors.Is(err, auth.ErrUnauthenticated):
			out.Message, out.Extensions = "the token is not, or no longer, good for this", code(codeUnauthenticated)
		case errors.Is(err, directory.ErrCursorExpired):
			out.Message, out.Extensions = directory.ErrCursorExpired.Error(), code(codeCursorExpired)
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			out.Message, out.Extensions = "the answer took too long", code(codeTimeout)
		case parsed != nil && parsed.Err == nil && parsed.Extensions["code"] != nil:
			// The request itself, as the parser, the validator or the policy saw it.
			out.Message, out.Extensions = parsed.Message, parsed.Extensions
			if _, known := auth.CallerFrom(ctx); !known { // the names that there are stay inside
				out.Message, _, _ = strings.Cut(out.Message, " Did you mean ")
			}
		default:
			if parsed != nil && parsed.Err != nil {
				rest = parsed.Err // without the path, which is the client's
			}
			log.ErrorContext(ctx, "request failed", "requestId", auth.RequestIDFrom(ctx), "field", fieldOf(ctx), "error", rest)
			out.Message = fmt.Sprintf("something went wrong on our side; the request's id is %s", auth.RequestIDFrom(ctx))
			out.Extensions = code(codeInternal)
			out.Extensions["requestId"] = auth.RequestIDFrom(ctx)
		}
		return out
	}
}

// fieldOf names the field by the schema: the path has the names that the client gives its fields.
func fieldOf(ctx context.Context) string {
	if f := graphql.GetFieldContext(ctx); f != nil && f.Field.Field != nil {
		return f.Object + "." + f.Field.Name
	}
	return ""
}

func steps(path ast.Path) []string {
	out := make([]string, len(path))
	for i, step := range path {
		out[i] = fmt.Sprint(step)
	}
	return out
}

func code(c string) map[string]any { return map[string]any{"code": c} }

// errPanic stands for a panic of ours in what clients see.
var errPanic = errors.New("panic")

// caught turns a panic into an error, with its stack in the log.
func caught(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, value any) error {
		log.ErrorContext(ctx, "panic", "requestId", auth.RequestIDFrom(ctx), "value", fmt.Sprint(value), "stack", string(debug.Stack()))
		return errPanic
	}
}
