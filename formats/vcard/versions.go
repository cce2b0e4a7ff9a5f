package vcard

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// What a version has no property for is under another name in the other, and under its own again on the way back.
var (
	// names4 are the names in 4.0 of properties of 3.0.
	names4 = map[string]string{
		"X-ADDRESSBOOKSERVER-KIND": "KIND", "X-ADDRESSBOOKSERVER-MEMBER": "MEMBER", "X-ANNIVERSARY": "ANNIVERSARY",
		"CLASS": "X-PST-CLASS", "SORT-STRING": "X-PST-SORT-STRING", "MAILER": "X-PST-MAILER", "NAME": "X-PST-NAME", "PROFILE": "X-PST-PROFILE",
	}
	names3 = inverse(names4)
	// only4 are properties that came with 4.0 and its extensions (RFC 6350, 6474, 6715, 8605, 9554), and that nobody writes
	// in 3.0.
	only4 = map[string]bool{
		"XML": true, "CLIENTPIDMAP": true, "LANG": true, "RELATED": true, "HOBBY": true, "EXPERTISE": true, "INTEREST": true, "ORG-DIRECTORY": true,
		"BIRTHPLACE": true, "DEATHPLACE": true, "DEATHDATE": true, "CONTACT-URI": true, "CREATED": true, "GRAMGENDER": true, "LANGUAGE": true,
		"PRONOUNS": true, "SOCIALPROFILE": true, "JSPROP": true,
	}
	// texts are properties of one text, in which a semicolon needs no escape in 4.0.
	texts = map[string]bool{"FN": true, "NOTE": true, "TITLE": true, "ROLE": true, "NICKNAME": true, "CATEGORIES": true, "TEL": true, "EMAIL": true}
	// only4Params are parameters that 3.0 does not have.
	only4Params = []string{"PREF", "ALTID", "PID", "MEDIATYPE", "CALSCALE", "SORT-AS", "GEO", "TZ", "LABEL", "INDEX", "LEVEL"}
	// types4 are types of 4.0 that have another name in 3.0.
	types4 = map[string]string{"textphone": "x-textphone", "x-car": "car", "x-isdn": "isdn", "text": "x-text", "x-modem": "modem", "x-msg": "msg", "x-bbs": "bbs", "x-pcs": "pcs"}
	types3 = inverse(types4)
)

// prefix begins the names of what a version has none for.
const prefix = "X-PST-"

// created is when a card was made, in all versions.
const created = "X-PST-CREATED"

func inverse(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[v] = k
	}
	return out
}

// retyped returns a property with other types, nil for those that go.
func retyped(p *contentline.Property, change func(string) string) {
	types := p.Types()
	p.Remove("TYPE", "")
	var list []string
	for _, t := range types {
		if t = change(t); t != "" {
			list = append(list, t)
		}
	}
	if len(list) > 0 {
		p.Params = append([]contentline.Param{{Name: "TYPE", Values: list}}, p.Params...)
	}
}

