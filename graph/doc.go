// Package graph answers GraphQL requests: a resolver takes the caller out of the request, asks the domain
// and hands the answer back.
package graph
