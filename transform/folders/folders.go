// Package folders gives folders the names they get outside: in a file system, for now.
//
// The names in an archive may be anything: "CON", "a/b", "..", the same name twice. [Safe] makes one of them a name
// that every common file system takes, on Linux, macOS and Windows. A [Tree] does so for all folders of an archive such
// that the tree outside mirrors the tree inside one to one: two folders never share a place, whether or not the file
// system tells upper from lower case or composed from decomposed letters.
//
// What they return depends on the names and their order alone, so a repeated run gives the same places.
package folders

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxName is the length in bytes that a name has at most on every common file system.
const MaxName = 255

// Safe returns the name of a file or folder that is like name and that every common file system takes, of at most
// limit bytes, which is at least 16. What may not stand in a name becomes an underscore: control characters, those that
// change the direction of text, <>:"/\|?*, a leading dot, a trailing dot. Blanks around the name go. A name that is a
// device on Windows gets an underscore. One that is too long is cut and ends in a tilde and a hash of the whole. An
// empty name becomes "_".
//
// Different names may become equal; see [Tree].
func Safe(name string, limit int) string {
	if plain(name) && len(name) <= limit && !device(name) {
		return name
	}
	safe := strings.Map(safeRune, norm.NFC.String(strings.ToValidUTF8(name, "\uFFFD")))
	safe = strings.TrimFunc(safe, unicode.IsSpace)
	if strings.HasPrefix(safe, ".") {
		safe = "_" + safe[1:]
	}
	safe = mendEnd(safe)
	if device(safe) {
		stem, rest, dotted := strings.Cut(safe, ".")
		safe = strings.TrimRight(stem, " ") + "_"
		if dotted {
			safe += "." + rest
		}
	}
	if safe == "" {
		safe = "_"
	}
	return shorten(safe, name, limit)
}

// plain reports whether a name is made of letters, digits and blanks such that nothing about it needs a look.
func plain(name string) bool {
	if name == "" || name[0] == ' ' || name[len(name)-1] == ' ' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != ' ' && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// safeRune replaces characters that a file system refuses or that deceive who reads a name.
func safeRune(r rune) rune {
	switch {
	case r < 0x20, r >= 0x7F && r < 0xA0, strings.ContainsRune(`<>:"/\|?*`, r):
		return '_'
	case r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
		return '_'
	}
	return r
}

// mendEnd replaces a trailing dot: Windows drops it, and then two names are one.
func mendEnd(name string) string {
	if strings.HasSuffix(name, ".") {
		return name[:len(name)-1] + "_"
	}
	return name
}

// device reports whether Windows takes a name, or what stands before its first dot, for a device.
func device(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	if number, found := strings.CutPrefix(stem, "COM"); found || strings.HasPrefix(stem, "LPT") {
		if !found {
			number = stem[len("LPT"):]
		}
		switch number {
		case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
			return true
		}
	}
	return false
}

// shorten cuts a safe name to limit bytes between two characters, and adds a hash of the name it was made from.
func shorten(safe, name string, limit int) string {
	if len(safe) <= limit {
		return safe
	}
	sum := sha256.Sum256([]byte(name))
	mark := "~" + hex.EncodeToString(sum[:2])
	return mendEnd(strings.TrimRightFunc(cut(safe, limit-len(mark)), unicode.IsSpace)) + mark
}

// cut returns the longest start of s that has at most n bytes and ends before a character, its marks included.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	for back := n; back > 0; {
		r, _ := utf8.DecodeRuneInString(s[back:])
		if !unicode.Is(unicode.M, r) && r != '\u200D' {
			return s[:back]
		}
		_, size := utf8.DecodeLastRuneInString(s[:back])
		back -= size
	}
	return s[:n]
}

// Fold returns what two names have in common that some file system takes for the same.
func Fold(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return r
	}, name)
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(visible)))
}

// Names hands out names that differ from each other in the eyes of every file system.
type Names struct {
	used map[string]struct{}
	next map[string]int // the number to try next, by folded name
	// Suffixes are appended to each name: all of the results are taken together. None is the name as it is.
	Suffixes []string
	// Reserved, if not nil, reports names that are taken by others.
	Reserved func(string) bool
}

// Take returns a name like the one given: the same where it is safe and free, else with " (2)", " (3)" and so on.
func (n *Names) Take(name string) string {
	longest := 0
	for _, s := range n.Suffixes {
		longest = max(longest, len(s))
	}
	limit := MaxName - longest
	if n.used == nil {
		n.used = make(map[string]struct{})
		n.next = make(map[string]int)
	}
	safe := Safe(name, limit)
	if !n.free(safe) {
		folded := Fold(safe)
		i := max(n.next[folded], 2)
		for ; !n.free(safe); i++ {
			number := " (" + strconv.Itoa(i) + ")"
			safe = Safe(name, limit-len(number)) + number
		}
		n.next[folded] = i
	}
	for _, s := range n.suffixes() {
		n.used[Fold(safe+s)] = struct{}{}
	}
	return safe
}

func (n *Names) free(safe string) bool {
	for _, s := range n.suffixes() {
		if _, taken := n.used[Fold(safe+s)]; taken {
			return false
		}
		if n.Reserved != nil && n.Reserved(safe+s) {
			return false
		}
	}
	return true
}

func (n *Names) suffixes() []string {
	if len(n.Suffixes) == 0 {
		return []string{""}
	}
	return n.Suffixes
}
