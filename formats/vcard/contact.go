package vcard

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// unnamed is the name of who has none: every card has one (RFC 6350 6.2.1).
const unnamed = "Unnamed"

func (e *Encoder) contact(it *formats.Item, c *formats.Contact) {
	v3 := e.opts.Version == V3
	e.text("UID", uidOf(c.UID, it))
	fullName := displayName(c)
	e.l.TextLine("FN", fullName)
	e.name(c)
	for _, n := range c.Nicknames {
		e.text("NICKNAME", n) // QUIRK: vobject, and with it Radicale, keeps the first of a list
	}
	e.text("X-FILE-AS", c.FileAs)
	e.text("X-INITIALS", c.Initials)
	e.text("X-PHONETIC-FIRST-NAME", c.PhoneticGiven)
	e.text("X-PHONETIC-LAST-NAME", c.PhoneticSurname)
	e.text("X-PHONETIC-ORG", c.PhoneticCompany)

	e.work(c)
	e.emails(c, fullName)
	e.phones(c.Phones)
	for i := range c.Addresses {
		e.postal(&c.Addresses[i])
	}
	for _, im := range c.IMs {
		e.im(im)
	}
	for _, p := range c.Pages {
		e.uri("URL", p.URL, placeName(p.Place))
	}
	e.uri("FBURL", c.FreeBusy)

	e.date("BDAY", c.Birthday)
	if v3 {
		e.date("X-ANNIVERSARY", c.Anniversary)
		e.date("X-MS-ANNIVERSARY", c.Anniversary)
	} else {
		e.date("ANNIVERSARY", c.Anniversary)
	}
	e.gender(c.Gender)
	e.hobbies(c.Hobbies)
	e.relations(c)
	e.list("CATEGORIES", it.Keywords)
	e.note(c.Note)
	e.class(c.Class)
	for i, text := range c.UserFields {
		e.userField(i+1, text)
	}
	// QUIRK: vcard4 refuses every card with a property that RFC 6350 does not have, as CREATED (RFC 9554 3.1).
	e.instant("X-PST-CREATED", c.Created)
	e.instant("REV", it.Modified)
	if c.Photo != nil && !e.opts.NoPhotos {
		e.photo(c.Photo)
	}
	for _, k := range c.Keys {
		e.key(k)
	}
	for _, p := range c.Attachments {
		e.attachments(p, 0)
	}
	e.extra(c.Extra)
}

// displayName returns the name of a contact, or what else there is to know it by.
func displayName(c *formats.Contact) string {
	mail := ""
	for _, a := range c.Emails {
		if mail = a.SMTP; mail != "" {
			break
		}
	}
	for _, s := range []string{c.FullName, builtName(c.Name), c.Company, c.FileAs, mail} {
		if s = strings.TrimSpace(contentline.OneLine(s)); s != "" {
			return s
		}
	}
	return unnamed
}

// builtName returns a name from its parts.
func builtName(n formats.PersonName) string {
	return strings.Join(strings.Fields(strings.Join([]string{n.Prefix, n.Given, n.Middle, n.Surname, n.Suffix}, " ")), " ")
}

// name writes the parts of the name, and in 3.0 how it is sorted where its writing does not tell (RFC 2426 3.6.5). In 3.0
// there is always one.
//
// QUIRK: 4.0 has SORT-AS for that (RFC 6350 5.9), but vcard4 refuses every card with it. X-PHONETIC-LAST-NAME, which
// programs look at, says the same.
func (e *Encoder) name(c *formats.Contact) {
	n := c.Name
	if e.opts.Version != V3 && n == (formats.PersonName{}) {
		return
	}
	e.l.Name("N")
	e.l.Components(contentline.OneLine(n.Surname), contentline.OneLine(n.Given), contentline.OneLine(n.Middle), contentline.OneLine(n.Prefix), contentline.OneLine(n.Suffix))
	e.l.End()
	if e.opts.Version == V3 {
		e.text("SORT-STRING", c.PhoneticSurname)
	}
}

func (e *Encoder) work(c *formats.Contact) {
	if c.Company != "" || c.Department != "" {
		e.l.Name("ORG")
		if c.Department == "" {
			e.l.Components(contentline.OneLine(c.Company))
		} else {
			e.l.Components(contentline.OneLine(c.Company), contentline.OneLine(c.Department))
		}
		e.l.End()
	}
	e.text("TITLE", c.Title)
	e.text("ROLE", c.Profession)
	e.text("X-MS-OFFICE", c.Office)
}

