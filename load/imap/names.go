package imap

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mailmill/formats/maildir"
	"mailmill/transform/folders"
)

// Lengths that servers take for names of mailboxes, in bytes as they are encoded. RFC 9051 has no limits; those are of the
// file systems below, and of Cyrus, which takes 490 for a whole name with what it puts before it.
const (
	longestPart = 220 // of one part; a file's name has 255, and " (2)" may be added
	longestName = 440 // of all parts together
	// QUIRK: Maildir++ has a mailbox with all of its parents in the name of one directory (Dovecot, Courier). It is told by
	// its delimiter.
	longestMaildirName = 240
	longestLevel       = 60                // of a folder's name where its branch has moved up
	roomForLevel       = longestLevel + 40 // with all that is added to it
	shortestPart       = 10                // of a prefix, cut as far as it may be
)

// rules are those for names of mailboxes on a server.
type rules struct {
	delim rune // 0: the server has no hierarchy
}

// longest returns the number of bytes that a whole name may have.
func (r rules) longest() int {
	if r.delim == '.' {
		return longestMaildirName
	}
	return longestName
}

// encodedLen returns the number of bytes that a name takes where it takes most: modified UTF-7 makes three bytes of two in
// Greek, and of three less than three in Chinese.
func encodedLen(name string) int { return max(len(name), len(maildir.EncodeUTF7(name))) }

// safe returns a part of a name that is like the name of a folder and that every server takes. What may not stand in it
// becomes an underscore: the delimiter; a slash, which Maildir++ refuses; controls; wildcards of LIST; what Cyrus refuses;
// what begins another namespace or a home; the parts "." and "..". Blanks around it go. What is too long is cut and ends in
// a hash of the whole.
//
// Names that a Mac has taken apart are put together again (NFC), or the same folder would be there twice.
func (r rules) safe(name string) string { return r.within(name, longestPart) }

// within is safe with a limit.
func (r rules) within(name string, limit int) string {
	safe := strings.Map(r.safeRune, norm.NFC.String(strings.ToValidUTF8(name, "\uFFFD")))
	safe = strings.TrimFunc(safe, unicode.IsSpace)
	switch {
	case safe == "":
		safe = "_"
	case safe == "." || safe == "..":
		safe = strings.Repeat("_", len(safe))
	case safe[0] == '#' || safe[0] == '~':
		safe = "_" + safe[1:]
	}
	return shorten(safe, name, limit)
}

func (r rules) safeRune(c rune) rune {
	switch {
	case c == r.delim, strings.ContainsRune("/%*\\\"^!`;<>{}|", c), unicode.IsControl(c):
		return '_'
	case c == '\u2028', c == '\u2029', unicode.Is(unicode.Bidi_Control, c), unicode.Is(unicode.Noncharacter_Code_Point, c):
		return '_'
	}
	return c
}

// shorten cuts a name that takes more than limit bytes between two characters, and adds a hash of what it was made from.
func shorten(safe, name string, limit int) string {
	if encodedLen(safe) <= limit {
		return safe
	}
	sum := sha256.Sum256([]byte(name))
	mark := "~" + hex.EncodeToString(sum[:2])
	n := min(len(safe)-1, limit)
	for n > 0 && (!utf8.RuneStart(safe[n]) || encodedLen(safe[:n]) > limit-len(mark)) {
		n--
	}
	// No letter loses its accents: a mark stays with what it marks.
	for n > 0 {
		if r, _ := utf8.DecodeRuneInString(safe[n:]); !unicode.Is(unicode.M, r) && r != '\u200D' {
			break
		}
		_, size := utf8.DecodeLastRuneInString(safe[:n])
		n -= size
	}
	safe = safe[:n]
	return strings.TrimRightFunc(safe, unicode.IsSpace) + mark
}

// numbered returns a name with a number at its end.
func numbered(name string, i int) string { return name + " (" + strconv.Itoa(i) + ")" }

// fold returns what two names have in common that some server takes for the same.
func fold(name string) string { return folders.Fold(name) }
