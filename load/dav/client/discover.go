package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// discover finds out what is at the URL: RFC 6764 section 6 where it is only a host.
func (c *Client) discover(ctx context.Context) error {
	given := c.base
	at, about, err := c.begin(ctx)
	if err != nil {
		return err
	}
	named := strings.Trim(given.Path, "/") != "" // the user said more than a host
	c.base = at
	switch {
	case about.is(c.kind):
		col := c.collection(about, at)
		c.direct = &col
		if _, err := c.know(ctx, about, at); err != nil {
			return err
		}
	case c.leads(about):
		if err := c.takeHomes(about, at); err != nil {
			return err
		}
		c.principal = at
		c.identify(about, at)
	default:
		if err := c.find(ctx, about, at, named); err != nil {
			return err
		}
	}
	if len(c.homes) > 0 {
		c.base = c.homes[0]
	}
	return c.ask(ctx)
}

// begin returns where the service begins, and what is there.
func (c *Client) begin(ctx context.Context) (*url.URL, *response, error) {
	if strings.Trim(c.base.Path, "/") != "" {
		return c.probe(ctx, c.base)
	}
	known := *c.base
	known.Path, known.RawPath = "/.well-known/"+c.kind.service(), ""
	at, about, err := c.probe(ctx, &known)
	if err == nil {
		return at, about, nil
	}
	if !fatal(err) {
		// RFC 6764 section 6, 3: the host itself may be the service.
		root := *c.base
		root.Path, root.RawPath = "/", ""
		at, about, rootErr := c.probe(ctx, &root)
		if rootErr == nil {
			return at, about, nil
		}
		if fatal(rootErr) {
			err = rootErr
		}
	}
	var login *AuthError
	if errors.As(err, &login) || ctx.Err() != nil {
		return nil, nil, err
	}
	if at, about, named := c.byName(ctx); named {
		return at, about, nil
	}
	if fatal(err) {
		return nil, nil, err
	}
	return nil, nil, fmt.Errorf("%s seems to have no %s service; give the address of the home or of one %s: %w", c.base.Host, c.kind.service(), c.kind, err)
}

// fatal reports whether another URL of the same server makes no difference.
func fatal(err error) bool {
	var (
		login  *AuthError
		secure *TLSError
		lost   *LostError
	)
	return errors.As(err, &login) || errors.As(err, &secure) || errors.As(err, &lost)
}

// probe asks what is at a URL. Redirects are followed: the URL where the answer came from is returned.
func (c *Client) probe(ctx context.Context, u *url.URL) (*url.URL, *response, error) {
	var about *response
	at, err := c.propfind(ctx, request{url: u, finding: true}, "0", append(slices.Clone(collectionProps), principalProps...), func(r *response, _ *url.URL) (bool, error) {
		about = r
		return false, nil
	})
	switch {
	case err != nil:
		return nil, nil, err
	case about == nil:
		return nil, nil, c.nonsense("PROPFIND", c.href(u), errors.New("it says nothing of what was asked for"))
	case about.status >= 300:
		return nil, nil, about.refusal("PROPFIND", c.href(u))
	}
	return at, about, nil
}

// leads reports whether a response names homes.
func (c *Client) leads(about *response) bool { return len(c.homeSet(about)) > 0 }

func (c *Client) homeSet(about *response) []string {
	home := about.prop(nsCal, "calendar-home-set") // RFC 4791 6.2.1
	if c.kind == AddressBooks {
		home = about.prop(nsCard, "addressbook-home-set") // RFC 6352 7.1.1
	}
	return hrefs(home)
}

// takeHomes takes the homes that a response names.
func (c *Client) takeHomes(about *response, at *url.URL) error {
	for _, href := range c.homeSet(about) {
		u, err := c.lead(href, at)
		if err != nil {
			return c.nonsense("PROPFIND", c.href(at), err)
		}
		u.Path = strings.TrimSuffix(u.Path, "/") + "/"
		if u.RawPath != "" {
			u.RawPath = strings.TrimSuffix(u.RawPath, "/") + "/"
		}
		if !slices.ContainsFunc(c.homes, func(h *url.URL) bool { return same(h, u) }) && len(c.homes) < mostHomes {
			c.homes = append(c.homes, u)
		}
	}
	return nil
}

const mostHomes = 16

