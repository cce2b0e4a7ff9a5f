package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"
)

const (
	mostHeader    = 256 << 10
	mostRedirects = 5
	mostReads     = 3 // times that a request which only reads is repeated because the server asks for patience
	mostLogins    = 8 // answers to challenges within one request: other connections use up the nonce meanwhile
	firstWait     = 100 * time.Millisecond
	mostWait      = time.Minute // for which a request that reads waits by itself
	drained       = 64 << 10
	// leastProgress is what has to arrive within a timeout: less is a trickle.
	leastProgress = 1 << 10
	// expectFrom is the size of a body above which the server is asked first; while nobody has logged in, a smaller one.
	expectFrom          = 1 << 20
	expectFromLoggedOut = 16 << 10
	userAgent           = "mailmill"
)

// newTransport returns what keeps connections. The certificate of the insecure host is not verified.
func newTransport(conf *tls.Config, insecure string, connections int, timeout time.Duration) *http.Transport {
	if conf == nil {
		conf = new(tls.Config)
	}
	dialer := &net.Dialer{Timeout: min(timeout, 30*time.Second)}
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			mine := conf.Clone()
			mine.ServerName = host
			mine.NextProtos = []string{"h2", "http/1.1"}
			mine.InsecureSkipVerify = insecure != "" && strings.EqualFold(host, insecure)
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, dialer.Timeout)
			defer cancel()
			secure := tls.Client(conn, mine)
			if err := secure.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, &TLSError{host, err}
			}
			return secure, nil
		},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    connections + 2, // writes, and reading beside them
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: mostHeader,
		// A server that knows nothing of it stays silent: then the body follows.
		ExpectContinueTimeout: time.Second,
		// QUIRK: servers that compress change the ETag of what they send (Apache's mod_deflate appends "-gzip").
		DisableCompression: true,
		// A connection that is dead does not swallow one request after the other.
		HTTP2: &http.HTTP2Config{SendPingTimeout: max(timeout/2, time.Second), PingTimeout: 15 * time.Second},
	}
}

// request is one to be sent as often as it takes.
type request struct {
	method string
	url    *url.URL
	header http.Header
	size   int64
	body   func() (io.ReadCloser, error) // nil: none
	items  int                           // that it stores
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
			return nil, &LostError{Method: r.method, Href: c.href(r.url), Err: err}
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
	body, _ := io.ReadAll(io.LimitReader(a.Body, mostErrorBody)) //nolint:errcheck // see above
	e := &Error{
		Method: r.method, Href: c.href(a.url), Status: a.StatusCode, RetryAfter: retryAfter(a.Header, time.Now()),
		create: r.header.Get("If-None-Match") != "", match: r.header.Get("If-Match") != "",
	}
	e.describe(a.Header.Get("Content-Type"), body)
	if a.StatusCode < 400 && e.Text == "" {
		e.Text = "it leads to " + cut(words(a.Header.Get("Location")), mostHref)
	}
	e.Text, e.Condition, e.Other = c.auth.redact(e.Text), c.auth.redact(e.Condition), c.auth.redact(e.Other)
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
			return nil, &ProtocolError{r.method, c.href(r.url), errors.New("it leads to what is no URL")}
		}
		to.User, to.Fragment, to.RawFragment = nil, "", ""
		if n == mostRedirects {
			return nil, &ProtocolError{r.method, c.href(r.url), fmt.Errorf("it leads on more than %d times", mostRedirects)}
		}
		if err := c.allow(to, a.url, r.finding); err != nil {
			return nil, &ProtocolError{r.method, c.href(r.url), err}
		}
		r.url = to
	}
}

// allow decides whether a server may send us from one URL to another, and the credentials with us.
//
// The same origin always may. Another one may while the account is being found, over TLS, and if it belongs to the same
// registrable domain: iCloud sends everybody from caldav.icloud.com to a partition of its own, hosters from example.org to
// dav.example.org. So a redirect can neither take the password to somebody else nor off TLS.
func (c *Client) allow(to, from *url.URL, finding bool) error {
	if c.trusted(to) {
		return nil
	}
	where := origin(to)
	switch {
	case to.Scheme != "https" && to.Scheme != "http" || to.Host == "":
		return fmt.Errorf("it leads to %s, which is no web address", cut(words(to.Redacted()), mostHref))
	case to.Scheme != "https":
		return fmt.Errorf("it leads to %s, without TLS: give that address if it is right", where)
	case !finding:
		return fmt.Errorf("it leads to another server, %s", where)
	case !sameSite(to.Hostname(), from.Hostname()):
		return fmt.Errorf("it leads to %s, which is somebody else's as far as can be told: give that address if it is right", where)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origins[where] = true
	return nil
}

func (c *Client) trusted(u *url.URL) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.origins[origin(u)]
}

// sameSite reports whether two hosts are in the same registrable domain: one below a public suffix.
func sameSite(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return true
	}
	if net.ParseIP(a) != nil || net.ParseIP(b) != nil {
		return false
	}
	siteA, errA := publicsuffix.EffectiveTLDPlusOne(a)
	siteB, errB := publicsuffix.EffectiveTLDPlusOne(b)
	return errA == nil && errB == nil && siteA == siteB
}

