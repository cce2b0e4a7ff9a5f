package mapi

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Shape says what an address is by how it looks. What an address type property says is not to be trusted: "SMTP" with a
// distinguished name and "EX" with a mail address both occur.
type Shape uint8

// The shapes.
const (
	ShapeNone  Shape = iota // empty, or nothing that is known: a fax number, an X.400 address, a name
	ShapeSMTP               // user@domain
	ShapeDN                 // an Exchange distinguished name, "/o=Org/ou=Site/cn=Recipients/cn=user"
	ShapeIMCEA              // an address of another type encapsulated for SMTP; see [DecodeIMCEA]
)

var shapeNames = [...]string{"none", "SMTP", "DN", "IMCEA"}

func (s Shape) String() string { return shapeNames[min(int(s), len(shapeNames)-1)] }

// ShapeOf classifies an address as [CleanAddress] returns it.
func ShapeOf(addr string) Shape {
	switch {
	case IsDN(addr):
		return ShapeDN
	case IsIMCEA(addr):
		return ShapeIMCEA
	case IsSMTP(addr):
		return ShapeSMTP
	}
	return ShapeNone
}

// IsDN reports whether an address has the form of an Exchange distinguished name (MS-OXOABK 2.2.1.1).
func IsDN(addr string) bool {
	for _, p := range [...]string{"/o=", "/cn=", "/ou=", "/guid=", "o="} {
		if hasPrefixFold(addr, p) {
			return true
		}
	}
	return false
}

// IsSMTP reports whether an address has the form local@domain with a dot in the domain (RFC 5321 4.1.2), and none of
// the values that programs write for want of an address.
func IsSMTP(addr string) bool {
	at := -1
	quoted := false
	for i := 0; i < len(addr); i++ {
		switch c := addr[i]; {
		case c < ' ' || c == 0x7F:
			return false
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '@':
			if at >= 0 {
				return false
			}
			at = i
		case c == ' ' || c == '<' || c == '>' || c == ',' || c == ';' || c == '(' || c == ')':
			return false
		}
	}
	if quoted || at <= 0 || at == len(addr)-1 || !utf8.ValidString(addr) {
		return false
	}
	domain := addr[at+1:]
	if domain[0] == '[' {
		return domain[len(domain)-1] == ']'
	}
	dot := strings.IndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1 && !hasSuffixFold(domain, ".invalid")
}

// prefixes stand before addresses in search keys, proxy lists and links.
var prefixes = [...]string{"mailto:", "smtp:", "ex:", "x500:", "rfc822:"}

// CleanAddress removes what programs put around an address: blanks, NULs, quotes, angle brackets and the prefixes
// "mailto:", "SMTP:", "EX:", "X500:" and "RFC822:". The address itself stays as it is.
func CleanAddress(addr string) string {
	if n := len(addr); n > 1 && (addr[0] == '/' || isAlphanumeric(addr[0]) && strings.IndexByte(addr, ':') < 0) && isAlphanumeric(addr[n-1]) {
		return addr // as nearly all are
	}
	for {
		before := addr
		addr = strings.TrimFunc(addr, func(r rune) bool { return r <= ' ' || r == 0xA0 || r == 0x7F })
		if n := len(addr); n >= 2 && (addr[0] == '<' && addr[n-1] == '>' || addr[0] == '\'' && addr[n-1] == '\'') {
			addr = addr[1 : n-1]
		}
		// A quoted local part is no quoted address.
		if n := len(addr); n >= 2 && addr[0] == '"' && addr[n-1] == '"' {
			addr = addr[1 : n-1]
		}
		for _, p := range prefixes {
			if hasPrefixFold(addr, p) {
				addr = addr[len(p):]
			}
		}
		if addr == before {
			return addr
		}
	}
}

// DNKey returns a distinguished name in the form in which two that mean the same are equal: letter case is folded,
// runs of blanks are one, and slashes and blanks at the end are gone. It is a key, never an address to show.
func DNKey(dn string) string {
	for {
		key := strings.TrimRight(CleanAddress(foldBlanks(dn)), "/ ")
		if key == dn {
			return key
		}
		dn = key
	}
}

