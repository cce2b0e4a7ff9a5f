package codepage_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"pgregory.net/rapid"

	"mailmill/formats/codepage"
)

func ExampleDecode() {
	s, replaced := codepage.Decode(1251, []byte("\xcf\xf0\xe8\xe2\xe5\xf2"))
	fmt.Println(s, replaced)
	s, replaced = codepage.Decode(codepage.UTF8, []byte("caf\xe9"))
	fmt.Println(s, replaced)
	// Output:
	// Привет 0
	// caf� 1
}

func ExampleByLabel() {
	for _, label := range []string{"ISO-8859-1", "x-sjis", "cp949", "unicode-1-1-utf-7", "no-such-charset"} {
		cp, ok := codepage.ByLabel(label)
		fmt.Println(label, cp, ok)
	}
	// Output:
	// ISO-8859-1 1252 true
	// x-sjis 932 true
	// cp949 949 true
	// unicode-1-1-utf-7 65000 true
	// no-such-charset 0 false
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		cp       int
		in, want string
		replaced int
	}{
		{1252, "\x80 \x81 \xe9", "€ \uFFFD é", 1},
		{20127, "na\xefve \x93x\x94", "naïve “x”", 0},
		{28591, "\x96 \xfc", "– ü", 0},
		{28592, "\xb1\xea", "ąę", 0},
		{28605, "\xa4", "€", 0},
		{1250, "za\xbf\xf3\xb3\xe6", "zażółć", 0},
		{1253, "\xe1\xe2\xaa", "αβ\uFFFD", 1},
		{1255, "\xf9\xec\xe5\xed", "שלום", 0},
		{1256, "\xe3\xd1\xcd\xc8\xc7", "مرحبا", 0},
		{874, "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี", 0},
		{20866, "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", 0},
		{21866, "\xa4\xa6\xa7", "єії", 0},
		{866, "\x8f\xe0\xa8\xa2\xa5\xe2", "Привет", 0},
		{437, "\x81", "ü", 0},
		{737, "\x80\x81", "ΑΒ", 0},
		{857, "\x8d\xd5", "ı\uFFFD", 1},
		{10000, "\x8e", "é", 0},
		{10006, "\xe1", "α", 0},
		{932, "\x93\xfa\x96\x7b\x8c\xea \xb1", "日本語 ｱ", 0},
		{932, "\x93", "\uFFFD", 1},
		{936, "\xc4\xe3\xba\xc3", "你好", 0},
		{949, "\xc7\xd1\xb1\xb9\xbe\xee", "한국어", 0},
		{950, "\xa4\xa4\xa4\xe5", "中文", 0},
		{51932, "\xc6\xfc\xcb\xdc", "日本", 0},
		{51949, "\xc7\xd1", "한", 0},
		{54936, "\x81\x30\x81\x30\xc4\xe3", "\u0080你", 0},
		{52936, "a~{<:Ky~}b", "a己所b", 0},
		{50220, "\x1b$BF|K\\\x1b(B!", "日本!", 0},
		{50221, "\x1b(I1\x1b(B", "ｱ", 0},
		{50225, "\x1b$)Ca\x0e\x47\x51\x0fb", "a한b", 0},
		{37, "\xc8\x85\x93\x93\x96", "Hello", 0},
		{65000, "Hi Mom +Jjo-!", "Hi Mom ☺!", 0},
		{65000, "+ZeVnLIqe-", "日本語", 0},
		{65000, "1 +- 1 +AOk", "1 + 1 é", 0},
		{65000, "+2D3eAA-", "😀", 0},
		{65000, "+2D0-x \xe9 +", "\uFFFDx \uFFFD +", 2},
		{65001, "日本", "日本", 0},
		{65001, "\xff日\xed\xa0\x80\uFFFD", "\uFFFD日\uFFFD\uFFFD\uFFFD\uFFFD", 4},
		{1200, "a\x00\xe9\x00\x3d\xd8\x00\xde", "aé😀", 0},
		{1200, "a\x00\x3d\xd8b\x00c", "a\uFFFDb", 2},
		{1201, "\x00a\x00\xe9", "aé", 0},
		{1200, "<html>plainly not UTF-16</html>", "<html>plainly not UTF-16</html>", 0},
		{12000, "a\x00\x00\x00", "a", 0},
		{0, "\xe9", "é", 0},
		{-1, "\xe9", "é", 0},
		{99999, "\xe9", "é", 0},
	} {
		s, replaced := codepage.Decode(c.cp, []byte(c.in))
		if s != c.want || replaced != c.replaced {
			t.Errorf("%d %q: %q, %d replaced; want %q, %d", c.cp, c.in, s, replaced, c.want, c.replaced)
		}
		if b, replaced := codepage.Append([]byte("> "), c.cp, []byte(c.in)); string(b) != "> "+c.want || replaced != c.replaced {
			t.Errorf("%d %q: appended %q, %d replaced", c.cp, c.in, b, replaced)
		}
		if valid := codepage.Valid(c.cp, []byte(c.in)); valid != (c.replaced == 0) {
			t.Errorf("%d %q: valid %v", c.cp, c.in, valid)
		}
	}
}

