// Package tnef unpacks winmail.dat: the attachment in which Outlook sends what it believes only Outlook understands, the
// formatted text, the files and the meeting of a mail. What is in it takes its place in the mail, so that every program shows
// it.
//
//	step := tnef.New(outlook.New(outlook.Options{}).Item)
//	keep, err := step.Apply(ctx, item)
//
// It is a step for mail that came in bytes; what other sources give has been unpacked where it was read. The mail's header
// and its other parts stay as they came, byte for byte, and so does what stands around the parts. Files come where winmail.dat
// was. The HTML, the invitation to a meeting and the pictures that the HTML shows are put to the mail's own text.
//
// # What stays
//
// Nothing is lost. The attachment stays beside what was in it where it says more than that: where both it and the mail have
// HTML, or text, and not the same, or an invitation, and where it is of a kind that mail has no place for. It stays alone, as
// it came, where it is damaged, which the item tells, larger than 64 MB, a report or signed, and where the mail around it is signed: a
// changed part would make the signature a false one. Properties of which neither Outlook nor mail shows anything go, as
// they do where Outlook receives the mail.
package tnef

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/tnef"
	"mailmill/formats/vcard"
)

// Bounds of what is looked for in one mail.
const (
	maxDepth   = 32  // messages within messages, parts within parts beyond the reader's own bound
	maxStreams = 256 // attachments that are unpacked
	maxSize    = 64 << 20
	// maxCompared bounds the texts that are compared.
	maxCompared = 4 << 20
)

// Step unpacks the mail of a run. It is safe for concurrent use.
type Step struct {
	convert func(formats.Entry, mapi.Message) (*formats.Item, error)
	buffers sync.Pool // what is not in memory is looked through in
}

// New returns a step that has items made of messages by convert: the Item method of an outlook.Converter.
func New(convert func(formats.Entry, mapi.Message) (*formats.Item, error)) *Step {
	return &Step{convert: convert}
}

// Apply unpacks what there is in an item's mail. It always keeps the item, and has no errors: what cannot be unpacked stays,
// and what is damaged is in the item's Damage.
func (s *Step) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	m := it.Mail
	if m == nil || m.Original == nil || !s.mayHave(m) {
		return true, nil
	}
	if err := m.Parse(); err != nil {
		return true, nil //nolint:nilerr // whoever reads the message to its end tells
	}
	u := &unpacker{step: s, it: it}
	u.mail(m, 0)
	return true, nil
}

// unpacker works on one item.
type unpacker struct {
	step    *Step
	it      *formats.Item
	streams int
}

// mail unpacks the parts of a mail, and tells whether that changed anything.
func (u *unpacker) mail(m *formats.Mail, depth int) bool {
	if m.Root == nil || depth > maxDepth {
		return false
	}
	w := &worker{unpacker: u, m: m, depth: depth}
	root, changed := w.part(m.Root)
	if !changed {
		return false
	}
	switch len(root) {
	case 0:
		m.Root = emptyText()
	case 1:
		m.Root = root[0]
	default:
		m.Root = &formats.Part{Type: mixed, Parts: root}
	}
	w.addBodies()
	return true
}

const (
	mixed       = "multipart/mixed"
	related     = "multipart/related"
	alternative = "multipart/alternative"
)

func emptyText() *formats.Part { return &formats.Part{Type: "text/plain", Content: formats.Bytes(nil)} }

// worker works on one message.
type worker struct {
	*unpacker
	m     *formats.Mail
	depth int
	// text, html, calendar and pictures were found, and have their place with the mail's text.
	text, html, calendar *formats.Part
	pictures             []*formats.Part
}

// part returns what takes the place of a part, and whether that is anything else.
func (w *worker) part(p *formats.Part) ([]*formats.Part, bool) {
	switch {
	case p.Type == "multipart/signed", p.Type == "multipart/encrypted", p.Entity:
		return []*formats.Part{p}, false
	case p.Message != nil:
		if !w.mail(p.Message, w.depth+1) {
			return []*formats.Part{p}, false
		}
		p.Raw = nil
		return []*formats.Part{p}, true
	case len(p.Parts) > 0:
		changed := false
		var list []*formats.Part
		for _, c := range p.Parts {
			in, ok := w.part(c)
			changed = changed || ok
			if ok && p.Type != mixed && len(in) > 1 {
				in = []*formats.Part{{Type: mixed, Parts: in}}
			}
			list = append(list, in...)
		}
		if !changed {
			return []*formats.Part{p}, false
		}
		if len(list) == 0 {
			return nil, true
		}
		p.Raw, p.Parts = nil, list
		return []*formats.Part{p}, true
	case isTNEF(p):
		if list, ok := w.unpack(p); ok {
			return list, true
		}
	}
	return []*formats.Part{p}, false
}

