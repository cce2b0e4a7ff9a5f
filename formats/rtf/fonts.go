package rtf

import "mailmill/formats/codepage"

// font is an entry of the font table.
type font struct {
	charset int    // \fcharset, -1 if there was none
	page    int    // \cpg, 0 if there was none
	name    []byte // in its code page
	display string // the name decoded, once it is asked for
}

// maxFontName bounds what is kept of a name. Those of Windows have up to 31 characters.
const maxFontName = 62

// charsets are the code pages of \fcharset (RTF 1.9.1, "Font Table"; MS-WMF 2.1.1.5). Symbol fonts (2) have none:
// their bytes are read as Windows-1252, in which the most frequent, the bullet, is a dot as well.
var charsets = map[int]int{
	0: 1252, 2: 1252,
	77: 10000, 78: 10001, 79: 10003, 80: 10008, 81: 10002, 84: 10004, 85: 10006, 86: 10081, 88: 10029, 89: 10007,
	128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258,
	177: 1255, 178: 1256, 179: 1256, 180: 1256, 181: 1255, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850,
}

// codePage returns the page that text in the font is in, or absent where the font does not say.
func (f *font) codePage(absent int) int {
	if codepage.Known(f.page) {
		return f.page
	}
	if cp, ok := charsets[f.charset]; ok {
		return cp
	}
	return absent
}

// isLead reports whether b begins a character of two bytes in code page cp.
func isLead(cp int, b byte) bool {
	switch cp {
	case 932, 10001:
		return b >= 0x81 && b <= 0x9F || b >= 0xE0 && b <= 0xFC
	case 936, 949, 950, 10002, 10003, 10008, 20936, 51949, 54936:
		return b >= 0x81 && b <= 0xFE
	}
	return false
}
