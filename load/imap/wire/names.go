package wire

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// appendMailbox appends a mailbox name as a quoted string: in modified UTF-7 (RFC 3501 5.1.3) or, for a server that
// speaks IMAP4rev2 only, in UTF-8.
func appendMailbox(b []byte, name string, utf8Names bool) []byte {
	if !utf8Names {
		name = utf7(name)
	}
	return appendQuoted(b, name)
}

// appendQuoted appends a quoted string. It must hold no CR, LF or NUL: see quotable.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// quotable reports whether a string can be a quoted one (RFC 3501 4.3).
func quotable(s string) bool {
	for i := range len(s) {
		if s[i] == 0 || s[i] == '\r' || s[i] == '\n' || s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// utf7Encoding is base64 with "," for "/", without padding.
var utf7Encoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// utf7 encodes a mailbox name in modified UTF-7, in its shortest form: one run for all that stand side by side.
func utf7(name string) string {
	var b []byte
	var run []byte // UTF-16, big endian
	flush := func() {
		if len(run) == 0 {
			return
		}
		b = append(b, '&')
		b = utf7Encoding.AppendEncode(b, run)
		b = append(b, '-')
		run = run[:0]
	}
	for _, r := range name {
		switch {
		case r == '&':
			flush()
			b = append(b, "&-"...)
		case 0x20 <= r && r <= 0x7e:
			flush()
			b = append(b, byte(r))
		default:
			if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
				run = append(run, byte(r1>>8), byte(r1), byte(r2>>8), byte(r2))
			} else {
				run = append(run, byte(r>>8), byte(r))
			}
		}
	}
	flush()
	return string(b)
}

// validFlag reports whether a flag or keyword can be written (RFC 3501 9, flag). Servers know no system flags but those
// of RFC 3501 2.3.2, and \Recent is theirs.
func validFlag(flag string) bool {
	if name, ok := strings.CutPrefix(flag, `\`); ok {
		switch strings.ToLower(name) {
		case "seen", "answered", "flagged", "deleted", "draft":
			return true
		}
		return false
	}
	return atom(flag)
}

// atom reports whether a string is an atom (RFC 3501 9).
func atom(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= 0x20, c >= 0x7f:
			return false
		case c == '(', c == ')', c == '{', c == '%', c == '*', c == '"', c == '\\', c == ']':
			return false
		}
	}
	return s != ""
}

// printableName reports whether a mailbox name has no control characters. In modified UTF-7 they could be written, but
//
// QUIRK: Dovecot puts a name's line ends into its answers as they are.
func printableName(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
