package outlook_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

// archive is a few messages that are learnt from together.
type archive struct {
	t        testing.TB
	book     *address.Book
	c        *outlook.Converter
	lessons  int
	inFolder *formats.Folder
}

func newArchive(t testing.TB) *archive {
	return &archive{t: t, book: address.NewBook(), c: outlook.New(outlook.Options{})}
}

// learn learns from messages, all of one day after the other.
func (a *archive) learn(list ...mapi.Message) *archive {
	for _, m := range list {
		a.lessons++
		lesson := &formats.Lesson{Source: "a.pst", Folder: a.inFolder, ID: fmt.Sprint(a.lessons), Date: sent.AddDate(0, 0, a.lessons)}
		a.c.Learn(lesson, m)
		a.book.Learn(lesson)
	}
	return a
}

// use adds a directory.
func (a *archive) use(objects ...directory.Object) *archive {
	d := address.NewDirectory()
	for i := range objects {
		if err := d.Add(&objects[i]); err != nil {
			a.t.Fatal(err)
		}
	}
	a.book.Use(d)
	return a
}

// convert converts a message and resolves its participants.
func (a *archive) convert(m mapi.Message, o address.Options) (*formats.Item, parsed) {
	a.t.Helper()
	it := convert(a.t, m)
	if _, err := a.book.Ladder(o).Resolver().Apply(a.t.Context(), it); err != nil {
		a.t.Fatal(err)
	}
	return it, parse(a.t, written(a.t, it))
}

// to returns what becomes of a recipient with an address.
func (a *archive) to(stored string, o address.Options) string {
	a.t.Helper()
	it, _ := a.convert(mailTo(row(1, "Anna Groß", "EX", stored)), o)
	to := it.Mail.To[0]
	return to.SMTP + " " + string(to.Via)
}

func mailTo(rows ...props) *msg {
	m := note(nil).from("Carl", "carl@example.org")
	m.rows = rows
	return m
}

func withSMTP(r props, smtp string) props {
	r[mapi.PidTagSmtpAddress] = smtp
	return r
}

// appendRow appends a row of an autocomplete stream.
func autocomplete(rows ...[][2]any) *msg {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xBAADF00D)
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, 12), 0), uint32(len(rows)))
	for _, r := range rows {
		b = le.AppendUint32(b, uint32(len(r)))
		for _, p := range r {
			text := append(wide(p[1].(string)), 0, 0)
			b = le.AppendUint32(le.AppendUint32(b, uint32(mapi.MakeTag(p[0].(mapi.ID), mapi.String))), 0)
			b = le.AppendUint64(b, 0x0123456789ABCDEF)
			b = append(le.AppendUint32(b, uint32(len(text))), text...)
		}
	}
	b = append(b, make([]byte, 12)...)
	return &msg{props: props{mapi.PidTagMessageClass: "IPM.Configuration.Autocomplete", mapi.PidTagRoamingBinary: b}}
}

