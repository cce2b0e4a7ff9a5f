package outlook_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/vcard"
)

var updateShown = flag.Bool("update-shown", false, "write the table of what Outlook shows anew")

// shownThing is something that Outlook shows of an item, and where it goes.
type shownThing struct {
	// what is its name in Outlook's windows.
	what string
	// p are the properties that it is stored in; those of all rows of a kind together make one message.
	p props
	// at is the property, with parameters, that a calendar or a card of version 4.0 has it in; at3 is that of version 3.0
	// where it differs.
	at, at3 string
	// find is what has to stand in it.
	find string
	// more says in the table what the property cannot.
	more string
}

// text is a property of one line of text.
func text(what string, key any, at string) shownThing {
	value := "(" + what + ")"
	return shownThing{what: what, p: props{key: value}, at: at, find: value}
}

// shownKind is a sort of item, and what Outlook shows of it.
type shownKind struct {
	title, class string
	rows         []shownThing
	// rest adds what are no properties.
	rest func(*msg)
}

var (
	nine       = time.Date(2014, 3, 5, 9, 0, 0, 0, time.UTC)
	categories = shownThing{what: "Categories", p: props{mapi.PidNameKeywords: []string{"Red", "Blue"}}, at: "CATEGORIES", find: "Red,Blue"}
	attached   = shownThing{what: "Attachments", at: "ATTACH", find: "X-FILENAME=plan.pdf", more: "larger ones beside the file, see `--inline`"}
	mileage    = shownThing{what: "Mileage", p: props{mapi.PidLidMileage: "42 km"}, at: "X-PST-MILEAGE", find: "42 km"}
	billing    = shownThing{what: "Billing information", p: props{mapi.PidLidBilling: "hourly"}, at: "X-PST-BILLING", find: "hourly"}
	linked     = shownThing{what: "Contacts", p: props{mapi.PidLidContacts: []string{"Carl Contact"}}, at: "CONTACT", find: "Carl Contact"}
	companies  = shownThing{what: "Company", p: props{mapi.PidLidCompanies: []string{"Linked Ltd"}}, at: "X-PST-COMPANIES", find: "Linked Ltd"}
	custom     = shownThing{what: "User-defined fields", p: props{mapi.Named(mapi.PSPublicStrings, "Kunde Nr."): 4711}, at: "X-PST-KUNDE-NR", find: "4711", more: "named after the field, with its exact name as `X-NAME`"}
	private    = shownThing{what: "Private, sensitivity", p: props{mapi.PidTagSensitivity: 2, mapi.PidLidPrivate: true}, at: "CLASS", find: "PRIVATE"}
	priority   = shownThing{what: "Priority, importance", p: props{mapi.PidTagImportance: 2}, at: "PRIORITY", find: "1"}
	body       = shownThing{what: "Text", p: props{mapi.PidTagBody: "The text of it."}, at: "DESCRIPTION", find: "The text of it."}
	layout     = shownThing{what: "Text with its layout", p: props{mapi.PidTagHtml: []byte("<p>The <b>text</b> of it.</p>")}, at: "X-ALT-DESC;FMTTYPE=text/html", find: "<b>text</b>"}
	created    = shownThing{what: "Created", p: props{mapi.PidTagCreationTime: nine}, at: "CREATED", find: "20140305T090000Z"}
	modified   = shownThing{what: "Modified", p: props{mapi.PidTagLastModificationTime: nine.Add(time.Hour)}, at: "LAST-MODIFIED", find: "20140305T100000Z"}
)

func attachPlan(m *msg) { m.atts = append(m.atts, file("plan.pdf", "application/pdf", []byte("%PDF"))) }

func phone(what string, id mapi.ID, at string) shownThing {
	number := fmt.Sprintf("+1 555 %04x", int(id))
	return shownThing{what: what, p: props{id: number}, at: at, find: number}
}

