package compare

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Card reads vCards (RFC 2426, RFC 6350) and returns what they say; the same card in version 3.0 and 4.0 says the same as
// far as both can say it. Its error is that of the reader. Where there are several cards, they are in the order of their
// UID, and the names of their facts begin with that.
//
// A property is a fact by its name, with the value first and then the parameters that are left. Types are in order and in
// upper case, without VOICE for a telephone and INTERNET for a mail address; a label for a group is a parameter LABEL of all
// properties in it. Photos and the like count by their hash, wherever they stand. KIND and MEMBER count under these
// names in version 3.0, too.
func Card(r io.Reader) (Facts, error) {
	return joined(func(yield func(Part) bool) error { return Cards(r, yield) })
}

// Cards reads vCards as [Card] does and passes them on one by one, until yield returns false.
func Cards(r io.Reader, yield func(Part) bool) error {
	c := &cardReader{in: newContentReader(r)}
	defer c.in.lines.release()
	var between collected
	for {
		line, ok := c.in.next()
		if !ok {
			break
		}
		if beginning(line) != "VCARD" {
			d := newDigest()
			between.add(Fact{Field: "line outside of a card", Value: line.name + " " + c.in.sum(line, d, d.write)})
			continue
		}
		if !yield(c.card()) {
			return c.in.err()
		}
	}
	if facts := between.end(); len(facts) > 0 {
		yield(Part{Facts: facts})
	}
	return c.in.err()
}

type cardReader struct{ in *contentReader }

// card reads a card after its first line.
func (c *cardReader) card() Part {
	var props []contentLine
	var stray collected
	labels := make(map[string]string)
	size := 0
	for {
		line, ok := c.in.next()
		if !ok {
			stray.add(Fact{Field: "end", Value: "missing"})
			break
		}
		if line.stray {
			d := newDigest()
			stray.add(Fact{Field: "line without a name", Value: c.in.sum(line, d, d.write)})
			continue
		}
		if line.name == "END" {
			break
		}
		line.value = c.value(line)
		if line.name == "X-ABLABEL" && line.group != "" {
			labels[line.group] = unescaped(line.value)
			continue
		}
		if size += 200 + len(line.value); size > mostFacts {
			stray.add(Fact{Field: line.name, Value: line.withParameters(line.value)})
			continue
		}
		props = append(props, *line)
	}
	var facts Facts
	used := make(map[string]bool)
	for i := range props {
		line := &props[i]
		if label, ok := labels[line.group]; ok && line.group != "" {
			line.params = append(line.params, parameter{"LABEL", []string{label}})
			used[line.group] = true
		}
		facts = append(facts, cardFacts(line)...)
	}
	for group, label := range labels {
		if !used[group] {
			facts = append(facts, Fact{Field: "X-ABLABEL", Value: label})
		}
	}
	slices.SortFunc(facts, func(a, b Fact) int { return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Value, b.Value)) })
	var list collected
	for _, f := range slices.Compact(facts) {
		list.add(f)
	}
	for _, f := range stray.end() {
		list.add(f)
	}
	facts = list.end()
	return Part{Key: facts.Get("UID"), Facts: facts}
}

// value reads the value of a property. What is binary becomes its hash, with its type as the parameter TYPE.
func (c *cardReader) value(line *contentLine) string {
	switch encoding := line.param1("ENCODING"); {
	case strings.EqualFold(encoding, "B") || strings.EqualFold(encoding, "BASE64"):
		return c.in.binary(line)
	case len(line.value) > 5 && strings.EqualFold(line.value[:5], "data:"):
		if head, data, ok := strings.Cut(unescapedComma(line.value[5:]), ","); ok && strings.HasSuffix(strings.ToLower(head), ";base64") {
			media, _, _ := strings.Cut(head, ";")
			line.params = append(line.params, parameter{"TYPE", []string{media[strings.LastIndexByte(media, '/')+1:]}})
			line.value = data
			return c.in.binary(line)
		}
	case line.long:
		return c.in.text(line)
	}
	return line.value
}

// unescapedComma undoes the escape of the comma that some programs put into a data URI.
func unescapedComma(s string) string {
	if i := strings.IndexByte(s, ','); i > 0 && s[i-1] == '\\' {
		return s[:i-1] + s[i:]
	}
	return s
}

