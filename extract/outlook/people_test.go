package outlook_test

import (
	"strings"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
)

const annaDN = "/o=Org/ou=Site/cn=Recipients/cn=anna"

func exEntry(dn string) []byte {
	b := []byte{0, 0, 0, 0, 0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82, 1, 0, 0, 0, 0, 0, 0, 0}
	return append(append(b, dn...), 0)
}

// TestParticipants shows by what on an item a participant becomes known.
func TestParticipants(t *testing.T) {
	type want struct{ name, stored, smtp, via string }
	for _, c := range []struct {
		what string
		p    props
		want want
	}{
		{"an SMTP address", props{mapi.PidTagEmailAddress: "anna@example.org"}, want{"Anna", "anna@example.org", "anna@example.org", "stored"}},
		{"a property beside an Exchange address", props{mapi.PidTagEmailAddress: annaDN, mapi.PidTagSmtpAddress: "Anna@example.org"}, want{"Anna", annaDN, "Anna@example.org", "item"}},
		{"a search key", props{mapi.PidTagEmailAddress: annaDN, mapi.PidTagSearchKey: []byte("SMTP:ANNA@EXAMPLE.ORG\x00")}, want{"Anna", annaDN, "anna@example.org", "item"}},
		{"a one-off entry id", props{mapi.PidTagEmailAddress: annaDN, mapi.PidTagEntryId: mapi.MakeOneOff("A", "SMTP", "anna@example.org")}, want{"Anna", annaDN, "anna@example.org", "item"}},
		{"nothing", props{mapi.PidTagAddressType: "EX", mapi.PidTagEmailAddress: annaDN}, want{"Anna", annaDN, "", "none"}},
		{"nothing but an entry id", props{mapi.PidTagEntryId: exEntry(annaDN)}, want{"Anna", annaDN, "", "none"}},
		{"type SMTP with an Exchange address", props{mapi.PidTagAddressType: "SMTP", mapi.PidTagEmailAddress: annaDN}, want{"Anna", annaDN, "", "none"}},
		{"type EX with an SMTP address", props{mapi.PidTagAddressType: "EX", mapi.PidTagEmailAddress: "anna@example.org"}, want{"Anna", "anna@example.org", "anna@example.org", "stored"}},
		{"a link in quotes", props{mapi.PidTagEmailAddress: "'mailto:anna@example.org'"}, want{"Anna", "'mailto:anna@example.org'", "anna@example.org", "stored"}},
		{"NULs behind", props{mapi.PidTagEmailAddress: "anna@example.org\x00\x00x"}, want{"Anna", "anna@example.org", "anna@example.org", "stored"}},
		{"an encapsulated Exchange address", props{mapi.PidTagEmailAddress: "IMCEAEX-_o=Org_cn=anna@example.org"}, want{"Anna", "IMCEAEX-_o=Org_cn=anna@example.org", "", "none"}},
		{"an encapsulated SMTP address", props{mapi.PidTagEmailAddress: "imceasmtp-anna+40example+2Eorg@gateway.example"}, want{"Anna", "imceasmtp-anna+40example+2Eorg@gateway.example", "anna@example.org", "stored"}},
		{"a fax by a gateway", props{mapi.PidTagEmailAddress: "IMCEAFAX-+2B49@example.org"}, want{"Anna", "IMCEAFAX-+2B49@example.org", "IMCEAFAX-+2B49@example.org", "stored"}},
		{"a host of one's own", props{mapi.PidTagEmailAddress: "anna@localhost"}, want{"Anna", "anna@localhost", "anna@localhost", "stored"}},
		{"a name for an address", props{mapi.PidTagEmailAddress: "Anna"}, want{"Anna", "Anna", "", "none"}},
		{"an IDN", props{mapi.PidTagEmailAddress: "anna@müller.example"}, want{"Anna", "anna@müller.example", "anna@müller.example", "stored"}},
		{"the address for a name", props{mapi.PidTagDisplayName: "'anna@example.org'", mapi.PidTagEmailAddress: "anna@example.org"}, want{"", "anna@example.org", "anna@example.org", "stored"}},
		{"the address behind the name", props{mapi.PidTagDisplayName: "Groß, Anna (anna@example.org)", mapi.PidTagEmailAddress: "anna@example.org"}, want{"Groß, Anna", "anna@example.org", "anna@example.org", "stored"}},
		{"a name that keeps its parentheses", props{mapi.PidTagDisplayName: "Anna (Sales)", mapi.PidTagEmailAddress: "anna@example.org"}, want{"Anna (Sales)", "anna@example.org", "anna@example.org", "stored"}},
		{"on behalf of", props{mapi.PidTagDisplayName: "Anna on behalf of Bert", mapi.PidTagEmailAddress: "anna@example.org"}, want{"Anna", "anna@example.org", "anna@example.org", "stored"}},
		{"an Exchange address for a name", props{mapi.PidTagDisplayName: annaDN, mapi.PidTagEmailAddress: annaDN}, want{"", annaDN, "", "none"}},
		{"a line end in the name", props{mapi.PidTagDisplayName: "Anna\r\nBcc: x@example.org", mapi.PidTagEmailAddress: "anna@example.org"}, want{"Anna  Bcc: x@example.org", "anna@example.org", "anna@example.org", "stored"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := row(1, "Anna", "", "")
			delete(r, mapi.PidTagEmailAddress)
			for k, v := range c.p {
				r[k] = v
			}
			m := note(nil)
			m.rows = []props{r}
			it, p := readBack(t, m)
			a := it.Mail.To[0]
			if got := (want{a.Name, a.Stored, a.SMTP, string(a.Via)}); got != c.want {
				t.Errorf("it is %+v, want %+v", got, c.want)
			}
			if to := p.header.Get("To"); strings.Contains(to, "/o=") || strings.Contains(to, "IMCEAEX") {
				t.Errorf("To is %q", to)
			}
		})
	}
}

