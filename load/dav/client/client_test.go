package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailmill/load/dav/client"
	"mailmill/load/dav/davtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct horse battery"

// options are those of a client of a test server.
func options(t *testing.T, s *davtest.Server, path string) client.Options {
	t.Helper()
	u, err := url.Parse(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	o := client.Options{
		URL: u, Kind: client.Calendars, Credentials: client.Credentials{User: davtest.User, Password: password},
		Insecure: u.Scheme == "http", Timeout: 20 * time.Second, Log: debug(t),
	}
	if u.Scheme == "https" {
		o.TLS = &tls.Config{RootCAs: s.Roots()}
	}
	return o
}

func dial(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const work = davtest.CalendarHome + "work/"

// TestDial finds what is at a URL.
func TestDial(t *testing.T) {
	for _, c := range []struct {
		name, path string
		options    davtest.Options
		empty      bool
		direct     bool
		home       string // another one than the user's own
	}{
		{name: "host", path: ""},
		{name: "host with a slash", path: "/"},
		{name: "root", path: davtest.Root},
		{name: "principal", path: davtest.Principal},
		{name: "home", path: davtest.CalendarHome},
		{name: "home without its slash", path: strings.TrimSuffix(davtest.CalendarHome, "/")},
		{name: "home with nothing in it", path: davtest.CalendarHome, empty: true},
		{name: "collection", path: work, direct: true},
		{name: "collection without its slash", path: strings.TrimSuffix(work, "/"), direct: true},
		{name: "over TLS", path: "", options: davtest.Options{TLS: true}},
		{name: "server that closes", path: "", options: davtest.Options{Closes: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Password = password
			s := davtest.New(t, c.options)
			if !c.empty {
				s.Make(work, "Work & more")
			}
			d := dial(t, options(t, s, c.path))
			col, direct := d.Direct()
			homes := d.Homes()
			if direct != c.direct || direct && col.Href != work || !direct && (len(homes) != 1 || homes[0] != davtest.CalendarHome) {
				t.Errorf("direct %v %+v, homes %v", direct, col, homes)
			}
			list, err := d.Collections(t.Context())
			if err != nil || len(list) == 0 != c.empty || !c.empty && (list[0].Href != work || list[0].Name != "Work & more" || fmt.Sprint(list[0].Components) != "[VEVENT]") {
				t.Errorf("%+v, %v", list, err)
			}
			server := d.Server()
			if server.Principal != davtest.Principal && c.path != davtest.CalendarHome || server.Software != "davtest" || server.Scheduling() != client.Silent {
				t.Errorf("%+v", server)
			}
		})
	}
}

// TestDialRefuses says what is wrong before anything is written.
func TestDialRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		path    string
		options davtest.Options
		fault   davtest.Fault
		change  func(*client.Options)
		want    string
		auth    bool
		tls     bool
	}{
		{name: "wrong password", change: func(o *client.Options) { o.Password = "wrong" }, want: "does not take the user name and the password", auth: true},
		{name: "wrong password by digest", options: davtest.Options{Auth: davtest.DigestSHA256}, change: func(o *client.Options) { o.Password = "wrong" }, want: "does not take the user name and the password", auth: true},
		{name: "wrong token", options: davtest.Options{Auth: davtest.Bearer}, change: func(o *client.Options) { o.Credentials = client.Credentials{Token: "wrong"} }, want: "does not take the token: invalid_token", auth: true},
		{name: "no password", change: func(o *client.Options) { o.Credentials = client.Credentials{} }, want: "a user name and a password are needed", auth: true},
		{name: "password where a token is wanted", options: davtest.Options{Auth: davtest.Bearer}, want: "the server offers only bearer", auth: true},
		{name: "no TLS", change: func(o *client.Options) { o.Insecure = false }, want: "could be read by anybody", auth: true},
		{name: "unknown certificate", options: davtest.Options{TLS: true}, change: func(o *client.Options) { o.TLS = nil }, want: "--tls-ca", tls: true},
		{name: "no TLS where it is wanted", change: func(o *client.Options) {
			u := *o.URL
			u.Scheme = "https"
			o.URL = &u
		}, want: "no secure connection", tls: true},
		{name: "no service", options: davtest.Options{NoWellKnown: true}, want: "seems to have no caldav service"},
		{name: "nothing there", path: "/dav/nothing/", want: "404 Not Found"},
		{name: "web site", fault: davtest.Fault{Method: "PROPFIND", Times: -1, Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>"}, want: "seems to have no caldav service"},
		{name: "redirect to another host", path: davtest.Root, fault: davtest.Fault{Status: 302, Header: http.Header{"Location": {"https://mallory.example/dav/"}}}, want: "somebody else's"},
		{name: "redirect to no TLS", path: davtest.Root, options: davtest.Options{TLS: true}, fault: davtest.Fault{Status: 302, Header: http.Header{"Location": {"http://127.0.0.1/dav/"}}}, want: "without TLS"},
		{name: "redirect in circles", path: davtest.Root, fault: davtest.Fault{Times: -1, Status: 301, Header: http.Header{"Location": {davtest.Root}}}, want: "more than 5 times"},
		{name: "home on another host", path: davtest.Principal, fault: davtest.Fault{Status: 207, Body: `<multistatus xmlns="DAV:"><response><href>/dav/principals/alice/</href><propstat><prop><calendar-home-set xmlns="urn:ietf:params:xml:ns:caldav"><href xmlns="DAV:">https://mallory.example/</href></calendar-home-set></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`}, want: "somebody else's"},
		{name: "silence", fault: davtest.Fault{Hangs: true}, change: func(o *client.Options) { o.Timeout = 100 * time.Millisecond }, want: "nothing moved for 100ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Password = password
			s := davtest.New(t, c.options)
			if c.fault.Status != 0 || c.fault.Hangs {
				s.Fail(c.fault)
			}
			o := options(t, s, c.path)
			if c.change != nil {
				c.change(&o)
			}
			d, err := client.Dial(t.Context(), o)
			if err == nil {
				d.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			var auth *client.AuthError
			var insecure *client.TLSError
			if errors.As(err, &auth) != c.auth || errors.As(err, &insecure) != c.tls {
				t.Errorf("%v is %T", err, err)
			}
			if c.auth {
				refused := 0
				for _, r := range s.Requests("") {
					if r.Status == http.StatusUnauthorized {
						refused++
					}
				}
				if refused > 2 {
					t.Errorf("tried %d times", refused)
				}
			}
		})
	}
}

// TestLogin stores by every way to log in, over several connections, with nonces that do not last.
func TestLogin(t *testing.T) {
	for _, c := range []struct {
		name  string
		auth  davtest.Auth
		uses  int
		token bool
	}{
		{name: "Basic", auth: davtest.Basic},
		{name: "Digest MD5", auth: davtest.DigestMD5},
		{name: "Digest SHA-256", auth: davtest.DigestSHA256},
		{name: "stale nonces", auth: davtest.DigestSHA256, uses: 7},
		{name: "Bearer", auth: davtest.Bearer, token: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{Password: password, Auth: c.auth, NonceUses: c.uses})
			s.Make(work, "Work")
			o := options(t, s, "")
			if c.token {
				o.Credentials = client.Credentials{Token: password}
			}
			d := dial(t, o)
			many(t, d, 20)
			if n := len(s.Objects(work)); n != 20 {
				t.Errorf("%d are stored", n)
			}
			refused := 0
			for _, r := range s.Requests("PUT") {
				if r.Status == http.StatusUnauthorized {
					refused++
				}
			}
			if c.uses == 0 && refused > 0 {
				t.Errorf("%d PUTs were sent without a login", refused)
			}
		})
	}
}

