package ical

import (
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mime"
)

// maxDepth bounds how deep parts are nested.
const maxDepth = 64

// nothing is the URI of an empty file (RFC 2397): Cyrus takes no empty value.
const nothing = "data:,"

// attachments writes the leaves of a part as ATTACH (RFC 5545 3.8.1.1).
func (e *Encoder) attachments(p *formats.Part, depth int) {
	if len(p.Parts) == 0 {
		e.attachment(p)
		return
	}
	if depth < maxDepth {
		for _, c := range p.Parts {
			e.attachments(c, depth+1)
		}
	}
}

func (e *Encoder) attachment(p *formats.Part) {
	uri := ""
	if e.opts.Beside != nil {
		uri = e.opts.Beside(p)
	}
	if uri == "" && p.Content == nil && p.Message == nil {
		if uri = p.Location; uri == "" {
			return
		}
	}
	if uri != "" {
		e.attachHeader(p)
		e.l.URI(uri)
		e.l.End()
		return
	}
	if p.Message != nil && p.Content == nil {
		e.attachHeader(p)
		e.message(p)
		return
	}
	r, err := open(p.Content)
	if err == io.EOF {
		e.attachHeader(p)
		e.l.Raw(nothing)
		e.l.End()
		return
	}
	if err != nil {
		e.lose(partName(p), err)
		return
	}
	e.attachHeader(p)
	e.l.Param("ENCODING", "BASE64")
	e.l.Param("VALUE", "BINARY")
	err = e.l.Base64(r)
	r.Close()
	e.l.End()
	if err != nil {
		e.lose(partName(p), err)
	}
}

// message writes an attached mail.
func (e *Encoder) message(p *formats.Part) {
	if e.mail == nil {
		e.mail = mime.NewEncoder()
	}
	e.l.Param("ENCODING", "BASE64")
	e.l.Param("VALUE", "BINARY")
	w := e.l.Base64Writer()
	err := e.mail.Encode(w, p.Message)
	_ = w.Close() // kept by the line writer
	e.l.End()
	if err != nil && e.l.Err() == nil {
		e.lose(partName(p), err)
	}
}

func (e *Encoder) attachHeader(p *formats.Part) {
	e.l.Name("ATTACH")
	if t := mediaType(p); t != "" {
		e.l.Param("FMTTYPE", t)
	}
	if p.Name != "" {
		e.l.Param("X-FILENAME", contentline.OneLine(p.Name))
	}
}

// mediaType returns the media type of a part where it is one (RFC 5545 3.2.8).
func mediaType(p *formats.Part) string {
	major, minor, ok := strings.Cut(p.Type, "/")
	legal := func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$&.+-^_", r))
		})
	}
	if !ok || !legal(major) || !legal(minor) {
		return ""
	}
	return p.Type
}

func partName(p *formats.Part) string {
	if p.Name == "" {
		return "attachment"
	}
	return `attachment "` + contentline.OneLine(p.Name) + `"`
}
