package vcard

import (
	"slices"
	"strings"

	"mailmill/formats/internal/contentline"
)

// vCard 2.1 has the same properties as 3.0, with parameters that stand alone and values in other encodings. translated says
// the same in lines of 3.0.

// The words that stand alone in 2.1 and are no types.
var (
	oldEncodings = []string{"7BIT", "8BIT", "QUOTED-PRINTABLE", "BASE64", "B", "QP"}
	oldValues    = []string{"INLINE", "URL", "CONTENT-ID", "CID"}
)

func translated(lines []contentline.Line) []contentline.Line {
	var out []contentline.Line
	depth := 0
	var agent []string // lines of a card within the card
	for i := range lines {
		p := lines[i].Property
		switch p.Name {
		case "BEGIN":
			depth++
		case "END":
			depth--
		default:
			translate(&p)
		}
		if depth > 1 || depth == 1 && p.Name == "END" {
			agent = append(agent, p.String())
			if depth > 1 {
				continue
			}
			// What the AGENT before it has no value for.
			value := contentline.Escape(strings.Join(agent, "\n") + "\n")
			agent = nil
			if n := len(out) - 1; n >= 0 && out[n].Name == "AGENT" && strings.TrimSpace(out[n].Value) == "" {
				out[n].Value = value
				continue
			}
			p = contentline.Property{Name: "AGENT", Value: value}
		}
		out = append(out, contentline.Line{Property: p})
	}
	return out
}

func translate(p *contentline.Property) {
	binary := false
	var types []string
	var kept []contentline.Param
	for _, q := range p.Params {
		for _, v := range q.Values {
			word := strings.ToUpper(strings.TrimSpace(v))
			name := q.Name
			switch {
			case name == "" && slices.Contains(oldEncodings, word):
				name = "ENCODING"
			case name == "" && slices.Contains(oldValues, word):
				name = "VALUE"
			}
			switch name {
			case "CHARSET":
			case "ENCODING":
				binary = binary || word == "BASE64" || word == "B"
			case "VALUE":
				switch word {
				case "URL", "CID", "CONTENT-ID":
					kept = append(kept, contentline.Param{Name: "VALUE", Values: []string{"uri"}})
				case "INLINE":
				default:
					kept = append(kept, contentline.Param{Name: "VALUE", Values: []string{v}})
				}
			case "", "TYPE":
				if v = strings.TrimSpace(v); v != "" {
					types = append(types, v)
				}
			default:
				kept = append(kept, contentline.Param{Name: name, Values: []string{v}})
			}
		}
	}
	p.Params = nil
	if len(types) > 0 {
		p.Params = []contentline.Param{{Name: "TYPE", Values: types}}
	}
	p.Params = append(p.Params, kept...)
	if binary {
		p.Params = append(p.Params, contentline.Param{Name: "ENCODING", Values: []string{"b"}})
		p.Value = strings.Join(strings.Fields(p.Value), "")
		return
	}
	switch p.Name {
	case "VERSION":
		p.Value = V3.String()
	case "N", "ADR", "ORG":
		parts := contentline.Split(p.Value, ';')
		for i, s := range parts {
			parts[i] = contentline.Escape(contentline.Unescape(s))
		}
		p.Value = strings.Join(parts, ";")
	case "CATEGORIES", "NICKNAME":
		var list []string
		for _, s := range contentline.Split(p.Value, ',') {
			for _, v := range contentline.Split(s, ';') {
				list = append(list, contentline.Escape(strings.TrimSpace(contentline.Unescape(v))))
			}
		}
		p.Value = strings.Join(list, ",")
	case "FN", "NOTE", "TITLE", "ROLE", "LABEL", "TEL", "EMAIL", "MAILER", "UID", "SORT-STRING":
		p.Value = contentline.Escape(contentline.Unescape(strings.TrimSpace(p.Value)))
	case "GEO":
		// It was the longitude first.
		if long, lat, ok := strings.Cut(p.Value, ","); ok {
			p.Value = strings.TrimSpace(lat) + ";" + strings.TrimSpace(long)
		}
	case "AGENT":
		p.Value = strings.TrimSpace(p.Value)
	default:
		p.Value = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(p.Value)
	}
}