// many stores events over three connections.
func many(t *testing.T, d *client.Client, n int) {
	t.Helper()
	var workers sync.WaitGroup
	for w := range 3 {
		workers.Go(func() {
			for i := w; i < n; i += 3 {
				uid := fmt.Sprintf("event-%d", i)
				if _, err := d.Put(t.Context(), client.Join(work, uid+".ics"), create(client.Calendars, event(uid, "Many"))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
}

// TestTokenIsRenewed gets another token when one has expired.
func TestTokenIsRenewed(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: password, Auth: davtest.Bearer})
	s.Make(work, "Work")
	o := options(t, s, work)
	renewed := 0
	o.Credentials = client.Credentials{Token: password, Renew: func(context.Context) (string, error) {
		renewed++
		return password, nil
	}}
	d := dial(t, o)
	s.Fail(davtest.Fault{Method: "PUT", Skip: 3, Status: http.StatusUnauthorized})
	many(t, d, 20)
	if n := len(s.Objects(work)); n != 20 || renewed != 1 {
		t.Errorf("%d are stored, %d tokens", n, renewed)
	}
	s.Fail(davtest.Fault{Method: "PUT", Times: -1, Status: http.StatusUnauthorized})
	var auth *client.AuthError
	if _, err := d.Put(t.Context(), work+"x.ics", create(client.Calendars, event("x", "X"))); !errors.As(err, &auth) || renewed != 2 {
		t.Errorf("%v, %d tokens", err, renewed)
	}
}

// TestPut tells what became of a resource.
func TestPut(t *testing.T) {
	type is struct{ exists, changed, conflict, uid, large, quota, slow, gone, temporary, unsent, unknown bool }
	const name = work + "one.ics"
	body := event("one", "One")
	multistatus := func(inside string) davtest.Fault {
		return davtest.Fault{Status: 207, Header: http.Header{"Content-Type": {"application/xml"}}, Body: `<multistatus xmlns="DAV:">` + inside + `</multistatus>`}
	}
	for _, c := range []struct {
		name    string
		options davtest.Options
		before  func(*davtest.Server)
		fault   davtest.Fault
		put     func(*client.PutOptions)
		href    string
		want    is
		words   string
		stored  bool // afterwards it is there as it was sent
		etag    bool
	}{
		{name: "stored", stored: true, etag: true},
		{name: "stored, ETag withheld", options: davtest.Options{NoETag: true}, stored: true},
		{name: "there already", before: func(s *davtest.Server) { s.Put(name, event("one", "Other")) }, want: is{exists: true}, words: "412"},
		{name: "changed meanwhile", before: func(s *davtest.Server) { s.Put(name, event("one", "Other")) }, put: func(o *client.PutOptions) { o.IfNoneMatch, o.IfMatch = "", `"old"` }, want: is{changed: true}, words: "412"},
		{name: "the UID is there", options: davtest.Options{ConflictHref: true}, before: func(s *davtest.Server) { s.Put(work+"other.ics", body) }, want: is{uid: true}, words: "no-uid-conflict"},
		{name: "the UID is there, 403", options: davtest.Options{ConflictHref: true, ConflictStatus: 403}, before: func(s *davtest.Server) { s.Put(work+"other.ics", body) }, want: is{uid: true}, words: "no-uid-conflict"},
		{name: "the UID is there, 207", options: davtest.Options{ConflictHref: true, ConflictStatus: 207}, before: func(s *davtest.Server) { s.Put(work+"other.ics", body) }, want: is{uid: true}, words: "UID already in use."},
		{name: "the UID is in another calendar", options: davtest.Options{ConflictHref: true, UIDs: davtest.PerHome}, before: func(s *davtest.Server) {
			s.Make(davtest.CalendarHome+"home/", "Home")
			s.Put(davtest.CalendarHome+"home/x.ics", body)
		}, want: is{uid: true}, words: "no-uid-conflict"},
		{name: "too large", options: davtest.Options{MaxSize: 100}, want: is{large: true}, words: "that is too large"},
		{name: "too large, 507", fault: davtest.Fault{Status: 507, Header: http.Header{"Content-Type": {"text/xml"}}, Body: `<error xmlns="DAV:"><max-resource-size xmlns="urn:ietf:params:xml:ns:caldav"/></error>`}, want: is{large: true}, words: "max-resource-size"},
		{name: "over quota", options: davtest.Options{Quota: 100}, want: is{quota: true}, words: "there is no room"},
		{name: "over quota, 403", fault: davtest.Fault{Status: 403, Header: http.Header{"Content-Type": {"text/xml"}}, Body: `<error xmlns="DAV:"><quota-not-exceeded/></error>`}, want: is{quota: true}, words: "quota-not-exceeded"},
		{name: "over quota, 500", fault: davtest.Fault{Status: 500, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: "<html><head><title>500</title></head><body><h1>Error</h1><p>Over quota</p><hr><address>Cyrus</address></body></html>"}, want: is{quota: true}, words: "Over quota"},
		{name: "too fast", fault: davtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, want: is{slow: true, temporary: true}, words: "429 Too Many Requests"},
		{name: "away for a moment", fault: davtest.Fault{Status: 503}, want: is{slow: true, temporary: true}, words: "503"},
		{name: "an error of its own", fault: davtest.Fault{Status: 500, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: "<html><head><title>500</title></head><h1>Oops</h1><p>Out of \x1b[31mcheese " + password + "</p>"}, want: is{temporary: true}, words: "500 Internal Server Error: Out of [31mcheese …"},
		{name: "a gateway's error", fault: davtest.Fault{Status: 504}, want: is{temporary: true, unknown: true}, words: "504"},
		{name: "locked", fault: davtest.Fault{Status: 423}, want: is{temporary: true}, words: "423"},
		{name: "refused", fault: davtest.Fault{Status: 415, Header: http.Header{"Content-Type": {"text/xml"}}, Body: `<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\UnsupportedMediaType</s:exception><s:message>Validation error in iCalendar: no DTSTART</s:message></d:error>`}, words: "415 Unsupported Media Type: Validation error in iCalendar: no DTSTART"},
		{name: "no such collection", href: davtest.CalendarHome + "nowhere/one.ics", want: is{conflict: true}, words: "there is no such collection"},
		{name: "207 with a 403 inside", fault: multistatus("<response><href>/x</href><propstat><prop><getetag/></prop><status>HTTP/1.1 403 Forbidden</status></propstat></response>"), words: "403 Forbidden"},
		{name: "207 with nothing inside", fault: multistatus(""), want: is{unknown: true}, words: "nothing in it tells of a failure"},
		{name: "207 with nonsense inside", fault: multistatus("<response>"), want: is{unknown: true}, words: "cannot be understood"},
		{name: "202", fault: davtest.Fault{Status: 202}, want: is{unknown: true}, words: "202"},
		{name: "redirect to another server", fault: davtest.Fault{Status: 307, Header: http.Header{"Location": {"https://mallory.example/x"}}}, want: is{unknown: true}, words: "another server"},
		{name: "redirect within", fault: davtest.Fault{Status: 307, Header: http.Header{"Location": {work + "one.ics"}}}, stored: true, etag: true},
		{name: "cut before it is stored", fault: davtest.Fault{Cut: true}, want: is{unknown: true}, words: "no answer"},
		{name: "cut after it is stored", fault: davtest.Fault{Cut: true, Stores: true}, want: is{unknown: true}, words: "no answer", stored: true},
		{name: "never answered", fault: davtest.Fault{Hangs: true}, want: is{unknown: true}, words: "nothing moved for"},
		{name: "never answered but stored", fault: davtest.Fault{Hangs: true, Stores: true}, want: is{unknown: true}, words: "nothing moved for", stored: true},
		{name: "server gone", options: davtest.Options{Closes: true}, before: func(s *davtest.Server) { s.Stop() }, want: is{unsent: true}, words: "not sent"},
		{name: "body too short", put: func(o *client.PutOptions) { o.Size++ }, want: is{unsent: true}, words: "1 bytes shorter"},
		{name: "body too long", put: func(o *client.PutOptions) { o.Size-- }, want: is{unsent: true}, words: "longer"},
		{name: "body unreadable", put: func(o *client.PutOptions) {
			o.Body = func() (io.ReadCloser, error) { return nil, errors.New("the disk is on fire") }
		}, want: is{unsent: true}, words: "the disk is on fire"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Password = password
			s := davtest.New(t, c.options)
			s.Make(work, "Work")
			o := options(t, s, work)
			o.Timeout = 300 * time.Millisecond
			d := dial(t, o)
			if c.before != nil {
				c.before(s)
			}
			c.fault.Method = "PUT"
			if c.fault.Status != 0 || c.fault.Cut || c.fault.Hangs {
				s.Fail(c.fault)
			}
			put := create(client.Calendars, body)
			if c.put != nil {
				c.put(&put)
			}
			href := name
			if c.href != "" {
				href = c.href
			}
			stored, err := d.Put(t.Context(), href, put)
			at, uid := client.UIDConflict(err)
			_, slow := client.Throttled(err)
			got := is{
				client.Exists(err), client.Changed(err), client.Conflict(err), uid, client.TooLarge(err), client.OverQuota(err),
				slow, client.Gone(err), client.Temporary(err), client.Unsent(err), client.Unknown(err),
			}
			if got != c.want {
				t.Errorf("%v is %+v, want %+v", err, got, c.want)
			}
			if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %s", err, c.words)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the password is in %v", err)
			}
			if uid && !strings.HasPrefix(at, davtest.CalendarHome) {
				t.Errorf("the other one is at %q", at)
			}
			if after, _ := client.Throttled(err); c.fault.Header.Get("Retry-After") == "7" && after != 7*time.Second {
				t.Errorf("wait %v", after)
			}
			there := false
			for _, o := range s.Objects(work) {
				if o.Path == name {
					there = bytes.Equal(o.Data, body) && o.Puts == 1
					if err == nil && (stored.ETag != "" && stored.ETag != o.ETag || o.Type != calendarType) {
						t.Errorf("%+v is stored as %+v", stored, o)
					}
				}
			}
			if there != c.stored || (stored.ETag != "") != c.etag || err == nil && stored.Href != name {
				t.Errorf("%+v; stored %v, want %v", stored, there, c.stored)
			}
		})
	}
}