// Every page must be of use in every way that it can be asked for.
func TestPages(t *testing.T) {
	n := 0
	for cp := range 70000 {
		if !codepage.Known(cp) {
			if codepage.Label(cp) != "" {
				t.Errorf("%d is not known but has a label", cp)
			}
			continue
		}
		n++
		// The label's page may have another number and name, but must read the same.
		got, ok := codepage.ByLabel(codepage.Label(cp))
		sample := []byte("A\xb0\xa1 \xe3\xe9 B")
		mine, _ := codepage.Decode(cp, sample)
		if its, _ := codepage.Decode(got, sample); !ok || its != mine {
			t.Errorf("%d has the label %q, which means %d", cp, codepage.Label(cp), got)
		}
		if s, _ := codepage.Decode(cp, nil); s != "" {
			t.Errorf("%d: nothing decodes to %q", cp, s)
		}
		e, ok := codepage.Encoding(cp)
		if !ok {
			if cp != 65000 && cp != 50225 {
				t.Errorf("%d has no encoding", cp)
			}
			continue
		}
		streamed, err := e.NewDecoder().String("A\xb0 B")
		whole, _ := codepage.Decode(cp, []byte("A\xb0 B"))
		// Only where it is all the same bytes to x/text are the two bound to agree on what is broken.
		if err != nil || cp != 1200 && cp != 1201 && streamed != whole {
			t.Errorf("%d: streamed %q, %v; whole %q", cp, streamed, err, whole)
		}
	}
	if n < 80 {
		t.Errorf("only %d pages", n)
	}
}

func TestByLabel(t *testing.T) {
	for label, want := range map[string]int{
		"utf-8": 65001, "UTF8": 65001, " \"us-ascii\" ": 20127, "latin1": 1252, "iso_8859-1:1987": 1252, "ISO-8859-15": 28605,
		"iso8859-2": 28592, "latin2": 28592, "windows-1251": 1251, "cp1251": 1251, "x-cp1251": 1251, "CP-850": 850, "ibm437": 437,
		"koi8-r": 20866, "koi8-u": 21866, "gb2312": 936, "gb_2312-80": 936, "x-gbk": 936, "cp936": 936, "gb18030": 54936,
		"big5": 950, "big5-hkscs": 950, "cp950": 950, "shift-jis": 932, "ms_kanji": 932, "cp932": 932, "windows-31j": 932,
		"euc-jp": 51932, "iso-2022-jp": 50220, "iso-2022-jp-2": 50220, "cp50220": 50220, "cp50221": 50221, "euc-kr": 949,
		"ks_c_5601-1987": 949, "cp949": 949, "utf-7": 65000, "utf-16": 1200, "utf-16be": 1201, "utf-32": 12000, "macintosh": 10000,
		"x-mac-cyrillic": 10007, "tis-620": 28601, "iso-8859-9": 1254, "iso-8859-8-i": 38598, "unknown-8bit": 1252, "8bit": 1252,
		"default": 1252, "windows-1258": 1258, "iso-8859-16": 28606, "65001": 65001, "hz-gb-2312": 52936, "iso-2022-kr": 50225,
	} {
		if cp, ok := codepage.ByLabel(label); cp != want || !ok {
			t.Errorf("%s: %d, %v, want %d", label, cp, ok, want)
		}
	}
	for _, label := range []string{"", "klingon", "cp", "cp99999", "iso-8859-99", "iso-8859-12", "windows-", "-1", "8859", "１２５２"} {
		if cp, ok := codepage.ByLabel(label); ok {
			t.Errorf("%s: %d", label, cp)
		}
	}
}

func TestFromLCID(t *testing.T) {
	for lcid, want := range map[uint32]int{
		0x0409: 1252, 0x0407: 1252, 0x0419: 1251, 0x0408: 1253, 0x0411: 932, 0x0412: 949, 0x0404: 950, 0x0804: 936, 0x1004: 936,
		0x041F: 1254, 0x040D: 1255, 0x0401: 1256, 0x3801: 1256, 0x0427: 1257, 0x042A: 1258, 0x041E: 874, 0x0415: 1250, 0x081A: 1250,
		0x0C1A: 1251, 0x0418: 1250, 0x10407: 1252, 0x20804: 936, 0: 1252, 0xFFFFFFFF: 1252, 0x0400: 1252, 0x007F: 1252,
	} {
		if cp := codepage.FromLCID(lcid); cp != want {
			t.Errorf("%04X: %d, want %d", lcid, cp, want)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	for in, want := range map[string][2]int{
		"\xef\xbb\xbfx": {65001, 3}, "\xff\xfex\x00": {1200, 2}, "\xfe\xff\x00x": {1201, 2}, "\xff\xfe\x00\x00": {12000, 4},
		"\x00\x00\xfe\xff": {12001, 4}, "": {0, 0}, "x": {0, 0}, "\xef\xbb": {0, 0},
	} {
		if cp, size := codepage.ByteOrderMark([]byte(in)); cp != want[0] || size != want[1] {
			t.Errorf("%q: %d, %d", in, cp, size)
		}
	}
}

// UTF16 must agree with the standard library on everything, lone surrogates included.
func TestUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.SliceOf(rapid.OneOf(
			rapid.Uint16Range(0, 0x7F), rapid.Uint16Range(0, 0x7F), rapid.Uint16(), rapid.Uint16Range(0xD7FF, 0xE000),
		)).Draw(t, "units")
		var b []byte
		for _, u := range units {
			b = append(b, byte(u), byte(u>>8))
		}
		want := string(utf16.Decode(units))
		if got := codepage.UTF16(b); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if got := codepage.UTF16(append(b, 'x')); got != want {
			t.Fatalf("with an odd byte: got %q, want %q", got, want)
		}
	})
}