// TestCase01WaysToKnow shows by what an Exchange address becomes known, on the item and elsewhere.
func TestCase01WaysToKnow(t *testing.T) {
	rule, err := address.ParseRule(`cn=([^/]+)$=>$1@contoso.example`)
	if err != nil {
		t.Fatal(err)
	}
	plain := row(1, "Anna Groß", "EX", annaDN)
	for _, c := range []struct {
		what  string
		learn []mapi.Message
		use   []directory.Object
		o     address.Options
		row   props
		want  string
	}{
		{"a property of the item", nil, nil, address.Options{}, withSMTP(row(1, "Anna Groß", "EX", annaDN), "anna@example.org"), "anna@example.org item"},
		{"a search key of the item", nil, nil, address.Options{}, func() props {
			r := row(1, "Anna Groß", "EX", annaDN)
			r[mapi.PidTagSearchKey] = mapi.MakeSearchKey("SMTP", "anna@example.org")
			return r
		}(), "anna@example.org item"},
		{"another item's recipient", []mapi.Message{mailTo(withSMTP(row(2, "Anna", "EX", strings.ToUpper(annaDN)), "anna@example.org"))}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"another item's header", []mapi.Message{func() *msg {
			m := mailTo(row(1, "Groß, Anna", "EX", annaDN))
			m.props[mapi.PidTagTransportMessageHeaders] = "From: carl@example.org\r\nTo: =?utf-8?q?Anna_Gro=C3=9F?= <anna@example.org>\r\n\r\n"
			return m
		}()}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"the names that are offered while one types", []mapi.Message{autocomplete([][2]any{
			{mapi.PidTagDisplayName, "Anna Groß"}, {mapi.PidTagAddressType, "EX"}, {mapi.PidTagEmailAddress, annaDN}, {mapi.PidTagSmtpAddress, "anna@example.org"},
		})}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"a contact", []mapi.Message{&msg{props: props{
			mapi.PidTagMessageClass: "IPM.Contact", mapi.PidLidEmail2DisplayName: "Anna Groß", mapi.PidLidEmail2EmailAddress: annaDN,
			mapi.PidLidEmail2OriginalDisplayName: "anna@example.org",
		}}}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"a contact's display name", []mapi.Message{&msg{props: props{
			mapi.PidTagMessageClass: "IPM.Contact", mapi.PidLidEmail1DisplayName: "Anna Groß (anna@example.org)", mapi.PidLidEmail1EmailAddress: annaDN,
		}}}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"a contact's link to the directory", []mapi.Message{&msg{props: props{
			mapi.PidTagMessageClass: "IPM.Contact", mapi.PidLidContactLinkedGlobalAddressListEntryId: exEntry(annaDN), mapi.PidLidContactLinkSMTPAddressCache: []string{"anna@example.org"},
		}}}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"an invitation to share", []mapi.Message{&msg{props: props{
			mapi.PidTagMessageClass: "IPM.Sharing", mapi.PidLidSharingInitiatorName: "Anna", mapi.PidLidSharingInitiatorEntryId: exEntry(annaDN), mapi.PidLidSharingInitiatorSmtp: "anna@example.org",
		}}}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"an entry identifier beside a mail address", []mapi.Message{func() *msg {
			r := row(1, "Anna", "SMTP", "anna@example.org")
			r[mapi.PidTagEntryId] = exEntry(annaDN)
			return mailTo(r)
		}()}, nil, address.Options{}, plain, "anna@example.org learnt"},
		{"an X500 address in a directory", nil, []directory.Object{{LegacyDN: "/o=New/cn=anna", X500: []string{strings.ToUpper(annaDN)}, SMTP: "anna@example.org"}}, address.Options{}, plain, "anna@example.org directory"},
		{"a rule", nil, nil, address.Options{Rules: []*address.Rule{rule}}, plain, "anna@contoso.example rule"},
		{
			"a directory before evidence and rules",
			[]mapi.Message{mailTo(withSMTP(row(2, "Anna", "EX", annaDN), "old@example.org"))},
			[]directory.Object{{LegacyDN: annaDN, SMTP: "anna@example.org"}},
			address.Options{Rules: []*address.Rule{rule}},
			plain, "anna@example.org directory",
		},
		{"what is not sure enough", []mapi.Message{mailTo(withSMTP(row(2, "Anna", "EX", annaDN), "anna@example.org"))}, nil, address.Options{MinConfidence: 0.96}, plain, " none"},
		{"nothing", nil, nil, address.Options{}, plain, " none"},
	} {
		t.Run(c.what, func(t *testing.T) {
			it, p := newArchive(t).learn(c.learn...).use(c.use...).convert(mailTo(c.row), c.o)
			to := it.Mail.To[0]
			equal(t, "the answer", to.SMTP+" "+string(to.Via), c.want)
			if field := strings.ToLower(p.header.Get("To")); strings.Contains(field, "/o=") || to.SMTP != "" && !strings.Contains(field, to.SMTP) {
				t.Errorf("To is %q", field)
			}
		})
	}

	// A sender has properties of its own for it.
	for what, known := range map[string]props{
		"PidTagSenderSmtpAddress": {mapi.PidTagSenderSmtpAddress: "anna@example.org"},
		"PidTagSenderSearchKey":   {mapi.PidTagSenderSearchKey: mapi.MakeSearchKey("SMTP", "anna@example.org")},
		"nothing":                 {},
	} {
		m := note(known)
		m.props[mapi.PidTagSenderName], m.props[mapi.PidTagSenderAddressType], m.props[mapi.PidTagSenderEmailAddress] = "Anna", "EX", annaDN
		it, p := newArchive(t).convert(m, address.Options{})
		want, via := "Anna <anna@example.org>", formats.ViaItem
		if what == "nothing" {
			want, via = "Anna <ex-debcd5fca990@unresolved.invalid>", formats.ViaNone
		}
		equal(t, what, p.header.Get("From")+" "+string(it.Mail.From.Via), want+" "+string(via))
	}

	// An export of the directory has it as one of many addresses.
	csv := filepath.Join(t.TempDir(), "users.csv")
	text := "DisplayName,LegacyExchangeDN,PrimarySmtpAddress,EmailAddresses\nAnna,/o=New/cn=Recipients/cn=anna,anna@example.org,SMTP:anna@example.org;X500:" + strings.ToUpper(annaDN) + "\n"
	if err := os.WriteFile(csv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var objects []directory.Object
	for o, err := range directory.Read(t.Context(), csv, directory.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	equal(t, "an X500 address in CSV", newArchive(t).use(objects...).to(annaDN, address.Options{}), "anna@example.org directory")
}

// TestCase02ManyNamesAndAddresses shows that one person may go by several names and have had several addresses.
func TestCase02ManyNamesAndAddresses(t *testing.T) {
	a := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", "/o=Org/ou=First  Site/cn=Recipients/cn=Anna"), "anna@example.org")))
	for _, dn := range []string{"/O=ORG/OU=FIRST SITE/CN=RECIPIENTS/CN=ANNA", "/o=org/ou=first site/cn=recipients/cn=anna/", "EX:/o=Org/ou=First Site/cn=Recipients/cn=Anna\x00"} {
		equal(t, dn, a.to(dn, address.Options{}), "anna@example.org learnt")
	}

	old := "/o=Old/cn=Recipients/cn=anna"
	a = newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org")), mailTo(withSMTP(row(1, "Anna", "EX", old), "Anna@example.org")))
	equal(t, "one name", a.to(annaDN, address.Options{}), "anna@example.org learnt")
	equal(t, "the other", a.to(old, address.Options{}), "Anna@example.org learnt")

	// Renamed: the addresses followed each other.
	was, is := mailTo(withSMTP(row(1, "Anna Klein", "EX", annaDN), "klein@example.org")), mailTo(withSMTP(row(1, "Anna Groß", "EX", annaDN), "gross@example.org"))
	a = newArchive(t).learn(was, was, is, is)
	equal(t, "renamed", a.to(annaDN, address.Options{}), "gross@example.org learnt")
	early := mailTo(row(1, "Anna", "EX", annaDN))
	early.props[mapi.PidTagClientSubmitTime] = sent.AddDate(0, 0, 1)
	it, _ := a.convert(early, address.Options{AsOf: true})
	equal(t, "renamed, as of then", it.Mail.To[0].SMTP, "klein@example.org")
	early.props[mapi.PidTagClientSubmitTime] = sent.AddDate(1, 0, 0)
	it, _ = a.convert(early, address.Options{AsOf: true})
	equal(t, "renamed, as of later", it.Mail.To[0].SMTP, "gross@example.org")

	// Ambiguous: both were in use at once.
	a = newArchive(t).learn(was, is, was, is)
	equal(t, "ambiguous", a.to(annaDN, address.Options{}), " none")
	p, ok := a.book.Ladder(address.Options{}).Person(annaDN)
	if !ok || !p.Ambiguous || len(p.Candidates) != 2 || p.Candidates[0].Share != 0.5 {
		t.Errorf("the report has %+v", p)
	}
	equal(t, "in an accepted domain", newArchive(t).learn(was, mailTo(withSMTP(row(1, "A", "EX", annaDN), "anna@other.example"))).
		to(annaDN, address.Options{AcceptedDomains: []string{"Example.org"}}), "klein@example.org learnt")
}

// TestCase03Shapes shows that what an address looks like counts, and not its type.
func TestCase03Shapes(t *testing.T) {
	a := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org")))
	for _, c := range []struct{ typ, stored, want string }{
		{"SMTP", annaDN, "anna@example.org learnt"},
		{"EX", "bert@example.org", "bert@example.org stored"},
		{"SMTP", "mailto:bert@example.org", "bert@example.org stored"},
		{"SMTP", "'bert@example.org'", "bert@example.org stored"},
		{"SMTP", "bert@example.org\x00", "bert@example.org stored"},
		{"EX", "EX:" + annaDN + "\x00", "anna@example.org learnt"},
		{"SMTP", "bert@müller.example", "bert@müller.example stored"},
	} {
		it, _ := a.convert(mailTo(row(1, "Somebody", c.typ, c.stored)), address.Options{})
		equal(t, c.stored, it.Mail.To[0].SMTP+" "+string(it.Mail.To[0].Via), c.want)
	}
	// Two spellings of one domain are one address.
	a = newArchive(t).learn(mailTo(withSMTP(row(1, "B", "EX", annaDN), "bert@müller.example")), mailTo(withSMTP(row(1, "B", "EX", annaDN), "bert@xn--mller-kva.example")))
	if p, _ := a.book.Ladder(address.Options{}).Person(annaDN); len(p.Candidates) != 1 || p.Candidates[0].Weight != 20 {
		t.Errorf("the candidates are %+v", p.Candidates)
	}
}

// TestCase04IMCEA resolves encapsulated addresses wherever they stand.
func TestCase04IMCEA(t *testing.T) {
	dn := "/o=Org/ou=Site (A)/cn=Recipients/cn=anna_b+c-" + strings.Repeat("x", 150)
	a := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", dn), "anna@example.org")))
	encoded := mapi.EncodeIMCEA("EX", dn, "example.org")
	for what, addr := range map[string]string{
		"as it is":           encoded,
		"in lower case":      strings.ToLower(encoded),
		"in mixed case":      "ImceaEx" + strings.TrimPrefix(encoded, "IMCEAEX"),
		"escaped equals":     strings.ReplaceAll(encoded, "=", "%3D"),
		"quoted":             `"` + strings.TrimSuffix(encoded, "@example.org") + `"@example.org`,
		"in encoded words":   "=?utf-8?q?" + strings.NewReplacer("_", "=5F", "=", "=3D", "+", "=2B").Replace(strings.TrimSuffix(encoded, "@example.org")) + "?=@example.org",
		"with the dash, too": strings.Replace(encoded, "IMCEAEX-", "IMCEAEX+2D", 1),
	} {
		equal(t, what, a.to(addr, address.Options{}), "anna@example.org learnt")
		m := note(props{mapi.PidTagTransportMessageHeaders: "From: Anna <" + addr + ">\r\nReturn-Path: <" + addr + ">\r\nSender: carl@example.org\r\nTo: carl@example.org\r\nX-Other:  kept   as it is\r\n\r\n"})
		it, p := a.convert(m, address.Options{})
		equal(t, what+" in From", p.header.Get("From"), "Anna <anna@example.org>")
		equal(t, what+" in Return-Path", p.header.Get("Return-Path"), "<anna@example.org>")
		equal(t, what+": Via", it.Mail.From.Via, formats.ViaLearnt)
		if b := written(t, it); !bytes.Contains(b, []byte("\r\nX-Other:  kept   as it is\r\nMIME-Version")) && !bytes.Contains(b, []byte("\r\nX-Other:  kept   as it is\r\n")) {
			t.Errorf("the other fields have changed:\n%s", b)
		}
	}
	if local, _, _ := strings.Cut(encoded, "@"); len(local) < 200 {
		t.Errorf("%d octets are no long local part", len(local))
	}
	invited := note(props{mapi.PidTagSenderName: "Anna", mapi.PidTagSenderEmailAddress: dn, mapi.PidTagMessageFlags: mapi.MessageHasAttachments})
	invited.atts = []*att{file("reply.ics", "text/calendar", []byte("BEGIN:VCALENDAR\r\nATTENDEE;CN=Otto:mailto:"+mapi.EncodeIMCEA("EX", "/o=Org/cn=otto", "example.org")+"\r\nEND:VCALENDAR\r\n"))}
	if p, known := newArchive(t).learn(invited).book.Ladder(address.Options{}).Person("/o=Org/cn=otto"); !known || len(p.Names) != 1 || p.Names[0].Text != "Otto" {
		t.Errorf("an attendee is %+v", p)
	}
	equal(t, "an SMTP address inside", a.to("IMCEASMTP-bert+40example+2Eorg@gateway.example", address.Options{}), "bert@example.org stored")
	equal(t, "a notes user", a.to("IMCEANOTES-Bert+20Klein_Org@gateway.example", address.Options{}), "IMCEANOTES-Bert+20Klein_Org@gateway.example stored")

	// The domain behind it is the organisation's, and what is written on demand.
	other := mapi.EncodeIMCEA("EX", "/o=Org/cn=nobody", "mail.example.org")
	a.learn(mailTo(row(1, "Nobody", "SMTP", other)))
	equal(t, "the domain", a.book.Domain(), "mail.example.org")
	it, _ := a.convert(mailTo(row(1, "Nobody", "EX", "/o=Org/cn=nobody")), address.Options{Unresolved: address.PolicyIMCEAEX})
	equal(t, "encapsulated again", it.Mail.To[0].Spec(), other)
}

// TestCase05Headers learns from a header's lists only where nothing says that they differ from the table.
func TestCase05Headers(t *testing.T) {
	bertDN := strings.Replace(annaDN, "anna", "bert", 1)
	for _, c := range []struct{ what, to, anna string }{
		{"equal and aligned", `"Groß, Anna" <anna@example.org>, Bert <bert@example.org>`, "anna@example.org learnt"},
		{"swapped names", `Bert <bert@example.org>, "Groß, Anna" <anna@example.org>`, " none"},
		{"a list that was expanded", `"Groß, Anna" <anna@example.org>, All <all@example.org>, Bert <bert@example.org>`, " none"},
		{"one name that differs", `"Groß, Anna" <anna@example.org>, Bernd <bert@example.org>`, " none"},
	} {
		m := note(props{mapi.PidTagTransportMessageHeaders: "From: x@example.org\r\nTo: " + c.to + "\r\n\r\n"})
		m.rows = []props{row(1, "Groß, Anna", "EX", annaDN), row(1, "Bert", "EX", bertDN)}
		equal(t, c.what, newArchive(t).learn(m).to(annaDN, address.Options{}), c.anna)
	}
	// Another message's header tells nothing.
	m := note(props{mapi.PidTagInternetMessageId: "<1@example.org>", mapi.PidTagTransportMessageHeaders: "Message-ID: <2@example.org>\r\nTo: Anna <anna@example.org>\r\n\r\n"})
	m.rows = []props{row(1, "Anna", "EX", annaDN)}
	equal(t, "a foreign header", newArchive(t).learn(m).to(annaDN, address.Options{}), " none")
}

// TestCase06OnBehalfOf decides who is who after everybody is known.
func TestCase06OnBehalfOf(t *testing.T) {
	by := func(representing, sender string) *msg {
		return note(props{
			mapi.PidTagSentRepresentingName: "Anna", mapi.PidTagSentRepresentingEmailAddress: representing,
			mapi.PidTagSenderName: "Anna", mapi.PidTagSenderEmailAddress: sender,
		})
	}
	a := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org"), row(1, "Anna", "EX", annaDN)))
	it, p := a.convert(by("Anna@Example.org", annaDN), address.Options{})
	equal(t, "From", p.header.Get("From"), "Anna <Anna@Example.org>")
	equal(t, "Sender of one person", p.header.Get("Sender"), "")
	equal(t, "the item has a sender", it.Mail.Sender != nil, false)
	_, p = a.convert(by("bert@example.org", annaDN), address.Options{})
	equal(t, "From of two", p.header.Get("From"), "Anna <bert@example.org>")
	equal(t, "Sender of another person", p.header.Get("Sender"), "Anna <anna@example.org>")
	// A header that came with both keeps both, unless an address is written anew.
	raw := note(props{mapi.PidTagTransportMessageHeaders: "From: Anna <anna@example.org>\r\nSender: Anna <anna@example.org>\r\n\r\n"})
	_, p = a.convert(raw, address.Options{})
	equal(t, "Sender as it came", p.header.Get("Sender"), "Anna <anna@example.org>")
	raw = note(props{mapi.PidTagTransportMessageHeaders: "From: Anna <anna@example.org>\r\nSender: Anna <" + annaDN + ">\r\n\r\n"})
	_, p = a.convert(raw, address.Options{})
	equal(t, "Sender that was none", p.header.Get("Sender"), "")
}

// TestCase07ReplyTo resolves the entries of a list of reply addresses, whatever kind they are of.
func TestCase07ReplyTo(t *testing.T) {
	ansiOneOff := append(append([]byte{0, 0, 0, 0}, mapi.MakeOneOff("", "", "")[4:20]...), 0, 0, 1, 0x10)
	ansiOneOff = append(ansiOneOff, "J\xfcrgen\x00SMTP\x00j@example.org\x00"...)
	m := note(props{
		mapi.PidTagMessageCodepage:       1252,
		mapi.PidTagReplyRecipientNames:   "Jürgen; A; B; Anna",
		mapi.PidTagReplyRecipientEntries: flatList(ansiOneOff, mapi.MakeOneOff("A; B", "SMTP", "ab@example.org"), exEntry(annaDN), []byte("garbage")),
	})
	_, p := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org"))).convert(m, address.Options{})
	list, err := p.header.AddressList("Reply-To")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Name+"|"+a.Address)
	}
	equal(t, "Reply-To", strings.Join(got, ", "), "Jürgen|j@example.org, A; B|ab@example.org, |anna@example.org")
}

