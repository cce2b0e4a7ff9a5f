package rtf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/formats/rtf"
)

func ExampleDecompress() {
	stream := rtf.Compress([]byte(`{\rtf1\ansi Hello, world!\par}`))
	stream[len(stream)-1] ^= 0x10 // damage the end mark
	text, err := rtf.Decompress(stream, 1<<20)
	fmt.Println(errors.Is(err, rtf.ErrChecksum), bytes.HasPrefix(text, []byte(`{\rtf1\ansi Hello, world!\par}`)))
	// Output:
	// true true
}

// The examples that MS-OXRTFCP 4 gives, byte for byte.
func TestDecompressPublishedExamples(t *testing.T) {
	for want, in := range map[string]string{
		"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n": "\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70\x67\x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a\x80\x0f\xa0",
		"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}":                     "\x1a\x00\x00\x00\x1c\x00\x00\x00\x4c\x5a\x46\x75\xe2\xd4\x4b\x51\x41\x00\x04\x20\x57\x58\x59\x5a\x0d\x6e\x7d\x01\x0e\xb0",
	} {
		got, err := rtf.Decompress([]byte(in), 0)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

func stored(raw string) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint32(b, uint32(len(raw)+12))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(raw)))
	copy(b[8:], "MELA")
	return append(b, raw...)
}

func TestDecompressDamage(t *testing.T) {
	const raw = `{\rtf1\ansi\ansicpg1252 Of all that is damaged as much as can be is kept, and said.\par}`
	whole := rtf.Compress([]byte(raw))
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(whole)) }
	for _, c := range []struct {
		name string
		in   []byte
		max  int
		want string
		errs []error
	}{
		{"whole", whole, 0, raw, nil},
		{"stored", stored(raw), 0, raw, nil},
		{"stored, padded", append(stored(raw), 0, 0, 0), 0, raw, nil},
		{"padded", append(bytes.Clone(whole), 0, 0, 0), 0, raw, nil},
		{"stored, cut off", stored(raw)[:40], 0, raw[:24], []error{rtf.ErrTruncated, rtf.ErrSize}},
		{"stored, limited", stored(raw), 10, raw[:10], []error{rtf.ErrTooLarge}},
		{"limited", whole, 10, raw[:10], []error{rtf.ErrTooLarge}},
		{"limit is the size", whole, len(raw), raw, nil},
		{"checksum", change(func(b []byte) []byte { b[12]++; return b }), 0, raw, []error{rtf.ErrChecksum}},
		{"size too large", change(func(b []byte) []byte { b[4]++; return b }), 0, raw, []error{rtf.ErrSize}},
		{"size absurd", change(func(b []byte) []byte { b[7] = 0xFF; return b }), 0, raw, []error{rtf.ErrSize}},
		{"size too small", change(func(b []byte) []byte { b[4] = 1; return b }), 0, raw, []error{rtf.ErrSize}},
		{"no end mark", change(func(b []byte) []byte {
			b = b[:len(b)-2]
			binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
			return b
		}), 0, raw, []error{rtf.ErrNoEnd, rtf.ErrChecksum}},
		{"cut off", whole[:50], 0, "", []error{rtf.ErrTruncated, rtf.ErrNoEnd, rtf.ErrSize, rtf.ErrChecksum}},
		{"empty", nil, 0, "", []error{rtf.ErrNotCompressed}},
		{"other", []byte("{\\rtf1 not compressed at all}"), 0, "", []error{rtf.ErrNotCompressed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := rtf.Decompress(c.in, c.max)
			if c.name == "cut off" {
				if len(got) < 20 || !strings.HasPrefix(raw, string(got)) {
					t.Errorf("%q is not the start of the text", got)
				}
			} else if string(got) != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if (err != nil) != (c.errs != nil) {
				t.Errorf("error %v", err)
			}
			for _, want := range c.errs {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
		})
	}
}

func TestCompressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raw []byte
		for _, piece := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 40)).Draw(t, "pieces") {
			raw = append(raw, bytes.Repeat(piece, rapid.IntRange(1, 200).Draw(t, "times"))...)
		}
		got, err := rtf.Decompress(rtf.Compress(raw), 0)
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%d bytes became %d: %v", len(raw), len(got), err)
		}
	})
}

func FuzzDecompress(f *testing.F) {
	f.Add(rtf.Compress([]byte(`{\rtf1\ansi some text, some text, some text}`)), 100)
	f.Add(stored(`{\rtf1}`), 0)
	f.Fuzz(func(t *testing.T, b []byte, max int) {
		out, _ := rtf.Decompress(b, max)
		if max > 0 && len(out) > max || len(out) > 8*len(b)+17 {
			t.Errorf("%d bytes became %d, limit %d", len(b), len(out), max)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	stream := rtf.Compress([]byte(encapsulated(500)))
	raw, err := rtf.Decompress(stream, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		rtf.Decompress(stream, 0)
	}
}

func encapsulated(paragraphs int) string {
	var b strings.Builder
	b.WriteString(`{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fswiss\fcharset204 Arial CYR;}}` +
		"\r\n" + `\uc1\pard\plain\deftab360 \f0\fs24 {\*\htmltag19 <html>}{\*\htmltag64 \par }`)
	for i := range paragraphs {
		fmt.Fprintf(&b, `{\*\htmltag84 <p class=MsoNormal id="p%d">}\htmlrtf {\htmlrtf0 Gr\'fc\'dfe und ein ganz gew\'f6hnlicher Satz mit einem \u8364? dazu. `+
			`\htmlrtf {\f1 \htmlrtf0 \'cf\'f0\'e8\'e2\'e5\'f2\htmlrtf }\htmlrtf0 {\*\htmltag92 </p>}\htmlrtf \par}\htmlrtf0 {\*\htmltag64 \par }`+"\r\n", i)
	}
	b.WriteString(`{\*\htmltag27 </html>}}`)
	return b.String()
}
