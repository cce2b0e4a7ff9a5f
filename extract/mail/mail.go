// Package mail makes items of messages that come as RFC 5322 and MIME have them: what mbox files, Maildirs and files of one
// message have in common.
//
//	it, err := mail.New(entry, content, size, mail.State{Flags: formats.FlagSeen}, options)
//
// An item costs the reading of its message's header. It leaves as it came, byte for byte, whatever is wrong with it: see
// [formats.Original]. There is no message that is none, so that nothing that a container holds is ever left out.
package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mime"
)

// State is what a container knows of a message beside the message.
type State struct {
	Flags    formats.Flags
	Keywords []string
	// Received is when the message was delivered; zero where the container does not tell.
	Received time.Time
	// Envelope is the address of the sender on the way; empty where the container does not tell.
	Envelope string
}

// New makes the item of a message, which is size long. The entry has the item's folder, ID, index and size; what the message
// itself says takes precedence over what is there else. The content is opened again and again as long as the item is used.
//
// An error says that nothing of the message can be read; what is lost of it otherwise is in the item's Damage.
func New(e formats.Entry, content formats.Content, size int64, s State, o extract.Options) (*formats.Item, error) {
	m, err := mime.Read(content, size, o.CodePage)
	if err != nil {
		return nil, fmt.Errorf("the message cannot be read: %w", err)
	}
	m.Original.KeepEX = o.KeepEX
	it := &formats.Item{Entry: e, Mail: m, Received: s.Received, Flags: s.Flags}
	h := readHeader(m.Header, o.CodePage)
	h.describe(&it.Entry)
	it.Date = h.sent
	if it.Received.IsZero() {
		it.Received = h.received
	}
	if it.Date.IsZero() {
		it.Date = it.Received
	}
	it.Flags |= h.flags
	it.Keywords = merged(h.keywords, h.tags, s.Keywords)
	if m.From == nil && m.Sender == nil && strings.Contains(s.Envelope, "@") {
		m.From = &formats.Address{Stored: s.Envelope, SMTP: s.Envelope, Via: formats.ViaStored}
	}
	if m.MessageID == "" {
		digits, err := fingerprint(m, &h, it.Class)
		if err != nil {
			it.Lose(formats.Damage{Part: "message body", Err: err})
		}
		m.MessageID = mime.MadeID(digits)
	}
	it.Identity = m.MessageID
	it.Key = formats.Key(formats.KindMail, it.Identity)
	return it, nil
}

// header is what the fields of a message say beside its participants.
type header struct {
	subject        string
	sent, received time.Time
	class          string
	keywords       []string // categories
	tags           []string // what programs keep as such
	flags          formats.Flags
}

func readHeader(fields []formats.Field, cp int) (h header) {
	for i := range fields {
		f := &fields[i]
		text := func() string { return mime.FieldText(f, cp) }
		var room [24]byte
		switch string(lowered(room[:0], f.Name)) {
		case "subject":
			if h.subject == "" {
				h.subject = mime.Subject(text())
			}
		case "date":
			if h.sent.IsZero() {
				h.sent = date(text())
			}
		case "received":
			if h.received.IsZero() {
				v := text()
				h.received = date(v[strings.LastIndexByte(v, ';')+1:])
			}
		case "keywords":
			h.keywords = append(h.keywords, mime.ParsePhrases(text())...)
		case "status":
			h.flags |= flagsOf(text(), "R", formats.FlagSeen)
		case "x-status":
			h.flags |= flagsOf(text(), "AFTD", formats.FlagAnswered, formats.FlagFlagged, formats.FlagDraft, formats.FlagDeleted)
		case "x-mozilla-status":
			h.flags |= mozillaFlags(text())
		case "x-mozilla-keys":
			for tag := range strings.FieldsSeq(text()) {
				if t := strings.ToLower(tag); t != "junk" && t != "nonjunk" {
					h.tags = append(h.tags, tag)
				}
			}
		case "x-unsent":
			if text() == "1" {
				h.flags |= formats.FlagDraft
			}
		case "x-pst-message-class":
			h.class = mime.OneLine(mime.DecodeWords(text()))
		case "content-type":
			if h.class == "" {
				h.class = classOf(text())
			}
		}
	}
	return h
}

// lowered appends a name, which is ASCII, in lower case.
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

// describe fills in what an entry tells of a message.
func (h *header) describe(e *formats.Entry) {
	e.Kind, e.Class = formats.KindMail, h.class
	if e.Class == "" {
		e.Class = classNote
	}
	if h.subject != "" {
		e.Subject = h.subject
	}
	if !h.sent.IsZero() {
		e.Date = h.sent
	}
}

// Peek fills in what the header of a message tells of an entry: its kind and class, and where they are there its subject
// and date. cp is the code page of 8-bit text that is no UTF-8; 0 is that of the archive's options.
func Peek(e *formats.Entry, head []byte, cp int) {
	m, err := mime.Read(formats.Bytes(head), int64(len(head)), cp)
	if err != nil {
		return
	}
	h := readHeader(m.Header, cp)
	h.describe(e)
}