// shownKinds is everything that Outlook's windows show of items that are not mail.
func shownKinds() []shownKind {
	contact := []shownThing{
		text("Full name", mapi.PidTagDisplayName, "FN"),
		text("Title", mapi.PidTagDisplayNamePrefix, "N"), text("First name", mapi.PidTagGivenName, "N"), text("Middle name", mapi.PidTagMiddleName, "N"),
		text("Last name", mapi.PidTagSurname, "N"), text("Suffix", mapi.PidTagGeneration, "N"),
		text("File as", mapi.PidLidFileUnder, "X-FILE-AS"), text("Nickname", mapi.PidTagNickname, "NICKNAME"), text("Initials", mapi.PidTagInitials, "X-INITIALS"),
		text("Yomi first name", mapi.PidLidYomiFirstName, "X-PHONETIC-FIRST-NAME"), text("Yomi last name", mapi.PidLidYomiLastName, "X-PHONETIC-LAST-NAME"), text("Yomi company", mapi.PidLidYomiCompanyName, "X-PHONETIC-ORG"),
		text("Company", mapi.PidTagCompanyName, "ORG"), text("Department", mapi.PidTagDepartmentName, "ORG"), text("Office", mapi.PidTagOfficeLocation, "X-MS-OFFICE"),
		text("Job title", mapi.PidTagTitle, "TITLE"), text("Profession", mapi.PidTagProfession, "ROLE"),
		text("Manager's name", mapi.PidTagManagerName, "X-MS-MANAGER"), text("Assistant's name", mapi.PidTagAssistant, "X-MS-ASSISTANT"), text("Spouse/partner", mapi.PidTagSpouseName, "X-MS-SPOUSE"),
		{what: "Children", p: props{mapi.PidTagChildrensNames: []string{"Ann", "Bob"}}, at: "X-MS-CHILD", find: "Bob"},
		text("Referred by", mapi.PidTagReferredByName, "X-PST-REFERRED-BY"),
		{what: "E-mail", p: props{mapi.PidLidEmail1EmailAddress: "one@example.org", mapi.PidLidEmail1AddressType: "SMTP"}, at: "EMAIL;PREF=1", at3: "EMAIL;TYPE=INTERNET,pref", find: "one@example.org", more: "resolved; an Exchange address that nobody knows is `X-EX-ADDRESS`"},
		{what: "E-mail 2", p: props{mapi.PidLidEmail2EmailAddress: "two@example.org"}, at: "EMAIL", find: "two@example.org"},
		{what: "E-mail 3", p: props{mapi.PidLidEmail3EmailAddress: "three@example.org"}, at: "EMAIL", find: "three@example.org"},
		{what: "Display as", p: props{mapi.PidLidEmail1DisplayName: "Shown (one@example.org)"}, at: "EMAIL;X-CN=Shown", find: "one@example.org"},
		{what: "IM address", p: props{mapi.PidLidInstantMessagingAddress: "sip:im@example.org"}, at: "IMPP", find: "sip:im@example.org", more: "and as it stands `X-MS-IMADDRESS`"},
		{what: "Web page", p: props{mapi.PidTagBusinessHomePage: "https://work.example"}, at: "URL;TYPE=work", find: "https://work.example"},
		{what: "Personal home page", p: props{mapi.PidTagPersonalHomePage: "https://home.example"}, at: "URL;TYPE=home", find: "https://home.example"},
		{what: "Web page (older)", p: props{mapi.PidLidHtml: "https://page.example"}, at: "URL", find: "https://page.example"},
		{what: "Internet free/busy address", p: props{mapi.PidLidFreeBusyLocation: "https://busy.example/x.ifb"}, at: "FBURL", find: "https://busy.example/x.ifb"},
		phone("Business", mapi.PidTagBusinessTelephoneNumber, "TEL;TYPE=work,voice"),
		{what: "Business 2", p: props{mapi.PidTagBusiness2TelephoneNumbers: []string{"+1 555 3a1b", "+1 555 3a1b-2"}}, at: "TEL;TYPE=work,voice", find: "+1 555 3a1b-2"},
		phone("Home", mapi.PidTagHomeTelephoneNumber, "TEL;TYPE=home,voice"), phone("Home 2", mapi.PidTagHome2TelephoneNumbers, "TEL;TYPE=home,voice"),
		phone("Mobile", mapi.PidTagMobileTelephoneNumber, "TEL;TYPE=cell"), phone("Other", mapi.PidTagOtherTelephoneNumber, "TEL;TYPE=voice"),
		{what: "Primary", p: props{mapi.PidTagPrimaryTelephoneNumber: "+1 555 3a1a"}, at: "TEL;PREF=1;TYPE=voice", at3: "TEL;TYPE=voice,pref", find: "+1 555 3a1a"},
		phone("Business fax", mapi.PidTagBusinessFaxNumber, "TEL;TYPE=work,fax"), phone("Home fax", mapi.PidTagHomeFaxNumber, "TEL;TYPE=home,fax"), phone("Other fax", mapi.PidTagPrimaryFaxNumber, "TEL;TYPE=fax"),
		phone("Pager", mapi.PidTagPagerTelephoneNumber, "TEL;TYPE=pager"),
		{what: "Car", p: props{mapi.PidTagCarTelephoneNumber: "+1 555 3a1e"}, at: "TEL;TYPE=x-car", at3: "TEL;TYPE=car", find: "+1 555 3a1e"},
		{what: "ISDN", p: props{mapi.PidTagIsdnNumber: "+1 555 3a2d"}, at: "TEL;TYPE=x-isdn", at3: "TEL;TYPE=isdn", find: "+1 555 3a2d"},
		{what: "TTY/TDD phone", p: props{mapi.PidTagTelecommunicationsDeviceForDeaf: "+1 555 3a4b"}, at: "TEL;TYPE=textphone", at3: "TEL;TYPE=x-textphone", find: "+1 555 3a4b"},
		phone("Company main phone", mapi.PidTagCompanyMainTelephoneNumber, "X-MS-TEL;TYPE=COMPANY"), phone("Assistant's phone", mapi.PidTagAssistantTelephoneNumber, "X-MS-TEL;TYPE=ASSISTANT"),
		phone("Callback", mapi.PidTagCallbackTelephoneNumber, "X-MS-TEL;TYPE=CALLBACK"), phone("Radio phone", mapi.PidTagRadioTelephoneNumber, "X-MS-TEL;TYPE=RADIO"), phone("Telex", mapi.PidTagTelexNumber, "X-MS-TEL;TYPE=TELEX"),
		text("Birthday", nil, "BDAY"), text("Anniversary", nil, "ANNIVERSARY"),
		{what: "Gender", p: props{mapi.PidTagGender: short(1)}, at: "GENDER", at3: "X-GENDER", find: "F"},
		{what: "Hobbies", p: props{mapi.PidTagHobbies: "Chess"}, at: "HOBBY", at3: "X-MS-INTERESTS", find: "Chess"},
		text("Language", mapi.PidTagLanguage, "X-PST-LANGUAGE"), text("Location", mapi.PidTagLocation, "X-PST-LOCATION"),
		text("Government ID number", mapi.PidTagGovernmentIdNumber, "X-PST-GOVERNMENT-ID"), text("Customer ID", mapi.PidTagCustomerId, "X-PST-CUSTOMER-ID"),
		text("Account", mapi.PidTagAccount, "X-PST-ACCOUNT"), text("Organizational ID number", mapi.PidTagOrganizationalIdNumber, "X-PST-ORGANIZATION-ID"),
		text("FTP site", mapi.PidTagFtpSite, "X-PST-FTP-SITE"), text("Computer network name", mapi.PidTagComputerNetworkName, "X-PST-COMPUTER-NETWORK-NAME"),
		{what: "User fields 1 to 4", p: props{mapi.PidLidContactUserField1: "1st", mapi.PidLidContactUserField2: "2nd", mapi.PidLidContactUserField3: "3rd", mapi.PidLidContactUserField4: "4th"}, at: "X-MS-TEXT;X-NUMBER=4", find: "4th"},
		mileage, billing, custom,
		{what: "Contacts", p: linked.p, at: "X-PST-CONTACT", find: linked.find},
		{what: "Linked companies", p: companies.p, at: "X-PST-COMPANY", find: companies.find},
		{what: "Notes", p: body.p, at: "NOTE", find: body.find, more: "formatting is left out"},
		categories,
		{what: "Private", p: private.p, at: "X-PST-CLASS", at3: "CLASS", find: "PRIVATE"},
		{what: "Picture", p: props{mapi.PidLidHasPicture: true}, at: "PHOTO", find: "aW1hZ2U"},
		{what: "Certificates", p: props{mapi.PidTagUserX509Certificate: binaries([]byte{0x30, 0x82, 1, 2, 3, 4})}, at: "KEY", find: "MIIBAgME"},
		{what: "Attachments", at: "X-PST-ATTACHMENT", find: "X-FILENAME=plan.pdf"},
		{what: "Follow-up flag", p: props{mapi.PidTagFlagStatus: 2, mapi.PidLidFlagRequest: "Call"}, at: "X-PST-FLAG", find: "Call"},
		{what: "Flag: start date", p: props{mapi.PidLidTaskStartDate: date(2014, 3, 27)}, at: "X-PST-FLAG-START", find: "2014-03-27"},
		{what: "Flag: due date", p: props{mapi.PidLidTaskDueDate: date(2014, 3, 28)}, at: "X-PST-FLAG-DUE", find: "2014-03-28"},
		{what: "Flag: reminder", p: props{mapi.NameReminderSet: true, mapi.NameReminderTime: nine}, at: "X-PST-FLAG-REMINDER", find: "20140305T090000Z"},
		{what: "Created", p: created.p, at: "X-PST-CREATED", find: "2014"},
		{what: "Modified", p: modified.p, at: "REV", find: "2014"},
	}
	for i := range contact {
		switch r := &contact[i]; r.what {
		case "Birthday":
			*r = shownThing{what: r.what, p: props{mapi.PidLidBirthdayLocal: date(1980, 2, 29)}, at: "BDAY", find: "1980"}
		case "Anniversary":
			*r = shownThing{what: r.what, p: props{mapi.PidLidWeddingAnniversaryLocal: date(2001, 9, 8)}, at: "ANNIVERSARY", at3: "X-ANNIVERSARY", find: "2001"}
		}
	}
	for _, place := range []struct {
		name, at                               string
		street, city, state, zip, box, country any
	}{
		{"Business", "ADR;TYPE=work", mapi.PidLidWorkAddressStreet, mapi.PidLidWorkAddressCity, mapi.PidLidWorkAddressState, mapi.PidLidWorkAddressPostalCode, mapi.PidLidWorkAddressPostOfficeBox, mapi.PidLidWorkAddressCountry},
		{"Home", "ADR;TYPE=home", mapi.PidTagHomeAddressStreet, mapi.PidTagHomeAddressCity, mapi.PidTagHomeAddressStateOrProvince, mapi.PidTagHomeAddressPostalCode, mapi.PidTagHomeAddressPostOfficeBox, mapi.PidTagHomeAddressCountry},
		{"Other", "ADR", mapi.PidTagOtherAddressStreet, mapi.PidTagOtherAddressCity, mapi.PidTagOtherAddressStateOrProvince, mapi.PidTagOtherAddressPostalCode, mapi.PidTagOtherAddressPostOfficeBox, mapi.PidTagOtherAddressCountry},
	} {
		for i, key := range []any{place.street, place.city, place.state, place.zip, place.box, place.country} {
			what := []string{"street", "city", "state", "postal code", "post office box", "country"}[i]
			contact = append(contact, text(place.name+" address: "+what, key, place.at))
		}
	}
	contact = append(contact, shownThing{what: "This is the mailing address", p: props{mapi.PidLidPostalAddressId: 2}, at: "ADR;PREF=1;TYPE=work", at3: "ADR;TYPE=work,pref", find: "(Business address: city)"})

	tasks := []shownThing{
		text("Subject", mapi.PidTagSubject, "SUMMARY"),
		{what: "Start date", p: props{mapi.PidLidTaskStartDate: date(2014, 3, 27)}, at: "DTSTART;VALUE=DATE", find: "20140327"},
		{what: "Due date", p: props{mapi.PidLidTaskDueDate: date(2014, 3, 28)}, at: "DUE;VALUE=DATE", find: "20140328"},
		{what: "Status", p: props{mapi.PidLidTaskStatus: 3}, at: "STATUS", find: "NEEDS-ACTION", more: "`X-PST-TASK-STATUS` for waiting and deferred"},
		{what: "Status: waiting, deferred", at: "X-PST-TASK-STATUS", find: "waiting"},
		{what: "% complete", p: props{mapi.PidLidPercentComplete: float(0.25)}, at: "PERCENT-COMPLETE", find: "25"},
		{what: "Recurrence", p: props{mapi.PidLidTaskFRecurring: true}, at: "RRULE", find: "FREQ=DAILY", more: "`X-PST-REGENERATE` where it counts from the completion"},
		{what: "Reminder", p: props{mapi.NameReminderSet: true, mapi.NameReminderTime: nine}, at: "TRIGGER;VALUE=DATE-TIME", find: "20140305T090000Z", more: "in a `VALARM`"},
		{what: "Owner", p: props{mapi.PidLidTaskOwner: "Olga Owner"}, at: "X-PST-OWNER", find: "Olga Owner"},
		{what: "Assigned by", p: props{mapi.PidLidTaskAssigner: "Adam Assigner"}, at: "X-PST-ASSIGNER", find: "Adam Assigner"},
		{what: "Total work", p: props{mapi.PidLidTaskEstimatedEffort: 480}, at: "X-PST-ESTIMATED-EFFORT", find: "PT480M"},
		{what: "Actual work", p: props{mapi.PidLidTaskActualEffort: 90}, at: "X-PST-ACTUAL-EFFORT", find: "PT90M"},
		text("Role", mapi.PidLidTaskRole, "X-PST-TASK-ROLE"), text("Last changed by", mapi.PidLidTaskLastUser, "X-PST-TASK-LAST-USER"), text("Last delegate", mapi.PidLidTaskLastDelegate, "X-PST-TASK-LAST-DELEGATE"),
		{what: "Team task", p: props{mapi.PidLidTeamTask: true}, at: "X-PST-TEAM-TASK", find: "TRUE"},
		priority, private, categories, linked, companies, mileage, billing, custom, body, layout, attached, created, modified,
	}
	done := []shownThing{
		{what: "Status: completed", p: props{mapi.PidLidTaskComplete: true}, at: "STATUS", find: "COMPLETED"},
		{what: "Date completed", p: props{mapi.PidLidTaskDateCompleted: date(2014, 3, 28)}, at: "COMPLETED", find: "20140328T120000Z", more: "noon of the day; as it is stored in `X-PST-DATE-COMPLETED`"},
		{what: "Date completed, as stored", at: "X-PST-DATE-COMPLETED", find: "20140328T000000Z"},
	}
	notes := []shownThing{
		text("First line", mapi.PidTagSubject, "SUMMARY"), body,
		{what: "Color", p: props{mapi.PidLidNoteColor: 2}, at: "COLOR", find: "pink"},
		{what: "Size", p: props{mapi.PidLidNoteWidth: 200, mapi.PidLidNoteHeight: 166}, at: "X-PST-NOTE-SIZE", find: `200\,166`},
		{what: "Position", p: props{mapi.PidLidNoteX: 80, mapi.PidLidNoteY: 81}, at: "X-PST-NOTE-POSITION", find: `80\,81`},
		categories, linked, custom, created, modified,
	}
	journal := []shownThing{
		text("Subject", mapi.PidTagSubject, "SUMMARY"), text("Entry type", mapi.PidLidLogTypeDesc, "CATEGORIES"), text("Entry type as stored", mapi.PidLidLogType, "X-PST-LOG-TYPE"),
		{what: "Start time", p: props{mapi.PidLidLogStart: nine}, at: "DTSTART", find: "20140305T090000Z"},
		{what: "End", p: props{mapi.PidLidLogEnd: nine.Add(time.Hour)}, at: "X-PST-END", find: "20140305T100000Z"},
		{what: "Duration", p: props{mapi.PidLidLogDuration: 25}, at: "X-PST-DURATION", find: "PT25M"},
		{what: "Document printed, saved, routed, posted", p: props{mapi.PidLidLogDocumentPrinted: true, mapi.PidLidLogDocumentPosted: true}, at: "X-PST-DOCUMENT-PRINTED", find: "TRUE"},
		{what: "Categories", p: categories.p, at: "CATEGORIES", find: "Red,Blue"},
		private, linked, companies, mileage, billing, custom, body, layout, attached, created, modified,
	}
	meetings := []shownThing{
		text("Subject", mapi.PidTagSubject, "SUMMARY"), text("Location", mapi.PidLidLocation, "LOCATION"),
		{what: "Start time", p: props{mapi.PidLidAppointmentStartWhole: nine}, at: "DTSTART", find: "20140305T090000Z", more: "in the event's own zone, where it has one"},
		{what: "End time", p: props{mapi.PidLidAppointmentEndWhole: nine.Add(time.Hour)}, at: "DTEND", find: "20140305T100000Z"},
		{what: "Show as", p: props{mapi.PidLidBusyStatus: 3}, at: "X-MICROSOFT-CDO-BUSYSTATUS", find: "OOF", more: "and `TRANSP`"},
		{what: "Reminder", p: props{mapi.NameReminderSet: true, mapi.NameReminderDelta: 30}, at: "TRIGGER", find: "-PT30M", more: "in a `VALARM`"},
		{what: "Label", p: props{mapi.PidLidAppointmentColor: 3}, at: "COLOR", find: "green"},
		{what: "Organizer", p: props{mapi.PidTagSentRepresentingName: "Olga", mapi.PidTagSentRepresentingAddressType: "SMTP", mapi.PidTagSentRepresentingEmailAddress: "olga@example.org"}, at: "ORGANIZER;CN=Olga", find: "mailto:olga@example.org"},
		{what: "Sent by", p: props{mapi.PidTagSenderName: "Sven", mapi.PidTagSenderAddressType: "SMTP", mapi.PidTagSenderEmailAddress: "sven@example.org"}, at: "ORGANIZER", find: `SENT-BY="mailto:sven@example.org"`},
		{what: "Required attendees", p: props{mapi.PidLidAppointmentStateFlags: 1}, at: "ATTENDEE;CN=Rita;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED", find: "mailto:rita@example.org", more: "resolved, with what they answered"},
		{what: "Optional attendees", at: "ATTENDEE;CN=Otto;ROLE=OPT-PARTICIPANT", find: "mailto:otto@example.org"},
		{what: "Resources", at: "ATTENDEE;CN=Room 1;CUTYPE=RESOURCE", find: "mailto:room@example.org"},
		{what: "New times may not be proposed", p: props{mapi.PidLidAppointmentNotAllowPropose: true}, at: "X-MICROSOFT-DISALLOW-COUNTER", find: "TRUE"},
		{what: "Online meeting", p: props{mapi.PidNameSkypeTeamsMeetingUrl: "https://teams.example/join"}, at: "CONFERENCE", find: "https://teams.example/join", more: "and `X-MICROSOFT-SKYPETEAMSMEETINGURL`"},
		priority, private, categories, linked, companies, mileage, billing, custom, body, layout, attached, created, modified,
	}
	wholeDay := []shownThing{
		{what: "All day event", p: props{mapi.PidLidAppointmentSubType: true, mapi.PidLidAppointmentStartWhole: date(2014, 3, 5), mapi.PidLidAppointmentEndWhole: date(2014, 3, 6)}, at: "DTSTART;VALUE=DATE", find: "20140305"},
		{what: "Recurrence", p: props{mapi.PidLidRecurring: true, mapi.PidLidAppointmentRecur: mustEncodeSeries()}, at: "RRULE", find: "FREQ=DAILY", more: "`EXDATE` for what was deleted, an event with `RECURRENCE-ID` for what differs; in a calendar other than the Gregorian `RDATE`, and the rule as Exchange has it: `X-MICROSOFT-RRULE`, `X-MICROSOFT-CALSCALE`, `X-MICROSOFT-EXDATE`"},
	}
	return []shownKind{
		{"Appointments and meetings", "IPM.Appointment", meetings, func(m *msg) {
			attachPlan(m)
			rita, otto, room := row(1, "Rita", "SMTP", "rita@example.org"), row(2, "Otto", "SMTP", "otto@example.org"), row(3, "Room 1", "SMTP", "room@example.org")
			rita[mapi.PidTagRecipientTrackStatus] = 3
			m.rows = []props{rita, otto, room}
		}},
		{"Zones, answers and online meetings", "IPM.Appointment", shownMeetings(), invited},
		{"Whole days and series", "IPM.Appointment", wholeDay, nil},
		{"Contacts", "IPM.Contact", contact, func(m *msg) {
			photo := file("ContactPicture.jpg", "image/jpeg", []byte("image"))
			photo.props[mapi.PidTagAttachmentContactPhoto] = true
			m.atts = []*att{photo}
			attachPlan(m)
		}},
		{"Lists", "IPM.DistList", []shownThing{
			text("Name", mapi.PidLidDistributionListName, "FN"), text("File as", mapi.PidLidFileUnder, "X-FILE-AS"),
			{what: "Members", p: props{mapi.PidLidDistributionListMembers: binaries(mapi.MakeOneOff("Mia Member", "SMTP", "mia@example.org"))}, at: "MEMBER;X-CN=Mia Member", at3: "X-ADDRESSBOOKSERVER-MEMBER;X-CN=Mia Member", find: "mailto:mia@example.org", more: "by their cards, where those are written too; `X-PST-MEMBER` where there is no address"},
			{what: "Notes", p: body.p, at: "NOTE", find: body.find},
			categories,
			{what: "Private", p: private.p, at: "X-PST-CLASS", at3: "CLASS", find: "PRIVATE"},
			{what: "Attachments", at: "X-PST-ATTACHMENT", find: "X-FILENAME=plan.pdf"},
			{what: "Follow-up flag", p: props{mapi.PidTagFlagStatus: 1, mapi.PidTagFlagCompleteTime: nine}, at: "X-PST-FLAG-COMPLETED", find: "20140305T090000Z"},
			custom,
			{what: "Modified", p: modified.p, at: "REV", find: "2014"},
		}, attachPlan},
		{"Tasks", "IPM.Task", tasks, func(m *msg) {
			m.props[mapi.PidLidTaskRecurrence] = mustEncode(mapi.Pattern{Frequency: mapi.Daily, Type: mapi.PatternDay, Period: mapi.MinutesPerDay, End: mapi.EndNever, Start: mapi.MinutesOf(date(2014, 3, 27)), Last: mapi.MinutesNever})
			attachPlan(m)
		}},
		{"Tasks that are done", "IPM.Task", done, nil},
		{"Notes", "IPM.StickyNote", notes, nil},
		{"Journal", "IPM.Activity", journal, attachPlan},
	}
}

