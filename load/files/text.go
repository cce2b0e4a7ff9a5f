package files

import (
	"fmt"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mime"
)

const textExtension = ".txt"

// texts is the shape of notes as files of text, in UTF-8 with LF.
type texts struct{}

func (texts) joined() bool { return false }

func (texts) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	n := it.Note
	if n.Text == nil {
		_, err := io.WriteString(w, strings.TrimSpace(n.Summary)+"\n")
		return 0, err
	}
	lines := &lineEnds{w: w}
	r, err := n.Text.Open()
	if err == nil {
		_, err = io.Copy(lines, r)
		r.Close()
	}
	if lines.err != nil {
		return 0, lines.err
	}
	if lines.last != '\n' && (lines.last != 0 || err == nil) {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return 0, err
		}
	}
	if err == nil {
		return 0, nil
	}
	d := formats.Damage{Part: "description", Err: err}
	if _, err := fmt.Fprintf(w, "[Not complete: %s]\n", d); err != nil {
		return 0, err
	}
	return 0, &mime.ContentError{Damage: []formats.Damage{d}}
}

func (texts) plan(p *plan, place string) { planShape(p, place, textExtension, true) }

func (texts) layout(t *Target) layout {
	reserved := t.reserved(false, textExtension)
	return &split{target: t, extension: textExtension, open: func(place string) (shelf, error) {
		return &plainShelf{t.tree, place, &itemNames{extension: textExtension, reserved: reserved[place]}}, t.tree.folder(place)
	}}
}

// lineEnds makes LF of CRLF.
type lineEnds struct {
	w    io.Writer
	b    []byte
	cr   bool // a CR waits for what follows it
	last byte
	err  error // of w
}

func (l *lineEnds) Write(p []byte) (int, error) {
	l.b = l.b[:0]
	for _, c := range p {
		if l.cr && c != '\n' {
			l.b = append(l.b, '\n')
		}
		if l.cr = c == '\r'; !l.cr {
			l.b = append(l.b, c)
		}
	}
	if n := len(l.b); n > 0 {
		l.last = l.b[n-1]
		if _, l.err = l.w.Write(l.b); l.err != nil {
			return 0, l.err
		}
	}
	return len(p), nil
}
