package filter

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"mailmill/formats"
)

// words are texts of which one is looked for in others. Letter case and the way in which a letter is composed do not
// matter.
type words []string

func newWords(list []string) words {
	w := make(words, len(list))
	for i, word := range list {
		w[i] = fold(word)
	}
	return w
}

// in reports whether a text contains one of the words.
func (w words) in(text string) bool {
	if text == "" {
		return false
	}
	text = fold(text)
	return slices.ContainsFunc(w, func(word string) bool { return strings.Contains(text, word) })
}

func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
		}
	}
	return strings.ToLower(s)
}

// Subject wants the items whose subject, title or name contains one of some texts. It implements load.Step.
type Subject struct{ words words }

// NewSubject returns a step that looks for any of the texts.
func NewSubject(texts []string) *Subject { return &Subject{newWords(texts)} }

// Apply implements load.Step.
func (s *Subject) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	return s.words.in(it.Subject), nil
}

// People wants the items that come from somebody, or go to somebody, whose name, address to use or stored address contains
// one of some texts. From are a mail's author and sender, who organizes an event, who gave a task. To are a mail's
// recipients of all sorts, who is invited to an event, who has a task. Other items are from and to nobody.
//
// It implements load.Step, and belongs behind the one that resolves addresses.
type People struct{ from, to words }

// NewPeople returns a step that looks for any of the texts of each sort; a sort without any is not looked at.
func NewPeople(from, to []string) *People { return &People{newWords(from), newWords(to)} }

// Apply implements load.Step.
func (p *People) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	from, to := parties(it)
	return p.from.among(from) && p.to.among(to), nil
}

// among reports whether one of the words is in what is known of somebody; without any words it is.
func (w words) among(list []*formats.Address) bool {
	return len(w) == 0 || slices.ContainsFunc(list, func(a *formats.Address) bool {
		return a != nil && (w.in(a.Name) || w.in(a.SMTP) || w.in(a.Stored))
	})
}

// parties returns who an item is from and to; some may be nil.
func parties(it *formats.Item) (from, to []*formats.Address) {
	switch {
	case it.Mail != nil:
		m := it.Mail
		return []*formats.Address{m.From, m.Sender}, slices.Concat(m.To, m.Cc, m.Bcc)
	case it.Event != nil && it.Event.Meeting != nil:
		m := it.Event.Meeting
		for i := range m.Attendees {
			to = append(to, m.Attendees[i].Address)
		}
		return []*formats.Address{m.Organizer, m.SentBy}, to
	case it.Task != nil:
		return []*formats.Address{it.Task.Assigner}, []*formats.Address{it.Task.Owner}
	}
	return nil, nil
}

// State wants the items in a state that their owner gave them. It implements load.Filter and load.Step.
type State struct {
	// Unread wants mail that was not read; nothing else is ever read or not.
	Unread bool
	// Flagged wants what is flagged, for follow-up or with a star.
	Flagged bool
}

// Wanted implements load.Filter.
func (s State) Wanted(e *formats.Entry) bool { return !s.Unread || e.Kind == formats.KindMail }

// Apply implements load.Step.
func (s State) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	return !(s.Unread && it.Flags&formats.FlagSeen != 0) && !(s.Flagged && it.Flags&formats.FlagFlagged == 0), nil
}
