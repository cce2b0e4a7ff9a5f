// Package imaptest is an IMAP server for tests. It runs in the test's process, does what it is told to, also what no
// server should, and remembers what it accepted, so that a test can count messages exactly.
//
// [Start] runs one. Without options it is a good server: it offers everything that clients here make use of. Options
// take extensions away or set limits; [Server.Fault] makes it refuse, lie, fall silent or hang up at a chosen moment.
package imaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"maps"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say what the server is like. The zero value is a good server without TLS.
type Options struct {
	// Caps are announced besides IMAP4rev1; nil means [Everything] that the other options leave. The server does what is
	// not announced all the same, except literals without asking.
	Caps []string
	// Without names capabilities that are left out.
	Without []string

	// User, Password and Token are what it lets in. Empty means "u1", "secret" and "token".
	User, Password, Token string
	// Mechanisms are those of AUTHENTICATE; nil means PLAIN, LOGIN, OAUTHBEARER and XOAUTH2.
	Mechanisms []string
	// LoginDisabled refuses LOGIN, and AUTHENTICATE without TLS.
	LoginDisabled bool

	// TLS speaks TLS from the start, StartTLS offers STARTTLS. [Server.Roots] has the certificate, for localhost.
	TLS, StartTLS bool

	// Mailboxes exist from the start, besides INBOX. A value is a special use: `\Sent`.
	Mailboxes map[string]string
	// Prefix is the personal namespace's; Delimiter is "/" unless set.
	Prefix, Delimiter string
	// LongestName is how many bytes the name of a mailbox may have, 0 for any. It is not announced.
	LongestName int
	// Flat has mailboxes that take none within them, as those of mbox files; they say so once they are made.
	Flat bool
	// Silent has mailboxes that take none within them and do not say so: only CREATE tells.
	Silent bool
	// PermanentFlags are those that a client may set; nil permits everything, `\*`.
	PermanentFlags []string

	// AppendLimit is the size of the largest message, 0 for none; it is announced with APPENDLIMIT.
	AppendLimit int64
	// Quota is how many bytes all messages may have together, 0 for any.
	Quota int64
	// Discard forgets messages at once: for measuring clients.
	Discard bool
	// PlainQuota leaves out the code OVERQUOTA, as Cyrus does.
	PlainQuota bool
}

// Everything is what the server offers unless told otherwise.
var Everything = []string{
	"LITERAL+", "MULTIAPPEND", "UIDPLUS", "SASL-IR", "NAMESPACE", "SPECIAL-USE", "CREATE-SPECIAL-USE", "LIST-EXTENDED",
	"LIST-STATUS", "STATUS=SIZE", "QUOTA", "QUOTA=RES-STORAGE", "ID", "ENABLE", "UNSELECT", "CHILDREN", "COMPRESS=DEFLATE",
}

// Message is a message that the server has.
type Message struct {
	UID   uint32
	Flags []string
	Date  time.Time
	Body  []byte
}

// Server is a running server.
type Server struct {
	opts    Options
	tlsConf *tls.Config
	roots   *x509.CertPool

	network  sync.Mutex // for what follows
	listener net.Listener
	addr     string
	conns    map[*conn]struct{}
	accepts  int

	mu        sync.Mutex          // for what follows; may be held while a client does not read
	mailboxes map[string]*mailbox // by the name on the wire
	validity  uint32
	faults    []*armed
	commands  []string
	logins    int

	working sync.WaitGroup
}

type mailbox struct {
	wire       string
	use        string
	subscribed bool
	discard    bool
	validity   uint32
	next       uint32
	messages   []Message
}

// Start runs a server until the test ends.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	o.User = or(o.User, "u1")
	o.Password = or(o.Password, "secret")
	o.Token = or(o.Token, "token")
	o.Delimiter = or(o.Delimiter, "/")
	if o.Mechanisms == nil {
		o.Mechanisms = []string{"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"}
	}
	s := &Server{opts: o, conns: make(map[*conn]struct{}), mailboxes: make(map[string]*mailbox), validity: 1000}
	s.tlsConf, s.roots = certificate(tb)
	s.create("INBOX", "")
	for _, name := range slices.Sorted(maps.Keys(o.Mailboxes)) {
		s.create(encode(name), o.Mailboxes[name])
	}
	s.addr = "127.0.0.1:0"
	if err := s.Up(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Down)
	return s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Up lets the server listen again after [Server.Down], where it did before.
func (s *Server) Up() error {
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.network.Lock()
	s.listener, s.addr = listener, listener.Addr().String()
	s.network.Unlock()
	s.working.Go(func() {
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(raw)
		}
	})
	return nil
}

// Down closes the server and all connections at once. What was accepted stays.
func (s *Server) Down() {
	s.network.Lock()
	if s.listener != nil {
		s.listener.Close()
	}
	s.listener = nil
	s.network.Unlock()
	s.Hangup()
	s.working.Wait()
}

// Hangup closes all connections at once.
func (s *Server) Hangup() {
	s.network.Lock()
	defer s.network.Unlock()
	for c := range s.conns {
		c.hangup()
	}
}

// Addr is where the server listens, "127.0.0.1:12345".
func (s *Server) Addr() string {
	s.network.Lock()
	defer s.network.Unlock()
	return s.addr
}

