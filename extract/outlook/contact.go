package outlook

import (
	"encoding/hex"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// contact makes the body of a contact (MS-OXOCNTC 2.2.1).
func (m *message) contact() *formats.Contact {
	c := &formats.Contact{
		UID:      cardUID(m.contentKey()),
		FullName: m.line(mapi.PidTagDisplayName),
		FileAs:   m.namedLine(mapi.PidLidFileUnder, "file as"),
		Name: formats.PersonName{
			Prefix: m.line(mapi.PidTagDisplayNamePrefix), Given: m.line(mapi.PidTagGivenName), Middle: m.line(mapi.PidTagMiddleName),
			Surname: m.line(mapi.PidTagSurname), Suffix: m.line(mapi.PidTagGeneration),
		},
		Nicknames:       m.lines(mapi.PidTagNickname),
		Initials:        m.line(mapi.PidTagInitials),
		PhoneticGiven:   m.namedLine(mapi.PidLidYomiFirstName, "reading of the given name"),
		PhoneticSurname: m.namedLine(mapi.PidLidYomiLastName, "reading of the surname"),
		PhoneticCompany: m.namedLine(mapi.PidLidYomiCompanyName, "reading of the company"),
		Company:         m.line(mapi.PidTagCompanyName),
		Department:      firstText(m.line(mapi.PidTagDepartmentName), m.namedLine(mapi.PidLidDepartment, "department")),
		Office:          m.line(mapi.PidTagOfficeLocation),
		Title:           m.line(mapi.PidTagTitle),
		Profession:      m.line(mapi.PidTagProfession),
		Manager:         m.line(mapi.PidTagManagerName),
		Assistant:       m.line(mapi.PidTagAssistant),
		Spouse:          m.line(mapi.PidTagSpouseName),
		Children:        m.lines(mapi.PidTagChildrensNames),
		ReferredBy:      m.line(mapi.PidTagReferredByName),
		FreeBusy:        m.namedLine(mapi.PidLidFreeBusyLocation, "free/busy location"),
		Hobbies:         m.lines(mapi.PidTagHobbies),
		Gender:          gender(m.int(mapi.PidTagGender)),
		Keys:            m.certificates(),
		Class:           m.privacy(),
		Created:         m.time(mapi.PidTagCreationTime),
	}
	if c.FullName == "" {
		n := c.Name
		built := strings.Join(strings.Fields(strings.Join([]string{n.Prefix, n.Given, n.Middle, n.Surname, n.Suffix}, " ")), " ")
		c.FullName = firstText(built, c.Company, c.FileAs, oneLine(m.subject))
	}
	c.Birthday = m.partialDate(c, mapi.PidLidBirthdayLocal, mapi.PidTagBirthday, "birthday")
	c.Anniversary = m.partialDate(c, mapi.PidLidWeddingAnniversaryLocal, mapi.PidTagWeddingAnniversary, "anniversary")
	m.emails(c)
	m.phones(c)
	c.Addresses = m.postalAddresses()
	if im := m.namedLine(mapi.PidLidInstantMessagingAddress, "instant messaging address"); im != "" {
		c.IMs = []string{im}
	}
	c.Pages = m.pages()
	c.UserFields = m.userFields()
	m.contactFiles(c)
	m.contactExtra(c)
	return c
}

// cardUID returns the identifier of the card of a contact or list with a content key. Lists refer to it.
func cardUID(contentKey string) string {
	b, err := hex.DecodeString(contentKey)
	if err != nil || len(b) < 16 {
		return ""
	}
	b[6] = b[6]&0x0F | 0x80 // RFC 9562 4.2, 5.8: of a hash of our own
	b[8] = b[8]&0x3F | 0x80 // RFC 9562 4.1
	h := hex.EncodeToString(b[:16])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// lines returns the texts of a property that has one or several.
func (m *message) lines(id mapi.ID) []string {
	var list []string
	for _, s := range m.get(id).Texts(m.cp) {
		if s = oneLine(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// block returns a text that may have several lines.
func block(s string) string { return strings.TrimSpace(untilNUL(s)) }

func gender(stored int64) formats.Gender {
	switch stored { // MS-OXOCNTC 2.2.1.10.20
	case 1:
		return formats.GenderFemale
	case 2:
		return formats.GenderMale
	}
	return formats.GenderUnknown
}

// slotTypes are the types of the addresses in [slots].
var slotTypes = [...]mapi.Name{mapi.PidLidEmail1AddressType, mapi.PidLidEmail2AddressType, mapi.PidLidEmail3AddressType}

// emails reads the mail addresses (MS-OXOCNTC 2.2.1.2). What is a fax is a number.
func (m *message) emails(c *formats.Contact) {
	for i := range slots {
		p, typ := m.slot(i)
		if strings.EqualFold(typ, "FAX") {
			if p.Address != nil {
				addFax(c, p.Stored, formats.PlaceOther)
			}
			continue
		}
		addEmail(c, p)
	}
	// What was imported, or copied from the directory, may have its address as a directory's entry has it.
	if m.value(mapi.PidTagEmailAddress, "mail address").Exists() || m.value(mapi.PidTagSmtpAddress, "mail address").Exists() {
		if p := m.person(&m.bag, &roleRow); p.Address != nil && (p.Stored != "" || p.SMTP != "") && (p.SMTP != "" || p.dn != "") {
			addEmail(c, p)
		}
	}
}

// addEmail adds an address that the contact does not have yet.
func addEmail(c *formats.Contact, p person) {
	if p.Address == nil {
		return
	}
	for _, known := range c.Emails {
		if p.SMTP != "" && mapi.SMTPKey(known.SMTP) == mapi.SMTPKey(p.SMTP) ||
			p.dn != "" && mapi.IsDN(known.Stored) && mapi.DNKey(known.Stored) == p.dn {
			return
		}
	}
	c.Emails = append(c.Emails, p.Address)
}

// slot reads one of a contact's addresses and its type. An Exchange address has the SMTP address as its original display
// name, often (MS-OXOCNTC 2.2.1.2.4), or in the parentheses of its display name.
func (m *message) slot(i int) (p person, typ string) {
	s := slots[i]
	typ = m.namedLine(slotTypes[i], "type of a mail address")
	of := byAddress(untilNUL(m.named(s.addr, "mail address").Text(m.cp)))
	shown := m.namedLine(s.name, "name of a mail address")
	if b := m.named(s.entry, "entry id of a mail address").Bytes(); len(b) > 0 {
		// An entry id that cannot be decoded loses nothing: it is evidence beside the address.
		entry, _ := mapi.ParseEntryID(b, m.cp)
		of.addEntry(&entry)
		shown = firstText(shown, oneLine(entry.Name))
	}
	if of.SMTP == "" && !strings.EqualFold(typ, "FAX") {
		original := mapi.CleanAddress(m.namedLine(s.original, "name of a mail address"))
		if mapi.ShapeOf(original) != mapi.ShapeSMTP {
			original = parenthesised(shown)
		}
		if original != "" {
			of.SMTP, of.Via = original, formats.ViaItem
		}
	}
	if of.Stored == "" && of.SMTP == "" {
		return person{}, typ
	}
	// QUIRK: programs add the address to a name that has it already.
	of.Name = cleanName(cleanName(shown, &of.Address), &of.Address)
	return person{Address: m.address(of.Address), dn: of.dn}, typ
}

// phones are the properties that have telephone numbers (MS-OXOCNTC 2.2.1.4), the preferred one first.
var phones = [...]struct {
	id    mapi.ID
	kind  formats.PhoneKind
	place formats.Place
}{
	{mapi.PidTagPrimaryTelephoneNumber, formats.PhoneVoice, formats.PlaceOther},
	{mapi.PidTagBusinessTelephoneNumber, formats.PhoneVoice, formats.PlaceWork},
	{mapi.PidTagBusiness2TelephoneNumbers, formats.PhoneVoice, formats.PlaceWork},
	{mapi.PidTagHomeTelephoneNumber, formats.PhoneVoice, formats.PlaceHome},
	{mapi.PidTagHome2TelephoneNumbers, formats.PhoneVoice, formats.PlaceHome},
	{mapi.PidTagMobileTelephoneNumber, formats.PhoneMobile, formats.PlaceOther},
	{mapi.PidTagOtherTelephoneNumber, formats.PhoneVoice, formats.PlaceOther},
	{mapi.PidTagBusinessFaxNumber, formats.PhoneFax, formats.PlaceWork},
	{mapi.PidTagHomeFaxNumber, formats.PhoneFax, formats.PlaceHome},
	{mapi.PidTagPrimaryFaxNumber, formats.PhoneFax, formats.PlaceOther},
	{mapi.PidTagPagerTelephoneNumber, formats.PhonePager, formats.PlaceOther},
	{mapi.PidTagCarTelephoneNumber, formats.PhoneCar, formats.PlaceOther},
	{mapi.PidTagIsdnNumber, formats.PhoneISDN, formats.PlaceOther},
	{mapi.PidTagTelecommunicationsDeviceForDeaf, formats.PhoneText, formats.PlaceOther},
	{mapi.PidTagCompanyMainTelephoneNumber, formats.PhoneCompany, formats.PlaceOther},
	{mapi.PidTagAssistantTelephoneNumber, formats.PhoneAssistant, formats.PlaceOther},
	{mapi.PidTagCallbackTelephoneNumber, formats.PhoneCallback, formats.PlaceOther},
	{mapi.PidTagRadioTelephoneNumber, formats.PhoneRadio, formats.PlaceOther},
	{mapi.PidTagTelexNumber, formats.PhoneTelex, formats.PlaceOther},
}

// faxes are the slots that make mail addresses of fax numbers (MS-OXOCNTC 2.2.1.2.6).
var faxes = [...]struct {
	addr  mapi.Name
	place formats.Place
}{
	{mapi.PidLidFax1EmailAddress, formats.PlaceOther}, {mapi.PidLidFax2EmailAddress, formats.PlaceWork}, {mapi.PidLidFax3EmailAddress, formats.PlaceHome},
}

func (m *message) phones(c *formats.Contact) {
	slot := c.Phones // what stood among the mail addresses
	c.Phones = nil
	for _, p := range phones {
		for _, number := range m.lines(p.id) {
			c.Phones = append(c.Phones, formats.Phone{
				Number: number, Kind: p.kind, Place: p.place, Preferred: p.id == mapi.PidTagPrimaryTelephoneNumber,
			})
		}
	}
	for _, f := range faxes {
		addFax(c, m.namedLine(f.addr, "fax number"), f.place)
	}
	for _, p := range slot {
		addFax(c, p.Number, p.Place)
	}
}

// addFax adds the number in a fax address, "Name@number", where the contact has none of its place yet. Outlook makes the
// address of the number, with the country's code before it.
func addFax(c *formats.Contact, address string, place formats.Place) {
	number := strings.TrimSpace(address[strings.LastIndexByte(address, '@')+1:])
	if !strings.ContainsAny(number, "0123456789") ||
		slices.ContainsFunc(c.Phones, func(p formats.Phone) bool {
			return p.Kind == formats.PhoneFax && (p.Place == place || p.Number == number)
		}) {
		return
	}
	c.Phones = append(c.Phones, formats.Phone{Number: number, Kind: formats.PhoneFax, Place: place})
}

// postalAddresses reads the addresses (MS-OXOCNTC 2.2.1.3), the one for letters marked.
func (m *message) postalAddresses() []formats.PostalAddress {
	text := func(id mapi.ID) string { return block(m.string(id)) }
	named := func(n mapi.Name) string { return block(m.named(n, "address").Text(m.cp)) }
	list := []formats.PostalAddress{
		{
			Place: formats.PlaceWork, Label: named(mapi.PidLidWorkAddress), POBox: named(mapi.PidLidWorkAddressPostOfficeBox),
			Street: named(mapi.PidLidWorkAddressStreet), City: named(mapi.PidLidWorkAddressCity), State: named(mapi.PidLidWorkAddressState),
			Zip: named(mapi.PidLidWorkAddressPostalCode), Country: named(mapi.PidLidWorkAddressCountry),
		},
		{
			Place: formats.PlaceHome, Label: named(mapi.PidLidHomeAddress), POBox: text(mapi.PidTagHomeAddressPostOfficeBox),
			Street: text(mapi.PidTagHomeAddressStreet), City: text(mapi.PidTagHomeAddressCity), State: text(mapi.PidTagHomeAddressStateOrProvince),
			Zip: text(mapi.PidTagHomeAddressPostalCode), Country: text(mapi.PidTagHomeAddressCountry),
		},
		{
			Label: named(mapi.PidLidOtherAddress), POBox: text(mapi.PidTagOtherAddressPostOfficeBox),
			Street: text(mapi.PidTagOtherAddressStreet), City: text(mapi.PidTagOtherAddressCity), State: text(mapi.PidTagOtherAddressStateOrProvince),
			Zip: text(mapi.PidTagOtherAddressPostalCode), Country: text(mapi.PidTagOtherAddressCountry),
		},
	}
	mailing := formats.PostalAddress{
		Label: text(mapi.PidTagPostalAddress), POBox: text(mapi.PidTagPostOfficeBox),
		Street: text(mapi.PidTagStreetAddress), City: text(mapi.PidTagLocality), State: text(mapi.PidTagStateOrProvince),
		Zip: text(mapi.PidTagPostalCode), Country: text(mapi.PidTagCountry),
	}
	// MS-OXOCNTC 2.2.1.3.9
	which := -1
	switch m.named(mapi.PidLidPostalAddressId, "mailing address").Int() {
	case 1:
		which = 1
	case 2:
		which = 0
	case 3:
		which = 2
	}
	if which >= 0 && !isBlankAddress(&list[which]) {
		list[which].Preferred = true
	}
	same := func(a formats.PostalAddress) bool {
		a.Place, a.Preferred = mailing.Place, mailing.Preferred
		if a.IsEmpty() && mailing.IsEmpty() {
			return a.Label == mailing.Label
		}
		a.Label = mailing.Label
		return a == mailing
	}
	if !isBlankAddress(&mailing) && !slices.ContainsFunc(list, same) {
		if which >= 0 {
			mailing.Place, mailing.Preferred = list[which].Place, !list[which].Preferred
		}
		list = append(list, mailing)
	}
	return slices.DeleteFunc(list, func(a formats.PostalAddress) bool { return isBlankAddress(&a) })
}

func isBlankAddress(a *formats.PostalAddress) bool { return a.IsEmpty() && a.Label == "" }

// pages reads the pages in the web, each once.
func (m *message) pages() []formats.Page {
	var list []formats.Page
	for _, p := range [...]formats.Page{
		{URL: m.line(mapi.PidTagBusinessHomePage), Place: formats.PlaceWork},
		{URL: m.line(mapi.PidTagPersonalHomePage), Place: formats.PlaceHome},
		{URL: m.namedLine(mapi.PidLidHtml, "web page")},
	} {
		if p.URL != "" && !slices.ContainsFunc(list, func(known formats.Page) bool { return known.URL == p.URL }) {
			list = append(list, p)
		}
	}
	return list
}

// userFields reads the four texts that the owner gave a use (MS-OXOCNTC 2.2.1.10.2).
func (m *message) userFields() []string {
	var list []string
	for i, n := range [...]mapi.Name{mapi.PidLidContactUserField1, mapi.PidLidContactUserField2, mapi.PidLidContactUserField3, mapi.PidLidContactUserField4} {
		if s := block(m.named(n, "user field").Text(m.cp)); s != "" {
			for len(list) < i {
				list = append(list, "")
			}
			list = append(list, s)
		}
	}
	return list
}

// contactFiles reads the note, the picture and the files of a contact.
func (m *message) contactFiles(c *formats.Contact) {
	m.readBody()
	if !m.blankText() {
		c.Note = m.text.Content
	}
	pictured := m.named(mapi.PidLidHasPicture, "picture").Bool()
	for _, at := range m.withRTF(m.readAttachments()) {
		// The property tells the picture (MS-OXOCNTC 2.2.1.8.3); programs that forget it keep to the name.
		isPhoto := at.a != nil && at.part.Message == nil && at.part.Type != "text/plain" &&
			(at.value(mapi.PidTagAttachmentContactPhoto, "picture").Bool() || pictured && strings.EqualFold(at.part.Name, "ContactPicture.jpg"))
		if isPhoto && c.Photo == nil {
			c.Photo = at.part
			continue
		}
		c.Attachments = append(c.Attachments, at.part)
	}
}

// contactExtra adds what cards have no property for.
func (m *message) contactExtra(c *formats.Contact) {
	for _, x := range [...]struct {
		name string
		id   mapi.ID
	}{
		{"X-PST-FTP-SITE", mapi.PidTagFtpSite},
		{"X-PST-COMPUTER-NETWORK-NAME", mapi.PidTagComputerNetworkName},
		{"X-PST-GOVERNMENT-ID", mapi.PidTagGovernmentIdNumber},
		{"X-PST-CUSTOMER-ID", mapi.PidTagCustomerId},
		{"X-PST-ACCOUNT", mapi.PidTagAccount},
		{"X-PST-ORGANIZATION-ID", mapi.PidTagOrganizationalIdNumber},
		{"X-PST-LANGUAGE", mapi.PidTagLanguage},
		{"X-PST-LOCATION", mapi.PidTagLocation},
	} {
		c.Extra = property(c.Extra, x.name, m.line(x.id))
	}
	c.Extra = property(c.Extra, "X-PST-MILEAGE", m.namedLine(mapi.PidLidMileage, "mileage"))
	c.Extra = property(c.Extra, "X-PST-BILLING", m.namedLine(mapi.PidLidBilling, "billing information"))
	for _, s := range m.namedTexts(mapi.PidLidContacts, "linked contacts") {
		c.Extra = property(c.Extra, "X-PST-CONTACT", s)
	}
	for _, s := range m.namedTexts(mapi.PidLidCompanies, "companies") {
		c.Extra = property(c.Extra, "X-PST-COMPANY", s)
	}
	c.Extra = append(c.Extra, m.followUp()...)
	c.Extra = append(c.Extra, m.customFields()...)
}
