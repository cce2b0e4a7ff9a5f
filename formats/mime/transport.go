package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/codepage"
)

const (
	// maxFields bounds the fields of a header.
	maxFields = 10_000
	// usualFields is how many most headers have at the most.
	usualFields = 24
)

// ParseHeader reads the header that b begins with and returns its fields, in their order, as Raw fields: legal, in
// 7 bits, with CRLF, safe to be written as they are. A field that is all that already keeps its bytes, those of b itself:
// b must not be changed as long as the fields are in use. body is what follows the header's empty line.
//
// Line ends may be CRLF, LF or CR. Lines that belong to no field are left out. Text of 8 bits is read as UTF-8, or
// where it is none in code page cp, and becomes encoded words.
func ParseHeader(b []byte, cp int) (fields []formats.Field, body []byte) {
	return parseHeader(nil, b, cp)
}

func parseHeader(fields []formats.Field, b []byte, cp int) (_ []formats.Field, body []byte) {
	whole := b
	var raw []byte   // the current field, with CRLF between its lines
	from, to := 0, 0 // where raw stands in whole; to is -1 where it does not
	add := func() {
		if len(raw) > 0 && len(fields) < maxFields {
			if f, ok := parseField(raw, cp); ok {
				if fields == nil {
					fields = make([]formats.Field, 0, usualFields)
				}
				fields = append(fields, f)
			}
		}
		raw = nil
	}
	for len(b) > 0 {
		at := len(whole) - len(b)
		line, rest := cutLine(b)
		if len(line) == 0 {
			b = rest
			break
		}
		b = rest
		switch {
		case line[0] == ' ' || line[0] == '\t':
			// QUIRK: a line of blanks within a field would end the header for readers that trim lines.
			if len(raw) == 0 || len(bytes.TrimSpace(line)) == 0 {
				break
			}
			if to >= 0 && string(whole[to:at]) == "\r\n" {
				to = at + len(line)
				raw = whole[from:to:to]
			} else {
				to = -1
				raw = append(append(raw, '\r', '\n'), line...)
			}
		case fieldName(line) != nil:
			add()
			from, to = at, at+len(line)
			raw = whole[from:to:to]
		}
	}
	add()
	return fields, b
}

// AppendTransport reads the headers that Outlook keeps of a received message (PR_TRANSPORT_MESSAGE_HEADERS), as
// [ParseHeader] does, into the room of fields, which is empty.
//
// QUIRK: Outlook puts a line "Microsoft Mail Internet Headers Version 2.0" before them, and the headers of parts after
// their empty line. Neither belongs to them.
func AppendTransport(fields []formats.Field, b []byte, cp int) []formats.Field {
	for len(b) > 0 {
		line, rest := cutLine(b)
		if fieldName(line) != nil {
			break
		}
		b = rest
	}
	fields, _ = parseHeader(fields, b, cp)
	return fields
}

// Value returns the value of a Raw field on one line, with its encoded words as they are.
func Value(f *formats.Field) string {
	if f.Raw == nil {
		return f.Text
	}
	return rawValue(f.Raw)
}

func rawValue(raw []byte) string {
	_, v, _ := bytes.Cut(raw, []byte(":"))
	return strings.TrimSpace(unfolded(string(v)))
}

// cutLine cuts b after its first line, which it returns without its end.
func cutLine(b []byte) (line, rest []byte) {
	line = b
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		line, rest = b[:i], b[i+1:]
	}
	switch i := bytes.IndexByte(line, '\r'); {
	case i < 0:
		return line, rest
	case i == len(line)-1:
		return line[:i], rest
	default: // a line end of its own
		return line[:i], b[i+1:]
	}
}

// fieldName returns the name of the field that begins on a line, or nothing where none does.
func fieldName(line []byte) []byte {
	i := bytes.IndexByte(line, ':')
	if i < 1 {
		return nil
	}
	name := bytes.TrimRight(line[:i], " \t") // RFC 5322 4.5: obsolete fields may have blanks there
	if !legalName(name) {
		return nil
	}
	return name
}