// TestNothingIsRepeated sends a PUT that may have been stored once.
func TestNothingIsRepeated(t *testing.T) {
	for _, fault := range []davtest.Fault{
		{Cut: true, Stores: true, Times: -1}, {Cut: true, Times: -1}, {Status: 503, Times: -1}, {Status: 429, Times: -1},
	} {
		s := davtest.New(t, davtest.Options{})
		s.Make(work, "Work")
		d := dial(t, options(t, s, work))
		many(t, d, 5) // so that there are connections to use again
		before := len(s.Requests("PUT"))
		fault.Method = "PUT"
		s.Fail(fault)
		if _, err := d.Put(t.Context(), work+"x.ics", create(client.Calendars, event("x", "X"))); err == nil {
			t.Error("no error")
		}
		if n := len(s.Requests("PUT")) - before; n != 1 {
			t.Errorf("%+v: %d requests", fault, n)
		}
	}
}

// TestQuiet sends the headers that stop invitations with everything that changes a resource.
func TestQuiet(t *testing.T) {
	meeting := event("meeting", "Meeting", "ORGANIZER:"+davtest.Address+"\r\n", "ATTENDEE;CN=Bob:mailto:bob@example.net\r\n")
	for _, c := range []struct {
		name       string
		suppressed http.Header
		want       int
	}{
		{"sabre", http.Header{"Schedule-Reply": {"F"}}, 0},
		{"Cyrus", http.Header{"Scheduling-Enabled": {"F"}}, 0},
		{"Nextcloud", http.Header{"X-Nc-Scheduling": {"false"}}, 0},
		{"a server that knows none", nil, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{Schedules: true, SuppressedBy: c.suppressed})
			s.Make(work, "Work")
			d := dial(t, options(t, s, work))
			if server := d.Server(); server.Scheduling() != client.ByProperty || len(server.Addresses) != 1 || server.Addresses[0] != davtest.Address {
				t.Errorf("%+v", server)
			}
			stored, err := d.Put(t.Context(), work+"m.ics", create(client.Calendars, meeting))
			if err != nil {
				t.Fatal(err)
			}
			o := create(client.Calendars, meeting)
			o.IfNoneMatch, o.IfMatch = "", stored.ETag
			if stored, err = d.Put(t.Context(), work+"m.ics", o); err != nil {
				t.Fatal(err)
			}
			if err := d.Delete(t.Context(), work+"m.ics", stored.ETag); err != nil {
				t.Fatal(err)
			}
			if sent := s.Invitations(); len(sent) != c.want {
				t.Errorf("%v", sent)
			}
		})
	}
}

