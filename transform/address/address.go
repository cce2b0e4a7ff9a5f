// Package address gives participants the mail addresses they lack.
//
// Exchange knows people by distinguished names, "/o=Org/ou=Site/cn=Recipients/cn=user", and an archive may hold nothing
// else for them. A [Book] learns from all archives of a run, before anything is written, who has which name and which
// address, and may know directories besides. A [Ladder] answers from it: its rungs are asked one after the other, surest
// first, and the first that knows an address gives it. A [Resolver] is the step of a run that visits every participant of
// an item and asks; for those who stay unresolved a [Policy] decides what is written in their stead, as a distinguished
// name can stand in no address field.
//
//	book := address.NewBook()
//	load.Learn(ctx, load.Lessons{Sources: sources, Pupil: book})
//	ladder := book.Ladder(address.Options{AcceptedDomains: []string{"example.org"}})
//	plan.Steps = append(plan.Steps, ladder.Resolver())
//	fmt.Println(ladder.RunReport().Summary())
//
// The rungs, and how sure they are:
//
//	 1     an answer that a person gave                   directory
//	 1     the stored address is one for mail             stored
//	0.98   an SMTP property, one-off or search key of it  item
//	0.97   a directory                                    directory
//	0.9    the item's own header                          headers
//	0.6 …  evidence elsewhere in the archives             learnt
//	0.5    a display name that only one has, on demand    guess
//	0.3    a rule that the user gave                      rule
//
// A wrong address is worse than none: evidence that contradicts itself answers nothing, and a name alone decides only
// where the user asks for it.
package address

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Query asks for the mail address of a participant.
type Query struct {
	// Key is what is common to all spellings of the stored address; see [Key]. For one who is only a name it is "=" and the
	// name's key; it is empty for who has a mail address.
	Key string
	// Mail is the key of the mail address of who has one.
	Mail string
	// DN is the distinguished name, decoded and clean; Name the display name.
	DN, Name string
	// Date is that of the item, if it matters.
	Date time.Time
}

// Answer is a mail address, how it is known and how sure it is, from 0 to 1.
type Answer struct {
	SMTP       string
	Via        formats.Via
	Confidence float64
}

// Rung is one way to find the address of a participant. It is asked by several goroutines at once.
type Rung interface {
	// Resolve returns an address; false where the rung does not know.
	Resolve(*Query) (Answer, bool)
}

// The confidence in what stands on an item.
const (
	sureStored  = 1
	sureItem    = 0.98
	sureShared  = 0.95 // beside another role of the same item
	sureHeaders = 0.9
)

// Resolver is a step that resolves participants.
type Resolver struct {
	Rungs []Rung
	// MinConfidence is the least that an answer must have, also one that the item has.
	MinConfidence float64
	// Unresolved is the policy for those whom no rung knows.
	Unresolved Policy
	// Domain stands behind the addresses that the policy [PolicyIMCEAEX] makes.
	Domain string

	dated bool // answers depend on the item's date
	fixed bool // there are answers that go before what stands on an item
	known cache
}

// Apply implements load.Step. It keeps every item. With [PolicyFail] an item with a participant who stays unresolved
// fails with an [UnresolvedError].
func (r *Resolver) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	w := walk{r: r}
	if r.dated {
		w.date = it.Date
	}
	if it.Mail != nil {
		w.mail(it.Mail)
	} else {
		it.Participants(func(a *formats.Address) { w.resolve(a, false) })
	}
	if w.open != nil && r.Unresolved == PolicyFail {
		return true, &UnresolvedError{*w.open}
	}
	return true, nil
}

// UnresolvedError is the failure of an item with a participant whose address nobody knows.
type UnresolvedError struct{ Address formats.Address }

func (e *UnresolvedError) Error() string {
	return fmt.Sprintf("no mail address is known for %q (%s)", e.Address.Name, e.Address.Stored)
}

// walk resolves the participants of one item.
type walk struct {
	r    *Resolver
	date time.Time
	open *formats.Address // the first who stays unresolved
}

func (w *walk) mail(m *formats.Mail) {
	for _, a := range [...]*formats.Address{m.From, m.Sender} {
		if a != nil {
			w.resolve(a, false)
		}
	}
	w.list(m.ReplyTo, false)
	for _, list := range [...][]*formats.Address{m.To, m.Cc, m.Bcc} {
		w.list(list, true)
	}
	for i := range m.Header {
		if f := &m.Header[i]; len(f.Addresses) > 0 {
			w.list(f.Addresses, isRecipientField(f.Name))
		}
	}
	if m.Root != nil {
		w.part(m.Root)
	}
	dropSender(m)
}

