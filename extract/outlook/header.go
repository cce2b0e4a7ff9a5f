package outlook

import (
	"encoding/base64"
	stdmime "mime"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// header assembles a header: the fields that came, then those that only properties tell. A field that is there is not
// added again.
type header struct {
	fields []formats.Field
	has    []string // the names of fields that are not to be added
}

func (h *header) exists(name string) bool {
	for _, s := range h.has {
		if sameName(s, name) {
			return true
		}
	}
	return false
}

func (h *header) add(f formats.Field) {
	if !h.exists(f.Name) {
		h.fields = append(h.fields, f)
	}
}

// text adds a field of unstructured text.
func (h *header) text(name, value string) {
	if value != "" {
		h.add(formats.Field{Name: name, Text: value})
	}
}

// token adds a field whose value has a syntax of its own.
func (h *header) token(name, value string) {
	if value = oneLine(value); value != "" {
		h.add(formats.Field{Name: name, Text: value, Structured: true})
	}
}

func (h *header) date(name string, t time.Time) {
	if !t.IsZero() && !h.exists(name) {
		h.fields = append(h.fields, formats.Field{Name: name, Text: mime.FormatDate(t), Structured: true})
	}
}

func (h *header) addresses(name string, list []*formats.Address) {
	if len(list) > 0 {
		h.add(formats.Field{Name: name, Addresses: list})
	}
}

// makeHeader fills the mail's header and its participants.
func (m *message) makeHeader(mail *formats.Mail, draft bool) {
	h := &m.header
	m.readTransport()
	m.readPeople()
	own := len(m.headers.fields) > 0 && !m.headers.foreign
	if own {
		m.align()
	}
	m.shareKnown()
	if own {
		m.rewrite()
	}
	m.setParticipants(mail)
	mail.MessageID = m.identify()

	switch {
	case len(m.headers.fields) == 0:
		h.fields = make([]formats.Field, 0, 20)
	case m.headers.foreign:
		h.fields = make([]formats.Field, 0, 20+len(m.headers.fields))
	default:
		m.ownTransport(h, mail)
	}
	m.addressFields(h, mail)
	h.text("Subject", oneLineText(m.subject))
	h.date("Date", m.date(draft))
	h.token("Message-ID", mail.MessageID)
	m.threadFields(h)
	m.priorityFields(h)
	m.keywordsField(h)
	m.requestFields(h, mail)
	m.classFields(h)
	m.internetFields(h)
	if m.headers.foreign {
		m.foreignFields(h)
	}
	if m.c.opt.KeepEX {
		m.exchangeFields(h)
	}
	mail.Header = h.fields
}

// ownTransport takes over the transport headers, but for the fields that describe the body and those that the
// message's properties know better.
func (m *message) ownTransport(h *header, mail *formats.Mail) {
	fields := m.headers.fields
	h.fields = make([]formats.Field, 0, len(fields)+12)
	h.has = m.memory.has[:0]
	var room [32]byte
	identified := false
	for i := range fields {
		f := &fields[i]
		switch string(lowered(room[:0], f.Name)) {
		case "keywords":
			// The field holds the owner's categories, nothing else.
			h.fields = append(h.fields, original(*f))
			continue
		case "date":
			if _, absurd := parseDate(f); absurd && !m.date(false).IsZero() {
				h.fields = append(h.fields, original(*f))
				continue
			}
		case "bcc":
			if len(mail.Bcc) > 0 {
				continue
			}
		case "message-id":
			if identified {
				continue
			}
			identified = true
			if v, ok := rawValue(f); !(ok && string(v) == mail.MessageID) && mime.Value(f) != mail.MessageID {
				h.fields = append(h.fields, formats.Field{Name: "Message-ID", Text: mail.MessageID, Structured: true})
				h.has = append(h.has, f.Name)
				continue
			}
		case "subject":
			if m.subject != "" && isBroken(f) {
				continue
			}
		case "from", "to", "cc", "sender", "reply-to":
			if len(f.Addresses) == 0 {
				continue // the properties may know
			}
		default:
			if isStructural(f.Name) {
				continue
			}
		}
		h.fields = append(h.fields, *f)
		h.has = append(h.has, f.Name)
	}
	if h.exists("Importance") || h.exists("X-Priority") || h.exists("Priority") || h.exists("X-MSMail-Priority") {
		h.has = append(h.has, "Importance", "X-Priority", "Priority")
	}
	if h.exists("From") {
		// Whoever wrote From knew whether to write Sender.
		h.has = append(h.has, "Sender")
	}
	// Senders that gave no Reply-To asked for none: the property then repeats From.
	h.has = append(h.has, "Reply-To")
	m.memory.has = h.has
}

// originalPrefix marks fields of transport headers that are kept as evidence only.
const originalPrefix = "X-PST-Orig-"

// original returns a field as evidence.
func original(f formats.Field) formats.Field {
	f.Name = originalPrefix + f.Name
	f.Raw = slices.Concat([]byte(originalPrefix), f.Raw)
	f.Addresses = nil
	return f
}

// foreignFields keeps transport headers that belong to some other message.
func (m *message) foreignFields(h *header) {
	for _, f := range m.headers.fields {
		h.fields = append(h.fields, original(f))
	}
}

// setParticipants fills the mail's participants: From is who the mail is from, Sender who sent it for them
// (MS-OXCMAIL 2.1.3.1.3, 2.1.3.1.4).
func (m *message) setParticipants(mail *formats.Mail) {
	from, sender := m.representing, m.sender
	if from.Address == nil {
		from, sender = sender, person{}
	}
	mail.From = from.Address
	if sender.Address != nil && !samePerson(from, sender) {
		mail.Sender = sender.Address
	}
	mail.ReplyTo = addresses(m.replyTo)
	mail.To = addresses(m.rows[mapi.RecipientTo])
	mail.Cc = addresses(m.rows[mapi.RecipientCc])
	mail.Bcc = addresses(m.rows[mapi.RecipientBcc])
}

func (m *message) addressFields(h *header, mail *formats.Mail) {
	if mail.From != nil {
		if !h.exists("From") {
			h.addresses("From", []*formats.Address{mail.From})
		}
	} else if list, _ := m.headers.list("From"); len(list) > 0 && !m.headers.foreign {
		mail.From = list[0]
	}
	if mail.Sender != nil {
		h.addresses("Sender", []*formats.Address{mail.Sender})
	}
	h.addresses("Reply-To", mail.ReplyTo)
	if len(mail.To)+len(mail.Cc)+len(mail.Bcc) == 0 {
		// There are no rows: names are all that is left.
		h.addresses("To", m.groups(mapi.PidTagDisplayTo))
		h.addresses("Cc", m.groups(mapi.PidTagDisplayCc))
		h.addresses("Bcc", m.groups(mapi.PidTagDisplayBcc))
		return
	}
	h.addresses("To", mail.To)
	h.addresses("Cc", mail.Cc)
	h.addresses("Bcc", mail.Bcc)
}

// groups makes an empty group of each name in a list that is only to be shown. Some names are addresses.
func (m *message) groups(id mapi.ID) []*formats.Address {
	var list []*formats.Address
	for name := range strings.SplitSeq(m.line(id), ";") {
		if p := byAddress(strings.TrimSpace(name)); p.SMTP != "" && p.Via == formats.ViaStored {
			list = append(list, m.address(p.Address))
		} else if name = cleanName(name, &p.Address); name != "" {
			list = append(list, &formats.Address{Group: name, Via: formats.ViaNone})
		}
	}
	return list
}

// identify returns the message's identifier, which is never empty.
func (m *message) identify() string {
	// The header's has the letter case that references to it have.
	if !m.headers.foreign {
		if id := m.headers.id; id != "" {
			return id
		}
	}
	if id := mime.MessageID(m.line(mapi.PidTagInternetMessageId)); id != "" {
		return id
	}
	return mime.MadeID(m.contentKey())
}

// date returns when the mail was sent. A draft was not: its date is that of the last change.
func (m *message) date(draft bool) time.Time {
	modified := m.time(mapi.PidTagLastModificationTime)
	created := m.time(mapi.PidTagCreationTime)
	if draft {
		return firstTime(modified, m.submitted, created)
	}
	return firstTime(m.submitted, m.time(mapi.PidTagMessageDeliveryTime), created, modified)
}

func (m *message) threadFields(h *header) {
	m.identifiers(h, "In-Reply-To", mapi.PidTagInReplyToId)
	m.identifiers(h, "References", mapi.PidTagInternetReferences)
	if !h.exists("Thread-Topic") {
		h.text("Thread-Topic", m.line(mapi.PidTagConversationTopic))
	}
	if !h.exists("Thread-Index") {
		var room [128]byte
		h.token("Thread-Index", string(base64.StdEncoding.AppendEncode(room[:0], m.bytes(mapi.PidTagConversationIndex))))
	}
}

// identifiers adds a field of message identifiers. What holds none is kept as evidence.
func (m *message) identifiers(h *header, name string, id mapi.ID) {
	v := m.get(id)
	if h.exists(name) {
		return
	}
	value := oneLine(v.Text(m.cp))
	if value == "" {
		return
	}
	if list := messageIDs(value); list != "" {
		h.token(name, list)
	} else {
		h.text(originalPrefix+name, value)
	}
}

// priorityFields writes how important and how confidential the mail is (MS-OXCMAIL 2.1.3.2.5 to 2.1.3.2.7).
func (m *message) priorityFields(h *header) {
	if v := m.value(mapi.PidTagImportance, "importance"); v.Exists() {
		switch v.Int() {
		case 0:
			h.token("Importance", "low")
			h.token("X-Priority", "5")
		case 2:
			h.token("Importance", "high")
			h.token("X-Priority", "1")
		}
	}
	switch m.int(mapi.PidTagPriority) {
	case -1:
		h.token("Priority", "non-urgent")
	case 1:
		h.token("Priority", "urgent")
	}
	switch m.int(mapi.PidTagSensitivity) {
	case 1:
		h.token("Sensitivity", "Personal")
	case 2:
		h.token("Sensitivity", "Private")
	case 3:
		h.token("Sensitivity", "Company-Confidential")
	}
}

// keywordsField writes the categories as a list of phrases (RFC 5322 3.6.5).
func (m *message) keywordsField(h *header) {
	var b strings.Builder
	for _, k := range m.keywords {
		if k = oneLine(k); k == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(phrase(k))
	}
	h.token("Keywords", b.String())
}

// phrase writes text as a phrase (RFC 5322 3.2.5): words as they are, else a quoted string, else encoded words, in
// base64 as its characters are all legal in phrases.
func phrase(s string) string {
	atoms, ascii := true, len(s) < 70 && !strings.Contains(s, "=?") && !strings.Contains(s, "  ")
	for i := 0; i < len(s); i++ {
		c := s[i]
		ascii = ascii && c < 0x7F
		atoms = atoms && (c == ' ' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0)
	}
	switch {
	case !ascii:
		return stdmime.BEncoding.Encode("utf-8", s)
	case atoms:
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// autoResponses are the bits of PidTagAutoResponseSuppress (MS-OXCMAIL 2.1.3.2.14).
var autoResponses = [...]struct {
	bit  int64
	name string
}{{1, "DR"}, {2, "NDR"}, {4, "RN"}, {8, "NRN"}, {16, "OOF"}, {32, "AutoReply"}}

// requestFields writes what the sender asked for, and other properties that have a field.
func (m *message) requestFields(h *header, mail *formats.Mail) {
	if m.int(mapi.PidTagReadReceiptRequested) != 0 && !h.exists("Disposition-Notification-To") {
		to := m.person(&m.bag, &roleReadReceipt)
		if to.Address == nil || to.SMTP == "" && to.dn == "" {
			to = m.sender
		}
		if to.Address == nil {
			to = m.representing
		}
		if to.Address != nil {
			m.resolve(to)
			h.addresses("Disposition-Notification-To", []*formats.Address{to.Address})
		}
	}
	h.date("Reply-By", m.time(mapi.PidTagReplyTime))
	h.date("Expires", m.time(mapi.PidTagExpiryTime))
	h.date("Deferred-Delivery", m.time(mapi.PidTagDeferredDeliveryTime))
	if !h.exists("List-Unsubscribe") {
		h.token("List-Help", m.line(mapi.PidTagListHelp))
		h.token("List-Subscribe", m.line(mapi.PidTagListSubscribe))
		h.token("List-Unsubscribe", m.line(mapi.PidTagListUnsubscribe))
	}
	if !isClass(m.class, "REPORT") {
		path := m.line(mapi.PidTagInternetReturnPath)
		if list := exchangePath(path); list != nil {
			of := byAddress(list[0].Stored)
			p := person{Address: m.address(of.Address), dn: of.dn}
			m.resolve(p)
			h.addresses("Return-Path", []*formats.Address{p.Address})
		} else if path = mime.MessageID(path); strings.Contains(path, "@") {
			h.token("Return-Path", path)
		}
	}
	if !h.exists("Content-Language") {
		h.token("Content-Language", mapi.LanguageTag(uint32(m.int(mapi.PidTagMessageLocaleId))))
	}
	h.text("X-Message-Flag", m.namedLine(mapi.PidLidFlagRequest, "follow-up flag"))
	switch bits := m.int(mapi.PidTagAutoResponseSuppress); {
	case bits == -1:
		h.token("X-Auto-Response-Suppress", "All")
	case bits != 0:
		var names []string
		for _, r := range autoResponses {
			if bits&r.bit != 0 {
				names = append(names, r.name)
			}
		}
		h.token("X-Auto-Response-Suppress", strings.Join(names, ", "))
	}
	if m.named(mapi.PidLidClassified, "classification").Bool() {
		h.token("X-Microsoft-Classified", "true")
		h.text("X-Microsoft-Classification", m.namedLine(mapi.PidLidClassification, "classification"))
		h.text("X-Microsoft-ClassDesc", m.namedLine(mapi.PidLidClassificationDescription, "classification"))
		h.text("X-Microsoft-ClassID", m.namedLine(mapi.PidLidClassificationGuid, "classification"))
		if m.named(mapi.PidLidClassificationKeep, "classification").Bool() {
			h.token("X-Microsoft-ClassKeep", "true")
		}
	}
	if options := votingOptions(m.named(mapi.PidLidVerbStream, "voting options").Bytes(), m.cp); len(options) > 0 {
		h.text("X-MS-Voting-Options", strings.Join(options, ";"))
	}
	h.text("X-MS-Voting-Response", m.namedLine(mapi.PidLidVerbResponse, "voting response"))
	if m.named(mapi.PidLidDelegateMail, "delegation").Bool() {
		if p := m.person(&m.bag, &roleReceivedRepresenting); p.Address != nil {
			m.resolve(p)
			h.addresses("X-PST-Received-Representing", []*formats.Address{p.Address})
		}
	}
}

// contentClasses are the Content-Class fields of messages from telephones (MS-OXOUM 2.2.2.1).
var contentClasses = [...]struct{ class, value string }{
	{"IPM.Note.Microsoft.Voicemail.UM.CA", "voice-ca"},
	{"IPM.Note.Microsoft.Voicemail.UM", "voice"},
	{"IPM.Note.Microsoft.Missed.Voice", "missedcall"},
	{"IPM.Note.Microsoft.Fax.CA", "fax-ca"},
	{"IPM.Note.Microsoft.Fax", "fax"},
	{"IPM.Note.Microsoft.Conversation.Voice", "voice-uc"},
}

// classFields keeps the message class where the rest of the mail does not say it.
func (m *message) classFields(h *header) {
	for _, c := range contentClasses {
		if isClass(m.class, c.class) {
			h.token("Content-Class", c.value)
			break
		}
	}
	if isClass(m.class, "IPM.Post.Rss") {
		h.token("X-PST-RSS-Link", m.namedLine(mapi.PidLidPostRssItemLink, "link of the post"))
	}
	switch strings.ToUpper(m.class) {
	case "", "IPM", "IPM.NOTE", "IPM.POST", "IPM.NOTE.SMIME", "IPM.NOTE.SMIME.MULTIPARTSIGNED":
	default:
		if !isReport(m.class) {
			h.text("X-PST-Message-Class", oneLine(m.class))
		}
	}
}

// internetFields writes the fields that programs keep as named properties (MS-OXCMAIL 2.1.3.2.21), where they are not
// there already. Who wrote the mail and to whom is told by properties made for that.
func (m *message) internetFields(h *header) {
	start := len(h.fields)
	all := m.p.All
	if p, ok := m.p.(mapi.NamedProperties); ok {
		all = p.AllNamed
	}
	for p, err := range all() {
		if p.Name == nil || p.Name.Set != mapi.PSInternetHeaders || p.Name.String == "" {
			continue
		}
		name := p.Name.String
		if err != nil {
			m.lose("header field "+name, err)
		}
		if isStructural(name) || isParticipant(name) || !legalFieldName(name) || h.exists(name) || holds(h.fields[:start], name) {
			continue
		}
		value := oneLine(p.Value.Text(m.cp))
		switch {
		case value == "":
		case strings.EqualFold(name, "Keywords"):
			h.fields = append(h.fields, formats.Field{Name: originalPrefix + name, Text: value})
		case mime.IsAddressField(name):
			f := formats.Field{Name: name, Addresses: mime.ParseAddressList(value)}
			for _, a := range f.Addresses {
				of := byAddress(a.Stored)
				a.SMTP, a.Via = of.SMTP, of.Via
				m.resolve(person{Address: a, dn: of.dn})
			}
			h.fields = append(h.fields, f)
		default:
			h.fields = append(h.fields, formats.Field{Name: name, Text: value})
		}
	}
	slices.SortStableFunc(h.fields[start:], func(a, b formats.Field) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
}

// isParticipant reports whether a field names somebody whom the model has.
func isParticipant(name string) bool {
	switch strings.ToLower(name) {
	case "from", "sender", "reply-to", "to", "cc", "bcc":
		return true
	}
	return false
}

func holds(fields []formats.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f formats.Field) bool { return sameName(f.Name, name) })
}

func legalFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// exchangeFields keeps the Exchange addresses as they are stored.
func (m *message) exchangeFields(h *header) {
	add := func(role string, list ...person) {
		for _, p := range list {
			if p.Address != nil && p.dn != "" {
				h.fields = append(h.fields, formats.Field{Name: "X-PST-EX-Address", Text: role + "; " + p.Name + "; " + oneLine(p.Stored)})
			}
		}
	}
	add("from", m.representing)
	add("sender", m.sender)
	add("reply-to", m.replyTo...)
	add("to", m.rows[mapi.RecipientTo]...)
	add("cc", m.rows[mapi.RecipientCc]...)
	add("bcc", m.rows[mapi.RecipientBcc]...)
}

// oneLineText is oneLine but for blanks at the ends, which are the writer's.
func oneLineText(s string) string {
	if strings.TrimSpace(s) == s {
		return oneLine(s)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7F:
			return -1
		}
		return r
	}, untilNUL(s))
}
