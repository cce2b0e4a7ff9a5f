package servertest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
)

// Resource is what a collection of a server of calendars or contacts holds: an .ics or .vcf.
type Resource struct {
	Collection string // the last part of its path
	Name       string // the last part of the path, decoded
	ETag       string
	UID        string // of the first component that has one
	Body       string
}

// Resources asks for everything in the collections below a home, by HTTP alone.
func Resources(t testing.TB, s *Server, home, user string) []Resource {
	t.Helper()
	var all []Resource
	for _, c := range propfind(t, s, home, user) {
		if !c.isCollection() || c.has("schedule-inbox") || c.has("schedule-outbox") || !c.has("calendar") && !c.has("addressbook") {
			continue
		}
		collection := resolve(t, home, c.Href)
		for _, r := range propfind(t, s, collection, user) {
			if r.isCollection() {
				continue
			}
			at := resolve(t, collection, r.Href)
			decoded, err := url.PathUnescape(r.Href)
			if err != nil {
				t.Fatal(err)
			}
			body := string(Request(t, s, user, http.MethodGet, at, "", nil, http.StatusOK))
			all = append(all, Resource{path.Base(strings.TrimSuffix(c.Href, "/")), path.Base(decoded), r.ETag, UID(body), body})
		}
	}
	return all
}

// UID returns the first UID of an iCalendar object or a card.
func UID(body string) string {
	body = strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(body)
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if name, _, _ = strings.Cut(name, ";"); strings.EqualFold(name, "UID") {
			return value
		}
	}
	return ""
}

type found struct {
	Href string `xml:"DAV: href"`
	ETag string `xml:"DAV: propstat>prop>getetag"`
	Type struct {
		Names []struct{ XMLName xml.Name } `xml:",any"`
	} `xml:"DAV: propstat>prop>resourcetype"`
}

func (f *found) has(name string) bool {
	for _, n := range f.Type.Names {
		if n.XMLName.Local == name {
			return true
		}
	}
	return false
}

func (f *found) isCollection() bool { return f.has("collection") }

func propfind(t testing.TB, s *Server, at, user string) []found {
	t.Helper()
	const body = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getetag/></prop></propfind>`
	answer := Request(t, s, user, "PROPFIND", at, body, http.Header{"Depth": {"1"}, "Content-Type": {"application/xml"}}, http.StatusMultiStatus)
	var status struct {
		Responses []found `xml:"DAV: response"`
	}
	if err := xml.Unmarshal(answer, &status); err != nil {
		t.Fatalf("%s: %v\n%.500s", at, err, answer)
	}
	self := resolve(t, at, at)
	var below []found
	for _, r := range status.Responses {
		if resolve(t, at, r.Href) != self {
			below = append(below, r)
		}
	}
	return below
}

// resolve returns the URL of a reference, one for each resource.
func resolve(t testing.TB, base, href string) string {
	t.Helper()
	b, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Parse(href)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// Request sends a request as a user and returns the answer's body. It fails the test where the status is none of those
// wanted.
func Request(t testing.TB, s *Server, user, method, at, body string, header http.Header, want ...int) []byte {
	t.Helper()
	req, err := http.NewRequest(method, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if s.Password != "" {
		req.SetBasicAuth(user, s.Password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range want {
		if res.StatusCode == status {
			return answer
		}
	}
	t.Fatal(fmt.Errorf("%s: %s %s: %s\n%.500s", s.Name, method, at, res.Status, answer))
	return nil
}
