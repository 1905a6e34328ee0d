package floor

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"net/http"
	"strconv"
)

var (
	idText     = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	cursorText = base64.RawURLEncoding
)

func appendID(to []byte, kind string, id []byte) []byte {
	to = append(append(append(to, '"'), kind...), '_')
	return append(idText.AppendEncode(to, id), '"')
}

// appendText appends a JSON string. What the tables hold is valid UTF-8.
func appendText(to, text []byte) []byte {
	to = append(to, '"')
	plain := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(append(to, text[plain:i]...), `\u00`...)
		to = append(to, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		plain = i + 1
	}
	return append(append(to, text[plain:]...), '"')
}

// place is where a page begins: behind the row with this sort key and id. The zero place is before all.
type place struct {
	key string
	id  [16]byte
}

// Cursor is the place behind a row in the form that the server hands out and takes back.
func Cursor(key string, id [16]byte) string {
	return cursorText.EncodeToString(append(id[:], key...))
}

// after is the place that the request's cursor names.
func after(r *http.Request) (p place, err error) {
	text := r.URL.Query().Get("after")
	if text == "" {
		return p, nil
	}
	raw, err := cursorText.DecodeString(text)
	if err != nil || len(raw) < len(p.id) {
		return p, errRefused
	}
	return place{key: string(raw[16:]), id: [16]byte(raw[:16])}, nil
}

func (p place) before(key string, id []byte) bool {
	return p.key < key || p.key == key && bytes.Compare(p.id[:], id) < 0
}

// appendPageInfo ends a page: whether there is more, and the cursor of its last entry, if it has one.
func appendPageInfo(to []byte, more bool, entries int, last place) []byte {
	to = append(to, `"pageInfo":{"hasNextPage":`...)
	to = strconv.AppendBool(to, more)
	to = append(to, `,"endCursor":`...)
	if entries == 0 {
		return append(to, `null}`...)
	}
	to = append(to, '"')
	var raw [640]byte
	to = cursorText.AppendEncode(to, append(append(raw[:0], last.id[:]...), last.key...))
	return append(to, `"}`...)
}