// to4 translates a property of 3.0 to 4.0 (RFC 6350 appendix A).
func to4(w *cardWriter, p contentline.Property) []contentline.Property {
	if name := names4[p.Name]; name != "" {
		p.Name = name
	}
	p.Remove("CHARSET")
	if p.Name == "X-MS-ANNIVERSARY" && strings.Contains(string(w.v.Text), "\r\nX-ANNIVERSARY") {
		return nil // it is the same
	}
	// QUIRK: vcard4 refuses every card with CREATED.
	if strings.HasPrefix(p.Name, prefix) && only4[p.Name[len(prefix):]] && p.Name != created {
		p.Name = p.Name[len(prefix):]
	}
	for i := range p.Params {
		q := &p.Params[i]
		if name, ok := strings.CutPrefix(q.Name, prefix); ok && slices.Contains(only4Params, name) {
			q.Name = name
		}
	}
	encoding := strings.ToUpper(p.Get("ENCODING"))
	if encoding == "B" || encoding == "BASE64" {
		typ := longType(&p)
		if typ == "" {
			typ = "application/octet-stream"
			if b, err := base64.StdEncoding.DecodeString(p.Value[:min(len(p.Value), 24)/4*4]); err == nil && pictureType(b) != "" {
				typ = pictureType(b)
			}
		}
		types := p.Types()
		p.Remove("ENCODING", "TYPE", "", "MEDIATYPE", "VALUE")
		if slices.Contains(types, "pref") {
			p.Set("PREF", "1")
		}
		p.Value = "data:" + typ + ";base64," + strings.Join(strings.Fields(p.Value), "")
		return []contentline.Property{p}
	}
	p.Remove("ENCODING")
	preferred := false
	retyped(&p, func(t string) string {
		switch {
		case t == "pref":
			preferred = !p.Has("PREF")
			return ""
		case t == "internet" && p.Name == "EMAIL":
			return ""
		case types3[t] != "":
			return types3[t]
		case slices.Contains([]string{"modem", "msg", "bbs", "pcs", "dom", "intl", "postal", "parcel", "x400"}, t):
			return "x-" + t
		}
		return t
	})
	if preferred {
		p.Params = append([]contentline.Param{{Name: "PREF", Values: []string{"1"}}}, p.Params...)
	}
	if texts[p.Name] {
		p.Value = strings.ReplaceAll(p.Value, `\;`, ";")
	}
	switch p.Name {
	case "BDAY", "ANNIVERSARY", "X-PST-BDAY", "X-PST-ANNIVERSARY":
		p = date4(p)
	case "REV", created:
		p.Value = strings.NewReplacer("-", "", ":", "").Replace(p.Value)
	case "GEO":
		if lat, long, ok := strings.Cut(p.Value, ";"); ok {
			p.Value = "geo:" + strings.TrimSpace(lat) + "," + strings.TrimSpace(long)
		}
	case "TZ":
		if v := strings.ReplaceAll(p.Value, ":", ""); len(v) == 5 && (v[0] == '-' || v[0] == '+') {
			p.Value = v
			p.Set("VALUE", "utc-offset")
		}
	case "LABEL":
		return w.label4(p)
	case "ADR":
		types := typesKey(&p)
		if text := w.labels[types]; text != "" {
			p.Set("LABEL", contentline.Unescape(text))
		}
	case "AGENT":
		return agent4(p)
	case "X-GENDER":
		switch word := strings.ToUpper(p.Value); word {
		case "FEMALE", "F", "MALE", "M":
			p.Name, p.Value = "GENDER", word[:1]
		}
	case "X-MS-INTERESTS":
		var list []contentline.Property
		for _, s := range contentline.Split(p.Value, ',') {
			one := p
			one.Name, one.Value = "HOBBY", s
			list = append(list, one)
		}
		return list
	}
	return []contentline.Property{p}
}

// typesKey returns the place of an address, by which its label is found.
func typesKey(p *contentline.Property) string {
	types := slices.DeleteFunc(p.Types(), func(t string) bool { return t != "work" && t != "home" })
	slices.Sort(types)
	return p.Group + " " + strings.Join(types, ",")
}

// labelsOf returns the labels of a card of 3.0 that belong to its addresses: of a place there is one of each.
func labelsOf(v *formats.Verbatim) map[string]string {
	if v.Version != V3.String() {
		return nil
	}
	labels, addresses := make(map[string]string), make(map[string]int)
	for line := range contentline.Lines(v.Text) {
		p, ok := contentline.Parse(string(contentline.Unfold(line)))
		if !ok {
			continue
		}
		switch p.Name {
		case "LABEL":
			key := typesKey(&p)
			if _, twice := labels[key]; twice {
				addresses[key] = 2
			}
			labels[key] = p.Value
		case "ADR":
			addresses[typesKey(&p)]++
		}
	}
	for key := range labels {
		if addresses[key] != 1 {
			delete(labels, key)
		}
	}
	return labels
}

// labelOf returns the label of an address of 4.0.
//
// QUIRK: its lines are apart as in the example of RFC 6350 6.3.1, which is a text's escape, and not after RFC 6868.
func labelOf(p *contentline.Property) string {
	return strings.NewReplacer(`\n`, "\n", `\N`, "\n").Replace(p.Get("LABEL"))
}

// label4 makes an address of a label that belongs to none: in 4.0 it is a parameter.
func (w *cardWriter) label4(p contentline.Property) []contentline.Property {
	if _, taken := w.labels[typesKey(&p)]; taken {
		return nil // the address has it
	}
	p.Name = "ADR"
	p.Set("LABEL", contentline.Unescape(p.Value))
	p.Value = ";;;;;;"
	return []contentline.Property{p}
}

