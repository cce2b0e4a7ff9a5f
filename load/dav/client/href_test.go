package client

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func at(t testing.TB, base string) *Client {
	u := parse(t, base)
	return &Client{base: u, origins: map[string]bool{origin(u): true}}
}

// TestHref gives resources one name, however the server writes it.
func TestHref(t *testing.T) {
	c := at(t, "https://dav.example.org/cal/")
	for href, want := range map[string]string{
		"/cal/a.ics":                          "/cal/a.ics",
		"a.ics":                               "/cal/a.ics",
		"/cal/%61.ics":                        "/cal/a.ics",
		"/u%40example.org/a%20b.ics":          "/u@example.org/a%20b.ics",
		"/cal/a%2Fb.ics":                      "/cal/a%2Fb.ics",
		"/cal/%2e./x":                         "/cal/%2E%2E/x",
		"/cal/%E4.ics":                        "/cal/%E4.ics",
		"https://dav.example.org/cal/a.ics":   "/cal/a.ics",
		"https://DAV.example.org:443/cal/a":   "/cal/a",
		"http://10.0.0.1:8080/cal/a.ics?x#y":  "/cal/a.ics", // behind a proxy
		"http://me:secret@dav.example.org/":   "/",
		"https://dav.example.org":             "!no address",
		"mailto:a@example.org":                "!no address",
		"":                                    "!by nothing",
		"http://[::1":                         "!no address",
		"/cal/" + strings.Repeat("x", 10_000): "!by nothing",
	} {
		u, err := c.found(href, c.base)
		if reason, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%.50s: %v, %v", href, u, err)
			}
			continue
		}
		if err != nil || c.href(u) != want {
			t.Errorf("%s is %v, %v, want %s", href, u, err, want)
			continue
		}
		if again, err := c.locate(c.href(u)); err != nil || c.href(again) != want {
			t.Errorf("%s comes back as %v, %v", want, again, err)
		}
	}
	if _, err := c.locate("https://mallory.example/x"); err == nil {
		t.Error("an href leads to another server")
	}
}

// TestJoin makes hrefs that come apart again.
func TestJoin(t *testing.T) {
	c := at(t, "https://dav.example.org/cal/")
	work := parse(t, "https://dav.example.org/cal/work/")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[^/\x00]{0,20}[^/\x00]`), rapid.SampledFrom([]string{".", "..", "...", "%2E%2E"})).Draw(t, "name")
		href := Join("/cal/work/", name)
		u, err := c.locate(href)
		if err != nil {
			t.Fatalf("%q: %v", href, err)
		}
		if got := c.href(u); got != canonical(href) || Base(got) != name {
			t.Errorf("%q is %q, and %q again", name, got, Base(got))
		}
		if got, ok := c.child(u, work); !ok || got != c.href(u) {
			t.Errorf("%q is no child: %q", href, got)
		}
	})
	if got := Join("/cal", "Work & play/"); got != "/cal/Work%20&%20play/" || Base(got) != "Work & play" {
		t.Error(got)
	}
}

// TestAllow lets a server lead on only where the password may go.
func TestAllow(t *testing.T) {
	for _, c := range []struct {
		from, to string
		finding  bool
		ok       bool
	}{
		{"https://caldav.icloud.com/", "https://p42-caldav.icloud.com:443/1/", true, true},
		{"https://caldav.icloud.com/", "https://p42-caldav.icloud.com:443/1/", false, false},
		{"https://caldav.icloud.com/", "http://p42-caldav.icloud.com/1/", true, false},
		{"https://example.org/", "https://dav.example.org/", true, true},
		{"https://example.org/", "https://dav.example.com/", true, false},
		{"https://alice.github.io/", "https://mallory.github.io/", true, false},
		{"https://example.co.uk/", "https://mallory.co.uk/", true, false},
		{"https://example.org/", "https://example.org:8443/", true, true},
		{"https://example.org/", "http://example.org/", true, false},
		{"http://example.org/", "https://example.org/", true, true},
		{"http://example.org/", "http://dav.example.org/", true, false},
		{"http://localhost:1/", "http://localhost:2/", true, false},
		{"https://10.0.0.1/", "https://10.0.0.2/", true, false},
		{"https://10.0.0.1/", "https://10.0.0.1:444/", true, true},
		{"https://server/", "https://other/", true, false},
		{"https://example.org/", "ftp://example.org/", true, false},
		{"https://example.org/", "https:///x", true, false},
		{"https://example.org/", "https://EXAMPLE.org:443/x", false, true},
	} {
		client := at(t, c.from)
		to := parse(t, c.to)
		err := client.allow(to, parse(t, c.from), c.finding)
		if (err == nil) != c.ok || client.trusted(to) != c.ok {
			t.Errorf("from %s to %s: %v", c.from, c.to, err)
		}
	}
}

// TestSecretsStayHome gives nothing away to an origin without TLS.
func TestSecretsStayHome(t *testing.T) {
	for _, c := range []struct {
		url, insecure string
		want          bool
	}{
		{"https://example.org/", "", true},
		{"http://example.org/", "", false},
		{"http://example.org/", "example.org", true},
		{"http://other.example.org/", "example.org", false},
	} {
		for _, creds := range []Credentials{{User: "u", Password: "p"}, {Token: "t"}} {
			a := newAuthorizer(creds, c.insecure)
			u := parse(t, c.url)
			a.origins[origin(u)] = &login{basic: true}
			if p := a.proof("GET", u); (p.header != "") != c.want {
				t.Errorf("%+v sends %q", c, p.header)
			}
		}
	}
}

// TestRetryAfter is bounded, whatever a server says.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		" 0 ":                           0,
		"-5":                            0,
		"4000000000":                    time.Hour,
		"99999999999999999999":          0,
		"soon":                          0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:00:00 GMT": 0,
		"Fri, 02 Jan 2099 03:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {in}}, now); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}
