package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"cohort/models"
	"cohort/store"
)

// Bounds of a request for a token, and of how often one may fail. A server counts for itself. Who fails is known by the
// client they claim to be and their address together, so that nobody can lock a partner out from elsewhere; and by the
// address alone, more generously, since several may stand behind one.
const (
	maxTokenRequest  = 8 << 10
	failuresOfClient = 10 // at once, and one more every failureReturns
	failuresOfPlace  = 100
	failureReturns   = 10 * time.Second
	placeReturns     = time.Second
	rememberedPlaces = 10_000
)

// Exchange answers POST /oauth/token: it gives partner clients a token for their secret, as RFC 6749 has it for the
// grant of client credentials.
type Exchange struct {
	tokens  *Tokens
	store   *store.Store
	log     *slog.Logger
	clients *lru.Cache[failing, *rate.Limiter]
	places  *lru.Cache[failing, *rate.Limiter]
}

// failing is who has failed: somebody at a place, as a client or as any.
type failing struct {
	client string
	place  netip.Prefix
}

// NewExchange reads the clients from s. Causes of our own faults go to log.
func NewExchange(tokens *Tokens, s *store.Store, log *slog.Logger) *Exchange {
	made := func() *lru.Cache[failing, *rate.Limiter] {
		kept, err := lru.New[failing, *rate.Limiter](rememberedPlaces)
		if err != nil {
			panic(err) // it refuses a size below one only
		}
		return kept
	}
	return &Exchange{tokens: tokens, store: s, log: log, clients: made(), places: made()}
}

// tokenRequest is what a client sends.
type tokenRequest struct {
	client, secret string
	scope          string // "" for all that the client has
}

// tokenProblem is why a request gets no token, in the words of RFC 6749, section 5.2.
type tokenProblem struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
	wait        int    // seconds
}

func (p *tokenProblem) Error() string { return p.Code + ": " + p.Description }

func invalidRequest(status int, description string) error {
	return &tokenProblem{status: status, Code: "invalid_request", Description: description}
}

// errWrongClient is the same whether there is no such client or its secret is another.
var errWrongClient = &tokenProblem{status: http.StatusUnauthorized, Code: "invalid_client", Description: "the client is unknown or the secret is wrong"}

// ServeHTTP answers with a token, or says in JSON why not. Nothing of what was sent stands in an answer or in the log.
func (e *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	token, scope, err := e.exchange(w, r)
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": token, "token_type": "Bearer", "expires_in": int(PartnerTokenLife / time.Second), "scope": scope.String(),
		})
		return
	}
	var problem *tokenProblem
	if !errors.As(err, &problem) {
		level := slog.LevelError
		if errors.Is(err, context.Canceled) { // the client has gone
			level = slog.LevelDebug
		}
		e.log.Log(r.Context(), level, "give a partner a token", "error", err, "requestId", RequestIDFrom(r.Context()))
		problem = &tokenProblem{status: http.StatusInternalServerError, Code: "server_error", Description: "something went wrong on our side"}
	}
	switch problem.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="cohort", charset="UTF-8"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(problem.wait))
	}
	writeJSON(w, problem.status, problem)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts and numbers always are JSON
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (e *Exchange) exchange(w http.ResponseWriter, r *http.Request) (token string, scope models.Scopes, err error) {
	asked, err := readTokenRequest(w, r)
	if err != nil {
		return "", 0, err
	}
	account, id, formed := models.ParseClientID(asked.client)
	name := asked.client
	if !formed {
		name = "" // whatever it is, it can't be many
	}
	place := placeOf(r.RemoteAddr)
	pair, anybody := e.bucket(e.clients, failing{name, place}, failureReturns, failuresOfClient), e.bucket(e.places, failing{"", place}, placeReturns, failuresOfPlace)
	now := e.tokens.now()
	if wait := max(until(pair, now), until(anybody, now)); wait > 0 {
		return "", 0, &tokenProblem{status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: "too many attempts have failed: try again later", wait: wait}
	}
	client, err := partnerClient(r.Context(), e.store, account, id)
	if err != nil {
		return "", 0, err
	}
	known := client != nil && formed
	if client == nil {
		client = &models.PartnerClient{SecretHash: nobodysHash} // takes as long
	}
	if right := client.IsSecret(asked.secret); !right || !known {
		pair.AllowN(now, 1)
		anybody.AllowN(now, 1)
		return "", 0, errWrongClient
	}
	scope = client.Scope
	if asked.scope != "" {
		wanted, there := models.ParseScopes(asked.scope)
		if !there || wanted&^client.Scope != 0 {
			return "", 0, &tokenProblem{status: http.StatusBadRequest, Code: "invalid_scope", Description: "the client has not all of these scopes"}
		}
		scope = wanted
	}
	token, err = e.tokens.IssuePartner(account, id, scope)
	return token, scope, err
}

