package app

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// exported asks for an export, waits until it has ended, and returns its job's id and the path of its file.
func (s *server) exported(token, input string) (id, path string) {
	s.t.Helper()
	done := s.ask(token, "mutation { exportCreate(input: {"+input+"}) { job { id } errors { code message } } }")["exportCreate"].(map[string]any)
	job, made := done["job"].(map[string]any)
	if !made {
		s.t.Fatalf("refused: %v", done["errors"])
	}
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		now := s.ask(token, fmt.Sprintf(`{ job(id: %q) { status resultUrl errorCode } }`, job["id"]))["job"].(map[string]any)
		switch now["status"] {
		case "SUCCEEDED":
			return job["id"].(string), now["resultUrl"].(string)
		case "QUEUED", "RUNNING":
		default:
			s.t.Fatalf("the export: %v", now)
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatal("the export hasn't ended in a minute")
		}
	}
}

// fetch asks for a path, without a token.
func (s *server) fetch(method, path string, head map[string]string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range head {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(text)
}

// The file of an export comes whole and in ranges from any server on the database, each format with what it needs to be safe.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("account", "create", "Acme", "--admin", "ada@example.org")
	admin := strings.TrimSpace(w.must("token", "--user", "ada@example.org", "--account", "Acme"))
	s, other := w.start("serve"), w.start("serve")
	nasty := `=HYPERLINK("http://evil.example","x")<script>alert(1)</script>`
	for i := range 30 {
		s.ask(admin, fmt.Sprintf(`mutation { userCreate(input: {email: "u%d@example.org", displayName: %q}) { errors { code } } }`, i, fmt.Sprintf("%s %d", nasty, i)))
	}
	const users = `what: {users: {selection: {all: true}, columns: [DISPLAY_NAME, EMAIL, CREATED_AT, HAS_NO_PRODUCTS]}}, `
	for format, tt := range map[string]struct{ mediaType, disposition, policy, begins string }{
		"XLSX": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "attachment; filename=users-", "sandbox", "PK"},
		"HTML": {"text/html; charset=utf-8", "inline; filename=users-", "sandbox allow-scripts", "<!DOCTYPE html>"},
		"CSV":  {"text/csv; charset=utf-8; header=present", "attachment; filename=users-", "sandbox", "Nombre,"},
	} {
		t.Run(format, func(t *testing.T) {
			_, path := s.exported(admin, users+"locale: ES, format: "+format)
			answer, whole := other.fetch(http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip"})
			head := answer.Header
			if answer.StatusCode != 200 || head.Get("Content-Type") != tt.mediaType || !strings.HasPrefix(head.Get("Content-Disposition"), tt.disposition) ||
				!strings.HasPrefix(whole, tt.begins) || head.Get("X-Content-Type-Options") != "nosniff" || !strings.HasSuffix(head.Get("Content-Security-Policy"), tt.policy) ||
				!strings.HasPrefix(head.Get("Content-Security-Policy"), "default-src 'none'") || head.Get("Cache-Control") != "private, no-store" || head.Get("Content-Encoding") != "" {
				t.Errorf("%s %v\n%.100s", answer.Status, head, whole)
			}
			if strings.Contains(whole, "<script>alert") && format == "HTML" {
				t.Error("the page has a script of somebody's name")
			}
			half := len(whole) / 2
			first, begin := s.fetch(http.MethodGet, path, map[string]string{"Range": fmt.Sprintf("bytes=0-%d", half-1)})
			rest, end := other.fetch(http.MethodGet, path, map[string]string{"Range": fmt.Sprintf("bytes=%d-", half), "If-Range": first.Header.Get("ETag")})
			if first.StatusCode != 206 || rest.StatusCode != 206 || begin+end != whole {
				t.Errorf("resumed: %s, %s, %d and %d of %d bytes", first.Status, rest.Status, len(begin), len(end), len(whole))
			}
			if again, text := s.fetch(http.MethodGet, path, map[string]string{"Range": "bytes=5-", "If-Range": `"another"`}); again.StatusCode != 200 || text != whole {
				t.Errorf("resumed from another file: %s, %d bytes", again.Status, len(text))
			}
			if beyond, _ := s.fetch(http.MethodGet, path, map[string]string{"Range": "bytes=99999999-"}); beyond.StatusCode != 416 {
				t.Errorf("beyond the end: %s", beyond.Status)
			}
			if only, text := s.fetch(http.MethodHead, path, nil); only.StatusCode != 200 || only.ContentLength != int64(len(whole)) || text != "" {
				t.Errorf("HEAD: %s, %d", only.Status, only.ContentLength)
			}
			if post, _ := s.fetch(http.MethodPost, path, nil); post.StatusCode != 405 {
				t.Errorf("POST: %s", post.Status)
			}
		})
	}
	t.Run("read back", func(t *testing.T) {
		_, path := s.exported(admin, users+"format: CSV, asData: true")
		_, text := other.fetch(http.MethodGet, path, nil)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 32 || strings.Join(rows[0], " ") != "DISPLAY_NAME EMAIL CREATED_AT HAS_NO_PRODUCTS" {
			t.Fatalf("%d rows, %v, %v", len(rows), rows[:1], err)
		}
		for _, row := range rows[1:] {
			if strings.HasPrefix(row[0], "=") || row[0] != "ada@example.org" && !strings.HasPrefix(row[0], "'"+nasty) {
				t.Errorf("a formula: %q", row[0])
			}
			if _, err := time.Parse(time.RFC3339Nano, row[2]); err != nil || row[3] != "true" {
				t.Errorf("data: %q %q", row[2], row[3])
			}
		}
	})
}

