package files

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/transform/folders"
)

// itemNames names the files of one folder's items: date, subject, and the start of the key. The last word of a name
// differs from all others', so the names do, whatever a file system does to the letters before it.
type itemNames struct {
	extension string
	reserved  map[string]bool
	short     map[[4]byte]uint64 // the keys that go by their first half
}

// longestSubject is what a file's name has of a subject, in bytes.
const longestSubject = 80

func (n *itemNames) name(it *formats.Item) string {
	var b strings.Builder
	if it.Date.IsZero() {
		b.WriteString("undated")
	} else {
		b.Write(it.Date.UTC().AppendFormat(nil, time.DateOnly))
	}
	b.WriteByte(' ')
	if subject := shortSubject(it.Subject); subject != "" {
		b.WriteString(subject)
		b.WriteByte(' ')
	}
	start := b.String()
	name := start + n.id(it.Key) + n.extension
	if len(n.reserved) > 0 && n.reserved[folders.Fold(name)] {
		name = start + it.Key + n.extension
	}
	return name
}

// shortSubject returns what a name has of a subject: a start that ends with a word where it can. "Re: Offer" is
// "Re Offer".
func shortSubject(subject string) string {
	subject = strings.TrimSpace(strings.ReplaceAll(cut(subject, 4*longestSubject), ": ", " "))
	if subject == "" {
		return ""
	}
	safe := folders.Safe(subject, folders.MaxName)
	if len(safe) <= longestSubject {
		return safe
	}
	safe = cut(safe, longestSubject)
	if blank := strings.LastIndexByte(safe, ' '); blank > longestSubject/2 {
		safe = safe[:blank]
	}
	return strings.TrimRight(safe, " ")
}

// cut returns the longest start of s that has at most n bytes and ends with a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// id returns what tells an item from the others of its folder: the first eight digits of its key if they suffice,
// and the number that equal keys have.
func (n *itemNames) id(key string) string {
	digits, number, numbered := strings.Cut(key, "-")
	if numbered {
		number = "-" + number
	}
	var raw [16]byte
	if len(digits) != 2*len(raw) {
		return key
	}
	if _, err := hex.Decode(raw[:], []byte(digits)); err != nil {
		return key
	}
	start, rest := [4]byte(raw[:4]), uint64(0)
	for _, b := range raw[4:12] {
		rest = rest<<8 | uint64(b)
	}
	if n.short == nil {
		n.short = make(map[[4]byte]uint64)
	}
	owner, taken := n.short[start]
	if taken && owner != rest {
		return key
	}
	n.short[start] = rest
	return digits[:8] + number
}
