package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/go-ldap/ldap/v3"
)

const (
	// pageSize is the number of entries asked for at a time (RFC 2696). Active Directory gives 1000 at most, and
	// OpenLDAP may be set to less than that.
	pageSize = 500
	// maxPage bounds what a server may send for one request, in bytes.
	maxPage = 32 << 20
	// maxEmptyPages bounds how long a server may go on without saying anything.
	maxEmptyPages = 1000
	// maxReferrals bounds how many referrals are told one by one.
	maxReferrals = 10
)

// defaultFilter finds everything that has an address.
const defaultFilter = "(|(legacyExchangeDN=*)(proxyAddresses=*)(mail=*)(targetAddress=*))"

// address is a taken apart URL of a server.
type address struct {
	tls    bool
	host   string // without the port
	port   string
	user   string
	base   string
	scope  int
	filter string
}

// where names the server for people.
func (a *address) where() string {
	scheme, standard := "ldap", "389"
	if a.tls {
		scheme, standard = "ldaps", "636"
	}
	host := a.host
	if a.port != standard {
		host = net.JoinHostPort(a.host, a.port)
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}

const urlAdvice = "It is ldaps://[USER@]HOST[:PORT]/BASE, and ??sub?FILTER behind that, as in ldaps://dc.example/dc=example??sub?(mail=*); %40 stands for @ in the user's name"

// parseServer takes the URL of a server apart (RFC 4516), without net/url, which does not know that filters may be
// written as they are.
func parseServer(location string) (*address, error) {
	fail := func(what string) (*address, error) {
		return nil, &Error{Where: redact(location), What: what, Advice: urlAdvice}
	}
	scheme, rest, _ := strings.Cut(location, "://")
	a := &address{tls: strings.EqualFold(scheme, "ldaps"), port: "389", scope: ldap.ScopeWholeSubtree, filter: defaultFilter}
	if a.tls {
		a.port = "636"
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], strings.TrimPrefix(rest[i:], "/")
	}
	var err error
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if strings.Contains(authority[:i], ":") {
			return fail("a password has no place in a URL, where others see it")
		}
		if a.user, err = url.PathUnescape(authority[:i]); err != nil || a.user == "" {
			return fail("the user's name is not percent-encoded as it should be")
		}
		authority = authority[i+1:]
	}
	a.host = strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]")
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		a.host, a.port = strings.TrimSuffix(strings.TrimPrefix(authority[:i], "["), "]"), authority[i+1:]
		if n, err := strconv.ParseUint(a.port, 10, 16); err != nil || n == 0 {
			return fail("the port is no port")
		}
	}
	if a.host == "" || strings.IndexFunc(a.host, func(r rune) bool { return r <= ' ' || r == '%' || r == '\\' }) >= 0 {
		return fail("the URL names no host")
	}
	parts := strings.SplitN(path, "?", 5) // base, attributes, scope, filter, extensions
	for i := range parts {
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return fail("a part of the URL is not percent-encoded as it should be")
		}
	}
	a.base = parts[0]
	if len(parts) > 2 {
		switch strings.ToLower(parts[2]) {
		case "", "sub":
		case "one":
			a.scope = ldap.ScopeSingleLevel
		case "base":
			a.scope = ldap.ScopeBaseObject
		default:
			return fail("the scope is neither sub nor one nor base")
		}
	}
	if len(parts) > 3 && parts[3] != "" {
		a.filter = parts[3]
		if a.filter[0] != '(' {
			a.filter = "(" + a.filter + ")"
		}
		if _, err := ldap.CompileFilter(a.filter); err != nil {
			return fail("the filter is not valid")
		}
	}
	return a, nil
}

