package directory_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// ldapServer is an LDAP server with manners, good and bad. It knows no filters: every search below a base finds all.
type ldapServer struct {
	entries []ldapEntry
	users   map[string]string // and their passwords; without any everybody may search

	implicitTLS  bool     // TLS from the start
	noStartTLS   bool     // answers that it cannot
	muteTLS      bool     // never answers the handshake
	stallAfter   int      // entries; then nothing more comes
	dieAfter     int      // entries; then the connection is gone
	limit        int      // entries, then result 4
	refer        string   // every search is referred there
	references   []string // what comes between the entries
	naming       []string // namingContexts
	defaultBase  string
	ignorePaging bool
	emptyPages   bool // without end
	flood        bool // one value without end

	url, urlTLS string
	roots       *x509.CertPool

	config *tls.Config
	mu     sync.Mutex
	log    []string
	conns  []net.Conn
	wait   sync.WaitGroup
	done   chan struct{}
}

type ldapEntry struct {
	dn    string
	attrs map[string][]string
}

// start serves until the test is over.
func (s *ldapServer) start(t testing.TB) *ldapServer {
	t.Helper()
	s.config, s.roots = certificate(t)
	s.done = make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.urlTLS = "ldap://"+listener.Addr().String(), "ldaps://"+listener.Addr().String()
	s.wait.Add(1)
	go func() {
		defer s.wait.Done()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.wait.Add(1)
			go func() {
				defer s.wait.Done()
				defer conn.Close()
				s.serve(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		close(s.done)
		listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wait.Wait()
	})
	return s
}

func (s *ldapServer) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// seen returns what the server was asked, and forgets it.
func (s *ldapServer) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

func (s *ldapServer) serve(conn net.Conn) {
	if s.implicitTLS {
		if s.muteTLS {
			<-s.done
			return
		}
		conn = tls.Server(conn, s.config)
	}
	secure, user := s.implicitTLS, ""
	for {
		request, err := ber.ReadPacket(conn)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		answer := func(packets ...*ber.Packet) bool {
			for _, p := range packets {
				if _, err := conn.Write(p.Bytes()); err != nil {
					return false
				}
			}
			return true
		}
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			name, password := op.Children[1].Value.(string), op.Children[2].Data.String()
			s.note("bind %s, TLS %v", name, secure)
			code, text := 0, ""
			if want, ok := s.users[name]; !ok || want != password {
				code, text = ldap.LDAPResultInvalidCredentials, "no entry for \x1b[31m"+name+" with "+password
			} else {
				user = name
			}
			answer(result(id, ldap.ApplicationBindResponse, code, text, ""))
		case ldap.ApplicationUnbindRequest:
			return
		case ldap.ApplicationExtendedRequest:
			s.note("StartTLS")
			if s.noStartTLS {
				answer(result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "unsupported", ""))
				continue
			}
			answer(result(id, ldap.ApplicationExtendedResponse, 0, "", ""))
			if s.muteTLS {
				<-s.done
				return
			}
			conn, secure = tls.Server(conn, s.config), true
		case ldap.ApplicationSearchRequest:
			base, scope := op.Children[0].Value.(string), op.Children[1].Value.(int64)
			var wanted []string
			for _, a := range op.Children[7].Children {
				wanted = append(wanted, a.Value.(string))
			}
			filter, _ := ldap.DecompileFilter(op.Children[6])
			s.note("search %q %d %s", base, scope, filter)
			switch {
			case base == "":
				answer(s.entry(id, ldapEntry{"", map[string][]string{"namingContexts": s.naming, "defaultNamingContext": {s.defaultBase}}}),
					result(id, ldap.ApplicationSearchResultDone, 0, "", ""))
			case len(s.users) > 0 && user == "":
				answer(result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultOperationsError, "000004DC: a successful bind must be completed", ""))
			case s.refer != "":
				answer(result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultReferral, "", s.refer))
			case scope == ldap.ScopeBaseObject && len(wanted) == 1 && strings.Contains(wanted[0], ";range="):
				s.ranged(id, base, wanted[0], answer)
			default:
				if !s.search(id, request, answer) {
					return
				}
			}
		}
	}
}