// TestScheduling knows which servers obey a header.
func TestScheduling(t *testing.T) {
	for _, c := range []struct {
		name     string
		software string
		features []string
		want     client.Scheduling
		product  client.Product
	}{
		{"plain", "Radicale", nil, client.Silent, client.OtherProduct},
		{"unknown", "Apache", []string{"calendar-auto-schedule"}, client.ByProperty, client.OtherProduct},
		{"old draft", "Apache", []string{"calendar-schedule"}, client.ByProperty, client.OtherProduct},
		{"Nextcloud", "Apache", []string{"nextcloud-checksum-update", "nc-calendar-search", "calendar-auto-schedule"}, client.ByHeader, client.Nextcloud},
		{"ownCloud", "Apache", []string{"oc-resource-sharing", "calendar-auto-schedule"}, client.ByHeader, client.Sabre},
		{"Cyrus", "Cyrus-HTTP/3.6.1", []string{"calendar-auto-schedule"}, client.ByProperty, client.Cyrus},
		{"Google", "GSE", []string{"calendar-auto-schedule"}, client.Unstoppable, client.Google},
		{"SOGo", "SOGo/5.8", []string{"calendar-auto-schedule"}, client.ByProperty, client.SOGo},
	} {
		s := davtest.New(t, davtest.Options{Software: c.software, Features: c.features})
		server := dial(t, options(t, s, "")).Server()
		if got := server.Scheduling(); got != c.want || server.Product != c.product {
			t.Errorf("%s: %v of %+v, want %v", c.name, got, server, c.want)
		}
	}
}