// redact returns a URL without what may be a password.
func redact(location string) string {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return location
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	// A password may itself contain a slash.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && (at < end || strings.Contains(rest[:end], ":")) {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

// server is a connection to a server.
type server struct {
	*address
	o        *Options
	ctx      context.Context
	insecure bool
	password string

	raw       *metered
	conn      *ldap.Conn
	stop      func() bool
	deadline  time.Time
	referrals map[string]bool
}

// metered is a connection that lets only so many bytes in for each request.
type metered struct {
	net.Conn
	left atomic.Int64
}

var errTooMuch = fmt.Errorf("the server sends more than %d MB at once", maxPage>>20)

func (m *metered) Read(p []byte) (int, error) {
	if m.left.Load() <= 0 {
		return 0, errTooMuch
	}
	n, err := m.Conn.Read(p)
	m.left.Add(-int64(n))
	return n, err
}

func readServer(ctx context.Context, location string, o *Options, emit func(Object) error) error {
	a, err := parseServer(location)
	if err != nil {
		return err
	}
	if a.user == "" {
		a.user = o.User
	}
	s := &server{address: a, o: o, ctx: ctx, insecure: o.Insecure != nil && o.Insecure(a.host), referrals: make(map[string]bool)}
	if err := s.connect(); err != nil {
		return err
	}
	defer s.close()
	if err := s.bind(); err != nil {
		return err
	}
	if a.base == "" {
		if a.base, err = s.defaultBase(); err != nil {
			return err
		}
	}
	return s.search(emit)
}

// begin starts the time and the amount that a step may take; end ends it.
func (s *server) begin() {
	s.deadline = time.Now().Add(s.o.Timeout)
	s.raw.left.Store(maxPage)
	_ = s.raw.SetDeadline(s.deadline)
}

func (s *server) end() { _ = s.raw.SetDeadline(time.Time{}) }

// connect connects, with TLS unless the host is allowed to do without.
func (s *server) connect() error {
	config := &tls.Config{ServerName: s.host, RootCAs: s.o.Roots, InsecureSkipVerify: s.insecure}
	if err := s.dial(); err != nil {
		return err
	}
	if s.tls {
		s.begin()
		conn := tls.Client(s.raw, config)
		if err := conn.HandshakeContext(s.ctx); err != nil {
			s.close()
			return s.failTLS(err)
		}
		s.conn = ldap.NewConn(conn, true)
		s.conn.Start()
		return nil
	}
	s.conn = ldap.NewConn(s.raw, false)
	s.conn.Start()
	s.begin()
	err := s.conn.StartTLS(config)
	switch {
	case err == nil:
		return nil
	case !s.insecure:
		s.close()
		return s.failTLS(err)
	}
	// A host that may be talked to in the clear is asked for TLS all the same. What is left of the connection after it
	// said no is not clear.
	s.close()
	if err := s.dial(); err != nil {
		return err
	}
	s.conn = ldap.NewConn(s.raw, false)
	s.conn.Start()
	return nil
}

func (s *server) dial() error {
	dialer := net.Dialer{Timeout: s.o.Timeout}
	raw, err := dialer.DialContext(s.ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return &Error{Where: s.where(), What: "there is no host of that name", Err: s.because(err)}
		}
		return s.unlessEnded(&Error{Where: s.where(), What: "cannot connect", Err: s.because(err), Kind: ErrAway})
	}
	s.raw = &metered{Conn: raw}
	s.raw.left.Store(maxPage)
	s.stop = context.AfterFunc(s.ctx, func() { raw.Close() })
	return nil
}

func (s *server) close() {
	s.stop()
	s.raw.Close()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func (s *server) failTLS(err error) error {
	e := &Error{Where: s.where(), What: "no connection with TLS", Err: s.because(err)}
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &verification), strings.Contains(err.Error(), "x509:"):
		e.What = "the server's certificate cannot be verified"
		e.Advice = "Use the name that the certificate is for, add its authority to those that the system trusts, or allow it with --insecure " + s.host
	case s.timedOut():
		e.What, e.Err, e.Kind = fmt.Sprintf("the server did not answer for %v", s.o.Timeout), nil, ErrAway
	case !s.tls:
		e.Advice = "Use ldaps://, or allow it in the clear with --insecure " + s.host
	default:
		e.Advice = "If the server has TLS only on request, use ldap://"
	}
	return s.unlessEnded(e)
}

// unlessEnded takes back what was concluded from an error that came of nothing but the end of the context.
func (s *server) unlessEnded(e *Error) error {
	if s.ctx.Err() != nil {
		e.Kind, e.Advice = nil, ""
	}
	return e
}

func (s *server) timedOut() bool { return s.ctx.Err() == nil && !time.Now().Before(s.deadline) }

// because returns an error with the text of err, which may hold anything that the server sent: made fit for a terminal,
// not too long, and without the password.
func (s *server) because(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	text := err.Error()
	if s.password != "" {
		text = strings.ReplaceAll(text, s.password, "…")
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + "…"
	}
	return errors.New(text)
}

