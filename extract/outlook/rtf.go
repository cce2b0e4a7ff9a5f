package outlook

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/rtf"
)

// maxRTF bounds an RTF body after decompression.
const maxRTF = 128 << 20

// rtfBody reads the RTF body (MS-OXBBODY 2.1.3). What it encapsulates takes the place of the body of its kind: HTML
// always, text only where none was stored. RTF that was written as such becomes text, and HTML where it has looks
// that text cannot have; where it has more than that it stays beside them.
func (m *message) rtfBody(src []byte, html *[]byte, hasHTML *bool, plain *[]byte) {
	if len(src) == 0 {
		return
	}
	b, err := rtf.Decompress(src, maxRTF)
	// A wrong checksum, size or end costs nothing that can be told from what is there.
	lost := err != nil && (b == nil || errors.Is(err, rtf.ErrTruncated) || errors.Is(err, rtf.ErrTooLarge))
	// Where the same text is stored otherwise, RTF that cannot be read loses its looks only.
	if lost && !*hasHTML {
		m.lose(bodyPart, fmt.Errorf("the RTF cannot be decompressed: %w", err))
	}
	if len(b) == 0 {
		return
	}
	doc, err := rtf.Parse(b)
	if err != nil {
		if !*hasHTML && len(*plain) == 0 {
			m.lose(bodyPart, err)
		}
		return
	}
	if doc.Kind == rtf.Native {
		doc.Attachment = m.shownInRTF()
		if !*hasHTML && (bytes.Contains(b, []byte(`\pict`)) || bytes.Contains(b, []byte(`\objdata`))) {
			m.rtf = b
		}
	}
	if doc.Kind == rtf.FromHTML || doc.Kind == rtf.Native && !*hasHTML {
		body := doc.HTML()
		if doc.Kind == rtf.FromHTML || hasLooks(body.Text) {
			m.rtfReplaced(body.Replaced)
			*html, *hasHTML = []byte(body.Text), strings.TrimSpace(body.Text) != ""
		}
	}
	if len(*plain) == 0 && (doc.Kind != rtf.FromHTML || !*hasHTML) {
		body := doc.Text()
		m.rtfReplaced(body.Replaced)
		*plain = []byte(body.Text)
	}
}

// withRTF adds the RTF itself to the files of a mail where it holds pictures or objects, which its conversion does not.
func (m *message) withRTF(attachments []*attachment) []*attachment {
	if m.rtf == nil {
		return attachments
	}
	return append(attachments, &attachment{bag: m.bag, method: mapi.AttachByValue, part: &formats.Part{
		Type: "application/rtf", Disposition: "attachment", Name: "body.rtf", Transfer: formats.TransferBase64,
		Content: formats.Bytes(m.rtf), Size: int64(len(m.rtf)),
	}})
}

// rtfReplaced notes characters of RTF that could not be decoded.
func (m *message) rtfReplaced(n int) {
	if n > 0 {
		m.lose(bodyPart, fmt.Errorf("%d characters of the RTF have no meaning in their code pages", n))
	}
}

// shownInRTF returns what names the attachments that have a place in the RTF: those with a rendering position, in its
// order (MS-OXCMSG 2.2.2.16).
func (m *message) shownInRTF() func(n int) string {
	type place struct {
		at   uint32
		name string
	}
	var places []place
	list, _ := m.attached() // readAttachments reports what is lost
	for i, a := range list {
		var known []formats.Damage // of the name, which readAttachments reports
		at := attachment{a: a, bag: bag{p: a, cp: m.cp, damage: &known}}
		name := at.name()
		at.damage, at.where = m.damage, m.whereIs(name, i)
		if pos := uint32(at.int(mapi.PidTagRenderingPosition)); pos != 0xFFFFFFFF && at.value(mapi.PidTagRenderingPosition, "attachment").Exists() {
			places = append(places, place{pos, oneLine(name)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return int(int64(a.at) - int64(b.at)) })
	return func(n int) string {
		if n < 1 || n > len(places) || places[n-1].name == "" {
			return ""
		}
		return "[" + places[n-1].name + "]"
	}
}

// plainTags are the elements of converted RTF that text is not worse for.
var plainTags = map[string]bool{"html": true, "head": true, "meta": true, "style": true, "title": true, "body": true, "p": true, "br": true, "div": true}

// hasLooks reports whether converted HTML has anything that would be lost in text: tables, links, pictures, letters of
// more than one kind. That all letters are of one kind, as in what was typed without a thought for it, is no loss.
func hasLooks(s string) bool {
	first := ""
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '<' || s[i+1] == '/' || s[i+1] == '!' {
			continue
		}
		end := strings.IndexByte(s[i:], '>')
		if end < 0 {
			return false
		}
		tag := s[i+1 : i+end]
		name, _, _ := strings.Cut(tag, " ")
		switch {
		case plainTags[name]:
		case name == "span" && (first == "" || first == tag):
			first = tag
		default:
			return true
		}
		i += end
	}
	return false
}
