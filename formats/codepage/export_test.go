package codepage

import "golang.org/x/text/encoding"

// Encoding returns the table of code page cp, for tests that go through it in both directions; false for pages that
// have none (UTF-7 and ISO-2022-KR).
func Encoding(cp int) (encoding.Encoding, bool) {
	enc := pages[cp].enc
	return enc, enc != nil
}
