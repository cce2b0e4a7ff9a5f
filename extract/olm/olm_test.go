package olm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/extract"
	"mailmill/extract/olm"
	. "mailmill/extract/olm/olmtest"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
)

var modified = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, o extract.Options, files ...File) *olm.Archive {
	t.Helper()
	b := Zip(files...)
	a, err := olm.Open("my.olm", bytes.NewReader(b), int64(len(b)), modified, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// items reads all of an archive.
func items(t testing.TB, a *olm.Archive) (list []*formats.Item) {
	t.Helper()
	ctx := context.Background()
	for e, err := range a.Entries(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := a.Read(ctx, e)
		if err != nil {
			t.Fatalf("%s: %v", e.ID, err)
		}
		list = append(list, it)
	}
	return list
}

// only reads an archive that has one item.
func only(t testing.TB, files ...File) *formats.Item {
	t.Helper()
	list := items(t, open(t, extract.Options{}, files...))
	if len(list) != 1 {
		t.Fatalf("%d items", len(list))
	}
	return list[0]
}

// shown returns an item as it is written, with its lines unfolded.
func shown(t testing.TB, it *formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch it.Kind {
	case formats.KindMail:
		err = mime.Write(&b, it.Mail)
	case formats.KindContact, formats.KindGroup:
		err = vcard.NewEncoder(vcard.Options{Version: vcard.V4}).Encode(&b, it)
	default:
		var r io.ReadCloser
		if r, err = ical.Content(ical.Options{}, it).Open(); err == nil {
			_, err = io.Copy(&b, r)
			r.Close()
		}
	}
	var lost *mime.ContentError
	if err != nil && !(errors.As(err, &lost) && len(it.Damage) > 0) {
		t.Fatal(err)
	}
	s := strings.ReplaceAll(b.String(), "\r\n", "\n")
	if it.Kind != formats.KindMail {
		s = strings.ReplaceAll(s, "\n ", "")
	}
	return s
}

func has(t testing.TB, s string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(s, w) {
			t.Errorf("no %q in\n%s", w, s)
		}
	}
}

const inbox = "Accounts/ann@example.org/com.microsoft.__Messages/Inbox/"

func people(list string, addresses ...string) Element {
	e := E(list)
	for i := 0; i+1 < len(addresses); i += 2 {
		e.Kids = append(e.Kids, A("emailAddress", "OPFContactEmailAddressName", addresses[i], "OPFContactEmailAddressAddress", addresses[i+1], "OPFContactEmailAddressType", "0"))
	}
	return e
}

func email(more ...Element) Element {
	return E("email", append([]Element{
		people("OPFMessageCopyFromAddresses", "Bob", "bob@example.org"),
		people("OPFMessageCopyToAddresses", "Ann", "ann@example.org", "", "cy@example.org"),
		T("OPFMessageCopySubject", "Grüße & <more>"),
		T("OPFMessageCopyMessageID", "1@example.org"),
		T("OPFMessageCopySentTime", "2024-03-01T10:00:00"),
		T("OPFMessageCopyReceivedTime", "2024-03-01T10:00:05"),
		T("OPFMessageCopyModDate", "2024-03-02T10:00:05"),
		T("OPFMessageGetIsRead", "1E0"),
		T("OPFMessageGetPriority", "3"),
	}, more...)...)
}

func message(more ...Element) File {
	return XML(inbox+"message_00000.xml", E("emails", email(more...)))
}

func TestMail(t *testing.T) {
	category := A("category", "OPFCategoryCopyName", "Blue Category", "OPFCategoryCopyBackgroundColor", "r:0 g:0 b:1")
	it := only(t, message(
		T("OPFMessageCopyHTMLBody", `<html><body>Hello <b>Ann</b> <img src="cid:pic@x"></body></html>`),
		T("OPFMessageCopyBody", "Hello Ann"), T("OPFMessageGetHasHTML", "1E0"), T("OPFMessageCopyInReplyTo", "0@example.org"),
		T("OPFMessageCopyReferences", "<a@b> <0@example.org>"), T("OPFMessageCopyGetFlagStatus", "1"),
		E("OPFMessageCopyCategoryList", category),
		E("OPFMessageCopyAttachmentList",
			A("messageAttachment", "OPFAttachmentName", "pic.png", "OPFAttachmentContentType", "image/png", "OPFAttachmentContentID", "pic@x", "OPFAttachmentURL", inbox+"com.microsoft.__Attachments/1_0000"),
			A("messageAttachment", "OPFAttachmentName", "plan.pdf", "OPFAttachmentContentExtension", "pdf", "OPFAttachmentURL", inbox+"com.microsoft.__Attachments/1_0001"),
		),
	), F(inbox+"com.microsoft.__Attachments/1_0000", []byte("\x89PNG")), F(inbox+"com.microsoft.__Attachments/1_0001", []byte("%PDF")))
	if it.Kind != formats.KindMail || it.Identity != "<1@example.org>" || it.Subject != "Grüße & <more>" || it.Folder.String() != "Inbox" || it.Folder.Role != formats.RoleInbox {
		t.Errorf("%+v", it.Entry)
	}
	if it.Flags != formats.FlagSeen|formats.FlagFlagged || !slices.Equal(it.Keywords, []string{"Blue Category"}) || len(it.Damage) > 0 {
		t.Errorf("%v %q %v", it.Flags.Names(), it.Keywords, it.Damage)
	}
	if !it.Received.Equal(time.Date(2024, 3, 1, 10, 0, 5, 0, time.UTC)) || !it.Date.Equal(time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%v %v", it.Received, it.Date)
	}
	has(t, shown(t, it), "From: Bob <bob@example.org>\nTo: Ann <ann@example.org>, cy@example.org\n", "Date: Fri, 01 Mar 2024 10:00:00 +0000\n", "In-Reply-To: <0@example.org>",
		"References: <a@b> <0@example.org>", "Keywords: Blue Category", "multipart/mixed", "multipart/related", "Content-ID: <pic@x>", "filename=plan.pdf", "application/pdf", "\nHello Ann\n", "JVBERg==")
}

func TestMailVariants(t *testing.T) {
	html := "<META x=\"y\">\n<html><body>Only <i>HTML</i></body></html>"
	it := only(t, message(T("OPFMessageCopyBody", html)))
	has(t, shown(t, it), "text/html", "Only HTML\n")
	if it.Mail.StoredText {
		t.Error("HTML was taken for text")
	}

	// What Exchange knows people by stays to be found.
	it = only(t, message(people("OPFMessageCopyCCAddresses", "Dora", "/o=Org/ou=U/cn=Recipients/cn=dora")))
	if cc := it.Mail.Cc; len(cc) != 1 || cc[0].SMTP != "" || cc[0].Stored != "/o=Org/ou=U/cn=Recipients/cn=dora" {
		t.Errorf("%+v", cc)
	}

	// Answers go where the sender wanted them.
	it = only(t, message(people("OPFMessageCopyReplyToAddresses", "The list", "list@example.org", "", "bob@example.net", "Dora", "/o=Org/ou=U/cn=Recipients/cn=dora", "Nobody", "")))
	has(t, shown(t, it), "Reply-To: The list <list@example.org>, bob@example.net")
	if to := it.Mail.ReplyTo; len(to) != 3 || to[2].Stored != "/o=Org/ou=U/cn=Recipients/cn=dora" {
		t.Errorf("%+v", to)
	}

	// Older programs write elements where others write attributes, have a namespace, and name the sender alone.
	old := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y "z">]><o:email xmlns:o="http://schemas.microsoft.com/outlook/mac/2011"><o:OPFMessageCopySubject>Old</o:OPFMessageCopySubject>` +
		`<o:OPFMessageCopySenderAddress>a@example.org</o:OPFMessageCopySenderAddress><o:OPFMessageCopyToAddresses><emailAddress><OPFContactEmailAddressAddress>b@example.org` +
		`</OPFContactEmailAddressAddress></emailAddress></o:OPFMessageCopyToAddresses><o:OPFMessageCopyBody>&y;text</o:OPFMessageCopyBody></o:email>`
	it = only(t, F(inbox+"message_1.xml", []byte(old)))
	has(t, shown(t, it), "From: a@example.org\n", "To: b@example.org\n", "Subject: Old\n", "\n&y;text")

	// A mail of which only its source is there comes as it came.
	source := "Received: from x\nFrom: Bob <bob@example.org>\nTo: ann@example.org\nSubject: raw\nMessage-ID: <raw@x>\n\nBody  \n"
	it = only(t, XML(inbox+"message_2.xml", E("emails", E("email", T("OPFMessageCopySource", source), T("OPFMessageGetIsRead", "1")))))
	if got := shown(t, it); got != source || it.Flags != formats.FlagSeen || it.Identity != "<raw@x>" {
		t.Errorf("%q", got)
	}

	// Of one whose text is there too the header is taken.
	it = only(t, message(T("OPFMessageCopySource", "Received: from x\nX-Odd: 1\nMessage-ID: <1@example.org>\n\n"), T("OPFMessageCopyBody", "text")))
	has(t, shown(t, it), "Received: from x\n", "X-Odd: 1\n", "To: Ann <ann@example.org>", "\ntext")

	meeting := inbox + "com.microsoft.__Attachments/m.ics"
	it = only(t, message(T("OPFMessageCopyMeetingData", meeting), T("OPFMessageCopyBody", "come")), F(meeting, []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")))
	has(t, shown(t, it), "text/calendar", "QkVHSU46")

	it = only(t, message(E("OPFMessageCopyAttachmentList", A("messageAttachment", "OPFAttachmentName", "gone.pdf", "OPFAttachmentURL", "nowhere"))))
	if err := mime.LoseContent(it, mime.Write(io.Discard, it.Mail)); err != nil || len(it.Damage) != 1 || !strings.Contains(it.Damage[0].String(), "gone.pdf") {
		t.Errorf("damage %v, %v", it.Damage, err)
	}

	drafts := "Local/com.microsoft.__Messages/Drafts/message_00000.xml"
	if it = only(t, XML(drafts, E("emails", email()))); it.Flags&formats.FlagDraft != 0 {
		// It was received: Outlook's mark for what was not sent says nothing then, unless it lies among the drafts.
		if it.Folder.Role != formats.RoleDrafts {
			t.Error("a draft")
		}
	}
}

func TestFolders(t *testing.T) {
	a := open(t, extract.Options{},
		F("Categories.xml", []byte(`<categories elementCount="0"></categories>`)),
		F("Local/com.microsoft.__Messages/Deleted Items/", nil),
		XML("Local/com.microsoft.__Messages/Archive/2020: Q1/message_00000.xml", E("emails", email())),
		message(),
		XML("Accounts/ann@example.org/Address Book/Contacts.xml", E("contacts", E("contact", T("OPFContactCopyDisplayName", "X")))),
		F("Accounts/", nil), F("Local/readme.txt", []byte("?")), F("Local/Calendar/odd.xml", []byte("<odd/>")),
	)
	var got []string
	for _, f := range a.Folders() {
		got = append(got, f.String())
	}
	want := []string{
		"On My Computer", "On My Computer/Deleted Items", "On My Computer/Archive", "On My Computer/Archive/2020: Q1", "On My Computer/Calendar",
		"ann@example.org", "ann@example.org/Inbox", "ann@example.org/Address Book",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if list := items(t, a); len(list) != 3 {
		t.Errorf("%d items", len(list))
	}
	info := a.Info()
	if info.Owner == nil || info.Owner.SMTP != "ann@example.org" || len(info.Warnings) != 2 || info.Incomplete != "" {
		t.Errorf("%+v", info)
	}
}

func zone() string {
	return "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Mountain\nX-ENTOURAGE-CFTIMEZONE:America/Denver\nEND:VTIMEZONE\nEND:VCALENDAR\n"
}

func appointment(uid, summary, start, end string, more ...Element) Element {
	return E("appointment", append([]Element{
		T("OPFCalendarEventCopyUUID", uid), T("OPFCalendarEventCopySummary", summary), T("OPFCalendarEventCopyStartTime", start), T("OPFCalendarEventCopyEndTime", end),
		T("OPFCalendarEventGetStartTimeZoneICSData", zone()), T("OPFCalendarEventCopyModDate", "2024-01-01T00:00:00"), T("OPFCalendarEventCopyFreeBusyStatus", "0"),
	}, more...)...)
}

func recurrence(more ...Element) Element {
	return E("OPFCalendarEventCopyRecurrence", append(more, T("OPFRecurrenceIsNumbered", "0"))...)
}

func pattern(kind string, more ...Element) Element {
	return E("OPFRecurrencePattern", append([]Element{T("OPFRecurrencePatternType", "OPFRecurrencePattern"+kind), T("OPFRecurrencePatternInterval", "1")}, more...)...)
}

func calendar(list ...Element) File {
	return XML("Local/Calendar/Calendar.xml", E("appointments", list...))
}

func TestEvents(t *testing.T) {
	it := only(t, calendar(appointment("U1", "One", "2024-07-01T15:00:00", "2024-07-01T16:00:00", T("OPFCalendarEventCopyLocation", "here"),
		T("OPFCalendarEventGetHasReminder", "1"), T("OPFCalendarEventCopyReminderDelta", "900"), T("OPFCalendarEventGetIsPrivate", "1"),
		T("OPFCalendarEventCopyDescriptionPlain", "what it is about"),
		E("OPFCalendarEventCopyAttendeeList", A("appointmentAttendee", "OPFCalendarAttendeeName", "Bob", "OPFCalendarAttendeeAddress", "bob@example.org", "OPFCalendarAttendeeStatus", "3", "OPFCalendarAttendeeType", "2")),
		T("OPFCalendarEventCopyOrganizer", "Ann <ann@example.org>"))))
	if it.Identity != "U1" || it.Subject != "One" {
		t.Errorf("%+v", it.Entry)
	}
	has(t, shown(t, it), "DTSTART;TZID=America/Denver:20240701T090000", "DTEND;TZID=America/Denver:20240701T100000", "LOCATION:here", "TRIGGER:-PT15M", "CLASS:PRIVATE",
		"DESCRIPTION:what it is about", "ORGANIZER;CN=Ann:mailto:ann@example.org", "ROLE=OPT-PARTICIPANT", "PARTSTAT=ACCEPTED", "TRANSP:OPAQUE")

	it = only(t, calendar(appointment("U2", "Day", "2024-07-01T06:00:00", "2024-07-02T06:00:00", T("OPFCalendarEventGetIsAllDayEvent", "1"))))
	has(t, shown(t, it), "DTSTART;VALUE=DATE:20240701", "DTEND;VALUE=DATE:20240702")

	recurring := T("OPFCalendarEventIsRecurring", "1")
	days := func(names ...string) Element {
		e := E("OPFRecurrencePatternDaysOfWeek")
		for _, n := range names {
			e.Kids = append(e.Kids, T(n, "1"))
		}
		return e
	}
	for want, r := range map[string]Element{
		"RRULE:FREQ=DAILY;COUNT=184\n":                                  E("OPFCalendarEventCopyRecurrence", T("OPFRecurrenceIsNumbered", "1"), T("OPFRecurrenceGetOccurenceCount", "1.84E2"), pattern("Daily")),
		"RRULE:FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU\n":                       recurrence(T("OPFRecurrenceIsNoEnd", "1"), pattern("Weekly", days("monday", "wednesday"))),
		"RRULE:FREQ=MONTHLY;BYMONTHDAY=19\n":                            recurrence(pattern("AbsoluteMonthly", T("OPFRecurrencePatternDayOfMonth", "19"))),
		"RRULE:FREQ=MONTHLY;BYDAY=-1TU\n":                               recurrence(pattern("RelativeMonthly", T("OPFRecurrencePatternWeek", "5"), days("tuesday"))),
		"RRULE:FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=1\n":                    recurrence(pattern("AbsoluteYearly", T("OPFRecurrencePatternDayOfMonth", "1"), T("OPFRecurrencePatternMonth", "7"))),
		"RRULE:FREQ=YEARLY;BYMONTH=7;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1\n": recurrence(pattern("RelativeYearly", T("OPFRecurrencePatternWeek", "1"), T("OPFRecurrencePatternMonth", "7"), days("weekdays"))),
		"RRULE:FREQ=DAILY;UNTIL=20240801T150000Z\n":                     recurrence(T("OPFRecurrenceHasEndDate", "1"), T("OPFRecurrenceCopyEndDate", "2024-08-01T15:00:00"), pattern("Daily")),
	} {
		it = only(t, calendar(appointment("U3", "Series", "2024-07-01T15:00:00", "2024-07-01T16:00:00", recurring, r)))
		has(t, shown(t, it), want)
		if len(it.Damage) > 0 {
			t.Errorf("damage %v", it.Damage)
		}
	}

	// A rule that is not known is told; the event is there.
	it = only(t, calendar(appointment("U4", "Odd", "2024-07-01T15:00:00", "2024-07-01T16:00:00", recurring, recurrence(pattern("Lunar")))))
	if it.Event == nil || it.Event.Series != nil || len(it.Damage) != 1 {
		t.Errorf("damage %v", it.Damage)
	}

	// Exceptions are of their series, deleted ones too.
	list := items(t, open(t, extract.Options{}, calendar(
		appointment("U5", "Other time", "2024-07-08T17:00:00", "2024-07-08T18:00:00", T("OPFCalendarEventCopyRecurrenceId", "2024-07-08T15:00:00")),
		appointment("U5", "Series", "2024-07-01T15:00:00", "2024-07-01T16:00:00", recurring, recurrence(pattern("Weekly", days("monday"))),
			E("OPFCalendarEventCopyNegativeExceptions", T("XMLElementDate", "2024-07-15T15:00:00"))),
		appointment("U6", "Alone", "2024-07-08T17:00:00", "2024-07-08T18:00:00", T("OPFCalendarEventCopyRecurrenceId", "2024-07-08T15:00:00")),
	)))
	if len(list) != 2 {
		t.Fatalf("%d items", len(list))
	}
	has(t, shown(t, list[0]), "EXDATE;TZID=America/Denver:20240715T090000", "RECURRENCE-ID;TZID=America/Denver:20240708T090000", "SUMMARY:Other time")
	has(t, shown(t, list[1]), "RECURRENCE-ID;TZID=America/Denver:20240708T090000", "SUMMARY:Alone")
}

func TestZones(t *testing.T) {
	for shown, want := range map[string]string{
		"(UTC-07:00) Mountain Time (US & Canada)":                       "America/Denver",
		"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna":  "Europe/Berlin",
		"(UTC-05:00) Eastern Time (US & Canada)":                        "America/New_York",
		"(UTC+09:00) Osaka, Sapporo, Tokyo":                             "Asia/Tokyo",
		"nonsense":                                                      "",
		"(nonsense":                                                     "",
		"(UTC) Dublin, Edinburgh, Lisbon, London; and what else may be": "",
	} {
		e := E("appointment", T("OPFCalendarEventCopyUUID", "U"), T("OPFCalendarEventCopyStartTime", "2024-07-01T15:00:00"), T("OPFCalendarEventCopyStartTimeZone", shown))
		got := ""
		if z := only(t, calendar(e)).Event.Start.Zone; z != nil {
			got = z.ID
		}
		if got != want {
			t.Errorf("%s is %q, not %q", shown, got, want)
		}
	}
}

func TestOthers(t *testing.T) {
	// The zone of dates is the one that most events are in: midnight in Denver.
	events := calendar(appointment("U", "x", "2024-07-01T15:00:00", "2024-07-01T16:00:00"))
	list := items(t, open(t, extract.Options{FollowUps: true}, events,
		XML("Local/Tasks/Tasks.xml", E("tasks",
			E("task", T("OPFTaskCopyName", "Paint"), T("OPFTaskCopyStartDateTime", "2024-07-01T06:00:00"), T("OPFTaskCopyDueDateTime", "2024-12-01T07:00:00"),
				T("OPFTaskCopyNotePlain", "the fence"), T("OPFTaskGetPriority", "1"), T("OPFTaskCopyCompletedDateTime", "2024-07-02T10:00:00"), T("OPFTaskCopyReminderTime", "2024-07-01T15:00:00")),
		)),
		XML("Local/Notes/Notes.xml", E("notes", E("note", T("OPFNoteCopyTitle", "Shopping"), T("OPFNoteCopyText", "<html><body><p>Milk</p></body></html>"), T("OPFNoteCopyCreationDate", "2024-01-02T03:04:05")))),
		XML("Local/Address Book/Contacts.xml", E("contacts", E("contact", T("OPFContactCopyDisplayName", "Jane Doe"), T("OPFContactCopyFirstName", "Jane"), T("OPFContactCopyLastName", "Doe"),
			T("OPFContactCopyBirthday", "1980-02-03T07:00:00"), T("OPFContactCopyCellPhone", "123"), T("OPFContactCopyHomeCity", "Springfield"), T("OPFContactCopyBusinessCompany", "Acme"),
			E("OPFContactCopyEmailAddressList", A("contactEmailAddress", "OPFContactEmailAddressAddress", "b@x.example"), A("contactEmailAddress", "OPFContactEmailAddressAddress", "a@x.example")),
			E("OPFContactCopyDefaultEmailAddress", A("contactEmailAddress", "OPFContactEmailAddressAddress", "a@x.example")),
			E("OPFContactCopyEmailAddressList2", A("contactEmailAddress", "OPFContactEmailAddressAddress", "c@x.example")),
			E("OPFContactCopyCategoryList", A("category", "OPFCategoryCopyName", "Family")), T("OPFContactGetFlagStatus", "1"), T("OPFContactCopyDueDateTime", "2024-07-01T06:00:00"), T("OPFContactCopyNotesPlain", "tall")))),
		XML("Local/Address Book/Groups.xml", E("groups", E("group", T("OPFGroupCopyDisplayName", "Team"), people("OPFGroupCopyMemberList", "Jane", "a@x.example")))),
	))
	if len(list) != 5 {
		t.Fatalf("%d items", len(list))
	}
	byKind := make(map[formats.Kind]*formats.Item)
	for _, it := range list {
		byKind[it.Kind] = it
		if len(it.Damage) > 0 || it.Key == "" {
			t.Errorf("%s: %v", it.Subject, it.Damage)
		}
	}
	has(t, shown(t, byKind[formats.KindTask]), "SUMMARY:Paint", "DTSTART;VALUE=DATE:20240701", "DUE;VALUE=DATE:20241201", "DESCRIPTION:the fence", "PRIORITY:1", "STATUS:COMPLETED", "TRIGGER;VALUE=DATE-TIME:20240701T150000Z")
	has(t, shown(t, byKind[formats.KindNote]), "SUMMARY:Shopping", "DESCRIPTION:Milk", "CREATED:20240102T030405Z")
	contact := byKind[formats.KindContact]
	has(t, shown(t, contact), "FN:Jane Doe", "N:Doe;Jane;;;", "BDAY:19800203", "TEL;TYPE=cell:123", "ORG:Acme", "EMAIL;PREF=1:a@x.example\nEMAIL:b@x.example\nEMAIL:c@x.example", "CATEGORIES:Family", "X-PST-FLAG-DUE:2024-07-01", "NOTE:tall")
	if contact.FollowUp == nil || contact.Flags != formats.FlagFlagged {
		t.Error("the contact's flag is no task")
	}
	has(t, shown(t, byKind[formats.KindGroup]), "FN:Team", "MEMBER;X-CN=Jane:mailto:a@x.example")
}

func TestLearn(t *testing.T) {
	a := open(t, extract.Options{}, message(people("OPFMessageCopyCCAddresses", "Dora", "/o=Org/ou=U/cn=Recipients/cn=dora")),
		XML("Local/Address Book/Contacts.xml", E("contacts", E("contact", T("OPFContactCopyDisplayName", "Jane"), E("OPFContactCopyEmailAddressList", A("contactEmailAddress", "OPFContactEmailAddressAddress", "a@x.example"))))))
	var lesson formats.Lesson
	for e, err := range a.Places(context.Background()) {
		if err == nil {
			err = a.Learn(context.Background(), e, &lesson)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var dns, mails []string
	for _, e := range lesson.Evidence {
		dns, mails = append(dns, e.DN), append(mails, e.SMTP)
	}
	if !slices.Contains(dns, "/o=Org/ou=U/cn=Recipients/cn=dora") || !slices.Contains(mails, "a@x.example") || !slices.Contains(mails, "bob@example.org") {
		t.Errorf("%+v", lesson.Evidence)
	}
}

func TestDamage(t *testing.T) {
	whole := message(T("OPFMessageCopyBody", "some text"))
	cut := F(whole.Name, whole.Data[:len(whole.Data)-30])
	it := only(t, cut)
	if has(t, shown(t, it), "some text"); len(it.Damage) == 0 {
		t.Error("nobody says that the end is missing")
	}
	odd := F(whole.Name, bytes.Replace(whole.Data, []byte("some text"), []byte("some \xFFtext <b> & &#0; </wrong>"), 1))
	it = only(t, odd)
	if has(t, shown(t, it), "=?utf-8?"); len(it.Damage) == 0 {
		t.Error("nobody says that bytes were replaced")
	}
	// What is cut off of a file of many is told, and what is left is there.
	notes := XML("Local/Notes/Notes.xml", E("notes", E("note", T("OPFNoteCopyTitle", "1")), E("note", T("OPFNoteCopyTitle", "2")), E("note", T("OPFNoteCopyTitle", "3"))))
	a := open(t, extract.Options{}, F(notes.Name, notes.Data[:len(notes.Data)-120]))
	if list := items(t, a); len(list) != 2 || a.Info().Incomplete == "" {
		t.Errorf("%d items, %+v", len(list), a.Info())
	}
	// More than was said.
	two := XML(whole.Name, E("emails", email(), email()))
	it = only(t, F(two.Name, bytes.Replace(two.Data, []byte(`elementCount="2"`), []byte(`elementCount="1"`), 1)))
	if len(it.Damage) == 0 {
		t.Error("nobody says that there is a second mail")
	}
	if list := items(t, open(t, extract.Options{}, two)); len(list) != 2 {
		t.Errorf("%d mails of two", len(list))
	}

	for name, b := range map[string][]byte{
		"another zip": Zip(F("word/document.xml", []byte("<w/>"))),
		"no zip":      []byte("PK\x03\x04 and nothing else"),
	} {
		_, err := olm.Open("x", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
		var source *extract.SourceError
		if !errors.As(err, &source) {
			t.Errorf("%s: %v", name, err)
		}
	}
	deep := F(whole.Name, []byte("<emails>"+strings.Repeat("<email>", 100_000)))
	for e, err := range open(t, extract.Options{}, deep).Entries(context.Background()) {
		if err != nil || e.ID == "" {
			t.Error(err)
		}
	}
}

// TestStable has the same items under the same keys, whatever else is in the archive.
func TestStable(t *testing.T) {
	contact := E("contact", T("OPFContactCopyDisplayName", "Jane"))
	one := only(t, XML("Local/Address Book/Contacts.xml", E("contacts", contact)))
	list := items(t, open(t, extract.Options{}, message(), XML("Local/Address Book/Contacts.xml", E("contacts", E("contact", T("OPFContactCopyDisplayName", "Tom")), contact))))
	if list[len(list)-1].Key != one.Key && list[1].Key != one.Key && list[0].Key != one.Key {
		t.Error("the contact has another key")
	}
}

// TestAnyText brings any text through the XML.
func TestAnyText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.StringMatching(`[a-zA-Z <>&;"'#é漢\n]{1,40}`).Draw(r, "text")
		b := Zip(message(T("OPFMessageCopyBody", "x "+s)))
		a, err := olm.Open("x", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
		if err != nil {
			r.Fatal(err)
		}
		for e := range a.Entries(context.Background()) {
			it, err := a.Read(context.Background(), e)
			if err != nil {
				r.Fatal(err)
			}
			got, ok := it.Mail.Text.Content.(formats.Bytes)
			if !ok || string(got) != "x "+s || len(it.Damage) > 0 {
				r.Fatalf("%q became %q, %v", s, got, it.Damage)
			}
		}
	})
}

