package outlook

import (
	"bytes"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// The roles that only tell of people: nothing is written of them.
var (
	roleReceivedBy = role{
		mapi.PidTagReceivedByName, mapi.PidTagReceivedByAddressType, mapi.PidTagReceivedByEmailAddress,
		mapi.PidTagReceivedByEntryId, mapi.PidTagReceivedBySearchKey, mapi.PidTagReceivedBySmtpAddress,
	}
	roleOriginalSender = role{
		mapi.PidTagOriginalSenderName, mapi.PidTagOriginalSenderAddressType, mapi.PidTagOriginalSenderEmailAddress,
		mapi.PidTagOriginalSenderEntryId, mapi.PidTagOriginalSenderSearchKey, 0,
	}
	roleOriginalRepresenting = role{
		mapi.PidTagOriginalSentRepresentingName, mapi.PidTagOriginalSentRepresentingAddressType, mapi.PidTagOriginalSentRepresentingEmail,
		mapi.PidTagOriginalSentRepresentingEntryId, mapi.PidTagOriginalSentRepresentingSearchKey, 0,
	}
	roleOriginalAuthor = role{
		mapi.PidTagOriginalAuthorName, mapi.PidTagOriginalAuthorAddressType, mapi.PidTagOriginalAuthorEmailAddress,
		mapi.PidTagOriginalAuthorEntryId, mapi.PidTagOriginalAuthorSearchKey, 0,
	}
	roleReport   = role{mapi.PidTagReportName, 0, 0, mapi.PidTagReportEntryId, mapi.PidTagReportSearchKey, 0}
	roleIntended = role{
		0, mapi.PidTagOriginallyIntendedRecipAddressType, mapi.PidTagOriginallyIntendedRecipEmailAddress,
		mapi.PidTagOriginallyIntendedRecipEntry, 0, 0,
	}
	roleCreator          = role{mapi.PidTagCreatorName, 0, 0, mapi.PidTagCreatorEntryId, 0, 0}
	roleLastModifier     = role{mapi.PidTagLastModifierName, 0, 0, mapi.PidTagLastModifierEntryId, 0, 0}
	roleSharingInitiator = struct{ name, entry, smtp mapi.Name }{
		mapi.PidLidSharingInitiatorName, mapi.PidLidSharingInitiatorEntryId, mapi.PidLidSharingInitiatorSmtp,
	}
)

// Limits on what is looked into for participants. What lies deeper is converted nevertheless.
const (
	learnDepth    = 8
	learnMessages = 256
	learnFiles    = 64      // iCalendar texts
	learnTexts    = 6 << 20 // bytes that a learner remembers of texts, and of addresses
	learnText     = 128     // bytes that each of them takes beside its own
	longestName   = 256     // bytes
)

// Learn adds to a lesson what a message tells of people: who has which Exchange name, mail address and display name. It
// reads properties, recipients and, where they can tell something new, transport headers; no bodies, and of attachments
// only messages within appointments, tasks and mails. What cannot be read teaches nothing.
//
// Like [Converter.Item] it may be called by any number of goroutines at once.
func (c *Converter) Learn(lesson *formats.Lesson, m mapi.Message) {
	l, _ := c.learners.Get().(*learner)
	if l == nil {
		l = newLearner(c)
	}
	l.lesson, l.messages, l.files = lesson, 0, 0
	l.message(m, c.opt.CodePage, 0)
	l.lesson = nil
	c.learners.Put(l)
}

// LearnOwner adds to a lesson what the properties of a message store tell of the mailbox's owner.
func (c *Converter) LearnOwner(lesson *formats.Lesson, store mapi.Properties) {
	l := newLearner(c)
	l.cp, l.lesson = c.opt.CodePage, lesson
	for _, r := range [...]role{
		{0x661C, 0, 0, 0x661B, 0, 0}, // PidTagMailboxOwnerName, PidTagMailboxOwnerEntryId
		{0, 0, 0, 0x6619, 0, 0},      // PidTagUserEntryId
	} {
		w := l.group(store, r)
		l.tell(w)
		if w.dn != "" {
			l.add(formats.Evidence{Class: formats.EvidenceOwner, DN: w.dn})
		}
	}
}

// learner reads participants. It remembers texts between messages, as the same people occur over and over.
type learner struct {
	c        *Converter
	cp       int
	lesson   *formats.Lesson
	messages int
	files    int
	texts    map[string]string // by their bytes
	places   map[string]place  // of addresses, by their bytes
	kinds    map[string]place  // by the address as stored
	sizes    struct{ texts, places, kinds int }
	memory   memory // for headers
}

func newLearner(c *Converter) *learner {
	l := &learner{c: c, texts: make(map[string]string), places: make(map[string]place), kinds: make(map[string]place)}
	l.memory.header, l.memory.fields = make([]byte, 0, usualHeader), make([]formats.Field, 0, usualFields)
	return l
}

// place is what an address is.
type place struct {
	smtp, dn, domain string
	// other is what stands in an address's place and names somebody, at best.
	other string
	// nobody says that it is nobody's, or that it needs no answer.
	nobody bool
}

// who is one participant of a message.
type who struct {
	name string
	place
	class formats.EvidenceClass
	typ   formats.ObjectType
}

// message learns from one message.
func (l *learner) message(p mapi.Message, cp, depth int) {
	l.messages++
	l.cp = cp
	from := len(l.lesson.Evidence)
	class := l.codePage(p)
	if depth == 0 {
		l.date(p)
	}
	if l.special(p, class) {
		return
	}
	// What lacks an address may be told by the header.
	open := false
	for _, r := range [...]role{roleRepresenting, roleSender} {
		w := l.group(p, r)
		l.tell(w)
		open = open || w.dn != "" && w.smtp == ""
		if r == roleRepresenting && w.smtp != "" && depth == 0 && l.lesson.Folder != nil && l.lesson.Folder.Role == formats.RoleSent {
			l.add(formats.Evidence{Class: formats.EvidenceOwner, SMTP: w.smtp})
		}
	}
	received := l.group(p, roleReceivedBy)
	l.tell(received)
	if received.dn != "" && depth == 0 {
		l.add(formats.Evidence{Class: formats.EvidenceOwner, DN: received.dn})
	}
	for _, r := range [...]role{roleReceivedRepresenting, roleReadReceipt} {
		l.tell(l.group(p, r))
	}
	if isClass(class, "REPORT") {
		for _, r := range [...]role{roleOriginalSender, roleOriginalRepresenting, roleOriginalAuthor, roleReport, roleIntended} {
			l.tell(l.group(p, r))
		}
	}
	for _, r := range [...]role{roleCreator, roleLastModifier} {
		l.aside(l.group(p, r))
	}
	l.unchecked(p)
	if v, _ := p.Lookup(mapi.PidTagReplyRecipientEntries); len(v.Bytes()) > 0 {
		entries, _ := mapi.FlatEntryList(v.Bytes())
		for _, b := range entries {
			w := l.entry(b)
			l.tell(w)
			open = open || w.dn != "" && w.smtp == ""
		}
	}
	rows, _ := p.Recipients()
	for _, row := range rows {
		w := l.group(row, roleRow)
		if w.dn != "" {
			w.typ = l.objectType(row)
			open = open || w.smtp == ""
		}
		l.tell(w)
	}
	s := state{rows: rows, from: from, open: open}
	l.headers(p, received, s)
	l.more(p, class, depth, s)
}

// state is what is known of a message's participants when all but its attachments are read.
type state struct {
	rows []mapi.Properties // of recipients
	from int               // where the message's evidence begins
	open bool              // somebody has an Exchange name and no mail address
}

// unchecked learns from the properties in whose range those with the mail addresses of roles lie, and of which no
// specification says whose they are. Those that seem to belong to a role by their order are evidence of that; the others
// of whoever alone is without an address.
func (l *learner) unchecked(p mapi.Properties) {
	const first, last = 0x5D00, 0x5D10
	for id := mapi.ID(first); id <= last; id++ {
		switch id {
		case mapi.PidTagSenderSmtpAddress, mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagReadReceiptSmtpAddress,
			mapi.PidTagReceivedBySmtpAddress, mapi.PidTagReceivedRepresentingSmtpAddress:
			continue
		}
		v, _ := p.Lookup(id)
		if !v.Exists() {
			continue
		}
		smtp := l.address(v).smtp
		if smtp == "" {
			continue
		}
		var w who
		switch id {
		case 0x5D03:
			w = l.group(p, roleOriginalSender)
		case 0x5D04:
			w = l.group(p, roleOriginalRepresenting)
		case 0x5D06:
			w = l.group(p, roleOriginalAuthor)
		case 0x5D0A:
			w = l.group(p, roleCreator)
		case 0x5D0B:
			w = l.group(p, roleLastModifier)
		default:
			w = l.onlyOpen(p)
		}
		if w.dn != "" && w.smtp == "" {
			l.add(formats.Evidence{Class: formats.EvidenceUnchecked, DN: w.dn, SMTP: smtp, Name: w.name})
		}
	}
}

// onlyOpen returns the only one of a message's roles who has an Exchange name and no mail address; nobody where there
// are several.
func (l *learner) onlyOpen(p mapi.Properties) (found who) {
	for _, r := range [...]role{
		roleRepresenting, roleSender, roleReceivedBy, roleReceivedRepresenting, roleReadReceipt, roleOriginalSender,
		roleOriginalRepresenting, roleOriginalAuthor, roleCreator, roleLastModifier,
	} {
		w := l.group(p, r)
		if w.dn == "" || w.smtp != "" {
			continue
		}
		if found.dn != "" && mapi.DNKey(found.dn) != mapi.DNKey(w.dn) {
			return who{}
		}
		found = w
	}
	return found
}

// codePage sets the code page of the message's 8-bit strings and returns its class.
func (l *learner) codePage(p mapi.Message) (class string) {
	v, _ := p.Lookup(mapi.PidTagMessageClass)
	if v.Type != mapi.String {
		var none []formats.Damage
		m := message{c: l.c, bag: bag{p: p, cp: l.cp, damage: &none}}
		l.cp = m.codePage()
	}
	return strings.TrimSpace(l.text(v))
}

// date sets the lesson's date to the message's where the archive's tables have told none.
func (l *learner) date(p mapi.Properties) {
	if !l.lesson.Date.IsZero() {
		return
	}
	for _, id := range [...]mapi.ID{mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime, mapi.PidTagLastModificationTime} {
		v, _ := p.Lookup(id)
		if t := v.Time(); !t.IsZero() {
			l.lesson.Date = t
			return
		}
	}
}

// text returns a string up to a NUL and on one line.
func (l *learner) text(v mapi.Value) string {
	if v.Type != mapi.String {
		if v.Type == mapi.String8 {
			return oneLine(v.Text(l.cp))
		}
		return ""
	}
	if s, ok := l.texts[string(v.Data)]; ok {
		return s
	}
	s := oneLine(v.Text(l.cp))
	if len(v.Data) < 2*longestAddress {
		if l.sizes.texts += len(v.Data) + len(s) + learnText; l.sizes.texts > learnTexts {
			l.sizes.texts = 0
			clear(l.texts)
		}
		l.texts[string(v.Data)] = s
	}
	return s
}

// address tells what an address is that a property has: place of its text.
func (l *learner) address(v mapi.Value) place {
	if v.Type != mapi.String || len(v.Data) >= 2*longestAddress {
		return l.place(l.text(v))
	}
	if p, ok := l.places[string(v.Data)]; ok {
		return p
	}
	p := l.place(oneLine(v.Text(l.cp)))
	if l.sizes.places += len(v.Data) + learnText; l.sizes.places > learnTexts {
		l.sizes.places = 0
		clear(l.places)
	}
	l.places[string(v.Data)] = p
	return p
}

// longestAddress bounds the addresses that are learnt.
const longestAddress = 1024

// place tells what an address is.
func (l *learner) place(stored string) place {
	if stored == "" || len(stored) > longestAddress {
		return place{}
	}
	if p, ok := l.kinds[stored]; ok {
		return p
	}
	stored = strings.Clone(stored) // which may be a part of something big
	p := placeOf(stored)
	if l.sizes.kinds += len(stored) + learnText; l.sizes.kinds > learnTexts {
		l.sizes.kinds = 0
		clear(l.kinds)
	}
	l.kinds[stored] = p
	return p
}

func placeOf(stored string) place {
	addr := mapi.CleanAddress(stored)
	switch mapi.ShapeOf(addr) {
	case mapi.ShapeSMTP:
		return place{smtp: addr}
	case mapi.ShapeDN:
		return place{dn: addr}
	case mapi.ShapeIMCEA:
		_, inner, domain, _ := mapi.DecodeIMCEA(addr)
		inner = mapi.CleanAddress(inner)
		switch mapi.ShapeOf(inner) {
		case mapi.ShapeDN:
			return place{dn: inner, domain: domain}
		case mapi.ShapeSMTP:
			return place{smtp: inner}
		}
	}
	switch {
	case addr == "":
		return place{}
	case strings.ContainsRune(addr, '@'), strings.HasPrefix(addr, "invalid:"), strings.HasPrefix(strings.ToLower(addr), "undisclosed"):
		// A host without a domain; a fax number; what stood for an unknown address in an archive that was converted before.
		return place{nobody: true}
	}
	return place{other: addr}
}

// group reads the participant that a group of properties, or a row, is about.
func (l *learner) group(p mapi.Properties, r role) who {
	w := who{class: formats.EvidenceRow}
	if r.addr != 0 {
		v, _ := p.Lookup(r.addr)
		w.place = l.address(v)
	}
	if r.smtp != 0 && w.smtp == "" {
		v, _ := p.Lookup(r.smtp)
		w.smtp = l.address(v).smtp
	}
	if w.smtp == "" || w.dn == "" {
		v, _ := p.Lookup(r.entry)
		if !v.Exists() && r == roleRow {
			v, _ = p.Lookup(mapi.PidTagRecipientEntryId)
		}
		l.byEntry(&w, v.Bytes())
	}
	if (w.smtp == "" || w.dn == "") && r.key != 0 {
		v, _ := p.Lookup(r.key)
		l.byKey(&w, v.Bytes())
	}
	if r.name != 0 && w.name == "" {
		v, _ := p.Lookup(r.name)
		w.name = l.text(v)
		if w.name == "" && r == roleRow {
			v, _ := p.Lookup(mapi.PidTagDisplayName)
			w.name = l.text(v)
		}
	}
	w.name = l.name(w.name, w.smtp)
	if w.dn == "" && w.smtp == "" && r.typ != 0 {
		v, _ := p.Lookup(r.typ)
		switch strings.ToUpper(l.text(v)) {
		case "UNKNOWN", "MAPIPDL", "FAX":
			w.nobody = true
		}
	}
	return w
}

// byEntry adds what an entry identifier tells, if it can be more than is known: most repeat the address beside them.
func (l *learner) byEntry(w *who, b []byte) {
	switch mapi.EntryKindOf(b) {
	case mapi.EntryEX:
		if w.dn != "" {
			return
		}
	case mapi.EntryOneOff:
		if w.smtp != "" {
			return
		}
	case mapi.EntryUnknown:
		if w.smtp != "" {
			return
		}
	default:
		return
	}
	e, _ := mapi.ParseEntryID(b, l.cp)
	of := l.place(oneLine(e.Address))
	if w.dn == "" && of.dn != "" {
		w.dn, w.class = of.dn, formats.EvidenceEntryID
	}
	if w.smtp == "" && of.smtp != "" {
		w.smtp, w.class = of.smtp, formats.EvidenceEntryID
	}
	if w.name == "" {
		w.name = oneLine(e.Name)
	}
}

// byKey adds what a search key tells.
func (l *learner) byKey(w *who, b []byte) {
	switch {
	case w.smtp == "" && len(b) > 5 && bytes.EqualFold(b[:5], []byte("SMTP:")):
		if _, addr, ok := mapi.SearchKeyAddress(b); ok {
			if of := l.place(addr); of.smtp != "" {
				w.smtp, w.class = of.smtp, formats.EvidenceSearchKey
			}
		}
	case w.dn == "" && len(b) > 4 && bytes.EqualFold(b[:3], []byte("EX:")):
		if _, addr, ok := mapi.SearchKeyAddress(b); ok {
			if of := l.place(addr); of.dn != "" {
				w.dn, w.class = of.dn, formats.EvidenceSearchKey
			}
		}
	}
}

// entry reads the participant that an entry identifier is about.
func (l *learner) entry(b []byte) who {
	e, _ := mapi.ParseEntryID(b, l.cp)
	w := who{place: l.place(oneLine(e.Address)), class: formats.EvidenceEntryID}
	w.name = l.name(oneLine(e.Name), w.smtp)
	return w
}

// name cleans a display name.
func (l *learner) name(name, smtp string) string {
	if strings.ContainsAny(name, "'\"@()<>[]/=:") || strings.Contains(name, " on behalf of ") {
		a := formats.Address{SMTP: smtp}
		name = cleanName(name, &a)
	}
	if len(name) > longestName {
		return ""
	}
	return name
}

// objectType reads what sort of recipient a row is about (MS-OXOABK 2.2.3.11, 2.2.3.12).
func (l *learner) objectType(row mapi.Properties) formats.ObjectType {
	v, _ := row.Lookup(mapi.PidTagDisplayTypeEx)
	if !v.Exists() {
		v, _ = row.Lookup(mapi.PidTagDisplayType)
	}
	if !v.Exists() {
		return formats.ObjectUnknown
	}
	switch v.Int() & 0xFF {
	case 0, 6:
		return formats.ObjectPerson
	case 1, 5, 9:
		return formats.ObjectGroup
	case 7:
		return formats.ObjectRoom
	case 8:
		return formats.ObjectEquipment
	}
	return formats.ObjectUnknown
}

func (l *learner) add(e formats.Evidence) { l.lesson.Evidence = append(l.lesson.Evidence, e) }

// tell adds what is known of a participant.
func (l *learner) tell(w who) {
	if w.dn == "" && w.smtp == "" {
		if w.nobody {
			return
		}
		if w.name == "" {
			w.name = l.name(w.other, "")
		}
		if w.name == "" {
			return
		}
	}
	if w.dn == "" || w.smtp == "" {
		w.class = formats.EvidenceSeen
	}
	l.add(formats.Evidence{Class: w.class, Type: w.typ, DN: w.dn, SMTP: w.smtp, Name: w.name, Domain: w.domain})
}

// aside adds what is known of one who is no participant: evidence, but nobody that lacks an address.
func (l *learner) aside(w who) {
	if w.dn != "" && w.smtp != "" || w.smtp != "" && w.name != "" {
		l.tell(w)
	}
}

// special learns from items that are about people, and not between them; false for others.
func (l *learner) special(p mapi.Message, class string) bool {
	switch KindOf(class) {
	case formats.KindContact:
		l.contact(p)
		return true
	case formats.KindGroup:
		l.list(p)
		return true
	case formats.KindOther:
		if isClass(class, "IPM.Configuration.Autocomplete") {
			l.autocomplete(p)
		}
		return true
	}
	return false
}

// headers learns from the transport headers: who has an Exchange name in them, and, where somebody's address is open,
// whose they tell. Most mails lack nobody's address but the receiver's, which a look at some lines may tell.
func (l *learner) headers(p mapi.Message, received who, s state) {
	v, _ := p.Lookup(mapi.PidTagTransportMessageHeaders)
	if len(v.Data) == 0 {
		return
	}
	if !s.open && !namesExchange(v) {
		if received.dn == "" || received.smtp != "" {
			return
		}
		var d delivery
		l.memory.text = v.AppendText(l.memory.text[:0], l.cp)
		d.scan(l.memory.text)
		if cap(l.memory.text) > maxText {
			l.memory.text = nil
		}
		// The identifier is one of a kind, and not worth being remembered.
		id, _ := p.Lookup(mapi.PidTagInternetMessageId)
		if d.id != "" && (isText(id, d.id) || strings.EqualFold(mime.MessageID(d.id), mime.MessageID(oneLine(id.Text(l.cp))))) {
			l.deliveredTo(received, d)
			return
		}
	}
	var damage []formats.Damage
	m := &l.memory.top
	*m = message{c: l.c, m: p, memory: &l.memory, bag: bag{p: p, cp: l.cp, damage: &damage}}
	m.rows = l.memory.rows
	defer l.memory.clean()
	m.subject = cleanSubject(m.string(mapi.PidTagSubject))
	m.readTransport()
	if len(m.headers.fields) == 0 || m.headers.foreign {
		return
	}
	if received.dn != "" && received.smtp == "" {
		var d delivery
		for i := range m.headers.fields {
			f := &m.headers.fields[i]
			if d.wants(f.Name) {
				d.add(f.Name, mime.Value(f))
			}
		}
		l.deliveredTo(received, d)
	}
	for i := range m.headers.fields {
		for _, a := range m.headers.fields[i].Addresses {
			if of := l.place(oneLine(a.Stored)); of.dn != "" {
				l.tell(who{name: l.name(a.Name, ""), place: of})
			}
		}
	}
	if !s.open {
		return
	}
	if typ, _, _ := strings.Cut(m.headers.contentType, ";"); strings.EqualFold(strings.TrimSpace(typ), "text/calendar") {
		body, _ := p.Lookup(mapi.PidTagBody)
		if len(body.Data) <= 2*longestCalendar {
			l.calendar(body.Text(l.cp), s.from)
		}
	}
	m.readPeopleOf(s.rows)
	m.align()
	m.everybody(func(w person) {
		if w.Via == formats.ViaHeaders && w.dn != "" {
			l.add(formats.Evidence{Class: formats.EvidenceHeader, DN: w.dn, SMTP: w.SMTP, Name: l.name(w.Name, w.SMTP)})
		}
	})
}

// exchangeMarks are what an Exchange name in a header has in it, plain or encapsulated, in 8-bit text and in UTF-16.
var exchangeMarks = [...]struct{ narrow, wide string }{
	{"/o=", "/\x00o\x00=\x00"},
	{"/O=", "/\x00O\x00=\x00"},
	{"/cn=", "/\x00c\x00n\x00=\x00"},
	{"/CN=", "/\x00C\x00N\x00=\x00"},
	{"IMCEA", "I\x00M\x00C\x00E\x00A\x00"},
	{"imcea", "i\x00m\x00c\x00e\x00a\x00"},
}

// namesExchange reports whether there may be an Exchange name in a header.
func namesExchange(v mapi.Value) bool {
	for _, mark := range exchangeMarks {
		if v.Type == mapi.String && bytes.Contains(v.Data, []byte(mark.wide)) || v.Type != mapi.String && bytes.Contains(v.Data, []byte(mark.narrow)) {
			return true
		}
	}
	return false
}

// deliveredTo tells the receiver's address if the header names exactly one that the mail was delivered to.
func (l *learner) deliveredTo(received who, d delivery) {
	if received.dn == "" || received.smtp != "" || d.several || d.to == "" {
		return
	}
	l.add(formats.Evidence{Class: formats.EvidenceReceived, DN: received.dn, SMTP: d.to, Name: received.name})
}

// delivery is what a header says of the way that the mail has taken.
type delivery struct {
	id, to  string
	several bool
}

// wants reports whether a field may tell something.
func (d *delivery) wants(name string) bool {
	switch len(name) {
	case len("Received"):
		return strings.EqualFold(name, "Received")
	case len("Message-ID"):
		return strings.EqualFold(name, "Message-ID")
	case len("Delivered-To"):
		return strings.EqualFold(name, "Delivered-To")
	}
	return isExchangeRecipient(name)
}

// isExchangeRecipient reports whether a field is one of those in which Exchange's servers tell each other of a
// recipient, as X-MS-Exchange-Organization-OriginalRecipient.
func isExchangeRecipient(name string) bool {
	const prefix = "X-MS-Exchange-"
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) && strings.Contains(strings.ToLower(name), "recipient")
}