// isTNEF reports whether a part is such an attachment, and not unpacked yet.
func isTNEF(p *formats.Part) bool {
	if slices.ContainsFunc(p.Header, func(f formats.Field) bool { return strings.EqualFold(f.Name, tnef.UnpackedField) }) {
		return false
	}
	return p.Type == "application/ms-tnef" || p.Type == "application/vnd.ms-tnef" || strings.EqualFold(p.Name, "winmail.dat")
}

// unpack returns the files in an attachment, and keeps its bodies for addBodies.
func (w *worker) unpack(p *formats.Part) (files []*formats.Part, ok bool) {
	if w.streams++; w.streams > maxStreams || p.Size > maxSize {
		return nil, false
	}
	b, err := read(p.Content, maxSize)
	if err != nil {
		return nil, false
	}
	message, err := tnef.Decode(b)
	if errors.Is(err, tnef.ErrNotTNEF) {
		return nil, false // another file of this name
	}
	if err == nil {
		err = message.Damage()
	}
	var inner *formats.Item
	if err == nil {
		inner, err = w.step.convert(formats.Entry{}, &enveloped{message, w.m})
	}
	if err == nil && len(inner.Damage) > 0 {
		err = errors.New(inner.Damage[0].String())
	}
	if err != nil {
		w.it.Lose(formats.Damage{Part: fmt.Sprintf("attachment %q, which stays packed", nameOf(p)), Err: err})
		return nil, false
	}
	switch inner.Kind {
	case formats.KindMail:
		return w.merge(p, inner.Mail)
	case formats.KindContact, formats.KindGroup:
		return []*formats.Part{cardPart(inner), w.kept(p)}, true
	case formats.KindEvent, formats.KindTask, formats.KindNote, formats.KindJournal:
		return []*formats.Part{calendarPart(inner), w.kept(p)}, true
	}
	return nil, false
}

func nameOf(p *formats.Part) string {
	if p.Name == "" {
		return "winmail.dat"
	}
	return p.Name
}

// kept is an attachment that stays beside what was in it, and says so.
func (w *worker) kept(p *formats.Part) *formats.Part {
	own := *p
	own.Raw, own.Disposition, own.Name, own.Transfer = nil, "attachment", nameOf(p), formats.TransferBase64
	own.Header = append(slices.Clip(p.Header), formats.Field{Name: tnef.UnpackedField, Text: "yes", Structured: true})
	return &own
}

// merge puts a mail that was found into the one that it was found in.
func (w *worker) merge(p *formats.Part, inner *formats.Mail) (files []*formats.Part, ok bool) {
	switch root := inner.Root; {
	case root.Entity, root.Message != nil:
		return nil, false
	case len(root.Parts) == 0 && root != inner.Text && root != inner.HTML:
		return nil, false
	case len(root.Parts) > 0 && root.Type != mixed && root.Type != related && root.Type != alternative:
		return nil, false
	}
	var pictures []*formats.Part
	var calendar *formats.Part
	inner.Root.Leaves(func(leaf *formats.Part) {
		switch {
		case leaf == inner.Text, leaf == inner.HTML:
		case leaf.Type == "text/calendar" && leaf.Disposition == "" && leaf.Name == "":
			calendar = leaf
		case leaf.Inline:
			pictures = append(pictures, leaf)
		default:
			files = append(files, leaf)
		}
	})
	keep := calendar != nil && w.hasCalendar()
	if !keep && calendar != nil {
		w.calendar = calendar
	}
	switch own := w.ownHTML(); {
	case inner.HTML == nil:
		keep = keep || isText(inner.Text) && isText(w.ownText()) && !sameWords(inner.Text, w.ownText())
	case own == nil:
		w.html, w.pictures = inner.HTML, pictures
		pictures = nil
	default:
		keep = keep || !sameWords(inner.HTML, own)
	}
	for _, pic := range pictures { // of HTML that is not taken
		pic.Inline, pic.Disposition = false, "attachment"
		files = append(files, pic)
	}
	if !isText(w.ownText()) && isText(inner.Text) {
		w.text = inner.Text
	}
	if keep {
		files = append(files, w.kept(p))
	}
	return files, true
}

// hasCalendar reports whether the mail has an invitation, one that was found or its own: a second one would be a meeting more.
func (w *worker) hasCalendar() bool {
	found := w.calendar != nil
	w.m.Root.Leaves(func(p *formats.Part) { found = found || p.Type == "text/calendar" && p.Disposition != "attachment" })
	return found
}

// ownText is the text that the mail has so far, ownHTML its HTML.
func (w *worker) ownText() *formats.Part {
	if w.text != nil {
		return w.text
	}
	return w.m.Text
}

func (w *worker) ownHTML() *formats.Part {
	if w.html != nil {
		return w.html
	}
	return w.m.HTML
}

