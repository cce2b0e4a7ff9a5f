package outlook

import (
	"bytes"
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
	stored := m.value(mapi.PidTagRtfCompressed, bodyPart)
	if stored.Exists() && (!hasHTML || m.int(mapi.PidTagNativeBody) == nativeRTF && m.int(mapi.PidTagRtfInSync) != 0) {
		m.rtfBody(stored.Bytes(), &html, &hasHTML, &plain)
	}
	plain, html = withoutNULs(plain), withoutNULs(html)
	if hasHTML {
		m.html = bytesPart("text/html", html)
	}
	if hasHTML && isBlank(plain) {
		if s := htmlToText(html); s != "" || len(plain) == 0 {
			// A text of blanks is none.
			plain, m.storedText = []byte(s), false
		}
	}
	m.text = bytesPart("text/plain", plain)
}

// withoutNULs returns text without the NULs in it: no program shows them, and some end the text at one.
func withoutNULs(b []byte) []byte {
	if bytes.IndexByte(b, 0) < 0 {
		return b
	}
	return bytes.ReplaceAll(b, []byte{0}, nil)
}

func isBlank(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }

// textPart makes a part of text in UTF-8.
func textPart(typ, s string) *formats.Part { return bytesPart(typ, []byte(s)) }

func bytesPart(typ string, b []byte) *formats.Part {
	return &formats.Part{Type: typ, Content: formats.Bytes(b), Size: int64(len(b))}
}

// htmlText returns the HTML body.
func (m *message) htmlText() string {
	b, _ := m.html.Content.(formats.Bytes)
	return string(b)
}

// plainBody returns the stored plain text.
func (m *message) plainBody() []byte {
	v := m.value(mapi.PidTagBody, bodyPart)
	var b []byte
	switch v.Type {
	case mapi.String8, mapi.Binary:
		var replaced int
		b, replaced = codepage.Append(nil, m.cp, trimNULs(v.Bytes()))
		m.replaced(replaced, m.cp)
	default:
		b = v.AppendText(nil, m.cp)
	}
	m.storedText = len(b) > 0
	return b
}

// replaced notes characters that could not be decoded: they are lost.
func (m *message) replaced(n, cp int) {
	if n > 0 {
		m.lose(bodyPart, fmt.Errorf("%d characters have no meaning in code page %d, which it is said to be in", n, cp))
	}
}

// htmlBody returns the stored HTML as UTF-8.
func (m *message) htmlBody() ([]byte, bool) {
	v := m.value(mapi.PidTagHtml, bodyPart)
	var html []byte
	switch v.Type {
	case mapi.Unspecified:
	case mapi.String:
		html = v.AppendText(nil, m.cp)
	default:
		if b := trimNULs(v.Bytes()); len(b) > 0 {
			html = m.decodeHTML(b)
		}
	}
	return html, !isBlank(html)
}

// decodeHTML decodes HTML whose code page is told in up to five places: by a byte order mark, the message's Internet
// code page, the HTML itself, and the message's other code page or locale. Where two of them disagree the one counts
// in which all of the text has a meaning.
func (m *message) decodeHTML(b []byte) []byte {
	if cp, n := codepage.ByteOrderMark(b); n > 0 {
		html, replaced := codepage.Append(nil, cp, b[n:])
		m.replaced(replaced, cp)
		return html
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
	var best []byte
	fewest, page := -1, 0
	for _, cp := range list {
		html, replaced := codepage.Append(nil, cp, b)
		if fewest < 0 || replaced < fewest {
			best, fewest, page = html, replaced, cp
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
