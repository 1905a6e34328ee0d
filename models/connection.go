package models

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
)

// Counter counts the whole list that a connection shows a page of, when somebody asks.
type Counter struct {
	Count func(ctx context.Context) (int, error)
}

// TotalCount is how many entries the whole list has.
func (c Counter) TotalCount(ctx context.Context) (int, error) { return c.Count(ctx) }

func nodesOf[E, N any](edges []E, node func(E) N) []N {
	nodes := make([]N, len(edges))
	for i, e := range edges {
		nodes[i] = node(e)
	}
	return nodes
}

// etag hashes the values with their lengths, so that no two lists of values run together.
func etag(id []byte, values ...string) string {
	h := sha256.New()
	h.Write(id)
	var length [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(length[:], uint64(len(v)))
		h.Write(length[:])
		h.Write([]byte(v))
	}
	return encoding.EncodeToString(h.Sum(nil)[:15])
}
