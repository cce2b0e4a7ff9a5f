package pim

import (
	"context"
	"iter"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Bounds of what is worth remembering.
const (
	longestAddress = 1024
	longestName    = 256
)

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) }

// Learn implements [extract.Learner]: who takes part in events and tasks, and whom cards and lists name. A card that has
// one Exchange address and one for mail under one name tells that they are one person's.
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	it, err := a.Read(ctx, e)
	if err != nil {
		return err
	}
	lesson.Date = it.Date
	fallback := ""
	if it.Contact != nil {
		fallback = it.Contact.FullName
	}
	from := len(lesson.Evidence)
	it.Participants(func(p *formats.Address) {
		if e, ok := evidenceOf(p, fallback); ok {
			lesson.Evidence = append(lesson.Evidence, e)
		}
	})
	if it.Contact != nil {
		pair(lesson, from)
	}
	return nil
}

// evidenceOf returns what one participant tells.
func evidenceOf(p *formats.Address, fallback string) (e formats.Evidence, ok bool) {
	e.Class = formats.EvidenceSeen
	addr := mapi.CleanAddress(p.Stored)
	if len(addr) > longestAddress {
		return e, false
	}
	switch mapi.ShapeOf(addr) {
	case mapi.ShapeSMTP:
		e.SMTP = strings.Clone(addr)
	case mapi.ShapeDN:
		e.DN = strings.Clone(addr)
	case mapi.ShapeIMCEA:
		_, inner, domain, _ := mapi.DecodeIMCEA(addr)
		switch inner = mapi.CleanAddress(inner); mapi.ShapeOf(inner) {
		case mapi.ShapeDN:
			e.DN, e.Domain = inner, domain
		case mapi.ShapeSMTP:
			e.SMTP = inner
		}
	}
	name := p.Name
	if name == "" {
		name = fallback
	}
	if len(name) <= longestName {
		e.Name = strings.Clone(name)
	}
	return e, e.SMTP != "" || e.DN != ""
}

// pair learns from two addresses of one card. People keep addresses of others in one card too, so the names must be one.
func pair(lesson *formats.Lesson, from int) {
	var dn, smtp []*formats.Evidence
	for i := from; i < len(lesson.Evidence); i++ {
		switch e := &lesson.Evidence[i]; {
		case e.DN != "" && e.SMTP == "":
			dn = append(dn, e)
		case e.SMTP != "" && e.DN == "":
			smtp = append(smtp, e)
		}
	}
	if len(dn) == 1 && len(smtp) == 1 && formats.NameKey(dn[0].Name) != "" && formats.NameKey(dn[0].Name) == formats.NameKey(smtp[0].Name) {
		lesson.Evidence = append(lesson.Evidence, formats.Evidence{
			Class: formats.EvidenceContactPair, DN: dn[0].DN, SMTP: smtp[0].SMTP, Name: dn[0].Name,
		})
	}
}
