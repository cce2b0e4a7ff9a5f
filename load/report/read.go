package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	stdmime "mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"github.com/emersion/go-message/textproto"
	"golang.org/x/text/transform"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// maxDepth bounds messages in messages and multiparts in signed entities: what is deeper is shown as one part.
const maxDepth = 32

// reader describes mails, and with digest reads what they hold.
type reader struct {
	digest bool
	item   *formats.Item // takes the damage
}

func (r *reader) message(m *formats.Mail, depth int) *message {
	out := &message{
		MessageID: m.MessageID,
		From:      addressOf(m.From),
		Sender:    addressOf(m.Sender),
		To:        addressesOf(m.To),
		Cc:        addressesOf(m.Cc),
		Bcc:       addressesOf(m.Bcc),
	}
	if depth > 0 {
		out.Subject = headerText(m.Header, "Subject")
		if t, err := mail.ParseDate(headerText(m.Header, "Date")); err == nil {
			out.Date = stamp(t)
		}
	}
	if err := m.Parse(); err != nil {
		r.damaged("message body", err)
	}
	if r.digest {
		if m.Text != nil && m.StoredText && m.Text.Content != nil {
			out.TextSHA256, _ = r.sum(m.Text.Content, "message body", true)
		}
		if m.HTML != nil && m.HTML.Content != nil {
			out.HTMLSHA256, _ = r.sum(m.HTML.Content, "message body (HTML)", false)
		}
	}
	if m.Root == nil {
		return out
	}
	m.Root.Leaves(func(p *formats.Part) {
		if p == m.Text || p == m.HTML {
			return
		}
		out.Attachment = append(out.Attachment, r.part(p, depth)...)
	})
	return out
}

// part describes a leaf: usually one attachment, several where it is an entity with parts of its own.
func (r *reader) part(p *formats.Part, depth int) []attachment {
	a := attachment{Name: p.Name, Type: p.Type, Size: p.Size, Inline: p.Inline}
	switch {
	case p.Message != nil && depth < maxDepth:
		a.Embedded = r.message(p.Message, depth+1)
		return []attachment{a}
	case p.Content == nil:
		return []attachment{a}
	case p.Entity:
		if parts, ok := r.entity(p.Content); ok {
			return parts
		}
	}
	if r.digest {
		sum, n := r.sum(p.Content, partName(p.Name), false)
		a.SHA256 = sum
		if sum != "" {
			a.Size = n
		}
	}
	return []attachment{a}
}

func partName(name string) string {
	if name == "" {
		return "attachment"
	}
	return fmt.Sprintf("attachment %q", Printable(name))
}

// sum returns the SHA-256 and the length of a content, or nothing where it cannot be read to its end.
func (r *reader) sum(c formats.Content, name string, lines bool) (string, int64) {
	in, err := c.Open()
	if err != nil {
		r.damaged(name, err)
		return "", 0
	}
	defer in.Close()
	var from io.Reader = in
	if lines {
		from = transform.NewReader(in, &crlf{})
	}
	h := sha256.New()
	n, err := io.Copy(h, from)
	if err != nil {
		r.damaged(name, err)
		return "", 0
	}
	return sumText(h), n
}

func sumText(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func (r *reader) damaged(name string, err error) { r.item.Lose(formats.Damage{Part: name, Err: err}) }

// crlf ends every line with CR LF, whatever ended it before.
type crlf struct{ afterCR bool }

func (t *crlf) Reset() { t.afterCR = false }

func (t *crlf) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		if nDst+2 > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		switch {
		case c == '\n' && t.afterCR:
			t.afterCR = false
		case c == '\n', c == '\r':
			nDst += copy(dst[nDst:], "\r\n")
			t.afterCR = c == '\r'
		default:
			dst[nDst] = c
			nDst++
			t.afterCR = false
		}
		nSrc++
	}
	return nDst, nSrc, nil
}

// entity lists what a whole MIME entity holds beside its first text and HTML: those are the message's own. It reports
// false where there is nothing to take apart.
func (r *reader) entity(c formats.Content) ([]attachment, bool) {
	in, err := c.Open()
	if err != nil {
		return nil, false
	}
	defer in.Close()
	b := bufio.NewReader(in)
	h, err := textproto.ReadHeader(b)
	if err != nil {
		return nil, false
	}
	e := entityReader{digest: r.digest}
	if err := e.read(&h, b, 0); err != nil {
		return nil, false
	}
	return e.found, true
}

// entityReader walks through a MIME entity in bytes.
type entityReader struct {
	digest     bool
	text, html bool // the bodies have been seen
	found      []attachment
}

var errTooDeep = errors.New("the entity is nested too deeply")

func (e *entityReader) read(h *textproto.Header, body io.Reader, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	mediaType, params, err := stdmime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && mediaType == "" {
		mediaType = "text/plain"
	}
	if strings.HasPrefix(mediaType, "multipart/") && params["boundary"] != "" {
		parts := textproto.NewMultipartReader(body, params["boundary"])
		for {
			p, err := parts.NextPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := e.read(&p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}

	disposition, more, _ := stdmime.ParseMediaType(h.Get("Content-Disposition"))
	a := attachment{Name: mime.DecodeWords(more["filename"]), Type: mediaType, Inline: disposition == "inline" && h.Get("Content-Id") != ""}
	if a.Name == "" {
		a.Name = mime.DecodeWords(params["name"])
	}
	if disposition != "attachment" && a.Name == "" {
		switch {
		case mediaType == "text/plain" && !e.text:
			e.text = true
			return nil
		case mediaType == "text/html" && !e.html:
			e.html = true
			return nil
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if err != nil {
		return err
	}
	a.Size = n
	if e.digest {
		a.SHA256 = sumText(sum)
	}
	e.found = append(e.found, a)
	return nil
}

// headerText returns the decoded text of the first field of that name.
func headerText(header []formats.Field, name string) string {
	for i := range header {
		if strings.EqualFold(header[i].Name, name) {
			if f := &header[i]; f.Text != "" || f.Raw == nil {
				return f.Text
			}
			return mime.DecodeWords(mime.Value(&header[i]))
		}
	}
	return ""
}