// TestRowsWithoutType shows that nobody is left out whose row does not say whether it is To or Cc.
func TestRowsWithoutType(t *testing.T) {
	lost, odd, originator := row(1, "Anna", "SMTP", "anna@example.org"), row(7, "Bert", "SMTP", "bert@example.org"), row(0, "Carl", "SMTP", "carl@example.org")
	delete(lost, mapi.PidTagRecipientType)
	m := note(nil)
	m.rows = []props{lost, odd, originator, row(-0x7FFFFFFE, "Dora", "SMTP", "dora@example.org")}
	_, p := readBack(t, m)
	equal(t, "To", p.header.Get("To"), "Anna <anna@example.org>, Bert <bert@example.org>")
	equal(t, "Cc", p.header.Get("Cc"), "Dora <dora@example.org>")
}

func TestFromAndSender(t *testing.T) {
	representing := func(m *msg, name, addr, smtp string) {
		m.props[mapi.PidTagSentRepresentingName], m.props[mapi.PidTagSentRepresentingEmailAddress] = name, addr
		if smtp != "" {
			m.props[mapi.PidTagSentRepresentingSmtpAddress] = smtp
		}
	}
	sender := func(m *msg, name, addr, smtp string) {
		m.props[mapi.PidTagSenderName], m.props[mapi.PidTagSenderEmailAddress] = name, addr
		if smtp != "" {
			m.props[mapi.PidTagSenderSmtpAddress] = smtp
		}
	}
	for _, c := range []struct {
		what         string
		set          func(*msg)
		from, sender string
	}{
		{"one person by two addresses", func(m *msg) {
			representing(m, "Anna", "anna@example.org", "")
			sender(m, "Anna", annaDN, "Anna@Example.org")
		}, "Anna <anna@example.org>", ""},
		{"one person by one name in two writings", func(m *msg) {
			representing(m, "Anna", annaDN, "anna@example.org")
			sender(m, "Anna", strings.ToUpper(annaDN), "")
		}, "Anna <anna@example.org>", ""},
		{"an assistant", func(m *msg) {
			representing(m, "Anna", "anna@example.org", "")
			sender(m, "Bert", "bert@example.org", "")
		}, "Anna <anna@example.org>", "Bert <bert@example.org>"},
		{"a sender only", func(m *msg) { sender(m, "Bert", "bert@example.org", "") }, "Bert <bert@example.org>", ""},
		{"a represented person only", func(m *msg) { representing(m, "Anna", "anna@example.org", "") }, "Anna <anna@example.org>", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := note(nil)
			c.set(m)
			it, p := readBack(t, m)
			equal(t, "From", p.header.Get("From"), c.from)
			equal(t, "Sender", p.header.Get("Sender"), c.sender)
			equal(t, "the item has a sender", it.Mail.Sender != nil, c.sender != "")
		})
	}
}