func (w *walk) part(p *formats.Part) {
	if p.Raw != nil {
		return // it is written as it came
	}
	w.list(p.Names, false)
	if p.Message != nil {
		w.mail(p.Message)
	}
	for _, c := range p.Parts {
		w.part(c)
	}
}

func (w *walk) list(list []*formats.Address, recipients bool) {
	for _, a := range list {
		w.resolve(a, recipients)
	}
}

// isRecipientField reports whether a field names those to whom a mail goes: there a group may stand for a person.
func isRecipientField(name string) bool {
	switch strings.ToLower(name) {
	case "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc":
		return true
	}
	return false
}

// dropSender removes the Sender of a mail where he turns out to be who it is from (RFC 5322 3.6.2). A field that
// arrived as it is stays, unless an address in it is written anew.
func dropSender(m *formats.Mail) {
	if m.Sender != nil && m.From != nil && sameMailbox(m.Sender, m.From) {
		m.Sender = nil
	}
	var from *formats.Address
	for i := range m.Header {
		if f := &m.Header[i]; strings.EqualFold(f.Name, "From") && len(f.Addresses) == 1 {
			from = f.Addresses[0]
		}
	}
	if from == nil || m.Original != nil {
		return
	}
	for i := range m.Header {
		f := &m.Header[i]
		if !strings.EqualFold(f.Name, "Sender") || len(f.Addresses) != 1 || !sameMailbox(f.Addresses[0], from) {
			continue
		}
		if a := f.Addresses[0]; f.Raw == nil || a.SMTP != a.Stored {
			m.Header = append(m.Header[:i:i], m.Header[i+1:]...)
			return
		}
	}
}

func sameMailbox(a, b *formats.Address) bool {
	return a.SMTP != "" && b.SMTP != "" && (a.SMTP == b.SMTP || mapi.SMTPKey(a.SMTP) == mapi.SMTPKey(b.SMTP))
}

// resolve gives a participant the best address that is known, or what the policy writes for want of one.
func (w *walk) resolve(a *formats.Address, recipient bool) {
	r := w.r
	if a.SMTP != "" && (a.Via == formats.ViaStored || a.Via == "") && !r.fixed {
		return
	}
	if a.Stored == "" && a.Name == "" && a.SMTP == "" {
		return // an empty group
	}
	answer := r.answer(a, w.date)
	if answer.SMTP != "" {
		a.SMTP, a.Via, a.Placeholder = answer.SMTP, answer.Via, ""
		return
	}
	a.SMTP, a.Via = "", formats.ViaNone
	if w.open == nil && mapi.CleanAddress(a.Stored) != "" && !isAddrSpec(mapi.CleanAddress(a.Stored)) {
		w.open = a
	}
	r.Unresolved.apply(a, r.Domain, recipient)
}

// answer returns the best answer that is sure enough.
func (r *Resolver) answer(a *formats.Address, date time.Time) Answer {
	own := Answer{SMTP: a.SMTP, Via: a.Via}
	switch a.Via {
	case formats.ViaStored, "":
		own.Confidence = sureStored
	case formats.ViaItem:
		own.Confidence = sureItem
	case formats.ViaHeaders:
		own.Confidence = sureHeaders
	default:
		own.Confidence = sureShared
	}
	if own.SMTP != "" && own.Confidence < r.MinConfidence {
		own.SMTP = ""
	}
	if own.SMTP != "" && !r.fixed {
		return own
	}
	q := query(a, date)
	remember := !r.dated && q.Key != "" && q.DN != "" && len(a.Stored) <= longestKey
	if remember {
		if known, ok := r.known.get(a.Stored); ok {
			return better(known, own)
		}
	}
	var found Answer
	for _, rung := range r.Rungs {
		if answer, ok := rung.Resolve(&q); ok && answer.Confidence >= r.MinConfidence {
			found = answer
			break
		}
	}
	if remember {
		r.known.put(a.Stored, found)
	}
	return better(found, own)
}

// better returns what stands on the item unless the other is an answer that a person gave, or there is nothing else.
func better(found, own Answer) Answer {
	if own.SMTP == "" || found.SMTP != "" && found.Confidence >= sureStored {
		return found
	}
	return own
}

