package olm

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// phones are a contact's telephone numbers.
var phones = [...]struct {
	name  string
	kind  formats.PhoneKind
	place formats.Place
}{
	{"BusinessPhone", formats.PhoneVoice, formats.PlaceWork},
	{"BusinessPhone2", formats.PhoneVoice, formats.PlaceWork},
	{"BusinessFax", formats.PhoneFax, formats.PlaceWork},
	{"HomePhone", formats.PhoneVoice, formats.PlaceHome},
	{"HomePhone2", formats.PhoneVoice, formats.PlaceHome},
	{"HomeFax", formats.PhoneFax, formats.PlaceHome},
	{"CellPhone", formats.PhoneMobile, formats.PlaceOther},
	{"Pager", formats.PhonePager, formats.PlaceOther},
	{"AssistantPhone", formats.PhoneAssistant, formats.PlaceOther},
	{"RadioPhone", formats.PhoneRadio, formats.PlaceOther},
	{"OtherPhone", formats.PhoneVoice, formats.PlaceOther},
	{"OtherFax", formats.PhoneFax, formats.PlaceOther},
	{"CustomPhone1", formats.PhoneVoice, formats.PlaceOther},
	{"CustomPhone2", formats.PhoneVoice, formats.PlaceOther},
	{"CustomPhone3", formats.PhoneVoice, formats.PlaceOther},
	{"CustomPhone4", formats.PhoneVoice, formats.PlaceOther},
}

// contact makes the item of a <contact>.
func (a *Archive) contact(it *formats.Item, n *node, raw []byte) {
	get := func(name string) string { return mime.OneLine(n.get("OPFContactCopy" + name)) }
	c := &formats.Contact{
		UID: uuid(raw), FullName: get("DisplayName"),
		Name:    formats.PersonName{Prefix: get("Title"), Given: get("FirstName"), Middle: get("MiddleName"), Surname: get("LastName"), Suffix: get("SetNameSuffix")},
		Company: get("BusinessCompany"), Department: get("BusinessDepartment"), Office: get("BusinessOffice"), Title: get("BusinessTitle"),
		Spouse: get("SpousesName"), Birthday: a.partial(moment(get("Birthday"))), Anniversary: a.partial(moment(get("Anniversary"))),
	}
	if id := n.line("OPFContactExchangeID"); id != "" {
		c.UID = uuid([]byte(id))
	}
	for _, s := range [...]struct {
		to   *[]string
		name string
	}{{&c.Nicknames, "NickName"}, {&c.Hobbies, "Interests"}} {
		if v := get(s.name); v != "" {
			*s.to = append(*s.to, v)
		}
	}
	n.child("OPFContactCopyChildren").all("string", func(k *node) {
		if name := mime.OneLine(k.text); name != "" {
			c.Children = append(c.Children, name)
		}
	})
	a.reach(c, n)
	plain := n.get("OPFContactCopyNotesPlain")
	var d formats.Details
	describe(&d, n.get("OPFContactCopyNotes"), plain)
	c.Note = d.Text
	a.photo(it, c, n)
	for i, name := range [...]string{"Custom1Data", "Custom2Data", "Custom3Data", "Custom4Data"} {
		if v := get(name); v != "" {
			for len(c.UserFields) < i {
				c.UserFields = append(c.UserFields, "")
			}
			c.UserFields = append(c.UserFields, v)
		}
	}
	for _, name := range [...]string{"5", "6", "7", "8"} {
		c.Extra = property(c.Extra, "X-OLM-CUSTOM-"+name, n.get("OPFContactCustomData"+name))
	}
	for _, name := range [...]string{"CustomDate1", "CustomDate2", "CustomDate3"} {
		c.Extra = property(c.Extra, "X-OLM-CUSTOM-DATE-"+name[len(name)-1:], a.day(moment(get(name))).String())
	}
	c.Extra = property(c.Extra, "X-OLM-ASTROLOGY-SIGN", get("AstrologySign"))
	c.Extra = property(c.Extra, "X-OLM-BLOOD-TYPE", get("BloodType"))
	it.Contact, it.Identity = c, c.UID
	if it.Subject = c.FullName; it.Subject == "" {
		c.FullName = strings.Join(strings.Fields(c.Name.Given+" "+c.Name.Middle+" "+c.Name.Surname), " ")
		it.Subject = c.FullName
	}
	c.Extra = append(c.Extra, a.flag(it, n, "OPFContactGetFlagStatus", "OPFContactCopyStartDateTime", "OPFContactCopyDueDateTime")...)
}

