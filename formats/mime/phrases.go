package mime

import "strings"

// ParsePhrases reads a list of phrases (RFC 5322 3.6.5), as the field Keywords holds: decoded, without quotes, in its order.
func ParsePhrases(value string) []string {
	var list []string
	for len(value) > 0 {
		var p string
		p, value = cutPhrase(value)
		if p = strings.TrimSpace(p); strings.HasPrefix(p, `"`) {
			p = unquoted(p)
		} else {
			p = DecodeWords(p)
		}
		if p = OneLine(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// cutPhrase cuts s at the first comma that is not quoted.
func cutPhrase(s string) (before, after string) {
	inQuotes := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if inQuotes {
				i++
			}
		case '"':
			inQuotes = !inQuotes
		case ',':
			if !inQuotes {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}