func (d *delivery) add(name, value string) {
	switch len(name) {
	case len("Message-ID"):
		if d.id == "" {
			d.id = strings.TrimSpace(value)
		}
		return
	case len("Received"): // RFC 5321 4.4: "for" and the address that the mail was given to
		_, rest, ok := strings.Cut(value, " for ")
		if !ok {
			return
		}
		value, _, _ = strings.Cut(strings.TrimSpace(rest), ";")
		value, _, _ = strings.Cut(value, " ")
	}
	addr := mapi.CleanAddress(value)
	switch {
	case mapi.ShapeOf(addr) != mapi.ShapeSMTP:
	case d.to == "":
		d.to = addr
	case d.to != addr && mapi.SMTPKey(d.to) != mapi.SMTPKey(addr):
		d.several = true
	}
}

// scan reads a header's text.
func (d *delivery) scan(text []byte) {
	var room [512]byte
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, newline)
		i := bytes.IndexByte(line, ':')
		if i < 0 || !d.mayWant(line[:i]) || !d.wants(string(line[:i])) {
			continue
		}
		name, value := string(line[:i]), append(room[:0], line[i+1:]...)
		for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
			line, text, _ = bytes.Cut(text, newline)
			value = append(append(bytes.TrimRight(value, "\r"), ' '), bytes.TrimSpace(line)...)
		}
		if value = bytes.TrimRight(value, "\r"); len(name) != len("Received") || bytes.Contains(value, receivedFor) {
			d.add(name, string(value))
		}
	}
}

