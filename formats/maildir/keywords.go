package maildir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// KeywordsFile is the name of the file, in each folder, that says which keywords the letters stand for.
const KeywordsFile = "dovecot-keywords"

// mostKeywords is the number of letters from a to z.
const mostKeywords = 'z' - 'a' + 1

// Keywords are those of a folder, each with its letter: a new one gets the next letter in the order in which they come.
// The zero value is that of a new folder.
type Keywords struct {
	names   [mostKeywords]string // by letter; some may have none
	next    int                  // after the last letter that was ever given
	letters map[string]byte      // by keyword in lower case: case makes no difference in IMAP
}

// ParseKeywords reads the content of a file. Its numbers may have gaps: those letters stay without a keyword, as names of
// files may have them. Lines that are none are left out.
func ParseKeywords(data []byte) *Keywords {
	k := new(Keywords)
	for line := range bytes.Lines(data) {
		number, name, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < mostKeywords && name != "" {
			k.set(n, name)
		}
	}
	return k
}

func (k *Keywords) set(n int, keyword string) byte {
	if k.letters == nil {
		k.letters = make(map[string]byte)
	}
	letter := byte('a' + n)
	k.names[n] = keyword
	if folded := strings.ToLower(keyword); k.letters[folded] == 0 {
		k.letters[folded] = letter
	}
	k.next = max(k.next, n+1)
	return letter
}

// Letter returns the letter of a keyword, and gives it one if it has none. There are 26; ok is false for a keyword that
// comes too late for one, and for an empty one.
func (k *Keywords) Letter(keyword string) (letter byte, ok bool) {
	if letter, ok = k.letters[strings.ToLower(keyword)]; ok {
		return letter, true
	}
	if keyword == "" || k.next == mostKeywords {
		return 0, false
	}
	return k.set(k.next, keyword), true
}

// Keyword returns what a letter stands for; nothing where it stands for nothing.
func (k *Keywords) Keyword(letter byte) string {
	if letter < 'a' || letter > 'z' {
		return ""
	}
	return k.names[letter-'a']
}

// Append appends the content of the file: a number and a keyword a line. The letter a has number 0.
func (k *Keywords) Append(b []byte) []byte {
	for i, name := range k.names {
		if name != "" {
			b = fmt.Appendf(b, "%d %s\n", i, name)
		}
	}
	return b
}

// Forwarded is the keyword of mails that were forwarded (RFC 5788). Dovecot does not know the flag P.
const Forwarded = "$Forwarded"

// longestKeyword is the number of bytes that Dovecot allows (mail_max_keyword_length).
const longestKeyword = 50

// Keyword returns what IMAP can hold of a category: an atom (RFC 9051 formal syntax, flag-keyword), as Thunderbird makes
// it of the name of a tag: in modified UTF-7, with an underscore for a character that no atom holds. So a tag of
// the category's name is what Thunderbird shows. A long one is cut and ends in a hash of the whole. Nothing is made of
// an empty one.
func Keyword(category string) string {
	text := norm.NFC.String(strings.ToValidUTF8(strings.TrimSpace(category), "_"))
	keyword := atom(text)
	if len(keyword) <= longestKeyword {
		return keyword
	}
	sum := sha256.Sum256([]byte(text))
	mark := "_" + hex.EncodeToString(sum[:4])
	for len(atom(text)) > longestKeyword-len(mark) {
		// What is far too long is cut where it might fit; the rest goes rune by rune, as each takes its own space.
		text = text[:min(len(text), longestKeyword)]
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return atom(text) + mark
}

func atom(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune(`(){%*"\]<>/`, r) {
			return '_'
		}
		return r
	}, EncodeUTF7(text))
}