// bind logs in.
func (s *server) bind() error {
	if s.user == "" {
		return nil
	}
	if s.o.Password == nil {
		return &Error{Where: s.where(), What: fmt.Sprintf("there is no password for %q", s.user), Kind: ErrAuthentication}
	}
	password, err := s.o.Password(s.ctx, net.JoinHostPort(s.host, s.port), s.user)
	if err != nil {
		return &Error{Where: s.where(), What: fmt.Sprintf("there is no password for %q", s.user), Err: err, Kind: ErrAuthentication}
	}
	if password == "" {
		// RFC 4513 5.1.2: servers let somebody without a password in, as nobody.
		return &Error{Where: s.where(), What: fmt.Sprintf("the password of %q is empty", s.user), Kind: ErrAuthentication}
	}
	s.password = password
	s.begin()
	defer s.end()
	if err := s.conn.Bind(s.user, password); err != nil {
		return s.fail(err, fmt.Sprintf("cannot log in as %q", s.user))
	}
	return nil
}

// fail turns what a request ended with into an error that says what to do.
func (s *server) fail(err error, what string) error {
	e := &Error{Where: s.where(), What: what, Err: s.because(err)}
	code := -1
	var result *ldap.Error
	if errors.As(err, &result) {
		code = int(result.ResultCode)
	}
	anonymous := "Name a user: ldaps://USER@" + s.host
	switch code {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultAuthMethodNotSupported:
		e.Kind = ErrAuthentication
		e.Advice = "Active Directory takes user@domain (with %40 for @ in the URL), OpenLDAP a distinguished name"
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		e.Kind = ErrAuthentication
		e.Advice = "Use ldaps://"
	case ldap.LDAPResultOperationsError, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultNoSuchObject:
		if s.user == "" {
			e.Advice = anonymous
			if code != ldap.LDAPResultNoSuchObject {
				e.Kind = ErrAuthentication
			}
		} else if code == ldap.LDAPResultNoSuchObject {
			e.Advice = "Is the base right, and may the user see it?"
		}
	case ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultTimeLimitExceeded:
		e.Advice = "The server gives only a part of the directory. Name a smaller base or a filter, one after the other, or a user whom it does not limit"
	case ldap.LDAPResultReferral:
		e.What += fmt.Sprintf(": the server refers to %q, which is not followed", clip(referral(result)))
		e.Err, e.Advice = nil, "Name that server"
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultServerDown:
		e.Kind = ErrAway
	case -1, ldap.ErrorNetwork:
		e.Kind = ErrAway
		switch {
		case s.raw.left.Load() <= 0:
			e.Err, e.Kind = errTooMuch, nil
			e.Advice = "Name a smaller base or a filter"
		case s.timedOut():
			e.Err = fmt.Errorf("the server did not answer for %v", s.o.Timeout)
		}
	}
	return s.unlessEnded(e)
}

// referral returns the first URL of a result that refers elsewhere (RFC 4511 4.1.10).
func referral(result *ldap.Error) string {
	if result.Packet == nil || len(result.Packet.Children) < 2 {
		return ""
	}
	for _, part := range result.Packet.Children[1].Children {
		for _, child := range part.Children {
			if s, ok := child.Value.(string); ok && strings.Contains(s, "://") {
				return s
			}
			if child.Data != nil && strings.Contains(child.Data.String(), "://") {
				return child.Data.String()
			}
		}
	}
	return ""
}

// defaultBase asks the server what it has.
func (s *server) defaultBase() (string, error) {
	s.begin()
	res, err := s.conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"defaultNamingContext", "namingContexts"}, nil))
	s.end()
	if err != nil {
		return "", s.fail(err, "cannot ask what the server has")
	}
	const advice = "Name the base: ldaps://HOST/dc=example,dc=com"
	if len(res.Entries) == 0 {
		return "", &Error{Where: s.where(), What: "the server does not tell what it has", Advice: advice}
	}
	if base := res.Entries[0].GetEqualFoldAttributeValue("defaultNamingContext"); base != "" {
		return base, nil
	}
	switch bases := res.Entries[0].GetEqualFoldAttributeValues("namingContexts"); len(bases) {
	case 1:
		return bases[0], nil
	case 0:
		return "", &Error{Where: s.where(), What: "the server does not tell what it has", Advice: advice}
	default:
		return "", &Error{Where: s.where(), What: fmt.Sprintf("the server has several directories: %q", clip(strings.Join(bases, " "))), Advice: advice}
	}
}