// foldBlanks folds letter case, and runs of blanks into one.
func foldBlanks(s string) string {
	if plainKey(s) {
		return s
	}
	var room [192]byte // names are seldom longer
	b, blank := room[:0], false
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if i += size; r == 0xA0 {
				blank = true
				continue
			}
			if blank {
				b, blank = append(b, ' '), false
			}
			b = utf8.AppendRune(b, foldRune(r))
			continue
		}
		i++
		if c == ' ' || c == '\t' {
			blank = true
			continue
		}
		if blank {
			b, blank = append(b, ' '), false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return string(b)
}

// plainKey reports whether s is its own key, as most are.
func plainKey(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf || c == '\t' || c == ' ' && i > 0 && s[i-1] == ' ' {
			return false
		}
	}
	return true
}

// SMTPKey returns a mail address in the form in which two that mean the same are equal: in lower case, with the domain
// in A-labels (RFC 5890). That local parts differ in nothing but their letter case does not occur in practice.
func SMTPKey(addr string) string {
	addr = strings.ToLower(CleanAddress(addr))
	at := strings.LastIndexByte(addr, '@')
	for i := at + 1; i < len(addr); i++ {
		if addr[i] >= utf8.RuneSelf {
			if domain, err := idna.Lookup.ToASCII(addr[at+1:]); err == nil {
				return addr[:at+1] + domain
			}
			break
		}
	}
	return addr
}

// foldRune returns the same rune for all that are equal under simple Unicode case folding.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least >= 'A' && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// SearchKeyAddress reads a search key of a participant, the type and the address in upper case with a NUL at the end:
// "SMTP:JOE@EXAMPLE.COM" (MS-OXCMAIL 2.2.3.1). An SMTP address is returned in lower case.
func SearchKeyAddress(key []byte) (typ, addr string, ok bool) {
	if i := indexNUL(key); i >= 0 {
		key = key[:i]
	}
	s := string(key)
	typ, addr, ok = strings.Cut(s, ":")
	if !ok || typ == "" || addr == "" || len(typ) > 16 {
		return "", "", false
	}
	typ = strings.ToUpper(typ)
	if typ == "SMTP" {
		addr = strings.ToLower(addr)
	}
	return typ, addr, true
}

// MakeSearchKey makes the search key of an address; it is the inverse of [SearchKeyAddress].
func MakeSearchKey(typ, addr string) []byte {
	return append([]byte(strings.ToUpper(typ+":"+addr)), 0)
}

func indexNUL(b []byte) int {
	for i, c := range b {
		if c == 0 {
			return i
		}
	}
	return -1
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// CleanName returns a display name without what programs add to it: quotes around it, the address after it in parentheses
// or brackets, "on behalf of" and what follows. A name that only repeats the mail address, which may be empty, is none, and
// nor is one that is an Exchange name.
func CleanName(name, smtp string) string {
	name = strings.TrimSpace(name)
	if i := strings.Index(name, " on behalf of "); i > 0 {
		name = strings.TrimSpace(name[:i])
	}
	for _, pair := range [...]string{"()", "<>", "[]"} {
		if len(name) > 2 && name[len(name)-1] == pair[1] {
			if i := strings.LastIndexByte(name, pair[0]); i > 0 {
				inner := CleanAddress(name[i+1 : len(name)-1])
				if s := ShapeOf(inner); s != ShapeNone {
					name = strings.TrimSpace(name[:i])
				}
			}
		}
	}
	for len(name) >= 2 && (name[0] == '\'' || name[0] == '"') && name[len(name)-1] == name[0] {
		name = strings.TrimSpace(name[1 : len(name)-1])
	}
	switch bare := CleanAddress(name); {
	case bare == "", strings.EqualFold(bare, smtp):
		return ""
	case IsDN(bare), IsIMCEA(bare):
		return ""
	case strings.IndexByte(bare, '@') > 0 && smtp != "" && SMTPKey(bare) == SMTPKey(smtp):
		return ""
	}
	return name
}