var newline, receivedFor = []byte("\n"), []byte(" for ")

// mayWant reports whether the first letter of a name is that of one that is wanted.
func (d *delivery) mayWant(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	switch name[0] | ' ' {
	case 'r', 'm', 'd', 'x':
		return true
	}
	return false
}

// more learns from what only some kinds of items have.
func (l *learner) more(p mapi.Message, class string, depth int, s state) {
	event := isClass(class, "IPM.Appointment") || isClass(class, "IPM.Schedule") || isClass(class, "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}")
	if event {
		for _, n := range [...]mapi.Name{mapi.PidLidAppointmentUnsendableRecipients, mapi.PidLidForwardNotificationRecipients} {
			if v, _ := p.LookupName(n); len(v.Bytes()) > 0 {
				rows, _ := mapi.RecipientRows(v.Bytes())
				for _, row := range rows {
					l.tell(l.group(row, roleRow))
				}
			}
		}
		l.attendeeNames(p, len(s.rows), s.from)
	}
	task := isClass(class, "IPM.Task") || isClass(class, "IPM.TaskRequest")
	if task {
		if v, _ := p.LookupName(mapi.PidLidTaskAssigners); len(v.Bytes()) > 0 {
			ids, _ := mapi.TaskAssigners(v.Bytes())
			for _, b := range ids {
				l.tell(l.entry(b))
			}
		}
	}
	if isClass(class, "IPM.Sharing") {
		l.sharing(p)
	}
	if !event && !task {
		if v, _ := p.Lookup(mapi.PidTagMessageFlags); v.Int()&mapi.MessageHasAttachments == 0 {
			return
		}
	}
	if depth >= learnDepth || l.messages >= learnMessages {
		return
	}
	for _, a := range l.attachments(p, s) {
		if v, _ := a.Lookup(mapi.PidTagAttachMethod); v.Int() != mapi.AttachEmbedded {
			if s.open && l.files < learnFiles && l.isCalendar(a) {
				l.files++
				l.calendarFile(a, s.from)
			}
			continue
		}
		if l.messages >= learnMessages {
			break
		}
		if inner, err := a.Embedded(); err == nil {
			cp := l.cp
			l.message(inner, cp, depth+1)
			l.cp = cp
		}
	}
}

