package outlook

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// The bits of PidTagMessageStatus on items whose body is still on the server.
const (
	statusRemoteDownload = 0x1000
	statusRemoteDelete   = 0x2000
)

var errHeaderOnly = errors.New("only the header was fetched from the server")

// signed makes the root of a mail that is signed or encrypted with S/MIME (MS-OXOSMIME), byte for byte: its only
// attachment is the whole of it. It is false for mail that is neither, and for what only claims to be.
func (m *message) signed(mail *formats.Mail, attachments []*attachment) bool {
	if len(attachments) != 1 || attachments[0].method != mapi.AttachByValue || isClass(m.class, "REPORT") {
		return false
	}
	at := attachments[0]
	if isTNEF(at.mimeTag, "") || at.part.Message != nil {
		return false
	}
	smime := isClass(m.class, "IPM.Note.SMIME") || hasSuffixFold(m.class, ".SMIME") || hasSuffixFold(m.class, ".SMIME.MultipartSigned")
	typ, _, _ := strings.Cut(at.mimeTag, ";")
	typ = strings.TrimSpace(typ)
	switch {
	case typ == "multipart/signed" || hasSuffixFold(m.class, ".SMIME.MultipartSigned"):
		// QUIRK: Exchange stores such mail as IPM.Note, too; the attachment's type tells it.
		if root := m.entity(at, "multipart/signed"); root != nil {
			mail.Root = root
			return true
		}
	}
	opaque := typ == "application/pkcs7-mime" || typ == "application/x-pkcs7-mime" || hasSuffixFold(at.part.Name, ".p7m")
	if !opaque || !smime && (m.html != nil || m.storedText) {
		return false
	}
	if root := m.entity(at, ""); root != nil {
		mail.Root = root
		return true
	}
	b, err := head(stream{at.a}, 64)
	kind, ok := smimeType(b)
	if err != nil || !ok {
		return false
	}
	p := at.part
	p.Type = "application/pkcs7-mime"
	p.Params = []formats.Param{{Name: "smime-type", Value: kind}}
	p.Name = firstText(p.Name, "smime.p7m")
	p.Content, p.Transfer, p.Disposition = stream{at.a}, formats.TransferBase64, "attachment"
	mail.Root = p
	return true
}

// entity makes a root of an attachment that holds a whole MIME entity, its header included; nil where it does not hold
// one of the type, or one that is not what it says.
func (m *message) entity(at *attachment, want string) *formats.Part {
	const enough = 64 << 10
	b, err := head(stream{at.a}, enough)
	if err != nil {
		return nil
	}
	fields, body := mime.ParseHeader(b, m.cp)
	// A header ends with an empty line, and begins on the first.
	if len(fields) == 0 || len(body) == 0 || !bytes.HasPrefix(b, []byte(fields[0].Name)) {
		return nil
	}
	value := ""
	for i := range fields {
		if strings.EqualFold(fields[i].Name, "Content-Type") {
			value = mime.Value(&fields[i])
		}
	}
	typ, params := contentTypeOf(value)
	if value == "" || want != "" && typ != want {
		return nil
	}
	if want == "" && typ != "application/pkcs7-mime" && typ != "application/x-pkcs7-mime" {
		return nil
	}
	if want == "multipart/signed" {
		boundary := params["boundary"]
		if boundary == "" || !bytes.Contains(body, []byte("--"+boundary)) && len(b) < enough {
			return nil
		}
	}
	return &formats.Part{
		Type: typ, Name: at.part.Name, Entity: true, Transfer: formats.TransferVerbatim,
		Content: stream{at.a}, Size: max(at.a.DataSize(), 0),
	}
}

// The content types of CMS and their names in smime-type (RFC 8551 3.2.2), by the bytes of their object identifiers.
var smimeTypes = [...]struct{ oid, name string }{
	{"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", "signed-data"},
	{"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03", "enveloped-data"},
	{"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x09", "compressed-data"},
	{"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17", "authEnveloped-data"},
}

// smimeType reads the content type in the first bytes of a ContentInfo (RFC 5652 3), in DER or BER.
func smimeType(b []byte) (string, bool) {
	if len(b) < 4 || b[0] != 0x30 {
		return "", false
	}
	n := 2
	if b[1] > 0x80 {
		n += int(b[1] & 0x7F)
	}
	if n+2 > len(b) || b[n] != 0x06 || n+2+int(b[n+1]) > len(b) {
		return "", false
	}
	oid := string(b[n+2 : n+2+int(b[n+1])])
	for _, t := range smimeTypes {
		if t.oid == oid {
			return t.name, true
		}
	}
	return "", false
}

// pgp gives mail that was signed or encrypted with PGP/MIME (RFC 3156) the structure back that its transport headers
// tell of, where exactly its two parts are there. An encrypted mail is whole again; a signature fits only if the signed
// part happens to be written as it was.
func (m *message) pgp(mail *formats.Mail, attachments []*attachment) {
	if m.headers.foreign {
		return
	}
	switch typ, _, _ := strings.Cut(m.headers.contentType, ";"); strings.ToLower(strings.TrimSpace(typ)) {
	case "multipart/encrypted", "multipart/signed":
	default:
		return
	}
	typ, params := contentTypeOf(m.headers.contentType)
	protocol := strings.ToLower(params["protocol"])
	switch {
	case typ == "multipart/encrypted" && protocol == "application/pgp-encrypted":
		if len(attachments) != 2 || m.html != nil || m.storedText && !m.blankText() {
			return
		}
		version, data := attachments[0].part, attachments[1].part
		if attachments[0].mimeTag != protocol && !isPGPVersion(version) {
			version, data = data, version
		}
		if !isPGPVersion(version) || data.Content == nil {
			return
		}
		version.Type, version.Params, version.Transfer = protocol, nil, formats.TransferBase64
		data.Type, data.Params = octetStream, nil
		mail.Root = &formats.Part{Type: typ, Params: []formats.Param{{Name: "protocol", Value: protocol}}, Parts: []*formats.Part{version, data}}
	case typ == "multipart/signed" && protocol == "application/pgp-signature":
		n := len(attachments)
		if n == 0 {
			return
		}
		signature := attachments[n-1].part
		if attachments[n-1].mimeTag != protocol && !strings.EqualFold(signature.Name, "signature.asc") {
			return
		}
		signature.Type, signature.Params = protocol, nil
		p := []formats.Param{{Name: "protocol", Value: protocol}}
		if alg := params["micalg"]; alg != "" {
			p = append(p, formats.Param{Name: "micalg", Value: alg})
		}
		mail.Root = &formats.Part{Type: typ, Params: p, Parts: []*formats.Part{m.tree(attachments[:n-1]), signature}}
	}
}

// blankText reports whether the text is blank.
func (m *message) blankText() bool {
	b, ok := m.text.Content.(formats.Bytes)
	return ok && len(bytes.TrimSpace(b)) == 0
}

// isPGPVersion reports whether a part is the control part of RFC 3156 4.
func isPGPVersion(p *formats.Part) bool {
	if p.Content == nil || p.Size > 1024 {
		return false
	}
	r, err := p.Content.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 1024))
	return err == nil && bytes.HasPrefix(bytes.TrimSpace(b), []byte("Version: 1"))
}
