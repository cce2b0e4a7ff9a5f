package vcard

import (
	"cmp"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// group writes a list (RFC 6350 6.1.4, 6.6.5). In 3.0 the properties have the names that Apple's programs gave them.
func (e *Encoder) group(it *formats.Item, g *formats.Group) {
	v3 := e.opts.Version == V3
	kind, member := "KIND", "MEMBER"
	if v3 {
		kind, member = "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"
	}
	name := strings.TrimSpace(contentline.OneLine(cmp.Or(g.Name, g.FileAs, unnamed)))
	e.text("UID", uidOf(g.UID, it))
	e.l.Line(kind, "group")
	e.l.TextLine("FN", cmp.Or(name, unnamed))
	if v3 {
		e.l.Name("N")
		e.l.Components(name, "", "", "", "")
		e.l.End()
	}
	e.text("X-FILE-AS", g.FileAs)
	for i := range g.Members {
		e.member(member, &g.Members[i])
	}
	e.list("CATEGORIES", it.Keywords)
	e.note(g.Note)
	e.class(g.Class)
	e.instant("REV", it.Modified)
	for _, p := range g.Attachments {
		e.attachments(p, 0)
	}
	e.extra(g.Extra)
}

// member writes a member: by its card, else by its mail address, else by all that is known of it.
func (e *Encoder) member(name string, m *formats.Member) {
	a := m.Address
	if a == nil {
		a = new(formats.Address)
	}
	called := strings.TrimSpace(contentline.OneLine(a.Name))
	switch spec := strings.TrimSpace(contentline.OneLine(a.SMTP)); {
	case m.Card != "":
		e.l.Name(name)
		// Who it is stays known where the card does not come along.
		if called != "" {
			e.l.Param("X-CN", called)
		}
		if spec != "" {
			e.l.Param("X-EMAIL", spec)
		}
		e.l.URI(m.Card)
	case spec != "" || a.Placeholder != "" && !strings.HasSuffix(strings.ToLower(a.Placeholder), ".invalid"): // RFC 2606 2
		e.l.Name(name)
		if called != "" && !strings.EqualFold(called, spec) {
			e.l.Param("X-CN", called)
		}
		e.l.Mailto(cmp.Or(spec, a.Placeholder))
	case called == "" && a.Stored == "":
		return
	default:
		e.l.Name("X-PST-MEMBER")
		if called != "" {
			e.l.Param("X-CN", called)
		}
		e.l.Text(contentline.OneLine(a.Stored))
	}
	e.l.End()
}
