package playground

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	Files().ServeHTTP(w, r)
	return w
}

// Each file is the same compressed and plain, has a type that a browser takes, and isn't sent twice.
func TestFiles(t *testing.T) {
	files, err := dist.ReadDir("dist")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, f := range files {
		name, compressed := strings.CutSuffix(f.Name(), ".gz")
		if !compressed {
			if name != "index.html" {
				t.Errorf("%s is not compressed", name)
			}
			continue
		}
		packed, plain := get(t, "/playground/"+name, map[string]string{"Accept-Encoding": "br, gzip;q=0.5"}), get(t, "/playground/"+name, nil)
		if packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %v, %v", name, packed.Header(), plain.Header())
		}
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r); err != nil || string(body) != plain.Body.String() || len(body) == 0 {
			t.Errorf("%s: %d bytes compressed, %d plain, error %v", name, len(body), plain.Body.Len(), err)
		}
		if plain.Header().Get("Content-Type") == "" || plain.Header().Get("Content-Security-Policy") != Policy {
			t.Errorf("%s: %v", name, plain.Header())
		}
		for accept, answer := range map[string]*httptest.ResponseRecorder{"gzip": packed, "gzip;q=0": plain} {
			again := get(t, "/playground/"+name, map[string]string{"Accept-Encoding": accept, "If-None-Match": answer.Header().Get("ETag")})
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s by %s once more: %d", name, accept, again.Code)
			}
		}
		if packed.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%s: one tag for two contents", name)
		}
	}
	for _, path := range []string{"/playground/index.html", "/playground/none.js", "/playground/..", "/playground/main.js.gz", "/playground/%2e%2e/playground.go"} {
		if answer := get(t, path, nil); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

// The page has no script or style of its own and refers to nothing but its files and the server's.
func TestPage(t *testing.T) {
	if found := regexp.MustCompile(`<script>|<style|style="|\son\w+="|(src|href)="(https?:|//)|@import`).FindString(page); found != "" {
		t.Errorf("the page has %s", found)
	}
	files := regexp.MustCompile(`(?:src|href)="(playground/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(files) != 2 {
		t.Fatalf("the page refers to %v", files)
	}
	for _, f := range files {
		if answer := get(t, "/"+f[1], nil); answer.Code != http.StatusOK {
			t.Errorf("%s: %d", f[1], answer.Code)
		}
	}
	for token, want := range map[string]string{"": noToken, "eyJ.a.b": `content="eyJ.a.b"`, `"><script>`: `content="&#34;&gt;&lt;script&gt;"`} {
		w := httptest.NewRecorder()
		Page(w, token)
		if strings.Count(w.Body.String(), want) != 1 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("with the token %s: %v\n%s", token, w.Header(), w.Body)
		}
	}
}
