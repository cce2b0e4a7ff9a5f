package address

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Book is what is known of people: the evidence that archives gave, see [Book.Learn], and the objects of directories,
// see [Book.AddObject]. A [Ladder] answers from it.
//
// What a Book holds depends on what it was given, never on the order: archives may be learnt in any order and by any
// number of goroutines, and books merged either way.
type Book struct {
	seed maphash.Seed
	raw  [shards]shard[*person]  // by the address as it is stored
	all  [shards]shard[*person]  // by key
	mail [shards]shard[*mailbox] // by the mail address as it is stored

	mu      sync.Mutex
	owners  map[string]*owner // by source
	domains tally             // behind encapsulated names

	directories []*Directory

	witnesses sync.Pool // what Learn works with
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{seed: maphash.MakeSeed(), owners: make(map[string]*owner)}
}

// The maps are divided so that goroutines seldom meet.
const shards = 64

// maxRemembered bounds the spellings that a shard remembers; others are folded each time.
const maxRemembered = 1 << 14

type shard[T any] struct {
	mu sync.RWMutex
	m  map[string]T
}

func (s *shard[T]) get(key string) (T, bool) {
	s.mu.RLock()
	v, ok := s.m[key]
	s.mu.RUnlock()
	return v, ok
}

// put stores a value unless there is one already, and returns the one that is there.
func (s *shard[T]) put(key string, v T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.m[key]; ok {
		return old
	}
	if s.m == nil {
		s.m = make(map[string]T)
	}
	s.m[key] = v
	return v
}

func shardOf[T any](b *Book, list *[shards]shard[T], key string) *shard[T] {
	return &list[maphash.String(b.seed, key)%shards]
}

// person is who is behind one Exchange name, or behind a display name that has no address at all.
type person struct {
	mu         sync.Mutex
	key        string // never changes
	dn         string // of the spellings the last in order; empty where there is only a name
	typ        formats.ObjectType
	names      tally
	candidates []*candidate
	index      map[string]*candidate // by key, when there are many
	crowded    bool                  // there were so many candidates that none is believed, nor kept
	met        bool                  // some archive has the name, be it where people do not look
	here, kept sighting              // in archives, and in a file that was loaded
}

// sighting says in how many items that people see somebody was met, when, and where.
type sighting struct {
	items   int
	period  period
	folders []string // the first few in order
}

func (s *sighting) add(place string, when period) {
	s.items++
	s.period.add(when)
	s.folders = insert(s.folders, place, keptFolders)
}

// merge adds what a file has kept of archives that may be the same: of each number the larger stands.
func (s *sighting) merge(of *sighting) {
	s.items = max(s.items, of.items)
	s.period.add(of.period)
	for _, f := range of.folders {
		s.folders = insert(s.folders, f, keptFolders)
	}
}

// total is what archives and files tell together.
func (p *person) total() sighting {
	s := p.here
	s.folders = slices.Clone(s.folders)
	s.merge(&p.kept)
	return s
}

// candidate is a mail address that may be a person's.
type candidate struct {
	key    string
	texts  tally // spellings, by weight
	counts [formats.EvidenceClasses]int
	period period
}

// period is from the first to the last time that something was seen, in seconds since 1970; zero where it never was.
type period struct{ first, last int64 }

func (p *period) add(q period) {
	if q.first != 0 && (p.first == 0 || q.first < p.first) {
		p.first = q.first
	}
	if q.last != 0 && (p.last == 0 || q.last > p.last) {
		p.last = q.last
	}
}

func periodOf(t time.Time) period {
	if t.IsZero() || t.Unix() == 0 {
		return period{}
	}
	return period{t.Unix(), t.Unix()}
}

func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// mailbox is a mail address that stood as such.
type mailbox struct {
	mu    sync.Mutex
	key   string
	shown bool // on an item that people see
	names tally
}

const keptFolders = 3

// owner is what an archive tells of whose it is.
type owner struct{ received, sent tally }

// tally counts texts.
type tally struct {
	list  []counted
	index map[string]int // when there are many
}

type counted struct {
	text string
	n    int
}

const smallTally = 12

func (t *tally) find(s string) int {
	if t.index != nil {
		if i, ok := t.index[s]; ok {
			return i
		}
		return -1
	}
	for i := range t.list {
		if t.list[i].text == s {
			return i
		}
	}
	return -1
}

// add counts a text n more times, and reports whether it is new.
func (t *tally) add(s string, n int) bool {
	if i := t.find(s); i >= 0 {
		t.list[i].n += n
		return false
	}
	s = strings.Clone(s) // which may be a part of something big
	t.list = append(t.list, counted{s, n})
	if len(t.list) > smallTally {
		if t.index == nil {
			t.index = make(map[string]int)
			for i := range t.list {
				t.index[t.list[i].text] = i
			}
		}
		t.index[s] = len(t.list) - 1
	}
	return true
}

