package outlook_test

import (
	"strings"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/transform/address"
)

// TestLearnCalendars shows what iCalendar texts in mail tell of participants of the same name.
func TestLearnCalendars(t *testing.T) {
	reply := func(lines string) *msg {
		m := note(props{
			mapi.PidTagSenderName: "Anna Groß", mapi.PidTagSenderAddressType: "EX", mapi.PidTagSenderEmailAddress: annaDN,
			mapi.PidTagMessageFlags: mapi.MessageHasAttachments,
		})
		m.rows = []props{row(1, "Carl", "SMTP", "carl@example.org")}
		m.atts = []*att{file("reply.ics", "text/calendar; method=REPLY", []byte("BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"+lines+"END:VEVENT\r\nEND:VCALENDAR\r\n"))}
		return m
	}
	const anna = `ATTENDEE;PARTSTAT=ACCEPTED;CN="Groß, Anna";X-A="a;b:c":mailto:anna@example.org` + "\r\n"
	imcea := mapi.EncodeIMCEA("EX", annaDN, "example.org")
	for _, c := range []struct{ what, lines, want string }{
		{"an attendee", anna, "anna@example.org learnt"},
		{"an organizer, folded", "ORGANIZER;CN=Anna\r\n  Groß:MAILTO:anna@exam\r\n ple.org\r\n", "anna@example.org learnt"},
		{"twice the same", anna + "ORGANIZER;CN=Anna Groß:mailto:Anna@example.org\r\n", "anna@example.org learnt"},
		{"an address in a parameter", "ATTENDEE;CN=Anna Groß;EMAIL=anna@example.org:urn:uuid:1\r\n", "anna@example.org learnt"},
		{"lists in other parameters", `ATTENDEE;MEMBER="mailto:x@example.org","mailto:y@example.org";CN=Anna Groß:mailto:anna@example.org` + "\r\n", "anna@example.org learnt"},
		{"two of the name", anna + "ATTENDEE;CN=Anna Groß:mailto:other@example.org\r\n", " none"},
		{"another name", "ATTENDEE;CN=Eva Groß:mailto:eva@example.org\r\n", " none"},
		{"no name", "ATTENDEE:mailto:anna@example.org\r\n", " none"},
		{"an Exchange name in disguise", "ATTENDEE;CN=Anna Groß:mailto:" + imcea + "\r\n", " none"},
		{"nobody's address", "ATTENDEE;CN=Anna Groß:invalid:nomail\r\n", " none"},
	} {
		a := newArchive(t).learn(reply(c.lines))
		equal(t, c.what, a.to(annaDN, address.Options{}), c.want)
		if strings.Contains(c.lines, imcea) {
			equal(t, "the domain", a.book.Domain(), "example.org")
		}
	}
	body := reply("")
	body.atts = nil
	body.props[mapi.PidTagTransportMessageHeaders] = "From: x@example.org\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\n"
	body.props[mapi.PidTagBody] = "BEGIN:VCALENDAR\n" + anna
	equal(t, "a mail that is a calendar", newArchive(t).learn(body).to(annaDN, address.Options{}), "anna@example.org learnt")
}

// TestLearnAttendeeNames shows who is found of a meeting that has nothing but names: whoever its recipients do not have.
func TestLearnAttendeeNames(t *testing.T) {
	meeting := func(rows ...props) *msg {
		m := &msg{props: props{
			mapi.PidTagMessageClass: "IPM.Appointment", mapi.PidLidToAttendeesString: "Anna Groß; Klein, Bert", mapi.PidLidAllAttendeesString: "Bert Klein; Großer Saal;",
			mapi.PidTagSenderName: "Anna Groß", mapi.PidTagSenderAddressType: "EX", mapi.PidTagSenderEmailAddress: annaDN,
		}}
		m.rows = rows
		return m
	}
	names := func(m *msg) (list []string) {
		for _, p := range newArchive(t).learn(m).book.Ladder(address.Options{}).Report().Unresolved() {
			list = append(list, p.Names[0].Text)
		}
		return list
	}
	equal(t, "without recipients", strings.Join(names(meeting()), "|"), "Anna Groß|Klein, Bert|Großer Saal")
	equal(t, "with recipients", strings.Join(names(meeting(row(1, "Bert Klein", "SMTP", "bert@example.org"))), "|"), "Anna Groß")
	m := meeting(row(1, "Bert Klein", "SMTP", "bert@example.org"))
	m.props[mapi.PidLidNonSendableTo] = "Dora Dahl; Bert Klein"
	equal(t, "who could not be asked", strings.Join(names(m), "|"), "Anna Groß|Dora Dahl")
}

