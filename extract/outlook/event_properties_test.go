package outlook_test

import (
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats/mapi"
)

// shownMeetings is what Outlook shows of meetings that others called, of what is online of them, and of zones.
func shownMeetings() []shownThing {
	link := func(what string, key mapi.Name, address, at string) shownThing {
		return shownThing{what: what, p: props{key: address}, at: at, find: address}
	}
	return []shownThing{
		{what: "Start time", p: props{
			mapi.PidLidAppointmentStartWhole: nine, mapi.PidLidAppointmentZoneStart: zoneBerlin.definition(nil), mapi.PidLidAppointmentStateFlags: 3,
			mapi.PidTagSentRepresentingName: "Olga", mapi.PidTagSentRepresentingAddressType: "SMTP", mapi.PidTagSentRepresentingEmailAddress: "olga@example.org",
		}, at: "DTSTART;TZID=Europe/Berlin", find: "20140305T100000", more: "with its zone's rules in a `VTIMEZONE`"},
		{what: "Name of the zone", p: props{mapi.PidLidTimeZoneDescription: "(UTC+01:00) Amsterdam"}, at: "X-PST-ZONE-NAME", find: "(UTC+01:00) Amsterdam", more: "in the `VTIMEZONE`"},
		{what: "What you answered", p: props{mapi.PidLidResponseStatus: 3}, at: "X-PST-RESPONSE", find: "ACCEPTED", more: "and your `PARTSTAT`"},
		{what: "When you answered", p: props{mapi.PidLidAppointmentReplyTime: nine}, at: "X-MICROSOFT-CDO-REPLYTIME", find: "20140305T090000Z"},
		text("Who answered for you", mapi.PidLidAppointmentReplyName, "X-PST-REPLY-NAME"),
		{what: "Answers are wanted", p: props{mapi.PidTagResponseRequested: true}, at: "ATTENDEE;CN=Rita;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE", find: "rita@example.org"},
		{what: "When an attendee answered", at: "ATTENDEE;CN=Rita", find: "X-PST-REPLYTIME=20140305T090000Z", more: "as `X-PST-REPLYTIME`"},
		{what: "The time that an attendee proposed", at: "ATTENDEE;CN=Rita", find: "X-PST-PROPOSED-START=20140305T110000Z", more: "as `X-PST-PROPOSED-START` and `X-PST-PROPOSED-END`"},
		{what: "Show as, as the organizer has it", p: props{mapi.PidLidIntendedBusyStatus: 2}, at: "X-MICROSOFT-CDO-INTENDEDSTATUS", find: "BUSY"},
		{what: "Revision", p: props{mapi.PidLidAppointmentSequence: 7}, at: "SEQUENCE", find: "7"},
		{what: "Sound of the reminder", p: props{mapi.NameReminderSet: true, mapi.NameReminderOverride: true, mapi.NameReminderPlaySound: true, mapi.NameReminderFileParameter: "gong.wav"}, at: "X-PST-REMINDER-SOUND", find: "gong.wav"},
		link("Web address of the meeting", mapi.PidNameSkypeTeamsMeetingUrl, "https://teams.example/1", "URL"),
		link("Meeting workspace", mapi.PidLidMeetingWorkspaceUrl, "https://ws.example/1", "X-PST-WORKSPACE"),
		link("Online meeting: link for guests", mapi.PidNameOnlineMeetingExternalLink, "https://lync.example/1", "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK"),
		link("Online meeting: link for colleagues", mapi.PidNameOnlineMeetingInternalLink, "https://in.example/1", "X-MICROSOFT-ONLINEMEETINGINTERNALLINK"),
		link("Online meeting: conference", mapi.PidNameOnlineMeetingConfLink, "conf:sip:olga@example.org", "X-MICROSOFT-ONLINEMEETINGCONFLINK"),
		link("NetShow event", mapi.PidLidNetShowUrl, "https://show.example/1", "CONFERENCE"),
		text("Document to work on together", mapi.PidLidCollaborateDoc, "X-PST-COLLABORATE-DOC"),
		text("Directory server", mapi.PidLidDirectory, "X-PST-DIRECTORY-SERVER"),
		text("Organizer's address there", mapi.PidLidOrganizerAlias, "X-PST-ORGANIZER-ALIAS"),
		text("Password of the meeting", mapi.PidLidOnlinePassword, "X-PST-ONLINE-PASSWORD"),
	}
}

// invited adds an attendee who has answered.
func invited(m *msg) {
	rita := row(1, "Rita", "SMTP", "rita@example.org")
	rita[mapi.PidTagRecipientTrackTime], rita[mapi.PidTagRecipientProposed] = nine, true
	rita[mapi.PidTagRecipientNewStart], rita[mapi.PidTagRecipientNewEnd] = nine.Add(2*time.Hour), nine.Add(3*time.Hour)
	m.rows = []props{rita}
}