// TestMake makes collections, simpler ones where the server wants it.
func TestMake(t *testing.T) {
	want := client.Collection{
		Href: work, Name: "Work & play", Color: "#FF0000", Description: "all", Components: []string{"VTODO"},
		TimeZone: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
	}
	for _, c := range []struct {
		name       string
		options    davtest.Options
		fault      davtest.Fault
		components string
		color      string
		check      func(error) bool
	}{
		{name: "as it is wanted", components: "[VTODO]", color: "#FF0000"},
		{name: "without what the server refuses", options: davtest.Options{RefusesProperties: true}, components: "[VTODO]"},
		{name: "with other components", options: davtest.Options{IgnoresComponents: true, Components: []string{"VEVENT", "VTODO"}}, components: "[VEVENT VTODO]", color: "#FF0000"},
		{name: "by MKCOL", fault: davtest.Fault{Method: "MKCALENDAR", Times: 2, Status: 405}, components: "[VTODO]", color: "#FF0000"},
		{name: "although the server complains", fault: davtest.Fault{Method: "MKCALENDAR", Stores: true, Status: 207, Body: `<multistatus xmlns="DAV:"><response><href>/x</href><propstat><prop/><status>HTTP/1.1 200 OK</status></propstat><propstat><prop><displayname/></prop><status>HTTP/1.1 403 Forbidden</status></propstat></response></multistatus>`}, components: "[VTODO]", color: "#FF0000"},
		{name: "not so many", fault: davtest.Fault{Method: "MKCALENDAR", Times: -1, Status: 429}, check: func(err error) bool { _, ok := client.Throttled(err); return ok }},
		{name: "over quota", fault: davtest.Fault{Method: "MKCALENDAR", Times: -1, Status: 507}, check: client.OverQuota},
		{name: "answer lost", fault: davtest.Fault{Method: "MKCALENDAR", Cut: true, Stores: true}, check: client.Unknown},
		{name: "never", fault: davtest.Fault{Method: "MK", Times: -1, Status: 403}, check: nil, components: "[VTODO]", color: "#FF0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, c.options)
			if c.fault.Method != "" {
				s.Fail(c.fault)
			}
			d := dial(t, options(t, s, davtest.CalendarHome))
			made, err := d.Make(t.Context(), want)
			if c.check != nil {
				if !c.check(err) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || made.Href != work || made.Name != want.Name || fmt.Sprint(made.Components) != c.components || made.Color != c.color || made.Kind != client.Calendars {
				t.Errorf("%+v, %v", made, err)
			}
			_, err = d.Make(t.Context(), want)
			var exists *client.ExistsError
			if !errors.As(err, &exists) || !client.Exists(err) || exists.Collection.Name != want.Name {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

// TestAddressBooks uses the other protocol.
func TestAddressBooks(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: password, RefusesProperties: true, TLS: true})
	o := options(t, s, "")
	o.Kind = client.AddressBooks
	d := dial(t, o)
	made, err := d.Make(t.Context(), client.Collection{Href: client.Join(d.Homes()[0], "friends/"), Name: "Friends", Description: "x"})
	if err != nil || made.Kind != client.AddressBooks || made.Name != "Friends" {
		t.Fatalf("%+v, %v", made, err)
	}
	for i := range 3 {
		uid := fmt.Sprintf("card-%d", i)
		if _, err := d.Put(t.Context(), client.Join(made.Href, uid+".vcf"), create(client.AddressBooks, card(uid, "Bob"))); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for r, err := range d.UIDs(t.Context(), made.Href) {
		if n++; err != nil || r.UID+".vcf" != r.Name || r.ETag == "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if n != 3 {
		t.Errorf("%d cards", n)
	}
	if r := s.Requests("PUT"); len(r) != 3 || r[0].Proto != "HTTP/2.0" {
		t.Errorf("%+v", r)
	}
}

// TestRead lists and reads collections on servers that help and such that do not.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name    string
		options davtest.Options
		fault   davtest.Fault
	}{
		{name: "multiget"},
		{name: "no multiget", options: davtest.Options{NoMultiget: true}},
		{name: "multiget that is no XML", fault: davtest.Fault{Method: "REPORT", Times: -1, Status: 207, Body: "<multistatus xmlns=\"DAV:\">\x01"}},
		{name: "multiget without content", fault: davtest.Fault{Method: "REPORT", Times: -1, Status: 207, Body: `<multistatus xmlns="DAV:"/>`}},
		{name: "busy", fault: davtest.Fault{Method: "REPORT", Times: 2, Status: 503, Header: http.Header{"Retry-After": {"0"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, c.options)
			s.Make(work, "Work")
			for i := range 120 {
				s.Put(fmt.Sprintf("%se %d.ics", work, i), event(fmt.Sprintf("%d@example.org", i), "<&>"))
			}
			o := options(t, s, work)
			pace := new(paceRecorder)
			o.Pace = pace
			d := dial(t, o)
			if c.fault.Method != "" {
				s.Fail(c.fault)
			}
			var list []client.Resource
			for r, err := range d.List(t.Context(), work) {
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, r)
			}
			if len(list) != 120 || list[0].Href != work+"e%200.ics" || list[0].Name != "e 0.ics" || list[0].Size == 0 || list[0].ETag == "" {
				t.Fatalf("%d: %+v", len(list), list)
			}
			gone := client.Hrefs(work + "gone.ics")
			n := 0
			for o, err := range d.Multiget(t.Context(), work, append(list, gone...)) {
				if n++; err != nil {
					t.Fatal(err)
				}
				if n == 121 {
					if !client.Gone(o.Err) {
						t.Errorf("%+v", o)
					}
				} else if o.Err != nil || o.Href != list[n-1].Href || o.ETag != list[n-1].ETag || !bytes.Contains(o.Data, []byte("SUMMARY:<&>")) {
					t.Errorf("%+v", o)
				}
			}
			if n != 121 {
				t.Errorf("%d objects", n)
			}
			if c.name == "busy" && (pace.slower != 2 || pace.retried != 2) {
				t.Errorf("%+v", pace)
			}
		})
	}
}

type paceRecorder struct {
	mu                           sync.Mutex
	items, done, slower, retried int
	bytes, doneBytes             int64
	bytesAtOnce                  int64
}

func (p *paceRecorder) Wait(_ context.Context, items int, bytes int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items += items
	p.bytes += bytes
	p.bytesAtOnce = max(p.bytesAtOnce, bytes)
	return nil
}

func (p *paceRecorder) SlowDown(time.Duration, string) { p.mu.Lock(); p.slower++; p.mu.Unlock() }
func (p *paceRecorder) Retried(string)                 { p.mu.Lock(); p.retried++; p.mu.Unlock() }
func (p *paceRecorder) Done(items int, bytes int64, _ time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += items
	p.doneBytes += bytes
}

// TestPace asks for leave before each item and each part of it.
func TestPace(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: password})
	s.Make(work, "Work")
	o := options(t, s, work)
	pace := new(paceRecorder)
	o.Pace = pace
	d := dial(t, o)
	before := pace.bytes
	big := event("big", strings.Repeat("x", 3<<20))
	if _, err := d.Put(t.Context(), work+"big.ics", create(client.Calendars, big)); err != nil {
		t.Fatal(err)
	}
	if got := pace.bytes - before; pace.items != 1 || got != int64(len(big)) || pace.bytesAtOnce > 64<<10 || pace.done != 1 || pace.doneBytes != int64(len(big)) {
		t.Errorf("%+v, %d of %d bytes", pace, got, len(big))
	}
	if r := s.Requests("PUT"); r[0].Header.Get("Expect") != "100-continue" {
		t.Error("a large body is sent without asking")
	}
	s.Fail(davtest.Fault{Method: "PUT", Status: 429})
	d.Put(t.Context(), work+"x.ics", create(client.Calendars, event("x", "X")))
	if pace.slower != 1 || pace.done != 1 {
		t.Errorf("%+v", pace)
	}
}