// agent4 makes a relation of somebody who acts for another (RFC 6350 appendix A). A whole card stays beside it.
func agent4(p contentline.Property) []contentline.Property {
	related := contentline.Property{Group: p.Group, Name: "RELATED", Params: []contentline.Param{{Name: "TYPE", Values: []string{"agent"}}}}
	card := contentline.Unescape(p.Value)
	if strings.EqualFold(p.Get("VALUE"), "uri") || !strings.Contains(strings.ToUpper(card), "BEGIN:VCARD") {
		related.Value = p.Value
		if !strings.EqualFold(p.Get("VALUE"), "uri") {
			related.Set("VALUE", "text")
		}
		return []contentline.Property{related}
	}
	list := []contentline.Property{{Group: p.Group, Name: "X-PST-AGENT", Params: p.Params, Value: p.Value}}
	for line := range contentline.Lines([]byte(card)) {
		if q, ok := contentline.Parse(string(contentline.Unfold(line))); ok && q.Name == "FN" {
			related.Set("VALUE", "text")
			related.Value = q.Value
			return append(list, related)
		}
	}
	return list
}

// date4 gives a date the form of 4.0 (RFC 6350 4.3.1).
func date4(p contentline.Property) contentline.Property {
	p.Name = strings.TrimPrefix(p.Name, prefix)
	if strings.EqualFold(p.Get("VALUE"), "text") {
		return p
	}
	d, ok := dateOf(&p)
	day, clock, timed := strings.Cut(strings.TrimSpace(p.Value), "T")
	if !ok {
		if parsed, err := time.Parse(time.DateOnly, day); err != nil || parsed.IsZero() {
			p.Set("VALUE", "text")
			return p
		}
	}
	p.Remove("X-APPLE-OMIT-YEAR", "VALUE")
	value, ok := dateValue(d, V4)
	if !ok {
		p.Set("VALUE", "text")
		return p
	}
	if timed && d.Year > 0 && d.Day > 0 {
		value += "T" + strings.ReplaceAll(clock, ":", "")
	}
	p.Value = value
	return p
}

// dateValue returns a date as far as it is known in the syntax of a version; false where that has none for it.
func dateValue(d formats.PartialDate, v Version) (string, bool) {
	two := func(n int) string {
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
		return strconv.Itoa(n)
	}
	year := strconv.Itoa(10000 + d.Year)[1:]
	month, day := two(int(d.Month)), two(d.Day)
	switch y, m, dd := d.Year > 0, d.Month > 0, d.Day > 0; {
	case y && m && dd && v == V3:
		return year + "-" + month + "-" + day, true
	case y && m && dd:
		return year + month + day, true
	case v == V3:
		return "", false
	case y && m:
		return year + "-" + month, true
	case y && !dd:
		return year, true
	case m && dd:
		return "--" + month + day, true
	case m:
		return "--" + month, true
	case dd:
		return "---" + day, true
	}
	return "", false
}

