package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

// Seal keeps secrets in the database that the server must be able to read again. Whoever reads the database alone can't.
type Seal struct{ aead cipher.AEAD }

// ErrBroken says that something was not sealed with this key, or for something else, or was altered.
var ErrBroken = errors.New("the secret can't be read with the server's present secret")

// NewSeal works with a key of 32 bytes; nil makes one up, which nobody has after the process.
func NewSeal(key []byte) Seal {
	if key == nil {
		key = make([]byte, sha256.Size)
		rand.Read(key) // never fails
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that it wants
	}
	return Seal{aead}
}

// Close seals a text for the thing whose ids are given: it can't be opened for another one.
func (s Seal) Close(text string, of ...[16]byte) []byte {
	return s.aead.Seal(nil, nil, []byte(text), bound(of))
}

// Open reads what Close has sealed for the same thing. ErrBroken.
func (s Seal) Open(sealed []byte, of ...[16]byte) (string, error) {
	text, err := s.aead.Open(nil, nil, sealed, bound(of))
	if err != nil {
		return "", ErrBroken
	}
	return string(text), nil
}

func bound(of [][16]byte) (raw []byte) {
	for _, id := range of {
		raw = append(raw, id[:]...)
	}
	return raw
}
