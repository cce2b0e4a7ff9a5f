package outlook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	stdmime "mime"
	"path"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/ole"
	"mailmill/formats/tnef"
)

// attachment is an attachment on its way to a part.
type attachment struct {
	bag
	a      mapi.Attachment
	method int
	part   *formats.Part
	// mimeTag is the media type as it is stored, in lower case; part.Type is what can be written.
	mimeTag string
	mac     *macFile // what a Macintosh keeps beside the data
	// own is the damage of this attachment.
	own []formats.Damage
}

// attached returns the message's attachments.
func (m *message) attached() ([]mapi.Attachment, error) {
	if !m.listed {
		m.list, m.listErr = m.m.Attachments()
		m.listed = true
	}
	return m.list, m.listErr
}

// readAttachments makes a part of each attachment, in their order. What is wrong with one costs that one: a short text
// stands in its place.
func (m *message) readAttachments() []*attachment {
	list, err := m.attached()
	if err != nil {
		m.lose("attachments", err)
	}
	var out []*attachment
	if len(list) > 0 {
		out = make([]*attachment, 0, len(list))
	}
	for i, a := range list {
		at := &attachment{a: a, bag: bag{p: a, cp: m.cp, where: m.where}}
		at.damage = &at.own
		out = m.appendParts(out, at, i)
		*m.damage = append(*m.damage, summed(at.own, at.where)...)
	}
	return out
}

// appendParts makes the parts of one attachment: one as a rule, more where it is a container.
func (m *message) appendParts(list []*attachment, at *attachment, index int) []*attachment {
	at.method = at.readMethod()
	if at.method != mapi.AttachEmbedded && at.int(mapi.PidTagAttachmentFlags)&attachException != 0 && at.int(mapi.PidTagAttachmentHidden) != 0 {
		return list // an exception of a series of appointments: no file
	}
	name := at.name()
	at.where = m.whereIs(name, index)
	at.mimeTag = strings.ToLower(strings.TrimSpace(at.line(mapi.PidTagAttachMimeTag)))
	part := &formats.Part{Disposition: "attachment", Name: name, Transfer: formats.TransferBase64}
	part.ContentID = strings.TrimSpace(at.line(mapi.PidTagAttachContentId))
	part.Location = at.line(mapi.PidTagAttachContentLocation)
	at.part = part
	switch at.method {
	case mapi.AttachEmbedded:
		if m.embedded(at) {
			return append(list, at)
		}
		at.method = mapi.AttachByValue
		at.content()
	case mapi.AttachByReference, mapi.AttachByRefResolve, mapi.AttachByRefOnly:
		m.reference(at)
	case mapi.AttachByWebReference:
		m.webReference(at)
	case mapi.AttachOLE:
		return append(list, m.oleObject(at)...)
	default:
		at.content()
		if isTNEF(at.mimeTag, name) {
			if inner, ok := m.unpack(at); ok {
				return append(list, inner...)
			}
		}
	}
	if part.Name == "" {
		part.Name = "attachment-" + strconv.Itoa(index+1) + extensionOf(part.Type)
	}
	if at.mac != nil {
		return append(list, at.macintosh()...)
	}
	return append(list, at)
}

// whereIs names an attachment in damage.
func (m *message) whereIs(name string, index int) string {
	if name = oneLine(name); name == "" {
		name = "no. " + strconv.Itoa(index+1)
	}
	var room [160]byte
	where := room[:0]
	if m.where != "" {
		where = append(append(where, m.where...), ": "...)
	}
	return string(strconv.AppendQuote(append(where, "attachment "...), name))
}

// summed lists an attachment's damage with one line for each cause: where one block held several of its properties, it
// is the attachment that is damaged.
func summed(damage []formats.Damage, where string) []formats.Damage {
	var list []formats.Damage
	for _, d := range damage {
		i := slices.IndexFunc(list, func(of formats.Damage) bool { return of.Err.Error() == d.Err.Error() })
		if i < 0 {
			list = append(list, d)
		} else if where != "" {
			list[i].Part = where
		}
	}
	return list
}

