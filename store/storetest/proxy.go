package storetest

import (
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
)

// Cut is what a Proxy does at a packet of a client.
type Cut int

const (
	// Pass hands the packet on.
	Pass Cut = iota
	// Lose ends the connection before the server gets the packet.
	Lose
	// LoseAnswer hands the packet on, and ends the connection when the server has answered.
	LoseAnswer
	// TearAnswer is LoseAnswer with the first half of the answer handed on.
	TearAnswer
)

// Faults are what goes wrong at a Proxy.
type Faults struct {
	// Packet is asked about each packet of a client, from several goroutines at once.
	Packet func(packet []byte) Cut

	// Done is called after each connection that was cut. Nil does nothing.
	Done func(p *Proxy)
}

// Proxy stands between clients and the server that the tests run on.
type Proxy struct {
	URL string // of the package's database, through the proxy

	server   string
	faults   Faults
	listener net.Listener
	wg       sync.WaitGroup
}

// OpenProxy starts a proxy that lives as long as the test. Call it after Open, in tests that run on a server.
func OpenProxy(t testing.TB, f Faults) *Proxy {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Fatal("there is no server without " + Variable)
	}
	u, err := url.Parse(URL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: u.Host, faults: f}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = p.listener.Addr().String()
	p.URL = u.String()
	p.wg.Go(func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(t, client) })
		}
	})
	t.Cleanup(func() {
		p.Refuse()
		p.wg.Wait()
	})
	return p
}

// Refuse lets no new connection through any more.
func (p *Proxy) Refuse() { _ = p.listener.Close() }

func (p *Proxy) serve(t testing.TB, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		t.Errorf("reach the server behind the proxy: %v", err)
		return
	}
	defer server.Close()
	if p.pass(client, server) && p.faults.Done != nil {
		p.faults.Done(p)
	}
}

// pass copies both ways until one side closes or the connection is cut.
func (p *Proxy) pass(client, server net.Conn) (cut bool) {
	var mu sync.Mutex
	end := Pass // what is to happen to the next answer
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			mu.Lock()
			end := end
			mu.Unlock()
			if end == TearAnswer && err == nil {
				_, _ = client.Write(buffer[:n/2])
			}
			if end != Pass || err != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	defer func() { <-answers }()
	defer server.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return false
		}
		at := p.faults.Packet(buffer[:n])
		mu.Lock()
		end = at
		mu.Unlock()
		if at == Lose {
			return true
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return false
		}
		if at != Pass {
			<-answers
			return true
		}
	}
}