// An address is for one file, of one account, for a while, and as long as whoever asked for it may export.
func TestAddressesOfExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := map[string]string{}
	for _, account := range []string{"Acme", "Other"} {
		w.must("account", "create", account, "--admin", "ada@example.org")
		token[account] = strings.TrimSpace(w.must("token", "--user", "ada@example.org", "--account", account))
	}
	s := w.start("serve")
	const users = `what: {users: {selection: {all: true}}}, format: CSV`
	s.ask(token["Acme"], `mutation { userCreate(input: {email: "bo@example.org", role: ADMIN}) { user { id } } }`)
	bo := strings.TrimSpace(w.must("token", "--user", "bo@example.org", "--account", "Acme"))
	id, path := s.exported(token["Acme"], users)
	foreign, theirs := s.exported(token["Other"], users)
	got := s.ask(bo, fmt.Sprintf(`{ viewer { user { id } } job(id: %q) { resultUrl } }`, id))
	bos := got["job"].(map[string]any)["resultUrl"].(string)
	boID := got["viewer"].(map[string]any)["user"].(map[string]any)["id"].(string)
	expect := func(path string, status int) {
		t.Helper()
		if answer, text := s.fetch(http.MethodGet, path, nil); answer.StatusCode != status || status != 200 && strings.Contains(text, "@example.org") {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	expect(path, 200)
	expect(bos, 200)
	expect(theirs, 200)
	expect(strings.Replace(path, id, foreign, 1), 404)
	expect(strings.Replace(theirs, foreign, id, 1), 404)
	bare, _, _ := strings.Cut(path, "?")
	expect(bare, 404)
	expect(bare+"?pass=x", 404)
	expect(strings.Replace(path, id, "job_x", 1), 404)
	if none := s.ask(token["Other"], fmt.Sprintf(`{ job(id: %q) { resultUrl } }`, id))["job"]; none != nil {
		t.Errorf("another account's job: %v", none)
	}
	s.ask(token["Acme"], fmt.Sprintf(`mutation { userRoleSet(input: {id: %q, role: MEMBER}) { user { role } } }`, boID))
	expect(bos, 403)
	s.ask(token["Acme"], fmt.Sprintf(`mutation { userRoleSet(input: {id: %q, role: ADMIN}) { user { role } } }`, boID))
	expect(bos, 200)
	s.ask(token["Acme"], fmt.Sprintf(`mutation { usersSuspend(input: {selection: {ids: [%q]}}) { counts { changed } } }`, boID))
	expect(bos, 403)
	expect(path, 200)
	if log := s.stderr.String(); strings.Contains(log, "pass=") {
		t.Error("the log has an address with its pass")
	}
}
