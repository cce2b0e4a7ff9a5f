package main

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"mailmill/load/files"
)

// scheme is what the URL of a server begins with.
type scheme struct {
	name   string
	sort   files.Sort // of what the server takes
	secure bool       // by TLS from the first byte on
	port   int        // where the URL names none
}

var schemes = []scheme{
	{"imaps", files.Mail, true, 993},
	{"imap", files.Mail, false, 143},
	{"caldavs", files.Calendars, true, 443},
	{"caldav", files.Calendars, false, 80},
	{"carddavs", files.Cards, true, 443},
	{"carddav", files.Cards, false, 80},
}

// exampleOf shows how the URL of a server that takes items of a sort is written.
func exampleOf(sort files.Sort) string {
	switch sort {
	case files.Calendars:
		return "caldavs://alice@dav.example.org/"
	case files.Cards:
		return "carddavs://alice@dav.example.org/"
	}
	return "imaps://alice@mail.example.org/"
}

// account is a place on a server, as a URL names it. It never holds a password.
type account struct {
	scheme
	user string // empty where the URL names none
	host string // without the brackets of an IPv6 address
	port int
	path string // of mail the mailboxes' prefix, decoded; else the path as it stands in the URL
}

// isURL reports whether a name begins as a URL does. No file is named so by accident.
func isURL(name string) bool {
	before, _, ok := strings.Cut(name, "://")
	return ok && before != "" && !strings.ContainsAny(before, `/\.`)
}

// isHalfURL reports whether a name is a URL that lacks slashes.
func isHalfURL(name string) bool {
	before, _, ok := strings.Cut(name, ":")
	return ok && slices.ContainsFunc(schemes, func(s scheme) bool { return strings.EqualFold(s.name, before) })
}

// parseAccount reads the URL of a server. What is wrong with one is told without the URL: in the wrong place of it may
// stand a password.
func parseAccount(role, text string) (*account, error) {
	before, rest, _ := strings.Cut(text, "://")
	i := slices.IndexFunc(schemes, func(s scheme) bool { return strings.EqualFold(s.name, before) })
	if i < 0 {
		switch strings.ToLower(before) {
		case "http", "https", "webdav", "webdavs", "dav", "davs":
			return nil, usage("%s: %s:// does not tell calendars from contacts: write caldavs:// or carddavs:// in its place", role, strings.ToLower(before))
		case "smtp", "smtps", "pop", "pop3", "pop3s":
			return nil, usage("%s: %s:// is no place to keep mail in: imaps://USER@HOST/ is one", role, strings.ToLower(before))
		case "file":
			return nil, usage("%s: name a file or folder without file://", role)
		}
		return nil, usage("%s: nothing can be written to what begins with %s://; imaps://, imap://, caldavs://, caldav://, carddavs:// and carddav:// are the servers that there are", role, before)
	}
	a := &account{scheme: schemes[i]}
	authority, path := rest, ""
	if slash := strings.IndexAny(rest, "/?#"); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	at := strings.LastIndexByte(authority, '@')
	var userinfo string
	if at >= 0 {
		userinfo = authority[:at]
	}
	// A password with a slash in it ends what is the authority too early.
	_, afterColon, colon := strings.Cut(authority[at+1:], ":")
	cut := colon && !strings.HasPrefix(authority[at+1:], "[") && strings.Trim(afterColon, "0123456789") != "" && strings.Contains(path, "@")
	if strings.Contains(userinfo, ":") || cut {
		return nil, usage("%s: a password has no place in a URL, where others see it: set %s, or name a file with --%s-password-file; mailmill help servers tells more",
			role, variableOf(a.sort), optionOf(a.sort))
	}
	wrong := func(what string) error {
		return usage("%s: the URL %s: it is written %s", role, what, exampleOf(a.sort))
	}
	var err error
	if a.user, err = url.PathUnescape(userinfo); err != nil || !isText(a.user) || strings.Contains(a.user, ":") {
		return nil, wrong("names a user that cannot be: odd characters stand as % and two digits in it, and no name has a colon")
	}
	if at >= 0 && a.user == "" {
		return nil, wrong("has an @ and no user before it")
	}
	if a.user == "" && a.sort == files.Mail {
		return nil, wrong("names no user")
	}
	if err := a.readHost(authority[at+1:]); err != "" {
		return nil, wrong(err)
	}
	if strings.ContainsAny(path, "?#") {
		return nil, wrong("has a ? or a #; in a name these are written %3F and %23")
	}
	return a, a.readPath(path, wrong)
}

// readHost reads a host with its port, and says what is wrong with it.
func (a *account) readHost(text string) (wrong string) {
	host, port := text, ""
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 || net.ParseIP(text[1:end]) == nil {
			return "has brackets around what is no IPv6 address"
		}
		host, port = text[1:end], text[end+1:]
		if port != "" && port[0] != ':' {
			return "has something behind the brackets of its host that is no port"
		}
		port = strings.TrimPrefix(port, ":")
		if text[end+1:] == ":" {
			return "has a colon and no port behind it"
		}
	} else if i := strings.IndexByte(text, ':'); i >= 0 {
		host, port = text[:i], text[i+1:]
		if port == "" {
			return "has a colon and no port behind it"
		}
	}
	if host == "" {
		return "names no host"
	}
	isHost := func(r rune) bool {
		return r == '.' || r == '-' || r == '_' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7F
	}
	if strings.ContainsFunc(host, func(r rune) bool { return !isHost(r) }) || !isText(host) {
		return "names a host that cannot be"
	}
	a.host, a.port = strings.ToLower(host), a.scheme.port
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "has a port that is no number from 1 to 65535"
		}
		a.port = int(n)
	}
	return ""
}

// readPath reads what stands behind the host.
func (a *account) readPath(path string, wrong func(string) error) error {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return wrong("has a % in its path that is not followed by two digits")
	}
	if !isText(decoded) {
		return wrong("has control characters in its path")
	}
	switch {
	case a.sort == files.Mail:
		a.path = strings.Trim(decoded, "/")
	case path == "":
		a.path = "/"
	default:
		a.path = path
	}
	return nil
}

// isText reports whether a name is text of one line.
func isText(s string) bool {
	return strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// address is where the server listens.
func (a *account) address() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// String returns the URL in the form that all URLs of the place have in common.
func (a *account) String() string {
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.port != a.scheme.port {
		host += ":" + strconv.Itoa(a.port)
	}
	if a.user != "" {
		host = strings.NewReplacer("%2A", "*", "%40", "@").Replace(url.PathEscape(a.user)) + "@" + host
	}
	path := a.path
	if a.sort == files.Mail {
		path = "/" + strings.TrimPrefix((&url.URL{Path: "/" + path}).EscapedPath(), "/")
	}
	return a.scheme.name + "://" + host + path
}

// URL returns the address that a web server has.
func (a *account) URL() string {
	scheme := "https"
	if !a.secure {
		scheme = "http"
	}
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.port != a.scheme.port {
		host += ":" + strconv.Itoa(a.port)
	}
	return scheme + "://" + host + a.path
}

// owner returns the user whose mailboxes are written to: not the one that logs in for him.
func (a *account) owner(actAs string) string {
	if actAs != "" {
		return actAs
	}
	owner, _, master := strings.Cut(a.user, "*")
	if master && owner != "" {
		return owner
	}
	return a.user
}

// identity names the account in a ledger: the same however one logs in.
func (a *account) identity(actAs string) string {
	of := *a
	of.user = a.owner(actAs)
	return of.String()
}
