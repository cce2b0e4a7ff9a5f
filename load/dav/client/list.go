package client

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Resource is what a listing says of a resource.
type Resource struct {
	Href string
	ETag string // with its quotes; empty: not told
	Size int64  // in octets; -1: not told
	// UID is what its content names, by [Client.UIDs] only; empty: not told.
	UID string
}

// Object is a resource with its content.
type Object struct {
	Resource
	// Data may have LF alone at its line ends, as XML makes of CRLF.
	Data []byte
	// Err says why the content of this one is missing; [Gone] if it was deleted meanwhile.
	Err error
}

const (
	mostListing = 2 << 30 // bytes of a listing
	// A multiget asks for so many resources, and for so many bytes where their sizes are known: they are held in memory.
	chunkObjects = 50
	chunkBytes   = 4 << 20
	mostChunk    = 64 << 20 // bytes of its answer
	mostInline   = 32 << 20 // bytes of an object within an answer
)

// List lists the resources in a collection, in the server's order. What is held in memory does not depend on their number.
//
// A server that lists only a part says so with status 507 (RFC 5323 2.3.1); that is an error here: what is not listed must
// not pass for missing.
func (c *Client) List(ctx context.Context, collection string) iter.Seq2[Resource, error] {
	return func(yield func(Resource, error) bool) {
		u, err := c.locate(collection)
		if err != nil {
			yield(Resource{}, err)
			return
		}
		props := []xml.Name{{Space: nsDAV, Local: "resourcetype"}, {Space: nsDAV, Local: "getetag"}, {Space: nsDAV, Local: "getcontentlength"}}
		stopped := false
		_, err = c.propfind(ctx, request{url: u, limit: mostListing}, "1", props, c.each("PROPFIND", u, func(res *response, r Resource) bool {
			stopped = !yield(r, nil)
			return !stopped
		}))
		if err != nil && !stopped {
			yield(Resource{}, err)
		}
	}
}

// each makes resources of the responses of a listing.
func (c *Client) each(method string, collection *url.URL, yield func(*response, Resource) bool) func(*response, *url.URL) (bool, error) {
	return func(res *response, at *url.URL) (bool, error) {
		if res.status == http.StatusInsufficientStorage {
			return false, &Error{Method: method, Href: c.href(collection), Status: res.status, Text: "the server lists only a part of the collection"}
		}
		if same(at, collection) && res.status >= 300 {
			return false, res.refusal(method, c.href(collection))
		}
		href, ok := c.child(at, collection)
		if !ok || res.status >= 300 || res.isCollection() {
			return true, nil
		}
		return yield(res, c.resource(res, href)), nil
	}
}

func (c *Client) resource(res *response, href string) Resource {
	return Resource{
		Href: href,
		ETag: etag(res.prop(nsDAV, "getetag").text()),
		Size: number(res.prop(nsDAV, "getcontentlength")),
	}
}

// data returns what a resource holds.
func (r *response) data(k Kind) *node {
	if k == AddressBooks {
		return r.prop(nsCard, "address-data")
	}
	return r.prop(nsCal, "calendar-data")
}

// UIDs lists the resources in a collection with their UIDs, which costs a server more than List: it has to look into each.
// It is asked for the UIDs alone (RFC 4791 9.6, RFC 6352 10.4); one that sends whole objects nevertheless (Radicale) is
// understood too. Where the server knows no such query the resources come without UID.
func (c *Client) UIDs(ctx context.Context, collection string) iter.Seq2[Resource, error] {
	return func(yield func(Resource, error) bool) {
		u, err := c.locate(collection)
		if err != nil {
			yield(Resource{}, err)
			return
		}
		body := prolog + "<C:calendar-query" + namespaces + `><D:prop><D:getetag/><C:calendar-data><C:comp name="VCALENDAR">` +
			`<C:prop name="VERSION"/>` + comps(`<C:prop name="UID"/>`) + `</C:comp></C:calendar-data></D:prop>` +
			`<C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`
		if c.kind == AddressBooks {
			body = prolog + "<A:addressbook-query" + namespaces + `><D:prop><D:getetag/><A:address-data><A:prop name="VERSION"/><A:prop name="UID"/></A:address-data></D:prop>` +
				// QUIRK: a filter that says nothing matches nothing for some; every card has a FN.
				`<A:filter><A:prop-filter name="FN"/></A:filter></A:addressbook-query>`
		}
		stopped, any := false, false
		r := request{method: "REPORT", url: u, limit: mostListing, header: http.Header{"Depth": {"1"}}}
		_, err = c.query(ctx, r, body, limits{text: mostInline}, c.each("REPORT", u, func(res *response, r Resource) bool {
			any = true
			r.UID = uid(res.data(c.kind).text())
			r.Size = -1
			stopped = !yield(r, nil)
			return !stopped
		}))
		switch {
		case stopped || err == nil:
		case !any && unsupported(err):
			for r, err := range c.List(ctx, collection) {
				if !yield(r, err) {
					return
				}
			}
		default:
			yield(Resource{}, err)
		}
	}
}

