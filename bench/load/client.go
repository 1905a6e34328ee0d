// Package load asks a server as fast as it answers, on a number of connections, and measures it. It speaks
// just enough HTTP to cost little itself: on a small machine it takes from what the servers have.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Request is the text of an HTTP/1.1 request for a server that keeps the connection.
func Request(method, host, path, token string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, host, token)
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// Conn is a connection to a server.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

// Dial connects.
func Dial(address string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// patience is how long an answer may take.
const patience = 2 * time.Minute

// Do sends a request and reads the answer, whose body is good until the next call.
func (c *Conn) Do(request []byte) (status int, body []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.line()
	if err != nil {
		return 0, nil, err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	if status, err = strconv.Atoi(string(rest[:min(3, len(rest))])); err != nil {
		return 0, nil, fmt.Errorf("no status in %q", line)
	}
	length, chunked := 0, false
	for {
		line, err := c.line()
		if err != nil {
			return 0, nil, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	c.body = c.body[:0]
	if !chunked {
		return status, c.body, c.take(length)
	}
	for {
		line, err := c.line()
		if err != nil {
			return 0, nil, err
		}
		n, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return 0, nil, err
		}
		if err := c.take(int(n)); err != nil {
			return 0, nil, err
		}
		if end, err := c.line(); err != nil || len(end) > 0 {
			return 0, nil, errors.Join(err, fmt.Errorf("%q behind a chunk of %d bytes", end, n))
		}
		if n == 0 {
			return status, c.body, nil
		}
	}
}

func (c *Conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// take appends n bytes to the body.
func (c *Conn) take(n int) error {
	start := len(c.body)
	if cap(c.body) < start+n {
		c.body = append(make([]byte, 0, 2*(start+n)), c.body...)
	}
	c.body = c.body[:start+n]
	_, err := io.ReadFull(c.in, c.body[start:])
	return err
}