// attachments returns the attachments that may tell of people: where nobody is without an address only messages.
func (l *learner) attachments(p mapi.Message, s state) (list []mapi.Attachment) {
	if p, ok := p.(interface {
		AttachmentsWhere(func(row mapi.Properties) bool) ([]mapi.Attachment, error)
	}); ok && !s.open {
		list, _ = p.AttachmentsWhere(func(row mapi.Properties) bool {
			v, _ := row.Lookup(mapi.PidTagAttachMethod)
			return !v.Exists() || v.Int() == mapi.AttachEmbedded
		})
		return list
	}
	list, _ = p.Attachments()
	return list
}

// sharing learns from an invitation to share a folder.
func (l *learner) sharing(p mapi.Message) {
	entry, _ := p.LookupName(roleSharingInitiator.entry)
	smtp, _ := p.LookupName(roleSharingInitiator.smtp)
	name, _ := p.LookupName(roleSharingInitiator.name)
	w := who{class: formats.EvidenceSharing}
	w.smtp = l.address(smtp).smtp
	if e, err := mapi.ParseEntryID(entry.Bytes(), l.cp); err == nil {
		w.dn = l.place(oneLine(e.Address)).dn
	}
	w.name = l.name(l.text(name), w.smtp)
	l.aside(w)
}

