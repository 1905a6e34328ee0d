package models_test

import (
	"net/netip"
	"strings"
	"testing"

	"cohort/models"
)

func TestPublicAddress(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true, "198.17.0.1": true, "223.255.255.255": true,
		"2606:4700:4700::1111": true, "2a00:1450:4001::1": true, "2001:4860:4860::8888": true, "64:ff9b::808:808": true, "::ffff:8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, // this host
		"127.0.0.1": false, "127.255.255.254": false, "::1": false, // loopback
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd12:3456::1": false, // private
		"169.254.0.1": false, "169.254.169.254": false, "fe80::1": false, "fd00:ec2::254": false, // link-local, and clouds' metadata
		"100.64.0.1": false, "100.127.255.255": false, "100.100.100.200": false, // carriers' NAT
		"224.0.0.1": false, "239.255.255.255": false, "ff02::1": false, "ff0e::1": false, "255.255.255.255": false, "240.0.0.1": false, // multicast, broadcast, reserved
		"::": false, "192.0.0.1": false, "192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "198.18.0.1": false, "198.19.255.255": false, "192.88.99.1": false,
		"2001:db8::1": false, "3fff::1": false, "2001::1": false, "2001:2::1": false, "100::1": false, "5f00::1": false, "fec0::1": false, "4000::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "::8.8.8.8": false, // IPv4 in IPv6
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::a00:1": false, "64:ff9b:1::808:808": false, // NAT64
		"2002:7f00:1::": false, "2002:a00:1::": false, "2002:808:808::": false, // 6to4
		"fe80::1%eth0": false, "2606:4700::1%1": false, // a zone
	} {
		if got := models.PublicAddress(netip.MustParseAddr(address)); got != public {
			t.Errorf("%s: %v", address, got)
		}
	}
	if models.PublicAddress(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestWebhookURL(t *testing.T) {
	private := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/16")}
	for text, tt := range map[string]struct {
		allowed []netip.Prefix
		code    models.ErrorCode // "" is right
	}{
		"https://example.org/in?token=x":   {},
		" https://example.org ":            {},
		"HTTPS://EXAMPLE.org:8443":         {},
		"https://bücher.example/":          {},
		"https://8.8.8.8/":                 {},
		"https://[2606:4700::1111]:443/":   {},
		"https://10.1.2.3/":                {allowed: private},
		"http://10.1.2.3:81/":              {allowed: private},
		"http://[fd00::1]/":                {allowed: private},
		"http://inside.example.org/":       {allowed: private},
		"https://[::ffff:10.1.0.1]/":       {allowed: private},
		"":                                 {code: models.CodeRequired},
		"https://a.b/" + long(2000):        {code: models.CodeTooLong},
		"https://a.b/\u202e":               {code: models.CodeInvalidCharacters},
		"example.org":                      {code: models.CodeInvalid},
		"https:example.org":                {code: models.CodeInvalid},
		"https:///in":                      {code: models.CodeInvalid},
		"https://:443/":                    {code: models.CodeInvalid},
		"https://example.org:0/":           {code: models.CodeInvalid},
		"https://example.org:/":            {code: models.CodeInvalid},
		"https://example.org:70000/":       {code: models.CodeInvalid},
		"https://example.org/#x":           {code: models.CodeInvalid},
		"https://user:word@example.org/":   {code: models.CodeInvalid},
		"https://user@example.org/":        {code: models.CodeInvalid},
		"ftp://example.org/":               {code: models.CodeInvalid},
		"javascript:alert(1)":              {code: models.CodeInvalid},
		"http://example.org/":              {code: models.CodeInvalid},
		"http://8.8.8.8/":                  {allowed: private, code: models.CodeInvalid},
		"https://127.0.0.1/":               {code: models.CodeInvalid},
		"https://127.0.0.1./":              {code: models.CodeInvalid},
		"https://[::1]/":                   {code: models.CodeInvalid},
		"https://[fe80::1%25eth0]/":        {code: models.CodeInvalid},
		"https://169.254.169.254/latest":   {code: models.CodeInvalid},
		"https://10.2.0.1/":                {allowed: private, code: models.CodeInvalid},
		"https://2130706433/":              {code: models.CodeInvalid},
		"https://127.1/":                   {code: models.CodeInvalid},
		"https://0x7f000001/":              {code: models.CodeInvalid},
		"https://0177.0.0.1/":              {code: models.CodeInvalid},
		"https://[64:ff9b::7f00:1]/":       {code: models.CodeInvalid},
		"https://[::ffff:169.254.169.254]": {code: models.CodeInvalid},
	} {
		got, err := models.WebhookURL(text, tt.allowed)
		errs, rest := models.UserErrors(err)
		if rest != nil {
			t.Fatal(rest)
		}
		switch {
		case tt.code == "" && (err != nil || got != strings.TrimSpace(text)):
			t.Errorf("%s: %q, %v", text, got, err)
		case tt.code != "" && (len(errs) != 1 || errs[0].Code != tt.code):
			t.Errorf("%s: %v", text, err)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }
