package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Stored is what the server says of a resource that it has stored.
type Stored struct {
	// Href is where it is: mostly where it was put, but a server may choose another name.
	Href string
	// ETag is as the server writes it, with its quotes; empty where it is withheld, which says that the server has changed
	// what it was given (RFC 4791 5.3.4). QUIRK: Radicale gives one although it has.
	ETag string
	// Warning is what a sabre server says it has repaired (X-Sabre-Ew-Gross); printable.
	Warning string
}

// PutOptions say what is stored, and on which condition. At most one of IfNoneMatch and IfMatch is set.
type PutOptions struct {
	// IfNoneMatch is "*" where nothing may be there yet: [Exists] tells the refusal.
	IfNoneMatch string
	// IfMatch is the ETag of what is to be replaced: [Changed] tells the refusal. A weak one never matches (RFC 9110 8.8.3.2).
	IfMatch string
	// ContentType is whole: "text/calendar; charset=utf-8; component=VEVENT".
	ContentType string
	Size        int64
	// Body opens what is stored, exactly Size bytes. It is called again where the request has to be repeated.
	Body func() (io.ReadCloser, error)
}

// Bytes makes a body of what is in memory.
func Bytes(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func inMemory(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// take waits for one of the places for writing.
func (c *Client) take(ctx context.Context, method, href string) (func(), error) {
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, &LostError{Method: method, Href: href, Err: context.Cause(ctx)}
	}
}

// Put stores a resource. The package's comment says how to tell what became of it.
func (c *Client) Put(ctx context.Context, href string, o PutOptions) (Stored, error) {
	u, err := c.locate(href)
	if err != nil {
		return Stored{}, err
	}
	r := request{method: http.MethodPut, url: u, header: make(http.Header), size: o.Size, body: o.Body, items: 1}
	quiet(r.header)
	r.header.Set("Content-Type", o.ContentType)
	if o.IfNoneMatch != "" {
		r.header.Set("If-None-Match", o.IfNoneMatch)
	}
	if o.IfMatch != "" {
		r.header.Set("If-Match", o.IfMatch)
	}
	free, err := c.take(ctx, r.method, href)
	if err != nil {
		return Stored{}, err
	}
	defer free()
	start := time.Now()
	a, err := c.do(ctx, r)
	if err != nil {
		return Stored{}, err
	}
	defer a.Body.Close()
	switch a.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
	case http.StatusMultiStatus:
		refused, err := c.inside(&r, a)
		switch {
		case err != nil:
			return Stored{}, err
		case refused != nil:
			return Stored{}, refused
		}
		// Nothing failed, and nothing says that it was stored.
		return Stored{}, c.nonsense(r.method, href, errors.New("its status is 207 and nothing in it tells of a failure"))
	default:
		return Stored{}, c.nonsense(r.method, href, fmt.Errorf("its status is %s", cut(words(a.Status), mostName)))
	}
	if c.pace != nil {
		c.pace.Done(1, o.Size, time.Since(start))
	}
	return Stored{Href: c.placed(a), ETag: etag(a.Header.Get("ETag")), Warning: c.auth.redact(words(a.Header.Get("X-Sabre-Ew-Gross")))}, nil
}

// placed returns where a resource was stored: where it was put, unless a Location names another one beside it.
func (c *Client) placed(a *answer) string {
	put := c.href(a.url)
	location := a.Header.Get("Location")
	if location == "" {
		return put
	}
	u, err := c.found(location, a.url)
	if err != nil {
		return put
	}
	if at := c.href(u); path.Dir(at) == path.Dir(put) && !strings.HasSuffix(at, "/") {
		return at
	}
	return put
}

// etag returns an ETag as it can be sent back; what is none is dropped.
func etag(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > mostHref || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return ""
	}
	// QUIRK: some write it without quotes in XML, which no header may have.
	if !strings.HasSuffix(s, `"`) {
		return `"` + s + `"`
	}
	return s
}

// Delete deletes a resource, where ifMatch is not empty only if that is its ETag ([Changed]). [Gone] tells that there was
// none. No participant of a meeting is told where a header can stop it; see [Server.Scheduling].
func (c *Client) Delete(ctx context.Context, href, ifMatch string) error {
	u, err := c.locate(href)
	if err != nil {
		return err
	}
	r := request{method: http.MethodDelete, url: u, header: make(http.Header), items: 1}
	quiet(r.header)
	if ifMatch != "" {
		r.header.Set("If-Match", ifMatch)
	}
	free, err := c.take(ctx, r.method, href)
	if err != nil {
		return err
	}
	defer free()
	start := time.Now()
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	switch a.StatusCode {
	case http.StatusOK, http.StatusNoContent:
	case http.StatusMultiStatus:
		refused, err := c.inside(&r, a)
		switch {
		case err != nil:
			return err
		case refused != nil:
			return refused
		}
		return c.nonsense(r.method, href, errors.New("its status is 207 and nothing in it tells of a failure"))
	default:
		return c.nonsense(r.method, href, fmt.Errorf("its status is %s", cut(words(a.Status), mostName)))
	}
	if c.pace != nil {
		c.pace.Done(1, 0, time.Since(start))
	}
	return nil
}

// Get opens a resource, as it is on the server: it is read while it arrives, at most most octets (0: 256 MB), beyond which
// reading fails. ETag and size are as in [Resource]. Close it.
func (c *Client) Get(ctx context.Context, href string, most int64) (io.ReadCloser, Resource, error) {
	u, err := c.locate(href)
	if err != nil {
		return nil, Resource{}, err
	}
	if most <= 0 {
		most = mostObject
	}
	r := request{method: http.MethodGet, url: u, header: make(http.Header), limit: most}
	r.header.Set("Accept", "text/calendar, text/vcard;q=0.9, */*;q=0.5")
	if c.kind == AddressBooks {
		r.header.Set("Accept", "text/vcard, */*;q=0.5")
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, Resource{}, err
	}
	if a.StatusCode != http.StatusOK {
		a.Body.Close()
		return nil, Resource{}, c.nonsense(r.method, href, fmt.Errorf("its status is %s", cut(words(a.Status), mostName)))
	}
	if a.ContentLength > most {
		a.Body.Close()
		return nil, Resource{}, c.nonsense(r.method, href, fmt.Errorf("it has %d bytes: %w", a.ContentLength, errTooLong))
	}
	at := c.href(a.url)
	return &object{a.Body, c, r.method, href}, Resource{Href: at, Name: Base(at), ETag: etag(a.Header.Get("ETag")), Size: a.ContentLength}, nil
}

// mostObject bounds one resource.
const mostObject = 256 << 20

// object is the body of a resource; its errors say which.
type object struct {
	r            io.ReadCloser
	client       *Client
	method, href string
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, errTooLong):
		return n, o.client.nonsense(o.method, o.href, err)
	}
	return n, &LostError{Method: o.method, Href: o.href, Sent: true, Err: err}
}

func (o *object) Close() error { return o.r.Close() }

// child returns the href of a URL if it is a resource directly in a collection.
func (c *Client) child(u, collection *url.URL) (string, bool) {
	href := c.href(u)
	if strings.HasSuffix(href, "/") || same(u, collection) {
		return "", false
	}
	at := strings.TrimSuffix(c.href(collection), "/")
	return href, strings.HasPrefix(href, at+"/")
}
