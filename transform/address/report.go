package address

import (
	"fmt"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Report is what a ladder knows of everybody who lacked a mail address somewhere, one [Person] for each distinguished
// name, and for each display name that stood where an address should. The people are in the order of their keys.
type Report struct {
	People []Person
	// Mailboxes is the number of different people on items that people see who had mail addresses or were given one:
	// two names of one person count once.
	mailboxes, guessed int
}

// Person is one line of a report.
type Person struct {
	// Key is what all spellings of DN have in common; see [Key].
	Key string
	// DN is the distinguished name as stored; empty for one who has nothing but a name.
	DN string
	// Names are the display names, most frequent first.
	Names []Count
	Type  formats.ObjectType
	// SMTP is the answer, Via how it is known and Confidence how sure it is; empty, "none" and 0 where there is none.
	Answer
	// Candidates are the addresses that evidence speaks for, the heaviest first.
	Candidates []Candidate
	// Evidence is the number of witnesses of each class, for all candidates together.
	Evidence [formats.EvidenceClasses]int
	// Items is the number of items that people see in which somebody goes by the name; First and Last are the dates
	// of the first and the last, Folders some of their folders, as "archive: folder". One who occurs only where people do
	// not look has no items.
	Items       int
	First, Last time.Time
	Folders     []string

	// Ambiguous says that evidence speaks for more than one address and for none enough.
	Ambiguous bool
	// Guessed says that the answer comes of a rule or a name.
	Guessed bool
	// Conflicts are what contradicts the answer: the address that archives tell where a directory tells another and does
	// not have it as a further one, or those of directories that disagree; Where says where the directory's answer was read.
	Conflicts []string
	Where     string
	// Outside says that the answer is no address of the accepted domains, where there are such.
	Outside bool
	// System says that the name is one of Exchange's own, which is nobody's.
	System bool
}

// Count is a text and how often it occurred.
type Count struct {
	Text  string
	Count int
}

// Candidate is a mail address that evidence speaks for.
type Candidate struct {
	SMTP   string
	Weight int
	// Share is the part of all the weight that it has, from 0 to 1.
	Share       float64
	Evidence    [formats.EvidenceClasses]int
	First, Last time.Time
	// Stranger says that the address counts for nothing, as it is another's, with whom the person has no name in common.
	Stranger bool
}

// Open reports whether nobody knows the person's mail address.
func (p *Person) Open() bool { return p.SMTP == "" }

const topNames = 3

// Report tells what the ladder knows of everybody in the book.
func (l *Ladder) Report() *Report { return l.report(false) }

// RunReport is a report of those only who are in archives that the book has learnt from: who stands in a file that it has
// loaded helps to answer, but is not asked for.
func (l *Ladder) RunReport() *Report { return l.report(true) }

func (l *Ladder) report(run bool) *Report {
	r := new(Report)
	mail := make(map[string]bool)    // keys of addresses of people who were seen
	guessed := make(map[string]bool) // those that are known by a guess only
	for i := range l.book.mail {
		for _, m := range l.book.mail[i].m {
			if m.shown {
				mail[m.key] = true
			}
		}
	}
	for _, p := range l.book.people() {
		if run && !p.met {
			continue
		}
		person := l.person(p)
		if run {
			person.seen(&p.here)
		}
		r.People = append(r.People, person)
		switch {
		case person.Items == 0 || person.Open():
		case person.Guessed:
			guessed[mapi.SMTPKey(person.SMTP)] = true
		default:
			mail[mapi.SMTPKey(person.SMTP)] = true
		}
	}
	r.mailboxes = len(mail)
	for key := range guessed {
		if !mail[key] {
			r.guessed++
		}
	}
	return r
}

// Person returns what the ladder knows of who goes by a stored address, as [Report] has it; false for one whom the book
// does not know.
func (l *Ladder) Person(stored string) (Person, bool) {
	p := l.book.lookUp(Key(stored))
	if p == nil {
		return Person{}, false
	}
	return l.person(p), true
}

func (l *Ladder) person(p *person) Person {
	person := Person{Key: p.key, DN: p.dn, Type: p.typ, System: isSystem(p.key)}
	total := p.total()
	person.seen(&total)
	for i, c := range p.names.sorted() {
		if i == topNames {
			break
		}
		person.Names = append(person.Names, Count{c.text, c.n})
	}
	claims := l.claims(p)
	weight := 0
	for _, c := range claims {
		weight += c.weight
	}
	for _, c := range claims {
		person.Candidates = append(person.Candidates, Candidate{
			SMTP: c.smtp, Weight: c.weight, Share: float64(c.weight) / float64(max(weight, 1)), Evidence: c.counts,
			First: timeOf(c.period.first), Last: timeOf(c.period.last), Stranger: c.void,
		})
		for class, n := range c.counts {
			person.Evidence[class] += n
		}
	}
	q := Query{Key: p.key, DN: p.dn}
	if p.dn == "" {
		if names := p.names.sorted(); len(names) > 0 {
			q.Name = names[0].text
		}
	}
	person.Via = formats.ViaNone
	for _, rung := range l.rungs {
		if answer, ok := rung.Resolve(&q); ok && answer.Confidence >= l.o.MinConfidence {
			person.Answer = answer
			break
		}
	}
	person.Guessed = person.Via == formats.ViaGuess || person.Via == formats.ViaRule
	winner, ambiguous := l.voters.vote(claims, time.Time{})
	person.Ambiguous = ambiguous && (person.Open() || person.Guessed)
	if f, ok := l.book.inDirectories(p.key); ok {
		person.Where = f.where
		if person.Type == formats.ObjectUnknown {
			person.Type = f.typ
		}
		if len(person.Names) == 0 && f.name != "" {
			person.Names = []Count{{f.name, 0}}
		}
		switch {
		case f.conflict != nil:
			person.Conflicts = f.conflict
		case winner >= 0 && claims[winner].key != mapi.SMTPKey(f.smtp) && !l.book.alsoReaches(claims[winner].key, f.smtp):
			person.Conflicts = []string{claims[winner].smtp}
		}
	}
	if person.SMTP != "" && len(l.voters.accepted) > 0 {
		person.Outside = !l.voters.accepted[domainOf(mapi.SMTPKey(person.SMTP))] && !l.voters.accepted[domainOf(person.SMTP)]
	}
	return person
}

// seen says in how many items somebody was met.
func (p *Person) seen(s *sighting) {
	p.Items, p.First, p.Last, p.Folders = s.items, timeOf(s.period.first), timeOf(s.period.last), s.folders
}

// Summary counts people: everybody on items that people see, those included who had a mail address all along.
type Summary struct{ People, Resolved, Guessed, Open int }

// String is the line that ends a run.
func (s Summary) String() string {
	people := "people"
	if s.People == 1 {
		people = "person"
	}
	return fmt.Sprintf("%s %s: %s resolved, %s guessed, %s open", grouped(s.People), people, grouped(s.Resolved), grouped(s.Guessed), grouped(s.Open))
}

// grouped writes a number with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Summary counts the people of the report.
func (r *Report) Summary() Summary {
	s := Summary{Resolved: r.mailboxes, Guessed: r.guessed}
	for i := range r.People {
		if p := &r.People[i]; p.Items > 0 && p.Open() {
			s.Open++
		}
	}
	s.People = s.Resolved + s.Guessed + s.Open
	return s
}

// The lists of a report. All but Conflicting leave out those who occur on no item that people see.

// Unresolved returns those whose address nobody knows.
func (r *Report) Unresolved() []Person {
	return r.filter(func(p *Person) bool { return p.Items > 0 && p.Open() })
}

// Ambiguous returns those for whom evidence speaks for more than one address.
func (r *Report) Ambiguous() []Person {
	return r.filter(func(p *Person) bool { return p.Items > 0 && p.Ambiguous })
}

// Guessed returns those whose answer is a guess.
func (r *Report) Guessed() []Person {
	return r.filter(func(p *Person) bool { return p.Items > 0 && p.Guessed })
}

// Conflicting returns those of whom directories say something else than archives, or than each other.
func (r *Report) Conflicting() []Person {
	return r.filter(func(p *Person) bool { return len(p.Conflicts) > 0 })
}

// Outside returns those whose answer lies outside of the accepted domains.
func (r *Report) Outside() []Person {
	return r.filter(func(p *Person) bool { return p.Items > 0 && p.Outside })
}

func (r *Report) filter(wanted func(*Person) bool) []Person {
	var list []Person
	for i := range r.People {
		if wanted(&r.People[i]) {
			list = append(list, r.People[i])
		}
	}
	return list
}
