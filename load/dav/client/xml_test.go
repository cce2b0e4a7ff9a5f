package client

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestMultistatus reads what servers answer with.
func TestMultistatus(t *testing.T) {
	const head = `<?xml version="1.0"?><!-- x --><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`
	for _, c := range []struct{ name, in, want, err string }{
		{name: "nothing", in: head + `</D:multistatus>`},
		{name: "two", in: head + `<D:sync-token>x</D:sync-token><D:response><D:href> /a </D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:response><D:href>/b</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response></D:multistatus>trailing`, want: `/a 0 "1";/b 404 ;`},
		{name: "CDATA longer than a tag may be", in: head + `<D:response><D:href>/a</D:href><D:propstat><D:prop><D:getetag><![CDATA[` + strings.Repeat(">", 100_000) + `]]></D:getetag></D:prop><D:status>HTTP/2 200</D:status></D:propstat></D:response></D:multistatus>`, want: "/a 0 " + strings.Repeat(">", 100_000) + ";"},
		{name: "no namespace of ours", in: `<multistatus/>`, err: "it is a multistatus, not"},
		{name: "HTML", in: `<html><body>`, err: "it is a html"},
		{name: "empty", in: ``, err: "no XML"},
		{name: "cut off", in: head + `<D:response><D:href>/a`, err: "unexpected EOF"},
		{name: "cut off between", in: head + `<D:response><D:href>/a</D:href></D:response>`, want: "/a 0 ;", err: "unexpected EOF"},
		{name: "bad status", in: head + `<D:response><D:href>/a</D:href><D:status>fine</D:status></D:response>`, err: "is no status"},
		{name: "document type", in: `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + head, err: "document type"},
		{name: "entity", in: head + `<D:response><D:href>&b;</D:href>`, err: "invalid character entity"},
		{name: "deep", in: head + `<D:response>` + strings.Repeat("<a>", 100_000), err: "nested deeper"},
		{name: "deep where nobody looks", in: head + `<D:x>` + strings.Repeat("<a>", 100_000), err: "nested deeper"},
		{name: "wide", in: head + `<D:response>` + strings.Repeat("<a/>", 100_000), err: "more than 10000 elements"},
		{name: "endless tag", in: head + `<D:response a="` + strings.Repeat("x", 1<<20), err: "longer than it may be"},
		{name: "endless attributes", in: head + `<D:response ` + strings.Repeat(`a="" `, 1<<18), err: "longer than it may be"},
		{name: "endless text", in: head + `<D:response>` + strings.Repeat("x", 4<<20), err: "longer than it may be"},
		{name: "control character", in: head + "<D:response>\x01", err: "illegal character"},
		{name: "Latin 1", in: `<?xml version="1.0" encoding="iso-8859-1"?><a/>`, err: "encoding"},
	} {
		var b strings.Builder
		err := multistatus(strings.NewReader(c.in), limits{8 << 20, 1 << 20}, func(r *response) (bool, error) {
			fmt.Fprintf(&b, "%s %d %s;", r.href, r.status, r.prop(nsDAV, "getetag").text())
			return true, nil
		})
		if b.String() != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %.200s, %v", c.name, b.String(), err)
		}
	}
}

// endless says the same again and again.
type endless struct {
	head, again string
	n           int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	n := 0
	for n < len(p) {
		m := copy(p[n:], e.again[e.n:])
		n += m
		e.n = (e.n + m) % len(e.again)
	}
	return n, nil
}

// TestEndlessAnswersAreBounded costs time, not memory.
func TestEndlessAnswersAreBounded(t *testing.T) {
	for _, again := range []string{
		"<response><href>/a</href></response>", "<x/>", "x", `<a b="`, "<a>", "<![CDATA[x]]>", "<!-- x -->", "&#13;", "<?x y?>",
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := multistatus(&endless{head: `<multistatus xmlns="DAV:">`, again: again}, limits{1 << 20, 256 << 10}, func(*response) (bool, error) { return true, nil })
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err == nil || int64(after.HeapAlloc)-int64(before.HeapAlloc) > 2<<20 {
			t.Errorf("%s: %v, %d bytes", again, err, after.HeapAlloc-before.HeapAlloc)
		}
		if !errors.Is(err, errTooLong) && again != `<a b="` && again != "<a>" && again != "x" {
			t.Errorf("%s: %v", again, err)
		}
	}
}

