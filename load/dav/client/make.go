package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Make makes a collection of the client's kind and returns it as the server then describes it, which may differ from what
// was wanted: servers refuse properties, and some decide themselves which components a calendar takes. Where it does not
// take all of them it is made all the same; the caller looks at Components.
//
// An [*ExistsError] says that something was there before. After an error that is [Unknown] the collection may be there:
// making it again then gives an ExistsError. Nextcloud limits how many calendars can be made in an hour: [Throttled].
func (c *Client) Make(ctx context.Context, want Collection) (Collection, error) {
	u, err := c.locate(want.Href)
	if err != nil {
		return Collection{}, err
	}
	href := strings.TrimSuffix(c.href(u), "/") + "/"
	if u, err = c.locate(href); err != nil {
		return Collection{}, err
	}
	// What a server answers when there is one already tells nothing: 405 (RFC 4918 9.3.1), 409 (Radicale), 403 (Cyrus),
	// 207 (Xandikos).
	there, err := c.Lookup(ctx, href)
	switch {
	case err == nil:
		return Collection{}, &ExistsError{there}
	case !simplerMayDo(err) && !Gone(err):
		return Collection{}, err
	}
	var first error
	for _, f := range c.forms(&want) {
		err := c.mkcol(ctx, u, f)
		if err == nil {
			first = nil
			break
		}
		if first == nil {
			first = err
		}
		if !simplerMayDo(err) {
			return Collection{}, first
		}
		// QUIRK: some make the collection and then report a property that they could not set (Xandikos).
		if there, lookupErr := c.Lookup(ctx, href); lookupErr == nil && there.Kind == c.kind {
			first = nil
			break
		}
		c.log.Debug("the server does not make this collection; a simpler one is tried", "href", href, "reason", err)
	}
	if first != nil {
		return Collection{}, first
	}
	made, err := c.Lookup(ctx, href)
	switch {
	case err != nil:
		return Collection{}, err
	case made.Kind != c.kind:
		return Collection{}, c.nonsense("PROPFIND", href, fmt.Errorf("what the server made is no %s", c.kind))
	}
	return c.complete(ctx, u, made, want)
}

// simplerMayDo reports whether a refusal may concern what a new collection was to be like.
func simplerMayDo(err error) bool {
	e, ok := refusal(err)
	return ok && e.Status < 500 && !Temporary(err) && !OverQuota(err) || ok && e.Status == http.StatusNotImplemented
}

// form is one way to ask for a collection.
type form struct {
	method, body string
}

// forms returns the ways to ask for a collection, the one that says most first.
func (c *Client) forms(want *Collection) []form {
	all, few := c.wanted(want, true), c.wanted(want, false)
	if c.kind == AddressBooks {
		kind := "<D:resourcetype><D:collection/><A:addressbook/></D:resourcetype>"
		return []form{
			{"MKCOL", setBody("D:mkcol", kind+all)}, // RFC 5689, RFC 6352 6.3.1
			{"MKCOL", setBody("D:mkcol", kind)},
		}
	}
	kind := "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"
	return []form{
		{"MKCALENDAR", setBody("C:mkcalendar", all)}, // RFC 4791 5.3.1
		{"MKCALENDAR", setBody("C:mkcalendar", few)},
		{"MKCOL", setBody("D:mkcol", kind+few)},
		{"MKCALENDAR", ""},
	}
}

func setBody(root, props string) string {
	return prolog + "<" + root + namespaces + "><D:set><D:prop>" + props + "</D:prop></D:set></" + root + ">"
}

// wanted writes the properties of a collection, all or those that matter most.
func (c *Client) wanted(col *Collection, all bool) string {
	var b strings.Builder
	put := func(name, value string) {
		if value != "" {
			b.WriteString("<" + name + ">" + escape(value) + "</" + name + ">")
		}
	}
	put("D:displayname", col.Name)
	if c.kind == AddressBooks {
		if all {
			put("A:addressbook-description", col.Description)
		}
		return b.String()
	}
	if len(col.Components) > 0 {
		b.WriteString("<C:supported-calendar-component-set>")
		for _, name := range col.Components {
			b.WriteString(`<C:comp name="` + escape(name) + `"/>`)
		}
		b.WriteString("</C:supported-calendar-component-set>")
	}
	if all {
		put("C:calendar-description", col.Description)
		put("C:calendar-timezone", col.TimeZone)
		put("I:calendar-color", col.Color)
	}
	return b.String()
}

// mkcol sends a request that makes a collection, or changes its properties.
func (c *Client) mkcol(ctx context.Context, u *url.URL, f form) error {
	r := request{method: f.method, url: u, header: make(http.Header)}
	quiet(r.header)
	if f.body != "" {
		r.setXML(f.body)
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusMultiStatus {
		return nil
	}
	refused, err := c.inside(&r, a)
	if err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// inside looks for a refusal in the multistatus that a write was answered with.
//
// QUIRK: Xandikos answers so where others give a status of their own.
func (c *Client) inside(r *request, a *answer) (*Error, error) {
	var refused *Error
	href := c.href(r.url)
	err := multistatus(a.Body, limits{defaultBody, 1 << 20}, func(res *response) (bool, error) {
		refused = res.refusal(r.method, href)
		return refused == nil, nil
	})
	if err != nil {
		return nil, c.nonsense(r.method, href, err)
	}
	if refused != nil {
		refused.create, refused.match = r.header.Get("If-None-Match") != "", r.header.Get("If-Match") != ""
		refused.RetryAfter = 0
		refused.Text, refused.Condition = c.auth.redact(refused.Text), c.auth.redact(refused.Condition)
	}
	return refused, nil
}

// complete sets what the server has not set while it made a collection. It is for people: a refusal is no failure.
func (c *Client) complete(ctx context.Context, u *url.URL, made, want Collection) (Collection, error) {
	var patched bool
	for _, p := range []struct{ name, want, got string }{
		{"D:displayname", want.Name, made.Name},
		{"I:calendar-color", want.Color, made.Color},
	} {
		if p.want == "" || c.kind == AddressBooks && p.name != "D:displayname" || p.got != "" && (p.name != "D:displayname" || p.got == cut(words(p.want), mostWords)) {
			continue
		}
		body := setBody("D:propertyupdate", "<"+p.name+">"+escape(p.want)+"</"+p.name+">")
		err := c.mkcol(ctx, u, form{"PROPPATCH", body})
		switch {
		case err == nil:
			patched = true
		case errors.As(err, new(*Error)):
			c.log.Debug("the server does not take a property", "href", made.Href, "property", p.name, "reason", err)
		default:
			return Collection{}, err
		}
	}
	if patched {
		return c.Lookup(ctx, made.Href)
	}
	return made, nil
}
