package vcard

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mapi"
)

// ReadOptions say how cards are read.
type ReadOptions struct {
	// CodePage is that of 8-bit text that is no UTF-8 and says nothing of itself; 0 is Windows-1252.
	CodePage int
}

var errNoCard = errors.New("it is no card")

// Read makes an item of a card, from its BEGIN on: a contact or, where it says so, a list. The item has its kind, body,
// identity and key, and what the container does not know better.
//
// Its body has the lines that it came as, see [formats.Verbatim]: those of 2.1 translated to 3.0, those that were not as
// they should be made right. What the version demands is added where it lacks, and a UID, made of a hash of all there is.
func Read(text []byte, o ReadOptions) (*formats.Item, error) {
	r := &reader{version: versionOf(text)}
	lines, _ := contentline.Decoder{CodePage: o.CodePage, Old: r.version == "2.1"}.Decode(text)
	if lines = balanced(lines); len(lines) == 0 || lines[0].Value != "VCARD" {
		return nil, errNoCard
	}
	if r.version == "2.1" {
		r.version = V3.String()
		lines = translated(lines)
	}
	r.lines = lines
	depth := 0
	for i := range lines {
		p := &lines[i].Property
		switch {
		case p.Name == "BEGIN":
			depth++
		case p.Name == "END":
			depth--
		case depth == 1:
			r.own = append(r.own, p)
		}
	}
	it := &formats.Item{Modified: r.instant("REV")}
	r.uid = r.text("UID")
	if r.uid == "" {
		r.uid = hashed(lines)
	}
	for _, p := range r.all("CATEGORIES") {
		for _, s := range contentline.Split(p.Value, ',') {
			if s = strings.TrimSpace(contentline.Unescape(s)); s != "" {
				it.Keywords = append(it.Keywords, s)
			}
		}
	}
	it.Date = it.Modified
	if r.isGroup() {
		it.Kind, it.Group = formats.KindGroup, r.group()
		it.Subject = it.Group.Name
	} else {
		it.Kind, it.Contact = formats.KindContact, r.contact()
		it.Subject = it.Contact.FullName
	}
	it.Identity = r.uid
	it.Key = formats.Key(it.Kind, it.Identity)
	return it, nil
}

// reader makes the body of an item of a card.
type reader struct {
	version string
	uid     string
	lines   []contentline.Line
	own     []*contentline.Property
	people  []*formats.Address
}

// versionOf returns the version of a card that it names or, where it names none, the one that its lines look like.
func versionOf(text []byte) string {
	bare := false
	for raw := range contentline.Lines(text) {
		head := string(raw[:min(len(raw), 200)])
		p, ok := contentline.Parse(head)
		if !ok {
			continue
		}
		if p.Name == "VERSION" {
			switch v := strings.TrimSpace(p.Value); {
			case strings.HasPrefix(v, "2"):
				return "2.1"
			case strings.HasPrefix(v, "3"):
				return V3.String()
			case strings.HasPrefix(v, "4"):
				return V4.String()
			}
		}
		for _, q := range p.Params {
			bare = bare || q.Name == "" || q.Name == "ENCODING" && len(q.Values) > 0 && strings.EqualFold(q.Values[0], "QUOTED-PRINTABLE")
		}
	}
	if bare {
		return "2.1"
	}
	return V3.String()
}

// balanced gives every BEGIN its END, and takes away what ends nothing.
func balanced(lines []contentline.Line) []contentline.Line {
	const deepest = 16
	depth := 0
	out := make([]contentline.Line, 0, len(lines)+1)
	boundary := func(name string) {
		out = append(out, contentline.Line{Property: contentline.Property{Name: name, Value: "VCARD"}})
	}
	for _, l := range lines {
		switch l.Name {
		case "BEGIN":
			if depth < deepest {
				depth++
				boundary("BEGIN")
			}
		case "END":
			if depth > 0 {
				depth--
				boundary("END")
			}
		default:
			if depth > 0 {
				out = append(out, l)
			}
		}
	}
	for ; depth > 0; depth-- {
		boundary("END")
	}
	return out
}

