package mime

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"mailmill/formats"
)

// addresses writes an address list (RFC 5322 3.4). Each address becomes one of:
//
//   - name <addr-spec>, or the addr-spec alone where there is no name;
//   - a group without members (RFC 6854 allows it in From too), where there is no address, or none that can be written
//     in 7 bits: "Jürgen Groß" and jürgen@example.org give the group "Jürgen Groß <jürgen@example.org>", which is
//     what RFC 6857 does to such addresses. Nobody is lost, and nobody gets mail that is not theirs;
//   - a member of its group; groups do not nest, so members that have no address stand after their group.
//
// No list is ever cut short.
func (h *header) addresses(list []*formats.Address) {
	for i := 0; i < len(list); {
		a := list[i]
		if a.Group == "" {
			h.address(a, i+1 < len(list))
			i++
			continue
		}
		end := i + 1
		for end < len(list) && list[end].Group == a.Group {
			end++
		}
		h.group(list[i:end], end < len(list))
		i = end
	}
}

// group writes the members of one group.
func (h *header) group(list []*formats.Address, more bool) {
	members, others := 0, 0
	for _, a := range list {
		if _, ok := addrSpec(a.Spec()); ok {
			members++
		} else if a.Name != "" || a.Spec() != "" {
			others++
		}
	}
	h.phrase(list[0].Group, 1)
	h.b = append(h.b, ':')
	for _, a := range list {
		if _, ok := addrSpec(a.Spec()); ok {
			members--
			h.address(a, members > 0)
		}
	}
	h.b = append(h.b, ';')
	if others > 0 || more {
		h.b = append(h.b, ',')
	}
	for _, a := range list {
		if _, ok := addrSpec(a.Spec()); !ok && (a.Name != "" || a.Spec() != "") {
			others--
			h.address(a, others > 0 || more)
		}
	}
}

func (h *header) address(a *formats.Address, more bool) {
	name := strings.TrimSpace(clean(a.Name))
	spec, ok := addrSpec(a.Spec())
	switch {
	case ok && name == "":
		h.blank(len(spec) + 1)
		h.b = append(h.b, spec...)
	case ok:
		h.phrase(name, 0)
		h.blank(len(spec) + 3)
		h.b = append(h.b, '<')
		h.b = append(h.b, spec...)
		h.b = append(h.b, '>')
	default:
		if bare := strings.TrimSpace(clean(a.Spec())); bare != "" && name != "" {
			name += " <" + bare + ">"
		} else if name == "" {
			name = bare
		}
		h.phrase(name, 3)
		h.b = append(h.b, ":;"...)
	}
	if more {
		h.b = append(h.b, ',')
	}
}

// phrase writes a display name; extra octets follow it without a blank.
func (h *header) phrase(name string, extra int) {
	const longest = 70 // of a quoted string, which readers do not all unfold
	name = strings.TrimSpace(clean(name))
	atoms, ascii := true, !strings.Contains(name, "=?")
	for i := range len(name) {
		c := name[i]
		ascii = ascii && c < utf8.RuneSelf
		atoms = atoms && (isAtom(c) || c == ' ' && name[i-1] != ' ')
	}
	switch {
	case !ascii || len(name) > longest:
		// QUIRK: Python's email keeps the blank between two encoded words of a phrase. A name that fits one has one.
		if n, _ := oneWord(name); n <= 75 && !h.fresh && h.col()+1+n > wrapAt {
			h.b = append(h.b, "\r\n"...)
			h.line = len(h.b)
		}
		h.encoded(name)
	case name == "" || !atoms:
		h.blank(len(name) + strings.Count(name, `"`) + strings.Count(name, `\`) + 2 + extra)
		h.quoted(name)
	default:
		h.blank(len(name) + extra)
		h.b = append(h.b, name...)
	}
}

// isAtom reports whether c is atext (RFC 5322 3.2.3).
func isAtom(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// longestSpec is the length of an address that fits a line along with what stands around it.
const longestSpec = maxLine - 100

// addrSpec returns an address as a header can hold it (RFC 5322 3.4.1): its local part quoted where it must be, its
// domain in A-labels. It is false where that cannot be done.
func addrSpec(addr string) (string, bool) {
	at := strings.LastIndexByte(addr, '@')
	if at < 1 || at == len(addr)-1 || len(addr) > longestSpec {
		return "", false
	}
	local, domain := addr[:at], addr[at+1:]
	for i := range len(domain) {
		if domain[i] >= utf8.RuneSelf {
			ascii, err := idna.Lookup.ToASCII(domain)
			if err != nil {
				// QUIRK: names that no registry would allow (with underscores) are in use inside of companies.
				if ascii, err = idna.Punycode.ToASCII(strings.ToLower(domain)); err != nil {
					return "", false
				}
			}
			domain = ascii
			break
		}
	}
	if !legalDomain(domain) {
		return "", false
	}
	if isDotAtom(local) || isQuotedString(local) {
		if domain == addr[at+1:] {
			return addr, true
		}
		spec := local + "@" + domain
		return spec, len(spec) <= longestSpec
	}
	var h header
	for i := range len(local) {
		if local[i] < ' ' || local[i] >= 0x7F {
			return "", false
		}
	}
	h.quoted(local)
	spec := string(h.b) + "@" + domain
	return spec, len(spec) <= longestSpec
}

func legalDomain(d string) bool {
	if strings.HasPrefix(d, "[") && strings.HasSuffix(d, "]") {
		inner := d[1 : len(d)-1]
		for i := range len(inner) {
			if inner[i] <= ' ' || inner[i] >= 0x7F || strings.IndexByte(`[]\`, inner[i]) >= 0 {
				return false
			}
		}
		return inner != ""
	}
	return isDotAtom(d)
}

func isDotAtom(s string) bool {
	for i := range len(s) {
		if s[i] == '.' {
			if i == 0 || i == len(s)-1 || s[i-1] == '.' {
				return false
			}
		} else if !isAtom(s[i]) {
			return false
		}
	}
	return s != ""
}

func isQuotedString(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s)-1:
			i++
		case s[i] == '"' || s[i] == '\\':
			return false
		}
		if s[i] < ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}