// nobodysHash is what no secret comes to.
var nobodysHash = make([]byte, 32)

// readTokenRequest reads what was sent. A tokenProblem when it is not what RFC 6749 asks for.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (asked tokenRequest, err error) {
	if r.Method != http.MethodPost {
		return asked, invalidRequest(http.StatusMethodNotAllowed, "send it with POST")
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return asked, invalidRequest(http.StatusBadRequest, "send the parameters in the body, and nothing in the address")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" || len(r.Header.Values("Content-Type")) != 1 {
		return asked, invalidRequest(http.StatusBadRequest, "send a body of the type application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTokenRequest))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return asked, invalidRequest(http.StatusRequestEntityTooLarge, "the body is longer than 8 KiB")
	}
	if err != nil {
		return asked, invalidRequest(http.StatusBadRequest, "the body could not be read")
	}
	return decodeTokenRequest(string(body), r.Header.Values("Authorization"))
}

// decodeTokenRequest takes the parameters out of a body, and the client's name and secret out of it or of the header.
func decodeTokenRequest(body string, authorization []string) (asked tokenRequest, err error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return asked, invalidRequest(http.StatusBadRequest, "the body is malformed")
	}
	for _, name := range []string{"grant_type", "client_id", "client_secret", "scope"} {
		if len(form[name]) > 1 {
			return asked, invalidRequest(http.StatusBadRequest, name+" is there more than once")
		}
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return asked, invalidRequest(http.StatusBadRequest, "grant_type is missing")
	default:
		return asked, &tokenProblem{status: http.StatusBadRequest, Code: "unsupported_grant_type", Description: "the grant_type is client_credentials"}
	}
	asked = tokenRequest{client: form.Get("client_id"), secret: form.Get("client_secret"), scope: form.Get("scope")}
	switch {
	case len(authorization) > 1:
		return tokenRequest{}, invalidRequest(http.StatusBadRequest, "send one Authorization header")
	case len(authorization) == 1:
		client, secret, ok := basic(authorization[0])
		if !ok {
			return tokenRequest{}, errWrongClient
		}
		if asked.secret != "" || asked.client != "" && asked.client != client {
			return tokenRequest{}, invalidRequest(http.StatusBadRequest, "send the client and its secret either in the Authorization header or in the body")
		}
		asked.client, asked.secret = client, secret
	}
	if asked.client == "" || asked.secret == "" {
		return tokenRequest{}, errWrongClient
	}
	return asked, nil
}

// basic reads a header as RFC 6749 has it: each part is encoded as in a form.
func basic(header string) (client, secret string, ok bool) {
	r := http.Request{Header: http.Header{"Authorization": {header}}}
	client, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	client, first := url.QueryUnescape(client)
	secret, second := url.QueryUnescape(secret)
	return client, secret, first == nil && second == nil
}

func (e *Exchange) bucket(of *lru.Cache[failing, *rate.Limiter], who failing, returns time.Duration, most int) *rate.Limiter {
	fresh := rate.NewLimiter(rate.Every(returns), most)
	if known, ok, _ := of.PeekOrAdd(who, fresh); ok {
		of.Get(who) // it is in use
		return known
	}
	return fresh
}

// until is how many seconds it takes until there may be another failure; 0 when there may be one now.
func until(bucket *rate.Limiter, now time.Time) int {
	left := bucket.TokensAt(now)
	if left >= 1 {
		return 0
	}
	return max(1, int(math.Ceil((1-left)/float64(bucket.Limit()))))
}

// placeOf is the address that somebody comes from; of IPv6 the network, of which one machine has all addresses.
func placeOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(strings.TrimSpace(host))
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	place, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return place
}