// TestCase08Lists learns from the members of distribution lists.
func TestCase08Lists(t *testing.T) {
	wrap := func(typ byte, id []byte) []byte {
		b := append([]byte{0, 0, 0, 0, 0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4}, typ)
		return append(b, id...)
	}
	missing := wrap(0xC3, append(make([]byte, 20), 0x44, 0, 0x20, 0))
	dns := make([]string, 5)
	for i := range dns {
		dns[i] = fmt.Sprintf("/o=Org/cn=Recipients/cn=member%d", i)
	}
	multi := func(list ...[]byte) mapi.Value { return mapi.Value{Type: mapi.MultiBinary, Elems: list} }
	list := &msg{props: props{
		mapi.PidTagMessageClass: "IPM.DistList",
		mapi.PidLidDistributionListMembers: multi(wrap(0xB5, exEntry(dns[0])), wrap(0xB6, exEntry(dns[1])), missing,
			mapi.MakeOneOff("Zero", "SMTP", "zero@example.org"), wrap(0xB4, []byte("itself")), wrap(0xB0, mapi.MakeOneOff("Member 4", "EX", dns[4]))),
		mapi.PidLidDistributionListOneOffMembers: multi(mapi.MakeOneOff("Member 0", "SMTP", "member0@example.org"), mapi.MakeOneOff("Member 1", "EX", dns[1]),
			mapi.MakeOneOff("Member 2", "EX", dns[2])),
	}}
	a := newArchive(t).learn(list)
	equal(t, "a user and its copy", a.to(dns[0], address.Options{}), "member0@example.org learnt")
	for _, dn := range []string{dns[1], dns[2], dns[4]} {
		p, ok := a.book.Ladder(address.Options{}).Person(dn)
		equal(t, "somebody is known by name only: "+dn, ok && p.Open() && len(p.Names) == 1, true)
	}

	// With a stream of members the arrays are of an older state.
	le := binary.LittleEndian
	entry, copied := wrap(0xB5, exEntry(dns[3])), mapi.MakeOneOff("Member 3", "SMTP", "member3@example.org")
	b := []byte{1, 0, 0, 0}
	for _, n := range []int{1, 0, 1, len(entry), len(copied), 0} {
		b = le.AppendUint32(b, uint32(n))
	}
	b = append(le.AppendUint32(b, uint32(len(entry))), entry...)
	b = append(le.AppendUint32(b, uint32(len(copied))), copied...)
	b = append(b, make([]byte, 4+8)...)
	list.props[mapi.PidLidDistributionListStream] = b
	a = newArchive(t).learn(list)
	equal(t, "a member in the stream", a.to(dns[3], address.Options{}), "member3@example.org learnt")
	if _, ok := a.book.Ladder(address.Options{}).Person(dns[0]); ok {
		t.Error("somebody who has left the list was learnt from")
	}
}

