package mbox

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/formats/mime"
)

// State is what programs keep of a message in its header.
type State struct {
	Status
	// Known says that there is such a field: a message without any may be old or new.
	Known bool
	// Expunged says that the message was deleted, and is in the file only because that was not compacted since (Thunderbird).
	Expunged bool
	// Internal says that it is no message but holds what a program knows of the file (Pine, UW-IMAP).
	Internal bool
	// Labels are those of Gmail, as they stand: they are state only in a file of Google's; see [Envelope.Takeout].
	Labels []string
}

// stateFields hold the state of a message, or its length (mboxcl), which quoting changes.
var stateFields = [...]string{
	"Status", "X-Status", "X-Keywords", "X-UID", "X-IMAP", "X-IMAPbase", "Content-Length",
	"X-Mozilla-Status", "X-Mozilla-Status2", "X-Mozilla-Keys",
}

// isState reports whether a header line begins a field that readers of mbox files take for a message's state.
func isState(line []byte) bool {
	name := fieldOf(line)
	return name != "" && slices.ContainsFunc(stateFields[:], func(f string) bool { return strings.EqualFold(f, name) })
}

// fieldOf returns the name of the field that begins on a line, if it is not longer than those that matter here.
func fieldOf(line []byte) string {
	i := bytes.IndexByte(line[:min(len(line), 32)], ':')
	if i < 0 {
		return ""
	}
	return string(bytes.TrimRight(line[:i], " \t"))
}

// HeaderLen returns the length of the header that a message begins with, with the empty line that ends it; -1 where there is
// none in b.
func HeaderLen(b []byte) int {
	for at := 0; at < len(b); {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		line := b[at : at+i]
		at += i + 1
		if isEmpty(line) {
			return at
		}
	}
	return -1
}

// isEmpty reports whether a line, which is without its LF, holds nothing.
//
// QUIRK: programs that make CRLF of LF make CR CR LF of CRLF.
func isEmpty(line []byte) bool {
	return len(line) == 0 || line[0] == '\r' && len(bytes.TrimLeft(line, "\r")) == 0
}

// withoutCR returns a line, which is without its LF, without the CR that belongs to that. Where more than one CR stands
// there all stay: what is read again is then what was written.
func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' && (n == 1 || line[n-2] != '\r') {
		return line[:n-1]
	}
	return line
}

// CutState reads the state in a header and returns the header without it: fields of state are those of the file, not of
// the message. What is returned is the header itself where there are none.
func CutState(header []byte) (State, []byte) {
	var s stateReader
	var without []byte
	kept := 0 // up to where it was copied
	for at := 0; at < len(header); {
		end := fieldEnd(header, at)
		if field := header[at:end]; s.read(field) {
			without = append(without, header[kept:at]...)
			kept = end
			s.Known = true
		}
		at = end
	}
	s.Internal = s.subject && s.field
	if kept == 0 {
		return s.State, header
	}
	return s.State, append(without, header[kept:]...)
}

// fieldEnd returns where the field that begins at an offset ends, with its continuation lines.
func fieldEnd(header []byte, at int) int {
	for {
		i := bytes.IndexByte(header[at:], '\n')
		if i < 0 {
			return len(header)
		}
		at += i + 1
		if at == len(header) || header[at] != ' ' && header[at] != '\t' {
			return at
		}
	}
}

// internalSubject is that of the message in which Pine and UW-IMAP keep what they know of a file.
const internalSubject = "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"

// stateReader reads fields of state.
type stateReader struct {
	State
	words          map[string]bool // of Keywords
	subject, field bool            // those of an internal message
}

// read takes a field and reports whether it is one of state alone.
func (s *stateReader) read(field []byte) bool {
	switch field[0] | 0x20 {
	case 's', 'x', 'c':
	default:
		return false
	}
	name := fieldOf(field)
	value := func() string { return strings.TrimSpace(string(field[bytes.IndexByte(field, ':')+1:])) }
	switch strings.ToLower(name) {
	case "status":
		if strings.ContainsRune(value(), 'R') {
			s.Flags |= formats.FlagSeen
		}
	case "x-status":
		for _, l := range letters {
			if strings.IndexByte(value(), l.letter) >= 0 {
				s.Flags |= l.flag
			}
		}
	case "x-keywords":
		for word := range strings.FieldsSeq(value()) {
			// QUIRK: Dovecot has those of IMAP as they are, of which many programs make names in modified UTF-7.
			if text, err := maildir.DecodeUTF7(word); err == nil && !isASCII(text) {
				word = text
			}
			s.keyword(mime.DecodeWords(word))
		}
	case "x-mozilla-status":
		s.mozilla(value())
	case "x-mozilla-keys":
		for word := range strings.FieldsSeq(value()) {
			// Thunderbird makes a tag's key of its name in modified UTF-7.
			if text, err := maildir.DecodeUTF7(word); err == nil {
				word = text
			}
			s.keyword(word)
		}
	case "x-gmail-labels":
		s.Labels = ParseLabels(value())
		return false
	case "subject":
		s.subject = s.subject || strings.HasPrefix(value(), internalSubject)
		return false
	case "x-imap":
		s.field = true
	default:
		return isState(field)
	}
	return true
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func (s *stateReader) keyword(word string) {
	switch {
	case strings.EqualFold(word, forwarded):
		s.Flags |= formats.FlagForwarded
	case word != "" && !s.words[word]:
		if s.words == nil {
			s.words = make(map[string]bool)
		}
		s.words[word] = true
		s.Keywords = append(s.Keywords, word)
	}
}

// mozilla reads X-Mozilla-Status: four hexadecimal digits.
func (s *stateReader) mozilla(value string) {
	bits, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return
	}
	for _, b := range mozillaBits {
		if bits&b.bit != 0 {
			s.Flags |= b.flag
		}
	}
	if bits&mozillaExpunged != 0 {
		s.Expunged = true
		s.Flags |= formats.FlagDeleted
	}
}

const mozillaExpunged = 0x0008

// mozillaBits are those of nsMsgMessageFlags that are somebody's state.
var mozillaBits = [...]struct {
	bit  uint64
	flag formats.Flags
}{{0x0001, formats.FlagSeen}, {0x0002, formats.FlagAnswered}, {0x0004, formats.FlagFlagged}, {0x1000, formats.FlagForwarded}}
