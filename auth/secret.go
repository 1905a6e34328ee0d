package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const maxSecretFile = 4 << 10

// LoadOrCreateSecret reads the secret that signs tokens from a file of one line, and makes the file, for its
// owner only, where there is none. Several processes that do so at once get the same secret. The secret is
// the line itself, so that it can be carried to where COHORT_JWT_SECRET is set.
//
// Refuses a file that others may read, and a secret of less than 32 bytes; the error says what to do.
func LoadOrCreateSecret(path string) ([]byte, error) {
	secret, err := loadSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := createSecret(path); err != nil {
		return nil, fmt.Errorf("create the secret file %s: %w", path, err)
	}
	return loadSecret(path)
}

func loadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path) // before opening, which would wait on a pipe
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the secret file %s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the secret file: %w", err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, fmt.Errorf("look at the secret file: %w", err)
	}
	// Windows keeps no such bits and shows every file as readable by all.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the secret file %s is open to others than its owner (mode %04o): run chmod 600 on it, "+
			"and replace the secret if anybody may have read it", path, mode)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the secret file: %w", err)
	}
	text := strings.TrimRight(string(raw), "\r\n")
	switch {
	case len(raw) > maxSecretFile || strings.ContainsAny(text, "\r\n"):
		return nil, fmt.Errorf("the secret file %s holds more than one line of at most %d bytes", path, maxSecretFile)
	case len(text) < minSecretBytes:
		return nil, fmt.Errorf("the secret file %s holds %d bytes and needs at least %d: "+
			"delete it to have a new one made, which ends all tokens", path, len(text), minSecretBytes)
	}
	return []byte(text), nil
}

// createSecret writes a new secret under another name and then links it to path: nobody ever reads half a
// file, and whoever comes second finds the first one's and keeps it.
func createSecret(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()

	secret := make([]byte, minSecretBytes)
	rand.Read(secret) // never fails
	_, err = fmt.Fprintln(file, base64.RawURLEncoding.EncodeToString(secret))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
