package models

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"strconv"
)

// The sizes of pages, and of lists in inputs.
const (
	DefaultPage  = 20
	MaxPage      = 100
	MaxList      = 250
	MaxSelection = 10_000
)

func itoa(n int) string { return strconv.Itoa(n) }

// PageArgs are the arguments of every list that say which page of it.
type PageArgs struct {
	First  *int32
	After  *string
	Last   *int32
	Before *string
}

// Page is PageArgs checked: so many from the start, or from the end, between two cursors.
type Page struct {
	Size     int
	Backward bool
	After    *Cursor
	Before   *Cursor
}

// Check settles which page of the list is meant. INVALID for a size below 1 or over 100, for first
// together with last, and for a cursor that is malformed or belongs to another list.
func (a PageArgs) Check(list ListHash) (Page, error) {
	page := Page{Size: DefaultPage}
	size, name := a.First, "first"
	switch {
	case a.First != nil && a.Last != nil:
		return page, Errorf(CodeInvalid, "give either first or last, not both").At("last")
	case a.Last != nil:
		size, name, page.Backward = a.Last, "last", true
	}
	if size != nil {
		if *size < 1 || *size > MaxPage {
			return page, Errorf(CodeInvalid, "a page has 1 to %d entries, not %d", MaxPage, *size).At(name)
		}
		page.Size = int(*size)
	}
	var err error
	if page.After, err = list.parse(a.After, "after"); err != nil {
		return page, err
	}
	page.Before, err = list.parse(a.Before, "before")
	return page, err
}

// ListHash stands for one list: its sort and its filter. A cursor carries that of its own list.
type ListHash uint64

// HashList makes the hash out of everything that decides what is in the list and in which order.
func HashList(parts ...any) ListHash {
	h := fnv.New64a()
	// The parts are enums, filters and ids: none of them can fail to encode.
	_ = json.NewEncoder(h).Encode(parts)
	return ListHash(h.Sum64())
}

// Cursor is a place in a sorted list: the value sorted by, and the id that settles ties.
type Cursor struct {
	Key string
	ID  [16]byte
}

// Cursor writes a place in this list in the form that clients hand back.
func (l ListHash) Cursor(c Cursor) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(l))
	raw = append(raw, c.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(raw, c.Key...))
}

func (l ListHash) parse(text *string, argument string) (*Cursor, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // no cursor is no place, which is what a page without one means
	}
	raw, err := base64.RawURLEncoding.DecodeString(*text)
	if err != nil || len(raw) < 24 {
		return nil, Errorf(CodeInvalid, "this is not a cursor that a list has handed out").At(argument)
	}
	if ListHash(binary.BigEndian.Uint64(raw)) != l {
		return nil, Errorf(CodeInvalid, "this cursor is of a list with another filter or sort: start again without %s", argument).At(argument)
	}
	return &Cursor{ID: [16]byte(raw[8:24]), Key: string(raw[24:])}, nil
}
