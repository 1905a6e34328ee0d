package models

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql/driver"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// MaxPartnerClients bounds the partner clients of an account.
const MaxPartnerClients = 100

// PartnerClientID is the id of a PartnerClient.
type PartnerClientID [16]byte

const (
	partnerClientKind = "partnerclient"
	clientIDPrefix    = "client_"
)

// ParsePartnerClientID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParsePartnerClientID(text string) (PartnerClientID, error) {
	_, id, err := parse(partnerClientKind, text)
	return id, err
}

func (id PartnerClientID) String() string               { return format(partnerClientKind, id) }
func (id PartnerClientID) Value() (driver.Value, error) { return id[:], nil }
func (id *PartnerClientID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id PartnerClientID) MarshalGQL(w io.Writer)       { writeID(w, partnerClientKind, id) }
func (id *PartnerClientID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[PartnerClientID](partnerClientKind, v)
	return err
}

// MarshalText is for JSON that is stored.
func (id PartnerClientID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *PartnerClientID) UnmarshalText(text []byte) (err error) {
	*id, err = ParsePartnerClientID(string(text))
	return err
}

// PartnerClient is a program of a partner, which reads what its scopes open.
type PartnerClient struct {
	AccountID  AccountID
	ID         PartnerClientID
	Name       string
	NameKey    string
	Scope      Scopes `gorm:"column:scopes"`
	SecretHash []byte
	CreatedAt  time.Time `gorm:"autoCreateTime:false"`
	RotatedAt  *time.Time
}

func (PartnerClient) TableName() string { return "partner_clients" }

// IsNode makes a partner client something that `node` finds.
func (PartnerClient) IsNode() {}

// Scopes lists what the client may read.
func (c *PartnerClient) Scopes() []PartnerScope { return c.Scope.List() }

// ClientID is the name under which the client asks for tokens. It tells the account, too, as every statement does.
func (c *PartnerClient) ClientID() string { return FormatClientID(c.AccountID, c.ID) }

// FormatClientID is the client_id of a client.
func FormatClientID(account AccountID, id PartnerClientID) string {
	return clientIDPrefix + encoding.EncodeToString(append(account[:len(account):len(account)], id[:]...))
}

// ParseClientID reads a client_id; false for a text that is none.
func ParseClientID(text string) (account AccountID, id PartnerClientID, ok bool) {
	code, ours := strings.CutPrefix(text, clientIDPrefix)
	if !ours || len(code) != encoding.EncodedLen(len(account)+len(id)) {
		return account, id, false
	}
	raw, err := encoding.DecodeString(code)
	if err != nil || len(raw) != len(account)+len(id) || encoding.EncodeToString(raw) != code {
		return account, id, false
	}
	copy(account[:], raw)
	copy(id[:], raw[len(account):])
	return account, id, true
}

// NewClientSecret is a secret of 256 random bits, and what is stored of it.
func NewClientSecret() (secret string, hash []byte) {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	secret = base64.RawURLEncoding.EncodeToString(raw)
	return secret, HashClientSecret(secret)
}

// HashClientSecret is what is stored of a secret: a plain hash will do, since nobody can try out 256 bits.
func HashClientSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// IsSecret compares in a time that doesn't depend on where the two differ.
func (c *PartnerClient) IsSecret(secret string) bool {
	return subtle.ConstantTimeCompare(c.SecretHash, HashClientSecret(secret)) == 1
}

// PartnerScope is something that partner clients may read.
type PartnerScope string

// The scopes.
const (
	PartnerScopeUsersRead    PartnerScope = "USERS_READ"
	PartnerScopeGroupsRead   PartnerScope = "GROUPS_READ"
	PartnerScopeMembersRead  PartnerScope = "MEMBERS_READ"
	PartnerScopeProductsRead PartnerScope = "PRODUCTS_READ"
	PartnerScopeChangesRead  PartnerScope = "CHANGES_READ"
)

