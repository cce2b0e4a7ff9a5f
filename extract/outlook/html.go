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
// [references.shows] compares.
func findReferences(s string) references {
	r := references{cids: make(map[string]bool), names: make(map[string]bool)}
	for i := 0; i+4 < len(s); i++ {
		switch c := s[i]; {
		case (c == 'c' || c == 'C') && strings.EqualFold(s[i:i+4], "cid:"):
			if i > 0 && isWord(s[i-1]) {
				continue
			}
			end := reference(s, i+4)
			r.cids[foldCID(s[i+4:end])] = true
			i = end - 1
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