// date returns a date, zero where it cannot be made out or is none that a mail can have.
//
// QUIRK: converters to and from Notes write years before 1900 for "no date".
func date(s string) time.Time {
	t, ok := mime.GuessDate(s)
	if !ok || t.Year() < 1900 || t.Year() > 4000 {
		return time.Time{}
	}
	return t
}

// classNote is the class of a mail that is nothing else.
const classNote = "IPM.Note"

// classOf returns the class that Outlook gives a message of a media type, as far as the header tells it
// (MS-OXCMAIL 2.2.3.2.1); empty for all others.
func classOf(contentType string) string {
	typ, params := mime.ParseParams(contentType)
	param := func(name string) string {
		for _, p := range params {
			if p.Name == name {
				return strings.ToLower(p.Value)
			}
		}
		return ""
	}
	switch typ {
	case "multipart/signed":
		if strings.Contains(param("protocol"), "pkcs7") {
			return "IPM.Note.SMIME.MultipartSigned"
		}
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return "IPM.Note.SMIME"
	case "multipart/report":
		switch param("report-type") {
		case "delivery-status":
			return "REPORT.IPM.Note.NDR"
		case "disposition-notification":
			return "REPORT.IPM.Note.IPNRN"
		}
	case "text/calendar":
		switch param("method") {
		case "request":
			return "IPM.Schedule.Meeting.Request"
		case "cancel":
			return "IPM.Schedule.Meeting.Canceled"
		}
	}
	return ""
}

func flagsOf(value, letters string, flags ...formats.Flags) (f formats.Flags) {
	for i := range letters {
		if strings.IndexByte(value, letters[i]) >= 0 {
			f |= flags[i]
		}
	}
	return f
}

// mozillaFlags reads the value of X-Mozilla-Status: hexadecimal digits.
func mozillaFlags(value string) (f formats.Flags) {
	n, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return 0
	}
	for _, known := range [...]struct {
		bit  uint64
		flag formats.Flags
	}{
		{0x0001, formats.FlagSeen}, {0x0002, formats.FlagAnswered}, {0x0004, formats.FlagFlagged}, {0x0008, formats.FlagDeleted}, {0x1000, formats.FlagForwarded},
	} {
		if n&known.bit != 0 {
			f |= known.flag
		}
	}
	return f
}

// merged returns the keywords of lists, each once. Containers keep categories in a form without blanks and the like, so that
// one of a later list may be another spelling of one that the list has not itself.
func merged(lists ...[]string) (out []string) {
	known := make(map[string]bool) // in lower case
	for _, list := range lists {
		if len(list) == 0 {
			continue
		}
		own := make(map[string]bool, len(list))
		for _, k := range list {
			own[strings.ToLower(k)] = true
		}
		spelt := make(map[string]bool) // by keywordKey
		for _, k := range out {
			if !own[strings.ToLower(k)] {
				spelt[keywordKey(k)] = true
			}
		}
		for _, k := range list {
			if lower := strings.ToLower(k); k != "" && !known[lower] && !spelt[keywordKey(k)] {
				known[lower] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// keywordKey folds the letter case of a keyword, and all that an IMAP keyword or a word cannot hold.
func keywordKey(k string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 0x80:
			return r
		}
		return '_'
	}, k)
}

// fingerprint returns 32 hex digits that are the same for every copy of a message without a Message-ID, in whichever
// container it is: a hash of when it was sent, by whom, and what it says. Line ends do not count, nor those at the end.
func fingerprint(m *formats.Mail, h *header, class string) (string, error) {
	sum := sha256.New()
	sender := ""
	for _, a := range [...]*formats.Address{m.From, m.Sender} {
		if a != nil && sender == "" {
			sender = a.Stored
		}
	}
	for _, s := range [...]string{strconv.FormatInt(h.sent.Unix(), 10), sender, class, h.subject} {
		io.WriteString(sum, s)
		sum.Write([]byte{0})
	}
	r, err := mime.Body(m)
	if err == nil {
		defer r.Close()
		_, err = io.Copy(&lineSum{w: sum}, r)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), err
}

// lineSum passes on text without CRs, and without the line ends at its end.
type lineSum struct {
	w    io.Writer
	ends int // line ends that are not passed on yet
}

func (s *lineSum) Write(p []byte) (int, error) {
	for b := p; len(b) > 0; {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		b = rest
		line = bytes.ReplaceAll(line, []byte("\r"), nil)
		if len(line) > 0 {
			for ; s.ends > 0; s.ends-- {
				s.w.Write([]byte("\n")) //nolint:errcheck // a hash takes all
			}
			s.w.Write(line) //nolint:errcheck // a hash takes all
		}
		if ended {
			s.ends++
		}
	}
	return len(p), nil
}
