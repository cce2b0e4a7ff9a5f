package codepage

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// singleByte is a page of at most 256 characters, such as every [golang.org/x/text/encoding/charmap.Charmap].
type singleByte interface {
	encoding.Encoding
	DecodeByte(b byte) rune
}

// appendSingleByte appends b, of which the first ascii bytes are known to be ASCII.
func appendSingleByte(dst []byte, p singleByte, b []byte, ascii int) (extended []byte, replaced int) {
	if len(b) > cap(dst)-len(dst) {
		const rest = 16 // for what takes more than one byte
		dst = slices.Grow(dst, len(b)+(len(b)-ascii)/8+rest)
	}
	dst = append(dst, b[:ascii]...)
	for _, c := range b[ascii:] {
		r := p.DecodeByte(c)
		if r < utf8.RuneSelf {
			dst = append(dst, byte(r))
			continue
		}
		if r == utf8.RuneError {
			replaced++
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, replaced
}

// upperHalf is a superset of ASCII: the 128 characters of 0x80 to 0xFF.
type upperHalf []rune

func (u upperHalf) DecodeByte(b byte) rune {
	if b < utf8.RuneSelf {
		return rune(b)
	}
	return u[b-utf8.RuneSelf]
}

func (u upperHalf) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: upperHalfDecoder{upperHalf: u}}
}

func (u upperHalf) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: upperHalfEncoder{upperHalf: u}}
}

type upperHalfDecoder struct {
	transform.NopResetter
	upperHalf
}

func (d upperHalfDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		r := d.DecodeByte(c)
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc++
	}
	return nDst, nSrc, nil
}

type upperHalfEncoder struct {
	transform.NopResetter
	upperHalf
}

func (e upperHalfEncoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		at := slices.Index(e.upperHalf, r)
		switch {
		case r < utf8.RuneSelf:
			dst[nDst] = byte(r)
		case r == utf8.RuneError || at < 0:
			return nDst, nSrc, encoding.ErrInvalidUTF8
		default:
			dst[nDst] = byte(at + utf8.RuneSelf)
		}
		nDst++
		nSrc += size
	}
	return nDst, nSrc, nil
}