// query asks for a participant.
func query(a *formats.Address, date time.Time) Query {
	q := Query{Name: a.Name, Date: date}
	stored := mapi.CleanAddress(a.Stored)
	shape := mapi.ShapeOf(stored)
	if shape == mapi.ShapeIMCEA {
		if _, inner, _, ok := mapi.DecodeIMCEA(stored); ok {
			stored = mapi.CleanAddress(inner)
			shape = mapi.ShapeOf(stored)
		}
	}
	switch {
	case shape == mapi.ShapeDN:
		q.DN, q.Key = stored, mapi.DNKey(stored)
	case shape == mapi.ShapeSMTP:
		q.Mail = mapi.SMTPKey(stored)
	case a.SMTP != "":
		q.Mail = mapi.SMTPKey(a.SMTP)
	default:
		name := a.Name
		if name == "" {
			name = stored
		}
		if key := formats.NameKey(name); key != "" {
			q.Key, q.Name = nameMark+key, name
		}
	}
	return q
}

// Domain is that of the addresses that [Invalid] makes. Nothing is ever delivered there (RFC 2606 2).
const Domain = "unresolved.invalid"

// Policy says what is written for a participant whose address nobody knows. In mail that came in bytes nothing is written:
// what stands there stays.
type Policy uint8

// The policies.
const (
	// PolicyInvalid writes an address at [Domain], see [Invalid].
	PolicyInvalid Policy = iota
	// PolicyIMCEAEX encapsulates the distinguished name (MS-OXCMAIL 2.1.3.1.8): a server that still knows it delivers.
	PolicyIMCEAEX
	// PolicyNameOnly writes the name and no address, where a field may have that: among those to whom a mail goes.
	PolicyNameOnly
	// PolicyFail fails the item.
	PolicyFail
)

var policyNames = [...]string{"invalid", "imceaex", "name-only", "fail"}

// String returns the policy's name, as options have it.
func (p Policy) String() string { return policyNames[min(int(p), len(policyNames)-1)] }

// ParsePolicy is the inverse of [Policy.String].
func ParsePolicy(name string) (Policy, error) {
	for i, n := range policyNames {
		if strings.EqualFold(n, strings.TrimSpace(name)) {
			return Policy(i), nil
		}
	}
	return PolicyInvalid, fmt.Errorf("%q is no way to write unresolved addresses: there are %s", name, strings.Join(policyNames[:], ", "))
}

func (p Policy) apply(a *formats.Address, domain string, recipient bool) {
	stored := mapi.CleanAddress(a.Stored)
	switch {
	case p == PolicyIMCEAEX:
		if typ, inner, own, ok := mapi.DecodeIMCEA(stored); ok && typ == "EX" {
			stored = mapi.CleanAddress(inner)
			if own != "" {
				domain = own
			}
		}
		if mapi.IsDN(stored) && domain != "" {
			a.Placeholder = mapi.EncodeIMCEA("EX", stored, domain)
			return
		}
	case p == PolicyNameOnly && recipient && a.Name != "":
		a.Placeholder = ""
		return
	}
	Invalid(a)
}

// Invalid is the policy that writes "ex-<12 hex digits>@unresolved.invalid" for a participant with an address that is
// not one for mail: the digits are a hash of it, so that one person stays one person over all archives. A participant
// who is a name alone gets nothing.
func Invalid(a *formats.Address) {
	stored := mapi.CleanAddress(a.Stored)
	switch {
	case stored == "":
		a.Placeholder = ""
	case isAddrSpec(stored):
		// A host without a domain, or an address of this kind from an archive that was converted before.
		a.Placeholder = stored
	default:
		sum := sha256.Sum256([]byte(Key(stored)))
		a.Placeholder = "ex-" + hex.EncodeToString(sum[:6]) + "@" + Domain
	}
}

// Key returns what two stored addresses that are not for mail have in common where they mean the same: a distinguished
// name folded, also where it is encapsulated.
func Key(stored string) string {
	if mapi.IsIMCEA(stored) {
		if _, inner, _, ok := mapi.DecodeIMCEA(stored); ok {
			stored = inner
		}
	}
	return mapi.DNKey(stored)
}

// isAddrSpec reports whether an address is an addr-spec of two dot-atoms (RFC 5322 3.4.1), whatever its domain, and
// stands for itself.
func isAddrSpec(addr string) bool {
	local, domain, found := strings.Cut(addr, "@")
	return found && isDotAtom(local) && isDotAtom(domain) && !mapi.IsIMCEA(addr) && !mapi.IsDN(addr)
}

// isDotAtom implements dot-atom-text (RFC 5322 3.2.3).
func isDotAtom(s string) bool {
	for _, atom := range strings.Split(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			c := atom[i]
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}
