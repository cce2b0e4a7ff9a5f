package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds for what a server may send.
const (
	maxLine     = 64 << 10 // bytes of a line
	maxLiteral  = 64 << 10 // bytes of all literals in a response that nobody asked for
	maxLiterals = 64       // their number
	maxUntagged = 1000     // responses to one command that are not its answer
	maxText     = 500      // bytes of the server's words in an error
	maxExcerpt  = 60       // the same, where they make no sense
)

// lines reads the lines of responses.
type lines struct {
	br   *bufio.Reader
	done func() // called after each line: something moved
}

func newLines(r io.Reader, done func()) *lines {
	return &lines{bufio.NewReaderSize(r, maxLine), done}
}

// violation is a response that cannot be.
type violation struct {
	what string
	said string // by the server, as it came
}

func (v *violation) Error() string {
	if v.said == "" {
		return v.what
	}
	return v.what + ": " + strconv.Quote(printable(v.said, maxExcerpt))
}

// unlawful returns a violation without the server's words.
func unlawful(format string, args ...any) error {
	return &violation{what: fmt.Sprintf(format, args...)}
}

// line reads a line, without its end. It is valid until the next call.
func (l *lines) line() ([]byte, error) {
	line, err := l.br.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, unlawful("a line of more than %d bytes", maxLine)
		}
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	l.done()
	line = line[:len(line)-1]
	// QUIRK: some old servers end lines with LF alone.
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// next reads a response. None that matters here has literals: those in others are skipped.
func (l *lines) next() (response, error) {
	line, err := l.line()
	if err != nil {
		return response{}, err
	}
	r, err := parse(line)
	if err != nil {
		return response{}, err
	}
	if r.status != "" || r.tag == "+" {
		return r, nil // these end in text, whatever it looks like
	}
	skipped := int64(0)
	for range maxLiterals {
		n, ok := literal(line)
		if !ok {
			return r, nil
		}
		if skipped += n; n > maxLiteral || skipped > maxLiteral {
			return response{}, unlawful("a literal of %d bytes that nobody asked for", n)
		}
		if _, err := l.br.Discard(int(n)); err != nil {
			return response{}, unexpected(err)
		}
		if line, err = l.line(); err != nil {
			return response{}, unexpected(err)
		}
	}
	return response{}, unlawful("a response with more than %d literals", maxLiterals)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// literal returns the size of the literal that a line announces at its end: {123}, {123+} or ~{123}.
func literal(line []byte) (int64, bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false
	}
	digits := line[:len(line)-1]
	if digits[len(digits)-1] == '+' {
		digits = digits[:len(digits)-1]
	}
	end := len(digits)
	start := end
	for start > 0 && '0' <= digits[start-1] && digits[start-1] <= '9' {
		start--
	}
	if start == end || start == 0 || digits[start-1] != '{' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits[start:end]), 10, 64)
	if err != nil {
		n = 1<<63 - 1 // beyond every bound
	}
	return n, true
}

// response is a line from the server: the answer to a command, data that nobody asked for, or a request to go on.
type response struct {
	tag    string // of the command; "*" or "+"
	status string // OK, NO, BAD, BYE, PREAUTH; empty in data
	code   string // response code in upper case
	args   string // of the code
	text   string // of a status or of "+"
	name   string // of data, in upper case: CAPABILITY
	data   string // what follows the name
}

// parse takes a line to pieces (RFC 3501 9, response). It is strict about tags and statuses: they decide about messages.
func parse(line []byte) (response, error) {
	s := string(line)
	tag, rest, _ := strings.Cut(s, " ")
	switch {
	case tag == "":
		return response{}, &violation{"a line without a tag", s}
	case tag == "+":
		r := response{tag: tag}
		r.code, r.args, r.text = respText(rest)
		if r.code == "" {
			r.text = rest
		}
		return r, nil
	}
	word, after, _ := strings.Cut(rest, " ")
	status := strings.ToUpper(word)
	switch status {
	case "OK", "NO", "BAD":
	case "BYE", "PREAUTH":
		if tag != "*" {
			return response{}, &violation{"not an answer", s}
		}
	default:
		if tag != "*" {
			return response{}, &violation{"not an answer", s}
		}
		if word == "" {
			return response{}, unlawful("an empty response")
		}
		return response{tag: tag, name: status, data: after}, nil
	}
	r := response{tag: tag, status: status}
	r.code, r.args, r.text = respText(after)
	return r, nil
}

// respText splits a response code from the text behind it (RFC 3501 9, resp-text).
func respText(s string) (code, args, text string) {
	if !strings.HasPrefix(s, "[") {
		return "", "", s
	}
	inner, text, ok := strings.Cut(s[1:], "]")
	if !ok {
		return "", "", s
	}
	code, args, _ = strings.Cut(inner, " ")
	if code == "" {
		return "", "", s
	}
	return strings.ToUpper(code), args, strings.TrimPrefix(text, " ")
}

// printable makes a server's words fit for errors, terminals and logs: valid UTF-8, one line, no control characters, and
// not too many.
func printable(s string, most int) string {
	cut := len(s) > most
	if cut {
		s = s[:most]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if cut {
		s += "…"
	}
	return s
}

// eachUID calls fn with the UIDs of a set in its order (RFC 4315 4, uid-set), as long as it returns true. It reports
// whether the set is well-formed as far as it was looked at.
func eachUID(set string, fn func(uint32) bool) bool {
	for part := range strings.SplitSeq(set, ",") {
		from, to, ranged := strings.Cut(part, ":")
		first, ok := nonZero(from)
		if !ok {
			return false
		}
		last := first
		if ranged {
			if last, ok = nonZero(to); !ok {
				return false
			}
		}
		if last < first { // 4:2 is 2:4
			first, last = last, first
		}
		for uid := uint64(first); uid <= uint64(last); uid++ {
			if !fn(uint32(uid)) {
				return true
			}
		}
	}
	return true
}

// nonZero parses an nz-number (RFC 3501 9).
func nonZero(s string) (uint32, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// appendUID reads the arguments of APPENDUID for n messages (RFC 4315 3). Where a server names another number of
// messages it returns none: nobody knows then which is which.
func appendUID(args string, n int) (validity uint32, uids []uint32) {
	head, set, _ := strings.Cut(args, " ")
	validity, ok := nonZero(head)
	if !ok {
		return 0, nil
	}
	uids = make([]uint32, 0, n)
	more := false
	ok = eachUID(set, func(uid uint32) bool {
		if len(uids) == n {
			more = true
			return false
		}
		uids = append(uids, uid)
		return true
	})
	if !ok || more || len(uids) != n {
		return 0, nil
	}
	return validity, uids
}
