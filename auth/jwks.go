package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	jwksWithin    = 5 * time.Second
	maxJWKSBytes  = 1 << 20
	maxJWKS       = 100
	maxKeyID      = 256
	minRSABits    = 2048
	unknownKeyGap = 30 * time.Second
	unknownKeys   = 2 // one may be spent by a token that comes before the keys are read
)

// ErrNoKeys says that a provider's token can't be checked, since its keys have never been read.
var ErrNoKeys = errors.New("the keys of the identity provider have not been read yet")

// providerKey is a public key with the one algorithm that it is good for.
type providerKey struct {
	id        string
	algorithm string
	public    any
	print     [sha256.Size]byte // of the three
}

// keySet holds a provider's keys as they were read last.
type keySet struct {
	url     string
	client  *http.Client
	log     *slog.Logger
	now     func() time.Time
	unknown *rate.Limiter // refreshes that a token with an unknown key may cause
	flights singleflight.Group
	keys    atomic.Pointer[[]providerKey] // nil before they are read for the first time
}

func newKeySet(url string, client *http.Client, log *slog.Logger, now func() time.Time) *keySet {
	return &keySet{url: url, client: client, log: log, now: now, unknown: rate.NewLimiter(rate.Every(unknownKeyGap), unknownKeys)}
}

// find is the key for a token with this algorithm and kid, which is nil where the header has none. An unknown one
// may have come since the keys were read: they are read again, but rarely, whatever strangers send.
func (s *keySet) find(algorithm string, kid any) (providerKey, error) {
	id, text := kid.(string)
	if kid != nil && (!text || id == "" || len(id) > maxKeyID) {
		return providerKey{}, refusal("the token's kid is not that of a key")
	}
	key, err := s.known(algorithm, id)
	if !errors.Is(err, errUnknownKey) && !errors.Is(err, ErrNoKeys) {
		return key, err
	}
	_, _, _ = s.flights.Do("", func() (any, error) {
		if !s.unknown.AllowN(s.now(), 1) {
			return nil, errUnknownKey
		}
		return nil, s.refresh(context.Background()) // it logs what is wrong
	})
	return s.known(algorithm, id)
}

var errUnknownKey = refusal("the token's key is not one of the provider's")

func (s *keySet) known(algorithm, id string) (providerKey, error) {
	set := s.keys.Load()
	if set == nil {
		return providerKey{}, ErrNoKeys
	}
	if id == "" {
		if len(*set) != 1 {
			return providerKey{}, refusal("the token has no kid, and the provider not one key alone")
		}
		if key := (*set)[0]; key.algorithm == algorithm {
			return key, nil
		}
		return providerKey{}, refusal("the token's key is for another algorithm")
	}
	err := errUnknownKey
	for _, key := range *set {
		if key.id != id {
			continue
		}
		if key.algorithm == algorithm {
			return key, nil
		}
		err = refusal("the token's key is for another algorithm")
	}
	return providerKey{}, err
}

// has tells whether the key is one of the provider's still.
func (s *keySet) has(print [sha256.Size]byte) bool {
	set := s.keys.Load()
	return set != nil && slices.ContainsFunc(*set, func(k providerKey) bool { return k.print == print })
}

// refresh reads the keys anew. When that fails, those there are stay, and the log says why.
func (s *keySet) refresh(ctx context.Context) error {
	keys, left, err := s.read(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "read the keys of the identity provider (COHORT_JWKS_URL)", "error", err, "haveOlder", s.keys.Load() != nil)
		return err
	}
	s.keys.Store(&keys)
	level := slog.LevelDebug
	if len(keys) == 0 {
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, "the identity provider's keys", "usable", len(keys), "others", left)
	return nil
}

func (s *keySet) read(ctx context.Context) (keys []providerKey, left int, err error) {
	ctx, cancel := context.WithTimeout(ctx, jwksWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, 0, errors.New("the address is not one")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // without the address, in which a secret may stand
		}
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("it answered %d", response.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, 0, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || set.Keys == nil || len(raw) > maxJWKSBytes || len(set.Keys) > maxJWKS {
		return nil, 0, fmt.Errorf("it answered with something else than a set of at most %d keys", maxJWKS)
	}
	for _, one := range set.Keys {
		if key, ok := usable(one); ok {
			keys = append(keys, key)
		}
	}
	return keys, len(set.Keys) - len(keys), nil
}

// usable pins a key to the algorithm that follows from its kind. False for what signs no tokens that we take.
func usable(raw []byte) (key providerKey, ok bool) {
	var m jwkset.JWKMarshal
	if json.Unmarshal(raw, &m) != nil || m.USE != "" && m.USE != jwkset.UseSig || len(m.KID) > maxKeyID ||
		len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
		return key, false
	}
	alg := m.ALG.String()
	// The algorithm is checked below, and certificates, be they inside or elsewhere, say nothing to us.
	m.ALG, m.X5C, m.X5U, m.X5T, m.X5TS256 = "", nil, "", "", ""
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key, false
	}
	switch public := jwk.Key().(type) {
	case *rsa.PublicKey:
		key.algorithm, ok = "RS256", public.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		key.algorithm, ok = "ES256", public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		key.algorithm, ok = "EdDSA", true
		if alg == "Ed25519" { // its name since RFC 9864
			alg = ""
		}
	}
	if !ok || alg != "" && alg != key.algorithm {
		return key, false
	}
	der, err := x509.MarshalPKIXPublicKey(jwk.Key())
	if err != nil {
		return key, false
	}
	key.id, key.public = m.KID, jwk.Key()
	key.print = sha256.Sum256(append([]byte(key.id+"\x00"+key.algorithm+"\x00"), der...))
	return key, true
}
