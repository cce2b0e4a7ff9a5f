// Package mbox writes mbox files of the mboxrd kind, in which nothing is lost, and reads those of every kind. In mboxrd a line
// of a message that begins with "From ", after any number of ">", gets one ">" more, and loses it again on reading.
//
//	w := mbox.NewWriter(file)
//	msg := w.Message("alice@example.org", received, mbox.Status{Flags: item.Flags})
//	enc.Encode(msg, item.Mail) // CRLF line ends, as mails have
//	err := msg.Close()
//
// The state of a message stands in its header, in the fields Status, X-Status and X-Keywords, where mail programs look
// for it. Such fields are never taken over from the message itself, as they would be believed. [CutState] reads them, and
// those of Thunderbird, and parts them from the message.
//
// Files of other programs are of four kinds that cannot be told apart for certain. Where a message begins in them is told
// by [Scanner], which of its lines are quoted by [Quoting]. A [Reader] does all of it for those who want messages one after
// the other; who wants to know what is where, or needs them as they stand, takes the parts.
package mbox

import (
	"strings"
	"time"

	"mailmill/formats"
)

// Status is the state of a message.
type Status struct {
	Flags formats.Flags
	// Keywords are words of any text. In the file, those that are no plain words are encoded words (RFC 2047), each on
	// its own, as blanks part them from each other.
	Keywords []string
}

// forwarded is the keyword for what Status has no letter for (RFC 5788).
const forwarded = "$Forwarded"

// append appends the fields for s, with LF line ends. Status always stands there: without it some programs take a
// message for new and others for read.
func (s Status) append(b []byte) []byte {
	b = append(b, "Status: "...)
	if s.Flags&formats.FlagSeen != 0 {
		b = append(b, 'R')
	}
	b = append(b, "O\n"...)
	if s.Flags&(formats.FlagAnswered|formats.FlagFlagged|formats.FlagDraft|formats.FlagDeleted) != 0 {
		b = append(b, "X-Status: "...)
		for _, l := range letters {
			if s.Flags&l.flag != 0 {
				b = append(b, l.letter)
			}
		}
		b = append(b, '\n')
	}
	keywords := s.Keywords
	if s.Flags&formats.FlagForwarded != 0 {
		keywords = append([]string{forwarded}, keywords...)
	}
	if len(keywords) == 0 {
		return b
	}
	b = append(b, "X-Keywords:"...)
	col := len("X-Keywords:")
	for _, k := range keywords {
		k = keyword(k)
		if col+1+len(k) > 76 && col > 1 {
			b = append(b, '\n')
			col = 0
		}
		b = append(append(b, ' '), k...)
		col += 1 + len(k)
	}
	return append(b, '\n')
}

// letters are those of X-Status; Status has the one for what is read.
var letters = [...]struct {
	letter byte
	flag   formats.Flags
}{{'A', formats.FlagAnswered}, {'F', formats.FlagFlagged}, {'T', formats.FlagDraft}, {'D', formats.FlagDeleted}}

// keyword returns k as one word of ASCII.
func keyword(k string) string {
	plain := k != "" && !strings.Contains(k, "=?") && len(k) < 900
	for i := range len(k) {
		plain = plain && k[i] > ' ' && k[i] < 0x7F
	}
	if plain {
		return k
	}
	const hex = "0123456789ABCDEF"
	const longest = 300 // bytes, so that the line is legal whatever they are
	k = strings.ToValidUTF8(k[:min(len(k), longest)], "")
	b := []byte("=?utf-8?q?")
	for i := range len(k) {
		switch c := k[i]; {
		case c == ' ':
			b = append(b, '_')
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-':
			b = append(b, c)
		case c < ' ' || c == 0x7F:
		default:
			b = append(b, '=', hex[c>>4], hex[c&15])
		}
	}
	return string(append(b, "?="...))
}

// fromLine appends the line that begins a message (RFC 4155 appendix A), without its end.
func fromLine(b []byte, from string, date time.Time) []byte {
	b = append(b, "From "...)
	b = appendSender(b, from)
	b = append(b, ' ')
	date = date.UTC()
	if y := date.Year(); y < 0 || y > 9999 {
		date = time.Unix(0, 0).UTC()
	}
	return date.AppendFormat(b, time.ANSIC)
}

// appendSender appends an envelope sender that is one word of ASCII.
func appendSender(b []byte, from string) []byte {
	const longest = 320
	if len(from) > longest || strings.IndexByte(from, '@') < 1 {
		return append(b, "MAILER-DAEMON"...)
	}
	for i := range len(from) {
		if c := from[i]; c <= ' ' || c >= 0x7F {
			return append(b, "MAILER-DAEMON"...)
		}
	}
	return append(b, from...)
}