// Roots holds the certificate to trust. It is for "localhost" and 127.0.0.1.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Messages returns what a mailbox holds, in the order of the UIDs.
func (s *Server) Messages(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.find(encode(name)); box != nil {
		return slices.Clone(box.messages)
	}
	return nil
}

// Count returns how many messages all mailboxes hold together.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, box := range s.mailboxes {
		n += len(box.messages)
	}
	return n
}

// Mailboxes returns the names of all mailboxes, sorted.
func (s *Server) Mailboxes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for wire := range s.mailboxes {
		names = append(names, decode(wire))
	}
	slices.Sort(names)
	return names
}

// Subscribed returns the names of the subscribed mailboxes, sorted.
func (s *Server) Subscribed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for wire, box := range s.mailboxes {
		if box.subscribed {
			names = append(names, decode(wire))
		}
	}
	slices.Sort(names)
	return names
}

// SpecialUse returns a mailbox's special use: `\Sent`.
func (s *Server) SpecialUse(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.find(encode(name)); box != nil {
		return box.use
	}
	return ""
}

// Deliver puts a message into a mailbox behind the clients' backs, making the mailbox where it is missing.
func (s *Server) Deliver(name string, m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(encode(name))
	if box == nil {
		box = s.create(encode(name), "")
	}
	box.add(m)
}

// Change lets a function change a mailbox's messages behind the clients' backs: what it returns takes their place.
func (s *Server) Change(name string, change func([]Message) []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if box := s.find(encode(name)); box != nil {
		box.messages = change(slices.Clone(box.messages))
	}
}

// Renumber gives a mailbox a new UIDVALIDITY and its messages new UIDs.
func (s *Server) Renumber(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.find(encode(name))
	if box == nil {
		return
	}
	s.validity++
	box.validity, box.next = s.validity, 1
	for i := range box.messages {
		box.messages[i].UID = box.next
		box.next++
	}
}

// SetQuota changes Options.Quota.
func (s *Server) SetQuota(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Quota = bytes
}

// Commands returns the commands that came, without tags, literals, and what is secret: "APPEND", "CREATE x".
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Logins returns how many times a login was tried.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Accepts returns how many connections were made in all.
func (s *Server) Accepts() int {
	s.network.Lock()
	defer s.network.Unlock()
	return s.accepts
}

// Open returns how many connections are open.
func (s *Server) Open() int {
	s.network.Lock()
	defer s.network.Unlock()
	return len(s.conns)
}

// find is called with mu held, as the following are.
func (s *Server) find(wire string) *mailbox {
	if strings.EqualFold(wire, "INBOX") {
		wire = "INBOX"
	}
	return s.mailboxes[wire]
}

func (s *Server) create(wire, use string) *mailbox {
	s.validity++
	box := &mailbox{wire: wire, use: use, discard: s.opts.Discard, validity: s.validity, next: 1}
	s.mailboxes[wire] = box
	return box
}

func (box *mailbox) add(m Message) uint32 {
	m.UID = box.next
	box.next++
	if box.discard {
		return m.UID
	}
	if m.Date.IsZero() {
		m.Date = time.Now().Truncate(time.Second)
	}
	box.messages = append(box.messages, m)
	return m.UID
}

// used returns how many bytes all messages have.
func (s *Server) used() int64 {
	sum := int64(0)
	for _, box := range s.mailboxes {
		for i := range box.messages {
			sum += int64(len(box.messages[i].Body))
		}
	}
	return sum
}

// caps are announced. Those that need a login are so before as well: it does no harm.
func (s *Server) caps(secure, loggedIn bool) string {
	caps := s.opts.Caps
	if caps == nil {
		caps = Everything
	}
	names := []string{"IMAP4rev1"}
	if slices.Contains(caps, "IMAP4rev2") && slices.Contains(s.opts.Without, "IMAP4rev1") {
		names = nil
	}
	for _, name := range caps {
		if !slices.Contains(s.opts.Without, name) && (loggedIn || name == "SASL-IR" || strings.HasPrefix(name, "LITERAL") || strings.HasPrefix(name, "IMAP4")) {
			names = append(names, name)
		}
	}
	if loggedIn && s.opts.AppendLimit > 0 && !slices.Contains(s.opts.Without, "APPENDLIMIT") {
		names = append(names, "APPENDLIMIT="+itoa(s.opts.AppendLimit))
	}
	if !loggedIn {
		if s.opts.StartTLS && !secure {
			names = append(names, "STARTTLS")
		}
		if s.opts.LoginDisabled {
			names = append(names, "LOGINDISABLED")
		}
		if !s.opts.LoginDisabled || secure {
			for _, m := range s.opts.Mechanisms {
				names = append(names, "AUTH="+m)
			}
		}
	}
	return strings.Join(names, " ")
}

func (s *Server) offers(name string) bool {
	caps := s.opts.Caps
	if caps == nil {
		caps = Everything
	}
	return slices.Contains(caps, name) && !slices.Contains(s.opts.Without, name)
}

var errHangup = errors.New("imaptest: hang up")

// certificate makes one for localhost.
func certificate(tb testing.TB) (*tls.Config, *x509.CertPool) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "imaptest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
