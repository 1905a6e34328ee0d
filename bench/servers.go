package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cohort/bench/machine"
)

const results = "results" // beside this module's sources, ignored by git

// server is a process that we started.
type server struct {
	name    string
	address string
	command *exec.Cmd
	log     *os.File
	idle    int64 // resident bytes before the first request
	most    int64 // and the most that was seen
}

// build builds a package of a module and returns the program's path.
func build(ctx context.Context, folder, pkg, name string) (string, error) {
	program, err := filepath.Abs(filepath.Join(results, "bin", name))
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "go", "build", "-o", program, pkg)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

func newSecret() string {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	return hex.EncodeToString(secret)
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts a program that listens on the address, and waits until it answers.
func start(ctx context.Context, name, program, address string, environment []string, args ...string) (*server, error) {
	log, err := os.Create(filepath.Join(results, name+".log"))
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, args...) //nolint:gosec // our own
	command.Dir = filepath.Dir(program)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, environment...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := &server{name: name, address: address, command: command, log: log}
	if err := s.ready(ctx); err != nil {
		s.stop()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("start %s: %w\n%s", name, err, said)
	}
	time.Sleep(time.Second) // what is allocated at the start has been given back
	s.idle, err = machine.RSS(s.pid())
	return s, err
}

func (s *server) pid() int { return s.command.Process.Pid }

func (s *server) ready(ctx context.Context) error {
	deadline := time.Now().Add(time.Minute)
	client := http.Client{Timeout: 5 * time.Second}
	for {
		answer, err := client.Get("http://" + s.address + "/readyz") //nolint:noctx // it has a timeout
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// look notes how much memory the server has.
func (s *server) look() {
	if rss, err := machine.RSS(s.pid()); err == nil {
		s.most = max(s.most, rss)
	}
}

// stop ends the server, if it has not ended.
func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { _ = s.command.Process.Kill() })
	_ = s.command.Wait()
	timer.Stop()
	_ = s.log.Close()
}

// cohort runs one of Cohort's commands, and returns what it printed.
func (b *bench) cohort(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, b.program, args...) //nolint:gosec // our own
	command.Env = append(os.Environ(), b.environment()...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, os.Stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("cohort %s: %w", args[0], err)
	}
	return strings.TrimSpace(out.String()), nil
}

func (b *bench) environment() []string {
	return []string{"COHORT_DATABASE=" + b.database, "COHORT_JWT_SECRET=" + b.secret}
}
