package mbox

import "bytes"

// Quoting says which lines of a message have a ">" that is not theirs, put before what would else begin a message.
//
// Programs do not agree, and nothing in a file tells for certain what its writer did:
//
//	mboxrd   every line that begins with "From ", after any number of ">"
//	mboxo    every line that begins with "From "; what begins with ">From " then looks the same
//	mboxcl   as one of these, with a Content-Length
//	mboxcl2  no line; the Content-Length tells where a message ends
//
// So the message itself decides. A line that begins with "From " and stands there unquoted says that its writer does not
// quote: at all, where it wrote a right Content-Length, which then holds for the messages after it too; else it quotes
// those only that have a date, as the libraries of Pine and of some servers do. In all other messages every line is taken
// for quoted that may be, as in mboxrd. That is wrong only for lines of an mboxo file that had been ">>From ".
type Quoting uint8

// The quotings.
const (
	QuotedNever  Quoting = iota // also where no line could be
	QuotedDated                 // lines that could begin a message
	QuotedAlways                // every line that may be
)

// Append appends a piece of a message without its quoting. It is one of whole lines, as far as it matters: begin says whether
// its first byte begins a line. dst may be the beginning of the piece itself.
func (q Quoting) Append(dst, piece []byte, begin bool) []byte {
	for len(piece) > 0 {
		n := len(piece)
		if i := q.next(piece, begin); i >= 0 {
			n = i
		}
		dst = append(dst, piece[:n]...)
		if n == len(piece) {
			break
		}
		piece, begin = piece[n+1:], false // without the ">"
	}
	return dst
}

// next returns the place of the first ">" that quotes; -1 for none.
func (q Quoting) next(piece []byte, begin bool) int {
	if q == QuotedNever {
		return -1
	}
	if begin && q.quotes(piece) {
		return 0
	}
	for at := 0; ; {
		i := bytes.IndexByte(piece[at:], '\n')
		if i < 0 || at+i+1 == len(piece) {
			return -1
		}
		at += i + 1
		if piece[at] == '>' && q.quotes(piece[at:]) {
			return at
		}
	}
}

// quotes reports whether b begins with a line that has a ">" too many.
func (q Quoting) quotes(b []byte) bool {
	if b[0] != '>' || !isQuotable(b) {
		return false
	}
	if q == QuotedAlways {
		return true
	}
	line := b[1:min(len(b), maxFromLine)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if !bytes.HasPrefix(line, fromMark) {
		return false
	}
	_, dated := parseFrom(string(line))
	return dated
}

// appendCRLF appends a piece of a message without its quoting and with CRLF line ends. last is the byte before it.
func (q Quoting) appendCRLF(dst, piece []byte, begin bool, last byte) []byte {
	for len(piece) > 0 {
		n := len(piece)
		if i := q.next(piece, begin); i >= 0 {
			n = i
		}
		dst = appendCRLF(dst, piece[:n], last)
		if n == len(piece) {
			break
		}
		piece, begin, last = piece[n+1:], false, '>'
	}
	return dst
}

// appendCRLF appends a piece of a message with CRLF line ends. last is the byte before it.
func appendCRLF(dst, piece []byte, last byte) []byte {
	for {
		i := bytes.IndexByte(piece, '\n')
		if i < 0 {
			return append(dst, piece...)
		}
		if i > 0 {
			last = piece[i-1]
		}
		dst = append(dst, piece[:i]...)
		if last != '\r' {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
		piece, last = piece[i+1:], '\n'
	}
}