// TestCase10NamesAreHarmless learns names of every sort, and writes what is resolved without harm.
func TestCase10NamesAreHarmless(t *testing.T) {
	for _, name := range []string{"Anna\r\nBcc: x@example.org", "Anna <x", `Anna "the" Groß`, "\u202eannA", "Anna 🎉", strings.Repeat("Anna ", 60), "=?utf-8?q?Anna?=", "Anna;Bert,Carl"} {
		a := newArchive(t).learn(mailTo(withSMTP(row(1, name, "EX", annaDN), "anna@example.org")))
		_, p := a.convert(mailTo(row(1, name, "EX", annaDN)), address.Options{})
		list, err := p.header.AddressList("To")
		if err != nil || len(list) != 1 || list[0].Address != "anna@example.org" {
			t.Errorf("%q: %v, %v", name, list, err)
		}
		if p.header.Get("Bcc") != "" {
			t.Errorf("%q adds a field", name)
		}
	}
}

// TestUnresolved shows what is written for those whom nobody knows.
func TestUnresolved(t *testing.T) {
	m := func() *msg {
		m := note(props{mapi.PidTagSenderName: "Anna Groß", mapi.PidTagSenderEmailAddress: annaDN})
		m.rows = []props{row(1, "Anna Groß", "EX", annaDN), row(2, "", "EX", annaDN)}
		return m
	}
	for _, c := range []struct {
		policy       address.Policy
		from, to, cc string
	}{
		{address.PolicyInvalid, "ex-debcd5fca990@unresolved.invalid", "ex-debcd5fca990@unresolved.invalid", "ex-debcd5fca990@unresolved.invalid"},
		{address.PolicyIMCEAEX, "IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=anna@example.org", "IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=anna@example.org", "IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=anna@example.org"},
		{address.PolicyNameOnly, "ex-debcd5fca990@unresolved.invalid", "", "ex-debcd5fca990@unresolved.invalid"},
	} {
		it, _ := newArchive(t).convert(m(), address.Options{Unresolved: c.policy, Domain: "example.org"})
		equal(t, c.policy.String()+" From", it.Mail.From.Spec(), c.from)
		equal(t, c.policy.String()+" To", it.Mail.To[0].Spec(), c.to)
		equal(t, c.policy.String()+" Cc", it.Mail.Cc[0].Spec(), c.cc)
	}
	_, err := newArchive(t).book.Ladder(address.Options{Unresolved: address.PolicyFail}).Resolver().Apply(t.Context(), convert(t, m()))
	if err == nil || !strings.Contains(err.Error(), annaDN) {
		t.Errorf("the error is %v", err)
	}
}