// raise makes the count of a text at least n.
func (t *tally) raise(s string, n int) {
	if i := t.find(s); i >= 0 {
		t.list[i].n = max(t.list[i].n, n)
		return
	}
	t.add(s, n)
}

// sorted returns the texts, those that are counted most first, equal ones in order.
func (t *tally) sorted() []counted {
	list := slices.Clone(t.list)
	slices.SortFunc(list, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.text, b.text))
	})
	return list
}

// foremost returns the few texts that are counted most, enough to compare people by.
func (t *tally) foremost() []counted {
	const few = 32
	if len(t.list) <= few {
		return t.list
	}
	return t.sorted()[:few]
}

func (t *tally) top() (text string) {
	n := -1
	for _, c := range t.list {
		if c.n > n || c.n == n && c.text < text {
			text, n = c.text, c.n
		}
	}
	return text
}

func (t *tally) sum() (n int) {
	for _, c := range t.list {
		n += c.n
	}
	return n
}

// insert adds a text to the first few in order.
func insert(list []string, s string, limit int) []string {
	i, found := slices.BinarySearch(list, s)
	if found || i >= limit {
		return list
	}
	list = slices.Insert(list, i, s)
	return list[:min(len(list), limit)]
}

// nameMark begins the keys of people who have nothing but a name. No distinguished name begins with it.
const nameMark = "="

// person returns who goes by an Exchange name.
func (b *Book) person(dn string) *person {
	remember := shardOf(b, &b.raw, dn)
	if p, ok := remember.get(dn); ok {
		return p
	}
	dn = strings.Clone(dn) // which may be a part of something big
	p := b.byKey(mapi.DNKey(dn))
	p.mu.Lock()
	p.dn = max(p.dn, mapi.CleanAddress(dn))
	p.mu.Unlock()
	remember.mu.RLock()
	full := len(remember.m) >= maxRemembered
	remember.mu.RUnlock()
	if !full {
		remember.put(dn, p)
	}
	return p
}

func (b *Book) byKey(key string) *person {
	s := shardOf(b, &b.all, key)
	if p, ok := s.get(key); ok {
		return p
	}
	key = strings.Clone(key)
	return s.put(key, &person{key: key})
}

func (b *Book) lookUp(key string) *person {
	p, _ := shardOf(b, &b.all, key).get(key)
	return p
}

// Learn adds the evidence of an item. It is called by any number of goroutines at once.
func (b *Book) Learn(lesson *formats.Lesson) {
	when := periodOf(lesson.Date)
	place := ""
	w, _ := b.witnesses.Get().(*witness)
	if w == nil {
		w = new(witness)
	}
	defer b.dismiss(w)
	for i := range lesson.Evidence {
		e := &lesson.Evidence[i]
		if e.Domain != "" && !isRouting(e.Domain) {
			b.mu.Lock()
			b.domains.add(strings.ToLower(e.Domain), 1)
			b.mu.Unlock()
		}
		switch {
		case e.Class == formats.EvidenceOwner && (e.DN == "" || e.SMTP == ""):
			b.learnOwner(lesson.Source, e)
			continue
		case e.DN == "" && e.SMTP != "":
			b.learnMailbox(e.SMTP, e.Name, !lesson.Hidden)
			continue
		case e.DN == "" && lesson.Hidden:
			continue
		}
		var p *person
		if e.DN != "" {
			p = b.person(e.DN)
		} else if p = b.byName(e.Name); p == nil {
			continue
		}
		first, fresh := w.sees(p, e)
		if !fresh {
			continue
		}
		if first && !lesson.Hidden && place == "" {
			place = w.placeName(lesson)
		}
		p.learn(e, when, first && !lesson.Hidden, place)
	}
}

// witness is an item: one witness of each thing, however often it says it.
type witness struct {
	// of the item before, which is mostly from the same place
	folder *formats.Folder
	source string
	place  string

	people []*person
	said   []*formats.Evidence
	// Where there are many:
	known map[*person]bool
	all   map[said]bool
}

type said struct {
	person *person
	class  formats.EvidenceClass
	smtp   string
	name   string
}

const fewSaid = 48

// dismiss makes a witness ready for the next item.
func (b *Book) dismiss(w *witness) {
	clear(w.people)
	clear(w.said)
	w.people, w.said, w.known, w.all = w.people[:0], w.said[:0], nil, nil
	b.witnesses.Put(w)
}