// addBodies puts the bodies that were found to the mail's own:
//
//	related              if the HTML shows pictures
//	  alternative
//	    the mail's own, or the text that was found
//	    the HTML, the invitation
//
// in the place of the mail's own body; where it has none, before everything else.
func (w *worker) addBodies() {
	m := w.m
	if w.text == nil && w.html == nil && w.calendar == nil {
		return
	}
	own, text, html := m.Text, m.Text, w.html
	if own == nil && m.HTML != nil {
		own, html = m.HTML, m.HTML
	}
	if w.text != nil {
		text, m.StoredText = w.text, true
	}
	var list []*formats.Part
	for _, p := range []*formats.Part{text, html, w.calendar} {
		if p != nil {
			list = append(list, p)
		}
	}
	body := list[0]
	if len(list) > 1 {
		body = &formats.Part{Type: alternative, Parts: list}
	}
	if len(w.pictures) > 0 {
		body = &formats.Part{Type: related, Params: []formats.Param{{Name: "type", Value: body.Type}}, Parts: append([]*formats.Part{body}, w.pictures...)}
	}
	if w.text != nil {
		m.Text = w.text
	}
	if w.html != nil {
		m.HTML = w.html
	}
	if own != nil && replace(m.Root, own, body) {
		return
	}
	switch b, isBytes := m.Root.Content.(formats.Bytes); {
	case m.Root.Type == mixed:
		m.Root.Raw, m.Root.Parts = nil, append([]*formats.Part{body}, m.Root.Parts...)
	case isBytes && len(b) == 0 && m.Root.Type == "text/plain" && m.Root.Name == "":
		m.Root = body
	default:
		m.Root = &formats.Part{Type: mixed, Parts: []*formats.Part{body, m.Root}}
	}
}

// replace puts a part in the place of another somewhere below p, and tells whether that is there. All that it is in is
// written anew. Alternatives to what is an alternative already come after the others.
func replace(p, old, fresh *formats.Part) bool {
	for i, c := range p.Parts {
		switch {
		case c == old && p.Type == alternative && fresh.Type == alternative:
			p.Parts[i], p.Raw = fresh.Parts[0], nil
			p.Parts = append(p.Parts, fresh.Parts[1:]...)
			return true
		case c == old:
			p.Parts[i], p.Raw = fresh, nil
			return true
		case replace(c, old, fresh):
			p.Raw = nil
			return true
		}
	}
	return false
}

// cardPart is the card of a contact or list.
func cardPart(it *formats.Item) *formats.Part {
	return &formats.Part{
		Type: "text/vcard", Params: []formats.Param{{Name: "charset", Value: "utf-8"}}, Disposition: "attachment", Name: "contact.vcf",
		Content: card{it}, Transfer: formats.TransferBase64,
	}
}

// card is the content of a card. It is made when it is opened, as addresses may be found until then.
type card struct{ it *formats.Item }

// Open implements [formats.Content].
func (c card) Open() (io.ReadCloser, error) {
	var b bytes.Buffer
	if err := vcard.NewEncoder(vcard.Options{Version: vcard.V4}).Encode(&b, c.it); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), nil
}

// calendarPart is an event, a task, a note or a journal entry.
func calendarPart(it *formats.Item) *formats.Part {
	return &formats.Part{
		Type: "text/calendar", Params: []formats.Param{{Name: "charset", Value: "utf-8"}}, Disposition: "attachment", Name: it.Kind.String() + ".ics",
		Content: ical.Content(ical.Options{}, it), Transfer: formats.TransferBase64,
	}
}

func read(c formats.Content, most int64) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New("it is too large")
	}
	return b, err
}

// isText reports whether there is a text with anything in it.
func isText(p *formats.Part) bool {
	if p == nil {
		return false
	}
	b, err := read(p.Content, maxCompared)
	return err != nil || len(bytes.TrimSpace(b)) > 0
}

// sameWords reports whether two bodies say the same, however it is laid out. What cannot be compared is not the same.
func sameWords(a, b *formats.Part) bool {
	var words [2]string
	for i, p := range []*formats.Part{a, b} {
		text, err := read(p.Content, maxCompared)
		if err != nil {
			return false
		}
		s := string(text)
		if p.Type == "text/html" {
			s = withoutTags(s)
		}
		words[i] = strings.Join(strings.Fields(s), " ")
	}
	return words[0] == words[1]
}

// withoutTags returns what is left of HTML without its tags and head: enough to compare.
func withoutTags(s string) string {
	if i := strings.Index(strings.ToLower(s), "<body"); i >= 0 {
		s = s[i:]
	}
	var b strings.Builder
	for {
		text, rest, ok := strings.Cut(s, "<")
		b.WriteString(text)
		if !ok {
			return b.String()
		}
		b.WriteByte(' ')
		if _, s, ok = strings.Cut(rest, ">"); !ok {
			return b.String()
		}
	}
}