// TestEventProperties walks an appointment that has everything that Outlook shows a person of one: each stands in the
// calendar.
func TestEventProperties(t *testing.T) {
	type shown struct {
		property any // an ID or a name
		value    any
		line     string // of the calendar
	}
	r := mondays()
	blob, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	list := []shown{
		{mapi.PidTagSubject, "Plenum, zweiter Teil", `SUMMARY:Plenum\, zweiter Teil`},
		{mapi.PidLidLocation, "Saal 5", "LOCATION:Saal 5"},
		{mapi.PidLidAppointmentStartWhole, at(2015, 3, 16, 8, 0), "DTSTART;TZID=Europe/Berlin:20150316T090000"},
		{mapi.PidLidAppointmentEndWhole, at(2015, 3, 16, 9, 0), "DTEND;TZID=Europe/Berlin:20150316T100000"},
		{mapi.PidLidAppointmentZoneRecur, zoneBerlin.definition(t), "TZID:Europe/Berlin"},
		{mapi.PidLidTimeZoneDescription, "(UTC+01:00) Amsterdam, Berlin", `X-PST-ZONE-NAME:(UTC+01:00) Amsterdam\, Berlin`},
		{mapi.PidLidAppointmentRecur, blob, "RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO;WKST=MO"},
		{mapi.PidTagBody, "Es gilt das Übliche.", "DESCRIPTION:Es gilt das Übliche."},
		{mapi.PidTagHtml, []byte("<p>Es gilt das <b>Uebliche</b>.</p>"), "X-ALT-DESC;FMTTYPE=text/html:<p>Es gilt das <b>Uebliche</b>.</p>"},
		{mapi.PidLidBusyStatus, 3, "X-MICROSOFT-CDO-BUSYSTATUS:OOF"},
		{mapi.PidLidIntendedBusyStatus, 2, "X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY"},
		{mapi.PidTagImportance, 2, "PRIORITY:1"},
		{mapi.PidTagSensitivity, 2, "CLASS:PRIVATE"},
		{mapi.PidNameKeywords, []string{"Rot", "Verein"}, "CATEGORIES:Rot,Verein"},
		{mapi.NameReminderSet, true, "BEGIN:VALARM"},
		{mapi.NameReminderDelta, 20, "TRIGGER:-PT20M"},
		{mapi.NameReminderOverride, true, ""},
		{mapi.NameReminderPlaySound, true, ""},
		{mapi.NameReminderFileParameter, `C:\gong.wav`, `X-PST-REMINDER-SOUND:C:\\gong.wav`},
		{mapi.PidLidAppointmentColor, 5, "COLOR:orange"},
		{mapi.PidLidContacts, []string{"Anna Alt"}, "CONTACT:Anna Alt"},
		{mapi.PidLidCompanies, []string{"Nordwind"}, "X-PST-COMPANIES:Nordwind"},
		{mapi.PidLidBilling, "4711", "X-PST-BILLING:4711"},
		{mapi.PidLidMileage, "12 km", "X-PST-MILEAGE:12 km"},
		{mapi.PidLidAppointmentStateFlags, 3, ""},
		{mapi.PidTagResponseRequested, true, "RSVP=TRUE"},
		{mapi.PidLidAppointmentNotAllowPropose, true, "X-MICROSOFT-DISALLOW-COUNTER:TRUE"},
		{mapi.PidLidResponseStatus, 3, "X-PST-RESPONSE:ACCEPTED"},
		{mapi.PidLidAppointmentReplyTime, at(2015, 3, 2, 8, 0), "X-MICROSOFT-CDO-REPLYTIME:20150302T080000Z"},
		{mapi.PidLidAppointmentReplyName, "Anna Alt", "X-PST-REPLY-NAME:Anna Alt"},
		{mapi.PidLidAppointmentSequence, 7, "SEQUENCE:7"},
		{mapi.PidLidOwnerCriticalChange, at(2015, 3, 1, 8, 0), "DTSTAMP:20150301T080000Z"},
		{mapi.PidTagCreationTime, at(2015, 2, 1, 8, 0), "CREATED:20150201T080000Z"},
		{mapi.PidTagLastModificationTime, at(2015, 3, 3, 8, 0), "LAST-MODIFIED:20150303T080000Z"},
		{mapi.PidTagOwnerAppointmentId, 77, "X-MICROSOFT-CDO-OWNERAPPTID:77"},
		{mapi.PidLidMeetingWorkspaceUrl, "https://ws.example/1", "X-PST-WORKSPACE:https://ws.example/1"},
		{mapi.PidLidNetShowUrl, "https://show.example/1", "CONFERENCE;VALUE=URI;LABEL=Online meeting:https://show.example/1"},
		{mapi.PidLidCollaborateDoc, `C:\plan.doc`, `X-PST-COLLABORATE-DOC:C:\\plan.doc`},
		{mapi.PidLidDirectory, "ils.example", "X-PST-DIRECTORY-SERVER:ils.example"},
		{mapi.PidLidOrganizerAlias, "olga@ils.example", "X-PST-ORGANIZER-ALIAS:olga@ils.example"},
		{mapi.PidLidOnlinePassword, "sesam", "X-PST-ONLINE-PASSWORD:sesam"},
		{mapi.PidNameSkypeTeamsMeetingUrl, "https://teams.example/1", "URL:https://teams.example/1"},
		{mapi.PidNameOnlineMeetingExternalLink, "https://lync.example/1", "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK:https://lync.example/1"},
		{mapi.PidNameOnlineMeetingInternalLink, "https://in.example/1", "X-MICROSOFT-ONLINEMEETINGINTERNALLINK:https://in.example/1"},
		{mapi.PidNameOnlineMeetingConfLink, "conf:sip:olga@example.org;id=1", "X-MICROSOFT-ONLINEMEETINGCONFLINK:conf:sip:olga@example.org\\;id=1"},
		{mapi.PidNameSkypeTeamsProperties, `{"cid":"19:x"}`, `X-MICROSOFT-SKYPETEAMSPROPERTIES:{"cid":"19:x"}`},
		{mapi.Named(mapi.PSPublicStrings, "Kostenstelle"), "K-12", "X-PST-KOSTENSTELLE;X-NAME=Kostenstelle:K-12"},
		{mapi.PidTagSenderName, "Sekretariat", ""},
		{mapi.PidTagSenderAddressType, "SMTP", ""},
		{mapi.PidTagSenderEmailAddress, "sec@example.org", `SENT-BY="mailto:sec@example.org"`},
		{mapi.PidTagSentRepresentingName, "Olga", "ORGANIZER;CN=Olga;"},
		{mapi.PidTagSentRepresentingAddressType, "SMTP", ""},
		{mapi.PidTagSentRepresentingEmailAddress, "olga@example.org", ":mailto:olga@example.org"},
		{mapi.PidLidAppointmentSubType, false, "X-MICROSOFT-CDO-ALLDAYEVENT:FALSE"},
		{mapi.PidLidCleanGlobalObjectId, globalID([4]byte{}, []byte("vCal-Uid\x01\x00\x00\x00u1@example.org\x00")), "UID:u1@example.org"},
	}
	m := &msg{props: props{mapi.PidTagMessageClass: "IPM.Appointment", mapi.PidLidRecurring: true}}
	for _, s := range list {
		m.props[s.property] = s.value
	}
	anna := row(2, "Anna Alt", "SMTP", "anna@example.org")
	anna[mapi.PidTagRecipientTrackTime] = at(2015, 3, 2, 8, 0)
	anna[mapi.PidTagRecipientProposed], anna[mapi.PidTagRecipientNewStart], anna[mapi.PidTagRecipientNewEnd] = true, at(2015, 3, 17, 8, 0), at(2015, 3, 17, 9, 0)
	m.rows = []props{anna}
	m.atts = []*att{file("Plan.pdf", "application/pdf", []byte("%PDF-"))}
	it := convert(t, m)
	if len(it.Damage) > 0 {
		t.Fatal(it.Damage)
	}
	text := strings.ReplaceAll(calendarOf(t, it), "\r\n ", "")
	wanted := []string{
		"ATTENDEE;CN=Anna Alt;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE;X-PST-REPLYTIME=20150302T080000Z;X-PST-PROPOSED-START=20150317T080000Z;X-PST-PROPOSED-END=20150317T090000Z:mailto:anna@example.org",
		"ATTACH;FMTTYPE=application/pdf;X-FILENAME=Plan.pdf;ENCODING=BASE64;VALUE=BINARY:JVBERi0=",
	}
	for _, s := range list {
		wanted = append(wanted, s.line)
	}
	for _, line := range wanted {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}

	// Those who cannot be sent anything take part all the same.
	m = single(at(2015, 3, 16, 8, 0), at(2015, 3, 16, 9, 0), props{
		mapi.PidLidAppointmentStateFlags: 1, mapi.PidLidAppointmentUnsendableRecipients: unsendable("Bert", "bert@example.org"),
	})
	if e := whole(t, outlook.Options{}, m); len(e.Meeting.Attendees) != 1 || e.Meeting.Attendees[0].Address.SMTP != "bert@example.org" {
		t.Errorf("%+v", e.Meeting)
	}
}

// unsendable is a stream of one recipient (MS-OXOCAL 2.2.1.25).
func unsendable(name, addr string) []byte {
	b := []byte{1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}
	add := func(tag uint32, s string) {
		w := wide(s + "\x00")
		b = append(b, byte(tag), byte(tag>>8), byte(tag>>16), byte(tag>>24), byte(len(w)), byte(len(w)>>8))
		b = append(b, w...)
	}
	b = append(b, 3, 0, 0x15, 0x0C, 1, 0, 0, 0)
	add(0x3001001F, name)
	add(0x3002001F, "SMTP")
	add(0x3003001F, addr)
	return b
}
