package client

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 7616 has it
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// authorizer proves who we are: by Basic (RFC 7617), Digest (RFC 7616) or Bearer (RFC 6750). Nothing is proved before the
// server asks for it, except by Bearer, and after that with every request, without being asked.
//
// A password that the server does not take is not tried a second time.
type authorizer struct {
	insecure string // host that may get secrets without TLS

	mu      sync.Mutex
	creds   Credentials
	origins map[string]*login
	renewed int // tokens
}

// login is what one origin asks for.
type login struct {
	basic  bool
	digest *digest
	proven bool // it has taken the credentials
}

// proof is what a request carried.
type proof struct {
	header string // empty: nothing
	login  *login
	digest *digest
	token  int
	proven bool
}

func newAuthorizer(c Credentials, insecure string) *authorizer {
	return &authorizer{insecure: insecure, creds: c, origins: make(map[string]*login)}
}

// at returns the login for a URL. The mutex is held.
func (a *authorizer) at(u *url.URL) *login {
	l := a.origins[origin(u)]
	if l == nil {
		l = new(login)
		a.origins[origin(u)] = l
	}
	return l
}

// safe reports whether secrets may go to a URL.
func (a *authorizer) safe(u *url.URL) bool {
	return u.Scheme == "https" || a.insecure != "" && strings.EqualFold(u.Hostname(), a.insecure)
}

// proof returns what to send with a request.
func (a *authorizer) proof(method string, u *url.URL) proof {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.at(u)
	p := proof{login: l, proven: l.proven, token: a.renewed}
	switch {
	case !a.safe(u):
	case a.creds.Token != "":
		p.header = "Bearer " + a.creds.Token
	case l.basic:
		p.header = "Basic " + a.basic()
	case l.digest != nil:
		p.digest = l.digest
		p.header = l.digest.authorization(a.creds, method, u.RequestURI(), cnonce())
	}
	return p
}

func (a *authorizer) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(a.creds.User + ":" + a.creds.Password))
}

// accepted notes that the server took what a request carried.
func (a *authorizer) accepted(p proof, h http.Header) {
	if p.header == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p.login.proven = true
	if p.digest != nil && p.login.digest == p.digest {
		// RFC 7616 3.5: the nonce for the next request.
		if next := parseChallenges([]string{"Digest " + h.Get("Authentication-Info")}); len(next) == 1 && next[0].params["nextnonce"] != "" {
			l := *p.digest
			l.nonce, l.count = next[0].params["nextnonce"], 0
			p.login.digest = &l
		}
	}
}

var errPlain = "a password without TLS could be read by anybody on the way: use the scheme with TLS, or allow it for this host (--insecure)"

// challenged decides after a 401 whether the request may be repeated: nil, with what the server asks for.
func (a *authorizer) challenged(ctx context.Context, u *url.URL, p proof, headers []string, attempt int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	refuse := func(format string, args ...any) error {
		return &AuthError{u.Host, a.redacted(fmt.Sprintf(format, args...))}
	}
	if attempt >= mostLogins {
		return refuse("the server asks again and again")
	}
	list := parseChallenges(headers)
	if p.header == "" {
		switch {
		case a.creds.User == "" && a.creds.Token == "":
			return refuse("a user name and a password are needed")
		case !a.safe(u):
			return refuse("%s", errPlain)
		}
		return a.choose(p.login, list, refuse)
	}
	switch {
	case a.creds.Token != "":
		if !p.proven || a.creds.Renew == nil {
			return refuse("the server does not take the token%s", said(list))
		}
		if p.token != a.renewed {
			return nil // another request has renewed it
		}
		token, err := a.creds.Renew(ctx)
		if err != nil {
			return refuse("the token has expired and there is no new one: %v", err)
		}
		a.creds.Token = token
		a.renewed++
		// The new one is proven by the next answer.
		p.login.proven = false
		return nil
	case p.digest != nil:
		d, err := bestDigest(list)
		// QUIRK: some forget to say that a nonce is stale; what had been taken before is right, so another nonce says it too.
		if err == nil && d != nil && d.nonce != p.digest.nonce && (d.stale || p.proven) {
			if p.login.digest == p.digest {
				p.login.digest = d
			}
			return nil
		}
	}
	return refuse("the server does not take the user name and the password%s", said(list))
}

// choose takes the strongest way that the server offers. The mutex is held.
func (a *authorizer) choose(l *login, list []challenge, refuse func(string, ...any) error) error {
	d, err := bestDigest(list)
	if d != nil {
		l.digest = d
		return nil
	}
	for _, c := range list {
		if c.scheme == "basic" {
			if strings.Contains(a.creds.User, ":") {
				return refuse("a user name with a colon does not work with Basic authentication")
			}
			l.basic = true
			return nil
		}
	}
	if err != nil {
		return refuse("%v", err)
	}
	var names []string
	for _, c := range list {
		names = append(names, cut(words(c.scheme), mostName))
	}
	if len(names) == 0 {
		return refuse("the server asks for a login without saying which")
	}
	return refuse("the server offers only %s", strings.Join(names[:min(len(names), 5)], ", "))
}

