package address

import (
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Options say how a book's knowledge is used.
type Options struct {
	// AcceptedDomains are those of the organisation. They decide near ties.
	AcceptedDomains []string
	// Rules make addresses of distinguished names that nothing else resolves. What they make is marked as such.
	Rules []*Rule
	// MinConfidence is what an answer must have at least, from 0 to 1: 0.98 for what stands on the item, 0.97 for a
	// directory, 0.9 for the item's own header, 0.6 to 0.95 for what was learnt, 0.5 for a name, 0.3 for a rule.
	MinConfidence float64
	// AsOf answers with the address that a person had when the item was made, where several succeeded each other, and
	// not with the latest.
	AsOf bool
	// Names allows an answer by nothing but a display name, where all that is known agrees that only one person has it.
	Names bool
	// Unresolved says what is written for those who stay unresolved.
	Unresolved Policy
	// Domain stands behind addresses that the policy IMCEAEX makes. Empty is the first accepted domain, else the one that
	// archives have most.
	Domain string
}

// Ladder answers from a book: one rung after the other is asked, the surest first. The book is complete by then.
type Ladder struct {
	book   *Book
	o      Options
	voters voters
	rungs  []Rung

	owners  map[string][]string
	strong  map[string]strongest // by key of the mail address
	domains map[string]int       // how many people may have addresses in them
	crowds  sync.Map             // the claims of people who have many, by *person
}

// strongest is who has the best claim to a mail address.
type strongest struct {
	person *person
	weight int
}

// Ladder returns the rungs of what the book knows. It goes through the whole book once.
func (b *Book) Ladder(o Options) *Ladder {
	l := &Ladder{book: b, o: o, owners: b.ownerPairs(), strong: make(map[string]strongest), domains: make(map[string]int)}
	l.voters = voters{accepted: make(map[string]bool), asOf: o.AsOf}
	for _, domain := range o.AcceptedDomains {
		l.voters.accepted[strings.ToLower(strings.TrimPrefix(strings.TrimSpace(domain), "@"))] = true
	}
	people := b.people()
	for _, p := range people {
		for i, c := range p.candidates {
			domain := domainOf(c.key)
			if !slices.ContainsFunc(p.candidates[:min(i, fewCandidates)], func(c *candidate) bool { return domainOf(c.key) == domain }) {
				l.domains[domain]++
			}
			cl := p.claim(c)
			if s := l.strong[c.key]; cl.weight > s.weight || cl.weight == s.weight && (s.person == nil || p.key < s.person.key) {
				l.strong[c.key] = strongest{p, cl.weight}
			}
		}
	}
	l.rungs = []Rung{byPerson{b}, byDirectory{b}, byEvidence{l}}
	if o.Names {
		l.rungs = append(l.rungs, newByNames(l, people))
	}
	if len(o.Rules) > 0 {
		l.rungs = append(l.rungs, byRules{o.Rules})
	}
	return l
}

// Resolver returns a step that resolves with the ladder.
func (l *Ladder) Resolver() *Resolver {
	domain := l.o.Domain
	if domain == "" && len(l.o.AcceptedDomains) > 0 {
		domain = strings.TrimPrefix(strings.TrimSpace(l.o.AcceptedDomains[0]), "@")
	}
	if domain == "" {
		domain = l.book.Domain()
	}
	return &Resolver{Rungs: l.rungs, MinConfidence: l.o.MinConfidence, Unresolved: l.o.Unresolved, Domain: domain, dated: l.o.AsOf, fixed: l.hasFixed()}
}

// hasFixed reports whether a person has given answers, which go before what stands on an item.
func (l *Ladder) hasFixed() bool {
	return slices.ContainsFunc(l.book.directories, func(d *Directory) bool {
		return slices.ContainsFunc(d.objects, func(o object) bool { return o.fixed })
	})
}

// claims returns the candidates of a person, the best first. They must not be changed.
func (l *Ladder) claims(p *person) []claim {
	if len(p.candidates) <= fewCandidates {
		return l.weigh(p)
	}
	if list, ok := l.crowds.Load(p); ok {
		return list.([]claim)
	}
	list := l.weigh(p)
	l.crowds.Store(p, list)
	return list
}

func (l *Ladder) weigh(p *person) []claim {
	list := make([]claim, 0, len(p.candidates)+1)
	for _, c := range p.candidates {
		cl := p.claim(c)
		if s := l.strong[c.key]; s.person != p && s.weight >= stronger*cl.weight && cl.weight > 0 {
			cl.void = isStranger(p, s.person, c.key)
		}
		cl.void = cl.void || l.isOutsiders(p, c)
		list = append(list, cl)
	}
	for _, smtp := range l.owners[p.key] {
		key := mapi.SMTPKey(smtp)
		i := slices.IndexFunc(list, func(c claim) bool { return c.key == key })
		if i < 0 {
			i = len(list)
			list = append(list, claim{smtp: smtp, key: key})
		}
		list[i].counts[formats.EvidenceOwner]++
		list[i].weight += weights[formats.EvidenceOwner]
	}
	slices.SortFunc(list, compareClaims)
	return list
}

// isStranger reports whether one person with an address that is much more another's is not that other: nothing in the
// names, and nothing in the address, says so; or they are namesakes.
func isStranger(p, other *person, smtpKey string) bool {
	if p.numberedUnlike(smtpKey) {
		return true
	}
	if related(&other.names, &p.names) || p.ownName(smtpKey) {
		return false
	}
	return other.namedLike(smtpKey) || !p.namedLike(smtpKey)
}

// isOutsiders reports whether a mail address that one witness alone gives to a person is that of somebody without an
// Exchange name: who has the address elsewhere has no name in common with the person, the address does not look like the
// person's, and nobody else with an Exchange name has one in its domain.
func (l *Ladder) isOutsiders(p *person, c *candidate) bool {
	witnesses := 0
	for _, n := range c.counts {
		witnesses += n
	}
	if witnesses != 1 || l.domains[domainOf(c.key)] > 1 || p.ownName(c.key) || p.namedLike(c.key) {
		return false
	}
	for _, text := range c.texts.list {
		if m, ok := shardOf(l.book, &l.book.mail, text.text).get(text.text); ok && !related(&m.names, &p.names) {
			return true
		}
	}
	return false
}

// byPerson is the rung of answers that a person gave, and byDirectory that of what directories know.
type (
	byPerson    struct{ book *Book }
	byDirectory struct{ book *Book }
)

func (r byPerson) Resolve(q *Query) (Answer, bool) {
	for _, key := range [...]string{q.Key, q.Mail} {
		if key == "" {
			continue
		}
		if f, ok := r.book.inDirectories(key); ok && f.fixed && f.conflict == nil {
			return Answer{SMTP: f.smtp, Via: formats.ViaDirectory, Confidence: 1}, true
		}
	}
	return Answer{}, false
}

func (r byDirectory) Resolve(q *Query) (Answer, bool) {
	if q.Key == "" {
		return Answer{}, false
	}
	f, ok := r.book.inDirectories(q.Key)
	if !ok || f.fixed || f.conflict != nil {
		return Answer{}, false
	}
	return Answer{SMTP: f.smtp, Via: formats.ViaDirectory, Confidence: 0.97}, true
}

// byEvidence is the rung of what archives tell.
type byEvidence struct{ l *Ladder }

func (r byEvidence) Resolve(q *Query) (Answer, bool) {
	if q.Key == "" || strings.HasPrefix(q.Key, nameMark) {
		return Answer{}, false
	}
	p := r.l.book.lookUp(q.Key)
	if p == nil {
		return Answer{}, false
	}
	claims := r.l.claims(p)
	i, _ := r.l.voters.vote(claims, q.Date)
	if i < 0 {
		return Answer{}, false
	}
	return Answer{SMTP: claims[i].smtp, Via: formats.ViaLearnt, Confidence: confidence(claims, i)}, true
}

// byNames is the rung of display names. A name of two words answers if nothing that is known of it contradicts: one
// Exchange name at most goes by it, and one mail address, of a domain that others of its organisation have.
type byNames struct {
	l       *Ladder
	uses    map[string]nameUse         // by key of a name
	domains map[string]map[string]bool // of an organisation, "/o=example"
}

// nameUse is who goes by a name: a few of each, as more than one is too many.
type nameUse struct{ dns, smtp []string }

const keptUses = 3

func newByNames(l *Ladder, people []*person) *byNames {
	r := &byNames{l, make(map[string]nameUse), make(map[string]map[string]bool)}
	for i := range l.book.mail {
		for _, m := range l.book.mail[i].m {
			for _, name := range m.names.list {
				r.use(name.text, "", m.key)
			}
		}
	}
	for _, p := range people {
		for _, name := range p.names.list {
			if p.dn != "" {
				r.use(name.text, p.key, "")
			}
			for _, c := range p.candidates {
				r.use(name.text, "", c.key)
			}
		}
		org := organisation(p.key)
		if org == "" {
			continue
		}
		claims := l.claims(p)
		if i, _ := l.voters.vote(claims, time.Time{}); i >= 0 {
			if r.domains[org] == nil {
				r.domains[org] = make(map[string]bool)
			}
			r.domains[org][domainOf(claims[i].key)] = true
		}
	}
	return r
}

// use notes who goes by a name.
func (r *byNames) use(name, dn, smtp string) {
	key := formats.NameKey(name)
	u := r.uses[key]
	if dn != "" {
		u.dns = insert(u.dns, dn, keptUses)
	}
	if smtp != "" {
		u.smtp = insert(u.smtp, smtp, keptUses)
	}
	r.uses[key] = u
}

// organisation returns the first part of a folded distinguished name.
func organisation(key string) string {
	if !strings.HasPrefix(key, "/o=") {
		return ""
	}
	if i := strings.IndexByte(key[1:], '/'); i > 0 {
		return key[:i+1]
	}
	return key
}

func (r *byNames) Resolve(q *Query) (Answer, bool) {
	if q.Mail != "" || isSystem(q.Key) {
		return Answer{}, false
	}
	var names []string
	bare := strings.HasPrefix(q.Key, nameMark)
	if bare {
		names = append(names, q.Name)
	} else if p := r.l.book.lookUp(q.Key); p != nil {
		for _, c := range p.names.sorted() {
			names = append(names, c.text)
		}
	}
	answer := ""
	for _, name := range names[:min(len(names), keptUses)] {
		key := formats.NameKey(name)
		if strings.Count(key, " ") < 1 {
			continue
		}
		dns, smtp := r.who(key)
		own := !bare && len(dns) == 1 && dns[0] == q.Key || len(dns) == 0
		if bare {
			own = len(dns) <= 1
		}
		if !own || len(smtp) != 1 || answer != "" && mapi.SMTPKey(answer) != smtp[0] {
			return Answer{}, false
		}
		answer = smtp[0]
	}
	if answer == "" {
		return Answer{}, false
	}
	if known := r.domains[organisation(q.Key)]; !bare && !known[domainOf(answer)] && !r.l.voters.accepted[domainOf(answer)] {
		return Answer{}, false
	}
	return Answer{SMTP: answer, Via: formats.ViaGuess, Confidence: 0.5}, true
}

// who returns the Exchange names and mail addresses that go by a name, in archives and directories.
func (r *byNames) who(key string) (dns, smtp []string) {
	u := r.uses[key]
	dns, smtp = u.dns, slices.Clone(u.smtp)
	for _, d := range r.l.book.directories {
		for _, c := range d.find(nil, nameMark+key) {
			if c.kind == claimName {
				smtp = insert(smtp, mapi.SMTPKey(c.smtp()), keptUses)
			}
		}
	}
	return dns, smtp
}

// cache remembers answers by the stored address.
type cache struct {
	mu sync.RWMutex
	m  map[string]Answer
}

// Bounds of the answers that are remembered.
const (
	maxCached  = 1 << 15
	longestKey = 1 << 10 // bytes
)

func (c *cache) get(stored string) (Answer, bool) {
	c.mu.RLock()
	a, ok := c.m[stored]
	c.mu.RUnlock()
	return a, ok
}

func (c *cache) put(stored string, a Answer) {
	c.mu.Lock()
	if c.m == nil || len(c.m) >= maxCached {
		c.m = make(map[string]Answer)
	}
	c.m[strings.Clone(stored)] = a // it may be a part of a long field
	c.mu.Unlock()
}