// cardNames are the names that properties of version 4.0 have in version 3.0.
var cardNames = map[string]string{"X-ADDRESSBOOKSERVER-KIND": "KIND", "X-ADDRESSBOOKSERVER-MEMBER": "MEMBER", "X-ANNIVERSARY": "ANNIVERSARY"}

// typeDefaults are the types that say nothing.
var typeDefaults = map[string]string{"TEL": "VOICE", "EMAIL": "INTERNET"}

// cardFacts makes the facts of a property: none where it says nothing.
func cardFacts(line *contentLine) Facts {
	if name, ok := cardNames[line.name]; ok {
		line.name = name
	}
	if line.name == "VERSION" || line.name == "PRODID" || isServers(line.name) {
		return nil
	}
	line.eachParam(func(name, value string) (string, bool) {
		switch name {
		case "VALUE":
			value = strings.ToUpper(value)
			return value, !slices.Contains(valueTypes, value) && value != "PHONE-NUMBER"
		case "TYPE":
			value = strings.ToUpper(value)
			return value, value != typeDefaults[line.name]
		case "CHARSET":
			return value, !strings.EqualFold(value, "UTF-8")
		case "MEDIATYPE", "LANGUAGE":
			return strings.ToLower(value), true
		}
		return value, !isServers(name)
	})
	// A preferred one has TYPE=pref in version 3.0 and PREF=1 in 4.0.
	for i := range line.params {
		p := &line.params[i]
		if p.name == "TYPE" && slices.Contains(p.values, "PREF") {
			p.values = slices.DeleteFunc(p.values, func(v string) bool { return v == "PREF" })
			line.params = append(line.params, parameter{"PREF", []string{"1"}})
			break
		}
	}
	line.params = slices.DeleteFunc(line.params, func(p parameter) bool { return len(p.values) == 0 })
	var facts Facts
	for _, value := range cardValues(line) {
		facts = append(facts, Fact{Field: line.name, Value: line.withParameters(value)})
	}
	return facts
}

// cardValues returns the values of a property in canonical form.
func cardValues(line *contentLine) []string {
	switch line.name {
	case "N", "ADR", "ORG", "GENDER", "CLIENTPIDMAP":
		return one(structured(line.value))
	case "CATEGORIES", "NICKNAME":
		var list []string
		for _, value := range splitEscaped(line.value, ',') {
			list = append(list, one(unescaped(strings.TrimSpace(value)))...)
		}
		return list
	case "BDAY", "ANNIVERSARY", "DEATHDATE", "REV":
		return one(cardDate(line.value))
	case "TEL":
		v := unescaped(strings.TrimSpace(line.value))
		if scheme, number, ok := strings.Cut(v, ":"); ok && strings.EqualFold(scheme, "tel") {
			v = number
		}
		return one(v)
	case "KIND":
		v := strings.ToLower(strings.TrimSpace(line.value))
		if v == "individual" {
			return nil // RFC 6350 6.1.4
		}
		return one(v)
	case "MEMBER", "IMPP", "URL", "RELATED", "FBURL", "CALURI", "CALADRURI", "SOURCE":
		return one(address(unescaped(line.value)))
	case "EMAIL":
		return one(lowerDomain(unescaped(strings.TrimSpace(line.value))))
	}
	return one(held(unescaped(line.value)))
}

// structured returns a value of components, which may be lists. Empty ones at the end say nothing.
func structured(value string) string {
	components := splitEscaped(value, ';')
	for i, c := range components {
		list := splitEscaped(c, ',')
		for k := range list {
			list[k] = escapeList.Replace(unescaped(strings.TrimSpace(list[k])))
		}
		components[i] = strings.Join(list, ",")
	}
	for len(components) > 0 && components[len(components)-1] == "" {
		components = components[:len(components)-1]
	}
	return held(strings.Join(components, ";"))
}

var escapeList = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`)

// cardDate returns a date or time without the signs that may be left out (ISO 8601 basic format).
func cardDate(value string) string {
	value = strings.TrimSpace(value)
	digits := 0
	for _, r := range value {
		if r >= '0' && r <= '9' {
			digits++
		} else if !strings.ContainsRune("-:TZ+.", r) {
			return held(unescaped(value))
		}
	}
	date, clock, timed := strings.Cut(value, "T")
	if !strings.HasPrefix(date, "--") {
		date = strings.ReplaceAll(date, "-", "")
	}
	if digits == 0 || !timed {
		return date
	}
	return fmt.Sprintf("%sT%s", date, strings.ReplaceAll(clock, ":", ""))
}
