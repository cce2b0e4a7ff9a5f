package outlook

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// references are the places in HTML that refer to other parts: by content id, or by name.
type references struct {
	cids  map[string]bool
	names map[string]bool
}

// findReferences collects what the HTML's "cid:" links and its attributes with addresses refer to, in the form that
// [foldCID] gives.
func findReferences(s string) references {
	r := references{cids: make(map[string]bool), names: make(map[string]bool)}
	for i := 0; i+4 < len(s); i++ {
		if end := cidEnd(s, i); end > 0 {
			r.cids[foldCID(s[i+len("cid:"):end])] = true
			i = end - 1
			continue
		}
		switch c := s[i]; {
		case c == '=' && i+1 < len(s):
			j := i + 1
			for j < len(s) && (s[j] == ' ' || s[j] == '"' || s[j] == '\'') {
				j++
			}
			if hasSuffixFold(s[:i], "src") || hasSuffixFold(s[:i], "background") || hasSuffixFold(s[:i], "href") || hasSuffixFold(s[:i], "data") {
				if end := reference(s, j); end > j && end-j < 4096 && !strings.EqualFold(s[j:min(j+4, end)], "cid:") {
					r.names[foldCID(s[j:end])] = true
				}
			}
		case c == '(' && i >= 3 && strings.EqualFold(s[i-3:i], "url"):
			j := i + 1
			for j < len(s) && (s[j] == ' ' || s[j] == '"' || s[j] == '\'') {
				j++
			}
			if end := reference(s, j); end > j && !strings.EqualFold(s[j:min(j+4, end)], "cid:") {
				r.names[foldCID(s[j:end])] = true
			}
		}
	}
	return r
}

// cidEnd returns where a content id ends whose "cid:" begins at i; 0 if none does. One in quotes goes on to the closing
// quote: it may have blanks.
func cidEnd(s string, i int) int {
	if s[i]|0x20 != 'c' || len(s)-i < len("cid:") || !strings.EqualFold(s[i:i+len("cid:")], "cid:") || i > 0 && isWord(s[i-1]) {
		return 0
	}
	begin := i + len("cid:")
	if i > 0 && (s[i-1] == '"' || s[i-1] == '\'') {
		const longest = 1000
		id := s[begin:min(begin+longest, len(s))]
		if n := strings.IndexByte(id, s[i-1]); n >= 0 && !strings.ContainsAny(id[:n], "<>\r\n") {
			return begin + n
		}
	}
	return reference(s, begin)
}

// reference returns where a reference that begins at i ends.
func reference(s string, i int) int {
	for i < len(s) && s[i] > ' ' && strings.IndexByte("\"'<>)", s[i]) < 0 {
		i++
	}
	return i
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// foldCID returns a content id or location in the form in which equal ones are equal: percent-decoded, entities
// resolved, in lower case.
func foldCID(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	if strings.IndexByte(s, '%') >= 0 {
		if d, err := url.PathUnescape(s); err == nil {
			s = d
		}
	}
	return strings.ToLower(strings.TrimSpace(s))
}