// reach reads how a contact can be reached.
func (a *Archive) reach(c *formats.Contact, n *node) {
	get := func(name string) string { return mime.OneLine(n.get("OPFContactCopy" + name)) }
	seen := make(map[string]bool)
	// Unchecked: the lists with numbers are in no archive that was at hand. Others' programs read them.
	for _, name := range [...]string{"DefaultEmailAddress", "EmailAddressList", "EmailAddressList1", "EmailAddressList2"} {
		for _, e := range addresses(n.child("OPFContactCopy" + name)) {
			if key := strings.ToLower(e.Stored); !seen[key] {
				seen[key] = true
				c.Emails = append(c.Emails, e)
			}
		}
	}
	for _, name := range [...]string{"DefaultIMAddress", "IMAddressList"} {
		for _, e := range addresses(n.child("OPFContactCopy" + name)) {
			if key := "im " + strings.ToLower(e.Stored); !seen[key] {
				seen[key] = true
				c.IMs = append(c.IMs, e.Stored)
			}
		}
	}
	for _, p := range phones {
		if v := get(p.name); v != "" {
			c.Phones = append(c.Phones, formats.Phone{Number: v, Kind: p.kind, Place: p.place})
		}
	}
	if v := mime.OneLine(n.get("OPFContactMainPhone")); v != "" {
		c.Phones = append(c.Phones, formats.Phone{Number: v, Kind: formats.PhoneVoice, Preferred: true})
	}
	for _, p := range [...]struct {
		prefix string
		place  formats.Place
	}{{"Business", formats.PlaceWork}, {"Home", formats.PlaceHome}, {"Other", formats.PlaceOther}} {
		adr := formats.PostalAddress{
			Place: p.place, Street: strings.TrimSpace(n.get("OPFContactCopy" + p.prefix + "StreetAddress")), City: get(p.prefix + "City"),
			State: get(p.prefix + "State"), Zip: get(p.prefix + "Zip"), Country: get(p.prefix + "Country"),
		}
		if !adr.IsEmpty() {
			c.Addresses = append(c.Addresses, adr)
		}
	}
	for _, p := range [...]struct {
		name  string
		place formats.Place
	}{{"BusinessHomePage", formats.PlaceWork}, {"HomeWebPage", formats.PlaceHome}} {
		if v := get(p.name); v != "" {
			c.Pages = append(c.Pages, formats.Page{URL: v, Place: p.place})
		}
	}
}

// photo reads a contact's picture.
//
// Unchecked: no archive that was at hand has one. It is taken for the path of a member, or for base64.
func (a *Archive) photo(it *formats.Item, c *formats.Contact, n *node) {
	const most = 16 << 20
	v := n.line("OPFContactAddPicture")
	if v == "" {
		return
	}
	var b []byte
	f, err := a.find(v)
	if err == nil {
		var r io.ReadCloser
		if r, err = f.Open(); err == nil {
			b, err = io.ReadAll(io.LimitReader(r, most))
			r.Close()
		}
	} else if decoded, bad := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v), "")); bad == nil {
		b, err = decoded, nil
	}
	if err != nil {
		it.Lose(formats.Damage{Part: "picture", Err: err})
		return
	}
	c.Photo = &formats.Part{Type: http.DetectContentType(b), Content: formats.Bytes(b), Size: int64(len(b))}
}

// group makes the item of a <group>.
func (a *Archive) group(it *formats.Item, n *node, raw []byte) {
	g := &formats.Group{UID: uuid(raw), Name: mime.OneLine(n.get("OPFGroupCopyDisplayName"))}
	for _, m := range addresses(n.child("OPFGroupCopyMemberList")) {
		g.Members = append(g.Members, formats.Member{Address: m})
	}
	it.Group, it.Identity, it.Subject = g, g.UID, g.Name
	g.Extra = a.flag(it, n, "OPFGroupCopyGetFlagStatus", "OPFGroupCopyStartDateTime", "OPFGroupCopyDueDateTime")
}

// flag reads the owner's flag on a contact or list: properties of its card and, where that is wanted, a task.
func (a *Archive) flag(it *formats.Item, n *node, status, start, due string) []formats.Property {
	state := integer(n.get(status))
	if state != flagMarked && state != flagDone {
		return nil
	}
	if state == flagMarked {
		it.Flags |= formats.FlagFlagged
	}
	from, to := a.day(moment(n.get(start))), a.day(moment(n.get(due)))
	list := property(nil, "X-PST-FLAG", "Follow up")
	list = property(list, "X-PST-FLAG-START", from.String())
	list = property(list, "X-PST-FLAG-DUE", to.String())
	if a.opt.FollowUps {
		t := &formats.Task{
			Details: formats.Details{UID: formats.Key(formats.KindTask, it.Identity) + "@pst.invalid", Summary: it.Subject, Modified: it.Modified},
			Start:   from, Due: to,
		}
		if state == flagDone {
			t.Status, t.Percent = formats.TaskComplete, 100
		}
		it.FollowUp = t
	}
	return list
}

// part makes the part of an attachment that is no mail's.
func (a *Archive) part(it *formats.Item, f mapi.Attachment) *formats.Part {
	name, _ := f.Lookup(mapi.PidTagAttachLongFilename)
	typ, _ := f.Lookup(mapi.PidTagAttachMimeTag)
	p := &formats.Part{
		Type: strings.ToLower(typ.Text(0)), Name: mime.OneLine(name.Text(0)), Disposition: "attachment", Transfer: formats.TransferBase64,
		Content: f, Size: max(f.DataSize(), 0),
	}
	if p.Type == "" || strings.HasPrefix(p.Type, "multipart/") || strings.HasPrefix(p.Type, "message/") {
		p.Type = "application/octet-stream"
	}
	if r, err := f.Open(); err != nil {
		it.Lose(formats.Damage{Part: `attachment "` + p.Name + `"`, Err: err})
		return nil
	} else {
		r.Close()
	}
	return p
}