// names are those that fields have most, which need no memory of their own.
var names = func() map[string]string {
	m := make(map[string]string)
	for _, name := range [...]string{
		"Return-Path", "Delivered-To", "Received", "X-Received", "Received-SPF", "Authentication-Results", "ARC-Seal", "ARC-Message-Signature",
		"ARC-Authentication-Results", "DKIM-Signature", "DomainKey-Signature", "X-Google-DKIM-Signature", "From", "Sender", "Reply-To", "To", "Cc", "CC", "Bcc",
		"Subject", "Date", "Message-ID", "Message-Id", "In-Reply-To", "References", "Thread-Topic", "Thread-Index", "MIME-Version", "Mime-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Language", "Content-Class", "Content-class", "Accept-Language", "acceptlanguage", "User-Agent", "X-Mailer",
		"X-MimeOLE", "X-Priority", "X-MSMail-Priority", "Importance", "Priority", "Precedence", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
		"List-Post", "List-Help", "List-Subscribe", "List-Archive", "Errors-To", "Feedback-ID", "X-Originating-IP", "X-MS-Has-Attach",
		"X-MS-TNEF-Correlator", "X-OriginalArrivalTime", "X-Auto-Response-Suppress", "Auto-Submitted", "X-Spam-Status", "X-Spam-Score", "X-Spam-Level",
	} {
		m[name] = name
	}
	return m
}()

// parseField makes a field of its lines.
func parseField(raw []byte, cp int) (formats.Field, bool) {
	b := fieldName(raw)
	name, ok := names[string(b)]
	if !ok {
		name = string(b)
	}
	if legalRaw(raw, name) {
		return formats.Field{Name: name, Raw: raw}, true
	}
	_, v, _ := bytes.Cut(raw, []byte(":"))
	if !utf8.Valid(v) {
		s, _ := codepage.Decode(cp, v)
		v = []byte(s)
	}
	var h header
	h.repaired(name, strings.TrimSpace(unfolded(string(v))))
	return formats.Field{Name: name, Raw: bytes.TrimSuffix(h.b, []byte("\r\n"))}, true
}

// legalRaw reports whether a field can be written as it is: lines of at most 998 printable ASCII characters, folded.
func legalRaw(raw []byte, name string) bool {
	if len(raw) <= len(name) || raw[len(name)] != ':' || string(raw[:len(name)]) != name && !strings.EqualFold(string(raw[:len(name)]), name) {
		return false
	}
	col, blank := 0, false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\r':
			if blank || i+2 >= len(raw) || raw[i+1] != '\n' || raw[i+2] != ' ' && raw[i+2] != '\t' {
				return false
			}
			i++
			col, blank = 0, true
			continue
		case c == '\t' || c == ' ':
		case c < ' ' || c >= 0x7F:
			return false
		default:
			blank = false
		}
		if col++; col > maxLine {
			return false
		}
	}
	return !blank
}

// repaired writes a field whose value is legal in nothing but its meaning.
func (h *header) repaired(name, value string) {
	if !legalName(name) {
		return
	}
	ascii, word, longest := true, 0, 0
	for i := range len(value) {
		ascii = ascii && value[i] < utf8.RuneSelf
		if word++; value[i] == ' ' || value[i] == '\t' {
			word = 0
		}
		longest = max(longest, word)
	}
	h.start(name)
	switch {
	case IsAddressField(name) && (!ascii || longest > maxLine-100):
		list := ParseAddressList(value)
		for _, a := range list {
			a.SMTP = a.Stored
		}
		if len(list) > 0 {
			h.addresses(list)
		} else {
			h.unstructured(clean(value))
		}
	case ascii && (IsAddressField(name) || isStructuredField(name) || strings.Contains(value, "=?")):
		h.structured(value)
	default:
		h.unstructured(clean(DecodeWords(value)))
	}
	h.end()
}

// unfolded puts a folded value on one line.
func unfolded(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\n' && s[i] != '\r' {
			b.WriteByte(s[i])
		} else if i+1 < len(s) && s[i+1] != ' ' && s[i+1] != '\t' {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// lowered appends name with its ASCII letters in lower case.
func lowered(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// IsAddressField reports whether the field of this name holds an address list.
func IsAddressField(name string) bool {
	var room [32]byte
	switch string(lowered(room[:0], name)) {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc",
		"disposition-notification-to", "return-receipt-to", "errors-to", "apparently-to", "mail-followup-to", "mail-reply-to", "x-envelope-to", "delivered-to":
		return true
	}
	return false
}

// isStructuredField reports whether a field's value may not become encoded words.
func isStructuredField(name string) bool {
	var room [32]byte
	switch string(lowered(room[:0], name)) {
	case "date", "resent-date", "message-id", "in-reply-to", "references", "resent-message-id", "return-path", "received", "dkim-signature",
		"arc-seal", "arc-message-signature", "arc-authentication-results", "authentication-results", "domainkey-signature", "content-type", "content-disposition",
		"x-google-dkim-signature", "x-originating-ip":
		return true
	}
	return false
}
