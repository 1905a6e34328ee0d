package auth

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestSecretIsCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "deeper", "jwt-secret")
	first, err := LoadOrCreateSecret(path)
	if err != nil {
		t.Fatalf("the first time: %v", err)
	}
	second, err := LoadOrCreateSecret(path)
	if err != nil || string(second) != string(first) {
		t.Errorf("the second time: %q, %v, want %q", second, err, first)
	}
	if _, err := NewTokens(TokenOptions{Secret: first}); err != nil {
		t.Errorf("the secret is no use: %v", err)
	}
	other, err := LoadOrCreateSecret(filepath.Join(t.TempDir(), "other"))
	if err != nil || string(other) == string(first) {
		t.Errorf("another file: %q, %v, want another secret", other, err)
	}

	text, err := os.ReadFile(path)
	if err != nil || string(text) != string(first)+"\n" || len(first) != 43 {
		t.Errorf("the file holds %q, want the secret and a line end: %v", text, err)
	}
	wantOnlyFile(t, path)
	if runtime.GOOS == "windows" {
		t.Skip("keeps no modes")
	}
	wantMode(t, path, 0o600)
	wantMode(t, filepath.Dir(path), fs.ModeDir|0o700)
	wantMode(t, filepath.Dir(filepath.Dir(path)), fs.ModeDir|0o700)
}

func TestSecretIsCreatedByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "jwt-secret")
	const many = 32
	secrets, errs := [many]string{}, [many]error{}
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			<-start
			secret, err := LoadOrCreateSecret(path)
			secrets[i], errs[i] = string(secret), err
		})
	}
	close(start)
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if secret != secrets[0] || secret == "" {
			t.Fatalf("several secrets: %q", secrets)
		}
	}
	wantOnlyFile(t, path)
}

func TestSecretFileAsSomebodyWroteIt(t *testing.T) {
	long := strings.Repeat("s", minSecretBytes)
	tests := map[string]struct {
		content string
		mode    fs.FileMode
		want    string // PATH stands for the file's
	}{
		"its owner's":                {content: long, mode: 0o600},
		"its owner's, read only":     {content: long, mode: 0o400},
		"with a line end":            {content: long + "\n", mode: 0o600},
		"with a line end of Windows": {content: long + "\r\n", mode: 0o600},
		"readable by the group": {
			content: long, mode: 0o640,
			want: "the secret file PATH is open to others than its owner (mode 0640): run chmod 600 on it, and replace the secret if anybody may have read it",
		},
		"readable by others": {
			content: long, mode: 0o604,
			want: "the secret file PATH is open to others than its owner (mode 0604): run chmod 600 on it, and replace the secret if anybody may have read it",
		},
		"writable by others": {
			content: long, mode: 0o602,
			want: "the secret file PATH is open to others than its owner (mode 0602): run chmod 600 on it, and replace the secret if anybody may have read it",
		},
		"a byte short": {
			content: long[1:] + "\n", mode: 0o600,
			want: "the secret file PATH holds 31 bytes and needs at least 32: delete it to have a new one made, which ends all tokens",
		},
		"empty": {
			mode: 0o600,
			want: "the secret file PATH holds 0 bytes and needs at least 32: delete it to have a new one made, which ends all tokens",
		},
		"two lines": {
			content: long + "\n" + long, mode: 0o600,
			want: "the secret file PATH holds more than one line of at most 4096 bytes",
		},
		"another file altogether": {
			content: strings.Repeat("s", maxSecretFile+1), mode: 0o600,
			want: "the secret file PATH holds more than one line of at most 4096 bytes",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && tt.mode&0o077 != 0 {
				t.Skip("keeps no modes")
			}
			path := filepath.Join(t.TempDir(), "jwt-secret")
			err := errors.Join(os.WriteFile(path, []byte(tt.content), 0o600), os.Chmod(path, tt.mode))
			if err != nil {
				t.Fatalf("write the file: %v", err)
			}
			got, err := LoadOrCreateSecret(path)
			if tt.want == "" && (err != nil || string(got) != long) {
				t.Errorf("%q, %v, want %q", got, err, long)
			}
			if tt.want != "" && (err == nil || err.Error() != strings.ReplaceAll(tt.want, "PATH", path) || got != nil) {
				t.Errorf("%q, %v, want %s", got, err, tt.want)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != tt.content {
				t.Errorf("the file has changed: %q, %v", now, err)
			}
		})
	}
}

func TestSecretFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadOrCreateSecret(dir); err == nil || err.Error() != "the secret file "+dir+" is not a file" {
		t.Errorf("a folder: %v", err)
	}
	link := filepath.Join(dir, "jwt-secret")
	if err := os.Symlink(filepath.Join(dir, "absent"), link); err != nil {
		t.Fatalf("link: %v", err)
	}
	if got, err := LoadOrCreateSecret(link); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link to nowhere: %q, %v", got, err)
	}
}

func wantOnlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the folder holds %v, want %s only: %v", entries, filepath.Base(path), err)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatalf("look at %s: %v", path, err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}