// attachException is the bit of PidTagAttachmentFlags that marks an exception of a series (MS-OXCMSG 2.2.2.24).
const attachException = 2

// readMethod returns the attachment's method, told by what there is where it is not stored.
func (at *attachment) readMethod() int {
	v := at.value(mapi.PidTagAttachMethod, "attachment method")
	method := int(v.Int())
	if !v.Exists() || method > mapi.AttachByWebReference {
		method = mapi.AttachByValue
	}
	if (method == mapi.AttachNone || method == mapi.AttachByValue) && at.a.DataSize() <= 0 && !at.hasData() {
		if _, err := at.a.Embedded(); err == nil {
			return mapi.AttachEmbedded
		}
	}
	return method
}

// hasData reports whether the attachment has data of its own.
func (at *attachment) hasData() bool {
	r, err := at.a.Open()
	if err != nil {
		return !errors.Is(err, mapi.ErrNoData)
	}
	r.Close()
	return true
}

// name returns the file name as it is stored.
func (at *attachment) name() string {
	for _, id := range [...]mapi.ID{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagDisplayName} {
		if s := at.string(id); s != "" {
			return s
		}
	}
	return ""
}

// content makes the part of an attachment by value.
func (at *attachment) content() {
	p := at.part
	p.Type, p.Params = at.mediaType()
	size := at.a.DataSize()
	p.Size = max(size, 0)
	p.Content = stream{at.a}
	if size <= 0 {
		// Nothing, or nobody knows. An attachment without data is one that was lost, unlike one that is empty.
		if r, err := at.a.Open(); err == nil {
			r.Close()
		} else if at.method == mapi.AttachNone || errors.Is(err, mapi.ErrNoData) {
			at.missing(mapi.ErrNoData)
			return
		}
	}
	if bytes.Equal(at.bytes(mapi.PidTagAttachEncoding), macBinary) {
		at.readMacBinary()
	}
	if strings.HasPrefix(p.Type, "message/") {
		at.rawMessage()
	}
}

// missing puts a text in the attachment's place that says why it is not there.
func (at *attachment) missing(err error) {
	at.lose("", err)
	*at.part = *notePart(fmt.Sprintf("%s could not be read: %v", at.where, err))
}

// notePart is a text that stands in for something.
func notePart(note string) *formats.Part {
	p := textPart("text/plain", "["+note+"]\r\n")
	p.Disposition = "inline"
	return p
}

// stream is an attachment's data.
type stream struct{ a mapi.Attachment }

// Open implements [formats.Content].
func (s stream) Open() (io.ReadCloser, error) { return s.a.Open() }

// mediaType returns the media type to write: the stored one, or that of the file name's extension. Multiparts and
// messages are none as long as the data is not known to be one.
func (at *attachment) mediaType() (string, []formats.Param) {
	typ, params := at.mimeTag, []formats.Param(nil)
	if strings.IndexByte(typ, ';') >= 0 {
		typ, params = mime.ParseParams(at.line(mapi.PidTagAttachMimeTag))
	}
	if !isMediaType(typ) || strings.HasPrefix(typ, "multipart/") {
		typ, params = mediaTypeOf(firstText(at.line(mapi.PidTagAttachExtension), path.Ext(at.part.Name))), nil
	}
	if cs := at.line(mapi.PidTagTextAttachmentCharset); cs != "" && strings.HasPrefix(typ, "text/") && len(params) == 0 {
		params = []formats.Param{{Name: "charset", Value: cs}}
	}
	return typ, params
}

// isMediaType reports whether s has the form of a media type (RFC 2045 5.1).
func isMediaType(s string) bool {
	slash := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '/':
			if slash++; i == 0 || i == len(s)-1 {
				return false
			}
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c <= ' ' || c >= 0x7F || strings.IndexByte("()<>@,;:\\\"[]?=", c) >= 0:
			return false
		}
	}
	return slash == 1
}

