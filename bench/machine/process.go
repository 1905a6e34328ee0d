// Package machine reads from /proc what processes use. It works on Linux only.
package machine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which the kernel tells CPU time, on all machines that Go knows.
const tick = 10 * time.Millisecond

// CPU is the time that a process has used on all cores, for itself and in the kernel.
func CPU(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may have spaces in it.
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has another form", pid)
	}
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(errUser, errSystem)
}

// RSS is the memory that a process has resident, in bytes.
func RSS(pid int) (int64, error) { return kilobytes(pid, "VmRSS") }

// Peak is the memory that a process has had resident at most, since it began or since ForgetPeak.
func Peak(pid int) (int64, error) { return kilobytes(pid, "VmHWM") }

// ForgetPeak has the peak begin with what is resident now.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

func kilobytes(pid int, name string) (int64, error) {
	text, err := field(fmt.Sprintf("/proc/%d/status", pid), name)
	if err != nil {
		return 0, err
	}
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return kilobytes << 10, err
}

// Listener is the process that listens on a TCP port of this machine.
func Listener(port int) (pid int, err error) {
	inodes := map[string]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			f := strings.Fields(line)
			const listening = "0A"
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && inodes[to] {
			return strconv.Atoi(strings.Split(file, "/")[2])
		}
	}
	return 0, fmt.Errorf("no process of this machine listens on port %d", port)
}

// Description is what the machine is and how busy, for the record.
func Description() string {
	model, err := field("/proc/cpuinfo", "model name")
	if err != nil {
		model = runtime.GOARCH
	}
	loads, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d cores, %s, load averages %.14s, %s", runtime.NumCPU(), model, loads, runtime.Version())
}

// field finds a line such as "name: value".
func field(file, name string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if before, after, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}
