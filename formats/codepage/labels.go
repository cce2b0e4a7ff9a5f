package codepage

import (
	"strconv"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// labels are the charset labels that browsers do not know or that they take for something else. "unknown-8bit"
// (RFC 1428) and its like say that the charset is not known, so they get [Default].
var labels = map[string]int{
	"us-ascii": ASCII, "ascii": ASCII, "ansi_x3.4-1968": ASCII, "ansi_x3.4-1986": ASCII, "iso646-us": ASCII,
	"iso_646.irv:1991": ASCII, "iso-ir-6": ASCII, "us": ASCII, "csascii": ASCII, "646": ASCII, "cp367": ASCII, "ibm367": ASCII,
	"unknown-8bit": Default, "x-unknown": Default, "unknown": Default, "8bit": Default, "8-bit": Default, "default": Default,
	"default_charset": Default, "x-user-defined": Default, "_autodetect": 50932, "_autodetect_kr": 50949,
	"iso-8859-11": 28601, "iso8859-11": 28601, "iso_8859-11": 28601, "tis-620": 28601,
	"iso-8859-8-e": 28598, "iso-8859-8 visual": 28598,
	"utf-7": UTF7, "utf7": UTF7, "unicode-1-1-utf-7": UTF7, "csunicode11utf7": UTF7, "x-unicode-2-0-utf-7": UTF7,
	"unicode-2-0-utf-7": UTF7, "x-unicode-1-1-utf-7": UTF7, "x-unicode-2-0-utf-8": UTF8,
	"utf-16": UTF16LE, "utf16": UTF16LE, "utf-16le": UTF16LE, "unicode": UTF16LE, "iso-10646-ucs-2": UTF16LE,
	"ucs-2": UTF16LE, "utf-16be": UTF16BE, "unicodefffe": UTF16BE,
	"utf-32": 12000, "utf32": 12000, "utf-32le": 12000, "ucs-4": 12000, "iso-10646-ucs-4": 12000, "utf-32be": 12001,
	"iso-2022-jp": 50220, "csiso2022jp": 50221, "iso-2022-jp-1": 50220, "iso-2022-jp-2": 50220, "iso-2022-jp-3": 50220,
	"iso-2022-jp-ms": 50220, "cp50220": 50220, "cp50221": 50221, "cp50222": 50222, "jis": 50220, "jis7": 50220,
	"iso-2022-kr": 50225, "csiso2022kr": 50225, "iso-2022-kr-7": 50225,
	"hz-gb-2312": 52936, "hz": 52936, "hz-gb": 52936, "euc-cn": 51936, "euccn": 51936, "x-euc-cn": 51936,
	"euc-tw": 950, "big5-eten": 950, "x-x-big5": 950, "big5-hkscs": 950, "cp950": 950, "ms950": 950,
	"x-euc": 51932, "x-euc-jp": 51932, "eucjp-ms": 51932, "cp51932": 51932, "x-sjis-jp": 932, "cp932": 932, "ms_kanji": 932,
	"ks_c_5601-1987": 949, "uhc": 949, "ms949": 949, "cp949": 949, "x-windows-949": 949,
	"macroman": 10000, "mac-roman": 10000, "x-mac-japanese": 10001, "x-mac-chinesetrad": 10002, "x-mac-korean": 10003,
	"x-mac-arabic": 10004, "x-mac-greek": 10006, "x-mac-chinesesimp": 10008, "x-mac-romanian": 10010, "x-mac-ce": 10029,
	"x-mac-icelandic": 10079, "x-mac-turkish": 10081, "x-mac-croatian": 10082,
	"dos-862": 862, "dos-720": 720, "dos-874": 874, "ibm00858": 858, "ccsid00858": 858, "koi8": 20866, "koi8-ru": 21866,
}

// names are the browsers' names of encodings, as htmlindex gives them, that are not a number with a prefix.
var names = map[string]int{
	"utf-8": UTF8, "utf-16le": UTF16LE, "utf-16be": UTF16BE, "koi8-r": 20866, "koi8-u": 21866, "macintosh": 10000,
	"x-mac-cyrillic": 10007, "gbk": 936, "gb18030": 54936, "big5": 950, "euc-jp": 51932, "iso-2022-jp": 50220,
	"shift_jis": 932, "euc-kr": 949, "iso-8859-8-i": 38598,
}

// numbered are the prefixes of labels that name a page by its number.
var numbered = []string{"cp", "cp-", "x-cp", "x-cp-", "windows-", "windows", "win-", "win", "x-windows-", "ms", "ibm", "ibm-", "csibm", "oem", "dos-", ""}

// ByLabel returns the code page of a MIME charset label: those that IANA registers and browsers know, with all their
// aliases, and those that mail of the last decades has besides. Case, surrounding white space and quotes are ignored.
// ISO 8859-1 is Windows-1252, as it is for browsers.
func ByLabel(label string) (cp int, ok bool) {
	l := strings.ToLower(strings.Trim(label, " \t\r\n\"'"))
	if cp, ok = labels[l]; ok {
		return cp, true
	}
	if enc, err := htmlindex.Get(l); err == nil {
		name, err := htmlindex.Name(enc)
		if cp, ok = names[name]; err == nil && ok {
			return cp, true
		}
		if cp, ok = byNumber(name); err == nil && ok {
			return cp, true
		}
	}
	return byNumber(l)
}

// byNumber reads labels that are made of a prefix and a number.
func byNumber(l string) (cp int, ok bool) {
	digits := strings.TrimLeft(l, "abcdefghijklmnopqrstuvwxyz_-")
	if n := strings.TrimRight(l, "0123456789"); strings.Contains(n, "8859") {
		digits = l[len(n):]
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return 0, false
	}
	prefix := strings.TrimSuffix(l, digits)
	switch prefix {
	case "iso-8859-", "iso8859-", "iso_8859-", "iso-8859", "iso8859_", "8859_", "8859-", "x-iso-8859-":
		if n == 1 {
			return Default, true
		}
		if cp = 28590 + int(n); n > 16 || !Known(cp) {
			return 0, false
		}
		return cp, true
	}
	for _, p := range numbered {
		if p == prefix && Known(int(n)) {
			return int(n), true
		}
	}
	return 0, false
}
