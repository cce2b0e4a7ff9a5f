package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	mostRedirects = 5
	mostReads     = 3 // times that a request which only reads is sent
	mostLogins    = 8 // answers to challenges within one request: other connections use up the nonce meanwhile
	firstWait     = 100 * time.Millisecond
	mostWait      = time.Minute // for which a request that reads waits by itself
	// expectFrom is the size of a body above which the server is asked first; while nobody has logged in, a smaller one.
	expectFrom          = 1 << 20
	expectFromLoggedOut = 16 << 10
	userAgent           = "mailmill"
)

// request is one to be sent as often as it takes.
type request struct {
	method string
	url    *url.URL
	header http.Header
	size   int64
	body   func() (io.ReadCloser, error) // nil: none
	items  int                           // that it stores
	href   string                        // for errors: that of the URL before redirects, which may say anything; by do
	limit  int64                         // bytes of the answer's body; 0 is defaultBody
	// finding says that redirects may lead to another host, as discovery does.
	finding bool
}

// reads reports whether a request changes nothing.
func (r *request) reads() bool {
	switch r.method {
	case http.MethodGet, http.MethodOptions, "PROPFIND", "REPORT":
		return true
	}
	return false
}

// answer is what came back. Its body has to be closed.
type answer struct {
	*http.Response
	url *url.URL // after redirects
}