// allScopes are in the order in which they are shown, and in that of the bits of Scopes.
var allScopes = []PartnerScope{PartnerScopeUsersRead, PartnerScopeGroupsRead, PartnerScopeMembersRead, PartnerScopeProductsRead, PartnerScopeChangesRead}

// IsValid tells whether it is one of the scopes.
func (s PartnerScope) IsValid() bool { return ScopesOf(s) != 0 }

// Name is the scope as tokens and requests for them have it: users:read.
func (s PartnerScope) Name() string { return strings.ReplaceAll(strings.ToLower(string(s)), "_", ":") }

// MarshalGQL writes it.
func (s PartnerScope) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads it.
func (s *PartnerScope) UnmarshalGQL(v any) error { return readEnum(s, v, "PartnerScope") }

// Scopes is a set of them.
type Scopes uint8

// The scopes as sets of one, and all of them.
const (
	UsersRead Scopes = 1 << iota
	GroupsRead
	MembersRead
	ProductsRead
	ChangesRead

	AllScopes = UsersRead | GroupsRead | MembersRead | ProductsRead | ChangesRead
)

// ScopesOf is the set of some. What is no scope is left out.
func ScopesOf(list ...PartnerScope) (set Scopes) {
	for _, one := range list {
		for bit, scope := range allScopes {
			if one == scope {
				set |= 1 << bit
			}
		}
	}
	return set
}

// ParseScopes reads the names between single spaces, as RFC 6749 writes them; false for one that there is not, and for
// none.
func ParseScopes(text string) (set Scopes, ok bool) {
	for name := range strings.SplitSeq(text, " ") {
		var found Scopes
		for bit, scope := range allScopes {
			if scope.Name() == name {
				found = 1 << bit
			}
		}
		if found == 0 {
			return 0, false
		}
		set |= found
	}
	return set, true
}

// List is in the order in which scopes are shown.
func (s Scopes) List() []PartnerScope {
	list := make([]PartnerScope, 0, len(allScopes))
	for bit, scope := range allScopes {
		if s&(1<<bit) != 0 {
			list = append(list, scope)
		}
	}
	return list
}

// String is what ParseScopes reads.
func (s Scopes) String() string {
	var names []string
	for _, scope := range s.List() {
		names = append(names, scope.Name())
	}
	return strings.Join(names, " ")
}

// Value is for the database.
func (s Scopes) Value() (driver.Value, error) { return s.String(), nil }

// Scan is for the database. A scope that this program doesn't know opens nothing.
func (s *Scopes) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case []byte:
		text = string(v)
	case string:
		text = v
	default:
		return fmt.Errorf("scan scopes: %T", src)
	}
	*s = 0
	for name := range strings.FieldsSeq(text) {
		known, _ := ParseScopes(name)
		*s |= known
	}
	return nil
}

// PartnerClientCreateInput is a new partner client.
type PartnerClientCreateInput struct {
	Name   string
	Scopes []PartnerScope

	IdempotencyKey *string `json:"-"`
}

// PartnerClientCreatePayload is what CreatePartnerClient did. ClientSecret is shown this once.
type PartnerClientCreatePayload struct {
	PartnerClient *PartnerClient
	ClientSecret  *string
	Refused
}

// PartnerClientRotateInput says whose secret is to be replaced.
type PartnerClientRotateInput struct{ ID PartnerClientID }

// PartnerClientRotatePayload is what RotatePartnerClient did. ClientSecret is shown this once.
type PartnerClientRotatePayload struct {
	PartnerClient *PartnerClient
	ClientSecret  *string
	Refused
}

// PartnerClientRevokeInput says which client is to be ended.
type PartnerClientRevokeInput struct{ ID PartnerClientID }

// PartnerClientRevokePayload is what RevokePartnerClient did.
type PartnerClientRevokePayload struct {
	DeletedPartnerClientID *PartnerClientID
	Refused
}