// sees reports whether the item says for the first time that there is somebody, and this of them.
func (w *witness) sees(p *person, e *formats.Evidence) (first, fresh bool) {
	if w.all == nil && len(w.said) < fewSaid {
		first, fresh = true, true
		for i, of := range w.said {
			if w.people[i] != p {
				continue
			}
			first = false
			if of.Class == e.Class && of.SMTP == e.SMTP && of.Name == e.Name {
				return false, false
			}
		}
		w.people, w.said = append(w.people, p), append(w.said, e)
		return first, fresh
	}
	if w.all == nil {
		w.known, w.all = make(map[*person]bool), make(map[said]bool)
		for i, of := range w.said {
			w.known[w.people[i]] = true
			w.all[said{w.people[i], of.Class, of.SMTP, of.Name}] = true
		}
	}
	first = !w.known[p]
	w.known[p] = true
	this := said{p, e.Class, e.SMTP, e.Name}
	fresh = !w.all[this]
	w.all[this] = true
	return first, fresh
}

func (w *witness) placeName(l *formats.Lesson) string {
	if w.place == "" || w.folder != l.Folder || w.source != l.Source {
		w.folder, w.source, w.place = l.Folder, l.Source, placeName(l)
	}
	return w.place
}

// placeName names the folder of an item to people.
func placeName(l *formats.Lesson) string {
	folder := l.Folder.String()
	if l.Source == "" {
		return folder
	}
	return l.Source + ": " + folder
}

func (p *person) learn(e *formats.Evidence, when period, seen bool, place string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.met = true
	if seen {
		p.here.add(place, when)
	}
	p.typ = max(p.typ, e.Type)
	if e.Name != "" {
		p.names.add(e.Name, 1)
	}
	if e.SMTP == "" {
		return
	}
	if c := p.candidate(e.SMTP); c != nil {
		c.counts[e.Class]++
		c.texts.add(e.SMTP, weights[e.Class])
		c.period.add(when)
	}
}

const (
	// mostCandidates is how many mail addresses may be one person's. Who seems to have more has none, in whatever order
	// they come.
	mostCandidates = 4096
	// fewCandidates are looked through one after the other.
	fewCandidates = 12
)

// candidate returns the candidate with an address; nil where there are too many.
func (p *person) candidate(smtp string) *candidate {
	if p.crowded {
		return nil
	}
	if p.index == nil {
		for _, c := range p.candidates {
			if c.texts.find(smtp) >= 0 {
				return c
			}
		}
	}
	key := mapi.SMTPKey(smtp)
	if p.index != nil {
		if c := p.index[key]; c != nil {
			return c
		}
	} else if i := slices.IndexFunc(p.candidates, func(c *candidate) bool { return c.key == key }); i >= 0 {
		return p.candidates[i]
	}
	if len(p.candidates) == mostCandidates {
		p.crowded, p.candidates, p.index = true, nil, nil
		return nil
	}
	c := &candidate{key: strings.Clone(key)}
	p.candidates = append(p.candidates, c)
	switch {
	case p.index != nil:
		p.index[c.key] = c
	case len(p.candidates) > fewCandidates:
		p.index = make(map[string]*candidate)
		for _, c := range p.candidates {
			p.index[c.key] = c
		}
	}
	return c
}

// byName returns who has nothing but a name; nil for what is no name.
func (b *Book) byName(name string) *person {
	key := formats.NameKey(name)
	if key == "" {
		return nil
	}
	return b.byKey(nameMark + key)
}

// learnMailbox adds a mail address that stood as such.
func (b *Book) learnMailbox(smtp, name string, shown bool) {
	s := shardOf(b, &b.mail, smtp)
	m, ok := s.get(smtp)
	if !ok {
		smtp = strings.Clone(smtp)
		m = s.put(smtp, &mailbox{key: mapi.SMTPKey(smtp)})
	}
	m.mu.Lock()
	m.shown = m.shown || shown
	if name != "" && m.names.find(name) < 0 {
		m.names.add(name, 1)
	}
	m.mu.Unlock()
}

// learnOwner notes who receives what is in an archive, and from which address what was sent is.
func (b *Book) learnOwner(source string, e *formats.Evidence) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.owners[source]
	if o == nil {
		o = new(owner)
		b.owners[source] = o
	}
	if e.DN != "" {
		o.received.add(e.DN, 1)
	} else {
		o.sent.add(e.SMTP, 1)
	}
}