// types are the media types of the extensions that mail has most. The system's own list would make the output depend
// on the machine.
var types = map[string]string{
	".pdf": "application/pdf", ".zip": "application/zip", ".gz": "application/gzip", ".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar",
	".doc": "application/msword", ".dot": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odp": "application/vnd.oasis.opendocument.presentation",
	".rtf": "application/rtf", ".txt": "text/plain", ".log": "text/plain", ".csv": "text/csv", ".htm": "text/html", ".html": "text/html", ".xml": "application/xml",
	".json": "application/json", ".ics": "text/calendar", ".vcf": "text/vcard", ".md": "text/markdown",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jpe": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".webp": "image/webp", ".svg": "image/svg+xml", ".heic": "image/heic", ".ico": "image/vnd.microsoft.icon", ".wmf": "image/wmf", ".emf": "image/emf",
	".mp3": "audio/mpeg", ".wav": "audio/x-wav", ".wma": "audio/x-ms-wma", ".ogg": "audio/ogg", ".m4a": "audio/mp4", ".amr": "audio/amr",
	".mp4": "video/mp4", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".avi": "video/x-msvideo", ".mov": "video/quicktime", ".wmv": "video/x-ms-wmv",
	".msg": "application/vnd.ms-outlook", ".p7s": "application/pkcs7-signature", ".p7m": "application/pkcs7-mime", ".asc": "application/pgp-signature",
	".cer": "application/pkix-cert", ".crt": "application/x-x509-ca-cert", ".eml": "message/rfc822",
}

const octetStream = "application/octet-stream"

func mediaTypeOf(ext string) string {
	if ext != "" && ext[0] != '.' {
		ext = "." + ext
	}
	if t := types[strings.ToLower(strings.TrimSpace(ext))]; t != "" {
		return t
	}
	return octetStream
}

// extensionOf returns an extension for a file that has a media type and no name.
func extensionOf(typ string) string {
	ext := ""
	for e, t := range types {
		if t == typ && (ext == "" || len(e) < len(ext) || len(e) == len(ext) && e < ext) {
			ext = e
		}
	}
	if ext == "" && strings.HasPrefix(typ, "text/") {
		return ".txt"
	}
	if ext == "" {
		return ".bin"
	}
	return ext
}

// rawMessage keeps a message that is attached as a file of bytes a message/* part if it may be one as it is: RFC 2046
// 5.2.1 allows no encoding, so its lines must be short ones of 7 bits. Else it is a file like any other.
func (at *attachment) rawMessage() {
	const most = 1 << 20
	p := at.part
	if p.Size > 0 && p.Size <= most {
		if b, err := readAll(p.Content, most); err == nil && isCleanMessage(b, p.Type) {
			p.Content, p.Transfer = formats.Bytes(b), formats.TransferVerbatim
			return
		}
	}
	p.Type, p.Params = octetStream, nil
}

// isCleanMessage reports whether bytes are a message with CRLF line ends and lines of at most 998 ASCII characters.
func isCleanMessage(b []byte, typ string) bool {
	if typ == "message/rfc822" {
		if fields, _ := mime.ParseHeader(b[:min(len(b), 64<<10)], 0); len(fields) == 0 {
			return false
		}
	}
	col := 0
	for i, c := range b {
		switch {
		case c == '\n' && (i == 0 || b[i-1] != '\r'), c == '\r' && (i+1 == len(b) || b[i+1] != '\n'), c == 0, c >= 0x80:
			return false
		case c == '\n':
			col = 0
		default:
			if col++; col > 999 {
				return false
			}
		}
	}
	return true
}

// errTooLarge is the failure to read what is larger than may be read whole.
var errTooLarge = errors.New("it is too large to be looked into")

func readAll(c formats.Content, most int64) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errTooLarge
	}
	return b, err
}

// head returns the first bytes of content, fewer where there are no more.
func head(c formats.Content, n int) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, n)
	n, err = io.ReadFull(r, b)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// section is a part of other content.
type section struct {
	of       formats.Content
	from, to int64 // to counts from from
}

