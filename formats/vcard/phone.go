package vcard

import (
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// phoneTypes are the types of TEL (RFC 6350 6.4.1, RFC 2426 3.3.1), and under specialTypes those of X-MS-TEL, which
// Outlook writes for what TEL has no type for.
var (
	phoneTypes = map[formats.PhoneKind]struct{ v4, v3 string }{
		formats.PhoneVoice: {"voice", "voice"}, formats.PhoneMobile: {"cell", "cell"}, formats.PhoneFax: {"fax", "fax"},
		formats.PhonePager: {"pager", "pager"}, formats.PhoneText: {"textphone", "x-textphone"},
		formats.PhoneCar: {"x-car", "car"}, formats.PhoneISDN: {"x-isdn", "isdn"},
	}
	specialTypes = map[formats.PhoneKind]string{
		formats.PhoneCompany: "COMPANY", formats.PhoneAssistant: "ASSISTANT", formats.PhoneCallback: "CALLBACK",
		formats.PhoneRadio: "RADIO", formats.PhoneTelex: "TELEX",
	}
)

// phones writes the numbers, each with what it is for.
func (e *Encoder) phones(list []formats.Phone) {
	for _, p := range list {
		number := strings.TrimSpace(contentline.OneLine(p.Number))
		if number == "" {
			continue
		}
		special := specialTypes[p.Kind]
		if special != "" {
			e.l.Name("X-MS-TEL")
			e.types(special)
			e.l.Text(number)
			e.l.End()
			if !e.opts.PlainPhones {
				continue
			}
			p.Place = formats.PlaceWork
		}
		kind := phoneTypes[p.Kind]
		if special != "" {
			kind = phoneTypes[formats.PhoneVoice]
		}
		typ := kind.v4
		if e.opts.Version == V3 {
			typ = kind.v3
		}
		e.l.Name("TEL")
		e.types(placeName(p.Place), typ, e.preferred(p.Preferred))
		e.l.Text(number)
		e.l.End()
	}
}