func mustEncode(p mapi.Pattern) []byte {
	p.First = p.Phase()
	b, err := p.EncodeTask()
	if err != nil {
		panic(err)
	}
	return b
}

func mustEncodeSeries() []byte {
	p := mapi.Pattern{Frequency: mapi.Daily, Type: mapi.PatternDay, Period: mapi.MinutesPerDay, End: mapi.EndNever, Start: mapi.MinutesOf(date(2014, 3, 5)), Last: mapi.MinutesNever}
	p.First = p.Phase()
	b, err := (&mapi.Recurrence{Pattern: p, HasTimes: true, EndOffset: mapi.MinutesPerDay}).Encode()
	if err != nil {
		panic(err)
	}
	return b
}

// unfolded returns the lines of what is written of an item: a calendar, or a card of the version.
func unfolded(t testing.TB, it *formats.Item, v vcard.Version) []string {
	t.Helper()
	var b bytes.Buffer
	var err error
	if it.Contact != nil || it.Group != nil {
		err = vcard.NewEncoder(vcard.Options{Version: v}).Encode(&b, it)
	} else {
		enc := ical.NewEncoder(ical.Options{})
		enc.Begin(&b)
		if err = enc.Item(it); err == nil {
			err = enc.End()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.ReplaceAll(b.String(), "\r\n ", ""), "\r\n")
}

// has reports whether a line is of the property with its parameters, and has in it what is looked for.
func has(line, at, find string) bool {
	parts := strings.Split(at, ";")
	name := line[:strings.IndexAny(line+":", ";:")]
	if name != parts[0] || !strings.Contains(line, find) {
		return false
	}
	for _, p := range parts[1:] {
		if i := strings.Index(line, ";"+p); i < 0 || !strings.ContainsRune(";:,", rune(line[i+len(p)+1])) {
			return false
		}
	}
	return true
}

// TestShown walks messages that have everything which Outlook's windows show, and finds each thing in what is written.
func TestShown(t *testing.T) {
	for _, k := range shownKinds() {
		m := of(k.class, props{})
		for _, r := range k.rows {
			for key, v := range r.p {
				m.props[key] = v
			}
		}
		if k.rest != nil {
			k.rest(m)
		}
		it := convertWith(t, outlook.Options{}, m)
		if len(it.Damage) > 0 {
			t.Errorf("%s: damage %v", k.title, it.Damage)
		}
		for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
			lines := unfolded(t, it, v)
			for _, r := range k.rows {
				at := r.at
				if v == vcard.V3 && r.at3 != "" {
					at = r.at3
				}
				found := false
				for _, line := range lines {
					found = found || has(line, at, r.find)
				}
				if !found {
					t.Errorf("%s: %s is not in any %s with %q:\n%s", k.title, r.what, at, r.find, strings.Join(lines, "\n"))
				}
			}
		}
	}
}