// Open implements [formats.Content].
func (s section) Open() (io.ReadCloser, error) {
	r, err := s.of.Open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, s.from); err != nil {
		r.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, s.to), r}, nil
}

// embedded makes a message/rfc822 part of a message within the message. It is false where there is none but data.
func (m *message) embedded(at *attachment) bool {
	if m.depth+1 >= maxDepth {
		at.missing(fmt.Errorf("messages are nested more than %d deep", maxDepth))
		return true
	}
	if m.memory.messages++; m.memory.messages > maxMessages {
		at.missing(fmt.Errorf("there are more than %d messages in the message", maxMessages))
		return true
	}
	inner, err := at.a.Embedded()
	if err != nil {
		if errors.Is(err, mapi.ErrNoData) && at.hasData() {
			return false
		}
		at.missing(err)
		return true
	}
	sub := &message{
		c: m.c, m: inner, depth: m.depth + 1, memory: m.memory,
		bag: bag{p: inner, cp: m.cp, where: at.where, damage: m.damage},
	}
	sub.start()
	if d, ok := inner.(interface{ Damage() error }); ok && d.Damage() != nil {
		sub.lose("", d.Damage())
	}
	p := at.part
	p.Type = "message/rfc822"
	p.Transfer = formats.TransferAuto
	p.ContentID, p.Location = "", ""
	p.Message = sub.mail(sub.flags(formats.KindMail, nil)&formats.FlagDraft != 0)
	return true
}

// reference makes a text of an attachment that is a file elsewhere.
func (m *message) reference(at *attachment) {
	if at.a.DataSize() > 0 {
		at.content()
		return
	}
	file := firstText(at.line(mapi.PidTagAttachLongPathname), at.line(mapi.PidTagAttachPathname))
	name := at.part.Name
	if name == "" {
		name = file[strings.LastIndexAny(file, `\/`)+1:]
	}
	*at.part = *textPart("text/plain", "The file was not attached, only its place: "+file+"\r\n")
	at.part.Disposition, at.part.Name, at.part.Transfer = "attachment", name+".txt", formats.TransferBase64
	at.part.Params = utf8Param
	at.part.Header = []formats.Field{{Name: "X-PST-Attachment-Path", Text: file}}
}

var utf8Param = []formats.Param{{Name: "charset", Value: "utf-8"}}

// webReference makes a link of an attachment that lies in a web store.
func (m *message) webReference(at *attachment) {
	link := withoutBlanks(firstText(at.line(mapi.PidTagAttachLongPathname), at.line(mapi.PidTagAttachPathname), at.line(mapi.PidTagAttachContentLocation)))
	name := at.part.Name
	*at.part = *textPart("text/plain", "[InternetShortcut]\r\nURL="+link+"\r\n")
	at.part.Disposition, at.part.Name, at.part.Transfer = "attachment", firstText(name, "link")+".url", formats.TransferBase64
	at.part.Params = utf8Param
	at.part.Header = append(at.part.Header, formats.Field{Name: "X-PST-Attachment-Link", Text: link, Structured: true})
	for _, p := range [...]struct {
		field string
		name  mapi.Name
	}{
		{"X-PST-Attachment-Provider", mapi.PidNameAttachmentProviderType},
		{"X-PST-Attachment-Permission", mapi.PidNameAttachmentPermissionType},
		{"X-PST-Attachment-Original-Permission", mapi.PidNameAttachmentOriginalPermissionType},
	} {
		v := at.named(p.name, "web reference")
		text := oneLine(v.Text(at.cp))
		if text == "" && v.Exists() {
			text = strconv.FormatInt(v.Int(), 10)
		}
		if text != "" {
			at.part.Header = append(at.part.Header, formats.Field{Name: p.field, Text: text})
		}
	}
}