// TestResolvedEverywhere shows that nobody is forgotten: in messages within messages, in reports, in fields that name
// people, and not in what is signed.
func TestResolvedEverywhere(t *testing.T) {
	a := newArchive(t).learn(mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org")))
	inner := mailTo(row(1, "Anna", "EX", annaDN))
	middle := mailTo(row(2, "Anna", "EX", annaDN))
	middle.atts = []*att{inside(inner)}
	outer := note(props{
		mapi.PidTagReadReceiptRequested: true, mapi.PidTagSenderName: "Anna", mapi.PidTagSenderEmailAddress: annaDN,
		mapi.PidTagTransportMessageHeaders: "From: Anna <" + annaDN + ">\r\nResent-To: Anna <" + annaDN + ">\r\nErrors-To: " + annaDN + "\r\nDisposition-Notification-To: <" + annaDN + ">\r\nX-Note: /o=Org is no address\r\n\r\n",
	})
	outer.atts = []*att{inside(middle)}
	it, p := a.convert(outer, address.Options{})
	for _, field := range []string{"From", "Resent-To", "Errors-To", "Disposition-Notification-To"} {
		if got := p.header.Get(field); !strings.Contains(got, "anna@example.org") {
			t.Errorf("%s is %q", field, got)
		}
	}
	equal(t, "X-Note", p.header.Get("X-Note"), "/o=Org is no address")
	n := 0
	it.Participants(func(who *formats.Address) {
		if strings.HasPrefix(who.Stored, "/o=") {
			n++
			equal(t, who.Stored, who.Spec(), "anna@example.org")
		}
	})
	if n < 6 {
		t.Errorf("%d participants are Anna", n)
	}

	ndr := note(props{mapi.PidTagMessageClass: "REPORT.IPM.Note.NDR", mapi.PidTagReportTime: time.Unix(1e9, 0)})
	ndr.rows = []props{row(1, "Anna", "EX", annaDN)}
	_, p = a.convert(ndr, address.Options{})
	if got := p.part("message/delivery-status"); !strings.Contains(got, "Final-Recipient: rfc822;anna@example.org\r\n") {
		t.Errorf("the report says\n%s", got)
	}
	_, p = newArchive(t).convert(ndr, address.Options{})
	if got := p.part("message/delivery-status"); !strings.Contains(got, "Final-Recipient: rfc822;ex-") || strings.Contains(got, "/o=") {
		t.Errorf("the report says\n%s", got)
	}

	entity := "Content-Type: multipart/signed; boundary=b; micalg=sha1; protocol=\"application/x-pkcs7-signature\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nTo: <" + annaDN + ">\r\n--b\r\nContent-Type: application/x-pkcs7-signature\r\n\r\nAAAA\r\n--b--\r\n"
	signed := note(props{mapi.PidTagMessageClass: "IPM.Note.SMIME.MultipartSigned"}).from("Carl", "carl@example.org")
	signed.atts = []*att{file("smime.p7m", "multipart/signed", []byte(entity))}
	it, _ = a.convert(signed, address.Options{})
	if b := written(t, it); !bytes.Contains(b, []byte("To: <"+annaDN+">")) {
		t.Errorf("signed content was changed:\n%s", b)
	}
}

// TestLearnOwner puts together who receives an archive's mail and who sent what is in its folder of sent mail.
func TestLearnOwner(t *testing.T) {
	a := newArchive(t)
	for range 3 {
		a.inFolder = &formats.Folder{Path: []string{"Inbox"}, Role: formats.RoleInbox}
		a.learn(note(props{mapi.PidTagReceivedByName: "Anna", mapi.PidTagReceivedByEmailAddress: annaDN}).from("Bert", "bert@example.org"))
		a.inFolder = &formats.Folder{Path: []string{"Sent"}, Role: formats.RoleSent}
		a.learn(note(nil).from("Anna", "anna@example.org"))
	}
	equal(t, "the owner", a.to(annaDN, address.Options{}), "anna@example.org learnt")

	// The header of what was received says for whom.
	a = newArchive(t)
	a.learn(note(props{
		mapi.PidTagReceivedByEmailAddress: annaDN, mapi.PidTagInternetMessageId: "<1@x>",
		mapi.PidTagTransportMessageHeaders: "Received: from a by b\r\n for <anna@example.org>; Mon, 1 Jan 2001 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\n",
	}))
	equal(t, "received for", a.to(annaDN, address.Options{}), "anna@example.org learnt")
}

// TestLearnMeetings learns from those who are invited, and from those who are not in the table.
func TestLearnMeetings(t *testing.T) {
	le := binary.LittleEndian
	stream := func(width int) []byte {
		b := le.AppendUint32(le.AppendUint32(nil, 1), 1)
		b = le.AppendUint32(le.AppendUint32(b, 4), 0)
		for _, p := range []struct {
			id mapi.ID
			v  string
		}{{mapi.PidTagDisplayName, "Anna"}, {mapi.PidTagEmailAddress, annaDN}, {mapi.PidTagSmtpAddress, "anna@example.org"}} {
			b = le.AppendUint32(b, uint32(mapi.MakeTag(p.id, mapi.String)))
			text := wide(p.v + "\x00")
			if width == 2 {
				b = le.AppendUint16(b, uint16(len(text)))
			} else {
				b = le.AppendUint32(b, uint32(len(text)))
			}
			b = append(b, text...)
		}
		return le.AppendUint32(le.AppendUint32(b, uint32(mapi.MakeTag(mapi.PidTagRecipientType, mapi.Integer32))), 1)
	}
	for _, width := range []int{2, 4} {
		m := &msg{props: props{mapi.PidTagMessageClass: "IPM.Schedule.Meeting.Request", mapi.PidLidForwardNotificationRecipients: stream(width)}}
		equal(t, "another attendee", newArchive(t).learn(m).to(annaDN, address.Options{}), "anna@example.org learnt")
	}
	exception := mailTo(withSMTP(row(1, "Anna", "EX", annaDN), "anna@example.org"))
	series := &msg{props: props{mapi.PidTagMessageClass: "IPM.Appointment"}, atts: []*att{inside(exception)}}
	equal(t, "an exception's attendee", newArchive(t).learn(series).to(annaDN, address.Options{}), "anna@example.org learnt")
}

// TestStrangers shows that an address that is another's counts for nothing beside the name of somebody else.
func TestStrangers(t *testing.T) {
	annas := mailTo(withSMTP(row(1, "Groß, Anna", "EX", annaDN), "anna@example.org"))
	bertDN := strings.Replace(annaDN, "anna", "bert", 1)
	wrong := mailTo(withSMTP(row(1, "Klein, Bert", "EX", bertDN), "anna@example.org"))
	a := newArchive(t).learn(annas, annas, annas, wrong)
	equal(t, "Bert", a.to(bertDN, address.Options{}), " none")
	equal(t, "Anna", a.to(annaDN, address.Options{}), "anna@example.org learnt")
	p, _ := a.book.Ladder(address.Options{}).Person(bertDN)
	if len(p.Candidates) != 1 || !p.Candidates[0].Stranger {
		t.Errorf("the report has %+v", p.Candidates)
	}
	// Nor is somebody else of the family.
	eva := strings.Replace(annaDN, "anna", "eva", 1)
	a.learn(mailTo(withSMTP(row(1, "Groß, Eva", "EX", eva), "anna@example.org")))
	equal(t, "Eva", a.to(eva, address.Options{}), " none")
	// One person's old name, shown without the display name that everybody knows.
	old := strings.Replace(annaDN, "cn=anna", "cn=0123-anna", 1)
	a.learn(mailTo(withSMTP(row(1, "AG4711", "EX", old), "anna@example.org")))
	equal(t, "Anna's old name", a.to(old, address.Options{}), "anna@example.org learnt")
}