// TestLearnUncheckedProperties shows that a mail address in a property that no specification describes is believed of
// one who looks like it, and counts less than anything else.
func TestLearnUncheckedProperties(t *testing.T) {
	with := func(id mapi.ID, smtp string) *msg {
		return note(props{
			mapi.PidTagCreatorName: "Anna Groß", mapi.PidTagCreatorEntryId: exEntry(annaDN), id: smtp,
			mapi.PidTagSenderName: "Carl", mapi.PidTagSenderAddressType: "SMTP", mapi.PidTagSenderEmailAddress: "carl@example.org",
		})
	}
	const creator, other = mapi.ID(0x5D0A), mapi.ID(0x5D09)
	gross := with(creator, "anna.gross@example.org")
	equal(t, "once", newArchive(t).learn(gross).to(annaDN, address.Options{}), " none")
	equal(t, "twice", newArchive(t).learn(gross, gross).to(annaDN, address.Options{}), "anna.gross@example.org learnt")
	stranger := with(creator, "secretary@example.org")
	equal(t, "an address of another kind", newArchive(t).learn(stranger, stranger, stranger).to(annaDN, address.Options{}), " none")
	open := with(other, "anna.gross@example.org")
	equal(t, "of nobody's, with one open", newArchive(t).learn(open, open).to(annaDN, address.Options{}), "anna.gross@example.org learnt")
	both := with(other, "anna.gross@example.org")
	both.props[mapi.PidTagReceivedByEntryId] = exEntry(strings.Replace(annaDN, "anna", "bert", 1))
	equal(t, "of nobody's, with two open", newArchive(t).learn(both, both).to(annaDN, address.Options{}), " none")
	row := mailTo(withSMTP(row(1, "Anna Groß", "EX", annaDN), "anna@example.org"))
	equal(t, "against a recipient", newArchive(t).learn(gross, gross, gross, gross, row).to(annaDN, address.Options{}), "anna@example.org learnt")
}

// TestLearnDirectoryEntries shows what contacts tell that have the properties of a directory's entry, and what a header
// of Exchange tells of the receiver.
func TestLearnDirectoryEntries(t *testing.T) {
	contact := &msg{props: props{
		mapi.PidTagMessageClass: "IPM.Contact", mapi.PidTagDisplayName: "Anna Groß", mapi.PidTagEmailAddress: annaDN, mapi.PidTagSmtpAddress: "anna@example.org",
	}}
	equal(t, "a contact", newArchive(t).learn(contact).to(annaDN, address.Options{}), "anna@example.org learnt")

	received := note(props{
		mapi.PidTagReceivedByName: "Anna Groß", mapi.PidTagReceivedByAddressType: "EX", mapi.PidTagReceivedByEmailAddress: annaDN, mapi.PidTagInternetMessageId: "<1@example.org>",
		mapi.PidTagTransportMessageHeaders: "Message-ID: <1@example.org>\r\nX-MS-Exchange-Organization-OriginalRecipient: anna@example.org\r\nX-MS-Exchange-Organization-RecipientLimit: 5\r\n\r\n",
	})
	equal(t, "a header", newArchive(t).learn(received).to(annaDN, address.Options{}), "anna@example.org learnt")

	intended := &msg{props: props{
		mapi.PidTagMessageClass: "REPORT.IPM.Note.NDR", mapi.PidTagOriginallyIntendedRecipAddressType: "SMTP",
		mapi.PidTagOriginallyIntendedRecipEmailAddress: "anna@example.org", mapi.PidTagOriginallyIntendedRecipEntry: exEntry(annaDN),
	}}
	equal(t, "a report", newArchive(t).learn(intended).to(annaDN, address.Options{}), "anna@example.org learnt")

	var lesson formats.Lesson
	outlook.New(outlook.Options{}).Learn(&lesson, note(props{mapi.PidTagOriginallyIntendedRecipEmailAddress: annaDN}))
	if len(lesson.Evidence) > 0 {
		t.Errorf("a mail that is no report has %+v", lesson.Evidence)
	}
}

// TestLearnHeadersWithExchangeNames shows that who has an Exchange name in a header alone is learnt too: the header is
// what is written.
func TestLearnHeadersWithExchangeNames(t *testing.T) {
	for _, from := range []string{
		"Anna Groß <" + annaDN + ">", "Anna Gro\u00df <" + annaDN + ">, Bert <bert@example.org>", "=?utf-8?q?Anna_Gro=C3=9F?= <" + annaDN + ">", "Anna Groß <" + strings.ToUpper(annaDN) + ">", "Anna Groß <" + mapi.EncodeIMCEA("EX", annaDN, "example.org") + ">",
	} {
		m := mailTo(row(1, "Bert", "SMTP", "bert@example.org"))
		m.props[mapi.PidTagTransportMessageHeaders] = "From: " + from + "\r\nTo: bert@example.org\r\n\r\n"
		a := newArchive(t).learn(m)
		if _, known := a.book.Ladder(address.Options{}).Person(annaDN); !known {
			t.Errorf("%s is not known", from)
		}
		for _, policy := range []address.Policy{address.PolicyInvalid, address.PolicyNameOnly} {
			_, p := a.convert(m, address.Options{Unresolved: policy})
			if field := p.header.Get("From"); !strings.Contains(field, "Gro") || strings.Contains(strings.ToLower(field), "/o") || strings.Contains(strings.ToLower(field), "imcea") {
				t.Errorf("%s is written as %s", from, field)
			}
		}
	}
}
