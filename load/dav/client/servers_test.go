package client_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mailmill/load/dav/client"
	"mailmill/load/servertest"
)

func event(uid, summary string, more ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20240101T000000Z\r\nDTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:" + summary + "\r\n" + strings.Join(more, "") + "END:VEVENT\r\nEND:VCALENDAR\r\n")
}

func card(uid, name string) []byte {
	return []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + name + "\r\nN:" + name + ";;;;\r\nEND:VCARD\r\n")
}

const (
	calendarType = "text/calendar; charset=utf-8; component=VEVENT"
	cardType     = "text/vcard; charset=utf-8"
)

func create(kind client.Kind, body []byte) client.PutOptions {
	o := client.PutOptions{IfNoneMatch: "*", ContentType: calendarType, Size: int64(len(body)), Body: client.Bytes(body)}
	if kind == client.AddressBooks {
		o.ContentType = cardType
	}
	return o
}

func debug(t *testing.T) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// realServers are those that have calendars, with what each is asked in the same way.
var realServers = []struct {
	name  string
	start func(testing.TB, servertest.Options) *servertest.Server
}{
	{"Radicale", servertest.Radicale},
	{"Xandikos", servertest.Xandikos},
	{"Cyrus", servertest.Cyrus},
}

func dialServer(t *testing.T, s *servertest.Server, kind client.Kind, at string) *client.Client {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	o := client.Options{URL: u, Kind: kind, Insecure: u.Scheme == "http", Log: debug(t)}
	if s.Password != "" {
		o.Credentials = client.Credentials{User: "u1", Password: s.Password}
	}
	if u.Scheme == "https" {
		o.TLS = &tls.Config{RootCAs: s.Roots(t)}
	}
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestRealServers does everything to every server once.
func TestRealServers(t *testing.T) {
	for _, real := range realServers {
		t.Run(real.name, func(t *testing.T) {
			s := real.start(t, nil)
			for _, kind := range []client.Kind{client.Calendars, client.AddressBooks} {
				t.Run(kind.String(), func(t *testing.T) { roundTrip(t, s, kind) })
			}
		})
	}
}

func roundTrip(t *testing.T, s *servertest.Server, kind client.Kind) {
	ctx := t.Context()
	home := s.Calendars("u1")
	if kind == client.AddressBooks {
		home = s.Contacts("u1")
	}
	u, _ := url.Parse(home)
	c := dialServer(t, s, kind, u.Scheme+"://"+u.Host)
	if homes := c.Homes(); len(homes) != 1 || homes[0] != u.Path {
		t.Errorf("the homes are %q, want %s", homes, u.Path)
	}
	t.Logf("%+v; scheduling %v", c.Server(), c.Server().Scheduling())

	want := client.Collection{
		Href: client.Join(c.Homes()[0], "test-"+strings.Fields(kind.String())[0]+"/"), Name: "Grüße & <mehr>", Color: "#FF8800", Description: "from a test",
		Components: []string{"VEVENT"},
		TimeZone:   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Test\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n",
	}
	made, err := c.Make(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != want.Name || made.Kind != kind || made.Href != want.Href || !made.Writable() {
		t.Errorf("made %+v", made)
	}
	if kind == client.Calendars && (!strings.HasPrefix(strings.ToUpper(made.Color), want.Color) || !made.Takes("VEVENT")) {
		t.Errorf("made %+v", made)
	}
	if _, err := c.Make(ctx, want); !client.Exists(err) {
		t.Errorf("made twice: %v", err)
	}
	all, err := c.Collections(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, col := range all {
		t.Logf("%+v", col)
		found = found || col.Href == made.Href
	}
	if !found {
		t.Errorf("the new collection is not listed")
	}

	ext := ".ics" // Xandikos goes by it, whatever the Content-Type is
	if kind == client.AddressBooks {
		ext = ".vcf"
	}
	make := func(uid, text string) []byte {
		if kind == client.AddressBooks {
			return card(uid, text)
		}
		return event(uid, text)
	}
	one := client.Join(made.Href, "one"+ext)
	stored, err := c.Put(ctx, one, create(kind, make("uid-1", "One")))
	if err != nil {
		t.Fatal(err)
	}
	if stored.Href != one {
		t.Errorf("stored at %s", stored.Href)
	}
	if _, err := c.Put(ctx, one, create(kind, make("uid-1", "One"))); !client.Exists(err) {
		t.Errorf("stored twice: %v", err)
	}
	if _, err := c.Put(ctx, client.Join(made.Href, "other"+ext), create(kind, make("uid-1", "Another"))); kind == client.Calendars {
		if at, ok := client.UIDConflict(err); !ok {
			t.Errorf("the same UID: %v", err)
		} else {
			t.Logf("the same UID: %v, %s", err, at)
		}
	} else {
		t.Logf("the same UID: %v", err)
		c.Delete(ctx, client.Join(made.Href, "other"+ext), "")
	}
	if _, err := c.Put(ctx, one, func() client.PutOptions {
		o := create(kind, make("uid-1", "One"))
		o.IfNoneMatch, o.IfMatch = "", `"nonsense"`
		return o
	}()); !client.Changed(err) {
		t.Errorf("another ETag: %v", err)
	}
	if _, err := c.Put(ctx, client.Join(client.Join(c.Homes()[0], "nowhere/"), "one"+ext), create(kind, make("uid-9", "One"))); err == nil {
		t.Error("stored in no collection")
	} else {
		t.Logf("in no collection: %v; conflict %v, gone %v", err, client.Conflict(err), client.Gone(err))
	}
	if _, err := c.Put(ctx, client.Join(made.Href, "bad"+ext), create(kind, []byte("nonsense"))); err == nil {
		t.Error("nonsense is stored")
	} else {
		t.Logf("nonsense: %v", err)
	}
	for i := range 60 {
		uid := fmt.Sprintf("many-%d", i)
		if _, err := c.Put(ctx, client.Join(made.Href, uid+ext), create(kind, make(uid, "Many"))); err != nil {
			t.Fatal(err)
		}
	}
	var list []client.Resource
	for r, err := range c.List(ctx, made.Href) {
		if err != nil {
			t.Fatal(err)
		}
		if r.ETag == "" {
			t.Errorf("%+v", r)
		}
		if r.Href == one && stored.ETag != "" && r.ETag != stored.ETag {
			t.Errorf("the ETag is %s, was %s", r.ETag, stored.ETag)
		}
		list = append(list, r)
	}
	if len(list) != 61 {
		t.Errorf("%d are listed", len(list))
	}
	uids := map[string]string{}
	for r, err := range c.UIDs(ctx, made.Href) {
		if err != nil {
			t.Fatal(err)
		}
		uids[r.Name] = r.UID
	}
	if len(uids) != 61 || uids["one"+ext] != "uid-1" || uids["many-7"+ext] != "many-7" {
		t.Errorf("UIDs: %v", uids)
	}
	n := 0
	for o, err := range c.Multiget(ctx, made.Href, append(list, client.Hrefs(client.Join(made.Href, "missing"+ext))...)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if n == 62 {
			if !client.Gone(o.Err) {
				t.Errorf("missing: %+v", o)
			}
			continue
		}
		if o.Err != nil || o.Href != list[n-1].Href || o.ETag != list[n-1].ETag || !bytes.Contains(o.Data, []byte("UID:"+uids[o.Name])) {
			t.Errorf("%d: %+v", n, o)
		}
	}
	if n != 62 {
		t.Errorf("%d objects", n)
	}
	body, r, err := c.Get(ctx, one, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	body.Close()
	if err != nil || !bytes.Contains(data, []byte("UID:uid-1")) || r.ETag == "" {
		t.Errorf("%v %+v %q", err, r, data)
	}
	o := create(kind, make("uid-1", "Two"))
	o.IfNoneMatch, o.IfMatch = "", r.ETag
	again, err := c.Put(ctx, one, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, one, r.ETag); !client.Changed(err) {
		t.Errorf("deleted with the old ETag: %v", err)
	}
	if again.ETag == "" {
		_, r, _ := c.Get(ctx, one, 0)
		again.ETag = r.ETag
	}
	if err := c.Delete(ctx, one, again.ETag); err != nil {
		t.Error(err)
	}
	if err := c.Delete(ctx, one, again.ETag); !client.Gone(err) && !client.Changed(err) {
		t.Errorf("deleted twice: %v", err)
	}
	if available, used, err := c.Quota(ctx, made.Href); err != nil {
		t.Error(err)
	} else {
		t.Logf("quota %d, used %d", available, used)
	}
	for _, at := range []string{home, u.Scheme + "://" + u.Host + made.Href} {
		c := dialServer(t, s, kind, at)
		direct, ok := c.Direct()
		if ok != (at != home) || ok && (direct.Href != made.Href || direct.Name != want.Name) {
			t.Errorf("%s: %v %+v", at, ok, direct)
		}
		if cols, err := c.Collections(ctx); err != nil || ok && len(cols) != 1 || !ok && len(cols) != len(all) {
			t.Errorf("%s: %v, %v", at, cols, err)
		}
	}
}

// TestCyrusInvitesNobody stores, changes and deletes meetings to which the user has invited others: Cyrus would mail each of
// these changes to them, as it does for a client that does not ask it not to.
func TestCyrusInvitesNobody(t *testing.T) {
	s := servertest.Cyrus(t, nil)
	c := dialServer(t, s, client.Calendars, s.Calendars("u1"))
	server := c.Server()
	if !server.Has("calendar-auto-schedule") || server.Product != client.Cyrus || server.Scheduling() != client.ByProperty {
		t.Errorf("%+v", server)
	}
	calendar := client.Join(c.Homes()[0], "Default/")
	meeting := func(agent, summary string) client.PutOptions {
		return create(client.Calendars, event("meeting", summary, "ORGANIZER"+agent+":mailto:u1@example.com\r\n", "ATTENDEE"+agent+";PARTSTAT=NEEDS-ACTION:mailto:bob@example.net\r\n"))
	}
	for _, agent := range []string{";SCHEDULE-AGENT=CLIENT", ""} {
		at := client.Join(calendar, "meeting.ics")
		stored, err := c.Put(t.Context(), at, meeting(agent, "First"))
		if err != nil {
			t.Fatal(err)
		}
		o := meeting(agent, "Second")
		o.IfNoneMatch, o.IfMatch = "", stored.ETag
		if stored, err = c.Put(t.Context(), at, o); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), at, stored.ETag); err != nil {
			t.Fatal(err)
		}
		if sent := s.Sent(t); len(sent) != 0 {
			t.Errorf("%q: %q", agent, sent)
		}
	}
	u, err := url.Parse(s.Calendars("u1"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := meeting("", "Control").Body()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, u.Scheme+"://"+u.Host+client.Join(calendar, "control.ics"), body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("u1", s.Password)
	req.Header.Set("Content-Type", calendarType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if sent := s.Sent(t); res.StatusCode != http.StatusCreated || len(sent) != 1 {
		t.Errorf("the control is answered %s, and %d mails are sent: the trap catches nothing", res.Status, len(sent))
	}
}

// TestRealTLS speaks HTTP/2 where the server does, and trusts only what it is told to.
func TestRealTLS(t *testing.T) {
	s := servertest.Cyrus(t, nil)
	at := "https://" + s.HTTPS
	c := dialServer(t, s, client.AddressBooks, at)
	book := client.Join(c.Homes()[0], "Default/")
	for i := range 20 {
		uid := fmt.Sprintf("tls-%d", i)
		if _, err := c.Put(t.Context(), client.Join(book, uid+".vcf"), create(client.AddressBooks, card(uid, "Bob"))); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	o := client.Options{URL: u, Kind: client.Calendars, Credentials: client.Credentials{User: "u1", Password: s.Password}}
	var insecure *client.TLSError
	if _, err := client.Dial(t.Context(), o); !errors.As(err, &insecure) {
		t.Errorf("%v", err)
	}
	o.Insecure = true
	c, err = client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestRealPassword is refused at once.
func TestRealPassword(t *testing.T) {
	for _, s := range []*servertest.Server{servertest.Radicale(t, nil), servertest.Cyrus(t, nil)} {
		u, err := url.Parse(s.Calendars("u1"))
		if err != nil {
			t.Fatal(err)
		}
		var auth *client.AuthError
		_, err = client.Dial(t.Context(), client.Options{URL: u, Kind: client.Calendars, Insecure: true, Credentials: client.Credentials{User: "u1", Password: "wrong"}})
		if !errors.As(err, &auth) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// TestRealLimits understands servers that are full, and such that take no more than so much at once.
func TestRealLimits(t *testing.T) {
	big := event("big", "Big", "DESCRIPTION:"+strings.Repeat("x", 300<<10)+"\r\n")
	for _, c := range []struct {
		name  string
		start func(testing.TB, servertest.Options) *servertest.Server
		with  servertest.Options
		check func(error) bool
	}{
		{"Radicale", servertest.Radicale, servertest.Options{"MAX_CONTENT": "100000"}, client.TooLarge},
		{"Cyrus", servertest.Cyrus, servertest.Options{"QUOTA_KB": "100"}, client.OverQuota},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.start(t, c.with)
			d := dialServer(t, s, client.Calendars, s.Calendars("u1"))
			made, err := d.Make(t.Context(), client.Collection{Href: client.Join(d.Homes()[0], "limits/"), Name: "Limits"})
			if err != nil {
				t.Fatal(err)
			}
			// QUIRK: Radicale answers and closes before it has read what it does not want: the answer may be lost with that.
			for again := true; again; {
				_, err = d.Put(t.Context(), client.Join(made.Href, "big.ics"), create(client.Calendars, big))
				again = client.Unknown(err) && t.Context().Err() == nil
			}
			if !c.check(err) {
				t.Errorf("%v", err)
			}
		})
	}
}