// origin returns scheme, host and port of a URL, always with the port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// login sends a request, and answers the challenge where it is a 401.
func (c *Client) login(ctx context.Context, r *request) (*answer, error) {
	for attempt := 1; ; attempt++ {
		proof := c.auth.proof(r.method, r.url)
		a, err := c.send(ctx, r, proof)
		if err != nil {
			return nil, err
		}
		if a.StatusCode != http.StatusUnauthorized {
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
	href := c.href(r.url)
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
	res, err := c.transport.RoundTrip(req)
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
		c.mu.Lock()
		c.ancient = true
		c.mu.Unlock()
	}
	limit := r.limit
	if limit == 0 {
		limit = defaultBody
	}
	res.Body = &download{parent: parent, ctx: ctx, r: res.Body, left: limit, dog: dog, end: end}
	return &answer{res, r.url}, nil
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
	return e
}

// watchdog ends a request in which nothing moves, or too little.
type watchdog struct {
	timeout time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	since  time.Time     // the clock runs
	left   time.Duration // as of since, or while it is paused
	moved  int           // bytes that do not count yet
	paused int
	done   bool
}

func newWatchdog(timeout time.Duration, cancel context.CancelCauseFunc) *watchdog {
	return &watchdog{
		timeout: timeout, left: timeout, since: time.Now(),
		timer: time.AfterFunc(timeout, func() { cancel(&TimeoutError{timeout}) }),
	}
}

// event tells of a step that was taken.
func (w *watchdog) event() { w.progress(leastProgress) }

// progress tells of bytes that went either way.
func (w *watchdog) progress(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved += n; w.moved < leastProgress {
		return
	}
	w.moved, w.left, w.since = 0, w.timeout, time.Now()
	if w.paused == 0 && !w.done {
		w.timer.Reset(w.timeout)
	}
}

// pause stops the clock while we ourselves are waited for.
func (w *watchdog) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused++; w.paused == 1 && w.timer.Stop() {
		w.left -= time.Since(w.since)
	}
}

func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused--; w.paused == 0 && !w.done {
		w.since = time.Now()
		w.timer.Reset(max(w.left, 0))
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	w.timer.Stop()
}

// sourceError keeps why a body that was to be sent could not be read.
type sourceError struct {
	mu  sync.Mutex
	err error
}

func (s *sourceError) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sourceError) get() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// portion is how much of a body waits for the bandwidth at a time.
const portion = 16 << 10

// upload is a body on its way up.
type upload struct {
	ctx  context.Context
	r    io.ReadCloser
	left int64
	last int // bytes of the last portion
	dog  *watchdog
	pace Pace
	err  *sourceError
}

func (u *upload) Read(p []byte) (int, error) {
	u.dog.progress(u.last) // it has been taken
	u.dog.pause()
	defer u.dog.resume()
	if len(p) > portion {
		p = p[:portion]
	}
	n, err := u.r.Read(p)
	u.last = n
	u.left -= int64(n)
	switch {
	case u.left < 0:
		err = errors.New("it is longer than it should be")
		u.err.set(err)
		return 0, err
	case err == io.EOF && u.left > 0:
		err = fmt.Errorf("it is %d bytes shorter than it should be: %w", u.left, io.ErrUnexpectedEOF)
		u.err.set(err)
	case err != nil && err != io.EOF:
		u.err.set(err)
	}
	if n > 0 && u.pace != nil {
		if wait := u.pace.Wait(u.ctx, 0, int64(n)); wait != nil {
			return 0, wait
		}
	}
	return n, err
}

func (u *upload) Close() error { return u.r.Close() }

// download is an answer's body.
type download struct {
	parent, ctx context.Context
	r           io.ReadCloser
	left        int64
	dog         *watchdog
	end         func()
	eof, closed bool
	waiting     bool
	failed      error // why it broke off
}

// Read counts the time only while it waits for the server: who reads may take as long as it likes.
func (d *download) Read(p []byte) (int, error) {
	if d.left <= 0 {
		// One byte more tells an end from an excess.
		var one [1]byte
		n, err := d.read(one[:])
		if n > 0 {
			return 0, errTooLong
		}
		return 0, err
	}
	if int64(len(p)) > d.left {
		p = p[:d.left]
	}
	n, err := d.read(p)
	d.left -= int64(n)
	return n, err
}

func (d *download) read(p []byte) (int, error) {
	if d.waiting {
		d.dog.resume()
	}
	n, err := d.r.Read(p)
	if n > 0 {
		d.dog.progress(n)
	}
	d.waiting = true
	d.dog.pause()
	if err != nil && err != io.EOF {
		var timeout *TimeoutError
		switch {
		case d.parent.Err() != nil:
			err = context.Cause(d.parent)
		case errors.As(context.Cause(d.ctx), &timeout):
			err = timeout
		}
		d.failed = err
	}
	d.eof = err != nil
	return n, err
}

// Close reads the little that may be left, so that the connection can be used again.
func (d *download) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	for buf, n := make([]byte, 4<<10), 0; !d.eof && n < drained; {
		m, _ := d.read(buf) //nolint:errcheck // eof says it
		n += m
	}
	err := d.r.Close()
	d.end()
	return err
}