// emails writes the mail addresses, each once. What nobody can write to is none: an address that was not resolved
// stays what it was stored as.
func (e *Encoder) emails(c *formats.Contact, fullName string) {
	seen := make(map[string]bool)
	first := true
	for _, a := range c.Emails {
		spec := a.SMTP
		if spec == "" && !strings.HasSuffix(strings.ToLower(a.Placeholder), ".invalid") { // RFC 2606 2
			spec = a.Placeholder
		}
		spec = strings.TrimSpace(contentline.OneLine(spec))
		key := strings.ToLower(cmp.Or(spec, a.Stored))
		if key == "" || seen[key] {
			continue
		}
		seen[key] = true
		name := "EMAIL"
		if spec == "" {
			name, spec = "X-EX-ADDRESS", contentline.OneLine(a.Stored)
		}
		e.l.Name(name)
		if name == "EMAIL" {
			types := []string{}
			if e.opts.Version == V3 {
				types = append(types, "INTERNET")
			}
			types = append(types, e.preferred(first))
			e.types(types...)
			first = false
		}
		if called := strings.TrimSpace(contentline.OneLine(a.Name)); called != "" && called != fullName && !strings.EqualFold(called, spec) {
			e.l.Param("X-CN", called)
		}
		e.l.Text(spec)
		e.l.End()
	}
}

func placeName(p formats.Place) string {
	switch p {
	case formats.PlaceWork:
		return "work"
	case formats.PlaceHome:
		return "home"
	}
	return ""
}

// postal writes an address (RFC 6350 6.3.1, RFC 2426 3.2), and its label where that says more than the parts.
func (e *Encoder) postal(a *formats.PostalAddress) {
	label := ""
	if saysMore(a) {
		label = a.Label
	}
	if a.IsEmpty() && label == "" {
		return
	}
	v3 := e.opts.Version == V3
	if v3 && label != "" {
		e.l.Name("LABEL")
		e.types(placeName(a.Place), e.preferred(a.Preferred))
		e.l.Text(label)
		e.l.End()
		if a.IsEmpty() {
			return
		}
	}
	e.l.Name("ADR")
	e.types(placeName(a.Place), e.preferred(a.Preferred))
	if !v3 && label != "" {
		e.l.Param("LABEL", label)
	}
	e.l.Components(a.POBox, a.Extended, a.Street, a.City, a.State, a.Zip, a.Country)
	e.l.End()
}

// saysMore reports whether the label of an address has a word that none of its parts has.
func saysMore(a *formats.PostalAddress) bool {
	parts := strings.Join([]string{a.POBox, a.Extended, a.Street, a.City, a.State, a.Zip, a.Country}, "\n")
	for _, word := range strings.FieldsFunc(a.Label, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;", r) }) {
		if !strings.Contains(parts, word) {
			return true
		}
	}
	return false
}

// im writes an address for instant messages (RFC 6350 6.4.3, RFC 4770), and the text that it was.
func (e *Encoder) im(address string) {
	address = strings.TrimSpace(contentline.OneLine(address))
	if address == "" {
		return
	}
	uri := address
	if !hasScheme(uri) {
		uri = "x-im:" + uri
	}
	e.uri("IMPP", uri)
	e.text("X-MS-IMADDRESS", address)
}

// hasScheme reports whether a text begins as a URI does (RFC 3986 3.1), and not as a port or a drive.
func hasScheme(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || len(scheme) < 2 {
		return false
	}
	for i, r := range strings.ToLower(scheme) {
		if !('a' <= r && r <= 'z' || i > 0 && ('0' <= r && r <= '9' || r == '+' || r == '-' || r == '.')) {
			return false
		}
	}
	return true
}

func (e *Encoder) gender(g formats.Gender) {
	var letter, word string
	switch g {
	case formats.GenderFemale:
		letter, word = "F", "Female"
	case formats.GenderMale:
		letter, word = "M", "Male"
	default:
		return
	}
	if e.opts.Version == V3 {
		e.text("X-GENDER", word)
	} else {
		e.l.Line("GENDER", letter)
	}
}

// hobbies writes what somebody does for pleasure (RFC 6715 2.2).
func (e *Encoder) hobbies(list []string) {
	if e.opts.Version == V3 {
		e.list("X-MS-INTERESTS", list)
		return
	}
	for _, h := range list {
		e.text("HOBBY", h)
	}
}

// relations writes who is who to somebody: under the names that Outlook gives them, and in 4.0 as relations too (RFC
// 6350 6.6.6).
func (e *Encoder) relations(c *formats.Contact) {
	one := func(name, relation, who string) {
		who = strings.TrimSpace(contentline.OneLine(who))
		if who == "" {
			return
		}
		if e.opts.Version != V3 && relation != "" {
			e.l.Name("RELATED")
			e.l.Param("VALUE", "text")
			e.l.Param("TYPE", relation)
			e.l.Text(who)
			e.l.End()
		}
		e.text(name, who)
	}
	one("X-MS-MANAGER", "x-manager", c.Manager)
	one("X-MS-ASSISTANT", "agent", c.Assistant)
	one("X-MS-SPOUSE", "spouse", c.Spouse)
	for _, child := range c.Children {
		one("X-MS-CHILD", "child", child)
	}
	one("X-PST-REFERRED-BY", "", c.ReferredBy)
}

// userField writes a text that the owner gave a use, under its number.
func (e *Encoder) userField(number int, text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	e.l.Name("X-MS-TEXT")
	e.l.Param("X-NUMBER", strconv.Itoa(number))
	e.l.Text(text)
	e.l.End()
}