// do sends a request: logs in, follows redirects, and waits where the server asks for it and nothing was to be changed. A
// status of 400 or more is an [*Error].
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	r.href = c.href(r.url)
	for attempt := 1; ; attempt++ {
		a, err := c.follow(ctx, r)
		var lost *LostError
		switch {
		case err == nil:
		case errors.As(err, &lost) && lost.stale && r.reads() && attempt < mostReads:
			continue // a server may close a connection at the moment when it is used again
		default:
			return nil, err
		}
		if a.StatusCode < 300 {
			return a, nil
		}
		err = c.refused(&r, a)
		after, slow := Throttled(err)
		if slow && c.pace != nil {
			c.pace.SlowDown(after, r.method+": "+words(a.Status))
		}
		if !slow || !r.reads() || attempt == mostReads || after > mostWait {
			return nil, err
		}
		if c.pace != nil {
			c.pace.Retried(words(a.Status))
		}
		// Pace makes writes wait; this request stores nothing and waits by itself.
		if err := sleep(ctx, max(after, firstWait<<attempt)); err != nil {
			return nil, &LostError{Method: r.method, Href: r.href, Err: err}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refused reads an answer that refuses.
func (c *Client) refused(r *request, a *answer) error {
	defer a.Body.Close()
	// What cannot be read of a refusal does not change it.
	body, _ := io.ReadAll(io.LimitReader(a.Body, mostErrorBody))
	e := &Error{
		Method: r.method, Href: r.href, Status: a.StatusCode, RetryAfter: retryAfter(a.Header, time.Now()),
		create: r.header.Get("If-None-Match") != "", match: r.header.Get("If-Match") != "",
	}
	e.describe(a.Header.Get("Content-Type"), body)
	if a.StatusCode < 400 && e.Text == "" {
		e.Text = "it leads to " + cut(words(a.Header.Get("Location")), mostHref)
	}
	e.Text, e.Condition = c.auth.redact(e.Text), c.auth.redact(e.Condition)
	return e
}

// follow sends a request and follows redirects, with the same method and body whatever the status is: RFC 6764 section 5
// asks for it, and no DAV server means GET when it says 302.
func (c *Client) follow(ctx context.Context, r request) (*answer, error) {
	for n := 0; ; n++ {
		a, err := c.login(ctx, &r)
		if err != nil {
			return nil, err
		}
		switch a.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return a, nil
		}
		location := a.Header.Get("Location")
		if location == "" {
			return a, nil
		}
		a.Body.Close()
		to, err := a.url.Parse(location)
		if err != nil {
			return nil, c.nonsense(r.method, r.href, errors.New("it leads to what is no URL"))
		}
		to.User, to.Fragment, to.RawFragment = nil, "", ""
		if n == mostRedirects {
			return nil, c.nonsense(r.method, r.href, fmt.Errorf("it leads on more than %d times", mostRedirects))
		}
		if err := c.allow(to, a.url, r.finding); err != nil {
			return nil, c.nonsense(r.method, r.href, err)
		}
		r.url = to
	}
}

// login sends a request, and answers the challenge where it is a 401.
func (c *Client) login(ctx context.Context, r *request) (*answer, error) {
	for attempt := 1; ; attempt++ {
		proof := c.auth.proof(r.method, r.url)
		a, err := c.send(ctx, r, proof)
		if err != nil {
			return nil, err
		}
		switch {
		case a.StatusCode == http.StatusUnauthorized:
		case a.StatusCode == http.StatusExpectationFailed && a.Request.Header.Get("Expect") != "":
			// RFC 9110 10.1.1: somebody on the way cannot do it.
			a.Body.Close()
			c.speaksOld()
			continue
		case a.StatusCode >= 300 && a.StatusCode < 400, a.StatusCode >= 500:
			return a, nil // which may come before anybody looked
		default:
			c.auth.accepted(proof, a.Header)
			return a, nil
		}
		challenges := a.Header.Values("WWW-Authenticate")
		a.Body.Close()
		if err := c.auth.challenged(ctx, r.url, proof, challenges, attempt); err != nil {
			return nil, err
		}
	}
}

// send sends a request once.
func (c *Client) send(ctx context.Context, r *request, p proof) (*answer, error) {
	href := r.href
	if c.pace != nil {
		if err := c.pace.Wait(ctx, r.items, 0); err != nil {
			return nil, &LostError{Method: r.method, Href: href, Err: err}
		}
	}
	parent := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	dog := newWatchdog(c.timeout, cancel)
	end := func() {
		dog.stop()
		cancel(nil)
	}
	var sent, reused atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport begins anew where a connection turns out dead before anything was written to it.
		GetConn: func(string) { sent.Store(false) },
		GotConn: func(i httptrace.GotConnInfo) {
			reused.Store(i.Reused)
			dog.event()
		},
		WroteHeaders: func() { sent.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { dog.event() },
	})
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), http.NoBody)
	if err != nil {
		end()
		return nil, &LostError{Method: r.method, Href: href, Err: err}
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", userAgent)
	if p.header != "" {
		req.Header.Set("Authorization", p.header)
	}
	var own sourceError
	if r.body != nil && r.size > 0 {
		req.ContentLength = r.size
		req.GetBody = func() (io.ReadCloser, error) {
			b, err := r.body()
			if err != nil {
				own.set(err)
				return nil, err
			}
			return &upload{ctx: ctx, r: b, left: r.size, dog: dog, pace: c.pace, err: &own}, nil
		}
		if req.Body, err = req.GetBody(); err != nil {
			end()
			return nil, &LostError{Method: r.method, Href: href, Err: err}
		}
		if c.expects(r.size, p) {
			req.Header.Set("Expect", "100-continue")
		}
	}
	start := time.Now()
	var res *http.Response
	if err = inOnePiece(req); err == nil {
		res, err = c.transport.RoundTrip(req)
	}
	if err != nil {
		end()
		if sourceErr := own.get(); sourceErr != nil {
			// What we break off ourselves is not whole: its length was told before.
			err = &LostError{Method: r.method, Href: href, Err: fmt.Errorf("reading what is to be sent: %w", sourceErr)}
		} else {
			err = c.lost(parent, ctx, &LostError{Method: r.method, Href: href, Sent: sent.Load(), Err: err, stale: reused.Load()})
		}
		c.log.Debug("request", "method", r.method, "href", href, "reason", err)
		return nil, err
	}
	dog.event()
	c.log.Debug("request", "method", r.method, "href", href, "status", res.StatusCode, "took", time.Since(start).Round(time.Microsecond))
	if res.ProtoMajor == 1 && res.ProtoMinor == 0 {
		c.speaksOld()
	}
	limit := r.limit
	if limit == 0 {
		limit = defaultBody
	}
	res.Body = &download{parent: parent, ctx: ctx, r: res.Body, left: limit, dog: dog, end: end}
	return &answer{res, r.url}, nil
}

// inOnePiece reads a small body: net/http sends what it knows to be in memory together with the header.
func inOnePiece(req *http.Request) error {
	if req.ContentLength <= 0 || req.ContentLength >= portion {
		return nil
	}
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	err = req.Body.Close()
	req.Body = io.NopCloser(bytes.NewReader(data))
	return err
}

// expects reports whether to ask the server first whether it wants a body (RFC 9110 10.1.1). HTTP/1.0 knows nothing of it.
func (c *Client) expects(size int64, p proof) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ancient {
		return false
	}
	return size >= expectFrom || size >= expectFromLoggedOut && !p.proven
}

// speaksOld notes that the server is not to be asked first.
func (c *Client) speaksOld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ancient = true
}

// lost says why no answer came.
func (c *Client) lost(parent, ctx context.Context, e *LostError) error {
	var insecure *TLSError
	if errors.As(e.Err, &insecure) {
		return insecure
	}
	var timeout *TimeoutError
	switch {
	case parent.Err() != nil:
		e.Err, e.stale = context.Cause(parent), false
	case errors.As(context.Cause(ctx), &timeout):
		e.Err, e.stale = timeout, false
	}
	e.Err = c.harmless(e.Err)
	return e
}