// TestShownTable keeps the table for readers the same as what is tested.
func TestShownTable(t *testing.T) {
	got := shownTable()
	path := filepath.Join("testdata", "shown.md")
	if *updateShown {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is tested; run with -update-shown", path)
	}
}

// anyName is the parameters that have whatever the item has.
var anyName = regexp.MustCompile(`\b((?:CN|X-CN|PARTSTAT|X-NUMBER|TZID)=)[^;]*|(X-PST-)KUNDE-NR`)

func shownTable() string {
	var b strings.Builder
	table := func(title string, rows []shownThing) {
		fmt.Fprintf(&b, "### %s\n\n| Outlook shows | written as |\n|---|---|\n", title)
		for len(rows) > 0 {
			// What goes to one place stands in one row.
			r := rows[0]
			what := r.what
			group, _, _ := strings.Cut(r.what, ": ")
			rows = rows[1:]
			for len(rows) > 0 && rows[0].at == r.at && rows[0].at3 == r.at3 && rows[0].more == "" && r.more == "" {
				next := strings.TrimPrefix(rows[0].what, group+": ")
				what += ", " + strings.ToLower(next[:1]) + next[1:]
				rows = rows[1:]
			}
			place := "`" + anyName.ReplaceAllString(r.at, "$1$2…") + "`"
			if r.at3 != "" {
				place += ", in 3.0 `" + anyName.ReplaceAllString(r.at3, "$1$2…") + "`"
			}
			if r.more != "" {
				place += "; " + r.more
			}
			fmt.Fprintf(&b, "| %s | %s |\n", what, place)
		}
		b.WriteByte('\n')
	}
	shared := []shownThing{body, layout, categories, private, priority, linked, companies, mileage, billing, custom, attached, created, modified}
	table("Everything in calendars", shared)
	for _, k := range shownKinds() {
		var own []shownThing
		for _, r := range k.rows {
			if strings.HasPrefix(k.class, "IPM.Contact") || strings.HasPrefix(k.class, "IPM.DistList") ||
				!slices.ContainsFunc(shared, func(s shownThing) bool { return s.what == r.what && s.at == r.at }) {
				own = append(own, r)
			}
		}
		table(k.title, own)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