// hashed returns the UID of a card that has none: the same of what says the same (RFC 9562 5.8).
func hashed(lines []contentline.Line) string {
	sum := sha256.New()
	for i := range lines {
		_, _ = io.WriteString(sum, lines[i].String())
		sum.Write([]byte{'\n'})
	}
	b := sum.Sum(nil)
	b[6], b[8] = b[6]&0x0F|0x80, b[8]&0x3F|0x80
	h := hex.EncodeToString(b[:16])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (r *reader) first(name string) *contentline.Property {
	for _, p := range r.own {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (r *reader) all(name string) []*contentline.Property {
	var list []*contentline.Property
	for _, p := range r.own {
		if p.Name == name {
			list = append(list, p)
		}
	}
	return list
}

func (r *reader) text(names ...string) string {
	for _, name := range names {
		if p := r.first(name); p != nil {
			if s := strings.TrimSpace(contentline.Unescape(p.Value)); s != "" {
				return s
			}
		}
	}
	return ""
}

func (r *reader) texts(name string) []string {
	var list []string
	for _, p := range r.all(name) {
		for _, s := range contentline.Split(p.Value, ',') {
			if s = strings.TrimSpace(contentline.Unescape(s)); s != "" {
				list = append(list, s)
			}
		}
	}
	return list
}

// components returns those of a structured value, at least n.
func components(value string, n int) []string {
	parts := contentline.Split(value, ';')
	for i, s := range parts {
		parts[i] = strings.TrimSpace(contentline.Unescape(s))
	}
	for len(parts) < n {
		parts = append(parts, "")
	}
	return parts
}

// instant returns the time of a property.
func (r *reader) instant(name string) time.Time {
	p := r.first(name)
	if p == nil {
		return time.Time{}
	}
	s := strings.TrimSpace(p.Value)
	for _, form := range []string{
		"20060102T150405Z", time.RFC3339, "2006-01-02T15:04:05.999Z07:00", "20060102T150405Z0700", "20060102T150405", "2006-01-02T15:04:05", "20060102", time.DateOnly,
	} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// isGroup reports whether the card is that of a list (RFC 6350 6.1.4). In 3.0 Apple's name for it counts.
func (r *reader) isGroup() bool {
	return strings.EqualFold(contentline.CleanName(r.text("KIND", "X-ADDRESSBOOKSERVER-KIND")), "group")
}

func (r *reader) class() formats.Class {
	switch strings.ToUpper(r.text("CLASS", "X-PST-CLASS")) {
	case "PRIVATE":
		return formats.ClassPrivate
	case "CONFIDENTIAL":
		return formats.ClassConfidential
	}
	return formats.ClassPublic
}

func (r *reader) note() formats.Content {
	if p := r.first("NOTE"); p != nil {
		return formats.Bytes(contentline.Unescape(p.Value))
	}
	return nil
}

// contact reads the card of somebody.
func (r *reader) contact() *formats.Contact {
	c := &formats.Contact{
		UID: r.uid, FullName: r.text("FN"), FileAs: r.text("X-FILE-AS"), Nicknames: r.texts("NICKNAME"), Initials: r.text("X-INITIALS"),
		PhoneticGiven: r.text("X-PHONETIC-FIRST-NAME"), PhoneticSurname: r.text("X-PHONETIC-LAST-NAME", "SORT-STRING"), PhoneticCompany: r.text("X-PHONETIC-ORG"),
		Title: r.text("TITLE"), Profession: r.text("ROLE"), Office: r.text("X-MS-OFFICE"), Manager: r.text("X-MS-MANAGER"), Assistant: r.text("X-MS-ASSISTANT"),
		Spouse: r.text("X-MS-SPOUSE"), ReferredBy: r.text("X-PST-REFERRED-BY"), FreeBusy: r.text("FBURL"), Note: r.note(), Class: r.class(),
		Created: r.instant("X-PST-CREATED"), Hobbies: r.texts("HOBBY"),
	}
	if len(c.Hobbies) == 0 {
		c.Hobbies = r.texts("X-MS-INTERESTS")
	}
	if p := r.first("N"); p != nil {
		n := components(p.Value, 5)
		c.Name = formats.PersonName{Surname: n[0], Given: n[1], Middle: n[2], Prefix: n[3], Suffix: n[4]}
	}
	if p := r.first("ORG"); p != nil {
		org := components(p.Value, 2)
		c.Company, c.Department = org[0], org[1]
	}
	for _, p := range r.all("X-MS-CHILD") {
		c.Children = append(c.Children, contentline.Unescape(p.Value))
	}
	r.emails(c)
	for _, p := range r.own {
		switch p.Name {
		case "TEL", "X-MS-TEL":
			if phone, ok := phoneOf(p); ok {
				c.Phones = append(c.Phones, phone)
			}
		case "ADR", "LABEL":
			c.Addresses = append(c.Addresses, postalOf(p))
		case "IMPP", "X-MS-IMADDRESS":
			uri := strings.TrimPrefix(strings.TrimSpace(contentline.Unescape(p.Value)), "x-im:")
			if uri != "" && !slices.Contains(c.IMs, uri) {
				c.IMs = append(c.IMs, uri)
			}
		case "URL":
			c.Pages = append(c.Pages, formats.Page{URL: strings.TrimSpace(p.Value), Place: placeOf(p.Types())})
		case "PHOTO":
			if c.Photo == nil {
				c.Photo = partOf(p)
			}
		case "KEY":
			c.Keys = append(c.Keys, partOf(p))
		case attachment:
			c.Attachments = append(c.Attachments, partOf(p))
		}
	}
	c.Birthday = r.date("BDAY", "X-PST-BDAY")
	c.Anniversary = r.date("ANNIVERSARY", "X-ANNIVERSARY", "X-PST-ANNIVERSARY", "X-MS-ANNIVERSARY")
	switch g := strings.ToUpper(r.text("GENDER", "X-GENDER")); {
	case strings.HasPrefix(g, "F"):
		c.Gender = formats.GenderFemale
	case strings.HasPrefix(g, "M"):
		c.Gender = formats.GenderMale
	}
	named := displayName(c)
	if c.FullName == "" && named != unnamed {
		c.FullName = named
	}
	c.Verbatim = r.verbatim(named)
	return c
}

// group reads the card of a list.
func (r *reader) group() *formats.Group {
	g := &formats.Group{UID: r.uid, Name: r.text("FN", "N"), FileAs: r.text("X-FILE-AS"), Note: r.note(), Class: r.class()}
	for _, p := range r.own {
		if isMember(p.Name) {
			m := memberOf(p)
			g.Members = append(g.Members, m)
			r.people = append(r.people, m.Address)
		}
		if p.Name == attachment {
			g.Attachments = append(g.Attachments, partOf(p))
		}
	}
	g.Verbatim = r.verbatim(cmp.Or(g.Name, unnamed))
	return g
}

func isMember(name string) bool {
	return name == "MEMBER" || name == "X-ADDRESSBOOKSERVER-MEMBER" || name == "X-PST-MEMBER"
}

// memberOf reads a member of a list, as it is written: see [Encoder.member].
func memberOf(p *contentline.Property) formats.Member {
	m := formats.Member{Address: &formats.Address{Name: p.Get("X-CN"), Via: formats.ViaNone}}
	if p.Name == "X-PST-MEMBER" {
		m.Address.Stored = contentline.Unescape(p.Value)
		return m
	}
	uri := strings.TrimSpace(p.Value)
	if strings.HasPrefix(strings.ToLower(uri), "mailto:") {
		address, _ := contentline.AddressOf(uri)
		setAddress(m.Address, address)
		return m
	}
	m.Card = uri
	if address := p.Get("X-EMAIL"); address != "" {
		setAddress(m.Address, address)
	}
	return m
}

// setAddress gives somebody an address that stood in a card.
func setAddress(a *formats.Address, address string) {
	address = strings.TrimSpace(address)
	plain := strings.TrimPrefix(strings.TrimPrefix(address, "EX:"), "ex:")
	switch {
	case strings.HasPrefix(strings.ToLower(plain), "/o="):
		a.Stored, a.Via = plain, formats.ViaNone
	case mapi.IsIMCEA(address):
		a.Stored, a.Via = address, formats.ViaNone
	default:
		a.Stored, a.SMTP, a.Via = address, address, formats.ViaStored
	}
}

// emails reads the mail addresses; the preferred one is the first.
func (r *reader) emails(c *formats.Contact) {
	best := 0
	for _, p := range r.own {
		if !isEmail(p.Name) {
			continue
		}
		a := &formats.Address{Name: p.Get("X-CN"), Via: formats.ViaNone}
		value := strings.TrimSpace(contentline.Unescape(p.Value))
		switch {
		case p.Name != "EMAIL":
			a.Stored = value
		default:
			if address, ok := contentline.AddressOf(value); ok {
				value = address
			}
			setAddress(a, value)
		}
		r.people = append(r.people, a)
		if n := preference(p); n > best {
			best = n
			c.Emails = append([]*formats.Address{a}, c.Emails...)
			continue
		}
		c.Emails = append(c.Emails, a)
	}
}

func isEmail(name string) bool { return name == "EMAIL" || name == "X-EX-ADDRESS" }

// preference returns how much a property is preferred, 0 for not at all.
func preference(p *contentline.Property) int {
	if v := p.Get("PREF"); v != "" {
		n := 0
		for _, c := range v {
			if c < '0' || c > '9' || n > 100 {
				return 0
			}
			n = n*10 + int(c-'0')
		}
		return max(101-n, 0)
	}
	if slices.Contains(p.Types(), "pref") {
		return 100
	}
	return 0
}

func placeOf(types []string) formats.Place {
	switch {
	case slices.Contains(types, "work"):
		return formats.PlaceWork
	case slices.Contains(types, "home"):
		return formats.PlaceHome
	}
	return formats.PlaceOther
}

func phoneOf(p *contentline.Property) (formats.Phone, bool) {
	types := p.Types()
	number := strings.TrimSpace(contentline.Unescape(p.Value))
	if strings.HasPrefix(strings.ToLower(number), "tel:") {
		number = number[len("tel:"):]
	}
	phone := formats.Phone{Number: number, Place: placeOf(types), Preferred: preference(p) > 0}
	if p.Name != "TEL" {
		for kind, typ := range specialTypes {
			if slices.Contains(types, strings.ToLower(typ)) {
				phone.Kind = kind
			}
		}
		return phone, phone.Number != ""
	}
	for _, kind := range []formats.PhoneKind{
		formats.PhoneFax, formats.PhonePager, formats.PhoneText, formats.PhoneCar, formats.PhoneISDN, formats.PhoneMobile,
	} {
		if slices.Contains(types, phoneTypes[kind].v4) || slices.Contains(types, phoneTypes[kind].v3) {
			phone.Kind = kind
			break
		}
	}
	return phone, phone.Number != ""
}

func postalOf(p *contentline.Property) formats.PostalAddress {
	a := formats.PostalAddress{Place: placeOf(p.Types()), Preferred: preference(p) > 0, Label: labelOf(p)}
	if p.Name == "LABEL" {
		a.Label = contentline.Unescape(p.Value)
		return a
	}
	n := components(p.Value, 7)
	a.POBox, a.Extended, a.Street, a.City, a.State, a.Zip, a.Country = n[0], n[1], n[2], n[3], n[4], n[5], n[6]
	return a
}

// partOf returns the file in a property: in base64, as a data: URI, or elsewhere.
func partOf(p *contentline.Property) *formats.Part {
	part := &formats.Part{Name: p.Get("X-FILENAME")}
	value := strings.TrimSpace(p.Value)
	if typ, data, ok := dataURI(value); ok {
		part.Type = typ
		part.Content, part.Size = encoded(data), encoded(data).size()
		return part
	}
	if e := strings.ToUpper(p.Get("ENCODING")); e == "B" || e == "BASE64" {
		part.Type = longType(p)
		part.Content, part.Size = encoded(value), encoded(value).size()
		return part
	}
	part.Location = value
	return part
}

// dataURI returns the media type and the base64 of a data: URI (RFC 2397); false for others.
func dataURI(s string) (typ, data string, ok bool) {
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return "", "", false
	}
	// QUIRK: commas and semicolons are escaped by some.
	head, _, ok := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(s[5:min(len(s), 300)], `\,`, ","), `\;`, ";"), ",")
	if !ok {
		return "", "", false
	}
	data = s[strings.IndexByte(s, ',')+1:] // all of it
	typ, isBase64 := strings.CutSuffix(head, ";base64")
	if !isBase64 {
		plain, err := url.PathUnescape(data)
		if err != nil {
			return "", "", false
		}
		data = base64.StdEncoding.EncodeToString([]byte(plain))
	}
	typ, _, _ = strings.Cut(typ, ";")
	return strings.ToLower(strings.TrimSpace(typ)), data, true
}

// longType returns the media type that the TYPE of 3.0 stands for.
func longType(p *contentline.Property) string {
	if t := p.Get("MEDIATYPE"); t != "" {
		return strings.ToLower(t)
	}
	for _, t := range p.Types() {
		switch {
		case strings.Contains(t, "/"):
			return t
		case t == "pref" || t == "work" || t == "home":
			continue
		case p.Name == "PHOTO" || p.Name == "LOGO":
			if t == "jpg" {
				t = "jpeg"
			}
			return "image/" + t
		case p.Name == "SOUND":
			return "audio/" + t
		case t == "x509":
			return "application/pkix-cert"
		case t == "pgp":
			return "application/pgp-keys"
		case mediaType("application/"+t) != "":
			return "application/" + t
		}
	}
	return ""
}

// encoded is content in base64 that is decoded when it is read.
type encoded string

func (c encoded) trimmed() string {
	return strings.TrimRight(strings.Join(strings.Fields(string(c)), ""), "=")
}

func (c encoded) size() int64 { return int64(base64.RawStdEncoding.DecodedLen(len(c.trimmed()))) }

// Open implements [formats.Content].
func (c encoded) Open() (io.ReadCloser, error) {
	return io.NopCloser(base64.NewDecoder(base64.RawStdEncoding, strings.NewReader(c.trimmed()))), nil
}

// date reads a date as far as it is known (RFC 6350 4.3.1, RFC 2426 3.1.5).
func (r *reader) date(names ...string) formats.PartialDate {
	for _, name := range names {
		if p := r.first(name); p != nil {
			if d, ok := dateOf(p); ok {
				return d
			}
		}
	}
	return formats.PartialDate{}
}

func dateOf(p *contentline.Property) (d formats.PartialDate, ok bool) {
	s := strings.TrimSpace(p.Value)
	s, _, _ = strings.Cut(s, "T")
	number := func(s string) int {
		n := 0
		for _, c := range s {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	month, day := "", ""
	year := ""
	switch {
	case strings.HasPrefix(s, "---") && len(s) == 5:
		day = s[3:]
	case strings.HasPrefix(s, "--") && len(s) == 4:
		month = s[2:]
	case strings.HasPrefix(s, "--") && len(s) == 6:
		month, day = s[2:4], s[4:]
	case strings.HasPrefix(s, "--") && len(s) == 7 && s[4] == '-':
		month, day = s[2:4], s[5:]
	case len(s) == 4:
		year = s
	case len(s) == 7 && s[4] == '-':
		year, month = s[:4], s[5:]
	case len(s) == 8:
		year, month, day = s[:4], s[4:6], s[6:]
	case len(s) == 10 && s[4] == '-' && s[7] == '-':
		year, month, day = s[:4], s[5:7], s[8:]
	default:
		return d, false
	}
	y, m, dd := number(year), number(month), number(day)
	if y < 0 || m < 0 || m > 12 || dd < 0 || dd > 31 {
		return d, false
	}
	if omit := p.Get("X-APPLE-OMIT-YEAR"); omit != "" && omit == year {
		y = 0
	}
	return formats.PartialDate{Year: y, Month: time.Month(m), Day: dd}, true
}

// verbatim returns the lines of the card, with those that it has to have; name is what the card is shown as.
func (r *reader) verbatim(name string) *formats.Verbatim {
	var missing []contentline.Property
	add := func(p contentline.Property) {
		if r.first(p.Name) == nil {
			missing = append(missing, p)
		}
	}
	add(contentline.Property{Name: "VERSION", Value: r.version})
	add(contentline.Property{Name: "UID", Value: contentline.Escape(contentline.OneLine(r.uid))})
	add(contentline.Property{Name: "FN", Value: contentline.Escape(name)})
	if r.version == V3.String() {
		add(contentline.Property{Name: "N", Value: contentline.Escape(name) + ";;;;"})
	}
	var b bytes.Buffer
	var w contentline.Writer
	w.Reset(&b, contentline.VCard4)
	line := func(i int) {
		l := &r.lines[i]
		if l.Name == "BEGIN" || l.Name == "END" {
			w.Line(l.Name, l.Value)
		} else {
			l.Write(&w)
		}
	}
	line(0)
	// VERSION comes first (RFC 6350 6.7.9).
	for i := range r.lines {
		if l := &r.lines[i]; l.Name == "VERSION" && &l.Property == r.first("VERSION") {
			line(i)
		}
	}
	for i := range missing {
		w.Unfolded(missing[i].String())
	}
	for i := 1; i < len(r.lines); i++ {
		if l := &r.lines[i]; l.Name != "VERSION" || &l.Property != r.first("VERSION") {
			line(i)
		}
	}
	_ = w.Flush() // a buffer takes everything
	return &formats.Verbatim{Version: r.version, Text: b.Bytes(), People: r.people}
}
