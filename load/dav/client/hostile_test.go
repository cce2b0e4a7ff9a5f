package client_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"mailmill/load/dav/client"
	"mailmill/load/dav/davtest"
)

// raw answers with bytes of its own until the client has had enough.
func raw(write func(net.Conn) error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		write(conn)
	}
}

// again writes the same again and again, with a pause.
func again(head, s string, pause time.Duration) http.HandlerFunc {
	return raw(func(c net.Conn) error {
		if _, err := io.WriteString(c, head); err != nil {
			return err
		}
		for {
			if _, err := io.WriteString(c, s); err != nil {
				return err
			}
			time.Sleep(pause)
		}
	})
}

func once(s string) http.HandlerFunc {
	return raw(func(c net.Conn) error {
		_, err := io.WriteString(c, s)
		return err
	})
}

const (
	endlessHead   = "HTTP/1.1 207 Multi-Status\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
	endlessStatus = "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
	stored        = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
)

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// TestHostile reads from servers that lie, drivel and dawdle. It ends soon, in an error that says how.
func TestHostile(t *testing.T) {
	kilo := strings.Repeat("x", 1<<10)
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		put     string // what a PUT says; empty: it succeeds
		known   bool   // and knows that nothing was stored
		list    string
	}{
		{"no HTTP", once("* OK IMAP4rev1 ready\r\n"), "malformed HTTP", false, "malformed HTTP"},
		{"nothing at all", once(""), "EOF", false, "EOF"},
		{"half a header", once("HTTP/1.1 207 Multi"), "unexpected EOF", false, "unexpected EOF"},
		{"endless header", again("HTTP/1.1 207 Multi-Status\r\n", "X: "+kilo+"\r\n", 0), "exceeded|nothing moved", false, "exceeded|nothing moved"},
		{"endless line", again("HTTP/1.1 207 Multi-Status\r\nX: ", kilo, 0), "exceeded|nothing moved", false, "exceeded|nothing moved"},
		{"endless 1xx", again("", "HTTP/1.1 102 Processing\r\n\r\n", 0), "no answer", false, "no answer"},
		{"trickling header", again("HTTP/1.1 207 Multi-Status\r\nX: ", "x", 20*time.Millisecond), "nothing moved", false, "nothing moved"},
		{"trickling body", again(endlessHead, chunk("x"), 20*time.Millisecond), "cannot be understood|nothing moved", false, "syntax|nothing moved"},
		{"trickling blanks", again(endlessHead, chunk(" "), 20*time.Millisecond), "nothing moved", false, "nothing moved"},
		{"body that stops", once(endlessHead + chunk(`<multistatus xmlns="DAV:">`)), "EOF", false, "EOF"},
		{"body shorter than told", once("HTTP/1.1 207 Multi-Status\r\nContent-Length: 100\r\n\r\n<multistatus xmlns=\"DAV:\">"), "EOF", false, "EOF"},
		{"endless refusal", again(endlessStatus, chunk(kilo), 0), "500", true, "500"},
		{"trickling refusal", again(endlessStatus, chunk("x"), 20*time.Millisecond), "500", true, "500"},
		{"endless success", again(stored, chunk(kilo), 0), "", false, "201"},
		{"success that trickles", again(stored, chunk("x"), 20*time.Millisecond), "", false, "201"},
		{"another protocol", once("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "101", false, "101"},
		{"redirect to nonsense", once("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: ht!tp://[::1\r\nContent-Length: 0\r\n\r\n"), "no URL", false, "no URL"},
		{"redirect to a file", once("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), "no web address", false, "no web address"},
		{"hrefs of nonsense", once("HTTP/1.1 207 Multi-Status\r\nConnection: close\r\nContent-Length: 99\r\n\r\n" + fmt.Sprintf("%-99s", `<multistatus xmlns="DAV:"><response><href>mailto:x</href></response></multistatus>`)), "nothing in it tells", false, "no address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{})
			s.Make(work, "Work")
			o := options(t, s, work)
			o.Timeout = 200 * time.Millisecond
			d := dial(t, o)
			start := time.Now()
			check := func(what, want string, err error) {
				t.Helper()
				said := err == nil && want == ""
				for _, w := range strings.Split(want, "|") {
					said = said || err != nil && w != "" && strings.Contains(err.Error(), w)
				}
				if !said {
					t.Errorf("%s: %v, want %s", what, err, want)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("%s takes %v", what, took)
				}
				start = time.Now()
			}
			s.Fail(davtest.Fault{Times: 2, Handler: c.handler})
			_, err := d.Put(t.Context(), work+"x.ics", create(client.Calendars, event("x", "X")))
			check("PUT", c.put, err)
			if c.put != "" && !client.Unsent(err) && client.Unknown(err) == c.known {
				t.Errorf("unknown %v: %v", client.Unknown(err), err)
			}
			for _, err = range d.List(t.Context(), work) {
				if err != nil {
					break
				}
			}
			check("PROPFIND", c.list, err)
			if err := d.Delete(t.Context(), work+"x.ics", ""); !client.Gone(err) {
				t.Errorf("afterwards %v", err)
			}
		})
	}
}

// TestStaleConnections are opened anew for what only reads.
func TestStaleConnections(t *testing.T) {
	s := davtest.New(t, davtest.Options{})
	s.Make(work, "Work")
	d := dial(t, options(t, s, work))
	s.Stop()
	s.Start()
	if _, err := d.Collections(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGetIsBounded reads no more than it is told to.
func TestGetIsBounded(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"endless", again("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(strings.Repeat("x", 1<<10)), 0), "longer"},
		{"long", once("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"), "longer"},
		{"cut", once("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"), "no answer: unexpected EOF"},
		{"trickling", again("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk("x"), 20*time.Millisecond), "nothing moved"},
	} {
		s := davtest.New(t, davtest.Options{})
		s.Make(work, "Work")
		o := options(t, s, work)
		o.Timeout = 200 * time.Millisecond
		d := dial(t, o)
		s.Fail(davtest.Fault{Method: "GET", Handler: c.handler})
		body, _, err := d.Get(t.Context(), work+"x.ics", 1<<20)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(body)
			body.Close()
			if len(data) > 1<<20 {
				t.Errorf("%s: %d bytes", c.name, len(data))
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	s := davtest.New(t, davtest.Options{})
	s.Make(work, "Work")
	s.Put(work+"x.ics", event("x", "X"))
	d := dial(t, options(t, s, work))
	body, r, err := d.Get(t.Context(), work+"x.ics", int64(len(event("x", "X"))))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || string(data) != string(event("x", "X")) || r.Size != int64(len(data)) {
		t.Errorf("%q, %+v, %v", data, r, err)
	}
}

// TestSlowReader may take its time: only the server's is limited.
func TestSlowReader(t *testing.T) {
	s := davtest.New(t, davtest.Options{})
	s.Make(work, "Work")
	for i := range 500 {
		s.Put(fmt.Sprintf("%s%d.ics", work, i), event(fmt.Sprint(i), "X"))
	}
	o := options(t, s, work)
	o.Timeout = 100 * time.Millisecond
	d := dial(t, o)
	n := 0
	for _, err := range d.List(t.Context(), work) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%200 == 100 {
			time.Sleep(150 * time.Millisecond)
			if _, err := d.Put(t.Context(), work+"new.ics", create(client.Calendars, event("new", "X"))); err != nil && !client.Exists(err) {
				t.Fatal(err)
			}
		}
	}
	if n != 500 {
		t.Errorf("%d", n)
	}
	for range d.List(t.Context(), work) {
		break // no connection stays open, which goleak would tell
	}
}

// TestPartOfAListing does not pass for the whole.
func TestPartOfAListing(t *testing.T) {
	s := davtest.New(t, davtest.Options{})
	s.Make(work, "Work")
	d := dial(t, options(t, s, work))
	s.Fail(davtest.Fault{Method: "PROPFIND", Status: 207, Body: `<multistatus xmlns="DAV:"><response><href>` + work + `a.ics</href><propstat><prop><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response><response><href>` + work + `</href><status>HTTP/1.1 507 Insufficient Storage</status></response></multistatus>`})
	var last error
	for _, err := range d.List(t.Context(), work) {
		last = err
	}
	var refused *client.Error
	if !errors.As(last, &refused) || refused.Status != 507 || client.OverQuota(last) {
		t.Errorf("%v", last)
	}
}

// TestNothingIsEchoed keeps secrets out of errors although the server says them in every place that it has.
func TestNothingIsEchoed(t *testing.T) {
	long := strings.Repeat("long ", 10_000)
	for name, handler := range map[string]http.HandlerFunc{
		"no HTTP":      once(password + " " + long + "\r\n"),
		"status":       once("HTTP/1.1 299 " + password + "\r\nConnection: close\r\n\r\n"),
		"refusal":      once("HTTP/1.1 403 " + password + "\r\nConnection: close\r\n\r\n" + long + password),
		"XML":          once("HTTP/1.1 207 Multi\r\nConnection: close\r\nContent-Type: text/xml\r\n\r\n<" + strings.ReplaceAll(password, " ", "") + ">"),
		"bad status":   once("HTTP/1.1 207 Multi\r\nConnection: close\r\n\r\n<multistatus xmlns=\"DAV:\"><response><href>/</href><status>" + password + "</status></response></multistatus>"),
		"redirect":     once("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: https://mallory.example/" + strings.ReplaceAll(password, " ", "%20") + "\r\n\r\n"),
		"redirect in":  once("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /" + strings.ReplaceAll(password, " ", "") + "\r\n\r\n"),
		"no redirect":  once("HTTP/1.1 304 x\r\nConnection: close\r\nLocation: " + password + "\r\n\r\n"),
		"login":        once("HTTP/1.1 401 x\r\nConnection: close\r\nWWW-Authenticate: Basic error=\"" + password + "\"\r\nContent-Length: 0\r\n\r\n"),
		"condition":    once("HTTP/1.1 403 x\r\nConnection: close\r\nContent-Type: text/xml\r\n\r\n<error xmlns=\"DAV:\"><" + strings.Fields(password)[0] + "/><responsedescription>" + password + "</responsedescription></error>"),
		"header":       once("HTTP/1.1 200 OK\r\n" + password + "\r\n\r\n"),
		"chunk":        once("HTTP/1.1 207 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + password + "\r\n"),
		"wrong length": once("HTTP/1.1 207 OK\r\nContent-Length: " + password + "\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{Password: password})
			s.Make(work, "Work")
			o := options(t, s, work)
			o.Timeout = time.Second
			var log strings.Builder
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			d := dial(t, o)
			s.Fail(davtest.Fault{Times: -1, Handler: handler})
			_, put := d.Put(t.Context(), work+"x.ics", create(client.Calendars, event("x", "X")))
			_, lookup := d.Lookup(t.Context(), work)
			_, collections := d.Collections(t.Context())
			remove := d.Delete(t.Context(), work+"x.ics", "")
			for _, err := range []error{put, lookup, collections, remove} {
				if err == nil || strings.Contains(err.Error(), password) || len(err.Error()) > 2000 {
					t.Errorf("%v", err)
				}
			}
			if strings.Contains(log.String(), password) {
				t.Error(log.String())
			}
		})
	}
}
