package client

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Resolver asks the DNS; a [net.Resolver] does.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// mostServers is how many of the servers that the DNS names are tried.
const mostServers = 4

// byName asks the DNS where the service of a domain is (RFC 6764 section 3), and what is there. It reports false where that
// leads nowhere.
//
// What the DNS says is not proved by anything (RFC 6764 section 8). So only services with TLS are looked for, whose certificate
// is for the host that is named, and only hosts in the same registrable domain are believed, as with redirects.
func (c *Client) byName(ctx context.Context) (*url.URL, *response, bool) {
	domain := c.base.Hostname()
	if c.base.Scheme != "https" || c.base.Port() != "" || net.ParseIP(domain) != nil || !strings.Contains(domain, ".") {
		return nil, nil, false
	}
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	service := c.kind.service() + "s"
	_, servers, err := c.resolver.LookupSRV(timed, service, "tcp", domain)
	if err != nil {
		c.log.Debug("the DNS knows no such service", "domain", domain, "service", service, "reason", err)
		return nil, nil, false
	}
	for _, s := range servers[:min(len(servers), mostServers)] {
		u, err := c.served(s)
		if err != nil {
			c.log.Warn("a server that the DNS names is not asked", "domain", domain, "reason", err)
			continue
		}
		u.Path = c.pathOf(timed, service, domain)
		at, about, err := c.probe(ctx, u)
		if err == nil {
			c.log.Info("the DNS names the server", "domain", domain, "server", origin(u))
			return at, about, true
		}
		c.log.Debug("nothing is at the server that the DNS names", "server", origin(u), "reason", err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, nil, false
}

// served returns the address of a server that the DNS names, and trusts it, if that can be done.
func (c *Client) served(s *net.SRV) (*url.URL, error) {
	host := strings.TrimSuffix(s.Target, ".")
	if host == "" { // RFC 2782: a lone dot
		return nil, fmt.Errorf("%s has no such service", c.base.Host)
	}
	u := &url.URL{Scheme: "https", Host: host}
	if s.Port != 443 {
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(s.Port)))
	}
	if _, err := url.Parse(u.String()); err != nil {
		return nil, fmt.Errorf("%q is no host", cut(words(host), mostHref))
	}
	return u, c.allow(u, c.base, true)
}

// pathOf returns where the service begins: what the DNS says (RFC 6764 section 4), or the well-known path.
func (c *Client) pathOf(ctx context.Context, service, domain string) string {
	texts, err := c.resolver.LookupTXT(ctx, "_"+service+"._tcp."+domain)
	if err == nil {
		for _, text := range texts {
			if path, ok := strings.CutPrefix(text, "path="); ok && strings.HasPrefix(path, "/") && len(path) < mostHref {
				return path
			}
		}
	}
	return "/.well-known/" + c.kind.service()
}
