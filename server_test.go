package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The program itself, asked to stop by SIGTERM: what is in flight is finished, new connections are refused, and the
// exit code is 0.
func TestTerminate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "cohort")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0")
	command.Dir, command.Env = dir, []string{"HOME=" + dir}
	var log bytes.Buffer
	command.Stderr = &log
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	address := read(t, said, regexp.MustCompile(`^  API +http://(\S+)/graphql\n$`))
	token := read(t, said, regexp.MustCompile(`^  (eyJ\S+)\n$`))

	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"query": "mutation { groupCreate(input: {name: \"In flight\"}) { group { name } } }"}`
	// The server answers 100 when the handler begins to read the body: from then on the request is in flight.
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", address, token, len(body))
	answers := bufio.NewReader(conn)
	read(t, answers, regexp.MustCompile(`^HTTP/1.1 (100) Continue\r\n$`))
	read(t, answers, regexp.MustCompile(`^(\r)\n$`))

	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		another, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = another.Close()
	}
	fmt.Fprint(conn, body)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"In flight"`) {
		t.Errorf("%s %s %v", answer.Status, text, err)
	}
	if _, err := io.Copy(io.Discard, said); err != nil {
		t.Error(err)
	}
	if err := command.Wait(); err != nil { // any other exit code than 0
		t.Errorf("%v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), `"status":200`) {
		t.Errorf("the last lines of the log are missing:\n%s", log.String())
	}
}

// read reads to the line of this form, and gives the part in parentheses.
func read(t *testing.T, from *bufio.Reader, form *regexp.Regexp) string {
	t.Helper()
	for {
		line, err := from.ReadString('\n')
		if found := form.FindStringSubmatch(line); found != nil {
			return found[1]
		}
		if err != nil {
			t.Fatalf("no %v: %v", form, err)
		}
	}
}
