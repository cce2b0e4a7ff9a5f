package address

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The file of an address book is JSON, one object a line: a head, then people in the order of their keys, then names.
// It holds evidence, not answers: what it is worth is decided anew by each run.
const (
	bookType    = "address-book"
	bookVersion = 1
	maxBookLine = 16 << 20
)

// line is a line of the file.
type line struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"` // of the head

	// Of a person.
	DN      string         `json:"dn,omitempty"`
	Kind    string         `json:"kind,omitempty"`
	Names   map[string]int `json:"names,omitempty"`
	Items   int            `json:"items,omitempty"`
	First   int64          `json:"first,omitempty"`
	Last    int64          `json:"last,omitempty"`
	Folders []string       `json:"folders,omitempty"`
	Mail    []mailLine     `json:"mail,omitempty"`

	// Of a name, and of a domain.
	Name   string   `json:"name,omitempty"`
	SMTP   []string `json:"smtp,omitempty"`
	Domain string   `json:"domain,omitempty"`
	Count  int      `json:"count,omitempty"`
}

// mailLine is what speaks for a mail address.
type mailLine struct {
	SMTP     map[string]int `json:"smtp"` // spellings, by weight
	Evidence map[string]int `json:"evidence"`
	First    int64          `json:"first,omitempty"`
	Last     int64          `json:"last,omitempty"`
}

