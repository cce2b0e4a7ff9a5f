// Package davtest is a CalDAV and CardDAV server for tests, within the test's process: small, obedient, and as bad as it is
// told to be. It keeps what it accepts in memory, so that a test can count it, and it would send invitations, which it
// notes instead.
//
//	s := davtest.New(t, davtest.Options{Password: "secret"})
//	s.Fail(davtest.Fault{Method: "PUT", Stores: true, Cut: true}) // the next PUT is stored, and never answered
//	… dial(s.URL) as s.User …
//	s.Objects("/dav/calendars/alice/work/")
//
// Homes are at [CalendarHome] and [ContactsHome]; they are empty to begin with. How real servers differ is told in
// .ci/servers/README.md; the options make this one like them where that matters.
package davtest

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Where things are.
const (
	Root         = "/dav/"
	Principal    = "/dav/principals/alice/"
	CalendarHome = "/dav/calendars/alice/"
	ContactsHome = "/dav/contacts/alice/"
	// Address is the user's own calendar address.
	Address = "mailto:alice@example.org"
	// User is the user's name.
	User = "alice"
)

// Auth is how the server asks for proof.
type Auth int

const (
	Basic Auth = iota
	DigestMD5
	DigestSHA256
	Bearer
)

// UIDs is where a UID may be only once.
type UIDs int

const (
	PerCollection UIDs = iota // RFC 4791
	PerHome                   // Cyrus, iCloud
	Anywhere                  // as often as you like
)

// Options are the server's ways.
type Options struct {
	// Password of [User]; empty: nobody is asked. For Bearer it is the token.
	Password string
	Auth     Auth
	// NonceUses is how often a digest nonce may be used before it is stale; 0: always.
	NonceUses int
	// TLS serves HTTPS, and HTTP/2 with it.
	TLS bool
	// Closes answers each request on a connection of its own, as Radicale does.
	Closes bool
	// NoWellKnown leaves out /.well-known/caldav and carddav.
	NoWellKnown bool

	// MaxSize is the largest resource in octets, and Quota what all may take together; 0: no limit.
	MaxSize, Quota int64
	// MaxAttendees is how many an event may have; 0: no limit.
	MaxAttendees int
	// QuietLimits does not tell the limits beforehand.
	QuietLimits bool
	UIDs        UIDs
	// ConflictStatus is that of a UID conflict; 0 is 409. 207 puts 412 inside a multistatus, as Xandikos does. ConflictHref
	// tells where the other one is.
	ConflictStatus int
	ConflictHref   bool
	// Components are those of a calendar that does not name any when it is made; none: VEVENT.
	Components []string
	// IgnoresComponents gives all calendars those.
	IgnoresComponents bool
	// RefusesProperties refuses to make a collection with a colour, a description or a time zone.
	RefusesProperties bool
	// Rewrite changes what is stored, as servers do that normalise; its ETag is then withheld.
	Rewrite func([]byte) []byte
	// NoETag withholds the ETag of every PUT.
	NoETag bool
	// NoMultiget knows no REPORT.
	NoMultiget bool

	// Schedules sends invitations (RFC 6638): see [Server.Invitations]. SuppressedBy are the request headers that stop
	// it, such as Schedule-Reply: F. SCHEDULE-AGENT stops it always.
	Schedules    bool
	SuppressedBy http.Header
	// Software is the Server header, and Features what the DAV header has besides.
	Software string
	Features []string
}

// Fault is something that goes wrong with a request.
type Fault struct {
	Method string // empty: all
	Path   string // a part of it; empty: all
	Skip   int    // so many requests pass before it strikes
	Times  int    // how often it strikes; 0: once, -1: always

	// Stores says that the request takes effect first. Without it, it does not.
	Stores bool
	// What happens: one of them.
	Cut    bool // the connection is cut: within the request's body, or with Stores instead of the answer
	Hangs  bool // no answer comes, until the client or the server goes away
	Status int  // this is the answer
	Header http.Header
	Body   string
	// Delay comes before all of it, and may be all.
	Delay time.Duration
	// Handler is anything else.
	Handler http.HandlerFunc
	// Unread leaves the request's body unread, where Status is the answer.
	Unread bool
}

// Object is a resource.
type Object struct {
	Path string
	Name string
	UID  string
	Type string // Content-Type it came with
	ETag string
	Data []byte
	// Puts is how often it was stored, since it was made.
	Puts int
}

// Request is one that the server got.
type Request struct {
	Method, Path string
	Header       http.Header // without Authorization
	Status       int         // 0: no answer
	Proto        string
}

// Invitation is a message that the server would have sent to somebody.
type Invitation struct {
	Method string // REQUEST, CANCEL or REPLY
	UID    string
	To     string
}

type collection struct {
	calendar    bool
	name, color string
	components  []string
	objects     map[string]*Object // by name
	changes     int
}

// Server is one.
type Server struct {
	URL     string
	options Options
	t       testing.TB

	mu          sync.Mutex
	http        *httptest.Server
	closing     chan struct{}
	collections map[string]*collection
	faults      []*Fault
	requests    []Request
	invitations []Invitation
	nonce       int
	uses        int
	etags       int
}

