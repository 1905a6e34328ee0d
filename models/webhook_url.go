package models

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// MaxURL is how many characters the URL of a webhook may have.
const MaxURL = 2000

// reserved are the addresses that are nobody's on the internet, or that lead into other nets: IANA's registries of
// special-purpose addresses, and 2000::/3 turned round.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/3",
	"::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

// nat64 carries an address of IPv4 in its last four bytes.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, text := range list {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

// Listed tells whether an address lies in one of the nets, also written as one of IPv6.
func Listed(nets []netip.Prefix, address netip.Addr) bool {
	address = address.WithZone("").Unmap()
	for _, net := range nets {
		if net.Contains(address) {
			return true
		}
	}
	return false
}

// PublicAddress tells whether an address is one of the internet: not private, not of this machine or its link, not reserved,
// whatever the notation or the translation.
func PublicAddress(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" {
		return false
	}
	address = address.Unmap()
	if nat64.Contains(address) {
		raw := address.As16()
		address = netip.AddrFrom4([4]byte(raw[12:]))
	}
	return !Listed(reserved, address)
}

// WebhookURL checks and cleans where a webhook's messages are to go. allowed are the nets in which addresses may be private and
// `http` will do. REQUIRED, TOO_LONG, INVALID_CHARACTERS; INVALID for what is no such URL, and for an address that is not one of the
// internet. What a name stands for is seen when it is used.
func WebhookURL(text string, allowed []netip.Prefix) (string, error) {
	text, err := Line(text, MaxURL, true)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", Errorf(CodeInvalid, "this is not a URL such as https://example.org/cohort")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", Errorf(CodeInvalid, "the URL must begin with https://")
	case u.User != nil:
		return "", Errorf(CodeInvalid, "the URL must not have a name or a password in front of the host")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "", Errorf(CodeInvalid, "the URL must not have a fragment: # and what follows never reaches a server")
	}
	if err := webhookHost(u, allowed); err != nil {
		return "", err
	}
	return text, nil
}

func webhookHost(u *url.URL, allowed []netip.Prefix) error {
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return Errorf(CodeInvalid, "the URL's port must lie between 1 and 65535")
		}
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	address, err := netip.ParseAddr(host)
	labels := strings.Split(host, ".")
	last := strings.ToLower(labels[len(labels)-1])
	switch {
	case host == "":
		return Errorf(CodeInvalid, "the URL has no host")
	case err == nil && Listed(allowed, address):
		return nil
	case err == nil && !PublicAddress(address):
		return Errorf(CodeInvalid, "the URL's address is private or reserved: messages go to the internet, unless COHORT_WEBHOOK_ALLOW has the address")
	case err != nil && (strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")):
		return Errorf(CodeInvalid, "the URL's host is not a name, and not an address in the usual notation")
	case u.Scheme == "http" && (err == nil || len(allowed) == 0):
		return Errorf(CodeInvalid, "the URL must begin with https://: http is for addresses that COHORT_WEBHOOK_ALLOW has")
	}
	return nil
}
