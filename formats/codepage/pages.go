package codepage

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// page is one code page. Of enc and whole at least one is set; whole is used where both are.
type page struct {
	label string
	// ascii is set where bytes below 0x80, as long as no others came before, are ASCII.
	ascii bool
	enc   encoding.Encoding
	// whole decodes a text in one piece and counts the replacements.
	whole func([]byte) (string, int)
}

var pages = map[int]page{
	// OEM, of MS-DOS and the console.
	437:  {"IBM437", true, charmap.CodePage437, nil},
	720:  {"cp720", true, upperHalf(upper720), nil},
	737:  {"cp737", true, upperHalf(upper737), nil},
	775:  {"IBM775", true, upperHalf(upper775), nil},
	850:  {"IBM850", true, charmap.CodePage850, nil},
	852:  {"IBM852", true, charmap.CodePage852, nil},
	855:  {"IBM855", true, charmap.CodePage855, nil},
	857:  {"IBM857", true, upperHalf(upper857), nil},
	858:  {"IBM00858", true, charmap.CodePage858, nil},
	860:  {"IBM860", true, charmap.CodePage860, nil},
	861:  {"IBM861", true, upperHalf(upper861), nil},
	862:  {"IBM862", true, charmap.CodePage862, nil},
	863:  {"IBM863", true, charmap.CodePage863, nil},
	864:  {"IBM864", true, upperHalf(upper864), nil},
	865:  {"IBM865", true, charmap.CodePage865, nil},
	866:  {"IBM866", true, charmap.CodePage866, nil},
	869:  {"IBM869", true, upperHalf(upper869), nil},
	1125: {"cp1125", true, upperHalf(upper1125), nil},

	// EBCDIC.
	37:   {"IBM037", false, charmap.CodePage037, nil},
	1047: {"IBM1047", false, charmap.CodePage1047, nil},
	1140: {"IBM01140", false, charmap.CodePage1140, nil},

	// ANSI, of Windows.
	874:  {"windows-874", true, charmap.Windows874, nil},
	932:  {"Shift_JIS", true, japanese.ShiftJIS, nil},
	936:  {"GBK", true, simplifiedchinese.GBK, nil},
	949:  {"EUC-KR", true, korean.EUCKR, nil}, // x/text's is the extended one, Windows-949
	950:  {"Big5", true, traditionalchinese.Big5, nil},
	1250: {"windows-1250", true, charmap.Windows1250, nil},
	1251: {"windows-1251", true, charmap.Windows1251, nil},
	1252: {"windows-1252", true, charmap.Windows1252, nil},
	1253: {"windows-1253", true, charmap.Windows1253, nil},
	1254: {"windows-1254", true, charmap.Windows1254, nil},
	1255: {"windows-1255", true, charmap.Windows1255, nil},
	1256: {"windows-1256", true, charmap.Windows1256, nil},
	1257: {"windows-1257", true, charmap.Windows1257, nil},
	1258: {"windows-1258", true, charmap.Windows1258, nil},

	// Macintosh. Of the pages of East Asia the Windows ones are extensions but for a few characters.
	10000: {"macintosh", true, charmap.Macintosh, nil},
	10001: {"Shift_JIS", true, japanese.ShiftJIS, nil},
	10002: {"Big5", true, traditionalchinese.Big5, nil},
	10003: {"EUC-KR", true, korean.EUCKR, nil},
	10004: {"x-mac-arabic", true, upperHalf(upper10004), nil},
	10006: {"x-mac-greek", true, upperHalf(upper10006), nil},
	10007: {"x-mac-cyrillic", true, charmap.MacintoshCyrillic, nil},
	10008: {"GBK", true, simplifiedchinese.GBK, nil},
	10010: {"x-mac-romanian", true, upperHalf(upper10010), nil},
	10017: {"x-mac-cyrillic", true, charmap.MacintoshCyrillic, nil}, // Ukrainian; x/text's has its letters
	10029: {"x-mac-ce", true, upperHalf(upper10029), nil},
	10079: {"x-mac-icelandic", true, upperHalf(upper10079), nil},
	10081: {"x-mac-turkish", true, upperHalf(upper10081), nil},
	10082: {"x-mac-croatian", true, upperHalf(upper10082), nil},

	// ISO 646 and ISO 8859. Their supersets are used where everyone does.
	20127: {"US-ASCII", true, charmap.Windows1252, nil},
	28591: {"ISO-8859-1", true, charmap.Windows1252, nil},
	28592: {"ISO-8859-2", true, charmap.ISO8859_2, nil},
	28593: {"ISO-8859-3", true, charmap.ISO8859_3, nil},
	28594: {"ISO-8859-4", true, charmap.ISO8859_4, nil},
	28595: {"ISO-8859-5", true, charmap.ISO8859_5, nil},
	28596: {"ISO-8859-6", true, charmap.ISO8859_6, nil},
	28597: {"ISO-8859-7", true, charmap.ISO8859_7, nil},
	28598: {"ISO-8859-8", true, charmap.ISO8859_8, nil},
	28599: {"ISO-8859-9", true, charmap.Windows1254, nil},
	28600: {"ISO-8859-10", true, charmap.ISO8859_10, nil},
	28601: {"ISO-8859-11", true, charmap.Windows874, nil},
	28603: {"ISO-8859-13", true, charmap.ISO8859_13, nil},
	28604: {"ISO-8859-14", true, charmap.ISO8859_14, nil},
	28605: {"ISO-8859-15", true, charmap.ISO8859_15, nil},
	28606: {"ISO-8859-16", true, charmap.ISO8859_16, nil},
	38598: {"ISO-8859-8-I", true, charmap.ISO8859_8I, nil},

	20866: {"KOI8-R", true, charmap.KOI8R, nil},
	21866: {"KOI8-U", true, charmap.KOI8U, nil},

	// East Asia, other than Windows and Macintosh.
	20932: {"EUC-JP", true, japanese.EUCJP, nil},
	20936: {"GB2312", true, simplifiedchinese.GBK, nil},
	20949: {"EUC-KR", true, korean.EUCKR, nil},
	50220: {"ISO-2022-JP", false, japanese.ISO2022JP, nil},
	50221: {"ISO-2022-JP", false, japanese.ISO2022JP, nil},
	50222: {"ISO-2022-JP", false, japanese.ISO2022JP, nil},
	50225: {"ISO-2022-KR", false, nil, decodeISO2022KR},
	50932: {"Shift_JIS", true, japanese.ShiftJIS, nil}, // Microsoft's automatic detection, and its most frequent result
	50949: {"EUC-KR", true, korean.EUCKR, nil},
	51932: {"EUC-JP", true, japanese.EUCJP, nil},
	51936: {"GB2312", true, simplifiedchinese.GBK, nil},
	51949: {"EUC-KR", true, korean.EUCKR, nil},
	51950: {"Big5", true, traditionalchinese.Big5, nil},
	52936: {"HZ-GB-2312", false, simplifiedchinese.HZGB2312, nil},
	54936: {"GB18030", true, simplifiedchinese.GB18030, nil},

	// Unicode.
	1200:  {"UTF-16LE", false, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), decodeUTF16LE},
	1201:  {"UTF-16BE", false, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), decodeUTF16BE},
	12000: {"UTF-32LE", false, utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), nil},
	12001: {"UTF-32BE", false, utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), nil},
	65000: {"UTF-7", false, nil, decodeUTF7},
	65001: {"UTF-8", true, unicode.UTF8, decodeUTF8},
}
