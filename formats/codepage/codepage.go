// Package codepage decodes text in Windows code pages to UTF-8.
//
// Mailbox archives name the encoding of 8-bit text in three ways: by code page number (PR_INTERNET_CPID and
// PR_MESSAGE_CODEPAGE, and \ansicpg in RTF), by locale (PR_MESSAGE_LOCALE_ID), and by MIME charset label. All three
// lead to a number here, by [ByLabel] and [FromLCID], and the number to a decoder:
//
//	cp, ok := codepage.ByLabel("koi8-r")
//	s, replaced := codepage.Decode(cp, b)
//
// Decode never fails, as an archive's text is to be shown even where the archive is wrong about it. What cannot be
// decoded becomes U+FFFD and is counted, so that the caller can report the damage instead of hiding it.
//
// Where real data disagrees with its label the pages are read as Windows and browsers read them: US-ASCII and
// ISO 8859-1 as Windows-1252, ISO 8859-9 as Windows-1254, GB 2312 as GBK.
package codepage

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Default is the code page that stands in for one that is unknown.
const Default = 1252

// UTF8 and the other numbers here are the pages that callers name most.
const (
	UTF16LE = 1200
	UTF16BE = 1201
	ASCII   = 20127
	UTF7    = 65000
	UTF8    = 65001
)

// Known reports whether Decode has a decoder for code page cp of its own, rather than taking it for [Default].
func Known(cp int) bool {
	_, ok := pages[cp]
	return ok
}

// Label returns the IANA name of code page cp, or "" where cp is not known. A page without a registered name has the
// one in common use.
func Label(cp int) string { return pages[cp].label }

// Valid reports whether Decode would decode b without any replacement.
func Valid(cp int, b []byte) bool {
	_, replaced := Decode(cp, b)
	return replaced == 0
}

// Decode returns b, which is in Windows code page cp, as UTF-8. A sequence that has no meaning in that page becomes
// U+FFFD, and replaced is the number of these. Every byte order mark and NUL is kept. Where cp is not known, b is
// read as [Default].
//
// QUIRK: writers label 8-bit strings as UTF-16 because the message's other strings are. Such a string is recognised
// by being ASCII throughout, and returned as it is.
func Decode(cp int, b []byte) (s string, replaced int) {
	p, ok := pages[cp]
	if !ok {
		p = pages[Default]
	}
	n := 0
	if p.ascii {
		if n = asciiLen(b); n == len(b) {
			return string(b), 0
		}
	}
	if p.whole != nil {
		return p.whole(b)
	}
	if sb, ok := p.enc.(singleByte); ok {
		out, replaced := appendSingleByte(make([]byte, 0, len(b)+len(b)/2+utf8.UTFMax), sb, b, n)
		return string(out), replaced
	}
	out, err := p.enc.NewDecoder().Bytes(b)
	if err != nil {
		// The decoders of x/text replace and do not fail; should one yet fail, the text is kept as far as it can be.
		return decodeUTF8(b)
	}
	s = string(out)
	return s, strings.Count(s, "\uFFFD")
}

// Append appends to dst what Decode returns, and returns the extended slice and the number of replacements. For ASCII, for
// single-byte pages and for UTF-8 that is valid nothing is allocated where dst has room.
func Append(dst []byte, cp int, b []byte) (extended []byte, replaced int) {
	p, ok := pages[cp]
	if !ok {
		p = pages[Default]
	}
	n := 0
	if p.ascii {
		if n = asciiLen(b); n == len(b) {
			return append(dst, b...), 0
		}
	}
	if sb, ok := p.enc.(singleByte); ok && p.whole == nil {
		return appendSingleByte(dst, sb, b, n)
	}
	if cp == UTF8 && utf8.Valid(b[n:]) {
		return append(dst, b...), 0
	}
	s, replaced := Decode(cp, b)
	return append(dst, s...), replaced
}

// ByteOrderMark returns the code page that the mark at the start of b stands for, and the mark's length in bytes.
// Without a mark both are 0.
func ByteOrderMark(b []byte) (cp, size int) {
	switch {
	case len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF:
		return UTF8, 3
	case len(b) >= 4 && b[0] == 0xFF && b[1] == 0xFE && b[2] == 0 && b[3] == 0:
		return 12000, 4
	case len(b) >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 0xFE && b[3] == 0xFF:
		return 12001, 4
	case len(b) >= 2 && b[0] == 0xFF && b[1] == 0xFE:
		return UTF16LE, 2
	case len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF:
		return UTF16BE, 2
	}
	return 0, 0
}

// asciiLen returns how many bytes at the start of b are ASCII.
func asciiLen(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// decodeUTF8 replaces every byte that is part of no character, surrogates and overlong forms included.
func decodeUTF8(b []byte) (string, int) {
	if utf8.Valid(b) {
		return string(b), 0
	}
	out := make([]byte, 0, len(b)+len(b)/4)
	replaced := 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			replaced++
		}
		out = utf8.AppendRune(out, r)
		b = b[size:]
	}
	return string(out), replaced
}
