package vcard

import (
	"cmp"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// text writes a line of one text; nothing where it is empty.
func (e *Encoder) text(name, value string) {
	if value = strings.TrimSpace(contentline.OneLine(value)); value != "" {
		e.l.TextLine(name, value)
	}
}

// list writes a line of texts; nothing where there are none.
func (e *Encoder) list(name string, values []string) {
	var clean []string
	for _, v := range values {
		if v = strings.TrimSpace(contentline.OneLine(v)); v != "" {
			clean = append(clean, v)
		}
	}
	if len(clean) > 0 {
		e.l.Name(name)
		e.l.Texts(clean)
		e.l.End()
	}
}

// uri writes a line of a URI; nothing where it is empty.
func (e *Encoder) uri(name, value string, types ...string) {
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	e.l.Name(name)
	e.types(types...)
	e.l.URI(value)
	e.l.End()
}

// types adds a TYPE parameter with those that are not empty.
func (e *Encoder) types(types ...string) {
	var list []string
	for _, t := range types {
		if t != "" {
			list = append(list, t)
		}
	}
	if len(list) > 0 {
		e.l.Param("TYPE", list...)
	}
}

// preferred marks a property as the first of its sort: 3.0 has a type for that, 4.0 a parameter (RFC 6350 5.3).
func (e *Encoder) preferred(is bool) (typ string) {
	if !is {
		return ""
	}
	if e.opts.Version == V3 {
		return "pref"
	}
	e.l.Param("PREF", "1")
	return ""
}

// instant writes a time in UTC (RFC 6350 4.3.5, RFC 2426 3.6.4).
func (e *Encoder) instant(name string, t time.Time) {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return
	}
	form := "20060102T150405Z"
	if e.opts.Version == V3 {
		form = "2006-01-02T15:04:05Z"
	}
	e.l.Line(name, t.Format(form))
}

// note writes a text of any length.
func (e *Encoder) note(c formats.Content) {
	if c == nil {
		return
	}
	r, err := c.Open()
	if err == nil {
		e.l.Name("NOTE")
		err = e.l.TextFrom(r)
		r.Close()
		e.l.End()
	}
	if err != nil {
		e.lose("note", err)
	}
}

// lose notes that a part cannot be read, and says so to whoever reads the card.
func (e *Encoder) lose(part string, err error) {
	d := formats.Damage{Part: part, Err: err}
	e.damage = append(e.damage, d)
	e.l.TextLine("NOTE", contentline.OneLine("Not complete: "+d.String()))
}

// extra writes the properties that the model knows nothing of.
func (e *Encoder) extra(list []formats.Property) {
	for i := range list {
		p := &list[i]
		if strings.TrimSpace(p.Value) == "" {
			continue // it says nothing
		}
		name := contentline.CleanName(p.Name)
		if n := strings.ToUpper(name); n == "BEGIN" || n == "END" || n == "VERSION" {
			name = "X-" + n // it would end the card, or make it another
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
}

// class writes who may see a card: 4.0 has no property for that.
func (e *Encoder) class(c formats.Class) {
	name := "CLASS"
	if e.opts.Version != V3 {
		name = "X-PST-CLASS"
	}
	switch c {
	case formats.ClassPrivate:
		e.l.Line(name, "PRIVATE")
	case formats.ClassConfidential:
		e.l.Line(name, "CONFIDENTIAL")
	}
}

// uidOf returns the identifier of a card, by which lists refer to it.
func uidOf(uid string, it *formats.Item) string { return cmp.Or(uid, it.Identity, it.Key) }