// find looks for the homes from a URL that is neither a collection of our kind nor a principal.
func (c *Client) find(ctx context.Context, about *response, at *url.URL, named bool) error {
	// What the user named is taken for the home if it looks like one: it may be somebody else's.
	if named {
		inside := false
		_, err := c.propfind(ctx, request{url: at}, "1", collectionProps, func(r *response, _ *url.URL) (bool, error) {
			inside = inside || r.is(c.kind)
			return true, nil
		})
		if err != nil && fatal(err) {
			return err
		}
		if inside {
			c.homes = []*url.URL{at}
			_, err := c.know(ctx, about, at)
			return err
		}
	}
	who, err := c.know(ctx, about, at)
	if err != nil {
		return err
	}
	if who == nil {
		if about.prop(nsDAV, "current-user-principal").child(nsDAV, "unauthenticated") != nil {
			return &AuthError{c.base.Host, "the server lets anybody in and does not say who the user is: give the address of the home"}
		}
		if named && about.isCollection() {
			c.homes = []*url.URL{at}
			return nil
		}
		return c.nothing()
	}
	if err := c.takeHomes(who, c.principal); err != nil {
		return err
	}
	// A folder that is not above the homes was meant itself.
	if named && about.isCollection() && !slices.ContainsFunc(c.homes, func(h *url.URL) bool { return within(h, at) }) {
		c.homes = []*url.URL{at}
	}
	if len(c.homes) == 0 {
		return c.nothing()
	}
	return nil
}

func (c *Client) nothing() error {
	return fmt.Errorf("%s has no %ss for this user at %s; give the address of the home or of one %s", c.base.Host, c.kind, c.base.Path, c.kind)
}

// know learns about the principal from a response that names it, and returns what it says; nil is nothing. Failures are
// none of the account's, unless they concern every request.
func (c *Client) know(ctx context.Context, about *response, at *url.URL) (*response, error) {
	list := hrefs(about.prop(nsDAV, "current-user-principal")) // RFC 5397
	if len(list) == 0 {
		return nil, nil
	}
	u, err := c.lead(list[0], at)
	if err != nil {
		c.log.Debug("the principal is not asked", "reason", err)
		return nil, nil
	}
	u, who, err := c.probe(ctx, u)
	switch {
	case err != nil && fatal(err):
		return nil, err
	case err != nil:
		c.log.Debug("the principal does not answer", "reason", err)
		return nil, nil
	}
	c.principal = u
	c.identify(who, u)
	return who, nil
}

// identify notes who the user is.
func (c *Client) identify(who *response, at *url.URL) {
	c.server.Principal = c.href(at)
	for _, a := range hrefs(who.prop(nsCal, "calendar-user-address-set")) { // RFC 6638 2.4.1
		// QUIRK: Xandikos writes mailto%3Aalice%40example.org.
		if plain, err := url.PathUnescape(a); err == nil && strings.HasPrefix(strings.ToLower(a), "mailto%3a") {
			a = plain
		}
		c.server.Addresses = append(c.server.Addresses, cut(words(a), mostHref))
	}
	c.server.Outbox = len(hrefs(who.prop(nsCal, "schedule-outbox-URL"))) > 0 // RFC 6638 2.1.1
}

// ask learns about the server by OPTIONS.
func (c *Client) ask(ctx context.Context) error {
	at := c.base
	a, err := c.do(ctx, request{method: http.MethodOptions, url: at})
	if err != nil {
		if fatal(err) {
			return err
		}
		c.log.Debug("OPTIONS is refused", "reason", err)
		return nil
	}
	a.Body.Close()
	c.server.learn(a.Header)
	return nil
}

// Warm makes connections that will be wanted soon, so many, while something else is waited for. It asks for nothing.
func (c *Client) Warm(ctx context.Context, connections int) {
	var asking sync.WaitGroup
	for range connections {
		asking.Go(func() {
			// Whoever has something to send sees what is wrong.
			if a, err := c.do(ctx, request{method: http.MethodOptions, url: c.base}); err == nil {
				a.Body.Close()
			}
		})
	}
	asking.Wait()
}

// hrefs returns the hrefs in a property.
func hrefs(n *node) []string {
	if n == nil {
		return nil
	}
	var list []string
	for _, c := range n.Children {
		if c.Name.Space == nsDAV && c.Name.Local == "href" && c.text() != "" {
			list = append(list, c.text())
		}
	}
	return list
}
