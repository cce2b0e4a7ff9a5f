package itemtest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
)

// Contact returns contacts.
func Contact() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindContact)
		text := func(name string) string { return Line().Draw(t, name) }
		c := &formats.Contact{
			UID: uid(t), FullName: text("full name"), FileAs: text("file as"),
			Name:      formats.PersonName{Prefix: text("prefix"), Given: text("given"), Middle: text("middle"), Surname: text("surname"), Suffix: text("suffix")},
			Nicknames: several(t, "nicknames", 2, Some()), Initials: text("initials"),
			PhoneticGiven: text("phonetic given"), PhoneticSurname: text("phonetic surname"), PhoneticCompany: text("phonetic company"),
			Company: text("company"), Department: text("department"), Office: text("office"), Title: text("title"), Profession: text("profession"),
			Manager: text("manager"), Assistant: text("assistant"), Spouse: text("spouse"), Children: several(t, "children", 2, Some()), ReferredBy: text("referred by"),
			Emails: several(t, "emails", 3, Addresses()),
			Phones: several(t, "phones", 4, rapid.Custom(func(t *rapid.T) formats.Phone {
				return formats.Phone{
					Number: rapid.StringMatching(`\+?[0-9 ()/-]{3,20}[0-9](;ext=[0-9]{2})?`).Draw(t, "number"), Preferred: rapid.Bool().Draw(t, "preferred"),
					Kind:  formats.PhoneKind(rapid.IntRange(0, int(formats.PhoneTelex)).Draw(t, "kind")),
					Place: formats.Place(rapid.IntRange(0, int(formats.PlaceHome)).Draw(t, "place")),
				}
			})),
			Addresses: several(t, "addresses", 3, postal()),
			IMs:       several(t, "im", 2, Some()),
			Pages: several(t, "pages", 2, rapid.Custom(func(t *rapid.T) formats.Page {
				return formats.Page{URL: links(t, "page"), Place: formats.Place(rapid.IntRange(0, int(formats.PlaceHome)).Draw(t, "place"))}
			})),
			Birthday: oneOf(t, "birthday", dates()), Anniversary: oneOf(t, "anniversary", dates()),
			Gender: formats.Gender(rapid.IntRange(0, int(formats.GenderMale)).Draw(t, "gender")), Hobbies: several(t, "hobbies", 2, Some()),
			Note: content(t, "note"), Class: formats.Class(rapid.IntRange(0, int(formats.ClassConfidential)).Draw(t, "class")),
			Created: oneOf(t, "created", Instants()), UserFields: several(t, "user fields", 4, Line()),
			Attachments: several(t, "attachments", 2, Parts()),
		}
		if rapid.Bool().Draw(t, "has free/busy") {
			c.FreeBusy = links(t, "free/busy")
		}
		if rapid.Bool().Draw(t, "has photo") {
			head := rapid.SampledFrom([]string{"\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n", "GIF89a", ""}).Draw(t, "picture")
			c.Photo = &formats.Part{Name: "ContactPicture.jpg", Type: "image/jpeg", Content: formats.Bytes(head + string(rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "photo")))}
		}
		for range rapid.IntRange(0, 1).Draw(t, "keys") {
			c.Keys = append(c.Keys, &formats.Part{Content: bytesOf(t, "key", 100)})
		}
		it.Contact = c
		return it
	})
}

func uid(t *rapid.T) string {
	return "urn:uuid:" + rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "uid")
}

func postal() *rapid.Generator[formats.PostalAddress] {
	return rapid.Custom(func(t *rapid.T) formats.PostalAddress {
		a := formats.PostalAddress{Place: formats.Place(rapid.IntRange(0, int(formats.PlaceHome)).Draw(t, "place")), Preferred: rapid.Bool().Draw(t, "preferred")}
		if rapid.IntRange(0, 3).Draw(t, "label only") == 0 {
			a.Label = Some().Draw(t, "label")
			return a
		}
		a.POBox, a.Street = Line().Draw(t, "box"), Lines().Draw(t, "street")
		a.City, a.State, a.Zip, a.Country = Line().Draw(t, "city"), Line().Draw(t, "state"), Line().Draw(t, "zip"), Some().Draw(t, "country")
		return a
	})
}

// dates returns dates: whole, without the year, and without the day.
func dates() *rapid.Generator[formats.PartialDate] {
	return rapid.Custom(func(t *rapid.T) formats.PartialDate {
		d := formats.PartialDate{Year: rapid.IntRange(1900, 2030).Draw(t, "year"), Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Day: rapid.IntRange(1, 28).Draw(t, "day")}
		switch rapid.IntRange(0, 5).Draw(t, "known") {
		case 0:
			d.Year = 0
		case 1:
			d.Day = 0
		case 2:
			d.Month, d.Day = 0, 0
		}
		return d
	})
}

// Group returns lists, with members that have cards, that have none, and that nobody knows.
func Group() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindGroup)
		g := &formats.Group{
			UID: uid(t), Name: Some().Draw(t, "name"), FileAs: Line().Draw(t, "file as"), Note: content(t, "note"),
			Class: formats.Class(rapid.IntRange(0, int(formats.ClassConfidential)).Draw(t, "class")),
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "members") {
			m := formats.Member{Address: Addresses().Draw(t, "member")}
			if rapid.IntRange(0, 2).Draw(t, "card") == 0 {
				m.Card = fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-0000000c%04x", i)
			}
			g.Members = append(g.Members, m)
		}
		it.Group = g
		return it
	})
}