// TestAlignment shows when transport headers tell an address: if nothing says that the lists differ.
func TestAlignment(t *testing.T) {
	bertDN := strings.Replace(annaDN, "anna", "bert", 1)
	for _, c := range []struct {
		what, to string
		want     string // the addresses that are known
	}{
		{"as many, with the same names", `"Groß, Anna" <anna@example.org>, Bert <bert@example.org>`, "anna@example.org bert@example.org"},
		{"names the other way round", `Anna =?utf-8?q?Gro=C3=9F?= <anna@example.org>, bert <bert@example.org>`, "anna@example.org bert@example.org"},
		{"in another order", `Bert <bert@example.org>, "Groß, Anna" <anna@example.org>`, " "},
		{"one more", `"Groß, Anna" <anna@example.org>, Bert <bert@example.org>, C <c@example.org>`, " "},
		{"no names", `anna@example.org, bert@example.org`, " "},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := note(props{mapi.PidTagTransportMessageHeaders: "From: x@example.org\r\nTo: " + c.to + "\r\n\r\n"})
			m.rows = []props{row(1, "Groß, Anna", "EX", annaDN), row(1, "Bert", "EX", bertDN)}
			it := convert(t, m)
			equal(t, "the addresses", it.Mail.To[0].SMTP+" "+it.Mail.To[1].SMTP, c.want)
			if c.want != " " {
				equal(t, "the way", it.Mail.To[0].Via, formats.ViaHeaders)
			}
		})
	}
}

func TestReplyTo(t *testing.T) {
	ansiOneOff := append(append([]byte{0, 0, 0, 0}, mapi.MakeOneOff("", "", "")[4:20]...), 0, 0, 1, 0x10)
	ansiOneOff = append(ansiOneOff, "J\xfcrgen\x00SMTP\x00j@example.org\x00"...)
	m := note(props{mapi.PidTagMessageCodepage: 1252, mapi.PidTagReplyRecipientEntries: flatList(ansiOneOff, mapi.MakeOneOff("A; B", "SMTP", "ab@example.org"), exEntry(annaDN), []byte("garbage"))})
	it := convert(t, m)
	var got []string
	for _, a := range it.Mail.ReplyTo {
		got = append(got, a.Name+" "+a.Stored+" "+a.SMTP)
	}
	equal(t, "Reply-To", strings.Join(got, "; "), "Jürgen j@example.org j@example.org; A; B ab@example.org ab@example.org;  "+annaDN+" ")
}

func TestKindOf(t *testing.T) {
	for class, want := range map[string]formats.Kind{
		"": formats.KindMail, "IPM": formats.KindMail, "ipm.note": formats.KindMail, "IPM.Note.Vendor": formats.KindMail, "IPM.NoteX": formats.KindMail,
		"IPM.Schedule.Meeting.Request": formats.KindMail, "REPORT.IPM.Note.NDR": formats.KindMail, "IPM.Post": formats.KindMail, "IPM.TaskRequest.Accept": formats.KindMail,
		"IPM.Document.txtfile": formats.KindMail, "IPM.Appointment": formats.KindEvent, "IPM.Appointment.Vendor": formats.KindEvent, "IPM.Task": formats.KindTask,
		"IPM.Contact": formats.KindContact, "IPM.DistList": formats.KindGroup, "IPM.StickyNote": formats.KindNote, "IPM.Activity": formats.KindJournal,
		"IPM.Configuration.WorkHours": formats.KindOther, "IPM.Microsoft.FolderDesign.NamedView": formats.KindOther, "IPM.Rule.Message": formats.KindOther,
		"IPM.ExtendedRule.Message": formats.KindOther, "IPM.Note.Rules.OofTemplate.Microsoft": formats.KindOther, "Other": formats.KindMail,
	} {
		equal(t, class, outlook.KindOf(class), want)
	}
}