// ownerPairs returns the addresses of archives' owners, by the key of their Exchange name: who receives nearly all that
// an archive has received is who sends nearly all that it has sent.
func (b *Book) ownerPairs() map[string][]string {
	const least = 3
	b.mu.Lock()
	defer b.mu.Unlock()
	pairs := make(map[string][]string)
	for _, o := range b.owners {
		var received, sent tally
		for _, c := range o.received.list {
			received.add(mapi.DNKey(c.text), c.n)
		}
		texts := make(map[string]*tally)
		for _, c := range o.sent.list {
			key := mapi.SMTPKey(c.text)
			sent.add(key, c.n)
			if texts[key] == nil {
				texts[key] = new(tally)
			}
			texts[key].add(c.text, c.n)
		}
		who, from := received.sorted(), sent.sorted()
		if len(who) == 0 || len(from) == 0 || who[0].n < least || from[0].n < least ||
			who[0].n*100 < received.sum()*leastShare || from[0].n*100 < sent.sum()*leastShare {
			continue
		}
		pairs[who[0].text] = append(pairs[who[0].text], texts[from[0].text].top())
	}
	for key := range pairs {
		slices.Sort(pairs[key])
	}
	return pairs
}

// people returns everybody, in the order of their keys.
func (b *Book) people() []*person {
	var list []*person
	for i := range b.all {
		s := &b.all[i]
		s.mu.RLock()
		for _, p := range s.m {
			list = append(list, p)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(list, func(a, b *person) int { return cmp.Compare(a.key, b.key) })
	return list
}

// Domain returns the mail domain that encapsulated names had behind them most often; empty where there were none.
func (b *Book) Domain() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.domains.top()
}

// isRouting reports whether a domain is one that Microsoft's servers use among each other.
func isRouting(domain string) bool {
	domain = strings.ToLower(domain)
	return strings.HasSuffix(domain, ".prod.outlook.com") || strings.HasSuffix(domain, ".onmicrosoft.com")
}

// domainOf returns the domain of a mail address in lower case.
func domainOf(smtp string) string {
	return strings.ToLower(smtp[strings.LastIndexByte(smtp, '@')+1:])
}

// related reports whether two people may be one by their names: all words of a name of the one are in a name of the
// other, or one has no name. A surname in common makes a family, not a person.
func related(a, b *tally) bool {
	if len(a.list) == 0 || len(b.list) == 0 {
		return true
	}
	for _, x := range a.foremost() {
		for _, y := range b.foremost() {
			one, other := strings.Fields(formats.NameKey(x.text)), strings.Fields(formats.NameKey(y.text))
			if len(one) > len(other) {
				one, other = other, one
			}
			if !slices.ContainsFunc(one, func(word string) bool { return !slices.Contains(other, word) }) {
				return true
			}
		}
	}
	return false
}

// ownName reports whether what stands before the "@" of a mail address is what a person's Exchange name ends in.
func (p *person) ownName(smtpKey string) bool {
	local, _, _ := strings.Cut(smtpKey, "@")
	cn := p.key[strings.LastIndexByte(p.key, '=')+1:]
	return cn == local || strings.HasSuffix(cn, "-"+local)
}

// numberedUnlike reports whether what stands before the "@" of a mail address is what a person's Exchange name ends in but
// for the number behind it: jdoe2 is not jdoe1, who may well have the same name.
func (p *person) numberedUnlike(smtpKey string) bool {
	const least, digits = 3, "0123456789"
	local, _, _ := strings.Cut(smtpKey, "@")
	stem := strings.TrimRight(local, digits)
	cn := p.key[strings.LastIndexByte(p.key, '=')+1:]
	at := strings.LastIndex(cn, stem)
	if len(stem) < least || len(stem) == len(local) || at < 0 || at > 0 && cn[at-1] != '-' {
		return false
	}
	rest := cn[at+len(stem):]
	number := rest[:len(rest)-len(strings.TrimLeft(rest, digits))]
	return number != "" && number != local[len(stem):]
}

// namedLike reports whether a mail address looks like one of a person's names: it has a word of it and at least the first
// letter of another, if there is one.
func (p *person) namedLike(smtpKey string) bool {
	const least = 3
	local, _, _ := strings.Cut(smtpKey, "@")
	for _, c := range p.names.foremost() {
		words := strings.Fields(formats.NameKey(c.text))
		for i, word := range words {
			if len(word) < least || !strings.Contains(local, word) {
				continue
			}
			rest := strings.Replace(local, word, "", 1)
			others := slices.Delete(slices.Clone(words), i, i+1)
			if len(others) == 0 || slices.ContainsFunc(others, func(w string) bool {
				r, _ := utf8.DecodeRuneInString(w)
				return strings.ContainsRune(rest, r)
			}) {
				return true
			}
		}
	}
	return false
}
