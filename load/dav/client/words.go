package client

import (
	"bytes"
	"encoding/xml"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is kept of a refusal.
const (
	mostErrorBody = 64 << 10
	mostWords     = 300
	mostName      = 60
	mostHref      = 1000
)

// describe fills in what a refusal's body says.
func (e *Error) describe(contentType string, body []byte) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(http.DetectContentType(body), ";")
	}
	switch {
	case strings.HasSuffix(kind, "/xml") || strings.HasSuffix(kind, "+xml"):
		if e.describeXML(body) {
			return
		}
		e.Text = words(withoutTags(body))
	case kind == "text/html":
		e.Text = words(withoutTags(body))
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "/json"), strings.HasSuffix(kind, "+json"):
		// QUIRK: some answer XML as text/plain.
		if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<?xml")) || !e.describeXML(body) {
			e.Text = words(string(body))
		}
	}
}

// describeXML reads a DAV:error element (RFC 4918 14.5).
func (e *Error) describeXML(body []byte) bool {
	d := newDecoder(bytes.NewReader(body), limits{body: mostErrorBody, text: mostErrorBody})
	start, err := d.nextStart()
	if err != nil {
		return false
	}
	n, err := d.tree(start)
	if err != nil || n.Name != (xml.Name{Space: nsDAV, Local: "error"}) {
		return false
	}
	e.condition(n)
	return true
}

// condition reads a DAV:error element. The condition is its first child that is one: servers add elements of their own
// with words for people.
func (e *Error) condition(n *node) {
	for _, c := range n.Children {
		switch {
		case c.Name.Space == nsSabre && c.Name.Local == "message",
			c.Name.Space == nsDAV && c.Name.Local == "responsedescription":
			e.Text = words(c.text())
		case c.Name.Space == nsSabre:
			// exception, file, line
		case e.Condition == "":
			e.Condition = cut(c.Name.Local, mostName)
			if h := c.child(nsDAV, "href"); h != nil {
				e.Other = cut(strings.TrimSpace(h.text()), mostHref)
			}
			if e.Text == "" {
				e.Text = words(c.Text)
			}
		}
	}
	if e.Text == "" {
		e.Text = words(n.Text)
	}
}

// nonsense makes an error of an answer that makes none.
func (c *Client) nonsense(method, href string, err error) error {
	return &ProtocolError{method, href, c.harmless(err)}
}

// harmless returns an error in which the server's words, which may be anything, are neither long nor unprintable, and none of
// our secrets.
func (c *Client) harmless(err error) error {
	text := err.Error()
	if clean := c.auth.redact(words(text)); clean != text {
		return &quoted{clean, err}
	}
	return err
}

// quoted is an error in other words.
type quoted struct {
	text string
	err  error
}

func (e *quoted) Error() string { return e.text }
func (e *quoted) Unwrap() error { return e.err }

// words makes what a server says fit for a line of text.
func words(s string) string {
	if len(s) > 8*mostWords {
		s = s[:8*mostWords]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, s)
	return cut(strings.Join(strings.Fields(s), " "), mostWords)
}

// cut returns at most n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i == n {
			return s[:at] + "…"
		}
		i++
	}
	return s
}

// withoutTags is what a page says when its tags are taken away, and what repeats the status or names the server. It is
// for people to read, nothing else.
func withoutTags(page []byte) string {
	var b strings.Builder
	text := string(page)
	for {
		before, rest, ok := strings.Cut(text, "<")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte(' ')
		tag, after, ok := strings.Cut(rest, ">")
		if !ok {
			return b.String()
		}
		text = after
		name, _ := token(strings.ToLower(tag))
		switch name {
		case "head", "title", "h1", "address", "style", "script":
			i := strings.Index(strings.ToLower(text), "</"+name)
			if i < 0 {
				i = len(text)
			}
			text = text[i:]
		}
	}
}