// autocomplete learns from the names that Outlook offers while one types.
func (l *learner) autocomplete(p mapi.Message) {
	v, _ := p.Lookup(mapi.PidTagRoamingBinary)
	rows, _ := mapi.AutocompleteRows(v.Bytes())
	for _, row := range rows {
		w := l.group(row, roleRow)
		w.class = formats.EvidenceAutocomplete
		l.tell(w)
	}
}

// slots are the properties of a contact's addresses (MS-OXOCNTC 2.2.1.2).
var slots = [...]struct{ name, addr, original, entry mapi.Name }{
	{mapi.PidLidEmail1DisplayName, mapi.PidLidEmail1EmailAddress, mapi.PidLidEmail1OriginalDisplayName, mapi.PidLidEmail1OriginalEntryId},
	{mapi.PidLidEmail2DisplayName, mapi.PidLidEmail2EmailAddress, mapi.PidLidEmail2OriginalDisplayName, mapi.PidLidEmail2OriginalEntryId},
	{mapi.PidLidEmail3DisplayName, mapi.PidLidEmail3EmailAddress, mapi.PidLidEmail3OriginalDisplayName, mapi.PidLidEmail3OriginalEntryId},
}

// contact learns from a contact's addresses: an Exchange address has the SMTP address as its original display name,
// often, or in the parentheses of its display name.
func (l *learner) contact(p mapi.Message) {
	var list []who
	for _, s := range slots {
		addr, _ := p.LookupName(s.addr)
		entry, _ := p.LookupName(s.entry)
		w := who{place: l.address(addr), class: formats.EvidenceContact}
		l.byEntry(&w, entry.Bytes())
		if w.dn == "" && w.smtp == "" {
			continue
		}
		shown, _ := p.LookupName(s.name)
		display := l.text(shown)
		if w.dn != "" && w.smtp == "" {
			original, _ := p.LookupName(s.original)
			if smtp := l.address(original).smtp; smtp != "" {
				w.smtp, w.class = smtp, formats.EvidenceContact
			} else if smtp := parenthesised(display); smtp != "" {
				w.smtp, w.class = smtp, formats.EvidenceContactName
			}
		}
		w.name = l.name(display, w.smtp)
		l.tell(w)
		list = append(list, w)
	}
	// What was imported, or copied from the directory, may have its address as a directory's entry has it.
	if w := l.group(p, roleRow); w.dn != "" || w.smtp != "" {
		w.class = formats.EvidenceContact
		l.tell(w)
	}
	linked, _ := p.LookupName(mapi.PidLidContactLinkedGlobalAddressListEntryId)
	cache, _ := p.LookupName(mapi.PidLidContactLinkSMTPAddressCache)
	if addrs := cache.Texts(l.cp); len(addrs) == 1 && len(linked.Bytes()) > 0 {
		w := l.entry(linked.Bytes())
		w.class = formats.EvidenceContact
		if w.smtp = l.place(oneLine(addrs[0])).smtp; w.dn != "" && w.smtp != "" {
			l.tell(w)
		}
	}
	l.pair(list)
}

