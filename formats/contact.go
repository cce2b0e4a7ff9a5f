package formats

import (
	"fmt"
	"time"
)

// Contact is the body of an item of [KindContact]. Package formats/vcard writes it. Every text may be empty.
type Contact struct {
	// UID is a URI, "urn:uuid:…", by which lists refer to the contact.
	UID string
	// FullName is what the contact is shown as, FileAs where it is sorted.
	FullName, FileAs string
	Name             PersonName
	Nicknames        []string
	Initials         string
	// PhoneticGiven, PhoneticSurname and PhoneticCompany say how Japanese names are read.
	PhoneticGiven, PhoneticSurname, PhoneticCompany string

	Company, Department, Office string
	Title, Profession           string
	Manager, Assistant, Spouse  string
	Children                    []string
	ReferredBy                  string

	// Emails has each address once, the preferred one first.
	Emails    []*Address
	Phones    []Phone
	Addresses []PostalAddress
	// IMs are addresses for instant messages: URIs, or whatever stood there.
	IMs   []string
	Pages []Page
	// FreeBusy is where the calendar of the contact is published.
	FreeBusy string

	Birthday, Anniversary PartialDate
	Gender                Gender
	Hobbies               []string
	Note                  Content
	// Photo is a picture, nil where there is none; Keys are certificates.
	Photo *Part
	Keys  []*Part
	Class Class
	// Created may be zero. When it was last changed is the item's.
	Created time.Time
	// UserFields are the texts that the owner gave a use, in their order; empty ones keep the place of the others.
	UserFields []string
	// Extra are properties that the model has no field for, under the names they have in a card.
	Extra []Property
	// Attachments are files that were put to the contact.
	Attachments []*Part
	// Verbatim is set where it came as a card. Extra then has only what is to be added to that.
	Verbatim *Verbatim
}

// Participants calls visit for every mail address of the contact and every participant of mails attached to it.
func (c *Contact) Participants(visit func(*Address)) {
	for _, a := range c.Emails {
		visit(a)
	}
	c.Verbatim.participants(visit)
	for _, p := range c.Attachments {
		p.participants(visit)
	}
}

// PersonName is a name in its parts.
type PersonName struct{ Prefix, Given, Middle, Surname, Suffix string }

// Place is where a phone, an address or a page belongs.
type Place uint8

// The places.
const (
	PlaceOther Place = iota
	PlaceWork
	PlaceHome
)

// PhoneKind is what sort of thing answers at a number.
type PhoneKind uint8

// The kinds.
const (
	PhoneVoice PhoneKind = iota
	PhoneMobile
	PhoneFax
	PhonePager
	PhoneCar
	PhoneISDN
	PhoneText      // for those who cannot hear
	PhoneCompany   // the company's switchboard
	PhoneAssistant // the assistant's
	PhoneCallback
	PhoneRadio
	PhoneTelex
)

// Phone is a telephone number.
type Phone struct {
	// Number is any text.
	Number    string
	Kind      PhoneKind
	Place     Place
	Preferred bool
}

// PostalAddress is an address in its parts.
type PostalAddress struct {
	Place                                              Place
	POBox, Extended, Street, City, State, Zip, Country string
	// Label is the whole address as it is written on a letter. It counts where it says more than the parts.
	Label     string
	Preferred bool
}

// IsEmpty reports whether nothing is known of the address in its parts.
func (a *PostalAddress) IsEmpty() bool {
	return a.POBox == "" && a.Extended == "" && a.Street == "" && a.City == "" && a.State == "" && a.Zip == "" && a.Country == ""
}

// Page is a page in the web.
type Page struct {
	URL   string
	Place Place
}

// Gender is that of a contact.
type Gender uint8

// The genders that can be stored.
const (
	GenderUnknown Gender = iota
	GenderFemale
	GenderMale
)

// PartialDate is a date of which parts may be unknown: they are 0.
type PartialDate struct {
	Year  int
	Month time.Month
	Day   int
}

// IsZero reports whether nothing is known.
func (d PartialDate) IsZero() bool { return d == PartialDate{} }

// String returns the date for people: "1980-02-29", "02-29" without its year, "1980" or "1980-02" without its day.
func (d PartialDate) String() string {
	switch {
	case d.Year > 0 && d.Month > 0 && d.Day > 0:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.Year > 0 && d.Month > 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	case d.Year > 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Month > 0 && d.Day > 0:
		return fmt.Sprintf("%02d-%02d", d.Month, d.Day)
	}
	return ""
}
