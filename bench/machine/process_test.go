package machine

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestOwnProcess(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if pid, err := Listener(l.Addr().(*net.TCPAddr).Port); err != nil || pid != os.Getpid() {
		t.Errorf("the listener is process %d (%v), want %d", pid, err, os.Getpid())
	}
	used := func() time.Duration { // what the process itself is told
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	for used() < 300*time.Millisecond {
		continue
	}
	least := used()
	cpu, err := CPU(os.Getpid())
	if most := used(); err != nil || cpu < least-50*time.Millisecond || cpu > most+50*time.Millisecond {
		t.Errorf("the CPU time is %v (%v), want between %v and %v", cpu, err, least, most)
	}
	if rss, err := RSS(os.Getpid()); err != nil || rss < 1<<20 || rss > 1<<32 {
		t.Errorf("the process has %d bytes (%v)", rss, err)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	if pid, err := Listener(1); err == nil {
		t.Errorf("process %d listens on port 1", pid)
	}
}
