package vcard

import (
	"bytes"
	"cmp"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mime"
)

// sniffed is how much of a picture tells what it is.
const sniffed = 16

// maxDepth bounds how deep parts are nested.
const maxDepth = 64

// pictureType returns the media type of a picture by its first bytes, whatever its name says.
func pictureType(b []byte) string {
	for _, p := range []struct{ prefix, typ string }{
		{"\xFF\xD8\xFF", "image/jpeg"},
		{"\x89PNG\r\n\x1A\n", "image/png"},
		{"GIF8", "image/gif"},
		{"BM", "image/bmp"},
		{"II*\x00", "image/tiff"},
		{"MM\x00*", "image/tiff"},
	} {
		if bytes.HasPrefix(b, []byte(p.prefix)) {
			return p.typ
		}
	}
	if len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" {
		return "image/webp"
	}
	return ""
}

// photo writes a picture (RFC 6350 6.2.4, RFC 2426 3.1.4).
func (e *Encoder) photo(p *formats.Part) {
	e.binary("PHOTO", p, "photo", func(b []byte) string {
		if t := pictureType(b); t != "" {
			return t
		}
		if t := mediaType(p.Type); strings.HasPrefix(t, "image/") {
			return t
		}
		return "image/jpeg" // what pictures of contacts are
	})
}

// key writes a certificate (RFC 6350 6.8.1, RFC 2426 3.7.2).
func (e *Encoder) key(p *formats.Part) {
	e.binary("KEY", p, "certificate", func([]byte) string {
		return cmp.Or(mediaType(p.Type), "application/pkix-cert")
	})
}

// binary writes a line with the content of a part, whose type is known by its first bytes.
func (e *Encoder) binary(name string, p *formats.Part, part string, typeOf func([]byte) string) {
	if p.Content == nil {
		return
	}
	r, err := p.Content.Open()
	if err != nil {
		e.lose(part, err)
		return
	}
	defer r.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(r, head)
	if n == 0 && err == io.EOF {
		if name == attachment && p.Name != "" {
			e.l.Name(name)
			e.l.Param("X-FILENAME", contentline.OneLine(p.Name))
			e.l.Raw("data:,") // an empty file (RFC 2397)
			e.l.End()
		}
		return // there is nothing in it
	}
	rest := io.MultiReader(bytes.NewReader(head[:n]), r)
	if n == 0 {
		e.lose(part, err)
		return
	}
	e.binaryHeader(name, typeOf(head[:n]), p.Name)
	err = e.l.Base64(rest)
	e.l.End()
	if err != nil {
		e.lose(part, err)
	}
}

// binaryHeader begins a line whose value is in base64.
func (e *Encoder) binaryHeader(name, typ, file string) {
	e.l.Name(name)
	if e.opts.Version == V3 {
		e.l.Param("ENCODING", "b")
		e.types(shortType(typ))
	}
	if name == attachment && file != "" {
		e.l.Param("X-FILENAME", contentline.OneLine(file))
	}
	if e.opts.Version != V3 {
		e.l.Raw("data:" + typ + ";base64,") // RFC 2397
	}
}

// shortType returns the type of a picture or certificate as 3.0 names it.
func shortType(typ string) string {
	_, minor, _ := strings.Cut(typ, "/")
	switch minor {
	case "pkix-cert", "x-x509-ca-cert", "x-x509-user-cert":
		return "X509"
	case "pgp-keys":
		return "PGP"
	}
	return strings.ToUpper(minor)
}

// attachment is the name under which files are written that were put to a contact: cards have no property for them.
const attachment = "X-PST-ATTACHMENT"

func (e *Encoder) attachments(p *formats.Part, depth int) {
	switch {
	case len(p.Parts) > 0:
		if depth < maxDepth {
			for _, c := range p.Parts {
				e.attachments(c, depth+1)
			}
		}
	case p.Message != nil && p.Content == nil:
		if e.mail == nil {
			e.mail = mime.NewEncoder()
		}
		e.binaryHeader(attachment, "message/rfc822", p.Name)
		w := e.l.Base64Writer()
		err := e.mail.Encode(w, p.Message)
		_ = w.Close() // kept by the line writer
		e.l.End()
		if err != nil && e.l.Err() == nil {
			e.lose(partName(p), err)
		}
	case p.Content == nil:
		e.uri(attachment, p.Location)
	default:
		e.binary(attachment, p, partName(p), func([]byte) string {
			if t := mediaType(p.Type); t != "" {
				return t
			}
			return "application/octet-stream"
		})
	}
}

func partName(p *formats.Part) string {
	if p.Name == "" {
		return "attachment"
	}
	return `attachment "` + contentline.OneLine(p.Name) + `"`
}

// mediaType returns a media type where it is one.
func mediaType(typ string) string {
	major, minor, ok := strings.Cut(typ, "/")
	legal := func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$&.+-^_", r))
		})
	}
	if !ok || !legal(major) || !legal(minor) {
		return ""
	}
	return typ
}
