package outlook

import (
	"fmt"
	"strings"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// The values of PidTagNativeBody (MS-OXCMSG 2.2.1.58.2).
const nativeRTF = 2

// readBody chooses the bodies (MS-OXBBODY; MS-OXCMAIL 2.1.3.3): the HTML as it was stored or as it stands encapsulated in
// RTF, and the plain text as it was stored, or made of the other where there is none. A mail without any gets an
// empty text.
func (m *message) readBody() {
	plain := m.plainBody()
	html, hasHTML := m.htmlBody()
	hasRTF := m.value(mapi.PidTagRtfCompressed, bodyPart).Exists()
	if hasRTF && (!hasHTML || m.int(mapi.PidTagNativeBody) == nativeRTF && m.int(mapi.PidTagRtfInSync) != 0) {
		m.rtfBody(&html, &hasHTML, &plain)
	}
	// No program shows NULs, and some end the text at one.
	plain, html = strings.ReplaceAll(plain, "\x00", ""), strings.ReplaceAll(html, "\x00", "")
	if hasHTML {
		m.htmlText = html
		m.html = textPart("text/html", html)
	}
	if hasHTML && strings.TrimSpace(plain) == "" {
		if s := htmlToText(html); s != "" || plain == "" {
			// A text of blanks is none.
			plain, m.storedText = s, false
		}
	}
	switch {
	case plain != "":
		m.text = textPart("text/plain", plain)
	default:
		m.text = textPart("text/plain", "")
	}
}

// textPart makes a part of text in UTF-8.
func textPart(typ, s string) *formats.Part {
	return &formats.Part{Type: typ, Content: formats.Bytes(s), Size: int64(len(s))}
}

// plainBody returns the stored plain text.
func (m *message) plainBody() string {
	v := m.value(mapi.PidTagBody, bodyPart)
	switch v.Type {
	case mapi.String8:
		b := trimNULs(v.Bytes())
		s, replaced := codepage.Decode(m.cp, b)
		m.replaced(replaced, m.cp)
		m.storedText = s != ""
		return s
	case mapi.Binary:
		s, replaced := codepage.Decode(m.cp, trimNULs(v.Bytes()))
		m.replaced(replaced, m.cp)
		m.storedText = s != ""
		return s
	}
	s := v.Text(m.cp)
	m.storedText = s != ""
	return s
}

// replaced notes characters that could not be decoded: they are lost.
func (m *message) replaced(n, cp int) {
	if n > 0 {
		m.lose(bodyPart, fmt.Errorf("%d characters have no meaning in code page %d, which it is said to be in", n, cp))
	}
}

// htmlBody returns the stored HTML as UTF-8.
func (m *message) htmlBody() (string, bool) {
	v := m.value(mapi.PidTagHtml, bodyPart)
	switch v.Type {
	case mapi.Unspecified:
		return "", false
	case mapi.String:
		s := v.Text(m.cp)
		return s, strings.TrimSpace(s) != ""
	}
	b := trimNULs(v.Bytes())
	if len(b) == 0 {
		return "", false
	}
	s := m.decodeHTML(b)
	return s, strings.TrimSpace(s) != ""
}

// decodeHTML decodes HTML whose code page is told in up to five places: by a byte order mark, the message's Internet
// code page, the HTML itself, and the message's other code page or locale. Where two of them disagree the one counts
// in which all of the text has a meaning.
func (m *message) decodeHTML(b []byte) string {
	if cp, n := codepage.ByteOrderMark(b); n > 0 {
		s, replaced := codepage.Decode(cp, b[n:])
		m.replaced(replaced, cp)
		return s
	}
	var pages [4]int
	list := pages[:0]
	if cp := int(m.int(mapi.PidTagInternetCodepage)); plausible(cp, b) {
		list = append(list, cp)
	}
	if cp, ok := codepage.ByLabel(metaCharset(b)); ok && plausible(cp, b) {
		// QUIRK: programs leave the code page of the machine in the property. Text that the HTML says is UTF-8, and
		// that is UTF-8 although it need not be, is UTF-8 all the same.
		if cp == codepage.UTF8 && len(list) > 0 && codepage.Valid(cp, b) {
			list[0] = cp
		} else {
			list = append(list, cp)
		}
	}
	if len(list) == 0 {
		list = append(list, m.cp)
	}
	best, fewest, page := "", -1, 0
	for _, cp := range list {
		s, replaced := codepage.Decode(cp, b)
		if fewest < 0 || replaced < fewest {
			best, fewest, page = s, replaced, cp
		}
		if replaced == 0 {
			break
		}
	}
	m.replaced(fewest, page)
	return best
}

// plausible reports whether bytes can be in a code page that is known: UTF-16 only where there are NULs.
func plausible(cp int, b []byte) bool {
	if !codepage.Known(cp) {
		return false
	}
	switch cp {
	case codepage.UTF16LE, codepage.UTF16BE, 12000, 12001:
		head := b[:min(len(b), 512)]
		for _, c := range head {
			if c == 0 {
				return true
			}
		}
		return false
	}
	return true
}

// metaCharset returns the charset that a <meta> in the first few KB names.
func metaCharset(b []byte) string {
	const far = 4096
	b = b[:min(len(b), far)]
	for i := 0; i+5 < len(b); i++ {
		if b[i] != '<' || !foldEqual(b[i+1:], "meta") {
			continue
		}
		end := i
		for end < len(b) && b[end] != '>' {
			end++
		}
		for j := i + 5; j+8 < end; j++ {
			if b[j]|0x20 != 'c' || !foldEqual(b[j:], "charset") {
				continue
			}
			k := j + 7
			for k < end && (b[k] == ' ' || b[k] == '=' || b[k] == '"' || b[k] == '\'') {
				k++
			}
			start := k
			for k < end && strings.IndexByte(" \"';/>", b[k]) < 0 {
				k++
			}
			return string(b[start:k])
		}
		i = end
	}
	return ""
}

// foldEqual reports whether b begins with a lower-case ASCII word, whatever its letter case.
func foldEqual(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := 0; i < len(word); i++ {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

func trimNULs(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}
