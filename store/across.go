package store

import "context"

type acrossAccounts struct{}

// AcrossAccounts marks what is done with ctx as meant to read the table of accounts as a whole: the
// command line's list, the program's own start. It grants nothing; without it the tests fail a statement
// on that table that doesn't choose one account. Tables of an account's rows stay closed either way.
func AcrossAccounts(ctx context.Context) context.Context {
	return context.WithValue(ctx, acrossAccounts{}, true)
}

// IsAcrossAccounts reports the mark.
func IsAcrossAccounts(ctx context.Context) bool {
	marked, _ := ctx.Value(acrossAccounts{}).(bool)
	return marked
}