// to3 translates a property of 4.0 to 3.0.
func to3(_ *cardWriter, p contentline.Property) []contentline.Property {
	switch {
	case names3[p.Name] != "":
		p.Name = names3[p.Name]
	case only4[p.Name] && p.Name != "RELATED" && p.Name != "HOBBY":
		p.Name = prefix + p.Name
	}
	var more []contentline.Property
	label := labelOf(&p)
	if p.Name == "ADR" && label != "" {
		l := contentline.Property{Group: p.Group, Name: "LABEL", Value: contentline.Escape(label)}
		for _, q := range p.Params {
			if q.Name == "TYPE" {
				l.Params = append(l.Params, q)
			}
		}
		p.Remove("LABEL")
		more = append(more, l)
		if strings.Trim(p.Value, ";") == "" {
			return more
		}
	}
	preferred := p.Get("PREF") == "1"
	if preferred {
		p.Remove("PREF")
	}
	retyped(&p, func(t string) string {
		if types4[t] != "" {
			return types4[t]
		}
		return t
	})
	var add []string
	if p.Name == "EMAIL" {
		add = append(add, "INTERNET")
	}
	if preferred {
		add = append(add, "pref")
	}
	if len(add) > 0 {
		types := p.Types()
		p.Remove("TYPE")
		p.Params = append([]contentline.Param{{Name: "TYPE", Values: append(types, add...)}}, p.Params...)
	}
	if typ, data, ok := dataURI(p.Value); ok {
		p.Remove("MEDIATYPE", "VALUE", "ENCODING")
		p.Params = append(p.Params, contentline.Param{Name: "ENCODING", Values: []string{"b"}})
		if short := shortType(typ); short != "" {
			types := p.Types()
			p.Remove("TYPE")
			p.Params = append(p.Params, contentline.Param{Name: "TYPE", Values: append([]string{short}, types...)})
		}
		p.Value = data
		return params3(append(more, p))
	}
	if texts[p.Name] {
		p.Value = escapedSemicolons(p.Value)
	}
	switch p.Name {
	case "BDAY", "X-ANNIVERSARY":
		more = append(more, date3(p)...)
		return params3(more)
	case "REV", created:
		if t, err := time.Parse("20060102T150405Z", strings.TrimSpace(p.Value)); err == nil {
			p.Value = t.Format("2006-01-02T15:04:05Z")
		}
	case "TEL":
		if v := strings.TrimSpace(p.Value); len(v) > 4 && strings.EqualFold(v[:4], "tel:") {
			p.Value = escapedSemicolons(v[4:])
			p.Remove("VALUE")
		}
	case "GEO":
		if v := strings.TrimSpace(p.Value); len(v) > 4 && strings.EqualFold(v[:4], "geo:") {
			lat, long, _ := strings.Cut(v[4:], ",")
			p.Value = lat + ";" + long
		}
	case "TZ":
		switch v := strings.TrimSpace(p.Value); {
		case strings.EqualFold(p.Get("VALUE"), "utc-offset") && len(v) == 5:
			p.Value = v[:3] + ":" + v[3:]
			p.Remove("VALUE")
		case !p.Has("VALUE"):
			p.Set("VALUE", "text")
		}
	case "GENDER":
		switch strings.ToUpper(p.Value) {
		case "F":
			p.Name, p.Value = "X-GENDER", "Female"
		case "M":
			p.Name, p.Value = "X-GENDER", "Male"
		default:
			p.Name = prefix + p.Name
		}
	case "HOBBY":
		p.Name = "X-MS-INTERESTS"
	case "RELATED":
		p.Name = prefix + p.Name
		if slices.Contains(p.Types(), "agent") && !strings.EqualFold(p.Get("VALUE"), "text") {
			p.Name = "AGENT"
			p.Remove("TYPE")
			p.Set("VALUE", "uri")
		}
	}
	return params3(append(more, p))
}

// params3 gives parameters that 3.0 does not have names of their own, and values that need no encoding: there is none.
func params3(list []contentline.Property) []contentline.Property {
	for i := range list {
		params := slices.Clone(list[i].Params)
		for j := range params {
			q := &params[j]
			if slices.Contains(only4Params, q.Name) {
				q.Name = prefix + q.Name
			}
			q.Values = slices.Clone(q.Values)
			for k, v := range q.Values {
				q.Values[k] = strings.NewReplacer(`"`, "'", "\n", " ").Replace(contentline.Decode6868(v))
			}
		}
		list[i].Params = params
	}
	return list
}

// escapedSemicolons escapes those of a text that are not.
func escapedSemicolons(s string) string {
	if strings.IndexByte(s, ';') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == ';':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// extended returns a time of day, and its zone, with colons.
func extended(clock string) string {
	clock = strings.ReplaceAll(clock, ":", "")
	digits := strings.TrimLeft(clock, "0123456789")
	zone := clock[len(clock)-len(digits):]
	digits = clock[:len(clock)-len(zone)]
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(digits[i:min(i+2, len(digits))])
	}
	if len(zone) == 5 && (zone[0] == '+' || zone[0] == '-') {
		zone = zone[:3] + ":" + zone[3:]
	}
	return b.String() + zone
}

// date3 gives a date the form of 3.0 (RFC 2426 3.1.5). One that is not whole has a name of its own, and a day without its
// year the year that others take.
func date3(p contentline.Property) []contentline.Property {
	name := strings.TrimPrefix(p.Name, "X-")
	if strings.EqualFold(p.Get("VALUE"), "text") {
		p.Name = prefix + name
		return []contentline.Property{p}
	}
	d, ok := dateOf(&p)
	value, whole := dateValue(d, V3)
	_, clock, timed := strings.Cut(p.Value, "T")
	switch {
	case !ok || !whole && !(d.Year == 0 && d.Month > 0 && d.Day > 0):
		p.Name = prefix + name
		return []contentline.Property{p}
	case !whole:
		value, _ = dateValue(formats.PartialDate{Year: noYear, Month: d.Month, Day: d.Day}, V3)
		p.Set("X-APPLE-OMIT-YEAR", strconv.Itoa(noYear))
	case timed:
		value += "T" + extended(clock)
	}
	p.Value = value
	if name != "ANNIVERSARY" {
		return []contentline.Property{p}
	}
	microsoft := p
	microsoft.Name = "X-MS-ANNIVERSARY"
	return []contentline.Property{p, microsoft}
}
