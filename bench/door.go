package main

import (
	"context"
	"math/rand/v2"
)

// doorOperation asks for nothing: what is left is the door's own cost.
const doorOperation = `{ __typename }`

func emptyQuery(context.Context, *bench, *rand.Rand) ([]question, error) {
	return []question{{path: "/door", body: map[string]any{"query": doorOperation, "variables": nil}}}, nil
}