// oleObject takes out of an OLE object what it holds, and adds its picture.
func (m *message) oleObject(at *attachment) []*attachment {
	p := at.part
	p.Type = "application/x-ole-storage"
	p.Size = max(at.a.DataSize(), 0)
	p.Content = stream{at.a}
	if p.Name == "" {
		p.Name = "object"
	}
	out := []*attachment{at}
	b, err := readAll(p.Content, maxInMemory)
	switch {
	case errors.Is(err, errTooLarge):
		p.Name += ".ole"
	case err != nil:
		at.missing(err)
	default:
		p.Content, p.Size = formats.Bytes(b), int64(len(b))
		obj, err := ole.Extract(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			// It is whole for whoever can read it: nothing is lost.
			p.Name += ".ole"
			break
		}
		p.Type, p.Content, p.Size = firstText(obj.MediaType, octetStream), obj, obj.Size
		if obj.Name != "" {
			p.Name = obj.Name
		} else if obj.Ext != "" && !hasSuffixFold(p.Name, obj.Ext) {
			p.Name += obj.Ext
		}
	}
	if wmf := at.bytes(mapi.PidTagAttachRendering); len(wmf) > 0 {
		out = append(out, &attachment{bag: at.bag, a: at.a, method: mapi.AttachByValue, part: &formats.Part{
			Type: "image/wmf", Disposition: "attachment", Name: p.Name + ".wmf", Transfer: formats.TransferBase64,
			Content: formats.Bytes(wmf), Size: int64(len(wmf)),
		}})
	}
	return out
}

// isTNEF reports whether an attachment is a container of Outlook's for other attachments.
func isTNEF(typ, name string) bool {
	return typ == "application/ms-tnef" || typ == "application/vnd.ms-tnef" || strings.EqualFold(name, "winmail.dat")
}

// unpack returns what a TNEF file holds in its place: its attachments, and its bodies where the message has none of
// their sort. One that is damaged stays as it is, and one that holds more stays beside its parts.
func (m *message) unpack(at *attachment) ([]*attachment, bool) {
	if m.memory.messages++; m.depth+1 >= maxDepth || m.memory.messages > maxMessages {
		return nil, false
	}
	b, err := readAll(at.part.Content, maxInMemory)
	if err != nil {
		return nil, false
	}
	inner, err := tnef.Decode(b)
	if inner == nil {
		return nil, false
	}
	if err = errors.Join(err, inner.Damage()); err != nil {
		at.lose("what is packed in it", err) // somebody may get more out of it
		return nil, false
	}
	sub := &message{
		c: m.c, m: inner, depth: m.depth + 1, memory: m.memory,
		bag: bag{p: inner, cp: m.cp, where: at.where, damage: m.damage},
	}
	sub.start()
	sub.readBody()
	list := sub.readAttachments()
	// An appointment or a contact is more than its text.
	keep := !isClass(sub.class, "IPM.Note") && sub.class != "" && !strings.EqualFold(sub.class, "IPM")
	switch {
	case sub.html == nil:
		keep = keep || !sub.blankText() && !m.blankText() && !sameWords(m.text, sub.text)
	case m.html == nil:
		m.html = sub.html
	default:
		keep = keep || !sameWords(m.html, sub.html)
	}
	if m.blankText() && !sub.blankText() {
		m.text = sub.text
	}
	if keep {
		at.part.Header = append(at.part.Header, formats.Field{Name: tnef.UnpackedField, Text: "yes", Structured: true})
		list = append(list, at)
	}
	return list, true
}

// sameWords reports whether two bodies say the same, however it is laid out.
func sameWords(a, b *formats.Part) bool {
	text := func(p *formats.Part) string {
		s, _ := p.Content.(formats.Bytes)
		if p.Type == "text/html" {
			s = formats.Bytes(htmlToText(s))
		}
		return strings.Join(strings.Fields(string(s)), " ")
	}
	return text(a) == text(b)
}

// contentTypeOf splits a Content-Type.
func contentTypeOf(value string) (string, map[string]string) {
	typ, params, err := stdmime.ParseMediaType(value)
	if err != nil {
		typ, _, _ = strings.Cut(value, ";")
		return strings.ToLower(strings.TrimSpace(typ)), nil
	}
	return typ, params
}