// Save writes what the book has learnt. The same evidence gives the same bytes. Directories are not part of it: they are
// given anew to each run, as they change.
func (b *Book) Save(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line{Type: bookType, Version: bookVersion}); err != nil {
		return err
	}
	owners := b.ownerPairs()
	for _, p := range b.people() {
		if err := enc.Encode(p.line(owners[p.key])); err != nil {
			return err
		}
	}
	for _, l := range b.nameLines() {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	b.mu.Lock()
	domains := b.domains.sorted()
	b.mu.Unlock()
	slices.SortFunc(domains, func(a, b counted) int { return cmp.Compare(a.text, b.text) })
	for _, d := range domains {
		if err := enc.Encode(line{Type: "domain", Domain: d.text, Count: d.n}); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (p *person) line(owner []string) line {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.total()
	l := line{Type: "person", DN: p.dn, Kind: p.typ.String(), Names: p.names.counts(), Items: s.items, First: s.period.first, Last: s.period.last, Folders: s.folders}
	if p.dn == "" {
		l.Type = "bare name"
	}
	candidates := slices.Clone(p.candidates)
	for _, smtp := range owner {
		key := mapi.SMTPKey(smtp)
		i := slices.IndexFunc(candidates, func(c *candidate) bool { return c.key == key })
		c := &candidate{key: key}
		if i < 0 {
			candidates = append(candidates, c)
		} else {
			of := candidates[i]
			c.counts, c.period = of.counts, of.period
			for _, t := range of.texts.list {
				c.texts.add(t.text, t.n)
			}
			candidates[i] = c
		}
		c.counts[formats.EvidenceOwner] = max(1, c.counts[formats.EvidenceOwner])
		c.texts.raise(smtp, weights[formats.EvidenceOwner])
	}
	slices.SortFunc(candidates, func(a, b *candidate) int { return cmp.Compare(a.key, b.key) })
	for _, c := range candidates {
		m := mailLine{SMTP: c.texts.counts(), Evidence: make(map[string]int), First: c.period.first, Last: c.period.last}
		for class, n := range c.counts {
			if n > 0 {
				m.Evidence[formats.EvidenceClass(class).String()] = n
			}
		}
		l.Mail = append(l.Mail, m)
	}
	return l
}

func (t *tally) counts() map[string]int {
	if len(t.list) == 0 {
		return nil
	}
	m := make(map[string]int, len(t.list))
	for _, c := range t.list {
		m[c.text] = c.n
	}
	return m
}

// nameLines returns the names that stood beside mail addresses, in order. What people have is not repeated.
func (b *Book) nameLines() []line {
	byName := make(map[string][]string)
	for i := range b.mail {
		s := &b.mail[i]
		s.mu.RLock()
		for smtp, m := range s.m {
			for _, name := range m.names.list {
				byName[name.text] = append(byName[name.text], smtp)
			}
		}
		s.mu.RUnlock()
	}
	list := make([]line, 0, len(byName))
	for name, smtp := range byName {
		slices.Sort(smtp)
		list = append(list, line{Type: "name", Name: name, SMTP: smtp})
	}
	slices.SortFunc(list, func(a, b line) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Load merges a file that [Book.Save] wrote. Of each number the larger stands: so a book that is loaded by a run over
// archives that it has learnt from before stays as it was, and merging books again changes nothing. Where an error is
// returned the book may have a part of the file and is not to be used.
func (b *Book) Load(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxBookLine)
	n := 0
	for in.Scan() {
		n++
		text := in.Bytes()
		if len(strings.TrimSpace(string(text))) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			if n == 1 {
				return errors.New("this is no address book")
			}
			return fmt.Errorf("line %d of the address book: %w", n, err)
		}
		if n == 1 {
			switch {
			case l.Type != bookType:
				return errors.New("this is no address book")
			case l.Version != bookVersion:
				return fmt.Errorf("the address book has version %d; this program reads version %d", l.Version, bookVersion)
			}
			continue
		}
		if err := b.merge(&l); err != nil {
			return fmt.Errorf("line %d of the address book: %w", n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("the address book: after line %d: %w", n, err)
	}
	return nil
}

func (b *Book) merge(l *line) error {
	switch l.Type {
	case "person":
		if !mapi.IsDN(mapi.CleanAddress(l.DN)) {
			return fmt.Errorf("%q is no distinguished name", l.DN)
		}
		return b.mergePerson(b.person(l.DN), l)
	case "bare name":
		// The names are all spellings of one.
		var p *person
		for name := range l.Names {
			if p = b.byName(name); p != nil {
				break
			}
		}
		if p == nil {
			return errors.New("somebody without a name")
		}
		l.Mail = nil
		return b.mergePerson(p, l)
	case "name":
		for _, smtp := range l.SMTP {
			if !isMail(smtp) {
				return fmt.Errorf("%q is no mail address", smtp)
			}
			b.learnMailbox(smtp, l.Name, false)
		}
	case "domain":
		if l.Count <= 0 || l.Count > maxCount {
			return fmt.Errorf("a count of %d", l.Count)
		}
		b.mu.Lock()
		b.domains.raise(l.Domain, l.Count)
		b.mu.Unlock()
	default:
		return fmt.Errorf("%q is nothing that an address book holds", l.Type)
	}
	return nil
}

// maxCount bounds the numbers of a file, so that no sum of them overflows.
const maxCount = 1 << 40

func isMail(smtp string) bool {
	return mapi.ShapeOf(smtp) == mapi.ShapeSMTP && mapi.CleanAddress(smtp) == smtp
}

func (b *Book) mergePerson(p *person, l *line) error {
	if err := checkCounts(l.Names); err != nil {
		return err
	}
	if l.Items < 0 || l.Items > maxCount {
		return fmt.Errorf("a count of %d", l.Items)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.typ = max(p.typ, formats.ParseObjectType(l.Kind))
	p.kept.merge(&sighting{l.Items, period{l.First, l.Last}, l.Folders})
	for name, n := range l.Names {
		p.names.raise(name, n)
	}
	for i := range l.Mail {
		if err := p.mergeMail(&l.Mail[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) mergeMail(m *mailLine) error {
	if err := errors.Join(checkCounts(m.SMTP), checkCounts(m.Evidence)); err != nil {
		return err
	}
	var c *candidate
	for smtp := range m.SMTP {
		if !isMail(smtp) {
			return fmt.Errorf("%q is no mail address", smtp)
		}
		if c == nil {
			if c = p.candidate(smtp); c == nil {
				return nil
			}
		}
		if c.key != mapi.SMTPKey(smtp) {
			return fmt.Errorf("%q is another address than the one beside it", smtp)
		}
	}
	if c == nil {
		return errors.New("evidence without a mail address")
	}
	for smtp, n := range m.SMTP {
		c.texts.raise(smtp, n)
	}
	for name, n := range m.Evidence {
		class, ok := formats.ParseEvidenceClass(name)
		if !ok {
			return fmt.Errorf("%q is no sort of evidence", name)
		}
		c.counts[class] = max(c.counts[class], n)
	}
	c.period.add(period{m.First, m.Last})
	return nil
}

func checkCounts(m map[string]int) error {
	for text, n := range m {
		if n < 0 || n > maxCount {
			return fmt.Errorf("%q is counted %d times", text, n)
		}
	}
	return nil
}
