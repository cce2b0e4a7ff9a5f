package vcard

import (
	"bytes"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// verbatim writes a card by the lines that it came as. In its own version each is as it was, unless a step that the item
// has gone through or an option wants another; else the lines are translated.
func (e *Encoder) verbatim(it *formats.Item, v *formats.Verbatim, uid string, extra []formats.Property) {
	w := &cardWriter{e: e, v: v, uid: contentline.OneLine(uidOf(uid, it))}
	if it.Group != nil {
		w.members = it.Group.Members
	}
	if v.Version != e.opts.Version.String() {
		w.translate = to4
		if e.opts.Version == V3 {
			w.translate = to3
		}
		w.labels = labelsOf(v)
	}
	for line := range contentline.Lines(v.Text) {
		p, ok := contentline.Parse(string(contentline.Unfold(line)))
		if !ok {
			continue // no reader gives such
		}
		switch p.Name {
		case "BEGIN":
			w.depth++
		case "END":
			w.depth--
		}
		switch {
		case p.Name == "BEGIN" && w.depth == 1, p.Name == "END" && w.depth == 0:
		case w.depth == 1:
			w.line(line, &p)
		default:
			e.l.Folded(line) // a card within the card
		}
	}
	e.extra(extra)
}

// cardWriter goes through the lines of a card.
type cardWriter struct {
	e       *Encoder
	v       *formats.Verbatim
	uid     string
	members []formats.Member
	// translate returns what stands for a property in another version; nil in the same.
	translate func(*cardWriter, contentline.Property) []contentline.Property
	labels    map[string]string // of addresses, by their types

	depth  int
	people int
	named  bool
}

func (w *cardWriter) line(line []byte, p *contentline.Property) {
	e := w.e
	changed := false
	switch {
	case p.Name == "VERSION":
		return // it is written
	case p.Name == "UID":
		if contentline.OneLine(strings.TrimSpace(contentline.Unescape(p.Value))) != w.uid {
			p.Value, changed = contentline.Escape(w.uid), true
		}
	case p.Name == "PHOTO" && e.opts.NoPhotos:
		return
	case isEmail(p.Name) && w.members == nil:
		changed = w.email(p)
	case isMember(p.Name):
		changed = w.member(p)
	}
	if w.translate != nil {
		for _, q := range w.translate(w, *p) {
			e.l.Unfolded(q.String())
		}
		if p.Name == "FN" && !w.named {
			w.name(p)
		}
		return
	}
	if changed {
		e.l.Unfolded(p.String())
		return
	}
	e.l.Folded(line)
}

// name writes the parts of a name for what has none: 3.0 always has one.
func (w *cardWriter) name(fn *contentline.Property) {
	w.named = true
	v := w.v.Text
	if w.e.opts.Version != V3 || bytes.Contains(v, []byte("\r\nN:")) || bytes.Contains(v, []byte("\r\nN;")) {
		return
	}
	w.e.l.Name("N")
	w.e.l.Components(contentline.Unescape(fn.Value), "", "", "", "")
	w.e.l.End()
}

// next returns whom the next line that names somebody names.
func (w *cardWriter) next() *formats.Address {
	if w.people >= len(w.v.People) {
		return nil
	}
	w.people++
	return w.v.People[w.people-1]
}

// spec returns the address to write for somebody, if it is not the one that stands there.
func spec(is *formats.Address, was string) (string, bool) {
	s := is.SMTP
	if s == "" && !strings.HasSuffix(strings.ToLower(is.Placeholder), ".invalid") { // RFC 2606 2
		s = is.Placeholder
	}
	s = strings.TrimSpace(contentline.OneLine(s))
	return s, s != "" && !strings.EqualFold(s, strings.TrimSpace(was))
}

// email gives a mail address that is known now.
func (w *cardWriter) email(p *contentline.Property) bool {
	is := w.next()
	if is == nil {
		return false
	}
	was := contentline.Unescape(p.Value)
	if address, ok := contentline.AddressOf(was); ok {
		was = address
	}
	s, changed := spec(is, was)
	if !changed {
		return false
	}
	if p.Name != "EMAIL" {
		p.Name = "EMAIL"
		if w.v.Version == V3.String() {
			p.Set("TYPE", "INTERNET")
		}
	}
	p.Value = contentline.Escape(s)
	var types []contentline.Param
	for _, q := range p.Params {
		if q.Name == "TYPE" {
			var kept []string
			for _, t := range q.Values {
				if !strings.EqualFold(t, "EX") && !strings.EqualFold(t, "X400") {
					kept = append(kept, t)
				}
			}
			if len(kept) == 0 {
				continue
			}
			q.Values = kept
		}
		types = append(types, q)
	}
	p.Params = types
	return true
}

// member gives a member of a list the address that is known now, and the one that stands for a card that does not come
// along.
func (w *cardWriter) member(p *contentline.Property) bool {
	at := w.people
	is := w.next()
	if is == nil {
		return false
	}
	name := "MEMBER"
	if w.v.Version == V3.String() {
		name = "X-ADDRESSBOOKSERVER-MEMBER"
	}
	was := memberOf(p)
	s, changed := spec(is, was.Address.SMTP)
	unlinked := was.Card != "" && at < len(w.members) && w.members[at].Card == ""
	switch {
	case unlinked && is.Spec() != "":
		p.Name, p.Value = name, contentline.MailtoURI(is.Spec())
		p.Remove("X-EMAIL")
	case !changed:
		return false
	case was.Card != "":
		p.Set("X-EMAIL", s)
	default:
		p.Name, p.Value = name, contentline.MailtoURI(s)
	}
	return true
}