func FuzzItems(f *testing.F) {
	f.Add(string(message(T("OPFMessageCopyBody", "text")).Data))
	f.Add(string(calendar(appointment("U", "x", "2024-07-01T15:00:00", "", T("OPFCalendarEventIsRecurring", "1"), recurrence(pattern("Daily")))).Data))
	f.Add(`<contacts elementCount="1"><contact><a b='c' d="e"/><![CDATA[x]]><!-- y --></contact></contacts>`)
	f.Add(`<tasks><task><OPFTaskCopyName>&#x41;&bogus;&</OPFTaskCopyName></task><task/></tasks>`)
	f.Add(`<notes><note><OPFNoteCopyText>&lt;html`)
	f.Add(`<groups><group/></groups>`)
	f.Fuzz(func(t *testing.T, s string) {
		b := Zip(F(inbox+"message_00000.xml", []byte(s)))
		a, err := olm.Open("x", bytes.NewReader(b), int64(len(b)), modified, extract.Options{FollowUps: true})
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range a.Entries(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if it, err := a.Read(context.Background(), e); err == nil {
				shown(t, it)
			}
			_ = a.Learn(context.Background(), e, &formats.Lesson{})
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(Zip(message(), calendar(appointment("U", "x", "2024-07-01T15:00:00", ""))))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := olm.Open("x", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
		if err != nil {
			return
		}
		for e := range a.Entries(context.Background()) {
			_, _ = a.Read(context.Background(), e)
		}
	})
}