// New starts a server that ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{
		options: o, t: t,
		collections: make(map[string]*collection),
	}
	s.start("127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) start(address string) {
	s.t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(s)
	srv.Listener.Close()
	srv.Listener = l
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	closing := make(chan struct{})
	if s.options.TLS {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http, s.closing, s.URL = srv, closing, srv.URL
}

// Stop closes the server and its connections; requests under way get no answer. What it holds stays.
func (s *Server) Stop() {
	s.mu.Lock()
	srv, closing := s.http, s.closing
	s.http = nil
	s.mu.Unlock()
	if srv == nil {
		return
	}
	close(closing)
	srv.CloseClientConnections()
	srv.Close()
}

// Start starts a stopped server again at the same address.
func (s *Server) Start() {
	s.t.Helper()
	_, address, _ := strings.Cut(s.URL, "://")
	s.start(address)
}

// Roots trusts the certificate of a server with TLS.
func (s *Server) Roots() *x509.CertPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := x509.NewCertPool()
	pool.AddCert(s.http.Certificate())
	return pool
}

// Fail adds faults. A request gets the first that concerns it.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range faults {
		s.faults = append(s.faults, &faults[i])
	}
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Make makes a collection; its path begins with one of the homes and ends with a slash.
func (s *Server) Make(path, name string, components ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &collection{calendar: strings.HasPrefix(path, CalendarHome), name: name, components: components, objects: make(map[string]*Object)}
	if c.calendar && len(components) == 0 {
		c.components = s.components()
	}
	s.collections[path] = c
}

func (s *Server) components() []string {
	if len(s.options.Components) == 0 {
		return []string{"VEVENT"}
	}
	return s.options.Components
}

// Put stores a resource as another program of the user does, and returns its ETag.
func (s *Server) Put(path string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir, name := split(path)
	c := s.collections[dir]
	if c == nil {
		s.t.Errorf("no collection %s", dir)
		return ""
	}
	return s.store(c, path, name, "", data).ETag
}

// Delete deletes a resource, or a collection with all that is in it, as another program of the user does.
func (s *Server) Delete(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir, name := split(path)
	if c := s.collections[dir]; c != nil && name != "" {
		delete(c.objects, name)
	}
	delete(s.collections, path)
}

// Collections returns the paths of all collections, sorted.
func (s *Server) Collections() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.collections))
}

// Objects returns what is in a collection, or with an empty path in all, sorted by path.
func (s *Server) Objects(path string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Object
	for p, c := range s.collections {
		if path == "" || p == path {
			for _, o := range c.objects {
				list = append(list, *o)
			}
		}
	}
	slices.SortFunc(list, func(a, b Object) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// Requests returns the requests so far; those with a method, if it is not empty.
func (s *Server) Requests(method string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, r := range s.requests {
		if method == "" || r.Method == method {
			list = append(list, r)
		}
	}
	return list
}

// Invitations returns what would have been sent so far.
func (s *Server) Invitations() []Invitation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.invitations)
}

// ServeHTTP answers a request, or fails to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Clone()
	header.Del("Authorization")
	s.mu.Lock()
	index := len(s.requests)
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Header: header, Proto: r.Proto})
	closing := s.closing
	s.mu.Unlock()
	answer := httptest.NewRecorder()
	send := func() {
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()) //nolint:errcheck // the client may be gone
		s.mu.Lock()
		s.requests[index].Status = answer.Code
		s.mu.Unlock()
	}
	if s.options.Closes {
		w.Header().Set("Connection", "close")
	}
	if !s.authorized(answer, r) {
		send()
		return
	}
	f := s.strikes(r)
	if f == nil {
		f = new(Fault)
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		case <-closing:
		}
	}
	if f.Cut && !f.Stores {
		io.CopyN(io.Discard, r.Body, r.ContentLength/2) //nolint:errcheck // it ends here in any case
		panic(http.ErrAbortHandler)
	}
	if !f.Unread {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if f.Stores || !f.Hangs && f.Status == 0 && f.Handler == nil {
		s.answer(answer, r)
	}
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Hangs:
		select {
		case <-r.Context().Done():
		case <-closing:
		}
		panic(http.ErrAbortHandler)
	case f.Handler != nil:
		f.Handler(w, r)
		return
	case f.Status != 0:
		answer = httptest.NewRecorder()
		maps.Copy(answer.Header(), f.Header)
		answer.WriteHeader(f.Status)
		answer.Body.WriteString(f.Body)
	}
	send()
}

// strikes returns the fault that a request gets.
func (s *Server) strikes(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		switch {
		case f.Method != "" && f.Method != r.Method, !strings.Contains(r.URL.Path, f.Path):
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		}
		if f.Times >= 0 {
			if f.Times--; f.Times <= 0 {
				s.faults = slices.DeleteFunc(s.faults, func(x *Fault) bool { return x == f })
			}
		}
		return f
	}
	return nil
}

// store stores a resource. The mutex is held.
func (s *Server) store(c *collection, path, name, contentType string, data []byte) *Object {
	s.etags++
	c.changes++
	sum := sha256.Sum256(data)
	o := c.objects[name]
	if o == nil {
		o = &Object{Path: path, Name: name}
		c.objects[name] = o
	}
	o.UID, o.Type, o.Data, o.ETag = uid(data), contentType, data, fmt.Sprintf(`"%d-%s"`, s.etags, hex.EncodeToString(sum[:4]))
	o.Puts++
	return o
}

// split splits a path into that of the collection and the name in it.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/') + 1
	return path[:i], path[i:]
}
