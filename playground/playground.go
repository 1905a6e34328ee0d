// Package playground is the page on which people try the API: GraphiQL with examples, built from src/ into dist/
// (see build.mjs), which is embedded. It needs nothing from elsewhere.
package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed dist
var dist embed.FS

//go:embed dist/index.html
var page string

// Policy is the content security policy of the page and of its files: all of it is the server's own. Only styles may
// stand in the page itself, since the editor makes them as it goes.
const Policy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const noToken = `<meta name="cohort-demo-token" content="">`

// Page answers with the page. The token, unless it is empty, stands in the page's field from the start: whoever may
// read the answer has it.
func Page(w http.ResponseWriter, token string) {
	text := page
	if token != "" {
		text = strings.Replace(page, noToken, strings.Replace(noToken, `content=""`, `content="`+html.EscapeString(token)+`"`, 1), 1)
	}
	guard(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text)
}

// guard keeps the page and its files from every other page: not framed, not read, not opened with a handle on it.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", Policy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
}

// Files answers with the page's scripts, styles and fonts by the last part of the path, and 404 for what there is not.
// They are kept compressed and go out so to those who take gzip.
func Files() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		body, err := dist.ReadFile("dist/" + name + ".gz")
		if err != nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		guard(h)
		h.Set("Content-Type", types[path.Ext(name)])
		h.Set("Cache-Control", "no-cache") // asked for each time, sent when it has changed
		h.Set("Vary", "Accept-Encoding")
		tag := tags()[name]
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			tag += "-gzip"
		} else if body, err = unpacked(body); err != nil {
			http.Error(w, "a damaged file", http.StatusInternalServerError)
			return
		}
		h.Set("ETag", `"`+tag+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".ttf": "font/ttf",
	".txt": "text/plain; charset=utf-8",
}

// tags tell the contents of the files apart, by name.
var tags = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	files, _ := dist.ReadDir("dist") // an embedded folder can be read
	for _, f := range files {
		body, _ := dist.ReadFile("dist/" + f.Name())
		sum := sha256.Sum256(body)
		found[strings.TrimSuffix(f.Name(), ".gz")] = hex.EncodeToString(sum[:8])
	}
	return found
})

func takesGzip(r *http.Request) bool {
	for offer := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(offer, ";")
		_, q, _ := strings.Cut(parameters, "=")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return err != nil || weight > 0
		}
	}
	return false
}

func unpacked(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