// pair learns from two addresses of one contact, an Exchange address and one for mail. People keep addresses of others
// in one contact too, so the names must be one.
func (l *learner) pair(list []who) {
	var dn, smtp []who
	for _, w := range list {
		switch {
		case w.dn != "" && w.smtp == "":
			dn = append(dn, w)
		case w.dn == "" && w.smtp != "":
			smtp = append(smtp, w)
		}
	}
	if len(dn) == 1 && len(smtp) == 1 && formats.NameKey(dn[0].name) != "" && formats.NameKey(dn[0].name) == formats.NameKey(smtp[0].name) {
		l.add(formats.Evidence{Class: formats.EvidenceContactPair, DN: dn[0].dn, SMTP: smtp[0].smtp, Name: dn[0].name})
	}
}

// parenthesised returns the mail address in parentheses at the end of a name.
func parenthesised(name string) string {
	if i := strings.LastIndexByte(name, '('); i > 0 && name[len(name)-1] == ')' {
		if addr := mapi.CleanAddress(name[i+1 : len(name)-1]); mapi.ShapeOf(addr) == mapi.ShapeSMTP {
			return addr
		}
	}
	return ""
}

// list learns from a distribution list.
func (l *learner) list(p mapi.Message) {
	members, _ := listMembers(p)
	for _, m := range members {
		w, of := l.entry(m.Entry), l.entry(m.OneOff)
		w.class = formats.EvidenceList
		if w.dn == "" {
			w.dn = of.dn
		}
		if w.smtp == "" {
			w.smtp = of.smtp
		}
		if w.name == "" {
			w.name = of.name
		}
		l.tell(w)
	}
}