// TestAsksFirst sends nothing of a large body that the server does not want.
func TestAsksFirst(t *testing.T) {
	big := event("big", strings.Repeat("x", 3<<20))
	for _, c := range []struct {
		name   string
		status int
		read   int64
		check  func(error) bool
	}{
		{"too large", http.StatusRequestEntityTooLarge, 0, client.TooLarge},
		{"over quota", http.StatusInsufficientStorage, 0, client.OverQuota},
		{"cannot be asked", http.StatusExpectationFailed, int64(len(big)), func(err error) bool { return err == nil }},
	} {
		s := davtest.New(t, davtest.Options{Password: password})
		s.Make(work, "Work")
		o := options(t, s, work)
		pace := new(paceRecorder)
		o.Pace = pace
		d := dial(t, o)
		s.Fail(davtest.Fault{Method: "PUT", Unread: true, Status: c.status})
		before := pace.bytes
		_, err := d.Put(t.Context(), work+"big.ics", create(client.Calendars, big))
		if !c.check(err) || pace.bytes-before != c.read {
			t.Errorf("%s: %v, %d bytes are sent", c.name, err, pace.bytes-before)
		}
	}
}

// TestInterrupted ends at once when the context does.
func TestInterrupted(t *testing.T) {
	s := davtest.New(t, davtest.Options{})
	s.Make(work, "Work")
	d := dial(t, options(t, s, work))
	s.Fail(davtest.Fault{Method: "PUT", Hangs: true})
	errStop := errors.New("the user does not want to")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(errStop) })
	start := time.Now()
	_, err := d.Put(ctx, work+"x.ics", create(client.Calendars, event("x", "X")))
	if !errors.Is(err, errStop) || !client.Unknown(err) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if _, err = d.Put(ctx, work+"x.ics", create(client.Calendars, event("x", "X"))); !client.Unsent(err) {
		t.Error(err)
	}
}