// FuzzMultistatus neither panics nor forgets the bounds, and what it reads comes back when it is written again.
func FuzzMultistatus(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/a</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`))
	f.Add([]byte(`<mkcalendar-response xmlns="urn:ietf:params:xml:ns:caldav"><propstat xmlns="DAV:"><prop><displayname/></prop><status>HTTP/1.1 403 Forbidden</status><error><no-uid-conflict xmlns="urn:ietf:params:xml:ns:caldav"><href xmlns="DAV:">/b</href></no-uid-conflict></error></propstat></mkcalendar-response>`))
	f.Add([]byte(`<multistatus xmlns="DAV:"><response><href><![CDATA[/a]]></href><status>HTTP/1.1 404 Not Found</status><responsedescription>x</responsedescription></response></multistatus>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Collection{}
		err := multistatus(bytes.NewReader(data), limits{1 << 20, 1 << 16}, func(r *response) (bool, error) {
			e := r.refusal("PUT", "/x")
			if e != nil && (len(e.Condition) > 8*mostName || len(e.Text) > 8*mostWords || len(e.Other) > 8*mostHref) {
				t.Errorf("%+v", e)
			}
			for _, k := range []Kind{Calendars, AddressBooks} {
				uid(r.data(k).text())
				r.is(k)
			}
			c.Components = append(c.Components, r.href)
			return len(c.Components) < 100, nil
		})
		if err == nil && len(data) == 0 {
			t.Error("nothing is something")
		}
	})
}

// TestWords are one printable line of bounded length.
func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"  two \r\n lines\t":        "two lines",
		"\x1b[31mred\x07\u202Etfel": "[31mred tfel",
		"caf\xe9":                   "caf\uFFFD",
		strings.Repeat("ä", 10_000): strings.Repeat("ä", mostWords) + "…",
	} {
		if got := words(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// TestErrorBody reads what servers say when they refuse.
func TestErrorBody(t *testing.T) {
	for _, c := range []struct{ kind, body, condition, other, text string }{
		{"application/xml; charset=utf-8", `<?xml version="1.0"?><error xmlns="DAV:"><C:no-uid-conflict xmlns:C="urn:ietf:params:xml:ns:caldav"><href> /a/b.ics </href></C:no-uid-conflict></error>`, "no-uid-conflict", "/a/b.ics", ""},
		{"text/xml", `<D:error xmlns:D="DAV:"><C:valid-calendar-data xmlns:C="urn:ietf:params:xml:ns:caldav">No DTSTART</C:valid-calendar-data></D:error>`, "valid-calendar-data", "", "No DTSTART"},
		{"text/xml", `<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>E</s:exception><s:message>Words</s:message><d:quota-not-exceeded/></d:error>`, "quota-not-exceeded", "", "Words"},
		{"text/plain", `<?xml version="1.0"?><error xmlns="DAV:"><x/></error>`, "x", "", ""},
		{"text/plain", "Bad Request\n", "", "", "Bad Request"},
		{"text/html; charset=utf-8", "<html><head><title>403</title></head><body><h1>403</h1><p>Mailbox does not exist</p><hr><address>Cyrus", "", "", "Mailbox does not exist"},
		{"", "<html><p>sniffed", "", "", "sniffed"},
		{"application/xml", "<html><p>not well-formed<br>", "", "", "not well-formed"},
		{"application/octet-stream", "\x00\x01", "", "", ""},
		{"application/json", `{"error": "x"}`, "", "", `{"error": "x"}`},
		{"application/xml", `<?xml version="1.0"?>` + strings.Repeat("<error xmlns='DAV:'>", 10_000), "", "", ""},
	} {
		e := new(Error)
		e.describe(c.kind, []byte(c.body))
		if e.Condition != c.condition || e.Other != c.other || e.Text != c.text {
			t.Errorf("%s %.100s: %+v", c.kind, c.body, e)
		}
	}
}

// TestUID finds the UID of an object as servers send it.
func TestUID(t *testing.T) {
	for in, want := range map[string]string{
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:UID:no\r\nuid;X-A=b: a-1 \r\nEND:VEVENT": "a-1",
		"BEGIN:VCARD\nitem1.UID:urn:uuid:\n 1\n\t2\nEND:VCARD":                               "urn:uuid:12",
		"BEGIN:VCALENDAR\r\nEND:VCALENDAR":                                                   "",
		"":                                                                                   "",
		" \n \n":                                                                             "",
	} {
		if got := uid(in); got != want {
			t.Errorf("%q has %q, want %q", in, got, want)
		}
	}
}

// TestEscapeRoundTrip writes text so that XML says the same.
func TestEscapeRoundTrip(t *testing.T) {
	const text = "a <b> & \"c\" 'd' ]]> \t ä"
	d := newDecoder(strings.NewReader("<a>"+escape(text)+"</a>"), limits{1 << 20, 1 << 20})
	start, err := d.nextStart()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.tree(start); err != nil || n.Text != text || n.Name != (xml.Name{Local: "a"}) {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := d.next(); err != io.EOF {
		t.Error(err)
	}
}
