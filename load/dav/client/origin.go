package client

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// allow decides whether a server may send us from one URL to another, and the credentials with us.
//
// The same origin always may. Another one may while the account is being found, over TLS, and if it belongs to the same
// registrable domain: iCloud sends everybody from caldav.icloud.com to a partition of its own, hosters from example.org to
// dav.example.org. So a redirect can neither take the password to somebody else nor off TLS.
func (c *Client) allow(to, from *url.URL, finding bool) error {
	if c.trusted(to) {
		return nil
	}
	where := origin(to)
	switch {
	case to.Scheme != "https" && to.Scheme != "http" || to.Host == "":
		return fmt.Errorf("it leads to %s, which is no web address", cut(words(to.Redacted()), mostHref))
	case to.Scheme != "https":
		return fmt.Errorf("it leads to %s, without TLS: give that address if it is right", where)
	case !finding:
		return fmt.Errorf("it leads to another server, %s", where)
	case !sameSite(to.Hostname(), from.Hostname()):
		return fmt.Errorf("it leads to %s, which is somebody else's as far as can be told: give that address if it is right", where)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origins[where] = true
	return nil
}

func (c *Client) trusted(u *url.URL) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.origins[origin(u)]
}

// sameSite reports whether two hosts are in the same registrable domain: one below a public suffix.
func sameSite(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return true
	}
	if net.ParseIP(a) != nil || net.ParseIP(b) != nil {
		return false
	}
	siteA, errA := publicsuffix.EffectiveTLDPlusOne(a)
	siteB, errB := publicsuffix.EffectiveTLDPlusOne(b)
	return errA == nil && errB == nil && siteA == siteB
}

// origin returns scheme, host and port of a URL, always with the port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