// search reads all pages of the directory.
func (s *server) search(emit func(Object) error) error {
	paging := ldap.NewControlPaging(pageSize)
	found, empty := 0, 0
	var e entry
	for {
		s.begin()
		res, err := s.conn.Search(ldap.NewSearchRequest(s.base, s.scope, ldap.NeverDerefAliases, 0, 0, false,
			s.filter, attributes, []ldap.Control{paging}))
		s.end()
		if err != nil {
			return s.fail(err, "cannot read the directory")
		}
		for _, r := range res.Referrals {
			s.refer(r)
		}
		for _, le := range res.Entries {
			obj, err := s.object(&e, le)
			if err != nil {
				return err
			}
			if obj.LegacyDN == "" && len(obj.X500) == 0 && obj.SMTP == "" {
				continue
			}
			found++
			if err := emit(obj); err != nil {
				return err
			}
		}
		if err := s.ctx.Err(); err != nil {
			return &Error{Where: s.where(), What: "cannot read the directory", Err: context.Cause(s.ctx)}
		}
		answer, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(answer.Cookie) == 0 {
			break
		}
		paging.SetCookie(answer.Cookie)
		if empty++; len(res.Entries) > 0 {
			empty = 0
		} else if empty > maxEmptyPages {
			return &Error{Where: s.where(), What: "the server sends empty pages without end"}
		}
	}
	if n := len(s.referrals); n > maxReferrals {
		s.o.notice(s.where(), "%d more parts of the directory are on other servers, which were not asked", n-maxReferrals)
	}
	if found == 0 {
		advice := "Is the base right, and may the user see the addresses?"
		if s.user == "" {
			advice = "Name a user: ldaps://USER@" + s.host
		}
		return &Error{Where: s.where(), What: fmt.Sprintf("there are no recipients below %q", s.base), Advice: advice}
	}
	return nil
}

// refer tells of a part of the directory that is elsewhere. It is not followed: who asked this server trusts this one.
func (s *server) refer(where string) {
	if s.referrals[where] || len(s.referrals) > 10_000 {
		return
	}
	s.referrals[where] = true
	if len(s.referrals) <= maxReferrals {
		s.o.notice(s.where(), "part of the directory is on another server, which was not asked: %q", clip(where))
	}
}

func (s *server) object(e *entry, le *ldap.Entry) (Object, error) {
	e.reset()
	for _, attr := range le.Attributes {
		name, options, _ := strings.Cut(attr.Name, ";")
		field := fieldOf(name)
		if from, isRange := cutRange(options); isRange {
			// Active Directory gives 1500 values of an attribute at a time (MS-ADTS 3.1.1.3.1.3.3).
			for _, v := range attr.ByteValues {
				e.add(field, v)
			}
			if err := s.rest(e, field, le.DN, name, from); err != nil {
				return Object{}, err
			}
			continue
		}
		if options != "" && field.holdsAddresses() {
			continue // an address in a language is no address
		}
		for _, v := range attr.ByteValues {
			e.add(field, v)
		}
	}
	return e.object(s.where() + ": " + clip(le.DN)), nil
}

// cutRange reads "range=0-1499" and returns the number of the first value after it, or 0 with "range=0-*", after which
// there is none.
func cutRange(options string) (next int, ok bool) {
	r, ok := strings.CutPrefix(strings.ToLower(options), "range=")
	if !ok {
		return 0, false
	}
	_, last, _ := strings.Cut(r, "-")
	if n, err := strconv.Atoi(last); err == nil && n >= 0 && n < 1<<24 {
		return n + 1, true
	}
	return 0, true
}

// rest asks for the values of an attribute from the given one on.
func (s *server) rest(e *entry, field field, dn, name string, from int) error {
	for from > 0 {
		s.begin()
		res, err := s.conn.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
			"(objectClass=*)", []string{fmt.Sprintf("%s;range=%d-*", name, from)}, nil))
		s.end()
		if err != nil {
			return s.fail(err, fmt.Sprintf("cannot read all values of %s of %q", name, clip(dn)))
		}
		next := 0
		for _, le := range res.Entries {
			for _, attr := range le.Attributes {
				_, options, _ := strings.Cut(attr.Name, ";")
				n, isRange := cutRange(options)
				if !isRange || n > 0 && n <= from {
					return &Error{Where: s.where(), What: fmt.Sprintf("the server does not give all values of %s of %q", name, clip(dn))}
				}
				next = n
				for _, v := range attr.ByteValues {
					e.add(field, v)
				}
			}
		}
		from = next
	}
	return nil
}
