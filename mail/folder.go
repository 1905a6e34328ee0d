package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	gomail "github.com/wneessen/go-mail"
)

// Folder is where each mail becomes a file, MAIL-ID.eml, instead of being sent. It is made where it is missing.
type Folder string

func (f Folder) open(context.Context) (session, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for mails: %w", err)
	}
	return f, nil
}

func (f Folder) close() {}

// send writes the file as a whole or not at all; a second try replaces it.
func (f Folder) send(msg *gomail.Msg) error {
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	name, _, _ := bytes.Cut([]byte(msg.GetMessageID()), []byte("@"))
	name = bytes.TrimPrefix(name, []byte("<"))
	temporary, err := os.CreateTemp(string(f), ".mail-*")
	if err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	_, err = temporary.Write(text.Bytes())
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(string(f), string(name)+".eml"))
	}
	if err != nil {
		return fmt.Errorf("write a mail: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return f.sync()
}

// sync makes the names in the folder last.
func (f Folder) sync() error {
	folder, err := os.Open(string(f))
	if err != nil {
		return fmt.Errorf("open the folder of mails: %w", err)
	}
	defer folder.Close()
	return folder.Sync()
}