// comps asks for the same of each component that a calendar can hold.
func comps(props string) string {
	var b strings.Builder
	for _, name := range []string{"VEVENT", "VTODO", "VJOURNAL"} {
		b.WriteString(`<C:comp name="` + name + `">` + props + `</C:comp>`)
	}
	return b.String()
}

// unsupported reports whether a server does not know a request.
func unsupported(err error) bool {
	e, ok := refusal(err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	}
	return false
}

// uid returns the value of the first UID in an iCalendar object or a card.
func uid(data string) string {
	for len(data) > 0 {
		line, rest, _ := strings.Cut(data, "\n")
		// Continuation lines belong to the line before (RFC 5545 3.1, RFC 6350 3.2).
		for strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t") {
			var more string
			more, rest, _ = strings.Cut(rest[1:], "\n")
			if len(line) < 4<<10 {
				line = strings.TrimSuffix(line, "\r") + more
			}
		}
		data = rest
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, ";")
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:] // a card's group
		}
		if strings.EqualFold(strings.TrimSpace(name), "UID") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Multiget returns the content of resources in a collection, in the order of the list. A resource that cannot be had comes
// with Err; an error as the second value ends it. Where the list has sizes, about 4 MB of objects are held in memory at a
// time; larger ones are better read with [Client.Get].
//
// A server that knows no multiget (RFC 4791 7.9, RFC 6352 8.7), or whose answer is no XML because of what is in an object,
// is asked for one after the other.
func (c *Client) Multiget(ctx context.Context, collection string, list []Resource) iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		u, err := c.locate(collection)
		if err != nil {
			yield(nil, err)
			return
		}
		single := false
		for len(list) > 0 {
			n, size := 0, int64(0)
			for n < len(list) && n < chunkObjects && (n == 0 || size+list[n].Size <= chunkBytes) {
				size += max(list[n].Size, 0)
				n++
			}
			chunk := list[:n]
			list = list[n:]
			var objects map[string]*Object
			if !single {
				objects, err = c.multiget(ctx, u, chunk)
				var nonsense *ProtocolError
				switch {
				case err == nil:
				case unsupported(err):
					single = true
				case errors.As(err, &nonsense):
					c.log.Debug("a multiget is repeated one by one", "reason", err)
				default:
					yield(nil, err)
					return
				}
			}
			for i := range chunk {
				o := objects[chunk[i].Href]
				if o == nil {
					if o, err = c.whole(ctx, chunk[i]); err != nil {
						yield(nil, err)
						return
					}
				}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// multiget asks for one chunk.
func (c *Client) multiget(ctx context.Context, u *url.URL, chunk []Resource) (map[string]*Object, error) {
	var b strings.Builder
	root, data := "C:calendar-multiget", "C:calendar-data"
	if c.kind == AddressBooks {
		root, data = "A:addressbook-multiget", "A:address-data"
	}
	b.WriteString(prolog + "<" + root + namespaces + "><D:prop><D:getetag/><" + data + "/></D:prop>")
	for _, r := range chunk {
		at, err := c.locate(r.Href)
		if err != nil {
			return nil, err
		}
		b.WriteString("<D:href>" + escape(at.EscapedPath()) + "</D:href>")
	}
	b.WriteString("</" + root + ">")
	objects := make(map[string]*Object, len(chunk))
	// RFC 4791 7.9: no Depth is needed; RFC 6352 8.7 wants 0, and so does Depth's default for REPORT.
	r := request{method: "REPORT", url: u, limit: mostChunk, header: http.Header{"Depth": {"0"}}}
	_, err := c.query(ctx, r, b.String(), limits{text: mostInline}, func(res *response, at *url.URL) (bool, error) {
		href := c.href(at)
		content := res.data(c.kind)
		switch {
		case res.status >= 300:
			if !same(at, u) {
				objects[href] = &Object{Resource: Resource{Href: href, Size: -1}, Err: res.refusal("REPORT", href)}
			}
		case content != nil:
			o := &Object{Resource: c.resource(res, href), Data: []byte(content.Text)}
			o.Size = int64(len(o.Data))
			objects[href] = o
		}
		// What comes without content is asked for singly.
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return objects, nil
}

// whole reads one resource. An error is one that concerns all.
func (c *Client) whole(ctx context.Context, r Resource) (*Object, error) {
	o := &Object{Resource: r}
	body, got, err := c.Get(ctx, r.Href, mostChunk)
	if err == nil {
		defer body.Close()
		o.Data, err = io.ReadAll(body)
		o.ETag, o.Size = got.ETag, int64(len(o.Data))
	}
	if err != nil {
		var nonsense *ProtocolError
		if _, ok := refusal(err); !ok && !errors.As(err, &nonsense) {
			return nil, err
		}
		o.Data, o.Err = nil, fmt.Errorf("reading %s: %w", r.Href, err)
	}
	return o, nil
}

// Hrefs makes the list that Multiget takes of hrefs alone.
func Hrefs(list ...string) []Resource {
	resources := make([]Resource, len(list))
	for i, h := range slices.All(list) {
		resources[i] = Resource{Href: h, Size: -1}
	}
	return resources
}
