package codepage

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding/korean"
)

// decodeISO2022KR decodes ISO-2022-KR (RFC 1557), which x/text lacks: KS X 1001 between SO and SI, so that it is
// EUC-KR without its high bits. Bytes that have them are read as EUC-KR.
func decodeISO2022KR(b []byte) (string, int) {
	const shiftOut, shiftIn = 0x0E, 0x0F
	euc := make([]byte, 0, len(b))
	shifted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == 0x1B && bytes.HasPrefix(b[i:], []byte("\x1b$)C")):
			i += 3
		case c == shiftOut:
			shifted = true
		case c == shiftIn:
			shifted = false
		case c == '\n':
			// RFC 1557 2: every line begins in ASCII.
			shifted = false
			euc = append(euc, c)
		case shifted && c > 0x20 && c < 0x7F:
			euc = append(euc, c|0x80)
		default:
			euc = append(euc, c)
		}
	}
	out, err := korean.EUCKR.NewDecoder().Bytes(euc)
	if err != nil {
		return decodeUTF8(b)
	}
	s := string(out)
	return s, strings.Count(s, "\uFFFD")
}
