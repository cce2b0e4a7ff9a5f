package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// An href is what names a resource to callers: its path, percent-encoded in one way so that equal ones are equal, or its
// whole URL where that is on another origin than the account's home. That of a collection ends with a slash.

// href returns the href of a URL.
func (c *Client) href(u *url.URL) string {
	path := canonical(u.EscapedPath())
	if origin(u) != origin(c.base) {
		return u.Scheme + "://" + u.Host + path
	}
	return path
}

// canonical encodes each segment of a path in one way.
func canonical(escaped string) string {
	parts := strings.Split(escaped, "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = segment(plain)
		}
	}
	if path := strings.Join(parts, "/"); path != "" {
		return path
	}
	return "/"
}

// segment encodes one part of a path. Dots alone would lead elsewhere.
func segment(plain string) string {
	if plain == "." || plain == ".." {
		return strings.ReplaceAll(plain, ".", "%2E")
	}
	return url.PathEscape(plain)
}

// locate returns the URL of an href that a caller has. It has to be where the account is.
func (c *Client) locate(href string) (*url.URL, error) {
	u, err := c.base.Parse(href)
	if err != nil {
		return nil, fmt.Errorf("%q is no address of a resource", href)
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	if !c.trusted(u) {
		return nil, fmt.Errorf("%s is on another server", href)
	}
	return u, nil
}

// found returns the URL of an href that an answer from a URL has.
//
// QUIRK: servers behind a proxy write hrefs with a host or a scheme that only they know. What a listing names is where the
// listing is; its path is right.
func (c *Client) found(href string, from *url.URL) (*url.URL, error) {
	if href == "" || len(href) > 8<<10 {
		return nil, errors.New("it names a resource by nothing that could be an address")
	}
	u, err := from.Parse(href)
	if err != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("it names a resource by %q, which is no address", cut(words(href), mostName))
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	if !c.trusted(u) {
		u.Scheme, u.Host = from.Scheme, from.Host
	}
	return u, nil
}

// lead returns the URL of an href by which the server leads on while the account is looked for. Another host is what it may
// mean, unless only the scheme or the port differ: see found.
func (c *Client) lead(href string, from *url.URL) (*url.URL, error) {
	u, err := from.Parse(href)
	if err != nil || href == "" || u.Opaque != "" {
		return nil, fmt.Errorf("it leads to %q, which is no address", cut(words(href), mostName))
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	if u.Scheme != "https" && strings.EqualFold(u.Hostname(), from.Hostname()) {
		u.Scheme, u.Host = from.Scheme, from.Host
	}
	if err := c.allow(u, from, true); err != nil {
		return nil, err
	}
	return u, nil
}

// Join returns the href of a resource, or with a slash at the end of name of a collection, in a collection. The name is
// plain; it is encoded here.
func Join(collection, name string) string {
	name, isCollection := strings.CutSuffix(name, "/")
	href := strings.TrimSuffix(collection, "/") + "/" + segment(name)
	if isCollection {
		href += "/"
	}
	return href
}

// Base returns the last part of an href, decoded: the name of a resource or a collection.
func Base(href string) string {
	href = strings.TrimSuffix(href, "/")
	href = href[strings.LastIndexByte(href, '/')+1:]
	if plain, err := url.PathUnescape(href); err == nil {
		return plain
	}
	return href
}

// same reports whether two URLs name the same resource, with a slash at the end or without.
func same(a, b *url.URL) bool {
	return origin(a) == origin(b) &&
		strings.TrimSuffix(canonical(a.EscapedPath()), "/") == strings.TrimSuffix(canonical(b.EscapedPath()), "/")
}

// within reports whether a URL is another one or below it.
func within(u, above *url.URL) bool {
	a := strings.TrimSuffix(canonical(above.EscapedPath()), "/") + "/"
	return origin(u) == origin(above) && strings.HasPrefix(strings.TrimSuffix(canonical(u.EscapedPath()), "/")+"/", a)
}