// search answers one page; false ends the connection.
func (s *ldapServer) search(id int64, request *ber.Packet, answer func(...*ber.Packet) bool) bool {
	size, from := len(s.entries), 0
	var paging *ldap.ControlPaging
	if len(request.Children) > 2 && !s.ignorePaging {
		for _, c := range request.Children[2].Children {
			if decoded, err := ldap.DecodeControl(c); err == nil {
				if p, ok := decoded.(*ldap.ControlPaging); ok {
					paging = p
					size = int(p.PagingSize)
					from, _ = strconv.Atoi(string(p.Cookie))
				}
			}
		}
	}
	done := func(cookie string) *ber.Packet {
		p := result(id, ldap.ApplicationSearchResultDone, 0, "", "")
		if paging != nil {
			reply := ldap.NewControlPaging(0)
			reply.SetCookie([]byte(cookie))
			controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
			controls.AppendChild(reply.Encode())
			p.AppendChild(controls)
		}
		return p
	}
	if s.emptyPages {
		return answer(done("again"))
	}
	if s.flood {
		return answer(s.entry(id, ldapEntry{"cn=big", map[string][]string{"mail": {strings.Repeat("x", 40<<20)}}}), done(""))
	}
	for i := from; i < min(from+size, len(s.entries)); i++ {
		switch {
		case s.stallAfter > 0 && i == s.stallAfter:
			<-s.done
			return false
		case s.dieAfter > 0 && i == s.dieAfter:
			return false
		case s.limit > 0 && i-from == s.limit:
			return answer(result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSizeLimitExceeded, "", ""))
		}
		if !answer(s.entry(id, s.entries[i])) {
			return false
		}
	}
	for _, to := range s.references {
		p, op := message(id, 19)
		op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, to, ""))
		answer(rebuilt(p, op))
	}
	if from+size < len(s.entries) {
		return answer(done(strconv.Itoa(from + size)))
	}
	return answer(done(""))
}

// ranged answers as Active Directory does for an attribute with many values: ten at a time.
func (s *ldapServer) ranged(id int64, dn, wanted string, answer func(...*ber.Packet) bool) {
	name, from, _ := strings.Cut(wanted, ";range=")
	first, _ := strconv.Atoi(strings.TrimSuffix(from, "-*"))
	for _, e := range s.entries {
		if e.dn != dn {
			continue
		}
		all := e.attrs["all "+name]
		last := min(first+10, len(all))
		label := fmt.Sprintf("%s;range=%d-%d", name, first, last-1)
		if last == len(all) {
			label = fmt.Sprintf("%s;range=%d-*", name, first)
		}
		answer(s.entry(id, ldapEntry{dn, map[string][]string{label: all[first:last]}}))
	}
	answer(result(id, ldap.ApplicationSearchResultDone, 0, "", ""))
}

func message(id int64, tag ber.Tag) (message, op *ber.Packet) {
	message = ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	op = ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	message.AppendChild(op)
	return message, op
}

func result(id int64, tag ber.Tag, code int, text, referral string) *ber.Packet {
	message, op := message(id, tag)
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, ""))
	if referral != "" {
		to := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		to.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, referral, ""))
		op.AppendChild(to)
	}
	return rebuilt(message, op)
}

func (s *ldapServer) entry(id int64, e ldapEntry) *ber.Packet {
	message, op := message(id, ldap.ApplicationSearchResultEntry)
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.dn, ""))
	attrs := ber.NewSequence("")
	var names []string
	for name := range e.attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(name, "all ") {
			continue
		}
		attr := ber.NewSequence("")
		attr.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, ""))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range e.attrs[name] {
			set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, v, ""))
		}
		attr.AppendChild(set)
		attrs.AppendChild(attr)
	}
	op.AppendChild(attrs)
	return rebuilt(message, op)
}

// rebuilt makes the message again from its parts: a packet has a copy of its children's bytes as they were when they
// were appended.
func rebuilt(message, op *ber.Packet) *ber.Packet {
	out := ber.NewSequence("")
	out.AppendChild(message.Children[0])
	out.AppendChild(op)
	return out
}

// certificate makes an authority and a server's certificate for 127.0.0.1 and localhost.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