// said is what a server says beside its refusal.
func said(list []challenge) string {
	for _, c := range list {
		for _, name := range []string{"error_description", "error"} {
			if s := words(c.params[name]); s != "" {
				return ": " + s
			}
		}
	}
	return ""
}

// redact takes our secrets out of what a server says.
func (a *authorizer) redact(s string) string {
	if s == "" {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.redacted(s)
}

func (a *authorizer) redacted(s string) string {
	for _, secret := range []string{a.creds.Token, a.basic(), a.creds.Password} {
		if len(secret) >= 3 {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	return s
}

// challenge is one of WWW-Authenticate (RFC 9110 11.6.1). Names are in lower case.
type challenge struct {
	scheme string
	params map[string]string
}

// parseChallenges reads challenges, of which one header can have several; what cannot be read is left out.
func parseChallenges(headers []string) []challenge {
	var list []challenge
	for _, h := range headers {
		for len(list) < 16 {
			h = strings.TrimLeft(h, " \t,")
			name, rest := token(h)
			if name == "" {
				break
			}
			after := strings.TrimLeft(rest, " \t")
			value, isParam := strings.CutPrefix(after, "=")
			if !isParam || len(list) == 0 {
				list = append(list, challenge{scheme: strings.ToLower(name), params: make(map[string]string)})
				// A token68 belongs to schemes that we do not know.
				h = after
				continue
			}
			value, h = unquote(strings.TrimLeft(value, " \t"))
			list[len(list)-1].params[strings.ToLower(name)] = value
		}
	}
	return list
}

// token splits off a token (RFC 9110 5.6.2).
func token(s string) (name, rest string) {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] >= '0' && s[i] <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) >= 0) {
		i++
	}
	return s[:i], s[i:]
}

// unquote splits off a token or a quoted string.
func unquote(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, " \t,")
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// digest is what the server asked for, and how often its nonce was used.
type digest struct {
	realm, nonce, opaque string
	algorithm            string // as the server writes it; empty is MD5
	hash                 func() hash.Hash
	session, qop, stale  bool
	count                uint32
}

// bestDigest returns the strongest Digest challenge that we know; nil is none, and the error says why one was no good.
func bestDigest(list []challenge) (best *digest, err error) {
	for _, c := range list {
		if c.scheme != "digest" {
			continue
		}
		d := &digest{
			realm: c.params["realm"], nonce: c.params["nonce"], opaque: c.params["opaque"], algorithm: c.params["algorithm"],
			stale: strings.EqualFold(c.params["stale"], "true"),
		}
		name, session := strings.CutSuffix(strings.ToUpper(d.algorithm), "-SESS")
		d.session = session
		switch name {
		case "", "MD5":
			d.hash = md5.New
		case "SHA-256":
			d.hash = sha256.New
		default:
			err = fmt.Errorf("the server offers only Digest by %s", cut(words(d.algorithm), mostName))
			continue
		}
		qops := strings.FieldsFunc(c.params["qop"], func(r rune) bool { return r == ',' || r == ' ' })
		for _, q := range qops {
			d.qop = d.qop || strings.EqualFold(q, "auth")
		}
		if len(qops) > 0 && !d.qop {
			err = errors.New("the server wants the body in the digest (auth-int), which is not supported")
			continue
		}
		if d.nonce == "" {
			err = errors.New("the server's Digest challenge has no nonce")
			continue
		}
		if best == nil || best.hash().Size() < d.hash().Size() {
			best = d
		}
	}
	return best, err
}

func cnonce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// authorization returns the header for a request (RFC 7616 3.4) and counts the use of the nonce.
func (d *digest) authorization(c Credentials, method, uri, cnonce string) string {
	d.count++
	sum := func(parts ...string) string {
		h := d.hash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1 := sum(c.User, d.realm, c.Password)
	if d.session {
		a1 = sum(a1, d.nonce, cnonce)
	}
	a2 := sum(method, uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", uri="%s", nonce="%s"`, quote(c.User), quote(d.realm), quote(uri), quote(d.nonce))
	if d.algorithm != "" {
		b.WriteString(", algorithm=" + d.algorithm)
	}
	if d.opaque != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, quote(d.opaque))
	}
	if d.qop {
		nc := fmt.Sprintf("%08x", d.count)
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s", response="%s"`, nc, cnonce, sum(a1, d.nonce, nc, cnonce, "auth", a2))
	} else {
		// RFC 2069, which RFC 7616 3.4.1 no longer knows but servers do.
		fmt.Fprintf(&b, `, response="%s"`, sum(a1, d.nonce, a2))
	}
	return b.String()
}

// quote escapes what stands in a quoted string.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
