// Package client is the HTTP side of CalDAV (RFC 4791) and CardDAV (RFC 6352): it finds an account's collections, makes
// new ones, and lists, reads, writes and deletes the resources in them. It knows nothing of what is in a calendar object
// or a card, and nothing of runs and ledgers.
//
// [Dial] does everything that can fail before anything is written: it connects, logs in, and finds out what is at a URL
// ([RFC 6764] discovery, a home, or a single collection). After that
//
//	Collections, Lookup, Make          collections and what they take
//	List, UIDs, Multiget, Get          what is in a collection
//	Put, Delete                        one resource each
//	Quota, Server                      what is left, and what kind of server this is
//
// # What became of a request
//
// A write has four ends, and an importer that stores everything exactly once must tell them apart:
//
//	stored      Put returns a [Stored] and no error: the server said 200, 201 or 204
//	refused     an [*Error] holds the status, the precondition that failed and the server's words: nothing was stored
//	not sent    [Unsent]: nothing of the request left this machine; it can be repeated
//	unknown     [Unknown]: it was sent and no answer that means anything came; look the resource up before repeating it
//
// [Exists], [Changed], [Conflict], [UIDConflict], [TooLarge], [OverQuota], [Throttled], [Gone] and [Temporary] say what a
// refusal means; servers disagree about the status that they give, and these functions know who does what.
//
// # Nobody is invited
//
// A server with automatic scheduling (RFC 6638) mails invitations, updates and cancellations when a meeting is stored,
// changed or deleted. Every PUT and DELETE carries the headers that stop the servers which know one, see [quiet]. Whether
// they are enough depends on the server: [Server.Scheduling].
//
// # Manners
//
// Every request waits for [Options.Pace] and tells it how the request ended: its success, or that the server asked for
// less (429, 503). Requests that only read are sent up to three times when the server asks for a moment of patience; a
// write never is repeated but where the answer proves that it was not looked at (401 with a new digest nonce, a redirect):
// who sends items knows best when to send one again.
//
// A server is not trusted: headers, bodies, elements, their depth and number are bounded, and so is every wait. A body
// that trickles is a stall.
//
// [RFC 6764]: https://www.rfc-editor.org/rfc/rfc6764
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Kind is what an account is used for; CalDAV and CardDAV are found and listed in different ways.
type Kind int

const (
	Calendars Kind = iota + 1
	AddressBooks
)

func (k Kind) String() string {
	switch k {
	case Calendars:
		return "calendar"
	case AddressBooks:
		return "address book"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// service is the name of the protocol, and of its well-known URI.
func (k Kind) service() string {
	if k == AddressBooks {
		return "carddav"
	}
	return "caldav"
}

// Credentials are what a user proves its identity with: User and Password for Basic and Digest, or Token for Bearer. Which
// of the first two is used follows from what the server asks for. The zero value is nobody.
type Credentials struct {
	User, Password string
	Token          string // RFC 6750
	// Renew, which may be nil, returns another token when one that the server had taken before is refused: tokens expire
	// within an hour, and runs take longer.
	Renew func(context.Context) (string, error)
}

// String hides the secrets.
func (c Credentials) String() string {
	switch {
	case c.Token != "":
		return "token of " + c.User
	case c.User != "":
		return "password of " + c.User
	}
	return "nobody"
}

// GoString hides the secrets.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secrets.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Pace is how fast requests may follow each other; package pace has one. Methods are called by several goroutines at once.
type Pace interface {
	// Wait waits until so many items and bytes may be sent, and for the end of a back-off that is under way.
	Wait(ctx context.Context, items int, bytes int64) error
	// SlowDown tells that the server asked for less; after is the time that it named, or 0.
	SlowDown(after time.Duration, why string)
	// Done tells of items stored.
	Done(items int, bytes int64, took time.Duration)
	// Retried tells of a request that is repeated.
	Retried(why string)
}

// Options are what [Dial] needs.
type Options struct {
	// URL is where to begin, with the scheme https or http: a host alone (its services are looked up), a calendar home or
	// principal, or one collection. A user in it is ignored.
	URL  *url.URL
	Kind Kind
	Credentials
	// TLS may hold the CA pool; nil is the system's. Its InsecureSkipVerify is ignored: see Insecure.
	TLS *tls.Config
	// Insecure says that the URL's host may be spoken to without TLS or with a certificate that proves nothing, and that
	// the password may be sent to it then. It is true of no other host.
	Insecure bool
	// Resolver is asked where the service of a domain is; nil is the system's.
	Resolver Resolver
	// Dial, if not nil, makes the connections.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Connections is how many writes may be under way at once; further calls wait. 0 is 4.
	Connections int
	// Timeout bounds every step of a request: connecting, the answer's beginning, and each kilobyte of a body. 0 is a
	// minute.
	Timeout time.Duration
	// Pace may be nil.
	Pace Pace
	// Log gets every request with its status, without headers and bodies; nil drops it.
	Log *slog.Logger
}

// Client speaks to one account. Its methods may be called by several goroutines at once.
type Client struct {
	kind      Kind
	transport *http.Transport
	auth      *authorizer
	resolver  Resolver
	pace      Pace
	log       *slog.Logger
	timeout   time.Duration
	slots     chan struct{}
	base      *url.URL // hrefs are resolved against it

	mu      sync.Mutex
	origins map[string]bool // that may get the credentials
	ancient bool            // the server knows no 100-continue

	server    Server
	principal *url.URL
	homes     []*url.URL
	direct    *Collection
}

const (
	defaultConnections = 4
	defaultTimeout     = time.Minute
)

// Dial logs in and finds the account's collections; see the package's comment. Errors: [*AuthError] (the password is
// tried once), [*TLSError], [*Error], [*LostError], or one that says that there is no such service at the URL.
func Dial(ctx context.Context, o Options) (*Client, error) {
	switch {
	case o.URL == nil || o.URL.Host == "" || o.URL.Scheme != "https" && o.URL.Scheme != "http":
		return nil, errors.New("the address of a DAV server has to be an http or https URL with a host")
	case o.Kind != Calendars && o.Kind != AddressBooks:
		return nil, fmt.Errorf("%v is no kind of DAV account", o.Kind)
	}
	base := *o.URL
	base.User, base.RawQuery, base.Fragment, base.RawFragment = nil, "", "", ""
	c := &Client{
		kind:    o.Kind,
		pace:    o.Pace,
		log:     o.Log,
		timeout: o.Timeout,
		base:    &base,
		origins: map[string]bool{origin(&base): true},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	n := o.Connections
	if n <= 0 {
		n = defaultConnections
	}
	c.slots = make(chan struct{}, n)
	insecure := ""
	if o.Insecure {
		insecure = base.Hostname()
	}
	if c.resolver = o.Resolver; c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	c.transport = newTransport(o.TLS, insecure, n, c.timeout, o.Dial)
	c.auth = newAuthorizer(o.Credentials, insecure)
	if err := c.discover(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes idle connections. Requests must have ended.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Kind returns what the client was dialled for.
func (c *Client) Kind() Kind { return c.kind }

// Server returns what is known of the server.
func (c *Client) Server() Server { return c.server }

// Homes returns where the account's collections are and new ones can be made; none where the URL was that of a single
// collection.
func (c *Client) Homes() []string {
	list := make([]string, len(c.homes))
	for i, u := range c.homes {
		list[i] = c.href(u)
	}
	return list
}

// Direct returns the collection that the URL named itself, if it did.
func (c *Client) Direct() (Collection, bool) {
	if c.direct == nil {
		return Collection{}, false
	}
	return *c.direct, true
}
