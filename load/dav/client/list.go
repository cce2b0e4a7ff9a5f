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
	Name string // the last part of the href, decoded
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

// partial is what RFC 5323 5.17 and RFC 6578 3.6 call it.
const partial = "number-of-matches-within-limits"

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
		_, err = c.propfind(ctx, request{url: u, limit: mostListing}, "1", props, func(res *response, at *url.URL) (bool, error) {
			if res.status == http.StatusInsufficientStorage {
				return false, &Error{Method: "PROPFIND", Href: c.href(u), Status: res.status, Condition: partial, Text: "the server lists only a part of the collection"}
			}
			if same(at, u) && res.status >= 300 {
				return false, res.refusal("PROPFIND", c.href(u))
			}
			href, ok := c.child(at, u)
			if !ok || res.status >= 300 || res.isCollection() {
				return true, nil
			}
			stopped = !yield(c.resource(res, href), nil)
			return !stopped, nil
		})
		if err != nil && !stopped {
			yield(Resource{}, err)
		}
	}
}

func (c *Client) resource(res *response, href string) Resource {
	return Resource{
		Href: href,
		Name: Base(href),
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
// understood too. A resource whose UID the server does not tell comes without. The names are held in memory.
//
// It is a multiget and not a query: what a filter matches is something that servers disagree about.
func (c *Client) UIDs(ctx context.Context, collection string) iter.Seq2[Resource, error] {
	return func(yield func(Resource, error) bool) {
		var list []Resource
		for r, err := range c.List(ctx, collection) {
			if err != nil {
				yield(Resource{}, err)
				return
			}
			list = append(list, r)
		}
		u, err := c.locate(collection)
		if err != nil {
			yield(Resource{}, err)
			return
		}
		for known := true; len(list) > 0; {
			chunk := list[:min(len(list), chunkUIDs)]
			list = list[len(chunk):]
			uids := make(map[string]string)
			if known {
				err := c.multiget(ctx, u, chunk, c.onlyUID(), func(res *response, href string) {
					uids[href] = uid(res.data(c.kind).text())
				})
				switch {
				case unsupported(err):
					known = false
				case err != nil:
					yield(Resource{}, err)
					return
				}
			}
			for i := range chunk {
				chunk[i].UID = uids[chunk[i].Href]
				if !yield(chunk[i], nil) {
					return
				}
			}
		}
	}
}

// chunkUIDs is how many UIDs are asked for at once.
const chunkUIDs = 200

// onlyUID asks for the UID of an object alone.
func (c *Client) onlyUID() string {
	if c.kind == AddressBooks {
		return `<A:address-data><A:prop name="VERSION"/><A:prop name="UID"/></A:address-data>`
	}
	var b strings.Builder
	for _, name := range []string{"VEVENT", "VTODO", "VJOURNAL"} {
		b.WriteString(`<C:comp name="` + name + `"><C:prop name="UID"/></C:comp>`)
	}
	return `<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/>` + b.String() + `</C:comp></C:calendar-data>`
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
				objects = make(map[string]*Object, len(chunk))
				err = c.multiget(ctx, u, chunk, c.everything(), func(res *response, href string) {
					if res.status >= 300 {
						objects[href] = &Object{Resource: Resource{Href: href, Name: Base(href), Size: -1}, Err: res.refusal("REPORT", href)}
					} else if content := res.data(c.kind); content != nil {
						o := &Object{Resource: c.resource(res, href), Data: []byte(content.Text)}
						o.Size = int64(len(o.Data))
						objects[href] = o
					}
					// What comes without content is asked for singly.
				})
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

// everything asks for whole objects.
func (c *Client) everything() string {
	if c.kind == AddressBooks {
		return "<A:address-data/>"
	}
	return "<C:calendar-data/>"
}

// multiget asks for one chunk (RFC 4791 7.9, RFC 6352 8.7).
func (c *Client) multiget(ctx context.Context, u *url.URL, chunk []Resource, data string, each func(*response, string)) error {
	root := "C:calendar-multiget"
	if c.kind == AddressBooks {
		root = "A:addressbook-multiget"
	}
	var b strings.Builder
	b.WriteString(prolog + "<" + root + namespaces + "><D:prop><D:getetag/>" + data + "</D:prop>")
	for _, r := range chunk {
		at, err := c.locate(r.Href)
		if err != nil {
			return err
		}
		b.WriteString("<D:href>" + escape(at.EscapedPath()) + "</D:href>")
	}
	b.WriteString("</" + root + ">")
	// RFC 6352 8.7 wants this depth; RFC 4791 7.9 ignores it.
	r := request{method: "REPORT", url: u, limit: mostChunk, header: http.Header{"Depth": {"0"}}}
	_, err := c.query(ctx, r, b.String(), limits{text: mostInline}, func(res *response, at *url.URL) (bool, error) {
		// A status of the collection's own would be that of the whole.
		if same(at, u) && res.status >= 300 {
			return false, res.refusal("REPORT", c.href(u))
		}
		each(res, c.href(at))
		return true, nil
	})
	return err
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
		resources[i] = Resource{Href: h, Name: Base(h), Size: -1}
	}
	return resources
}
