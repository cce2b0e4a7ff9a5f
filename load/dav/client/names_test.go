package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"mailmill/load/dav/client"
	"mailmill/load/dav/davtest"
)

// zone is what the DNS says.
type zone struct {
	srv   []*net.SRV
	txt   []string
	asked []string
}

func (z *zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	z.asked = append(z.asked, "_"+service+"._"+proto+"."+name)
	if z.srv == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return "", z.srv, nil
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.asked = append(z.asked, name)
	return z.txt, nil
}

// A domain whose web server knows nothing of calendars may name another host in the DNS (RFC 6764). It gets the password only
// over TLS, and only if it belongs to the same people.
func TestServiceThatTheDNSNames(t *testing.T) {
	const domain, host = "example.com", "dav.example.com."
	for _, c := range []struct {
		what    string
		url     string
		zone    zone
		down    bool // there is no web server at all
		kind    client.Kind
		want    string // the home; empty: it is not found
		asked   string
		options davtest.Options
	}{
		{what: "a host", zone: zone{srv: []*net.SRV{{Target: host, Port: 443}}}, want: davtest.CalendarHome, asked: "_caldavs._tcp.example.com"},
		{what: "a port", zone: zone{srv: []*net.SRV{{Target: host, Port: 8443}}}, want: davtest.CalendarHome},
		{what: "contacts", kind: client.AddressBooks, zone: zone{srv: []*net.SRV{{Target: host, Port: 443}}}, want: davtest.ContactsHome, asked: "_carddavs._tcp.example.com"},
		{what: "a path", options: davtest.Options{NoWellKnown: true}, zone: zone{srv: []*net.SRV{{Target: host, Port: 443}}, txt: []string{"x=y", "path=" + davtest.Root}}, want: davtest.CalendarHome},
		{what: "nobody at the domain", down: true, zone: zone{srv: []*net.SRV{{Target: host, Port: 443}}}, want: davtest.CalendarHome},
		{what: "the second", zone: zone{srv: []*net.SRV{{Target: "gone.example.com.", Port: 443}, {Target: host, Port: 443}}}, want: davtest.CalendarHome},
		{what: "somebody else", zone: zone{srv: []*net.SRV{{Target: "dav.example.net.", Port: 443}}}},
		{what: "no such service", zone: zone{srv: []*net.SRV{{Target: ".", Port: 0}}}},
		{what: "no record", zone: zone{}, asked: "_caldavs._tcp.example.com"},
		{what: "a name that is none", zone: zone{srv: []*net.SRV{{Target: "a b/@x.example.com.", Port: 443}}}},
		{what: "a port in the URL", url: "https://example.com:443/", zone: zone{srv: []*net.SRV{{Target: host, Port: 443}}}, asked: "nothing"},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.options.TLS, c.options.Password = true, password
			s := davtest.New(t, c.options)
			web := httptest.NewTLSServer(http.NotFoundHandler())
			defer web.Close()
			at, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			if c.url == "" {
				c.url = "https://" + domain + "/"
			}
			base, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			o := options(t, s, "")
			o.URL, o.Resolver = base, &c.zone
			if c.kind != 0 {
				o.Kind = c.kind
			}
			o.TLS = &tls.Config{RootCAs: s.Roots()}
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				to := ""
				switch name, _, _ := strings.Cut(address, ":"); name {
				case domain:
					to = web.Listener.Addr().String()
				case "dav.example.com":
					to = at.Host
				case "dav.example.net":
					t.Errorf("somebody else is asked")
				}
				if to == "" || c.down && strings.HasPrefix(address, domain) {
					return nil, errors.New("connection refused")
				}
				return new(net.Dialer).DialContext(ctx, network, to)
			}
			found, err := client.Dial(t.Context(), o)
			switch {
			case c.want == "" && err == nil:
				t.Errorf("found %v", found.Homes())
			case c.want != "" && err != nil:
				t.Error(err)
			case c.want != "" && !strings.HasSuffix(found.Homes()[0], c.want):
				t.Errorf("found %v", found.Homes())
			}
			if err == nil {
				found.Close()
			}
			if got := strings.Join(c.zone.asked, " "); c.asked == "nothing" && got != "" || c.asked != "nothing" && !strings.HasPrefix(got, c.asked) {
				t.Errorf("asked for %q", got)
			}
		})
	}
}