// Whatever a page can encode it must decode to the same.
func TestRoundTrip(t *testing.T) {
	for cp := range 70000 {
		e, ok := codepage.Encoding(cp)
		if !ok {
			continue
		}
		for _, s := range []string{"plain", "žluťoučký", "Привет", "καλημέρα", "日本語", "한국어", "你好", "שלום", "Ünïcödé €"} {
			b, err := e.NewEncoder().String(s)
			if err != nil {
				continue
			}
			if got, replaced := codepage.Decode(cp, []byte(b)); got != s || replaced != 0 {
				t.Errorf("%d: %q became %q (%d replaced)", cp, s, got, replaced)
			}
		}
	}
	// The encoder of the tables that are this package's own has an error for what the page lacks.
	e, _ := codepage.Encoding(737)
	if _, err := e.NewEncoder().String("日本"); err == nil {
		t.Error("code page 737 encoded Japanese")
	}
	if s, err := e.NewEncoder().String(strings.Repeat("ΑΒΓ ", 5000)); err != nil || len(s) != 20000 {
		t.Errorf("%d bytes, %v", len(s), err)
	}
	if s, err := encoding.ReplaceUnsupported(e.NewEncoder()).String("Α日"); err == nil && s[0] != 0x80 {
		t.Errorf("%q", s)
	}
}

func TestASCIIAllocatesOnce(t *testing.T) {
	b := []byte(strings.Repeat("plain text ", 100))
	for _, cp := range []int{1252, 932, 65001, 54936} {
		if n := testing.AllocsPerRun(10, func() { codepage.Decode(cp, b) }); n > 1 {
			t.Errorf("%d: %v allocations", cp, n)
		}
	}
	u := bytes.Join(bytes.SplitAfter(b, nil), []byte{0})
	if n := testing.AllocsPerRun(10, func() { codepage.UTF16(u) }); n > 1 {
		t.Errorf("UTF-16: %v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	sjis, _ := japanese.ShiftJIS.NewEncoder().Bytes([]byte("日本語"))
	for _, seed := range [][]byte{sjis, []byte("+2D0-+"), []byte("a~{<:~"), []byte("\x1b$)C\x0e!"), []byte("\x1b$B\x1b"), {0xD8}, []byte("caf\xe9")} {
		for _, cp := range []int{932, 936, 949, 950, 1252, 1200, 1201, 12000, 50220, 50225, 52936, 54936, 65000, 65001} {
			f.Add(cp, seed)
		}
	}
	f.Fuzz(func(t *testing.T, cp int, b []byte) {
		s, replaced := codepage.Decode(cp, b)
		if !utf8.ValidString(s) {
			t.Errorf("%d %q: %q is not UTF-8", cp, b, s)
		}
		if replaced < 0 || replaced > len(b) && len(b) > 0 {
			t.Errorf("%d %q: %d replaced", cp, b, replaced)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	ascii := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 200))
	for _, c := range []struct {
		name string
		cp   int
		text []byte
	}{
		{"ASCII", 1252, ascii},
		{"1252", 1252, bytes.ReplaceAll(ascii, []byte("o"), []byte{0xF6})},
		{"1251", 1251, bytes.Repeat([]byte("\xcf\xf0\xe8\xe2\xe5\xf2 "), 1000)},
		{"932", 932, bytes.Repeat([]byte("\x93\xfa\x96\x7b\x8c\xea "), 1000)},
		{"UTF-8", 65001, []byte(strings.Repeat("日本 text ", 800))},
		{"UTF-7", 65000, []byte(strings.Repeat("+ZeVnLIqe- text ", 600))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				codepage.Decode(c.cp, c.text)
			}
		})
	}
}

func BenchmarkUTF16(b *testing.B) {
	for name, s := range map[string]string{"ASCII": strings.Repeat("plain text ", 800), "mixed": strings.Repeat("Grüße 日本 ", 800)} {
		var u []byte
		for _, c := range utf16.Encode([]rune(s)) {
			u = append(u, byte(c), byte(c>>8))
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(u)))
			b.ReportAllocs()
			for b.Loop() {
				codepage.UTF16(u)
			}
		})
	}
}
