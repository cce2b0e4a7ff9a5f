package ical

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// begin writes the beginning of a component: what says which it is and of when. The stamp is never the time of writing.
func (e *Encoder) begin(component string, d *formats.Details, start formats.Moment) {
	e.l.Line("BEGIN", component)
	e.l.TextLine("UID", contentline.OneLine(e.uid(d)))
	stamp := time.Unix(0, 0)
	for _, t := range []time.Time{d.Stamp, d.Modified, e.item.Modified, d.Created, e.item.Date, start.Time(nil)} {
		if !t.IsZero() && writable(t.UTC()) {
			stamp = t
			break
		}
	}
	e.instant("DTSTAMP", stamp)
}

func (e *Encoder) uid(d *formats.Details) string { return cmp.Or(d.UID, e.item.Identity, e.item.Key) }

// details writes what all components have in common. Journals have no room for a priority.
func (e *Encoder) details(d *formats.Details, journal bool, categories ...string) {
	e.instant("CREATED", d.Created)
	modified := d.Modified
	if modified.IsZero() {
		modified = e.item.Modified
	}
	e.instant("LAST-MODIFIED", modified)
	if d.Sequence > 0 {
		e.l.Line("SEQUENCE", fmt.Sprint(d.Sequence))
	}
	if d.Summary != "" {
		e.l.TextLine("SUMMARY", contentline.OneLine(d.Summary))
	}
	if d.Text != nil {
		e.text("DESCRIPTION", d.Text, "description")
	}
	if d.HTML != nil && !e.opts.NoHTML {
		e.text("X-ALT-DESC", d.HTML, "description in HTML", formats.Param{Name: "FMTTYPE", Value: "text/html"})
	}
	if d.URL != "" {
		e.l.Name("URL")
		e.l.URI(d.URL)
		e.l.End()
	}
	switch d.Class {
	case formats.ClassPrivate:
		e.l.Line("CLASS", "PRIVATE")
	case formats.ClassConfidential:
		e.l.Line("CLASS", "CONFIDENTIAL")
	}
	if d.Priority >= 1 && d.Priority <= 9 {
		if !journal {
			e.l.Line("PRIORITY", fmt.Sprint(d.Priority))
		}
		e.l.Line("X-MICROSOFT-CDO-IMPORTANCE", importance(d.Priority))
	}
	e.texts("CATEGORIES", append(categories, e.item.Keywords...))
	if d.Color != "" {
		e.l.TextLine("COLOR", d.Color) // RFC 7986 5.9
	}
	for _, c := range d.Contacts {
		if c = contentline.OneLine(c); strings.TrimSpace(c) != "" {
			e.l.TextLine("CONTACT", c)
		}
	}
	e.texts("X-PST-COMPANIES", d.Companies)
	if !e.opts.NoAttachments {
		for _, p := range d.Attachments {
			e.attachments(p, 0)
		}
	}
}

// extra writes the properties that the model knows nothing of.
func (e *Encoder) extra(d *formats.Details) {
	for i := range d.Extra {
		e.property(&d.Extra[i])
	}
}

// property writes a property, unless it says nothing: Cyrus takes no calendar with one that does not.
func (e *Encoder) property(p *formats.Property) {
	if strings.TrimSpace(p.Value) == "" {
		return
	}
	name := contentline.CleanName(p.Name)
	if n := strings.ToUpper(name); n == "BEGIN" || n == "END" {
		name = "X-" + n // it would end the component
	}
	e.l.Name(name)
	for _, q := range p.Params {
		e.l.Param(q.Name, q.Value)
	}
	if p.Structured {
		e.l.Raw(p.Value)
	} else {
		e.l.Text(p.Value)
	}
	e.l.End()
}

func importance(priority int) string {
	switch {
	case priority < 5:
		return "2"
	case priority > 5:
		return "0"
	}
	return "1"
}

// texts writes a list of texts; nothing where it has none.
func (e *Encoder) texts(name string, list []string) {
	var clean []string
	for _, s := range list {
		if s = contentline.OneLine(s); strings.TrimSpace(s) != "" {
			clean = append(clean, s)
		}
	}
	if len(clean) == 0 {
		return
	}
	e.l.Name(name)
	e.l.Texts(clean)
	e.l.End()
}

// text writes a line whose text is read from content. There is none where nothing can be read: Cyrus takes no empty ones.
func (e *Encoder) text(name string, c formats.Content, part string, params ...formats.Param) {
	r, err := open(c)
	if err == nil {
		e.l.Name(name)
		for _, p := range params {
			e.l.Param(p.Name, p.Value)
		}
		err = e.l.TextFrom(r)
		r.Close()
		e.l.End()
	}
	if err != nil && err != io.EOF {
		e.lose(part, err)
	}
}

// open opens content that has something in it. The error is io.EOF where it has nothing.
func open(c formats.Content) (io.ReadCloser, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(r, first); err != nil {
		r.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(first), r), r}, nil
}

// lose notes that a part cannot be read, and says so to whoever reads the component.
func (e *Encoder) lose(part string, err error) {
	d := formats.Damage{Part: part, Err: err}
	e.damage = append(e.damage, d)
	e.l.TextLine("COMMENT", contentline.OneLine("Not complete: "+d.String()))
}
